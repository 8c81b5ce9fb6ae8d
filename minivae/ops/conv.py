"""Convolution and its relatives: value and gradient side by side.

Images are (B, C, H, W) to the caller. In memory the channels come last: the arrays are views,
`nhwc.transpose(0, 3, 1, 2)`. Then the values that one patch needs stand in long contiguous runs, and copying patches,
which is what a convolution spends its time on besides the matrix product, is 4 times faster. Functions of one element
keep that order by themselves; an array in the other order is copied once.

Weights are (k, k, C, O): flattened to (k * k * C, O) they are the matrix that a patch is multiplied with.

The patches of a batch are k * k times its size. They are cut and multiplied a few images at a time, so that they stay
in cache, and cut again for the gradient: that is cheaper than to keep them. With stride 1 they need not be cut whole:
strips of k pixels side by side are k times the size, and a patch is k strips one under the other, so k products are
added up. There the gradient for the input is a convolution too, with the weights turned by 180 degrees; and a
convolution that makes few channels of many is done the other way round: multiply first, and add up shifted images.
"""

import functools
import operator

from minivae import checks
from minivae.engine import op
from minivae.errors import ShapeError
from minivae.ops.cases import normal
from minivae.ops.fast import column_sum, long_product, remembered

FEW_CHANNELS = 4
TALL = 8  # lines of an image; below, the rows of zeros in `_lines` cost more than strips save
MANY = 4  # times as many channels on one side as on the other: then patches are not cut on that side
CACHED = 2**18  # numbers in the patches of a part of a batch: a core's second cache, in float32


def _rows(xp, x):
    """(B, C, H, W) as a matrix with a row for each pixel: (B * H * W, C), a view where channels come last in memory."""
    B, C, H, W = x.shape
    return xp.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(B * H * W, C)


def _images(rows, B, h, w):
    """(B * h * w, C) as (B, C, h, w), a view."""
    return rows.reshape(B, h, w, rows.shape[1]).transpose(0, 3, 1, 2)


def _framed(xp, x, padding):
    """Images in a frame of zeros, channels last: (B, C, H, W) -> (B, H + 2 padding, W + 2 padding, C)."""
    B, C, H, W = x.shape
    framed = xp.zeros((B, H + 2 * padding, W + 2 * padding, C), x.dtype)
    framed[:, padding : padding + H, padding : padding + W] = x.transpose(0, 2, 3, 1)
    return framed


def _patches(xp, x, k, stride, padding):
    """Every k x k patch of (B, C, H, W) images as a row: (B * h * w, k * k * C), and the (h, w) there are."""
    B, C, H, W = x.shape
    framed = _framed(xp, x, padding)
    h, w = (H + 2 * padding - k) // stride + 1, (W + 2 * padding - k) // stride + 1
    view = xp.lib.stride_tricks.as_strided
    b, i, j, c = framed.strides
    if C < FEW_CHANNELS:  # runs would be short: copy whole shifted images, one for each place in the patch
        shifted = view(framed, (k, k, C, B, h, w), (i, j, c, b, stride * i, stride * j))
        return xp.ascontiguousarray(shifted).reshape(k * k * C, B * h * w).T, (h, w)
    runs = view(framed, (B, h, w, k, k * C), (b, stride * i, stride * j, i, c))
    return xp.ascontiguousarray(runs).reshape(B * h * w, k * k * C), (h, w)


