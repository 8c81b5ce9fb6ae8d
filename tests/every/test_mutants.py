"""The tests, tested: faults that are put in on purpose are all noticed.

First faults of the kinds people make, in every gradient of every op; then in the engine, by hand; then a sample of all
small changes to the source that a machine can think of. tests/every/mutants.py runs all of them; docs/trust.md has the
score.
"""

import ast
import importlib.util
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from minivae.engine import OPS, Op, unbroadcast
from minivae.errors import GradientError
from minivae.gradcheck import gradcheck
from tests.every import checks
from tests.every.equivalents import EQUIVALENT
from tests.every.mutants import (
    NONE,
    NOT_SUMMED,
    SCALED,
    SOURCES,
    TRANSPOSED,
    Judge,
    Mutant,
    every,
    mutants,
    not_summed,
    planted,
    replacements,
    report,
    sample,
    stretched,
    wrong_gradients,
)
from tests.every.shapes import seeded
from tests.oracle import oracle

NAMES = sorted(OPS)

# Faults in gradients. Each gets all gradients of an op, the number of the one to spoil, and g, the gradient coming in.


def another(whole, k, g):
    same = [b for i, b in enumerate(whole) if i != k and b.shape == whole[k].shape]
    return same[0] if same else whole[k]


def one_place(whole, k, g):
    a = whole[k].copy()
    if a.size:
        a[(-1,) * a.ndim] *= 1.001
    return a


FAULTS = {
    "scaled by 1.001": lambda whole, k, g: 1.001 * whole[k],
    "scaled by 1.001 in one place": one_place,
    "of the other sign": lambda whole, k, g: -whole[k],
    "half of it": lambda whole, k, g: 0.5 * whole[k],
    "doubled": lambda whole, k, g: 2 * whole[k],
    "forgotten": lambda whole, k, g: 0 * whole[k],
    "transposed": lambda whole, k, g: checks.turned(whole[k]),
    "backwards": lambda whole, k, g: np.flip(whole[k]),
    "moved on by one": lambda whole, k, g: np.roll(whole[k], 1),
    "averaged": lambda whole, k, g: np.full_like(whole[k], whole[k].mean()) if whole[k].size else whole[k],
    "of another input": another,
}


def spoiled(name, fault, k, noticed):
    """The op with one of its gradients spoiled. `noticed` learns by how much that changed it."""
    right = OPS[name].function

    def function(xp, *arrays, **constants):
        value, gradients = right(xp, *arrays, **constants)

        def shared(g):
            if callable(gradients):
                whole = gradients(g)
            else:
                whole = [line(g, None) if line.__code__.co_argcount == 2 else line(g) for line in gradients]
            whole = [unbroadcast(np.asarray(a), x.shape) for a, x in zip(whole, arrays, strict=True)]
            wrong = fault(whole, k, g)
            noticed.append(np.max(np.abs(wrong - whole[k]), initial=0) / (1 + np.max(np.abs(whole[k]), initial=0)))
            return [wrong if i == k else a for i, a in enumerate(whole)]

        return value, shared

    function.__name__ = name
    return Op(function, ())


def differs(name, example, fault, k):
    """Whether the gradient check objects, and whether there was anything to object to."""
    noticed: list[float] = []
    op = spoiled(name, fault, k, noticed)
    try:
        gradcheck(
            lambda *x: op(*checks.filled(example.inputs, x), **example.constants),
            *checks.arrays(example.inputs),
            rng=np.random.default_rng(0),
        )
    except GradientError:
        return True, True
    return False, noticed[0] > 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_in_any_gradient_of_any_op_is_caught(name):
    """On the first example on which the fault makes a difference: what gives the right gradient is no fault."""
    examples = [seeded(name, seed) for seed in range(40)]
    examples = [e for e in examples if all(isinstance(x, np.ndarray) for x in e.inputs)]
    examples.sort(key=lambda e: sum(x.size for x in e.inputs))  # the small ones are checked sooner
    assert len(examples) >= 10
    tried = 0
    for k in range(min(len(e.inputs) for e in examples)):
        square = checks.lopsided(name, k)
        for what, fault in FAULTS.items():
            for example in [*examples, *([square] if square else [])]:
                caught, wrong = differs(name, example, fault, k)
                if wrong:
                    tried += 1
                    assert caught, f"{name}: gradient {k} {what} passes on {example}"
                    break
    assert tried >= 6, f"{name}: only {tried} faults could be tried"


