"""The floor: the matrix products of each step and nothing else, into buffers that are ready.

Whoever multiplies these matrices with this BLAS needs this long at the least. Where a product is slow in one layout
and quick in another, the quick one stands here. With the word `cupy` all of it is on the GPU, with cuBLAS.
"""

import sys
from typing import Any

import numpy as np

from minivae.bench.worker import Step, serve
from minivae.bench.workloads import CHAIN, Arrays

if "cupy" in sys.argv:
    import cupy as xp
else:
    xp: Any = np  # type: ignore[no-redef]

PARTS = 16  # a product over thousands of rows with few columns is twice as fast when summed in this many parts


class Products:
    """Pairs of random matrices, and a buffer for the product of each."""

    def __init__(self) -> None:
        self.rng, self.list = np.random.default_rng(0), list[tuple[Any, Any, Any]]()

    def random(self, *shape: int) -> Any:
        return xp.asarray(self.rng.standard_normal(shape, dtype=np.float32))

    def add(self, a: Any, b: Any) -> None:
        self.list.append((a, b, xp.empty((*a.shape[:-1], b.shape[-1]), np.float32)))

    def linear(self, rows: int, n_in: int, n_out: int, *, first: bool = False) -> None:
        """Forward, the weight's gradient and, but for the first layer, the input's."""
        x, W, g = self.random(rows, n_in), self.random(n_in, n_out), self.random(rows, n_out)
        self.add(x, W)
        self.add(x.T, g)
        if not first:
            self.add(g, W.T)

    def in_parts(self, a: Any, b: Any) -> None:
        """a @ b over a long inner axis: (n, K), (K, m)."""
        n, K = a.shape
        self.add(a.reshape(n, PARTS, K // PARTS).transpose(1, 0, 2), b.reshape(PARTS, K // PARTS, -1))

    def step(self) -> None:
        for a, b, out in self.list:
            xp.matmul(a, b, out=out)
        wait()


def wait() -> None:
    """Until the GPU has done what it was asked for."""
    if xp is not np:
        xp.cuda.get_current_stream().synchronize()


def w1(a: Arrays) -> Step:
    products = Products()
    products.linear(a.batch, 784, a.width, first=True)
    products.linear(a.batch, a.width, 40)
    products.linear(a.batch, 20, a.width)
    products.linear(a.batch, a.width, 784)
    return lambda *noise: products.step()


def w2(a: Arrays) -> Step:
    """A convolution is a product of patches, 16 C numbers each, with the weights."""
    products, B = Products(), a.batch
    random = products.random
    patches, g = random(16, B * 256), random(B * 256, 32)  # 1 channel to 32, 32 x 32 to 16 x 16
    products.add(patches.T, random(16, 32))
    products.in_parts(patches, g)
    for _ in range(2):  # 32 channels to 64, 16 x 16 to 8 x 8, and the same turned round on the way back
        patches, W, g = random(B * 64, 512), random(512, 64), random(B * 64, 64)
        products.add(patches, W)
        products.add(patches.T, g)
        products.add(g, xp.ascontiguousarray(W.T))
    products.linear(B, 4096, 32)
    products.linear(B, 16, 4096)
    h, W, g = random(B * 256, 32), random(32, 16), random(16, B * 256)  # 32 channels to 1, 16 x 16 to 32 x 32
    products.add(h, W)
    products.add(g.T, W.T)
    products.in_parts(g, h)
    return lambda *noise: products.step()


def w3(a: Arrays) -> Step:
    products = Products()
    products.linear(a.batch, 80, a.width, first=True)
    products.linear(a.batch, a.width, a.width)
    products.linear(a.batch, a.width, a.width)
    products.linear(a.batch, a.width, 16)
    return lambda *noise: products.step()


def w4(a: Arrays) -> Step:
    products = Products()
    products.add(xp.asarray(a.x), products.random(20, a.width))
    products.add(products.random(a.batch, a.width), products.random(a.width, 784))
    return lambda *noise: products.step()


def tape() -> None:
    """Without any tape: the products alone, forward and back."""
    one, y = xp.ones(4, np.float32), xp.ones(4, np.float32)
    for _ in range(2 * CHAIN):
        y = y * one
    wait()


if __name__ == "__main__":
    name = "NumPy" if xp is np else "CuPy"
    serve({"W1": w1, "W2": w2, "W3": w3, "W4": w4}, tape, {"version": f"{name} {xp.__version__}"})
