# %% [markdown]
# # 10 · Swap in the GPU
#
# *When is a hall with five thousand cooks slower than your own kitchen?*
#
# You have a kitchen with four cooks, and everything in reach. Across the street stands a hall with five thousand. It
# is yours to use, under three rules.
#
# First, you may not go in. You write each **order** on a slip, and a slip takes as long to write for one egg as for a
# thousand. Second, what the hall is to cook has to be **sent** across the street. Third, to taste anything you stand
# at the hatch and **wait** until all that was ordered before it is done. As long as you do not ask, you may go on
# writing slips while the hall cooks.
#
# The hall is a **GPU**; a Tesla V100 has 5,120 cores. Its slips are *kernel launches*, its street is the bus between
# two memories, and its hatch is *synchronisation*. Moving a training script over is a small change. Getting anything
# out of it means to know what each line of the script costs under those rules, and this lesson counts that. No GPU is
# needed: the hall is a Python class.
#
# ## Predict first

# %%
from minivae.learn import check, hint, quiz, solution

quiz("10/predict-speed-up")

# %% [markdown]
# ## 1. A hall of our own
#
# An array in the hall looks like any other: it has a shape, it can be added and multiplied. But its numbers are
# elsewhere. So our class `Far` keeps the real array to itself, does with it whatever NumPy can do, and writes each
# order into a **ledger**: its name, the bytes that it reads and writes, and its sums and products (*flops*). Views,
# such as a slice or a transpose, cost nothing.

# %%
import weakref
from collections import Counter, namedtuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

Order = namedtuple("Order", "name bytes flops dtype")


class Ledger:
    def clear(self):
        self.orders, self.sent, self.waits = [], [], 0


ledger = Ledger()
ledger.clear()
LIVE = weakref.WeakValueDictionary()  # one Far for each array, by the array's identity


def there(value):  # the array itself, which only the cooks may touch
    if isinstance(value, np.ndarray):
        raise TypeError("a NumPy array among arrays of the hall")
    if isinstance(value, (list, tuple)):
        return type(value)(map(there, value))
    return value._a if isinstance(value, Far) else value


# %%
def order(name, f, args, settings):
    """Have f(*args, **settings) computed over there, and note what it costs."""
    args, settings = [there(x) for x in args], {key: there(x) for key, x in settings.items()}
    out = f(*args, **settings)
    if not isinstance(out, (np.ndarray, np.generic)):
        return out
    read = [x for x in args if isinstance(x, np.ndarray)]
    view = "out" not in settings and any(np.may_share_memory(out, x) for x in read)
    read = [] if name.endswith("_like") else read  # zeros_like(a) asks a for its shape only
    if not view and not name.startswith("empty"):
        flops = 2 * out.size * read[0].shape[-1] if name == "matmul" else max(x.size for x in [out, *read])
        ledger.orders.append(Order(name, out.nbytes + sum(x.nbytes for x in read), flops, out.dtype))
    return Far(np.asarray(out))


# %% [markdown]
# NumPy lets a class of ours take part in its operators (`__array_ufunc__`) and functions (`__array_function__`). Two
# more things are as in CuPy. NumPy's attempt to make an ordinary array of a `Far` (`__array__`) is refused: to bring
# something home you have to say `get`. And `float`, `item` or an `if` do it for you, unasked.


# %%
class Far(NDArrayOperatorsMixin):
    def __new__(cls, a):
        if id(a) not in LIVE:
            LIVE[id(a)] = far = object.__new__(cls)
            far._a = a
        return LIVE[id(a)]

    def __array__(self, *args, **settings):
        raise TypeError("implicit conversion to a NumPy array")

    def __array_ufunc__(self, ufunc, method, *args, out=(), **settings):
        return order(ufunc.__name__, getattr(ufunc, method), args, settings | ({"out": out[0]} if out else {}))

    def __array_function__(self, f, types, args, settings):
        return order(f.__name__, f, args, settings)

    def __getattr__(self, name):  # shape, dtype, T, sum, reshape ...
        if name.startswith("__"):
            raise AttributeError(name)  # NumPy knows other back doors than __array__
        value = getattr(self._a, name)
        if callable(value):
            return lambda *args, **settings: order(name, getattr(np.ndarray, name), (self, *args), settings)
        return Far(value) if isinstance(value, np.ndarray) else value


