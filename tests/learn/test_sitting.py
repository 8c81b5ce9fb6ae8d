"""A learner before a question: tries, hints, the answer, the score."""

import json

import pytest

from minivae.learn import bank, progress
from minivae.learn.sitting import Sitting

QUESTION = bank.find("04/why-the-kl")
RIGHT = QUESTION.solution()
WRONG, WRONG_2 = (k for k in range(3) if k != RIGHT)


@pytest.fixture
def sitting(store):
    return Sitting(QUESTION, store)


def answer(sitting, k):
    return sitting.reply({"do": "answer", "answer": k})


def test_a_right_first_try_is_the_score(sitting, store):
    reply = answer(sitting, RIGHT)
    assert reply["right"] and reply["tries"] == 1 and reply["headline"] == "Right, on the first try."
    assert reply["hint"] == [] and reply["solution"] == RIGHT
    assert progress.first_try(store, QUESTION.ref) is True


def test_a_wrong_try_brings_its_feedback_and_the_hint_but_not_the_answer(sitting):
    reply = answer(sitting, WRONG)
    assert reply["right"] is False
    assert reply["feedback"] == QUESTION.options[WRONG].feedback
    assert reply["hint"] == QUESTION.hint
    assert reply["solution"] is None and not reply["may_reveal"]
    assert json.dumps(QUESTION.options[RIGHT].feedback) not in json.dumps(reply)


def test_the_answer_can_be_shown_after_two_wrong_tries_only(sitting):
    assert "problem" in sitting.reply({"do": "reveal"})
    answer(sitting, WRONG)
    assert "problem" in sitting.reply({"do": "reveal"})
    assert answer(sitting, WRONG_2)["may_reveal"]
    reply = sitting.reply({"do": "reveal"})
    assert reply["solution"] == reply["answer"] == RIGHT
    assert reply["feedback"] == QUESTION.options[RIGHT].feedback
    assert not reply["may_reveal"]


def test_the_score_stays_that_of_the_first_try(sitting, store):
    answer(sitting, WRONG)
    assert answer(sitting, RIGHT)["headline"] == "Right, on try 2."
    assert progress.first_try(store, QUESTION.ref) is False
    answer(sitting, RIGHT)
    assert len(progress.tries(store, QUESTION.ref)) == 2


def test_after_the_right_answer_the_other_feedback_can_be_read_without_cost(sitting, store):
    answer(sitting, RIGHT)
    reply = answer(sitting, WRONG)
    assert reply["feedback"] == QUESTION.options[WRONG].feedback
    assert reply["headline"] == "Not this one." and reply["tries"] == 1 and reply["hint"] == []
    assert progress.first_try(store, QUESTION.ref) is True


def test_an_answer_given_after_it_was_shown_does_not_count(sitting, store):
    answer(sitting, WRONG), answer(sitting, WRONG_2), sitting.reply({"do": "reveal"})
    assert answer(sitting, RIGHT)["headline"] == "Right."
    assert not any(event.right for event in store.events(QUESTION.ref))


def test_a_cell_that_runs_again_goes_on_where_it_was(sitting, store):
    fresh = Sitting(QUESTION, store)
    assert fresh.reply({"do": "resume"})["right"] is None
    answer(sitting, WRONG)
    assert fresh.reply({"do": "resume"}) == Sitting(QUESTION, store).reply({"do": "resume"})
    assert fresh.reply({"do": "resume"})["answer"] == WRONG


@pytest.mark.parametrize(
    "request_",
    [None, 3, {}, {"do": "dance"}, {"do": "answer"}, {"do": "answer", "answer": 99}, {"do": "answer", "answer": True}]
    + [{"do": "answer", "answer": "0"}, {"do": "answer", "answer": -1}, {"do": ["answer"]}],
)
def test_nonsense_gets_a_reply_and_counts_for_nothing(sitting, store, request_):
    assert "wanted" in sitting.reply(request_)["problem"]
    assert not store.events(QUESTION.ref)


def test_every_reply_is_json(sitting):
    for k in range(len(QUESTION.options)):
        json.dumps(answer(sitting, k))


def test_no_try_no_score(store):
    assert progress.first_try(store, "04/why-the-kl") is None
