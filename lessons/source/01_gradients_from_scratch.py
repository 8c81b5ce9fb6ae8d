# %% [markdown]
# # 01 · Gradients from scratch
#
# *A network has fifty thousand dials. How do you find out which way to turn each one, without trying them one by one?*
#
# Picture an office. Numbers travel from desk to desk. Each desk does one small calculation with what it is handed,
# passes the result on, and signs the log book. At the last desk a figure comes out, the **loss**, and it is too
# large. Which dial at the entrance should be turned, and how far?
#
# The slow way: turn one dial a little, send everything through the office again, look. Then the next dial.
#
# The quick way: the last desk sends a slip *back*. On it stands how much the loss moves when your result moves by a
# little. A desk that gets a slip knows one thing more, its own rate: how much its result moves when an input moves.
# It multiplies the two and hands the product on to where the input came from. Nobody sees the whole office, and yet
# what arrives at each dial says how the loss depends on it. One round, for all dials.
#
# Slips are **gradients**, the log book is the **tape**, and a program that does this is an **autograd engine**. Every
# model of this course runs on one. In this lesson you build it, with nothing but NumPy.
#
# ## Predict first

# %%
from minivae.learn import check, hint, quiz, solution

quiz("01/predict-the-price")

# %% [markdown]
# ## 1. Desks that remember
#
# A `Tensor` is an array that remembers the ways back: for each input the input itself, and a function that turns the
# slip coming in into the slip going out. `order` is its line in the log book.

# %%
import itertools

import numpy as np

log_book = itertools.count()


class Tensor:
    def __init__(self, data, *ways):
        self.data = np.asarray(data, dtype=np.float64)
        self.grad = None  # the slips that have come back, added up
        self.ways = ways  # (input, gradient function) for each input
        self.order = next(log_book)


# %% [markdown]
# An **op** calculates a value and, beside it, writes down its rates. Take $y = a \cdot b$. If $a$ moves by a little,
# $y$ moves by $b$ times as much. So with `g` for the gradient coming in (of the loss with respect to $y$), what goes
# out is $g_a = g \cdot b$ and, likewise, $g_b = g \cdot a$. For a sum both rates are 1.


# %%
def add(a, b):
    return Tensor(a.data + b.data, (a, lambda g: g), (b, lambda g: g))


def mul(a, b):
    return Tensor(a.data * b.data, (a, lambda g: g * b.data), (b, lambda g: g * a.data))


Tensor.__add__, Tensor.__mul__ = add, mul  # now a + b and a * b work


def office(x):
    a = x * x
    b = a * a
    return a, b, a + b


x = Tensor(2.0)
a, b, y = office(x)
print(f"x = {x.data:g}, a = {a.data:g}, b = {b.data:g}, y = {y.data:g}")

# %%
quiz("01/two-paths")

# %% [markdown]
# ## 2. Slips add up, and desks wait
#
# Here `a` is used three times: twice by `b`, once by `y`. If $a$ moves, $y$ moves along all three ways at once, and
# small movements add. So the rule for a value that is used more than once is: **its slips are added.**
#
# And a desk may pass its slip on only when *all* that are meant for it have come in. So the order of the visits
# matters. Here are two: desks in the order in which we happen to find them, and desks by the log book, newest first.


# %%
def as_found(last):
    found, todo = {last: None}, [last]  # a dict keeps its order
    while todo:
        for x, _ in todo.pop().ways:
            if x not in found:
                found[x] = None
                todo.append(x)
    return list(found)


def newest_first(last):
    return sorted(as_found(last), key=lambda t: t.order, reverse=True)


# %%
def walk_back(last, walk):
    last.grad = np.ones_like(last.data)  # the first slip: y moves with y at the rate 1
    for t in walk(last):
        for x, gradient in t.ways:
            g_x = gradient(t.grad)
            x.grad = g_x if x.grad is None else x.grad + g_x


for walk in (as_found, newest_first):
    x = Tensor(2.0)
    a, b, y = office(x)
    walk_back(y, walk)
    print(f"{walk.__name__:12} dy/dx = {x.grad:g}")
