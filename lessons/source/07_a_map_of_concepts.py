# %% [markdown]
# # 07 · A map of concepts
#
# *What lies halfway between a smiling face with a beard and a frowning one with long hair?*
#
# Lesson 04 gave every picture an address, and a decoder that answers at every door. So the latent space is a map, and
# a good map allows three things. You may walk in a straight line from one place to another, and all the way there is
# land. You may give directions, "two miles north", that hold wherever you start. And you may read off a place what it
# is like there.
#
# Here the places are faces. Is there, halfway between two of them, a neutral face, or two faces laid over each other?
# Is there a direction called *smile*, the same for everybody? Such claims are mostly shown in pictures, and a picture
# can be chosen. This lesson measures them.
#
# ## Predict first

# %%
from minivae.learn import check, hint, quiz, solution

quiz("07/predict-halfway")

# %% [markdown]
# ## 1. Faces with a truth
#
# The faces of this lesson are **synthetic**: nobody looks like that. A small program draws them from eleven numbers,
# the *factors*: how much the mouth smiles, how long the hair is, where the head turns. So there is a truth to compare
# with. The face halfway between two others can simply be drawn.
#
# We train a VAE and, for comparison, a plain autoencoder, both with 20 numbers in the code. Neither is told of any
# factor; they see 5,000 pictures. A pixel here is a shade of grey, so the likelihood is Gaussian (lesson 06).

# %%
import numpy as np

from minivae import Tensor, no_grad, plot
from minivae.data.faces import FACTORS, NAMES, PEOPLE, draw, face, faces
from minivae.models import VAE, Autoencoder
from minivae.progress import Lines
from minivae.train import fit


def flat(images):
    return images.reshape(len(images), -1)


(x, factors), (x_test, f_test) = (faces(n, 28, rng=np.random.default_rng(n)) for n in (5000, 1000))
x, x_test = flat(x), flat(x_test)


def trained(model):
    rng, settings = np.random.default_rng(1), dict(batch=64, binarization="none", report=Lines(every=20, decimals=0))
    for epochs, lr in [(15, 2e-3), (5, 3e-4)]:  # short steps at the end, so that the figures settle
        fit(model, x, epochs=epochs, lr=lr, rng=rng, **settings)
    return model


vae = trained(VAE(latent=20, likelihood="gaussian", rng=np.random.default_rng(0)))

# %%
ae = trained(Autoencoder(latent=20, likelihood="gaussian", rng=np.random.default_rng(0)))


# %% [markdown]
# Distances between pictures are given in **grey levels**, of 255 from black to white: the root mean square difference
# of two pictures, averaged over many pairs.


# %%
@no_grad()
def code_of(model, images):
    code = model.encode(Tensor(images))
    return (code[0] if isinstance(code, tuple) else code).data  # a VAE's code is mu, the middle of its range


def off(a, b):
    return 255 * np.sqrt(((a - b) ** 2).mean(axis=1)).mean()


def about(figure, width=0):
    return f"≈ {figure:.0f}".rjust(width)


rebuilt = vae.reconstruct(x_test)
fig, ax = plot.figure(6.6, 1.4)
plot.show(ax, np.concatenate([x_test[:12], rebuilt[:12]]), 12, "synthetic faces, and what the VAE rebuilds")
print("new faces, rebuilt by the VAE:        ", about(off(x_test, rebuilt)), "grey levels off")
print("new faces, rebuilt by the autoencoder:", about(off(x_test, ae.reconstruct(x_test))), "grey levels off")

# %% [markdown]
# ## 2. Halfway
#
# A straight walk from code $a$ to code $b$ is a *linear interpolation*: at time $t$ you stand at $(1 - t)\,a + t\,b$.
# The baseline does the same with the pixels, with no model at all.


# %%
def lerp(a, b, t):
    return (1 - t) * a + t * b


ends = np.stack([face(**PEOPLE[name]) for name in ("smiling bearded", "frowning long-haired")])
t = np.linspace(0, 1, 11, dtype=np.float32)[:, None]
pixels = flat(draw(ends, 28))
fig, axes = plot.figure(6.6, 3.7, rows=4)
for ax, model, name in [(axes[0], vae, "VAE"), (axes[1], ae, "autoencoder")]:
    plot.show(ax, model.generate(lerp(*code_of(model, pixels), t)), 11, f"through the code, {name}")
