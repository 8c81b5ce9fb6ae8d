# %% [markdown]
# # 04 · Send a range: the variational autoencoder
#
# *How do you teach a decoder to make sense of codes that it has never seen?*
#
# In lesson 02 a spy squeezed each picture into a note of a few numbers, and a partner unfolded it again. Lesson 03
# handed that partner notes made up at random, and the instruments said how bad the answers were, and why. Think of a
# note as an address. The spy may put a picture wherever he likes, and he puts them far out and far apart, since
# distance is the cheapest way to avoid a mix-up. In the middle of the town, where random notes ring, hardly anybody
# lives.
#
# Change the rules in two ways. First, the note is always a little *blurred*: "Elm Street, somewhere near the pump".
# The partner has to answer well at *every* door the blur may lead to, so neighbours come to look alike. Second,
# whoever wants to live far out, or to be found exactly, pays for it. So the town moves together around the middle,
# door to door, which is where a random note will ring.
#
# That is the whole idea of a **variational autoencoder** (VAE): send a range instead of a point, and let every range
# pay for being unlike the one from which random notes come. This lesson builds it.
#
# ## Predict first

# %%
from minivae.learn import Explore, check, hint, quiz, solution

quiz("04/predict-random-codes")

# %% [markdown]
# ## 1. The smudge, measured
#
# First what went wrong. Here is the plain autoencoder of lesson 03, its relus rounded off as there. It sees 10,000 real
# handwritten digits, each 784 pixels, and squeezes each into `LATENT = 6` numbers. Pixels are drawn black or white
# anew each time an image is seen, with the grey value as the probability of ink (*dynamic binarisation*). Figures are
# in **nats per image**, larger is better, and "≈" says that your processor may round the last digit differently.

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
report, last = Lines(every=4, decimals=0), Lines(every=EPOCHS, decimals=0)
x, y = load("mnist-small", "train")
x_test, y_test = load("mnist-small", "test")

ae = rounded(Autoencoder(latent=LATENT, rng=np.random.default_rng(0)))
run_ae = fit(ae, x, x_test, epochs=EPOCHS, rng=np.random.default_rng(1), report=report)

# %% [markdown]
# The two instruments of lesson 03 again, in short. The **reader** is a small network that answers ten yes-or-no
# questions, *is this a 0? … is this a 9?* An image counts as **readable** if it says yes to exactly one digit, and is
# at least 90 % sure of it. **Closeness** is the cosine between the image and the most similar of the 10,000 training
# digits; it is 1 for a copy. Each can be fooled alone, so we read both.

# %%
from minivae.nn import Linear, Sequential
from minivae.ops import bernoulli_nll, relu
from minivae.optim import Adam

rng = np.random.default_rng(2)
reader = Sequential(Linear(784, 200, rng=rng), relu, Linear(200, 10, rng=rng))
adam, answers = Adam(reader.parameters()), np.eye(10, dtype=np.float32)[y]
for _ in range(12):
    for batch in np.array_split(rng.permutation(len(x)), 80):
        adam.zero_grad()
        bernoulli_nll(reader(Tensor(x[batch])), answers[batch]).mean().backward()
        adam.step()


with no_grad():
    right = np.mean(reader(Tensor(x_test)).data.argmax(axis=1) == y_test)
print(f"the reader is right about ≈ {100 * right:.0f} % of the test digits")


# %%
def unit(images):
    return images / np.linalg.norm(images, axis=1, keepdims=True)


@no_grad()
def readable(images):
    yes = reader(Tensor(images.astype(np.float32))).sigmoid().data > 0.9
    return 100 * np.mean(yes.sum(axis=1) == 1)  # per cent; says yes to exactly one digit


def measure(name, images):
    close = np.mean([(unit(part) @ unit(x).T).max(axis=1) for part in np.split(images, 10)])
    print(f"{name:32} ≈ {readable(images):2.0f} % readable   closeness {close:.2f}")


measure("test digits", x_test[:1000])
measure("their reconstructions", ae.reconstruct(x_test[:1000]))

# %% [markdown]
# Now random codes. We draw 1,000 of them from $\mathcal{N}(0, I)$: six independent standard normal numbers each.
# Nobody told the autoencoder to expect those, and it shows.

# %%
random_codes = np.random.default_rng(3).standard_normal((1000, LATENT), dtype=np.float32)
garbage = ae.generate(random_codes)
measure("autoencoder, random codes", garbage)

