# %% [markdown]
# # 03 · Garbage from random codes
#
# *How bad is a bad picture? And how would you know, if you were not allowed to look?*
#
# In lesson 02 a spy squeezed each picture into a note of a few numbers, and a partner unfolded it again. Now the spy
# is on holiday. Somebody else slips the partner a note with six numbers made up on the spot. The partner does what
# partners do and draws *something*. Is it any good?
#
# Everyone who has tried this says "garbage" and shows a picture of it. This lesson wants a number. A number needs an
# instrument, and an instrument can be wrong in its own ways: a thermometer is believed only after it has been in ice
# and in steam. So we build two instruments, hold them into things that we know, see both of them fooled, and only
# then read off how bad random codes are, and why.
#
# What you learn here outlives the autoencoder. Every claim that one generator is better than another stands on some
# instrument like these.
#
# ## Predict first

# %%
from minivae.learn import LatentMap, check, hint, quiz, solution

quiz("03/predict-readable")

# %% [markdown]
# ## 1. A note made up on the spot
#
# The autoencoder is the library's, with `LATENT = 6` numbers in the code, trained on 10,000 digits. As in lesson 02,
# its relus get their corners rounded off, so that your processor and mine draw the same pictures. Only a little:
# $\log(1 + e^{4a}) / 4$ is farthest from relu at 0, by $\log(2) / 4 = 0.17$.

# %%
import numpy as np

from minivae import Tensor, no_grad, plot
from minivae.data import load
from minivae.models import Autoencoder
from minivae.ops import softplus
from minivae.progress import Lines
from minivae.train import fit


def rounded(model):
    model.encoder.layers[1] = model.decoder.layers[1] = lambda a: softplus(4 * a) / 4  # where relu stood
    return model


LATENT, EPOCHS = 6, 12
x, y = load("mnist-small", "train")
x_test, y_test = load("mnist-small", "test")
ae = rounded(Autoencoder(latent=LATENT, rng=np.random.default_rng(0)))
run = fit(ae, x, x_test, epochs=EPOCHS, rng=np.random.default_rng(1), report=Lines(every=EPOCHS, decimals=0))

# %% [markdown]
# All we need of it is the partner, the **decoder**: two matrix products with that bend between them, and a sigmoid
# that turns 784 logits into ink. Here it is by hand, beside the library's.

# %%
import inspect

W1, b1, W2, b2 = (p.data for p in ae.decoder.parameters())


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))  # tanh form: exp(-a) overflows for a < -88 in float32


def logits_of(z):
    return np.logaddexp(0, 4 * (z @ W1 + b1)) / 4 @ W2 + b2  # (B, 784)


def decode(z):
    return sigmoid(logits_of(z))


random_codes = np.random.default_rng(3).standard_normal((1000, LATENT), dtype=np.float32)
print("by hand and by library agree:", np.allclose(decode(random_codes), ae.generate(random_codes), atol=1e-5), "\n")
print(inspect.getsource(Autoencoder.generate))

# %% [markdown]
# What does one draw, if nothing is known? Six independent numbers from the standard normal, $z \sim \mathcal{N}(0,
# I)$. In the upper row, for comparison, what the partner makes of true notes.

# %%
with no_grad():
    codes, own_codes = (ae.encode(Tensor(images)).data for images in (x, x_test[:1000]))
garbage = decode(random_codes)
fig, axes = plot.figure(7.4, 1.7, rows=2)
plot.show(axes[0], decode(own_codes)[27:45], 18, "the codes of 18 test digits, decoded")
plot.show(axes[1], garbage[27:45], 18, "18 random codes, decoded")

# %% [markdown]
# Smudges. You see it at once, and that is the trouble: you see it, and it is no number. Nobody can look at a million
# pictures, or be trusted to look with the same eyes at their own model and at a rival's.
#
# ## 2. First instrument: a reader
#
# Train a network to read digits and ask how sure it is. The usual reader gives ten probabilities that add up to 1 (a
# *softmax*, lesson 01). Call it **sure** if the largest is above 0.9. We train it beside a second reader, which comes
# in a moment: same layers, same weights at the start, another loss.

# %%
from minivae.nn import Linear, Sequential
from minivae.ops import bernoulli_nll, logsumexp, relu
from minivae.optim import Adam

answers = np.eye(10, dtype=np.float32)[y]