# %%
def get(far):
    ledger.waits += 1
    return far._a.copy()


Far.get, Far.__repr__ = get, lambda self: repr(get(self))
Far.item, Far.__float__, Far.__bool__ = (lambda self, as_=as_: as_(get(self)) for as_ in (np.ndarray.item, float, bool))
Far.__len__ = lambda self: len(self._a)
Far.__getitem__ = lambda self, key: order("getitem", np.ndarray.__getitem__, (self, key), {})
Far.__setitem__ = lambda self, key, value: order("copyto", np.positive, (value,), {"out": self[key]})


# %%
class Hall:
    """An array module: np for arrays of the hall."""

    ndarray = Far

    def asarray(self, a, dtype=None):
        if isinstance(a, Far):
            return a
        a = np.array(a, dtype)
        ledger.sent += [a.nbytes] if a.ndim else []  # a single number travels with the order
        return Far(a)

    def __getattr__(self, name):
        f = getattr(np, name)
        if isinstance(f, type) or not callable(f):  # np.float32, np.inf
            return f
        return lambda *args, **settings: order(name, f, args, settings)


xp = Hall()

# %% [markdown]
# ## 2. What each line costs
#
# Three numbers at home, the same three in the hall, and eleven lines that look harmless.

# %%
near = np.ones(3, np.float32)
far = xp.asarray(near)
LINES = """far * 2 + 1
np.exp(far)
far[::2].T
far.sum()
1 if far.sum() > 0 else 0
far.sum().item()
np.asarray(far)
far + near
far * 0.1
far * np.float64(0.1)
far + xp.asarray(np.random.default_rng(0).normal(size=3))"""
print(f"{'':60}orders  waits  bytes sent  result")
for line in LINES.splitlines():
    ledger.clear()
    try:
        got = eval(line)
        result = f"hall, {got.dtype}" if isinstance(got, Far) else f"home, {type(got).__name__}"
    except TypeError as error:
        result = f"refused: {error}"
    print(f"{line:60}{len(ledger.orders):6}{ledger.waits:7}{sum(ledger.sent):12}  {result}")

# %% [markdown]
# Look at three groups. `np.exp` on the wrong array is no accident: the call is handed on, the result stays there. The
# `if` and the `.item()` wait. The mixture of both kinds of arrays is refused, here as in CuPy, and that is a kindness.
# JAX, for one, copies in silence unless its `transfer_guard` is set.
#
# And the last two: **float64 creeps in**. A Python number takes the type of what it meets, but a NumPy scalar keeps
# its own 64 bits and so does a generator's default. At home this costs some time. In the hall each number takes twice
# the bytes, and few cooks can weigh so finely: per clock, a data-centre V100 does half as many float64 sums as
# float32, a consumer card of compute capability 8.6 or 8.9 one sixty-fourth (*CUDA C++ Programming Guide*, table of
# arithmetic throughput).

# %%
quiz("10/which-dtype")

# %% [markdown]
# ## 3. A loop that leaks
#
# Now a training loop in bare NumPy. The model is the smallest autoencoder there is: code $xW$, reconstruction $x W
# W^\top$. Loss and gradient are one function that never asks where its arrays live.


# %%
def loss_and_gradient(batch, W):
    code = batch @ W  # (B, L)
    miss = code @ W.T - batch  # (B, D)
    return (miss**2).sum() / len(batch), 2 / len(batch) * (miss.T @ code + batch.T @ (miss @ W))


rng, h = np.random.default_rng(1), 1e-6
batch, W = rng.normal(size=(5, 4)), rng.normal(size=(4, 2))
nudges = h * np.eye(8).reshape(8, 4, 2)
slopes = [(loss_and_gradient(batch, W + n)[0] - loss_and_gradient(batch, W - n)[0]) / (2 * h) for n in nudges]
g_W = loss_and_gradient(batch, W)[1]
print("gradient right:", np.allclose(slopes, g_W.ravel(), atol=1e-6))
g_far = loss_and_gradient(xp.asarray(batch), xp.asarray(W))[1]
print("the same in the hall:", np.array_equal(g_W, g_far.get()))


# %%
def leaky(xp, x, W, lr, steps):
    W, losses = xp.asarray(W), []
    for k in range(steps):
        batch = xp.asarray(x[k::steps])
        loss, g_W = loss_and_gradient(batch, W)
        losses.append(loss.item())
        W = W - lr * g_W
    return W.get(), np.mean(losses)