with no_grad():
    codes = ae.encode(Tensor(x_test)).data
print(f"standard deviation: its own codes {codes.std():.1f}, random codes {random_codes.std():.1f}")

# %% [markdown]
# The second line explains the first. The autoencoder has spread its codes far apart, and in the middle, where random
# codes fall, lives about one in a thousand (lesson 03, section 6). There the partner was never asked to draw.
#
# ## 2. A range instead of a point
#
# The encoder of a VAE answers with two vectors. `mu` ($\mu$) says where the code should be. The second says how far
# off it may be: a standard deviation $\sigma$ for each latent dimension. The code itself is drawn from that range,
#
# $$z = \mu + \sigma \cdot \epsilon, \qquad \epsilon \sim \mathcal{N}(0, I).$$
#
# All the chance is in `eps` ($\epsilon$), which comes from outside; `mu` and sigma enter through a plain sum and
# product. So gradients pass straight through to both. That is the *reparameterization trick*, and lesson 05 is all
# about it.
#
# A network's output can be any number, but a standard deviation must be positive. So the encoder gives the logarithm
# of the **variance**, $\mathtt{logvar} = \log \sigma^2$, and we undo it: $\sigma = e^{\mathtt{logvar}/2}$. That half
# has been forgotten in published code, and section 7 shows what comes of it.
#
# ### Exercise 1
#
# Write the draw. All three arrays are (B, L): a row for each image, a column for each latent dimension.


# %%
def reparameterize(mu, logvar, eps):
    # return z, of shape (B, L)
    ...


check("04/reparameterize", reparameterize)

# %% [markdown]
# Stuck? `hint("04/reparameterize")` gives one hint after the other; `solution("04/reparameterize")` comes after a
# try.
#
# ## 3. Keep the ranges honest
#
# Left alone, the encoder would cheat. It would shrink every sigma to nothing, or push all `mu` so far apart that the
# ranges never touch, and we would be back at exact addresses. So each range pays a **toll**: how far is it from the
# one range we want to draw from later, the *prior* $\mathcal{N}(0, 1)$? The toll is the Kullback-Leibler divergence,
#
# $$\mathrm{KL}\big(q \,\|\, p\big) = \int q(z) \log \frac{q(z)}{p(z)} \, dz,$$
#
# the extra surprise, in nats, of someone who expects the prior $p$ and gets draws from the range $q$. For two
# Gaussians the integral can be done on paper (Kingma & Welling 2013, appendix B). For each latent dimension it is
#
# $$\tfrac{1}{2}\left(\mu^2 + \sigma^2 - 1 - \log \sigma^2\right).$$
#
# Trust, but verify: here is the integral as a plain sum over a fine grid, beside the formula.


# %%
def density(z, mu, sigma):
    return np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


z = np.linspace(-20, 20, 400_001)
print("   mu  sigma   integral   formula")
for mu, sigma in [(0, 1), (1, 1), (0, 0.1), (0, 2), (-2, 0.5)]:
    q, p = density(z, mu, sigma), density(z, 0, 1)
    integral = np.sum(q * np.log((q + 1e-300) / (p + 1e-300))) * (z[1] - z[0])
    formula = 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2))
    print(f"{mu:5} {sigma:6} {integral + 0.0:10.4f} {formula + 0.0:9.4f}")

# %% [markdown]
# Read the table: the prior itself is free; being off centre costs; being too *sure* costs (sigma 0.1) and so does
# being too vague (sigma 2). The toll keeps ranges near the centre and wide. Faithful pictures want the opposite.
# Training is a bargain between the two.

# %%
quiz("04/order-the-tolls")

# %% [markdown]
# ### Exercise 2
#
# Write the toll for a batch, from `mu` and `logvar`: one number for each image, summed over its latent dimensions.


# %%
def gaussian_kl(mu, logvar):
    # return the toll in nats, of shape (B,)
    ...


check("04/gaussian-kl", gaussian_kl)

# %% [markdown]
# ## 4. By hand, in bare NumPy
#
# (Do the exercises first: what follows gives them away.) Here are both parts, and their gradients beside them. `g_z`
# is what comes back from the decoder: how the loss would change with each number of `z`.


# %%
def latent_layer(mu, logvar, eps):
    std = np.exp(0.5 * logvar)
    z = mu + std * eps  # (B, L)
    kl = 0.5 * (mu**2 + std**2 - 1 - logvar).sum(axis=1)  # (B,) nats
    return z, kl


