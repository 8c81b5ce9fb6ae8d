"""The same computation on another backend, for comparison: everything comes back as NumPy arrays."""

from contextlib import contextmanager

import numpy as np

from minivae import Tensor, backend
from minivae.engine import OPS
from tests import gpu, standin
from tests.every.checks import arrays, filled

# "cupy" is the stand-in, "gpu" the real one.
NAMES = ("sim", "cupy", *(["gpu"] if gpu.ASKED else []))


@contextmanager
def on(name, **settings):
    """Inside, that backend is in use."""
    if name == "cupy":
        with standin.installed(**settings), backend.using("cupy") as here:
            yield here
    elif name == "gpu":
        with backend.using("cupy") as here:
            yield here
    else:
        with backend.using(name, **settings) as here:
            yield here


def float32(inputs):
    """The arrays among the inputs in float32, in the same order in memory."""
    return [x.astype(np.float32) if isinstance(x, np.ndarray) else x for x in inputs]


def computed(name, inputs, constants, asked=None, spread=False):
    """An op's value, and the gradients of the arrays among its inputs, or None where `asked` has False.

    The gradient that comes in is drawn; with `spread` it is one number, stretched, as `sum` sends it back.
    """
    here, given = backend.current(), arrays(inputs)
    asked = [True] * len(given) if asked is None else asked
    leaves = [Tensor(x, requires_grad=want) for x, want in zip(given, asked, strict=True)]
    y = OPS[name](*filled(inputs, leaves), **constants)
    g = np.random.default_rng(7).standard_normal(() if spread else y.shape, np.float32)
    g = here.xp.broadcast_to(here.move(np.asarray(g)), y.shape)
    if any(asked):
        y.backward(g)
    return [y.numpy(), *(leaf.grad if leaf.grad is None else backend.host(leaf.grad) for leaf in leaves)]
