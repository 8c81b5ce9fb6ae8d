"""The command `minivae quiz`: the questions of the lessons in a terminal, or through a pipe."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from minivae.errors import ConfigError
from minivae.learn import bank, progress, refs
from minivae.learn.markup import to_text
from minivae.learn.note import Note
from minivae.learn.options import LETTERS
from minivae.learn.progress import MemoryProgress, Progress
from minivae.learn.question import Question, paragraphs
from minivae.learn.sitting import Sitting

WIDTH = 100
COMMANDS = "n: next question, q: quit"


class Quit(Exception):
    """The learner has had enough, or the input has ended."""


def quiz(
    lesson: Annotated[str | None, typer.Argument(help="One lesson: 04, closing.  [default: all]")] = None,
    again: Annotated[bool, typer.Option("--again", help="Ask everything again; it does not count.")] = False,
) -> None:
    """Answer the questions of the lessons that are still open. n goes on, q quits; answers are kept."""
    console = Console(highlight=False, soft_wrap=True)
    store = MemoryProgress() if again else progress.current()
    asked = [question for name in _lessons(lesson) for question in bank.questions(name).values()]
    still = [question for question in asked if not _closed(question, store)]
    try:
        for number, question in enumerate(still, start=1):
            _say(console, f"\n[{number} of {len(still)}] {question.ref}: {question.title}", "bold")
            _ask(question, Sitting(question, store), console)
    except Quit:
        _say(console, "")
    _say(console, score(asked, store), "bold")
    if not still:
        _say(console, "No question is open. `minivae quiz --again` asks them once more.")


def score(questions: Sequence[Question], store: Progress) -> str:
    """Return what was reached, in a line: first tries count, predictions do not."""
    counted = [question for question in questions if question.event == "answer"]
    tries = [progress.first_try(store, question.ref) for question in counted]
    answered = [right for right in tries if right is not None]
    text = f"right on the first try: {sum(answered)} of {len(answered)} answered; not yet tried: {tries.count(None)}"
    predictions = [question for question in questions if question.event != "answer"]
    made = sum(any(e.what == q.event for e in store.events(q.ref)) for q in predictions)
    return text + (f"; predictions made: {made} of {len(predictions)}" if predictions else "")


def _lessons(lesson: str | None) -> list[str]:
    known = bank.lessons()
    if lesson is None:
        return known
    name = lesson.zfill(2) if lesson.isdigit() else lesson
    if name not in known:
        raise refs.unknown("quiz", "lesson with questions", name, known)
    return [name]


def _closed(question: Question, store: Progress) -> bool:
    return Sitting(question, store).reply({"do": "resume"}).get("solution") is not None


def _ask(question: Question, sitting: Sitting, console: Console) -> None:
    """Ask one question until it is answered, shown or left."""
    view = sitting.view()
    choices = question.choices(sitting.seed())
    if question.why is not None:
        _say(console, f"(lesson {question.why[0]}, “{question.why[1]}”)")
    for block in paragraphs(question.prompt):
        _say(console, _wrapped(to_text([block])))
    if question.figure is not None:
        _say(console, _wrapped(f"[picture] {question.figure.alt}"))
    if code := view.get("code"):
        _say(console, "\n" + textwrap.indent(code, "    ") + "\n")
    for letter, choice in zip(LETTERS, choices, strict=False):
        _say(console, _wrapped(to_text(choice.text), f"  {letter}) ", "     "))
    if question.ask:
        _say(console, question.ask)
    reply = sitting.reply({"do": "resume"})
    if reply["headline"]:
        _tell(console, reply)
    while reply["solution"] is None:
        if reply["locked"]:
            line = _read(console, f"Enter: compare with what came out, {COMMANDS}")
            request: dict = {"do": "reveal"}
        else:
            shown = ", s: show the answer" if reply["may_reveal"] else ""
            line = _read(console, f"{question.how_to_type()}{shown}, {COMMANDS}", view.get("lines", 1))
            request = {"do": "reveal"} if line == "s" else {}
        if line == "n":
            return
        try:
            got = sitting.reply(request or {"do": "answer", "answer": question.typed(line, choices)})
        except ConfigError as error:
            got = {"problem": str(error)}
        if "problem" in got:
            _say(console, f"  {got['problem']}")
            continue
        reply = got
        _tell(console, reply)


def _read(console: Console, how: str, lines: int = 1) -> str:
    """Read an answer; one of several lines ends with an empty line, or is a command."""
    _say(console, f"({how})")
    read: list[str] = []
    while len(read) < 200:
        try:
            line = input("> ").rstrip()
        except EOFError:
            raise Quit from None
        if not sys.stdin.isatty():
            _say(console, "")  # nobody has pressed Enter here
        if not read and line.strip() == "q":
            raise Quit
        if lines == 1 or (not read and line.strip() in ("n", "s")):
            return line.strip()
        if not line:
            break
        read.append(line)
    return "\n".join(read)


def _tell(console: Console, reply: dict) -> None:
    tone = "info" if reply["right"] is None else "right" if reply["right"] else "wrong"
    body = paragraphs(reply["feedback"]) if reply["feedback"] else []
    if reply["hint"]:
        body = [*body, ["par", "Hint: ", *reply["hint"]]]
    _say(console, str(Note(tone, reply["headline"], body)), {"right": "green", "wrong": "yellow"}.get(tone, ""))


def _wrapped(text: str, first: str = "", rest: str = "") -> str:
    whole = re.sub("`[^`]+`", lambda code: code[0].replace(" ", "\xa0"), text)  # no break inside code
    lines = textwrap.fill(whole, WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False)
    return lines.replace("\xa0", " ")


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, emoji=False)
