"""What models are made of: parameters in one flat array, modules, layers, and how weights start."""

from minivae.nn.flat import FlatParameters, Parameter
from minivae.nn.layers import (
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    GroupNorm,
    LayerNorm,
    Linear,
    activation,
)
from minivae.nn.module import Module, Sequential

__all__ = [
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "FlatParameters",
    "GroupNorm",
    "LayerNorm",
    "Linear",
    "Module",
    "Parameter",
    "Sequential",
    "activation",
]