h = 1e-5
above, below = (office(Tensor(2.0 + step))[-1].data for step in (h, -h))
print(f"nudging x    dy/dx = {(above - below) / (2 * h):.4f}")

# %% [markdown]
# As found, `a` passed on the slip it had, a 1 from `y`, before the 4 + 4 from `b` came. It is an easy mistake: pull
# request 64 to Karpathy's *micrograd* took the sorting out, to be simpler, and was closed over values used twice.
#
# Newest first is right, because *whoever used a value signed the log book later*. When we come to a desk, all who
# could send it a slip have been visited. Here are values on their way forward (blue) and slips on their way back
# (orange). Read it from right to left: $1 + 4 + 4 = 9$ come to `a`, and $9 \cdot 2$ for each of the two uses of `x`.

# %%
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from minivae import plot

words = {x: "x", a: "a = x · x", b: "b = a · a", y: "y = a + b"}
places = {x: (0, 0), a: (4, 0), b: (7.3, 1.8), y: (10.6, 0)}
fig, ax = plot.figure(7.4, 2.3)
boxes = {}
for t, (right, high) in places.items():
    corner = right - 0.95, high - 0.33
    boxes[t] = FancyBboxPatch(corner, 1.9, 0.66, "round,pad=0.12", fc="#EDF2FC", ec=plot.BLUE)
    ax.add_patch(boxes[t])
    ax.text(right, high, f"{words[t]} = {t.data:g}\ngradient {t.grad:g}", ha="center", va="center")
    for source in dict.fromkeys(x for x, _ in t.ways):
        for u, v, colour, line in [(source, t, plot.BLUE, "-"), (t, source, plot.ORANGE, "--")]:
            bow = FancyArrowPatch(places[u], places[v], patchA=boxes[u], patchB=boxes[v], color=colour, ls=line)
            bow.set(arrowstyle="-|>", connectionstyle="arc3,rad=-0.12", lw=1.6, mutation_scale=12)
            ax.add_patch(bow)
        left, low = places[source]
        middle = (left + right + 0.12 * (high - low)) / 2, (low + high - 0.12 * (right - left)) / 2
        slips = " + ".join(f"{gradient(t.grad):g}" for x, gradient in t.ways if x is source)
        ax.text(*middle, slips, color=plot.ORANGE, ha="center", va="center", bbox=dict(color="white", pad=1))
ax.set(xlim=(-1.2, 11.8), ylim=(-0.8, 2.4), aspect="equal")
ax.set_axis_off()

# %% [markdown]
# ## 3. Two roads not taken
#
# Why wait at all? One could pass every slip on the moment it comes, each by itself. The result is right, too. Count
# the visits.


# %%
def at_once(t, g):
    """Pass every slip on at once; returns the number of visits."""
    t.grad = g if t.grad is None else t.grad + g
    return 1 + sum(at_once(x, gradient(g)) for x, gradient in t.ways)


print("doublings   dy/dx   visits, waiting   visits, at once")
for n in (4, 8, 16):
    x = y = Tensor(1.0)
    for _ in range(n):
        y = y + y
    visits = at_once(y, 1.0)
    print(f"{n:9} {x.grad:7g} {len(newest_first(y)):17} {visits:17,}")

# %% [markdown]
# Whoever does not wait walks every *path* from $y$ to $x$, and 16 doublings make 65,536 of them. Whoever waits comes
# to each desk once. Adding up before passing on is not only right, it is what makes gradients cheap.
#
# The other road is the usual way to find an order: recursion, in which a desk is listed as soon as all its inputs
# are. It is short, it is right, and it goes one call deeper with every desk in a row.


# %%
def recursive(last):
    listed, seen = [], set()

    def visit(t):
        if t not in seen:
            seen.add(t)
            for x, _ in t.ways:
                visit(x)
            listed.append(t)

    visit(last)
    return listed[::-1]


