"""Several workers: the result is that of one process, and whatever happens, nobody and nothing stays behind."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from minivae import backend, cli, parallel
from minivae.data import binarize
from minivae.engine import Tensor
from minivae.errors import ConfigError, DataError, GradientError, WorkerError
from minivae.models import VAE
from minivae.nn import Dropout, Parameter
from minivae.optim import SGD, AdamW
from minivae.parallel import Rows, stretch
from minivae.progress import Quiet
from minivae.train import CHECKPOINT, Interrupted, Run
from tests.small import dots, tiny_autoencoder, tiny_vae

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc, which Linux has")

X, X_TEST = dots(62), dots(20, seed=1)
BATCH, STEPS = 15, 5  # the last batch of an epoch has 2 images: fewer than 3 workers
LR = 0.01

# Sums of float32 in another order. Measured after 15 steps: parameters differ by 9e-8 at most, the last bit of numbers
# near 1; figures by 2.3e-7 of themselves; Adam's m and v by 2e-7 of the largest.
ATOL = RTOL = 2e-6


def run(make=tiny_vae, **settings):
    return Run(make(), **(dict(epochs=3, batch=BATCH, lr=LR, rng=np.random.default_rng(3)) | settings))


def trained(workers, make=tiny_vae, *, out=None, report=None, **settings):
    return run(make, **settings).train(X, X_TEST, out=out, report=report or Quiet(), workers=workers)


def check_same(a, b):
    """Two runs that are the same but for rounding; what is drawn is the same bit for bit."""
    np.testing.assert_allclose(a.optimizer.flat.data, b.optimizer.flat.data, rtol=0, atol=ATOL)
    assert a.rng.bit_generator.state == b.rng.bit_generator.state
    assert a.order.tolist() == b.order.tolist()
    assert (a.epoch, a.step, a.optimizer.t, a.optimizer.lr) == (b.epoch, b.step, b.optimizer.t, b.optimizer.lr)
    for mine, other in zip(a.history, b.history, strict=True):
        assert mine == pytest.approx(other, rel=RTOL)
    for name in a.optimizer.names:
        mine, other = (getattr(x.optimizer, name) for x in (a, b))
        np.testing.assert_allclose(mine, other, rtol=0, atol=RTOL * abs(other).max())


def files(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


def children(pid="self"):
    """Processes that descend from this one directly, dead ones that nobody has asked about included."""
    return {int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(what, seconds=60):
    """Wait for `what()` to come true."""
    deadline = time.monotonic() + seconds
    while not (result := what()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)
    return result


def shared_names():
    """What lies in the folder of shared memory with a name, but for the browser's, which other tests run."""
    return {p.name for p in Path("/dev/shm").iterdir() if "chromium" not in p.name}


@contextmanager
def nothing_left(patience=20):
    """Of processes there must be none at once; a name in shared memory may be another program's, for a while."""
    processes, names = children(), shared_names()
    yield
    assert children() == processes
    until(lambda: shared_names() <= names, patience)


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """After each test there are the processes and the shared memory that there were before."""
    # Threads of the test runner and of other tests do nothing here, and hold no lock that matters.
    monkeypatch.setattr(parallel.threading, "active_count", lambda: 1)
    with nothing_left():
        yield


class Each(Quiet):
    """Does something after a step, counted from 1 through all epochs; or after each."""

    def __init__(self, do, after=None):
        self.do, self.after, self.seen = do, after, 0

    def step(self, run):
        self.seen += 1
        if self.after in (None, self.seen):
            self.do(run)


def press(run):
    signal.raise_signal(signal.SIGINT)


class TestTheseTests:
    def test_a_process_that_stays_behind_is_seen(self):
        with pytest.raises(AssertionError), nothing_left():
            process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        process.communicate(b"\n")

    def test_shared_memory_that_stays_behind_is_seen(self):
        name = Path(f"/dev/shm/minivae-{os.getpid()}")
        with pytest.raises(AssertionError), nothing_left(patience=0.1):
            name.touch()
        name.unlink()


