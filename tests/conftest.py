"""What several files of tests use: the command line in an empty folder, and data sets cut short."""

import shutil
import sys

import numpy as np
import pytest
from rich.console import Console

from minivae import data
from minivae.cli import base, main, train
from minivae.data import faces
from minivae.train import fit
from tests.small import digits, tiny_vae


@pytest.fixture
def minivae(monkeypatch, capsys, tmp_path):
    """Runs `minivae ...` in an empty folder; returns its status, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")  # so that no line of a usage error is broken, nor of a table
    monkeypatch.setattr(base, "console", Console(width=200))
    monkeypatch.delenv("MINIVAE_DATA", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["minivae", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return end.value.code or 0, out, err

    return call


@pytest.fixture
def few_digits(monkeypatch):
    """mnist-small with 300 training and 100 test images: where the number does not matter."""

    def load(name, split, **_):
        x, y = whole(name, split)
        n = {"train": 300, "test": 100}[split]
        return x[:n], y[:n]

    whole = data.load
    monkeypatch.setattr(data, "load", load)


@pytest.fixture
def few_faces(monkeypatch):
    monkeypatch.setattr(faces, "TRAIN", 300)
    monkeypatch.setattr(faces, "TEST", 100)


@pytest.fixture
def no_pictures(monkeypatch):
    """They take the greater part of the time: for tests of something else."""
    monkeypatch.setattr(train, "pictures", lambda *_: ())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run: a VAE with two latents, and its folder."""
    folder = tmp_path_factory.mktemp("run") / "vae"
    model = tiny_vae(x_dim=784, hidden=16)
    fit(model, digits(300), digits(100, "test"), epochs=1, rng=np.random.default_rng(0), data="mnist-small", out=folder)
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of the finished run, to be changed."""
    return shutil.copytree(finished, tmp_path / "copy")
