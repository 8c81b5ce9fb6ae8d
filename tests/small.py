"""Small things to train and test on: real digits, and models of a few numbers."""

from functools import cache

import numpy as np

from minivae.data import load
from minivae.models import VAE, Autoencoder, ConvVAE, LatentDiffusion, Schedule, UNet


@cache
def all_digits(split):
    x, y = load("mnist-small", split)
    x.flags.writeable = y.flags.writeable = False  # shared by all tests
    return x, y


def digits(n, split="train"):
    """The first `n` images of mnist-small: (n, 784) float32 in [0, 1]."""
    return all_digits(split)[0][:n]


def dots(n, x_dim=6, seed=0):
    """Images of `x_dim` pixels, for what needs no digits: (n, x_dim) float32 in [0, 1]."""
    return np.random.default_rng(seed).random((n, x_dim), dtype=np.float32)


def tiny_vae(x_dim=6, hidden=5, latent=2, seed=0, **settings):
    return VAE(x_dim=x_dim, hidden=hidden, latent=latent, rng=np.random.default_rng(seed), **settings)


def tiny_autoencoder(x_dim=6, hidden=5, latent=2, seed=0, **settings):
    return Autoencoder(x_dim=x_dim, hidden=hidden, latent=latent, rng=np.random.default_rng(seed), **settings)


def tiny_conv_vae(side=8, seed=0, **settings):
    return ConvVAE(side, (2, 3, 4), 2, rng=np.random.default_rng(seed), **settings)


def tiny_latent_diffusion(classes=0, side=8, seed=0, **settings):
    """For images of `side` x `side`; its scale is not measured."""
    vae = tiny_conv_vae(side, seed)
    denoiser = UNet(vae.code_shape, (4, 4), classes=classes, emb=4, rng=np.random.default_rng(seed))
    return LatentDiffusion(vae, denoiser, Schedule("cosine", 20), **settings)
