# %% [markdown]
# # 02 · The spy's note: autoencoders
#
# *How small a note can carry a picture, if sender and reader learn the code together?*
#
# A spy sits in a room full of pictures. Of each one a **note** may go out, a few numbers and no more. Outside, a
# partner unfolds the note into a picture again. Nobody gives them a code book. They practise on the same pictures,
# compare what went in with what came out, and both change their ways a little, again and again. In the end they have
# a code of their own.
#
# The spy is an **encoder**, the partner a **decoder**, the note the **code** $z$. All of the picture has to pass
# through it, so it is the **bottleneck**, and the whole is an **autoencoder**. In this lesson you build one, and then
# you ask what a salesman would leave out: does it beat what statistics has known since 1901? Does it beat a JPEG?
#
# ## Predict first

# %%
from minivae.learn import Scrub, check, hint, quiz, solution

quiz("02/predict-eight-numbers")

# %% [markdown]
# ## 1. A note of six numbers
#
# First we need a measure. A partner who gets no note at all does best to draw the *mean picture*, every time. The
# squared error of that is the variance of the pictures; call it 100 %. The **error** of a code is the share of the
# variance that it loses. 0 is a perfect copy.

# %%
import numpy as np

from minivae import plot
from minivae.data import load

x, y = load("mnist-small", "train")
x_test, y_test = load("mnist-small", "test")
mean = x.mean(axis=0)


def error(x_hat, x):
    """Per cent of the variance that is lost."""
    return 100 * np.sum((x_hat - x) ** 2) / np.sum((x - mean) ** 2)


def about(value, width=0):
    """A number whose last digit may differ on your processor: "≈ 37"."""
    return f"≈ {value:.0f}".rjust(width)


per_pixel = np.mean((x_test - mean) ** 2)
print(f"{len(x):,} pictures to practise on, {len(x_test):,} others to test with, {x.shape[1]} pixels each")
print(f"no note: error {error(mean, x_test):.0f} %, mean squared error {per_pixel:.3f} per pixel,", end=" ")
print(f"PSNR {-10 * np.log10(per_pixel):.0f} dB; a tenth of that error: {10 - 10 * np.log10(per_pixel):.0f} dB")

# %% [markdown]
# Now the plainest pair that there can be. The spy takes sums of pixels with weights, the partner takes sums of those:
#
# $$z = x W_1 + b_1, \qquad \hat{x} = z W_2 + b_2,$$
#
# with `x` (B, D), `z` (B, L) and `x_hat` (B, D). D is 784 and L is 6. For the gradients you need nothing new: lesson
# 01 has the rules for a product and for a bias. What is new is that the spy learns through the partner. The error is
# only seen at $\hat{x}$, and what it says about the note has to come back through $W_2$.
#
# ### Exercise 1
#
# `g` is the gradient that arrives at `x_hat`. Write the gradients of all four arrays of weights.


# %%
def bottleneck_gradients(g, x, W1, b1, W2, b2):
    # return g_W1, g_b1, g_W2, g_b2
    ...


check("02/bottleneck-gradients", bottleneck_gradients)

# %% [markdown]
# Stuck? `hint("02/bottleneck-gradients")` gives one hint after the other; `solution("02/bottleneck-gradients")` comes
# after a try. (What follows gives it away.)


# %%
def bottleneck_gradients(g, x, W1, b1, W2, b2):
    z = x @ W1 + b1
    g_z = g @ W2.T  # (B, L): what comes back through the bottleneck
    return x.T @ g_z, g_z.sum(axis=0), z.T @ g, g.sum(axis=0)


def differences(f, a, h=1e-6):
    g = np.zeros_like(a)
    for i in np.ndindex(a.shape):
        middle = a[i]
        a[i] = middle + h
        above = f()
        a[i] = middle - h
        g[i] = (above - f()) / (2 * h)
        a[i] = middle
    return g


# %%
rng = np.random.default_rng(0)
few, *weights = (rng.normal(size=s) for s in [(5, 7), (7, 3), (3,), (3, 7), (7,)])
W1, b1, W2, b2 = weights
lost = lambda: np.sum(((few @ W1 + b1) @ W2 + b2 - few) ** 2)
mine = bottleneck_gradients(2 * ((few @ W1 + b1) @ W2 + b2 - few), few, *weights)
right = [np.allclose(g, differences(lost, w), atol=1e-6) for g, w in zip(mine, weights, strict=True)]
print("gradients right:", *right)

# %% [markdown]
# Both go downhill together, 100 pictures at a time, by plain gradient descent. The mean picture both of them know, so
# the note need only say how a picture differs from it.