def _parts(B, size):
    """Slices of B images, as many at a time as keep `size` numbers an image in cache."""
    step = max(1, CACHED // max(size, 1))
    return [slice(first, first + step) for first in range(0, B, step)]


def _turned(xp, W):
    """(k, k, C, O) as (k, k, O, C), turned by 180 degrees: what undoes the shifts of a convolution with stride 1."""
    return xp.ascontiguousarray(W[::-1, ::-1].swapaxes(2, 3))


def _strips(xp, x, k, padding):
    """Every k pixels that lie side by side: (B, C, H, W) -> (B, H + 2 padding, w, k * C).

    For stride 1: k lines of it, one under the other, are the patches of a line, at a kth of their memory.
    """
    framed = _framed(xp, x, padding)
    B, H, W, C = framed.shape
    shape = (B, H, W - k + 1, k * C)
    return xp.ascontiguousarray(xp.lib.stride_tricks.as_strided(framed, shape, framed.strides))


def _lines(xp, x, height):
    """(B, C, H, W) as a matrix with a row for each pixel, and rows of zeros under each image, to `height` lines."""
    B, C, H, W = x.shape
    framed = xp.zeros((B, height, W, C), x.dtype)
    framed[:, :H] = x.transpose(0, 2, 3, 1)
    return framed.reshape(B * height * W, C)


def _strips_W(xp, strips, matrix, out):
    """Patches times W, line by line: strips (B, H, w, k * C), W as (k, k * C, O) -> out (B, h * w, O)."""
    B, _, w, size = strips.shape
    h = out.shape[1] // w
    for i in range(len(matrix)):
        lines = strips[:, i : i + h].reshape(B, h * w, size)
        if i == 0:
            xp.matmul(lines, matrix[i], out=out)
        else:
            out += lines @ matrix[i]


def _add_outer(strips, rows, total):
    """Adds patches times the numbers at their places: strips (B, H, w, k * C), rows of `_lines` -> (k, O, k * C)."""
    w, size = strips.shape[2:]
    flat = strips.reshape(-1, size)
    for i in range(len(total)):  # i lines further down; what falls beyond an image meets rows of zeros
        total[i] += rows[: len(rows) - i * w].T @ flat[i * w :]


def _slide(xp, x, W, stride, padding):
    """Every patch of x times W: (B, C, H, W), (k, k, C, O) -> (B, O, h, w)."""
    B, C, H, Wd = x.shape
    k, _, _, O = W.shape
    h, w = (H + 2 * padding - k) // stride + 1, (Wd + 2 * padding - k) // stride + 1
    y = xp.empty((B, h, w, O), x.dtype)
    if stride == 1 and C >= FEW_CHANNELS:
        matrix = W.reshape(k, k * C, O)
        for part in _parts(B, (H + 2 * padding) * w * k * C):
            _strips_W(xp, _strips(xp, x[part], k, padding), matrix, y[part].reshape(-1, h * w, O))
    else:
        matrix = W.reshape(-1, O)
        for part in _parts(B, h * w * len(matrix)):
            patches, _ = _patches(xp, x[part], k, stride, padding)
            xp.matmul(patches, matrix, out=y[part].reshape(-1, O))
    return y.transpose(0, 3, 1, 2)


def _slide_W(xp, x, g, k, stride, padding):
    """The gradient of `_slide` for W: every patch of x times the g of its place, added up, (k, k, C, O)."""
    (B, C, H, _), (_, O, h, w) = x.shape, g.shape
    if stride == 1 and C >= FEW_CHANNELS and h >= TALL:
        total = xp.zeros((k, O, k * C), x.dtype)
        for part in _parts(B, (H + 2 * padding) * w * k * C):
            strips = _strips(xp, x[part], k, padding)
            _add_outer(strips, _lines(xp, g[part], H + 2 * padding), total)
        return total.reshape(k, O, k, C).transpose(0, 2, 3, 1)
    total = xp.zeros((O, k * k * C), x.dtype)
    for part in _parts(B, h * w * k * k * C):
        patches, _ = _patches(xp, x[part], k, stride, padding)
        total += _rows(xp, g[part]).T @ patches
    return total.T.reshape(k, k, C, O)


def _slide_back(xp, x, g, W, back):
    """Both gradients of `_slide` with stride 1 from one set of strips, those of g: for x, and (k, k, C, O) for W.

    Seen from g, the one slides the turned weights over it, the other adds up each patch of g times the x of its place.
    """
    (B, C, H, Wd), (_, O, h, _), k = x.shape, g.shape, len(W)
    matrix, g_x = _turned(xp, W).reshape(k, k * O, C), xp.empty((B, H, Wd, C), x.dtype)
    total = xp.zeros((k, C, k * O), x.dtype)
    for part in _parts(B, (h + 2 * back) * Wd * k * O):
        strips = _strips(xp, g[part], k, back)
        _strips_W(xp, strips, matrix, g_x[part].reshape(-1, H * Wd, C))
        _add_outer(strips, _lines(xp, x[part], h + 2 * back), total)
    return g_x.transpose(0, 3, 1, 2), _turned(xp, total.reshape(k, C, k, O).transpose(0, 2, 3, 1))


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
    width = max(Wp, (groups + w - 1) * stride)
    framed = xp.empty((B, Hp, width, C), rows.dtype)
    framed[...] = start
    for some in _parts(B, Hp * width * C):
        lines = framed[some].reshape(-1, Hp, width * C)
        theirs = rows.reshape(B, h * w, O)[some].reshape(-1, O)
        product = xp.empty((len(theirs), stride * C), rows.dtype)  # one for all turns of the loop: it stays in cache
        for i in range(k):
            for j in range(groups):
                xp.matmul(theirs, taps[i * groups + j], out=product)
                first = j * stride * C
                place = lines[:, i : i + stride * h : stride, first : first + w * stride * C]
                place += product.reshape(-1, h, w * stride * C)
    return framed[:, padding : padding + H, padding : padding + Wd].transpose(0, 3, 1, 2)


@op(
    normal((2, 3, 5, 4), (3, 3, 3, 2), (2,), padding=1),
    normal((2, 1, 6, 6), (4, 4, 1, 5), (5,), stride=2, padding=1),
    normal((1, 5, 5, 6), (2, 2, 5, 1), (1,), stride=2),
    normal((1, 4, 8, 8), (3, 3, 4, 4), (4,), padding=1),
    normal((2, 4, 9, 3), (2, 2, 4, 5), (5,), padding=1),
)
def conv2d(xp, x, W, b, *, stride=1, padding=0):
    """Each output pixel is a patch times W, plus b: (B, C, H, W), (k, k, C, O), (O,) -> (B, O, h, w).

    h = (H + 2 padding - k) // stride + 1, likewise w; the frame is 0. Raises ShapeError where that is below 1.
    """
    checks.conv2d(x, W, stride, padding)
    k, _, C, O = W.shape
    back = k - 1 - padding  # the frame that the gradient of a convolution with stride 1 needs to be one, too
    dense = stride == 1 and back >= 0
    back_too = dense and MANY * C > O  # whether that is the faster way
    fewer = dense and O < C  # then the patches of g are smaller than those of x

    if dense and MANY * O <= C:
        B, _, H, width = x.shape
        shape = (B, O, H + padding - back, width + padding - back)
        y = _scatter(xp, _rows(xp, x), _turned(xp, W), shape, 1, back, start=b)
    else:
        y = _slide(xp, x, W, stride, padding)
        y += b[:, None, None]

    if dense and FEW_CHANNELS <= O <= C and y.shape[2] >= TALL:
        # The strips of g are no larger than those of x, and serve both gradients.
        both = remembered(lambda g: _slide_back(xp, x, g, W, back))
        return y, (
            lambda g: both(g)[0],
            lambda g: both(g)[1],
            lambda g, out: column_sum(xp, _rows(xp, g), out),
        )
    return y, (
        lambda g: (
            _slide(xp, g, _turned(xp, W), 1, back)
            if back_too
            else _scatter(xp, _rows(xp, g), W, x.shape, stride, padding)
        ),
        lambda g: _turned(xp, _slide_W(xp, g, x, k, 1, back)) if fewer else _slide_W(xp, x, g, k, stride, padding),
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
    pixels = x.transpose(0, 2, 3, 1)  # so that the result, too, has its channels last in memory
    return xp.repeat(xp.repeat(pixels, n, axis=2), n, axis=1).transpose(0, 3, 1, 2)


def _block_sum(blocks):
    """(B, C, h, n, w, n) -> (B, C, h, w): sums of whole images; `sum` over two axes would add n numbers at a time."""
    n = blocks.shape[3]
    lines = functools.reduce(operator.add, (blocks[:, :, :, i] for i in range(n)))  # (B, C, h, w, n)
    return functools.reduce(operator.add, (lines[..., j] for j in range(n)))


@op(normal((2, 3, 2, 3), factor=2))
def upsample(xp, x, *, factor):
    """Every pixel becomes a factor x factor block: (B, C, H, W) -> (B, C, H * factor, W * factor).

    Raises ShapeError if x is not (B, C, H, W), or factor is below 1.
    """
    if x.ndim != 4 or factor < 1:
        raise ShapeError(f"upsample: x is {x.shape} and factor {factor}; wanted (B, C, H, W), and 1 or more")
    return _enlarge(xp, x, factor), (lambda g: _block_sum(_blocks("upsample", g, factor)),)
