"""Lesson 10: its solutions against a device simulated order by order, its hall against the library's and the stand-in
for CuPy, its order of imports, its printed results; what it says where there is no compiler, and where a GPU is."""

import ast
import re

import numpy as np
import pytest

from minivae import backend, checks
from minivae.cuda.sim import compiler
from minivae.learn import hall
from minivae.learn.build import LESSONS, lesson_environment, parse
from minivae.learn.exercises.lesson10 import paper_time, timed, train
from minivae.learn.recompute import in_lesson
from tests import standin
from tests.learn.cells import imported

SOURCE = LESSONS / "source" / "10_swap_in_the_gpu.py"
CELLS = [cell.source for cell in parse(SOURCE).cells if cell.cell_type == "code"]


def cell(part):
    """Where the cell is that holds this text."""
    return next(place for place, code in enumerate(CELLS) if part in code)


def run(first, last, space):
    """Run the cells from the one that holds `first` to the one that holds `last`, without what they ask and check."""
    for code in CELLS[cell(first) : cell(last) + 1]:
        body = [
            line for line in ast.parse(code).body if "quiz(" not in (text := ast.unparse(line)) and text[:6] != "check("
        ]
        exec(compile(ast.Module(body, []), "lesson", "exec"), space)
    return space


@pytest.fixture
def space():
    """The lesson's hall, with images to train on; afterwards all is as it was."""
    before = dict(backend.BACKENDS)
    space = run("import weakref", "class Hall", {})
    space["x"] = np.random.default_rng(0).random((1024, 784), dtype=np.float32)
    yield space
    checks.forget()
    backend.use("numpy")
    backend.BACKENDS.clear()
    backend.BACKENDS.update(before)


def test_the_loop_computes_what_numpy_does_and_sends_and_waits_as_the_exercise_asks():
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(12, 5)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    there = hall.Hall()
    W_there, loss = train(there.xp, x, 0.1 * W, np.float64(0.01), 4)
    mine, losses = 0.1 * W.astype(float), []
    for k in range(4):
        batch = x[k::4].astype(float)
        losses.append(((batch - batch @ mine @ mine.T) ** 2).sum() / 3)
        slope = np.zeros_like(mine)
        for at in np.ndindex(mine.shape):  # the gradient by differences
            nudge = np.zeros_like(mine)
            nudge[at] = 1e-6
            up, down = (((batch - batch @ V @ V.T) ** 2).sum() / 3 for V in (mine + nudge, mine - nudge))
            slope[at] = (up - down) / 2e-6
        mine = mine - 0.01 * slope
    np.testing.assert_allclose(W_there, mine, atol=1e-5)  # float32, four steps
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-5)
    assert (there.waits, len(there.sent)) == (2, 2)
    assert {order.dtype for order in there.orders} == {np.dtype("float32")}


@pytest.mark.parametrize("seed", range(5))
def test_the_time_on_paper_bounds_that_of_a_queue_from_below_and_is_reached_by_equal_orders(seed):
    rng = np.random.default_rng(seed)
    bytes, flops, launch = rng.uniform(1, 9, 20), rng.uniform(1, 9, 20), rng.uniform(0.1, 10)
    queue = hall.Queue(launch)
    for b, f in zip(bytes, flops, strict=True):
        queue.order(max(b, f))
    queue.synchronize()
    paper = paper_time(bytes, flops, launch, 1.0, 1.0)
    assert paper <= queue.clock()
    equal = hall.Queue(launch)
    for _ in range(20):
        equal.order(3.0)
    equal.synchronize()
    gap = equal.clock() - paper_time(np.full(20, 3.0), np.full(20, 2.0), launch, 1.0, 1.0)
    assert 0 <= gap <= max(launch, 3.0) + 1e-9  # before the first order is written, or after the last one is


def test_the_stopwatch_reads_the_work_of_a_call_whatever_was_asked_before():
    queue = hall.Queue(launch=0.01)
    queue.order(100.0)
    seconds = timed(lambda: queue.order(2.0), queue.clock, queue.synchronize, 50)
    np.testing.assert_allclose(seconds, 2.0, rtol=1e-3)  # and 0.01 once, in 50 calls


def test_the_lessons_hall_and_the_librarys_write_the_same_ledger(space):
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(12, 5)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    run("def loss_and_gradient", "def loss_and_gradient", space)
    run("def leaky", "def leaky", space)
    run("def tight", "def tight", space | {"cost": lambda *_: W, "W_leaky": W})
    for loop in (space["leaky"], train):
        theirs, mine = hall.Hall(), space["ledger"]
        mine.clear()
        results = [loop(xp, x, W, np.float64(0.01), 3) for xp in (theirs.xp, space["xp"])]
        np.testing.assert_array_equal(results[0][0], results[1][0])
        assert (theirs.sent, theirs.waits) == (mine.sent, mine.waits)
        assert [(o.name, o.bytes, o.dtype) for o in theirs.orders] == [(o.name, o.bytes, o.dtype) for o in mine.orders]


REFUSED_OR_WAITS = {
    "np.asarray(far)": TypeError,
    "far + near": TypeError,
    "near + far": TypeError,
    "float(far.sum())": 1,
    "far.sum().item()": 1,
    "1 if far.sum() > 0 else 0": 1,
    "np.exp(far)": 0,
    "far[::2].T": 0,
    "far * 2 + 1": 0,
}


