"""Each kernel on large arrays: what it takes, and what share of the device's best that is."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minivae.cuda import KERNELS
from minivae.cuda.registry import Kernel
from minivae.cuda.timing import Ceilings, Timing, timing
from tests.cuda.references import REFERENCES

IMAGES = dict(B=1024, H=32, W=32, C=32, O=64, h=16, w=16, k=4, stride=2, padding=1)
# By the sizes that a kernel has: some hundred megabytes each, more than any cache holds.
LARGE: dict[tuple[str, ...], dict[str, int]] = {
    ("n",): dict(n=2**26),
    ("B", "D"): dict(B=2**16, D=1024),
    ("B", "D", "one_logvar"): dict(B=2**16, D=1024),
    ("B", "D", "T"): dict(B=2**16, D=1024, T=1000),
    ("B", "L"): dict(B=2**21, L=32),
    ("B", "N"): dict(B=2**16, N=1024),
    ("B", "O"): dict(B=2**16, O=1024),
    ("B", "P", "C", "groups"): dict(B=1024, P=1024, C=64, groups=8),
    ("M", "N", "K"): dict(M=4096, N=4096, K=4096),
    ("B", "H", "W", "C", "h", "w", "k"): IMAGES,
    ("B", "H", "W", "C", "O", "h", "w", "k"): IMAGES,
}
OTHERS = dict(kind=2, one_logvar=0, silu=1, seed=1, draw=0, stride=2, padding=1)  # what is no size; kind 2 is SiLU
PIECE = 2**16  # numbers that are drawn; a large array repeats them


def sizes(kernel: Kernel, quick: bool = False) -> dict[str, int]:
    """The integer arguments of a large launch; with `quick` the smallest that the tests use."""
    wanted = [p.name for p in kernel.parameters if p.shape is None and p.ctype != "float"]
    if quick:
        return {name: int(REFERENCES[kernel.role].scalars(kernel)[0][name]) for name in wanted}
    large = OTHERS | LARGE[kernel.sizes]
    return {name: large[name] for name in wanted}


def arguments(kernel: Kernel, scalars: dict[str, int], xp: Any) -> dict[str, Any]:
    """Every argument by name: inputs as the tests draw them, repeated to fill the arrays."""
    reference, rng = REFERENCES[kernel.role], np.random.default_rng(0)
    given: dict[str, Any] = dict(scalars)
    for p in kernel.parameters:
        if p.shape:
            shape = kernel.value(p.shape, **scalars)
            count = int(np.prod(shape))
            values = reference.draw.get(p.name, lambda rng, shape: rng.standard_normal(shape))(rng, (PIECE,))
            piece = xp.asarray(values.astype(p.dtype))
            given[p.name] = xp.ascontiguousarray(xp.resize(piece, count).reshape(shape))
        elif p.ctype == "float":
            given[p.name] = float(reference.scalars(kernel)[0][p.name])
    return given


def measured(xp: Any, quick: bool = False) -> Iterator[Timing]:
    """Every kernel in turn."""
    for kernel in KERNELS.values():
        yield timing(kernel, arguments(kernel, sizes(kernel, quick), xp))


def table(timings: list[Timing], best: Ceilings) -> str:
    """The rows of the report, in Markdown."""
    lines = [
        "| kernel | sizes | µs | bytes | GB/s | of the copy | GFLOP/s | of the product | floor ÷ time |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for t in timings:
        used = " ".join(f"{name}={value:,}" for name, value in t.scalars.items() if name in t.kernel.sizes)
        moved, done = t.bytes / t.seconds, t.flops / t.seconds
        lines.append(
            f"| {t.kernel.name} | {used} | {1e6 * t.seconds:.4g} | {t.bytes:,} | {moved / 1e9:.3g} | "
            f"{moved / best.copy:.0%} | {done / 1e9:.3g} | {done / best.product:.0%} | {t.share(best):.0%} |"
        )
    return "\n".join(lines)
