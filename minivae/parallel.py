"""Local data parallelism: processes on this machine share every step of a run, each with its rows of the batch.

A step with n workers, the first of which is the process that called `train`:

1. The first worker says which images make the batch, and where the random numbers begin.
2. Each worker takes its rows, and leaves their part of the gradient in memory that all can see.
3. When all are done, each adds the parts up over its stretch of the flat parameters, and moves that stretch.

Everything is drawn as one process draws it (see `Rows`) and each part weighs as many rows as it has, so the result is
that of one process but for the rounding of sums. Sums are taken in the order of the workers: n workers always give the
same bits.

Processes, not threads, for Python runs one thread at a time. They are forked: so they begin with the images, the model
and all else in place, and share memory that has no name and ends with the last process that holds it.
"""

import gc
import math
import mmap
import os
import pickle
import platform
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from numbers import Real
from typing import Any, NoReturn

import numpy as np

from minivae.backend import current
from minivae.errors import ConfigError, GradientError, MinivaeError, WorkerError
from minivae.nn import Module
from minivae.nn.flat import CHUNK
from minivae.optim import Optimizer

# Seconds. To wake up takes a tenth of a millisecond, too long for every step; but who looks without pause, on a machine
# with other things to do, takes from the others the time for which he waits.
SPIN = 0.0002  # to look without pause whether the others are done
PAUSE = 0.005  # between two looks after that, at most: while test images are scored, for example
GRACE = 1.0  # in which a worker may finish what it is at, when the run is over

LINE = 8  # numbers of 64 bits in a line of the cache; a flag has one to itself, or writing it would slow other flags
STOP, FAILED, LOST = -1, 70, 255  # instead of the number of a call; exit statuses
ORDERED = platform.machine().lower() in ("x86_64", "amd64", "i386", "i686")

Result = tuple[float, dict[str, float]]  # the mean loss, and sums over the images of what the model reports, by name


class Alone:
    """A step done by this process alone: the interface of `Workers`, with nothing behind it."""

    def __init__(self, compute: Callable[..., Result], optimizer: Optimizer):
        self.gradients, self.update = compute, optimizer.step

    def __enter__(self) -> "Alone":
        return self

    def __exit__(self, *error: Any) -> None:
        pass