plot.show(axes[2], lerp(*pixels, t), 11, "through the pixels")
plot.show(axes[3], draw(lerp(*ends, t), 28), 11, "the truth: factors in between, drawn")

# %% [markdown]
# In the third row the middle face has two mouths, a smile and a frown. You see that at once. Can a *number* see it?
#
# ### A reader
#
# We need an instrument that looks at a picture and says "smile 0.4". The simplest is a linear regression from pixels
# to factors. With pictures as rows of $X$, factors as rows of $F$, both with their means taken out, choose the
# weights $W$ that make
#
# $$\lVert X W - F \rVert^2 + \lambda \lVert W \rVert^2$$
#
# smallest; the second term keeps pixels that say nothing from being used. Set the gradient to zero, $X^\top (X W - F)
# + \lambda W = 0$, and solve for $W$. These are the *normal equations*.


# %%
def weights_of(X, F, ridge=1.0):
    return np.linalg.solve(X.T @ X + ridge * np.eye(X.shape[1]), X.T @ F)


def reader(images, factors):
    centre, middle = images.mean(axis=0, dtype=np.float64), factors.mean(axis=0, dtype=np.float64)
    W = weights_of(images - centre, factors - middle)
    return lambda pictures: (pictures - centre) @ W + middle


rng, h = np.random.default_rng(2), 1e-5
X, F = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
W = weights_of(X, F)
loss = lambda W: ((X @ W - F) ** 2).sum() + (W**2).sum()
nudges = h * np.eye(8).reshape(8, 4, 2)
slopes = [(loss(W + nudge) - loss(W - nudge)) / (2 * h) for nudge in nudges]
print("the slope is 0 in all 8 directions:", np.allclose(slopes, 0, atol=1e-6))

# %% [markdown]
# A linear reader has a blind spot. In the average of two pictures it reads exactly the average of what it reads in
# each, by linearity, *whatever the average looks like*. So we add a second question. Draw the face that the reader
# claims to see, and compare. For a face the two agree; for a ghost they cannot. We call the difference
# **strangeness**.

# %%
low, high = np.array([(factor.low, factor.high) for factor in FACTORS]).T


def strangeness(images, read):
    again = flat(draw(np.clip(read(images), low, high), 28))
    return np.sqrt(((images - again) ** 2).mean(axis=1))  # (N,)


read = reader(x, factors)
smile = NAMES.index("smile")
r = np.corrcoef(read(x_test)[:, smile], f_test[:, smile])[0, 1]
print(f"new faces: smile read and smile drawn correlate with r = {r:.2f}")

# %% [markdown]
# The library has the same two. Same numbers; and its lines:

# %%
import inspect

from minivae.data import faces_measure

theirs = faces_measure.reader(x, factors)
print("readings agree:   ", np.allclose(read(x_test), theirs(x_test)))
s_mine, s_theirs = strangeness(x_test, read), faces_measure.strangeness(x_test, theirs)
print("strangeness agrees:", np.allclose(s_mine, s_theirs, atol=1e-6))
print(inspect.getsource(faces_measure.reader).split('"""')[2])  # without its docstring

# %% [markdown]
# Now 500 pairs of new faces, any with any.

# %%
a, b = slice(0, 500), slice(500, 1000)
half = (f_test[a] + f_test[b]) / 2
truth = flat(draw(half, 28))
mu, z_ae = code_of(vae, x_test), code_of(ae, x_test)
middles = {
    "averaged pixels": (x_test[a] + x_test[b]) / 2,
    "VAE, averaged codes": vae.generate((mu[a] + mu[b]) / 2),
    "autoencoder, averaged codes": ae.generate((z_ae[a] + z_ae[b]) / 2),
    "the face drawn halfway": truth,
    "the VAE's version of that": vae.reconstruct(truth),
}


def strange(images):
    return 255 * strangeness(images, read).mean()


print("                             smile misread by   off the truth   strange")
for name, images in middles.items():
    misread = np.abs(read(images) - half)[:, smile].mean()
    print(f"{name:28} {misread:16.2f} {about(off(images, truth), 15)} {about(strange(images), 9)}")

