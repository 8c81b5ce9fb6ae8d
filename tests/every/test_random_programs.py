"""A thousand random programs in ours and in PyTorch: the same values, the same gradients, and none where none is due.

A failure prints the program as Python. To read one:
python -c "from tests.every.programs import *; print(code(program(7)))"
"""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from minivae import Tensor
from minivae.engine import OPS
from tests.every.programs import NAMES, RECIPES, code, program, run, run_torch
from tests.oracle import oracle
from tests.oracle_twins import twins

ROOT = Path(__file__).parents[2]
PROGRAMS = 1000
AT_LEAST = 50  # times that every op occurs in them


def words(torch):
    """The twins, with a max_pool2d whose equals share the gradient; PyTorch gives it all to the first."""

    def max_pool2d(x, size):
        B, C, H, W = x.shape
        return x.reshape(B, C, H // size, size, W // size, size).amax(dim=(3, 5))

    return twins(torch) | {"max_pool2d": max_pool2d}


def compare(torch, twins, seed):
    p = program(seed)
    ours, theirs = run(p), run_torch(torch, twins, p)
    assert ours.keys() == theirs.keys()
    for name, want in theirs.items():
        got = ours[name]
        assert got.requires_grad == want.requires_grad, f"{name}: requires_grad"
        # float64 rounding, 1e-16, through at most a dozen ops; the largest seen is 3e-13
        np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=1e-11, atol=1e-11, err_msg=f"{name}: value")
    for name in p.leaves:
        got, want = ours[name].grad, theirs[name].grad
        assert (got is None) == (want is None), f"{name}: one of the two gradients is missing"
        if want is not None:
            scale = 1 + float(want.abs().max())  # where terms cancel, the rounding of the largest remains
            np.testing.assert_allclose(got, want.numpy(), rtol=1e-11, atol=1e-11 * scale, err_msg=f"{name}: gradient")


@pytest.mark.parametrize("first", range(0, PROGRAMS, 100))
def test_values_and_gradients_are_those_of_pytorch(first):
    torch = oracle()
    table = words(torch)
    for seed in range(first, first + 100):
        try:
            compare(torch, table, seed)
        except Exception as error:
            raise AssertionError(f"program {seed}: {error}\n\n{code(program(seed))}") from error


def test_the_programs_hold_every_op_often_and_all_that_makes_graphs_hard():
    programs = [program(seed) for seed in range(PROGRAMS)]
    ops = Counter(line.op for p in programs for line in p.lines)
    assert set(RECIPES) == set(NAMES), "add the new op to RECIPES in tests/every/programs.py"
    assert min(ops[name] for name in NAMES) >= AT_LEAST, ops.most_common()[-5:]
    assert all(3 <= sum(line.op != "detach" for line in p.lines) <= 12 for p in programs)
    traits = Counter()
    for p in programs:
        uses = Counter(x for line in p.lines for x in line.given if isinstance(x, str))
        traits["a value used more than once"] += max(uses.values()) > 1
        traits["a value used twice by one op"] += any(len(set(map(str, q.given))) < len(q.given) for q in p.lines)
        traits["two leaves or more"] += len(p.leaves) > 1
        traits["a leaf that wants no gradient"] += not all(wants for _, wants in p.leaves.values())
        traits["detach"] += any(line.op == "detach" for line in p.lines)
        traits["no_grad"] += any(line.quiet for line in p.lines)
        traits["a number as operand"] += any(isinstance(x, float) for line in p.lines for x in line.given)
        traits["several outputs"] += len(p.outputs) > 1
    assert all(n >= 100 for n in traits.values()), traits
    assert len(traits) == 8


def bits(p, dtype):
    """Every value and every gradient of a program, as bytes."""
    names = run(p, dtype)
    arrays = [a for t in names.values() for a in (t.data, t.grad) if a is not None]
    return b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_program_run_twice_gives_the_same_bits(dtype):
    for seed in range(0, PROGRAMS, 10):
        p = program(seed)
        assert bits(p, dtype) == bits(p, dtype), f"program {seed}\n{code(p)}"


def digest():
    return hashlib.sha256(b"".join(bits(program(seed), "float32") for seed in range(0, PROGRAMS, 25))).hexdigest()


def test_another_process_with_other_hashes_gives_the_same_bits():
    """Nothing may hang on the order of a set or on where objects lie in memory."""
    ask = "from tests.every.test_random_programs import digest; print(digest())"
    for hash_seed in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, env=env, cwd=ROOT)
        assert done.stdout.strip() == digest(), done.stderr


def test_a_float32_program_is_float32_throughout():
    for seed in range(0, PROGRAMS, 5):
        p = program(seed)
        for name, tensor in run(p, "float32").items():
            assert tensor.dtype == np.float32, f"{name} in program {seed}\n{code(p)}"
            assert tensor.grad is None or tensor.grad.dtype == np.float32, f"{name}.grad in program {seed}\n{code(p)}"


class Watched(np.ndarray):
    """An array that notes every float64 array made from it, the ones in between included."""

    seen: ClassVar[list] = []

    def __array_finalize__(self, parent):
        if self.dtype == np.float64 and self.ndim:  # np.mean makes a single number on its way
            Watched.seen.append(self.shape)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_between_is_float64_either(name):
    """A temporary of twice the size costs twice the time, and hides in results that are rounded back."""
    for case in OPS[name].cases:
        inputs, constants = case(np.random.default_rng(0))
        Watched.seen.clear()
        arrays = [x.astype(np.float32).view(Watched) for x in inputs]
        value, gradients = OPS[name].function(np, *arrays, **constants)
        g = np.ones(np.shape(value), np.float32).view(Watched)
        lines = [gradients] if callable(gradients) else gradients
        for line in lines:
            line(g, None) if line.__code__.co_argcount == 2 else line(g)
        assert not Watched.seen, f"{name}: float64 arrays of shape {Watched.seen}"


def test_the_watch_sees_what_it_is_for():
    Watched.seen.clear()
    x = np.ones(3, np.float32).view(Watched)
    _ = x * 2 > 1
    assert not Watched.seen
    _ = 0.5 * (x > 1)
    assert Watched.seen


def test_the_text_of_a_program_is_python_that_can_be_read():
    text = code(program(3))
    assert text.count("\n") + 1 == len(text.splitlines())
    assert "requires_grad=True" in text
    assert text.endswith("loss.backward()")
    assert isinstance(run(program(3))["loss"], Tensor)
