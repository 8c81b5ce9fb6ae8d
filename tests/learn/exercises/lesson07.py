"""Lesson 07: many right ways are taken, and each known mistake meets the hint about that mistake."""

import numpy as np

from minivae.learn.exercises.lesson07 import attribute_vector, mix, slerp


def norms(a):
    return np.sqrt(np.einsum("bl,bl->b", a, a))


def angles(a, b):
    return np.arccos(np.minimum(1, np.maximum(-1, np.einsum("bl,bl->b", a, b) / norms(a) / norms(b))))[:, None]


def pair_by_pair(a, b, t):
    rows = []
    for p, q in zip(a, b, strict=True):
        w = np.arccos(np.clip(np.dot(p, q) / np.linalg.norm(p) / np.linalg.norm(q), -1, 1))
        if np.sin(w) < 1e-7:
            rows.append((1 - t) * p + t * q)
        else:
            rows.append(np.sin((1 - t) * w) / np.sin(w) * p + np.sin(t * w) / np.sin(w) * q)
    return np.array(rows)


def repaired(a, b, t):
    w = angles(a, b)
    with np.errstate(all="ignore"):
        z = np.sin((1 - t) * w) / np.sin(w) * a + np.sin(t * w) / np.sin(w) * b
    return np.where(np.isnan(z), a + t * (b - a), z)


def through_a_right_angle(a, b, t):
    """In the plane of the two: turn from a towards what of b is at a right angle to it; lengths grow as the weights."""
    a, b = a.astype(float), b.astype(float)
    out = a + t * (b - a)
    for i in range(len(a)):
        p, q = a[i] / np.linalg.norm(a[i]), b[i] / np.linalg.norm(b[i])
        across = q - (p @ q) * p
        if np.linalg.norm(across) > 1e-6:
            w = np.arctan2(np.linalg.norm(across), p @ q)
            out[i] = (np.sin((1 - t) * w) * a[i] + np.sin(t * w) * b[i]) / np.sin(w)
    return out


def tiny_angles(a, b, t):
    w = np.maximum(angles(a, b), 1e-4)  # the sines are straight there
    return (np.sin(w - t * w) * a + np.sin(t * w) * b) / np.sin(w)


def in_place(a, b, t):
    w = angles(a, b)
    z = (1 - t) * a + t * b
    bent = np.sin(w[:, 0]) > 1e-6
    s = np.sin(w[bent])
    z[bent] = np.sin((1 - t) * w[bent]) / s * a[bent] + np.sin(t * w[bent]) / s * b[bent]
    return z


SLERP_RIGHT = {
    "the solution": slerp,
    "pair by pair": pair_by_pair,
    "nan repaired afterwards": repaired,
    "the angle by arctan": through_a_right_angle,
    "no angle below 1e-4": tiny_angles,
    "in place": in_place,
    "float64 inside": lambda a, b, t: slerp(a.astype(float), b.astype(float), t),
}


def bare(a, b, t, w):
    with np.errstate(all="ignore"):
        return np.sin((1 - t) * w) / np.sin(w) * a + np.sin(t * w) / np.sin(w) * b


def mended(a, b, t, w):
    return np.where(np.isfinite(bare(a, b, t, w)), bare(a, b, t, w), a + t * (b - a))


def stay(a, b, t):
    z = bare(a, b, t, angles(a, b))
    return np.where(np.isnan(z), a, z)


def stretched(a, b, t):
    z = a + t * (b - a)
    return z * ((norms(a) + t * (norms(b) - norms(a))) / norms(z))[:, None]


def unit_rows(a, b, t):
    p, q = a / norms(a)[:, None], b / norms(b)[:, None]
    return mended(p, q, t, angles(p, q))


def inner_products(a, b, t):
    w = np.arccos(np.clip(np.einsum("bl,bl->b", a, b), -1, 1))[:, None]
    return np.where(np.sin(w) > 1e-6, bare(a, b, t, w), a + t * (b - a))


SLERP_WRONG = {
    "parallel-rows": lambda a, b, t: bare(a, b, t, angles(a, b)),
    "parallel-rows-stay": stay,
    "straight": lambda a, b, t: a + t * (b - a),
    "straight-rescaled": stretched,
    "unit-length": unit_rows,
    "one-angle": lambda a, b, t: mended(a, b, t, angles(a.reshape(1, -1), b.reshape(1, -1))[0, 0]),
    "down-the-batch": lambda a, b, t: mended(a, b, t, angles(a.T, b.T)[:, 0]),
    "ends-swapped": lambda a, b, t: mended(a, b, 1 - t, angles(a, b)),
    "not-divided": lambda a, b, t: np.sin((1 - t) * angles(a, b)) * a + np.sin(t * angles(a, b)) * b,
    "lengths-left-in": inner_products,
    "cosine-for-angle": lambda a, b, t: mended(a, b, t, np.cos(angles(a, b))),
    "root-weights": lambda a, b, t: (1 - t) ** 0.5 * a + t**0.5 * b,
}


