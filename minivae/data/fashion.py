"""Fashion-MNIST: 70,000 pictures of clothes, of the form of MNIST, out of files of yours.

Source: Xiao, Rasul & Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking
machine learning algorithms".
"""

from pathlib import Path

from minivae.data.files import IdxFile, read
from minivae.data.mnist import Arrays, Folder, find
from minivae.errors import ConfigError, DataError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
FETCH = (
    "on Debian or Ubuntu: sudo apt install dataset-fashion-mnist; elsewhere give the folder that holds the four files "
    "of github.com/zalandoresearch/fashion-mnist, data/fashion: folder=..."
)
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")

# Images first, then labels. Each hash is of the decompressed IDX file: that of the authors and of Debian alike.
FILES = {
    "train": (
        IdxFile(
            "train-images-idx3-ubyte",
            "x_train",
            (60_000, 28, 28),
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "y_train",
            (60_000,),
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
    ),
    "test": (
        IdxFile(
            "t10k-images-idx3-ubyte",
            "x_test",
            (10_000, 28, 28),
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "y_test",
            (10_000,),
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
}


def load(split: str, folder: Folder, download: bool) -> Arrays:
    """All 60,000 training or 10,000 test images, and what each is, an index into `CLASSES`.

    Raises DataError if nothing is found or a file is damaged; ConfigError if a download is asked for.
    """
    if download:
        raise ConfigError(f'load: download is True, but "fashion" is not fetched by this package; {FETCH}')
    place = DEBIAN if folder is None else Path(folder).expanduser()
    try:
        found = find(place, FILES[split], whole=())
    except OSError as error:
        raise DataError(f'load: "fashion" was looked for in vain: {place} {error}; {FETCH}') from None
    images, labels = (array for path, files in found.items() for array in read(path, files, f"get it anew; {FETCH}"))
    return images, labels
