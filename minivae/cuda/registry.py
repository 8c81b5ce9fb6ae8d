"""What a kernel is, as far as a caller has to know: read from its .cu file, with the little that stands nowhere there.

The file says what the arguments are. One line for each, with the shape of an array behind it:

    extern "C" __global__ void __launch_bounds__(BLOCK) gaussian_kl_v2(
        const float* __restrict__ mu,  // (B, L)
        float* __restrict__ kl,        // (B,) nats
        int B, int L)

The registration (minivae/cuda/kernels.py) adds what it takes to launch it: how many blocks, for a start. Both are
formulas in the names of the kernel's own scalars and constants, so a call with wrong sizes is refused in those names.
"""

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from minivae.errors import BackendError

# What an argument may be, and the NumPy type that has exactly its bytes.
TYPES: dict[str, np.dtype] = {
    "int": np.dtype("int32"),
    "float": np.dtype("float32"),
    "unsigned int": np.dtype("uint32"),
    "unsigned long long": np.dtype("uint64"),
}

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.S)
_KERNEL = re.compile(r'extern\s+"C"\s+__global__\s+void\s+(?:__launch_bounds__\s*\(\s*\w+\s*\)\s*)?(\w+)\s*\(')
_CONSTANT = re.compile(r"^\s*(?:#define\s+(\w+)\s+|constexpr\s+int\s+(\w+)\s*=\s*)([\w\s()*/+-]+?);?\s*$", re.M)
_PARAMETER = re.compile(r"(const\s+)?(unsigned long long|unsigned int|int|float)\s*(\*)?\s*(?:__restrict__\s+)?(\w+)")


def folder() -> Path:
    """Where the .cu files are: in the package once it is installed from a wheel, beside it in a checkout."""
    package = Path(__file__).parent.parent
    return next((p for p in (package / "kernels", package.parent / "kernels") if p.is_dir()), package / "kernels")