# %%
def train_linear(L, epochs, rng):
    W1, W2 = (rng.normal(size=s).astype(np.float32) / 28 for s in [(784, L), (L, 784)])
    b1, b2 = np.zeros(L, np.float32), np.zeros(784, np.float32)
    weights, errors = (W1, b1, W2, b2), []
    for epoch in range(epochs):
        step = 0.02 * min(1, 2 - 2 * epoch / epochs)  # falls to 0 in the second half, to settle
        errors.append(error(redrawn(x_test, *weights), x_test))
        for batch in np.split(rng.permutation(len(x)), 100):
            g = 2 * (redrawn(x[batch], *weights) - x[batch]) / 100
            for w, g_w in zip(weights, bottleneck_gradients(g, x[batch] - mean, *weights), strict=True):
                w -= step * g_w
    return weights, [*errors, error(redrawn(x_test, *weights), x_test)]


def redrawn(images, W1, b1, W2, b2):
    return ((images - mean) @ W1 + b1) @ W2 + b2 + mean


weights, errors = train_linear(L=6, epochs=30, rng=np.random.default_rng(1))
for epoch in (0, 1, 2, 5, 30):
    print(f"after {epoch:2} epochs: {errors[epoch]:5.1f} % of the test pictures' variance is lost")

# %% [markdown]
# It falls, and then it stops, and more patience would not help. What stops it?
#
# ## 2. The best flat note
#
# All pictures $z W_2 + b_2$ that such a partner can draw lie in a plane, a flat space of L dimensions in the space
# of 784 pixels. Which plane loses least? Pearson answered that in 1901, and today it is called **principal component
# analysis** (PCA): subtract the mean, and keep the L directions in which the pictures vary most. The *singular value
# decomposition* finds them all at once; they are the rows of `V`, the most important first.
#
# ### Exercise 2
#
# Learn the plane from `x` (N, D), then send the pictures `new` (M, D) as `k` numbers each and unfold them again.
# `U, S, V = np.linalg.svd(a, full_matrices=False)` gives `V` for a table `a`.


# %%
def pca(x, new, k):
    # return x_hat, what becomes of new, (M, D)
    ...


check("02/pca", pca)

# %% [markdown]
# (The exercise first, then this.) The plane of the spies beside the plane of PCA: the **principal angles** between
# two spaces are all 0 if and only if they are the same space.

# %%
_, _, V = np.linalg.svd(x - mean, full_matrices=False)
V *= np.sign(V.sum(axis=1, keepdims=True))  # a direction and its opposite are the same; choose one


def pca_of(images, k):
    z = (images - mean) @ V[:k].T  # (B, k)
    return z @ V[:k] + mean


def angles(A, B):
    """Between the spaces that the rows of A and of B span, in degrees, the smallest first."""
    (Q, _), (R, _) = (np.linalg.qr(M.T.astype(np.float64)) for M in (A, B))
    return np.degrees(np.arccos(np.clip(np.linalg.svd(Q.T @ R)[1], 0, 1)))


anything = np.random.default_rng(2).normal(size=(6, 784))
for name, images in [("training", x), ("test", x_test)]:
    by_pair, by_pca = error(redrawn(images, *weights), images), error(pca_of(images, 6), images)
    print(f"{name:8} pictures: spy and partner lose {by_pair:.1f} %, PCA {by_pca:.1f} %")
W1, b1, W2, b2 = weights
print(f"largest angle between the planes {angles(W2, V[:6]).max():.0f}°; with a random plane", end=" ")
print(f"{angles(anything, V[:6]).max():.0f}°; between the first rows of the two {angles(W2[:1], V[:1])[0]:.0f}°")

# %% [markdown]
# The same error, the same plane, found by slips of paper going back and forth. That no pair of this kind can do
# better is easy to see: however the note was written, what the partner draws lies in a plane, and PCA's is the best
# there is (Bourlard & Kamp 1988). That the walk downhill always gets there is not: Baldi & Hornik (1989) proved that
# every other place where the gradient vanishes is a saddle, from which it still goes down.
#
# But the last number says that the *rows* differ. The pair has no reason to use PCA's directions: any six that span
# the plane do as well, if the spy mixes as the partner unmixes. Mix the partner's rows in the right way, and PCA's
# come out:

