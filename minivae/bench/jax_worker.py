"""The workloads in JAX: the whole step, gradients and Adam included, is one jitted function with donated buffers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from minivae.bench.worker import Step, serve
from minivae.bench.workloads import LR, STEPS, Arrays, schedule


def training(jax: Any, weights: list[np.ndarray], loss: Callable) -> Step:
    """`loss(weights, key, *noise)`: noise is drawn with the key where none is given."""
    jnp = jax.numpy
    b1, b2, tiny = 0.9, 0.999, 1e-8

    @partial(jax.jit, donate_argnums=(0, 1, 2, 3, 4))
    def update(p: Any, m: Any, v: Any, t: Any, key: Any, *noise: Any) -> Any:
        key, here = jax.random.split(key)
        value, g = jax.value_and_grad(loss)(p, here, *noise)
        t = t + 1
        m = [b1 * m + (1 - b1) * g for m, g in zip(m, g, strict=True)]
        v = [b2 * v + (1 - b2) * g * g for v, g in zip(v, g, strict=True)]
        move = [(m / (1 - b1**t)) / (jnp.sqrt(v / (1 - b2**t)) + tiny) for m, v in zip(m, v, strict=True)]
        return [p - LR * d for p, d in zip(p, move, strict=True)], m, v, t, key, value

    p = [jnp.array(w) for w in weights]
    state = [p, [0 * w for w in p], [0 * w for w in p], jnp.float32(0), jax.random.PRNGKey(1)]

    def step(*noise: np.ndarray) -> float:
        *state[:], value = update(*state, *noise)
        return float(value)

    return step


def elbo(jax: Any, x: Any, logits: Any, mu: Any, logvar: Any) -> Any:
    """nats per image: the mean over B of the reconstruction's and the code's cost."""
    jnp = jax.numpy
    B = len(x)
    nll = (jax.nn.softplus(logits) - x * logits).reshape(B, -1).sum(1)
    kl = 0.5 * (mu**2 + jnp.exp(logvar) - 1 - logvar).sum(1)
    return (nll + kl).mean()


def w1(jax: Any, a: Arrays) -> Step:
    jnp, relu = jax.numpy, jax.nn.relu
    x = jnp.array(a.x)

    def loss(p: Any, key: Any, eps: Any = None) -> Any:
        mu, logvar = jnp.split(relu(x @ p[0] + p[1]) @ p[2] + p[3], 2, axis=1)
        z = mu + jnp.exp(0.5 * logvar) * (jax.random.normal(key, mu.shape) if eps is None else eps)
        return elbo(jax, x, relu(z @ p[4] + p[5]) @ p[6] + p[7], mu, logvar)

    return training(jax, a.weights, loss)


def w2(jax: Any, a: Arrays) -> Step:
    jnp, lax, relu = jax.numpy, jax.lax, jax.nn.relu
    x = jnp.array(a.x)
    names = ("NCHW", "HWIO", "NCHW")

    def narrow(x: Any, W: Any, b: Any) -> Any:
        return lax.conv_general_dilated(x, W, (2, 2), [(1, 1)] * 2, dimension_numbers=names) + b[:, None, None]

    def widen(x: Any, W: Any, b: Any) -> Any:
        W = W[::-1, ::-1].swapaxes(2, 3)  # the transpose of a convolution is one with its weights turned round
        spread = dict(lhs_dilation=(2, 2), dimension_numbers=names)
        return lax.conv_general_dilated(x, W, (1, 1), [(2, 2)] * 2, **spread) + b[:, None, None]

    def loss(p: Any, key: Any, eps: Any = None) -> Any:
        h = relu(narrow(relu(narrow(x, p[0], p[1])), p[2], p[3])).reshape(len(x), 4096)
        mu, logvar = jnp.split(h @ p[4] + p[5], 2, axis=1)
        z = mu + jnp.exp(0.5 * logvar) * (jax.random.normal(key, mu.shape) if eps is None else eps)
        h = relu(z @ p[6] + p[7]).reshape(len(x), 64, 8, 8)
        return elbo(jax, x, widen(relu(widen(h, p[8], p[9])), p[10], p[11]), mu, logvar)

    return training(jax, a.weights, loss)


def w3(jax: Any, a: Arrays) -> Step:
    jnp = jax.numpy
    signal, spoilt, waves = map(jnp.array, schedule())
    x = jnp.array(a.x)

    def loss(p: Any, key: Any, t: Any = None, eps: Any = None) -> Any:
        if t is None:
            one, two = jax.random.split(key)
            t, eps = jax.random.randint(one, (a.batch,), 0, STEPS), jax.random.normal(two, x.shape)
        h = jnp.concatenate([signal[t, None] * x + spoilt[t, None] * eps, waves[t]], axis=1)  # (B, 80)
        for W, b, gain, bias in (p[0:4], p[4:8], p[8:12]):
            h = h @ W + b
            d = h - h.mean(1, keepdims=True)
            h = jax.nn.silu(d * jax.lax.rsqrt((d * d).mean(1, keepdims=True) + 1e-5) * gain + bias)
        return ((h @ p[12] + p[13] - eps) ** 2).mean()

    return training(jax, a.weights, loss)


def w4(jax: Any, a: Arrays) -> Step:
    W1, b1, W2, b2 = map(jax.numpy.array, a.weights)
    z = jax.numpy.array(a.x)
    decode = jax.jit(lambda z: jax.nn.sigmoid(jax.nn.relu(z @ W1 + b1) @ W2 + b2))
    return lambda: decode(z).block_until_ready()


def main() -> None:
    import jax

    workloads = {"W1": w1, "W2": w2, "W3": w3, "W4": w4}
    steps = {name: partial(build, jax) for name, build in workloads.items()}
    serve(steps, None, {"version": f"JAX {jax.__version__}", "blas": "XLA's own"})


if __name__ == "__main__":
    main()
