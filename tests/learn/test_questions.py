"""The questions of the course, the loader that reads them, and what it says about a file that is wrong."""

import json

import pytest

from minivae.errors import ConfigError
from minivae.learn import bank
from minivae.learn.markup import to_text

ALL = [question for lesson in bank.lessons() for question in bank.questions(lesson).values()]
EVERY = pytest.mark.parametrize("question", ALL, ids=lambda q: q.ref)

GOOD = """
[[question]]
id = "a"
kind = "one"
title = "A"
prompt = "Which?"

[[question.option]]
text = "this"
right = true
feedback = "Yes."

[[question.option]]
text = "that"
feedback = "No."
"""


def test_lesson_04_has_its_questions_in_order():
    assert list(bank.questions("04")) == [
        "predict-random-codes",
        "the-patient",
        "what-the-encoder-sends",
        "why-the-kl",
        "logvar-to-std",
        "sum-or-mean",
        "at-test-time",
    ]


@EVERY
def test_every_question_has_a_hint_and_four_or_more_options(question):
    assert question.hint
    assert len(question.options) >= 4


@EVERY
def test_every_option_has_feedback_of_its_own(question):
    feedback = [to_text(option.feedback) for option in question.options]
    assert len(set(feedback)) == len(feedback)
    assert min(map(len, feedback)) > 40  # more than right or wrong


@EVERY
def test_what_is_shown_holds_neither_key_nor_feedback(question):
    shown = json.dumps(question.view(), ensure_ascii=False)
    assert "right" not in question.view() and "feedback" not in shown
    for option in question.options:
        assert json.dumps(option.feedback, ensure_ascii=False) not in shown


@EVERY
def test_exactly_the_solution_is_graded_right(question):
    rights = [k for k in range(len(question.options)) if question.grade(k).right]
    assert rights == [question.solution()]


def test_the_right_option_is_not_always_in_the_same_place():
    assert len({question.solution() for question in ALL}) >= 3


def test_the_number_of_the_hand_question_is_the_one_numpy_gives():
    import numpy as np

    question = bank.find("04/logvar-to-std")
    assert to_text(question.options[question.solution()].text) == f"{0.5 + np.exp(0.5 * -2.0) * 1.0:.3f}"


def test_a_good_file_is_read(tmp_path):
    assert list(read(tmp_path, GOOD)) == ["a"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('prompt = "Which?"', ""), '99.toml: question "a": field "prompt": got nothing, wanted a text'),
        (('prompt = "Which?"', "prompt = 3"), 'field "prompt": got 3, wanted a text'),
        (('prompt = "Which?"', 'promt = "Which?"\nprompt = "W"'), 'got a field "promt", wanted only'),
        (('prompt = "Which?"', r"prompt = '$\nope$'"), r'question "a": in "prompt": formula: .*\\nope'),
        (('feedback = "No."', ""), 'question "a", option 2: field "feedback": got nothing'),
        (('feedback = "No."', 'feedback = "  "'), 'option 2: field "feedback": got nothing'),
        (("right = true\n", ""), "got 0 options with right = true, wanted exactly 1"),
        (('"that"', '"that"\nright = true'), "got 2 options with right = true, wanted exactly 1"),
        (("right = true", 'right = "yes"'), "field \"right\": got 'yes', wanted right = true"),
        (('"that"', '"this"'), "two options have the same text"),
        (('kind = "one"', 'kind = "ones"'), 'there is no kind "ones"; did you mean "one"'),
        (('id = "a"', 'id = "A b"'), "got 'A b', wanted lower-case words joined by hyphens"),
        ((GOOD, "\n"), '99.toml: field "question": got nothing, wanted one or more tables'),
        (('id = "a"', 'id = "a'), "99.toml: not readable as TOML: .*line 3"),
        (('[[question.option]]\ntext = "that"\nfeedback = "No."', ""), "got 1 option, wanted at least 2"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_fix(tmp_path, change, message):
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_an_id_may_not_stand_twice(tmp_path):
    with pytest.raises(ConfigError, match='question "a": the id stands twice'):
        read(tmp_path, GOOD + GOOD)


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("04/why-kl", 'there is no question in lesson 04 "why-kl"; did you mean "why-the-kl"'),
        ("4/why-the-kl", 'there is no lesson "4"; did you mean "04"'),
        ("why-the-kl", 'wanted "lesson/name"; for example quiz\\("04/why-the-kl"\\)'),
        (4, "got 4, wanted"),
        ("99/x", "there is no lesson"),
    ],
)
def test_an_unknown_question_is_answered_with_the_nearest(ref, message):
    with pytest.raises(ConfigError, match=message):
        bank.find(ref)


def read(folder, text):
    path = folder / "99.toml"
    path.write_text(text)
    return bank.read_file(path)
