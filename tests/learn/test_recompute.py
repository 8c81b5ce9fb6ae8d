"""No question is wrong in silence: what it claims is recomputed, and a wrong key is found."""

import dataclasses

import pytest

from minivae.learn import bank, recompute
from minivae.learn.kinds.number import Known
from minivae.learn.kinds.output import Output
from tests.learn.quizzes import EVERY, QUESTIONS, planted


@EVERY
def test_what_a_question_claims_comes_out_when_it_is_computed(question):
    assert recompute.faults(question) == []


@EVERY
def test_every_number_in_an_answer_or_a_feedback_is_computed_somewhere(question):
    assert recompute.unproven(question) == []


@EVERY
def test_a_planted_wrong_key_is_found(question):
    for wrong in planted(question):
        assert recompute.faults(wrong), wrong


def test_there_is_much_to_plant():
    assert sum(len(list(planted(question))) for question in QUESTIONS) > 60
    assert {question.kind for question in QUESTIONS if any(planted(question))} >= {
        "one", "several", "number", "order", "predict", "output",
    }  # fmt: skip


def test_a_number_that_nobody_computes_is_found():
    question = bank.find("04/why-the-kl")
    assert recompute.unproven(dataclasses.replace(question, hint=["It costs 1.25 nats."])) == ["1.25"]
    proven = dataclasses.replace(question, hint=["It costs 1.25 nats."], claims=("5 / 4 == 1.25",))
    assert recompute.unproven(proven) == []


def test_code_that_raises_is_a_fault_with_its_place():
    question = bank.find("04/why-the-kl")
    broken = dataclasses.replace(question, setup="no_such_name")
    assert recompute.faults(broken) == ["04/why-the-kl: setup raised NameError: name 'no_such_name' is not defined"]
    broken = dataclasses.replace(question, setup="", claims=("1 / 0",))
    assert recompute.faults(broken) == ["04/why-the-kl: 1 / 0 raised ZeroDivisionError: division by zero"]


def test_a_claim_that_is_merely_not_false_does_not_hold():
    question = dataclasses.replace(bank.find("04/why-the-kl"), setup="", claims=("1", "'yes'", "np.bool_(True)"))
    assert len(recompute.faults(question)) == 2


def test_a_number_is_compared_to_all_the_digits_that_are_claimed():
    question = bank.find("04/logvar-to-std")
    for value, found in ((0.868, 0), (0.87, 0), (0.869, 1), (0.8678, 1), (0.8679, 0)):
        changed = dataclasses.replace(question, known=(Known(value, [], question.known[0].check),), claims=())
        assert len(recompute.faults(changed)) == found, value


def test_shown_code_is_run_and_its_output_compared():
    question = bank.find("04/shapes")
    assert isinstance(question, Output)
    changed = dataclasses.replace(question, code=question.code.replace("axis=1", "axis=0"))
    (fault,) = recompute.faults(changed)
    assert "got '(5, 6) (6,)\\n'" in fault


@pytest.mark.parametrize(
    ("lesson", "pattern", "message"), [("04", "no such words", "do not hold"), ("98", "x", "there is no lesson 98")]
)
def test_a_claim_about_a_lesson_that_does_not_print_it_is_a_fault(lesson, pattern, message):
    question = dataclasses.replace(bank.find("04/why-the-kl"), claims=(f"in_lesson({lesson!r}, {pattern!r}) == 1",))
    (fault,) = recompute.faults(question)
    assert message in fault
