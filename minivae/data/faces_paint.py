"""How a synthetic face is painted: from the back to the front, each part over the last, in light from the upper left.

Every function paints one part for a batch of faces. Places and sizes are in units of half the picture.
"""

from typing import NamedTuple

import numpy as np

from minivae.data.faces_shapes import (
    Array,
    Canvas,
    blank,
    blob,
    ellipse,
    hump,
    inside,
    join,
    positive,
    rounded_box,
    soft,
    stroke,
    visible,
    wave,
)

HEAD = 0.80  # half the height of a head
EYES, NOSE, MOUTH = -0.05, 0.25, 0.475  # how far down they are
SIDES = (-1, 1)


class Look(NamedTuple):
    """The factors of a batch, each (B, 1, 1) float32; see `minivae.data.faces.FACTORS`."""

    smile: Array
    brow: Array
    beard: Array
    hair: Array
    glasses: Array
    width: Array
    eyes: Array
    skin: Array
    tone: Array
    turn: Array
    tilt: Array

    @property
    def cheek(self) -> Array:
        """Half the width of the head."""
        return 0.50 + 0.10 * self.width

    @property
    def light(self) -> Array:
        """Intensity of lit skin."""
        return 0.56 + 0.36 * self.skin

    @property
    def dark(self) -> Array:
        """Intensity of hair."""
        return 0.05 + 0.35 * self.tone


def paint(factors: Array, size: int) -> Array:
    """Faces from their factors: (B, F) -> (B, size, size) float32 in [0, 1]."""
    look = Look(*(column[:, None, None] for column in factors.T))
    canvas = blank(size, look.tilt)
    backdrop(canvas)
    outline, colour = hair(canvas, look)
    canvas.over(0.7 * colour, inside(outline, canvas.px))  # what hangs behind the neck
    bust(canvas, look)
    ears(canvas, look)
    skin = head(canvas, look)
    nose(canvas.window(-0.35, 0.45, -0.45, 0.45), look)
    beard(canvas.window(-0.1, 1.0, -0.75, 0.75), look)
    mouth(canvas.window(0.1, 1.0, -0.6, 0.6), look)
    for side in SIDES:
        eye(canvas.window(-0.25, 0.2, *span(side, 0.5)), look, side)
        eyebrow(canvas.window(-0.6, 0.1, *span(side, 0.55)), look, side)
    glasses(canvas.window(-0.3, 0.3, -0.75, 0.75), look)
    front_hair(canvas, look, outline, colour, skin)
    return np.clip(canvas.im, 0, 1)


def span(side: int, far: float) -> tuple[float, float]:
    """Left and right of the half of a face; features move across the middle as the head turns."""
    return (-far - 0.12, 0.12) if side < 0 else (-0.12, far + 0.12)


def backdrop(canvas: Canvas) -> None:
    X, Y = canvas.X, canvas.Y
    canvas.im[...] = 0.78 - 0.08 * Y - 0.05 * X * X - 0.03 * X


def hair(canvas: Canvas, look: Look) -> tuple[Array, Array]:
    """The outline of all hair as a distance, and its colour: strands, and light from the upper left."""
    x, y = canvas.x, canvas.y
    crown = -0.22  # where the dome ends and the sides begin to hang
    fall = np.maximum(y - crown, 0)
    a = look.cheek + 0.035 + 0.095 * look.hair
    a = a * (1 + 0.20 * look.hair * fall - 0.25 * (1 - look.hair) * fall)
    b = 0.67 + 0.02 * look.hair
    lean = x + 0.05 * look.hair * wave(1.15 * y + 0.1) * fall
    p, q = lean / a, np.minimum(y - crown, 0) / b
    k = np.sqrt(p * p + q * q)  # 1 at the outline
    dome = (k - 1) * np.minimum(a, b) + 0.018 * blob(x + 0.17, y + 0.89, 0.14, 0.12)
    end = -0.06 + 1.05 * look.hair - 0.16 * look.hair * p * p + 0.025 * look.hair * wave(4.3 * x)
    outline = join(dome, y - end, 0.10)
    flow = 5.5 * k + 0.8 * x + 0.12 * wave(0.6 * y)
    strands = 0.6 * visible(0.09, canvas.px) * wave(2 * flow) + 0.5 * visible(0.2, canvas.px) * wave(0.83 * flow + 0.3)
    sky = np.maximum((-0.5 * p - 0.86 * q) / (k + 0.1) - 0.2, 0)
    shine = sky * sky * hump((k - 0.80) / 0.22)
    edge = np.maximum(k - 0.75, 0)
    colour = (
        look.dark * (1 + 0.24 * strands - 0.15 * y - 1.2 * edge)
        + 0.02
        + (0.28 + 0.30 * look.dark) * shine * (1 + 0.35 * strands)
    )
    return outline, colour


