"""Reading the tape: which boxes there are, and which edges join them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

from minivae.engine import OPS, Node, Tensor, wants_gradient
from minivae.errors import ConfigError
from minivae.graph.boxes import Box, Edge, clean, short
from minivae.nn import Module, Parameter

LIMIT = 150  # boxes; a picture with more is wallpaper


def names_given(names: Any) -> dict[int, str]:
    """What each object is called, by its id."""
    if names is None:
        return {}
    if isinstance(names, Module):
        return {id(p): name for name, p in names.named_parameters()}
    if not isinstance(names, Mapping):
        raise ConfigError(f'graph: names is a {type(names).__name__}; wanted a model, or a dict: {{"mu": mu}}')
    found: dict[int, str] = {}
    for key, value in names.items():
        if isinstance(key, Tensor) and isinstance(value, str):
            found.setdefault(id(key), value)
        elif not isinstance(key, str):
            got = f"{type(key).__name__}: {type(value).__name__}"
            raise ConfigError(f'graph: names has a {got}; wanted {{tensor: "mu"}} or {{"mu": tensor}}')
        elif isinstance(value, Module):
            for name, p in value.named_parameters(f"{key}."):
                found.setdefault(id(p), name)
        elif (isinstance(value, Tensor) or hasattr(value, "shape")) and not key.startswith("_"):
            found.setdefault(id(value), key)  # a notebook has a tensor under _ and _12 as well
    return found


def ops_behind(loss: Tensor, limit: float = math.inf) -> list[Node]:
    """The nodes that `backward` would visit, oldest first. Inputs stay known when a graph has been used."""
    if loss.node is None:
        return []
    seen, todo, inputs = {loss.node}, [loss.node], set()
    while todo:
        for x in todo.pop().inputs:
            if not isinstance(x, Real):
                inputs.add(id(x))
            if wants_gradient(x) and x.node is not None and x.node not in seen:
                seen.add(x.node)
                todo.append(x.node)
        if len(inputs) >= limit:  # the loss makes one more
            raise ConfigError(
                f"graph: there are more than {limit} ops and leaves behind this tensor, too many to read; "
                "draw a part of it, graph(h), or a smaller model"
            )
    return sorted(seen, key=lambda node: node.order)


def inputs_behind(loss: Tensor) -> Iterator[Any]:
    """What the ops behind `loss` take, and `loss` itself."""
    yield loss
    for node in ops_behind(loss):
        yield from node.inputs


def read(loss: Tensor, given: dict[int, str]) -> tuple[list[Box], list[Edge]]:
    """The tape as boxes, the loss last, and edges."""
    nodes = ops_behind(loss, LIMIT)
    made_by = {id(x.node): x for node in nodes for x in node.inputs if wants_gradient(x) and x.node is not None}
    made_by[id(loss.node)] = loss
    boxes: list[Box] = []
    edges: list[Edge] = []
    number: dict[int, int] = {}  # of the box of a tensor or array, by its id
    held: dict[int, Any] = {}  # the tensors and arrays that are inputs, by box
    first_use: dict[int, int] = {}

    for node in nodes:
        inputs = [(i, x) for i, x in enumerate(node.inputs) if not isinstance(x, Real)]
        for _, x in inputs:
            if id(x) not in number:
                number[id(x)] = len(boxes)
                first_use[len(boxes)] = node.order
                held[len(boxes)] = x
                boxes.append(_leaf(x, given) if wants_gradient(x) else _constant(x, given))
        output = made_by[id(node)]
        me = number[id(output)] = len(boxes)
        held[me] = output
        boxes.append(_op(node, output, given, [i for i, _ in inputs]))
        edges += [
            Edge(number[id(x)], me, "flow" if wants_gradient(x) else "cut", k, len(inputs))
            for k, (_, x) in enumerate(inputs)
        ]

    # A constant whose array *is* that of another tensor was cut off from it, by detach() or Tensor(h.data).
    owners = {id(x.data): i for i, x in reversed(held.items()) if wants_gradient(x)}
    for i, x in held.items():
        if boxes[i].kind == "constant":
            owner = owners.get(id(x.data if isinstance(x, Tensor) else x))
            if owner is not None and (held[owner].node is None or held[owner].node.order < first_use[i]):
                boxes[i].notes[-1:] = ["detached copy", "no gradient"]
                boxes[i].spoken += f", a detached copy of {boxes[owner].spoken}"
                edges.append(Edge(owner, i, "copy"))
    return boxes, edges


def _op(node: Node, output: Tensor, given: dict[int, str], positions: list[int]) -> Box:
    """`positions` are those of the inputs that have boxes; numbers are written into the title."""
    title = node.name
    if len(positions) < len(node.inputs):
        title += f"({', '.join(f'{x:.4g}' if isinstance(x, Real) else '·' for x in node.inputs)})"
    called = given.get(id(output), "")
    is_used = node.gradients is None
    notes = [f"{short(called)} {output.shape}".strip()] + ["used"] * is_used
    slots = _slots(node.name, len(node.inputs))
    return Box(
        "op",
        short(title),
        notes,
        clean(f"{title} called {called}" if called else title),
        [short(slots[i]) for i in positions] if len(positions) > 1 else [],
        is_used,
    )


def _slots(name: str, n: int) -> list[str]:
    """What an op calls its n inputs; 0, 1, 2 where it is not known or there are any number of them."""
    parameters = list(inspect.signature(OPS[name].function).parameters.values())[1:] if name in OPS else []
    names = [p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD]
    return names if len(names) == n else [str(i) for i in range(n)]


def _leaf(x: Tensor, given: dict[int, str]) -> Box:
    what = "parameter" if isinstance(x, Parameter) else "leaf"
    called = given.get(id(x), "")
    state = "gets a gradient" if x.grad is None else "grad is there"
    return Box("leaf", short(called or what), [str(x.shape), state], clean(f"{what} {called}".strip()))


def _constant(x: Any, given: dict[int, str]) -> Box:
    """Anything that no gradient flows to: an array, a tensor without requires_grad, made by an op or not."""
    made = x.node.name if isinstance(x, Tensor) and x.node is not None else ""
    called = given.get(id(x), "")
    if not called and isinstance(x, Tensor):
        called = given.get(id(x.data), "")  # Tensor(x) of a named array
    notes = [str(x.shape), *[f"made by {made}"] * bool(made), "no gradient"]
    return Box("constant", short(called or "constant"), notes, clean(f"constant {called}".strip()))
