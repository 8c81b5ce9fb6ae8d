"""The quiz as a widget: what it shows, what it keeps, and that it keeps the answer to itself."""

import json

import pytest

from minivae.errors import ConfigError
from minivae.learn import bank, progress, quiz
from minivae.learn.markup import to_html
from tests.learn.quizzes import EVERY, all_words, wrong_answers

pytest.importorskip("anywidget")


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


def flags(value):
    if isinstance(value, bool):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from flags(inner)


@EVERY
def test_the_output_has_words_a_page_and_the_widget(question):
    data = bundle(quiz(question.ref))
    assert data["text/plain"] == f"Quiz {question.ref}: run this cell to answer"
    assert "Run this cell to answer." in data["text/html"]
    for choice in question.choices():
        assert f"<li>{to_html(choice.text)}</li>" in data["text/html"]
    if question.figure is not None:
        assert '<img src="data:image/svg+xml;base64,' in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


@EVERY
def test_neither_output_nor_state_tells_the_answer(question):
    widget = quiz(question.ref)
    ask(widget, {"do": "answer", "answer": wrong_answers(question)[0]})
    ask(widget, {"do": "answer", "answer": question.solution()})
    kept = bundle(widget)
    kept.pop("application/vnd.jupyter.widget-view+json")
    state = widget.get_state()
    code = state.pop("_esm") + state.pop("_css")
    everything = json.dumps([kept, {k: v for k, v in state.items() if k != "layout"}], ensure_ascii=False)
    for _, feedback in question.feedbacks():
        for text in all_words(feedback):
            assert text not in everything
    assert to_html(question.hint) not in everything or not question.hint
    assert not list(flags(state["question"]))  # nothing that says yes or no of an option
    assert f'"{question.solution()}"' not in json.dumps([state["question"].get(k) for k in ("unit", "code", "lines")])
    assert question.ref not in code


def test_two_runs_store_the_same_output():
    first, second = bundle(quiz("04/why-the-kl")), bundle(quiz("04/why-the-kl"))
    for data in (first, second):
        data.pop("application/vnd.jupyter.widget-view+json")
    assert first == second


def test_the_output_is_the_same_for_every_learner_and_the_widget_is_not():
    ref = "04/why-the-kl"
    first = quiz(ref)
    progress.use(Seeded())
    second = quiz(ref)
    assert bundle(first)["text/html"] == bundle(second)["text/html"]
    assert first.question != second.question


class Seeded(progress.MemoryProgress):
    def seed(self):
        return 77


def test_what_ran_is_handed_to_a_prediction():
    question = bank.find("04/predict-fitted-codes")
    widget = quiz(question.ref, ran=99)
    reply = ask(widget, {"do": "answer", "answer": question.solution()})
    assert reply["headline"] == "As you predicted." and "It came out: 99 %." in json.dumps(reply)
    assert "99" not in bundle(widget)["text/html"]
    with pytest.raises(ConfigError, match="leave it out"):
        quiz("04/why-the-kl", ran=99)


def test_an_answer_sent_by_message_is_graded():
    question = bank.find("04/sum-or-mean")
    widget = quiz(question.ref)
    assert ask(widget, {"do": "answer", "answer": wrong_answers(question)[0]})["right"] is False
    assert ask(widget, {"do": "answer", "answer": question.solution()})["right"] is True


def test_an_unknown_question_is_an_error_before_any_widget():
    with pytest.raises(ConfigError, match="did you mean"):
        quiz("04/why-a-kl")