# %%
mixed = V[:6] @ np.linalg.pinv(W2) @ W2  # the best that sums of the partner's rows can do
fig, axes = plot.figure(7.4, 3.6, rows=3, columns=6)
for row, (name, patterns) in zip(axes, [("PCA", V[:6]), ("the partner", W2), ("remixed", mixed)], strict=True):
    for ax, pattern in zip(row, patterns, strict=True):
        reach = np.abs(pattern).max()
        ax.imshow(pattern.reshape(28, 28), cmap="PuOr_r", vmin=-reach, vmax=reach)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    row[0].set_ylabel(name)

# %% [markdown]
# And with more numbers? Drag the slider: eight test pictures from `k` numbers each, and the error below.

# %%
lost = [error(pca_of(x_test, k), x_test) for k in range(65)]
show = lambda k: plot.tile(np.concatenate([x_test[:8], pca_of(x_test[:8], k).clip(0, 1)]), 8)
Scrub(show, steps=65, start=8, name="k", curves={"share of the variance that is lost": np.array(lost) / lost[0]})

# %% [markdown]
# ## 3. A bend in the paper
#
# Digits do not lie in a plane. Move a stroke by three pixels, and halfway in between lies no shifted stroke but two
# faint ones. So let spy and partner *bend* their sums: a hidden layer on each side with `softplus`, $\log(1 + e^a)$,
# which is lesson 01's `relu` with its corner rounded off, so that your processor and mine draw the same pictures; and
# at the end a `sigmoid`, which squeezes any number into 0 to 1, as pixels are. The gradients come from the engine
# that you built, in the library's version.
#
# A layer and an optimiser are soon written. **Adam** (Kingma & Ba 2015) gives every weight a step of its own: the
# mean of its last gradients, divided by the root of the mean of their squares.

# %%
from minivae import Tensor, no_grad
from minivae.ops import relu, sigmoid, softplus


class Linear:
    def __init__(self, n_in, n_out, rng):
        W = rng.normal(size=(n_in, n_out)) / n_in**0.5
        self.W, self.b = (Tensor(a.astype(np.float32), requires_grad=True) for a in (W, np.zeros(n_out)))

    def __call__(self, x):
        return x @ self.W + self.b


# %%
class Adam:
    def __init__(self, parameters):
        self.parameters, self.t = parameters, 0
        self.m, self.v = ([np.zeros_like(p.data) for p in parameters] for _ in range(2))

    def step(self, lr):
        self.t += 1
        scale = lr * (1 - 0.999**self.t) ** 0.5 / (1 - 0.9**self.t)  # both means began at 0
        for p, m, v in zip(self.parameters, self.m, self.v, strict=True):
            m += 0.1 * (p.grad - m)
            v += 0.001 * (p.grad**2 - v)
            p.data, p.grad = p.data - scale * m / (v**0.5 + 1e-8), None


# %%
class Spies:
    def __init__(self, code, rng, hidden=128, bend=softplus):
        self.bend = bend
        self.fold = Linear(784, hidden, rng), Linear(hidden, code, rng)
        self.unfold = Linear(code, hidden, rng), Linear(hidden, 784, rng)

    def encode(self, x):
        first, second = self.fold
        return second(self.bend(first(x)))  # (B, 784) -> (B, code)

    def decode(self, z):
        first, second = self.unfold
        return sigmoid(second(self.bend(first(z))))  # (B, code) -> (B, 784)

    @no_grad()
    def notes(self, images):
        return self.encode(Tensor(images)).data

    @no_grad()
    def pictures(self, notes):
        return self.decode(Tensor(notes.astype(np.float32))).data


# %%
def train(spies, rng, epochs=8, dirt=lambda images, rng: images):
    layers = spies.fold + spies.unfold
    adam, errors = Adam([p for layer in layers for p in (layer.W, layer.b)]), []
    for epoch in range(epochs):
        lr = 0.006 * min(1, 2 - 2 * epoch / epochs)
        for batch in np.split(rng.permutation(len(x)), 100):
            miss = spies.decode(spies.encode(Tensor(dirt(x[batch], rng)))) - x[batch]
            loss = (miss * miss).sum() * 0.01  # squared error of a picture, the mean over 100
            loss.backward()
            adam.step(lr)
        errors.append(error(spies.pictures(spies.notes(x_test)), x_test))
    return errors


# %% [markdown]
# `dirt` will be used later. Before the run: is all this the library's? Same weights and same pictures for both, with
# `relu` as the library has it, and the same gradients for both Adams.

# %%
import inspect

import minivae.optim
from minivae import nn, ops
from minivae.models import Autoencoder