SUM = "g.sum(axis=added + stretched, keepdims=True)"
FIRST = "g[tuple(slice(1) if i in added + stretched else slice(None) for i in range(g.ndim))]"
SORTED = "sorted(seen, key=lambda node: node.order, reverse=True)"
INPUTS = "for x in node.inputs:\n            if wants_gradient(x) and x.node"

ENGINE = [
    # a gradient that several users send
    ("arrived[x.node] + g_x if x.node in arrived else g_x", "g_x"),
    ("arrived[x.node] = arrived[x.node] + g_x if", "arrived[x.node] = arrived[x.node] if"),
    ("g = leaf.grad + g\n", "pass\n"),
    ("g = leaf.grad + g\n", "g = leaf.grad\n"),
    # memory that two leaves, or a leaf and the caller, would share
    ("g = g.copy()", "pass"),
    # memory that a leaf reserves
    ("slot[...] = g", "pass"),
    ("x.slot() if is_leaf and x.grad is None else None", "x.slot() if is_leaf else None"),
    ("leaf.grad = g if slot is None else slot", "leaf.grad = g"),
    # the order of the walk
    (SORTED, "sorted(seen, key=lambda node: node.order)"),
    (SORTED, "list(seen)"),
    ("self.order = next(_clock)", "self.order = 0"),
    # a branch that is not walked
    (INPUTS, INPUTS.replace("node.inputs", "node.inputs[:1]")),
    (INPUTS, INPUTS.replace("node.inputs", "node.inputs[1:]")),
    # broadcasting
    (f"return {SUM}.reshape(shape)", "return g"),
    (SUM, SUM.replace("sum", "mean")),
    (SUM, FIRST),
    (SUM, SUM.replace("added + stretched", "added")),
    (SUM, SUM.replace("added + stretched", "stretched")),
    ("added = tuple(range(g.ndim - len(shape)))", "added = tuple(range(len(shape), g.ndim))"),
    ("stretched = tuple(i + len(added) for", "stretched = tuple(i for"),
    # what may be skipped, and what may not
    ("output.requires_grad = True\n", "output.requires_grad = all(map(wants_gradient, inputs))\n"),
    ("if _recording.get() and any(", "if any("),
    ("_recording.reset(token)", "pass"),
    ("return Tensor(self.data)", "return self"),
    ("node.gradients = None  # frees", "pass  # frees"),
]


@pytest.fixture(scope="module")
def judge():
    if importlib.util.find_spec("torch") is None:  # which the second process asks
        oracle()
    with Judge() as some:
        yield some


def test_the_source_as_it_is_survives(judge):
    assert judge(replace(NONE, file="ops/linalg.py"))["killed"] is None


@pytest.mark.parametrize(("old", "new"), ENGINE)
def test_a_fault_in_the_engine_is_caught(judge, old, new):
    assert judge(planted("engine.py", old, new))["killed"]


SAMPLE = [m for m in sample(64) if m.key not in EQUIVALENT]


@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.key) for m in SAMPLE])
def test_a_change_of_the_source_is_caught(judge, mutant):
    """Where this fails: add the test that was missing, or say in equivalents.py why there can be none."""
    assert judge(mutant)["killed"]


def test_every_equivalent_is_still_there_and_has_its_reason():
    assert not EQUIVALENT.keys() - {m.key for m in every()}, "the source changed: take these out of equivalents.py"
    assert all(len(reason) > 10 for reason in EQUIVALENT.values())


# The machine that makes mutants.


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a + b", {"(a - b)"}),
        ("a // b", {"(a * b)"}),
        ("a < b", {"(a <= b)", "(a >= b)"}),
        ("a is None", {"(a is not None)"}),
        ("a and b", {"(a or b)"}),
        ("-a", {"(a)"}),
        ("not a", {"(a)"}),
        ("3", {"(4)", "(2)"}),
        ("0", {"(1)", "(-1)"}),
        ("True", {"(False)"}),
        ("0.5", {"(0.5005)"}),
        ("a if b else c", {"(a)", "(c)"}),
        ("x.copy()", {"(x)"}),
        ("xp.exp(x)", {"(xp.expm1(x))"}),
        ("f(x, axis=1)", {"(f(x))"}),
        ("(lambda g: g, lambda g: -g)", {"((lambda g: -g, lambda g: g))"}),
        ("(3, 4)", set()),
        ("x", set()),
    ],
)
def test_what_a_piece_of_source_is_changed_to(source, changed):
    assert set(replacements(ast.parse(source, mode="eval").body)) == changed


