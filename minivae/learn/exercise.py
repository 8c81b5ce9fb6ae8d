"""What an exercise is: something to write, how to try it, and which mistakes have their own hint.

The kinds, from the plainest; what is left out of an `Exercise` is the plainest:

- a function on arrays is compared with the solution, value by value;
- with `gradient`, it returns gradients, and is compared with difference quotients of a value;
- with `tensors`, it takes and returns tensors, and what `backward` sends is compared too;
- with `law`, it is a sampler: its draws are tested for their distribution;
- with `cuda`, it is a CUDA kernel: it is run in the simulator and compared with the solution, a function in NumPy;
- with `use`, it is anything else, a class for example: `use` says how to make arrays out of it.
"""

from __future__ import annotations

import inspect
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from minivae.errors import ConfigError
from minivae.learn.inputs import SIZES, Draw, draw, words
from minivae.learn.law import Law


@dataclass(frozen=True)
class Misconception:
    """A mistake with a cause, and the hint about that cause. It is recognised by what the learner's function does.

    Attributes
    ----------
    name : str
        A slug, kept with the learner's progress.
    hint : str
        Markup.
    wrong : callable, optional
        Does what the mistake does, with the arguments of the solution; the learner's results are like its results.
    symptom : str or tuple of str
        A fault that `check` finds by itself and would answer in general words: ``"random"``, ``"ignores:eps"``,
        ``"changes:mu"``, ``"cut:mu"``, ``"spread"``. Those of a wrong function are in its verdict, see `checker`.
    """

    name: str
    hint: str
    wrong: Callable | None = None
    symptom: str | tuple[str, ...] = ()

    def shows(self, symptom: str) -> bool:
        """Whether the symptom is one of this mistake; ``"ignores"`` stands for every ``"ignores:..."``."""
        mine = (self.symptom,) if isinstance(self.symptom, str) else self.symptom
        return symptom in mine or symptom.partition(":")[0] in mine