leaves = [Tensor(w, requires_grad=True) for w in weights]
V1, c1, V2, c2 = leaves
out = ops.linear(ops.linear(Tensor(x[:50]), V1, c1), V2, c2)
((out - x[:50]) * (out - x[:50])).sum().backward()
by_hand = bottleneck_gradients(2 * (out.data - x[:50]), x[:50], *weights)
close = [np.allclose(g, leaf.grad, rtol=1e-3, atol=1e-3) for g, leaf in zip(by_hand, leaves, strict=True)]
print("linear pair, gradients agree:", *close)

mine = Spies(8, np.random.default_rng(0), bend=relu)
theirs = Autoencoder(latent=8, hidden=128, rng=np.random.default_rng(1))
names = [f"{half}.layers.{k}" for half in ("encoder", "decoder") for k in (0, 2)]
for name, layer in zip(names, mine.fold + mine.unfold, strict=True):
    theirs.load_state_dict(theirs.state_dict() | {f"{name}.W": layer.W.data, f"{name}.b": layer.b.data})
same = np.allclose(mine.pictures(mine.notes(x_test)), theirs.reconstruct(x_test), atol=1e-5)
print("bent pair, pictures agree:   ", same)

# %%
w, w_theirs = Tensor(np.ones(5), requires_grad=True), nn.Parameter(np.ones(5))
adam, adam_theirs = Adam([w]), minivae.optim.Adam([w_theirs], lr=0.006)
for g in np.random.default_rng(0).normal(size=(20, 5)):
    w.grad, w_theirs.grad = g, g
    adam.step(0.006)
    adam_theirs.step()
print("Adams agree:                 ", np.allclose(w.data, w_theirs.data), "\n")
print(inspect.getsource(Autoencoder.__init__))

# %% [markdown]
# It is. Now train one pair for each length of the note.

# %%
SIZES = (8, 16, 32, 64, 128)
pairs, histories, table = {}, {}, []
print("numbers in      PCA, error        spies, error")
print("  the note   training   test    training   test")
for L in SIZES:
    pairs[L] = Spies(L, np.random.default_rng(0))
    histories[L] = train(pairs[L], np.random.default_rng(1))
    by_spies = [error(pairs[L].pictures(pairs[L].notes(a)), a) for a in (x, x_test)]
    by_pca = [error(pca_of(a, L), a) for a in (x, x_test)]
    table.append(by_pca + by_spies)
    print(f"{L:10} {by_pca[0]:9.0f}{by_pca[1]:7.0f}  {about(by_spies[0], 9)}{about(by_spies[1], 8)}")

# %%
quiz("02/predict-eight-numbers", ran=table[SIZES.index(8)][3])

# %%
fig, (left, right) = plot.figure(7.4, 2.9, columns=2)
curves = np.array(table).T
for k, (name, colour, line, height) in enumerate([("PCA", plot.BLUE, "-", 58), ("spies", plot.ORANGE, "--", 18)]):
    left.plot(SIZES, curves[2 * k + 1], color=colour, ls=line, marker="o", ms=5)
    left.plot(SIZES, curves[2 * k], color=colour, ls=line, lw=0.8)
    left.text(9, height, name, color=colour, weight="bold")
left.set_xscale("log", base=2)
left.set(xticks=SIZES, xticklabels=SIZES, ylim=(0, 65), xlabel="numbers in the note", ylabel="error in %")
left.set_title("dots: test; thin: training")
six = x_test[:6]
rows = np.concatenate([six, pca_of(six, 8).clip(0, 1), pairs[8].pictures(pairs[8].notes(six))])
plot.show(right, rows, 6, "8 numbers: picture, PCA, spies")

# %% [markdown]
# For short notes the bend pays a great deal: with 8 numbers the spies lose less than PCA with 16. With 64 the two are
# close, and with 128 *PCA wins*. Its plane then misses only 7 % of what is new, and PCA finds the best plane exactly,
# where the spies walk downhill and have not arrived: on their own training pictures, too, they lose 10 % against 6.
#
# Mind the gap between dots and thin lines as well. With 8 numbers it is 4 or 5 points for the spies and 3 for PCA:
# more weights, more to learn by heart. And look at the pictures. PCA blurs what it does not know; the spies draw a
# firm stroke, and the 2, which has no loop, gets one.
#
# ## 4. How small is a number?
#
# A fair spy counts bytes, not numbers. A float32 has four, and most of their digits say nothing: the partner cannot
# use them. So **quantise**. With $n$ bits there are $2^n$ levels, spread evenly from `low` to `high`, both included;
# send the number of the nearest level.
#
# ### Exercise 3
#
# What does the partner read? Round each number of `z` (B, L) to the nearest of its levels; `low` and `high` are (L,).
# What lies outside goes to the last level there is.