def counted(z, has):
    yes, no = np.zeros(z.shape[1]), np.zeros(z.shape[1])
    for row, one in zip(z, has, strict=True):
        if one:
            yes = yes + row / has.sum()
        else:
            no = no + row / (len(has) - has.sum())
    return yes - no


def weighted(z, has):
    w = np.where(has, 1 / has.sum(), -1 / (~has).sum())
    return w @ z


def fitted(z, has):
    X = np.column_stack([np.ones(len(z)), has])
    return np.linalg.lstsq(X, z.astype(float), rcond=None)[0][1]  # the slope on a yes or no is the difference of means


def standing_out(z, has):
    centred = z - z.mean(axis=0)
    return centred[has].mean(axis=0) - centred[~has].mean(axis=0)


ATTRIBUTE_VECTOR_RIGHT = {
    "the solution": attribute_vector,
    "a loop": counted,
    "weights": weighted,
    "a regression on yes and no": fitted,
    "centred first": standing_out,
    "np.where for rows": lambda z, has: z[np.where(has)[0]].mean(0) - z[np.where(~has)[0]].mean(0),
    "logical_not": lambda z, has: np.mean(z[has], 0) - np.mean(z[np.logical_not(has)], 0),
    "sums over counts": lambda z, has: z[has].sum(0) / has.sum() - z[~has].sum(0) / np.sum(~has),
}

ATTRIBUTE_VECTOR_WRONG = {
    "turned-round": lambda z, has: -fitted(z, has),
    "no-difference": lambda z, has: (z * has[:, None]).sum(0) / has.sum(),
    "against-all": lambda z, has: (z - z.mean(0))[has].mean(0),
    "sums": lambda z, has: has @ z - (~has) @ z,
    "over-everybody": lambda z, has: (has @ z - (~has) @ z) / len(z),
    "unit-length": lambda z, has: fitted(z, has) / np.sqrt((fitted(z, has) ** 2).sum()),
    "one-number": lambda z, has: fitted(z, has).mean(),
    "kept-axis": lambda z, has: z[has].mean(0, keepdims=True) - z[~has].mean(0, keepdims=True),
    "medians": lambda z, has: np.quantile(z[has], 0.5, axis=0) - np.quantile(z[~has], 0.5, axis=0),
    "in-deviations": lambda z, has: fitted(z / z.std(0), has),
    "middle": lambda z, has: (z[has].mean(0) + z[~has].mean(0)) / 2,
}


def factor_by_factor(z_a, f_a, f_b, w, W):
    z = z_a.copy()
    for k in range(len(w)):
        z += w[k] * np.outer(f_b[:, k] - f_a[:, k], W[k])
    return z


def face_by_face(z_a, f_a, f_b, w, W):
    return np.array([z + (q - p) @ np.diag(w) @ W for z, p, q in zip(z_a, f_a, f_b, strict=True)])


MIX_RIGHT = {
    "the solution": mix,
    "factor by factor": factor_by_factor,
    "face by face": face_by_face,
    "einsum": lambda z_a, f_a, f_b, w, W: z_a + np.einsum("bf,f,fl->bl", f_b - f_a, w, W),
    "weights on the directions": lambda z_a, f_a, f_b, w, W: z_a + (f_b - f_a) @ (w[:, None] * W),
    "new factors minus old": lambda z_a, f_a, f_b, w, W: z_a + ((1 - w) * f_a + w * f_b - f_a) @ W,
    "two products": lambda z_a, f_a, f_b, w, W: z_a - (w * f_a) @ W + (w * f_b) @ W,
}

MIX_WRONG = {
    "no-difference": lambda z_a, f_a, f_b, w, W: z_a + f_b @ (w[:, None] * W),
    "turned-round": lambda z_a, f_a, f_b, w, W: z_a - (w * f_b - w * f_a) @ W,
    "no-weights": lambda z_a, f_a, f_b, w, W: z_a + f_b @ W - f_a @ W,
    "weights-turned-round": lambda z_a, f_a, f_b, w, W: z_a + (f_b - f_a - w * (f_b - f_a)) @ W,
    "all-or-nothing": lambda z_a, f_a, f_b, w, W: z_a + np.round(w) * (f_b - f_a) @ W,
    "weights-as-shares": lambda z_a, f_a, f_b, w, W: z_a + (f_b - f_a) @ (w[:, None] * W) / np.sum(w),
    "face-lost": lambda z_a, f_a, f_b, w, W: (f_b - f_a) @ (w[:, None] * W),
    "built-from-factors": lambda z_a, f_a, f_b, w, W: (f_a + w * (f_b - f_a)) @ W,
    "mean-step": lambda z_a, f_a, f_b, w, W: z_a + (w * (f_b.mean(0) - f_a.mean(0))) @ W,
}

RIGHT = {"07/slerp": SLERP_RIGHT, "07/attribute-vector": ATTRIBUTE_VECTOR_RIGHT, "07/mix": MIX_RIGHT}
WRONG = {"07/slerp": SLERP_WRONG, "07/attribute-vector": ATTRIBUTE_VECTOR_WRONG, "07/mix": MIX_WRONG}
