"""Synthetic faces: drawn by the code here, of nobody, with every factor known.

A set whose causes are numbers: how much it smiles, how long its hair is. So what a model makes of a smile can be
measured, not only looked at. Factors are what can be drawn and nothing more; a beard, long hair and any other style go
with each other freely, since each factor is drawn by itself.

`python -m minivae.data.faces_sheet faces.png` makes a picture of all factors.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from minivae.data.faces_paint import paint
from minivae.errors import ConfigError, DataError, ShapeError

SIZES = range(16, 129)
SIZE, TRAIN, TEST = 32, 10_000, 2_000  # of load("faces")
SEEDS = {"train": 2013, "test": 2014}


class Factor(NamedTuple):
    """One way in which faces differ. Values are drawn evenly from `low` to `high`, and left at 0 with chance `none`."""

    name: str
    low: float
    high: float
    usual: float
    none: float
    meaning: str


FACTORS = (
    Factor("smile", -1, 1, 0.0, 0, "-1 frowns, 0 a straight mouth, 1 laughs"),
    Factor("brow", -1, 1, 0.0, 0, "-1 drawn down and together, 1 raised"),
    Factor("beard", 0, 1, 0.0, 0.5, "0 none, 0.5 short, 1 full"),
    Factor("hair", 0, 1, 0.35, 0, "0 cropped, 0.35 to the ears, 1 over the shoulders"),
    Factor("glasses", 0, 1, 0.0, 0.6, "0 none, 0.3 a thin wire, 1 heavy black rims"),
    Factor("width", 0, 1, 0.5, 0, "0 a narrow head, 1 a wide one"),
    Factor("eyes", 0, 1, 0.5, 0, "0 narrow, 1 wide open"),
    Factor("skin", 0, 1, 0.6, 0, "0 dark, 1 light"),
    Factor("tone", 0, 1, 0.3, 0, "hair, brows and beard: 0 black, 1 fair"),
    Factor("turn", -1, 1, 0.0, 0, "-1 looks to the left of the picture, 1 to the right"),
    Factor("tilt", -1, 1, 0.0, 0, "the head leans: -1 to the left of the picture, 1 to the right, by 4 degrees"),
)
NAMES = tuple(factor.name for factor in FACTORS)
BATCH = 2**16  # pixels painted at a time: their arrays stay in cache

# Faces to begin with; `face(**PEOPLE[...])`.
PEOPLE: dict[str, dict[str, float]] = {
    "usual": {},
    "smiling bearded": dict(smile=0.9, brow=0.4, beard=0.9, hair=0.1),
    "frowning long-haired": dict(smile=-0.9, brow=-0.8, hair=0.9, tone=0.6, eyes=0.6),
    "laughing with glasses": dict(smile=1, brow=0.6, glasses=0.8, hair=0.15, tone=0.9, width=0.8),
    "worried": dict(smile=-0.5, brow=0.9, hair=0.6, eyes=0.9, skin=0.9),
}


def face(**values: float) -> NDArray[np.float32]:
    """The factors of one synthetic face: those given, and the rest as usual.

    `draw(face(smile=1, beard=0.8))` is a picture of it; `face(**PEOPLE["worried"])` one that has a name.

    Returns
    -------
    (F,) float32, in the order of `FACTORS`.

    Raises
    ------
    ConfigError
        For a factor that does not exist.
    DataError
        For a value outside the factor's range.
    """
    if unknown := [name for name in values if name not in NAMES]:
        raise ConfigError(f"face: there is no factor {unknown[0]!r}; there are {', '.join(NAMES)}")
    row = np.array([[values.get(factor.name, factor.usual) for factor in FACTORS]], np.float32)
    return check_factors(row, "face")[0]


def draw_factors(n: int, rng: np.random.Generator, **held: float) -> NDArray[np.float32]:
    """Factors of `n` synthetic faces, each factor by itself: (n, F) float32. The first of many are those of few.

    `held` gives factors that all faces share; the others are drawn as without it. Raises ConfigError if `n` is no
    number of faces, `rng` no Generator, or a factor does not exist; DataError if a held one is outside its range.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
        raise ConfigError(f"faces: n is {n!r}, but a number of faces, 0 or more, is wanted")
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(
            f"faces: rng is {rng!r}, but a numpy.random.Generator is wanted; make one with np.random.default_rng(0)"
        )
    u = rng.random((n, 2, len(FACTORS)), np.float32)
    low, high, none = (np.array([getattr(f, key) for f in FACTORS], np.float32) for key in ("low", "high", "none"))
    drawn = np.where(u[:, 1] < none, np.float32(0), low + (high - low) * u[:, 0])
    shared = face(**held)
    return np.where(np.array([name in held for name in NAMES]), shared, drawn).astype(np.float32)


