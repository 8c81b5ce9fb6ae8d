"""Convolution and its adjoint: patches by kernels/im2col.cu, products by BLAS; few channels by kernels/conv_direct.cu.

As in minivae/ops/conv.py, images are (B, C, H, W) to the caller and have their channels last in memory.
"""

from minivae import checks
from minivae.cuda.fused.arrays import images, last, rows, sum_rows
from minivae.cuda.kernels import KINDS
from minivae.cuda.launch import launch

FEW_CHANNELS = 4  # with fewer of them, patches are most of what memory has to move


def _patches(xp, image, h, w, k, stride, padding):
    """(B, H, W, C) -> (B * h * w, k * k * C)."""
    B, H, W, C = image.shape
    patches = xp.empty((B * h * w, k * k * C), image.dtype)
    launch("im2col", image, patches, B, H, W, C, h, w, k, stride, padding)
    return patches


def _scattered(xp, patches, B, H, W, h, w, k, stride, padding):
    """(B * h * w, k * k * C) -> (B, H, W, C): the adjoint."""
    C = patches.shape[1] // (k * k)
    image = xp.empty((B, H, W, C), patches.dtype)
    launch("col2im", patches, image, B, H, W, C, h, w, k, stride, padding)
    return image


def _with_bias(xp, product, b):
    """Products plus b along the last axis."""
    y, O = xp.empty_like(product), product.shape[-1]
    launch("bias_activation", product, b, y, product.size // max(O, 1), O, KINDS.index("none"))
    return y


def conv2d(xp, x, W, b, *, stride=1, padding=0):
    """Each output pixel is a patch times W, plus b: see `minivae.ops.conv2d`."""
    checks.conv2d(x, W, stride, padding)
    image, W, b = rows("conv2d", xp, last(x), W, b)
    (B, H, width, C), (k, _, _, O) = image.shape, W.shape
    h, w = ((n + 2 * padding - k) // stride + 1 for n in (H, width))
    matrix, window = W.reshape(-1, O), (h, w, k, stride, padding)
    if few := C < FEW_CHANNELS:
        y = xp.empty((B, h, w, O), image.dtype)
        launch("conv_direct", image, W, b, y, B, H, width, C, O, *window)
    else:
        patches = _patches(xp, image, *window)
        y = _with_bias(xp, (patches @ matrix).reshape(B, h, w, O), b)

    def of_rows(g):
        return rows("conv2d", xp, last(g))[0].reshape(-1, O)

    def g_W(g, out):
        cut = _patches(xp, image, *window) if few else patches
        whole = xp.matmul(cut.T, of_rows(g), out=None if out is None else out.reshape(-1, O))
        return whole.reshape(W.shape) if out is None else out

    return images(y), (
        lambda g: images(_scattered(xp, of_rows(g) @ matrix.T, B, H, width, *window)),
        g_W,
        lambda g, out: sum_rows(xp, of_rows(g), out),
    )


def conv_transpose2d(xp, x, W, b, *, stride=1, padding=0):
    """What conv2d does to gradients, used forward: see `minivae.ops.conv_transpose2d`."""
    H, width = checks.conv_transpose2d(x, W, stride, padding)
    image, W, b = rows("conv_transpose2d", xp, last(x), W, b)
    (B, h, w, C), (k, _, O, _) = image.shape, W.shape
    matrix, flat, window = W.reshape(-1, C), image.reshape(-1, C), (h, w, k, stride, padding)
    y = _with_bias(xp, _scattered(xp, flat @ matrix.T, B, H, width, *window), b)

    def gradients(g):  # they share the patches of g
        (g,) = rows("conv_transpose2d", xp, last(g))
        patches = _patches(xp, g, *window)
        g_x, g_W = (patches @ matrix).reshape(B, h, w, C), (patches.T @ flat).reshape(W.shape)
        return images(g_x), g_W, sum_rows(xp, g.reshape(-1, O))

    return images(y), gradients
