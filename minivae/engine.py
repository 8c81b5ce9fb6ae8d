"""The tape: tensors, the ops that join them, and the walk back that hands out gradients.

Three ideas, in the order of this file.

1. A `Tensor` is an array that remembers where it came from: its `node`.
2. An op is one function on plain arrays that returns a value and, beside it, one gradient line for each input.
   `@op` turns it into a function on tensors: it runs the op and, if anyone wants a gradient, writes a node.
3. `backward` visits the nodes in the reverse of the order in which they were written. Whoever used a tensor came after
   it, so by the time a node is visited, every gradient that reaches it has arrived.

Nodes point to their inputs and never to their output, so nothing here is a reference cycle: a graph is freed the
moment the last tensor that needs it goes away.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from numbers import Real
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from minivae import backend
from minivae.errors import DtypeError, GradientError, MinivaeError, ShapeError

FLOATS = frozenset(map(np.dtype, ("float32", "float64")))  # float64 is for gradient checks; models run in float32

_recording: ContextVar[bool] = ContextVar("recording", default=True)
_watchers: ContextVar[tuple] = ContextVar("watchers", default=())  # see minivae.debug
_clock = itertools.count()


class Tensor:
    """An array that remembers where it came from.

    Parameters
    ----------
    data : float32 or float64 array of any shape, or Python numbers (a float, a nested list), which become float32.
    requires_grad : whether `backward` shall leave a gradient in `grad`.

    Attributes
    ----------
    grad : None, or an array of the shape of `data`: the sum of what every `backward` since the last reset brought.
    node : None for a leaf (a tensor that you made), else the op that made it.

    Raises DtypeError for integer, boolean or other arrays: say which float you mean.
    """

    __slots__ = ("__weakref__", "data", "grad", "node", "requires_grad")
    __array_ufunc__ = None  # makes `array * tensor` call Tensor.__rmul__ instead of looping over the array

    def __init__(self, data: Any, requires_grad: bool = False):
        if not hasattr(data, "dtype") and not isinstance(data, (Real, list, tuple)):
            raise DtypeError(f"Tensor: got a {type(data).__name__}; wanted an array or numbers")
        data = backend.current().xp.asarray(data, dtype=None if hasattr(data, "dtype") else "float32")
        if data.dtype not in FLOATS:
            raise DtypeError(f"Tensor: got {data.dtype.name}; wanted float32: convert it with x.astype('float32')")
        self.data = data
        self.requires_grad = requires_grad
        self.grad: Any = None
        self.node: Node | None = None

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    dtype = property(lambda self: self.data.dtype)

    if TYPE_CHECKING:  # `+ - * / @ ** []` and methods such as `sum` are attached in minivae/ops/__init__.py
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = cast(Any, None)
        __matmul__ = __rmatmul__ = __pow__ = __neg__ = __getitem__ = cast(Any, None)

        def __getattr__(self, name: str) -> Any: ...

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        made = f", from {self.node.name}" if self.node else ", requires_grad=True" if self.requires_grad else ""
        return f"Tensor({np.array2string(backend.host(self.data), precision=4, threshold=20)}{made})"

    def item(self) -> float:
        """The value of a tensor of one element, as a Python float."""
        return backend.host(self.data).item()

    def numpy(self) -> np.ndarray:
        """The values without their history: an array that shares this tensor's memory, or a copy from a GPU."""
        return backend.host(self.data)

    def detach(self) -> Tensor:
        """The same values with no past: no gradient flows back through the result."""
        return Tensor(self.data)

    def slot(self) -> Any:
        """Where a first gradient is to be written: None for a plain tensor, see `minivae.nn.Parameter`."""
        return None

    def backward(self, g: Any = None) -> None:
        """Send `g`, the gradient of some scalar with respect to this tensor, back to every leaf; see `backward`."""
        backward(self, g)