one = Tensor(1.0)
for n in (100, 10_000):
    for walk in (recursive, newest_first):
        x = y = Tensor(1.0)
        for _ in range(n):
            y = y + one
        try:
            walk_back(y, walk)
            print(f"{n:6,} additions, {walk.__name__:12} dy/dx = {x.grad:g}")
        except RecursionError:
            print(f"{n:6,} additions, {walk.__name__:12} RecursionError")

# %% [markdown]
# Python allows a thousand calls inside one another, if nobody has changed that, and a loss that adds up many terms is
# soon deeper (pull request 90 to micrograd met just this). A loop with a list of what is still to do has no such
# limit.
#
# ## 4. Stretched arrays
#
# NumPy *broadcasts*: in `x + b` with `x` of shape (32, 64) and `b` of (64,), each number of `b` is copied to 32 rows.
# Copied means used 32 times, and we know the rule for that: slips add up. So every gradient has to be summed over the
# places to which its number was copied, until it has the shape of the input again.
#
# This is where real engines broke: PyTorch (issue 1787) and nd4j (issue 2424) in 2017, burn (issue 181) in 2023. And
# it need not even crash. Without the sum, this is what becomes of a bias in one step of training:

# %%
b, g = np.zeros(64), np.ones((32, 64))
b = b - 0.1 * g
print("the bias is now", b.shape)

# %% [markdown]
# From here on each *place in the batch* has a bias of its own, and no error says so until a batch of another size
# comes.
#
# ### Exercise 1
#
# An input of this `shape` was stretched to the shape of `g`: NumPy put axes in front, stretched axes of length 1, or
# both. Bring its gradient back to `shape`.


# %%
def unbroadcast(g, shape):
    # return the gradient of the input, of this shape
    ...


check("01/unbroadcast", unbroadcast)

# %% [markdown]
# Stuck? `hint("01/unbroadcast")` gives one hint after the other; `solution("01/unbroadcast")` comes after a try.
#
# ## 5. The product that does the work
#
# A layer is `x @ W`: (B, I) times (I, O), for B images, I inputs, O outputs,
#
# $$y_{bo} = \sum_i x_{bi} \, W_{io}.$$
#
# No calculus is needed that you have not used already. Take one number $W_{io}$. To which results did it go? To
# $y_{bo}$, once for every image $b$, and its rate there was $x_{bi}$. Collect the slips; then do the same for
# $x_{bi}$.
#
# ### Exercise 2
#
# Write both gradients, all numbers of each at once. `check` compares them with difference quotients.


# %%
def matmul_gradients(g, x, W):
    # g is (B, O), x is (B, I), W is (I, O); return g_x and g_W
    ...


check("01/matmul", matmul_gradients)

# %% [markdown]
# (Do the exercises first: what follows gives them away.) With these two, the engine is complete.


# %%
def unbroadcast(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))  # axes that NumPy put in front
    stretched = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=stretched, keepdims=True)


def matmul(x, W):
    return Tensor(x.data @ W.data, (x, lambda g: g @ W.data.T), (W, lambda g: x.data.T @ g))


def tanh(x):
    y = np.tanh(x.data)
    return Tensor(y, (x, lambda g: g * (1 - y**2)))


def total(x):
    return Tensor(x.data.sum(), (x, lambda g: g * np.ones_like(x.data)))


Tensor.__matmul__ = matmul


# %%
def backward(last):
    """Leave in .grad of every tensor behind `last` how `last` changes with it."""
    last.grad = np.ones_like(last.data)
    for t in newest_first(last):
        for x, gradient in t.ways:
            g_x = unbroadcast(gradient(t.grad), x.data.shape)
            x.grad = g_x if x.grad is None else x.grad + g_x


# %% [markdown]
# ## 6. Is it right?
#
# Nudge every number of every leaf up and down by `h` and compare the change with the gradient. This is slow, and that
# does no harm: it is a test, for a small net, run once. The net below uses both its matrices twice, so that adding is
# tested as well.


# %%
def differences(f, leaf, h=1e-6):
    g = np.zeros_like(leaf.data)
    for i in np.ndindex(g.shape):
        middle = leaf.data[i]
        leaf.data[i] = middle + h
        above = f().data
        leaf.data[i] = middle - h
        g[i] = (above - f().data) / (2 * h)
        leaf.data[i] = middle
    return g


