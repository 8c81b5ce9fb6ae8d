"""A sitting: one learner before one question, whatever shows it (a widget, a terminal, a test).

quiz_static.js is the same in JavaScript, for pages without Python; a test compares the two reply by reply.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from minivae.errors import ConfigError
from minivae.learn import progress
from minivae.learn.formula import Node
from minivae.learn.kinds.predict import Predict
from minivae.learn.progress import Event, Progress
from minivae.learn.question import Question

CHANGED: Node = ["par", "You have answered this before; the question has been changed since."]


class Sitting:
    """Answers requests with replies, both JSON, so that a browser can hold the other end.

    Parameters
    ----------
    question : Question
    store : Progress
        Where tries are counted. A cell that runs again meets the same tries, so the score stays that of the first.
    ran : float, optional
        For a prediction: what came out of the learner's own run, which settles it at once.

    Raises
    ------
    ConfigError
        If `ran` is given and nothing was predicted about a number.
    """

    def __init__(self, question: Question, store: Progress, ran: object = None) -> None:
        if ran is not None:
            if not isinstance(question, Predict):
                raise ConfigError(f"{question.ref}: got ran={ran!r}, but this is no prediction; leave it out")
            question = question.with_outcome(ran)
        self.question, self.store, self.has_run = question, store, ran is not None
        self._events: Sequence[Event] = ()

    def seed(self) -> int:
        """Return what the order of the choices hangs on: the learner's number, or 0 where the store has none."""
        seed = getattr(self.store, "seed", None)
        return seed() if callable(seed) else 0

    def view(self) -> dict:
        """Return the question as this learner sees it."""
        return self.question.view(self.seed())

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
            ``right`` (None before any try, and for a prediction that is not settled), ``tries``, ``headline``,
            ``feedback`` and ``hint`` (nodes), ``answer`` (the one they are about), ``marks`` (of choices, by id),
            ``locked`` (no other answer is taken now), ``may_reveal``, ``solution`` once it may be known, else None, and
            ``unkept``: why progress is not being kept, or "".
            A request that makes no sense gets ``{"problem": text}``.
        """
        fields = request if isinstance(request, dict) else {}
        do = fields.get("do")
        self._events = self.store.events(self.question.ref)  # once a request: it may be a file on a slow disk
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
            headline = "Right." if grade.right else "Not this one."
            return self._state(answer, grade.right, grade.feedback, headline, grade.marks)
        if self._predicts() and self._tries():
            raise ConfigError("Your prediction is made. Run the cells that settle it, then compare.")
        self._add(Event(self.question.ref, self.question.event, grade.right, json.dumps(answer)))
        return self._resume()

    def _reveal(self) -> dict:
        if self._open():
            tried, wanted = len(self._tries()), self.question.tries_before_solution
            if tried < wanted:
                raise ConfigError(f"quiz: got {tried} tries, wanted {wanted} before the answer is shown")
            self._add(Event(self.question.ref, "solution"))
        if self._predicts():
            return self._resume()
        solution = self.question.solution()
        marks = self.question.grade(solution).marks
        return self._state(solution, True, self.question.told(), "The answer:", marks)

    def _resume(self) -> dict:
        tries = self._tries()
        if not tries:
            return self._state(None, None, [], "", {})
        if self._predicts() and self.has_run and self._open():
            self._add(Event(self.question.ref, "solution"))
        try:
            answer = json.loads(tries[-1].detail)
            grade = self.question.grade(answer)
        except (ConfigError, ValueError):  # kept from an older version of the question
            return self._state(None, None, [CHANGED], "", {})
        if self._predicts() and self._open():
            assert isinstance(self.question, Predict)
            return self._state(answer, None, self.question.noted(answer), "Noted.", {})
        headline = self.question.headline(grade.right, len(tries))
        return self._state(answer, grade.right, grade.feedback, headline, grade.marks)

    def _state(self, answer, right: bool | None, feedback: list, headline: str, marks: dict[str, bool]) -> dict:
        tries, still_open = len(self._tries()), self._open()
        return {
            "answer": answer,
            "right": right,
            "headline": headline,
            "feedback": feedback,
            "marks": marks if still_open or right is None else self.question.marks() | marks,
            "hint": self.question.hint if right is False and still_open else [],
            "tries": tries,
            "locked": self._predicts() and still_open and tries > 0,
            "may_reveal": still_open and tries >= self.question.tries_before_solution,
            "solution": None if still_open else self.question.solution(),
            "unkept": self.store.problem,
        }

    def _predicts(self) -> bool:
        return isinstance(self.question, Predict)

    def _add(self, event: Event) -> None:
        self.store.add(event)
        self._events = self.store.events(self.question.ref)

    def _tries(self) -> list[Event]:
        if self._predicts():  # one commits once; two kernels at once may have kept two
            return [event for event in self._events if event.what == self.question.event][:1]
        return progress.counted(self._events)

    def _open(self) -> bool:
        """Whether the question still counts: no right answer yet, and the solution not shown."""
        return not any(e.what == "solution" or (e.what == "answer" and e.right) for e in self._events)