# %%
quiz("07/predict-halfway")

# %% [markdown]
# The reader is *happier* with the ghosts than with the decoded faces: by its account nothing beats the average of
# the pixels. Both other columns disagree, and they look at the picture. The decoded middle is nearer to the true
# halfway face, and much less of a ghost. About half of what is left the VAE loses on any face (last line).
#
# And the plain autoencoder does as well. As with digits in lesson 04, interpolation is no privilege of the VAE:
# between two of *its own* codes it is on known ground too.
#
# Now the question we set out with, for 200 pairs: a smiling, bearded, short-haired face and a frowning, long-haired
# one, alike in all else. We read smile, beard and hair all along the way.

# %%
story = {"smile": (0.9, -0.9), "beard": (0.9, 0.0), "hair": (0.1, 0.9)}
one, other = f_test[:200].copy(), f_test[:200].copy()
for name, (at_one, at_other) in story.items():
    one[:, NAMES.index(name)], other[:, NAMES.index(name)] = at_one, at_other
x_one, x_other = flat(draw(one, 28)), flat(draw(other, 28))
z_one, z_other = code_of(vae, x_one), code_of(vae, x_other)
columns = [NAMES.index(name) for name in story]
print("         read through the code        strange, through")
print("   t     smile  beard   hair       code   pixels    drawn")
for t in (0, 0.25, 0.5, 0.75, 1):
    decoded = vae.generate(lerp(z_one, z_other, np.float32(t)))
    laid_over, drawn = lerp(x_one, x_other, t), flat(draw(lerp(one, other, t), 28))
    seen = np.round(read(decoded)[:, columns].mean(axis=0), 1) + 0.0
    figures = (about(strange(images), 8) for images in (decoded, laid_over, drawn))
    print(f"{t:6.2f}  {seen[0]:6.1f} {seen[1]:6.1f} {seen[2]:6.1f}   {' '.join(figures)}")

# %% [markdown]
# So the smile and the frown meet in a nearly straight mouth, on *one* face, with a short beard and hair in between:
# a neutral face, more or less. In the pixels both ends stay what they are, and fade. Two reservations. The map's
# scale is not the painter's: hair grows fast at first, and the smile is gone before the middle. And the further apart
# the ends, the stranger the middle. Walk it yourself:

# %%
from minivae.learn import Explore, Interpolation, LatentMap


def picture(z):
    return vae.generate(np.atleast_2d(z).astype(np.float32))[0].reshape(28, 28)


Interpolation(picture, *code_of(vae, pixels), names=("smiling bearded", "frowning long-haired"))

# %% [markdown]
# ## 3. Straight, or along the sphere?
#
# In 20 dimensions a draw from $\mathcal{N}(0, I)$ has length $\sqrt{20} \approx 4.5$, give or take a little: the
# squares of 20 numbers are added, and chance averages out. The midpoint of two draws has half the variance in each
# number, so its length is about $\sqrt{10}$. Straight lines cut through the inside of the ball, where hardly any draw
# falls. White (2016) therefore walks along the sphere. With $\omega$ the angle between $a$ and $b$,
#
# $$\mathrm{slerp}(a, b, t) = \frac{\sin((1 - t)\,\omega)}{\sin \omega}\, a + \frac{\sin(t\,\omega)}{\sin \omega}\, b.$$
#
# ### Exercise 1
#
# Write it for a batch, each row with its own angle. Where $a$ and $b$ point the same way, $\sin \omega$ is 0 and the
# straight line is meant.


# %%
def slerp(a, b, t):
    # a and b are (B, L), t is a number from 0 to 1; return (B, L)
    ...


check("07/slerp", slerp)

# %% [markdown]
# Stuck? `hint("07/slerp")` gives one hint after the other; `solution("07/slerp")` comes after a try.
#
# (The exercise first: what follows gives it away.) Does it matter? We take the midpoints of 2,000 pairs of *draws*,
# both ways, and of the codes of our 500 pairs of *faces*. "Spread" is the standard deviation of all readings over
# that of faces: 1 means as varied as faces are.