class TestRows:
    """A draw for one worker is a piece of the draw for all, and leaves the generator where that does."""

    @pytest.mark.parametrize("batch", [1, 2, 7])
    @pytest.mark.parametrize("held", [False, True])
    @pytest.mark.parametrize(
        ("name", "settings"),
        [
            ("random", {}),
            ("random", dict(dtype=np.float32)),
            ("standard_normal", {}),
            ("standard_normal", dict(dtype=np.float32)),
            ("normal", dict(loc=1.0, scale=2.0)),
            ("uniform", dict(low=-1.0, high=2.0)),
            ("integers", dict(low=0, high=1000)),
            ("integers", dict(low=9, dtype=np.int32, endpoint=True)),
        ],
    )
    @pytest.mark.parametrize("shape", [(), (3,), (2, 5), (0,)])
    def test_it_is_a_piece_of_the_draw_for_all(self, batch, held, name, settings, shape):
        def generator():
            rng = np.random.default_rng(4)
            if held:
                rng.random(dtype=np.float32)  # takes half a word; the other half waits for the next
            return rng

        whole = generator()
        want = getattr(whole, name)(size=(batch, *shape), **settings)
        after = whole.random(3, dtype=np.float32)
        for start in range(batch):
            for stop in range(start + 1, batch + 1):
                bits = generator().bit_generator
                got = getattr(Rows(bits, start, stop, batch), name)(size=(stop - start, *shape), **settings)
                assert got.dtype == want.dtype
                assert got.tolist() == want[start:stop].tolist()
                assert np.random.Generator(bits).random(3, dtype=np.float32).tolist() == after.tolist()

    def test_images_are_made_black_and_white_as_one_process_makes_them(self):
        want = binarize(X, np.random.default_rng(0))
        for start, stop in ((0, 10), (10, 41), (41, 62)):
            rows = Rows(np.random.PCG64(0), start, stop, len(X))
            assert binarize(X[start:stop], rows).tolist() == want[start:stop].tolist()

    def test_a_single_number_is_the_same_for_all(self):
        want = np.random.default_rng(0)
        got = Rows(np.random.PCG64(0), 2, 3, 5)
        for draw in (lambda rng: rng.random(), lambda rng: rng.normal(1, 2), lambda rng: rng.integers(9)):
            assert draw(got) == draw(want)

    def test_size_may_be_one_integer(self):
        want = np.random.default_rng(0).random(5)
        assert Rows(np.random.PCG64(0), 2, 4, 5).random(2).tolist() == want[2:4].tolist()

    @pytest.mark.parametrize(
        ("draw", "words"),
        [
            (lambda rng: rng.random((3, 2)), r"random was asked for \(3, 2\), and a worker has 2 images"),
            (lambda rng: rng.standard_normal(()), r"standard_normal was asked for \(\)"),
            (lambda rng: rng.normal(np.zeros(2), 1.0), "normal was asked to draw with arrays as settings"),
            (lambda rng: rng.permutation(3), "cannot draw with permutation; there are integers, normal, random, "),
            (lambda rng: rng.spawn(2), "cannot draw with spawn"),
        ],
    )
    def test_a_draw_that_cannot_be_cut_is_refused(self, draw, words):
        with pytest.raises(ConfigError, match=words):
            draw(Rows(np.random.PCG64(0), 2, 4, 5))

    def test_every_method_of_a_generator_is_known_or_refused(self):
        public = {name for name in dir(np.random.Generator) if not name.startswith("_")} - {"bit_generator"}
        assert public <= set(vars(Rows))


