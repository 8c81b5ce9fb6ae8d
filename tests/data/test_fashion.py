"""Fashion-MNIST: found where Debian puts it or in a folder, and verified as MNIST is."""

import numpy as np
import pytest

from minivae.data import fashion, load
from minivae.errors import ConfigError, DataError

from . import tiny


@pytest.fixture
def clothes(tmp_path, monkeypatch):
    """A set of eight images where Debian would put it."""
    monkeypatch.setattr(fashion, "FILES", tiny.FILES)
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path)
    return tmp_path


@pytest.mark.parametrize("write", [tiny.write_plain, tiny.write_gzip])
@pytest.mark.parametrize("split", ["train", "test"])
def test_it_is_read_from_both_places(clothes, write, split):
    write(clothes)
    images, labels = tiny.ARRAYS[split]
    for folder in (None, clothes):
        x, y = load("fashion", split, folder=folder)
        assert np.array_equal(np.rint(x * 255).reshape(images.shape), images) and np.array_equal(y, labels)


def test_digits_do_not_pass_for_clothes(tmp_path, monkeypatch):
    from minivae.data.mnist_files import FILES

    assert {file.name for split in fashion.FILES.values() for file in split} == {
        file.name for split in FILES.values() for file in split
    }
    monkeypatch.setattr(fashion, "FILES", tiny.FILES)
    other = bytearray(tiny.RAW["train-images-idx3-ubyte"])
    other[100] ^= 1
    tiny.write_gzip(tmp_path, tiny.RAW | {"train-images-idx3-ubyte": bytes(other)})
    with pytest.raises(DataError, match=r"has the sha256 .* is wanted; get it anew; on Debian or Ubuntu: sudo apt"):
        load("fashion", folder=tmp_path)


def test_not_found_says_what_lacks_and_how_to_get_it(clothes):
    with pytest.raises(DataError) as caught:
        load("fashion")
    text = str(caught.value)
    assert text.startswith(f'load: "fashion" was looked for in vain: {clothes} has no train-images-idx3-ubyte and no ')
    assert "sudo apt install dataset-fashion-mnist" in text and "npz" not in text
    with pytest.raises(DataError, match="nowhere does not exist"):
        load("fashion", folder=clothes / "nowhere")


def test_an_archive_of_digits_is_not_asked_for_clothes(clothes):
    tiny.write_npz(clothes)
    tiny.write_tarball(clothes)
    with pytest.raises(DataError, match="has no train-images-idx3-ubyte"):
        load("fashion")
    with pytest.raises(DataError, match=r"mnist\.npz is none of the files that hold it: train-images-idx3-ubyte"):
        load("fashion", folder=clothes / "mnist.npz")


def test_a_download_is_refused():
    with pytest.raises(ConfigError, match=r'"fashion" is not fetched by this package; on Debian'):
        load("fashion", download=True)


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_real_set_has_as_many_of_each_kind(split):
    if not fashion.DEBIAN.is_dir():
        pytest.skip("Fashion-MNIST is not at hand; apt install dataset-fashion-mnist")
    x, y = load("fashion", split)
    assert x.shape[1] == 784 and set(np.bincount(y)) == {len(x) // len(fashion.CLASSES)}