# %%
def slerp(a, b, t):
    cos = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    angle = np.arccos(np.clip(cos, -1, 1))[:, None]  # (B, 1)
    safe = np.where(np.sin(angle) > 1e-6, angle, 1.0)
    round_ = (np.sin((1 - t) * safe) * a + np.sin(t * safe) * b) / np.sin(safe)
    return np.where(np.sin(angle) > 1e-6, round_, lerp(a, b, t))


def report(name, z, truth=None):
    images = vae.generate(z.astype(np.float32))
    spread = (read(images).std(axis=0) / f_test.std(axis=0)).mean()
    length = np.linalg.norm(z, axis=1).mean()
    far = "" if truth is None else f"   off the truth {about(off(images, truth))}"
    print(f"{name:18} length {length:.1f}   spread {spread:.1f}   strange {about(strange(images))}{far}")


u, v = np.random.default_rng(3).standard_normal((2, 2000, 20))
for name, z in [("draws", u), ("  lerp, halfway", lerp(u, v, 0.5)), ("  slerp, halfway", slerp(u, v, 0.5))]:
    report(name, z)
report("codes of faces", mu)
for name, way in [("  lerp, halfway", lerp), ("  slerp, halfway", slerp)]:
    report(name, way(mu[a], mu[b], 0.5), truth)

# %% [markdown]
# The folklore is that the straight midpoint is a worse picture. Here it is the *better* one: between draws it is less
# strange, between faces it is as near to the truth or nearer. What it loses is variety: it is a more ordinary face,
# and for the question "what is halfway?" that is the right answer. Take slerp where each step has to look like a
# fresh draw: for a walk through samples, or where a model was only ever fed noise of full length, as diffusion models
# are (lesson 08). White found sharper pictures with it, for other models.
#
# ## 4. Directions, not axes
#
# Is one of the 20 numbers the smile? For each we ask how many nats it carries (its part of the KL, lesson 06), what
# happens if it alone moves by 2, and how well it correlates with each factor.

# %%
with no_grad():
    m, logvar = (part.data for part in vae.encode(Tensor(x_test)))
nats = (0.5 * (m**2 + np.exp(logvar) - 1 - logvar)).mean(axis=0)
for name, k in [("idlest", nats.argmin()), ("busiest", nats.argmax())]:
    moved = off(vae.generate(m + 2 * np.eye(20, dtype=np.float32)[k]), vae.generate(m))
    print(f"the {name} number: {nats[k]:.1f} nats; moved by 2, it moves pixels by {about(moved)} grey levels")

z_read = reader(code_of(vae, x), factors)  # the same regression, from codes to factors
for name in ("smile", "beard", "hair", "turn"):
    f = f_test[:, NAMES.index(name)]
    alone = max(abs(np.corrcoef(m[:, k], f)[0, 1]) for k in range(20))
    together = np.corrcoef(z_read(m)[:, NAMES.index(name)], f)[0, 1]
    print(f"{name:6} best single number: |r| = {alone:.1f}, all 20 together: r = {together:.2f}")

# %% [markdown]
# Nobody asked the encoder to put the smile on an axis, and it did not: the prior $\mathcal{N}(0, I)$ looks the same
# from all sides (Locatello et al. 2019 make a theorem of it). The encoder's ranges, a sigma for each number, do prefer
# some axes, those along which codes vary most (Rolinek et al. 2019); a smile is not among them. But all numbers
# together know the smile. So it is a *direction*, across the axes.
#
# ### Exercise 2
#
# The classic way to find it: the mean code of those who have the attribute, minus the mean code of those who have
# not.


# %%
def attribute_vector(z, has):
    # z is (N, L), has is (N,) of True and False; return (L,)
    ...


check("07/attribute-vector", attribute_vector)

# %%
quiz("07/predict-pixels")


# %% [markdown]
# (The exercise first.) To compare we divide by the difference in smile, so that one step is one unit of smile. Three
# rivals: the difference of just *one* smiling and one frowning face; the difference of means; and a regression of the
# code on all factors, whose rows say how the code moves if one factor moves and the *others stay*.


# %%
def attribute_vector(z, has):
    return z[has].mean(axis=0) - z[~has].mean(axis=0)


