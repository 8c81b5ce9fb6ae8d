"""The structs of runtime/state.h that cross between Python and the runtime, and what their numbers mean."""

import ctypes

from minivae.cuda.sim.errors import KINDS

U32, I32, U64, I64 = ctypes.c_uint32, ctypes.c_int32, ctypes.c_uint64, ctypes.c_int64

# Kinds, in the order of `enum Kind`; some have the same name for the reader, two are no findings.
KIND = ("", *[kind for kind in KINDS if kind != "launch"], "launch", "", "", "bounds", "warp", "warp")
SHARED_FULL, NO_MEMORY, INTERRUPTED, INDEX, LANE, MASK = range(18, 24)
LINE = 0x80000000
NO_ARRAY, NULL_POINTER = -1, -2
READ, WRITE, ATOMIC, VOLATILE_READ, VOLATILE_WRITE = range(5)
NOWHERE, ARGUMENT, SHARED, DYNAMIC, VARIABLE, LOCAL = range(6)
AT_BARRIER, AT_WARP, DONE = 2, 3, 4


class Array(ctypes.Structure):
    """Memory that the kernel may use."""

    _fields_ = [
        ("start", ctypes.c_void_p),
        ("bytes", U64),
        ("grain", U32),
        ("offset", U32),
        ("writable", U32),
        ("fresh", U32),
    ]


class Argument(ctypes.Structure):
    """One parameter: where its bytes are, and which array it points to."""

    _fields_ = [("bytes", ctypes.c_void_p), ("array", I32), ("unused", U32), ("offset", U64)]


class Launch(ctypes.Structure):
    """One launch."""

    _fields_ = [
        ("grid", U32 * 3),
        ("block", U32 * 3),
        ("seed", U64),
        ("order", U32),
        ("workers", U32),
        ("flush", U32),
        ("dynamic", U32),
        ("dynamic_grain", U32),
        ("static_limit", U32),
        ("arguments", U32),
        ("arrays", U32),
        ("seconds", ctypes.c_double),
        ("values", ctypes.c_void_p),
        ("values_bytes", U64),
        ("idle", ctypes.c_void_p),
        ("argument", ctypes.POINTER(Argument)),
        ("array", ctypes.POINTER(Array)),
    ]


class Who(ctypes.Structure):
    """A thread, what it did, and where: a line, or an offset of the code."""

    _fields_ = [
        ("known", U32),
        ("block", U32 * 3),
        ("thread", U32 * 3),
        ("access", U32),
        ("line", U32),
        ("offset", U32),
        ("state", U32),
    ]


class Report(ctypes.Structure):
    """A finding in numbers."""

    _fields_ = [
        ("kind", U32),
        ("space", U32),
        ("who", Who),
        ("other", Who),
        ("trail", U32 * 16),
        ("index", I32),
        ("extents", U32 * 3),
        ("element", I64),
        ("count", I64),
        ("size", I64),
        ("bytes", I64),
        ("name", ctypes.c_char * 64),
        ("text", ctypes.c_char * 256),
    ]
