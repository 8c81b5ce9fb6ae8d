"""The quiz as a widget: what it shows, what it keeps, and that it keeps the answer to itself."""

import json

import pytest

from minivae.errors import ConfigError
from minivae.learn import bank, quiz
from minivae.learn.markup import to_html

pytest.importorskip("anywidget")

QUESTIONS = [question for lesson in bank.lessons() for question in bank.questions(lesson).values()]
EVERY = pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.ref)


def bundle(widget):
    data, _ = widget._repr_mimebundle_()
    return data


def ask(widget, request):
    """Send a message as a browser does, and return the reply."""
    sent = []
    widget.send = lambda content, buffers=None: sent.append(content)
    widget._handle_custom_msg({"number": 7, "request": request}, [])
    (message,) = sent
    assert message["number"] == 7
    return message["reply"]


@EVERY
def test_the_output_has_words_a_page_and_the_widget(question):
    data = bundle(quiz(question.ref))
    assert data["text/plain"] == f"Quiz {question.ref}: run this cell to answer"
    assert "Run this cell to answer." in data["text/html"]
    for option in question.options:
        assert to_html(option.text) in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


@EVERY
def test_neither_output_nor_state_tells_the_answer(question):
    widget = quiz(question.ref)
    ask(widget, {"do": "answer", "answer": question.solution()})
    kept = bundle(widget)
    kept.pop("application/vnd.jupyter.widget-view+json")
    state = widget.get_state()
    code = state.pop("_esm") + state.pop("_css")
    everything = json.dumps([kept, {k: v for k, v in state.items() if k != "layout"}], ensure_ascii=False)
    for option in question.options:
        assert json.dumps(option.feedback, ensure_ascii=False)[1:-1] not in everything
        assert to_html(option.feedback) not in everything
    assert "true" not in json.dumps(state["question"])  # no flag at any option
    assert question.ref not in code


def test_two_runs_store_the_same_output():
    first, second = bundle(quiz("04/why-the-kl")), bundle(quiz("04/why-the-kl"))
    for data in (first, second):
        data.pop("application/vnd.jupyter.widget-view+json")
    assert first == second


def test_an_answer_sent_by_message_is_graded():
    question = bank.find("04/sum-or-mean")
    widget = quiz(question.ref)
    assert ask(widget, {"do": "answer", "answer": 0})["right"] is False
    assert ask(widget, {"do": "answer", "answer": question.solution()})["right"] is True


def test_an_unknown_question_is_an_error_before_any_widget():
    with pytest.raises(ConfigError, match="did you mean"):
        quiz("04/why-a-kl")
