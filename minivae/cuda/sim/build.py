"""From a translated source to a library that is loaded."""

import ctypes
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from minivae.cuda.sim import cache, compiler
from minivae.cuda.sim.errors import CompileError, SimulatorError
from minivae.cuda.sim.translate import Translation

INDIFFERENT = ("-std", "-device-as-default-execution-space", "-lineinfo", "-prec-div", "-prec-sqrt")
VARIABLE = (
    '  if (k == {k}) {{ *name = "{name}"; *start = (void*)&{name}; *bytes = sizeof {name}; *constant = {constant}; '
    "*item = sizeof(__sim_array<decltype({name})>::item); return 1; }}"
)


class Options:
    """The options of NVRTC that mean something here; raises CompileError for one that is unknown."""

    def __init__(self, options: Sequence[str]):
        self.defines: list[str] = []
        self.flush = self.contract = True
        for option in options:
            word, _, value = option.partition("=")
            word = "-" + word.lstrip("-")
            if word.startswith(("-D", "-U")) and len(word) > 2:
                self.defines.append("-" + option.lstrip("-"))
            elif word == "-ftz":
                self.flush = value != "false"
            elif word == "-fmad":
                self.contract = value != "false"
            elif word not in INDIFFERENT:
                raise CompileError(
                    f"sim: got the option {option!r}; wanted -DNAME=value, -UNAME, -ftz=true, -fmad=true"
                )


def build(
    source: str, file: str, check: bool, settings: Options, translation: Translation
) -> tuple[bytes, tuple[str, ...]]:
    """The library and the compiler's warnings; from the cache if the same was built before."""
    chosen = compiler.find()
    text = cpp(translation, file)
    flags = compiler.flags(check, settings.contract)
    runtime_flags = compiler.runtime_flags(check)
    parts: list[str | bytes] = [
        compiler.runtime_sources(),
        chosen.identity,
        compiler.processor(),
        repr(compiler.BY_FAMILY),
    ]

    def make_runtime(work: Path) -> Path:
        out = work / "runtime.o"
        try:
            chosen.run([*runtime_flags, *chosen.flags(), "-c", str(compiler.RUNTIME / "main.cpp"), "-o", str(out)])
        except CompileError as error:
            raise CompileError(
                f"sim: {chosen.command[0]} cannot build the runtime: {str(error).strip()[-600:]}; {compiler.INSTALL}"
            ) from None
        return out

    def make(work: Path) -> Path:
        runtime, kernel, library, out = (work / name for name in ("runtime.o", "kernel.o", "kernel.so", "both"))
        runtime.write_bytes(cache.cached("runtime-" + cache.key(*parts, *runtime_flags), make_runtime))
        options = [*flags, *chosen.flags(check), *settings.defines]
        warnings = compiler.compile_kernel(chosen, text, file, source, options, kernel)
        compiler.link(chosen, [runtime, kernel], library)
        out.write_bytes("\n".join(warnings).encode() + b"\0" + library.read_bytes())
        return out

    kept = cache.cached("kernel-" + cache.key(*parts, *flags, *runtime_flags, *settings.defines, file, text), make)
    said, _, library = kept.partition(b"\0")
    return library, tuple(said.decode("utf-8", "replace").split("\n")) if said else ()


def cpp(translation: Translation, file: str) -> str:
    """The whole C++ text: the file, and behind it one function for each kernel and one that lists the variables."""
    quoted = file.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    glue = [f"__sim_kernel({k.name}, ({k.bound or '0'}))" for k in translation.kernels.values() if k.plain]
    listed = [
        VARIABLE.format(k=k, name=name, constant=int(constant))
        for k, (name, constant) in enumerate(translation.variables.items())
    ]
    head = 'extern "C" __sim_exported int __sim_variable(int k, const char** name, void** start, size_t* bytes, '
    return "\n".join(
        [
            f'#line 1 "{quoted}"',
            translation.text,
            f'#line 1 "{compiler.BEHIND}"',
            *glue,
            head,
            "size_t* item, int* constant) {",
            *listed,
        ]
        + ["  return 0;", "}", ""]
    )


def load(library: bytes) -> ctypes.CDLL:
    """Load a copy that nobody else has: each module has its __device__ variables to itself, as on a GPU."""
    failed: Exception | None = None
    for folder in (cache.folder(), Path(tempfile.gettempdir())):
        try:
            handle, path = tempfile.mkstemp(prefix="loading-", suffix=".so", dir=folder)
        except OSError as error:
            failed = error
            continue
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(library)
            return ctypes.CDLL(path)
        except OSError as error:
            failed = error
        finally:
            os.unlink(path)
    raise SimulatorError(
        f"sim: the compiled kernel cannot be loaded ({failed}); say in MINIVAE_CACHE where programs may lie"
    ) from failed