def cost(name, train):
    ledger.clear()
    W, loss = train(xp, x, W_0, lr, STEPS)
    wide = sum(order.dtype == np.float64 for order in ledger.orders)
    moved = sum(order.bytes for order in ledger.orders) / 1e6
    print(f"{name}: loss {loss:.1f}, {len(ledger.orders)} orders, {wide} of them in float64, {moved:.0f} MB moved")
    print(f"       {len(ledger.sent)} parcels of {sum(ledger.sent) / 1e6:.1f} MB sent, {ledger.waits} waits")
    return W


# %%
from minivae.data import load

x, _ = load("mnist-small", "train")
x, STEPS = x[:2000], 50
W_0 = (0.01 * np.random.default_rng(2).standard_normal((784, 16))).astype(np.float32)
lr = 0.02 / np.sqrt(STEPS)
W_leaky = cost("leaky", leaky)

# %% [markdown]
# It works, and it leaks in three places: parcels, waits and float64. The last one is hard to see. `lr` has been
# divided by a NumPy root, so it is an `np.float64`; after one step `W` is wide, and then everything.
#
# ### Exercise 1
#
# Write the loop so that it sends two parcels (`x` and `W`), waits twice (for `W` and for the mean loss, at the end),
# and computes in float32 throughout, though `lr` comes as it came here. `.get()` brings an array home. Return the same:
# `W` as a NumPy array, and the mean of the losses.


# %%
def train(xp, x, W, lr, steps):
    # return W, loss
    ...


check("10/no-waiting", train)

# %% [markdown]
# Stuck? `hint("10/no-waiting")` gives one hint after the other; `solution("10/no-waiting")` comes after a try.
#
# (The exercise first: what follows gives it away.)


# %%
def tight(xp, x, W, lr, steps):
    x, W, lr, total = xp.asarray(x), xp.asarray(W), float(lr), 0
    for k in range(steps):
        loss, g_W = loss_and_gradient(x[k::steps], W)
        total = total + loss
        W = W - lr * g_W
    return W.get(), float(total) / steps


W_tight = cost("tight", tight)
print("the same W, to float32 rounding:", np.allclose(W_leaky, W_tight, atol=1e-4))

# %% [markdown]
# One order a step more, for the sum, and no wait. That trade is nearly always right.
#
# ## 4. The same script, swapped
#
# The library does with its whole code what `loss_and_gradient` does: ops write `xp.exp` and never `np.exp`, and a
# **backend** says which `xp` that is. So our hall can be plugged in. `use(name)` comes first in a script; the rest
# stays as it is.

# %%
from minivae import backend, plot
from minivae.models import VAE
from minivae.progress import Quiet
from minivae.train import fit

Far.base = property(lambda self: None if self._a.base is None else Far(self._a.base))  # optimisers ask for it
backend.BACKENDS["hall"] = backend.Backend("hall", xp, fetch=get, whole=True)
images = x[:1024]


def script(name):
    backend.use(name)
    ledger.clear()
    vae = VAE(latent=20, rng=np.random.default_rng(0))
    run = fit(vae, images, epochs=1, rng=np.random.default_rng(1), report=Quiet())
    print(f"{name:14} ELBO {run.history[-1]['elbo']:.2f}", end="")
    if name.startswith("hall"):
        print(f"   a step: {len(ledger.orders) / 8:.0f} orders, {sum(ledger.sent) / 8e6:.1f} MB sent", end="")
        print(f"   waits in 8 steps: {ledger.waits}", end="")
    print()


script("numpy")
script("hall")

# %% [markdown]
# A whole VAE trained in a hall that we made. But it waited 17 times in 8 steps: once to report the epoch, and twice in
# every step. Who waits? The op that scores pixels first looks whether they lie in [0, 1], with an `if`. On a CPU that
# is free.
#
# The third backend, `sim`, runs the course's **CUDA kernels**, each of which stands in for several orders, on a
# simulator. We lend that to the hall, too. (Where there is no C++ compiler, the next cell says so; `minivae doctor`
# says what to install.)

# %%
from minivae.cuda import Simulator, counting, fused


