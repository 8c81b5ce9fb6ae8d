"""Convolution and its relatives: value and gradient side by side.

Images are (B, C, H, W) to the caller. In memory the channels come last: the arrays are views,
`nhwc.transpose(0, 3, 1, 2)`. Then the values that one patch needs stand in long contiguous runs, and copying patches,
which is what a convolution spends its time on besides the matrix product, is 4 times faster. Functions of one element
keep that order by themselves; an array in the other order is copied once.

Weights are (k, k, C, O): flattened to (k * k * C, O) they are the matrix that a patch is multiplied with.
"""

from minivae import checks
from minivae.engine import op
from minivae.errors import ShapeError
from minivae.ops.cases import normal
from minivae.ops.fast import column_sum, long_product, remembered

FEW_CHANNELS = 4


def _rows(xp, x):
    """(B, C, H, W) as a matrix with a row for each pixel: (B * H * W, C), a view where channels come last in memory."""
    B, C, H, W = x.shape
    return xp.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(B * H * W, C)


def _images(rows, B, h, w):
    """(B * h * w, C) as (B, C, h, w), a view."""
    return rows.reshape(B, h, w, rows.shape[1]).transpose(0, 3, 1, 2)


def _patches(xp, x, k, stride, padding):
    """Every k x k patch of (B, C, H, W) images as a row: (B * h * w, k * k * C), and the (h, w) there are."""
    B, C, H, W = x.shape
    framed = xp.zeros((B, H + 2 * padding, W + 2 * padding, C), x.dtype)
    framed[:, padding : padding + H, padding : padding + W] = x.transpose(0, 2, 3, 1)
    h, w = (H + 2 * padding - k) // stride + 1, (W + 2 * padding - k) // stride + 1
    view = xp.lib.stride_tricks.as_strided
    b, i, j, c = framed.strides
    if C < FEW_CHANNELS:  # runs would be short: copy whole shifted images, one for each place in the patch
        shifted = view(framed, (k, k, C, B, h, w), (i, j, c, b, stride * i, stride * j))
        return xp.ascontiguousarray(shifted).reshape(k * k * C, B * h * w).T, (h, w)
    runs = view(framed, (B, h, w, k, k * C), (b, stride * i, stride * j, i, c))
    return xp.ascontiguousarray(runs).reshape(B * h * w, k * k * C), (h, w)