def agree(f, *leaves):
    for leaf in leaves:
        leaf.grad = None
    backward(f())
    return all(np.allclose(leaf.grad, differences(f, leaf), rtol=1e-6, atol=1e-7) for leaf in leaves)


# %%
rng = np.random.default_rng(1)
leaves = x, W1, b1, W2, b2 = [Tensor(rng.normal(size=s)) for s in [(4, 3), (3, 5), (5,), (5, 2), (2,)]]


def two_layers():
    return total((tanh(x @ W1 + b1) @ W2 + b2) * (x @ W1 @ W2))


print("two layers, all five gradients agree:", agree(two_layers, *leaves))

# %% [markdown]
# ### How small is a little?
#
# Take $x^3$, where the algebra can be done on paper:
#
# $$\frac{(x + h)^3 - (x - h)^3}{2h} = 3x^2 + h^2.$$
#
# So the quotient is off by $h^2$, and a smaller $h$ is better. On paper. A computer keeps about 16 digits in float64
# and 7 in float32. The two cubes are nearly equal, their difference keeps only the digits in which they differ, and
# the rounding error that is left is divided by $h$. One error falls with $h$ and the other grows: a V.

# %%
steps = 10.0 ** np.arange(-12, 0.1, 0.25)
points, near = np.linspace(1, 2, 1001), np.random.default_rng(0).uniform(0.75, 1.25, 1001)


def error(dtype, h):
    """Median relative error of the quotient for the cube, over points and over steps near h."""
    x, h = points.astype(dtype), (h * near).astype(dtype)
    up, down = x + h, x - h
    quotient = (up * up * up - down * down * down) / (2 * h)
    return np.median(np.abs(quotient / (3 * x.astype(np.float64) ** 2) - 1))


fig, ax = plot.figure(6.4, 3.2)
ax.set(xlabel="step h", ylabel="relative error", ylim=(1e-12, 10))
ax.set_title("the derivative of a cube, by differences")
ax.text(1e-2, 1e-8, "the surplus $h^2$", color=plot.GREY)
ax.text(3e-10, 1e-9, "rounding,\ndivided by $h$", color=plot.GREY, ha="right")
for dtype, colour, line in [(np.float64, plot.BLUE, "-"), (np.float32, plot.ORANGE, "--")]:
    errors = np.array([error(dtype, h) for h in steps])
    best, digits = errors.argmin(), -np.log10(errors.min())
    ax.loglog(steps, errors, color=colour, ls=line, marker="o", markevery=[best])
    ax.text(steps[0], 2 * errors[0], dtype.__name__, color=colour, weight="bold")
    print(f"{dtype.__name__}: best h {steps[best]:.0e}, where {digits:.1f} digits are right")

# %% [markdown]
# So gradients are checked in float64, with $h$ near $10^{-5}$ or $10^{-6}$. In float32 five digits are the best to be
# had, here, for a single cube; a check has to be so lenient that small faults slip through. (Training is less
# particular: float32 serves all nets of this course.)
#
# ### What a check cannot see
#
# A check is a measuring instrument, so plant faults and see which ones it finds.


# %%
def steep(x):  # fault: the rate of tanh is 1 - y squared
    y = np.tanh(x.data)
    return Tensor(y, (x, lambda g: g * (1 - y)))


def last_row(x, b):  # fault: the slip of the last row instead of the sum
    return Tensor(x.data + b.data, (x, lambda g: g), (b, lambda g: g[-1]))


def square(x):  # fault: a cube, and its gradient is that of a cube
    return x * x * x


def relu(x):  # no fault: at exactly 0 the two sides have different slopes
    return Tensor(np.maximum(x.data, 0), (x, lambda g: g * (x.data > 0)))


