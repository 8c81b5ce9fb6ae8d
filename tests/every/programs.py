"""Random programs: a few ops put together, in ours and in PyTorch's words. The seed alone makes the program.

A program is leaves (some want no gradient), then lines (an op, a detach, some of them under no_grad) that use earlier
names, some more than once, and a loss that adds up what came out. `code` writes it as Python, to be read and run.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minivae import Tensor, no_grad, ops
from minivae.engine import OPS
from tests.every.shapes import Draw

NAMES = sorted(OPS)
LARGEST = 8.0  # values beyond are scaled down, so that an exp of an exp of a power stays a number


@dataclass
class Line:
    """`name = op(*given, **constants)`; what is given are earlier names, or numbers."""

    name: str
    op: str  # an op, or "detach"
    given: list
    constants: dict
    quiet: bool = False  # under no_grad
    terse: bool = False  # a + b instead of add(a, b)


@dataclass
class Program:
    seed: int
    leaves: dict[str, tuple[np.ndarray, bool]] = field(default_factory=dict)  # values, and whether a gradient is wanted
    lines: list[Line] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def rounded(x):
    """What straight_through is given; works on arrays of NumPy and of PyTorch."""
    return x.round()


def ramp(x):
    """Weights of 0.5 to 1.5, no two the same, so that gradients cannot cancel by symmetry: an array for a tensor."""
    return np.linspace(0.5, 1.5, x.data.size).astype(x.dtype).reshape(x.shape)


# Writing.


class Writer:
    """Adds one line after the other to a program, and knows each value, so that the next line can be legal."""

    def __init__(self, seed: int):
        rng = np.random.default_rng([2013, seed])
        self.draw = Draw(lambda low, high: int(rng.integers(low, high + 1)))
        self.rng = rng
        self.program = Program(seed)
        self.values: dict[str, np.ndarray] = {}
        self.wants: dict[str, bool] = {}  # whether a gradient reaches a leaf from here
        self.used: set[str] = set()

    def chance(self, p: float) -> bool:
        return self.rng.random() < p

    def leaf(self, *shape: int, wants: bool | None = None, uniform: bool = False) -> str:
        name = f"x{len(self.program.leaves)}"
        value = np.asarray(self.rng.uniform(0, 1, size=shape) if uniform else self.rng.normal(size=shape)).round(3)
        wants = self.chance(0.8) if wants is None else wants
        self.program.leaves[name] = value, wants
        self.values[name], self.wants[name] = value, wants
        return name

    def line(self, op: str, *given: Any, **constants: Any) -> str:
        """Add a line; scale its value down if it grew large."""
        name = f"y{len(self.program.lines)}"
        arrays = [self.values[x] if isinstance(x, str) else x for x in given]
        value = arrays[0] if op == "detach" else OPS[op].function(np, *arrays, **constants)[0]
        quiet = op != "detach" and self.chance(0.06)
        self.program.lines.append(Line(name, op, list(given), constants, quiet, terse=self.chance(0.5)))
        self.values[name] = np.asarray(value)
        wanted = any(self.wants[x] for x in given if isinstance(x, str))
        self.wants[name] = wanted and not quiet and op != "detach"
        self.used.update(x for x in given if isinstance(x, str))
        top = np.max(np.abs(value), initial=0)
        return name if top <= LARGEST else self.line("mul", name, float(f"{LARGEST / 2 / top:.0e}"))

    def pick(self, fits=lambda value: True) -> str | None:
        """An earlier name whose value fits: most often one that nobody used yet, so that programs grow deep."""
        names = [name for name, value in self.values.items() if fits(value) and value.size]
        fresh = [name for name in names if name not in self.used]
        if fresh and self.chance(0.6):
            names = fresh
        return names[int(self.rng.integers(len(names)))] if names else None

    def any(self) -> str:
        return (None if self.chance(0.1) else self.pick()) or self.leaf(*self.draw.shape(smallest=1))

    def with_axes(self, n: int) -> str:
        """Something with n axes: found, or made of something found by a reshape, or a new leaf."""
        name = self.pick(lambda value: value.ndim == n) if self.chance(0.7) else None
        if name:
            return name
        name = self.pick(lambda value: 4 <= value.size <= 48) if self.chance(0.6) else None
        if name is None:
            return self.leaf(*[int(self.rng.integers(1, 4)) for _ in range(n)])
        left, shape = self.values[name].size, []
        for _ in range(n - 1):
            side = self.draw.one_of(*[k for k in (1, 2, 3, 4) if left % k == 0])
            shape.append(side)
            left //= side
        shape.insert(int(self.rng.integers(n)), left)
        return self.line("reshape", name, shape=tuple(shape))

    def like(self, name: str) -> str:
        """Something of the same shape: the same, another, or a new leaf."""
        shape = self.values[name].shape
        found = self.pick(lambda value: value.shape == shape) if self.chance(0.7) else None
        return found or self.leaf(*shape)

    def beside(self, name: str) -> Any:
        """Something that broadcasts with it: another, a number, or a new leaf."""
        shape = self.values[name].shape
        if self.chance(0.15):
            return round(float(self.rng.normal()), 2)

        def fits(value):
            sides = zip(value.shape[::-1], shape[::-1], strict=False)
            return all(m == n or 1 in (m, n) for m, n in sides) and value.size * self.values[name].size <= 500

        found = self.pick(fits) if self.chance(0.7) else None
        kept = shape[int(self.rng.integers(len(shape) + 1)) :]
        return found or self.leaf(*[1 if self.chance(0.3) else n for n in kept])

    def positive(self, name: str) -> str:
        """Itself where it lies well above 0, else something made of it that does."""
        if np.min(self.values[name]) > 0.2:
            return name
        above = self.draw.one_of(
            lambda: self.line("mul", name, name),
            lambda: self.line("abs", name),
            lambda: self.line("softplus", name),
        )()
        return self.line("add", above, 0.5)

    def small(self, name: str) -> str:
        """Itself where it lies within 3 of 0, else scaled down."""
        return name if np.max(np.abs(self.values[name])) <= 3 else self.line("mul", name, 0.3)


def elementwise(op):
    return lambda w: w.line(op, w.any())


def on_positive(op):
    return lambda w: w.line(op, w.positive(w.any()))


def on_small(op):
    return lambda w: w.line(op, w.small(w.any()))


def two(op):
    def write(w):
        a = w.any()
        b = a if w.chance(0.1) else w.beside(a)
        return w.line(op, *((a, b) if w.chance(0.7) else (b, a)))

    return write


def reduction(op):
    def write(w):
        x = w.any()
        constants = {} if w.chance(0.2) else {"axis": w.draw.axes(w.values[x].ndim)}
        return w.line(op, x, **constants, **({"keepdims": True} if w.chance(0.3) else {}))

    return write


def power(w):
    if w.chance(0.5):
        return w.line("power", w.any(), exponent=w.draw.one_of(2, 3, 1))
    return w.line("power", w.positive(w.any()), exponent=w.draw.one_of(0.5, -1, -1.5))


def div(w):
    a = w.any()
    b = w.beside(a)
    return w.line("div", a, 0.7 if isinstance(b, float) else w.positive(b))


def where(w):
    a = w.any()
    b = w.beside(a)
    shape = np.broadcast_shapes(w.values[a].shape, np.shape(w.values.get(b, b)))
    return w.line("where", a, b, condition=np.asarray(w.rng.random(size=shape) < 0.5))


def softmax(w):
    x = w.any()
    n = max(w.values[x].ndim, 1)
    return w.line("softmax", x, **w.draw.one_of({}, {"axis": int(w.rng.integers(-n, n))}))


def reshape(w):
    x = w.any()
    size = w.values[x].size
    options = [(size,), (1, size), (size, 1), (-1,), w.values[x].shape[::-1]]
    options += [(k, -1) for k in (2, 3) if size % k == 0]
    return w.line("reshape", x, shape=w.draw.one_of(*options))


def transpose(w):
    x = w.any()
    axes = tuple(int(i) for i in w.rng.permutation(w.values[x].ndim))
    return w.line("transpose", x, **({} if not axes or w.chance(0.3) else {"axes": axes}))


def getitem(w):
    x = w.with_axes(w.draw.one_of(1, 2, 3))
    index: list = []
    for n in w.values[x].shape[: w.draw.integer(1, 3)]:
        piece = w.draw.one_of(slice(None), slice(0, max(1, n - 1)), slice(None, None, -1), slice(None, None, 2))
        index.append(w.draw.integer(-n, n - 1) if w.chance(0.3) else piece)
    if w.chance(0.3):
        index.append(...)
    return w.line("getitem", x, index=tuple(index))


def pad(w):
    x = w.with_axes(w.draw.one_of(1, 2, 3))
    width = tuple((w.draw.integer(0, 1), w.draw.integer(0, 2)) for _ in w.values[x].shape)
    return w.line("pad", x, width=width, **w.draw.one_of({}, {"value": 0.5}))


def take(w):
    x = w.with_axes(w.draw.one_of(1, 2, 3))
    axis = w.draw.integer(0, w.values[x].ndim - 1)
    index = w.rng.integers(0, w.values[x].shape[axis], size=w.draw.one_of((2,), (3,), (2, 2), ()))
    return w.line("take", x, index=np.asarray(index), **({} if axis == 0 else {"axis": axis}))


def concat(w):
    x = w.with_axes(w.draw.one_of(1, 2, 3))
    shape = w.values[x].shape
    axis = w.draw.integer(-len(shape), len(shape) - 1)
    others = []
    for _ in range(w.draw.integer(1, 2)):
        own = list(shape)
        own[axis] = w.draw.integer(1, 2)
        others.append(w.like(x) if w.chance(0.5) else w.leaf(*own))
    return w.line("concat", x, *others, **({} if axis == -1 else {"axis": axis}))


def stack(w):
    x = w.any()
    n = w.values[x].ndim
    parts = [x, *[w.like(x) for _ in range(w.draw.integer(0, 2))]]
    return w.line("stack", *parts, **w.draw.one_of({}, {"axis": w.draw.integer(-n - 1, n)}))


def matmul(w):
    a = w.with_axes(w.draw.one_of(2, 2, 3))
    *front, _, k = w.values[a].shape
    if w.chance(0.3) and len(front) == 0:
        return w.line("matmul", a, w.line("transpose", a))
    b = w.pick(lambda value: value.ndim == 2 and value.shape[0] == k) or w.leaf(k, w.draw.integer(1, 3))
    if front and w.chance(0.5):
        b = w.leaf(w.draw.one_of(1, front[0]), k, 2)
    return w.line("matmul", a, b)


def linear(w):
    x = w.with_axes(2)
    n_in, n_out = w.values[x].shape[1], w.draw.integer(1, 3)
    W = w.pick(lambda value: value.ndim == 2 and value.shape[0] == n_in) if w.chance(0.3) else None
    W = W or w.leaf(n_in, n_out)
    return w.line("linear", x, W, w.leaf(w.values[W].shape[1]))


def conv2d(w):
    x = w.with_axes(4)
    _, C, H, W = w.values[x].shape
    k, padding, n_out = w.draw.integer(1, 3), w.draw.integer(0, 1), w.draw.integer(1, 3)
    k = min(k, H + 2 * padding, W + 2 * padding)
    return w.line("conv2d", x, w.leaf(k, k, C, n_out), w.leaf(n_out), stride=w.draw.integer(1, 2), padding=padding)


def conv_transpose2d(w):
    x = w.with_axes(4)
    _, C, H, W = w.values[x].shape
    k, stride, n_out = w.draw.integer(1, 3), w.draw.integer(1, 2), w.draw.integer(1, 2)
    padding = 1 if min((n - 1) * stride + k - 2 for n in (H, W)) >= 1 and w.chance(0.5) else 0
    return w.line("conv_transpose2d", x, w.leaf(k, k, n_out, C), w.leaf(n_out), stride=stride, padding=padding)


def pool(op):
    def write(w):
        x = w.with_axes(4)
        sizes = [k for k in (2, 3, 1) if all(n % k == 0 for n in w.values[x].shape[2:])]
        if sizes == [1] and w.chance(0.8):
            x, sizes = w.line("upsample", x, factor=2), [2]
        return w.line(op, x, size=sizes[0])

    return write


def upsample(w):
    return w.line("upsample", w.with_axes(4), factor=w.draw.one_of(2, 3, 1))


def layer_norm(w):
    x = w.with_axes(w.draw.one_of(1, 2, 3))
    D = w.values[x].shape[-1]
    return w.line("layer_norm", x, w.leaf(D), w.leaf(D), **w.draw.one_of({}, {"tiny": 0.1}))


def group_norm(w):
    x = w.with_axes(4)
    C = w.values[x].shape[1]
    groups = w.draw.one_of(*[k for k in (1, 2, 3) if C % k == 0])
    return w.line("group_norm", x, w.leaf(C), w.leaf(C), groups=groups)


def attention(w):
    q = w.with_axes(3)
    B, _, D = w.values[q].shape
    if w.chance(0.3):
        return w.line("attention", q, q, q)
    S = w.draw.integer(1, 3)
    k = w.leaf(B, S, D)
    return w.line("attention", q, k, k if w.chance(0.3) else w.leaf(B, S, w.draw.integer(1, 3)))


def reparameterize(w):
    mu = w.any()
    logvar = w.small(w.like(mu))
    return w.line("reparameterize", mu, logvar, w.leaf(*w.values[mu].shape, wants=w.chance(0.3)))


def gaussian_kl(w):
    mu = w.with_axes(2)
    return w.line("gaussian_kl", mu, w.small(w.like(mu)))


def gaussian_nll(w):
    x = w.with_axes(2)
    mu = w.like(x)
    logvar = w.draw.one_of(lambda: w.small(w.like(x)), lambda: w.leaf(), lambda: -0.5)()
    return w.line("gaussian_nll", x, mu, logvar)


def bernoulli_nll(w):
    logits = w.with_axes(2)
    targets = w.line("sigmoid", w.like(logits)) if w.chance(0.5) else None
    return w.line("bernoulli_nll", logits, targets or w.leaf(*w.values[logits].shape, wants=False, uniform=True))


RECIPES = {
    **{op: elementwise(op) for op in ("tanh", "sigmoid", "relu", "softplus", "silu", "gelu", "neg", "abs")},
    **{op: on_positive(op) for op in ("log", "log1p", "sqrt")},
    **{op: on_small(op) for op in ("exp", "expm1")},
    **{op: two(op) for op in ("add", "sub", "mul", "maximum")},
    **{op: reduction(op) for op in ("sum", "mean", "max", "var", "logsumexp")},
    "leaky_relu": lambda w: w.line("leaky_relu", w.any(), **w.draw.one_of({}, {"slope": 0.3})),
    "clip": lambda w: w.line("clip", w.any(), low=-0.5, high=w.draw.one_of(0.7, np.inf)),
    "straight_through": lambda w: w.line("straight_through", w.any(), f=rounded),
    "avg_pool2d": pool("avg_pool2d"),
    "max_pool2d": pool("max_pool2d"),
    **{f.__name__: f for f in (power, div, where, softmax, reshape, transpose, getitem, pad, take, concat, stack)},
    **{f.__name__: f for f in (matmul, linear, conv2d, conv_transpose2d, upsample, layer_norm, group_norm, attention)},
    **{f.__name__: f for f in (reparameterize, gaussian_kl, gaussian_nll, bernoulli_nll)},
}


def program(seed: int) -> Program:
    """The program of that number: 3 to 12 ops. Seeds that follow each other take turns in the op that must occur."""
    w = Writer(seed)
    for _ in range(w.draw.integer(1, 3)):
        w.leaf(*w.draw.shape(smallest=1), wants=True)
    wanted = w.draw.integer(3, 8)
    due = w.draw.integer(0, 2)  # the place of the op that must occur
    steps = 0
    while sum(line.op != "detach" for line in w.program.lines) < wanted or steps <= due:
        RECIPES[NAMES[seed % len(NAMES)] if steps == due else w.draw.one_of(*NAMES)](w)
        steps += 1
        if w.chance(0.1):
            w.line("detach", w.pick())
    ends = [line.name for line in w.program.lines if line.name not in w.used]
    w.program.outputs = [name for name in ends if w.wants[name]]
    if not w.program.outputs:  # everything ended under no_grad or detach
        w.program.outputs = [w.leaf(2, wants=True)]
    return w.program


# Reading and running.


def spelled(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"np.array({value.tolist()}, {str(value.dtype)!r})"
    if value is rounded:
        return "rounded"
    return "np.inf" if isinstance(value, float) and np.isinf(value) else repr(value)


TERSE = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "matmul": "{0} @ {1}",
    "neg": "-{0}",
    "power": "{0} ** {exponent}",
    "getitem": "{0}[{index}]",
    **{op: f"{{0}}.{op}()" for op in ("exp", "log", "tanh", "sigmoid", "relu", "softplus", "sqrt", "abs")},
}


def expression(line: Line) -> str:
    given = [x if isinstance(x, str) else f"({x!r})" for x in line.given]
    constants = {key: spelled(value) for key, value in line.constants.items()}
    if line.op == "detach":
        return f"{given[0]}.detach()"
    if line.terse and line.op in TERSE:
        return TERSE[line.op].format(*given, **constants)
    if line.terse and line.op in ("sum", "mean", "max", "var"):
        return f"{given[0]}.{line.op}({', '.join(f'{k}={v}' for k, v in constants.items())})"
    return f"ops.{line.op}({', '.join([*given, *(f'{k}={v}' for k, v in constants.items())])})"


def code(p: Program, dtype: str = "float64") -> str:
    """The program as Python source, to be run where np, Tensor, no_grad, ops, ramp and rounded are known."""
    text = []
    for name, (value, wants) in p.leaves.items():
        array = f"np.array({value.tolist()}, {dtype!r}).reshape({value.shape})"
        text.append(f"{name} = Tensor({array}{', requires_grad=True' if wants else ''})")
    for line in p.lines:
        text.append(("with no_grad():\n    " if line.quiet else "") + f"{line.name} = {expression(line)}")
    text.append("loss = " + " + ".join(f"({name} * ramp({name})).sum()" for name in p.outputs))
    text.append("loss.backward()")
    return "\n".join(text)


def run(p: Program, dtype: str = "float64") -> dict[str, Any]:
    """Run the source. Returns every name in it, `loss` included; leaves carry their gradients."""
    scope = {"np": np, "Tensor": Tensor, "no_grad": no_grad, "ops": ops, "ramp": ramp, "rounded": rounded}
    known = set(scope)
    exec(compile(code(p, dtype), f"<program {p.seed}>", "exec"), scope)  # our own text, made above
    return {name: value for name, value in scope.items() if name not in known and not name.startswith("__")}


def run_torch(torch, twins: dict, p: Program) -> dict[str, Any]:
    """The same in PyTorch, line by line from the program, not from its text."""
    names: dict[str, Any] = {}
    for name, (value, wants) in p.leaves.items():
        names[name] = torch.tensor(value, requires_grad=wants)
    for line in p.lines:
        given = [names[x] if isinstance(x, str) else torch.tensor(x, dtype=torch.float64) for x in line.given]
        y = given[0] if line.op == "detach" else twins[line.op](*given, **line.constants)
        # detached, not computed under torch.no_grad: there a view of a leaf still says that it requires a gradient
        names[line.name] = y.detach() if line.quiet or line.op == "detach" else y
    ends = [names[x] for x in p.outputs]
    weights = [torch.tensor(np.linspace(0.5, 1.5, y.numel())).reshape(y.shape) for y in ends]
    names["loss"] = sum((y * weight).sum() for y, weight in zip(ends, weights, strict=True))
    names["loss"].backward()
    return names
