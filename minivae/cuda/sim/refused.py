"""What a .cu file may not use here: each by its name, with the reason and what to write instead."""

import re
from collections.abc import Sequence

from minivae.cuda.sim.errors import CompileError
from minivae.cuda.sim.tokens import Token

# What NVRTC, which compiles these files for a GPU, has not got either without headers.
NO_HEADERS = "NVRTC, which compiles this file for the GPU, has no standard headers"
MISSING = {
    "INFINITY": "write __int_as_float(0x7f800000)",
    "HUGE_VALF": "write __int_as_float(0x7f800000)",
    "NAN": "write __int_as_float(0x7fffffff)",
    "FLT_MAX": "write 3.402823466e+38f",
    "FLT_MIN": "write 1.175494351e-38f",
    "FLT_EPSILON": "write 1.192092896e-07f",
    "DBL_MAX": "write 1.7976931348623157e+308",
    "DBL_EPSILON": "write 2.2204460492503131e-16",
    "INT_MAX": "write 0x7fffffff",
    "INT_MIN": "write (-0x7fffffff - 1)",
    "UINT_MAX": "write 0xffffffffu",
    "M_PI": "write 3.14159265358979323846",
    "CHAR_BIT": "write 8",
    "int8_t": "write signed char",
    "uint8_t": "write unsigned char",
    "int16_t": "write short",
    "uint16_t": "write unsigned short",
    "int32_t": "write int",
    "uint32_t": "write unsigned int",
    "int64_t": "write long long",
    "uint64_t": "write unsigned long long",
    "uintptr_t": "write size_t",
    "intptr_t": "write ptrdiff_t",
    "uint": "write unsigned int",
    "uchar": "write unsigned char",
    "ushort": "write unsigned short",
    "ulong": "write unsigned long",
    "std": "write the CUDA function without std::",
    "memmove": "copy in a loop",
    "memcmp": "compare in a loop",
    "strlen": "count in a loop",
}

# What CUDA has and the simulator has not. A pattern has to match the whole name, which takes the place of {0}.
UNSUPPORTED = {
    r"(__)?half2?|__\w+2half\w*|__half2?\w+|__h(mul|fma|sub)2?|__hadd2|hexp|hlog": (
        "half precision is not simulated; compute in float"
    ),
    r"(__)?nv_bfloat16\w*|__\w+2bfloat16\w*|__bfloat16\w+": "bfloat16 is not simulated; compute in float",
    r"__nv_fp\w+|__fp[48]\w*": "8-bit floats are not simulated; compute in float",
    r"cooperative_groups|cg": (
        "cooperative groups are not simulated; use __syncthreads(), __syncwarp() and the warp functions ending in _sync"
    ),
    r"asm|__asm|__asm__": "this is PTX, which a CPU cannot run; write it in C",
    r"texture|surface|(tex|surf)(1D|2D|3D|Cubemap)\w*|cuda(Texture|Surface)Object_t": (
        "textures and surfaces are not simulated; read from an array"
    ),
    r"<<<": "kernels that launch kernels are not simulated; launch the second one from Python",
    r"cuda[A-Z]\w*": "a .cu file here holds kernels only; memory and launches are Python's part",
    r"wmma|nvcuda|\w*mma_sync|__w?mma\w*": "tensor cores are not simulated; multiply in float",
    r"__managed__|__cluster\w*": "there is no such memory or grouping in the simulator; use plain arrays and blocks",
    r"malloc|free|alloca|new|delete": "memory cannot be allocated in a kernel here; pass an array from Python",
    r"__activemask": "what it returns is the GPU's accident; say which lanes you mean, with __ballot_sync for one",
    r"__shfl|__shfl_up|__shfl_down|__shfl_xor|__ballot|__any|__all": (
        "CUDA dropped it with the Volta generation; write {0}_sync with the mask of the lanes, 0xffffffffu for all"
    ),
    r"clock|clock64|__clock\w*|globaltimer": "time on a CPU says nothing about a GPU; measure on the GPU",
    r"__reduce_\w+_sync": "only GPUs from sm_80 on have it; write a loop of __shfl_xor_sync",
    r"__barrier_sync\w*": "named barriers are not simulated; use __syncthreads()",
    r"__pipeline_\w+|(__)?memcpy_async": "asynchronous copies are not simulated; copy with = and then __syncthreads()",
    r"__[df](add|sub|mul|maf|ma|div|sqrt|rcp)_r[zud]": "only rounding to nearest is simulated; use the _rn function",
    r"__v(add|sub|abs|avg|max|min|cmp|set|sad)\w*[24]|__dp[24]a\w*": (
        "arithmetic on packed bytes is not simulated; do it one number at a time"
    ),
    r"__builtin_(?!(expect|assume|unreachable)$)\w+|__(int|float)128": (
        "this is the CPU compiler's own, and NVRTC has not got it; do without it"
    ),
    r"__is(Global|Shared|Local|Constant)|__cvta_\w+|__nvvm_\w+|__fns|__brkpt|__prof_trigger": (
        "the simulator has no such function; do without it"
    ),
    r"(erfinv|erfcinv|erfcx|normcdfinv|cyl_bessel_i[01])f?": (
        "the simulator has no such function; compute it from others, or pass its values in an array"
    ),
}
# What stands before a name that is used, and before one that is declared: `return half;`, `float* half;`.
_NO_TYPE = {"return", "else", "case", "new", "delete", "namespace", "sizeof"}
_TYPE = {"float", "double", "int", "unsigned", "char", "short", "long", "bool", "void", "size_t", "const", "float4"}
_UNSUPPORTED = [(re.compile(pattern), why) for pattern, why in UNSUPPORTED.items()]