class Cooks(Simulator):
    arrays, owns, address = "a Far", lambda self, a: isinstance(a, Far), lambda self, a: a._a.ctypes.data

    def function(self, kernel):
        run = super().function(kernel)

        def noted(grid, block, args, shared):
            pairs = zip(kernel.parameters, args, strict=True)
            sizes = {p.name: int(a) for p, a in pairs if not p.shape and p.ctype != "float"}
            flops = int(kernel.value(kernel.flops, **sizes))
            ledger.orders.append(Order(kernel.name, kernel.bytes(**sizes), flops, np.dtype("float32")))
            run(grid, block, tuple(map(there, args)), shared)

        return noted


# %%
try:
    with counting() as launches:
        script("sim")
    table = dict(fused.OPS), dict(fused.STEPS), Cooks()
    backend.BACKENDS["hall + kernels"] = backend.Backend("hall + kernels", xp, *table, fetch=get, whole=True)
    script("hall + kernels")
    print(f"{sum(launches.values()) // 8} of these are our kernels, {len(launches)} different ones")
except backend.BackendError as error:
    print(f"The simulator cannot run here, and what needs it is left out below. {error}")

# %% [markdown]
# The same ELBO everywhere, since noise is drawn at home with the same seed; the last bits may differ. (What is sent is
# the model, once, and a batch in every step.) Fewer orders, since a kernel does in one what took several: the toll of
# lesson 04 is a single launch. And *one* wait, for the epoch's figures. What became of the `if`? Here is the toll's
# way to its kernel, and `demand`, which looks at conditions:

# %%
import inspect

from minivae import checks

print(inspect.getsource(fused.OPS["gaussian_kl"]).split('"""')[2].split("\n\n")[0])
print(inspect.getsource(checks.demand).split('"""')[2])

# %% [markdown]
# On a CPU a demand is looked at. Elsewhere it is noted, and looked at together with the next value that is read
# anyway. The error comes later, and it is the same error. Values leave the device in two functions, `backend.host` and
# `backend.numbers`, and nowhere else.

# %%
quiz("10/who-waits")

# %% [markdown]
# ## 5. When does it pay?
#
# Vendors print two figures. A Tesla V100 does at most 15.7 TFLOP/s in float32 and moves at most 900 GB/s (its data
# sheet, the SXM2 model). A laptop with four cores at 3 GHz, 32 flops a clock each, does 384 GFLOP/s and moves 51.2
# GB/s from two channels of DDR4-3200. Those are peaks **on paper**; no program gets them. And launches: CuPy's user
# guide prints 44 µs of host time for an expression of three functions, about 15 µs each. For NumPy we take 1 µs
# (`%timeit np.negative(near)` tells yours).
#
# An order has to move its bytes and to do its flops, both at once, so it takes the longer of the two (Williams et al.
# 2009 call the picture a *roofline*). The hall works its orders off one by one, while the host writes the next ones.
#
# ### Exercise 2
#
# `bytes` and `flops` have a number for each order of a step. How long does the step take on paper?


# %%
def paper_time(bytes, flops, launch, bandwidth, peak):
    # return seconds
    ...


check("10/paper-time", paper_time)


# %% [markdown]
# (Again, what follows gives it away.) We record the orders of one step of the VAE for two sizes of batch. Bytes and
# flops grow in a straight line with the batch, so two sizes give all others. And for some orders, how many flops they
# do for each byte; a V100 does 17.4 in the time that one byte takes.


# %%
from minivae import Tensor
from minivae.optim import Adam


def trainer(B):
    vae, rng = VAE(latent=20, rng=np.random.default_rng(0)), np.random.default_rng(1)
    adam = Adam(vae.parameters())

    def step():
        loss, _ = vae.loss(Tensor((images[:B] > 0.5).astype(np.float32)), rng)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return step


def record(name, B):
    backend.use(name)
    step = trainer(B)
    for _ in range(2):  # the first step makes things that stay
        ledger.clear()
        step()
    return np.array([(o.bytes, o.flops) for o in ledger.orders], float).T  # (2, orders)


# %%
def at(B, name="hall"):
    first, second = recorded[name]
    return first + (second - first) * (B - 64) / 64  # (2, orders)


halls = [name for name in ("hall", "hall + kernels") if name in backend.BACKENDS]
recorded = {name: [record(name, B) for B in (64, 128)] for name in halls}
print("a straight line:", all(np.array_equal(record(name, 256), at(256, name)) for name in halls))