def train_reader(loss):
    rng = np.random.default_rng(2)
    net = Sequential(Linear(784, 200, rng=rng), relu, Linear(200, 10, rng=rng))
    adam = Adam(net.parameters())
    for _ in range(12):
        for batch in np.array_split(rng.permutation(len(x)), 80):
            adam.zero_grad()
            loss(net(Tensor(x[batch])), answers[batch]).mean().backward()
            adam.step()
    return no_grad()(lambda images: net(Tensor(images.astype(np.float32))).data)  # (B, 784) -> logits (B, 10)


one_of_ten = train_reader(lambda logits, answer: logsumexp(logits, axis=1) - (logits * answer).sum(axis=1))
ten_questions = train_reader(bernoulli_nll)
for name, reader in [("one of ten", one_of_ten), ("ten questions", ten_questions)]:
    print(f"{name:13} right about ≈ {100 * np.mean(reader(x_test).argmax(axis=1) == y_test):.0f} % of the test digits")

# %% [markdown]
# Now ice and steam: things of which we *know* how much of a digit they are. Before you read on, guess the line for
# noise.

# %%
test, rng = x_test[:1000], np.random.default_rng(5)
controls = {
    "test digits": test,
    "their reconstructions": ae.reconstruct(test),
    "two digits laid over each other": (test + x_test[1000:]) / 2,
    "one digit, a thousand times": np.repeat(test[:1], 1000, axis=0),
    "pixels shuffled": rng.permuted(test, axis=1),
    "noise": rng.random((1000, 784), dtype=np.float32),
    "a page full of ink": np.ones((1, 784), np.float32),
    "an empty page": np.zeros((1, 784), np.float32),
    "the mean of all digits": x.mean(axis=0, keepdims=True),
}


# %%
def about(share):
    return f"≈ {share:.0f} %".rjust(7)


def sure(images):
    logits = one_of_ten(images)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return 100 * np.mean(p.max(axis=1) / p.sum(axis=1) > 0.9)  # per cent


for name, images in controls.items():
    print(f"{name:32} sure of {about(sure(images))}")

# %% [markdown]
# It is more sure of noise than of real digits. A reader that *must* say one of ten answers "which digit is this
# most like?", never "is this a digit?". Add the same number to all ten logits, and the softmax does not change: it
# sees only how they differ, and "none of these" is no difference. Nguyen et al. (2015) bred pictures of nothing that
# such networks named with 99.99 % confidence.
#
# So the second reader was trained on **ten yes-or-no questions**: *is this a 0? … is this a 9?* Each has a sigmoid of
# its own, and to noise it may say no ten times. An image is **readable** if the reader says yes to exactly one digit,
# and is more than 90 % sure of that yes.
#
# ### Exercise 1
#
# From the logits of the ten questions, say of each image whether it is readable.


# %%
def is_readable(logits):
    # logits is (B, 10); return True or False for each image, of shape (B,)
    ...


check("03/is-readable", is_readable)

# %% [markdown]
# Stuck? `hint("03/is-readable")` gives one hint after the other; `solution("03/is-readable")` comes after a try. (Do
# the exercise first: what follows gives it away.)


# %%
def is_readable(logits):
    return (sigmoid(logits) > 0.9).sum(axis=1) == 1


def readable(images):
    return 100 * np.mean(is_readable(ten_questions(images)))  # per cent


for name, images in controls.items():
    print(f"{name:32} readable: {about(readable(images))}   (sure: {about(sure(images))})")

# %% [markdown]
# Noise, ink and emptiness are out. Real digits reach 74 %, not 100: the reader is strict and reads only what it is
# sure of, so 74 is the mark to compare with. And a fifth of the double exposures are readable. Mind the line with one
# digit a thousand times: perfect, for an instrument that looks at one picture at a time.
#
# ## 3. Second instrument: the nearest digit
#
# Another idea needs no training: how far is a picture from the most similar of the 10,000 training digits? Distance
# is Euclidean, over 784 pixels. Predict which is nearest, on average.

# %%
quiz("03/predict-the-nearest")

# %% [markdown]
# For 1,000 pictures that is ten million pairs. As an array of differences, (1000, 10,000, 784), it would fill 31 GB.
# Multiply out instead:
#
# $$\|a - b\|^2 = \|a\|^2 + \|b\|^2 - 2\, a \cdot b,$$
#
# and all the products $a \cdot b$ together are *one* matrix product.
#
# ### Exercise 2
#
# All distances between the rows of `a` and the rows of `b`. One trap: for two equal rows rounding may leave a tiny
# *negative* number under the root.