z = code_of(vae, x)
smiles = factors[:, smile] > 0
gap = factors[smiles, smile].mean() - factors[~smiles, smile].mean()
one, other = np.flatnonzero(factors[:, smile] > 0.9)[0], np.flatnonzero(factors[:, smile] < -0.9)[0]
W = weights_of(factors - factors.mean(axis=0), z - z.mean(axis=0), ridge=0)  # (F, L): a row for each factor
vectors = {
    "one pair": (z[one] - z[other]) / (factors[one, smile] - factors[other, smile]),
    "difference of means": attribute_vector(z, smiles) / gap,
    "regression": W[smile],
}


def effect(vector, step=0.5):
    """What a step along the vector changes in what is read, per unit: (N, F)."""
    return (read(vae.generate((mu + step * vector).astype(np.float32))) - read(vae.generate(mu))) / step


def row(name, change):
    print(f"{name:20}", " ".join(f"{mean:7.1f}" for mean in np.round(change.mean(axis=0), 1) + 0.0))


# %%
print(f"per unit of smile:   {' '.join(f'{name:>7}' for name in NAMES)}")
for name, vector in vectors.items():
    row(name, effect(vector))
own, rest = effect(W[smile]).std(axis=0)[smile], np.delete(effect(W[smile]).std(axis=0), smile).mean()
print(f"regression, from face to face: smile varies by {own:.1f}, the others by {rest:.2f}")

# %% [markdown]
# The vector from one pair carries *everything* in which those two differ. In the means of thousands, all of that
# cancels, because each factor was drawn by itself. What is left moves the smile and, on average, nothing else. For a
# single face there is some leak in all directions: that is the last line.
#
# Now the same in pixels, with the same regression. Each vector takes faces from the low end of a factor nearly to the
# high end, and the truth can be drawn.

# %%
P = weights_of(factors - factors.mean(axis=0), x - x.mean(axis=0), ridge=0)  # (F, 784)
trials = []
print("                off the truth         strange")
print("               code    pixels      code    pixels")
for name, below, step in [("smile", -0.6, 1.6), ("beard", 0.01, 0.7), ("hair", 0.2, 0.8), ("turn", -0.6, 1.6)]:
    k = NAMES.index(name)
    some = f_test[:, k] < below
    goal = f_test[some].copy()
    goal[:, k] = np.clip(goal[:, k] + step, low[k], high[k])
    by_code = vae.generate((mu[some] + step * W[k]).astype(np.float32))
    by_pixels = np.clip(x_test[some] + step * P[k], 0, 1).astype(np.float32)
    truth = flat(draw(goal, 28))
    figures = off(by_code, truth), off(by_pixels, truth), strange(by_code), strange(by_pixels)
    print(f"{name:8}", " ".join(about(figure, 9) for figure in figures))
    trials.append([images[:5] for images in (x_test[some], truth, by_code, by_pixels)])

# %%
fig, axes = plot.figure(7.4, 2.2, columns=4)
titles = ("before", "the truth", "added in the code", "added to the pixels")
for ax, title, images in zip(axes, titles, zip(*trials, strict=True), strict=True):
    plot.show(ax, np.concatenate(images), 5, title)
for k, name in enumerate(("smile", "beard", "hair", "turn")):
    axes[0].text(-4, 30 * k + 14, name, ha="right", va="center")

# %%
quiz("07/predict-pixels")

# %% [markdown]
# For smile and beard the pixel vector is as good as the code, or better: on these faces mouth and chin are always in
# nearly the same place, so to lighten some pixels and darken others *is* to smile. Where something **moves**, as hair
# does that falls to the shoulders and a head that turns, pixels make ghosts and the code does not, though its hair is
# not quite the right length either. (Read by the linear reader, the pixel vector would be flawless, always.)
#
# With directions for axes, here is the map of the title. Drag the ring; or turn the sliders, one at a time: pictures
# along one direction, with all else held fixed, are called a **traversal**.

# %%
here = code_of(vae, flat(draw(face(hair=0.5, skin=0.9, tone=0.1)[None], 28)))[0]
hair = NAMES.index("hair")
ranges = [(-1.2, 1.2), (-0.7, 0.7)]
LatentMap(lambda p: picture(here + p[0] * W[smile] + p[1] * W[hair]), ranges, names=("more smile", "more hair"))

