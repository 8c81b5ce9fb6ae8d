"""Each convolution of the diffusion models, forward and backward, beside PyTorch's on one thread.

    python -m minivae.bench.convolutions

The shapes are read off the tapes of `ConvVAE` and `UNet` as they are by default, for 32 x 32 pixels and 4 x 8 x 8
latents. Both take turns; a ratio is that of two turns of one round, of processor time, and below 1 minivae is faster.
"""

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from minivae.bench.report import table
from minivae.engine import Tensor
from minivae.errors import ConfigError
from minivae.graph.tape import ops_behind
from minivae.models import ConvVAE, UNet
from minivae.ops import conv2d

BATCH = 64


class Shape(NamedTuple):
    """A convolution of (BATCH, n_in, side, side) images by (k, k, n_in, n_out) weights."""

    n_in: int
    n_out: int
    side: int
    k: int
    stride: int

    def __str__(self) -> str:
        return f"{self.n_in} to {self.n_out}, {self.k} x {self.k}, stride {self.stride}, at {self.side} x {self.side}"


def shapes() -> list[Shape]:
    """The convolutions of the two models, each once."""
    rng = np.random.default_rng(0)
    vae, unet = ConvVAE(rng=rng), UNet(rng=rng)
    x = Tensor(rng.random((1, *vae.x_shape), dtype=np.float32), requires_grad=True)
    z = Tensor(rng.standard_normal((1, *unet.shape), dtype=np.float32), requires_grad=True)
    results = vae.decode(vae.encode(x)[0]), unet(z, np.zeros(1), np.zeros(1, int))
    found = {shape: None for result in results for shape in _convolutions(result)}
    return list(found)


def _convolutions(result: Tensor) -> Iterator[Shape]:
    nodes = ops_behind(result)
    side = {x.node: x.shape[2] for node in nodes for x in node.inputs if isinstance(x, Tensor) and x.ndim == 4}
    side[result.node] = result.shape[2]
    for node in nodes:
        if node.name == "conv2d":
            x, W = node.inputs[:2]
            yield Shape(x.shape[1], W.shape[3], x.shape[2], W.shape[0], x.shape[2] // side[node])


def turns(shape: Shape, rng: np.random.Generator) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """One forward and backward pass of ours, and of PyTorch's, on the same numbers; raises ConfigError without it."""
    if find_spec("torch") is None:
        raise ConfigError('convolutions: PyTorch is not installed; get it with: pip install "minivae[oracle]"')
    torch: Any = import_module("torch")
    torch.set_num_threads(1)
    n_in, n_out, side, k, stride = shape
    # Channels last in memory, as minivae's layers hand images on; PyTorch gets its own usual order.
    x = rng.standard_normal((BATCH, side, side, n_in), dtype=np.float32).transpose(0, 3, 1, 2)
    W, b = rng.standard_normal((k, k, n_in, n_out), dtype=np.float32), rng.standard_normal(n_out, dtype=np.float32)
    theirs = [torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in (x, W.transpose(3, 2, 0, 1), b)]
    padding = k // 2
    g = np.ones_like(conv2d.function(np, x, W, b, stride=stride, padding=padding)[0])
    torch_g = torch.tensor(np.ascontiguousarray(g))

    def ours() -> list[np.ndarray]:
        # Without the tape: there x would be a leaf, and be given a copy of its gradient, as in no model.
        _, (to_x, to_W, to_b) = conv2d.function(np, x, W, b, stride=stride, padding=padding)
        return [to_x(g), to_W(g), to_b(g, None)]

    def others() -> list[np.ndarray]:
        for part in theirs:
            part.grad = None
        torch.nn.functional.conv2d(*theirs, stride=stride, padding=padding).backward(torch_g)
        g_x, g_W, g_b = (part.grad.numpy() for part in theirs)
        return [g_x, g_W.transpose(2, 3, 1, 0), g_b]

    return ours, others


def _turn(work: Callable[[], Any]) -> float:
    """Seconds of the processor: the median of five."""
    seconds = []
    for _ in range(5):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return median(seconds)


def measure(rounds: int = 5) -> dict[Shape, list[tuple[float, float]]]:
    """For each shape and round, seconds of ours and of PyTorch's."""
    rng, found = np.random.default_rng(0), {}
    for shape in shapes():
        ours, others = turns(shape, rng)
        _turn(ours), _turn(others)  # to warm up
        found[shape] = [(_turn(ours), _turn(others)) for _ in range(rounds)]
    return found


def report(found: dict[Shape, list[tuple[float, float]]]) -> str:
    """A table in Markdown, the largest ratio first, and the ratio of all together."""
    rows = []
    for shape, times in sorted(found.items(), key=lambda item: -_ratio(item[1])):
        ours, others = (1e3 * median(column) for column in zip(*times, strict=True))
        rows.append([str(shape), f"{ours:.2f}", f"{others:.2f}", f"{_ratio(times):.2f}"])
    sums = [[sum(part) for part in zip(*round_, strict=True)] for round_ in zip(*found.values(), strict=True)]
    head = ["convolution", "minivae, ms", "PyTorch, ms", "ratio"]
    return f"{table(head, rows)}\n\nAll of them, each once: {median(a / b for a, b in sums):.2f}\n"


def _ratio(times: list[tuple[float, float]]) -> float:
    return median(a / b for a, b in times)


if __name__ == "__main__":
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    print(report(measure()), end="")
