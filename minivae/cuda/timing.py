"""How long a kernel takes, and how near that is to what the device can do.

A kernel has to move its arrays and to do its sums. So it cannot be faster than its bytes at the speed of a plain copy,
nor than its operations at the speed of a large matrix product: the larger of the two is its floor. Both ceilings are
measured here, on the same device, since data sheets promise what no program gets.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minivae.cuda.launch import Device, current, launch
from minivae.cuda.registry import Kernel


@dataclass(frozen=True)
class Ceilings:
    """What the device does at best.

    Attributes
    ----------
    copy : bytes a second, read and written, in a copy of one array to another.
    product : operations a second (a sum and a product are two) in a matrix product of `xp`.
    """

    copy: float
    product: float

    def floor(self, bytes: int, flops: int) -> float:
        """Seconds below which nothing goes that moves so many bytes and does so many operations."""
        return max(bytes / self.copy, flops / self.product)


@dataclass(frozen=True)
class Timing:
    """What one launch took.

    Attributes
    ----------
    kernel, scalars : what was launched, and its integer arguments.
    seconds : the median over rounds.
    bytes : that cross the memory bus at least, see `Kernel.bytes`.
    flops : sums, products and functions, as the registration says.
    """

    kernel: Kernel
    scalars: dict[str, int]
    seconds: float
    bytes: int
    flops: int

    def share(self, ceilings: Ceilings) -> float:
        """The floor divided by the time: 1 is the best there can be."""
        return ceilings.floor(self.bytes, self.flops) / self.seconds


def seconds(run: Callable[[], Any], device: Device | None = None, *, least: float = 0.02, rounds: int = 7) -> float:
    """Seconds that the device works on what `run` launches.

    The median of `rounds`, in each of which `run` is called as often as fills `least` seconds; once before, unmeasured.

    Parameters
    ----------
    device : on which; the one in use if None.
    """
    device = device or current()

    def turn(calls: int) -> float:
        return device.elapsed(lambda: [run() for _ in range(calls)])

    run()
    calls = 1
    while turn(calls) < least and calls < 2**20:
        calls *= 2
    return statistics.median(turn(calls) for _ in range(rounds)) / calls


def ceilings(xp: Any, megabytes: int = 512, side: int = 4096) -> Ceilings:
    """Measure both ceilings of the device in use, with arrays of `xp`.

    Parameters
    ----------
    megabytes : of the array that is copied; many times what a cache holds.
    side : of the square matrices that are multiplied, float32.
    """
    a = xp.zeros(megabytes * 2**20 // 4, "float32")
    b = xp.empty_like(a)
    copied = seconds(lambda: xp.copyto(b, a))
    c = xp.ones((side, side), "float32")
    d = xp.empty_like(c)
    multiplied = seconds(lambda: xp.matmul(c, c, out=d))
    return Ceilings(2 * megabytes * 2**20 / copied, 2 * side**3 / multiplied)


def timing(kernel: Kernel, arguments: dict[str, Any]) -> Timing:
    """Time one kernel on the device in use.

    Parameters
    ----------
    arguments : every argument by name: arrays of the device, those that are written too, and scalars.
    """
    args = [arguments[p.name] for p in kernel.parameters]
    scalars = {p.name: int(arguments[p.name]) for p in kernel.parameters if p.shape is None and p.ctype != "float"}
    took = seconds(lambda: launch(kernel, *args))
    return Timing(kernel, scalars, took, kernel.bytes(**scalars), int(kernel.value(kernel.flops, **scalars)))