def hairline(canvas: Canvas, look: Look) -> Array:
    """Distance from the opening in the hair that shows the face: it peaks at a parting, and is open below."""
    x = canvas.x - 0.04 * look.turn
    temple = -0.05
    w = look.cheek * (0.99 - 0.10 * look.hair)
    parting = -0.16
    s = x - parting
    p = s / np.where(s < 0, w + parting, w - parting)
    q = np.minimum(canvas.y - temple, 0) / 0.56
    root = np.sqrt(np.abs(p))
    k = root * np.abs(p) + q * q  # |p|^1.5 makes the peak
    slope = np.sqrt(2.25 * root * root / (w * w) + 4 * q * q / (0.56 * 0.56)) + 1e-3
    return (k - 1) / slope


def bust(canvas: Canvas, look: Look) -> None:
    """Neck and shoulders; the shoulders do not tilt."""
    x, y, X, Y, px = canvas.x, canvas.y, canvas.X, canvas.Y, canvas.px
    neck = inside(np.maximum(np.abs(x) - 0.21 - 0.06 * look.width, 0.4 - y), px)
    canvas.over(look.light * (0.80 - 0.30 * soft(y - 0.93, 0.30)), neck)
    below = Y - 0.86 - 0.20 * X * X * (1 + X * X)
    cloth = inside(-below, px) * inside(-ellipse(X, Y - 0.78, 0.30, 0.20), px)
    canvas.over(0.42 - 0.08 * X - 0.10 * hump(5 * below), cloth)


def ears(canvas: Canvas, look: Look) -> None:
    for side in SIDES:
        x = canvas.x - side * look.cheek + 0.05 * look.turn
        y = canvas.y - 0.06
        canvas.over(0.84 * look.light, inside(ellipse(x, y, 0.075, 0.15), canvas.px))
        canvas.dim(0.3 * blob(x - 0.015 * side, y, 0.05, 0.11))


def jaw(canvas: Canvas) -> Array:
    """x, stretched towards the chin: an ellipse in it is an egg."""
    low = np.maximum(canvas.y, 0)
    return canvas.x * (1 + 0.28 * low * low)


def head(canvas: Canvas, look: Look) -> Array:
    """The head with its shading; returns its cover."""
    x, y = jaw(canvas), canvas.y
    cover = inside(ellipse(x, y, look.cheek, HEAD), canvas.px)
    u, v = x / look.cheek, y / HEAD
    r = np.minimum(u * u + v * v, 1.2)
    canvas.over(look.light * (1.03 - 0.06 * u - 0.05 * v - 0.20 * r * r * r), cover)
    lift = 0.03 * look.smile
    grin, sad = positive(look.smile), positive(-look.smile)
    for side in SIDES:
        x = canvas.x - 0.07 * look.turn - 0.34 * side
        canvas.dim(cover * (0.12 * sad - 0.02 - 0.13 * grin) * blob(x, y - 0.22 + lift, 0.24, 0.20))
        canvas.dim(cover * 0.10 * blob(x + 0.11 * side, y - EYES, 0.24, 0.20))
    return cover