class TestStretch:
    @pytest.mark.parametrize("size", range(9))
    @pytest.mark.parametrize("n", [1, 2, 3, 5])
    def test_the_parts_join_and_differ_by_one_at_most(self, size, n):
        parts = [stretch(size, n, rank) for rank in range(n)]
        assert [i for start, stop in parts for i in range(start, stop)] == list(range(size))
        lengths = [stop - start for start, stop in parts]
        assert lengths == sorted(lengths, reverse=True)
        assert max(lengths) - min(lengths) <= 1


class Dropping(VAE):
    """One whose encoder draws too."""

    def __init__(self):
        super().__init__(x_dim=6, hidden=5, latent=2, rng=np.random.default_rng(0))
        self.drop = Dropout(0.5)

    def loss(self, x, rng):
        return super().loss(self.drop(x, rng=rng), rng)

    def elbo(self, x, eps):
        return super().elbo(Tensor(np.clip(x.data, 0, 1)), eps)


class TestSameAsOne:
    @pytest.mark.parametrize("workers", [2, 3])
    @pytest.mark.parametrize(
        ("make", "binarization"),
        [
            (tiny_vae, "dynamic"),
            (tiny_autoencoder, "threshold"),
            (lambda: tiny_vae(likelihood="gaussian"), "none"),
            (Dropping, "dynamic"),
        ],
    )
    def test_parameters_and_figures_agree(self, workers, make, binarization):
        one = trained(1, make, binarization=binarization)
        check_same(trained(workers, make, binarization=binarization), one)

    def test_more_workers_than_images_in_a_batch_agree_too(self):
        check_same(trained(4, batch=3, epochs=1), trained(1, batch=3, epochs=1))

    def test_large_arrays_are_moved_in_several_chunks(self, monkeypatch):
        monkeypatch.setattr(parallel, "CHUNK", 10)
        check_same(trained(3), trained(1))

    def test_after_one_step_the_whole_gradient_is_where_one_process_leaves_it(self):
        one, three = run(batch=61), run(batch=61)
        for a, workers in ((one, 1), (three, 3)):
            with pytest.raises(Interrupted):
                a.train(X, report=Each(press, 1), workers=workers)
        for p, q in zip(one.model.parameters(), three.model.parameters(), strict=True):
            np.testing.assert_allclose(q.grad, p.grad, rtol=1e-5, atol=1e-6)  # float32 means of 61 terms

    def test_the_loss_and_what_is_reported_are_those_of_the_whole_batch(self):
        results = []
        for workers in (1, 3):
            a = run()
            with parallel.team(workers, partial(a._gradients, X), a.model, a.optimizer, 61) as team:
                results.append(team.gradients(np.arange(61), a.rng))
        (loss, sums), (other_loss, other_sums) = results
        assert other_loss == pytest.approx(loss, rel=RTOL)
        assert other_sums == pytest.approx(sums, rel=RTOL)

    @pytest.mark.parametrize("make", [lambda p: SGD(p, 0.01, momentum=0.9), lambda p: AdamW(p, LR, decay=0.1)])
    def test_other_optimisers_agree(self, make):
        def trained_by(workers):
            a = run()
            a.optimizer = make(a.model.parameters())
            return a.train(X, report=Quiet(), workers=workers)

        check_same(trained_by(2), trained_by(1))

    def test_what_follows_a_schedule_reaches_the_workers(self):
        def schedule(run):
            run.optimizer.lr = LR / (1 + run.step)
            run.model.beta = 0.1 * run.step

        one, two = (trained(workers, report=Each(schedule)) for workers in (1, 2))
        check_same(two, one)
        assert abs(one.optimizer.flat.data - trained(1).optimizer.flat.data).max() > 100 * ATOL, "it does something"

    @pytest.mark.parametrize("fault", ["share", "rows"])
    def test_a_planted_fault_is_far_beyond_the_tolerance(self, monkeypatch, fault):
        if fault == "share":  # each worker counts alike, however many images it has
            inner = Run._gradients
            monkeypatch.setattr(Run, "_gradients", lambda *a: inner(*a[:4], *(0.5 for share in a[4:])))
        else:  # each draws for itself, from the same place
            monkeypatch.setattr(parallel, "Rows", lambda bits, *rows: np.random.Generator(bits))
        with pytest.raises(AssertionError):
            check_same(trained(2), trained(1))


