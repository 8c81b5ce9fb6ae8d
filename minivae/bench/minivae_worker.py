"""The workloads in minivae, by the public interface alone: layers, ops, models and Adam as a course would use them.

python -m minivae.bench.minivae_worker [workers=N] [backend=NAME]: N processes share each training step.
"""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from minivae import __version__, backend
from minivae.bench.worker import Step, blas, serve
from minivae.bench.workloads import CHAIN, LR, STEPS, Arrays, schedule
from minivae.engine import Tensor
from minivae.models import VAE
from minivae.nn import Conv2d, ConvTranspose2d, LayerNorm, Linear, Module, Sequential
from minivae.ops import bernoulli_nll, gaussian_kl, relu, reparameterize, silu
from minivae.optim import Adam
from minivae.parallel import Workers

WORKERS = 1  # processes that share each training step
_open = ExitStack()


class Drawn:
    """Stands where a generator is expected and hands out noise that was drawn before."""

    def __init__(self, eps: np.ndarray):
        self.eps = eps

    def standard_normal(self, shape: tuple, dtype: Any) -> np.ndarray:
        return self.eps


def give(module: Module, weights: list[np.ndarray]) -> None:
    """Write weights into a model's parameters, in order."""
    for p, w in zip(module.parameters(), weights, strict=True):
        p.data[...] = backend.current().move(w)


def training(model: Module, a: Arrays, loss: Callable[..., Tensor], draw: Callable[..., tuple]) -> Step:
    """The step that any training loop repeats.

    Parameters
    ----------
    loss : from images (n, ...) and their noise to the mean loss.
    draw : from n and a generator to the noise for n images.
    """
    optimizer, rng = Adam(model.parameters(), lr=LR), np.random.default_rng(1)
    x = backend.current().move(a.x)

    def step(*noise: np.ndarray) -> float:
        value = loss(x, *(noise or draw(len(x), rng)))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.item()

    return step if WORKERS == 1 else shared(model, optimizer, a, loss, draw)


def shared(model: Module, optimizer: Adam, a: Arrays, loss: Callable[..., Tensor], draw: Callable[..., tuple]) -> Step:
    """The step of several processes; each takes the given noise first, in order, as the caller does."""
    given, every, rng = iter(a.noise), np.arange(len(a.x)), np.random.default_rng(1)

    def compute(rows: np.ndarray, rng: np.random.Generator, share: float) -> tuple[float, dict[str, float]]:
        noise = next(given, None)
        noise = draw(len(rows), rng) if noise is None else tuple(part[rows] for part in noise)
        value = loss(a.x[rows], *noise)
        optimizer.zero_grad()
        value.backward(np.full_like(value.data, share))
        return value.item(), {}

    _open.close()  # the processes of the workload before
    team = _open.enter_context(Workers(WORKERS, compute, model, optimizer, len(a.x)))

    def step(*noise: np.ndarray) -> float:
        value, _ = team.gradients(every, rng)
        team.update()
        return value

    return step


def w1(a: Arrays) -> Step:
    model = VAE(hidden=a.width, rng=np.random.default_rng(1))
    give(model, a.weights)

    def draw(n: int, rng: np.random.Generator) -> tuple:
        return (rng.standard_normal((n, 20), dtype=np.float32),)

    return training(model, a, lambda x, eps: model.loss(Tensor(x), Drawn(eps))[0], draw)  # type: ignore[arg-type]


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
    model = ConvVAE(np.random.default_rng(1))
    give(model, a.weights)

    def draw(n: int, rng: np.random.Generator) -> tuple:
        return (rng.standard_normal((n, 16), dtype=np.float32),)

    return training(model, a, lambda x, eps: model.loss(Tensor(x), eps), draw)


def w3(a: Arrays) -> Step:
    rng = np.random.default_rng(1)
    layers: list[Callable[[Tensor], Tensor]] = []
    for n_in in (80, a.width, a.width):
        layers += [Linear(n_in, a.width, rng=rng), LayerNorm(a.width), silu]
    model = Sequential(*layers, Linear(a.width, 16, rng=rng))
    give(model, a.weights)
    here = backend.current()
    signal, spoilt, waves = map(here.move, schedule())

    def draw(n: int, rng: np.random.Generator) -> tuple:
        return rng.integers(0, STEPS, n), rng.standard_normal((n, 16), dtype=np.float32)

    def loss(x: Any, *noise: np.ndarray) -> Tensor:
        t, eps = map(here.move, noise)
        noisy = signal[t, None] * x + spoilt[t, None] * eps  # (B, 16)
        d = model(Tensor(here.xp.concatenate([noisy, waves[t]], axis=1))) - eps
        return (d * d).mean()

    return training(model, a, loss, draw)


def w4(a: Arrays) -> Step:
    model = VAE(hidden=a.width, rng=np.random.default_rng(1))
    give(model.decoder, a.weights)
    z = backend.current().move(a.x)
    return lambda: model.generate(z)


def tape() -> None:
    one = Tensor(np.ones(4, np.float32))
    y = Tensor(np.ones(4, np.float32), requires_grad=True)
    for _ in range(CHAIN):
        y = y * one
    total = y.sum()
    total.backward()
    total.item()  # a GPU has done all of it then


if __name__ == "__main__":
    told = dict(word.split("=") for word in sys.argv[1:])
    WORKERS = int(told.get("workers", 1))
    here = backend.use(told.get("backend", "numpy"))
    computes = blas() if here.name == "numpy" else here.about
    about = {"version": f"minivae {__version__}, NumPy {np.__version__}", "blas": computes}
    serve({"W1": w1, "W2": w2, "W3": w3, "W4": w4}, tape, about)