# %%
def quantise(z, low, high, bits):
    # return the rounded z, (B, L)
    ...


check("02/quantise", quantise)

# %% [markdown]
# (The exercise first, then this.) As the range take what holds 99 % of the training notes, number by number.


# %%
def quantise(z, low, high, bits):
    steps = 2**bits - 1
    return low + np.rint((z - low) / (high - low) * steps).clip(0, steps) * (high - low) / steps


def by_spies(L, bits, images=x_test):
    low, high = np.quantile(pairs[L].notes(x), [0.005, 0.995], axis=0)
    return pairs[L].pictures(quantise(pairs[L].notes(images), low, high, bits))


def by_pca(k, bits, images=x_test):
    low, high = np.quantile((x - mean) @ V[:k].T, [0.005, 0.995], axis=0)
    return quantise((images - mean) @ V[:k].T, low, high, bits) @ V[:k] + mean


# %%
BITS = (2, 3, 4, 6, 8)
fig, ax = plot.figure(6.4, 3.0)
ax.set_xscale("log", base=2)
ax.set(xlabel="bytes for a picture", ylabel="error in %", ylim=(0, 80))
ax.set(xticks=(2, 4, 8, 16, 32, 64), xticklabels=(2, 4, 8, 16, 32, 64), title="dots: 2, 3, 4, 6 and 8 bits a number")
for L, shade in zip((8, 16, 32, 64), (0.45, 0.6, 0.8, 1.0), strict=True):
    lost = [error(by_spies(L, bits), x_test) for bits in BITS]
    ax.plot([L * bits / 8 for bits in BITS], lost, color=plot.ORANGE, alpha=shade, marker="o", ms=4)
    ax.text(1.05 * L / 4, lost[0] + 1, f"{L} numbers", color=plot.ORANGE, alpha=shade, weight="bold")
    print(f"{L:2} numbers:", "   ".join(f"{bits} bits {about(e)} %" for bits, e in zip(BITS, lost, strict=True)))

# %% [markdown]
# With 8 bits nothing is lost that shows, with 4 bits a point or two. So for the same bytes *more numbers of fewer
# bits* are better: 16 bytes are 16 numbers of 8 bits (24 % lost), or 32 numbers of 4 (18 %). A partner who shrugs at
# the last digits of a note: keep that in mind for lesson 04.
#
# ## 5. The honest comparison
#
# Now against what is on every computer. **zip** (its method, `zlib`) loses nothing at all. **JPEG** is lossy, and
# made for photographs. To be fair to both: each picture of 28 by 28 pixels as a file of its own carries headers and
# tables, so we also put all 2,000 test pictures on *one sheet* and pay for headers once. And to be fair against
# ourselves: a partner needs the decoder, and the decoder is bytes as well.

# %%
quiz("02/predict-two-thousand")

# %%
import io
import zlib

from PIL import Image

bytes_of = np.rint(255 * x_test).astype(np.uint8).reshape(40, 50, 28, 28)
sheet = bytes_of.swapaxes(1, 2).reshape(40 * 28, 50 * 28)


