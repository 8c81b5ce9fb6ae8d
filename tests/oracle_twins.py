"""The ops in PyTorch's words: what tests/every/test_against_pytorch.py compares ours with."""

import numpy as np


def twins(torch):
    F = torch.nn.functional
    N = torch.distributions.Normal

    def getitem(x, index):  # torch has no negative steps: NumPy says where each element comes from
        source = np.arange(x.numel()).reshape(x.shape)[index]
        return x.reshape(-1)[torch.tensor(np.array(source))]

    def reduction(f, over_none=lambda x: x):
        # for torch an empty tuple of axes means all of them
        return lambda x, axis=None, keepdims=False: over_none(x) if axis == () else f(x, dim=axis, keepdim=keepdims)

    def var(x, dim, keepdim):
        if not x.numel():  # torch warns of an empty batch
            return x.sum(dim=dim, keepdim=keepdim)
        return torch.var(x, dim=dim, keepdim=keepdim, correction=0)

    return {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "neg": torch.neg,
        "power": lambda x, exponent: torch.pow(x, exponent),
        "exp": torch.exp,
        "log": torch.log,
        "expm1": torch.expm1,
        "log1p": torch.log1p,
        "sqrt": torch.sqrt,
        "abs": torch.abs,
        "clip": lambda x, low, high: torch.clamp(x, low, high),
        "maximum": torch.maximum,
        "where": lambda a, b, condition: torch.where(torch.tensor(condition), a, b),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "relu": torch.relu,
        "softplus": F.softplus,
        "leaky_relu": lambda x, slope=0.01: F.leaky_relu(x, slope),
        "silu": F.silu,
        "gelu": lambda x: F.gelu(x, approximate="tanh"),
        "straight_through": lambda x, f: f(x).detach() + (x - x.detach()),  # x - x is 0, so the value is f(x) exactly
        "sum": reduction(torch.sum),
        "mean": reduction(torch.mean),
        "max": reduction(lambda x, dim, keepdim: torch.amax(x, dim=() if dim is None else dim, keepdim=keepdim)),
        "var": reduction(var, over_none=lambda x: 0 * x),
        "logsumexp": reduction(
            lambda x, dim, keepdim: torch.logsumexp(x, tuple(range(x.ndim)) if dim is None else dim, keepdim)
        ),
        "softmax": lambda x, axis=-1: torch.softmax(x, dim=axis),
        "reshape": lambda x, shape: x.reshape(shape),
        "transpose": lambda x, axes=None: x.permute(axes or tuple(reversed(range(x.ndim)))),
        "getitem": getitem,
        "concat": lambda *parts, axis=-1: torch.cat(parts, dim=axis),
        "stack": lambda *parts, axis=0: torch.stack(parts, dim=axis),
        "pad": lambda x, width, value=0.0: F.pad(x, [n for pair in reversed(width) for n in pair], value=value),
        "take": lambda x, index, axis=0: x[(slice(None),) * (axis % x.ndim) + (torch.tensor(index),)],
        "matmul": torch.matmul,
        "conv2d": lambda x, W, b, stride=1, padding=0: F.conv2d(x, W.permute(3, 2, 0, 1), b, stride, padding),
        "conv_transpose2d": lambda x, W, b, stride=1, padding=0: F.conv_transpose2d(
            x, W.permute(3, 2, 0, 1), b, stride, padding
        ),
        "avg_pool2d": lambda x, size: F.avg_pool2d(x, size),
        "max_pool2d": lambda x, size: F.max_pool2d(x, size),
        "upsample": lambda x, factor: F.interpolate(x, scale_factor=factor, mode="nearest"),
        "layer_norm": lambda x, gain, bias, tiny=1e-5: F.layer_norm(x, gain.shape, gain, bias, tiny),
        "group_norm": lambda x, gain, bias, groups, tiny=1e-5: torch.group_norm(x, groups, gain, bias, tiny),
        "attention": F.scaled_dot_product_attention,
        "linear": lambda x, W, b: F.linear(x, W.T, b),
        "reparameterize": lambda mu, logvar, eps: mu + torch.exp(logvar / 2) * eps,
        "gaussian_kl": lambda mu, logvar: torch.distributions.kl_divergence(
            N(mu, torch.exp(logvar / 2)), N(torch.zeros_like(mu), torch.ones_like(mu))
        ).sum(-1),
        "gaussian_nll": lambda x, mu, logvar: -N(mu, torch.exp(logvar / 2)).log_prob(x).sum(-1),
        "bernoulli_nll": lambda logits, x: F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1),
    }