class Workers:
    """A step shared by `n` processes: inside of `with Workers(...) as team`, call `gradients` and `update` in turn.

    Inside, the parameters and the arrays of the optimiser live in shared memory; afterwards they are back at home, and
    the other processes are gone. If this process is killed, they end by themselves once their part of a step is done.

    The loss has to be a mean over images, none of which looks at another. What changes between steps reaches the other
    processes if it is the optimiser's `lr`, or a number that is an attribute of the model or of a module in it, such as
    `model.beta`; nothing else does.

    Parameters
    ----------
    n : processes, this one included.
    compute : `compute(rows, rng, share)` leaves in the parameters `share` times the gradient of the mean loss of some
        images, given by their indices, and returns a `Result`.
    model, optimizer : what `compute` works on.
    batch : images in a step, at most.

    Raises
    ------
    ConfigError
        Where processes cannot be forked, or not safely.
    WorkerError
        In a step, if a worker failed or was killed. The parameters may then be in the middle of a step.
    """

    def __init__(self, n: int, compute: Callable[..., Result], model: Any, optimizer: Optimizer, batch: int):
        check_can_fork(n)
        self.n, self.compute, self.optimizer = n, compute, optimizer
        self.modules = list(_modules(model))
        self.rng = np.random.default_rng()  # a worker's own; its state comes with each step
        self.crew = Crew(n, {"gradients": self._gradients, "update": self._update}, size=8 * batch + 65_536)

    def __enter__(self) -> "Workers":
        from threadpoolctl import threadpool_limits

        with ExitStack() as stack:  # whatever goes wrong on the way, what was done so far is undone
            stack.enter_context(threadpool_limits(1))
            stack.callback(self._share_memory())
            stack.callback(self.crew.end)
            self.crew.start(self._settle)
            self._undo = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._undo.close()

    def gradients(self, rows: np.ndarray, rng: np.random.Generator) -> Result:
        """Leave the gradient of the mean loss of the images `rows`, (B,) indices, in the shared memory, in parts."""
        self.rng = rng
        results = self.crew.call("gradients", rows, rng.bit_generator.state, self._numbers())
        losses, sums = zip(*filter(None, results), strict=True)
        return sum(losses), {name: sum(part[name] for part in sums) for name in sums[0]}

    def update(self) -> None:
        """Add the parts up and move every parameter once; raises what the optimiser's `step` raises."""
        self.optimizer.begin()
        self.crew.call("update", self.optimizer.t, self.optimizer.lr)

    # What all processes do at the same time, each as worker `rank`.

    def _gradients(self, rank: int, rows: np.ndarray, state: dict, numbers: list[dict]) -> Result | None:
        self.active = min(self.n, len(rows))  # fewer images than workers: the last ones have none
        start, stop = stretch(len(rows), self.n, rank)
        if rank != 0:
            self.rng.bit_generator.state = state
            for module, values in zip(self.modules, numbers, strict=True):
                vars(module).update(values)
        if rank >= self.active:
            return None
        share = (stop - start) / len(rows)
        rng = Rows(self.rng.bit_generator, start, stop, len(rows))
        loss, sums = self.compute(rows[start:stop], rng, share)
        self.optimizer.flat.check_gradients(type(self.optimizer).__name__)
        return share * loss, sums

    @np.errstate(over="ignore", invalid="ignore")  # what becomes infinite is reported by the first, by name
    def _update(self, rank: int, t: int, lr: float) -> None:
        optimizer, whole = self.optimizer, self.parts[0]
        optimizer.t, optimizer.lr = t, lr
        start, stop = stretch(whole.size, self.n, rank)
        for begin in range(start, stop, CHUNK):
            chunk = slice(begin, min(begin + CHUNK, stop))
            for part in self.parts[1 : self.active]:
                whole[chunk] += part[chunk]
            optimizer._step(chunk)

    def _share_memory(self) -> Callable[[], None]:
        """Move all that a step reads and writes to shared memory; returns the way back."""
        optimizer, flat = self.optimizer, self.optimizer.flat
        if not flat.still_gathered():
            raise GradientError("train: a parameter was replaced; assign with p.data[...] = value, or begin anew")
        data, grad, state = flat.data, flat.grad, {name: getattr(optimizer, name) for name in optimizer.names}
        self.parts = [shared_like(grad) for _ in range(self.n)]
        shared_data, shared_state = shared_like(data), {name: shared_like(array) for name, array in state.items()}

        def back() -> None:
            data[...] = flat.data
            flat.lay(data, grad)
            for name, home in state.items():
                home[...] = getattr(optimizer, name)
                setattr(optimizer, name, home)

        flat.lay(shared_data, self.parts[0])
        for name, array in shared_state.items():
            setattr(optimizer, name, array)
        return back

    def _settle(self, rank: int) -> None:
        """In a new worker: backward is to write to its own part, and the optimiser to read the sum, in the first."""
        flat = self.optimizer.flat
        flat.lay(flat.data, self.parts[rank])
        flat.grad = self.parts[0]

    def _numbers(self) -> list[dict[str, Any]]:
        """The numbers among the attributes of each module: what may follow a schedule, as a VAE's beta may."""
        return [
            {name: value for name, value in vars(module).items() if isinstance(value, Real)} for module in self.modules
        ]


def team(workers: int, compute: Callable[..., Result], model: Any, optimizer: Optimizer, batch: int) -> Any:
    """`Alone` for one worker, else `Workers`."""
    return Alone(compute, optimizer) if workers == 1 else Workers(workers, compute, model, optimizer, batch)


def stretch(size: int, n: int, rank: int) -> tuple[int, int]:
    """Start and stop of the part of worker `rank` when `size` things are dealt to `n` workers; the first get more.

    >>> [stretch(5, 3, rank) for rank in range(3)]
    [(0, 2), (2, 4), (4, 5)]
    """
    each, more = divmod(size, n)
    return rank * each + min(rank, more), (rank + 1) * each + min(rank + 1, more)


def shared_like(a: np.ndarray) -> np.ndarray:
    """A copy of a flat array in memory that is shared with processes forked from now on, and ends with the last one."""
    shared = np.frombuffer(mmap.mmap(-1, a.nbytes), a.dtype)
    shared[...] = a
    return shared


def _modules(model: Any) -> Iterator[Any]:
    yield model
    if isinstance(model, Module):
        for _, part in model.parts():
            if isinstance(part, Module):
                yield from _modules(part)


def check_can_fork(n: int) -> None:
    """Raise ConfigError if this process cannot be split into `n` workers, and say what else there is."""
    who, cure = f"train: workers is {n}", "leave workers out, and try BLAS threads instead (--threads)"
    if n < 1:
        raise ConfigError(f"{who}; wanted 1 or more")
    if current().name != "numpy":
        name = current().name
        raise ConfigError(f"{who}, but the backend is {name}, and only the work of numpy can be shared; leave one out")
    if not hasattr(os, "fork") or sys.platform == "darwin":  # Apple's BLAS may crash in a forked process
        raise ConfigError(f"{who}, but {sys.platform} cannot fork processes that compute; {cure}")
    if threading.active_count() > 1:  # one of them may hold a lock, which nobody would ever open in the copy
        names = ", ".join(t.name for t in threading.enumerate() if t is not threading.current_thread())
        raise ConfigError(
            f"{who}, but this process runs other threads ({names}), as notebooks do, and cannot be forked safely; "
            f"train in a terminal, with minivae train --workers {n}, or leave workers out"
        )