# %%
def distances(a, b):
    # a is (B, D), b is (N, D); return the distances, of shape (B, N), without a loop
    ...


check("03/distances", distances)

# %% [markdown]
# (The exercise first, then this.) As a check, each pair by itself:


# %%
def distances(a, b):
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squares, 0))


one_by_one = np.array([[np.linalg.norm(a - b) for b in x[:60]] for a in test[:40]])
print("agrees with a loop over pairs:", np.allclose(distances(test[:40], x[:60]), one_by_one, atol=1e-3))
print(f"an array of all differences: {1000 * 10_000 * 784 * 4 / 1e9:.0f} GB\n")
for name, images in (controls | {"random codes, decoded": garbage}).items():
    print(f"{name:32} distance to the nearest {distances(images, x).min(axis=1).mean():4.1f}")

# %%
quiz("03/predict-the-nearest")

# %% [markdown]
# An *empty page* is nearer to the data than real digits are, and so, by a hair, is our garbage. Why? Two real digits,
# both bold, disagree in many pixels and pay for each stroke twice: where one has ink and where the other has. Who
# draws nothing pays once. Euclidean distance rewards pale and blurred pictures; Theis et al. (2016) warn of it.
#
# The paleness can be divided out: take the **closeness**, the cosine of the two pictures, $a \cdot b / (\|a\|
# \|b\|)$. It is 1 for a copy however pale, and 0 where no ink is shared.


# %%
def unit(images):
    return images / np.maximum(np.linalg.norm(images, axis=1, keepdims=True), 1e-9)


units = unit(x)


def nearest(images):
    """Closeness to the most similar training digit, and which one that is: (B, 784) -> (B,), (B,)."""
    cosines = unit(images) @ units.T
    return cosines.max(axis=1), cosines.argmax(axis=1)


for name in ("test digits", "noise", "a page full of ink", "an empty page", "the mean of all digits"):
    print(f"{name:32} closeness {nearest(controls[name])[0].mean():.2f}")

# %% [markdown]
# Better: noise, ink and the empty page fall off. Blur is still flattered. The *mean of all digits* comes closer than
# a real digit does, as it shares a little ink with everybody.
#
# ## 4. Two instruments, two blind spots
#
# No column was right about every control. But they are wrong about *different* ones: the mean has closeness 0.92,
# and the reader cannot read it. So ask for both. A picture **passes** if it is readable *and* at least as close as
# all but the 5 % strangest of real digits.
#
# Neither sees a thousand copies of one digit. For that, count how many *different* training digits are the nearest of
# somebody: the **variety**, in per cent of the pictures.

# %%
bar = np.quantile(nearest(test)[0], 0.05)


def measure(name, images):
    close, who = nearest(images)
    reads = is_readable(ten_questions(images))
    passes, variety = 100 * np.mean(reads & (close >= bar)), 100 * len(set(who)) / len(who)
    print(f"{name:32} {about(100 * np.mean(reads))} readable   closeness {close.mean():.2f}", end="")
    print(f"   passes {about(passes)}   variety {about(variety)}")


for name in list(controls)[:6]:
    measure(name, controls[name])

# %% [markdown]
# Now the thermometer has been in ice and in steam. Hold it into the unknown.
#
# ## 5. Four ways to make up a note
#
# $\mathcal{N}(0, I)$ asks nothing of the autoencoder. One can ask a little more:
#
# - **box**: for each of the six numbers take its smallest and largest value in training, and draw anywhere between;
# - **shuffled**: take each of the six numbers from another training image. Each alone is a true value; that they
#   belong together is lost;
# - **fitted**: a Gaussian with the mean and the covariance $C$ of the codes.
#
# For the last one draw $\epsilon \sim \mathcal{N}(0, I)$ and find a matrix with $A A^\top = C$; then $m + A \epsilon$
# has the covariance $A\, I A^\top = C$. `np.linalg.cholesky` finds one.
#
# ### Exercise 3
#
# Draw `n` codes from a Gaussian fitted to `codes`. `check` looks at 10,000 of your draws.


# %%
def fitted_codes(codes, n, rng):
    # codes is (N, L); return n new codes, of shape (n, L), drawn with rng.standard_normal(...)
    ...


