"""A layer: the product by BLAS, bias and its gradient by kernels/bias_activation.cu."""

from minivae import checks
from minivae.cuda.fused.arrays import rows, sum_rows
from minivae.cuda.kernels import KINDS
from minivae.cuda.launch import launch


def linear(xp, x, W, b):
    """x @ W + b: see `minivae.ops.linear`."""
    checks.linear(x, W, b)
    product, b = rows("linear", xp, x @ W, b)
    y = xp.empty_like(product)
    B, O = y.shape
    launch("bias_activation", product, b, y, B, O, KINDS.index("none"))

    return y, (
        lambda g: g @ W.T,
        lambda g, out: xp.matmul(x.T, g, out=out),
        lambda g, out: sum_rows(xp, rows("linear", xp, g)[0], out),
    )
