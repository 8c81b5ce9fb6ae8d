"""A decoder that has been trained already, for lesson 00: two numbers in, a handwritten digit out.

    python -m minivae.learn.first_decoder          train it again (about a minute) and write first_decoder.npz

It is the decoder of a VAE with two latent numbers and 128 hidden units, after 80 epochs on mnist-small. The file holds
its weights in half precision: 200 kB, and no pixel changes by more than 1/255.
"""

import argparse
from functools import cache
from pathlib import Path

import numpy as np

from minivae.ops.fast import logistic

PATH = Path(__file__).with_name("first_decoder.npz")
NAMES = ("W1", "b1", "W2", "b2")


def first_decoder(path: Path = PATH) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Its weights.

    Returns
    -------
    W1 (2, 128), b1 (128,), W2 (128, 784), b2 (784,), float32
        A code z (B, 2) becomes images by x_hat = sigmoid(relu(z W1 + b1) W2 + b2), (B, 784) in [0, 1].
    """
    with np.load(path, allow_pickle=False) as file:
        W1, b1, W2, b2 = (file[name].astype(np.float32) for name in NAMES)
    return W1, b1, W2, b2


def draw(z: np.ndarray) -> np.ndarray:
    """The picture of one code: (2,) -> (28, 28) in [0, 1]. Lesson 00 begins with it and then writes it anew."""
    W1, b1, W2, b2 = _kept()
    h = np.maximum(0, np.asarray(z, np.float32) @ W1 + b1)
    return logistic(np, h @ W2 + b2).reshape(28, 28)


_kept = cache(first_decoder)


def trained(epochs: int = 80, hidden: int = 128) -> tuple[np.ndarray, ...]:
    """Train the VAE and return the weights of its decoder; the last quarter of the epochs with smaller steps."""
    from minivae.data import load
    from minivae.models import VAE
    from minivae.progress import Lines
    from minivae.train import Run

    x, _ = load("mnist-small", "train")
    x_test, _ = load("mnist-small", "test")
    vae = VAE(hidden=hidden, latent=2, rng=np.random.default_rng(0))
    run = Run(vae, epochs=epochs - epochs // 4, batch=100, lr=2e-3, rng=np.random.default_rng(1))
    run.train(x, x_test, report=Lines(every=20))
    run.optimizer.lr, run.epochs = 5e-4, epochs
    run.train(x, x_test, report=Lines(every=20))
    weights = vae.decoder.state_dict()
    return tuple(weights[f"layers.{layer}.{name}"] for layer in (0, 2) for name in "Wb")


def write(weights: tuple[np.ndarray, ...], path: Path = PATH) -> None:
    """Write them in half precision."""
    np.savez_compressed(path, **{name: w.astype(np.float16) for name, w in zip(NAMES, weights, strict=True)})


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m minivae.learn.first_decoder", description=main.__doc__)
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--out", type=Path, default=PATH)
    asked = parser.parse_args(words)
    write(trained(asked.epochs), asked.out)
    print(f"wrote {asked.out.name}: {asked.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
