"""Lets the workers take turns, and compares neighbours.

A shared machine drifts by more than two implementations differ. So each runs in a process of its own that stays alive,
all do a short turn one after the other, A B C A B C ..., and what counts is the ratio between two turns of one round:
its median over the rounds. Before the first turn all have to agree on the losses of the first steps, to float32's
precision; if they do not, they compute different things, and there is no report.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from minivae.bench.workloads import BATCH, CHAIN, TITLES, WIDTH
from minivae.errors import ConfigError, MinivaeError

RTOL = 1e-5  # float32 keeps 1.2e-7; sums of a thousand terms in another order, and three steps, make it 1e-6
MOST_ROUNDS = 10_000


class BenchError(MinivaeError, RuntimeError):
    """A comparison that cannot be made: a worker died, or the losses differ."""


class WorkerDiedError(BenchError):
    """A worker ended before it was told to."""


@dataclass(frozen=True)
class Implementation:
    """One way to compute the workloads.

    Attributes
    ----------
    label : its name in the report.
    command : what Python is to run.
    workloads : those it can do; "tape" is the chain of tiny ops, "growth" W1 in many sizes.
    needs : a module without which it cannot run, and the package that brings it.
    gpu : whether it can compute on a GPU; it is told to by the word "cupy".
    """

    label: str
    command: tuple[str, ...]
    workloads: tuple[str, ...]
    needs: str | None = None
    gpu: bool = False


ALL = ("W1", "W2", "W3", "W4")


def _alone(*words: str) -> tuple[str, ...]:
    return (str(Path(__file__).with_name("alone.py")), *words)


# In the order of their turns: minivae stands between the two that it is measured against most.
IMPLEMENTATIONS = {
    "floor": Implementation("the products alone", _alone("floor_worker"), (*ALL, "tape", "growth"), gpu=True),
    "minivae": Implementation("minivae", ("-m", "minivae.bench.minivae_worker"), (*ALL, "tape", "growth"), gpu=True),
    "torch": Implementation("PyTorch eager", _alone("torch_worker"), (*ALL, "tape", "growth"), "torch", gpu=True),
    "kept": Implementation("PyTorch, memory kept", _alone("torch_worker", "kept"), ALL, "torch"),
    "compile": Implementation("torch.compile", _alone("torch_worker", "compile"), ALL, "torch"),
    "jax": Implementation("JAX jit", _alone("jax_worker"), (*ALL, "growth"), "jax"),
    "textbook": Implementation("a textbook's tape", _alone("textbook_worker"), ("W1", "W3", "tape")),
}
AGAINST = tuple(name for name in IMPLEMENTATIONS if name != "minivae")
BACKENDS = ("numpy", "sim", "cupy")


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes
    ----------
    threads : for every implementation alike.
    workers : processes that share each of minivae's training steps, each with one thread; 1 for none but its own.
    backend : minivae's; with "cupy" the others compute on the GPU too, or not at all.
    rounds : turns of each worker.
    workloads, against : names; minivae takes part always.
    quick : two rounds of short turns and few sizes, to see that it works.
    curves : whether to measure the growth with batch and width as well.

    Raises
    ------
    ConfigError
        For an unknown name, or a number out of range.
    """

    threads: int = 1
    workers: int = 1
    backend: str = "numpy"
    rounds: int = 20
    workloads: tuple[str, ...] = ALL
    against: tuple[str, ...] = AGAINST
    quick: bool = False
    curves: bool = False

    def __post_init__(self) -> None:
        processors = os.cpu_count() or 1
        if not 1 <= self.threads <= processors:
            raise ConfigError(f"bench: threads is {self.threads}; this machine has {processors}: 1 to {processors}")
        if not 1 <= self.workers <= processors:
            raise ConfigError(f"bench: workers is {self.workers}; this machine has {processors}: 1 to {processors}")
        if self.backend not in BACKENDS:
            raise ConfigError(f"bench: backend is {self.backend!r}; wanted one of {', '.join(BACKENDS)}")
        if self.workers > 1 and self.backend != "numpy":
            raise ConfigError(f"bench: workers is {self.workers}, but the backend is {self.backend}; wanted 1")
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise ConfigError(f"bench: rounds is {self.rounds}; wanted 1 to {MOST_ROUNDS}, and 20 is a good start")
        for what, got, known in (("workloads", self.workloads, ALL), ("against", self.against, AGAINST)):
            if unknown := [name for name in got if name not in known]:
                raise ConfigError(f"bench: {what} has {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
        if not self.workloads:
            raise ConfigError(f"bench: workloads is empty; name some of {', '.join(ALL)}")

    @property
    def turn(self) -> float:
        """Seconds that a worker runs before the next one does."""
        return 0.02 if self.quick else 0.25

    @property
    def command(self) -> str:
        """The command line that asks for this."""
        words = ["minivae bench", f"--threads {self.threads}"]
        words += [f"--workers {self.workers}"] * (self.workers > 1)
        words += [f"--backend {self.backend}"] * (self.backend != "numpy")
        words.append("--quick" if self.quick else f"--rounds {self.rounds}")
        if self.workloads != ALL:
            words.append(f"--workloads {','.join(self.workloads)}")
        if self.against != AGAINST:
            words.append(f"--against {','.join(self.against)}")
        return " ".join(words + ["--curves"] * self.curves)

    def words(self, name: str) -> list[str]:
        """What an implementation's worker is told."""
        if name == "minivae":
            return [f"workers={self.workers}", f"backend={self.backend}"]
        return ["cupy"] * (self.backend == "cupy")


@dataclass
class Times:
    """What one implementation took for one workload.

    Attributes
    ----------
    seconds : of a step, the median of each turn, one for each round.
    processor : seconds of processor time for a step, likewise.
    cores : processor time per second, the largest of all turns.
    memory : MiB, the most that the process held; None where the system does not say.
    """

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    cores: float = 0.0
    memory: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def of(self, other: "Times", what: str = "seconds") -> list[float]:
        """This divided by another, round by round, in rising order; `what` is "seconds" or "processor"."""
        return sorted(a / b for a, b in zip(getattr(self, what), getattr(other, what), strict=True))


@dataclass
class Results:
    """Everything for the report; the tables are by workload, then by implementation.

    Attributes
    ----------
    about : versions and BLAS kernel by implementation.
    gaps : the largest relative difference from minivae's losses; None for the products alone, which have none.
    tape : seconds for a chain of `CHAIN` ops.
    growth : "batch" or "width" -> size -> implementation -> times.
    missing : why an implementation is not there, by its label.
    """

    options: Options
    load: str
    about: dict[str, dict[str, str]] = field(default_factory=dict)
    gaps: dict[str, dict[str, float | None]] = field(default_factory=dict)
    times: dict[str, dict[str, Times]] = field(default_factory=dict)
    tape: dict[str, Times] = field(default_factory=dict)
    growth: dict[str, dict[int, dict[str, Times]]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Worker:
    """A process that answers commands; see minivae/bench/worker.py. Use it in a `with`.

    Raises WorkerDiedError, with the last line it wrote, when it ends unasked.
    """

    def __init__(self, implementation: Implementation, threads: int, *words: str):
        self.label = implementation.label
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (see __exit__)
        self.process = subprocess.Popen(
            [sys.executable, "-P", *implementation.command, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env=environment(threads),
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **details}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
            while line and not line.startswith("{"):  # a library has printed something
                line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            return json.loads(line)
        code = self.process.wait()
        self.errors.seek(0)
        said = [text.strip() for text in self.errors if text.strip()]
        what = details.get("name", do)
        raise WorkerDiedError(f"bench: {self.label} died at {what}, status {code}: {said[-1] if said else 'no word'}")


def environment(threads: int) -> dict[str, str]:
    """This process's, with the number of threads for every library, and this very package for every worker."""
    libraries = ("OPENBLAS", "OMP", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
    limits = {f"{library}_NUM_THREADS".replace("MAXIMUM_NUM", "MAXIMUM"): str(threads) for library in libraries}
    limits |= {"NPROC": str(threads), "PJRT_NPROC": str(threads), "JAX_PLATFORMS": "cpu"}  # those that XLA reads
    if threads == 1:
        limits["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"
    package = str(Path(__file__).resolve().parents[2])
    before = os.environ.get("PYTHONPATH")
    return os.environ | limits | {"PYTHONPATH": f"{package}{os.pathsep}{before}" if before else package}


def bench(options: Options, say: Callable[[str], None] = lambda line: None) -> Results:
    """Measure. `say` is told what is going on.

    Raises
    ------
    WorkerDiedError
        If minivae's own worker died. One of the others that dies is listed in `missing`.
    BenchError
        If two implementations differ in a loss.
    """
    results = Results(options, load_average())
    present = ["minivae"]
    for name in options.against:
        other = IMPLEMENTATIONS[name]
        if options.backend == "cupy" and not other.gpu:
            results.missing[other.label] = "measured on the CPU only"
        elif other.needs is not None and find_spec(other.needs) is None:
            results.missing[other.label] = "not installed"
        else:
            present.append(name)
    present.sort(key=list(IMPLEMENTATIONS).index)
    for workload in options.workloads:
        say(f"{workload}: {title(workload)}")
        with Turns(results, present, workload, say) as turns:
            results.times[workload], results.gaps[workload] = turns.measure(workload, options.rounds)
    say(f"the tape: {CHAIN} ops on four numbers, forward and back")
    with Turns(results, present, "tape", say) as turns:
        results.tape, _ = turns.measure("tape", options.rounds)
    if options.curves:
        with Turns(results, present, "growth", say) as turns:
            for what, size in sizes(options.quick):
                say(f"growth: W1 with a {what} of {size}")
                times, _ = turns.measure("W1", max(2, options.rounds // 4), **{what: size})
                results.growth.setdefault(what, {})[size] = times
    return results


class Turns:
    """The workers of one workload, alive and taking turns. Use it in a `with`."""

    def __init__(self, results: Results, present: Sequence[str], workload: str, say: Callable[[str], None]):
        self.results, self.say = results, say
        self.names = [name for name in present if workload in IMPLEMENTATIONS[name].workloads]
        self.workers: dict[str, Worker] = {}

    def __enter__(self) -> "Turns":
        self.stack = ExitStack()
        options = self.results.options
        for name in self.names:
            worker = Worker(IMPLEMENTATIONS[name], options.threads, *options.words(name))
            self.workers[name] = self.stack.enter_context(worker)
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _each(self, do: str, **details: Any) -> Iterator[tuple[str, dict[str, Any]]]:
        """The answer of each worker in turn. One that died is out, and said to be, unless it is minivae's."""
        for name, worker in list(self.workers.items()):
            try:
                answer = worker.ask(do, **details)
            except WorkerDiedError as error:
                if name == "minivae":
                    raise
                self.results.missing[worker.label] = str(error).removeprefix(f"bench: {worker.label} ")
                self.say(str(error))
                del self.workers[name]
                continue
            yield name, answer

    def measure(self, workload: str, rounds: int, **size: int) -> tuple[dict[str, Times], dict[str, float | None]]:
        """Times by implementation, and by how much their losses differ from minivae's."""
        options = self.results.options
        for name, answer in self._each("about"):
            self.results.about.setdefault(name, answer)
        losses = {name: answer.get("losses", []) for name, answer in self._each("build", name=workload, **size)}
        differences = {} if workload == "tape" else gaps(workload, losses)
        list(self._each("run", seconds=options.turn))  # to warm up
        times = {name: Times() for name in self.workers}
        for _ in range(2 if options.quick else rounds):
            for name, answer in self._each("run", seconds=options.turn):
                times[name].seconds.append(answer["seconds"])
                times[name].processor.append(answer["processor"])
                times[name].cores = max(times[name].cores, answer["cores"])
        for name, answer in self._each("memory"):
            times[name].memory = answer["MiB"]
        return {name: times[name] for name in self.workers}, differences


def gaps(workload: str, losses: dict[str, list[float]]) -> dict[str, float | None]:
    """The largest relative difference of each from minivae's losses. Raises BenchError where it is above `RTOL`."""
    ours = losses["minivae"]
    found: dict[str, float | None] = {}
    for name, theirs in losses.items():
        if not theirs:
            found[name] = None
            continue
        gap = max(abs(b - a) / abs(a) for a, b in zip(ours, theirs, strict=True))
        if not gap <= RTOL:  # said so that NaN fails it too
            raise BenchError(
                f"bench: {workload}: {IMPLEMENTATIONS[name].label} computes {theirs[:3]} where minivae computes "
                f"{ours[:3]}, from the same weights and data; times of different things are not compared"
            )
        found[name] = gap
    return found


def title(workload: str, **size: int) -> str:
    """What a workload is, in words."""
    return TITLES[workload].format(**{"batch": BATCH[workload], "width": WIDTH[workload], **size})


def sizes(quick: bool) -> list[tuple[str, int]]:
    """The sizes of W1 whose growth is measured."""
    batches, widths = (
        ([16, 256], [100, 400]) if quick else ([16, 64, 256, 1024, 4096], [100, 200, 400, 800, 1600, 3200])
    )
    return [("batch", n) for n in batches] + [("width", n) for n in widths]


def load_average() -> str:
    """Programs that wanted a processor, over the last 1, 5 and 15 minutes; "unknown" where there is no such figure."""
    return " ".join(f"{load:.2f}" for load in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