@dataclass(frozen=True)
class Gradient:
    """What a function that returns gradients is compared with: difference quotients.

    Attributes
    ----------
    of : callable
        The value that is differentiated; its arguments are some of the exercise's, by name.
    wrt : tuple of str
        With respect to which of them, in the order in which the function returns the gradients.
    g : str
        The argument that comes in from behind, of the shape of the value; "" where the value is one number.
    """

    of: Callable
    wrt: tuple[str, ...]
    g: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments of the value."""
        return tuple(inspect.signature(self.of).parameters)


@dataclass(frozen=True)
class Cuda:
    """What a kernel is compared with, and how it is launched.

    Its parameters are named after the inputs, the results, and the letters of the inputs' shapes. A result that is an
    input too is read and written; the others come in as fresh memory, which is garbage.

    Attributes
    ----------
    source : str
        A right kernel, plain enough to be shown. A learner's has parameters of the same types in the same order.
    grid : callable
        Blocks, from letters and inputs that it names as its own: ``lambda n: (cdiv(n, 256),)``.
    block : tuple of int
        Threads of a block.
    holds : str
        A word that the source has to hold, ``"__shared__"``; without it, what is right is no answer yet.
    """

    source: str
    grid: Callable
    block: tuple[int, ...]
    holds: str = ""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """Something to write.

    Attributes
    ----------
    ref : str
        Lesson and name, ``"04/reparameterize"``.
    solution : callable
        The right function or class, plain enough to be shown. On float64 inputs its result is what `check` compares
        with.
    inputs : mapping
        Name -> how it is drawn, see `inputs`; the arguments of the solution, in order.
    returns : str or tuple of str
        Name, shape and meaning of each result, ``"z : (B, L)"``.
    hints : tuple of str
        Markup, from a nudge to nearly the line itself.
    misconceptions : tuple of Misconception
        The first that fits is told.
    example : tuple
        A few numbers that fit in a message and can be gone through by hand; the first trial's inputs unless told.
    gradient, tensors, law, cuda, use
        What kind it is, see the top of this file. `tensors` names the arguments that come as tensors which require a
        gradient. ``use(candidate, *inputs)`` gets the learner's object and returns arrays.
    sizes : mapping
        Letter -> size, or five of them, where the usual ones will not do.
    dtypes : tuple of str
        What float arrays are handed over as, in turn.
    rtol : float
        How far a value may be off: float32 sums of a few terms are good to 1e-6, a known mistake is off by 1e-2.
    """

    ref: str
    solution: Callable
    inputs: Mapping[str, Draw]
    returns: str | tuple[str, ...]
    hints: tuple[str, ...]
    misconceptions: tuple[Misconception, ...] = ()
    example: tuple = ()
    gradient: Gradient | None = None
    tensors: tuple[str, ...] = ()
    law: Law | None = None
    cuda: Cuda | None = None
    use: Callable | None = None
    sizes: Mapping[str, int | tuple[int, ...]] = field(default_factory=dict)
    dtypes: tuple[str, ...] = ("float64", "float32")
    rtol: float = 1e-4

    def __post_init__(self) -> None:
        """Refuse an exercise that contradicts itself, with ConfigError, when its module is imported."""
        names = list(self.inputs)
        if self.use is None and list(inspect.signature(self.solution).parameters) != names:
            self._fault("inputs", names, f"the arguments of {self.solution.__name__}, in order")
        if self.example and len(self.example) != len(names):
            self._fault("an example of", f"{len(self.example)} values", f"one for each of {names}")
        for what, used in (("tensors", self.tensors), ("gradient", self.gradient.wrt if self.gradient else ())):
            if not set(used) <= set(names):
                self._fault(what, used, f"some of {names}")
        kinds = (self.gradient is not None, bool(self.tensors), self.law is not None, self.cuda is not None)
        if sum(kinds) > 1:
            self._fault("gradient, tensors, law and cuda together", "several", "at most one of them")
        for letter, own in self.sizes.items():
            if not isinstance(own, int) and len(own) != len(SIZES):
                self._fault(f"sizes of {letter}", own, f"one size, or {len(SIZES)}")
        slugs = [mistake.name for mistake in self.misconceptions]
        if len(set(slugs)) < len(slugs):
            self._fault("misconceptions", slugs, "a name for each of its own")

    def _fault(self, what: str, got: object, wanted: str) -> None:
        raise ConfigError(f"exercise {self.ref}: {what}: got {got}, wanted {wanted}")

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the arguments, in order."""
        return tuple(self.inputs)

    @property
    def is_class(self) -> bool:
        """Whether a class is to be written."""
        return inspect.isclass(self.solution)

    @property
    def signature(self) -> str:
        """How it is called: ``"reparameterize(mu, logvar, eps)"``, ``"class Adam"``."""
        if self.is_class:
            return f"class {self.solution.__name__}"
        if self.cuda is not None:
            return f"{self.solution.__name__}({', '.join(f'{kind} {name}' for name, kind in self.parameters)})"
        return f"{self.solution.__name__}({', '.join(inspect.signature(self.solution).parameters)})"

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Names and types of the parameters of the kernel that is to be written."""
        from minivae.cuda.sim.translate import translate

        assert self.cuda is not None
        (kernel,) = translate(self.cuda.source, self.ref).kernels.values()
        return kernel.parameters

    @property
    def shown(self) -> str:
        """The code of the solution."""
        return self.cuda.source.strip("\n") if self.cuda else inspect.getsource(self.solution).rstrip()

    def lengths(self, inputs: tuple) -> dict[str, int]:
        """Return the size that each letter has in these inputs."""
        found: dict[str, int] = {}
        for one, value in zip(self.inputs.values(), inputs, strict=True):
            axes = zip(words(one.shape), np.shape(value), strict=False)
            found |= {letter: size for (times, letter), size in axes if letter and times == 1}
        return found

    @property
    def results(self) -> tuple[str, ...]:
        """Names of the results, ``("z", "kl")``."""
        said = (self.returns,) if isinstance(self.returns, str) else self.returns
        return tuple(one.partition(":")[0].strip() for one in said)

    def draw(self, rng: np.random.Generator, number: int) -> tuple:
        """Draw the inputs of one trial, 0 to 4."""
        return draw(self.inputs, self.sizes, rng, number)

    def rng(self, seed: int | tuple[int, ...] = 0) -> np.random.Generator:
        """Return a generator for the inputs of one check: with an equal seed, equal ones."""
        return np.random.default_rng([zlib.crc32(self.ref.encode()), *np.atleast_1d(seed)])
