"""What a textbook's tape does: a node for each elementary operation, fresh arrays everywhere, gradients from zero.

In the manner of micrograd, with NumPy arrays for its numbers, and float32, since NumPy's own float64 would take twice
the time again. Numbers do not broadcast but rows do.
"""

from collections.abc import Callable

import numpy as np

from minivae.bench.worker import Step, serve
from minivae.bench.workloads import CHAIN, LR, STEPS, Arrays, schedule


class Value:
    def __init__(self, data, children=()):
        self.data = np.asarray(data, np.float32)
        self.grad = np.zeros_like(self.data)
        self.children = children
        self.back = lambda: None

    def made(self, data, *others, grads):
        """A new value from this one and others; `grads` takes its gradient and returns one for each."""
        out = Value(data, (self, *others))

        def back():
            for child, g in zip(out.children, grads(out.grad), strict=True):
                child.grad += unbroadcast(g, child.data.shape)

        out.back = back
        return out

    def __add__(self, other):
        return self.made(self.data + other.data, other, grads=lambda g: (g, g))

    def __mul__(self, other):
        a, b = self.data, other.data
        return self.made(a * b, other, grads=lambda g: (g * b, g * a))

    def __matmul__(self, other):
        a, b = self.data, other.data
        return self.made(a @ b, other, grads=lambda g: (g @ b.T, a.T @ g))

    def __pow__(self, n):
        return self.made(self.data**n, grads=lambda g: (g * n * self.data ** (n - 1),))

    def __getitem__(self, index):
        def grads(g):
            whole = np.zeros_like(self.data)
            whole[index] = g
            return (whole,)

        return self.made(self.data[index], grads=grads)

    def exp(self):
        y = np.exp(self.data)
        return self.made(y, grads=lambda g: (g * y,))

    def log(self):
        return self.made(np.log(self.data), grads=lambda g: (g / self.data,))

    def relu(self):
        return self.made(np.maximum(self.data, 0), grads=lambda g: (g * (self.data > 0),))

    def sigmoid(self):
        y = 1 / (1 + np.exp(-self.data))
        return self.made(y, grads=lambda g: (g * y * (1 - y),))

    def sum(self, axis=None):
        return self.made(self.data.sum(axis, keepdims=True), grads=lambda g: (np.broadcast_to(g, self.data.shape),))

    def __sub__(self, other):
        return self + other * Value(-1)

    def backward(self):
        order, seen = [], set()

        def visit(v):
            if v not in seen:
                seen.add(v)
                for child in v.children:
                    visit(child)
                order.append(v)

        visit(self)
        self.grad = np.ones_like(self.data)
        for v in reversed(order):
            v.back()


def unbroadcast(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


class Adam:
    def __init__(self, parameters):
        self.parameters, self.t = parameters, 0
        self.m = [np.zeros_like(p.data) for p in parameters]
        self.v = [np.zeros_like(p.data) for p in parameters]

    def step(self):
        self.t += 1
        for i, p in enumerate(self.parameters):
            self.m[i] = 0.9 * self.m[i] + 0.1 * p.grad
            self.v[i] = 0.999 * self.v[i] + 0.001 * p.grad**2
            m_hat, v_hat = self.m[i] / (1 - 0.9**self.t), self.v[i] / (1 - 0.999**self.t)
            p.data = p.data - LR * m_hat / (np.sqrt(v_hat) + 1e-8)


def training(a: Arrays, loss: Callable[..., Value]) -> Step:
    p = [Value(w) for w in a.weights]
    optimizer = Adam(p)

    def step(*noise: np.ndarray) -> float:
        value = loss(p, *noise)
        for parameter in p:
            parameter.grad = np.zeros_like(parameter.data)
        value.backward()
        optimizer.step()
        return value.data.item()

    return step


def w1(a: Arrays) -> Step:
    rng = np.random.default_rng(1)
    x, half, one = Value(a.x), Value(0.5), Value(1)

    def loss(p, eps=None):
        eps = rng.standard_normal((a.batch, 20), dtype=np.float32) if eps is None else eps
        code = (x @ p[0] + p[1]).relu() @ p[2] + p[3]
        mu, logvar = code[:, :20], code[:, 20:]
        z = mu + (half * logvar).exp() * Value(eps)
        s = ((z @ p[4] + p[5]).relu() @ p[6] + p[7]).sigmoid()
        likelihood = (x * s.log() + (one - x) * (one - s).log()).sum()
        kl = half * (mu * mu + logvar.exp() - one - logvar).sum()
        return (kl - likelihood) * Value(1 / a.batch)

    return training(a, loss)


def w3(a: Arrays) -> Step:
    rng = np.random.default_rng(1)
    signal, spoilt, waves = schedule()

    def loss(p, t=None, eps=None):
        if t is None:
            t, eps = rng.integers(0, STEPS, a.batch), rng.standard_normal((a.batch, 16), dtype=np.float32)
        noisy = signal[t, None] * a.x + spoilt[t, None] * eps
        h = Value(np.concatenate([noisy, waves[t]], axis=1))
        for W, b, gain, bias in (p[0:4], p[4:8], p[8:12]):
            h = h @ W + b
            d = h - h.sum(1) * Value(1 / a.width)
            h = d * ((d * d).sum(1) * Value(1 / a.width) + Value(1e-5)) ** -0.5 * gain + bias
            h = h * h.sigmoid()
        d = h @ p[12] + p[13] - Value(eps)
        return (d * d).sum() * Value(1 / eps.size)

    return training(a, loss)


def tape() -> None:
    one, y = Value(np.ones(4)), Value(np.ones(4))
    for _ in range(CHAIN):
        y = y * one
    y.sum().backward()


if __name__ == "__main__":
    serve({"W1": w1, "W3": w3}, tape, {"version": f"NumPy {np.__version__}"})
