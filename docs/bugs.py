"""The figures of bugs.md: one VAE trained soundly, and once with each bug, on mnist-small.

    python docs/bugs.py          about three minutes on one core; prints a line for each

784-400-6, 12 epochs, batch 100, Adam 1e-3, seed 0. "own" is what the model with the bug says of itself on the test
set; "true" is what its weights are worth to the sound model: ELBO = reconstruction - KL, nats per image, dynamic
binarisation.
"""

from typing import Any

import numpy as np

from minivae import Tensor, no_grad
from minivae.data import binarize, load
from minivae.evaluate import evaluate
from minivae.models import VAE, Diffusion, Elbo, MLPDenoiser
from minivae.ops import bernoulli_nll, gaussian_kl, reparameterize
from minivae.optim import Adam

LATENT, EPOCHS, BATCH = 6, 12, 100
X, _ = load("mnist-small", "train")
X_TEST, _ = load("mnist-small", "test")


class Sound(VAE):
    """`VAE`, with each place that a bug is about as a method of its own."""

    def draw(self, mu: Tensor, logvar: Tensor, eps: np.ndarray) -> Tensor:
        return reparameterize(mu, logvar, eps)

    def nll(self, logits: Tensor, x: Tensor) -> Tensor:
        return bernoulli_nll(logits, x)

    def kl(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return gaussian_kl(mu, logvar)

    def noise(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((n, self.latent), dtype=np.float32)

    def elbo(self, x: Tensor, eps: np.ndarray) -> Elbo:
        mu, logvar = self.encode(x)
        reconstruction = -self.nll(self.decode(self.draw(mu, logvar, eps)), x)
        kl = self.kl(mu, logvar)
        return Elbo(reconstruction - kl, reconstruction, kl)

    def loss(self, x: Tensor, rng: np.random.Generator) -> tuple[Tensor, dict[str, Any]]:
        elbo, reconstruction, kl = self.elbo(x, self.noise(len(x), rng))
        return -elbo.mean(), {"elbo": elbo.data, "reconstruction": reconstruction.data, "kl": kl.data}


class StdForVariance(Sound):
    def kl(self, mu, logvar):
        std = (0.5 * logvar).exp()
        return 0.5 * (mu * mu + std - 1 - std.log()).sum(axis=1)


class MeanForSum(Sound):
    def nll(self, logits, x):
        return bernoulli_nll(logits, x) / 784


class WrongSign(Sound):
    def kl(self, mu, logvar):
        return -gaussian_kl(mu, logvar)


class WithoutTheHalf(Sound):
    def draw(self, mu, logvar, eps):
        return mu + logvar.exp() * eps


class KLAveraged(Sound):
    def kl(self, mu, logvar):
        return gaussian_kl(mu, logvar) / self.latent


class SigmoidTwice(Sound):
    def nll(self, logits, x):
        return bernoulli_nll(logits.sigmoid(), x)


class SharedEps(Sound):
    def noise(self, n, rng):
        return np.repeat(rng.standard_normal((1, self.latent), dtype=np.float32), n, axis=0)


class ReusedEps(Sound):
    def noise(self, n, rng):
        return np.repeat(np.random.default_rng(7).standard_normal((1, self.latent), dtype=np.float32), n, axis=0)


KINDS = (
    Sound,
    StdForVariance,
    MeanForSum,
    WrongSign,
    WithoutTheHalf,
    KLAveraged,
    SigmoidTwice,
    SharedEps,
    ReusedEps,
)


def train(model: Any, zero: bool = True) -> list[float]:
    """Train a model; returns the loss of each epoch."""
    rng, adam, losses = np.random.default_rng(1), Adam(model.parameters(), lr=1e-3), []
    for _ in range(EPOCHS):
        total = 0.0
        for rows in np.split(rng.permutation(len(X)), len(X) // BATCH):
            if zero:
                adam.zero_grad()
            loss, _ = model.loss(Tensor(binarize(X[rows], rng)), rng)
            loss.backward()
            adam.step()
            total += loss.item() * len(rows)
        losses.append(total / len(X))
    return losses


def true(model: Any) -> VAE:
    """The sound model with these weights."""
    sound = VAE(latent=LATENT, rng=np.random.default_rng(0))
    sound.load_state_dict(model.state_dict())
    return sound


def told(scores: dict[str, float]) -> str:
    return (
        f"ELBO {scores['elbo']:10.1f} = {scores['reconstruction']:8.1f} - {scores['kl']:9.1f}, "
        f"{scores['active_units']} active"
    )


def closeness(images: np.ndarray) -> float:
    """The mean cosine between an image and the most similar training image."""
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    return float(((images / np.linalg.norm(images, axis=1, keepdims=True)) @ unit.T).max(axis=1).mean())


def sigmas(model: Any) -> tuple[float, float]:
    """Mean sigma, and the spread of mu, over the test set."""
    with no_grad():
        mu, logvar = (t.data for t in model.encode(Tensor(X_TEST)))
    return float(np.exp(0.5 * logvar).mean()), float(mu.std(axis=0).mean())


def line(name: str, model: Any, losses: list[float]) -> None:
    with np.errstate(all="ignore"):
        own = evaluate(model, X_TEST, rng=np.random.default_rng(0))
        honest = evaluate(true(model), X_TEST, rng=np.random.default_rng(0))
    sigma, spread = sigmas(model)
    samples = closeness(np.nan_to_num(true(model).sample(500, np.random.default_rng(3))))
    print(f"{name}\n   own  {told(own)}\n   true {told(honest)}")
    print(f"   sigma {sigma:.3f}, spread of mu {spread:.2f}, samples' closeness {samples:.2f}")
    print("   loss by epoch " + " ".join(f"{loss:.4g}" for loss in losses), flush=True)


def test_noise(model: VAE) -> None:
    """Reconstructions of the mean, and of two draws."""
    with no_grad():
        mu, logvar = (t.data for t in model.encode(Tensor(X_TEST)))
    rng = np.random.default_rng(5)
    first, second = (model.generate(mu + np.exp(0.5 * logvar) * rng.standard_normal(mu.shape, "f4")) for _ in "12")
    middle = model.generate(mu)
    errors = [100 * float(np.mean((x_hat - X_TEST) ** 2)) for x_hat in (middle, first)]
    apart = 100 * float(np.mean((first - second) ** 2))
    print("noise at test time")
    print(f"   squared error x 100: mu {errors[0]:.2f}, a draw {errors[1]:.2f}; draws apart {apart:.2f}")


def energy(a: np.ndarray, b: np.ndarray) -> float:
    """The energy distance of two sets of codes (Szekely & Rizzo 2013); 0 for equal laws."""

    def apart(p: np.ndarray, q: np.ndarray) -> float:
        return float(np.sqrt(((p[:, None] - q) ** 2).sum(axis=-1)).mean())

    return 2 * apart(a, b) - apart(a, a) - apart(b, b)


def latent_diffusion() -> None:
    """Diffusion on codes as they come and on codes of unit variance; distances in standard deviations of the codes."""
    vae = VAE(latent=LATENT, beta=0.01, rng=np.random.default_rng(0))
    train(vae)
    with no_grad():
        mu, _ = (t.data for t in vae.encode(Tensor(X)))
    std = float(mu.std())
    print(
        f"unscaled latents\n   std {std:.2f}; two sets of codes are {energy(mu[:1000], mu[1000:2000]) / std:.3f} apart"
    )
    for name, scale in [("unscaled", 1.0), ("scaled", 1 / std)]:
        rng = np.random.default_rng(1)
        diffusion = Diffusion(MLPDenoiser(LATENT, rng=rng))
        adam, latents = Adam(diffusion.parameters(), lr=1e-3), mu * np.float32(scale)
        for _ in range(10):
            total = 0.0
            for rows in np.split(rng.permutation(len(X)), len(X) // BATCH):
                adam.zero_grad()
                loss, _ = diffusion.loss(Tensor(latents[rows]), rng)
                loss.backward()
                adam.step()
                total += loss.item() / (len(X) // BATCH)
        alpha_bar, variance = diffusion.schedule.alpha_bar, float(latents.var())
        even = int(np.argmin(np.abs(alpha_bar * variance - (1 - alpha_bar))))
        print(f"   {name}: loss {total:.2f}; noise outweighs signal from step {even} on", flush=True)
        for steps in (5, 50):
            z = diffusion.sample(1000, np.random.default_rng(2), steps=steps) / scale
            print(
                f"      {steps} steps: sampled codes are {energy(z, mu[:1000]) / std:.3f} from the real ones",
                flush=True,
            )


def main() -> None:
    for kind in KINDS:
        model = kind(latent=LATENT, rng=np.random.default_rng(0))
        with np.errstate(all="ignore"):
            losses = train(model)
        line(kind.__name__, model, losses)
        if kind is Sound:
            test_noise(true(model))
    model = Sound(latent=LATENT, rng=np.random.default_rng(0))
    with np.errstate(all="ignore"):
        losses = train(model, zero=False)
    line("gradients not zeroed", model, losses)
    latent_diffusion()


if __name__ == "__main__":
    main()
