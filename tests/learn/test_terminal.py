"""`minivae quiz`: the same questions in a terminal, or through a pipe."""

import os
import sqlite3
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from minivae import cli
from minivae.learn import bank, progress
from minivae.learn.kinds.number import Number
from minivae.learn.kinds.output import Output
from minivae.learn.kinds.predict import Predict
from minivae.learn.markup import to_text
from minivae.learn.options import LETTERS
from tests.learn.quizzes import QUESTIONS, wrong_answers


def run(*arguments, typed=""):
    done = CliRunner().invoke(cli.app, ["quiz", *arguments], input=typed)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done


def keys(question, answer, store):
    """What a learner types to give this answer."""
    if isinstance(question, Number | Output):
        return answer + ("\n" if "\n" in answer else "") + "\n"
    places = [choice.id for choice in question.choices(store.seed())]
    given = answer if isinstance(answer, list) else [answer]
    return " ".join(LETTERS[places.index(name)] for name in given) + "\n"


def test_every_question_can_be_answered_right(store):
    typed = "".join(keys(q, q.solution(), store) + ("\n" if q.kind == "predict" else "") for q in QUESTIONS)
    done = run(typed=typed)
    scored = sum(question.kind != "predict" for question in QUESTIONS)
    predictions = len(QUESTIONS) - scored
    assert f"right on the first try: {scored} of {scored} answered; not yet tried: 0" in done.output
    assert f"predictions made: {predictions} of {predictions}" in done.output
    assert done.output.count("✓ Right, on the first try.") == scored
    assert done.output.count("✓ As you predicted.") == predictions
    assert done.exit_code == 0


@pytest.mark.parametrize("lesson", ["00", "closing"])
def test_every_question_answered_wrong_twice_can_be_shown(store, lesson):
    every = bank.questions(lesson).values()
    questions = [q for q in every if not isinstance(q, Predict)]  # a prediction is made once, and passed over here
    typed = "".join(
        "".join(keys(q, answer, store) for answer in wrong_answers(q)[:2]) + "s\n" if q in questions else "n\n"
        for q in every
    )
    done = run(lesson, typed=typed)
    assert f"right on the first try: 0 of {len(questions)} answered" in done.output
    assert done.output.count("✓ The answer:") == len(questions)
    for question in questions:
        assert any(event.what == "solution" for event in store.events(question.ref))


def test_a_wrong_answer_brings_its_feedback_and_the_hint(store):
    question = bank.find("00/how-a-quiz-works")
    done = run("0", typed=keys(question, wrong_answers(question)[0], store) + "q\n")
    said = " ".join(done.output.split())
    assert "✗ Not yet." in said and to_text(question.grade(wrong_answers(question)[0]).feedback) in said
    assert "Hint: " + to_text(question.hint) in said
    assert to_text(question.grade(question.solution()).feedback) not in said
    assert "0 of 1 answered; not yet tried: 5" in said


def test_n_goes_on_q_quits_and_so_does_the_end_of_the_input(store):
    n = len(bank.questions("closing"))
    for typed, asked in (("q\n", 1), ("n\nq\n", 2), ("", 1), (n * "n\n", n), ("n\nn\n", 3)):
        done = run("closing", typed=typed)
        assert done.output.count("n: next question, q: quit") == asked
        assert done.exit_code == 0 and f"not yet tried: {n}" in done.output
    assert store.everything() == []


def test_what_cannot_be_read_is_told_and_asked_again(store):
    done = run("00", typed="Z\nhello there\ns\nq\n")
    assert '"Z" is not among the letters A to D' in done.output
    assert "wanted 2 before the answer is shown" in done.output
    assert store.everything() == []


def test_a_prediction_is_made_then_compared(store):
    question = bank.find("04/predict-random-codes")
    done = run("04", typed=keys(question, wrong_answers(question)[0], store) + "q\n")
    assert "○ Noted." in done.output and "Enter: compare" in done.output
    assert "came out" not in done.output.replace("compare with what came out", "")
    done = run("04", typed="\nq\n")  # it is noted still
    assert "○ Noted." in done.output and "✗ It came out otherwise." in done.output


def test_what_is_answered_is_not_asked_again_unless_one_wants_to(store):
    questions = bank.questions("closing").values()
    run("closing", typed="".join(keys(q, q.solution(), store) for q in questions))
    events, n = list(store.everything()), len(questions)
    done = run("closing")
    assert "No question is open." in done.output and f"{n} of {n} answered" in done.output
    done = run("closing", "--again", typed="B\nq\n")
    assert f"[1 of {n}]" in done.output and "0 of 1 answered" in done.output
    assert store.everything() == events


def test_the_letters_follow_the_learners_own_order(store):
    class Seeded(progress.MemoryProgress):
        def seed(self):
            return 5

    question = bank.find("00/how-a-quiz-works")
    assert question.choices(5) != question.choices(0)
    seeded = Seeded()
    progress.use(seeded)
    done = run("00", typed=keys(question, question.solution(), seeded) + "q\n")
    assert "Right, on the first try." in done.output


def test_an_unknown_lesson_is_answered_with_the_nearest(store, capsys):
    done = run("clsing")
    assert done.exit_code == 2
    assert 'there is no lesson with questions "clsing"; did you mean "closing"?' in done.output + done.stderr


def test_a_picture_is_told_in_words():
    assert "[picture] A map with a horizontal" in run("00", typed=len(bank.questions("00")) * "n\n").output


def test_it_works_through_a_pipe_and_what_was_answered_is_kept(tmp_path):
    question = bank.find("00/how-a-quiz-works")
    path = tmp_path / "progress.sqlite3"
    environment = os.environ | {"MINIVAE_PROGRESS": str(path), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-c", "from minivae.cli import main; main()", "quiz", "00"]
    for _ in range(2):  # at least one of four letters is wrong, and one of them will do
        done = subprocess.run(
            command, input="A\nB\nC\nD\n", capture_output=True, encoding="utf-8", env=environment, timeout=60
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "Traceback" not in done.stdout and "\x1b" not in done.stdout
    with sqlite3.connect(path) as file:
        kept = file.execute("SELECT what, is_right FROM events WHERE item = ?", (question.ref,)).fetchall()
    file.close()
    assert ("answer", 1) in kept