class Crew:
    """Processes that do the same call at the same time: this one as worker 0, and those forked from it.

    Parameters
    ----------
    n : processes, this one included.
    calls : what they can be called to do, by name; each takes the rank of the worker, then what `call` was given.
    size : bytes that the arguments of a call, or its result, take at most when pickled.
    """

    def __init__(self, n: int, calls: dict[str, Callable], size: int):
        self.n, self.calls, self.first = n, calls, os.getpid()
        self.pids: dict[int, int] = {}
        self.boxes = [mmap.mmap(-1, size) for _ in range(n)]  # the first holds a call, the others their results
        # The number of the latest call, and after it for each worker the number of the call that it has done.
        self.flags = memoryview(mmap.mmap(-1, 8 * LINE * n)).cast("q")

    def start(self, settle: Callable[[int], None]) -> None:
        """Fork the other workers; each begins with `settle(rank)`."""
        # A terminal sends Ctrl-C to all of them. The others are born deaf to it: what follows, the first one decides.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            for rank in range(1, self.n):
                with warnings.catch_warnings():  # Python 3.12 and later see the threads of BLAS, which are at rest
                    warnings.simplefilter("ignore", DeprecationWarning)
                    pid = os.fork()
                if pid == 0:
                    self._serve(rank, settle)
                self.pids[rank] = pid
        except OSError as error:
            raise ConfigError(f"train: worker {rank + 1} of {self.n} could not start ({error}); take fewer") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def call(self, name: str, *arguments: Any) -> list[Any]:
        """Do `calls[name]` in all processes; their results, in order of rank. Raises WorkerError if one has died."""
        _put(self.boxes[0], (name, arguments))
        number = self.flags[0] + 1
        self._raise_flag(0, number)
        results = [self.calls[name](0, *arguments)]
        _wait(lambda: all(self.flags[LINE * rank] == number for rank in self.pids), self._check_workers)
        return results + [pickle.loads(box) for box in self.boxes[1:]]

    def end(self) -> None:
        """Send the other workers home, and see to it that they go."""
        self.flags[0] = STOP
        until = time.monotonic() + GRACE
        try:
            while self.pids and time.monotonic() < until:
                self.pids = {rank: pid for rank, pid in self.pids.items() if _ended(pid) is None}
                time.sleep(0.001 if self.pids else 0)
        finally:
            for pid in self.pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                _ended(pid, wait=True)
            self.pids = {}

    def _serve(self, rank: int, settle: Callable[[int], None]) -> NoReturn:
        """The life of another worker, down to its end: what is open here belongs to the first, who closes it."""
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            gc.freeze()  # what came along, garbage too, is the first one's to clear away
            settle(rank)
            flags, own = self.flags, LINE * rank  # the flag is at the number of the last call that was done
            _wait(lambda: flags[0] != flags[own], self._check_first)
            while flags[0] != STOP:
                name, arguments = pickle.loads(self.boxes[0])
                _put(self.boxes[rank], self.calls[name](rank, *arguments))
                self._raise_flag(rank, flags[own] + 1)
                _wait(lambda: flags[0] != flags[own], self._check_first)
            status = 0
        except BaseException as error:
            kind = "" if isinstance(error, MinivaeError) else f"{type(error).__name__}: "
            _put(self.boxes[rank], (f"{kind}{error}"[:2000], traceback.format_exc()[-8000:]))
            status = FAILED
        finally:
            os._exit(status)

    def _raise_flag(self, rank: int, number: int) -> None:
        _fence()
        self.flags[LINE * rank] = number

    def _check_first(self) -> None:
        if os.getppid() != self.first:  # it was killed, and nobody will say that this is the end
            os._exit(0)

    def _check_workers(self) -> None:
        for rank, pid in self.pids.items():
            status = _ended(pid)
            if status is None:
                continue
            del self.pids[rank]
            text, trace = f"ended with status {status}", ""
            if status == FAILED:
                said, trace = pickle.loads(self.boxes[rank])
                text = f"failed: {said}"
            elif status < 0:
                text = f"was killed by {signal.Signals(-status).name}"
            error = WorkerError(f"train: worker {rank + 1} of {self.n} {text}; what was saved last is whole")
            if trace:
                error.add_note(trace)
            raise error


def _put(box: mmap.mmap, thing: Any) -> None:
    data = pickle.dumps(thing)
    box[: len(data)] = data


def _ended(pid: int, wait: bool = False) -> int | None:
    """None while that process lives, then its exit status, or minus the signal that killed it."""
    try:
        gone, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
    except ChildProcessError:  # someone else waited for it, or nobody is to: then its status is lost
        return LOST
    return os.waitstatus_to_exitcode(status) if gone else None