_ = record(halls[-1], 128)
densest = {}
for o in ledger.orders:
    densest[o.name] = max(o.flops / o.bytes, densest.get(o.name, 0))
print("flops for each byte, 128 images:")
for name in ("add", "adam_v2", "gaussian_kl_v3", "bernoulli_nll_v2", "matmul"):
    print(f"{name:>20} {densest[name]:5.1f}" if name in densest else f"{name:>20} not seen: it is a kernel")


# %%
def paper_time(bytes, flops, launch, bandwidth, peak):
    return max(len(bytes) * launch, np.maximum(bytes / bandwidth, flops / peak).sum())


V100 = dict(launch=15e-6, bandwidth=900e9, peak=15.7e12)
LAPTOP = dict(launch=1e-6, bandwidth=51.2e9, peak=384e9)


def bounds(B, name, device):
    """Milliseconds on paper: of the launches, of the work, of the step."""
    bytes, flops = at(B, name)
    work = np.maximum(bytes / device["bandwidth"], flops / device["peak"]).sum()
    return np.array([len(bytes) * device["launch"], work, paper_time(bytes, flops, **device)]) * 1e3


print("on paper, in ms   laptop   V100: launches   work   step      times shorter")
for B in (2, 16, 128, 1024, 16384):
    slow, fast = bounds(B, "hall", LAPTOP)[2], bounds(B, "hall", V100)
    print(f"batch {B:8} {slow:11.2f} {fast[0]:12.2f} {fast[1]:10.2f} {fast[2]:6.2f} {slow / fast[2]:14.1f}")
ratio = bounds(128, "hall", LAPTOP)[2] / bounds(128, "hall", V100)[2]
if len(halls) == 2:
    step, orders = bounds(128, halls[1], V100)[2], at(128, halls[1]).shape[1]
    print(f"with kernels, batch 128: {orders} orders for {at(128).shape[1]}, a step of {step:.2f} ms")

# %%
quiz("10/predict-speed-up", ran=ratio)

# %% [markdown]
# With two images the laptop wins. With 128 the hall is done in about a tenth of a millisecond and stands idle for the
# rest of the step, waiting for slips. From some thousand images on the work is the longer part, and only there do the
# data sheets speak. So three cures: fewer orders (kernels that do several things at once), larger batches, larger
# models. They are not free: a larger batch makes fewer steps of the same data, and those are what learns.
#
# Be fair to the laptop, too. On paper we let it fetch every array from memory; much of this step would fit its caches.
# The right picture shows each order of that step, a dot. Left of 17.4 flops for each byte the roof is memory, right of
# it arithmetic; and nearly all dots lie far below, since the next one takes 15 µs to come.

# %%
fig, (left, right) = plot.figure(7.4, 3.6, columns=2)
sizes = 2.0 ** np.arange(1, 16)
left.loglog(sizes, [bounds(B, "hall", LAPTOP)[2] for B in sizes], color=plot.GREY)
left.text(2.2, 280, "laptop", color=plot.GREY)
left.loglog(sizes, [bounds(B, "hall", V100)[2] for B in sizes], color=plot.ORANGE)
left.text(2.2, 130, "V100, NumPy's orders", color=plot.ORANGE)
if len(halls) == 2:
    left.loglog(sizes, [bounds(B, halls[1], V100)[2] for B in sizes], color=plot.BLUE)
    left.text(2.2, 60, "V100, with kernels", color=plot.BLUE)
left.set(xlabel="images in a batch", ylabel="ms a step", ylim=(0.3, 700), title="a step of the VAE, on paper")
bytes, flops = at(128)
roof = np.geomspace(0.05, 300, 50)
right.loglog(roof, np.minimum(roof * 0.9, 15.7), color=plot.GREY)
right.text(300, 30, "the roof", color=plot.GREY, ha="right")
right.loglog(flops / bytes, flops / np.maximum(15e-6, flops / V100["peak"]) / 1e12, "o", color=plot.ORANGE, alpha=0.4)
right.text(0.8, 2e-5, "orders of one step,\none every 15 µs", color=plot.ORANGE)
right.set(xlabel="flops for each byte", ylabel="TFLOP/s", ylim=(1e-8, 200), title="the V100 at 128 images, on paper")
works = np.maximum(bytes / V100["bandwidth"], flops / V100["peak"])
print(f"orders that keep the V100 busy for as long as a launch takes: {np.sum(works >= 15e-6)} of {works.size}")
print(f"the longest of them: {1e6 * works.max():.0f} µs")

