"""Where the parameters of a model live: end to end in one array, with their gradients end to end in another."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minivae.backend import current, host
from minivae.engine import Tensor
from minivae.errors import ConfigError, DtypeError, GradientError, ShapeError

CHUNK = 65_536  # numbers handled at a time: few enough that four arrays of them stay in a core's cache


class Parameter(Tensor):
    """A tensor that training changes. Once `FlatParameters` has gathered it, `data` and `grad` are views."""

    __slots__ = ("_slot",)

    def __init__(self, data: np.ndarray):
        super().__init__(data, requires_grad=True)
        self._slot: Any = None

    def slot(self) -> Any:
        return self._slot


class FlatParameters:
    """Parameters laid end to end in one array, and their gradients in another, in memory of the backend in use.

    Each parameter keeps its shape and becomes a view of its stretch, so an optimiser is a single pass over `data` and
    `grad`, and backward writes gradients where the optimiser reads them: a fifth off the time of a training step.
    One that comes twice, for two layers share it, is laid down once.

    Attributes
    ----------
    data, grad : (n,) arrays of one float type, for n numbers in all parameters together.

    Raises
    ------
    ConfigError
        If there are no parameters, or something else is among them.
    DtypeError
        If some are float32 and some float64.
    """

    def __init__(self, parameters: Iterable[Parameter]):
        self.parameters = _listed(parameters)
        here = current()
        data = here.xp.concatenate([here.move(p.data).reshape(-1) for p in self.parameters])
        self.chunk = _chunk(data)
        self.lay(data, here.xp.zeros_like(data))

    def lay(self, data: Any, grad: Any) -> None:
        """Make the parameters views of `data`, which holds their values, and their gradients views of `grad`."""
        self.data, self.grad = data, grad
        start = 0
        for p in self.parameters:
            stretch = slice(start, start + p.data.size)
            start = stretch.stop
            p.data, p._slot = self.data[stretch].reshape(p.shape), self.grad[stretch].reshape(p.shape)
            if p.grad is not None:
                p._slot[...] = current().move(p.grad)
                p.grad = p._slot

    @classmethod
    def of(cls, parameters: "FlatParameters | Iterable[Parameter]") -> "FlatParameters":
        """The flat arrays that these parameters fill already, as an optimiser laid them; else they are gathered now.

        Raises
        ------
        ConfigError
            If only some of them are gathered, or they are a part of a larger array: to gather them anew would take
            them away from the optimiser that holds them.
        """
        if isinstance(parameters, FlatParameters):
            return parameters
        listed = _listed(parameters)
        held = [p for p in listed if p.slot() is not None and p.data.base is not None]
        if not held:
            return cls(listed)
        whole = held[0].data.base
        if any(p.data.base is not whole for p in listed) or whole.size != sum(p.data.size for p in listed):
            raise ConfigError(
                "FlatParameters: some of these parameters lie in an optimiser's memory, with or without others; "
                "pass the optimiser's own: optimizer.flat"
            )
        flat = cls.__new__(cls)
        flat.parameters, flat.data, flat.grad = listed, whole, held[0].slot().base
        flat.chunk = _chunk(whole)
        return flat

    def still_gathered(self) -> bool:
        """Whether every parameter is still a view of `data`: not replaced, not gathered again elsewhere."""
        return all(p.data.base is self.data for p in self.parameters)

    def collect(self) -> None:
        """Copy into `grad` what was assigned by hand: `p.grad = clipped`. Raises GradientError on another shape."""
        for p in self.parameters:
            if p.grad is not p.slot():
                if np.shape(p.grad) != p.shape:
                    raise GradientError(f"a gradient of shape {np.shape(p.grad)} was assigned; wanted {p.shape}")
                p.slot()[...] = current().move(p.grad)
                p.grad = p.slot()

    def check_gradients(self, who: str) -> None:
        """Make sure that `grad` holds a gradient for every parameter.

        Raises
        ------
        GradientError
            In the name of `who` wants them, if a parameter has none, or one of another shape, or lives elsewhere now.
        """
        require_gradients(who, self.parameters)
        if not self.still_gathered():
            raise GradientError(f"{who}: a parameter was replaced; assign with p.data[...] = value, or begin anew")
        self.collect()

    def chunks(self) -> Iterator[slice]:
        """The stretches in which a pass over the flat arrays is made."""
        return (slice(start, start + self.chunk) for start in range(0, self.data.size, self.chunk))


def _chunk(data: Any) -> int:
    return max(data.size, 1) if current().whole else CHUNK


def _listed(parameters: Iterable[Parameter]) -> list[Parameter]:
    """Each parameter once; anything else is refused."""
    listed = list(dict.fromkeys(parameters)) if isinstance(parameters, Iterable) else [parameters]
    if not listed:
        raise ConfigError("FlatParameters: got no parameters; pass model.parameters()")
    for p in listed:
        if not isinstance(p, Parameter):
            raise ConfigError(f"FlatParameters: got a {type(p).__name__}; pass model.parameters()")
        if p.dtype != listed[0].dtype:
            raise DtypeError(f"FlatParameters: got {listed[0].dtype} and {p.dtype}; use model.astype('float32')")
    return listed


def require_gradients(who: str, parameters: list[Parameter]) -> None:
    """Raise GradientError, in the name of `who` wants them, if a parameter has no gradient."""
    if without := sum(p.grad is None for p in parameters):
        total = len(parameters)
        raise GradientError(f"{who}: {without} of {total} parameters have no gradient; call loss.backward() first")


class FlatState:
    """What an optimiser or an average remembers: arrays that run along the flat parameters, and a count of steps.

    Attributes
    ----------
    flat : the `FlatParameters`.
    t : steps done.
    names : the arrays, each an attribute of shape (n,) that starts at 0.
    """

    names: tuple[str, ...] = ()

    def __init__(self, flat: FlatParameters):
        self.flat, self.t = flat, 0
        xp = current().xp
        for name in self.names:
            setattr(self, name, xp.zeros_like(flat.data))
        self._scratch = xp.empty_like(flat.data[: flat.chunk])

    def state(self) -> dict[str, np.ndarray]:
        """NumPy copies of the arrays by name, and of "t", as an array of no dimension: what a checkpoint has to hold.

        Settings such as `lr` are not in it: they are arguments, and whoever makes the object anew passes them again.
        """
        return {name: np.array(host(getattr(self, name))) for name in self.names} | {"t": np.asarray(self.t)}

    def load_state(self, state: dict[str, np.ndarray]) -> None:
        """Take over what `state` returned; either all of it or, on an error, nothing.

        Raises
        ------
        ConfigError
            If a name is missing or unknown.
        ShapeError
            If an array is of another length: it belongs to another model.
        """
        who, wanted, n = type(self).__name__, sorted([*self.names, "t"]), self.flat.data.size
        if sorted(state) != wanted:
            raise ConfigError(f"{who}: the saved state has {', '.join(sorted(state))}; wanted {', '.join(wanted)}")
        for name in self.names:
            if state[name].shape != (n,):
                got = state[name].shape
                raise ShapeError(f"{who}: {name} is ({n},) but {got} was saved; is it the state of another model?")
        self.t = int(state["t"])
        for name in self.names:
            getattr(self, name)[...] = current().move(state[name])
