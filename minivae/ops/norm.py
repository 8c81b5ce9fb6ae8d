"""Normalisation and attention: value and gradient side by side."""

import math

from minivae.checks import affine
from minivae.checks import groups as check_groups
from minivae.engine import op
from minivae.errors import ShapeError
from minivae.ops.cases import normal
from minivae.ops.fast import column_sum, row_sum


@op(normal((5, 4), (4,), (4,)), normal((2, 3, 4), (4,), (4,)))
def layer_norm(xp, x, gain, bias, *, tiny=1e-5):
    """Mean 0 and variance 1 over the last axis, then gain * x + bias: (..., D), (D,), (D,) -> (..., D).

    Source: Ba, Kiros & Hinton 2016, equations 3 and 4.
    """
    D = x.shape[-1]
    affine("layer_norm", "the last axis of x", D, gain, bias)
    u = x - row_sum(xp, x)[..., None] / D
    scale = 1 / xp.sqrt(row_sum(xp, u * u)[..., None] / D + x.dtype.type(tiny))
    u *= scale
    y = u * gain
    y += bias

    def g_x(g):
        g = g * gain
        mean, slope = row_sum(xp, g)[..., None] / D, row_sum(xp, g * u)[..., None] / D
        g -= mean
        g -= u * slope
        g *= scale
        return g

    return y, (
        g_x,
        lambda g, out: column_sum(xp, (g * u).reshape(-1, D), out),
        lambda g, out: column_sum(xp, g.reshape(-1, D), out),
    )


@op(normal((2, 4, 3, 2), (4,), (4,), groups=2), normal((1, 3, 2, 2), (3,), (3,), groups=1))
def group_norm(xp, x, gain, bias, *, groups, tiny=1e-5):
    """Mean 0 and variance 1 over each group of channels of an image, then gain * x + bias for each channel.

    (B, C, H, W), (C,), (C,) -> (B, C, H, W). Raises ShapeError if `groups` does not divide C.
    Source: Wu & He 2018, equations 1, 2 and 7.
    """
    B, C, H, W = x.shape
    affine("group_norm", "the channels of x", C, gain, bias)
    check_groups(C, groups)
    together = C // groups
    n = together * H * W  # numbers that share a mean

    def mean(sums):  # sums over the pixels of each channel, (B, C) -> the mean in the channel's group, (B, 1, C)
        means = sums.reshape(B, groups, together).sum(axis=2) / n
        return xp.repeat(means, together, axis=1)[:, None]

    ones = xp.ones(H * W, x.dtype)  # a product with it is the sum over pixels: (B, H * W, C) -> (B, C)
    u = _pixels(xp, x)
    u = u - mean(ones @ u)
    scale = 1 / xp.sqrt(mean(ones @ (u * u)) + x.dtype.type(tiny))
    y = u * (scale * gain)
    y += bias

    def gradients(g):
        g = _pixels(xp, g)
        g_bias, g_gain = ones @ g, ones @ (g * u) * scale[:, 0]  # (B, C)
        g_x = g * (scale * gain)
        g_x -= scale * mean(g_bias * gain)
        g_x -= u * (scale * (scale * mean(g_gain * gain)))
        return _images(g_x, x.shape), g_gain, g_bias

    return _images(y, x.shape), gradients


def _pixels(xp, x):
    """(B, C, H, W) as (B, H * W, C): a view where channels come last in memory, as they do after a convolution."""
    B, C, H, W = x.shape
    return xp.ascontiguousarray(x.transpose(0, 2, 3, 1)).reshape(B, H * W, C)


def _images(pixels, shape):
    """(B, H * W, C) as (B, C, H, W), a view."""
    B, C, H, W = shape
    return pixels.reshape(B, H, W, C).transpose(0, 3, 1, 2)


@op(normal((2, 3, 4), (2, 5, 4), (2, 5, 6)))
def attention(xp, q, k, v):
    """softmax(q k^T / sqrt(D)) v: each query takes a mean of the values whose keys it resembles.

    (B, T, D), (B, S, D), (B, S, E) -> (B, T, E). Raises ShapeError for others. Source: Vaswani et al. 2017, equation 1.
    """
    if q.ndim != 3 or k.ndim != 3 or v.ndim != 3 or q.shape[2] != k.shape[2] or k.shape[1] != v.shape[1]:
        raise ShapeError(
            f"attention: q, k, v are {q.shape}, {k.shape}, {v.shape}; wanted (B, T, D), (B, S, D), (B, S, E)"
        )
    scale = 1 / math.sqrt(q.shape[2])
    s = q @ k.swapaxes(1, 2) * scale  # (B, T, S)
    p = xp.exp(s - s.max(axis=2, keepdims=True))
    p /= p.sum(axis=2, keepdims=True)

    def gradients(g):
        g_p = g @ v.swapaxes(1, 2)
        g_s = p * (g_p - (g_p * p).sum(axis=2, keepdims=True)) * scale
        return g_s @ k, g_s.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ g

    return p @ v, gradients