def jpeg(picture, quality):
    """The bytes of a JPEG file as small as this quality allows, and the picture that comes out of it."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality, optimize=True)
    return len(file.getvalue()), np.asarray(Image.open(file)) / 255


# %%
def on_a_sheet(quality):
    size, out = jpeg(sheet, quality)
    return size / 2000, error(out.reshape(40, 28, 50, 28).swapaxes(1, 2).reshape(2000, 784), x_test)


def one_by_one(quality):
    done = [jpeg(picture, quality) for picture in bytes_of.reshape(2000, 28, 28)]
    out = np.reshape([picture for _, picture in done], (2000, 784))
    return np.mean([size for size, _ in done]), error(out, x_test)


sheets = np.array([on_a_sheet(quality) for quality in (1, 3, 4, 5, 7, 10, 15, 20, 30, 50)])
files = np.array([one_by_one(quality) for quality in (1, 5, 10, 20, 50)])
zip_all = len(zlib.compress(bytes_of.tobytes(), 9)) / 2000
zip_each = np.mean([len(zlib.compress(picture.tobytes(), 9)) for picture in bytes_of.reshape(2000, 28, 28)])
print(f"zip, nothing lost: all at once ≈ {100 * zip_all / 784:.0f} % of the 784 bytes, each by itself", end=" ")
print(f"≈ {100 * zip_each / 784:.0f} %")
print(f"an all-black picture as a JPEG: ≈ {jpeg(np.zeros((28, 28), np.uint8), 1)[0]} bytes")
print("\n                                     bytes   error")
rows = [("JPEG, one by one, worst quality", *files[0]), ("JPEG, one sheet, worst quality", *sheets[0])]
rows += [("JPEG, one sheet, quality 10", *sheets[5])]
rows += [(f"PCA, {k} numbers of 4 bits", k / 2, error(by_pca(k, 4), x_test)) for k in (32, 64, 128)]
rows += [(f"spies, {L} numbers of 4 bits", L / 2, error(by_spies(L, 4), x_test)) for L in (32, 64, 128)]
for name, size, e in rows:
    print(f"{name:36}{about(size, 6)}{about(e, 6)} %")

# %% [markdown]
# A JPEG of one small picture is mostly preamble. On one sheet JPEG is a serious rival, though quality 1, at 29 bytes,
# is as small as it gets. PCA comes out where JPEG does, with 64 bytes and 8 % for both. Below that the notes of the
# spies are the shortest: with 16 bytes they lose less than JPEG with 29. Above, they are the worst of the three.
#
# But now the decoder. `quantise` serves for its weights as well.

# %%
dials = [tensor for layer in pairs[32].unfold for tensor in (layer.W, layer.b)]
exact, count = [tensor.data for tensor in dials], sum(tensor.data.size for tensor in dials)
before = error(by_spies(32, 4), x_test)
for tensor in dials:
    tensor.data = quantise(tensor.data, tensor.data.min(), tensor.data.max(), 8).astype(np.float32)
after = error(by_spies(32, 4), x_test)
for tensor, data in zip(dials, exact, strict=True):
    tensor.data = data

rival = np.interp(after, *sheets[::-1, ::-1].T)  # what JPEG needs for the same error
print(f"decoder for 32 numbers: {count:,} weights; error ≈ {before:.0f} %, with weights of 8 bits ≈ {after:.0f} %")
print(f"a picture at that error: a note of 16 bytes, or ≈ {rival:.0f} bytes of JPEG on one sheet")
for name, size in [("4 bytes", 4 * count), ("1 byte", count)]:
    print(f"weights of {name:7}: 2,000 pictures {about(16 + size / 2000, 5)} bytes each;", end=" ")
    print(f"shorter than JPEG from ≈ {size / (rival - 16) / 1000:.0f} thousand pictures on")

# %%
quiz("02/predict-two-thousand")

# %%
fig, (left, right) = plot.figure(7.4, 3.3, columns=2)
curves = [
    (sheets, plot.GREEN, "-", "JPEG,\none sheet", (46, 15)),
    (files, plot.GREEN, ":", "JPEG,\none by one", (120, 25)),
]
for f, *look in [(by_pca, plot.BLUE, "-", "PCA", (9, 47)), (by_spies, plot.ORANGE, "--", "spies", (2.3, 32))]:
    curves.append((np.array([(L / 2, error(f(L, 4), x_test)) for L in SIZES]), *look))
for points, colour, line, name, place in curves:
    left.plot(*points.T, color=colour, ls=line, marker="o", ms=4)
    left.text(*place, name, color=colour, weight="bold")
left.text(160, 0, "zip ■", color=plot.GREY, weight="bold", ha="right", va="center")
left.set(xscale="log", xlabel="bytes for a picture, without the decoder", ylabel="error in %", ylim=(-5, 65))
left.set(xticks=(2, 10, 50, 250), xticklabels=(2, 10, 50, 250), title="4 bits for each number")

right.set(xlabel="pictures sent", title="bytes for a picture, with the decoder", ylim=(10, 1200))
n = np.geomspace(500, 100_000, 50)
for size, line, name, place in [(4 * count, "-", "4 bytes a weight", (2e3, 300)), (count, "--", "1 byte", (6e2, 62))]:
    right.loglog(n, 16 + size / n, color=plot.ORANGE, ls=line)
    right.text(*place, name, color=plot.ORANGE, weight="bold")
for height, colour, name, place in [
    (rival, plot.GREEN, "JPEG, one sheet", (500, 25)),
    (160, plot.GREY, "zip", (4e4, 175)),
]:
    right.axhline(height, color=colour)
    right.text(*place, name, color=colour, weight="bold")

# %% [markdown]
# A code book has to be paid for, and it pays only if it is used often. There is a second price. JPEG knows nothing of
# digits; the spies know nothing else. Give them the same digits lying on their side:

# %%
lying = np.rot90(x_test.reshape(-1, 28, 28), axes=(1, 2)).reshape(-1, 784)
_, out = jpeg(np.rot90(sheet), 1)
all_of_it = np.sum((x_test - mean) ** 2)
print("error            upright   lying on their side")
for name, upright, turned in [
    ("spies, 16 bytes", error(by_spies(32, 4), x_test), np.sum((by_spies(32, 4, lying) - lying) ** 2)),
    ("PCA, 32 bytes", error(by_pca(64, 4), x_test), np.sum((by_pca(64, 4, lying) - lying) ** 2)),
    ("JPEG, 29 bytes", sheets[0, 1], np.sum((out - np.rot90(sheet) / 255) ** 2)),
]:
    print(f"{name:16}  ≈ {upright:.0f} %   ≈ {100 * turned / all_of_it:.0f} %")

# %% [markdown]
# Learnt compression is a bet that what comes will look like what was there before. Where the bet is good such nets do
# beat JPEG, on photographs too (Ballé et al. 2017).
#
# ## 6. Dirty pictures
#
# The bottleneck has another use. Let the spy see a *dirty* picture, and charge the pair for what they lose of the
# *clean* one. Then the note should say what is worth keeping, and dirt is not. That is a **denoising autoencoder**
# (Vincent et al. 2008). In `train` it is one argument, `dirt`. Two kinds: *salt and pepper* makes a share of the
# pixels white or black; *grain* adds a normal number to each.
#
# The rival is the **median filter**, which learns nothing: each pixel becomes the middle one of itself and its eight
# neighbours.

# %%
from numpy.lib.stride_tricks import sliding_window_view


def median(images):
    framed = np.pad(images.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)), mode="edge")
    nine = sliding_window_view(framed, (3, 3), axis=(1, 2)).reshape(-1, 784, 9)
    return np.partition(nine, 4, axis=2)[:, :, 4]


def salt_and_pepper(images, share, rng):
    u = rng.random(images.shape, dtype=np.float32)
    return np.where(u < share, np.float32(u < share / 2), images)


def grain(images, sigma, rng):
    return images + np.float32(sigma) * rng.standard_normal(images.shape, dtype=np.float32)


# %% [markdown]
# So that the pair is ready for anything, each picture it practises on gets an amount of its own, from none to `most`.

# %%
KINDS = {"salt and pepper": (salt_and_pepper, 0.5), "grain": (grain, 0.8)}


def practise(make, most):
    def dirt(images, rng):
        return make(images, rng.uniform(0, most, size=(len(images), 1)), rng)

    pair = Spies(32, np.random.default_rng(0))
    train(pair, np.random.default_rng(1), dirt=dirt)
    return pair


def compared(kind, images, amount, rng):
    dirty = KINDS[kind][0](images, amount, rng)
    return [dirty, median(dirty)] + [pair.pictures(pair.notes(dirty)) for pair in (pairs[32], cleaners[kind])]


cleaners = {kind: practise(make, most) for kind, (make, most) in KINDS.items()}
print("error in %                  dirty    median    plain spies   denoising spies")
for kind, amount in [("salt and pepper", 0.3), ("salt and pepper", 0.1), ("grain", 0.5), ("grain", 0.1)]:
    lost = [error(cleaned, x_test) for cleaned in compared(kind, x_test, amount, np.random.default_rng(3))]
    print(f"{kind:15} {amount}", *(about(e, width) for e, width in zip(lost, (13, 9, 14, 17), strict=True)))

# %%
quiz("02/where-the-median-wins")

# %%
fig, axes = plot.figure(7.4, 2.2, columns=2)
for ax, (kind, amount) in zip(axes, [("salt and pepper", 0.3), ("grain", 0.5)], strict=True):
    rows = np.concatenate(compared(kind, x_test[:8], amount, np.random.default_rng(3)))
    plot.show(ax, rows.clip(0, 1), 8, f"{kind}, {amount}")
for k, name in enumerate(["dirty", "median", "plain", "denoising"]):
    axes[0].text(-4, 14 + 30 * k, name, ha="right", va="center")

# %%
NAMES = {"dirty": (0.15, 100), "median": (0.42, 66), "plain": (0.17, 64), "denoising": (0.35, 20)}
LOOKS = [(plot.GREY, ":"), (plot.BLUE, "-"), (plot.GREEN, "-."), (plot.ORANGE, "--")]
fig, axes = plot.figure(7.4, 2.7, columns=2)
axes[0].set(xlabel="share of the pixels", ylabel="error in %")
axes[1].set(xlabel="standard deviation")
for ax, (kind, (_, most)) in zip(axes, KINDS.items(), strict=True):
    amounts = [most * k / 5 for k in range(6)]
    rows = [compared(kind, x_test[:500], amount, np.random.default_rng(4)) for amount in amounts]
    lost = [[error(cleaned, x_test[:500]) for cleaned in row] for row in rows]
    for curve, (colour, line) in zip(np.transpose(lost), LOOKS, strict=True):
        ax.plot(amounts, curve, color=colour, ls=line)
    ax.set(ylim=(0, 110), title=kind)
for (name, place), (colour, _) in zip(NAMES.items(), LOOKS, strict=True):
    axes[0].text(*place, name, color=colour, weight="bold")

# %% [markdown]
# With heavy dirt the denoising pair wins, 32 % to 43 and 30 to 90: where the plain pair draws a blot, it draws a
# digit. Not always the right one: on the left the last picture is a 9, and a clean 3 comes out. In heavy grain even
# the plain pair beats the median, though nobody taught it to clean: its note has no room for grain.
#
# With little dirt the *median wins*, and it has learnt nothing. With grain of 0.1 the dirty picture itself is better
# than what the pair makes of it. To clean is to change some pixels, and the pair changes all of them.
#
# ## 7. Break it
#
# A colleague wants to be quite sure that pixels lie between 0 and 1. The new pair trains without a complaint. Its
# error is another matter.


# %%
class Patient(Spies):
    def decode(self, z):
        pixels = super().decode(z)
        return sigmoid(pixels)


patient = Patient(32, np.random.default_rng(0))
sick = train(patient, np.random.default_rng(1), epochs=4)
for name, errors in [("yours", histories[32]), ("the colleague's", sick)]:
    print(f"{name:16} error after each epoch:", "   ".join(f"≈ {e:.0f} %" for e in errors[:4]))
print(f"no note at all {error(mean, x_test):.0f} %; a sheet of one grey, 0.5: ≈ {error(0.5, x_test):.0f} %")

# %% [markdown]
# Worse than no note, and it does not move. Too large a step? Dead units? Too short a note? Before you try all that,
# question the patient. Turn the last dials by hand: give every pixel the same bias `b`, from very low to very high,
# and look what is drawn.

# %%
print("          b   " + "".join(f"{b:7}" for b in (-100, -3, 0, 3, 100)))
for name, spies in [("yours", pairs[32]), ("the colleague's", patient)]:
    last = spies.unfold[1]
    W, b = last.W.data, last.b.data
    last.W.data, drawn = 0 * W, []
    for bias in (-100, -3, 0, 3, 100):
        last.b.data = np.full_like(b, bias)
        drawn.append(spies.pictures(spies.notes(x_test[:1]))[0, 0])
    last.W.data, last.b.data = W, b
    print(f"{name:16}", "".join(f"{pixel:7.2f}" for pixel in drawn))
low, high = drawn[0], drawn[-1]
print(f"the best that anyone can do with pixels from {low:.2f} to {high:.2f}:", end=" ")
print(f"error ≈ {error(x_test.clip(low, high), x_test):.0f} %")

# %%
quiz("02/the-patient")

# %% [markdown]
# ## 8. Quiz

# %%
quiz("02/what-is-shared")

# %%
quiz("02/bytes-for-a-picture")

# %%
quiz("02/levels")

# %%
quiz("02/what-weighs")

# %%
quiz("02/the-wrong-note")

# %% [markdown]
# ## In one breath
#
# 1. An encoder folds a picture into a few numbers, a decoder unfolds them, and both learn from what was lost.
# 2. Without bends the pair finds the plane of PCA and no more; with bends, short notes carry far more.
# 3. Numbers are not bytes: a few bits for each do, and more numbers of fewer bits are better.
# 4. Counted with its decoder a learnt code pays only if it is used often, and only on what it was taught.
# 5. Charged for the clean picture when it sees a dirty one, the pair learns to clean; with little dirt a median does
# better.
#
# **Read on:** Hinton & Salakhutdinov, *Reducing the Dimensionality of Data with Neural Networks* (2006), four pages;
# Baldi & Hornik, *Neural Networks and Principal Component Analysis: Learning from Examples Without Local Minima*
# (1989); Bourlard & Kamp, *Auto-association by multilayer perceptrons and singular value decomposition* (1988);
# Vincent et al., *Extracting and Composing Robust Features with Denoising Autoencoders* (2008); Ballé, Laparra &
# Simoncelli, *End-to-end Optimized Image Compression* (2017). Next, lesson 03: all notes so far were written by the
# spy. What does the partner draw from a note that nobody wrote?
