"""What every array of images must be, and the two ways to make it black and white."""

import numpy as np
from numpy.typing import NDArray

from minivae.errors import ConfigError, DataError, DtypeError, ShapeError


def check_images(x: NDArray, who: str, shape: tuple[int, ...] | None = None) -> NDArray[np.float32]:
    """Check at the boundary that `x` is images as the models want them, so that nothing need be checked further in.

    Parameters
    ----------
    x : (N, D) or (N, *shape) ndarray of any float dtype
        Intensities in [0, 1]. Another dtype than float32 is converted; integers are refused, since whether they mean
        0 to 255 or 0 to 1 is not for us to guess.
    who : str
        Who asks; opens the error message.
    shape : tuple of int, optional
        That of one image; without it any number of pixels in a row will do.

    Returns
    -------
    float32, C-contiguous, of the shape of x
        `x` itself where it is so already: do not write to it.

    Raises
    ------
    DtypeError
        If `x` is no ndarray, or not of floats.
    ShapeError
        If images are not rows, or not of `shape`.
    DataError
        If `x` is empty, or any value is NaN, infinite or outside [0, 1].
    """
    check_floats(x, who)
    if x.shape[1:] != shape and not (shape is None and x.ndim == 2):
        wanted = "N, D" if shape is None else ", ".join(map(str, ("N", *shape)))
        raise ShapeError(f"{who}: x is of shape {x.shape}, but ({wanted}) is wanted; {_reshaped(x, shape)}")
    if not x.size:
        raise DataError(
            f"{who}: x is empty, of shape {x.shape}, but at least one image is wanted; look how x was selected"
        )
    with np.errstate(over="ignore"):  # becomes infinite, and is reported below
        x = np.ascontiguousarray(x, np.float32)
    check_range(x, who)
    return x


def _reshaped(x: NDArray, shape: tuple[int, ...] | None) -> str:
    """What to do about images that are not of the shape wanted."""
    if shape is not None and len(shape) > 1:
        return f"minivae.models.padded(x, {shape[-1]}) makes such images of smaller ones, and of rows of pixels"
    if x.ndim != 2:
        return "use x.reshape(1, -1)" if x.ndim < 2 else "use x.reshape(len(x), -1)"
    return f"take images of {shape and shape[0]} pixels, or a model made for {x.shape[1]}"


def binarize(x: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw each pixel as 1 with probability `x`, else 0: dynamic binarisation, where each call draws anew.

    Source: Salakhutdinov & Murray 2008; Burda, Grosse & Salakhutdinov 2015.

    Parameters
    ----------
    x : ndarray of floats in [0, 1], of any shape
    rng : numpy.random.Generator
        Its state determines the result; one draw is taken for each pixel.

    Returns
    -------
    ndarray of float32, of the shape of `x`
        0 and 1 only. A probability is met to 2**-24, the step of the uniform draws; 0 and 1 exactly.

    Raises
    ------
    DtypeError
        If `x` is no ndarray of floats.
    DataError
        If any value is NaN or outside [0, 1].
    ConfigError
        If `rng` is no Generator.
    """
    check_floats(x, "binarize")
    check_range(x, "binarize")
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(
            f"binarize: rng is {rng!r}, but a numpy.random.Generator is wanted; make one with np.random.default_rng(0)"
        )
    return (rng.random(x.shape, np.float32) < x).astype(np.float32)


def threshold(x: NDArray[np.floating]) -> NDArray[np.float32]:
    """1 where `x` > 0.5, else 0: fixed binarisation. Of any shape, and raises as `binarize` does."""
    check_floats(x, "threshold")
    check_range(x, "threshold")
    return (x > 0.5).astype(np.float32)


def check_floats(x: NDArray, who: str) -> None:
    if not isinstance(x, np.ndarray):
        raise DtypeError(
            f"{who}: x is a {type(x).__name__}, but a NumPy array is wanted; use np.asarray(x, dtype=np.float32)"
        )
    if x.dtype == np.uint8:
        raise DtypeError(
            f"{who}: x is uint8, 0 to 255, but float32 in [0, 1] is wanted; use x.astype(np.float32) / 255"
        )
    if not np.issubdtype(x.dtype, np.floating):
        raise DtypeError(
            f"{who}: x is {x.dtype}, but float32 in [0, 1] is wanted; "
            "use x.astype(np.float32), and divide by the largest value possible"
        )


def check_range(x: NDArray[np.floating], who: str) -> None:
    # min and max pass a NaN on, so a good array costs two reductions and no temporary array.
    if not x.size or (x.min() >= 0 and x.max() <= 1):
        return
    bad = ~np.isfinite(x)
    if bad.any():
        first = np.argwhere(np.atleast_1d(bad))[0, 0]
        raise DataError(
            f"{who}: x has {bad.sum()} of {x.size} values NaN or infinite, the first in image {first}, "
            "but all must lie in [0, 1]; look there for what made it, such as a division by zero"
        )
    # Nine digits tell any two float32 values apart, so that 1.00000012 is not reported as 1.
    raise DataError(
        f"{who}: x is from {x.min():.9g} to {x.max():.9g}, but [0, 1] is wanted; "
        "divide bytes by 255, clip what rounding pushed over the edge with np.clip(x, 0, 1)"
    )
