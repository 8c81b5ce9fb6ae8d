"""A learner's record: what the events say of each question and exercise, and what to do next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from minivae.learn import bank, exercises
from minivae.learn.progress import Event, counted

PACKAGE = Path(__file__).resolve().parents[1]
KINDS = {"prediction": "prediction"}  # how a question's own event is called -> what it is counted as
FOLDERS = (PACKAGE.parent / "lessons", PACKAGE / "lessons")  # of a checkout, of an installed wheel
CALL = re.compile(r"""\b(?:quiz|check)\(\s*["'](\w+/[\w-]+)["']""")


@dataclass(frozen=True)
class Item:
    """One question or exercise, and what happened to it.

    Attributes
    ----------
    ref : str
        ``"04/why-the-kl"``.
    kind : str
        ``"question"``, ``"prediction"``, which is made once and not scored, or ``"exercise"``.
    events : sequence of Event
        Those of this item, oldest first.
    """

    ref: str
    kind: str
    events: Sequence[Event]

    @cached_property
    def tries(self) -> list[Event]:
        """The answers or checks that count."""
        return counted(self.events)

    @property
    def right(self) -> bool:
        """Whether it was answered or solved, before the solution was shown."""
        return bool(self.tries) and self.tries[-1].right

    @property
    def first_try(self) -> bool | None:
        """Whether the first try was right; None before any."""
        return self.tries[0].right if self.tries else None

    @property
    def shown(self) -> bool:
        """Whether the solution was shown before it was found."""
        return self.kind != "prediction" and not self.right and any(event.what == "solution" for event in self.events)

    @property
    def predicted(self) -> bool:
        """Whether a prediction was made."""
        return any(event.what == "prediction" for event in self.events)

    @property
    def closed(self) -> bool:
        """Whether there is nothing more to win here."""
        return self.predicted if self.kind == "prediction" else self.right or self.shown

    @property
    def hints(self) -> int:
        """How many hints were asked for."""
        return sum(event.what == "hint" for event in self.events)

    @property
    def state(self) -> str:
        """What became of it, in words."""
        count = len(self.tries)
        if self.kind == "prediction":
            return "made" if self.predicted else "not made"
        if self.right:
            return "right, first try" if count == 1 else f"right, on try {count}"
        if self.shown:
            return "solution shown"
        return f"open, {count} {'try' if count == 1 else 'tries'}" if count else "not tried"


@dataclass(frozen=True)
class Lesson:
    """One lesson with its items, in the order of its notebook."""

    name: str
    title: str
    notebook: str
    items: Sequence[Item]

    def of(self, kind: str) -> list[Item]:
        """Return the items of one kind."""
        return [item for item in self.items if item.kind == kind]

    @property
    def closed(self) -> bool:
        """Whether every item is closed."""
        return all(item.closed for item in self.items)


def read(events: Iterable[Event]) -> list[Lesson]:
    """Return all lessons that ask for something, in order, with what the events say about them."""
    happened: dict[str, list[Event]] = {}
    for event in events:
        happened.setdefault(event.item, []).append(event)
    notebooks = _notebooks()
    known = sorted({*bank.lessons(), *exercises.lessons(), *notebooks})
    lessons = []
    for name in known:
        title, order = _asked(notebooks[name]) if name in notebooks else ("", [])
        questions = bank.questions(name) if name in bank.lessons() else {}
        tasks = exercises.exercises(name) if name in exercises.lessons() else {}
        kinds = {f"{name}/{q}": KINDS.get(one.event, "question") for q, one in questions.items()}
        kinds |= {f"{name}/{task}": "exercise" for task in tasks}
        refs = [ref for ref in order if ref in kinds] + [ref for ref in kinds if ref not in order]
        items = [Item(ref, kinds[ref], happened.get(ref, [])) for ref in refs]
        if items:
            lessons.append(Lesson(name, title, notebooks[name].name if name in notebooks else "", items))
    return lessons


def next_item(lessons: Sequence[Lesson]) -> tuple[Lesson, Item] | None:
    """Return what to do next: the first open item of the lesson worked on last, else of the first unfinished one."""
    last = max(
        lessons, key=lambda lesson: max((e.at for i in lesson.items for e in i.events), default=""), default=None
    )
    begun = [last] if last is not None and any(item.events for item in last.items) else []
    later = lessons[lessons.index(last) + 1 :] if begun and last is not None else []
    for lesson in [*begun, *later, *lessons]:
        for item in lesson.items:
            if not item.closed:
                return lesson, item
    return None


def _notebooks() -> dict[str, Path]:
    folder = next((folder for folder in FOLDERS if folder.is_dir()), None)
    return {path.stem.partition("_")[0]: path for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))} if folder else {}


def _asked(notebook: Path) -> tuple[str, list[str]]:
    """The title of a lesson, and the questions and exercises it names, in its order."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        texts = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    except (OSError, ValueError, KeyError, TypeError):
        return "", []  # a notebook that cannot be read takes no progress away
    lines = [line for kind, text in texts if kind == "markdown" for line in text.splitlines()]
    title = next((line.lstrip("# ") for line in lines if line.startswith("# ")), "")
    found = [ref for kind, text in texts if kind == "code" for ref in CALL.findall(text)]
    return title, list(dict.fromkeys(found))
