"""The models, one page each."""

from typing import Any

from minivae.models.autoencoder import Autoencoder
from minivae.models.conv_vae import ConvVAE, cropped, frame, padded
from minivae.models.diffusion import Schedule
from minivae.models.diffusion_model import Diffusion
from minivae.models.latent_diffusion import LatentDiffusion
from minivae.models.unet import MLPDenoiser, UNet
from minivae.models.vae import VAE, Elbo

MODELS: dict[str, Any] = {
    "autoencoder": Autoencoder,
    "vae": VAE,
    "conv-vae": ConvVAE,
    "latent-diffusion": LatentDiffusion,
}

__all__ = [
    "MODELS",
    "VAE",
    "Autoencoder",
    "ConvVAE",
    "Diffusion",
    "Elbo",
    "LatentDiffusion",
    "MLPDenoiser",
    "Schedule",
    "UNet",
    "cropped",
    "frame",
    "padded",
]
