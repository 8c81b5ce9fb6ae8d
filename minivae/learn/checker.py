"""Tries a learner's function, and says in one short note what came of it.

A function is called on a few shapes and both float types, first float64 of shape (5, 3). What it does there decides,
in this order: does it run, leave its inputs alone, match the right numbers, or match the numbers of a known mistake?
"""

from __future__ import annotations

import dis
import inspect
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minivae.learn.exercise import Exercise, Inputs, Misconception
from minivae.learn.formula import Node
from minivae.learn.limited import TimeUp, quiet, run_limited
from minivae.learn.markup import parse
from minivae.learn.note import Note

LIMIT_S = 5.0  # for all calls of one check together
SHAPES = ((5, 3), (1, 4), (4, 1), (1, 1), (2, 6))  # the first one is not square, so that no axis passes for another


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
    """

    outcome: str
    note: Note
    misconception: str = ""


class _Refused(Exception):
    """Ends the examination with a verdict."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.note.headline)
        self.verdict = verdict


def examine(exercise: Exercise, function: Callable, limit_s: float = LIMIT_S) -> Verdict:
    """Try a function and return the verdict, showing nothing of it.

    Parameters
    ----------
    exercise : Exercise
    function : callable
    limit_s : float
        Seconds for all calls together.
    """
    trial = _Trial(exercise, function, limit_s)
    try:
        trial.run()
    except _Refused as refused:
        return refused.verdict
    text = f"`{exercise.signature}` gives the right numbers for every shape tried, in float32 and float64, and leaves "
    return Verdict("right", Note("right", f"{exercise.ref}: right", parse(text + "its inputs as they were.")))


