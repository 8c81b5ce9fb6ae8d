"""The command `minivae progress`: what is done, what is next, and a file for a teacher. Nothing leaves the machine."""

import csv
import io
import json
import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from minivae import __version__
from minivae.errors import ConfigError
from minivae.learn import record
from minivae.learn.progress import VARIABLE, Event, place
from minivae.learn.record import Item, Lesson
from minivae.learn.store import File

COLUMNS = ("learner", "lesson", "item", "kind", "state", "tries", "right", "first_try", "hints", "shown", "last", "at")
# A cell that begins so, or begins so after a sign at which some program may cut the line, is run by spreadsheets.
FORMULA = re.compile(r"(^|[;|\t\r\n])(\s*)(?=[=+\-@＝＋－＠])")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


class Format(StrEnum):
    csv = "csv"
    json = "json"


def progress(
    lesson: Annotated[str | None, typer.Argument(help="One lesson, item by item: 04.")] = None,
    export: Annotated[Format | None, typer.Option(help="Print everything, for a teacher or a program.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the export to this file.")] = None,
    name: Annotated[str, typer.Option(help="Your name, for the export alone; it is not kept.")] = "",
    reset: Annotated[bool, typer.Option("--reset", help="Forget all, or the lesson named; asks first.")] = False,
    set_aside: Annotated[bool, typer.Option("--set-aside", help="Rename a damaged file and begin a new one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Show which quizzes and exercises are done, and what is next. Nothing leaves this machine."""
    path = place()
    if path is None:
        raise ConfigError(f"progress: {VARIABLE} says that nothing is kept; unset it")
    if sum([export is not None, reset, set_aside]) > 1:
        raise ConfigError("progress: say one of --export, --reset and --set-aside")
    if export is None and (out is not None or name):
        raise ConfigError("progress: --out and --name belong to --export csv or --export json")
    file, console = File(path), Console()
    if set_aside:
        console.print(f"set aside as [bold]{escape(str(file.set_aside()))}[/]", soft_wrap=True)
        return
    file.examine()
    events = file.events()
    lessons = record.read(events)
    if lesson is not None:
        lessons = [_named(lesson, lessons)]
    if reset:
        _reset(file, None if lesson is None else lessons[0].name, events, yes, console)
    elif export is not None:
        _export(export, out, lessons, events if lesson is None else _of(lessons[0], events), name, console)
    else:
        console.print(table(lessons) if lesson is None else items_table(lessons[0]))
        console.print(f"next: {escape(advice(lessons))}", soft_wrap=True)
        kept = f"kept in {path}" if path.exists() else f"nothing is kept yet; it will be in {path}"
        console.print(escape(kept), soft_wrap=True)


def table(lessons: list[Lesson]) -> Table:
    """All lessons, a row each."""
    whole = Table(title="Your progress")
    for column in ("lesson", "quiz", "first try", "exercises", ""):
        whole.add_column(column, justify="left" if column in ("lesson", "") else "right")
    for lesson in lessons:
        questions, tasks = lesson.of("question"), lesson.of("exercise")
        begun = any(item.events for item in lesson.items)
        whole.add_row(
            escape(lesson.title or lesson.name),
            f"{sum(q.closed for q in questions)} of {len(questions)}" if questions else "",
            str(sum(q.first_try is True for q in questions)) if questions else "",
            f"{sum(t.right for t in tasks)} of {len(tasks)}" if tasks else "",
            "✓ done" if lesson.closed else "begun" if begun else "",
        )
    return whole


def items_table(lesson: Lesson) -> Table:
    """One lesson, a row for each question and exercise."""
    whole = Table(title=escape(lesson.title or lesson.name))
    for column in ("", "name", "state", "hints", "mistakes met"):
        whole.add_column(column, justify="right" if column == "hints" else "left")
    for item in lesson.items:
        mistakes = dict.fromkeys(e.detail for e in item.tries if item.kind == "exercise" and e.detail)
        row = (item.kind, item.ref, item.state, str(item.hints or ""), ", ".join(mistakes))
        whole.add_row(*map(escape, row))
    return whole


def advice(lessons: list[Lesson]) -> str:
    """What to do next, in a line."""
    found = record.next_item(lessons)
    if found is None:
        return "nothing is open; well done" if lessons else "no lesson is installed"
    lesson, item = found
    where = f" in {lesson.notebook}, opened by `minivae lab`" if lesson.notebook else f": `minivae quiz {lesson.name}`"
    return f"{item.kind} {item.ref}{where}"


def to_csv(lessons: list[Lesson], name: str = "") -> str:
    """One row for each question and exercise; no cell is a formula to a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for lesson in lessons:
        for item in lesson.items:
            row = {"learner": name} | _row(lesson, item)
            writer.writerow([harmless(_said(row[column])) for column in COLUMNS])
    return text.getvalue()


def to_json(lessons: list[Lesson], events: list[Event], name: str = "") -> str:
    """Everything: the same rows, and every event as it is kept."""
    rows = [_row(lesson, item) for lesson in lessons for item in lesson.items]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {"minivae": __version__, "made": now, "learner": name, "items": rows, "events": [vars(e) for e in events]}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def harmless(cell: str) -> str:
    """The cell with an apostrophe before whatever a spreadsheet would run; numbers stay numbers."""
    return cell if NUMBER.fullmatch(cell) else FORMULA.sub(r"\1\2'", cell)


def _said(value: object) -> str:
    return "" if value is None else "yes" if value is True else "no" if value is False else str(value)


def _row(lesson: Lesson, item: Item) -> dict:
    return {
        "lesson": lesson.name,
        "item": item.ref,
        "kind": item.kind,
        "state": item.state,
        "tries": len(item.tries),
        "right": item.right,
        "first_try": item.first_try,
        "hints": item.hints,
        "shown": item.shown,
        "last": item.tries[-1].detail if item.tries else "",
        "at": item.events[-1].at if item.events else "",
    }


def _export(kind: Format, out: Path | None, lessons: list[Lesson], events: list[Event], name: str, console: Console):
    text = to_csv(lessons, name) if kind == Format.csv else to_json(lessons, events, name)
    if out is None:
        print(text, end="")
        return
    try:
        # Excel takes a CSV without this mark for the local code page, and breaks every accent.
        with out.open("w", encoding="utf-8-sig" if kind == Format.csv else "utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"progress: {out} cannot be written: {error.strerror}; choose another --out") from None
    console.print(f"wrote [bold]{escape(str(out))}[/]", soft_wrap=True)


def _reset(file: File, lesson: str | None, events: list[Event], yes: bool, console: Console) -> None:
    count = len([e for e in events if lesson is None or e.item.startswith(f"{lesson}/")])
    what = f"{count} answers, tries and hints" + (f" of lesson {lesson}" if lesson else "")
    if not count:
        console.print("there is nothing to forget")
        return
    if not yes:
        typer.confirm(f"Forget {what}, kept in {file.path}? This cannot be undone", abort=True)
    gone = file.forget(lesson)
    console.print(f"forgotten: {gone} answers, tries and hints")


def _named(name: str, lessons: list[Lesson]) -> Lesson:
    found = [
        lesson for lesson in lessons if name in (lesson.name, lesson.notebook, lesson.notebook.removesuffix(".ipynb"))
    ]
    if not found:
        raise ConfigError(f"progress: there is no lesson {name}; there are {', '.join(one.name for one in lessons)}")
    return found[0]


def _of(lesson: Lesson, events: list[Event]) -> list[Event]:
    return [event for event in events if event.item.startswith(f"{lesson.name}/")]