class Node:
    """One line of the tape: the op that ran, its inputs, and how a gradient goes back through it."""

    __slots__ = ("gradients", "inputs", "name", "order")

    def __init__(self, name: str, inputs: tuple, gradients: Any):
        self.name, self.inputs, self.gradients = name, inputs, gradients
        self.order = next(_clock)


class Op:
    """A differentiable function: `op(*inputs, **constants) -> Tensor`.

    Positional arguments are what gradients flow to: tensors, float arrays (taken as constants) and Python numbers.
    Keyword arguments are settings (an axis, a shape) and have no gradient.
    """

    def __init__(self, function: Callable, cases: Sequence[Callable]):
        self.name, self.function, self.cases = function.__name__, function, cases
        update_wrapper(self, function)

    def __call__(self, *inputs: Any, **constants: Any) -> Tensor:
        here, dtype = backend.current(), common_dtype(self.name, inputs)
        function = here.ops.get(self.name, self.function)
        arrays = [x.data if isinstance(x, Tensor) else here.xp.asarray(x, dtype) for x in inputs]
        constants = {k: v.item() if isinstance(v, np.generic) else v for k, v in constants.items()}
        try:
            value, gradients = function(here.xp, *arrays, **constants)
        except MinivaeError:
            raise
        except (ValueError, IndexError) as error:  # the array module's own words, with the op and the shapes in front
            shapes = ", ".join(str(a.shape) for a in arrays)
            raise ShapeError(f"{self.name}: cannot take inputs of shape {shapes}: {error}") from error
        except TypeError:
            here.refuse_foreign(self.name, arrays)  # an array made under another backend may be why
            raise
        if value.dtype != dtype:
            raise DtypeError(f"{self.name}: {dtype.name} went in and {value.dtype.name} came out; mend the op")
        output = Tensor(value)
        if _recording.get() and any(map(wants_gradient, inputs)):
            output.requires_grad = True
            output.node = Node(self.name, inputs, gradients)
        for watcher in _watchers.get():
            watcher.ran(self.name, arrays, output)
        return output

    def __get__(self, tensor: Tensor | None, owner: type) -> Callable:
        return self if tensor is None else MethodType(self, tensor)  # so that `Tensor.exp = exp` makes a method


OPS: dict[str, Op] = {}


def op(*cases: Callable) -> Callable[[Callable], Op]:
    """Make an op of a function on arrays, and enter it in `OPS`.

    The function takes `(xp, *arrays, **constants)` and returns `(value, gradients)`. `gradients` is a tuple with one
    function for each input: `g`, the gradient with respect to the value, comes in, and the gradient with respect to
    that input goes out. Where inputs were broadcast the engine sums the surplus away afterwards. A gradient that
    takes a second argument `out` gets the memory to write to, or None. Where the gradients share work, `gradients`
    may be one function that takes `g` and returns all of them.

    Parameters
    ----------
    cases : what the op is to be checked on: functions that take an `rng` and return `(inputs, constants)`.
    """

    def register(function: Callable) -> Op:
        if function.__name__ in OPS:
            raise ValueError(f"op: there are two ops named {function.__name__}")
        return OPS.setdefault(function.__name__, Op(function, cases))

    return register


def common_dtype(name: str, inputs: Sequence) -> Any:
    """The one float type of all inputs, float32 where all are Python numbers; anything else is refused."""
    common = None
    for x in inputs:
        if not isinstance(x, Tensor) and isinstance(x, Real):
            continue  # a number takes the type of what it meets
        if not hasattr(x, "dtype"):
            raise DtypeError(f"{name}: got a {type(x).__name__}; wrap it: Tensor(...)")
        if x.dtype not in FLOATS:
            raise DtypeError(f"{name}: got a {x.dtype.name} array; convert it with x.astype('float32')")
        if common is not None and x.dtype != common:
            raise DtypeError(f"{name}: got {common.name} and {x.dtype.name}; convert one, with x.astype('float32')")
        common = x.dtype
    return common or np.dtype("float32")


