"""What a check says about values, errors and functions: small questions, answered for a learner."""

from __future__ import annotations

import dis
import inspect
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minivae.engine import Tensor
from minivae.learn.exercise import Exercise
from minivae.learn.law import ALARM, Signs

# Frames of these are not the learner's: this package, the standard library, what is installed.
FOREIGN = tuple(
    str(path)
    for path in (
        Path(__file__).resolve().parents[1],
        Path(np.__file__).parents[1],
        Path(sysconfig.get_path("stdlib")),
        Path(sysconfig.get_path("purelib")),
    )
)


def same(one: Any, other: Any, rtol: float = 1e-4) -> bool:
    """Whether two results are equal in shape and, within float32's digits, in value; text must be equal."""
    if one is None or other is None:
        return False
    one, other = (x.data if isinstance(x, Tensor) else x for x in (one, other))
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    try:
        a, b = np.asarray(one, np.float64), np.asarray(other, np.float64)
    except (TypeError, ValueError):  # ragged, or no numbers at all
        return False
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=rtol, atol=rtol / 10, equal_nan=True))


def is_idle(function: Callable) -> bool:
    """Whether the body does nothing at all: `...`, `pass`, a docstring."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    idle = {"RESUME", "NOP", "POP_TOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}
    return code is not None and {i.opname for i in dis.get_instructions(code)} <= idle and not _constant(code)


def _constant(code: Any) -> bool:
    """Whether a function without any instruction of its own returns something after all, as `return 0` does."""
    last = [i for i in dis.get_instructions(code) if i.opname in ("LOAD_CONST", "RETURN_CONST")]
    return bool(last) and last[-1].argval is not None and last[-1].argval is not ...


def global_generator() -> tuple:
    """Return the state of NumPy's hidden generator, which a learner's code shall leave alone."""
    state: dict = np.random.get_state(legacy=False)  # noqa: NPY002  it is this one we guard
    return state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"], state["gauss"]


def raised(error: BaseException) -> str:
    """Return the error and the last line of the learner's own that it came through."""
    lines = [f"{type(error).__name__}: {error}".splitlines()[0][:300].rstrip(": ")]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((*FOREIGN, "<frozen")) and frame.line:
            lines.append(f"in line {frame.lineno}: {frame.line}")
            break
    return "\n".join(lines)


def kind(value: object) -> str:
    """Name what a value is."""
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, Tensor):
        return "a Tensor"
    return "nothing (None)" if value is None else f"a value of type {type(value).__name__}"


def article(wanted: np.ndarray) -> str:
    """Name what is wanted."""
    return (
        "a number"
        if wanted.shape == () and wanted.dtype.kind != "U"
        else "text"
        if wanted.dtype.kind == "U"
        else "an array"
    )


def brackets(shape: tuple[int, ...]) -> str:
    """Write a shape."""
    return "() (a single number)" if shape == () else str(shape)


def short(value: Any) -> str:
    """Write an input in a word: an array by its shape."""
    if isinstance(value, np.ndarray):
        return str(value.shape)
    if isinstance(value, np.random.Generator):
        return "(a generator)"
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    return text if len(text) < 20 else f"({type(value).__name__})"


def table(rows: list[tuple[str, Any]]) -> str:
    """Write names and values below each other."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}} = {_numbers(value, width + 3)}" for name, value in rows)


def _numbers(value: Any, indent: int) -> str:
    value = value.data if isinstance(value, Tensor) else value
    if isinstance(value, (bool, int, float, str)):
        return short(value)
    try:
        rounded = np.round(np.asarray(value, np.float64), 3) + 0.0  # + 0.0 turns -0. into 0.
    except (TypeError, ValueError):
        return short(value)
    return np.array2string(rounded, separator=", ", prefix=" " * indent, threshold=40, edgeitems=2)


def what_comes_in(exercise: Exercise) -> str:
    """Name what the arguments are."""
    if exercise.tensors:
        return "tensors" if set(exercise.tensors) == set(exercise.arguments) else "values"
    shapes = [one.shape for one in exercise.inputs.values()]
    return "arrays" if all(shapes) else "values"


def praise(exercise: Exercise) -> str:
    """Say what was tried, of something that is right."""
    if exercise.law is not None:
        million = f"{round(1 / ALARM):,}"
        return (
            "draws from the right distribution, as far as 10,000 draws can tell, and independently. (Of right samplers "
            f"one in {million} fails this test.)"
        )
    if exercise.cuda is not None:
        return (
            "gives the right numbers at every size tried, in three orders of its threads, and the simulator saw no "
            "race, no access beside an array, no value that nobody wrote and no barrier that some thread missed."
        )
    both = "float32 and float64" if len(exercise.dtypes) > 1 else exercise.dtypes[0]
    if exercise.tensors:
        return f"gives the right numbers and sends back the right gradients, for every shape tried, in {both}."
    if exercise.is_class:
        return f"does the right thing for every shape tried, in {both}."
    what = "gradients, the same as difference quotients," if exercise.gradient else "numbers"
    return f"gives the right {what} for every shape tried, in {both}, and leaves its inputs as they were."


def pattern(got: Any, wanted: Any, inputs: tuple, exercise: Exercise) -> str:
    """Say what wrong numbers have to do with the right ones, where all of them tell the same; else nothing."""
    try:
        a, b = np.asarray(getattr(got, "data", got), np.float64), np.asarray(wanted, np.float64)
    except (TypeError, ValueError):
        return ""
    if a.shape != b.shape or a.size < 2 or not np.isfinite(a).all():
        return ""
    big = np.abs(b) > 1e-3
    ratios = a[big] / b[big] if big.sum() > 1 else np.array([0.0, 1.0])
    if np.ptp(ratios) < 1e-3 * abs(ratios.mean()):
        ratio = float(ratios.mean())
        if abs(ratio + 1) < 1e-3:
            return "Each of your numbers has the sign turned. "
        counts = {n: f"one of the sizes is {n}" for x in inputs if isinstance(x, np.ndarray) for n in x.shape if n > 1}
        counts |= {x.size: f"there are {x.size} numbers" for x in inputs if isinstance(x, np.ndarray) and x.size > 1}
        for n, said in counts.items():
            for what, factor in ((f"1/{n}", 1 / n), (f"{n}", float(n))):
                if abs(ratio / factor - 1) < 1e-3:
                    cure = "a mean where a sum is wanted" if factor < 1 else "a sum where a mean is wanted"
                    return f"Each of your numbers is {what} times the right one, and {said}: is it {cure}? "
        return f"Each of your numbers is {ratio:.4g} times the right one. "
    if np.ptp(a - b) < 1e-3 * abs((a - b).mean()):
        return f"Each of your numbers is off by {(a - b).mean():.4g}. "
    return ""


def unlike(fault: str, signs: Signs, draws: int) -> tuple[str, str]:
    """Return headline and text about draws that fail a test."""
    rate = f" (Over {draws:,} draws; a right function fails this test once in {round(1 / ALARM):,} times.)"
    if fault == "dependent":
        text = "A draw tells something about the next one, or one number of a draw about another. Draw anew for each."
        return "your draws depend on each other", text + rate
    if fault == "mean":
        where = "above" if signs.shift > 0 else "below"
        text = f"On average they lie {abs(signs.shift):.2g} standard deviations {where} where they should."
        return "your draws have another mean", text + rate
    if fault == "spread":
        text = f"Their standard deviation is {signs.ratio:.3g} times what it should be."
        return "your draws have another spread", text + rate
    text = "Mean and spread are right, the shape of the distribution is not: is it another distribution?"
    return "your draws follow another distribution", text + rate
