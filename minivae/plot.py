"""Pictures. One style for all; colours that colour-blind readers can tell apart, on white so that dark pages do too."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minivae import checkpoint
from minivae.errors import ConfigError, ShapeError

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"  # Okabe & Ito 2008, and a grey

STYLE: Any = {
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "axes.axisbelow": True,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "svg.hashsalt": "minivae",
}

# The figures of a training log that are drawn: in words, and their unit.
CURVES = {
    "elbo": ("ELBO", "nats per image"),
    "reconstruction": ("reconstruction, log p(x | z)", "nats per image"),
    "kl": ("KL(q(z | x) || p(z))", "nats per image"),
    "mse": ("error of the denoiser", "squared error of a value"),
}


@contextmanager
def style() -> Iterator[None]:
    """Inside, or in a function under `@style()`, matplotlib draws as the course does, whatever its user has set."""
    import matplotlib.pyplot as plt

    plt.draw_if_interactive()  # loads the backend: inside the block, what it sets as it loads would be undone
    with plt.style.context(["default", STYLE]):
        yield


@style()
def figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """A matplotlib figure of `width` by `height` inches in the style of the course, and its axes, as `plt.subplots`."""
    import matplotlib.pyplot as plt

    return plt.subplots(rows, columns, figsize=(width, height))


def tile(images: np.ndarray, columns: int, gap: int = 2, shape: tuple[int, int] | None = None) -> np.ndarray:
    """Images side by side in one.

    Parameters
    ----------
    images : (N, H * W), (N, H, W) or (N, 1, H, W), in [0, 1].
    columns : images in a row; the last row is filled up with white.
    gap : white pixels between two images.
    shape : (H, W); where images are flat and it is not given, they are taken to be square.

    Returns
    -------
    (rows * (H + gap) - gap, columns * (W + gap) - gap) float32

    Raises
    ------
    ShapeError
        If flat images are not square and `shape` is not given, or does not fit; if there is nothing to show.
    """
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if images.ndim not in (2, 3):
        raise ShapeError(f"tile: images are {images.shape}; wanted (N, H * W), (N, H, W) or (N, 1, H, W)")
    if columns < 1 or len(images) == 0 or gap < 0:
        raise ShapeError(f"tile: got {len(images)} images, columns={columns}, gap={gap}; wanted 1, 1 and 0 or more")
    if images.ndim == 2:
        side = math.isqrt(images.shape[1])
        height, width = shape or (side, side)
        if height * width != images.shape[1]:
            raise ShapeError(f"tile: {images.shape[1]} pixels are not {height} x {width}; pass shape=(H, W)")
        images = images.reshape(-1, height, width)
    n, height, width = images.shape
    rows = -(-n // columns)
    whole = np.ones((rows, height + gap, columns, width + gap), np.float32)
    for k, image in enumerate(images):
        whole[k // columns, :height, k % columns, :width] = image
    return whole.reshape(rows * (height + gap), columns * (width + gap))[: -gap or None, : -gap or None]


def show(ax: Any, images: np.ndarray, columns: int, title: str = "") -> None:
    """Tiled images on axes without ticks."""
    ax.imshow(tile(images, columns), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set_title(title)
    ax.set_axis_off()


@style()
def samples(images: np.ndarray, title: str, columns: int = 10) -> Any:
    """A figure of tiled images."""
    fig, ax = figure(6, 0.35 + 6 / columns * -(-len(images) // columns))
    show(ax, images, columns, title)
    return fig


@style()
def reconstructions(model: Any, x: np.ndarray, n: int = 10) -> Any:
    """A figure of the first `n` images above what the model makes of them."""
    x = x[:n]
    fig, ax = figure(6, 1.6)
    show(ax, np.concatenate([x, model.reconstruct(x)]), len(x), "images, and below each its reconstruction")
    return fig


@style()
def curves(history: list[dict[str, float]]) -> Any:
    """A figure of the figures of a run against the epoch; raises ConfigError before the first is finished."""
    from matplotlib.ticker import MaxNLocator

    if not history:
        raise ConfigError("curves: the history is empty; train for one epoch at least")
    panels = [name for name in CURVES if name in history[0]]
    fig, axes = figure(3.2 * len(panels), 2.6, columns=len(panels))
    epochs = [row["epoch"] for row in history]
    for ax, name in zip(np.atleast_1d(axes), panels, strict=True):
        dot = "o" if len(history) == 1 else None  # a line needs two points
        ax.plot(epochs, [row[name] for row in history], color=BLUE, marker=dot, label="training")
        tested = [row.get(f"test_{name}", math.nan) for row in history]
        if not all(map(math.isnan, tested)):
            ax.plot(epochs, tested, color=ORANGE, ls="--", marker=dot, label="test")
        title, unit = CURVES[name]
        ax.set(title=title, xlabel="epoch", ylabel=unit)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.legend(frameon=False)
    return fig


@style()
def latent_map(model: Any, x: np.ndarray, y: np.ndarray, n: int = 20, reach: float = 2.33) -> Any:
    """A figure of a two-dimensional latent space: where digits land, and what decodes from each place.

    Parameters
    ----------
    model : one with two latent dimensions.
    x, y : images, and their digits, or a factor of each as floats: then they are coloured by it, from dark to bright.
    n, reach : images a side, and how far the map goes from the middle.

    Raises
    ------
    ConfigError
        If the model has not two latent dimensions.
    """
    from minivae.engine import Tensor, no_grad

    if model.config["latent"] != 2:
        raise ConfigError(f"latent_map: the model has {model.config['latent']} latent dimensions; it takes 2 to draw")
    with no_grad():
        code = model.encode(Tensor(x))
    z = (code[0] if isinstance(code, tuple) else code).numpy()
    fig, (left, right) = figure(9, 4.4, columns=2)
    shaded = y.dtype.kind == "f"
    if shaded:
        left.scatter(z[:, 0], z[:, 1], s=4, c=y, cmap="viridis", rasterized=True)
    for digit in range(0 if shaded else 10):
        at = z[y == digit]
        left.scatter(at[:, 0], at[:, 1], s=2, alpha=0.4, color=f"C{digit}", rasterized=True)
        if len(at):
            middle = np.median(at, axis=0)
            box = dict(boxstyle="circle,pad=0.15", fc="white", ec=f"C{digit}", alpha=0.9)
            left.annotate(str(digit), middle, weight="bold", size=11, ha="center", va="center", bbox=box)
    left.set(title=f"where {'images' if shaded else 'digits'} land (mu)", xlabel="z[0]", ylabel="z[1]", box_aspect=1)
    axis = np.linspace(-reach, reach, n, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis[::-1]), -1).reshape(-1, 2)
    right.imshow(tile(model.generate(grid), n, gap=0), cmap="gray", vmin=0, vmax=1, extent=(-reach, reach) * 2)
    right.set(title="what decodes from each place", xlabel="z[0]", ylabel="z[1]")
    right.grid(False)
    return fig


@style()
def save(fig: Any, path: str | Path) -> None:
    """Write a figure as PNG, whole or not at all, and close it; raises CheckpointError if it cannot be written."""
    import matplotlib.pyplot as plt

    with checkpoint.replacing(path) as file:
        fig.savefig(file, format="png", dpi=150)
    plt.close(fig)
