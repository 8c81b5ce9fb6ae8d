"""Bugs of every kind, planted: each is found, named by its kind, at its line; and mended, nothing is found."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from minivae.cuda import sim

FOLDER = Path(__file__).parent / "planted"
PLANTED = re.compile(r"^// (planted \w+|mended): *(.*)$")
KERNEL = re.compile(r'^extern "C" __global__ void (\w+)\(')
ORDERS = ("forward", "reverse", "random")


@dataclass(frozen=True)
class Bug:
    """One planted bug."""

    file: str
    name: str
    kind: str
    settings: dict
    mended: dict
    lines: tuple[int, ...]  # of `// BUG`, from where it was announced to its mended twin

    def __str__(self):
        return self.name


def settings_of(text):
    return dict(word.split("=") for word in text.split())


def read(path):
    """The bugs of a file, in its order."""
    bugs, kind, settings, mended, lines, name = [], "", {}, {}, [], ""
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := PLANTED.match(text):
            if match[1] == "mended":
                mended = settings_of(match[2])
            else:
                kind, settings, mended, lines = match[1].split()[1], settings_of(match[2]), {}, []
        if "// BUG" in text:
            lines.append(number)
        if match := KERNEL.match(text):
            if match[1].endswith("_mended"):
                assert match[1] == f"{name}_mended"
                bugs.append(Bug(path.name, name, kind, settings, settings | mended, tuple(lines)))
            else:
                name = match[1]
    return bugs


BUGS = [bug for path in sorted(FOLDER.glob("*.cu")) for bug in read(path)]


def arguments(kernel, settings):
    """Arrays and numbers by the names of the parameters: x is random, y fresh."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal(int(settings.get("x", 256))).astype(np.float32)
    x[: min(32, len(x))] += np.float32(2)  # so that no test of a sign goes the same way for all of a warp
    zeros, _, size = settings.get("y", "128").rpartition(":")
    y = np.zeros(int(size), np.float32) if zeros else sim.poison(int(size))
    given = {"x": x, "y": y, "z": None, "n": np.int32(settings.get("n", 128))}
    return [given[name] for name, _ in kernel.signature], y


def run(module, name, settings, order):
    kernel = module.kernel(name)
    args, y = arguments(kernel, settings)
    grid, block = ([int(k) for k in settings[what].split(",")] for what in ("grid", "block"))
    shared = int(settings.get("shared", 0))
    kernel(grid, block, args, shared, order=order, seed=7, seconds=0.2 if "wait" in name or "still" in name else 10)
    return y


def test_there_are_bugs_of_every_kind_that_code_can_have():
    assert len(BUGS) >= 40
    assert {bug.kind for bug in BUGS} == set(sim.KINDS) - {"crash"}  # which is what the fast build says
    assert all(bug.lines for bug in BUGS)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_it_is_found_at_its_line(planted, bug, order):
    with pytest.raises(sim.KernelError) as caught:
        run(planted(bug.file), bug.name, bug.settings, order)
    found = caught.value.finding
    assert (found.kind, found.kernel, found.file) == (bug.kind, bug.name, bug.file), found.message
    assert found.line in bug.lines, found.message
    assert found.other_line is None or found.kind != "race" or found.other_line in bug.lines, found.message
    assert str(caught.value) == found.message
    assert found.message.startswith(f"{bug.file}:{found.line}: {bug.name}: ")


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_mended_it_runs_without_a_finding_in_every_order(planted, bug):
    results = [run(planted(bug.file), f"{bug.name}_mended", bug.mended, order) for order in ORDERS]
    for y in results[1:]:
        np.testing.assert_allclose(y, results[0], rtol=1e-5)  # sums by atomics, in another order


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_the_fast_build_gives_the_same_results_when_it_is_mended(planted, bug):
    want = run(planted(bug.file), f"{bug.name}_mended", bug.mended, "forward")
    got = run(planted(bug.file, check=False), f"{bug.name}_mended", bug.mended, "forward")
    np.testing.assert_allclose(got, want, rtol=1e-6)  # -O1 and -O3 contract other products


@pytest.mark.parametrize("bug", BUGS, ids=str)
def test_the_fast_build_survives_it(planted, bug):
    """What it finds, if anything, is right; and Python goes on."""
    try:
        run(planted(bug.file, check=False), bug.name, bug.settings, "forward")
    except sim.KernelError as error:
        assert error.finding.kind in {bug.kind, "crash"} or bug.kind == "alignment", error