# %%
four, single = Tensor(rng.normal(size=(4, 3))), Tensor(rng.normal(size=(1, 3)))
bias, zero = Tensor(np.ones(3)), Tensor(0.0)
for name, f, leaf in [
    ("wrong rate of tanh", lambda: total(steep(four)), four),
    ("no sum over a batch of 4", lambda: total(last_row(four, bias)), bias),
    ("no sum over a batch of 1", lambda: total(last_row(single, bias)), bias),
    ("a cube instead of a square", lambda: total(square(four)), four),
    ("relu, at exactly 0", lambda: relu(zero), zero),
]:
    print(f"{name:28}", "passes" if agree(f, leaf) else "is found")

# %% [markdown]
# Two faults slip through. With one row a missing sum is no fault *yet*: check on shapes that are all different, none
# of them 1. And a check compares a function with its *own* gradient; whether it is the function you wanted, it cannot
# know. The last line is a false alarm, the price of a kink: keep away from it.
#
# ## 7. Train on real digits
#
# MNIST has handwritten digits of 784 pixels; we take 10,000 to learn from and 2,000 to test with. The net answers
# with ten numbers, the `logits`, and is charged, in nats, minus the logarithm of the probability that it gave to the
# right digit:
#
# $$\mathrm{loss} = -\log \frac{e^{x_k}}{\sum_j e^{x_j}} = \operatorname{logsumexp}(x) - x_k,$$
#
# with $x$ for the logits of one image and $k$ for its digit. One op is missing. Its gradient is a function with a
# name of its own: differentiate $\log \sum_j e^{x_j}$ by one $x_i$ and see which.
#
# ### Exercise 3
#
# Write it for a whole batch. Mind $e^{900}$, which is `inf`: one row will hold such numbers.


# %%
def logsumexp_gradient(g, x):
    # g is (B,), x is (B, K); return g_x, of shape (B, K)
    ...


check("01/logsumexp", logsumexp_gradient)

# %% [markdown]
# (The exercise first, then this.)


# %%
def logsumexp(x):
    top = x.data.max(axis=1, keepdims=True)  # taken out, so that no exponential overflows
    p = np.exp(x.data - top)
    s = p.sum(axis=1, keepdims=True)
    return Tensor((top + np.log(s))[:, 0], (x, lambda g: g[:, None] * p / s))


def new_net(rng):
    shapes = [(784, 64), (64,), (64, 10), (10,)]
    return [Tensor(rng.normal(size=s) / s[0] ** 0.5 if len(s) == 2 else np.zeros(s)) for s in shapes]


def logits_of(net, x):
    W1, b1, W2, b2 = net
    return tanh(x @ W1 + b1) @ W2 + b2  # (B, 10)


def loss_of(net, images, digits):
    logits = logits_of(net, Tensor(images))
    chosen = Tensor(np.eye(10)[digits])  # 1 at the right digit, else 0
    return (total(logsumexp(logits)) + total(logits * chosen * Tensor(-1))) * Tensor(1 / len(digits))


# %% [markdown]
# First the question from the beginning: what does a gradient cost? Nearly all work is in the matrix products, and
# each of them needs two of the same size on the way back, `g @ W.T` and `x.T @ g`. Count, and measure:

# %%
from timeit import repeat

from minivae.data import load

x, y = load("mnist-small", "train")
x_test, y_test = load("mnist-small", "test")
net = new_net(np.random.default_rng(0))
forward = min(repeat(lambda: loss_of(net, x[:250], y[:250]), number=1, repeat=30))
both = min(repeat(lambda: backward(loss_of(net, x[:250], y[:250])), number=1, repeat=30))
weights = sum(p.data.size for p in net)
print(f"weights: {weights:,}; nudging each up and down: {2 * weights:,} forward passes")
products = sum(p.data.size for p in net if p.data.ndim == 2)  # one multiplication for each weight
print(f"multiplications in products, for one image: {products:,} forward, {2 * products:,} back")
few = "fewer than 1,000" if both < 1000 * forward else "1,000 or more"
print(f"time to go forward and back: {few} forward passes")
kept = sum(t.data.size for t in newest_first(loss_of(net, x[:250], y[:250])))
print(f"numbers kept on the tape for 250 images: {kept:,}")

