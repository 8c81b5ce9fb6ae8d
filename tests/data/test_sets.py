import subprocess
import sys

import numpy as np
import pytest

from minivae.data import load, mnist
from minivae.errors import ConfigError, DataError

COUNTS = {  # how many of each digit
    "train": [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978],
    "test": [175, 234, 219, 207, 217, 179, 178, 205, 192, 194],
}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_embedded_set_has_the_promised_form(split):
    x, y = load("mnist-small", split)
    assert x.shape == (sum(COUNTS[split]), 784) and y.shape == (len(x),)
    assert x.dtype == np.float32 and y.dtype == np.int64 and x.flags.c_contiguous
    assert x.min() == 0 and x.max() == 1
    assert np.bincount(y).tolist() == COUNTS[split]


def test_the_images_stand_upright_and_in_order():
    x, y = load("mnist-small")
    assert y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    one = x[3].reshape(28, 28)
    assert (one > 0.5).any(axis=1).sum() > (one > 0.5).sum(axis=1).max()  # taller than any of its strokes is wide


def test_every_grey_value_is_an_exact_multiple_of_a_255th():
    x, _ = load("mnist-small", "test")
    assert np.array_equal(x, np.round(x * 255) / np.float32(255))


def test_what_is_loaded_may_be_written_to_without_changing_the_next_load():
    x, y = load("mnist-small", "test")
    x[:] = 0
    y[:] = 0
    again, labels = load("mnist-small", "test")
    assert again.any() and labels.any()


def test_a_damaged_embedded_file_asks_for_a_new_installation(tmp_path, monkeypatch):
    content = bytearray(mnist.EMBEDDED.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "mnist_12k.npz").write_bytes(content)
    monkeypatch.setattr(mnist, "EMBEDDED", tmp_path / "mnist_12k.npz")
    with pytest.raises(DataError, match=r"mnist_12k\.npz: .*; install minivae anew"):
        load("mnist-small")


@pytest.mark.parametrize("name", ["mnst", "MNIST", "", None, 3, ["mnist"]])
def test_an_unknown_set_is_refused_with_a_list_of_those_that_exist(name):
    with pytest.raises(ConfigError, match=r"set is .*, but there are only faces, fashion, mnist, mnist-small, orl"):
        load(name)


def test_the_nearest_name_is_suggested():
    with pytest.raises(ConfigError, match='did you mean "mnist-small"'):
        load("mnist_small")
    with pytest.raises(ConfigError, match='did you mean "train"'):
        load("mnist-small", "training")


def test_an_unknown_split_is_refused_with_a_list_of_those_that_exist():
    with pytest.raises(ConfigError, match="split is 'valid', but there are only train, test"):
        load("mnist-small", "valid")


def test_a_folder_for_the_embedded_set_is_refused_and_not_ignored(tmp_path):
    with pytest.raises(ConfigError, match='"mnist-small" is embedded; leave folder out, or load "mnist"'):
        load("mnist-small", folder=tmp_path)


def test_importing_the_package_needs_numpy_alone():
    code = (
        "import sys, numpy.random; before = set(sys.modules); import minivae.data; "
        "print({m.split('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names - {'numpy'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'minivae'}"
