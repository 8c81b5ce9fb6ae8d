"""Smooth shapes on a grid of pixels: signed distances, and how much of each pixel lies inside.

A signed distance is negative inside. All of it is float32 arithmetic that IEEE 754 rounds one way only (+, -, *, /,
square root, min, max, rint), so a picture has the same bits on every machine. There is no exp, sin or power in it.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of float32
Number = Array | float

NECK = 0.75  # the height that a head tilts about
SLANT = 0.035  # tangent of half the greatest tilt: 4 degrees
VIEW = 0.94  # half the side of the square that is seen


class Canvas(NamedTuple):
    """Pictures being painted, or a part of them, and where their pixels lie.

    The visible square is -1 to 1 both ways, y downwards.

    Attributes
    ----------
    im : (B, h, w) intensities, painted in place
    X, Y : (1, 1, w), (1, h, 1) centres of the pixels
    x, y : (B, h, w) the same points as the tilted head sees them
    px : width of a pixel
    """

    im: Array
    X: Array
    Y: Array
    x: Array
    y: Array
    px: float

    def window(self, top: float, bottom: float, left: float, right: float) -> "Canvas":
        """The part that four places of the head can reach, however it is tilted: painting less is faster."""
        far = math.hypot(max(abs(left), abs(right)), max(abs(top - NECK), abs(bottom - NECK)))
        reach = 2 * SLANT * far + self.px
        rows = slice(*np.searchsorted(self.Y.ravel(), [top - reach, bottom + reach]).tolist())
        columns = slice(*np.searchsorted(self.X.ravel(), [left - reach, right + reach]).tolist())
        part = np.s_[:, rows, columns]
        return Canvas(self.im[part], self.X[:, :, columns], self.Y[:, rows], self.x[part], self.y[part], self.px)

    def over(self, value: Number, cover: Array) -> None:
        """Paint `value` where `cover` is 1, and mix where it is between."""
        self.im[...] += cover * (value - self.im)

    def dim(self, share: Number) -> None:
        """Take away a share of the light; a negative share adds."""
        self.im[...] *= 1 - share


def blank(size: int, tilt: Array) -> Canvas:
    """A white canvas for each of `tilt`, (B, 1, 1), from -1 to 1."""
    places = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 * VIEW / size) - np.float32(VIEW)
    X, Y = places[None, None, :], places[None, :, None]
    t = SLANT * tilt
    cos, sin = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    x = cos * X + sin * (Y - NECK)
    y = cos * (Y - NECK) - sin * X + NECK
    return Canvas(np.ones_like(x), X, Y, x, y, 2 * VIEW / size)


def ellipse(x: Array, y: Array, a: Number, b: Number) -> Array:
    """Distance from the ellipse (x/a)^2 + (y/b)^2 = 1, to first order: f / |grad f|."""
    p, q = x / a, y / b
    k = np.sqrt(p * p + q * q)
    p, q = p / a, q / b
    return k * (k - 1) / (np.sqrt(p * p + q * q) + 1e-6)


def rounded_box(x: Array, y: Array, a: float, b: float, radius: float) -> Array:
    """Distance from a box of half sides `a` and `b` with round corners."""
    p, q = np.abs(x) - (a - radius), np.abs(y) - (b - radius)
    u, v = np.maximum(p, 0), np.maximum(q, 0)
    return np.sqrt(u * u + v * v) + np.minimum(np.maximum(p, q), 0) - radius


def inside(distance: Array, width: Number) -> Array:
    """How much of a pixel is inside, 0 to 1; `width` is that of the pixel, or of a softer edge."""
    return np.clip(0.5 - distance / width, 0, 1)


def soft(distance: Array, width: Number) -> Array:
    """As `inside`, with an edge that begins and ends gently."""
    t = inside(distance, width)
    return t * t * (3 - 2 * t)


def stroke(distance: Array, half: Number, px: float) -> Array:
    """How much of a pixel a line of half width `half` covers: right for lines thinner than a pixel, too."""
    return (np.clip(distance + px / 2, -half, half) - np.clip(distance - px / 2, -half, half)) / px


def blob(x: Array, y: Array, a: Number, b: Number) -> Array:
    """A soft spot, 1 in the middle and 0 from the ellipse with half axes `a` and `b` outwards."""
    p, q = x / a, y / b
    r = 1 - np.minimum(p * p + q * q, 1)
    return r * r


def hump(t: Array) -> Array:
    """1 at 0, and 0 from 1 on: a parabola."""
    return np.maximum(1 - t * t, 0)


def wave(t: Array) -> Array:
    """A sine of period 1 made of parabolas."""
    p = t - np.rint(t)
    return 8 * p * (1 - 2 * np.abs(p))


def visible(period: float, px: float) -> float:
    """How strongly to paint a pattern of this period: not at all below two pixels, where it would be a moiré."""
    return min(max(period / px - 2, 0) / 2, 1)


def join(a: Array, b: Array, radius: float) -> Array:
    """The distance from where two shapes overlap, max(a, b), with corners rounded."""
    h = np.maximum(radius - np.abs(a - b), 0)
    return np.maximum(a, b) + h * h / (4 * radius)


def positive(t: Array, blur: float = 0.02) -> Array:
    """max(t, 0) without the kink."""
    return (t + np.sqrt(t * t + blur)) / 2