def refuse(tokens: Sequence[Token], file: str) -> None:
    """Raise CompileError at the first thing that cannot work; the file's own names are the file's."""
    own = _declared(tokens)
    for k, token in enumerate(tokens):
        reason = _reason(tokens, k, own)
        if reason:
            raise CompileError(f"{file}:{token.line}: {reason}")


def _reason(tokens: Sequence[Token], k: int, own: set[str]) -> str:
    token = tokens[k]
    if token.directive == "include" and token.text == "include":
        what = "".join(t.text for t in tokens[k + 1 : k + 12] if t.line == token.line)
        return f"#include {what}: {NO_HEADERS}; CUDA's own functions are there without it, so take the line out"
    if token.directive == "include" or token.text in own or (k and tokens[k - 1].text in (".", "->")):
        return ""
    if token.text == "__shared__" and token.directive == "" and _outermost(tokens, k):
        return "__shared__ outside of a function: declare it inside the kernel that uses it"
    if token.text == "__global__" and token.directive == "define":
        return "__global__ in a macro: write the kernel's name out, as in `__global__ void name(`"
    if token.kind == "name" and token.text in MISSING:
        if token.text == "std" and not (k + 1 < len(tokens) and tokens[k + 1].text == "::"):
            return ""
        return f"{token.text}: {NO_HEADERS}; {MISSING[token.text]}"
    if token.kind == "name" or token.text == "<<<":
        for pattern, why in _UNSUPPORTED:
            if pattern.fullmatch(token.text):
                return f"{token.text}: {why.format(token.text)}"
    return ""


def _declared(tokens: Sequence[Token]) -> set[str]:
    """Names that the file makes itself, so that they mean what the file says."""
    own = set()
    for k, token in enumerate(tokens[1:], 1):
        before, after = tokens[k - 1], tokens[k + 1] if k + 1 < len(tokens) else token
        if token.kind != "name" or before.text == "__shared__":
            continue
        declared = before.kind == "name" and before.text not in _NO_TYPE
        declared = declared or (before.text in ("*", "&") and tokens[k - 2].text in _TYPE)
        if declared and (after.text in ("=", ";", ",", ")", "(", "[", "{", ":") or before.directive == "define"):
            own.add(token.text)
    return own


def _outermost(tokens: Sequence[Token], k: int) -> bool:
    """Whether a token stands outside of every function: in no brace but those of extern "C" and namespaces."""
    depth, skipped = 0, []
    for j, token in enumerate(tokens[:k]):
        if token.directive:
            continue
        if token.text == "{":
            linkage = j >= 1 and (
                tokens[j - 1].kind == "string" or "namespace" in (t.text for t in tokens[max(0, j - 2) : j])
            )
            skipped.append(linkage)
            depth += not linkage
        elif token.text == "}" and skipped:
            depth -= not skipped.pop()
    return depth == 0
