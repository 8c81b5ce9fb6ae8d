"""Every op over shapes and settings that Hypothesis makes: legal ones are right, illegal ones are refused by name.

Legal means: broadcast, axes of size 1, empty where that has a meaning, 0-d, views in any memory order, axes counted
from either end. The draws are the same in every run. A longer search: EXAMPLES=2000 python -m pytest tests/every
"""

import inspect
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae import Tensor
from minivae.engine import OPS
from minivae.errors import MinivaeError, ShapeError
from tests.every import checks
from tests.every.shapes import LAYOUTS, TABLE, Draw, Example, examples
from tests.oracle import oracle
from tests.oracle_twins import twins

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
NAMES = sorted(OPS)


def several(n):
    """So many examples, the same in every run unless EXAMPLES asks for more."""
    return settings(deadline=None, database=None, derandomize=not EXAMPLES, max_examples=EXAMPLES or n)


def test_every_op_has_an_entry_in_the_table():
    assert TABLE.keys() == OPS.keys(), "add the new op to tests/every/shapes.py"


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_right_over_legal_shapes(name):
    @several(20)
    @given(examples(name))
    def check(example):
        for one in checks.CHECKS:
            one(name, example)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_pytorch_agrees_over_legal_shapes(name):
    torch = oracle()
    twin = twins(torch)[name]

    @several(20)
    @given(examples(name))
    def check(example):
        checks.check_oracle(torch, twin, name, example)

    check()


def test_the_table_draws_every_kind_of_shape():
    seen = set()

    @several(300)
    @given(st.data())
    def look(data):
        name = data.draw(st.sampled_from(NAMES))
        for x in checks.arrays(data.draw(examples(name)).inputs):
            seen.update(
                kind
                for kind, holds in {
                    "0-d": x.ndim == 0,
                    "1-d": x.ndim == 1,
                    "2-d": x.ndim == 2,
                    "3-d": x.ndim == 3,
                    "4-d": x.ndim == 4,
                    "size 1": 1 in x.shape,
                    "empty": x.size == 0,
                    "contiguous": x.flags.c_contiguous,
                    "not contiguous": not x.flags.c_contiguous,
                    "Fortran": x.flags.f_contiguous and not x.flags.c_contiguous,
                    "backwards": any(s < 0 for s in x.strides),
                }.items()
                if holds
            )

    look()
    assert len(seen) == 11, seen


@pytest.mark.parametrize("lay", LAYOUTS)
def test_a_layout_changes_the_memory_and_not_the_values(lay):
    for shape in [(3,), (2, 3), (2, 3, 4), (0, 2), (1,)]:
        x = np.random.default_rng(0).normal(size=shape)
        np.testing.assert_array_equal(lay(x), x)
        assert not np.shares_memory(lay(x), x)
    assert lay is np.copy or lay(np.ones((2, 3, 4))).strides != np.ones((2, 3, 4)).strides


# Refusals.

OTHERS = {  # settings that no op can take, or not with every shape; wrong types are Python's to refuse
    "axis": [7, -7],
    "axes": [(0,), (0, 0), (0, 1, 2, 3, 4), (7, 0)],
    "shape": [(7, 11), (-1, -1), (0, -1), 13],
    "index": [99, np.array([99]), np.array([[0, 0], [0, 0]]), [0, 0]],
    "width": [((1, 1),), ((1, 1),) * 5, ((-1, 0),) * 2],
    "stride": [0, -1, 7],
    "padding": [-1, 9],
    "size": [0, -1, 4],
    "factor": [0, -1],
    "groups": [0, -1, 7],
    "condition": [np.ones((7, 5), bool), True, np.array([0, 1, 2])],
}
ALSO = {"getitem": [(slice(None),) * 6, np.array([True, False])], "sum": [(0, 0), (0, 7)], "var": [(0, 0), (0, 7)]}


def settings_of(name):
    """The settings of an op that can be spoiled."""
    return [key for key in inspect.signature(OPS[name].function).parameters if key in OTHERS]


@st.composite
def spoiled(draw, name):
    """A legal example of which one input has another shape, or one setting another value. It may still be legal."""
    example = draw(examples(name))
    integer = lambda low, high: draw(st.integers(low, high))
    d = Draw(integer)
    inputs, constants = list(example.inputs), dict(example.constants)
    if settings_of(name) and d.yes():
        key = d.one_of(*settings_of(name))
        constants[key] = d.one_of(*OTHERS[key], *ALSO.get(name, []))
        return Example(inputs, constants)
    k = integer(0, len(inputs) - 1)
    shape = list(np.shape(inputs[k]))
    way = integer(0, 5)
    if way == 0 or not shape:
        shape.insert(integer(0, len(shape)), d.one_of(1, 2, 0))
    elif way == 1:
        del shape[integer(0, len(shape) - 1)]
    elif way == 2:
        shape[integer(0, len(shape) - 1)] = d.one_of(1, 2, 3, 4, 0)
    elif way == 3:
        shape = list(d.shape(0, 5))
    elif way == 4:
        shape = list(reversed(shape))
    else:
        inputs[k] = 0.75  # a number in place of an array
        return Example(inputs, constants)
    # in [0.5, 2], which is clear of kinks and poles; targets of bernoulli_nll have to stay in [0, 1]
    inputs[k] = np.asarray(d.rng.uniform(0.5, 1.0 if name == "bernoulli_nll" else 2.0, size=shape))
    return Example(inputs, constants)


@pytest.mark.parametrize("name", NAMES)
def test_a_shape_that_does_not_fit_is_refused_by_name_or_else_handled_right(name):
    """Never a raw NumPy error, never one as late as in backward, and never a wrong gradient."""

    @several(60)
    @given(spoiled(name))
    def check(example):
        try:
            OPS[name](*map(wrapped, example.inputs), **example.constants)
        except MinivaeError as error:
            assert isinstance(error, ShapeError)
            assert str(error).startswith(f"{name}: ")
            return
        if checks.arrays(example.inputs):  # it was taken: then it has to be right
            checks.check_differences(name, example)

    check()


def wrapped(x):
    return Tensor(x) if isinstance(x, np.ndarray) else x
