"""Compiles the kernels for GPUs that are not there: `python -m minivae.cuda.nvrtc`.

NVRTC, NVIDIA's compiler, needs neither a GPU nor a driver, only the package nvidia-cuda-nvrtc. Every kernel is compiled
for seven generations of GPUs, with the options that CuPy passes, and has to come through without a warning, without
spilled registers and without an array in local memory: the last two are a detour over memory that no line of the
source shows.
"""

import argparse
import ctypes
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from minivae.cuda.registry import folder
from minivae.errors import BackendError

ARCHS = (75, 80, 86, 89, 90, 100, 120)  # Turing, A100, RTX 30, RTX 40, H100, B200, RTX 50

# What CuPy 14.2 passes for RawModule(code=...): cupy/_core/core.pyx and cupy/cuda/compiler.py. Then -arch=sm_XX.
CUPY_OPTIONS = ("--std=c++17", "-ftz=true", "--device-as-default-execution-space")

_PACKAGES = ("nvidia-cuda-nvrtc", "nvidia-cuda-nvrtc-cu12")
_LIBRARY = re.compile(r"libnvrtc\.so\.\d+|nvrtc64_\d+_0\.dll")
_BUILTINS = re.compile(r"libnvrtc-builtins\.so\.[\d.]+|nvrtc-builtins64_\d+\.dll")


@dataclass
class Usage:
    """What a kernel takes on one generation of GPUs: registers of a thread, bytes of shared memory of a block, and
    bytes of local memory of a thread: the stack, and what was spilled."""

    registers: int = 0
    shared: int = 0
    stack: int = 0
    spilled: int = 0


@dataclass
class Report:
    """What a check found.

    Attributes
    ----------
    usage : {(kernel, arch): Usage}.
    faults : one line for each.
    """

    usage: dict[tuple[str, int], Usage] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class Nvrtc:
    """NVRTC, loaded.

    Raises
    ------
    BackendError
        If it is not installed, or too old for the GPUs in `ARCHS`.
    """

    def __init__(self) -> None:
        self.lib = _load()
        self.lib.nvrtcGetErrorString.restype = ctypes.c_char_p
        count = ctypes.c_int()
        self._call("nvrtcGetNumSupportedArchs", ctypes.byref(count))
        known = (ctypes.c_int * count.value)()
        self._call("nvrtcGetSupportedArchs", known)
        if missing := sorted(set(ARCHS) - set(known)):
            names = ", ".join(f"sm_{arch}" for arch in missing)
            raise BackendError(f"NVRTC {self.version} knows no {names}; pip install --upgrade nvidia-cuda-nvrtc")

    @property
    def version(self) -> str:
        """As "13.5"."""
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._call("nvrtcVersion", ctypes.byref(major), ctypes.byref(minor))
        return f"{major.value}.{minor.value}"

    def compile(self, source: str, arch: int, name: str = "kernel.cu") -> tuple[bool, str]:
        """Compile for one generation, and say whether it went well, and what the compiler said: its log."""
        program = ctypes.c_void_p()
        self._call("nvrtcCreateProgram", ctypes.byref(program), source.encode(), name.encode(), 0, None, None)
        try:
            options = [option.encode() for option in (*CUPY_OPTIONS, f"-arch=sm_{arch}", "--ptxas-options=-v")]
            status = self.lib.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
            size = ctypes.c_size_t()
            self._call("nvrtcGetProgramLogSize", program, ctypes.byref(size))
            log = ctypes.create_string_buffer(size.value)
            self._call("nvrtcGetProgramLog", program, log)
            return status == 0, log.value.decode()
        finally:
            self.lib.nvrtcDestroyProgram(ctypes.byref(program))

    def _call(self, name: str, *args: Any) -> None:
        if status := getattr(self.lib, name)(*args):
            raise BackendError(f"NVRTC: {name}: {self.lib.nvrtcGetErrorString(status).decode()}")


def check(sources: dict[str, str], archs: Iterable[int] = ARCHS, nvrtc: Nvrtc | None = None) -> Report:
    """Compile files for all generations.

    Parameters
    ----------
    sources : {file name: text}.
    archs : compute capabilities without the point: 75 for 7.5.

    Returns
    -------
    Report
        With a fault for each error, warning, spilled register and array in local memory.

    Raises BackendError if NVRTC is not installed.
    """
    nvrtc, report = nvrtc or Nvrtc(), Report()
    for file, source in sources.items():
        for arch in archs:
            fine, log = nvrtc.compile(source, arch, file)
            if not fine:
                report.faults.append(f"{file}, sm_{arch}: does not compile: {log.strip()}")
                continue
            if re.search(r"\bwarning\b", log):
                report.faults.append(f"{file}, sm_{arch}: a warning: {log.strip()}")
            for kernel, usage in read_usage(log).items():
                report.usage[kernel, arch] = usage
                if usage.spilled:
                    report.faults.append(f"{file}, sm_{arch}: {kernel} spills {usage.spilled} bytes of registers")
                elif usage.stack:
                    report.faults.append(f"{file}, sm_{arch}: {kernel} has {usage.stack} bytes in local memory")
    return report


def read_usage(log: str) -> dict[str, Usage]:
    """What `--ptxas-options=-v` says of each kernel."""
    found: dict[str, Usage] = {}
    usage = Usage()
    for line in log.splitlines():
        if match := re.search(r"Compiling entry function '([^']+)'", line):
            usage = found.setdefault(match[1], Usage())
        elif match := re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", line):
            usage.stack, usage.spilled = int(match[1]), int(match[2]) + int(match[3])
        elif match := re.search(r"Used (\d+) registers", line):
            usage.registers = int(match[1])
            shared = re.search(r"(\d+) bytes smem", line)
            usage.shared = int(shared[1]) if shared else 0
    return found


def shipped() -> dict[str, str]:
    """All files of kernels/: {name: text}."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder().glob("*.cu"))}


def _load() -> ctypes.CDLL:
    for package in _PACKAGES:
        try:
            files = [Path(str(file.locate())) for file in metadata.files(package) or []]
        except metadata.PackageNotFoundError:
            continue
        for path in files:
            if _BUILTINS.fullmatch(path.name):  # before the library, which does not always find it by itself
                ctypes.CDLL(str(path), mode=getattr(ctypes, "RTLD_GLOBAL", 0))
        for path in files:
            if _LIBRARY.fullmatch(path.name):
                return ctypes.CDLL(str(path))
    raise BackendError("NVRTC is not installed; pip install nvidia-cuda-nvrtc (it needs no GPU)")


def main(arguments: list[str] | None = None) -> int:
    """Check all kernels, or the files that are named; 0 if there was no fault."""
    parser = argparse.ArgumentParser(prog="python -m minivae.cuda.nvrtc", description=main.__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="instead of those in kernels/")
    parser.add_argument("--arch", type=int, nargs="+", default=ARCHS, metavar="NN", help=f"instead of {ARCHS}")
    asked = parser.parse_args(arguments)
    sources = {path.name: path.read_text(encoding="utf-8") for path in asked.files} or shipped()
    nvrtc = Nvrtc()
    report = check(sources, asked.arch, nvrtc)
    for fault in report.faults:
        print(fault, file=sys.stderr)
    kernels, faults = len({kernel for kernel, _ in report.usage}), len(report.faults)
    print(f"NVRTC {nvrtc.version}: kernels: {kernels}, generations of GPUs: {len(asked.arch)}, faults: {faults}")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
