"""All kernels there are. A new one is a function in a .cu file, a line here, and its maths in tests/cuda/references.py.

What can be read in the .cu file is not repeated: arguments, shapes, the size of a block. See `registry.Kernel`.
"""

from functools import cache

from minivae.cuda.registry import Kernel
from minivae.errors import BackendError

KINDS = ("none", "relu", "silu", "gelu", "tanh", "sigmoid")  # the activations of bias_activation.cu: kind 0, 1, ...

_KIND = (("0 <= kind <= 5", f"kind numbers {', '.join(KINDS)}"),)
_ONE = (("0 <= one_logvar <= 1", "one_logvar is 1 where logvar is a single number, else 0"),)
_SILU = (("0 <= silu <= 1", "silu is 1 where the bend is to follow, else 0"),)
_GROUPS = (("groups >= 1 and C >= 1 and C % groups == 0", "groups is 1 or more, and divides C"),)
_PATCHES = (
    ("k >= 1 and stride >= 1 and padding >= 0", "k and stride are 1 or more, padding is 0 or more"),
    ("h == (H + 2 * padding - k) // stride + 1 >= 1", "h is (H + 2 padding - k) / stride + 1, rounded down, 1 or more"),
    ("w == (W + 2 * padding - k) // stride + 1 >= 1", "w is (W + 2 padding - k) / stride + 1, rounded down, 1 or more"),
    ("max(H + 2 * padding, (W + 2 * padding) * C, w * k * k * C) < 2**31 - 2**22", "a place in a row is an int"),
)
_PIXEL = (("P >= 1", "an image has at least one pixel"),)
_ROW = (("N >= 1", "a row has at least one number"),)
_PIXELS = (("B * h * w < 2**31 - 2**22", "the number of output pixels is an int"),)
_TILES = "cdiv(B, ROWS), min(cdiv({}, WARP), 65535)"  # blocks of ROWS rows and WARP columns

