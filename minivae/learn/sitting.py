"""A sitting: one learner before one question, whatever shows it (a widget, a terminal, a test)."""

from __future__ import annotations

import json

from minivae.errors import ConfigError
from minivae.learn import progress
from minivae.learn.progress import Event, Progress
from minivae.learn.question import Question

TRIES_BEFORE_SOLUTION = 2


class Sitting:
    """Answers requests with replies, both JSON, so that a browser can hold the other end.

    Parameters
    ----------
    question : Question
    store : Progress
        Where tries are counted. A cell that runs again meets the same tries, so the score stays that of the first.
    """

    def __init__(self, question: Question, store: Progress) -> None:
        self.question, self.store = question, store

    def reply(self, request: object) -> dict:
        """Return the reply to one request; never raises for what a browser may send.

        Parameters
        ----------
        request : dict
            ``{"do": "answer", "answer": ...}``, ``{"do": "reveal"}``, or ``{"do": "resume"}``, which asks for the state
            of affairs when a page is opened again.

        Returns
        -------
        dict
            ``right`` (None before any try), ``tries``, ``headline``, ``feedback`` and ``hint`` (nodes),
            ``answer`` (the one they are about), ``may_reveal``, and ``solution`` once it may be known, else None.
            A request that makes no sense gets ``{"problem": text}``.
        """
        fields = request if isinstance(request, dict) else {}
        do = fields.get("do")
        try:
            if do == "answer":
                return self._answer(fields.get("answer"))
            if do == "reveal":
                return self._reveal()
            if do == "resume":
                return self._resume()
        except ConfigError as error:
            return {"problem": str(error)}
        return {"problem": f"quiz: got the request {request!r}, wanted answer, reveal or resume"}

    def _answer(self, answer: object) -> dict:
        grade = self.question.grade(answer)
        if not self._open():  # going on to read what the other options would have said; it no longer counts
            return self._state(answer, grade.right, grade.feedback, "Right." if grade.right else "Not this one.")
        self.store.add(Event(self.question.ref, "answer", grade.right, json.dumps(answer)))
        return self._resume()

    def _reveal(self) -> dict:
        if self._open():
            wrong = len(self._tries())
            if wrong < TRIES_BEFORE_SOLUTION:
                raise ConfigError(f"quiz: got {wrong} tries, wanted {TRIES_BEFORE_SOLUTION} before the answer is shown")
            self.store.add(Event(self.question.ref, "solution"))
        solution = self.question.solution()
        return self._state(solution, True, self.question.grade(solution).feedback, "The answer:")

    def _resume(self) -> dict:
        tries = self._tries()
        if not tries:
            return self._state(None, None, [], "")
        answer = json.loads(tries[-1].detail)
        grade = self.question.grade(answer)
        if grade.right:
            headline = "Right, on the first try." if len(tries) == 1 else f"Right, on try {len(tries)}."
        else:
            headline = "Not yet."
        return self._state(answer, grade.right, grade.feedback, headline)

    def _state(self, answer, right: bool | None, feedback: list, headline: str) -> dict:
        tries, still_open = len(self._tries()), self._open()
        return {
            "answer": answer,
            "right": right,
            "headline": headline,
            "feedback": feedback,
            "hint": self.question.hint if right is False and still_open else [],
            "tries": tries,
            "may_reveal": still_open and tries >= TRIES_BEFORE_SOLUTION,
            "solution": None if still_open else self.question.solution(),
        }

    def _tries(self) -> list[Event]:
        return progress.tries(self.store, self.question.ref)

    def _open(self) -> bool:
        """Whether the question still counts: no right answer yet, and the solution not shown."""
        return not any(event.right or event.what == "solution" for event in self.store.events(self.question.ref))