def nose(canvas: Canvas, look: Look) -> None:
    x, y = canvas.x - 0.10 * look.turn, canvas.y
    canvas.dim(0.12 * blob(x - 0.08, y - 0.09, 0.10, 0.30) - 0.08 * blob(x + 0.015, y - 0.09, 0.07, 0.26))
    canvas.dim(0.30 * blob(x, y - NOSE - 0.01, 0.16, 0.06))
    for side in SIDES:
        canvas.dim(0.4 * blob(x - 0.06 * side, y - NOSE, 0.05, 0.035))
        # between the brows, where a frown folds the skin
        canvas.dim(0.2 * positive(-look.brow) * blob(x + 0.03 * look.turn - 0.035 * side, y + 0.19, 0.03, 0.11))


def mouth_line(x: Array, look: Look) -> tuple[Array, Array, Array]:
    """The line between the lips at `x`: its height, the cosine of its slope, and x in half widths of the mouth."""
    half = 0.30 + 0.08 * look.smile
    u = x / half
    bend = 0.185 * look.smile + 0.01 * look.smile * look.smile
    curve = MOUTH - bend * (np.minimum(u * u, 1.4) - 0.36)
    slope = np.clip(2 * bend * u / half, -2, 2)
    return curve, 1 / np.sqrt(1 + slope * slope), u


def beard(canvas: Canvas, look: Look) -> None:
    """Along the jaw, on the chin, and a moustache; longer and denser as it grows."""
    x, y = canvas.x - 0.075 * look.turn, canvas.y
    curve, _, u = mouth_line(x, look)
    egg = jaw(canvas)
    whole = inside(ellipse(egg, y, look.cheek + 0.02 * look.beard, HEAD + 0.15 * look.beard * look.beard), canvas.px)
    cheeks = ellipse(x, y - 0.14, 0.80 * look.cheek, 0.37)
    sides = soft(-cheeks, 0.10) * soft(0.08 - y, 0.22)
    chin = soft(ellipse(x, y - 0.68, 0.27, 0.13), 0.12)
    lip = soft(np.abs(y - 0.5 * curve - 0.5 * MOUTH + 0.105 - 0.06 * u * u) - 0.045, 0.06) * soft(np.abs(u) - 1.15, 0.3)
    strands = visible(0.14, canvas.px) * wave(7 * egg + 0.4 * wave(2.3 * y))
    cover = whole * np.maximum(np.maximum(sides, chin), lip)
    canvas.over(look.dark * (0.95 + 0.13 * strands) + 0.015, 0.94 * look.beard * cover)


def mouth(canvas: Canvas, look: Look) -> None:
    x, y, px = canvas.x - 0.075 * look.turn, canvas.y, canvas.px
    grin, sad = positive(look.smile), positive(-look.smile)
    for side in SIDES:  # the fold from the nose to the corner
        t = (y - 0.35) / 0.14
        off = side * x - 0.27 - 0.08 * grin - 0.06 * t + 0.03 * t * t
        canvas.dim((0.20 * grin + 0.12 * sad) * hump(t) * np.maximum(1 - np.abs(off) / 0.045, 0))
    curve, cos, u = mouth_line(x, look)
    bow = hump(u)
    gap = 0.21 * grin * grin
    floor = curve + gap * bow
    ends = inside((np.abs(u) - 1) * 0.28, max(px, 0.03))
    full = (0.030 + 0.040 * bow) * (1 - 0.10 * sad)
    between = np.maximum(curve - y, y - floor) * cos
    wide = inside((np.abs(u) - 1.07) * 0.28, max(px, 0.04))
    canvas.over(0.53 * look.light, 0.9 * inside(between - full, max(px, 0.02)) * wide)
    within = inside(between, px) * np.clip(gap / px, 0, 1) * ends
    canvas.over(0.97 - 0.77 * soft(floor - y - 0.28 * gap, 0.5 * gap + px), within)  # teeth above, dark below
    line = (0.013 + 0.012 * bow) * (0.6 + 0.4 * look.smile * look.smile)
    canvas.over(0.10, stroke((y - curve) * cos, line, px) * ends)
    canvas.dim((1 - look.beard) * 0.15 * blob(x, y - MOUTH - 0.15 - 0.03 * look.smile - gap, 0.18, 0.06))


