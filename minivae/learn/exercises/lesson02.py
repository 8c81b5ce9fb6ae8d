"""Lesson 02, The spy's note: back through a bottleneck, the best flat note, and numbers of a few bits."""

from __future__ import annotations

import numpy as np

from minivae.learn.exercise import Exercise, Gradient, Misconception
from minivae.learn.inputs import Draw, Trial, follows, given, normal


def bottleneck_gradients(g, x, W1, b1, W2, b2):
    """Back through x_hat = (x @ W1 + b1) @ W2 + b2: g, x : (B, D) -> the gradients of W1, b1, W2, b2."""
    z = x @ W1 + b1
    g_z = g @ W2.T  # (B, L): what comes back through the bottleneck
    return x.T @ g_z, g_z.sum(axis=0), z.T @ g, g.sum(axis=0)


def _unfolded(x, W1, b1, W2, b2):
    return (x @ W1 + b1) @ W2 + b2


BOTTLENECK_GRADIENTS = Exercise(
    ref="02/bottleneck-gradients",
    solution=bottleneck_gradients,
    inputs=dict(g=normal("B D"), x=normal("B D"), W1=normal("D L"), b1=normal("L"), W2=normal("L D"), b2=normal("D")),
    returns=("g_W1 : (D, L)", "g_b1 : (L,)", "g_W2 : (L, D)", "g_b2 : (D,)"),
    gradient=Gradient(of=_unfolded, wrt=("W1", "b1", "W2", "b2"), g="g"),
    example=(
        [[1.0, 10.0]],
        [[2.0, 3.0]],
        [[1.0], [0.0]],
        [0.5],
        [[1.0, -1.0]],
        [0.0, 0.0],
    ),
    misconceptions=(
        Misconception(
            "order",
            "The gradients are right, and they stand in another order. Return `g_W1, g_b1, g_W2, g_b2`.",
            symptom="order",
        ),
        Misconception(
            "bias-not-in-the-note",
            "Your $z$ is `x @ W1`, without `b1`. The partner was handed the whole note, bias and all, and the gradient "
            "of `W2` uses what the partner was handed.",
            lambda g, x, W1, b1, W2, b2: (x.T @ (g @ W2.T), (g @ W2.T).sum(0), (x @ W1).T @ g, g.sum(0)),
        ),
        Misconception(
            "biases-averaged",
            "You average over the pictures where they have to be added. A bias is copied to every picture of the "
            "batch, and slips from copies add up: `sum(axis=0)`.",
            lambda g, x, W1, b1, W2, b2: (x.T @ (g @ W2.T), (g @ W2.T).mean(0), (x @ W1 + b1).T @ g, g.mean(0)),
        ),
        Misconception(
            "all-averaged",
            "You divide by the number of pictures. Whether the loss is a mean over the batch stands in `g` already, "
            "which comes from the loss; here nothing is divided.",
            lambda g, x, W1, b1, W2, b2: [part / len(x) for part in bottleneck_gradients(g, x, W1, b1, W2, b2)],
        ),
        Misconception(
            "doubled",
            "Yours are twice too large. The 2 of the squared error is in `g` already: `g` is the gradient at `x_hat`, "
            "whatever the loss was.",
            lambda g, x, W1, b1, W2, b2: [2 * part for part in bottleneck_gradients(g, x, W1, b1, W2, b2)],
        ),
        Misconception(
            "sign",
            "The sign is turned: yours point downhill. A gradient points uphill; the minus is in the update, `w -= "
            "step * g_w`.",
            lambda g, x, W1, b1, W2, b2: [-part for part in bottleneck_gradients(g, x, W1, b1, W2, b2)],
        ),
        Misconception(
            "through-the-encoder",
            "You bring `g` back to the note with `W1`, the spy's weights. It has to go back the way it came, through "
            "the partner's: `g @ W2.T`.",
            lambda g, x, W1, b1, W2, b2: (x.T @ (g @ W1), (g @ W1).sum(0), (x @ W1 + b1).T @ g, g.sum(0)),
        ),
        Misconception(
            "transposed",
            "Your gradients of the matrices are transposed. Each has the shape of its matrix: `W1` is (D, L), so its "
            "gradient is `x.T @ g_z`.",
            lambda g, x, W1, b1, W2, b2: ((g @ W2.T).T @ x, (g @ W2.T).sum(0), g.T @ (x @ W1 + b1), g.sum(0)),
        ),
        Misconception(
            "picture-for-note",
            "For the gradient of `W2` you use `x_hat` or `x` where the note belongs. Ask what was multiplied with "
            "`W2`: it was $z$, so the gradient is `z.T @ g`.",
            lambda g, x, W1, b1, W2, b2: (x.T @ (g @ W2.T), (g @ W2.T).sum(0), x.T @ g, g.sum(0)),
        ),
        Misconception(
            "unfolded-for-picture",
            "For the gradient of `W1` you use `x_hat` where the picture that went in belongs: `W1` was multiplied with "
            "`x`.",
            lambda g, x, W1, b1, W2, b2: (
                _unfolded(x, W1, b1, W2, b2).T @ (g @ W2.T),
                (g @ W2.T).sum(0),
                (x @ W1 + b1).T @ g,
                g.sum(0),
            ),
        ),
        Misconception(
            "one-picture-alone",
            "For the biases you keep the slip of one picture and drop the others. Every picture used the bias, so all "
            "their slips are added: `sum(axis=0)`.",
            lambda g, x, W1, b1, W2, b2: (x.T @ (g @ W2.T), (g @ W2.T)[-1], (x @ W1 + b1).T @ g, g[-1]),
        ),
    ),
    hints=(
        "Two layers, one behind the other, and each is a product and a bias. Begin at the end: what was multiplied "
        "with `W2`, and how many places was `b2` copied to?",
        r"The note $z$ was multiplied with `W2`, so compute it again. Then bring `g` back to the note: for $\hat{x} = "
        r"z W_2 + b_2$ that is `g_z = g @ W2.T`, (B, L). From there it is the same once more.",
        "`g_W2 = z.T @ g` and `g_b2 = g.sum(axis=0)`; with `g_z = g @ W2.T`, `g_W1 = x.T @ g_z` and `g_b1 = "
        "g_z.sum(axis=0)`.",
    ),
)


