"""The models, one page each."""

from minivae.models.autoencoder import Autoencoder
from minivae.models.vae import VAE, Elbo

MODELS = {"autoencoder": Autoencoder, "vae": VAE}

__all__ = ["MODELS", "VAE", "Autoencoder", "Elbo"]