def eye(canvas: Canvas, look: Look, side: int) -> None:
    """White, iris, pupil, a spark, and the lids; a smile lifts the lower lid."""
    px = canvas.px
    x, y = canvas.x - 0.065 * look.turn - 0.235 * side, canvas.y - EYES
    w = (0.125 + 0.035 * look.eyes) * (1 - 0.10 * side * look.turn)
    h = 0.050 + 0.062 * look.eyes
    u = x / w
    arch = 1 - np.minimum(u * u, 1.5)
    slant = 0.012 * side * u
    upper = -h * arch - slant
    lower = 0.72 * h * (1 - 0.55 * positive(look.smile)) * arch - slant
    rise = 2 * h * np.clip(u, -1.5, 1.5) / w
    cos = 1 / np.sqrt(1 + rise * rise)
    ends = inside((np.abs(u) - 1) * w, px)
    opening = inside(np.maximum(upper - y, y - lower) * cos, px) * ends
    canvas.over(0.97 - 0.12 * u * u, opening)
    ix, iy = x - 0.012 * look.turn, y - 0.010
    radius = 0.058 + 0.024 * look.eyes
    r = np.sqrt(ix * ix + iy * iy)
    canvas.over(0.20 + 0.10 * look.tone, opening * inside(r - radius, px))
    canvas.over(0.03, opening * inside(r - 0.55 * radius, px))
    sx, sy = ix + 0.024, iy + 0.026
    canvas.over(1.0, 0.9 * opening * inside(np.sqrt(sx * sx + sy * sy) - 0.021, px))
    canvas.over(0.08, stroke((y - upper) * cos, 0.019, px) * ends)
    canvas.over(0.5 * look.light, 0.6 * stroke((y - lower) * cos, 0.008, px) * ends)


def eyebrow(canvas: Canvas, look: Look, side: int) -> None:
    px = canvas.px
    x, y = canvas.x - 0.065 * look.turn - 0.235 * side, canvas.y - EYES
    u = side * x / (0.18 * (1 - 0.10 * side * look.turn))  # -1 at the nose, 1 at the temple
    line = -0.225 - 0.06 * look.brow - 0.035 * look.eyes + 0.035 * u * u + (0.085 * look.brow - 0.015) * u
    thick = 0.040 * (1 - 0.35 * u)
    cover = inside(join(np.abs(y - line) - thick, (np.abs(u) - 1) * 0.18, 0.06), max(px, 0.03))
    canvas.over(0.62 * look.dark + 0.02, 0.95 * cover)


def glasses(canvas: Canvas, look: Look) -> None:
    """Rims that grow from nothing to heavy black, a bridge, and bows that go under the hair."""
    px = canvas.px
    x, y = canvas.x - 0.065 * look.turn, canvas.y - EYES
    rim = 0.012 + 0.014 * look.glasses
    head = inside(np.abs(x) - look.cheek, px)
    for side in SIDES:
        s = side * x - 0.245
        d = rounded_box(s, y - 0.015, 0.195, 0.165, 0.11)
        canvas.dim(-0.10 * look.glasses * inside(d, px) * soft(side * s + y, 0.08))
        bow = stroke(y + 0.035, 0.016, px) * inside(0.195 - s, px) * head
        canvas.over(0.07, look.glasses * np.maximum(stroke(d, rim, px), bow))
    bridge = stroke(y + 0.02 - 2 * x * x, 0.016, px) * inside(np.abs(x) - 0.055, px)
    canvas.over(0.07, look.glasses * bridge)


def front_hair(canvas: Canvas, look: Look, outline: Array, colour: Array, skin: Array) -> None:
    """The hair in front of the head, its shadow on the skin, and the parting."""
    x, y, px = canvas.x, canvas.y, canvas.px
    opening = hairline(canvas, look)
    near = join(outline, -opening, 0.04)
    canvas.dim(0.28 * skin * soft(-0.05 - opening, 0.10) * inside(outline, px) * soft(y - 0.2, 0.3))
    canvas.over(colour, inside(near, px))
    off = x + 0.16 - 0.05 * look.turn - 0.15 * (y + 0.62)
    canvas.over(0.6 * look.light, 0.35 * stroke(off, 0.010, px) * inside(outline + 0.06, 0.08) * inside(y + 0.60, 0.06))
