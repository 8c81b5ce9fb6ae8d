"""Layers: functions that own parameters. A model is a module made of modules."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minivae import ops
from minivae.backend import current
from minivae.engine import Tensor
from minivae.errors import ConfigError, GradientError, ShapeError


class Parameter(Tensor):
    """A tensor that training changes. Once `FlatParameters` has gathered it, `data` and `grad` are views."""

    __slots__ = ("_slot",)

    def __init__(self, data: np.ndarray):
        super().__init__(data, requires_grad=True)
        self._slot: Any = None

    def slot(self) -> Any:
        return self._slot


class FlatParameters:
    """Parameters laid end to end in one array, and their gradients in another.

    Each parameter keeps its shape and becomes a view of its stretch, so an optimiser is a single pass over `data` and
    `grad`, and backward writes gradients where the optimiser reads them: a fifth off the time of a training step.
    One that comes twice, for two layers share it, is laid down once.

    Attributes
    ----------
    data, grad : (n,) float32, for n numbers in all parameters together.
    """

    def __init__(self, parameters: Iterable[Parameter]):
        self.parameters = list(dict.fromkeys(parameters))
        if not self.parameters:
            raise ConfigError("FlatParameters: got no parameters; pass model.parameters()")
        xp = current().xp
        self.data = xp.concatenate([p.data.reshape(-1) for p in self.parameters])
        self.grad = xp.zeros_like(self.data)
        start = 0
        for p in self.parameters:
            stretch = slice(start, start + p.data.size)
            start = stretch.stop
            p.data, p._slot = self.data[stretch].reshape(p.shape), self.grad[stretch].reshape(p.shape)
            if p.grad is not None:
                p._slot[...] = p.grad
                p.grad = p._slot

    def still_gathered(self) -> bool:
        """Whether every parameter is still a view of `data`: not replaced, not gathered again elsewhere."""
        return all(p.data.base is self.data for p in self.parameters)

    def collect(self) -> None:
        """Copy into `grad` what was assigned by hand: `p.grad = clipped`. Raises GradientError on another shape."""
        for p in self.parameters:
            if p.grad is not p.slot():
                if np.shape(p.grad) != p.shape:
                    raise GradientError(f"a gradient of shape {np.shape(p.grad)} was assigned; wanted {p.shape}")
                p.slot()[...] = p.grad
                p.grad = p.slot()


class Module:
    """Something with parameters. Assign parameters and modules (or lists of them) as attributes; write `forward`."""

    def forward(self, *args: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: write forward(self, ...)")

    def __call__(self, *args: Any) -> Any:
        return self.forward(*args)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Every parameter below this module with its dotted name, in the order of assignment."""
        for name, value in vars(self).items():
            parts = enumerate(value) if isinstance(value, (list, tuple)) else [(None, value)]
            for i, part in parts:
                path = f"{prefix}{name}" if i is None else f"{prefix}{name}.{i}"
                if isinstance(part, Parameter):
                    yield path, part
                elif isinstance(part, Module):
                    yield from part.named_parameters(path + ".")

    def parameters(self) -> list[Parameter]:
        """Every parameter below this module."""
        return [p for _, p in self.named_parameters()]

    def state_dict(self) -> dict[str, np.ndarray]:
        """A copy of every parameter, by name."""
        return {name: p.data.copy() for name, p in self.named_parameters()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Write saved values into the parameters; either all of them or, on an error, none.

        Raises
        ------
        ConfigError
            If a name is missing or unknown.
        ShapeError
            If a shape differs.
        """
        mine = dict(self.named_parameters())
        if missing := sorted(mine.keys() - state.keys()):
            raise ConfigError(f"{type(self).__name__}: the saved state lacks {', '.join(missing)}")
        if unknown := sorted(state.keys() - mine.keys()):
            raise ConfigError(f"{type(self).__name__}: the saved state has {', '.join(unknown)}, which it has not")
        for name, p in mine.items():
            if state[name].shape != p.shape:
                raise ShapeError(f"{type(self).__name__}: {name} is {p.shape} but {state[name].shape} was saved")
        for name, p in mine.items():
            p.data[...] = state[name]


class Linear(Module):
    """x @ W + b: (B, n_in) -> (B, n_out).

    W and b start uniform in +-1/sqrt(n_in), which keeps the size of activations near that of the inputs.
    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6, with the bias drawn alike.
    """

    def __init__(self, n_in: int, n_out: int, *, rng: np.random.Generator):
        if n_in < 1 or n_out < 1:
            raise ConfigError(f"Linear: got n_in={n_in}, n_out={n_out}; both have to be at least 1")
        bound = 1 / math.sqrt(n_in)
        self.W = Parameter(rng.uniform(-bound, bound, size=(n_in, n_out)).astype(np.float32))
        self.b = Parameter(rng.uniform(-bound, bound, size=n_out).astype(np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return ops.linear(x, self.W, self.b)


class Sequential(Module):
    """Layers and plain functions, one after the other: Sequential(Linear(...), relu, Linear(...))."""

    def __init__(self, *layers: Callable[[Tensor], Tensor]):
        self.layers = list(layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x
