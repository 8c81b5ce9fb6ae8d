"""The tables of docs/kernels.md: `python -m minivae.cuda.tables docs/kernels.md` writes them anew.

One is made of what kernels/*.cu and the registry say, the other of what NVRTC says of the compiled kernels.
"""

import argparse
import re
import sys
from pathlib import Path

from minivae.cuda.kernels import KERNELS, find
from minivae.cuda.nvrtc import ARCHS, Nvrtc, Report, check, shipped
from minivae.cuda.registry import Kernel
from minivae.errors import BackendError


def overview() -> str:
    """One line for each kernel: launch, bytes, operations, and its idea; the one that the package uses in bold."""
    lines = ["| kernel | blocks of threads | bytes at least | operations | |", "|---|---|---|---|---|"]
    for name in sorted(KERNELS):
        kernel = KERNELS[name]
        shown = f"**{name}**" if find(kernel.role) is kernel else name
        launch = f"`{kernel.grid}` of {' x '.join(map(str, block(kernel)))}"
        columns = (shown, launch, _formula(kernel.bytes_formula), _formula(kernel.flops), _sentence(kernel.idea))
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)


def resources(report: Report, version: str) -> str:
    """Registers of a thread for each generation of GPUs, and shared memory of a block."""
    lines = [
        f"Registers, as NVRTC {version} allots them.",
        "",
        f"| kernel | shared bytes | {' | '.join(f'sm_{arch}' for arch in ARCHS)} |",
        f"|---|---|{'---|' * len(ARCHS)}",
    ]
    for kernel in sorted({kernel for kernel, _ in report.usage}):
        usages = [report.usage[kernel, arch] for arch in ARCHS]
        shared = " / ".join(map(str, sorted({usage.shared for usage in usages})))
        lines.append(f"| {kernel} | {shared} | {' | '.join(str(usage.registers) for usage in usages)} |")
    return "\n".join(lines)


def fill(page: str, **parts: str) -> str:
    """The page with each part put between its marks, `<!-- NAME -->` and `<!-- end of NAME -->`.

    Raises BackendError if a mark is missing.
    """
    for name, text in parts.items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.S)
        if not marks.search(page):
            raise BackendError(f"tables: the page has no <!-- {name} --> with its <!-- end of {name} -->")
        page = marks.sub(lambda m, text=text: f"{m[1]}\n{text}\n\n{m[2]}", page)  # type: ignore[misc]
    return page


def made(page: str) -> str:
    """The page with all tables as they have to be. Raises BackendError if NVRTC finds a fault, or is not installed."""
    nvrtc = Nvrtc()
    report = check(shipped(), nvrtc=nvrtc)
    if report.faults:
        raise BackendError("\n".join(report.faults))
    return fill(page, overview=overview(), resources=resources(report, nvrtc.version))


def block(kernel: Kernel) -> tuple[int, ...]:
    """The size of a block, which is fixed by the constants of the file."""
    integers = {p.name: 1 for p in kernel.parameters if not p.shape and p.ctype != "float"}
    return kernel.plan(**integers)[1]


def _formula(text: str) -> str:
    return re.sub(r" *\* *", " ", text)


def _sentence(idea: str) -> str:
    """The first sentence, without what stands in front of a colon or behind a semicolon."""
    return re.split(r"(?<=[a-z)])\. |\.$", idea)[0].replace("|", "\\|")


def main(arguments: list[str] | None = None) -> int:
    """Write the tables of a page anew."""
    parser = argparse.ArgumentParser(prog="python -m minivae.cuda.tables", description=main.__doc__)
    parser.add_argument("page", type=Path, nargs="?", default=Path("docs/kernels.md"))
    page = parser.parse_args(arguments).page
    page.write_text(made(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