check("03/fitted-codes", fitted_codes)

# %%
low, high = codes.min(axis=0), codes.max(axis=0)
A = np.linalg.cholesky(np.cov(codes.T))  # A @ A.T is the covariance
made_up = {
    "random, N(0, I)": random_codes,
    "box": low + (high - low) * np.random.default_rng(4).random((1000, LATENT)),
    "shuffled": np.random.default_rng(5).permuted(codes, axis=0)[:1000],
    "fitted": codes.mean(axis=0) + random_codes @ A.T,  # a code is a row here, so A comes transposed
}
made_up = {name: z.astype(np.float32) for name, z in made_up.items()}

fig, axes = plot.figure(5.2, 2.5, rows=4)
for ax, (name, z) in zip(axes, made_up.items(), strict=True):
    plot.show(ax, decode(z)[168:186], 18, name)
measure("their own codes, decoded", decode(own_codes))
for name, z in made_up.items():
    measure(name, decode(z))

# %%
quiz("03/predict-readable", ran=readable(garbage))

# %% [markdown]
# So that is what "garbage" means: of 100 random codes some 6 pass, where the partner reaches 62 with true notes. And
# the smudges are much alike: a variety of 25, where real digits had 90.
#
# But look at the other lines. With the *same partner*, not retrained, fitted codes pass six times as often. The
# decoder alone was never the culprit: we had asked it at the wrong place. And who is best? By the reader the box; by
# closeness the fitted codes; in variety these three are level. Whoever shows you one number has chosen the winner.
#
# ## 6. Why garbage?
#
# The usual story: the codes are addresses, most plots are empty, and random notes point at empty plots. Test it. Cut
# each axis of the box into ten. How many of the plots have a house, that is, a training code? And how many of the
# 10,000 codes live in the *middle*, the ball around 0 that holds 95 % of random codes? Once for the first number of
# the code alone, then for the first two, up to all six.

# %%
plots = np.minimum((codes - low) / (high - low) * 10, 9).astype(int)
print("numbers       plots   with a house   radius of the middle   codes there")
for d in range(1, LATENT + 1):
    built = 100 * len(np.unique(plots[:, :d], axis=0)) / 10**d
    radius = np.quantile(np.linalg.norm(random_codes[:, :d], axis=1), 0.95)
    middle = 100 * np.mean(np.linalg.norm(codes[:, :d], axis=1) < radius)
    shares = [about(share) if share > 10 else f"{share:.1f} %" for share in (built, middle)]
    print(f"{d:7} {10**d:11,} {shares[0]:>14} {radius:22.1f} {shares[1]:>13}")

# %% [markdown]
# In six dimensions 10,000 houses are lost among a million plots. But *everybody* lands on empty plots there, the
# fitted codes as well. How far is it to the nearest house?

# %%
for name, z in made_up.items():
    gap, length = distances(z, codes).min(axis=1).mean(), np.linalg.norm(z, axis=1).mean()
    print(f"{name:16} nearest training code {gap:.1f} away   length of the code {length:4.1f}")

fig, ax = plot.figure(5.6, 2.3)
ax.set_title("random codes crowd where hardly any true code lives")
ax.set(xlabel="length of the code", ylabel="% of the codes")
for name, z, colour, place in [
    ("random codes", random_codes, plot.ORANGE, 4.4),
    ("true codes", codes, plot.BLUE, 14.3),
]:
    share, edges = np.histogram(np.linalg.norm(z, axis=1), bins=np.arange(0, 23, 2))
    ax.stairs(100 * share / len(z), edges, color=colour, fill=True, alpha=0.5)
    ax.text(place, 24, name, color=colour, weight="bold")

# %% [markdown]
# The random codes are the *nearest* to a house, and box codes three times as far from one; yet the box passes most
# often, and random codes hardly ever. So emptiness as such is not the reason: a decoder fills in between the houses
# that it knows. What sets the random codes apart is the last column. They crowd around 0, and the true codes lie
# *around* that place. Of a cloud of radius $R$, a ball of radius $r$ in its middle holds a share of about $(r/R)^L$.
# In one dimension the middle is busy; in six, with $r = 3.5$ and $R = 11.6$, it is about one code in a thousand, as
# counted. Nothing ever asked the partner to draw well in the middle.
#
# And what stands in the middle of a net without instructions? At $z = 0$ only the biases are left, a mixture of
# everything. Farther out the bends have settled, on or off, and a net of settled bends is a straight line: twice as
# far, twice the logits. So grey turns into black and white. Turn that dial:

