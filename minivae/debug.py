"""Looking over the tape's shoulder, for when numbers go wrong: slower, and off unless asked for."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minivae.backend import host
from minivae.engine import Node, Tensor, _watchers
from minivae.errors import GradientError


@contextmanager
def debug() -> Iterator[None]:
    """Inside `with debug():` the first wrong number is an error, and so is an array that was changed too late.

    Two checks run at every op, forward and backward:

    - No value and no gradient may be NaN or infinite. The error names the first op that made one.
    - What an op was given, and what it gave, must not be edited in place before `backward`, since its gradient is
      computed from them. The error names the op. Forward and backward both have to be inside the block for that.

    Raises
    ------
    GradientError
        From the op, or from `backward`, at the moment the fault shows.
    """
    token = _watchers.set((*_watchers.get(), Watcher()))
    try:
        yield
    finally:
        _watchers.reset(token)


class Watcher:
    """What `debug` sets on watch; the engine calls its three methods."""

    def __init__(self) -> None:
        self.kept: dict[Node, tuple[list, list[int]]] = {}  # what each node must find unchanged

    def ran(self, name: str, arrays: list, output: Tensor) -> None:
        """An op ran."""
        if found := first_wrong(output.data):
            given = [f"input {i} was already {wrong}" for i, a in enumerate(arrays) if (wrong := first_wrong(a))]
            because = "; ".join(given) or "all inputs were finite, so look here"
            raise GradientError(f"{name}: its value is {found}; {because}")
        if output.node is not None:
            watched = [a for a in (*arrays, output.data) if hasattr(a, "dtype")]
            self.kept[output.node] = watched, list(map(checksum, watched))

    def reached(self, node: Node) -> None:
        """A gradient arrived at a node, and its own gradients come next."""
        watched, before = self.kept.pop(node, ([], []))
        changed = [i for i, (a, sum_) in enumerate(zip(watched, before, strict=True)) if checksum(a) != sum_]
        if changed:
            what = "its value" if changed[0] == len(watched) - 1 else f"its input {changed[0]}"
            raise GradientError(
                f"{node.name}: {what} was changed in place after it ran, so its gradient would be wrong; "
                "work on a copy, or change it after backward"
            )

    def sent(self, node: Node, g: Any) -> None:
        """A node computed the gradient with respect to one of its inputs."""
        if found := first_wrong(g):
            raise GradientError(f"{node.name}: the gradient it sends back is {found}; what reached it was finite")


def first_wrong(a: Any) -> str:
    """Where an array is first not finite, in words; empty if nowhere."""
    a = host(a)
    fine = np.isfinite(a)
    if np.all(fine):
        return ""
    at = np.unravel_index(np.argmin(fine), np.shape(a))
    return f"{np.asarray(a)[at]} at element {[int(i) for i in at]}" if at else f"{np.asarray(a)}"


def checksum(a: Any) -> int:
    """A number that changes when the array does."""
    return zlib.crc32(np.asarray(host(a), order="C").tobytes())