class TestSameBits:
    def test_two_runs_with_as_many_workers_write_the_same_files(self, tmp_path):
        for name in "ab":
            trained(3, out=tmp_path / name)
        assert files(tmp_path / "a") == files(tmp_path / "b")

    @pytest.mark.parametrize("after", [1, STEPS, STEPS + 2])
    def test_a_run_that_was_stopped_goes_on_bit_for_bit(self, tmp_path, after):
        trained(2, out=tmp_path / "whole")
        with pytest.raises(Interrupted, match="saved, and `minivae train --resume"):
            trained(2, out=tmp_path / "cut", report=Each(press, after))
        Run.load(tmp_path / "cut").train(X, X_TEST, out=tmp_path / "cut", report=Quiet(), workers=2)
        assert files(tmp_path / "cut") == files(tmp_path / "whole")

    @pytest.mark.parametrize(("first", "then"), [(2, 1), (1, 2), (3, 2)])
    def test_it_goes_on_with_any_number_of_workers(self, tmp_path, first, then):
        with pytest.raises(Interrupted):
            trained(first, out=tmp_path, report=Each(press, STEPS + 2))
        again = Run.load(tmp_path).train(X, X_TEST, out=tmp_path, report=Quiet(), workers=then)
        check_same(again, trained(1))


class TestMemory:
    def test_it_is_shared_inside_without_a_name_and_at_home_afterwards(self):
        a = run()
        flat, names = a.optimizer.flat, a.optimizer.names
        home = [flat.data, flat.grad, *(getattr(a.optimizer, name) for name in names)]
        seen = []

        def look(run):
            assert flat.data is not home[0]
            assert flat.still_gathered()
            maps = Path("/proc/self/maps").read_text().splitlines()
            seen.extend(line.split(None, 5)[-1] for line in maps if line.split()[1].endswith("s"))

        a.train(X, X_TEST, report=Each(look, 1), workers=2)
        assert "/dev/zero (deleted)" in seen, "so Linux calls shared memory that has no name"
        assert not any("/dev/shm" in path for path in seen)
        now = [flat.data, flat.grad, *(getattr(a.optimizer, name) for name in names)]
        assert all(mine is before for mine, before in zip(now, home, strict=True))
        assert flat.still_gathered()
        assert all(p.slot().base is flat.grad for p in a.model.parameters())
        check_same(a, trained(1))

    def test_one_worker_is_this_process(self, monkeypatch):
        monkeypatch.setattr(os, "fork", None)
        trained(1)

    def test_blas_has_one_thread_inside_and_as_many_as_before_afterwards(self):
        from threadpoolctl import threadpool_info, threadpool_limits

        def threads():
            return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

        seen = []
        with threadpool_limits(2):
            trained(2, epochs=1, report=Each(lambda run: seen.append(threads()), 1))
            assert (seen, threads()) == ([{1}], {2})


class TestWaiting:
    def test_who_waits_for_long_leaves_the_core_to_others(self):
        start, cpu = time.monotonic(), time.process_time()
        parallel._wait(lambda: time.monotonic() > start + 0.5, lambda: None)
        assert time.process_time() - cpu < 0.2

    def test_what_is_looked_after_meanwhile_may_raise(self):
        with pytest.raises(ZeroDivisionError):
            parallel._wait(lambda: False, lambda: 1 / 0)

    def test_what_is_ready_is_not_waited_for(self):
        parallel._wait(lambda: True, lambda: 1 / 0)