class _Trial:
    """One function under examination; each step raises _Refused if it finds something to say."""

    def __init__(self, exercise: Exercise, function: Callable, limit_s: float) -> None:
        self.exercise, self.function, self.left_s = exercise, function, limit_s
        self.limit_s = limit_s
        self.calls = 0

    def run(self) -> None:
        self.can_be_called()
        rng = self.exercise.rng()
        for shape in SHAPES:
            drawn = self.exercise.draw(rng, *shape)
            for dtype in (np.float64, np.float32):
                inputs = tuple(array.astype(dtype) for array in drawn)
                got = self.call(inputs)
                wanted = self.exercise.solution(*(array.astype(np.float64) for array in inputs))
                if shape == SHAPES[0] and dtype is np.float64:
                    self.is_repeatable(inputs, got)
                    self.is_no_known_mistake(inputs, got, wanted)
                self.is_right(inputs, got, wanted)

    def can_be_called(self) -> None:
        names = ", ".join(self.exercise.arguments)
        if not callable(self.function):
            name = self.exercise.solution.__name__
            self.refuse(
                f"got {_kind(self.function)}, wanted a function",
                f'Hand over the function itself, without calling it: `check("{self.exercise.ref}", {name})`.',
            )
        try:
            signature = inspect.signature(self.function)
        except (ValueError, TypeError):
            return  # some compiled functions have none; the call will tell
        try:
            signature.bind(*self.exercise.arguments)
        except TypeError:
            self.refuse(
                "the arguments do not fit",
                f"Got `{getattr(self.function, '__name__', 'function')}{signature}`, wanted a function of "
                f"{len(self.exercise.arguments)} arrays, in this order: `{names}`.",
            )

    def call(self, inputs: Inputs):
        """Return the function's result on copies of the inputs, which must still be equal afterwards."""
        copies = tuple(array.copy() for array in inputs)
        state = _global_generator()
        self.calls += 1
        try:
            with quiet(shown=self.calls == 1):
                got = self.timed(copies)
        except TimeUp as late:
            self.refuse(
                f"no answer within {self.limit_s:g} s",
                "Is there a loop that never ends? The arrays are tiny, so a right function needs almost no time."
                + ("" if late.stopped else " Your function does not let itself be stopped: restart the kernel."),
            )
        except NotImplementedError:
            self.nothing_yet()
        except (Exception, SystemExit) as error:
            self.raised(error, inputs)
        if got is None or got is ...:
            if _is_stub(self.function) or got is ...:
                self.nothing_yet()
            self.refuse("your function returns nothing", f"End it with `return`, and return {self.returns()}.")
        for name, before, after in zip(self.exercise.arguments, inputs, copies, strict=True):
            if not np.array_equal(before, after):
                self.refuse(
                    f"your function changes its input {name}",
                    f"Whoever calls it still needs `{name}`. Make a new array: `a = a + b` does, while `a += b` and "
                    "`a[...] = b` write into the old one.",
                )
        if _global_generator() != state:
            for mistake in self.exercise.misconceptions:
                if mistake.random:
                    self.recognised(mistake)
            self.refuse(
                "your function uses NumPy's global generator",
                "It draws from `np.random`, or seeds it, and so changes what other code will draw. Leave it alone.",
            )
        return got

    def timed(self, copies: Inputs):
        """Return the function's result, and count its time against the limit."""
        start = time.monotonic()
        try:
            return run_limited(self.function, copies, max(self.left_s, 0.01))
        finally:
            self.left_s -= time.monotonic() - start

    def is_repeatable(self, inputs: Inputs, got) -> None:
        again = self.call(inputs)
        if _same(got, again) or not _same(got, got):  # what does not equal itself holds no numbers: told later
            return
        for mistake in self.exercise.misconceptions:
            if mistake.random:
                self.recognised(mistake)
        self.refuse(
            "two calls with equal inputs differ", "The result must depend on the inputs alone: draw no numbers."
        )

    def is_no_known_mistake(self, inputs: Inputs, got, wanted: np.ndarray) -> None:
        if _same(got, wanted):
            return
        with np.errstate(all="ignore"):
            for mistake in self.exercise.misconceptions:
                if mistake.wrong is not None and _same(got, mistake.wrong(*inputs)):
                    self.recognised(mistake)

    def is_right(self, inputs: Inputs, got, wanted: np.ndarray) -> None:
        shown = f"For inputs of shape {_brackets(inputs[0].shape)} "
        if not isinstance(got, (np.ndarray, np.generic)):
            self.refuse(
                f"got {_kind(got)}, wanted an array", f"Return {self.returns()}, as a NumPy array: `np.array(...)`."
            )
        if got.shape != wanted.shape:
            self.refuse(
                f"got shape {_brackets(got.shape)}, wanted {_brackets(wanted.shape)}",
                f"{shown}the result is {self.returns()}.",
            )
        if got.dtype not in (np.float32, np.float64):
            self.refuse(
                f"got {got.dtype} numbers, wanted floats",
                f"For {inputs[0].dtype} inputs return float32 or float64. Is there an `astype`, or an array made "
                "with another dtype?",
            )
        if not np.isfinite(got).all():
            self.refuse(
                "got nan or inf",
                f"{shown}the result holds {int((~np.isfinite(got)).sum())} of them. The root or the logarithm of a "
                "negative number gives `nan`; a division by 0, or the `exp` of a large number, gives `inf`.",
            )
        if not _same(got, wanted):
            self.uses_all(inputs, got)
            self.differs(inputs, got, wanted)

    def uses_all(self, inputs: Inputs, got) -> None:
        for place, name in enumerate(self.exercise.arguments):
            others = list(inputs)
            others[place] = inputs[place][::-1] + 0.5
            if _same(got, self.call(tuple(others))):
                for mistake in self.exercise.misconceptions:
                    if mistake.ignores == name:
                        self.recognised(mistake)
                self.refuse(
                    f"your result does not depend on {name}", f"It stays the same when `{name}` changes. Use it."
                )

    def differs(self, inputs: Inputs, got, wanted: np.ndarray) -> None:
        """Refuse with numbers: the exercise's small example where it shows the fault, else the inputs that did."""
        example = self.exercise.example
        right = self.exercise.solution(*example)
        mine = self.call(example)
        if np.shape(mine) == right.shape and not _same(mine, right):
            inputs, got, wanted = example, mine, right
        rows = [*zip(self.exercise.arguments, inputs, strict=True), ("yours", got), ("wanted", wanted)]
        width = max(len(name) for name, _ in rows)
        table = "\n".join(f"{name:{width}} = {_numbers(array, width + 3)}" for name, array in rows)
        self.refuse("the numbers differ", "One case, to go through by hand:", ["pre", table])

    def raised(self, error: BaseException, inputs: Inputs) -> None:
        text = f"{type(error).__name__}: {error}".splitlines()[0][:300].rstrip(": ")
        lines = [text]
        file = getattr(getattr(inspect.unwrap(self.function), "__code__", None), "co_filename", None)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename == file:
                lines.append(f"in line {frame.lineno}: {frame.line}")
                break
        shapes = ", ".join(f"{n} {_brackets(a.shape)}" for n, a in zip(self.exercise.arguments, inputs, strict=True))
        self.refuse("your function raises an error", f"It was called with {shapes}.", ["pre", "\n".join(lines)])

    def returns(self) -> str:
        return f"`{self.exercise.returns}`"

    def recognised(self, mistake: Misconception) -> None:
        note = Note("wrong", f"{self.exercise.ref}: not yet", parse(mistake.hint))
        raise _Refused(Verdict("wrong", note, mistake.name))

    def refuse(self, what: str, text: str, *blocks: Node) -> None:
        headline = f"{self.exercise.ref}: not yet, {what}"
        raise _Refused(Verdict("wrong", Note("wrong", headline, [*parse(text), *blocks])))

    def nothing_yet(self) -> None:
        text = f"Write the body of `{self.exercise.signature}`, run its cell, then run this one again."
        raise _Refused(Verdict("stub", Note("info", f"{self.exercise.ref}: nothing to check yet", parse(text))))


def _same(got, wanted) -> bool:
    """Equal in shape and, within float32's digits, in value."""
    try:
        got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
    except (TypeError, ValueError):  # ragged, or no numbers at all
        return False
    # float32 sums of a few terms are good to 1e-6; every known mistake is off by more than 1e-2
    return got.shape == wanted.shape and np.allclose(got, wanted, rtol=1e-4, atol=1e-5, equal_nan=True)


def _is_stub(function: Callable) -> bool:
    """Whether the body does nothing at all: `...`, `pass`, a docstring."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    idle = {"RESUME", "NOP", "POP_TOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
    return code is not None and {i.opname for i in dis.get_instructions(code)} <= idle


def _global_generator() -> tuple:
    state: dict = np.random.get_state(legacy=False)  # noqa: NPY002  it is this one we guard
    return state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"], state["gauss"]


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return "an array"
    return "nothing (None)" if value is None else f"a value of type {type(value).__name__}"


def _brackets(shape: tuple[int, ...]) -> str:
    return "() (a single number)" if shape == () else str(shape)


def _numbers(array, indent: int) -> str:
    rounded = np.round(np.asarray(array, np.float64), 3) + 0.0  # + 0.0 turns -0. into 0.
    return np.array2string(rounded, separator=", ", prefix=" " * indent)