TABLE = (
    Kernel("adam_v1", "adam.cu", grid="cdiv(n, BLOCK)", flops="12*n"),
    Kernel("adam_v2", "adam.cu", grid="cdiv(n, 4 * BLOCK)", align=16, flops="12*n", engine=True),
    Kernel("bernoulli_nll_v1", "bernoulli_nll.cu", grid="cdiv(B, ROWS)", flops="8*B*D"),
    Kernel("bernoulli_nll_v2", "bernoulli_nll.cu", grid="B", flops="8*B*D", engine=True),
    Kernel("bernoulli_nll_backward", "bernoulli_nll.cu", grid=_TILES.format("D"), block="WARP, ROWS", flops="7*B*D"),
    Kernel("bias_activation_v1", "bias_activation.cu", grid="cdiv(B * O, BLOCK)", needs=_KIND, flops="10*B*O"),
    Kernel(
        "bias_activation_v2",
        "bias_activation.cu",
        grid="cdiv(O, WIDTH), min(cdiv(B, HEIGHT), 65535)",
        block="WIDTH, HEIGHT",
        needs=_KIND,
        flops="10*B*O",
        engine=True,
    ),
    Kernel(
        "bias_activation_backward",
        "bias_activation.cu",
        grid="cdiv(O, WIDTH), min(cdiv(B, ROWS), 65535)",
        block="WIDTH, HEIGHT",
        needs=_KIND,
        flops="20*B*O",
    ),
    Kernel("col2im_v1", "im2col.cu", grid="cdiv(B * H * W * C, BLOCK)", needs=_PATCHES, flops="B*h*w*k*k*C"),
    Kernel("col2im_v2", "im2col.cu", grid="B * H", needs=_PATCHES, flops="B*h*w*k*k*C", engine=True),
    Kernel("column_sum_v1", "bias_activation.cu", grid="cdiv(O, BLOCK)", flops="B*O"),
    Kernel(
        "column_sum_v2", "bias_activation.cu", grid="cdiv(O, WIDTH)", block="WIDTH, HEIGHT", flops="B*O", engine=True
    ),
    Kernel(
        "conv_direct_v1",
        "conv_direct.cu",
        grid="cdiv(B * h * w, HEIGHT), cdiv(O, WIDTH)",
        block="WIDTH, HEIGHT",
        needs=_PATCHES + _PIXELS,
        flops="2*B*h*w*O*k*k*C",
    ),
    Kernel(
        "conv_direct_v2",
        "conv_direct.cu",
        grid="cdiv(B * h * w, SIDE), cdiv(O, WIDTH)",
        block="WIDTH, HEIGHT",
        needs=_PATCHES + _PIXELS,
        flops="2*B*h*w*O*k*k*C",
        engine=True,
    ),
    Kernel("diffuse", "diffuse.cu", grid=_TILES.format("D"), block="WARP, ROWS", flops="3*B*D"),
    Kernel("gaussian_kl_v1", "gaussian_kl.cu", grid="cdiv(B, BLOCK)", flops="6*B*L"),
    Kernel("gaussian_kl_v2", "gaussian_kl.cu", grid="B", flops="6*B*L"),
    Kernel("gaussian_kl_v3", "gaussian_kl.cu", grid="cdiv(B, ROWS)", flops="6*B*L", engine=True),
    Kernel("gaussian_kl_backward", "gaussian_kl.cu", grid=_TILES.format("L"), block="WARP, ROWS", flops="5*B*L"),
    Kernel("gaussian_nll", "gaussian_nll.cu", grid="B", needs=_ONE, flops="8*B*D"),
    Kernel(
        "gaussian_nll_backward",
        "gaussian_nll.cu",
        grid=_TILES.format("D"),
        block="WARP, ROWS",
        needs=_ONE,
        flops="12*B*D",
    ),
    Kernel(
        "group_norm_silu_v1",
        "group_norm_silu.cu",
        grid="cdiv(B * groups, BLOCK)",
        needs=_GROUPS + _PIXEL + _SILU,
        flops="12*B*P*C",
    ),
    Kernel(
        "group_norm_silu_v2",
        "group_norm_silu.cu",
        grid="B * groups",
        needs=_GROUPS + _PIXEL + _SILU,
        flops="12*B*P*C",
        engine=True,
    ),
    Kernel(
        "group_norm_silu_backward",
        "group_norm_silu.cu",
        grid="B * groups",
        needs=_GROUPS + _PIXEL + _SILU,
        flops="36*B*P*C",
    ),
    Kernel("im2col_v1", "im2col.cu", grid="cdiv(B * h * w * k * k * C, BLOCK)", needs=_PATCHES, flops="B*h*w*k*k*C"),
    Kernel("im2col_v2", "im2col.cu", grid="B * h", needs=_PATCHES, flops="B*h*w*k*k*C", engine=True),
    Kernel("layer_norm_v1", "layer_norm.cu", grid="cdiv(B, BLOCK)", needs=_ROW, flops="8*B*N"),
    Kernel("layer_norm_v2", "layer_norm.cu", grid="cdiv(B, WARPS)", needs=_ROW, flops="8*B*N", engine=True),
    Kernel("layer_norm_backward", "layer_norm.cu", grid="cdiv(B, ROWS)", flops="16*B*N"),
    Kernel("logsumexp_v1", "softmax.cu", grid="cdiv(B, ROWS)", needs=_ROW, flops="4*B*N"),
    Kernel("logsumexp_v2", "softmax.cu", grid="cdiv(B, ROWS)", needs=_ROW, flops="5*B*N", engine=True),
    Kernel("logsumexp_backward", "softmax.cu", grid=_TILES.format("N"), block="WARP, ROWS", flops="3*B*N"),
    Kernel("matmul_v1", "matmul.cu", grid="cdiv(M, TILE), cdiv(N, TILE)", block="TILE, TILE", flops="2*M*N*K"),
    Kernel("matmul_v2", "matmul.cu", grid="cdiv(M, TILE), cdiv(N, TILE)", block="TILE, TILE", flops="2*M*N*K"),
    Kernel(
        "matmul_v3",
        "matmul.cu",
        grid="cdiv(M, SIDE), cdiv(N, SIDE)",
        block="TILE, TILE",
        flops="2*M*N*K",
        engine=True,
    ),
    Kernel("philox_bits", "reparameterize.cu", grid="cdiv(n, BLOCK)", flops="100*n"),
    Kernel("philox_normal", "reparameterize.cu", grid="cdiv(n, 4 * BLOCK)", flops="30*n"),
    Kernel("reparameterize", "reparameterize.cu", grid="cdiv(n, BLOCK)", flops="4*n"),
    Kernel("reparameterize_backward", "reparameterize.cu", grid="cdiv(n, BLOCK)", flops="5*n"),
    Kernel("reparameterize_philox", "reparameterize.cu", grid="cdiv(n, 4 * BLOCK)", flops="34*n"),
    Kernel("reparameterize_philox_backward", "reparameterize.cu", grid="cdiv(n, 4 * BLOCK)", flops="35*n"),
    Kernel("softmax_v1", "softmax.cu", grid="cdiv(B, BLOCK)", needs=_ROW, flops="7*B*N"),
    Kernel("softmax_v2", "softmax.cu", grid="cdiv(B, ROWS)", needs=_ROW, flops="7*B*N"),
    Kernel("softmax_v3", "softmax.cu", grid="cdiv(B, ROWS)", needs=_ROW, flops="8*B*N", engine=True),
    Kernel("softmax_backward", "softmax.cu", grid="cdiv(B, ROWS)", flops="4*B*N"),
)

KERNELS = {kernel.name: kernel for kernel in TABLE}


def versions(role: str) -> list[Kernel]:
    """All versions of a kernel, in rising order: "gaussian_kl" -> gaussian_kl_v1, gaussian_kl_v2, gaussian_kl_v3."""
    return [kernel for kernel in TABLE if kernel.role == role]


@cache
def find(name: str) -> Kernel:
    """A kernel by name, or by the name that its versions share: then the one that the package uses.

    Raises
    ------
    BackendError
        If there is none of that name, or it is not said which version is used.
    """
    if name in KERNELS:
        return KERNELS[name]
    candidates = versions(name)
    if not candidates:
        raise BackendError(f"launch: there is no kernel {name!r}; there are {', '.join(sorted(KERNELS))}")
    chosen = [kernel for kernel in candidates if kernel.engine]
    if len(chosen) != 1:
        names = ", ".join(kernel.name for kernel in candidates)
        raise BackendError(f"launch: engine=True has to stand at one of {names}; it stands at {len(chosen)}")
    return chosen[0]
