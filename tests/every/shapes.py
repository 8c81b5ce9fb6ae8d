"""What each op may be given: one table of legal shapes and settings, drawn at random.

A draw asks for whole numbers in a range and for nothing else. So the same table serves Hypothesis, which can shrink
what it drew, and a seeded generator, where speed counts (tests/every/mutants.py).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st


@dataclass
class Example:
    """Inputs of an op, float64 arrays in any memory layout or Python numbers, and its settings."""

    inputs: list
    constants: dict

    def __repr__(self) -> str:
        inputs = ", ".join(f"{x.shape} {x.strides}" if isinstance(x, np.ndarray) else f"{x}" for x in self.inputs)
        return f"Example({inputs}; {', '.join(f'{k}={v!r}' for k, v in self.constants.items())})"


class Draw:
    """Decisions made of whole numbers. `integer(low, high)` gives one, both ends included."""

    def __init__(self, integer: Callable[[int, int], int]):
        self.integer = integer
        self.rng = np.random.default_rng(integer(0, 999))  # for values; only shapes and settings are worth shrinking

    def one_of(self, *options: Any) -> Any:
        """One of the options; the first is the simplest."""
        return options[self.integer(0, len(options) - 1)]

    def yes(self) -> bool:
        return self.integer(0, 1) == 1

    def shape(self, low: int = 0, high: int = 3, *, smallest: int = 0, largest: int = 3) -> tuple:
        """`low` to `high` axes of `smallest` to `largest` each."""
        # an axis of 0 is drawn last, so that it is not what shrinking ends at
        sides = [*range(max(smallest, 1), largest + 1), *([0] if smallest == 0 else [])]
        return tuple(self.one_of(*sides) for _ in range(self.integer(low, high)))

    def normal(self, *shape: int) -> np.ndarray:
        return self.lay(self.rng.normal(size=shape))

    def positive(self, *shape: int) -> np.ndarray:
        return self.lay(self.rng.uniform(0.5, 2.0, size=shape))

    def off_zero(self, *shape: int) -> np.ndarray:
        x = self.rng.normal(size=shape)
        return self.lay(x + 0.1 * (2 * (x > 0) - 1))

    def lay(self, a: np.ndarray) -> np.ndarray:
        """The same values in one of the memory layouts that views have."""
        a = np.asarray(a)
        return self.one_of(*LAYOUTS)(a) if a.ndim else a

    def broadcast(self, n: int, kind: Callable) -> list:
        """`n` arrays whose shapes broadcast: axes in front left out, others of size 1. Now and then one is a number."""
        whole = self.shape()
        arrays = []
        for _ in range(n):
            kept = whole[self.integer(0, len(whole)) :]
            arrays.append(kind(*(1 if self.integer(0, 3) == 3 else n for n in kept)))
        if self.integer(0, 7) == 7:
            arrays[self.integer(0, n - 1)] = float(self.rng.uniform(0.5, 2.0))
        return arrays

    def axes(self, ndim: int) -> Any:
        """What `axis=` takes: None, one number, or a tuple of several, counted from either end."""
        if self.integer(0, 3) == 0:
            return None
        if ndim == 0:
            return self.one_of(None, (), 0, -1)  # NumPy and PyTorch let a number have one axis
        ways = [axis - ndim * self.integer(0, 1) for axis in range(ndim)]
        if self.yes():
            return ways[self.integer(0, ndim - 1)]
        return tuple(way for way in ways if self.yes())


def _fortran(a: np.ndarray) -> np.ndarray:
    return np.array(a, order="F")


def _backwards(a: np.ndarray) -> np.ndarray:
    """Stored last element first: negative strides."""
    return np.flip(np.flip(a).copy())


def _spread(a: np.ndarray) -> np.ndarray:
    """Every second element along every axis of something larger, which holds NaN in between."""
    large = np.full([2 * n for n in a.shape], np.nan)
    inner = large[tuple(slice(0, 2 * n, 2) for n in a.shape)]
    inner[...] = a
    return inner


def _window(a: np.ndarray) -> np.ndarray:
    """The inside of a larger array, which holds NaN around it."""
    large = np.full([n + 2 for n in a.shape], np.nan)
    inner = large[tuple(slice(1, 1 + n) for n in a.shape)]
    inner[...] = a
    return inner


def _first_axis_last(a: np.ndarray) -> np.ndarray:
    """Neither C nor Fortran order: the first axis is the one that is contiguous in memory."""
    return np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0)


LAYOUTS = [np.copy, _fortran, _backwards, _spread, _window, _first_axis_last]

TABLE: dict[str, Callable[[Draw], tuple[list, dict]]] = {}


def legal(*names: str) -> Callable:
    """Enter a drawing function in the table, for one op or for several."""

    def enter(function: Callable) -> Callable:
        for name in names:
            assert name not in TABLE, f"{name} is in the table twice"
            TABLE[name] = function
        return function

    return enter


def example(name: str, integer: Callable[[int, int], int]) -> Example:
    """A legal example of the op, made of the decisions of `integer`."""
    return Example(*TABLE[name](Draw(integer)))


def seeded(name: str, seed: int) -> Example:
    """A legal example of the op by number."""
    rng = np.random.default_rng([seed, *name.encode()])
    return example(name, lambda low, high: int(rng.integers(low, high + 1)))


@st.composite
def examples(draw: Callable, name: str) -> Example:
    """Legal examples of the op, for Hypothesis."""
    return example(name, lambda low, high: draw(st.integers(low, high)))


@legal("tanh", "sigmoid", "softplus", "silu", "gelu", "neg", "exp", "expm1")
def _anywhere(d):
    return [d.normal(*d.shape())], {}


@legal("relu", "abs")
def _kink_at_zero(d):
    return [d.off_zero(*d.shape())], {}


@legal("log", "log1p", "sqrt")
def _positive(d):
    return [d.positive(*d.shape())], {}


@legal("leaky_relu")
def _leaky_relu(d):
    return [d.off_zero(*d.shape())], d.one_of({}, {"slope": 0.2}, {"slope": 0.0}, {"slope": -0.5})


@legal("straight_through")
def _straight_through(d):
    return [d.normal(*d.shape())], {"f": lambda x: x + 1}  # of slope 1, so that differences agree


@legal("power")
def _power(d):
    return [d.positive(*d.shape())], {"exponent": d.one_of(2, 1, 3, -1, 0, 0.5, -1.5, 2.0)}


@legal("clip")
def _clip(d):
    bounds = d.one_of((-1.03, 0.97), (0.0, np.inf), (-np.inf, 0.0), (-0.05, 0.05), (-9, 9))
    return [d.off_zero(*d.shape())], {"low": bounds[0], "high": bounds[1]}


@legal("add", "sub", "mul", "maximum")
def _two(d):
    return d.broadcast(2, d.normal), {}


@legal("div")
def _div(d):
    return d.broadcast(2, d.positive), {}


@legal("where")
def _where(d):
    whole = d.shape()
    *inputs, pattern = d.broadcast(3, d.normal) if d.yes() else [d.normal(*whole), d.normal(*whole), d.normal(*whole)]
    return inputs, {"condition": np.asarray(pattern) > 0}


@legal("sum", "mean", "var", "max", "logsumexp")
def _reduction(d):
    shape = d.shape(smallest=1)
    axis = d.axes(len(shape))
    if d.integer(0, 5) == 5 and shape and axis is not None:  # empty along an axis that stays
        reduced = {a % len(shape) for a in np.atleast_1d(np.array(axis, int))}
        shape = tuple(n if i in reduced else 0 for i, n in enumerate(shape))
    constants = {} if axis is None and d.yes() else {"axis": axis}
    return [d.normal(*shape)], constants | d.one_of({}, {"keepdims": True}, {"keepdims": False})


@legal("softmax")
def _softmax(d):
    shape = d.shape(smallest=1)
    axis = d.integer(-max(len(shape), 1), max(len(shape), 1) - 1)
    if d.integer(0, 5) == 5:
        shape = tuple(n if i == axis % len(shape) else 0 for i, n in enumerate(shape))
    return [d.normal(*shape)], {} if axis == -1 else {"axis": axis}


@legal("reshape")
def _reshape(d):
    shape = d.shape()
    size = int(np.prod(shape))
    options = [(size,), (size, 1), (1, size), shape[::-1], size]
    if size:
        options += [(-1,), -1, (1, -1, 1)] + [(k, -1) for k in (2, 3) if size % k == 0]
    if size == 1:
        options += [()]
    return [d.normal(*shape)], {"shape": d.one_of(*options)}


@legal("transpose")
def _transpose(d):
    shape = d.shape()
    if d.integer(0, 3) == 0:
        return [d.normal(*shape)], {}
    order = list(range(len(shape)))
    for i in range(len(order) - 1, 0, -1):
        j = d.integer(0, i)
        order[i], order[j] = order[j], order[i]
    return [d.normal(*shape)], {"axes": tuple(axis - len(shape) * d.integer(0, 1) for axis in order)}


@legal("getitem")
def _getitem(d):
    shape = d.shape(1, 3)
    index: list = []
    for n in shape[: d.integer(0, len(shape))]:
        ends = [None, *range(-n - 1, n + 2)]
        piece = slice(d.one_of(*ends), d.one_of(*ends), d.one_of(None, 1, 2, -1, -2))
        index.append(d.integer(-n, n - 1) if n and d.yes() else piece)
    if d.yes():
        index.append(...)  # what is left over, perhaps nothing
    if d.integer(0, 3) == 3:
        index.insert(d.integer(0, len(index)), None)
    return [d.normal(*shape)], {"index": index[0] if len(index) == 1 and d.yes() else tuple(index)}


@legal("concat")
def _concat(d):
    shape = d.shape(1, 3)
    axis = d.integer(-len(shape), len(shape) - 1)
    parts = []
    for _ in range(d.integer(1, 3)):
        own = list(shape)
        own[axis] = d.one_of(1, 2, 3, 0)
        parts.append(d.normal(*own))
    return parts, {} if axis == -1 else {"axis": axis}


@legal("stack")
def _stack(d):
    shape = d.shape(0, 2)
    axis = d.integer(-len(shape) - 1, len(shape))
    return [d.normal(*shape) for _ in range(d.integer(1, 3))], {} if axis == 0 else {"axis": axis}


@legal("pad")
def _pad(d):
    shape = d.shape(1, 3)
    width = tuple((d.integer(0, 2), d.integer(0, 2)) for _ in shape)
    return [d.normal(*shape)], {"width": width, **d.one_of({}, {"value": 3.0}, {"value": -1})}


@legal("take")
def _take(d):
    shape = d.shape(1, 3, smallest=1)
    axis = d.integer(-len(shape), len(shape) - 1)
    places = d.shape(0, 2, largest=3)
    index = d.rng.integers(-shape[axis], shape[axis], size=places)
    return [d.normal(*shape)], {"index": np.asarray(index)} | ({} if axis == 0 else {"axis": axis})


@legal("matmul")
def _matmul(d):
    n, k, m = (d.one_of(1, 2, 3, 0) for _ in range(3))
    batch = d.shape(0, 2, largest=2)
    fronts = []
    for _ in range(2):
        kept = batch[d.integer(0, len(batch)) :]
        fronts.append(tuple(1 if d.integer(0, 2) == 2 else side for side in kept))
    return [d.normal(*fronts[0], n, k), d.normal(*fronts[1], k, m)], {}


@legal("linear")
def _linear(d):
    B, n_in, n_out = (d.one_of(1, 2, 3, 0) for _ in range(3))
    return [d.normal(B, n_in), d.normal(n_in, n_out), d.normal(n_out)], {}


@legal("conv2d")
def _conv2d(d):
    B, C, n_out, k = d.one_of(1, 2, 0), d.one_of(1, 2, 3, 5), d.one_of(1, 2, 3), d.one_of(1, 2, 3, 4)
    stride, padding = d.one_of(1, 2, 3), d.one_of(0, 1, 2)
    H, W = (max(1, k - 2 * padding) + d.integer(0, 3) for _ in range(2))
    return [d.normal(B, C, H, W), d.normal(k, k, C, n_out), d.normal(n_out)], _spare(d, stride, padding)


@legal("conv_transpose2d")
def _conv_transpose2d(d):
    B, C, n_out, k = d.one_of(1, 2, 0), d.one_of(1, 2, 3, 5), d.one_of(1, 2, 3), d.one_of(1, 2, 3, 4)
    stride, padding = d.one_of(1, 2, 3), d.one_of(0, 1, 2)
    least = max(1, -((k - 2 * padding - 1) // stride) + 1)  # so that (n - 1) * stride + k - 2 padding is at least 1
    h, w = (least + d.integer(0, 2) for _ in range(2))
    return [d.normal(B, C, h, w), d.normal(k, k, n_out, C), d.normal(n_out)], _spare(d, stride, padding)


def _spare(d: Draw, stride: int, padding: int) -> dict:
    """The settings, some of them left out where they are the default anyway."""
    return ({} if stride == 1 and d.yes() else {"stride": stride}) | (
        {} if padding == 0 and d.yes() else {"padding": padding}
    )


@legal("avg_pool2d", "max_pool2d")
def _pool(d):
    size = d.one_of(2, 1, 3)
    B, C, h, w = d.one_of(1, 2, 0), d.one_of(1, 2, 3), d.one_of(1, 2), d.one_of(1, 2)
    return [d.normal(B, C, h * size, w * size)], {"size": size}


@legal("upsample")
def _upsample(d):
    return [d.normal(d.one_of(1, 2, 0), d.one_of(1, 2, 3), d.one_of(1, 2, 3), d.one_of(1, 2, 3))], {
        "factor": d.one_of(2, 1, 3)
    }


@legal("layer_norm")
def _layer_norm(d):
    D = d.one_of(2, 3, 4)  # one value alone is its own mean: nothing is left to differentiate
    front = d.shape(0, 2)
    return [d.normal(*front, D), d.normal(D), d.normal(D)], d.one_of({}, {"tiny": 1e-3}, {"tiny": 1e-12})


@legal("group_norm")
def _group_norm(d):
    groups, each = d.one_of(1, 2, 3), d.one_of(1, 2, 3)
    B, H, W = d.one_of(1, 2, 0), d.one_of(1, 2, 3), d.one_of(2, 1)
    C = groups * each
    settings = {"groups": groups} | d.one_of({}, {"tiny": 1e-3})
    return [d.normal(B, C, H, W), d.normal(C), d.normal(C)], settings


@legal("attention")
def _attention(d):
    B, T, S, D, E = d.one_of(1, 2, 0), d.one_of(1, 2, 3, 0), d.one_of(1, 2, 3), d.one_of(1, 2, 3), d.one_of(1, 2, 3)
    return [d.normal(B, T, D), d.normal(B, S, D), d.normal(B, S, E)], {}


def _batch(d: Draw) -> tuple:
    """(B, D), and what else has a last axis to sum over."""
    return d.one_of((d.one_of(1, 2, 3, 0), d.one_of(1, 2, 3, 0)), d.shape(1, 3))


@legal("reparameterize")
def _reparameterize(d):
    shape = d.shape()
    return [d.normal(*shape) for _ in range(3)], {}


@legal("gaussian_kl")
def _gaussian_kl(d):
    shape = _batch(d)
    return [d.normal(*shape), d.normal(*shape)], {}


@legal("gaussian_nll")
def _gaussian_nll(d):
    shape = _batch(d)
    logvar = float(d.rng.normal()) if d.integer(0, 3) == 3 else d.normal(*d.one_of(shape, ()))
    return [d.normal(*shape), d.normal(*shape), logvar], {}


@legal("bernoulli_nll")
def _bernoulli_nll(d):
    shape = _batch(d)
    return [d.normal(*shape), d.lay(d.rng.uniform(0.05, 0.95, size=shape))], {}
