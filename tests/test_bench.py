"""The benchmark: that it compares equals, names who is missing or died, and writes everything down. Never how fast."""

import re
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from minivae.bench import driver, floor_worker, report, worker
from minivae.bench.driver import (
    ALL,
    IMPLEMENTATIONS,
    RTOL,
    BenchError,
    Implementation,
    Options,
    Turns,
    Worker,
    WorkerDiedError,
    bench,
    gaps,
)
from minivae.bench.workloads import CHECKS, arrays
from minivae.cli import main
from minivae.errors import ConfigError, MinivaeError
from tests.oracle import oracle

SECTIONS = [
    "The machine",
    "In short",
    "W1",
    "W3",
    "Peak memory",
    "The tape",
    "Growth",
    "The same losses",
    "Not measured",
]


@pytest.fixture(scope="module")
def quick():
    """Results of a small run, with the growth of two sizes, and what was said on the way."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(driver, "sizes", lambda quick: [("batch", 16), ("batch", 32), ("width", 20)])
        options = Options(workloads=("W1", "W3"), against=("floor", "textbook"), quick=True, curves=True)
        return bench(options, said.append), said


@pytest.fixture
def planted(monkeypatch, tmp_path):
    """Puts a worker of other code in the place of one of the implementations."""

    def plant(name, code):
        path = tmp_path / "planted.py"
        path.write_text(code, encoding="utf-8")
        changed = replace(IMPLEMENTATIONS[name], command=(str(path),), needs=None)
        monkeypatch.setitem(IMPLEMENTATIONS, name, changed)
        return Options(workloads=("W1",), against=() if name == "minivae" else (name,), quick=True)

    return plant


class TestReport:
    def test_it_has_every_section(self, quick):
        text = report.markdown(quick[0])
        assert re.findall("^## (.*)$", text, re.MULTILINE) == SECTIONS

    def test_every_worker_has_its_rows(self, quick):
        sections = dict(
            zip(SECTIONS, re.split("^## .*$", report.markdown(quick[0]), flags=re.MULTILINE)[1:], strict=True)
        )
        for section in set(SECTIONS) - {"Growth", "In short", "Not measured"}:
            for label in ("minivae", "a textbook's tape"):
                assert f"| {label} |" in sections[section], section

    def test_who_took_no_part_is_named(self, quick):
        last = report.markdown(quick[0]).split("## Not measured")[1]
        for name in ("torch", "compile", "jax"):
            assert f"- {IMPLEMENTATIONS[name].label}: not asked for" in last

    def test_it_says_how_to_get_it_again_and_where_it_was_made(self, quick):
        text = report.markdown(quick[0])
        assert "minivae bench --threads 1 --quick --workloads W1,W3 --against floor,textbook --curves" in text
        assert "A quick run" in text
        assert "load average" in text
        assert re.search(r"\| minivae \| minivae .*NumPy .* kernel", text)

    def test_no_host_name_and_no_folder_is_in_it(self, quick):
        import platform

        text = report.markdown(quick[0])
        assert platform.node() not in text or len(platform.node()) < 4
        assert "/home" not in text and sys.prefix not in text

    def test_a_report_in_a_file_has_its_curves_beside_it(self, quick, tmp_path):
        written = report.write(quick[0], tmp_path / "docs" / "benchmark.md")
        assert [path.name for path in written] == ["benchmark.md", report.PICTURE]
        assert f"pictures/{report.PICTURE}" in written[0].read_text(encoding="utf-8")
        assert "<svg" in written[1].read_text(encoding="utf-8")

    def test_without_curves_the_report_says_so(self, quick):
        assert "`--curves` does" in report.markdown(replace(quick[0], growth={}))

    def test_no_line_of_its_prose_is_over_120_long(self, quick):
        prose = [line for line in report.markdown(quick[0]).splitlines() if not line.startswith(("|", "!", "Training"))]
        assert max(map(len, prose)) <= 120


class TestEquality:
    def test_every_workload_has_a_gap_for_those_who_compute_a_loss(self, quick):
        found = quick[0].gaps
        assert list(found) == ["W1", "W3"]
        for by_name in found.values():
            assert by_name["floor"] is None and by_name["minivae"] == 0
            assert by_name["textbook"] <= RTOL

    def test_a_planted_inequality_is_refused(self, planted):
        options = planted(
            "textbook",
            """
from minivae.bench import textbook_worker, worker

def wrong(a):
    step = textbook_worker.w1(a)
    return lambda *noise: 1.0001 * step(*noise)