# %% [markdown]
# ## 6. The clock that lies
#
# Paper is patient; in the end you measure. And there the third rule bites: an order returns at once. A clock at home
# times the *writing*. Here is the hall as two clocks and nothing else.


# %%
class Queue:
    host = free = 0.0  # the clock at home; when the hall will be done with all that was ordered

    def order(self, work):
        self.host += 15e-6
        self.free = max(self.free, self.host) + work

    def synchronize(self):
        self.host = max(self.host, self.free)


print("product of two squares   clock stopped at once   after waiting   (paper, µs)")
for side in (256, 1024, 4096):
    queue = Queue()
    queue.order(2 * side**3 / V100["peak"])
    stopped = queue.host
    queue.synchronize()
    print(f"{side:10} x {side:<10} {1e6 * stopped:15.0f} {1e6 * queue.host:20.0f}")

# %% [markdown]
# The sign of it: the time does not depend on the size. Whoever reports the first column for the last product is 585
# times too fast; CuPy's user guide calls this a common pitfall.
#
# ### Exercise 3
#
# Write the stopwatch. `run()` orders something, `clock()` is the host's time, `synchronize()` waits. The hall may be
# busy with earlier orders, and the first call of `run` compiles. Return the seconds for one call, over `calls` calls.


# %%
def timed(run, clock, synchronize, calls):
    # return seconds
    ...


check("10/timed", timed)

# %% [markdown]
# A GPU offers something better: *events*, time stamps that it writes itself when it comes to them. So this is what the
# library does, and `cupyx.profiler.benchmark` as well:

# %%
from minivae.cuda import GPU

print(inspect.getsource(GPU.elapsed))

# %% [markdown]
# And what does a wait cost? The same two clocks tell. We send the recorded orders of a step through the queue, over and
# over, and wait never, once a step, or after each order. In the last line the host has something else to do as well:
# say that it takes 5 ms to draw a large batch.


# %%
def queued(B, wait, draw, steps=100):
    queue, (bytes, flops) = Queue(), at(B)
    for _ in range(steps):
        queue.host += draw
        for work in np.maximum(bytes / V100["bandwidth"], flops / V100["peak"]):
            queue.order(work)
            if wait == "after each order":
                queue.synchronize()
        if wait == "once a step":
            queue.synchronize()
    queue.synchronize()
    return 1e3 * queue.host / steps


waits = ("never", "once a step", "after each order")
print("ms a step, on paper, by waits:       ", "   ".join(waits))
for B, draw in [(128, 0), (4096, 0), (16384, 0), (16384, 5e-3)]:
    times = [queued(B, wait, draw) for wait in waits]
    print(f"batch {B:6}, {1e3 * draw:.0f} ms to draw it {times[0]:17.2f} {times[1]:13.2f} {times[2]:18.2f}")

# %% [markdown]
# The folklore says that one `.item()` in each step ruins everything. By these figures it is nearly free, *unless* the
# host had something else to do meanwhile: a wait costs the overlap, and (on paper, which leaves out the trip over the
# bus) no more. In the last line that is most of the 5 ms. Waiting after each order loses all of it, in every line. So
# leave out the waits that you can, and do not be afraid of one that you need.
#
# To **profile** a script, then, ask in this order. *How often?* Count orders, parcels and waits of one step, as here:
# counts are the same on every machine. *Who waits for whom?* Time a step without its last wait, by the host's clock,
# and with events. If the two are about equal, the GPU waits for the host to write. If events take much longer, the host
# is ahead, and the work is what counts. *Which order?* Then look at the kernels, longest first, each beside its bytes
# and flops on paper. `nsys profile python train.py` draws all of it as a timeline, with gaps where the GPU had
# nothing to do.
#
# ## 7. If a GPU is here
#
# The same script once more, on CuPy. No number below was made by a GPU unless *your* machine has one.


