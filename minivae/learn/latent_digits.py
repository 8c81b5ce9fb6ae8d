"""Latent diffusion that has been trained already: the long version in lesson 08.

    python -m minivae.learn.latent_digits          train it again (about ten minutes) and write latent_digits.npz

A `ConvVAE` of 5 epochs and a `UNet` of 4,000 steps of 64 codes, on mnist-small: some seven CPU minutes. The file holds
the weights in half precision; those of the denoiser are the averaged ones.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("latent_digits.npz")
T, SIDE, BATCH = 200, 32, 64


def latent_digits(path: Path = PATH) -> Any:
    """The whole of it, a `minivae.models.LatentDiffusion` of 32 x 32 pixels and 4 x 8 x 8 latents, in float32."""
    model = _untrained()
    with np.load(path, allow_pickle=False) as file:
        model.load_state_dict({name: file[name].astype(np.float32) for name in file})
    return model


def _untrained() -> Any:
    from minivae.models import ConvVAE, LatentDiffusion, Schedule, UNet

    rng = np.random.default_rng(0)
    return LatentDiffusion(ConvVAE(SIDE, rng=rng), UNet(rng=rng), Schedule("cosine", T))


def _optimize(model: Any, loss: Any, n: int, lr: float, rng: np.random.Generator, steps: int, name: str) -> Any:
    """Adam on rows of `n`, its steps shrinking to 0 along half a cosine; returns the average of the weights."""
    from minivae.ema import EMA
    from minivae.optim import Adam
    from minivae.schedule import warmup_cosine

    adam = Adam(model.parameters())
    ema = EMA(adam.flat, decay=0.999)
    total = 0.0
    for step in range(steps):
        adam.lr = warmup_cosine(step, steps, lr=lr, warm=min(100, steps - 1))
        adam.zero_grad()
        value = loss(rng.integers(n, size=BATCH))
        value.backward()
        adam.step()
        ema.update()
        total += value.item()
        if (step + 1) % 200 == 0:
            print(f"{name}: step {step + 1} of {steps}, loss {total / 200:.4g}", flush=True)
            total = 0.0
    return ema


def trained(vae_epochs: int = 5, steps: int = 4000) -> dict[str, np.ndarray]:
    """Train both stages, one after the other, and return the weights."""
    from minivae import Tensor
    from minivae.data import load
    from minivae.models import padded

    images, y = load("mnist-small", "train")
    x, y = padded(images, SIDE), y.astype(np.int64)
    model, rng = _untrained(), np.random.default_rng(1)
    vae_steps = vae_epochs * len(x) // BATCH
    _optimize(model.vae, lambda rows: model.vae.loss(Tensor(x[rows]), rng)[0], len(x), 2e-3, rng, vae_steps, "VAE")
    model.measure(x)
    latents = model.latents(x, rng)
    print(f"scale {model.scale:.4g}, standard deviation of the codes {1 / model.scale:.4g}", flush=True)
    ema = _optimize(
        model.diffusion,
        lambda rows: model.loss(Tensor(latents[rows]), rng, y[rows])[0],
        len(x),
        2e-3,
        rng,
        steps,
        "denoiser",
    )
    with ema.swapped():
        return model.state_dict()


def write(weights: dict[str, np.ndarray], path: Path = PATH) -> None:
    """Write them in half precision."""
    np.savez_compressed(path, **{name: w.astype(np.float16 if w.ndim else np.float32) for name, w in weights.items()})  # type: ignore[arg-type]


def main(words: list[str] | None = None) -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(prog="python -m minivae.learn.latent_digits", description=main.__doc__)
    parser.add_argument("--vae-epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--out", type=Path, default=PATH)
    asked = parser.parse_args(words)
    write(trained(asked.vae_epochs, asked.steps), asked.out)
    print(f"wrote {asked.out.name}: {asked.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
