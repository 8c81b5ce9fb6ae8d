"""Tries a learner's CUDA kernel in the simulator: the same examination as of a function, of another kind of thing.

What the simulator finds is a symptom like others, by which an exercise can give it its own hint:

- ``compile``, ``arguments``, ``empty``: it could not be run;
- ``race:NAME``, ``bounds:NAME``, ``uninitialised:NAME``: of an array, with ``shared`` as the name of shared memory;
- ``barrier``, ``warp``, ``endless``, and the other kinds of `minivae.cuda.sim.KINDS`;
- ``unwritten``: elements of a result that no thread wrote; ``schedule``: another order of the threads, another result;
- ``lacks``: all is right, but it was to be done in another way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from minivae.cuda import sim
from minivae.learn import words
from minivae.learn.attempt import wanted
from minivae.learn.calling import Refused, Verdict
from minivae.learn.checker import Examination
from minivae.learn.cuda_cell import CellError, Kernel, cuda, explain
from minivae.learn.exercise import Cuda
from minivae.learn.formula import Node
from minivae.learn.limited import quiet
from minivae.learn.markup import parse
from minivae.learn.note import Note
from minivae.learn.words import same

ORDERS = ("forward", "reverse", "random")
LONGEST_S = 2.0  # for one block: a right kernel needs a thousandth of it
FRESH = sim.poison(1).view(np.uint32)[0]  # the bits that an element has which nobody wrote
HEADLINES = {
    "race": "a data race",
    "bounds": "an access beside an array",
    "uninitialised": "a value that nobody wrote",
    "barrier": "a barrier that not all threads reach",
    "warp": "a warp function that not all its lanes reach",
    "endless": "it does not come to an end",
}


class KernelExamination(Examination):
    """One kernel under examination."""

    kernel: Kernel

    @property
    def task(self) -> Cuda:
        """What the exercise says of the kernel."""
        assert self.exercise.cuda is not None
        return self.exercise.cuda

    def run(self) -> None:
        """Try it at five sizes; last, ask whether it was done in the way that was meant."""
        super().run()
        if self.task.holds not in self.kernel.source:
            text = f"The numbers are right. Now do it with `{self.task.holds}`."
            self.refuse("lacks", f"there is no {self.task.holds} in your kernel", text)

    def can_be_called(self) -> None:
        """Compile it, and refuse it if there is nothing in it, or its parameters are not those that will come."""
        name, given = self.exercise.solution.__name__, self.function
        source = given if isinstance(given, str) else getattr(given, "source", None)
        if source is None:
            text = f'Hand over what `cuda(...)` returned, without launching it: `check("{self.exercise.ref}", {name})`.'
            self.refuse("not-callable", f"got {words.kind(given)}, wanted a kernel", text)
        try:
            self.kernel = cuda(source)
        except CellError as error:
            said, _, rest = str(error).partition("\n")
            if not rest and "kernel" in said.partition(";")[0] and "run here" in said:
                note = Note("info", f"{self.exercise.ref}: nothing was checked", [["pre", said]])
                raise Refused(Verdict("stub", note)) from None
            self.refuse("compile", said.replace("the kernel", "your kernel"), "", ["pre", rest or said])
        if self.kernel.is_empty:
            self.nothing_yet()
        mine, theirs = ([_plain(kind) for _, kind in p] for p in (self.kernel.parameters, self.exercise.parameters))
        if mine != theirs:
            text = f"Got `{self.kernel.signature}`, wanted `{self.exercise.signature}`, in this order."
            self.refuse("arguments", "the parameters do not fit", text)

    def called(self, inputs: tuple) -> dict[str, Any]:
        """Return the results of one launch, by name. Each launch has another order of the threads."""
        exercise = self.exercise
        known: dict[str, Any] = dict(zip(exercise.arguments, inputs, strict=True)) | exercise.lengths(inputs)
        arrays: dict[str, np.ndarray] = {}
        for name, value in (wanted(exercise, inputs) | known).items():
            if isinstance(value, np.ndarray):
                fresh = name not in known
                arrays[name] = sim.poison(value.shape) if fresh else np.ascontiguousarray(value, np.float32).copy()
        before = {name: array.copy() for name, array in arrays.items()}
        self.launch(tuple(arrays.get(name, known.get(name)) for name, _ in exercise.parameters), known)
        for name, array in arrays.items():
            if name not in exercise.results and not np.array_equal(array, before[name]):
                self.refuse(f"changes:{name}", f"your kernel changes {name}", f"`{name}` is only to be read.")
        results = {name: arrays[name] for name in exercise.results}
        for name in exercise.results:
            self.is_written(name, results[name], known)
        return results

    def grid(self, known: dict) -> tuple:
        """How many blocks there are to be."""
        return self.task.grid(**{name: known[name] for name in _names(self.task.grid)})

    def launch(self, arguments: tuple, known: dict) -> None:
        """Launch it, and refuse what the simulator finds."""
        order = ORDERS[self.calls % len(ORDERS)]
        self.calls += 1
        start = time.monotonic()
        try:
            with quiet(shown=self.calls == 1):
                self.kernel.run(
                    self.grid(known), self.task.block, arguments, order=order, seed=self.calls, seconds=LONGEST_S
                )
        except CellError as error:
            finding = error.finding
            if finding is None:
                self.refuse("raises", "your kernel cannot be launched", "", ["pre", str(error)])
            ours = dict(
                zip(*([n for n, _ in p] for p in (self.kernel.parameters, self.exercise.parameters)), strict=True)
            )
            of = _of(finding.message)
            of = ours.get(of, of)
            said = ["pre", f"{explain(finding, self.kernel.source)}\nIt was launched {self.launched(known)}."]
            what = HEADLINES.get(finding.kind, sim.KINDS[finding.kind])
            self.refuse(f"{finding.kind}:{of}" if of else finding.kind, what, "", said)
        finally:
            self.left_s -= time.monotonic() - start

    def launched(self, known: dict) -> str:
        """With how many threads and which sizes, in words."""
        letters = ", ".join(f"{k} = {v}" for k, v in known.items() if isinstance(v, int))
        blocks, threads = (" x ".join(map(str, size)) for size in (self.grid(known), self.task.block))
        return f"with {blocks} block{'s' * (blocks != '1')} of {threads} threads, {letters}"

    def is_written(self, name: str, array: np.ndarray, known: dict) -> None:
        """Refuse a result with elements that nobody wrote."""
        missing = np.argwhere(array.view(np.uint32) == FRESH)
        if len(missing):
            first = "".join(f"[{k}]" for k in missing[0])
            self.refuse(
                "unwritten",
                f"{len(missing):,} of the {array.size:,} numbers of {name} were never written",
                "Which thread was to write them?",
                ["pre", f"The first of them is {name}{first}.\nIt was launched {self.launched(known)}."],
            )

    def is_repeatable(self, inputs: tuple, got: dict) -> None:
        """Refuse a kernel whose result hangs on which thread comes first."""
        for _ in ORDERS[1:]:
            again = self.called(inputs)
            if any(same(got[name], got[name]) and not same(got[name], again[name]) for name in got):
                text = "The threads went in another order, and other numbers came out. No order is promised."
                self.refuse("schedule", "the result hangs on which thread comes first", text)

    def nothing_yet(self, what: str = "") -> NoReturn:
        """Say that there is nothing to check, without the long list of parameters."""
        text = f"Write {what or 'the lines'} of `{self.exercise.solution.__name__}`, run its cell, then run this again."
        raise Refused(Verdict("stub", Note("info", f"{self.exercise.ref}: nothing to check yet", parse(text))))

    def refuse(self, symptom: str, what: str, text: str, *blocks: Node) -> NoReturn:
        """As for functions; but what was found, with its lines, is told under a known mistake's hint, too."""
        for mistake in self.exercise.misconceptions:
            if blocks and mistake.shows(symptom):
                note = Note("wrong", f"{self.exercise.ref}: not yet, {what}", [*parse(mistake.hint), *blocks])
                raise Refused(Verdict("wrong", note, mistake.name))
        super().refuse(symptom, what, text, *blocks)


def _plain(kind: str) -> str:
    """A type without `const`, which a kernel may have or not."""
    return re.sub(r"\bconst\b|\s+", "", kind)


def _names(function: Callable) -> tuple[str, ...]:
    return function.__code__.co_varnames[: function.__code__.co_argcount]


def _of(message: str) -> str:
    """Which array a finding is about: `shared` for all shared memory, else its name, or nothing."""
    if " shared " in message.partition("; ")[0] or "in an array of type" in message:
        return "shared"
    found = re.search(r"(?:data race on|reads|writes|changes) (\w+)\[", message)
    return found[1] if found else ""
