"""The workloads in minivae, by the public interface alone: layers, ops, models and Adam as a course would use them."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minivae import __version__
from minivae.bench.worker import Step, blas, serve
from minivae.bench.workloads import CHAIN, LR, STEPS, Arrays, schedule
from minivae.engine import Tensor
from minivae.models import VAE
from minivae.nn import Conv2d, ConvTranspose2d, LayerNorm, Linear, Module, Sequential
from minivae.ops import bernoulli_nll, gaussian_kl, relu, reparameterize, silu
from minivae.optim import Adam


class Drawn:
    """Stands where a generator is expected and hands out noise that was drawn before."""

    def __init__(self, eps: np.ndarray):
        self.eps = eps

    def standard_normal(self, shape: tuple, dtype: Any) -> np.ndarray:
        return self.eps


def give(module: Module, weights: list[np.ndarray]) -> None:
    """Write weights into a model's parameters, in order."""
    for p, w in zip(module.parameters(), weights, strict=True):
        p.data[...] = w


def training(model: Module, loss: Callable[..., Tensor]) -> Step:
    """The step that any training loop repeats."""
    optimizer = Adam(model.parameters(), lr=LR)

    def step(*noise: np.ndarray) -> float:
        value = loss(*noise)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.item()

    return step


def w1(a: Arrays) -> Step:
    rng = np.random.default_rng(1)
    model = VAE(hidden=a.width, rng=rng)
    give(model, a.weights)
    x = Tensor(a.x)
    return training(model, lambda eps=None: model.loss(x, rng if eps is None else Drawn(eps))[0])  # type: ignore[arg-type]


class ConvVAE(Module):
    def __init__(self, rng: np.random.Generator):
        by_half: dict[str, Any] = dict(k=4, stride=2, padding=1, rng=rng)
        self.narrow = [Conv2d(1, 32, **by_half), Conv2d(32, 64, **by_half)]
        self.code, self.spread = Linear(4096, 32, rng=rng), Linear(16, 4096, rng=rng)
        self.widen = [ConvTranspose2d(64, 32, **by_half), ConvTranspose2d(32, 1, **by_half)]

    def loss(self, x: Tensor, eps: np.ndarray) -> Tensor:
        B = len(x)
        h = relu(self.narrow[1](relu(self.narrow[0](x)))).reshape(B, 4096)
        code = self.code(h)  # (B, 32)
        mu, logvar = code[:, :16], code[:, 16:]
        z = reparameterize(mu, logvar, eps)
        h = relu(self.spread(z)).reshape(B, 64, 8, 8)
        logits = self.widen[1](relu(self.widen[0](h)))
        nll = bernoulli_nll(logits.reshape(B, 1024), x.reshape(B, 1024))
        return (nll + gaussian_kl(mu, logvar)).mean()


def w2(a: Arrays) -> Step:
    rng = np.random.default_rng(1)
    model = ConvVAE(rng)
    give(model, a.weights)
    x = Tensor(a.x)

    def loss(eps: np.ndarray | None = None) -> Tensor:
        return model.loss(x, rng.standard_normal((a.batch, 16), dtype=np.float32) if eps is None else eps)

    return training(model, loss)


def w3(a: Arrays) -> Step:
    rng = np.random.default_rng(1)
    layers: list[Callable[[Tensor], Tensor]] = []
    for n_in in (80, a.width, a.width):
        layers += [Linear(n_in, a.width, rng=rng), LayerNorm(a.width), silu]
    model = Sequential(*layers, Linear(a.width, 16, rng=rng))
    give(model, a.weights)
    signal, spoilt, waves = schedule()

    def loss(t: np.ndarray | None = None, eps: np.ndarray | None = None) -> Tensor:
        if t is None or eps is None:
            t, eps = rng.integers(0, STEPS, a.batch), rng.standard_normal((a.batch, 16), dtype=np.float32)
        noisy = signal[t, None] * a.x + spoilt[t, None] * eps  # (B, 16)
        d = model(Tensor(np.concatenate([noisy, waves[t]], axis=1))) - eps
        return (d * d).mean()

    return training(model, loss)


def w4(a: Arrays) -> Step:
    model = VAE(hidden=a.width, rng=np.random.default_rng(1))
    give(model.decoder, a.weights)
    return lambda: model.generate(a.x)


def tape() -> None:
    one = Tensor(np.ones(4, np.float32))
    y = Tensor(np.ones(4, np.float32), requires_grad=True)
    for _ in range(CHAIN):
        y = y * one
    y.sum().backward()


if __name__ == "__main__":
    about = {"version": f"minivae {__version__}, NumPy {np.__version__}", "blas": blas()}
    serve({"W1": w1, "W2": w2, "W3": w3, "W4": w4}, tape, about)
