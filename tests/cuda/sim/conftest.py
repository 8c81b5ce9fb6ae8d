"""What the simulator's tests share: a cache of their own, and modules that are compiled once."""

import os
from functools import cache
from pathlib import Path

import pytest

from minivae.cuda import sim

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """Made anew for each run; where several processes share a run, they share it."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIVAE_CACHE", str((base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"))
        yield


@pytest.fixture(scope="session")
def planted():
    """The module of a file of planted bugs."""

    @cache
    def module(file, check=True):
        return sim.Module((HERE / "planted" / file).read_text(encoding="utf-8"), file, check=check)

    return module


@pytest.fixture(scope="session")
def compiled():
    """The module of a source, compiled once."""

    @cache
    def module(source, name="test.cu", check=False, options=()):
        return sim.Module(source, name, check=check, options=options)

    return module
