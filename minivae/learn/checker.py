"""Tries a learner's function, and says in one short note what came of it.

A function is called on inputs of five sizes and both float types, first float64 with no two sizes alike. What it does
there decides, in this order: does it run, leave its inputs alone, return the right form, match the numbers of a known
mistake, or match the right numbers? Each fault has a symptom, a slug by which an exercise can give it its own hint:

- ``not-callable``, ``arguments``, ``methods``, ``late``, ``memory``, ``raises``, ``nothing``: it could not be tried;
- ``changes:NAME``, ``global-rng``, ``random``: it changes an input, draws from NumPy's hidden generator, or its own;
- ``form``, ``type``, ``shape``, ``dtype``, ``nan``, ``order``: the result is of another kind;
- ``ignores:NAME``, ``values``: the numbers are wrong;
- ``cut:NAME``: no gradient arrives at that tensor;
- ``same-draws``, ``dependent``, ``mean``, ``spread``, ``distribution``: a sampler's draws are, see `law`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np

from minivae.engine import Tensor
from minivae.learn import law, words
from minivae.learn.attempt import Attempt, cast, gradient_of, wanted
from minivae.learn.calling import Caller, Refused, Verdict
from minivae.learn.exercise import Exercise, Misconception
from minivae.learn.inputs import SIZES
from minivae.learn.markup import parse
from minivae.learn.note import Note
from minivae.learn.words import brackets, kind, same

LIMIT_S = 5.0  # for all calls of one check together


def examine(
    exercise: Exercise, function: Callable, limit_s: float = LIMIT_S, seed: int | tuple[int, ...] = 0
) -> Verdict:
    """Try a function and return the verdict, showing nothing of it.

    Parameters
    ----------
    exercise : Exercise
    function : callable
    limit_s : float
        Seconds for all calls together.
    seed : int or tuple of int
        For the inputs; equal seeds bring equal inputs, and equal messages.
    """
    trial: type[Examination] = Examination
    if exercise.cuda is not None:
        from minivae.learn.kernel_checker import KernelExamination  # it builds on this file

        trial = KernelExamination
    try:
        trial(exercise, function, limit_s, seed).run()
    except Refused as refused:
        return refused.verdict
    called = exercise.solution.__name__ if exercise.cuda else exercise.signature
    text = f"`{called}` {words.praise(exercise)}"
    return Verdict("right", Note("right", f"{exercise.ref}: right", parse(text)))


class Examination(Caller):
    """One function under examination; each step raises Refused if it finds something to say."""

    def __init__(self, exercise: Exercise, function: Callable, limit_s: float, seed: int | tuple[int, ...]) -> None:
        super().__init__(exercise, function, limit_s)
        self.seed = seed
        self.first: tuple = ()  # the inputs of the first trial, and what came of them

    def run(self) -> None:
        self.can_be_called()
        rng = self.exercise.rng(self.seed)
        for number in range(len(SIZES)):
            drawn = self.exercise.draw(rng, number)
            for dtype in self.exercise.dtypes:
                inputs = cast(drawn, dtype)
                got = self.called(inputs)
                right = wanted(self.exercise, inputs)
                if not self.first:
                    self.first = (inputs, got)
                    self.is_repeatable(inputs, got)
                self.is_no_known_mistake(inputs, got, right)
                for name in right:
                    self.has_form(name, inputs, got, right)
                if self.exercise.law is None:
                    self.is_right(inputs, got, right)
                elif self.first[0] is inputs:
                    self.follows_law(inputs, got)

    # Looking at what it returned -----------------------------------------------------------------------------------

    def is_repeatable(self, inputs: tuple, got: dict) -> None:
        again = self.called(inputs)
        # What does not equal itself holds no numbers: that is told later.
        if any(same(got[name], got[name]) and not same(got[name], again[name]) for name in got):
            self.refuse(
                "random",
                "two calls with equal inputs differ",
                "The result must depend on the inputs alone: draw no numbers"
                + (" but from the generator that comes in." if self.exercise.law else "."),
            )

    def is_no_known_mistake(self, inputs: tuple, got: dict, right: dict) -> None:
        """Look for a mistake that returned the same, here and in the first trial, where no two sizes are alike."""
        faults = [name for name in right if not self.agrees(got[name], right[name])]
        wholly: list[Misconception] = []
        partly: list[Misconception] = []
        for mistake in self.exercise.misconceptions if faults else ():
            theirs = self.results_of(mistake, inputs)
            hits = [n for n in faults if self.agrees(got[n], theirs.get(n)) and not self.agrees(theirs[n], right[n])]
            if hits and inputs is not self.first[0]:
                before, seen = self.results_of(mistake, self.first[0]), self.first[1]
                hits = [n for n in hits if self.agrees(seen[n], before.get(n))]
            if hits:
                (wholly if len(hits) == len(faults) else partly).append(mistake)
        if faults and not wholly:
            self.is_in_order(got, right)
        # One result that is wrong in the same way is enough: two mistakes may meet, and are told one by one.
        if found := wholly or partly:
            self.recognised(found[0] if len(found) == 1 else self.closest(found))

    def closest(self, mistakes: list[Misconception]) -> Misconception:
        """Return the mistake whose results agree most often, over all trials; the first of those that tie."""
        rng, score = self.exercise.rng(self.seed), dict.fromkeys(range(len(mistakes)), 0)
        for number in range(len(SIZES)):
            inputs = cast(self.exercise.draw(rng, number), self.exercise.dtypes[0])
            got = self.called(inputs)
            for place, mistake in enumerate(mistakes):
                theirs = self.results_of(mistake, inputs)
                score[place] += sum(self.agrees(part, theirs.get(name)) for name, part in got.items())
        return mistakes[max(score, key=lambda place: score[place])]

    def results_of(self, mistake: Misconception, inputs: tuple) -> dict[str, Any]:
        if mistake.wrong is None:
            return {}
        try:
            with np.errstate(all="ignore"):
                return Attempt(self.exercise, mistake.wrong, inputs).values()
        except Exception:  # a mistake that cannot even be run on these inputs is not the learner's
            return {}

    def agrees(self, one: Any, other: Any) -> bool:
        return same(one, other, self.exercise.rtol)

    def has_form(self, name: str, inputs: tuple, got: dict, right: dict) -> None:
        """Refuse a result of another type, shape or kind of number."""
        part, goal = got[name], np.asarray(right[name])
        what = f"{name}: " if len(right) > 1 else ""
        if name not in self.exercise.results and part is None:
            tensor = name.removeprefix(gradient_of(""))
            text = f"The result does not depend on `{tensor}` through operations on tensors: is there a `.data`, a "
            self.refuse(f"cut:{tensor}", f"no gradient arrives at {tensor}", text + "`detach`, or an `np` function?")
        part = part.data if isinstance(part, Tensor) and self.exercise.tensors else part
        if not isinstance(part, (np.ndarray, np.generic)) and (goal.shape != () or not isinstance(part, (int, float))):
            cure = "a number" if goal.shape == () else "a NumPy array: `np.array(...)`"
            cure = "its `.data`" if isinstance(part, Tensor) else cure
            text = f"Return {self.returns()}, as {cure}."
            self.refuse("type", f"{what}got {kind(part)}, wanted {words.article(goal)}", text)
        part = np.asarray(part)
        if part.shape != goal.shape:
            self.is_in_order(got, right)
            shown = ", ".join(f"`{n}` {words.short(x)}" for n, x in zip(self.exercise.arguments, inputs, strict=True))
            text = f"For {shown} the result is {self.returns()}."
            self.refuse("shape", f"{what}got shape {brackets(part.shape)}, wanted {brackets(goal.shape)}", text)
        if (
            goal.dtype.kind == "f"
            and part.dtype not in (np.float32, np.float64)
            and not isinstance(got[name], (int, float))
        ):
            text = "Return float32 or float64. Is there an `astype`, or an array made with another dtype?"
            self.refuse("dtype", f"{what}got {part.dtype} numbers, wanted floats", text)
        if part.dtype.kind == "f" and not np.isfinite(part).all() and np.isfinite(goal.astype(np.float64)).all():
            self.refuse(
                "nan",
                f"{what}got nan or inf",
                f"The result holds {int((~np.isfinite(part)).sum())} of them. The root or the logarithm of a "
                "negative number gives `nan`; a division by 0, or the `exp` of a large number, gives `inf`.",
            )

    def is_in_order(self, got: dict, right: dict) -> None:
        """Refuse the right results in another order, and say so."""
        names = self.exercise.results
        for order in permutations(names) if 1 < len(names) <= 4 else ():
            if order != names and all(self.agrees(got[a], right[b]) for a, b in zip(order, names, strict=True)):
                text = f"The results are right, and stand in another order. Return {self.returns()}."
                self.refuse("order", "the results are swapped", text)

    def is_right(self, inputs: tuple, got: dict, right: dict) -> None:
        for name in right:
            if not self.agrees(got[name], right[name]):
                self.is_in_order(got, right)
                self.uses_all(inputs, got, right)
                self.differs(name, inputs, got, right)

    def uses_all(self, inputs: tuple, got: dict, right: dict) -> None:
        for place, name in enumerate(self.exercise.arguments):
            if not isinstance(inputs[place], np.ndarray) or inputs[place].dtype.kind != "f":
                continue
            others = list(inputs)
            others[place] = inputs[place][::-1] + 0.5 if inputs[place].ndim else inputs[place] + 0.5
            if all(same(got[n], again) for n, again in self.called(tuple(others)).items()):
                goal = wanted(self.exercise, tuple(others))
                if not all(self.agrees(goal[n], right[n]) for n in right):
                    text = f"It stays the same when `{name}` changes. Use it."
                    self.refuse(f"ignores:{name}", f"your result does not depend on {name}", text)

    def differs(self, name: str, inputs: tuple, got: dict, right: dict) -> None:
        """Refuse with numbers: the smallest case that shows the fault."""
        remark = words.pattern(got[name], right[name], inputs, self.exercise)
        for smaller in self.small_cases(inputs):
            goal, mine = wanted(self.exercise, smaller), self.called(smaller)
            if np.shape(mine[name]) == np.shape(goal[name]) and not self.agrees(mine[name], goal[name]):
                inputs, got, right = smaller, mine, goal
                break
        of = f" of {name}" if len(right) > 1 else ""
        said = f" {name.removeprefix('the ')}" if of else ""
        rows = [*zip(self.exercise.arguments, inputs, strict=True), (f"your{said or 's'}", got[name])]
        table = words.table([*rows, (f"wanted{said}", right[name])])
        text = remark + "One case, to go through by hand:"
        self.refuse("values", f"the numbers{of} differ", text, ["pre", table])

    def small_cases(self, inputs: tuple) -> Iterator[tuple]:
        """Give the exercise's example, then what its trials of small sizes draw."""
        if self.exercise.example:
            pairs = zip(self.exercise.example, inputs, strict=True)
            yield cast(tuple(np.asarray(x, y.dtype) if isinstance(y, np.ndarray) else x for x, y in pairs), "float64")
        rng = self.exercise.rng(self.seed)
        draws = [cast(self.exercise.draw(rng, number), "float64") for number in range(len(SIZES))]
        numbers = [sum(x.size for x in one if isinstance(x, np.ndarray)) for one in draws]
        yield from (draws[k] for k in sorted(range(len(draws)), key=lambda k: numbers[k]))

    def follows_law(self, inputs: tuple, got: dict) -> None:
        """Test the draws of a sampler, and that they come from the generator that was handed over."""
        rule, (name,) = self.exercise.law, self.exercise.results
        assert rule is not None
        rng = self.exercise.rng((*np.atleast_1d(self.seed), 1))  # other numbers than those the inputs were drawn from
        by_name = dict(zip(self.exercise.arguments, inputs, strict=True))
        if any(isinstance(x, np.random.Generator) for x in inputs):
            others = [np.random.default_rng(1) if isinstance(x, np.random.Generator) else x for x in inputs]
            if same(got[name], self.called(tuple(others))[name]):
                text = "Another generator comes in and the same numbers come out: draw them from the one that comes in."
                self.refuse("same-draws", "your function does not use the generator", text)
        signs = law.measure(rule.scores(got[name], by_name, rng))
        fault = law.verdict(signs)
        if not fault:
            return
        for mistake in self.exercise.misconceptions:
            draws = self.results_of(mistake, inputs).get(name)
            if draws is not None and np.shape(draws) == np.shape(got[name]):
                theirs = law.measure(rule.scores(draws, by_name, rng))
                if law.verdict(theirs) and law.alike(signs, theirs):
                    self.recognised(mistake)
        self.refuse(fault, *words.unlike(fault, signs, len(got[name])))
