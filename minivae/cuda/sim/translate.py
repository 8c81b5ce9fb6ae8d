"""From CUDA C to C++: what a CPU compiler does not take as it stands, and what has to be known of each kernel.

Nearly all of CUDA C is C++ once the header runtime/cuda.h stands before it. Only shared memory is another matter,
since a block's arrays are memory that the simulator hands out: `__shared__ float tile[8][9];` becomes a reference to
such memory. Everything stays in its line, so what the compiler and the checker say has the right number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from minivae.cuda.sim.errors import CompileError
from minivae.cuda.sim.refused import refuse
from minivae.cuda.sim.tokens import Token, closing, tokenize

WORDS = {"float", "double", "int", "unsigned", "unsigned int", "float2", "float4", "int2", "int4", "uint2", "uint4"}
WORDS |= {"long long", "unsigned long long", "double2"}
_RESTRICT = {"__restrict__", "__restrict", "restrict"}
_SPECIFIERS = {"extern", "static", "volatile", "const", "__align__", "alignas", "__shared__"}


@dataclass(frozen=True)
class KernelText:
    """A kernel as it stands in the file: its line, parameters as (name, type), and the text in __launch_bounds__."""

    name: str
    line: int
    parameters: list[tuple[str, str]]
    bound: str
    plain: bool  # declared extern "C", and no template: what CuPy finds by its name
    alone: frozenset[str] = frozenset()  # parameters declared __restrict__: nothing else points to their memory


@dataclass
class Translation:
    """C++ text, and what else was seen."""

    text: str
    kernels: dict[str, KernelText]
    variables: dict[str, bool] = field(default_factory=dict)  # __device__ variables; True for __constant__
    grain: int = 4  # bytes that dynamic shared memory is looked at in: 1 where it is declared as bytes
    atomics: bool = False


def translate(source: str, file: str) -> Translation:
    """Raises CompileError for what the simulator cannot run, by name and line."""
    tokens = tokenize(source)
    refuse(tokens, file)
    result = Translation("", {})
    pieces, done = [], 0
    for k, token in enumerate(tokens):
        if token.text == "__global__":
            if (kernel := _kernel(tokens, k)) is not None:
                result.kernels[kernel.name] = kernel
        elif token.text == "__shared__" and token.start >= done:
            first, last = _declaration(tokens, k)
            pieces += [source[done : tokens[first].start], _shared(tokens[first : last + 1], file, result)]
            done = tokens[last].end
            newline = "\\\n" if token.directive else "\n"
            pieces.append(newline * source.count("\n", tokens[first].start, done))
        elif token.text in ("__device__", "__constant__") and not token.directive:
            result.variables.update((name, token.text == "__constant__") for name in _variables(tokens, k))
        result.atomics |= token.text.startswith("atomic")
    result.text = "".join([*pieces, source[done:]])
    return result


def _kernel(tokens: Sequence[Token], at: int) -> KernelText | None:
    """The kernel whose __global__ stands at `at`, or None if this is only its announcement."""
    first = at
    while first and tokens[first - 1].text not in (";", "}", "{") and not tokens[first - 1].directive:
        first -= 1
    before = [t.text for t in tokens[first:at]]
    bound, k = "", _called(tokens, at + 1)
    if k is not None and tokens[k].text == "__launch_bounds__":
        end = closing(tokens, k + 1)
        bound = _text(_split(tokens[k + 2 : end])[0])
        k = _called(tokens, end + 1)
    if k is None:
        return None
    end = closing(tokens, k + 1)
    if end + 1 < len(tokens) and tokens[end + 1].text != "{":
        return None
    inside = tokens[k + 2 : end]
    parameters = [_parameter(p) for p in _split(inside)] if inside and _text(inside) != "void" else []
    plain = '"C"' in before or _in_linkage(tokens, first)
    alone = frozenset(_parameter(p)[0] for p in _split(inside) if any(t.text in _RESTRICT for t in p))
    return KernelText(tokens[k].text, tokens[at].line, parameters, bound, plain and "template" not in before, alone)


def _called(tokens: Sequence[Token], at: int) -> int | None:
    """The first name from `at` on with a bracket behind it."""
    pairs = zip(range(at, len(tokens) - 1), tokens[at:], tokens[at + 1 :], strict=False)
    return next((k for k, token, after in pairs if token.kind == "name" and after.text == "("), None)


def _in_linkage(tokens: Sequence[Token], at: int) -> bool:
    """Whether a place is inside of extern "C" { }."""
    return any(
        tokens[k].text == '"C"' and tokens[k + 1].text == "{" and closing(tokens, k + 1) > at for k in range(at - 1)
    )


def _parameter(tokens: Sequence[Token]) -> tuple[str, str]:
    """(name, type): `const float* __restrict__ mu` -> ("mu", "const float*")."""
    words = [t for t in tokens if t.text not in {*_RESTRICT, "__grid_constant__"}]
    end = next((k for k, t in enumerate(words) if t.text == "["), len(words))
    name = words[end - 1].text if end else "?"
    kind = _text(words[: end - 1]) + "*" * (end < len(words))
    if "*" not in kind:
        kind = kind.removeprefix("const ")  # of a copy, it is nobody's business
    return name, kind


def _declaration(tokens: Sequence[Token], at: int) -> tuple[int, int]:
    """First and last token of the declaration around a __shared__."""
    first = at
    while first:
        before = tokens[first - 1]
        if before.text in _SPECIFIERS:
            first -= 1
        elif before.text == ")" and tokens[first - 4].text in ("__align__", "alignas"):
            first -= 4
        else:
            break
    last = at
    while last + 1 < len(tokens) and tokens[last].text not in (";", "{", "}"):
        last = closing(tokens, last) + 1 if tokens[last].text in ("(", "[") else last + 1
    return first, last


def _shared(tokens: Sequence[Token], file: str, result: Translation) -> str:
    """The C++ for one declaration of shared memory."""
    where = f"{file}:{tokens[0].line}: "
    what = " ".join(_text(tokens).split())
    if any(t.text == "=" for t in tokens):
        raise CompileError(
            f"{where}shared memory cannot be initialised, as in `{what} ...`; let threads write to it, then wait"
        )
    unreadable = CompileError(f"{where}cannot read the declaration `{what}`; write `__shared__ type name[size];`")
    if tokens[-1].text != ";":
        raise unreadable
    words, alignment, k = [], "0", 0
    while k < len(tokens) - 1:
        if tokens[k].text in ("__align__", "alignas"):
            end = closing(tokens, k + 1)
            alignment, k = _text(tokens[k + 2 : end]), end
        elif tokens[k].text not in ("__shared__", "extern", "static"):
            words.append(tokens[k])
        k += 1
    chunks = _split(words)
    if any(not chunk or chunk[0].text == "[" for chunk in chunks):
        raise unreadable
    first = words.index(_declarator(chunks[0])[0])
    kind = _text([t for t in words[:first] if t.text != "*"])
    made = []
    for chunk in chunks:
        name, sizes = _declarator(chunk)
        whole = kind + "*" * sum(t.text == "*" for t in chunk[: chunk.index(name)])
        if any(t.text == "extern" for t in tokens):
            if whole.replace("volatile ", "").replace("const ", "") not in WORDS:
                result.grain = 1
            made.append(f"__sim_dynamic_array({name.text}, {whole});")
        else:
            made.append(
                f"__sim_shared_array({name.text}, {alignment}, {' '.join(filter(None, (whole, _text(sizes))))});"
            )
    return " ".join(made)


def _declarator(tokens: Sequence[Token]) -> tuple[Token, Sequence[Token]]:
    """The name that is declared, and the sizes behind it."""
    end = next((k for k, t in enumerate(tokens) if t.text == "["), len(tokens))
    return tokens[end - 1], tokens[end:]


def _variables(tokens: Sequence[Token], at: int) -> Iterator[str]:
    """Names that a __device__ or __constant__ declares, none if it declares a function."""
    k = at + 1
    while k < len(tokens) and tokens[k].text not in ("(", "{", "=", ";", "[", ","):
        k = closing(tokens, k + 1) + 1 if tokens[k].text in ("__align__", "alignas") else k + 1
    if k >= len(tokens) or tokens[k].text in ("(", "{"):
        return
    end = k
    while end < len(tokens) and tokens[end].text != ";":
        end = closing(tokens, end) + 1 if tokens[end].text in ("(", "[", "{") else end + 1
    for chunk in _split(tokens[at + 1 : end]):
        stop = next((j for j, t in enumerate(chunk) if t.text in ("=", "[", "{")), len(chunk))
        if stop and chunk[stop - 1].kind == "name":
            yield chunk[stop - 1].text


def _split(tokens: Sequence[Token]) -> list[Sequence[Token]]:
    """Cut at the commas that stand in no bracket; `<` counts as one where it follows a name, as in `pair<int, int>`."""
    chunks, depth, start = [], 0, 0
    for k, token in enumerate(tokens):
        angle = token.text == "<" and k and tokens[k - 1].kind == "name"
        depth += (token.text in ("(", "[", "{")) + bool(angle) - (token.text in (")", "]", "}", ">"))
        if token.text == "," and depth == 0:
            chunks.append(tokens[start:k])
            start = k + 1
    return [*chunks, tokens[start:]]


def _text(tokens: Sequence[Token]) -> str:
    """The tokens as one line: `const float*`, `[T][T+1]`."""
    out = ""
    for before, token in zip([None, *tokens], tokens, strict=False):
        words = before and before.kind in ("name", "number") and token.kind in ("name", "number", "string")
        qualified = before and before.text == "*" and token.text in ("const", "volatile")
        out += " " * bool(words or qualified) + token.text
    return out
