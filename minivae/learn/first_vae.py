"""A VAE that has been trained already: the machine with two dials of lesson 00, and the map of lesson 04.

    python -m minivae.learn.first_vae          train it again (about a minute) and write first_vae.npz

Two latent numbers and 128 hidden units, 80 epochs on mnist-small. The file holds its weights in half precision, 380 kB;
that changes no decoded pixel by more than 1/255.
"""

import argparse
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minivae.ops.fast import logistic

PATH = Path(__file__).with_name("first_vae.npz")
LATENT, HIDDEN = 2, 128


def first_vae(path: Path = PATH) -> Any:
    """The whole of it, a `minivae.models.VAE` with its weights in float32."""
    from minivae.models import VAE

    vae = VAE(hidden=HIDDEN, latent=LATENT, rng=np.random.default_rng(0))
    vae.load_state_dict(_weights(path))
    return vae


def first_decoder(path: Path = PATH) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The weights of its decoder.

    Returns
    -------
    W1 (2, 128), b1 (128,), W2 (128, 784), b2 (784,), float32
        A code z (B, 2) becomes images by x_hat = sigmoid(relu(z W1 + b1) W2 + b2), (B, 784) in [0, 1].
    """
    weights = _weights(path)
    W1, b1, W2, b2 = (weights[f"decoder.layers.{layer}.{name}"] for layer in (0, 2) for name in "Wb")
    return W1, b1, W2, b2


def draw(z: np.ndarray) -> np.ndarray:
    """The picture of one code: (2,) -> (28, 28) in [0, 1]. Lesson 00 begins with it and then writes it anew."""
    W1, b1, W2, b2 = _kept()
    h = np.maximum(0, np.asarray(z, np.float32) @ W1 + b1)
    return logistic(np, h @ W2 + b2).reshape(28, 28)


_kept = cache(first_decoder)


def _weights(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name].astype(np.float32) for name in file}


def trained(epochs: int = 80) -> dict[str, np.ndarray]:
    """Train it and return its weights; the last quarter of the epochs with smaller steps."""
    from minivae.data import load
    from minivae.models import VAE
    from minivae.progress import Lines
    from minivae.train import Run

    x, _ = load("mnist-small", "train")
    x_test, _ = load("mnist-small", "test")
    vae = VAE(hidden=HIDDEN, latent=LATENT, rng=np.random.default_rng(0))
    run = Run(vae, epochs=epochs - epochs // 4, batch=100, lr=2e-3, rng=np.random.default_rng(1))
    run.train(x, x_test, report=Lines(every=20))
    run.optimizer.lr, run.epochs = 5e-4, epochs
    run.train(x, x_test, report=Lines(every=20))
    return vae.state_dict()


def write(weights: dict[str, np.ndarray], path: Path = PATH) -> None:
    """Write them in half precision."""
    np.savez_compressed(path, **{name: w.astype(np.float16) for name, w in weights.items()})  # type: ignore[arg-type]


def main(words: list[str] | None = None) -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(prog="python -m minivae.learn.first_vae", description=main.__doc__)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--out", type=Path, default=PATH)
    asked = parser.parse_args(words)
    write(trained(asked.epochs), asked.out)
    print(f"wrote {asked.out.name}: {asked.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
