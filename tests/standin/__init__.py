"""A stand-in for CuPy, for machines without a GPU.

    with standin.installed() as cupy:  # inside, `import cupy` gives this
        minivae.use("cupy")
        with standin.counting() as counted:
            ...
        assert counted.device_to_host == 0

Its arrays lie in main memory, behind an object that lets nobody at them who could not get at a GPU's. It has the names
and the keywords that CuPy 14.2 has and no others (api.json, taken from the real package by gen_api.py), and refuses
what that refuses: NumPy arrays among its own, implicit conversion, `where=`. Reductions give arrays of no dimension.
What waits for the device is counted. Fresh memory holds NaN. Kernels run on the simulator. Where CuPy would go on in
silence with garbage, this raises Misuse.

It knows nothing of time, nor of what CuPy's own kernels compute: values are NumPy's.
"""

from tests.standin.machine import Misuse, counters, counting, machine
from tests.standin.module import installed

__all__ = ["Misuse", "counters", "counting", "installed", "machine"]