worker.serve({"W1": wrong}, None, {"version": "wrong"})
""",
        )
        with pytest.raises(BenchError, match="W1: a textbook's tape computes .* where minivae computes"):
            bench(options)

    def test_a_loss_that_is_no_number_is_refused(self):
        with pytest.raises(BenchError, match="PyTorch eager computes"):
            gaps("W1", {"minivae": [1.0], "torch": [float("nan")]})

    @pytest.mark.parametrize("name", ["torch", *(["jax"] if find_spec("jax") else [])])
    def test_minivae_and_the_others_compute_the_same(self, name):
        if name == "torch":
            oracle()
        with Worker(IMPLEMENTATIONS["minivae"], 1) as ours, Worker(IMPLEMENTATIONS[name], 1) as theirs:
            for workload in ALL:
                answers = {
                    who: w.ask("build", name=workload, batch=20)["losses"]
                    for who, w in (("minivae", ours), (name, theirs))
                }
                assert len(answers[name]) == (40 if workload == "W4" else CHECKS)
                assert gaps(workload, answers)[name] <= RTOL

    def test_every_process_is_given_the_same_arrays(self):
        for workload in ALL:
            a, b = arrays(workload, batch=16), arrays(workload, batch=16)
            for one, two in zip(
                [a.x, *a.weights, *sum(a.noise, ())], [b.x, *b.weights, *sum(b.noise, ())], strict=True
            ):
                np.testing.assert_array_equal(one, two)
                assert one.dtype in (np.float32, np.int64)


class TestWorkers:
    def test_one_that_cannot_start_is_named_with_its_last_word(self, planted):
        results = bench(planted("compile", "raise SystemExit('no compiler here')"))
        assert "died at about, status 1: no compiler here" in results.missing["torch.compile"]
        assert "- torch.compile: died at about" in report.markdown(results)
        assert list(results.times["W1"]) == ["minivae"]

    def test_one_that_dies_on_the_way_is_named_and_has_no_times(self, planted):
        options = planted(
            "textbook",
            """
import os
from minivae.bench import textbook_worker, worker

def dies(a):
    step, count = textbook_worker.w1(a), iter(range(8))
    return lambda *noise: step(*noise) if next(count, None) is not None else os._exit(3)

worker.serve({"W1": dies}, textbook_worker.tape, {"version": "dies"})
""",
        )
        results = bench(options)
        assert results.missing["a textbook's tape"].startswith("died at run, status 3")
        assert "textbook" not in results.times["W1"] and "textbook" in results.tape

    def test_without_minivae_there_is_no_report(self, planted):
        with pytest.raises(WorkerDiedError, match="minivae died at about, status 1: no word"):
            bench(planted("minivae", "raise SystemExit(1)"))

    def test_none_is_left_behind(self):
        with Worker(IMPLEMENTATIONS["floor"], 1) as one:
            one.ask("build", name="tape")
        assert one.process.poll() is not None

    def test_what_a_library_prints_is_no_answer(self, planted):
        planted("textbook", "from minivae.bench.worker import serve\nprint('hello')\nserve({}, None, {'version': '1'})")
        with Worker(IMPLEMENTATIONS["textbook"], 1) as one:
            assert one.ask("about") == {"version": "1"}

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is only ru_maxrss")
    def test_the_memory_is_its_own_and_not_that_of_its_parent(self):
        ballast = np.ones(60_000_000)  # 460 MiB, which ru_maxrss would hand down
        with Worker(IMPLEMENTATIONS["floor"], 1) as one:
            assert 5 < one.ask("memory")["MiB"] < 300
        assert ballast.all()

    def test_every_one_has_the_same_threads(self):
        code = "import os, sys, json; print(json.dumps({k: v for k, v in os.environ.items() if 'NUM_THREADS' in k}))"
        with Worker(Implementation("it", ("-c", code + "; sys.stdin.read()"), ()), 2) as one:
            limits = one.ask("about")
        assert set(limits.values()) == {"2"} and {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"} <= set(limits)

    def test_the_others_do_not_load_minivae(self):
        """So that a process shows PyTorch's memory and its way with it, not ours."""
        launchers = {i.command[0] for name, i in IMPLEMENTATIONS.items() if name != "minivae"}
        assert {Path(path).name for path in launchers} == {"alone.py"}
        code = f"""
import runpy, sys
sys.argv = ["alone.py", "floor_worker"]
runpy.run_path({launchers.pop()!r}, run_name="__main__")  # its input is empty, so it ends at once
print(*sorted(m for m in sys.modules if m.startswith("minivae.")))
"""
        command = [sys.executable, "-P", "-c", code]
        said = subprocess.run(command, env=driver.environment(1), input="", capture_output=True, text=True, check=True)
        assert said.stdout.split() == ["minivae.bench", "minivae.bench.worker", "minivae.bench.workloads"]

    def test_a_turn_is_three_steps_at_least(self):
        count = []
        measured = worker.measure(lambda: count.append(1), 0.0)
        assert len(count) == 3 and set(measured) == {"seconds", "processor", "cores"}

    def test_the_floor_does_the_products_of_a_step_and_no_other(self):
        """W1: the first layer's input needs no gradient, all else is three products a layer."""
        products = floor_worker.Products()
        products.linear(128, 784, 400, first=True)
        products.linear(128, 400, 40)
        work = [a.shape[0] * a.shape[1] * b.shape[1] for a, b, _ in products.list]
        assert work == [128 * 784 * 400] * 2 + [128 * 400 * 40] * 3


