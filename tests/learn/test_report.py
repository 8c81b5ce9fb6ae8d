"""`minivae progress`: what it counts, what it says is next, and a file for a teacher that no spreadsheet runs."""

import csv
import io
import json
import re
import sys

import pytest

from minivae.cli import main
from minivae.learn import bank, record, report
from minivae.learn.progress import Event
from minivae.learn.store import File

FIRST = next(name for name, question in bank.questions("04").items() if question.event == "answer")
GUESS = next(name for name, question in bank.questions("04").items() if question.event == "prediction")
RIGHT_AT_ONCE = [Event("04/gaussian-kl", "check", True)]
ON_TRY_2 = [
    Event("04/reparameterize", "check", False, "variance-for-std"),
    Event("04/reparameterize", "hint"),
    Event("04/reparameterize", "check", True),
]
SHOWN = [Event(f"04/{FIRST}", "answer", False, '["a"]'), Event(f"04/{FIRST}", "solution")]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """An empty record in a place of its own."""
    monkeypatch.setenv("MINIVAE_PROGRESS", str(tmp_path / "progress.sqlite3"))
    return File(tmp_path / "progress.sqlite3")


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs `minivae progress ...`; returns its status, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments, typed=""):
        monkeypatch.setattr(sys, "argv", ["minivae", "progress", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return end.value.code or 0, out, err

    return call


def fill(file, *groups):
    events = [event for group in groups for event in group]
    file.add(
        [(f"{k}", Event(e.item, e.what, e.right, e.detail, f"2025-01-01T00:00:{k:02}Z")) for k, e in enumerate(events)]
    )


def lesson_04(events):
    return next(lesson for lesson in record.read(events) if lesson.name == "04")


def item(events, ref):
    return next(item for item in lesson_04(events).items if item.ref == ref)


# What is counted -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "ref", "state"),
    [
        ([], "04/gaussian-kl", "not tried"),
        (RIGHT_AT_ONCE, "04/gaussian-kl", "right, first try"),
        (ON_TRY_2, "04/reparameterize", "right, on try 2"),
        (ON_TRY_2[:2], "04/reparameterize", "open, 1 try"),
        (SHOWN, f"04/{FIRST}", "solution shown"),
        ([*SHOWN, Event(f"04/{FIRST}", "answer", True)], f"04/{FIRST}", "solution shown"),
        ([], f"04/{GUESS}", "not made"),
        ([Event(f"04/{GUESS}", "prediction", True), Event(f"04/{GUESS}", "solution")], f"04/{GUESS}", "made"),
        ([*RIGHT_AT_ONCE, Event("04/gaussian-kl", "solution")], "04/gaussian-kl", "right, first try"),
        ([*RIGHT_AT_ONCE, Event("04/gaussian-kl", "check", False)], "04/gaussian-kl", "right, first try"),
    ],
)
def test_what_became_of_an_item_is_said_in_words(events, ref, state):
    assert item(events, ref).state == state


def test_items_stand_in_the_order_of_the_notebook_and_all_are_there():
    lesson = lesson_04([])
    refs = [item.ref for item in lesson.items]
    assert refs[0] == "04/predict-random-codes" and refs.index("04/reparameterize") < refs.index("04/gaussian-kl")
    assert {f"04/{name}" for name in bank.questions("04")} <= set(refs) and len(refs) == len(set(refs))
    assert lesson.title.startswith("04 · Send a range") and lesson.notebook == "04_send_a_range.ipynb"


def test_next_is_the_first_open_item_of_the_lesson_worked_on_last():
    refs = [item.ref for item in lesson_04([]).items]
    done = [Event(refs[0], "prediction", at="2025-01-01T00:00:00Z")]
    lesson, following = record.next_item(record.read(done))
    assert (lesson.name, following.ref) == ("04", refs[1])
    everywhere = [
        Event(i.ref, what, True) for one in record.read([]) for i in one.items for what in ("check", "prediction")
    ]
    assert record.next_item(record.read(everywhere)) is None
    assert report.advice(record.read(everywhere)) == "nothing is open; well done"


def test_a_notebook_that_cannot_be_read_takes_nothing_away(tmp_path, monkeypatch):
    (tmp_path / "04_spoiled.ipynb").write_text("{")
    monkeypatch.setattr(record, "FOLDERS", (tmp_path,))
    assert item(RIGHT_AT_ONCE, "04/gaussian-kl").right
    monkeypatch.setattr(record, "FOLDERS", (tmp_path / "nowhere",))
    assert item(RIGHT_AT_ONCE, "04/gaussian-kl").right


# What is shown -------------------------------------------------------------------------------------------------------


def test_the_table_counts_and_says_what_is_next_and_where_it_is_kept(file, run):
    fill(file, RIGHT_AT_ONCE, ON_TRY_2, SHOWN)
    code, out, _ = run()
    questions = len(lesson_04([]).of("question"))
    (row,) = [line for line in out.splitlines() if "04 · Send a range" in line]
    assert [cell.strip() for cell in row.split("│")][2:6] == [f"1 of {questions}", "0", "2 of 2", "begun"]
    assert code == 0 and "next: prediction 04/" in out and f"kept in {file.path}" in out


def test_one_lesson_is_shown_item_by_item(file, run):
    fill(file, ON_TRY_2)
    for name in ("04", "04_send_a_range"):
        _, out, _ = run(name)
        assert re.search(r"exercise +│ 04/reparameterize +│ right, on try 2 +│ +1 │ variance-for-std", out)
    assert run("99")[0] == 2 and "there is no lesson 99; there are" in run("99")[2]


def test_asking_makes_no_file(file, run):
    code, out, _ = run()
    assert code == 0 and f"nothing is kept yet; it will be in {file.path}" in out
    assert not file.path.exists()


@pytest.mark.parametrize("arguments", [["--out", "x.csv"], ["--name", "Ada"], ["--reset", "--set-aside"]])
def test_options_that_do_not_go_together_are_refused(file, run, arguments):
    code, out, err = run(*arguments)
    assert code == 2 and "progress: " in err and out == ""


def test_where_nothing_is_kept_it_says_so(run):
    code, _, err = run()  # the tests' own setting
    assert code == 2 and "MINIVAE_PROGRESS says that nothing is kept" in err


# For a teacher -------------------------------------------------------------------------------------------------------


def test_the_csv_has_a_row_for_each_item(file, run):
    fill(file, RIGHT_AT_ONCE, ON_TRY_2)
    _, out, _ = run("--export", "csv", "--name", "Ada")
    rows = {row["item"]: row for row in csv.DictReader(io.StringIO(out))}
    assert len(rows) == sum(len(lesson.items) for lesson in record.read([]))
    wanted = dict(
        learner="Ada", kind="exercise", state="right, on try 2", tries="2", right="yes", first_try="no", hints="1"
    )
    assert wanted.items() <= rows["04/reparameterize"].items()
    assert rows["04/gaussian-kl"]["tries"] == "1" and rows["04/gaussian-kl"]["first_try"] == "yes"
    assert rows["04/gaussian-kl"]["at"] == "2025-01-01T00:00:00Z"
    assert rows[f"04/{FIRST}"]["first_try"] == "" and rows[f"04/{FIRST}"]["state"] == "not tried"


def test_the_json_has_every_event(file, run):
    fill(file, ON_TRY_2, SHOWN)
    whole = json.loads(run("--export", "json")[1])
    assert [Event(**event) for event in whole["events"]] == ON_TRY_2 + SHOWN
    (row,) = [row for row in whole["items"] if row["item"] == "04/reparameterize"]
    assert row["tries"] == 2 and row["first_try"] is False and row["shown"] is False
    assert json.loads(run("04", "--export", "json")[1])["events"] == whole["events"]


EVIL = [
    "=1+1",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "＝1+1",
    "a;=1+1",
    "a\n=cmd|' /C calc'!A0",
    '";=1',
    "a|=1",
]


@pytest.mark.parametrize("text", [*EVIL, "<script>alert(1)</script>"])
def test_no_cell_is_a_formula_to_a_spreadsheet(file, run, text):
    file.add([("1", Event(f"04/{FIRST}", "answer", False, text))])
    _, out, _ = run("--export", "csv", "--name", text)
    row = next(row for row in csv.DictReader(io.StringIO(out, newline="")) if row["item"] == f"04/{FIRST}")
    for cell in (row["learner"], row["last"]):
        assert cell.replace("'", "") == text.replace("'", "")
        assert not any(
            part.lstrip()[:1] in tuple("=+-@＝＋－＠") for part in re.split(r"[;|\t\r\n]", cell) if part.strip()
        )


@pytest.mark.parametrize("text", ["-3.5", "+2", "-1e-9", "0", "2", "-", "a-b", "x = 1"])
def test_numbers_and_plain_words_stay_as_they_are(text):
    assert report.harmless(text) == ("'-" if text == "-" else text)


def test_the_file_can_be_opened_by_excel_and_a_folder_that_is_not_there_is_named(file, run, tmp_path):
    fill(file, ON_TRY_2)
    code, out, _ = run("--export", "csv", "--name", "Zoë", "--out", tmp_path / "zoë.csv")
    assert code == 0 and "wrote" in out
    data = (tmp_path / "zoë.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and "Zoë".encode() in data and b"\r\n" in data
    code, _, err = run("--export", "json", "--out", tmp_path / "nowhere" / "x.json")
    assert code == 2 and "cannot be written" in err and "choose another --out" in err


# Beginning anew ------------------------------------------------------------------------------------------------------


def test_reset_asks_first(file, run):
    fill(file, ON_TRY_2)
    for typed in ("n\n", "\n", ""):
        code, out, _ = run("--reset", typed=typed)
        assert code == 1 and "Forget 3 answers, tries and hints" in out and str(file.path) in out
        assert len(file.events()) == 3
    assert "forgotten: 3" in run("--reset", typed="y\n")[1]
    assert file.events() == []
    assert run("--reset")[1] == "there is nothing to forget\n"


def test_reset_of_a_lesson_leaves_the_others(file, run):
    fill(file, ON_TRY_2, [Event("05/why", "answer", True)])
    assert "forgotten: 3" in run("04", "--reset", "--yes")[1]
    assert file.events() == [Event("05/why", "answer", True)]


def test_a_damaged_file_is_told_and_set_aside_on_request(file, run):
    file.path.write_text("my notes")
    for arguments in ([], ["--export", "csv"], ["--reset", "--yes"]):
        code, out, err = run(*arguments)
        assert code == 2 and "is not a file of minivae; `minivae progress --set-aside`" in err and out == ""
    assert file.path.read_text() == "my notes"
    code, out, _ = run("--set-aside")
    (aside,) = file.path.parent.glob("progress-set-aside-*.sqlite3")
    assert code == 0 and str(aside) in out and aside.read_text() == "my notes"
    assert run()[0] == 0
