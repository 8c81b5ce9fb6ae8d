"""How strongly each factor of the synthetic faces shows in the pixels, and how to read it back out of them."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from minivae.data.faces import FACTORS, NAMES, SIZE, draw, draw_factors
from minivae.errors import ConfigError, ShapeError


def shares(n: int, size: int = SIZE, *, rng: np.random.Generator) -> dict[str, float]:
    """Each factor's share of the variance of all pixels: what is lost if it is not known, though all others are.

    Half the mean squared change of the picture as one factor is drawn anew, over the variance. The shares add up to
    more than 1 where factors act together: the tone of hair matters more, the longer the hair.
    Source: Jansen 1999, equation 11: the total effect; summed over pixels.

    Parameters
    ----------
    n : int
        Faces drawn for each factor; 500 give two digits.
    size : int
        Pixels, 16 to 128.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        Factor to share.

    Raises
    ------
    ConfigError
        If `n` is below 2, or as `faces` does.
    """
    if n < 2:
        raise ConfigError(f"shares: n is {n}, but 2 or more faces, better 500, are wanted for a variance")
    first, second = draw_factors(n, rng), draw_factors(n, rng)
    x = draw(first, size)
    total = x.var(axis=0, dtype=np.float64).sum()
    found = {}
    for k, name in enumerate(NAMES):
        changed = first.copy()
        changed[:, k] = second[:, k]
        change = draw(changed, size) - x
        found[name] = float(np.square(change, dtype=np.float64).sum() / (2 * n * total))
    return found


def reader(
    x: NDArray[np.floating], factors: NDArray[np.floating], ridge: float = 1.0
) -> Callable[[NDArray[np.floating]], NDArray[np.float64]]:
    """A linear regression from pixels to factors, which tells what a reconstructed or blended face shows.

    Parameters
    ----------
    x : (N, D) or (N, H, W) pictures to learn from.
    factors : (N, F) what they show.
    ridge : weight of the squared coefficients, against noise in pixels that say nothing.

    Returns
    -------
    function
        (M, D) or (M, H, W) pictures to (M, F) factors.

    Raises
    ------
    ShapeError
        If there is not one row of factors for each picture.
    """
    if len(x) != len(factors) or len(x) == 0:
        raise ShapeError(f"reader: got {len(x)} pictures and {len(factors)} rows of factors; wanted as many, and some")
    flat = x.reshape(len(x), -1).astype(np.float64)  # (N, D)
    centre, middle = flat.mean(axis=0), factors.mean(axis=0, dtype=np.float64)
    flat -= centre
    gram = flat.T @ flat
    gram[np.diag_indices_from(gram)] += ridge
    weights = np.linalg.solve(gram, flat.T @ (factors - middle))  # (D, F)
    return lambda pictures: (pictures.reshape(len(pictures), -1) - centre) @ weights + middle


def correlations(a: NDArray[np.floating], b: NDArray[np.floating]) -> dict[str, float]:
    """Pearson's r of each factor between (N, F) and (N, F); NaN where one of them does not vary."""
    p, q = (v - v.mean(axis=0, dtype=np.float64) for v in (a, b))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (p * q).sum(axis=0) / np.sqrt((p * p).sum(axis=0) * (q * q).sum(axis=0))
    return dict(zip(NAMES, map(float, r), strict=True))


def strangeness(
    pictures: NDArray[np.floating], read: Callable[[NDArray[np.floating]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """How far each picture is from the face that has the factors read in it: small for a face, large for a ghost.

    The reader alone cannot tell: being linear, in the average of two pictures it reads the average of their factors,
    though what is there is two faces laid over each other.

    Parameters
    ----------
    pictures : (N, D) or (N, H, W) square pictures.
    read : what `reader` returned.

    Returns
    -------
    (N,) root mean square differences of pixels.
    """
    low, high = (np.array([getattr(factor, end) for factor in FACTORS]) for end in ("low", "high"))
    size = math.isqrt(pictures[0].size)
    again = draw(np.clip(read(pictures), low, high), size).reshape(len(pictures), -1)
    return np.sqrt(np.square(pictures.reshape(len(pictures), -1) - again, dtype=np.float64).mean(axis=1))
