"""Where arrays live and who computes on them. The rest of the package writes `xp.exp(logvar)` and never asks.

A backend is a name, an array module `xp`, and a table `ops` of functions that replace ops of the same name (a fused
CUDA kernel, say). The NumPy functions in minivae/ops stay the specification; a replacement has the same signature and,
if it fails, raises: nothing falls back in silence.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minivae.errors import BackendError


@dataclass(frozen=True)
class Backend:
    """One way to compute.

    Attributes
    ----------
    name : what `use(name)` selects.
    xp : the array module, NumPy or one that behaves like it.
    ops : replacements by op name; each takes `(xp, *arrays, **constants)` and returns value and gradients, as ops do.
    """

    name: str
    xp: Any
    ops: dict[str, Callable] = field(default_factory=dict)


BACKENDS = {"numpy": Backend("numpy", np)}

_current = BACKENDS["numpy"]


def use(name: str) -> Backend:
    """Select the backend that every later op runs on.

    Parameters
    ----------
    name : one of `BACKENDS`.

    Returns
    -------
    Backend
        The one now in use.

    Raises
    ------
    BackendError
        If no backend has that name; the one in use stays.
    """
    global _current
    if name not in BACKENDS:
        raise BackendError(f"use: there is no backend {name!r}; this version has {', '.join(sorted(BACKENDS))}")
    _current = BACKENDS[name]
    return _current


def current() -> Backend:
    """The backend in use."""
    return _current