# %%
for scale in (1, 4, 16):
    once, twice = (np.abs(logits_of(s * random_codes)).mean() for s in (scale, 2 * scale))
    print(f"from {scale:2} to {2 * scale:2} times as far: the logits get {twice / once:.1f} times as large")
for scale in (2, 4, 8, 16):
    measure(f"random codes times {scale}", decode(scale * random_codes))
fig, ax = plot.figure(5.6, 2.2)
chosen = [19, 29, 46, 51, 73, 81, 106, 129, 150, 159, 174, 194]
bolder = np.concatenate([decode(scale * random_codes[chosen]) for scale in (1, 2, 4, 8, 16)])
plot.show(ax, bolder, 12, "12 of the random codes, times 1, 2, 4, 8 and 16")

# %% [markdown]
# The closeness stands still at about 0.77: the *shapes* get no better. The reader goes from 8 % to more than 50, for
# bold blots look sure to it. It is a net of relus, and far out those are sure of almost everything (Hein et al. 2019).
# Noise is far out, too. And part of the box's lead is bought with this dial.
#
# ### A map
#
# All possible codes together are called the **latent space**; with two numbers in the code it is a plane, and the whole
# town fits on a page. (Three epochs are enough for a map.) On the left, each blot reaches one standard deviation
# around the mean code of a digit. The circle holds 95 % of random codes.

# %%
ae2 = rounded(Autoencoder(latent=2, rng=np.random.default_rng(0)))
run2 = fit(ae2, x, x_test, epochs=3, rng=np.random.default_rng(1), report=Lines(every=3, decimals=0))
with no_grad():
    codes2 = ae2.encode(Tensor(x_test)).data

# %%
from matplotlib.patches import Circle, Ellipse

fig, (left, right) = plot.figure(7.4, 3.9, columns=2)
for digit in range(10):
    own = codes2[y_test == digit]
    variances, directions = np.linalg.eigh(np.cov(own.T))
    lean = np.degrees(np.arctan2(directions[1, 0], directions[0, 0]))
    left.add_patch(Ellipse(own.mean(axis=0), *(2 * np.sqrt(variances)), angle=lean, fc=f"C{digit}", alpha=0.25))
    left.text(*np.round(4 * own.mean(axis=0)) / 4, digit, weight="bold", size=12, ha="center", va="center")
z0, z1 = np.meshgrid(np.linspace(-3, 9, 15), np.linspace(3, -9, 15))
drawn = ae2.generate(np.stack([z0.ravel(), z1.ravel()], axis=1).astype(np.float32))
right.imshow(plot.tile(drawn, 15, gap=0), cmap="gray", vmin=0, vmax=1, extent=(-3.4, 9.4, -9.4, 3.4))
right.grid(False)
for ax, title, colour in [(left, "where the digits live", "black"), (right, "what decodes there", plot.ORANGE)]:
    ax.add_patch(Circle((0, 0), 2.45, fill=False, ec=colour, lw=1.8))
    ax.set(xlim=(-3.4, 9.4), ylim=(-9.4, 3.4), aspect="equal", title=title, xlabel="z[0]", ylabel="z[1]")

# %% [markdown]
# The circle hangs at the edge of the town, and in it and beside it the drawings are at their faintest. Outwards, even
# where nobody lives, there are bold 0s, 1s and 9s. Walk through it:

# %%
LatentMap(lambda z: ae2.generate(z[None])[0].reshape(28, 28), [(-3, 9), (-9, 3)])

# %% [markdown]
# ## 7. Between two codes
#
# There is one more kind of unknown place: on the way from one true code to another. Walk there in a straight line,
# $(1 - t)\, z_a + t\, z_b$, once between two different digits, and once between two pictures of the same digit.

# %%
with no_grad():
    z_test = ae.encode(Tensor(x_test)).data
