"""What reaches CuPy, on a stand-in of a few lines: the module gets the file, the function gets NumPy scalars."""

from types import SimpleNamespace

import numpy as np
import pytest

from minivae.cuda import GPU, find, launch, using
from minivae.errors import BackendError, ShapeError


class Array:
    """As much of a CuPy array as the launcher looks at."""

    def __init__(self, *shape, address=4096):
        like = np.empty(shape, "float32")
        self.shape, self.ndim, self.size, self.dtype, self.nbytes = shape, like.ndim, like.size, like.dtype, like.nbytes
        self.flags, self.data = SimpleNamespace(c_contiguous=True), SimpleNamespace(ptr=address)


class Cupy:
    ndarray = Array

    def __init__(self):
        self.modules, self.calls = [], []

    def RawModule(self, **settings):
        self.modules.append(settings)
        return SimpleNamespace(
            get_function=lambda name: lambda *args, **kwargs: self.calls.append((name, args, kwargs)),
        )


@pytest.fixture
def cupy():
    cupy = Cupy()
    with using(GPU(cupy)):
        yield cupy


def kl_arguments():
    return [Array(6, 4), Array(6, 4, address=8192), Array(6, address=16384), 6, 4]


def test_a_launch_becomes_a_call_of_the_compiled_function(cupy):
    args = kl_arguments()
    launch("gaussian_kl_v2", *args)
    [(name, (grid, block, passed), keywords)] = cupy.calls
    assert (name, grid, block, keywords) == ("gaussian_kl_v2", (6,), (256,), {"shared_mem": 0})
    assert passed[:3] == tuple(args[:3])
    assert [type(a) for a in passed[3:]] == [np.int32, np.int32]


def test_a_file_is_compiled_once_for_all_its_kernels(cupy):
    for version in (1, 2, 3, 1):
        launch(f"gaussian_kl_v{version}", *kl_arguments())
    assert cupy.modules == [{"code": find("gaussian_kl").source}]


def test_numpy_arrays_are_refused(cupy):
    with pytest.raises(BackendError, match=r"mu is a numpy.ndarray; wanted a CuPy array of float32, \(B, L\)"):
        launch("gaussian_kl", np.zeros((6, 4), "float32"), *kl_arguments()[1:])


def test_device_memory_that_is_shared_is_seen(cupy):
    args = kl_arguments()
    args[2].data.ptr = 4096 + 4 * 23
    with pytest.raises(ShapeError, match="mu and kl share memory"):
        launch("gaussian_kl", *args)
