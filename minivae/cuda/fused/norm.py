"""Normalisation, by kernels/layer_norm.cu, group_norm_silu.cu and softmax.cu."""

from math import prod

from numpy.lib.array_utils import normalize_axis_tuple

from minivae import checks
from minivae.cuda.fused.arrays import images, last, rows, sizes, sum_rows
from minivae.cuda.kernels import find
from minivae.cuda.launch import launch
from minivae.cuda.registry import cdiv


def layer_norm(xp, x, gain, bias, *, tiny=1e-5):
    """Mean 0 and variance 1 over the last axis: see `minivae.ops.layer_norm`."""
    checks.affine("layer_norm", "the last axis of x", x.shape[-1], gain, bias)
    x, gain, bias = rows("layer_norm", xp, x, gain, bias)
    B, N = sizes(x)
    y, mean, scale = xp.empty_like(x), xp.empty(B, x.dtype), xp.empty(B, x.dtype)
    launch("layer_norm", x, gain, bias, y, mean, scale, tiny, B, N)

    def gradients(g):
        parts = cdiv(B, find("layer_norm_backward").constants["ROWS"])
        g_x, gain_part, bias_part = xp.empty_like(x), xp.empty((parts, N), x.dtype), xp.empty((parts, N), x.dtype)
        (g,) = rows("layer_norm", xp, g)
        launch("layer_norm_backward", g, x, gain, mean, scale, g_x, gain_part, bias_part, B, N)
        return g_x, sum_rows(xp, gain_part), sum_rows(xp, bias_part)

    return y, gradients


def group_norm(xp, x, gain, bias, *, groups, tiny=1e-5):
    """Mean 0 and variance 1 over each group of channels of an image: see `minivae.ops.group_norm`."""
    B, C, H, W = x.shape
    checks.affine("group_norm", "the channels of x", C, gain, bias)
    checks.groups(C, groups)
    x, gain, bias = rows("group_norm", xp, last(x), gain, bias)  # (B, H, W, C)
    scalars = (B, H * W, C, groups, 0)
    y, mean, scale = xp.empty_like(x), xp.empty((B, groups), x.dtype), xp.empty((B, groups), x.dtype)
    launch("group_norm_silu", x, gain, bias, y, mean, scale, tiny, *scalars)

    def gradients(g):
        (g,) = rows("group_norm", xp, last(g))
        g_x, gain_part, bias_part = xp.empty_like(x), xp.empty((B, C), x.dtype), xp.empty((B, C), x.dtype)
        launch("group_norm_silu_backward", g, x, gain, bias, mean, scale, g_x, gain_part, bias_part, *scalars)
        return images(g_x), sum_rows(xp, gain_part), sum_rows(xp, bias_part)

    return images(y), gradients


def softmax(xp, x, *, axis=-1):
    """exp(x) / sum(exp(x)) over `axis`: see `minivae.ops.softmax`."""

    def exchanged(a):  # the axis and the last one; a single number has none, and is a row of one
        return a.swapaxes(axis, -1) if a.ndim else a

    (x,) = rows("softmax", xp, exchanged(x))
    y, (B, N) = xp.empty_like(x), sizes(x)
    _some(N)
    launch("softmax", x, y, B, N)

    def g_x(g):
        (g,), wanted = rows("softmax", xp, exchanged(g)), xp.empty_like(y)
        launch("softmax_backward", g, y, wanted, B, N)
        return exchanged(wanted)

    return exchanged(y), (g_x,)


def logsumexp(xp, x, *, axis=None, keepdims=False):
    """log(sum(exp(x))) over `axis`: see `minivae.ops.logsumexp`."""
    everything = axis is None or x.ndim == 0
    gone = sorted(range(x.ndim) if everything else normalize_axis_tuple(axis, x.ndim))
    left = [i for i in range(x.ndim) if i not in gone]
    order = left + gone  # what is summed over comes last
    back = sorted(range(x.ndim), key=order.__getitem__)
    shape = [1 if i in gone else n for i, n in enumerate(x.shape) if keepdims or i not in gone]
    B, N = prod(x.shape[i] for i in left), prod(x.shape[i] for i in gone)
    _some(N)
    (x,) = rows("logsumexp", xp, x.transpose(order) if order else x)
    ordered, x, y = x.shape, x.reshape(B, N), xp.empty(B, x.dtype)
    launch("logsumexp", x, y, B, N)

    def g_x(g):
        wanted = xp.empty_like(x)
        launch("logsumexp_backward", *rows("logsumexp", xp, g), x, y, wanted, B, N)
        return wanted.reshape(ordered).transpose(back) if order else wanted.reshape(())

    return y.reshape(shape), (g_x,)


def _some(n: int) -> None:
    if n == 0:
        raise ValueError("there are no numbers to take the largest of")  # the engine adds the op and the shapes
