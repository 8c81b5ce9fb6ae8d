"""A worker's side of the talk: commands come in as lines of JSON, answers go out as lines of JSON.

`build`, with a workload's name, answers with the losses of its first steps; `run`, with a number of seconds, with the
median time of a step. A worker ends when its input does.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minivae.bench.workloads import Arrays, arrays

# Trains for one step and returns the loss. Noise is given to be checked, and drawn by the step to be timed.
Step = Callable[..., Any]


def serve(
    workloads: Mapping[str, Callable[[Arrays], Step]], tape: Callable[[], Any] | None, about: dict[str, str]
) -> None:
    """Answer until the input ends.

    Parameters
    ----------
    workloads : by name, a function that takes the arrays and returns the step.
    tape : runs a chain of `CHAIN` ops on a tiny array forward and back; None where there is no tape.
    about : versions and the like, for the report.
    """
    step: Step = lambda: None

    def build(name: str, **size: int) -> dict:
        nonlocal step
        if name == "tape":
            assert tape is not None
            step = tape
            return {}
        given = arrays(name, **size)
        step = workloads[name](given)
        return {"losses": [figure for noise in given.noise for figure in figures(step(*noise))]}

    def run(seconds: float) -> dict:
        return measure(step, seconds)

    tasks: dict[str, Callable[..., dict]] = {
        "build": build,
        "run": run,
        "about": lambda: about,
        "memory": lambda: {"MiB": peak_memory()},
    }
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(tasks[command.pop("do")](**command)), flush=True)


def figures(result: Any) -> list[float]:
    """What is compared: the loss, or 40 of the decoded pixels, or nothing where a worker computes no loss."""
    if result is None or isinstance(result, float):
        return [] if result is None else [result]
    x_hat = np.asarray(result)
    return [float(pixel) for pixel in x_hat[:: len(x_hat) // 5, 49::98].ravel()]


def measure(step: Step, seconds: float) -> dict[str, float]:
    """Steps for so many seconds, three at least: medians of time and of processor time, and that per second."""
    times: list[float] = []
    busy: list[float] = []
    last, at = time.perf_counter(), time.process_time()
    end = last + seconds
    while len(times) < 3 or last < end:
        step()
        now, used = time.perf_counter(), time.process_time()
        times.append(now - last)
        busy.append(used - at)
        last, at = now, used
    return {
        "seconds": statistics.median(times),
        "processor": statistics.median(busy),
        "cores": sum(busy) / sum(times),
    }


def peak_memory() -> float | None:
    """The most memory that this process has held, in MiB; None where the system does not say."""
    try:  # on Linux ru_maxrss starts at what the parent process held, this does not
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return None  # Windows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def blas() -> str:
    """NumPy's matrix library and the kernel that it chose for this processor."""
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    kinds = [
        f"{pool['internal_api']} {pool['version']}, {pool.get('architecture', 'unnamed')} kernel" for pool in found
    ]
    return "; ".join(dict.fromkeys(kinds)) or "unknown"
