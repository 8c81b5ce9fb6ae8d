"""Finds a C++ compiler, builds with it, and puts its complaints into the words of the .cu file."""

import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from minivae.cuda.sim.errors import CompileError, SimulatorError
from minivae.cuda.sim.refused import MISSING, NO_HEADERS

RUNTIME = Path(__file__).parent / "runtime"
INSTALL = (
    "install g++ or clang (Debian, Ubuntu: sudo apt install g++; Fedora: sudo dnf install gcc-c++; "
    "macOS: xcode-select --install), or one that comes with pip: pip install 'minivae[sim]'"
)

COMMON = (
    "-std=c++17",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fno-strict-aliasing",  # float4* from float*, as kernels do
    "-fsigned-char",
    "-fno-math-errno",
    "-fstack-clash-protection",  # so that a thread with too many local variables meets the guard below its stack
)
KERNEL = ("-gdwarf-4", "-g1", "-Wuninitialized", "-Wreturn-type", "-Werror=vla")
FAST = (*KERNEL, "-O3", "-fwrapv")  # signed integers go round, as they do on a GPU
CHECK = (
    *KERNEL,
    "-O1",
    "-D__SIM_CHECK",
    "-fsanitize=thread",  # calls a function of ours before each load and store, see runtime/access.h
    "-fsanitize=alignment,signed-integer-overflow,integer-divide-by-zero,shift-exponent,float-cast-overflow,return",
)
# What is called differently: for a check by g++, for a check by clang, and for zig where nothing is checked.
BY_FAMILY = {
    "gcc": (
        "-fsanitize=bounds",
        "-fexpensive-optimizations",  # of which fused multiply-add is one
        *("--param=tsan-distinguish-volatile=1", "--param=tsan-instrument-func-entry-exit=0"),
    ),
    "clang": (
        "-fsanitize=array-bounds",
        *("-fno-vectorize", "-fno-slp-vectorize"),  # of accesses wider than 16 bytes it would tell nothing
        *("-mllvm", "-tsan-distinguish-volatile=1"),
        *("-mllvm", "-tsan-instrument-func-entry-exit=0"),
        *("-mllvm", "-tsan-instrument-read-before-write=1"),
        # Equal code of two lines stays twofold, or else it would have the line of one of them.
        *("-mllvm", "-simplifycfg-sink-common=false"),
        *("-mllvm", "-simplifycfg-hoist-common=false"),
        *("-mllvm", "-enable-tail-merge=false"),
    ),
    "zig": ("-fno-sanitize=all",),  # it has some switched on
}


