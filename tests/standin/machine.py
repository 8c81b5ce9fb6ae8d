"""The machine that is pretended: what it has, what it counts, and how it fails."""

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

API = json.loads(Path(__file__).with_name("api.json").read_text(encoding="utf-8"))
VERSION = API["version"]


class Misuse(AssertionError):
    """What CuPy would do in silence, and do wrong."""


class CUDARuntimeError(RuntimeError):
    """cupy.cuda.runtime.CUDARuntimeError."""


class CUDADriverError(RuntimeError):
    """cupy.cuda.driver.CUDADriverError."""


@dataclass
class Counters:
    """What has happened.

    Attributes
    ----------
    device_to_host : copies from the device, each of which waits until it is done with all that was asked before.
    host_to_device : copies to the device; an array of no dimension is none, for its value travels with the launch.
    waits : calls of `synchronize`.
    launches : of our kernels.
    calls : of functions and operators of CuPy, each of which launches a kernel or more, or makes a view.
    """

    device_to_host: int = 0
    host_to_device: int = 0
    waits: int = 0
    launches: int = 0
    calls: int = 0


counters = Counters()  # since the beginning
_watching: list[Counters] = []


@contextmanager
def counting() -> Iterator[Counters]:
    """Inside `with counting() as counted:`, and after it, `counted` has what happened since."""
    counted = Counters()
    _watching.append(counted)
    try:
        yield counted
    finally:
        _watching[:] = [other for other in _watching if other is not counted]


def count(what: str) -> None:
    """Something has happened."""
    for counted in (counters, *_watching):
        setattr(counted, what, getattr(counted, what) + 1)


@dataclass
class Machine:
    """What there is, and what is wrong with it.

    Attributes
    ----------
    devices : how many.
    driver : what the CUDA runtime says to every call, "cudaErrorNoDevice: ..."; empty if it works.
    toolkit : what every computation raises, for want of a header or a library; None if nothing is missing.
    check : whether kernels run in the simulator's checking build.
    """

    devices: int = 1
    driver: str = ""
    toolkit: Exception | None = None
    check: bool = False

    def runtime(self) -> None:
        """A call of the CUDA runtime."""
        if self.driver:
            raise CUDARuntimeError(self.driver)

    def compute(self) -> None:
        """A computation on the device."""
        self.runtime()
        if self.toolkit:
            raise self.toolkit
        count("calls")


machine = Machine()


@cache
def signature(section: str, name: str) -> inspect.Signature | None:
    """How something may be called; None if anyhow."""
    text = API[section][name]
    return None if text is None else inspect.signature(eval(f"lambda {text}: None"))


def check_call(section: str, name: str, args: tuple, keywords: dict) -> dict:
    """The arguments by name; raises TypeError for those that CuPy's function of that name does not take."""
    wanted = signature(section, name)
    if wanted is None:
        return {}
    try:
        return wanted.bind(*args, **keywords).arguments
    except TypeError as error:
        raise TypeError(f"cupy: {name}: {error}; CuPy {VERSION} has {name}({API[section][name]})") from None