def _scatter(xp, rows, W, shape, stride, padding, start=0):
    """The adjoint of `_patches` after a product: adds rows @ W.T, cut into patches, back into images of `shape`.

    The images begin at `start`: 0, or a number for each channel.
    """
    B, C, H, Wd = shape
    k, _, _, O = W.shape
    Hp, Wp = H + 2 * padding, Wd + 2 * padding
    h, w = (Hp - k) // stride + 1, (Wp - k) // stride + 1
    if C < FEW_CHANNELS:  # whole images at a time, one for each place in the patch
        parts = (W.reshape(-1, O) @ rows.T).reshape(k, k, C, B, h, w)
        framed = xp.zeros((B, C, Hp, Wp), rows.dtype)
        framed.transpose(0, 2, 3, 1)[...] = start
        for i in range(k):
            for j in range(k):
                place = framed[:, :, i : i + stride * h : stride, j : j + stride * w : stride]
                place += parts[i, j].swapaxes(0, 1)
        return framed[:, :, padding : padding + H, padding : padding + Wd]

    # All patches in a row of the image add their `stride` neighbouring columns at once: side by side these fill the
    # row without a gap, so each addition runs over contiguous memory.
    groups = -(-k // stride)  # of `stride` columns of the patch
    taps = xp.zeros((k, groups * stride, C, O), W.dtype)
    taps[:, :k] = W
    taps = xp.ascontiguousarray(taps.reshape(k * groups, stride * C, O).transpose(0, 2, 1))
    part = xp.empty((len(rows), stride * C), rows.dtype)  # one for all turns of the loop: it stays in cache
    width = max(Wp, (groups + w - 1) * stride)
    framed = xp.empty((B, Hp, width, C), rows.dtype)
    framed[...] = start
    lines = framed.reshape(B, Hp, width * C)
    for i in range(k):
        for j in range(groups):
            xp.matmul(rows, taps[i * groups + j], out=part)
            first = j * stride * C
            place = lines[:, i : i + stride * h : stride, first : first + w * stride * C]
            place += part.reshape(B, h, w * stride * C)
    return framed[:, padding : padding + H, padding : padding + Wd].transpose(0, 3, 1, 2)


@op(
    normal((2, 3, 5, 4), (3, 3, 3, 2), (2,), padding=1),
    normal((2, 1, 6, 6), (4, 4, 1, 5), (5,), stride=2, padding=1),
    normal((1, 5, 5, 6), (2, 2, 5, 1), (1,), stride=2),
)
def conv2d(xp, x, W, b, *, stride=1, padding=0):
    """Each output pixel is a patch times W, plus b: (B, C, H, W), (k, k, C, O), (O,) -> (B, O, h, w).

    h = (H + 2 padding - k) // stride + 1, likewise w; the frame is 0. Raises ShapeError where that is below 1.
    """
    checks.conv2d(x, W, stride, padding)
    k, _, _, O = W.shape
    patches, (h, w) = _patches(xp, x, k, stride, padding)
    matrix = W.reshape(-1, O)
    y = patches @ matrix
    y += b

    return _images(y, len(x), h, w), (
        lambda g: _scatter(xp, _rows(xp, g), W, x.shape, stride, padding),
        lambda g: long_product(xp, _rows(xp, g), patches).T.reshape(W.shape),
        lambda g, out: column_sum(xp, _rows(xp, g), out),
    )


@op(
    normal((2, 3, 3, 4), (4, 4, 2, 3), (2,), stride=2, padding=1),
    normal((1, 2, 3, 3), (3, 3, 5, 2), (5,)),
    normal((1, 2, 3, 2), (3, 3, 1, 2), (1,), stride=2),
)
def conv_transpose2d(xp, x, W, b, *, stride=1, padding=0):
    """What conv2d does to gradients, used forward, to enlarge: (B, C, h, w), (k, k, O, C), (O,) -> (B, O, H, W).

    W is that of the conv2d from O to C channels whose gradient this is. H = (h - 1) * stride + k - 2 padding.
    """
    H, width = checks.conv_transpose2d(x, W, stride, padding)
    k, _, O, _ = W.shape
    B, _, h, w = x.shape
    y = _scatter(xp, _rows(xp, x), W, (B, O, H, width), stride, padding, start=b)
    matrix = W.reshape(-1, x.shape[1])
    patches = remembered(lambda g: _patches(xp, g, k, stride, padding)[0])  # both gradients below want them

    return y, (
        lambda g: _images(patches(g) @ matrix, B, h, w),
        lambda g: long_product(xp, _rows(xp, x), patches(g)).T.reshape(W.shape),
        lambda g, out: column_sum(xp, _rows(xp, g), out),
    )


def _blocks(name, x, n):
    """(B, C, H, W) as (B, C, H / n, n, W / n, n), a view."""
    B, C, H, W = x.shape
    if n < 1 or H % n or W % n:
        raise ShapeError(f"{name}: {H} x {W} images do not divide into {n} x {n} blocks; pad or crop them")
    return x.reshape(B, C, H // n, n, W // n, n)


@op(normal((2, 3, 4, 6), size=2))
def avg_pool2d(xp, x, *, size):
    """The mean of each size x size block: (B, C, H, W) -> (B, C, H / size, W / size)."""
    y = _blocks("avg_pool2d", x, size).mean(axis=(3, 5))
    return y, (lambda g: _enlarge(xp, g * (1 / size**2), size),)


@op(normal((2, 3, 4, 6), size=2))
def max_pool2d(xp, x, *, size):
    """The largest of each size x size block: (B, C, H, W) -> (B, C, H / size, W / size); equals share the gradient."""
    y = _blocks("max_pool2d", x, size).max(axis=(3, 5))
    share = (x == _enlarge(xp, y, size)).astype(x.dtype)
    share /= _enlarge(xp, _blocks("max_pool2d", share, size).sum(axis=(3, 5)), size)
    return y, (lambda g: _enlarge(xp, g, size) * share,)


def _enlarge(xp, x, n):
    return xp.repeat(xp.repeat(x, n, axis=2), n, axis=3)


@op(normal((2, 3, 2, 3), factor=2))
def upsample(xp, x, *, factor):
    """Every pixel becomes a factor x factor block: (B, C, H, W) -> (B, C, H * factor, W * factor)."""
    if x.ndim != 4 or factor < 1:
        raise ShapeError(f"upsample: x is {x.shape} and factor {factor}; wanted (B, C, H, W), and 1 or more")
    return _enlarge(xp, x, factor), (lambda g: _blocks("upsample", g, factor).sum(axis=(3, 5)),)