def pca(x, new, k):
    """Learn a plane from x and send new through it: (N, D), (M, D), k -> x_hat : (M, D), from k numbers each."""
    mean = x.mean(axis=0)
    _, _, V = np.linalg.svd(x - mean, full_matrices=False)
    z = (new - mean) @ V[:k].T  # (M, k)
    return z @ V[:k] + mean


def _plane(a, k):
    """The first k directions of a table, most important first: (N, D) -> (k, D)."""
    return np.linalg.svd(a, full_matrices=False)[2][:k]


def _through(new, V, mean):
    return (new - mean) @ V.T @ V + mean


def _uneven(t: Trial) -> np.ndarray:
    """Points around a mean far from 0, spread 8, 4, 2, 1 ... along directions that are no axes: all gaps are wide."""
    n, d = t.shape("N D")
    turned, _ = np.linalg.qr(t.rng.normal(size=(d, d)))
    flat, _ = np.linalg.qr(t.rng.normal(size=(n, d)))  # columns at right angles, so that the spreads stay as they are
    flat -= flat.mean(axis=0)
    return flat * 8.0 * 0.5 ** np.arange(d) @ turned + t.rng.normal(3, 1, size=d)


PCA = Exercise(
    ref="02/pca",
    solution=pca,
    inputs=dict(x=Draw(_uneven, "N D"), new=normal("M D", mean=3.0), k=given(2, 1, 3, 1, 2)),
    returns="x_hat : (M, D), each picture from k numbers",
    sizes={"N": (9, 8, 12, 7, 10), "D": (5, 4, 6, 3, 5), "M": (3, 2, 4, 1, 2)},
    example=([[0.0, 2.0], [4.0, 2.0], [2.0, 3.0], [2.0, 1.0]], [[4.0, 3.0]], 1),
    misconceptions=(
        Misconception(
            "no-mean",
            "You never subtract the mean. Then the first direction is spent on where the pictures lie, and the plane "
            "has to go through 0. Subtract the mean of `x`, and put it back at the end.",
            lambda x, new, k: new @ _plane(x, k).T @ _plane(x, k),
        ),
        Misconception(
            "mean-not-put-back",
            "You take the mean off and do not put it back: your pictures lie around 0. Add the mean at the end.",
            lambda x, new, k: _through(new, _plane(x - x.mean(0), k), x.mean(0)) - x.mean(0),
        ),
        Misconception(
            "mean-of-new",
            "You centre `new` with its own mean. The partner does not know it, and with a single picture it would be "
            "the picture itself. Use what was learnt: the mean of `x`, both times.",
            lambda x, new, k: _through(new, _plane(x - x.mean(0), k), new.mean(0)),
        ),
        Misconception(
            "new-not-centred",
            "You subtract the mean before you look for the directions, and then send `new` as it is. The plane goes "
            "through the mean: `(new - mean) @ V[:k].T`.",
            lambda x, new, k: new @ _plane(x - x.mean(0), k).T @ _plane(x - x.mean(0), k) + x.mean(0),
        ),
        Misconception(
            "neither-centred",
            "Only the directions know of the mean: you send `new` as it is and put no mean back. Subtract it from "
            "`new` before, and add it after.",
            lambda x, new, k: new @ _plane(x - x.mean(0), k).T @ _plane(x - x.mean(0), k),
        ),
        Misconception(
            "uncentred-directions",
            "You subtract the mean from `new`, but look for the directions in `x` as it is. Then the first of them "
            "points at the mean, where nothing is left: `svd(x - mean)`.",
            lambda x, new, k: _through(new, _plane(x, k), x.mean(0)),
        ),
        Misconception(
            "learnt-from-new",
            "You look for the plane in `new`. It has to be agreed on before: learn it from `x`.",
            lambda x, new, k: _through(new, _plane(new - new.mean(0), k), new.mean(0)),
        ),
        Misconception(
            "last-rows",
            "You take the last rows of `V`, the directions in which pictures vary *least*. `svd` puts the most "
            "important first: `V[:k]`.",
            lambda x, new, k: _through(new, _plane(x - x.mean(0), x.shape[1])[::-1][:k], x.mean(0)),
        ),
        Misconception(
            "columns",
            "You take columns of `V`. NumPy returns it with a direction in each *row* (it is often written $V^T$): "
            "`V[:k]`.",
            lambda x, new, k: _through(new, _plane(x - x.mean(0), x.shape[1]).T[:k], x.mean(0)),
        ),
        Misconception(
            "one-row-alone",
            "You use row number k alone. `V[:k]`, with a colon, are the first k rows.",
            lambda x, new, k: _through(new, _plane(x - x.mean(0), k + 1)[k:], x.mean(0)),
        ),
        Misconception(
            "one-too-many",
            "You keep one direction too many: `V[:k]` are k rows, and `k + 1` is not wanted.",
            lambda x, new, k: _through(new, _plane(x - x.mean(0), k + 1), x.mean(0)),
        ),
        Misconception(
            "whitened",
            "You divide by the singular values and do not multiply by them again. They are not needed: send `z = (new "
            "- mean) @ V[:k].T`, and unfold with the same rows.",
            lambda x, new, k: _whitened(x, new, k),
        ),
        Misconception(
            "standardised",
            "You divide every pixel by its standard deviation. Then the plane is another: one that takes a pixel at "
            "the margin as seriously as one in the middle. Subtract the mean, and no more.",
            lambda x, new, k: (
                _through((new - x.mean(0)) / x.std(0), _plane((x - x.mean(0)) / x.std(0), k), 0) * x.std(0) + x.mean(0)
            ),
        ),
        Misconception(
            "note-alone",
            "That is the note, k numbers for each picture. Unfold it: times `V[:k]`, plus the mean.",
            lambda x, new, k: (new - x.mean(0)) @ _plane(x - x.mean(0), k).T,
        ),
    ),
    hints=(
        "Three steps: learn the plane from `x`, fold `new` into k numbers, unfold them. The plane goes through the "
        "mean of `x`, so every step begins or ends with that mean.",
        "`V[:k]` holds k directions of length 1, at right angles to each other, one in each row. How far a picture "
        "reaches along one of them is a product with that row.",
        "`mean = x.mean(axis=0)`, `V` from `svd(x - mean, full_matrices=False)`, then `z = (new - mean) @ V[:k].T` and "
        "`x_hat = z @ V[:k] + mean`.",
    ),
)