class TestRefused:
    @pytest.mark.parametrize("workers", [0, -1])
    def test_no_workers(self, workers):
        with pytest.raises(ConfigError, match=f"workers is {workers}; wanted 1 or more"):
            trained(workers)

    def test_a_system_without_fork(self, monkeypatch):
        monkeypatch.delattr(os, "fork")
        with pytest.raises(ConfigError, match=r"workers is 2, but linux cannot .*--threads"):
            trained(2)

    def test_a_system_whose_blas_does_not_survive_a_fork(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(ConfigError, match=r"workers is 2, but darwin cannot .*--threads"):
            trained(2)

    def test_other_threads(self, monkeypatch):
        monkeypatch.setattr(parallel.threading, "active_count", lambda: 2)
        with pytest.raises(ConfigError, match=r"runs other threads .*minivae train --workers 2, or leave"):
            trained(2)

    def test_arrays_on_a_device(self, monkeypatch):
        monkeypatch.setattr(backend, "_current", backend.Backend("cupy", object()))
        with pytest.raises(ConfigError, match="the backend is cupy, and only the work of numpy can be shared"):
            parallel.check_can_fork(2)

    def test_a_process_that_cannot_be_started_leaves_none_of_the_others(self, monkeypatch):
        fork, started = os.fork, []

        def no_more():
            if started:
                raise BlockingIOError("no more processes")
            started.append(None)
            return fork()

        monkeypatch.setattr(os, "fork", no_more)
        a = run()
        home = a.optimizer.flat.data
        with pytest.raises(ConfigError, match=r"worker 3 of 3 could not start \(no more processes\); take fewer"):
            a.train(X, report=Quiet(), workers=3)
        assert a.optimizer.flat.data is home

    def test_a_parameter_that_was_replaced(self):
        a = run()
        p = a.model.parameters()[0]
        p.data = p.data.copy()
        with pytest.raises(GradientError, match="a parameter was replaced"):
            a.train(X, report=Quiet(), workers=2)


def in_a_worker(do):
    """A VAE whose loss does something in each process but the first."""
    model, first = tiny_vae(), os.getpid()
    loss = model.loss

    def faulty(x, rng):
        if os.getpid() != first:
            do()
        return loss(x, rng)

    model.loss = faulty
    return model


def fail(error):
    raise error


class TestFailure:
    def expect(self, words, make, out=None, report=None, kind=WorkerError):
        with nothing_left(), pytest.raises(kind, match=words) as caught:
            trained(2, make, out=out, report=report)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
        return caught.value

    def test_an_exception_is_named_with_its_place_and_the_checkpoint_stays(self, tmp_path):
        trained(1, epochs=1, out=tmp_path)
        before = files(tmp_path)
        more = Run.load(tmp_path)
        more.epochs, first, loss = 2, os.getpid(), more.model.loss
        more.model.loss = lambda x, rng: fail(ValueError("planted")) if os.getpid() != first else loss(x, rng)
        with pytest.raises(WorkerError, match="worker 2 of 2 failed: ValueError: planted; what was saved") as caught:
            more.train(X, out=tmp_path, report=Quiet(), workers=2)
        assert "in fail\n    raise error" in caught.value.__notes__[0]
        assert files(tmp_path) == before
        Run.load(tmp_path)

    def test_an_error_of_ours_speaks_for_itself(self):
        self.expect("failed: nothing there; what", lambda: in_a_worker(lambda: fail(DataError("nothing there"))))

    def test_a_worker_that_leaves_is_named(self):
        self.expect("worker 2 of 2 ended with status 3", lambda: in_a_worker(lambda: os._exit(3)))

    def test_an_exit_is_an_exception_like_any(self):
        self.expect("failed: SystemExit: 5", lambda: in_a_worker(lambda: fail(SystemExit(5))))

    def test_a_long_message_is_cut(self):
        error = self.expect("failed: ValueError: aaa", lambda: in_a_worker(lambda: fail(ValueError(100_000 * "a"))))
        assert len(str(error)) < 3000

    def test_a_worker_that_is_killed_is_named_with_the_signal(self):
        def kill(run):
            (worker,) = children() - before
            os.kill(worker, signal.SIGKILL)

        before = children()
        self.expect("worker 2 of 2 was killed by SIGKILL", tiny_vae, report=Each(kill, 3))

    def test_ctrl_c_does_not_reach_a_worker_even_in_its_first_moment(self, monkeypatch):
        def fork_and_press():
            pid = fork()
            if pid == 0:
                try:
                    press(None)
                    press(None)
                except KeyboardInterrupt:
                    os._exit(9)
            return pid

        fork = os.fork
        monkeypatch.setattr(os, "fork", fork_and_press)
        check_same(trained(2), trained(1))

    def test_what_this_process_does_on_a_signal_is_not_done_by_a_worker(self):
        def kill(run):
            (worker,) = children() - before
            os.kill(worker, signal.SIGTERM)

        before, handler = children(), signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            self.expect("worker 2 of 2 was killed by SIGTERM", tiny_vae, report=Each(kill, 3))
        finally:
            signal.signal(signal.SIGTERM, handler)

    def test_a_worker_that_someone_else_waited_for_is_missed_too(self):
        def kill(run):
            (worker,) = children() - before
            os.kill(worker, signal.SIGKILL)
            os.waitpid(worker, 0)

        before = children()
        self.expect("worker 2 of 2 ended", tiny_vae, report=Each(kill, 3))

    def test_an_exception_in_this_process_comes_out_as_it_is(self):
        report = Each(lambda run: fail(ZeroDivisionError("planted")), 2)
        self.expect("planted", tiny_vae, report=report, kind=ZeroDivisionError)

    def test_a_parameter_without_a_gradient_is_named_as_in_one_process(self):
        def make():
            model = tiny_autoencoder()
            model.idle = tiny_autoencoder()
            return model

        self.expect("Adam: 8 of 16 parameters have no gradient", make, kind=GradientError)

    def test_a_parameter_without_a_gradient_in_one_worker_is_named_too(self):
        def make():
            model, first = tiny_vae(), os.getpid()
            model.extra, loss = Parameter(np.ones(1, np.float32)), model.loss

            def here_and_there(x, rng):
                value, terms = loss(x, rng)
                return (value + model.extra.sum() if os.getpid() == first else value), terms

            model.loss = here_and_there
            return model

        self.expect("worker 2 of 2 failed: Adam: 1 of 9 parameters have no gradient", make)

    def test_a_loss_that_is_no_number_is_named_as_in_one_process_and_no_parameter_moves(self):
        a = run(lr=1e30)
        seen = []
        with pytest.raises(GradientError, match=r"the loss became infinite or NaN in epoch 1, after 1 steps; lr is"):
            a.train(X, report=Each(lambda run: seen.append(run.optimizer.flat.data.copy())), workers=2)
        np.testing.assert_array_equal(a.optimizer.flat.data, seen[-1])

    def test_a_last_step_that_breaks_the_parameters_is_noticed_and_not_saved(self, tmp_path):
        a = run(epochs=1, batch=62, lr=1e39)
        with pytest.raises(GradientError, match="a parameter became infinite or NaN in epoch 1, after 1 steps"):
            a.train(X, out=tmp_path, report=Quiet(), workers=2)
        assert files(tmp_path) == {}

    def test_a_worker_that_hangs_does_not_outlive_a_second_ctrl_c(self, monkeypatch):
        monkeypatch.setattr(parallel, "GRACE", 0.05)

        def stop(run):
            (worker,) = children() - before
            os.kill(worker, signal.SIGSTOP)
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

        before = children()
        with pytest.raises(KeyboardInterrupt) as caught:
            trained(2, report=Each(stop, 2))
        assert not isinstance(caught.value, Interrupted)

    def test_where_children_are_not_to_be_waited_for_it_works_too(self):
        handler = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            check_same(trained(2), trained(1))
        finally:
            signal.signal(signal.SIGCHLD, handler)


class TestCommand:
    """The command in a process of its own, with real signals, sent to its whole group as a terminal sends them."""

    SMALL = ("--latent", "2", "--hidden", "16", "--batch", "500")

    @contextmanager
    def training(self, tmp_path, workers=2):
        """A training that would never end, once its first epoch is saved; and the processes that work for it."""
        command = [sys.executable, "-c", "from minivae.cli import main; main()", "train", "vae", *self.SMALL]
        process = subprocess.Popen(
            [*command, "--epochs", "100000", "--out", "run", "--workers", str(workers)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        helpers = set()
        try:
            assert process.stdout.readline().startswith("epoch      1  test ELBO -")
            until((tmp_path / "run" / CHECKPOINT).exists)
            helpers = children(process.pid)
            assert len(helpers) == workers - 1
            yield process, helpers
            process.communicate(timeout=60)
            until(lambda: not any(map(alive, helpers)))
        finally:
            for pid in [process.pid, *helpers]:  # none is there unless the test failed
                if alive(pid):
                    os.kill(pid, signal.SIGKILL)
            process.communicate()

    @pytest.mark.parametrize("workers", [2, 3])
    def test_ctrl_c_saves_and_says_how_to_go_on(self, tmp_path, workers):
        with self.training(tmp_path, workers) as (process, _):
            os.killpg(process.pid, signal.SIGINT)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.startswith("stopped after ")
        assert "saved, and `minivae train --resume run` continues as if nothing had happened" in err
        assert len(err.splitlines()) == 1
        stopped = Run.load(tmp_path / "run")
        assert stopped.optimizer.t == stopped.epoch * 20 + stopped.step

    def test_a_worker_that_is_killed_is_one_line_and_the_checkpoint_is_whole(self, tmp_path):
        with self.training(tmp_path) as (process, helpers):
            os.kill(*helpers, signal.SIGKILL)
            _, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert err == "error: train: worker 2 of 2 was killed by SIGKILL; what was saved last is whole\n"
        Run.load(tmp_path / "run")

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_workers_end_by_themselves_if_the_first_process_is_killed(self, tmp_path, number):
        with self.training(tmp_path, 3) as (process, helpers):
            assert all(map(alive, helpers))
            process.send_signal(number)
            process.communicate(timeout=60)
        assert process.returncode == -number
        Run.load(tmp_path / "run")

    @pytest.fixture
    def minivae(self, monkeypatch, capsys, tmp_path):
        """Runs `minivae ...` here and without pictures; returns its status and standard error."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(cli.train, "pictures", lambda *_: ())

        def call(*arguments):
            monkeypatch.setattr(sys, "argv", ["minivae", *map(str, arguments)])
            with pytest.raises(SystemExit) as end:
                cli.main()
            return end.value.code or 0, capsys.readouterr().err

        return call

    def test_a_run_goes_on_with_other_numbers_of_workers(self, minivae, tmp_path):
        assert minivae("train", "vae", *self.SMALL, "--epochs", 1, "--workers", 2, "--out", "a") == (0, "")
        for epochs, workers in ((2, 3), (3, 1)):
            assert minivae("train", "--resume", "a", "--epochs", epochs, "--workers", workers) == (0, "")
        assert minivae("train", "vae", *self.SMALL, "--epochs", 3, "--out", "b") == (0, "")
        a, b = (Run.load(tmp_path / name).history[-1] for name in "ab")
        assert a["test_elbo"] == pytest.approx(b["test_elbo"], rel=1e-4)  # 60 steps of Adam from sums in another order

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (
                ("--workers", 2, "--threads", 2),
                "each of the 2 workers has one thread; leave out --threads, or --workers",
            ),
            (("--workers", 0), "'--workers'"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, minivae, tmp_path, options, words):
        code, err = minivae("train", "vae", *options)
        assert code == 2
        assert words in " ".join(err.split())
        assert list(tmp_path.iterdir()) == []