# %%
knobs = [NAMES.index(name) for name in ("smile", "beard", "hair", "turn", "skin")]
Explore(lambda v: picture(here + v @ W[knobs]), len(knobs), (-1, 1), names=[NAMES[k] for k in knobs])

# %% [markdown]
# ## 5. Mixing two people
#
# Take one face, and give it the smile, beard and brows of another. We can read a code's factors (`z_read`), and we
# know for each factor the direction that changes it alone (`W`). So walk along each chosen direction by the
# *difference* between the two. A weight $w_k$ says how much of factor $k$ is taken over: 0 nothing, 1 all, 0.5 half.
#
# ### Exercise 3


# %%
def mix(z_a, f_a, f_b, w, W):
    # codes z_a (B, L); factors read in a and in b (B, F); weights w (F,); directions W (F, L); return (B, L)
    ...


check("07/mix", mix)

# %% [markdown]
# (The exercise first.) The rivals: every second *number* of the code from the other face, and the plain average. A
# share of 1 means that a factor came wholly from the other face, 0 that it stayed.


# %%
def mix(z_a, f_a, f_b, w, W):
    return z_a + ((f_b - f_a) * w) @ W


chosen = np.array([float(name in ("smile", "brow", "beard")) for name in NAMES])
goal = np.where(chosen == 1, f_test[b], f_test[a])
truth = flat(draw(goal, 28))
swapped = np.where(np.arange(20) % 2, mu[b], mu[a])
mixed = vae.generate(mix(mu[a], z_read(mu[a]), z_read(mu[b]), chosen, W).astype(np.float32))

# %%
print("                             share of the other in      off the")
print("                             chosen      the rest       truth")
for name, images in [
    ("chosen directions", mixed),
    ("every second number", vae.generate(swapped)),
    ("average of the codes", vae.generate((mu[a] + mu[b]) / 2)),
    ("nothing mixed", vae.generate(mu[a])),
]:
    apart, came = f_test[b] - f_test[a], read(images) - f_test[a]
    share = (apart * came).sum(axis=0) / (apart**2).sum(axis=0)
    rest = np.delete(share, [*np.flatnonzero(chosen), NAMES.index("eyes")])
    print(f"{name:25} {share[chosen == 1].mean():9.1f} {rest.mean():13.1f} {about(off(images, truth), 12)}")
print(f"share of the eyes, with nothing mixed: {share[NAMES.index('eyes')]:.1f}")

# %%
fig, axes = plot.figure(7.4, 3.0, rows=4)
titles = ("one", "the other", "the first with smile, brows and beard of the other: mixed", "the truth")
for ax, title, images in zip(axes, titles, (x_test[a], x_test[b], mixed, truth), strict=True):
    plot.show(ax, images[:14], 14, title)

# %% [markdown]
# (The eyes are left out of "the rest". A share of 0.5 is what average eyes for everybody would bring, and this VAE
# draws nearly those, mixed or not.) Swapping every second number takes some of everything: the numbers are no parts
# of a face.
#
# ## 6. Real digits
#
# Nobody knows the factors of a handwritten digit, but some can be computed. Take the ink for a heap of sand: its
# middle, its spread and its *slant* are moments. Slant is how far columns move to the right as rows go up,
# $-\mathrm{cov}(\mathrm{row}, \mathrm{column}) / \mathrm{var}(\mathrm{row})$. It needs no reader: we compute it from
# what was decoded.

# %%
from minivae.data import load

row_of, column_of = (place.ravel() - 13.5 for place in np.indices((28, 28)))


def slant(images):
    ink = images / images.sum(axis=1, keepdims=True)
    up, right = row_of - (ink @ row_of)[:, None], column_of - (ink @ column_of)[:, None]
    return -(ink * up * right).sum(axis=1) / (ink * up**2).sum(axis=1)


digits, y = load("mnist-small", "train")
digits_test, y_test = load("mnist-small", "test")
scribe, rng = VAE(latent=10, rng=np.random.default_rng(0)), np.random.default_rng(1)
for epochs, lr in [(6, 2e-3), (2, 3e-4)]:
    fit(scribe, digits, epochs=epochs, lr=lr, rng=rng, report=Lines(every=20, decimals=0))