def _whitened(x, new, k):
    _, S, V = np.linalg.svd(x - x.mean(0), full_matrices=False)
    return (new - x.mean(0)) @ V[:k].T / S[:k] @ V[:k] + x.mean(0)


def quantise(z, low, high, bits):
    """Round z to the nearest of 2**bits levels from low to high, both included: (B, L), (L,), (L,), bits -> (B, L)."""
    steps = 2**bits - 1
    number = np.rint((z - low) / (high - low) * steps).clip(0, steps)  # what is sent: 0 to 2**bits - 1
    return low + number * (high - low) / steps


def _levels(z, low, high, steps, rounded=np.rint, last=None):
    number = rounded((z - low) / (high - low) * steps).clip(0, steps if last is None else last)
    return low + number * (high - low) / steps


QUANTISE = Exercise(
    ref="02/quantise",
    solution=quantise,
    # Some numbers of each column lie outside its range; no range begins at 0 or has the length 1.
    inputs=dict(
        z=normal("B L", std=2.0),
        low=Draw(lambda t: t.rng.uniform(-2.5, -1.5, t.shape("L")), "L"),
        high=follows(lambda low: low + 2.2 + 1.7 * np.arange(1, 1 + len(low)) ** 0.5),
        bits=given(2, 3, 1, 2, 4),
    ),
    returns="z_hat : (B, L), each number on a level",
    sizes={"B": (8, 4, 6, 3, 5), "L": (3, 2, 4, 1, 2)},
    example=([[-1.0, 0.2, 0.9, 5.0]], [0.0, 0.0, 0.0, 0.0], [3.0, 3.0, 3.0, 3.0], 2),
    misconceptions=(
        Misconception(
            "levels-for-steps",
            r"You divide the range into $2^n$ steps. That many levels have one step *fewer* between them: with 2 bits, "
            "four levels and three steps. With your steps the level at `high` cannot be sent.",
            lambda z, low, high, bits: _levels(z, low, high, 2**bits, last=2**bits - 1),
        ),
        Misconception(
            "one-level-too-many",
            r"You have $2^n + 1$ levels, from 0 to $2^n$: one more than n bits can number. Divide the range into $2^n "
            "- 1$ steps.",
            lambda z, low, high, bits: _levels(z, low, high, 2**bits),
        ),
        Misconception(
            "rounded-down",
            "You cut off (`floor`, `astype(int)`, `//`) where you should round. Then every number comes out too low, "
            "by half a step on average: `np.rint`.",
            lambda z, low, high, bits: _levels(z, low, high, 2**bits - 1, rounded=np.floor),
        ),
        Misconception(
            "middle-of-the-cell",
            r"You cut the range into $2^n$ cells and send the middle of each: a sound way, too. Here the first and the "
            "last level lie at `low` and `high` themselves.",
            lambda z, low, high, bits: (
                low + (np.floor((z - low) / (high - low) * 2**bits).clip(0, 2**bits - 1) + 0.5) * (high - low) / 2**bits
            ),
        ),
        Misconception(
            "not-clipped",
            "What lies outside `low` to `high` goes to levels that do not exist: n bits have no number for them. "
            "`clip` before or after you round.",
            lambda z, low, high, bits: (
                low + np.rint((z - low) / (high - low) * (2**bits - 1)) * (high - low) / (2**bits - 1)
            ),
        ),
        Misconception(
            "number-of-the-level",
            "You return the number of the level, 0 to $2^n - 1$. That is what is sent; the partner reads it back: `low "
            "+ number * (high - low) / steps`.",
            lambda z, low, high, bits: np.rint((z - low) / (high - low) * (2**bits - 1)).clip(0, 2**bits - 1),
        ),
        Misconception(
            "left-in-the-unit-range",
            "Your numbers lie between 0 and 1. Stretch them back to the range: times `high - low`, plus `low`.",
            lambda z, low, high, bits: (_levels(z, low, high, 2**bits - 1) - low) / (high - low),
        ),
        Misconception(
            "low-not-put-back",
            "You subtract `low` and do not add it again at the end, so all is shifted.",
            lambda z, low, high, bits: _levels(z, low, high, 2**bits - 1) - low,
        ),
        Misconception(
            "bits-for-levels",
            r"You use the number of bits as the number of levels. n bits can number $2^n$ levels.",
            lambda z, low, high, bits: _levels(z, low, high, bits),
        ),
        Misconception(
            "one-bit-lost",
            r"You have $2^{n-1}$ steps, half of what n bits allow: they number $2^n$ levels, with $2^n - 1$ steps "
            "between. (One is taken from the number of levels, not from the number of bits.)",
            lambda z, low, high, bits: _levels(z, low, high, 2 ** (bits - 1)),
        ),
        Misconception(
            "only-clipped",
            "You clip, and do not round: what you return still has all its digits.",
            lambda z, low, high, bits: np.clip(z, low, high),
        ),
        Misconception(
            "decimals",
            "You round to a number of decimals. Levels lie on a grid from `low` to `high`: scale to it first, round, "
            "scale back.",
            lambda z, low, high, bits: np.clip(np.round(z, bits), low, high),
        ),
        Misconception(
            "one-range-for-all",
            "You use one range for all numbers of the note, the lowest `low` and the highest `high`. Each number has "
            "its own: `low` and `high` are (L,), and broadcasting does the rest.",
            lambda z, low, high, bits: _levels(z, low.min(), high.max(), 2**bits - 1),
        ),
        Misconception(
            "range-of-the-batch",
            "You take the range from `z` itself. The partner does not know it, and it changes with every batch: use "
            "`low` and `high`.",
            lambda z, low, high, bits: _levels(z, z.min(0), z.max(0), 2**bits - 1),
        ),
    ),
    hints=(
        "First scale: where does `z` lie between `low` (0) and `high` (1)? And how many *steps* are there between "
        r"$2^n$ levels?",
        r"There are `steps = 2**bits - 1`. The number of the level is `(z - low) / (high - low) * steps`, rounded, and "
        "kept between 0 and `steps`.",
        "`number = np.rint((z - low) / (high - low) * steps).clip(0, steps)`, and back: `low + number * (high - low) / "
        "steps`.",
    ),
)

EXERCISES = (BOTTLENECK_GRADIENTS, PCA, QUANTISE)
