"""The ops in PyTorch's words: what tests/every/test_against_pytorch.py compares ours with."""


def twins(torch):
    F = torch.nn.functional
    N = torch.distributions.Normal

    def getitem(x, index):  # torch has no negative steps
        if index == (..., slice(None, None, -2)):
            return x.flip(-1)[..., ::2]
        return x[index]

    def reduction(f):
        # for torch an empty tuple of axes means all of them
        return lambda x, axis=None, keepdims=False: x if axis == () else f(x, dim=axis, keepdim=keepdims)

    return {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "neg": torch.neg,
        "power": lambda x, exponent: torch.pow(x, exponent),
        "exp": torch.exp,
        "log": torch.log,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "relu": torch.relu,
        "softplus": F.softplus,
        "sum": reduction(torch.sum),
        "mean": reduction(torch.mean),
        "reshape": lambda x, shape: x.reshape(shape),
        "transpose": lambda x, axes=None: x.permute(axes or tuple(reversed(range(x.ndim)))),
        "getitem": getitem,
        "concat": lambda *parts, axis=-1: torch.cat(parts, dim=axis),
        "matmul": torch.matmul,
        "linear": lambda x, W, b: F.linear(x, W.T, b),
        "reparameterize": lambda mu, logvar, eps: mu + torch.exp(logvar / 2) * eps,
        "gaussian_kl": lambda mu, logvar: torch.distributions.kl_divergence(
            N(mu, torch.exp(logvar / 2)), N(torch.zeros_like(mu), torch.ones_like(mu))
        ).sum(-1),
        "gaussian_nll": lambda x, mu, logvar: -N(mu, torch.exp(logvar / 2)).log_prob(x).sum(-1),
        "bernoulli_nll": lambda logits, x: F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1),
    }