a, b = np.random.default_rng(6).permutation(2000).reshape(2, 1000)
other, by_digit = y_test[a] != y_test[b], np.argsort(y_test, kind="stable").reshape(-1, 2).T
walks = {"two different digits": (26, z_test[a[other]], z_test[b[other]]), "the same digit": (250, *z_test[by_digit])}
fig, axes = plot.figure(7.4, 1.9, rows=2)
for ax, (name, (k, start, end)) in zip(axes, walks.items(), strict=True):
    t = np.linspace(0, 1, 13, dtype=np.float32)[:, None]
    plot.show(ax, decode((1 - t) * start[k] + t * end[k]), 13, f"from one code to another: {name}")
    shares = [about(readable(decode((1 - part) * start + part * end))) for part in (0, 0.25, 0.5, 0.75, 1)]
    gaps = [distances(z, codes).min(axis=1).mean() for z in (start, (start + end) / 2)]
    print(f"{name:20} readable on the way: {' '.join(shares)}")
    print(f"{'':20} nearest training code: {gaps[0]:.1f} away at the start, {gaps[1]:.1f} halfway")

# %% [markdown]
# Halfway between two *different* digits two thirds of the readable pictures are gone, though a house is nearly as
# near as before. Between two of the same digit nothing is lost. So it is no empty plot that you cross there, it is a
# border, and on a border stands half a 3 and half a 4.
#
# ## 8. Break it
#
# A colleague uses your reader, weights and all, and reports that the *same* autoencoder is far better than you say.
# The only difference: the pictures are first stored in files, and read from there.


# %%
def stored(images):
    return np.round(255 * images).astype(np.uint8)  # as picture files keep them


right = np.mean(ten_questions(stored(x_test)).argmax(axis=1) == y_test)
print(f"the colleague's reader is right about ≈ {100 * right:.0f} % of the test digits")
for name, images in [("test digits", test), ("random codes, decoded", garbage)]:
    mine, theirs = readable(images), readable(stored(images))
    print(f"{name:32} readable: {about(mine)} by you, {about(theirs)} by the colleague")


# %% [markdown]
# The reader is as right as ever; that test is passed. So do with the colleague's instrument what you did with yours:
# hold it into what you know. And look at its answers themselves. How many are hedged, neither a clear yes nor a clear
# no?

# %%
for name in ("pixels shuffled", "two digits laid over each other", "the mean of all digits"):
    mine, theirs = readable(controls[name]), readable(stored(controls[name]))
    print(f"{name:32} readable: {about(mine)} by you, {about(theirs)} by the colleague")
for who, images in [("you", garbage), ("the colleague", stored(garbage))]:
    p = sigmoid(ten_questions(images))
    print(f"{who:13} answers between 10 % and 90 %: {about(100 * np.mean((p > 0.1) & (p < 0.9)))}")

# %%
quiz("03/the-report")

# %% [markdown]
# ## 9. Quiz

# %%
quiz("03/sure-of-noise")

# %%
quiz("03/by-the-ruler")

# %%
quiz("03/what-it-misses")

# %%
quiz("03/among-themselves")

# %%
quiz("03/the-middle")

# %%
quiz("03/halfway")

# %% [markdown]
# ## In one breath
#
# 1. "It looks bad" is no measurement; an instrument is trusted only after it has met things that we know.
# 2. A softmax is sure of noise, since it has to name a digit; ten yes-or-no questions may be answered no ten times.
# 3. An empty page is nearer to the data than real digits are; the cosine cures that and still flatters blur.
# 4. Of 1,000 codes from $\mathcal{N}(0, I)$ about 6 % pass both tests, and of codes fitted to the true ones about
#    36 %.
# 5. The garbage comes from asking in the middle, where in six dimensions hardly any code lives.
#
# **What is next.** Lesson 04 hands these same 1,000 random codes, drawn with the same seed, to a decoder that was
# trained to expect them. By this very reader 25 % are readable in place of 8, with closeness 0.88 in place of 0.77.
# Fitted codes stay the fair rival: they come back there.
#
# **Read on:** Theis, van den Oord & Bethge, *A note on the evaluation of generative models* (2016); Nguyen, Yosinski
# & Clune, *Deep Neural Networks are Easily Fooled* (2015); Hendrycks & Gimpel, *A Baseline for Detecting Misclassified
# and Out-of-Distribution Examples* (2017), for what a softmax is still good for; Hein, Andriushchenko & Bitterwolf,
# *Why ReLU Networks Yield High-Confidence Predictions Far Away from the Training Data* (2019); Kynkäänniemi et al.,
# *Improved Precision and Recall Metric for Assessing Generative Models* (2019), where "passes" and "variety" grow up.
