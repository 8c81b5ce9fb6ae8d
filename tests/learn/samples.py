"""An exercise of every kind, of no lesson, each with its table: what `check` can grade, and how each is written."""

import numpy as np

from minivae import Tensor, ops
from minivae.learn.exercise import Exercise, Gradient, Misconception
from minivae.learn.inputs import bits, generator, given, integers, normal, number, size, uniform
from minivae.learn.law import continuous_law, discrete_law, normal_law
from tests.learn.exercises import Table

HINTS = ("One.", "Two.", "Three.")


# Several results: two that are wrong in two ways are told one by one -------------------------------------------------


def split(h, L):
    mu, logvar = h[:, :L], h[:, L:]
    return mu, logvar


def split_into_new(h, L):
    mu, logvar = np.empty((len(h), L), h.dtype), np.empty((len(h), L), h.dtype)
    mu[...], logvar[...] = h[:, 0:L], h[:, L : 2 * L]
    return mu, logvar


SPLIT = Exercise(
    ref="99/split",
    solution=split,
    inputs=dict(h=normal("B 2L"), L=size("L")),
    returns=("mu : (B, L)", "logvar : (B, L)"),
    hints=HINTS,
    misconceptions=(
        Misconception("every-other", "Halves, not every other.", lambda h, L: (h[:, ::2], h[:, 1::2])),
        Misconception("rows", "The batch stays whole.", lambda h, L: (h[: len(h) // 2], h[len(h) // 2 :])),
        Misconception("swapped", "First mu.", symptom="order"),
        Misconception("exp", "logvar stays a logarithm.", lambda h, L: (h[:, :L], np.exp(h[:, L:]))),
        Misconception("twice", "The second half.", lambda h, L: (h[:, :L], h[:, :L])),
        Misconception("off-by-one", "Halves have L columns each.", lambda h, L: (h[:, : L + 1], h[:, L + 1 :])),
    ),
)
SPLIT_TABLE = Table(
    right={
        "np.split": lambda h, L: np.split(h, 2, axis=1),
        "a list": lambda h, L: [h[:, :L], h[:, L:]],
        "a dict": lambda h, L: {"logvar": h[:, -L:], "mu": h[:, :-L]},
        "new arrays": split_into_new,
        "float64": lambda h, L: (h[:, :L].astype(float), h[:, L:].astype(float)),
        "reshape": lambda h, L: tuple(h.reshape(len(h), 2, L).transpose(1, 0, 2)),
        "take": lambda a, n: (np.take(a, range(n), 1), np.take(a, range(n, 2 * n), 1)),
    },
    wrong={
        "every-other": lambda h, L: (h[:, 0::2], h[:, 1::2]),
        "rows": lambda h, L: tuple(np.array_split(h, [len(h) // 2])),
        "swapped": lambda h, L: (h[:, L:], h[:, :L]),
        "exp": lambda h, L: (h[:, :L], np.exp(h)[:, L:]),
        "exp (and the first turned)": lambda h, L: (-h[:, :L], np.exp(h[:, L:])),
        "twice": lambda h, L: (h[:, :L], h[:, 0:L]),
        "off-by-one": lambda h, L: (h[:, : L + 1], h[:, L + 1 :]),
        "form": lambda h, L: h,
        "form (three)": lambda h, L: (h, h, h),
        "form (other names)": lambda h, L: {"mu": h[:, :L], "var": h[:, L:]},
        "type": lambda h, L: (h[:, :L].tolist(), h[:, L:]),
        "values": lambda h, L: (h[:, :L], -h[:, L:]),
    },
)


# Gradients: compared with difference quotients of a value, not with a formula ----------------------------------------


def sample(mu, logvar, eps):
    return mu + np.exp(0.5 * logvar) * eps


def gradients(g, mu, logvar, eps):
    return g, g * 0.5 * np.exp(0.5 * logvar) * eps


def gradients_by_loop(g, mu, logvar, eps):
    g_logvar = np.zeros_like(g)
    for at in np.ndindex(g.shape):
        g_logvar[at] = 0.5 * g[at] * eps[at] * np.exp(logvar[at] / 2)
    return g.copy(), g_logvar


def gradients_in_place_on_a_copy(g, mu, logvar, eps):
    g_logvar = g * eps
    g_logvar *= np.exp(logvar / 2)
    g_logvar /= 2
    return g, g_logvar


GRADIENT = Exercise(
    ref="99/gradients",
    solution=gradients,
    gradient=Gradient(of=sample, wrt=("mu", "logvar"), g="g"),
    inputs=dict(g=normal("B L"), mu=normal("B L"), logvar=uniform("B L", -3, 1), eps=normal("B L")),
    returns=("g_mu : (B, L)", "g_logvar : (B, L)"),
    hints=HINTS,
    misconceptions=(
        Misconception("no-half", "The inner derivative.", lambda g, mu, lv, e: (g, g * np.exp(0.5 * lv) * e)),
        Misconception("variance", "std, not variance.", lambda g, mu, lv, e: (g, g * 0.5 * np.exp(lv) * e)),
        Misconception("no-eps", "eps stays.", lambda g, mu, lv, e: (g, g * 0.5 * np.exp(0.5 * lv))),
        Misconception("ones", "g comes in.", lambda g, mu, lv, e: (np.ones_like(g), 0.5 * np.exp(0.5 * lv) * e)),
        Misconception("times-mu", "mu is not a factor.", lambda g, mu, lv, e: (g * mu, 0.5 * g * np.exp(0.5 * lv) * e)),
        Misconception("sign", "Plus.", lambda g, mu, lv, e: (-g, -0.5 * g * np.exp(0.5 * lv) * e)),
    ),
)
GRADIENT_TABLE = Table(
    right={
        "other names": lambda a, b, c, d: (a, 0.5 * a * d * np.exp(0.5 * c)),
        "square root": lambda g, mu, lv, e: (g + 0, g * np.sqrt(np.exp(lv)) * e / 2),
        "einsum": lambda g, mu, lv, e: (g, 0.5 * np.einsum("bl,bl,bl->bl", g, np.exp(lv / 2), e)),
        "float64": lambda g, mu, lv, e: (g.astype(float), 0.5 * g.astype(float) * np.exp(0.5 * lv) * e),
        "a loop": gradients_by_loop,
        "in place on a copy": gradients_in_place_on_a_copy,
    },
    wrong={
        "no-half": lambda g, mu, lv, e: (g, e * g * np.exp(lv / 2)),
        "variance": lambda g, mu, lv, e: (g, g * e * np.exp(lv) / 2),
        "no-eps": lambda g, mu, lv, e: (g, g * np.exp(lv / 2) / 2),
        "ones": lambda g, mu, lv, e: (g * 0 + 1, np.exp(lv / 2) * e / 2),
        "times-mu": lambda g, mu, lv, e: (mu * g, 0.5 * g * e * np.exp(lv / 2)),
        "sign": lambda g, mu, lv, e: (g * -1.0, g * e * np.exp(lv / 2) / -2),
        "order": lambda g, mu, lv, e: gradients(g, mu, lv, e)[::-1],
        "values": lambda g, mu, lv, e: (g, 1.001 * gradients(g, mu, lv, e)[1]),
        "changes:g": lambda g, mu, lv, e: (np.multiply(g, 1.5, out=g), g),
        "shape": lambda g, mu, lv, e: (g.sum(0), g),
    },
)


# Tensors: the result has to stay on the tape, and what `backward` sends is compared too ------------------------------


def loss(logits, x):
    return (ops.softplus(logits) - x * logits).sum(axis=1)


TENSORS = Exercise(
    ref="99/loss",
    solution=loss,
    tensors=("logits",),
    inputs=dict(logits=normal("B D"), x=bits("B D")),
    returns="nll : (B,) nats, summed over D",
    hints=HINTS,
    misconceptions=(
        Misconception("mean", "Sum.", lambda logits, x: (ops.softplus(logits) - x * logits).mean(axis=1)),
        Misconception("sign", "Minus the log.", lambda logits, x: -loss(logits, x)),
        Misconception("batch", "One for each image.", lambda logits, x: loss(logits, x).sum()),
        Misconception("axis", "Over D.", lambda logits, x: (ops.softplus(logits) - x * logits).sum(axis=0)),
        Misconception("off-the-tape", "No .data here.", symptom="cut"),
        Misconception("mse", "Bernoulli.", lambda logits, x: ((logits.sigmoid() - x) ** 2).sum(axis=1)),
    ),
)
TENSORS_TABLE = Table(
    right={
        "other names": lambda a, b: (ops.softplus(a) - a * b).sum(axis=-1),
        "two sums": lambda a, x: ops.softplus(a).sum(axis=1) - (x * a).sum(axis=1),
        "the library's": lambda a, x: ops.bernoulli_nll(a, x),
        "log of sigmoid": lambda a, x: -(x * a.sigmoid().log() + (1 - x) * (-a).sigmoid().log()).sum(axis=1),
        "written out": lambda a, x: ((1 + a.exp()).log() - x * a).sum(axis=1),
        "mean times D": lambda a, x: (ops.softplus(a) - x * a).mean(axis=1) * float(x.shape[1]),
    },
    wrong={
        "mean": lambda a, x: ops.softplus(a).mean(axis=1) - (x * a).mean(axis=1),
        "sign": lambda a, x: (x * a - ops.softplus(a)).sum(axis=1),
        "batch": lambda a, x: (ops.softplus(a) - x * a).sum(),
        "axis": lambda a, x: ops.softplus(a).sum(axis=0) - (x * a).sum(axis=0),
        "off-the-tape (an array)": lambda a, x: (np.log1p(np.exp(a.data)) - x * a.data).sum(1),
        "off-the-tape (a new tensor)": lambda a, x: Tensor((np.log1p(np.exp(a.data)) - x * a.data).sum(1)),
        "off-the-tape (detached)": lambda a, x: loss(a.detach(), x),
        "mse": lambda a, x: (a.sigmoid() * a.sigmoid() - 2 * a.sigmoid() * x + x * x).sum(axis=1),
        "values (half detached)": lambda a, x: (ops.softplus(a) - x * a.detach()).sum(axis=1),
        "values": lambda a, x: 1.001 * loss(a, x),
        "raises": lambda a, x: np.exp(a).sum(1),
    },
)


# Samplers: tested for their distribution, whatever the order in which they draw ---------------------------------------


def draws(mu, logvar, N, rng):
    return mu + np.exp(0.5 * logvar) * rng.standard_normal((N, len(mu)))


def draws_by_row(mu, logvar, N, rng):
    return np.array([rng.normal(mu, np.exp(logvar / 2)) for _ in range(N)])


def repeated(mu, logvar, N, rng):
    half = draws(mu, logvar, (N + 1) // 2, rng)
    return np.concatenate([half, half])[:N]


def one_noise_for_all_columns(mu, logvar, N, rng):
    return mu + np.exp(0.5 * logvar) * rng.standard_normal((N, 1))


def one_noise_for_all_rows(mu, logvar, N, rng):
    return np.tile(mu + np.exp(0.5 * logvar) * rng.standard_normal(len(mu)), (N, 1))


SAMPLER = Exercise(
    ref="99/draws",
    solution=draws,
    law=normal_law(lambda mu, logvar: (mu, np.exp(0.5 * logvar))),
    inputs=dict(mu=normal("L"), logvar=uniform("L", -3, -1), N=size("N"), rng=generator()),
    sizes={"N": (10_000, 1, 2, 1, 7)},
    returns="z : (N, L), one draw a row",
    hints=HINTS,
    misconceptions=(
        Misconception("variance", "std.", lambda mu, lv, N, rng: mu + np.exp(lv) * rng.standard_normal((N, len(mu)))),
        Misconception("no-mu", "Add mu.", lambda mu, lv, N, rng: np.exp(lv / 2) * rng.standard_normal((N, len(mu)))),
        Misconception("own-rng", "Use rng.", symptom=("random", "global-rng", "same-draws")),
        Misconception("shared", "New noise for each.", symptom="dependent"),
        Misconception(
            "uniform",
            "Not uniform.",
            lambda mu, lv, N, rng: mu + np.exp(lv / 2) * 3**0.5 * rng.uniform(-1, 1, (N, len(mu))),
        ),
    ),
)
SAMPLER_TABLE = Table(
    right={
        "rng.normal": lambda mu, lv, N, rng: rng.normal(mu, np.exp(lv / 2), (N, len(mu))),
        "row by row": draws_by_row,
        "columns first": lambda mu, lv, N, rng: (
            (mu[:, None] + np.exp(lv / 2)[:, None] * rng.normal(size=(len(mu), N))).T
        ),
        "minus": lambda mu, lv, N, rng: mu - np.exp(lv / 2) * rng.standard_normal((N, len(mu))),
        "float32": lambda mu, lv, N, rng: draws(mu, lv, N, rng).astype(np.float32),
        "a generator of its own, seeded by rng": lambda mu, lv, N, rng: draws(
            mu, lv, N, np.random.default_rng(rng.integers(2**60))
        ),
        "antithetic no, shuffled yes": lambda mu, lv, N, rng: rng.permutation(draws(mu, lv, N, rng)),
    },
    wrong={
        "variance": lambda mu, lv, N, rng: mu + np.exp(lv) * rng.standard_normal((N, len(mu))),
        "variance (in another order)": lambda mu, lv, N, rng: (
            (mu[:, None] - np.exp(lv)[:, None] * rng.standard_normal((len(mu), N))).T
        ),
        "no-mu": lambda mu, lv, N, rng: rng.normal(0, np.exp(lv / 2), (N, len(mu))),
        "own-rng": lambda mu, lv, N, rng: draws(mu, lv, N, np.random.default_rng()),
        "own-rng (seeded)": lambda mu, lv, N, rng: draws(mu, lv, N, np.random.default_rng(0)),
        "own-rng (the global one)": lambda mu, lv, N, rng: (
            mu + np.exp(lv / 2) * np.random.randn(N, len(mu))  # noqa: NPY002
        ),
        "shared": one_noise_for_all_columns,
        "shared (by rows)": one_noise_for_all_rows,
        "shared (a half repeated)": repeated,
        "uniform": lambda mu, lv, N, rng: rng.uniform(-1, 1, (N, len(mu))) * np.sqrt(3 * np.exp(lv)) + mu,
        "distribution": lambda mu, lv, N, rng: mu + np.exp(lv / 2) * rng.laplace(0, 0.5**0.5, (N, len(mu))),
        "mean": lambda mu, lv, N, rng: draws(mu + 0.1, lv, N, rng),
        "spread": lambda mu, lv, N, rng: draws(mu, lv + 0.2, N, rng),
        "shape": lambda mu, lv, N, rng: draws(mu, lv, N, rng).T,
    },
)


def ink(p, rng):
    return (rng.uniform(size=p.shape) < p).astype(p.dtype)


BERNOULLI = Exercise(
    ref="99/ink",
    solution=ink,
    law=discrete_law(lambda k, p: p if k else 1 - p, values=2),
    inputs=dict(p=uniform("B D", 0.05, 0.95), rng=generator()),
    sizes={"B": (10_000, 1, 2, 1, 7)},
    returns="x : (B, D), 0 or 1",
    hints=HINTS,
    misconceptions=(
        Misconception("turned", "Less than p.", lambda p, rng: (rng.uniform(size=p.shape) > p).astype(p.dtype)),
        Misconception("threshold", "Draw.", lambda p, rng: (p > 0.5).astype(p.dtype)),
        Misconception("grey", "0 or 1.", lambda p, rng: p.copy()),
        Misconception("half", "p is not one half.", lambda p, rng: (rng.uniform(size=p.shape) < 0.5).astype(p.dtype)),
        Misconception("column", "For each pixel.", lambda p, rng: (rng.uniform(size=(len(p), 1)) < p).astype(p.dtype)),
    ),
)
BERNOULLI_TABLE = Table(
    right={
        "random": lambda p, rng: (rng.random(p.shape) < p).astype(np.float32),
        "binomial": lambda p, rng: rng.binomial(1, p).astype(p.dtype),
        "turned twice": lambda p, rng: (rng.random(p.shape) > 1 - p) * 1.0,
        "where": lambda p, rng: np.where(rng.random(p.shape) < p, 1.0, 0.0),
        "floor": lambda p, rng: np.floor(rng.random(p.shape) + p),
        "row by row": lambda p, rng: np.array([rng.random(len(row)) < row for row in p]).astype(float),
    },
    wrong={
        "turned": lambda p, rng: 1.0 * (rng.random(p.shape) > p),
        "turned (in another order)": lambda p, rng: 1.0 * (p < rng.random(p.T.shape).T),
        "threshold": lambda p, rng: np.round(p),
        "grey": lambda p, rng: p,
        "half": lambda p, rng: rng.integers(0, 2, p.shape).astype(float),
        "column": lambda p, rng: 1.0 * (rng.random((len(p), 1)) < p),
        "same-draws": lambda p, rng: ink(p, np.random.default_rng(1)),
        "random": lambda p, rng: ink(p, np.random.default_rng()),
        "type": lambda p, rng: ink(p, rng).tolist(),
        "dtype": lambda p, rng: ink(p, rng).astype(int),
    },
)

EXPONENTIAL = Exercise(
    ref="99/waits",
    solution=lambda rate, N, rng: -np.log1p(-rng.uniform(size=N)) / rate,
    law=continuous_law(lambda x, rate: -np.expm1(-rate * np.maximum(x, 0))),
    inputs=dict(rate=number(0.5, 2), N=size("N"), rng=generator()),
    sizes={"N": (10_000, 1, 2, 1, 7)},
    returns="t : (N,)",
    hints=HINTS,
    misconceptions=(
        Misconception("rate-for-mean", "The mean is 1 / rate.", lambda rate, N, rng: rng.exponential(rate, N)),
        Misconception("negative", "Minus the log.", lambda rate, N, rng: np.log(rng.uniform(size=N)) / rate),
        Misconception("own", "Use rng.", symptom="random"),
    ),
)
EXPONENTIAL_TABLE = Table(
    right={
        "exponential": lambda rate, N, rng: rng.exponential(1 / rate, N),
        "log": lambda rate, N, rng: -np.log(1 - rng.random(N)) / rate,
        "gamma": lambda rate, N, rng: rng.gamma(1, 1 / rate, N),
        "standard": lambda rate, N, rng: rng.standard_exponential(N) / rate,
        "weibull": lambda rate, N, rng: rng.weibull(1, N) / rate,
        "one by one": lambda rate, N, rng: np.array([rng.exponential(1 / rate) for _ in range(N)]),
    },
    wrong={
        "rate-for-mean": lambda rate, N, rng: -np.log(rng.random(N)) * rate,
        "rate-for-mean (by numpy)": lambda rate, N, rng: rng.exponential(rate, N),
        "negative": lambda rate, N, rng: -rng.exponential(1 / rate, N),
        "dependent": lambda rate, N, rng: np.repeat(rng.exponential(1 / rate, N), 2)[:N],
        "dependent (sorted)": lambda rate, N, rng: np.sort(rng.exponential(1 / rate, N)),
        "shape": lambda rate, N, rng: rng.exponential(1 / rate, (N, 1)),
        "nan": lambda rate, N, rng: np.log(-rng.random(N)),
        "own": lambda rate, N, rng: np.random.default_rng().exponential(1 / rate, N),
    },
)


# A class, tried through `use`; whole numbers; a flag; one number -----------------------------------------------------


class Standardizer:
    """Shifts and scales columns to mean 0 and standard deviation 1, as measured on other rows."""

    def fit(self, x):
        self.mean, self.std = x.mean(0), x.std(0)

    def transform(self, x):
        return (x - self.mean) / self.std

    def inverse(self, y):
        return y * self.std + self.mean


def fit_transform_inverse(cls, x, other):
    scaler = cls()
    scaler.fit(x)
    y = scaler.transform(other)
    return y, scaler.inverse(y)


def standardizer(mean=lambda x: x.mean(0), std=lambda x: x.std(0), fits=None, back=None):
    """A class like the one above, with something in it changed."""

    class Mine:
        def fit(self, data):
            self.m, self.s = mean(data), std(data)

        def transform(self, data):
            m, s = fits(data) if fits else (self.m, self.s)
            return (data - m) / s

        def inverse(self, data):
            return back(data, self.m, self.s) if back else data * self.s + self.m

    return Mine


class WithInit(Standardizer):
    def __init__(self):
        super().__init__()
        self.mean = self.std = None

    def unused(self): ...


class NoInverse:
    def fit(self, x):
        self.mean = x

    def transform(self, x):
        return x


CLASS = Exercise(
    ref="99/standardizer",
    solution=Standardizer,
    use=fit_transform_inverse,
    inputs=dict(x=normal("N D", 1, 2), other=normal("B D", 1, 2)),
    sizes={"N": 6},
    returns=("transform(x) : (B, D)", "inverse(transform(x)) : (B, D)"),
    hints=HINTS,
    misconceptions=(
        Misconception("var", "std.", standardizer(std=lambda x: x.var(0))),
        Misconception(
            "refit", "As measured in fit.", standardizer(fits=lambda x: (x.mean(0), x.std(0) + (len(x) < 2)))
        ),
        Misconception("all", "Each column.", standardizer(mean=np.mean, std=np.std)),
        Misconception("rows", "Axis 0.", standardizer(mean=lambda x: x.mean(1).mean(), std=lambda x: x.std(1).mean())),
        Misconception("no-mean-back", "Add the mean.", standardizer(back=lambda y, m, s: y * s)),
        Misconception("order-back", "First times std.", standardizer(back=lambda y, m, s: (y + m) * s)),
    ),
)
CLASS_TABLE = Table(
    right={
        "other names": standardizer(),
        "an init": WithInit,
        "sum": standardizer(mean=lambda x: x.sum(0) / len(x)),
        "root": standardizer(std=lambda x: ((x - x.mean(0)) ** 2).mean(0) ** 0.5),
        "float64": standardizer(mean=lambda x: x.astype(float).mean(0)),
        "kept axis": standardizer(mean=lambda x: x.mean(0, keepdims=True), std=lambda x: x.std(0, keepdims=True)),
    },
    wrong={
        "var": standardizer(std=lambda x: np.var(x, axis=0)),
        "refit": standardizer(fits=lambda x: (x.mean(axis=0), x.std(axis=0) + (len(x) == 1))),
        "all": standardizer(mean=lambda x: x.mean(), std=lambda x: x.std()),
        "rows": standardizer(mean=lambda x: np.mean(x.mean(1)), std=lambda x: np.mean(x.std(1))),
        "no-mean-back": standardizer(back=lambda y, m, s: s * y),
        "order-back": standardizer(back=lambda y, m, s: s * (m + y)),
        "not-callable": Standardizer(),
        "methods": NoInverse,
        "raises": standardizer(std=lambda x: x.oops),
        "values": standardizer(std=lambda x: x.std(0) + 1),
    },
)


def accuracy(logits, labels):
    return (logits.argmax(1) == labels).mean()


ACCURACY = Exercise(
    ref="99/accuracy",
    solution=accuracy,
    inputs=dict(logits=normal("B 4"), labels=integers("B", 0, 4)),
    sizes={"B": (50, 1, 20, 3, 8)},
    returns="accuracy : a number from 0 to 1",
    hints=HINTS,
    misconceptions=(
        Misconception("axis", "Over classes.", lambda p, y: (p.argmax(0)[0] == y).mean()),
        Misconception("percent", "From 0 to 1.", lambda p, y: 100 * accuracy(p, y)),
        Misconception("count", "A share.", lambda p, y: (p.argmax(1) == y).sum()),
        Misconception("error", "How many are right.", lambda p, y: (p.argmax(1) != y).mean()),
        Misconception("each", "The mean.", lambda p, y: p.argmax(1) == y),
        Misconception("argmin", "The largest.", lambda p, y: (p.argmin(1) == y).mean()),
    ),
)
ACCURACY_TABLE = Table(
    right={
        "sum": lambda p, y: (p.argmax(1) == y).sum() / len(y),
        "a Python float": lambda p, y: float(np.mean(np.argmax(p, axis=1) == y)),
        "a loop": lambda p, y: sum(int(row.argmax()) == t for row, t in zip(p, y, strict=True)) / len(y),
        "0-d": lambda p, y: np.array((p.argmax(-1) == y).mean()),
        "float32": lambda p, y: np.float32((p.argmax(1) == y).mean()),
        "count": lambda p, y: np.count_nonzero(p.argmax(1) == y) / y.size,
    },
    wrong={
        "axis": lambda p, y: (np.argmax(p, 0)[0] == y).mean(),
        "percent": lambda p, y: (p.argmax(1) == y).mean() * 100,
        "count": lambda p, y: int((p.argmax(1) == y).sum()),
        "error": lambda p, y: 1 - (p.argmax(1) == y).mean(),
        "each": lambda p, y: np.argmax(p, 1) == y,
        "argmin": lambda p, y: ((-p).argmax(1) == y).mean(),
        "shape": lambda p, y: (p.argmax(1) == y).mean(keepdims=True),
        "type": lambda p, y: "all",
        "arguments": lambda p: 1.0,
        "ignores:logits": lambda p, y: (y == 0).mean(),
    },
)


def dropout(x, keep, training):
    return x * keep / 0.8 if training else x


DROPOUT = Exercise(
    ref="99/dropout",
    solution=dropout,
    inputs=dict(x=normal("B D"), keep=bits("B D"), training=given(True, False)),
    returns="y : (B, D)",
    hints=HINTS,
    misconceptions=(
        Misconception("always", "Not at test time.", lambda x, keep, training: x * keep / 0.8),
        Misconception("never", "While training.", lambda x, keep, training: x),
        Misconception("not-scaled", "Divide.", lambda x, keep, training: x * keep if training else x),
        Misconception("at-test", "Scale while training.", lambda x, keep, t: x * keep if t else 0.8 * x),
        Misconception("turned", "The other way.", lambda x, keep, t: dropout(x, keep, not t)),
        Misconception("dropped", "keep says what stays.", lambda x, keep, t: x * (1 - keep) / 0.8 if t else x),
    ),
)
DROPOUT_TABLE = Table(
    right={
        "where": lambda x, keep, t: np.where(keep, x / 0.8, 0) if t else x,
        "if": lambda x, keep, t: x if not t else keep * x * 1.25,
        "a copy": lambda x, keep, t: (x * keep / 0.8).astype(x.dtype) if t else x.copy(),
        "a mask": lambda x, keep, t: x * (keep / 0.8 if t else np.ones_like(keep)),
        "float64": lambda x, keep, t: dropout(x.astype(float), keep, t),
        "keyword": lambda x, keep, training=False: dropout(x, keep, training),
    },
    wrong={
        "always": lambda x, keep, t: 1.25 * x * keep,
        "never": lambda x, keep, t: x.copy(),
        "not-scaled": lambda x, keep, t: np.where(keep, x, 0) if t else x,
        "at-test": lambda x, keep, t: x * (keep if t else 0.8),
        "turned": lambda x, keep, t: x if t else x * keep / 0.8,
        "dropped": lambda x, keep, t: np.where(keep, 0, x / 0.8) if t else x,
        "changes:x": lambda x, keep, t: np.multiply(x, keep, out=x),
        "values": lambda x, keep, t: x * keep / 0.7 if t else x,
    },
)

SAMPLES = {
    "several results": (SPLIT, SPLIT_TABLE),
    "gradients": (GRADIENT, GRADIENT_TABLE),
    "tensors": (TENSORS, TENSORS_TABLE),
    "a sampler": (SAMPLER, SAMPLER_TABLE),
    "a sampler of 0 and 1": (BERNOULLI, BERNOULLI_TABLE),
    "a sampler of one number": (EXPONENTIAL, EXPONENTIAL_TABLE),
    "a class": (CLASS, CLASS_TABLE),
    "one number": (ACCURACY, ACCURACY_TABLE),
    "a flag": (DROPOUT, DROPOUT_TABLE),
}
