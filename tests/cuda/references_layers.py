"""What the kernels of whole layers have to compute: products, convolutions, norms and softmax. See references.py."""

import itertools

import numpy as np

from tests.cuda.harness import around, latin
from tests.cuda.reference import reference, tiles, uniform, with_extremes

TINY = np.float32(0.01)  # larger than in training, so that an error in it shows


# matmul.cu


@reference(
    cases=lambda c: (
        latin(M=around(c.SIDE), N=around(c.SIDE), K=around(c.DEPTH))
        + latin(M=around(c.TILE), N=around(c.TILE), K=around(c.TILE))
    ),
    rtol=1e-6,
    atol=1e-5,
    why="float32: a sum of up to 48 products of up to 16",
)
def matmul(a, b):
    return {"y": a @ b}


# im2col.cu, conv_direct.cu

WINDOWS = {"k": [1, 2, 3, 4, 5], "stride": [1, 2, 3], "padding": [0, 1, 2, 3], "more": [0, 1, 2, 5, 9]}


def images(**sizes):
    """Cases with images of about the patch's size and a little more: every window with several sizes."""
    cases = []
    for case in latin(**WINDOWS, **sizes):
        k, stride, padding, more = (case.pop(name) for name in ("k", "stride", "padding", "more"))
        H, W = (max(1, k - 2 * padding + n) for n in (more, (3 * more + 1) % 7))
        h, w = ((n + 2 * padding - k) // stride + 1 for n in (H, W))
        cases.append({**case, "H": H, "W": W, "h": h, "w": w, "k": k, "stride": stride, "padding": padding})
    return cases


def same_size(*sizes):
    """Cases with 3 x 3 patches that leave images as large as they are: (B, H, W, C) each."""
    return [{"B": B, "H": H, "W": W, "C": C, "h": H, "w": W, "k": 3, "stride": 1, "padding": 1} for B, H, W, C in sizes]


LONG = same_size((1, 4, 3, 85), (2, 4, 4, 64), (1, 3, 2, 257), (1, 2, 300, 1))  # rows that are longer than a block


def places(B, H, W, h, w, k, stride, padding):
    """For each pixel of each patch, the row of the image it is in, its column, and whether it is in the image."""
    y, x, i, j = np.meshgrid(*map(np.arange, (h, w, k, k)), indexing="ij")
    Y, X = y * stride - padding + i, x * stride - padding + j
    return Y, X, (Y >= 0) & (Y < H) & (X >= 0) & (X < W)


@reference(cases=lambda c: images(B=[1, 2, 3], C=[1, 3, 4, 7]) + LONG, why="copies: no tolerance")
def im2col(image, B, H, W, C, h, w, k, stride, padding):
    Y, X, inside = places(B, H, W, h, w, k, stride, padding)
    patches = np.zeros((B, h, w, k, k, C))
    patches[:, inside] = image[:, Y[inside], X[inside]]
    return {"patches": patches.reshape(B * h * w, k * k * C)}


@reference(
    cases=lambda c: images(B=[1, 2, 3], C=[1, 3, 4, 7]) + LONG,
    rtol=1e-6,
    atol=1e-6,
    why="float32: a sum of up to 25 terms",
)
def col2im(patches, B, H, W, C, h, w, k, stride, padding):
    Y, X, inside = places(B, H, W, h, w, k, stride, padding)
    image = np.zeros((B, H, W, C))
    np.add.at(image, (slice(None), Y[inside], X[inside]), patches.reshape(B, h, w, k, k, C)[:, inside])
    return {"image": image}


@reference(
    cases=lambda c: (
        images(B=[1, 2, 3], C=[1, 2, 3], O=around(c.WIDTH))
        + [
            {**case, "O": 3}
            for case in same_size((1, 7, 9, 1), (1, 8, 8, 4), (5, 1, 13, 2), (1, 65, 1, 7), (2, 9, 11, 1))
        ]
    ),
    rtol=1e-6,
    atol=1e-5,
    why="float32: a sum of up to 75 products",
)
def conv_direct(image, weights, bias, B, H, W, C, h, w, k, stride, padding):
    patches = im2col(image, B, H, W, C, h, w, k, stride, padding)["patches"]
    return {"out": patches @ weights.reshape(k * k * C, len(bias)) + bias}


# layer_norm.cu

NORM = "float32: x - mean cancels where a row is short, and is stretched by up to 10"


def rows(c):
    """Around a block of warps, of threads, and rows as long as both."""
    ends = {"N": [*around(c.WARP), *around(c.BLOCK)], "tiny": [TINY]}
    return latin(B=around(c.BLOCK), N=[1, 3], tiny=[TINY]) + latin(B=around(c.WARPS), **ends)


@reference(cases=rows, rtol=2e-6, atol=2e-5, why=NORM)
def layer_norm(x, gain, bias, tiny):
    mean = x.mean(1)
    scale = 1 / np.sqrt(x.var(1) + tiny)
    return {"y": (x - mean[:, None]) * scale[:, None] * gain + bias, "mean": mean, "scale": scale}


@reference(
    cases=lambda c: latin(B=around(c.ROWS), N=[*around(c.WARP), *around(c.BLOCK)]),
    draw={"scale": uniform},
    rtol=2e-6,
    atol=2e-5,
    why="float32: differences of terms of up to 30, and sums of 16",
)
def layer_norm_backward(g, x, gain, mean, scale, B):
    u = (x - mean[:, None]) * scale[:, None]
    e = g * gain
    g_x = scale[:, None] * (e - e.mean(1, keepdims=True) - u * (e * u).mean(1, keepdims=True))
    parts = np.arange(0, B, 16)
    return {"g_x": g_x, "gain_part": np.add.reduceat(g * u, parts), "bias_part": np.add.reduceat(g, parts)}


# group_norm_silu.cu


def grouped(c):
    """Groups of one to many channels; as many of them as threads; more channels than threads; one pixel and several."""
    shapes = [(1, 1, 1), (1, 3, 1), (2, 6, 3), (5, 3, 3), (300, 8, 2), (49, 15, 5), (9, 64, 8), (33, 62, 2)]
    shapes += [(P, C, 1) for P, C in zip([1, 2, 9, 4, 3, 5, 2], around(c.BLOCK), strict=True)]
    shapes += [(64, 1, 1), (257, 2, 2), (4, 120, 1), (7, 33, 1), (3, 2 * c.BLOCK + 2, 2), (1, 2 * c.BLOCK + 3, 1)]
    cases = [
        {"B": B, "P": P, "C": C, "groups": groups, "silu": silu, "tiny": TINY}
        for (P, C, groups), B in zip(shapes, itertools.cycle([1, 2, 3, 1]))
        for silu in (0, 1)
    ]
    many = [(c.BLOCK - 1, 2, 1), (c.BLOCK // 4, 8, 4), (c.BLOCK + 1, 1, 1), (103, 6, 3)]
    return cases + [{"B": B, "P": 2, "C": C, "groups": n, "silu": 1, "tiny": TINY} for B, C, n in many]


def apart(array, groups):
    """(B, P, C) as (B, P, groups, C / groups)."""
    B, P, C = array.shape
    return array.reshape(B, P, groups, C // groups)


def bend(a, silu):
    """act(a) and act'(a)."""
    s = 0.5 + 0.5 * np.tanh(a / 2)
    return (a * s, s + a * s * (1 - s)) if silu else (a, np.ones_like(a))


@reference(
    cases=grouped,
    rtol=2e-6,
    atol=2e-5,
    why=NORM,
)
def group_norm_silu(x, gain, bias, tiny, groups, silu):
    together = apart(x, groups)
    mean, scale = together.mean((1, 3)), 1 / np.sqrt(together.var((1, 3)) + tiny)
    u = ((together - mean[:, None, :, None]) * scale[:, None, :, None]).reshape(x.shape)
    return {"y": bend(u * gain + bias, silu)[0], "mean": mean, "scale": scale}


@reference(
    cases=grouped, draw={"scale": uniform}, rtol=2e-6, atol=5e-5, why="float32: parts are sums of up to 300 terms"
)
def group_norm_silu_backward(g, x, gain, bias, mean, scale, groups, silu):
    u = ((apart(x, groups) - mean[:, None, :, None]) * scale[:, None, :, None]).reshape(x.shape)
    e = g * bend(u * gain + bias, silu)[1]
    f, u_apart = apart(e * gain, groups), apart(u, groups)
    inner = {"axis": (1, 3), "keepdims": True}
    g_x = scale[:, None, :, None] * (f - f.mean(**inner) - u_apart * (f * u_apart).mean(**inner))
    return {"g_x": g_x.reshape(x.shape), "gain_part": (e * u).sum(1), "bias_part": e.sum(1)}


# softmax.cu

SHARES = "float32: x - top is rounded, and is in the exponent"


def lengths(c):
    """Rows around a warp, rows as long as blocks, and as many rows as threads."""
    return (
        latin(B=around(c.ROWS), N=around(c.WARP))
        + latin(B=around(c.BLOCK), N=[1, 3])
        + latin(B=[1, 2, 5], N=around(c.BLOCK))
    )


EXTREMES = {"x": with_extremes(-1e30, -200, -100, 0, 100, 200)}


@reference(cases=lengths, draw=EXTREMES, rtol=5e-6, atol=1e-7, why=SHARES)
def softmax(x):
    y = np.exp(x - x.max(1, keepdims=True))
    return {"y": y / y.sum(1, keepdims=True)}


@reference(cases=lengths, draw={"y": uniform}, rtol=1e-6, atol=1e-4, why="float32: a sum of up to 768 products")
def softmax_backward(g, y):
    return {"g_x": y * (g - (g * y).sum(1, keepdims=True))}


@reference(
    cases=lengths, draw={"x": with_extremes(-np.inf, -1e30, -100, 0, 100, 200)}, rtol=1e-6, atol=1e-6, why=SHARES
)
def logsumexp(x):
    with np.errstate(invalid="ignore"):  # NaN goes in, so that NaN comes out
        return {"y": np.logaddexp.reduce(x, axis=1)}


@reference(cases=tiles("ROWS", "N"), rtol=2e-6, atol=1e-6, why=SHARES)
def logsumexp_backward(g, x, y):
    return {"g_x": g[:, None] * np.exp(x - y[:, None])}