def wants_gradient(x: Any) -> bool:
    return isinstance(x, Tensor) and x.requires_grad


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside `with no_grad():` (or a function under `@no_grad()`) ops compute and nothing is written on the tape."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def backward(output: Tensor, g: Any = None) -> None:
    """Add d(output)/d(leaf) to `leaf.grad` for every leaf that requires a gradient. Uses the graph up.

    Parameters
    ----------
    output : the tensor to differentiate. Without `g` it has to be a single number.
    g : array of the shape of `output`: weights, so that the scalar that is differentiated is `(g * output).sum()`.

    Raises
    ------
    GradientError
        If `output` does not depend on anything that requires a gradient, if its graph was used already, or if it has
        several elements and `g` is missing or of another shape.
    """
    if not output.requires_grad:
        raise GradientError("backward: nothing here requires a gradient; make a Tensor(x, requires_grad=True)")
    if g is None and output.data.size != 1:
        raise GradientError(f"backward: the output is {output.shape}, not one number; reduce it with .sum() or .mean()")
    g = backend.current().xp.ones_like(output.data) if g is None else g
    if g.shape != output.shape or g.dtype != output.dtype:
        raise GradientError(f"backward: g is {g.shape} {g.dtype} but the output is {output.shape} {output.dtype}")
    if output.node is None:
        accumulate(output, g)
        return
    arrived, watchers = {output.node: g}, _watchers.get()
    for node in reachable(output.node):
        g = arrived.pop(node)
        for watcher in watchers:
            watcher.reached(node)
        together = callable(node.gradients)  # the op shares work between its gradients and returns them all
        lines = node.gradients(g) if together else node.gradients
        for x, line in zip(node.inputs, lines, strict=True):
            if not wants_gradient(x):  # nobody asked for this one: its line never runs
                continue
            is_leaf = x.node is None
            if together:
                g_x = line
            elif line.__code__.co_varnames[1 : line.__code__.co_argcount] == ("out",):  # lambda g, out: ...
                g_x = line(g, x.slot() if is_leaf and x.grad is None else None)
            else:
                g_x = line(g)
            g_x = unbroadcast(g_x, x.shape)
            for watcher in watchers:
                watcher.sent(node, g_x)
            if is_leaf:
                accumulate(x, g_x)
            else:
                arrived[x.node] = arrived[x.node] + g_x if x.node in arrived else g_x
        node.gradients = None  # frees what the op kept for this moment


def reachable(last: Node) -> list[Node]:
    """All nodes that `last` depends on, itself included, newest first. A loop, not recursion: graphs can be deep."""
    seen, todo = {last}, [last]
    while todo:
        node = todo.pop()
        if node.gradients is None:
            raise GradientError(f"backward: the graph behind {node.name} was used already; run the forward pass again")
        for x in node.inputs:
            if wants_gradient(x) and x.node is not None and x.node not in seen:
                seen.add(x.node)
                todo.append(x.node)
    return sorted(seen, key=lambda node: node.order, reverse=True)


def unbroadcast(g: Any, shape: tuple) -> Any:
    """Sum `g` over the axes along which an input of `shape` was stretched."""
    if g.shape == shape:
        return g
    if len(shape) > g.ndim or any(n not in (1, m) for n, m in zip(shape[::-1], g.shape[::-1], strict=False)):
        raise GradientError(f"backward: a gradient of shape {g.shape} came back for an input of shape {shape}")
    added = tuple(range(g.ndim - len(shape)))
    stretched = tuple(i + len(added) for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=added + stretched, keepdims=True).reshape(shape)


def accumulate(leaf: Tensor, g: Any) -> None:
    """Add `g` to the gradient of a leaf, in the memory that the leaf reserves for it, if it does."""
    slot = leaf.slot()
    if leaf.grad is not None:
        g = leaf.grad + g
    elif slot is None:
        g = g.copy()  # since one array may be the gradient of several leaves: a + b hands both the same g
    if slot is not None and g is not slot:
        slot[...] = g
    leaf.grad = g if slot is None else slot