def cdiv(n: int, size: int) -> int:
    """How many pieces of `size` it takes to hold n."""
    return -(-n // size)


@dataclass(frozen=True)
class Parameter:
    """One argument of a kernel.

    Attributes
    ----------
    name, ctype : as in the file, e.g. "mu" and "float"; an array has the type of its elements.
    shape : None for a scalar, else the text "(B, L)" from the comment behind it.
    reads, writes : which way an array goes; "read and written" in the comment makes it both.
    optional : whether None may be passed for it ("or null" in the comment).
    """

    name: str
    ctype: str
    shape: str | None = None
    reads: bool = True
    writes: bool = False
    optional: bool = False

    @property
    def dtype(self) -> np.dtype:
        """The NumPy type."""
        return TYPES[self.ctype]

    @cached_property
    def limits(self) -> tuple:
        """The lowest and the highest number that the type holds."""
        info = np.finfo(self.dtype) if self.dtype.kind == "f" else np.iinfo(self.dtype)
        return info.dtype.type(info.min).item(), info.dtype.type(info.max).item()


@dataclass(frozen=True)
class Kernel:
    """One `extern "C" __global__` function of a .cu file.

    Parameters
    ----------
    name : the function's. `NAME_v1`, `NAME_v2` ... are versions of one kernel, in rising order.
    file : the .cu file, in `folder()`.
    grid : how many blocks, one to three formulas: "cdiv(B, BLOCK)", "cdiv(M, TILE), cdiv(N, TILE)".
    block : how many threads in each.
    shared : bytes of dynamic shared memory.
    needs : conditions that the scalars have to meet, each with its reason: ("C % groups == 0", "groups divide C").
    align : how many bytes the address of each array has to be a multiple of: 16 for a kernel that moves float4.
    flops : how many sums, products and functions one launch takes, for the tables.
    engine : whether it is the version that the package uses. A kernel with one version is.

    Formulas may use the kernel's integer scalars by name, the integer constants of its file, cdiv, min and max.
    """

    name: str
    file: str
    grid: str
    block: str = "BLOCK"
    shared: str = "0"
    needs: tuple[tuple[str, str], ...] = ()
    align: int = 4
    flops: str = "0"
    engine: bool = False

    @property
    def role(self) -> str:
        """What all its versions do: gaussian_kl_v2 -> gaussian_kl."""
        return re.sub(r"_v\d+$", "", self.name)

    @cached_property
    def source(self) -> str:
        """The text of the file."""
        path = folder() / self.file
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise BackendError(f"{self.name}: cannot read {path}; install minivae again: {error}") from error

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments in order. Raises BackendError if the file has no such kernel, or it cannot be read."""
        return read_parameters(self.source, self.name, self.file)

    @cached_property
    def constants(self) -> dict[str, int]:
        """The integer constants of the file by name: {"BLOCK": 256}."""
        return read_constants(self.source)

    @cached_property
    def idea(self) -> str:
        """The comment that stands on top of the kernel, as one line of text."""
        before = self.source[: _find(self.source, self.name, self.file).start()].rstrip("\n").split("\n")
        lines: list[str] = []
        while before and before[-1].startswith("//"):
            lines.insert(0, before.pop()[2:].strip())
        return " ".join(lines)

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """The scalars that some array's shape depends on: they count something, and cannot be negative."""
        used = {name for p in self.parameters if p.shape for name in _names(p.shape)}
        return tuple(p.name for p in self.parameters if p.name in used)

    @cached_property
    def plan(self) -> Callable[..., tuple]:
        """All sizes as one function of the integer scalars: (grid, block, shared, shapes of the arrays)."""
        shapes = "".join(f"{p.shape}, " for p in self.parameters if p.shape)
        return self._function(f"(({self.grid},), ({self.block},), {self.shared}, ({shapes}))")

    @cached_property
    def conditions(self) -> tuple[Callable[..., bool], ...]:
        """`needs` as functions of the integer scalars."""
        return tuple(self._function(condition) for condition, _ in self.needs)

    def value(self, formula: str, **scalars: int) -> Any:
        """A formula's value for one set of scalars: `kernel.value("(B, L)", B=8, L=20)` is (8, 20)."""
        return self._function(formula)(**{name: scalars[name] for name in self._integers})

    def bytes(self, **scalars: int) -> int:
        """How many bytes cross the memory bus at least: every array read once, written once, or both."""
        return int(self.value(self.bytes_formula, **scalars))

    @property
    def bytes_formula(self) -> str:
        """`bytes` as a formula: "8*B*L + 4*B"."""
        terms: dict[str, int] = {}
        for p in self.parameters:
            if p.shape:
                factors, weight = [], 4 * (p.reads + p.writes)
                for axis in _axes(p.shape) or []:
                    if isinstance(axis, ast.Constant) and isinstance(axis.value, int):
                        weight *= axis.value
                    else:
                        factors.append(_factor(axis))
                size = "*".join(factors)
                terms[size] = terms.get(size, 0) + weight
        return " + ".join(f"{weight}*{size}" if size else str(weight) for size, weight in terms.items())

    @cached_property
    def _integers(self) -> tuple[str, ...]:
        return tuple(p.name for p in self.parameters if not p.shape and p.ctype != "float")

    def _function(self, expression: str) -> Callable:
        unknown = _names(expression) - {*self._integers, *self.constants, "cdiv", "min", "max"}
        if unknown:
            what = f"{self.name}: the formula {expression} has {', '.join(sorted(unknown))}"
            raise BackendError(f"{what}; wanted the kernel's integer arguments {self._integers} or {self.constants}")
        known = {"__builtins__": {}, "cdiv": cdiv, "min": min, "max": max, **self.constants}
        return eval(f"lambda {', '.join(self._integers)}: {expression}", known)


def read_parameters(source: str, kernel: str, file: str) -> tuple[Parameter, ...]:
    """The arguments of one kernel, from the text of its file.

    Raises
    ------
    BackendError
        If there is no such kernel, an argument has a type that the launcher does not pass, or an array has no shape.
    """
    start = _find(source, kernel, file).end()
    stop = start + _closing(_blank(source)[start:])
    found: list[Parameter] = []
    for line in source[start:stop].split("\n"):
        code, _, comment = line.partition("//")
        for text in filter(str.strip, code.split(",")):
            found.append(_read_parameter(text.strip(), comment.strip(), f"{file}: {kernel}"))
    return tuple(found)


def _read_parameter(text: str, comment: str, where: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise BackendError(
            f"{where}: cannot pass the argument `{text}`; wanted one of {', '.join(TYPES)}, or its pointer"
        )
    const, ctype, pointer, name = match.groups()
    if not pointer:
        return Parameter(name, ctype)
    shape = comment[: _closing(comment[1:]) + 2] if comment.startswith("(") else ""
    if not _axes(shape):
        raise BackendError(f"{where}: the array {name} has no shape; write it behind: `{text},  // (B, L)` or `(n,)`")
    return Parameter(
        name,
        ctype,
        shape,
        reads=bool(const) or "read and written" in comment,
        writes=not const,
        optional="or null" in comment,
    )


def read_constants(source: str) -> dict[str, int]:
    """The integers that a file names, by `constexpr int ROWS = BLOCK / 32;` or `#define ROWS 8`: {"ROWS": 8}."""
    constants: dict[str, int] = {}
    for defined, declared, value in _CONSTANT.findall(_blank(source)):
        try:
            constants[defined or declared] = int(eval(value.replace("/", "//"), {"__builtins__": {}}, dict(constants)))
        except (NameError, SyntaxError, TypeError):
            continue  # a macro that is no number is nothing that a formula could use
    return constants


def kernels_in(source: str) -> list[str]:
    """The names of all kernels of a file, in order."""
    return [m[1] for m in _KERNEL.finditer(_blank(source))]


def _find(source: str, kernel: str, file: str) -> re.Match:
    for match in _KERNEL.finditer(_blank(source)):
        if match[1] == kernel:
            return match
    raise BackendError(f"{file}: there is no kernel {kernel}; it has {', '.join(kernels_in(source)) or 'none'}")


def _blank(source: str) -> str:
    """The text with spaces for comments, so that every character keeps its place."""
    return _COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), source)


def _closing(text: str) -> int:
    """Where the bracket closes that was opened in front of `text`."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return place
    raise BackendError(f"a bracket is not closed in {text!r}")


def _axes(shape: str) -> list[ast.expr] | None:
    """The axes of "(B, L)"; None for anything that is not written so."""
    try:
        tree = ast.parse(shape, mode="eval").body
    except SyntaxError:
        return None
    return tree.elts if isinstance(tree, ast.Tuple) else None


def _factor(axis: ast.expr) -> str:
    """An axis as a factor of a product: in brackets unless it is a name, a number or a call."""
    text = ast.unparse(axis)
    return text if isinstance(axis, (ast.Name, ast.Constant, ast.Call)) else f"({text})"


def _names(expression: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}