def latent_gradients(g_z, mu, logvar, eps):
    """Gradients of a loss that sends g_z to z and counts every kl once."""
    std = np.exp(0.5 * logvar)
    g_mu = g_z + mu
    g_logvar = g_z * 0.5 * std * eps + 0.5 * (std**2 - 1)
    return g_mu, g_logvar


# %% [markdown]
# Is that right? Nudge each number by a tiny `h` up and down, and compare the change of the loss with the gradient.

# %%
rng = np.random.default_rng(4)
mu, logvar, eps, g_z = rng.normal(size=(4, 5, 3))  # float64; B = 5, L = 3


def loss(mu, logvar):
    z, kl = latent_layer(mu, logvar, eps)
    return (g_z * z).sum() + kl.sum()


def differences(f, a, h=1e-6):
    g = np.zeros_like(a)
    for i in np.ndindex(a.shape):
        step = np.zeros_like(a)
        step[i] = h
        g[i] = (f(a + step) - f(a - step)) / (2 * h)
    return g


g_mu, g_logvar = latent_gradients(g_z, mu, logvar, eps)
print("g_mu right:    ", np.allclose(g_mu, differences(lambda a: loss(a, logvar), mu), atol=1e-7))
print("g_logvar right:", np.allclose(g_logvar, differences(lambda a: loss(mu, a), logvar), atol=1e-7))

# %% [markdown]
# The library has the same two ops. Same values, same gradients, and you can read its lines:

# %%
import inspect

from minivae import ops

m, lv = Tensor(mu, requires_grad=True), Tensor(logvar, requires_grad=True)
z_library, kl_library = ops.reparameterize(m, lv, eps), ops.gaussian_kl(m, lv)
((z_library * g_z).sum() + kl_library.sum()).backward()

z_mine, kl_mine = latent_layer(mu, logvar, eps)
print("values agree:   ", np.allclose(z_mine, z_library.data), np.allclose(kl_mine, kl_library.data))
print("gradients agree:", np.allclose(g_mu, m.grad), np.allclose(g_logvar, lv.grad), "\n")
print(inspect.getsource(ops.gaussian_kl))

# %% [markdown]
# ## 5. The whole model on a page
#
# What training raises is the **evidence lower bound** (ELBO), for each image
#
# $$\mathrm{ELBO} = \underbrace{\log p(x \mid z)}_{\text{reconstruction}} - \underbrace{\mathrm{KL}\big(q(z \mid x)
# \,\|\, p(z)\big)}_{\text{toll}}.$$
#
# It is called a lower bound because it never exceeds $\log p(x)$ on average over the draw of `z`; lesson 06 derives
# that. Both terms are **sums**, over pixels and over latent dimensions, and that matters: average one and not the
# other and you have changed the bargain without noticing.

# %%
from minivae.nn import Module


class MyVAE(Module):
    def __init__(self, latent, rng):
        self.latent = latent
        self.encoder = Sequential(Linear(784, 400, rng=rng), relu, Linear(400, 2 * latent, rng=rng))
        self.decoder = Sequential(Linear(latent, 400, rng=rng), relu, Linear(400, 784, rng=rng))

    def loss(self, x, eps):
        h = self.encoder(x)  # (B, 2 L)
        mu, logvar = h[:, : self.latent], h[:, self.latent :]
        z = mu + (0.5 * logvar).exp() * eps
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(axis=1)
        reconstruction = -bernoulli_nll(self.decoder(z), x)
        return (kl - reconstruction).mean()  # minus the ELBO


from minivae.models import VAE

mine, theirs = MyVAE(LATENT, np.random.default_rng(5)), VAE(latent=LATENT, rng=np.random.default_rng(5))
some, eps = (x[:128] > 0.5).astype(np.float32), random_codes[:128]
loss_mine, loss_theirs = mine.loss(Tensor(some), eps), -theirs.elbo(Tensor(some), eps).elbo.mean()
print(f"loss before training: mine {loss_mine.item():.2f}, the library's {loss_theirs.item():.2f} nats per image")

# %% [markdown]
# The same number from the same weights. From here on we use the library's `VAE`: it is your model, with a docstring.
#
# ## 6. On real digits
#
# Same data, same hidden layers with the same rounded bend, same decoder, same number of epochs as the autoencoder
# above.

