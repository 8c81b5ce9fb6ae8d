"""`make check-gpu` without a GPU: all of it on the stand-in, and what it says where there is none."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minivae.cuda import KERNELS, Simulator, timing, using
from tests import standin
from tests.backends.twins import on
from tests.gpu import __main__ as command
from tests.gpu.kernels import LARGE, arguments, measured, sizes, table
from tests.gpu.kernels import timing as time_one

ROOT = Path(__file__).resolve().parents[2]
BEST = timing.Ceilings(copy=1e9, product=1e10)


def check(*words, **changed):
    return subprocess.run(
        [sys.executable, "-m", "tests.gpu", *map(str, words)],
        cwd=ROOT,
        env=os.environ | changed,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path):
    with standin.installed(driver="cudaErrorNoDevice: no CUDA-capable device is detected"):
        assert command.main(["--out", str(tmp_path / "gpu.md")]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The whole command on the stand-in, with a file of tests that passes and one that cannot."""
    folder = tmp_path_factory.mktemp("check")
    (folder / "test_planted.py").write_text("def test_planted():\n    assert False\n")
    site = str(ROOT / "tests" / "standin" / "site")
    done = check(
        *["--quick", "--out", folder / "gpu.md", "tests/cuda/test_gpu.py", folder / "test_planted.py"],
        PYTHONPATH=os.pathsep.join([site, str(ROOT)]),
    )
    assert done.returncode == 1 and "TESTS FAILED" in done.stdout, done.stderr  # for the planted one
    return (folder / "gpu.md").read_text(encoding="utf-8")


def test_the_report_counts_tests_and_names_those_that_failed(report):
    assert "1 failed, 0 skipped" in report
    assert report.count("- failed:") == 1 and "test_planted" in report


def test_the_report_has_every_kernel_and_says_where_it_was_made(report):
    assert "a stand-in: kernels on the CPU" in report and "Its figures mean nothing" in report
    assert all(f"| {name} |" in report for name in KERNELS)


def test_the_report_has_the_training_steps_and_one_title(report):
    assert [line for line in report.splitlines() if line.startswith("# ")] == ["# On a GPU"]
    for workload in ("W1", "W2", "W3", "W4"):
        assert f"### {workload}" in report
    assert "`minivae bench --threads 1 --backend cupy --quick" in report
    assert "JAX jit: not asked for" in report


class TestTiming:
    def test_a_device_is_busy_for_as_long_as_its_calls(self):
        for device in ("sim", "cupy"):
            calls = []
            with on(device) as here:
                took = timing.seconds(partial(calls.append, None), here.device, least=1e-4, rounds=3)
            assert 0 < took < 1e-4 and len(calls) > 10

    def test_the_floor_is_the_slower_of_bytes_and_sums(self):
        assert BEST.floor(bytes=10**9, flops=10**9) == 1.0
        assert BEST.floor(bytes=10**8, flops=10**10) == 1.0

    def test_a_timing_has_the_bytes_and_operations_of_its_launch(self):
        kernel = KERNELS["gaussian_kl_v3"]
        with using(Simulator()):
            t = time_one(kernel, arguments(kernel, {"B": 40, "L": 20}, np))
        assert (t.bytes, t.flops) == (8 * 40 * 20 + 4 * 40, 6 * 40 * 20)
        assert t.share(BEST) == BEST.floor(t.bytes, t.flops) / t.seconds

    def test_the_ceilings_are_speeds(self):
        with on("sim") as here:
            found = timing.ceilings(here.xp, megabytes=1, side=64)
        assert 1e6 < found.copy < 1e13 and 1e6 < found.product < 1e13

    def test_the_table_has_a_row_for_each_kernel(self):
        with on("sim"):
            rows = table(list(measured(np, quick=True)), BEST).splitlines()
        assert len(rows) == 2 + len(KERNELS) and len({row.count("|") for row in rows}) == 1


@pytest.mark.parametrize("name", KERNELS)
def test_large_sizes_are_legal_and_larger_than_a_cache(name):
    kernel = KERNELS[name]
    scalars = sizes(kernel)
    shapes = kernel.plan(**scalars)[3]
    assert all(condition(**scalars) for condition in kernel.conditions)
    assert kernel.bytes(**scalars) > 150e6
    assert sum(4 * int(np.prod(shape)) for shape in shapes) < 3e9  # a small GPU has room


def test_every_set_of_sizes_has_its_kernels():
    assert set(LARGE) == {kernel.sizes for kernel in KERNELS.values()}
