"""Calls what a learner wrote, under guard, and refuses it in words where it cannot be called or is not pure.

Each refusal has a symptom, a slug by which an exercise can give it its own hint; checker.py lists them.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from minivae.engine import Tensor
from minivae.learn import words
from minivae.learn.attempt import Attempt, FormError, gradient_of
from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.formula import Node
from minivae.learn.limited import HEADROOM, TimeUp, quiet, run_limited
from minivae.learn.markup import parse
from minivae.learn.note import Note
from minivae.learn.words import kind


@dataclass(frozen=True)
class Verdict:
    """What came of one check.

    Attributes
    ----------
    outcome : str
        ``"right"``, ``"wrong"``, or ``"stub"`` where there was nothing to check yet.
    note : Note
    misconception : str
        Its name, where one was recognised.
    symptom : str
        What was found, where no misconception was.
    """

    outcome: str
    note: Note
    misconception: str = ""
    symptom: str = ""


class Refused(Exception):
    """Ends the examination with a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.note.headline)
        self.verdict = verdict


class Caller:
    """A learner's function or class, the time it has left, and what is said of it.

    Parameters
    ----------
    exercise : Exercise
    function : callable
    limit_s : float
        Seconds for all calls together.
    """

    def __init__(self, exercise: Exercise, function: Callable, limit_s: float) -> None:
        self.exercise, self.function = exercise, function
        self.limit_s = self.left_s = limit_s
        self.calls = 0

    # Calling it ----------------------------------------------------------------------------------------------------

    def can_be_called(self) -> None:
        exercise, solution = self.exercise, self.exercise.solution
        what = "class" if exercise.is_class else "function"
        if not callable(self.function) or (exercise.is_class and not inspect.isclass(self.function)):
            self.refuse(
                "not-callable",
                f"got {kind(self.function)}, wanted a {what}",
                f'Hand over the {what} itself, without calling it: `check("{exercise.ref}", {solution.__name__})`.',
            )
        if exercise.is_class:
            self.has_methods()
            return
        names = list(inspect.signature(solution).parameters)
        try:
            signature = inspect.signature(self.function)
        except (ValueError, TypeError):
            return  # some compiled functions have none; the call will tell
        try:
            signature.bind(*names)
        except TypeError:
            self.refuse(
                "arguments",
                "the arguments do not fit",
                f"Got `{getattr(self.function, '__name__', 'function')}{signature}`, wanted a function of "
                f"{len(names)} {words.what_comes_in(exercise)}, in this order: `{', '.join(names)}`.",
            )

    def has_methods(self) -> None:
        for name, method in vars(self.exercise.solution).items():
            if not callable(method) or (name.startswith("_") and name not in ("__init__", "__call__")):
                continue
            mine = getattr(self.function, name, None)
            if mine is None:
                text = f"Wanted `{name}{inspect.signature(method)}` in `{self.exercise.signature}`."
                self.refuse("methods", f"your class has no method {name}", text)
            if words.is_idle(mine):
                self.nothing_yet(f"`{name}`")

    def called(self, inputs: tuple) -> dict[str, Any]:
        """Return the results of one call on copies of the inputs, by name: as they are, and gradients as arrays."""
        attempt = Attempt(self.exercise, self.function, inputs)
        state = words.global_generator()
        got = self.guarded(attempt.call, inputs)
        if got is None or got is ...:
            if words.is_idle(self.function) or got is ...:
                self.nothing_yet()
            self.refuse("nothing", "your function returns nothing", f"End it with `return`; return {self.returns()}.")
        self.is_pure(inputs, attempt, state)
        try:
            parts = attempt.parts()
        except FormError as error:
            self.refuse("form", str(error), f"Return {self.returns()}.")
        if not self.exercise.tensors:
            return parts
        for name, part in parts.items():
            if not isinstance(part, Tensor):
                text = "The result must stay on the tape: use operations on tensors, not `np`, and no `.data`."
                self.refuse(f"cut:{self.exercise.tensors[0]}", f"{name} is {kind(part)}, wanted a Tensor", text)
        self.guarded(attempt.backward, inputs)
        return parts | {gradient_of(name): leaf.grad for name, leaf in attempt.leaves.items()}

    def guarded(self, work: Callable[[], Any], inputs: tuple) -> Any:
        """Return what the learner's code returns, or tell what became of it instead; its time counts."""
        self.calls += 1
        start = time.monotonic()
        try:
            with quiet(shown=self.calls == 1):
                return run_limited(work, (), max(self.left_s, 0.01))
        except TimeUp as late:
            self.refuse(
                "late",
                f"no answer within {self.limit_s:g} s",
                "Is there a loop that never ends? The arrays are small, so a right function needs almost no time."
                + ("" if late.stopped else " Your function does not let itself be stopped: restart the kernel."),
            )
        except NotImplementedError:
            self.nothing_yet()
        except MemoryError:
            text = f"The arrays are small, and it asked for {HEADROOM >> 30} GB and more. Is there a list that grows?"
            self.refuse("memory", "your function wants too much memory", text)
        except (Exception, SystemExit) as error:
            names = zip(self.exercise.arguments, inputs, strict=True)
            shapes = ", ".join(f"{name} {words.short(x)}" for name, x in names)
            text = f"It was called with {shapes}."
            if self.exercise.tensors and "__array_ufunc__" in str(error):
                text += " NumPy's functions do not take tensors: write `x.exp()`, or use those of `minivae.ops`."
            self.refuse("raises", "your function raises an error", text, ["pre", words.raised(error)])
        finally:
            self.left_s -= time.monotonic() - start

    def is_pure(self, inputs: tuple, attempt: Attempt, state: tuple) -> None:
        for name, before, after in zip(self.exercise.arguments, inputs, attempt.arguments, strict=True):
            if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=before.dtype.kind == "f"):
                self.refuse(
                    f"changes:{name}",
                    f"your function changes its input {name}",
                    f"Whoever calls it still needs `{name}`. Make a new array: `a = a + b` does, while `a += b` and "
                    "`a[...] = b` write into the old one.",
                )
        if words.global_generator() != state:
            self.refuse(
                "global-rng",
                "your function uses NumPy's global generator",
                "It draws from `np.random`, or seeds it, and so changes what other code will draw. Leave it alone.",
            )

    # Saying it -----------------------------------------------------------------------------------------------------

    def returns(self) -> str:
        said = self.exercise.returns
        return f"`{said}`" if isinstance(said, str) else ", ".join(f"`{one}`" for one in said)

    def recognised(self, mistake: Misconception) -> NoReturn:
        note = Note("wrong", f"{self.exercise.ref}: not yet", parse(mistake.hint))
        raise Refused(Verdict("wrong", note, mistake.name))

    def refuse(self, symptom: str, what: str, text: str, *blocks: Node) -> NoReturn:
        for mistake in self.exercise.misconceptions:
            if mistake.shows(symptom):
                self.recognised(mistake)
        headline = f"{self.exercise.ref}: not yet, {what}"
        raise Refused(Verdict("wrong", Note("wrong", headline, [*parse(text), *blocks]), symptom=symptom))

    def nothing_yet(self, what: str = "") -> NoReturn:
        body = what or "the body"
        text = f"Write {body} of `{self.exercise.signature}`, run its cell, then run this one again."
        raise Refused(Verdict("stub", Note("info", f"{self.exercise.ref}: nothing to check yet", parse(text))))
