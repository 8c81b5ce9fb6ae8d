"""The questions of the course, the loader that reads them, and what it says about a file that is wrong."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from minivae.errors import ConfigError
from minivae.learn import bank, recompute
from minivae.learn.kinds import KINDS
from minivae.learn.kinds.predict import Predict
from minivae.learn.markup import to_text
from tests.learn.quizzes import EVERY, QUESTIONS, all_words, wrong_answers

LESSONS = Path(__file__).resolve().parents[2] / "lessons" / "source"
VIEW = {"kind", "ref", "title", "prompt", "ask", "figure", "why", "choices", "unit", "code", "lines"}

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


def test_every_kind_is_in_use_and_there_are_twenty_questions():
    assert len(QUESTIONS) >= 20
    assert Counter(question.kind for question in QUESTIONS).keys() == KINDS.keys()


def test_lesson_04_has_its_questions_in_order():
    assert list(bank.questions("04")) == [
        "predict-random-codes",
        "order-the-tolls",
        "predict-fitted-codes",
        "the-patient",
        "what-the-encoder-sends",
        "why-the-kl",
        "logvar-to-std",
        "shapes",
        "true-of-the-toll",
        "sum-or-mean",
        "at-test-time",
    ]


def test_the_closing_quiz_asks_what_the_article_asked():
    assert list(bank.questions("closing"))[:3] == ["random-codes", "what-the-kl-is-for", "inside-stable-diffusion"]


@EVERY
def test_every_question_has_a_hint_and_four_or_more_answers_with_feedback_of_their_own(question):
    assert question.hint or isinstance(question, Predict)  # of a prediction nothing is told before the run
    feedbacks = [to_text(feedback) for _, feedback in question.feedbacks()]
    assert len(feedbacks) >= 4
    assert len(set(feedbacks)) == len(feedbacks)
    assert min(map(len, feedbacks)) > 40  # more than right or wrong


@EVERY
def test_every_choice_and_every_known_wrong_answer_is_among_those(question):
    answers = [answer for answer, _ in question.feedbacks()]
    assert len(answers) >= max(len(question.choices()), len(getattr(question, "known", ())))
    assert len(set(answers)) == len(answers)


@EVERY
def test_what_is_shown_holds_neither_key_nor_feedback(question):
    view = question.view(seed=5)
    assert view.keys() <= VIEW
    shown = json.dumps(view, ensure_ascii=False)
    for _, feedback in question.feedbacks():
        for text in all_words(feedback):
            assert text not in shown
    for choice in view.get("choices", []):
        assert choice.keys() == {"id", "text"}


@EVERY
def test_exactly_the_solution_is_graded_right(question):
    assert question.grade(question.solution()).right
    for answer in wrong_answers(question):
        assert not question.grade(answer).right


@EVERY
def test_an_answer_can_be_said_in_words(question):
    for answer in (question.solution(), wrong_answers(question)[0]):
        assert to_text(question.words(answer)).strip()


@EVERY
def test_the_order_of_the_choices_hangs_on_the_seed_and_grading_does_not(question):
    ids = [[choice["id"] for choice in question.view(seed).get("choices", [])] for seed in range(20)]
    assert ids == [[choice["id"] for choice in question.view(seed).get("choices", [])] for seed in range(20)]
    if ids[0] and not getattr(question, "below", ()):  # ranges of numbers keep their order
        assert len({tuple(order) for order in ids}) > 5
        assert all(order != question.solution() for order in ids)


def test_the_right_option_is_not_always_in_the_same_place():
    places = [
        [choice["id"] for choice in question.view()["choices"]].index(question.solution())
        for question in QUESTIONS
        if question.kind == "one"
    ]
    assert len(set(places)) >= 3


@EVERY
def test_why_leads_to_a_heading_that_is_there(question):
    if question.why is not None:
        lesson, section = question.why
        (source,) = LESSONS.glob(f"{lesson}_*.py")
        assert re.search(rf"^# #+ {re.escape(section)}$", source.read_text(encoding="utf-8"), re.M)


def test_figures_come_as_data_with_words_beside_them():
    (question,) = [question for question in QUESTIONS if question.figure is not None]
    figure = question.view()["figure"]
    assert figure["src"].startswith("data:image/svg+xml;base64,")
    assert len(figure["alt"]) > 100
    assert "<script" not in question.figure.path.read_text() and "http" not in re.sub(
        'xmlns="[^"]*"', "", question.figure.path.read_text()
    )


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
        (('title = "A"', 'title = "A"\nwhy = "section 3"'), "field \"why\": got 'section 3', wanted a lesson and a"),
        (('title = "A"', 'title = "A"\nclaims = [1]'), 'field "claims": got \\[1\\], wanted texts'),
        (('title = "A"', 'title = "A"\nfigure = "x.svg"'), 'got one of "figure" and "alt", wanted both'),
        (('title = "A"', 'title = "A"\nalt = "x"'), 'got one of "figure" and "alt", wanted both'),
        (('title = "A"', 'title = "A"\nfigure = "x.svg"\nalt = "x"'), "there is no x.svg in questions/figures"),
        (('title = "A"', 'title = "A"\nfigure = "../04.toml"\nalt = "x"'), "wanted the name of an .svg or .png"),
        (('title = "A"', 'title = "A"\nfigure = "map_of_digits.py"\nalt = "x"'), "wanted the name of an .svg or .png"),
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


def test_the_question_in_the_docs_is_one_and_what_it_claims_is_so(tmp_path):
    page = (LESSONS.parents[1] / "docs" / "contributing.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.S)
    (question,) = read(tmp_path, text).values()
    assert recompute.faults(question) == [] and recompute.unproven(question) == []
    for kind in KINDS:
        assert re.search(rf"^\|[^|]*`{kind}`", page, re.M)


def read(folder, text):
    path = folder / "99.toml"
    path.write_text(text)
    return bank.read_file(path)
