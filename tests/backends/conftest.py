"""Each test begins and ends on NumPy, with nothing noted."""

import pytest

from minivae import backend, checks
from tests import standin
from tests.backends.twins import NAMES


@pytest.fixture(autouse=True)
def back_to_numpy():
    yield
    checks.forget()
    backend.use("numpy")


@pytest.fixture
def sim():
    with backend.using("sim") as here:
        yield here


@pytest.fixture
def cupy():
    """The backend "cupy" on the stand-in."""
    with standin.installed(), backend.using("cupy") as here:
        yield here


@pytest.fixture
def gpu():
    """The backend "cupy" on a real GPU; only where `make check-gpu` has asked for it."""
    with backend.using("cupy") as here:
        yield here


@pytest.fixture(params=NAMES)
def kernels(request):
    """Each of the backends that launch kernels."""
    return request.getfixturevalue(request.param)