# %% [markdown]
# Three times the multiplications, and on a quiet machine about three times the time (print `both / forward`; 1,000
# leaves room for a busy one). What a gradient really costs is *memory*: every desk keeps what it was handed until its
# slip has come back, here six times as many numbers as there are weights. How to trade one for the other stands in
# Griewank & Walther (2008).
#
# Now train: 250 images a step, and each weight goes downhill by its gradient.


# %%
def train(net, update, steps, rng):
    losses = []
    for _ in range(steps):
        batch = rng.integers(len(x), size=250)
        loss = loss_of(net, x[batch], y[batch])
        backward(loss)
        for p in net:
            update(p)
        losses.append(float(loss.data))
    return losses


def update(step):
    def rule(p):
        p.data = p.data - step * p.grad
        p.grad = None

    return rule


# %%
net = new_net(np.random.default_rng(0))
before = loss_of(net, x_test, y_test).data
print(f"before: test loss {before:.2f}; to call all ten equally likely costs {np.log(10):.2f}")
rng, history = np.random.default_rng(1), []
for _ in range(6):
    losses = train(net, update(1.0), 40, rng)
    wrong = 100 * np.mean(logits_of(net, Tensor(x_test)).data.argmax(axis=1) != y_test)
    history.append((np.mean(losses), loss_of(net, x_test, y_test).data, wrong))
train_loss, test_loss, wrong = np.array(history).T
done = 40 * np.arange(1, 7)
fig, (left, right) = plot.figure(7.4, 2.5, columns=2)
left.plot(done, train_loss, color=plot.BLUE, label="training")
left.plot(done, test_loss, color=plot.ORANGE, ls="--", label="test")
left.set(xlabel="steps", ylabel="nats per image", title="loss", ylim=(0, 1))
left.legend(frameon=False)
right.plot(done, wrong, color=plot.ORANGE, ls="--")
right.set(xlabel="steps", ylabel="% of the test digits", title="misread", ylim=(0, 16))
print(f"after:  test loss {test_loss[-1]:.2f}, training loss {train_loss[-1]:.2f}; misread {wrong[-1]:.1f} %")

# %% [markdown]
# Fifty thousand dials, turned 240 times, by an engine that you wrote.
#
# The slips do not stop at the weights: they reach the pixels too. What ink would make a 4 a 9? We ask how the
# difference of those two logits changes with each pixel, and take a step that way. As a control, the same step with
# its pixels shuffled.

# %%
fours = x_test[y_test == 4]
image = Tensor(fours)
backward(total(logits_of(net, image) * Tensor(np.eye(10)[9] - np.eye(10)[4])))
slips = image.grad / np.abs(image.grad).max(axis=1, keepdims=True)
nudged = np.clip(fours + 0.5 * slips, 0, 1)
control = np.clip(fours + 0.5 * np.random.default_rng(2).permuted(slips, axis=1), 0, 1)
for name, images in [("4s of the test set", fours), ("nudged", nudged), ("nudged at random", control)]:
    share = 100 * np.mean(logits_of(net, Tensor(images)).data.argmax(axis=1) == 9)
    print(f"{name:20} ≈ {share:2.0f} % read as 9")

fig, axes = plot.figure(7.4, 1.55, columns=6)
for k, (left, middle, right) in ((0, axes[:3]), (6, axes[3:])):
    plot.show(left, fours[k][None], 1, "a 4")
    middle.imshow(slips[k].reshape(28, 28), cmap="PuOr_r", vmin=-1, vmax=1)
    middle.set_title("slips")
    middle.set_axis_off()
    plot.show(right, nudged[k][None], 1, "read as 9")

# %% [markdown]
# Orange asks for ink, violet asks for less. The gradient wants the gap at the top closed: it has found what tells a 4
# from a 9. To your eye the nudged digit is a 4 still, and noise of the same size does next to nothing. Goodfellow et
# al. (2015) made an attack of this, with one gradient of just this kind.
#
# ## 8. Meet the library
#
# The same net on the same random inputs, once with your engine and once with the library's.

# %%
import inspect