def _wait(ready: Callable[[], bool], check: Callable[[], None]) -> None:
    """Look until `ready()`, at first without pause, then less and less often; between looks `check()` may raise."""
    since = time.perf_counter()
    while not ready():
        waited = time.perf_counter() - since
        if waited > SPIN:
            check()
            time.sleep(min(waited / 8, PAUSE))
    _fence()


def _fence() -> None:
    """Between data and the flag that announces it: neither may become visible to other cores ahead of its turn.

    x86 keeps the order by itself. Elsewhere this call passes a barrier in the kernel's scheduler.
    """
    if not ORDERED:
        os.sched_yield()


class Rows(np.random.Generator):
    """Draws what one process draws for a whole batch, and hands out the rows of one worker.

    So all workers, and all that follows, see the numbers that one process would. It takes for granted that every array
    of numbers that a loss draws has the images of the batch along its first axis.

    Parameters
    ----------
    bits : PCG64; afterwards it stands where it would after a draw for the whole batch.
    start, stop, batch : the worker's rows, and how many there are for all workers.

    Raises ConfigError for draws that are not of that kind, or that it does not know.
    """

    def __init__(self, bits: Any, start: int, stop: int, batch: int):
        super().__init__(bits)
        self.start, self.stop, self.batch = start, stop, batch

    def random(self, size: Any = None, dtype: Any = np.float64) -> Any:  # type: ignore[override]
        """The other rows are not even drawn: each takes a known number of bits, so the generator can leap over them."""
        if size is None:
            return super().random(dtype=dtype)
        shape = self._shape("random", size)
        each = math.prod(shape[1:])
        leap(self.bit_generator, self.start * each, dtype)
        drawn = super().random(shape, dtype)
        leap(self.bit_generator, (self.batch - self.stop) * each, dtype)
        return drawn

    def standard_normal(self, size: Any = None, dtype: Any = np.float64) -> Any:  # type: ignore[override]
        return self._cut("standard_normal", size, dtype=dtype)

    def normal(self, loc: float = 0.0, scale: float = 1.0, size: Any = None) -> Any:  # type: ignore[override]
        return self._cut("normal", size, loc=loc, scale=scale)

    def uniform(self, low: float = 0.0, high: float = 1.0, size: Any = None) -> Any:  # type: ignore[override]
        return self._cut("uniform", size, low=low, high=high)

    def integers(  # type: ignore[override]
        self, low: int, high: int | None = None, size: Any = None, dtype: Any = np.int64, endpoint: bool = False
    ) -> Any:
        return self._cut("integers", size, low=low, high=high, dtype=dtype, endpoint=endpoint)

    def _cut(self, name: str, size: Any, **settings: Any) -> Any:
        draw = getattr(super(), name)
        if any(np.ndim(value) for name, value in settings.items() if name != "dtype"):
            raise ConfigError(f"workers: {name} was asked to draw with arrays as settings; draw first, then scale")
        if size is None:
            return draw(**settings)
        shape = self._shape(name, size)
        return draw(size=(self.batch, *shape[1:]), **settings)[self.start : self.stop]

    def _shape(self, name: str, size: Any) -> tuple[int, ...]:
        shape = tuple(np.atleast_1d(size).tolist())
        rows = self.stop - self.start
        if not shape or shape[0] != rows:
            raise ConfigError(
                f"workers: {name} was asked for {shape}, and a worker has {rows} images; with workers, "
                "every draw has to have the images along its first axis"
            )
        return shape


def _unknown(name: str) -> Callable:
    def refuse(self: Rows, *arguments: Any, **settings: Any) -> NoReturn:
        raise ConfigError(f"workers: a loss cannot draw with {name}; there are {', '.join(sorted(KNOWN))}")

    return refuse


KNOWN = {name for name in vars(Rows) if not name.startswith("_")}
for _name in set(dir(np.random.Generator)) - KNOWN - {"bit_generator"}:
    if not _name.startswith("_"):
        setattr(Rows, _name, _unknown(_name))


def leap(bits: Any, n: int, dtype: Any) -> None:
    """Take PCG64 to where it is after `random(n, dtype)`, without drawing.

    A float64 takes a word of 64 bits, a float32 half of one; the other half is held for the next.
    """
    if n == 0:
        return
    state = bits.state
    if np.dtype(dtype) == np.float64:
        bits.advance(n)  # which forgets the half that is held
        bits.state = bits.state | {name: state[name] for name in ("has_uint32", "uinteger")}
    else:
        words, half = divmod(n - state["has_uint32"], 2)
        bits.advance(words)
        if half:
            np.random.Generator(bits).random(dtype=np.float32)
