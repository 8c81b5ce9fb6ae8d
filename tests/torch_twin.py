"""Our convolutional models in PyTorch's words, with the same weights: what tests compare whole networks with."""

import math

import numpy as np

from minivae.models import ConvVAE, MLPDenoiser, UNet
from minivae.models.blocks import Attention, Down, ResBlock, Up
from minivae.models.unet import Condition
from minivae.nn import Conv2d, Embedding, GroupNorm, LayerNorm, Linear, Sequential


def there(a):
    """A weight in PyTorch's order of axes: (I, O) is (O, I), and (k, k, C, O) is (O, C, k, k)."""
    return np.ascontiguousarray(a.transpose(3, 2, 0, 1) if a.ndim == 4 else a.T)


class Twin:
    """`twin(part, *inputs)` computes what `part(*inputs)` does, on tensors of PyTorch.

    Attributes
    ----------
    weights : PyTorch's tensors, one for each of the model's parameters, in their order, each turned by `there`.
    """

    def __init__(self, torch, model):
        self.torch, self.F = torch, torch.nn.functional
        parameters = model.parameters()
        self.weights = [torch.tensor(there(p.data), requires_grad=True) for p in parameters]
        self.of = {id(p): w for p, w in zip(parameters, self.weights, strict=True)}

    def __call__(self, part, *inputs):
        for kind in type(part).__mro__:
            if kind.__name__ in TABLE:
                return TABLE[kind.__name__](self, part, *inputs)
        return getattr(self.F, part.__name__)(*inputs)  # silu

    def embedding(self, part, index):
        return self.of[id(part.W)].T[self.torch.tensor(index)]

    def linear(self, part, x):
        return self.F.linear(x, self.of[id(part.W)], self.of[id(part.b)])

    def conv(self, part, x):
        return self.F.conv2d(x, self.of[id(part.W)], self.of[id(part.b)], part.stride, part.padding)

    def up(self, part, x):
        return self.conv(part, self.F.interpolate(x, scale_factor=2, mode="nearest"))

    def group_norm(self, part, x):
        return self.F.group_norm(x, part.groups, self.of[id(part.gain)], self.of[id(part.bias)], part.tiny)

    def layer_norm(self, part, x):
        return self.F.layer_norm(x, x.shape[-1:], self.of[id(part.gain)], self.of[id(part.bias)], part.tiny)

    def sequential(self, part, x):
        for layer in part:
            x = self(layer, x)
        return x

    def res_block(self, part, x, emb=None):
        h = self(part.conv1, self.F.silu(self(part.norm1, x)))
        if emb is not None:
            h = h + self(part.emb, emb)[:, :, None, None]
        h = self(part.conv2, self.F.silu(self(part.norm2, h)))
        return h + (self(part.skip, x) if part.skip else x)

    def attention(self, part, x):
        pixels = self(part.norm, x).flatten(2).transpose(1, 2)  # (B, H * W, n)
        q, k, v = self(part.qkv, pixels).chunk(3, dim=-1)
        h = self(part.out, self.F.scaled_dot_product_attention(q, k, v))
        return x + h.transpose(1, 2).reshape(x.shape)

    def condition(self, part, x, t, labels):
        rate = 10_000 ** -(np.arange(part.n // 2) / (part.n // 2))
        angle = t[:, None] * rate
        sines = self.torch.tensor(np.hstack([np.sin(angle), np.cos(angle)])).to(x.dtype)
        emb = self(part.time, sines)
        if part.label:
            emb = emb + self(part.label, np.full(len(t), part.classes) if labels is None else labels)
        return self.F.silu(emb)

    def unet(self, part, x, t, labels=None):
        emb = self(part.condition, x, t, labels)
        h, bridges = self(part.first, x), []
        for level in part.way_down:
            for block in level["blocks"]:
                h = self(block, h, emb)
            bridges.append(h)
            h = self(level["half"], h)
        h = self(part.middle[0], h, emb)
        if part.attention:
            h = self(part.attention, h)
        for block in part.middle[1:]:
            h = self(block, h, emb)
        for level, bridge in zip(part.way_up, reversed(bridges), strict=True):
            h = self.torch.cat([self(level["twice"], h), bridge], dim=1)
            for block in level["blocks"]:
                h = self(block, h, emb)
        return self(part.last, self.F.silu(self(part.norm, h)))

    def mlp(self, part, x, t, labels=None):
        emb, h = self(part.condition, x, t, labels), self(part.first, x)
        for layer in part.layers:
            h = h + self(layer["out"], self.F.silu(self(layer["norm"], h) + self(layer["emb"], emb)))
        return self(part.last, self.F.silu(self(part.norm, h)))

    def conv_vae_loss(self, part, x, eps):
        """-log p(x | z) and KL of a Bernoulli ConvVAE, (B,) nats each."""
        mu, logvar = self(part.encoder, x).chunk(2, dim=1)
        logits = self(part.decoder, mu + self.torch.exp(0.5 * logvar) * eps)
        nll = self.F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
        return nll, 0.5 * (mu**2 + logvar.exp() - 1 - logvar).flatten(1).sum(1)


TABLE = {
    kind.__name__: function
    for kind, function in {
        Embedding: Twin.embedding,
        Linear: Twin.linear,
        Conv2d: Twin.conv,
        Down: Twin.conv,
        Up: Twin.up,
        GroupNorm: Twin.group_norm,
        LayerNorm: Twin.layer_norm,
        Sequential: Twin.sequential,
        ResBlock: Twin.res_block,
        Attention: Twin.attention,
        Condition: Twin.condition,
        UNet: Twin.unet,
        MLPDenoiser: Twin.mlp,
        ConvVAE: Twin.conv_vae_loss,
    }.items()
}


def randomized(model, rng, scale=1.0):
    """The model with every parameter drawn anew: layers that start at 0 or 1 would hide faults."""
    for p in model.parameters():
        fan_in = math.prod(p.shape[:-1]) or 1
        p.data[...] = rng.normal(size=p.shape) * (scale / math.sqrt(fan_in) if p.ndim > 1 else 0.5)
        if p.ndim == 1:
            p.data += 0.5
    return model