print("mean slant:", ", ".join(f"of {digit}s {slant(digits[y == digit]).mean():.2f}" for digit in (1, 9)))

# %% [markdown]
# A 1 slants more than a 9 does. So the digit itself goes into the regression as ten more factors, one for each class,
# and the slant vector is what is left when the digit stays. A linear reader tells digits.

# %%
known = np.column_stack([slant(digits), digits.mean(axis=1), np.eye(10)[y]])  # slant, ink, which digit
lean = weights_of(known, code_of(scribe, digits), ridge=0)[0]
which = reader(digits, np.eye(10)[y])
codes = code_of(scribe, digits_test)
steps = np.array([-0.4, -0.2, 0, 0.2, 0.4])
before = scribe.generate(codes)
print("asked   slant moved   ink     read as the same digit")
some, shown = [148, 265, 258, 213, 169, 45, 140, 254, 128, 108], []  # one of each, of those that are rebuilt well
for step in steps:
    after = scribe.generate((codes + step * lean).astype(np.float32))
    moved, ink = (slant(after) - slant(before)).mean(), after.mean() / before.mean()
    same = 100 * np.mean(which(after).argmax(axis=1) == which(before).argmax(axis=1))
    print(f"{step:5.1f} {moved + 1e-9:10.2f} {ink:10.2f} {about(same, 14)} %")
    shown.append(after[some])
fig, ax = plot.figure(4.8, 2.7)
plot.show(ax, np.concatenate(shown), 10, "test digits, leaning left at the top, right at the bottom")

# %% [markdown]
# The same arithmetic, on strokes that real hands made: about two thirds of the slant asked for, hardly any change in
# ink, and most digits stay what they are. With a step of 0.4, one in six does not.
#
# ### Real faces
#
# This part is a function, and it is yours to call, since the photographs are not ours to pass on. `pip install
# "minivae[orl]"` brings them (Samaria & Harter 1994: 400 photographs of 40 people); then write `photographs()` in a
# cell of your own. It takes about a minute.


# %%
def photographs(epochs=60):
    people, who = load("orl", "train")  # (320, 46 * 46)
    mirrored = people.reshape(-1, 46, 46)[:, :, ::-1].reshape(people.shape)
    seen, new = np.concatenate([people, mirrored]), load("orl", "test")[0]
    model = VAE(2116, 400, 20, likelihood="gaussian", rng=np.random.default_rng(0))
    settings = dict(batch=32, binarization="none", report=Lines(every=20, decimals=0))
    fit(model, seen, epochs=epochs, rng=np.random.default_rng(1), **settings)
    side = seen.reshape(-1, 46, 2, 23).mean(axis=(1, 3)) @ [-1, 1]  # how much brighter the right half is
    known = np.column_stack([side, np.eye(40)[np.concatenate([who, who])]])
    turn = weights_of(known, code_of(model, seen), ridge=0)[0]
    codes, t = code_of(model, new), np.linspace(0, 1, 9, dtype=np.float32)[:, None]
    rows = [
        model.generate(lerp(codes[30], codes[60], t)),
        lerp(new[30], new[60], t),
        model.generate((codes[30] + lerp(-0.15, 0.15, t) * turn).astype(np.float32)),
    ]
    plot.samples(np.concatenate(rows), "two people: in the code, in the pixels; light from left to right", columns=9)
    print("new photographs, rebuilt:", about(off(new, model.reconstruct(new))), "grey levels off;", end=" ")
    print("the mean photograph:", about(off(new, seen.mean(axis=0))))


# %% [markdown]
# Look at the middle of both walks. The pixels give a double exposure, the code one blurred face: 320 photographs
# teach a model of 1.7 million weights only so much. The last row is an attribute that can be computed, like the
# slant: how much brighter the right half is. Does it move the light, or the head?
#
# ## 7. Break it
#
# A colleague works with your VAE and your `attribute_vector`, on faces of her own choice. "My vector smiles as much as
# yours," she says, and it does. Here are both, on faces that neither of you used.

