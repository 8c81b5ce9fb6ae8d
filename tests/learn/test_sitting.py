"""A learner before a question: tries, hints, the answer, the score."""

import json

import pytest

from minivae.errors import ConfigError
from minivae.learn import bank, progress
from minivae.learn.kinds import KINDS
from minivae.learn.markup import to_text
from minivae.learn.progress import Event
from minivae.learn.sitting import Sitting
from tests.learn.quizzes import EVERY, SOME, wrong_answers

QUESTION = bank.find("04/why-the-kl")
RIGHT = QUESTION.solution()
WRONG, WRONG_2, *_ = (option.id for option in QUESTION.options if not option.right)
FEEDBACK = {option.id: option.feedback for option in QUESTION.options}
PREDICTION = bank.find("04/predict-fitted-codes")
LOW, _, _, HIGH = (option.id for option in PREDICTION.options)  # it came out high
SCORED = pytest.mark.parametrize("question", [SOME[kind] for kind in KINDS if kind != "predict"], ids=lambda q: q.kind)


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
    assert reply["feedback"] == FEEDBACK[WRONG]
    assert reply["hint"] == QUESTION.hint
    assert reply["solution"] is None and not reply["may_reveal"]
    assert json.dumps(FEEDBACK[RIGHT]) not in json.dumps(reply)


def test_the_answer_can_be_shown_after_two_wrong_tries_only(sitting):
    assert "problem" in sitting.reply({"do": "reveal"})
    answer(sitting, WRONG)
    assert "problem" in sitting.reply({"do": "reveal"})
    assert answer(sitting, WRONG_2)["may_reveal"]
    reply = sitting.reply({"do": "reveal"})
    assert reply["solution"] == reply["answer"] == RIGHT
    assert reply["feedback"] == QUESTION.told()
    assert to_text(FEEDBACK[RIGHT]) in to_text(reply["feedback"])
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
    assert reply["feedback"] == FEEDBACK[WRONG]
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
    + [{"do": "answer", "answer": "0"}, {"do": "answer", "answer": [RIGHT]}, {"do": ["answer"]}],
)
def test_nonsense_gets_a_reply_and_counts_for_nothing(sitting, store, request_):
    assert "wanted" in sitting.reply(request_)["problem"]
    assert not store.events(QUESTION.ref)


def test_every_reply_is_json(sitting):
    for name in FEEDBACK:
        json.dumps(answer(sitting, name))


def test_no_try_no_score(store):
    assert progress.first_try(store, "04/why-the-kl") is None


@SCORED
def test_every_kind_counts_tries_gives_its_hint_and_shows_the_answer_after_two(store, question):
    sitting = Sitting(question, store)
    first, second, *_ = wrong_answers(question)
    reply = answer(sitting, first)
    assert reply["right"] is False and reply["hint"] == question.hint and reply["solution"] is None
    assert "problem" in sitting.reply({"do": "reveal"})
    assert answer(sitting, second)["may_reveal"]
    reply = sitting.reply({"do": "reveal"})
    assert reply["answer"] == reply["solution"] == question.solution()
    assert reply["headline"] == "The answer:" and reply["right"]
    assert progress.first_try(store, question.ref) is False


@SCORED
def test_every_kind_comes_back_as_it_was_left(store, question):
    for given in (wrong_answers(question)[0], question.solution()):
        reply = answer(Sitting(question, store), given)
        assert Sitting(question, store).reply({"do": "resume"}) == reply
        assert reply["answer"] == given


@EVERY
def test_before_the_answer_is_known_no_reply_tells_it(store, question):
    sitting = Sitting(question, store)
    given = wrong_answers(question)[0]
    reply = answer(sitting, given)
    assert reply["solution"] is None
    if question.kind in ("one", "predict"):
        others = [choice.feedback for choice in question.choices() if choice.id != given]
        assert not any(json.dumps(feedback) in json.dumps(reply["feedback"]) for feedback in others)
    if question.kind == "number":
        assert to_text(question.known[0].feedback) not in to_text(reply["feedback"])
    assert set(reply["marks"]) <= set(given if isinstance(given, list) else [given])


