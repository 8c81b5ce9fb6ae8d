"""Latent diffusion: the VAE folds an image into a small code, diffusion makes new codes, the decoder unfolds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from minivae import checkpoint
from minivae.ema import EMA
from minivae.engine import Tensor, no_grad
from minivae.errors import CheckpointError, ConfigError, ShapeError
from minivae.models.conv_vae import ConvVAE
from minivae.models.diffusion import Schedule
from minivae.models.diffusion_model import Diffusion
from minivae.models.samplers import Frame
from minivae.models.unet import MLPDenoiser, UNet
from minivae.models.vae import VAE
from minivae.nn import Module

FORMAT = "latent-diffusion"
VAES: dict[str, Any] = {"conv-vae": ConvVAE, "vae": VAE}
DENOISERS: dict[str, Any] = {"unet": UNet, "mlp": MLPDenoiser}


class LatentDiffusion(Module):
    """A trained VAE and a diffusion model of its latents, which are codes scaled to unit variance.

    latent = scale (z - mean). Noise schedules are made for data of unit variance: signal^2 + noise^2 = 1 keeps that of
    x_t at 1, and a step has the meaning it has for images. Codes have whatever variance the VAE left them, so they are
    divided by their standard deviation. For Stable Diffusion's VAE, 1 / std is the constant 0.18215.

    Parameters
    ----------
    vae : a trained `ConvVAE` with a `UNet`, or `VAE` with an `MLPDenoiser`. Nothing here changes it.
    denoiser : of `shape` that of a code.
    schedule, predict, drop : see `Diffusion`.

    Attributes
    ----------
    scale : 1 / std of the codes; NaN until `measure`, or you, set it.
    mean : (C,) of each channel of the codes, or 0 for all, as Rombach et al. have it.
    diffusion : the `Diffusion` of latents; its parameters are what training changes.

    Raises ConfigError, or ShapeError if denoiser and code do not fit.
    Source: Rombach et al. 2022, section 3; appendix G for the scale.
    """

    def __init__(
        self,
        vae: Any,
        denoiser: Any,
        schedule: Schedule | None = None,
        *,
        predict: str = "v",
        drop: float = 0.1,
    ):
        code = vae.code_shape
        if denoiser.shape != code:
            raise ShapeError(f"LatentDiffusion: the denoiser takes {denoiser.shape} but a code is {code}")
        self.vae, self.diffusion = vae, Diffusion(denoiser, schedule, predict=predict, drop=drop)
        self.scale, self.mean = float("nan"), np.zeros(code[0], np.float32)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of one image."""
        return self.vae.x_shape

    @property
    def code_shape(self) -> tuple[int, ...]:
        """The shape of one code."""
        return self.vae.code_shape

    @property
    def config(self) -> dict[str, Any]:
        """What `of_config` makes the model of again, less the weights. Raises ConfigError for a foreign part."""
        return {
            "vae": _named(self.vae, VAES),
            "denoiser": _named(self.diffusion.denoiser, DENOISERS),
            "diffusion": self.diffusion.config,
        }

    @classmethod
    def of_config(cls, config: dict[str, Any]) -> "LatentDiffusion":
        """A model with these settings and random weights."""
        (vae, vae_config), (denoiser, denoiser_config) = config["vae"], config["denoiser"]
        settings = {name: config["diffusion"][name] for name in ("predict", "drop")}
        return cls(
            VAES[vae].of_config(vae_config),
            DENOISERS[denoiser].of_config(denoiser_config),
            Schedule(**config["diffusion"]["schedule"]),
            **settings,
        )

    @no_grad()
    def codes(self, x: np.ndarray, rng: np.random.Generator | None = None, *, batch: int = 256) -> np.ndarray:
        """Codes of images, unscaled: draws from q(z | x), or its means without `rng`; (N, ...) -> (N, *code)."""
        found = []
        for first in range(0, len(x), batch):
            mu, logvar = (part.numpy() for part in self.vae.encode(Tensor(x[first : first + batch])))
            if rng is not None:
                mu = mu + np.exp(0.5 * logvar) * rng.standard_normal(mu.shape, dtype=np.float32)
            found.append(np.ascontiguousarray(mu))
        return np.concatenate(found)

    def measure(self, x: np.ndarray, rng: np.random.Generator | None = None, *, center: bool = False) -> None:
        """Set `scale`, so that latents of images x (N, D) have unit variance; with `center` also `mean`, by channel.

        Raises ConfigError if the codes do not vary.
        """
        z = self.codes(x, rng).astype(np.float64)
        mean = z.mean(axis=(0, *range(2, z.ndim))) if center else np.zeros(z.shape[1])
        std = float((z - self._by_channel(mean)).std())
        if not std > 0:
            raise ConfigError(f"LatentDiffusion: the standard deviation of the codes is {std}; train the VAE before")
        self.scale, self.mean = 1 / std, mean.astype(np.float32)

    def latents(self, x: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """What diffusion is trained on: codes of images, scaled; (N, ...) -> (N, *code). See `codes` for `rng`."""
        self._check_measured()
        return self.scale * (self.codes(x, rng) - self._by_channel(self.mean))

    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Images of latents: (N, *code) -> x_hat in [0, 1], of the shape that the VAE takes."""
        self._check_measured()
        return self.vae.generate(latents / self.scale + self._by_channel(self.mean))

    def loss(
        self, latents: Tensor, rng: np.random.Generator, labels: np.ndarray | None = None
    ) -> tuple[Tensor, dict[str, Any]]:
        """`Diffusion.loss` on what `latents` gave, (B, *code). The VAE is not run: encode a data set once."""
        self._check_measured()
        return self.diffusion.loss(latents, rng, labels)

    def sample(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        labels: Any = None,
        guidance: float = 0.0,
        steps: int = 50,
        eta: float = 0.0,
    ) -> np.ndarray:
        """`n` images from N(0, I), the denoiser and the decoder alone, in [0, 1]; arguments as `Diffusion.sample`."""
        self._check_measured()
        return self.decode(self.diffusion.sample(n, rng, labels=labels, guidance=guidance, steps=steps, eta=eta))

    def film(self, n: int, rng: np.random.Generator, **settings: Any) -> Iterator[tuple[Frame, np.ndarray]]:
        """The steps to a sample: each `Frame` with what the decoder makes of its estimate of x0, (n, ...) in [0, 1].

        `settings` as for `Diffusion.chain`.
        """
        self._check_measured()
        for frame in self.diffusion.chain(n, rng, **settings):
            yield frame, self.decode(frame.x0)

    def state_dict(self) -> dict[str, np.ndarray]:
        """All parameters, those of the VAE too, with scale and mean, by name."""
        return super().state_dict() | {"scale": np.asarray(self.scale), "mean": self.mean.copy()}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Take over what `state_dict` returned; raises ConfigError or ShapeError, and changes nothing then."""
        state = dict(state)
        scale, mean = state.pop("scale", None), state.pop("mean", None)
        if scale is None or mean is None or mean.shape != self.mean.shape:
            raise ConfigError(f"LatentDiffusion: the saved state lacks scale, or mean of shape {self.mean.shape}")
        super().load_state_dict(state)
        self.scale, self.mean = float(scale), mean.astype(np.float32)

    def save(self, path: str | Path, ema: EMA | None = None) -> None:
        """Write all that sampling needs to one file; with `ema`, the averaged weights are those that it gets.

        Raises CheckpointError if it cannot be written; ConfigError if scale is not set, or `ema` is in use.
        """
        self._check_measured()
        if ema is None:
            state = self.state_dict()
        else:
            with ema.swapped():
                state = self.state_dict()
        checkpoint.save(path, state, {"model": FORMAT, "config": self.config})

    @classmethod
    def load(cls, path: str | Path) -> "LatentDiffusion":
        """The model that `save` wrote; raises CheckpointError if there is none, or it is damaged or of another kind."""
        state, meta = checkpoint.load(path)
        if meta.get("model") != FORMAT:
            raise CheckpointError(f"{path}: it holds a {meta.get('model')!r}; wanted {FORMAT!r}")
        try:
            model = cls.of_config(meta["config"])
            model.load_state_dict(state)
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: not a model of this version ({error!r}); train anew") from error
        return model

    def _by_channel(self, mean: np.ndarray) -> np.ndarray:
        return mean.reshape(-1, *[1] * (len(self.diffusion.denoiser.shape) - 1))

    @property
    def measured(self) -> bool:
        """Whether `scale` is set."""
        return 0 < self.scale < np.inf

    def _check_measured(self) -> None:
        if not self.measured:
            raise ConfigError(
                f"LatentDiffusion: scale is {self.scale}; call measure(x) with images, once the VAE is trained"
            )


def _named(part: Any, kinds: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    for name, kind in kinds.items():
        if type(part) is kind:
            return name, part.config
    raise ConfigError(f"LatentDiffusion: a checkpoint can hold {', '.join(kinds)}, not a {type(part).__name__}")