class TestOptions:
    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            (dict(threads=0), "threads is 0; this machine has"),
            (dict(threads=100_000), "threads is 100000; this machine has"),
            (dict(rounds=0), "rounds is 0; wanted 1 to"),
            (dict(rounds=10**9), "rounds is 1000000000; wanted 1 to"),
            (dict(workloads=("W1", "W9")), "workloads has 'W9'; there are W1, W2, W3, W4"),
            (dict(workloads=()), "workloads is empty; name some of W1"),
            (dict(against=("tinygrad", "minivae")), "against has 'tinygrad', 'minivae'; there are floor, torch"),
        ],
    )
    def test_what_is_out_of_range_is_said(self, wrong, said):
        with pytest.raises(ConfigError, match=said):
            Options(**wrong)

    def test_more_workers_than_processors_are_refused(self):
        with pytest.raises(ConfigError, match="workers is 100000"):
            Options(workers=100_000)

    @pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")
    def test_two_workers_compute_the_losses_of_one(self):
        """`build` gives the losses of the first steps, from noise that was drawn before; then the noise is drawn."""
        losses = {}
        for words in ((), ("workers=2",)):
            with Worker(IMPLEMENTATIONS["minivae"], 1, *words) as one:
                for name in ("W1", "W2", "W3"):
                    losses[name, words] = one.ask("build", name=name, batch=33)["losses"]
                    assert one.ask("run", seconds=0.01)["seconds"] > 0
        for name in ("W1", "W2", "W3"):
            assert losses[name, ("workers=2",)] == pytest.approx(losses[name, ()], rel=RTOL)

    def test_the_report_says_how_many_processes_trained(self, quick):
        results = replace(quick[0], options=replace(quick[0].options, workers=2))
        assert "minivae trains with 2 processes" in report.markdown(results)
        assert "--workers 2" in results.options.command

    def test_what_is_not_installed_is_listed(self, monkeypatch):
        monkeypatch.setattr(driver, "find_spec", lambda name: None)
        monkeypatch.setattr(Turns, "measure", lambda *_, **__: ({}, {}))
        results = bench(Options(workloads=("W1",)))
        assert results.missing == {
            "PyTorch eager": "not installed",
            "PyTorch, memory kept": "not installed",
            "torch.compile": "not installed",
            "JAX jit": "not installed",
        }
        assert 'pip install "minivae[bench]"' in report._missing(results)

    def test_the_command_line_names_what_is_wrong_in_one_line(self, monkeypatch, capsys):
        monkeypatch.setattr(sys, "argv", ["minivae", "bench", "--workloads", "W1,W7"])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == 2
        assert capsys.readouterr().err == "error: bench: workloads has 'W7'; there are W1, W2, W3, W4\n"

    def test_the_command_line_prints_the_report_or_writes_it(self, monkeypatch, capsys, tmp_path, quick):
        asked = []
        monkeypatch.setattr(driver, "bench", lambda options, say: asked.append(options) or replace(quick[0], growth={}))
        line = ["minivae", "bench", "--threads", "1", "--rounds", "3", "--workloads", "W3", "--against", "floor"]
        for more in ([], ["--out", str(tmp_path / "new" / "report.md")]):
            monkeypatch.setattr(sys, "argv", [*line, *more])
            with pytest.raises(SystemExit):
                main()
        assert asked[0] == Options(rounds=3, workloads=("W3",), against=("floor",)) == asked[1]
        assert capsys.readouterr().out.startswith("# Benchmark")
        assert (tmp_path / "new" / "report.md").read_text(encoding="utf-8").startswith("# Benchmark")

    def test_its_errors_are_ours(self):
        assert issubclass(BenchError, MinivaeError) and issubclass(WorkerDiedError, BenchError)