def test_a_prediction_is_noted_and_nothing_is_told(store):
    sitting = Sitting(PREDICTION, store)
    for given in (LOW, HIGH):  # neither a wrong nor the right one
        store = progress.MemoryProgress()
        sitting = Sitting(PREDICTION, store)
        reply = answer(sitting, given)
        assert reply["headline"] == "Noted." and reply["right"] is None and reply["marks"] == {}
        assert to_text(reply["feedback"]).startswith("You predict: " + to_text(PREDICTION.words(given)))
        assert reply["locked"] and reply["may_reveal"] and reply["hint"] == []
        assert reply["solution"] is None
        assert [event.what for event in store.events(PREDICTION.ref)] == ["prediction"]


def test_a_prediction_is_made_once(store):
    sitting = Sitting(PREDICTION, store)
    answer(sitting, LOW)
    assert "Your prediction is made." in answer(sitting, HIGH)["problem"]
    assert sitting.reply({"do": "resume"})["answer"] == LOW


def test_a_prediction_can_be_compared_once_it_is_made_and_not_before(store):
    sitting = Sitting(PREDICTION, store)
    assert "problem" in sitting.reply({"do": "reveal"})
    answer(sitting, LOW)
    reply = sitting.reply({"do": "reveal"})
    assert reply["headline"] == "It came out otherwise." and reply["answer"] == LOW
    assert reply["solution"] == HIGH and reply["marks"] == {LOW: False, HIGH: True}
    assert not reply["locked"] and not reply["may_reveal"]
    assert sitting.reply({"do": "resume"}) == reply
    assert answer(sitting, HIGH)["headline"] == "Right."  # reading on


def test_a_prediction_is_no_try_and_has_no_score(store):
    sitting = Sitting(PREDICTION, store)
    answer(sitting, LOW), sitting.reply({"do": "reveal"})
    assert progress.tries(store, PREDICTION.ref) == []
    assert progress.first_try(store, PREDICTION.ref) is None


def test_a_run_settles_the_prediction_that_was_made(store):
    answer(Sitting(PREDICTION, store), LOW)
    settled = Sitting(PREDICTION, store, ran=12.3).reply({"do": "resume"})
    assert settled["headline"] == "As you predicted."  # of this run it was right
    assert to_text(settled["feedback"]).startswith("It came out: 12.3 %.")
    assert Sitting(PREDICTION, store).reply({"do": "resume"})["solution"] == HIGH  # it is closed above, too


def test_a_run_settles_nothing_before_there_is_a_prediction(store):
    sitting = Sitting(PREDICTION, store, ran=12.3)
    assert sitting.reply({"do": "resume"})["right"] is None
    assert store.events(PREDICTION.ref) == []
    reply = answer(sitting, HIGH)
    assert reply["right"] is False and reply["solution"] == LOW


def test_two_kernels_that_predict_at_once_leave_one_prediction(store):
    for given in (LOW, HIGH):
        store.add(Event(PREDICTION.ref, "prediction", detail=json.dumps(given)))
    assert Sitting(PREDICTION, store).reply({"do": "resume"})["answer"] == LOW


@pytest.mark.parametrize("ref", ["04/why-the-kl", "04/predict-random-codes"])
def test_a_run_is_for_predictions_about_a_number(store, ref):
    with pytest.raises(ConfigError, match="leave it out"):
        Sitting(bank.find(ref), store, ran=3)


@pytest.mark.parametrize("detail", ["2", '"gone"', "{", ""])
def test_an_answer_from_an_older_version_of_the_question_is_told_and_counted(store, detail):
    store.add(Event(QUESTION.ref, "answer", False, detail))
    reply = Sitting(QUESTION, store).reply({"do": "resume"})
    assert reply["right"] is None and reply["answer"] is None and reply["tries"] == 1
    assert "has been changed since" in to_text(reply["feedback"])
    assert answer(Sitting(QUESTION, store), RIGHT)["headline"] == "Right, on try 2."


class Seeded(progress.MemoryProgress):
    def seed(self):
        return 77


def test_the_order_of_the_options_is_the_learners_own(store):
    assert Sitting(QUESTION, store).view() == QUESTION.view(0)
    assert Sitting(QUESTION, Seeded()).view() == QUESTION.view(77) != QUESTION.view(0)


def test_grading_does_not_ask_where_an_option_stood():
    for seed in (0, 77):
        place = [choice["id"] for choice in QUESTION.view(seed)["choices"]].index(RIGHT)
        chosen = QUESTION.view(seed)["choices"][place]["id"]
        assert answer(Sitting(QUESTION, Seeded()), chosen)["right"]