# %%
vae = rounded(VAE(latent=LATENT, rng=np.random.default_rng(0)))
run_vae = fit(vae, x, x_test, epochs=EPOCHS, rng=np.random.default_rng(1), report=report)

# %% [markdown]
# The reconstruction is worse than the autoencoder's, as it must be: a blurred note carries less. And what do we get
# for it? The *same* random codes, decoded by both:

# %%
made = vae.generate(random_codes)
fig, axes = plot.figure(7.4, 2.4, rows=2)
plot.show(axes[0], garbage[:36], 18, "plain autoencoder, codes drawn from N(0, I)")
plot.show(axes[1], made[:36], 18, "VAE, the same codes")

measure("test digits", x_test[:1000])
measure("autoencoder, random codes", garbage)
measure("VAE, the same codes", made)

# %% [markdown]
# Far from perfect, and a different world. Here is your prediction again, to be laid beside it:

# %%
quiz("04/predict-random-codes")

# %% [markdown]
# Now the fair objection: the autoencoder was asked at the wrong addresses. What if we look where its codes lie, fit a
# Gaussian to them, and draw from *that*? Predict first.

# %%
quiz("04/predict-fitted-codes")

# %%
with no_grad():
    codes = ae.encode(Tensor(x)).data
fitted_codes = codes.mean(axis=0) + random_codes @ np.linalg.cholesky(np.cov(codes.T)).T
fitted = ae.generate(fitted_codes.astype(np.float32))
measure("autoencoder, fitted codes", fitted)

# %%
quiz("04/predict-fitted-codes", ran=readable(fitted))

# %% [markdown]
# More readable than the VAE's, and as close but for 0.01. This is no accident: Ghosh et al. (2020) made a method of
# it. So most of the garbage came from asking at the wrong door, and a VAE is one of two ways to know the right ones.
# What is it for, then? It needs no second step: codes lie where *you* said they should, before training. And its loss
# is a bound on $\log p(x)$, so that models can be compared in nats (lesson 09); an autoencoder's loss bounds nothing.
#
# Last, the space *between* two digits: halfway in the code and, for comparison, halfway in the pixels.

# %%
with no_grad():
    mu, _ = (t.data for t in vae.encode(Tensor(x_test)))
    codes = ae.encode(Tensor(x_test)).data
first, second = np.random.default_rng(6).permutation(2000).reshape(2, 1000)
measure("halfway in the VAE's code", vae.generate((mu[first] + mu[second]) / 2))
measure("halfway in the autoencoder's", ae.generate((codes[first] + codes[second]) / 2))
measure("halfway in the pixels", (x_test[first] + x_test[second]) / 2)

t = np.linspace(0, 1, 12, dtype=np.float32)[:, None]
a, b = np.flatnonzero(y_test == 3)[2], np.flatnonzero(y_test == 8)[7]
fig, axes = plot.figure(7.4, 1.9, rows=2)
plot.show(axes[0], vae.generate((1 - t) * mu[a] + t * mu[b]), 12, "from a 3 to an 8 through the code")
plot.show(axes[1], (1 - t) * x_test[a] + t * x_test[b], 12, "from the same 3 to the same 8 through the pixels")

# %% [markdown]
# Averaged pixels are a double exposure, like no digit there is. Averaged codes give one shape, blurred, in the middle
# of a change. The plain autoencoder can do that too: between two of *its own* codes it is on known ground. What it
# lacks is a place where new ones can be drawn.
#
# ### The map
#
# With two latent dimensions the whole address book can be drawn. You have met this VAE: it is the machine with two
# dials of lesson 00, here with its other half. (`python -m minivae.learn.first_vae` trained it for 80 epochs, more than
# we have time for now.) Each ellipse is the range that the encoder sends for one test digit, two sigma around mu. They
# are small, they touch, and together they fill most of the disc in which draws from the prior fall.

# %%
from matplotlib.collections import EllipseCollection

from minivae.learn.first_vae import first_vae

vae2 = first_vae()
with no_grad():
    mu2, logvar2 = (t.data for t in vae2.encode(Tensor(x_test[:600])))