# %%
rng = np.random.default_rng(4)
bearded = factors[:, NAMES.index("beard")] > 0
sample = np.flatnonzero(rng.random(5000) < np.where(bearded == smiles, 0.9, 0.1))
z_sample, f_sample, has = z[sample], factors[sample], smiles[sample]


def per_unit(vector, f, has):
    return vector / (f[has, smile].mean() - f[~has, smile].mean())


yours, hers = vectors["difference of means"], per_unit(attribute_vector(z_sample, has), f_sample, has)
print(f"per unit of smile:   {' '.join(f'{name:>7}' for name in NAMES)}")
row("yours", effect(yours))
row("hers", effect(hers))

plain = flat(draw(np.stack([face(smile=-0.6, hair=k, skin=0.8) for k in (0.1, 0.4, 0.7, 1.0)]), 28))
from_here = code_of(vae, plain)
fig, axes = plot.figure(6.4, 0.85, columns=3)
for ax, title, vector in [(axes[0], "before", 0), (axes[1], "yours, 1.5 units", yours), (axes[2], "hers", hers)]:
    plot.show(ax, vae.generate((from_here + 1.5 * vector).astype(np.float32)), 4, title)

# %% [markdown]
# Same model, same function. So look at what went in: the mean of each factor among the smiling and among the others,
# in her sample.

# %%
print(f"her sample: {len(sample):,} faces {' '.join(f'{name:>7}' for name in NAMES)}")
for name, group in [("smiling", has), ("not smiling", ~has)]:
    print(f"{name:20}", " ".join(f"{mean:7.1f}" for mean in np.round(f_sample[group].mean(axis=0), 1) + 0.0))

# %%
quiz("07/the-patient")

# %% [markdown]
# There are two cures that need no new data. **Balance**: take the difference among the bearded and among the
# beardless, and average the two. **Regress**: let all factors explain the code together.

# %%
f_centred, z_centred = f_sample - f_sample.mean(axis=0), z_sample - z_sample.mean(axis=0)
groups = [bearded[sample], ~bearded[sample]]
parts = [(z_sample[g], f_sample[g], has[g]) for g in groups]
balanced = np.mean([per_unit(attribute_vector(z_g, has_g), f_g, has_g) for z_g, f_g, has_g in parts], axis=0)
row("hers, balanced", effect(balanced))
row("hers, regression", effect(weights_of(f_centred, z_centred, ridge=0)[smile]))

# %% [markdown]
# The vector cannot know which of two differences you meant. Published ones had this fault: a user of
# pbaylies/stylegan-encoder found that a *glasses* direction changed age as well, and the maintainer's answer was that
# in the photographs the two go together (issue 7, 2019). White (2016) balances the groups by copying. And what nobody
# has labelled, nobody can balance: here we had all eleven factors, and who has those?
#
# ## 8. Quiz

# %%
quiz("07/order-the-strange")

# %%
quiz("07/blind-reader")

# %%
quiz("07/length-of-the-middle")

# %%
quiz("07/no-smile-slider")

# %%
quiz("07/when-slerp")

# %%
quiz("07/yes-and-no")

# %%
quiz("07/true-of-vectors")

# %% [markdown]
# ## In one breath
#
# 1. Halfway between two codes lies one face, near the true halfway face; halfway between two pictures lies a ghost.
# 2. A linear reader cannot see ghosts: ask also whether the picture *is* the face that it reads.
# 3. Straight lines give the ordinary middle, slerp keeps the length of a draw; which is right depends on the question.
# 4. Concepts are directions across the axes: a difference of means, or better a regression on all that is known.
# 5. A vector carries whatever differs between its two groups; check it in a table of factors before you believe it.
#
# **Read on:** White, *Sampling Generative Networks* (2016), for slerp and balanced vectors; Radford et al.,
# *Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks* (2015), section 6,
# where face arithmetic became famous; Larsen et al., *Autoencoding beyond Pixels* (2016), for attribute vectors of a
# VAE; Locatello et al., *Challenging Common Assumptions in the Unsupervised Learning of Disentangled Representations*
# (2019); Rolinek et al., *Variational Autoencoders Pursue PCA Directions (by Accident)* (2019). Next, lesson 08: from
# noise to pictures, inside the map.