@pytest.mark.parametrize("line", REFUSED_OR_WAITS)
def test_the_hall_refuses_and_waits_where_the_stand_in_for_cupy_does(line, space):
    near, wanted = np.ones(3, np.float32), REFUSED_OR_WAITS[line]
    theirs = hall.Hall()
    with standin.installed() as cupy:
        for xp, waits in (
            (space["xp"], lambda: space["ledger"].waits),
            (theirs.xp, lambda: theirs.waits),
            (cupy, lambda: standin.counters.device_to_host),
        ):
            names = {"np": np, "near": near, "far": xp.asarray(near)}
            before = waits()
            if isinstance(wanted, int):
                eval(line, names)
                assert waits() - before == wanted
            else:
                with pytest.raises(wanted):
                    eval(line, names)


def test_nothing_of_the_library_is_imported_before_the_loop_is_written():
    before = set().union(*map(imported, CELLS[: cell("def tight") + 1]))
    tools = {f"minivae.learn.{name}" for name in ("check", "hint", "quiz", "solution")}
    assert before == tools | {"minivae.data.load"}


def test_where_there_is_no_compiler_the_lesson_says_so_and_goes_on(space, capsys, monkeypatch):
    def nothing():
        raise compiler.SimulatorError(f"sim: there is no C++ compiler; {compiler.INSTALL}")

    monkeypatch.setattr(compiler, "find", nothing)
    run("from minivae import backend", "the longest of them", space)
    told = capsys.readouterr().out
    assert "The simulator cannot run here" in told and "there is no C++ compiler; install g++" in told
    assert "hall + kernels" not in told and "with kernels" not in told
    assert re.search(r"batch +128 ", told) and "gaussian_kl_v3 not seen" in told


def test_where_there_is_a_gpu_its_cell_runs_the_same_script(space, capsys):
    run("from minivae import backend", "class Cooks", space)
    run("from minivae import Tensor", "from minivae import Tensor", space)
    space |= {"bounds": lambda *_: [0, 0, 0.5], "halls": ["hall"], "V100": {}}
    capsys.readouterr()
    with standin.installed(), standin.counting() as counted:
        run("def on_a_gpu", "def on_a_gpu", space)
    told = capsys.readouterr().out
    assert "CuPy" in told and "No GPU" not in told and "measured by events" in told
    assert re.search(r"cupy +ELBO -\d+\.\d\d\n", told)
    assert counted.device_to_host < 10  # to see that CuPy works, and the figures of the epoch: none of over 100 steps
    assert backend.current().name == "numpy"


def test_the_stored_cell_for_a_gpu_was_run_without_one(tmp_path):
    assert lesson_environment(tmp_path)["CUDA_VISIBLE_DEVICES"] == ""
    text = (LESSONS / "10_swap_in_the_gpu.ipynb").read_text(encoding="utf-8")
    assert "No GPU here, so this cell computes nothing." in text
    assert not re.search(r'^ *"measured by events: \d', text, re.M)


def printed(pattern):
    return in_lesson("10", pattern)


def test_the_loop_without_leaks_moves_half_as_much_and_waits_twice():
    assert printed(r"leaky: .+, (\d+) MB moved") > 1.7 * printed(r"tight: .+, (\d+) MB moved")
    assert (printed(r"leaky.+\n +(\d+) parcels"), printed(r"tight.+\n +(\d+) parcels")) == (51, 2)
    assert (printed(r"leaky.+\n.+ (\d+) waits"), printed(r"tight.+\n.+ (\d+) waits")) == (51, 2)
    assert printed(r"tight: .+, (\d+) of them in float64") == 0


def test_all_backends_give_one_elbo():
    elbos = [printed(rf"(?:^|\n){name} +ELBO (-\d+\.\d+)") for name in ("numpy", "hall", "sim", r"hall \+ kernels")]
    assert max(elbos) - min(elbos) < 0.02  # one unit in the last printed place, and float's own


def test_on_paper_the_launches_hold_up_the_step_until_some_thousand_images():
    shorter = {B: printed(rf"batch +{B} .+ (\d+\.\d)\n") for B in (2, 16, 128, 1024, 16384)}
    assert shorter[2] < 1 < shorter[128] < 4 and shorter[16384] > 15
    launches, work = (printed(rf"batch +128 +\S+ +{skip}(\d+\.\d+)") for skip in ("", r"\S+ +"))
    assert launches > 10 * work
    assert printed(r"with kernels, batch 128: (\d+) orders") < 0.7 * printed(
        r"with kernels, batch 128: \d+ orders for (\d+)"
    )


def test_a_clock_stopped_at_once_is_wrong_by_what_the_text_says():
    stopped, waited = printed(r"4096 x 4096 +(\d+)"), printed(r"4096 x 4096 +\d+ +(\d+)")
    assert round(waited / stopped) == 585 and "585\n# times too fast" in SOURCE.read_text(encoding="utf-8")
    assert printed(r"\n +256 x 256 +(\d+)") == stopped


def test_a_wait_costs_the_overlap_and_no_more():
    rows = {
        (B, draw): [printed(rf"batch +{B}, {draw} ms to draw it +" + r"\S+ +" * k + r"(\d+\.\d+)") for k in range(3)]
        for B, draw in [(128, 0), (4096, 0), (16384, 0), (16384, 5)]
    }
    assert all(once / never < 1.03 for (_, draw), (never, once, _) in rows.items() if draw == 0)
    never, once, _ = rows[16384, 5]
    assert 4 < once - never < 5
    for B in (128, 4096, 16384):
        launches = 1e3 * 15e-6 * 99
        work = rows[B, 0][2] - launches  # waiting after each order adds the two up
        assert rows[B, 0][0] == pytest.approx(max(launches, work), abs=0.02)  # the model of the exercise


def test_her_stores_grow_and_her_loss_is_the_usual_one():
    assert printed(r"each of her steps leaves (\d+\.\d) MB") > 1
    assert abs(printed(r"hers ≈ (\d+)") - printed(r"the library's ≈ (\d+)")) < 10