import minivae
from minivae import engine, ops
from minivae.graph import graph

rng = np.random.default_rng(2)
net, images, digits = new_net(rng), rng.normal(size=(100, 784)), rng.integers(10, size=100)
mine = loss_of(net, images, digits)
backward(mine)

W1, b1, W2, b2 = leaves = [minivae.Tensor(p.data, requires_grad=True) for p in net]
chosen = np.eye(10)[digits]
logits = ops.tanh(images @ W1 + b1) @ W2 + b2
theirs = (ops.logsumexp(logits, axis=1).sum() - (logits * chosen).sum()) / 100
tape = graph(theirs, locals())  # with the names that you see here
theirs.backward()
print("losses agree:   ", np.allclose(mine.data, theirs.data))
print("gradients agree:", *map(np.allclose, [p.grad for p in net], [leaf.grad for leaf in leaves]))
tape

# %% [markdown]
# This is the tape, drawn by the library from its own log book. Two arrows leave `logits`, so two slips come back to
# it and are added. The scissors show one thing that the library does better: it asks first who *wants* a gradient,
# and sends no slips to data. Now read its lines; you know them.

# %%
print(inspect.getsource(engine.unbroadcast))
print(inspect.getsource(engine.reachable))

# %% [markdown]
# ## 9. Break it
#
# A colleague has made the update faster: it works in place and saves a copy of every weight. The loss falls at first,
# and then it climbs.


# %%
def update_in_place(step):
    def rule(p):
        p.data -= step * p.grad

    return rule


print("mean loss of each quarter of the steps")
for name, rule, steps in [
    ("yours", update(1.0), 80),
    ("the colleague's", update_in_place(1.0), 80),
    ("a fifth of the step", update_in_place(0.2), 200),
]:
    losses = train(new_net(np.random.default_rng(0)), rule, steps, np.random.default_rng(1))
    quarters = np.reshape(losses, (4, -1)).mean(axis=1)
    print(f"{name:20} {steps:3} steps  ", "  ".join(f"{quarter:.1f}" for quarter in quarters))

# %% [markdown]
# Is it the step? With a fifth of it the loss falls further, and then climbs too. Is it the gradient? It passes every
# check. So freeze the patient: the same images three times, with a step of 0, so that no weight moves. How long is
# the gradient of `W1` each time?

# %%
for name, rule in [("yours", update(0.0)), ("the colleague's", update_in_place(0.0))]:
    net, lengths = new_net(np.random.default_rng(0)), []
    for _ in range(3):
        backward(loss_of(net, x[:250], y[:250]))
        lengths.append(np.linalg.norm(net[0].grad))
        for p in net:
            rule(p)
    print(f"{name:22}", "  ".join(f"{length:.2f}" for length in lengths))

# %%
quiz("01/the-patient")

# %% [markdown]
# ## 10. Quiz

# %%
quiz("01/why-newest-first")

# %%
quiz("01/bias-of-a-batch")

# %%
quiz("01/blind-spots")

# %%
quiz("01/too-small-a-step")

# %%
quiz("01/ten-thousand-deep")

# %% [markdown]
# ## In one breath
#
# 1. Each op knows its own rates; a slip going back is multiplied by them and handed on.
# 2. Slips that arrive at the same value are added: used twice, copied by broadcasting, or used by every image.
# 3. Newest first: whoever used a value came later, so all its slips are in when its turn comes.
# 4. One walk gives all gradients for the price of a few forward passes; differences need two passes for each number.
# 5. Differences still have their use: they check the engine, in float64, on small and uneven shapes, away from kinks.
#
# **Read on:** Rumelhart, Hinton & Williams, *Learning representations by back-propagating errors* (1986), four pages;
# Baydin et al., *Automatic Differentiation in Machine Learning: a Survey* (2018), section 3; Griewank & Walther,
# *Evaluating Derivatives* (2nd ed. 2008), for the price of a gradient; Karpathy's *micrograd* (2020), an engine for
# single numbers in about a hundred lines, from which the idea of this lesson comes. Next, lesson 02: something to
# train with it.
