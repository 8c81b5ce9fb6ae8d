"""Ops and optimiser steps that launch kernels, by the name of what they replace. See `minivae.backend.Backend`.

Each takes `(xp, *arrays, **constants)` as the NumPy function of its name does, checks the same and raises the same. It
may use `xp` for what no kernel is needed for: a matrix product, memory.
"""

from minivae.cuda.fused.activation import gelu, relu, sigmoid, silu, tanh
from minivae.cuda.fused.adam import adam
from minivae.cuda.fused.bernoulli import bernoulli_nll
from minivae.cuda.fused.conv import conv2d, conv_transpose2d
from minivae.cuda.fused.gaussian import gaussian_kl, gaussian_nll, reparameterize
from minivae.cuda.fused.linear import linear
from minivae.cuda.fused.norm import group_norm, layer_norm, logsumexp, softmax

OPS = {
    f.__name__: f
    for f in (
        bernoulli_nll,
        conv2d,
        conv_transpose2d,
        gaussian_kl,
        gaussian_nll,
        gelu,
        group_norm,
        layer_norm,
        linear,
        logsumexp,
        relu,
        reparameterize,
        sigmoid,
        silu,
        softmax,
        tanh,
    )
}
STEPS = {f.__name__: f for f in (adam,)}

__all__ = ["OPS", "STEPS"]
