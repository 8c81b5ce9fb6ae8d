"""The quiz in a notebook: an anywidget that shows a question and asks Python to grade.

The browser holds `Question.view()` and nothing else. An answer travels as a custom message and so does the reply, and
custom messages are kept nowhere: neither the notebook nor the saved widget state holds a key or a feedback.
"""

from __future__ import annotations

import anywidget
import traitlets

from minivae.learn import lab, progress
from minivae.learn.markup import to_html
from minivae.learn.question import Question
from minivae.learn.sitting import Sitting


class Quiz(anywidget.AnyWidget):
    """One question as a widget; made by `minivae.learn.quiz`.

    Parameters
    ----------
    question : Question
    """

    _esm = lab.source("quiz.js")
    _css = lab.source("look.css", "quiz.css")
    question = traitlets.Dict().tag(sync=True)

    def __init__(self, question: Question) -> None:
        super().__init__(question=question.view())
        self._sitting = Sitting(question, progress.current())
        self.on_msg(self._on_message)

    def _on_message(self, _widget, content: dict, _buffers) -> None:
        # The number tells the view that asked from other views of the same widget.
        self.send({"number": content.get("number"), "reply": self._sitting.reply(content.get("request"))})

    def __repr__(self) -> str:
        return f"Quiz {self.question['ref']}: run this cell to answer"

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": repr(self), "text/html": static_html(self.question)}, metadata


def static_html(view: dict) -> str:
    """Write a question for where no kernel runs: to be read, with no answer in it."""
    options = "".join(f"<li>{to_html(text)}</li>" for text in view.get("options", []))
    listed = f'<ol type="A">{options}</ol>' if options else ""
    return (
        f"<div><p><strong>{to_html([view['title']])}</strong></p><div>{to_html(view['prompt'])}</div>"
        f"{listed}<p><em>Run this cell to answer.</em></p></div>"
    )
