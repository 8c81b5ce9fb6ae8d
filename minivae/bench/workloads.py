"""What is computed: the shapes, weights, data and noise that every worker is given alike.

Weights are in minivae's layouts: (n_in, n_out) for a matrix, (k, k, C, O) for a convolution from C to O channels and
(k, k, O, C) for a transposed one. A worker that wants another layout turns them around before the clock starts.
"""

import math
from dataclasses import dataclass

import numpy as np

TITLES = {
    "W1": "training step of an MLP VAE, 784-{width}-(20, 20)-{width}-784, Bernoulli, Adam, batch {batch}",
    "W2": "training step of a convolutional VAE for 32 x 32 x 1, 4 x 4 stride-2 convolutions 1-32-64, latent 16 and "
    "back, Bernoulli, Adam, batch {batch}",
    "W3": "training step of a latent denoiser, 16 (+ 64 for the time)-{width}-{width}-{width}-16, LayerNorm and SiLU, "
    "squared error, Adam, batch {batch}",
    "W4": "decoding {batch:,} samples with W1's decoder, 20-{width}-784, sigmoid",
}
BATCH = {"W1": 128, "W2": 64, "W3": 256, "W4": 10_000}
WIDTH = {"W1": 400, "W2": 64, "W3": 256, "W4": 400}
CHECKS = 3  # steps on whose losses the workers have to agree
STEPS = 1000  # of the diffusion that W3 denoises
LR = 1e-3
CHAIN = 200  # ops in a row, to time the tape; a textbook's recursive walk back does not go much deeper


@dataclass
class Arrays:
    """What a worker gets, all of it float32 but for whole numbers.

    Attributes
    ----------
    batch, width : rows of `x`, and units in each hidden layer.
    weights : matrices, vectors and convolutions in the order in which data passes them, each weight before its bias.
    x : W1 (B, 784), W2 (B, 1, 32, 32): images in [0, 1]; W3 (B, 16): clean codes; W4 (B, 20): codes to decode.
    noise : what a step would draw, once for each of the `CHECKS` first steps. W1 and W2: (eps,), (B, L). W3: (t, eps),
        (B,) whole numbers below `STEPS` and (B, 16). W4: nothing.
    """

    batch: int
    width: int
    weights: list[np.ndarray]
    x: np.ndarray
    noise: list[tuple[np.ndarray, ...]]


def shapes(name: str, width: int) -> list[tuple[int, ...]]:
    """The shapes of a workload's weights and biases, in order."""
    if name == "W2":
        return [
            *[(4, 4, 1, 32), (32,), (4, 4, 32, 64), (64,), (4096, 32), (32,)],  # encoder, to mu and logvar
            *[(16, 4096), (4096,), (4, 4, 32, 64), (32,), (4, 4, 1, 32), (1,)],  # decoder
        ]
    if name == "W3":
        hidden = [(width, width), (width,), (width,), (width,)]  # matrix and bias, then the norm's gain and bias
        return [(80, width), (width,), (width,), (width,), *hidden, *hidden, (width, 16), (16,)]
    encoder = [(784, width), (width,), (width, 40), (40,)]
    decoder = [(20, width), (width,), (width, 784), (784,)]
    return decoder if name == "W4" else encoder + decoder


def arrays(name: str, batch: int | None = None, width: int | None = None) -> Arrays:
    """The same arrays for the same arguments, whichever process asks."""
    batch, width = batch or BATCH[name], width or WIDTH[name]
    rng = np.random.default_rng(0)
    weights = []
    for shape in shapes(name, width):
        fan_in = math.prod(shape[:-1]) or 1
        weights.append((rng.uniform(-1, 1, shape) / math.sqrt(fan_in)).astype(np.float32))
    if name == "W3":
        for gain in weights[2:12:4]:
            gain += 1

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    noise: list[tuple[np.ndarray, ...]] = [()]
    if name in ("W1", "W2"):
        x = rng.random((batch, 784) if name == "W1" else (batch, 1, 32, 32), dtype=np.float32)
        noise = [(normal(batch, 20 if name == "W1" else 16),) for _ in range(CHECKS)]
    elif name == "W3":
        x = normal(batch, 16)
        noise = [(rng.integers(0, STEPS, batch), normal(batch, 16)) for _ in range(CHECKS)]
    else:
        x = normal(batch, 20)
    return Arrays(batch, width, weights, x, noise)


def schedule() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W3's constants by the step t: what is kept of the signal, what of the noise, and the time as waves.

    Returns (STEPS,) square roots of alpha-bar, (STEPS,) square roots of 1 - alpha-bar, and (STEPS, 64) sines and
    cosines. Source: Ho et al. 2020, section 4; Vaswani et al. 2017, section 3.5.
    """
    alpha_bar = np.cumprod(1 - np.linspace(1e-4, 0.02, STEPS))
    angle = np.arange(STEPS)[:, None] * np.exp(-math.log(1e4) * np.arange(32) / 32)
    waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
    return tuple(a.astype(np.float32) for a in (np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar), waves))  # type: ignore[return-value]
