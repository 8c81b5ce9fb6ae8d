"""The quiz in a notebook: an anywidget that shows a question and asks Python to grade.

The browser holds `Question.view()` and nothing else. An answer travels as a custom message and so does the reply, and
custom messages are kept nowhere: neither the notebook nor the saved widget state holds a key or a feedback.
"""

from __future__ import annotations

import anywidget
import traitlets

from minivae.learn import lab, progress
from minivae.learn.plain import static_html
from minivae.learn.question import Question
from minivae.learn.sitting import Sitting


class Quiz(anywidget.AnyWidget):
    """One question as a widget; made by `minivae.learn.quiz`.

    Parameters
    ----------
    question : Question
    ran : float, optional
        What came out of the learner's run, for a prediction.
    """

    _esm = lab.quiz_module()
    _css = lab.source("look.css", "quiz.css")
    question = traitlets.Dict().tag(sync=True)

    def __init__(self, question: Question, ran: object = None) -> None:
        sitting = Sitting(question, progress.current(), ran)
        super().__init__(question=sitting.view())
        self._sitting = sitting
        self.on_msg(self._on_message)

    def _on_message(self, _widget, content: dict, _buffers) -> None:
        # The number tells the view that asked from other views of the same widget.
        self.send({"number": content.get("number"), "reply": self._sitting.reply(content.get("request"))})

    def __repr__(self) -> str:
        return f"Quiz {self.question['ref']}: run this cell to answer"

    def _repr_mimebundle_(self, **kwargs) -> tuple[dict, dict]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        # In the order of seed 0, not the learner's, so that a lesson has the same output whoever runs it.
        page = static_html(self._sitting.question.view(), "Run this cell to answer.")
        return {**data, "text/plain": repr(self), "text/html": page}, metadata
