"""Denoisers: networks that look at x_t and the step t, and say what is noise in it.

`UNet` is for images and for latents with a plan, `MLPDenoiser` for latents that are vectors. Both have `shape`, that of
one x, and `classes`; label number `classes` says "none".
"""

import itertools
import math
from typing import Any

import numpy as np

from minivae.engine import Tensor
from minivae.errors import ConfigError, ShapeError
from minivae.models.blocks import Attention, Down, ResBlock, Up, norm
from minivae.nn import Conv2d, Embedding, LayerNorm, Linear, Module, Sequential
from minivae.ops import concat, silu


def sines(t: np.ndarray, dim: int, longest: float = 10_000) -> np.ndarray:
    """Steps as sines and cosines of `dim` / 2 wavelengths: (B,) -> (B, dim) float64.

    They go from 2 pi to nearly 2 pi `longest`, so close steps have close vectors, at every scale.
    Source: Vaswani et al. 2017, section 3.5.
    """
    rate = np.exp(-math.log(longest) * np.arange(dim // 2) / (dim // 2))
    angle = np.asarray(t)[:, None] * rate  # (B, dim / 2)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)


class Condition(Module):
    """What a denoiser is told besides x_t: the step and the label, in one vector, (B,), (B,) -> (B, emb).

    Parameters
    ----------
    emb : length of the vector, even.
    classes : labels that there are; one more is learnt, number `classes`, for "none".

    Source: Ho et al. 2020, appendix B; Ho & Salimans 2022 for "none".
    """

    def __init__(self, emb: int, classes: int, *, rng: np.random.Generator):
        if emb < 2 or emb % 2 or classes < 0:
            raise ConfigError(f"Condition: got emb={emb}, classes={classes}; wanted an even length, and 0 or more")
        self.n, self.classes = emb, classes
        self.time = Sequential(Linear(emb, emb, rng=rng), silu, Linear(emb, emb, rng=rng))
        self.label = Embedding(classes + 1, emb, rng=rng) if classes else None

    def forward(self, x: Tensor, t: np.ndarray, labels: np.ndarray | None) -> Tensor:
        B = len(x)
        if np.shape(t) != (B,):
            raise ShapeError(f"denoiser: t is {np.shape(t)} for {B} images; wanted one step for each: ({B},)")
        emb = self.time(Tensor(sines(t, self.n).astype(x.dtype)))
        if self.label is not None:
            labels = np.full(B, self.classes) if labels is None else labels
            if np.shape(labels) != (B,):
                raise ShapeError(f"denoiser: labels are {np.shape(labels)} for {B} images; wanted ({B},)")
            emb = emb + self.label(labels)
        elif labels is not None:
            raise ConfigError("denoiser: got labels, but it knows none; make it with classes=10")
        return silu(emb)


class UNet(Module):
    """Down to a small grid and up again, with a bridge at each resolution: (B, C, H, W) to the same.

    Parameters
    ----------
    shape : (C, H, W) of one x. H and W are halved once for each width but the first.
    widths : channels at each resolution, from the full one down. Three quarters of the parameters stand at the last,
        where a parameter costs least; by default they are 0.54 M in all.
    blocks : residual blocks at each resolution, on the way down and again on the way up; one more in the middle.
    attention : whether the pixels of the smallest grid look at each other.
    classes : labels that there are; 0 for none.
    emb : length of the vector that says step and label.
    rng : draws the initial weights. The last layer starts at 0, and so does the answer.

    Raises ConfigError for a setting outside its range.
    Source: Ronneberger et al. 2015; Ho et al. 2020, appendix B, for diffusion.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (4, 8, 8),
        widths: tuple[int, ...] = (32, 96),
        *,
        blocks: int = 1,
        attention: bool = True,
        classes: int = 10,
        emb: int = 128,
        rng: np.random.Generator,
    ):
        shape, widths = tuple(shape), tuple(widths)  # type: ignore[assignment]
        if len(shape) != 3 or not widths or min(shape) < 1 or blocks < 1:
            raise ConfigError(
                f"UNet: got shape={shape}, widths={widths}, blocks={blocks}; wanted (C, H, W), and 1 or more"
            )
        if any(n % 2 ** (len(widths) - 1) for n in shape[1:]):
            raise ConfigError(
                f"UNet: {shape[1]} x {shape[2]} cannot be halved {len(widths) - 1} times; take fewer widths, or pad"
            )
        self.config: dict[str, Any] = dict(
            shape=list(shape), widths=list(widths), blocks=blocks, attention=attention, classes=classes, emb=emb
        )
        self.shape, self.classes = shape, classes
        self.condition = Condition(emb, classes, rng=rng)
        self.first = Conv2d(shape[0], widths[0], 3, padding=1, rng=rng)
        pairs = list(itertools.pairwise(widths))  # a width and the next one down
        self.way_down: list[dict[str, Any]] = [
            {"blocks": [ResBlock(n, n, emb=emb, rng=rng) for _ in range(blocks)], "half": Down(n, below, rng=rng)}
            for n, below in pairs
        ]
        n = widths[-1]
        self.middle = [ResBlock(n, n, emb=emb, rng=rng) for _ in range(blocks + 1)]
        self.attention = Attention(n, rng=rng) if attention else None
        self.way_up: list[dict[str, Any]] = [
            {
                "twice": Up(below, n, rng=rng),
                "blocks": [ResBlock(2 * n if i == 0 else n, n, emb=emb, rng=rng) for i in range(blocks)],
            }
            for n, below in reversed(pairs)
        ]
        self.norm = norm(widths[0])
        self.last = Conv2d(widths[0], shape[0], 3, padding=1, init="zeros", rng=rng)

    def forward(self, x: Tensor, t: np.ndarray, labels: np.ndarray | None = None) -> Tensor:
        """The answer: x_t (B, C, H, W), t (B,), labels (B,) or None -> (B, C, H, W).

        Raises ShapeError for another shape, or not one step and label for each image; ConfigError for labels where
        there are no classes; DataError and DtypeError for labels that are none of the classes.
        """
        if x.shape[1:] != self.shape:
            raise ShapeError(f"UNet: x is {x.shape}; wanted (B, {', '.join(map(str, self.shape))})")
        emb = self.condition(x, t, labels)  # (B, emb)
        h, bridges = self.first(x), []
        for level in self.way_down:
            for block in level["blocks"]:
                h = block(h, emb)
            bridges.append(h)
            h = level["half"](h)
        first, *rest = self.middle
        h = first(h, emb)
        h = h if self.attention is None else self.attention(h)
        for block in rest:
            h = block(h, emb)
        for level in self.way_up:
            h = concat(level["twice"](h), bridges.pop(), axis=1)  # (B, 2 n, H, W)
            for block in level["blocks"]:
                h = block(h, emb)
        return self.last(silu(self.norm(h)))


class MLPDenoiser(Module):
    """A denoiser for vectors: residual layers that are told step and label: (B, L) to the same.

    Parameters
    ----------
    dim : L.
    hidden, layers : units in each layer, and how many there are.
    classes, emb, rng : as for `UNet`.

    Raises ConfigError for a setting outside its range.
    """

    def __init__(
        self,
        dim: int = 20,
        hidden: int = 256,
        layers: int = 3,
        *,
        classes: int = 10,
        emb: int = 128,
        rng: np.random.Generator,
    ):
        if layers < 1:
            raise ConfigError(f"MLPDenoiser: layers is {layers}; wanted 1 or more")
        self.config = dict(dim=dim, hidden=hidden, layers=layers, classes=classes, emb=emb)
        self.shape, self.classes = (dim,), classes
        self.condition = Condition(emb, classes, rng=rng)
        self.first = Linear(dim, hidden, rng=rng)
        self.layers = [
            {"norm": LayerNorm(hidden), "emb": Linear(emb, hidden, rng=rng), "out": Linear(hidden, hidden, rng=rng)}
            for _ in range(layers)
        ]
        self.norm = LayerNorm(hidden)
        self.last = Linear(hidden, dim, init="zeros", rng=rng)

    def forward(self, x: Tensor, t: np.ndarray, labels: np.ndarray | None = None) -> Tensor:
        """The answer: x_t (B, L), t (B,), labels (B,) or None -> (B, L); raises as `UNet.forward`."""
        if x.shape[1:] != self.shape:
            raise ShapeError(f"MLPDenoiser: x is {x.shape}; wanted (B, {self.shape[0]})")
        emb = self.condition(x, t, labels)  # (B, emb)
        h = self.first(x)
        for layer in self.layers:
            h = h + layer["out"](silu(layer["norm"](h) + layer["emb"](emb)))
        return self.last(silu(self.norm(h)))