# %%
def on_a_gpu():
    try:
        here = backend.use("cupy")
    except backend.BackendError:
        print("No GPU here, so this cell computes nothing. `minivae doctor` says what is missing.")
        return
    print(here.about)
    script("cupy")
    step = trainer(128)
    step()  # compiles
    seconds = here.device.elapsed(lambda: [step() for _ in range(100)]) / 100
    print(
        f"measured by events: {1e3 * seconds:.2f} ms a step; on paper {bounds(128, halls[-1], V100)[2]:.2f} on a V100"
    )


on_a_gpu()
_ = backend.use("numpy")

# %% [markdown]
# ## 8. Break it
#
# A colleague wrote her own loop, to add up the loss over there and read it once. She has learnt her lesson: no wait,
# no parcel too many, and the loss falls as it should. But on a card with 16 GB it dies after a while, out of memory.
# We let both loops run in the hall and look into its stores after each step.


# %%
def stored():
    """Bytes of all arrays alive in the hall."""
    owners = {id(a): a.nbytes for a in (f._a if f._a.base is None else f._a.base for f in list(LIVE.values()))}
    return sum(owners.values())


def hers(steps=40):
    backend.use("hall")
    vae, rng, total, stores = VAE(latent=20, rng=np.random.default_rng(0)), np.random.default_rng(1), Tensor(0.0), []
    adam = Adam(vae.parameters())
    for k in range(steps):
        batch = images[k % 8 :: 8]
        loss, _ = vae.loss(Tensor((rng.random(batch.shape) < batch).astype(np.float32)), rng)
        adam.zero_grad()
        loss.backward()
        adam.step()
        total = total + loss
        stores.append(stored())
    shapes = Counter(f.shape for f in list(LIVE.values()) if f._a.base is None)
    return total.item() / steps, stores, shapes


# %%
class Watch(Quiet):
    def __init__(self):
        self.stores = []

    def step(self, run):
        self.stores.append(stored())


loss, stores, shapes = hers()
watch = Watch()
run = fit(VAE(latent=20, rng=np.random.default_rng(0)), images, epochs=5, rng=np.random.default_rng(1), report=watch)
usual = -np.mean([row["elbo"] for row in run.history])
print(f"mean loss over 40 steps: hers ≈ {loss:.0f}, the library's ≈ {usual:.0f}")

# %%
fig, ax = plot.figure(5.4, 2.6)
ax.plot(np.arange(1, 41), np.array(stores) / 1e6, color=plot.ORANGE)
ax.plot(np.arange(1, 41), np.array(watch.stores) / 1e6, color=plot.BLUE)
ax.text(24, stores[20] / 1e6, "hers", color=plot.ORANGE)
ax.text(30, watch.stores[-1] / 1e6 + 8, "the library's", color=plot.BLUE)
ax.set(xlabel="steps", ylabel="MB in the hall", ylim=(0, None))
growth = (stores[-1] - stores[9]) / 30
print(f"each of her steps leaves {growth / 1e6:.1f} MB behind; 16 GB last {16e9 / growth:.0f} steps")
print("in store at the end:", ", ".join(f"{n} x {shape}" for shape, n in shapes.most_common(4)))

# %%
quiz("10/the-patient")

# %% [markdown]
# Then mend her loop and run these cells again. The orange line has to lie down on the blue one.

# %% [markdown]
# ## 9. Quiz

# %%
quiz("10/flops-for-each-byte")

# %%
quiz("10/what-waits")

# %%
quiz("10/order-the-costs")

# %%
quiz("10/faster-card")

# %%
quiz("10/too-good")

# %%
quiz("10/what-the-simulator-says")

# %% [markdown]
# ## In one breath
#
# 1. A GPU is a hall across the street: orders cost launches, parcels cost the bus, and a look costs a wait.
# 2. Send once, compute there, look rarely. An `if`, a `print` or an `.item()` on a device value waits.
# 3. float64 comes in by NumPy scalars and default generators. It doubles the bytes, and on consumer cards its sums are
#    up to 64 times slower.
# 4. A step takes the longer of its launches and its work, and small steps are all launches: fewer orders, larger
#    batches.
# 5. Clocks at home time the writing of orders. Wait, or use events.
#
# **Read on:** CuPy's user guide, *Performance Best Practices*; Williams, Waterman & Patterson, *Roofline: An
# Insightful Visual Performance Model for Multicore Architectures* (2009); in this repository docs/architecture.md,
# "A backend". Next, lesson 11: what happens inside an order. You write the kernels.