@dataclass(frozen=True)
class Compiler:
    """A way to call a C++ compiler.

    Attributes
    ----------
    command : the words that the arguments are appended to.
    program : the file that runs.
    """

    command: tuple[str, ...]
    program: Path

    @cached_property
    def identity(self) -> str:
        """Changes when the compiler does: where it is, how large and how old. Asking for its version takes longer."""
        real = self.program.resolve()
        stat = real.stat()
        return f"{real} {self.command[1:]} {stat.st_size} {stat.st_mtime_ns}"

    @property
    def zig(self) -> bool:
        return self.program.stem == "zig"

    @cached_property
    def clang(self) -> bool:
        """Whether it takes clang's options; on macOS g++ does."""
        if self.zig:
            return True
        said = subprocess.run([*self.command, "--version"], capture_output=True, text=True, env=_environment(self))
        return "clang" in said.stdout.lower()

    def flags(self, check: bool = False) -> tuple[str, ...]:
        """The options of this compiler alone."""
        if check:
            return BY_FAMILY["clang" if self.clang else "gcc"]
        return BY_FAMILY["zig"] if self.zig else ()

    def run(self, arguments: Sequence[str]) -> str:
        """Call it; returns what it said, or raises CompileError with that."""
        done = subprocess.run(
            [*self.command, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=_environment(self),
        )
        if done.returncode:
            raise CompileError(done.stderr or f"{self.command[0]} failed ({done.returncode})")
        return done.stderr


def find() -> Compiler:
    """The compiler in MINIVAE_CXX, else g++ or clang++ on PATH, else that of the package ziglang.

    Raises
    ------
    SimulatorError
        If there is none, or this system is not one the simulator runs on.
    """
    return _find(os.environ.get("MINIVAE_CXX", ""), os.environ.get("PATH", ""))


@cache
def _find(wanted: str, path: str) -> Compiler:
    if sys.platform == "win32":
        raise SimulatorError("sim: got Windows; the simulator wants Linux or macOS: use WSL, or a GPU")
    if platform.machine().lower() not in ("x86_64", "amd64", "aarch64", "arm64"):
        raise SimulatorError(f"sim: got a {platform.machine()} processor; the simulator wants x86-64 or ARM64")
    if wanted:
        command = shlex.split(wanted)
        program = shutil.which(command[0], path=path)
        if not program:
            raise SimulatorError(f"sim: MINIVAE_CXX names {command[0]!r}, which is not there; unset it, or {INSTALL}")
        return Compiler(tuple(command), Path(program))
    for name in ("g++", "clang++", "c++"):
        if program := shutil.which(name, path=path):
            return Compiler((program,), Path(program))
    spec = importlib.util.find_spec("ziglang")
    if spec is not None and spec.submodule_search_locations:
        program = shutil.which("zig", path=spec.submodule_search_locations[0])
        if program:
            return Compiler((program, "c++"), Path(program))
    raise SimulatorError(f"sim: there is no C++ compiler; {INSTALL}")


def _environment(compiler: Compiler) -> dict[str, str]:
    from minivae.cuda.sim import cache as files

    environment = {**os.environ, "LC_ALL": "C"}  # its messages are read below
    if compiler.zig:
        environment.setdefault("ZIG_GLOBAL_CACHE_DIR", str(files.folder() / "zig"))
        environment.setdefault("ZIG_LOCAL_CACHE_DIR", str(files.folder() / "zig"))
    return environment


@cache
def processor() -> str:
    """The processor that -march=native builds for."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    flags = re.search(r"^(?:flags|Features)\s*:.*$", text, re.MULTILINE)
    model = re.search(r"^model name\s*:.*$", text, re.MULTILINE)
    return f"{platform.machine()} {model and model[0]} {flags and flags[0]}"


def flags(check: bool, contract: bool) -> list[str]:
    """The options for a kernel that all compilers share."""
    out = [*COMMON, "-ffp-contract=fast" if contract else "-ffp-contract=off"]
    if platform.machine().lower() in ("x86_64", "amd64"):
        out.append("-march=native")  # the other processors have fused multiply-add anyway
    return [*out, *(CHECK if check else FAST)]


def runtime_flags(check: bool) -> list[str]:
    """The options for runtime/main.cpp that all compilers share."""
    return [*COMMON, "-w", "-O2", *(["-D__SIM_CHECK"] if check else [])]


def runtime_sources() -> bytes:
    """Everything in runtime/, for the key of the cache."""
    return b"\0".join(
        path.name.encode() + b"\0" + path.read_bytes() for path in sorted(RUNTIME.iterdir()) if path.is_file()
    )


def compile_kernel(
    compiler: Compiler, text: str, file: str, source: str, options: Sequence[str], out: Path
) -> tuple[str, ...]:
    """C++ text -> object file, and warnings. Raises CompileError in the terms of the .cu file."""
    path = out.with_suffix(".cpp")
    path.write_text(text, encoding="utf-8")
    try:
        said = compiler.run([*options, "-include", str(RUNTIME / "cuda.h"), "-c", str(path), "-o", str(out)])
    except CompileError as error:
        raise CompileError(shorten(str(error), file, source)) from None
    found = (f"{where}:{line}: {_plain(words)}" for where, line, words in _WARNING.findall(said) if where == file)
    return tuple(dict.fromkeys(found))


def link(compiler: Compiler, objects: Sequence[Path], out: Path) -> None:
    """Object files -> library."""
    command = compiler
    if compiler.zig:  # as C, since nothing of the C++ library is used and zig would build all of it
        command = Compiler((compiler.command[0], "cc"), compiler.program)
    try:
        command.run(["-shared", "-o", str(out), *map(str, objects), "-lm", "-lpthread", "-ldl"])
    except CompileError as error:
        raise CompileError(f"sim: the compiler cannot link: {str(error).strip()[-600:]}; {INSTALL}") from None


_WARNING = re.compile(
    r"^(.*?):(\d+):(?:\d+:)?\s+warning:\s+(.*\[-W(?:[\w-]*-)?(?:uninitialized|return-type)\])$", re.MULTILINE
)
_ERROR = re.compile(r"^(.*?):(\d+):(?:\d+:)?\s+(?:fatal )?error:\s+(.*)$", re.MULTILINE)
AT_MOST = 5
BEHIND = "simulator"  # what the text behind the end of the file is called


def shorten(said: str, file: str, source: str) -> str:
    """What the compiler said, as a learner can use it: the errors, each with file, line and the line itself."""
    errors = dict.fromkeys(_errors(said, file, source.splitlines()))
    found = [text for text in errors if text.startswith(f"{file}:")] or list(errors)
    if not found:
        return f"{file}: the compiler failed: {said.strip()[-600:]}"
    rest = len(found) - AT_MOST
    return "\n".join([*found[:AT_MOST], *([f"and {rest} more; mend the first and see"] if rest > 0 else [])])


def _errors(said: str, file: str, lines: Sequence[str]) -> Iterator[str]:
    matches = list(_ERROR.finditer(said))
    here = re.compile(rf"^{re.escape(file)}:(\d+):", re.MULTILINE)
    for k, match in enumerate(matches):
        where, number, words = match[1], int(match[2]), _plain(match[3])
        if where != file:
            # In the header or behind the end: a note has the line, which g++ puts before the error and clang behind.
            before = here.findall(said, matches[k - 1].end() if k else 0, match.start())
            after = here.findall(said, match.end(), matches[k + 1].start() if k + 1 < len(matches) else len(said))
            number = int(before[-1] if before else after[0] if after else 0)
            if where == BEHIND:
                if "expected '}'" not in words:
                    continue
                words = "this { is never closed"
        name = next((n for n in re.findall(r"'(\w+)'", words) if n in MISSING), "")
        hint = f" ({NO_HEADERS}; {MISSING[name]})" if name else ""
        line = f"\n    {lines[number - 1].strip()}" if 0 < number <= len(lines) else ""
        yield f"{file}:{number}: {words}{hint}{line}" if number else f"sim: in {where}: {words}"


def _plain(words: str) -> str:
    """Without the name of an option, curly quotes, and what a condition looks like inside."""
    words = re.sub(r""" due to requirement '.*'(?=: | ")""", "", words)
    return re.sub(r"\s*\[-[\w+=-]+\]$", "", words).replace("‘", "'").replace("’", "'")
