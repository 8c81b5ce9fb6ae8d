"""What the simulator's tests share: a cache of their own, and modules that are compiled once."""

from functools import cache
from pathlib import Path

import pytest

from minivae.cuda import sim

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """Beside the folders of all workers of this run, so that they compile each file once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIVAE_CACHE", str(tmp_path_factory.getbasetemp().parent / "minivae-cache"))
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
    """The module of a source, compiled once in a session."""

    @cache
    def module(source, name="test.cu", check=False, options=()):
        return sim.Module(source, name, check=check, options=options)

    return module