STATEMENTS = [("y += b", {"y -= b", "pass"}), ("f(x)", {"pass"}), ("x[0] = 1", {"pass"})]


@pytest.mark.parametrize(("source", "changed"), STATEMENTS)
def test_what_a_statement_is_changed_to(source, changed):
    assert set(replacements(ast.parse(source).body[0])) == changed


def test_every_mutant_is_python_of_another_meaning_and_has_a_key_of_its_own():
    found = mutants("ops/arith.py")
    original = ast.dump(ast.parse(Mutant("ops/arith.py", "", 0, 0, "", "").source()))
    assert len({m.key for m in every()}) == len(every())
    for m in found:
        assert ast.dump(ast.parse(m.source())) != original
    assert {m.function for m in found} >= {"add", "mul", "where"}
    assert not any("normal(" in m.key for m in found), "inputs to test on are no source"


def test_there_is_a_mutant_of_each_kind_for_each_gradient_of_each_op():
    found = [m for file in SOURCES[1:] for m in wrong_gradients(file)]
    count = Counter((m.function, m.kind) for m in found)
    for name, op in OPS.items():
        gradients = op.function(
            np, *op.cases[0](np.random.default_rng(0))[0], **op.cases[0](np.random.default_rng(0))[1]
        )[1]
        n = 1 if name in ("concat", "stack") else 3 if callable(gradients) else len(gradients)  # one line for all parts
        n *= 2 if name == "conv2d" else 1  # it has two ways back
        assert count[name, SCALED] == count[name, TRANSPOSED] == n
    summed = {"add", "sub", "mul", "div", "maximum", "where", "matmul", "gaussian_nll"}
    assert {name for name, _ in stretched()} == summed
    assert [m.key for m in not_summed()] == [f"engine.py {name} {k}: {NOT_SUMMED}" for name, k in stretched()]


def test_a_wrong_gradient_is_the_right_one_times_1_001_or_transposed():
    one = {m.kind: m for m in wrong_gradients("ops/arith.py") if m.function == "exp"}
    assert "(lambda g: (1.001 * (g * y)),)" in one[SCALED].source()
    space: dict = {}
    turn = one[TRANSPOSED].text.replace("(g * y)", "(g)")
    exec(f"turn = lambda g: {turn}", space)
    for shape in [(2, 2), (3, 2, 2), (2, 3), (3,), ()]:
        a = np.arange(float(np.prod(shape))).reshape(shape)
        np.testing.assert_array_equal(space["turn"](a), checks.turned(a))
    square = np.arange(4.0).reshape(2, 2)
    np.testing.assert_array_equal(checks.turned(square), square.T)


def test_the_report_counts_by_kind_and_by_file():
    chosen = [*wrong_gradients("ops/arith.py")[:2], *mutants("ops/arith.py")[:2], *mutants("engine.py")[:1]]
    marks = ["killed", "survived", "killed", "equivalent", "killed"]
    text = report(chosen, {m.key: mark for m, mark in zip(chosen, marks, strict=True)}, 1.0)
    assert text.startswith("3 of 4 that can be told apart are killed, 75.00%")
    for line in [
        "| gradient scaled by 1.001 | 1 | 1 | 0 | 0 |",
        "| gradient transposed | 1 | 0 | 0 | 1 |",
        "| small change of the source | 3 | 2 | 1 | 0 |",
        "| engine.py | 1 | 1 | 0 | 0 |",
        "| ops/arith.py | 4 | 2 | 1 | 1 |",
        "| all | 5 | 3 | 1 | 1 |",
        f"survived:\n  {chosen[1].key}",
    ]:
        assert line in text


def test_a_mutant_that_crashes_hangs_or_warns_is_killed_and_the_next_one_is_judged(judge, monkeypatch):
    crash, hang, warning = (
        replace(planted("ops/arith.py", "y = xp.exp(x)\n", text), function="exp")
        for text in ("import os; os._exit(1)\n", "while True: pass\n", "y = xp.exp(x); xp.log(0 * x)\n")
    )
    assert "RuntimeWarning" in judge(warning)["killed"]
    with monkeypatch.context() as brief:
        brief.setattr("tests.every.mutants.PATIENCE", 1)
        assert judge(hang)["killed"] == "no end: it computes"
    assert "crash" in judge(crash)["killed"]
    assert judge(planted("ops/arith.py", "return a + b,", "return a - b,"))["killed"]
