"""Fixtures of the tests of `minivae.data`."""

import pytest

from minivae.data import mnist

from . import tiny


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A user's machine that holds no data, and "mnist" of eight images; the path is the home of all its folders."""
    monkeypatch.setattr(mnist, "FILES", tiny.FILES)
    monkeypatch.setattr(mnist, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.delenv("MINIVAE_DATA", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path