def faces(
    n: int, size: int = SIZE, *, rng: np.random.Generator, **held: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`n` synthetic faces, and the factors they were drawn from.

    The same state of `rng` gives the same bits on every machine.

    Parameters
    ----------
    n : int
    size : int
        Height and width in pixels, 16 to 128.
    rng : numpy.random.Generator
        Draws the factors; nothing else is random.
    **held : float
        Factors that all faces share: `faces(100, turn=0, tilt=0, rng=rng)` look straight ahead.

    Returns
    -------
    images : (n, size, size) float32
        Intensities in [0, 1]; 0 is black.
    factors : (n, F) float32
        One column for each of `FACTORS`.

    Raises
    ------
    ConfigError
        For a size, number or factor that cannot be had, or an `rng` that is no Generator.
    DataError
        If a held factor is outside its range.
    """
    check_size(size)
    factors = draw_factors(n, rng, **held)
    return draw(factors, size), factors


def draw(factors: NDArray[np.floating], size: int = SIZE) -> NDArray[np.float32]:
    """Draw synthetic faces.

    Parameters
    ----------
    factors : (F,) or (N, F) ndarray of floats
        One column for each of `FACTORS`, within its range.
    size : int
        Height and width in pixels, 16 to 128.

    Returns
    -------
    (size, size) or (N, size, size) float32
        Intensities in [0, 1]. A face is the same alone and among others.

    Raises
    ------
    ConfigError
        For a size outside the range.
    ShapeError
        If `factors` has another number of axes or columns.
    DataError
        If a factor is NaN or outside its range.
    """
    check_size(size)
    factors = np.asarray(factors, np.float32)
    if factors.ndim == 1:
        return draw(factors[None], size)[0]
    check_factors(factors, "draw")
    # Small faces are painted at twice the size: thin lines would fall between the middles of large pixels.
    fine = size if size >= 28 else 2 * size
    step = max(BATCH // fine**2, 1)
    images = np.empty((len(factors), size, size), np.float32)
    for start in range(0, len(factors), step):
        part = paint(factors[start : start + step], fine)
        if fine != size:
            part = part[:, ::2] + part[:, 1::2]
            part = (part[:, :, ::2] + part[:, :, 1::2]) / 4
        images[start : start + step] = part
    return images


def load(split: str, folder: object, download: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """10,000 faces to train on or 2,000 to test on, at 32 pixels, drawn with the seeds in `SEEDS`, and their factors.

    Raises ConfigError if a folder is given, since none is read.
    """
    if folder is not None:
        raise ConfigError(f'load: folder is {str(folder)!r}, but "faces" are drawn and not read; leave folder out')
    return faces({"train": TRAIN, "test": TEST}[split], rng=np.random.default_rng(SEEDS[split]))


def check_size(size: int) -> None:
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or size not in SIZES:
        raise ConfigError(
            f"faces: size is {size!r}, but a whole number of pixels from {SIZES[0]} to {SIZES[-1]} is wanted"
        )


def check_factors(factors: NDArray[np.float32], who: str) -> NDArray[np.float32]:
    """Return `factors` if all are within their ranges."""
    if factors.ndim != 2 or factors.shape[1] != len(FACTORS):
        raise ShapeError(
            f"{who}: factors are of shape {factors.shape}, but (N, {len(FACTORS)}), a column for each of "
            f"{', '.join(NAMES)}, is wanted; make a row with face(smile=1, ...)"
        )
    for column, factor in zip(factors.T, FACTORS, strict=True):
        good = (column >= factor.low) & (column <= factor.high)  # said so that NaN fails
        if not good.all():
            first = int(np.argmin(good))
            raise DataError(
                f"{who}: {factor.name} of face {first} is {column[first]:.9g}, but {factor.low:g} to {factor.high:g} "
                "is wanted; clip what rounding or an extrapolation pushed over the edge"
            )
    return factors