fig, (left, right) = plot.figure(7.4, 3.9, columns=2)
width, height = 4 * np.exp(0.5 * logvar2).T  # two sigma to either side
ranges = EllipseCollection(width, height, 0, units="xy", offsets=mu2, transOffset=left.transData, alpha=0.5)
ranges.set(array=y_test[:600], cmap="tab10", clim=(-0.5, 9.5))
left.add_collection(ranges)
for digit in range(10):
    left.text(*np.median(mu2[y_test[:600] == digit], axis=0), digit, weight="bold", size=13, ha="center", va="center")
left.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xlabel="z[0]", ylabel="z[1]")
left.set_title("the ranges of 600 test digits")
axis = np.linspace(-3, 3, 21, dtype=np.float32)
grid = np.stack(np.meshgrid(axis, axis[::-1]), axis=-1).reshape(-1, 2)
plot.show(right, vae2.generate(grid), 21, "what decodes from each place")
print(f"average sigma {np.exp(0.5 * logvar2).mean():.2f}, spread of mu {mu2.std():.2f}")

# %% [markdown]
# Move the sliders and walk over the map yourself:

# %%
Explore(lambda z: vae2.generate(z[None])[0].reshape(28, 28), z_dim=2)

# %% [markdown]
# ## 7. Break it
#
# A colleague changed one line of the model, retrained, and is proud: the ELBO went *up*. These are the figures the
# training printed, beside yours.

# %%
from minivae.models import Elbo


class Patient(VAE):
    def elbo(self, x, eps):
        mu, logvar = self.encode(x)
        z = mu + logvar.exp() * eps
        reconstruction = -self.likelihood.nll(self.decode(z), x)
        kl = ops.gaussian_kl(mu, logvar)
        return Elbo(reconstruction - kl, reconstruction, kl)


patient = rounded(Patient(latent=LATENT, rng=np.random.default_rng(0)))
run_patient = fit(patient, x, x_test, epochs=EPOCHS, rng=np.random.default_rng(1), report=last)
print(f"yours:         ELBO ≈ {run_vae.history[-1]['test_elbo']:.0f}")

# %% [markdown]
# Before you search the code, question the patient. Its encoder *claims* a range, $\sigma = e^{\mathtt{logvar}/2}$,
# and pays the toll for that one. Does `z` keep to it? Put the patient's weights into the sound model, where claim and
# draw agree, and score them on the same test digits.

# %%
from minivae.evaluate import evaluate

sound = rounded(VAE(latent=LATENT, rng=np.random.default_rng(0)))
sound.load_state_dict(patient.state_dict())
honest = evaluate(sound, x_test, rng=np.random.default_rng(0))
print(f"the patient about itself:                     ELBO ≈ {run_patient.history[-1]['test_elbo']:.0f}")
print(f"the same weights, scored by the sound model:  ELBO ≈ {honest['elbo']:.0f}")
print(f"your weights, scored by the sound model:      ELBO ≈ {run_vae.history[-1]['test_elbo']:.0f}")

with no_grad():
    _, logvar = (t.data for t in patient.encode(Tensor(x_test)))
print(f"sigma claimed: {np.exp(0.5 * logvar).mean():.2f}, spread of z really drawn: {np.exp(logvar).mean():.2f}")

# %%
quiz("04/the-patient")

# %% [markdown]
# ## 8. Quiz

# %%
quiz("04/what-the-encoder-sends")

# %%
quiz("04/why-the-kl")

# %%
quiz("04/logvar-to-std")

# %%
quiz("04/shapes")

# %%
quiz("04/true-of-the-toll")

# %%
quiz("04/sum-or-mean")

# %%
quiz("04/at-test-time")

# %% [markdown]
# ## In one breath
#
# 1. A plain autoencoder puts its codes where it likes, mostly far from where random codes fall.
# 2. A VAE's encoder sends a range: `mu`, and `logvar` $= \log \sigma^2$. The code is a draw, $z = \mu +
#    \sigma\epsilon$.
# 3. The reconstruction term wants narrow ranges far apart; the KL term wants every range to look like $\mathcal{N}(0,
#    I)$.
# 4. Their difference is the ELBO, a lower bound on $\log p(x)$, in nats per image when both are summed.
# 5. Because the ranges overlap and fill the prior, codes drawn from the prior decode to something.
#
# **Read on:** Kingma & Welling, *Auto-Encoding Variational Bayes* (2013), sections 2 and 3 and appendix B; Ghosh et
# al., *From Variational to Deterministic Autoencoders* (2020), for the fair objection; Doersch, *Tutorial on
# Variational Autoencoders* (2016). Next, lesson 05: why the noise has to come from outside.
