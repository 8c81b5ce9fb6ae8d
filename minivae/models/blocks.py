"""What the convolutional models are built of: residual blocks, attention, and the steps down and up in resolution."""

import numpy as np

from minivae.engine import Tensor
from minivae.nn import Conv2d, GroupNorm, Linear, Module
from minivae.ops import attention, silu, upsample


def norm(n: int) -> GroupNorm:
    """Group norm over `n` channels: at most 8 groups, of 4 channels at least where n allows it."""
    return GroupNorm(n, groups=next(groups for groups in (8, 4, 2, 1) if n % groups == 0 and n // groups >= min(4, n)))


class ResBlock(Module):
    """x + f(x), where f is twice norm, SiLU, 3 x 3 convolution: (B, n_in, H, W) -> (B, n_out, H, W).

    f's last convolution starts at 0, so the block starts as if it were not there, and a deep model as a shallow one.

    Parameters
    ----------
    n_in, n_out : channels; where they differ, a 1 x 1 convolution brings x to `n_out`.
    emb : length of the vector that tells the block about time and class, (B, emb); 0 for none. Its projection is
        added to every pixel between the two convolutions.
    rng : draws the initial weights.

    Source: He et al. 2016 (the order of the parts); Ho et al. 2020, appendix B (in diffusion).
    """

    def __init__(self, n_in: int, n_out: int, *, emb: int = 0, rng: np.random.Generator):
        self.norm1, self.norm2 = norm(n_in), norm(n_out)
        self.conv1 = Conv2d(n_in, n_out, 3, padding=1, rng=rng)
        self.conv2 = Conv2d(n_out, n_out, 3, padding=1, init="zeros", rng=rng)
        self.emb = Linear(emb, n_out, rng=rng) if emb else None
        self.skip = Conv2d(n_in, n_out, 1, rng=rng) if n_in != n_out else None

    def forward(self, x: Tensor, emb: Tensor | None = None) -> Tensor:
        h = self.conv1(silu(self.norm1(x)))
        if self.emb is not None:
            h = h + self.emb(emb)[:, :, None, None]  # (B, n_out, 1, 1)
        h = self.conv2(silu(self.norm2(h)))
        return h + (x if self.skip is None else self.skip(x))


class Attention(Module):
    """x + f(x), where in f each pixel asks all pixels of its image: (B, n, H, W) to the same.

    One head. It costs (H W)^2, which is why it stands where images are small. As in `ResBlock`, f starts at 0.

    Source: Vaswani et al. 2017, section 3.2.1; Ho et al. 2020, appendix B (in diffusion).
    """

    def __init__(self, n: int, *, rng: np.random.Generator):
        self.norm = norm(n)
        self.qkv = Linear(n, 3 * n, rng=rng)
        self.out = Linear(n, n, init="zeros", rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        B, n, H, W = x.shape
        pixels = self.norm(x).transpose(0, 2, 3, 1).reshape(B, H * W, n)
        qkv = self.qkv(pixels)  # (B, H * W, 3 n)
        q, k, v = (qkv[:, :, i * n : (i + 1) * n] for i in range(3))
        h = self.out(attention(q, k, v))  # (B, H * W, n)
        return x + h.reshape(B, H, W, n).transpose(0, 3, 1, 2)


class Down(Conv2d):
    """Half the resolution, by a convolution that takes every second place: (B, n_in, 2h, 2w) -> (B, n_out, h, w)."""

    def __init__(self, n_in: int, n_out: int, *, rng: np.random.Generator):
        super().__init__(n_in, n_out, 3, stride=2, padding=1, rng=rng)


class Up(Conv2d):
    """Twice the resolution: every pixel becomes four, then a convolution: (B, n_in, h, w) -> (B, n_out, 2h, 2w).

    Why not one transposed convolution of stride 2, with a quarter of the work? A 3 x 3 one reaches some pixels once,
    some twice and some four times, and what it learns keeps a trace of that: a checkerboard. Here all are reached
    alike.

    Source: Odena et al. 2016, "Deconvolution and checkerboard artifacts".
    """

    def __init__(self, n_in: int, n_out: int, *, rng: np.random.Generator):
        super().__init__(n_in, n_out, 3, padding=1, rng=rng)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(upsample(x, factor=2))
