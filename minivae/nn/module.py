"""What a model is made of: a module owns parameters and other modules, and knows all of them by name."""

from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any, Self

import numpy as np

from minivae.backend import current, host
from minivae.engine import Tensor
from minivae.errors import ConfigError, ShapeError
from minivae.nn.flat import Parameter


def _opened(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """`value`, or what its lists and dicts hold, with paths: ("blocks", [[a], b]) is blocks.0.0 and blocks.1."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _opened(f"{name}.{key}", part)
    else:
        yield name, value


class Module:
    """Something with parameters. Assign parameters and modules, or lists or dicts of them; write `forward`.

    Attributes
    ----------
    training : True at the start; `train` and `eval` set it, and only `Dropout` looks at it.
    """

    training = True

    @classmethod
    def of_config(cls, config: dict[str, Any]) -> Self:
        """A model with the settings that another of its class has in `config`, and random weights."""
        return cls(**config, rng=np.random.default_rng(0))  # type: ignore[call-arg]

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: write forward(self, ...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def parts(self) -> Iterator[tuple[str, Any]]:
        """All that was assigned, with its dotted name, in the order of assignment; lists and dicts are opened."""
        for name, value in vars(self).items():
            yield from _opened(name, value)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Every parameter below this module with its dotted name, in the order of assignment."""
        for name, part in self.parts():
            if isinstance(part, Parameter):
                yield prefix + name, part
            elif isinstance(part, Module):
                yield from part.named_parameters(f"{prefix}{name}.")

    def parameters(self) -> list[Parameter]:
        """Every parameter below this module."""
        return [p for _, p in self.named_parameters()]

    def train(self, mode: bool = True) -> Self:
        """From now on layers behave as in training, here and below; returns the module itself."""
        self.training = mode
        for _, part in self.parts():
            if isinstance(part, Module):
                part.train(mode)
        return self

    def eval(self) -> Self:
        """From now on nothing is dropped, here and below; returns the module itself."""
        return self.train(False)

    @property
    def draws(self) -> bool:
        """Whether `forward` takes `rng`: that of Dropout does, and so must that of a module which holds one."""
        return any(isinstance(part, Module) and part.draws for _, part in self.parts())

    def astype(self, dtype: Any) -> Self:
        """Turn every parameter into another float type: float64 for a gradient check. Comes before the optimiser."""
        for p in self.parameters():
            p.data, p.grad, p._slot = p.data.astype(dtype), None, None
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """A NumPy copy of every parameter, by name."""
        return {name: np.array(host(p.data)) for name, p in self.named_parameters()}

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
            p.data[...] = current().move(state[name])

    def __repr__(self) -> str:
        """The tree: on each line a module with its parameters' shapes and its settings, below it what it holds."""
        shapes, settings, below = [], [], []
        for name, part in self.parts():
            if isinstance(part, Parameter):
                shapes.append(f"{name} {part.shape}")
            elif isinstance(part, (Real, str)) and name in vars(self) and name != "training":
                settings.append(f"{name}={str(part) if isinstance(part, Real) else repr(part)}")
            elif isinstance(part, Module):
                below.append(f"{name}: {part!r}")
            elif callable(part):  # a function among layers: relu
                below.append(f"{name}: {getattr(part, '__name__', repr(part))}")
        lines = [f"{type(self).__name__}({', '.join(shapes + settings)})", *below]
        return "\n".join(lines).replace("\n", "\n  ")


class Sequential(Module):
    """Layers and plain functions, one after the other: Sequential(Linear(...), relu, Linear(...)).

    `len`, indices, slices and `for` reach the layers. `rng` is passed on to those that draw.
    """

    def __init__(self, *layers: Callable[..., Tensor]):
        self.layers = list(layers)

    def forward(self, x: Tensor, *, rng: np.random.Generator | None = None) -> Tensor:
        for layer in self.layers:
            x = layer(x) if rng is None or not getattr(layer, "draws", False) else layer(x, rng=rng)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: Any) -> Any:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)
