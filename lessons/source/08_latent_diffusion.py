# %% [markdown]
# # 08 · Latent diffusion
#
# *How does pure noise turn into a picture that nobody ever drew?*
#
# In lesson 04 the town moved together around its middle, so that a note made up at random rings at somebody's door.
# Mostly. Between the quarters there are squares and gaps, and a VAE rings there too.
#
# Now imagine market day. In the morning all stand in their own streets. Then everybody wanders about, a small
# step in a random direction each minute, and by noon the crowd is one even cloud in which no street can be told.
# Run that film backwards. You may put down new walkers anywhere in the cloud, and at each minute ask one question for
# each: *of all who stand here at this time, where did they come from, on average?* Walk them a little that way,
# and ask again. In the end they stand in streets, and at doors where nobody lived before.
#
# That is a **diffusion model**. It is trained on the one question, by regression, and there is no other trick. Done in
# the space of codes, with a VAE's encoder before it and the decoder behind, it is **latent diffusion**, which is what
# Stable Diffusion does. We build it on a map of two numbers, where everything can be seen, and end with pictures.
#
# ## Predict first

# %%
from minivae.learn import Scrub, check, hint, quiz, solution

quiz("08/predict-map")

# %% [markdown]
# ## 1. A map with gaps
#
# The map is that of lesson 04: a VAE with two latent numbers, trained on 10,000 digits. Here are the codes that its
# encoder sends, one draw for each digit.

# %%
import numpy as np

from minivae import Tensor, no_grad, plot
from minivae.data import load
from minivae.learn.first_vae import first_vae

x, y = load("mnist-small", "train")
x_test, y_test = load("mnist-small", "test")
vae = first_vae()
with no_grad():
    mu, logvar = (part.data for part in vae.encode(Tensor(x)))
codes = mu + np.exp(0.5 * logvar) * np.random.default_rng(0).standard_normal(mu.shape, dtype=np.float32)
from_prior = np.random.default_rng(1).standard_normal((2000, 2), dtype=np.float32)
print(f"standard deviation: codes {codes.std():.2f}, draws from the prior {from_prior.std():.2f}")

# %% [markdown]
# Two instruments. The **reader** of lesson 03 says yes or no to ten digits, and calls a picture *readable* if it is at
# least 90 % sure of exactly one. And we want to know whether two clouds of points have the same shape. The **distance**
# of two clouds is twice the mean distance from a point of one to a point of the other, less the mean distances within
# each. It is 0 if both come from the same law, and only then (Székely & Rizzo 2013).

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


@no_grad()
def read(images, labels):
    """Share of readable pictures, and of those read as their label: per cent."""
    yes = reader(Tensor(images.astype(np.float32))).sigmoid().data > 0.9
    one = yes.sum(axis=1) == 1
    return 100 * one.mean(), 100 * (one & yes[np.arange(len(yes)), labels]).mean()


# %%
def apart(a, b):
    """The mean distance from a row of one to a row of the other."""
    a, b = a.astype(float), b.astype(float)
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(squared, 0)).mean()


def distance(a, b):
    within = sum(apart(cloud, cloud) * len(cloud) / (len(cloud) - 1) for cloud in (a, b))  # none with itself
    return max(2 * apart(a, b) - within, 0)


real = codes[4000:7000]


def measure(name, z, labels=None):
    readable, as_label = read(vae.generate(z), y[: len(z)] if labels is None else labels)
    told = " " * 20 if labels is None else f"≈ {as_label:2.0f} % as labelled "
    print(f"{name:26} ≈ {readable:2.0f} % readable   {told}   distance {distance(z, real):.2f}")


print(f"test digits: ≈ {read(x_test, y_test)[0]:.0f} % readable")
measure("codes of digits", codes[:2000], y[:2000])
measure("draws from the prior", from_prior)

# %% [markdown]
# The gap between the two lines is not the decoder's fault, since both went through it. It is the price of drawing
# codes from $\mathcal{N}(0, I)$ and not from where codes lie. (That the first line is below that of test digits is the
# price of squeezing a digit into two numbers.) Can a learnt prior close the gap?
#
# ## 2. Drown it
#
# Call whatever is noised $x_0$, as the papers do; here it is a code. One minute of wandering shrinks it a little and
# adds a little noise, $x_t = \sqrt{1 - \beta_t}\, x_{t-1} + \sqrt{\beta_t}\, \epsilon$, so that a variance of 1 stays
# 1: $(1 - \beta_t) + \beta_t$. (This $\beta_t$ is a step's share of noise; it has nothing to do with the `beta` of the
# ELBO.) Do that $t$ times. A Gaussian plus a Gaussian is a Gaussian, and variances add, so all the steps fold into one:
#
# $$x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 - \bar\alpha_t}\, \epsilon, \qquad
# \bar\alpha_t = \prod_{s \le t} (1 - \beta_s)$$
#
# (Ho et al. 2020, equation 4). We call $\sqrt{\bar\alpha_t}$ the signal and $\sqrt{1 - \bar\alpha_t}$ the noise; their
# squares add up to 1. The **schedule** says how alpha-bar falls. Ours is a squared cosine (Nichol & Dhariwal 2021,
# equation 17), with `T = 200` steps, counted from 0 as indices are; the papers count from 1, mostly to 1,000.
#
# ### Exercise 1
#
# Noise a batch, each row to a step of its own.


# %%
def noised(x0, t, eps, alpha_bar):
    # x0 and eps are (B, L), t is (B,) whole numbers, alpha_bar is (T,); return x_t, (B, L)
    ...


check("08/noised", noised)

# %% [markdown]
# Stuck? `hint("08/noised")` gives one hint after the other; `solution("08/noised")` comes after a try.
#
# (The exercise first: what follows gives it away.) Does the jump land where the walk does? We send 20,000 walkers from
# the code $(2)$, one minute at a time.

# %%
T = 200


def cosine(T, s=0.008):
    left = np.cos((np.arange(T + 1) / T + s) / (1 + s) * np.pi / 2) ** 2
    beta = np.minimum(1 - left[1:] / left[:-1], 0.999)  # never all at once
    return np.cumprod(1 - beta)


def noised(x0, t, eps, alpha_bar):
    share = alpha_bar[t][:, None]  # (B, 1)
    return np.sqrt(share) * x0 + np.sqrt(1 - share) * eps


alpha_bar, rng = cosine(T), np.random.default_rng(3)
walkers = np.full(20000, 2.0)
for t, alpha in enumerate(alpha_bar / np.r_[1, alpha_bar[:-1]]):  # alpha = 1 - beta
    walkers = np.sqrt(alpha) * walkers + np.sqrt(1 - alpha) * rng.standard_normal(20000)
    if t in (19, 99, 179):
        walked, jumped = (walkers.mean(), walkers.std()), (2 * alpha_bar[t] ** 0.5, (1 - alpha_bar[t]) ** 0.5)
        ratio = alpha_bar[t] / (1 - alpha_bar[t])
        print(f"t = {t:3}: walked {walked[0]:.2f} ± {walked[1]:.2f}, by the formula {jumped[0]:.2f} ± {jumped[1]:.2f}")
        print(f"         signal to noise, alpha_bar / (1 - alpha_bar) = {ratio:.3g}")

# %% [markdown]
# Now the whole map. One thing before: the schedule takes for granted that $x_0$ has a variance of about 1. So we
# divide the codes by their standard deviation. What comes of leaving that out is section 6.

# %%
scale = np.float32(1 / codes.std())
latents = scale * codes
eps = np.random.default_rng(4).standard_normal((1500, 2), dtype=np.float32)
times = [0, 40, 80, 120, 199]


def clouds(axes, points, labels, titles):
    for ax, cloud, title in zip(axes, points, titles, strict=True):
        ax.scatter(*cloud.T, c=labels, cmap="tab10", s=3, alpha=0.7, linewidths=0)
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", xticks=[], yticks=[], title=title)


fig, axes = plot.figure(7.4, 1.8, columns=5)
drowned = [noised(latents[:1500], np.full(1500, t), eps, alpha_bar) for t in times]
clouds(axes, drowned, y[:1500], [f"t = {t}" for t in times])

# %% [markdown]
# Each colour is a digit. Streets first, one cloud in the end. Nothing was learnt so far: the way into the noise is
# fixed.
#
# ## 3. The same bound again
#
# Read this as a VAE with `T` layers of latents, $x_1, \dots, x_T$, whose encoder has no parameters. What is left to
# learn is the decoder: steps $p(x_{t-1} \mid x_t)$ back. The ELBO of lesson 06, taken apart step by step, is (Ho et
# al. 2020, equation 5)
#
# $$\underbrace{\log p(x_0 \mid x_1)}_{\text{reconstruction}} - \sum_{t > 1} \mathrm{KL}\big(q(x_{t-1} \mid x_t, x_0)
# \,\|\, p(x_{t-1} \mid x_t)\big) - \underbrace{\mathrm{KL}\big(q(x_T \mid x_0) \,\|\, \mathcal{N}(0, I)\big)}_{\text{no
# parameters, about 0}}.$$
#
# The first argument of the KL is known: who stands at $x_t$ and came from $x_0$ was, a minute ago, somewhere between,
#
# $$q(x_s \mid x_t, x_0) = \mathcal{N}\!\left(\tfrac{\sqrt{\bar\alpha_s}\,\beta}{1 - \bar\alpha_t}\, x_0 +
# \tfrac{\sqrt{1 - \beta}\,(1 - \bar\alpha_s)}{1 - \bar\alpha_t}\, x_t,\;\; \tfrac{1 - \bar\alpha_s}{1 -
# \bar\alpha_t}\,\beta\, I\right), \quad \beta = 1 - \tfrac{\bar\alpha_t}{\bar\alpha_s}$$
#
# (their equations 6 and 7, with $s$ for $t - 1$). For the second, take the same formula with a guess $\hat{x}_0$ in
# place of $x_0$. Now both are Gaussians of the same width, and the KL of two such is their squared distance over twice
# the variance. Only $x_0 - \hat{x}_0$ differs, and what stands before it folds up neatly: with $\mathrm{SNR} =
# \bar\alpha / (1 - \bar\alpha)$,
#
# $$\mathrm{KL}_t = \tfrac{1}{2}\, (\mathrm{SNR}_s - \mathrm{SNR}_t)\; \lVert x_0 - \hat{x}_0 \rVert^2$$
#
# (Kingma et al. 2021). Each layer's toll is a regression error. We check it with the KL of lesson 04, which measures
# from $\mathcal{N}(0, I)$: shift and stretch both Gaussians until one of them is just that.


# %%
def gaussian_kl(mu, logvar):  # lesson 04
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(axis=-1)


def back(x0, x_t, a_t, a_s):
    """Mean and variance of q(x_s | x_t, x0); a_t and a_s are alpha_bar there."""
    beta = 1 - a_t / a_s
    mean = a_s**0.5 * beta / (1 - a_t) * x0 + (1 - beta) ** 0.5 * (1 - a_s) / (1 - a_t) * x_t
    return mean, (1 - a_s) / (1 - a_t) * beta


rng = np.random.default_rng(5)
x0, guess, noise = rng.normal(size=(3, 4, 2))  # float64; 4 codes
snr = alpha_bar / (1 - alpha_bar)
for t in (1, 20, 100, 199):
    x_t = noised(x0, np.full(4, t), noise, alpha_bar)
    (true_mean, variance), (my_mean, _) = (back(a, x_t, alpha_bar[t], alpha_bar[t - 1]) for a in (x0, guess))
    kl = gaussian_kl((true_mean - my_mean) / variance**0.5, np.zeros((4, 2)))
    weight = (snr[t - 1] - snr[t]) / 2
    same = np.allclose(kl, weight * ((x0 - guess) ** 2).sum(axis=1))
    print(f"t = {t:3}: KL = weight x squared error {same}, weight {weight:.3g}")
print(f"the last KL, for a code of length 1: {gaussian_kl(alpha_bar[-1] ** 0.5, np.log(1 - alpha_bar[-1])):.6f} nats")

# %% [markdown]
# The weights fall by many powers of ten: the bound cares most for the last traces of noise, which no eye sees. Ho et
# al. drop weights (equation 14) and pay with the bound. What is left is a good loss: FID 3.17 in place of 13.51 (their
# Table 2; lower is better). What to ask the network for is a choice as well, since $x_t$ and any one of these give the
# others: $x_0$, $\epsilon$, or
#
# $$v = \sqrt{\bar\alpha_t}\, \epsilon - \sqrt{1 - \bar\alpha_t}\, x_0$$
#
# (Salimans & Ho 2022, section 4). With signal and noise as the cosine and sine of an angle, $(x_t, v)$ is $(x_0,
# \epsilon)$, rotated. To go back nothing is divided by a number near 0, so `v` is what we take. Our loss is the mean
# of $(v - \hat{v})^2$ at random $t$: an ordinary regression.
#
# ## 4. Learn the question
#
# A denoiser for two numbers. It is told `x_t`, the step (as a few sines), and a label, of which number 10 says "any".


# %%
from minivae.nn import Module
from minivae.ops import concat, silu


class Denoiser(Module):
    shape, classes = (2,), 10

    def __init__(self, rng, hidden=128):
        self.first = Linear(2 + 8 + 11, hidden, rng=rng)
        self.layers = [Linear(hidden, hidden, rng=rng) for _ in range(2)]
        self.last = Linear(hidden, 2, rng=rng)

    def forward(self, x_t, t, labels=None):
        labels = np.full(len(x_t), 10) if labels is None else labels
        angle = np.pi * (t[:, None] + 0.5) / T * np.array([0.5, 1, 2, 4])
        told = np.concatenate([np.sin(angle), np.cos(angle), np.eye(11)[labels]], axis=1)
        h = silu(self.first(concat(x_t, Tensor(told.astype(np.float32)), axis=1)))
        for layer in self.layers:
            h = h + silu(layer(h))
        return self.last(h)


# %%
def errors(net, x0, t, eps, labels):
    signal, noise = (np.sqrt(part[t])[:, None].astype(np.float32) for part in (alpha_bar, 1 - alpha_bar))
    v = signal * eps - noise * x0
    error = net(Tensor(signal * x0 + noise * eps), t, labels) - v
    return (error * error).mean(axis=1)  # (B,)


def trained(x0, steps=1500, batch=256):
    rng = np.random.default_rng(6)
    net = Denoiser(rng)
    adam, losses = Adam(net.parameters()), []
    for step in range(steps):
        adam.lr = 2e-3 * np.cos(0.5 * np.pi * step / steps) ** 2  # shrinks to 0
        rows, t = rng.integers(len(x0), size=batch), rng.integers(T, size=batch)
        labels = np.where(rng.random(batch) < 0.1, 10, y[rows])  # one in ten is not told
        adam.zero_grad()
        loss = errors(net, x0[rows], t, rng.standard_normal((batch, 2), dtype=np.float32), labels).mean()
        loss.backward()
        adam.step()
        losses.append(loss.item())
    return net, np.mean(losses[-500:])


net, loss = trained(latents)
print(f"loss {loss:.2f}; the answer 0 would cost 1")

# %% [markdown]
# It will never come near 0: of all who stand at one place of the cloud, each came from somewhere else, and the best
# answer is their average. That average is all we need.
#
# Now the way back. Given $\hat{v}$, turn $(x_t, \hat{v})$ back into $\hat{x}_0$ and $\hat\epsilon$. The simplest step
# to an earlier time $s$ is to put both together again as they would have been there:
#
# $$x_s = \sqrt{\bar\alpha_s}\, \hat{x}_0 + \sqrt{1 - \bar\alpha_s}\, \hat\epsilon.$$
#
# This is **DDIM** (Song et al. 2021, equation 12 without noise). Nothing is drawn, and $s$ may be many steps before
# $t$.
#
# ### Exercise 2


# %%
def ddim_step(x_t, v, a_t, a_s):
    # x_t and v are (B, L), a_t and a_s are alpha_bar at t and at s; return x_s, (B, L)
    ...


check("08/ddim-step", ddim_step)

# %% [markdown]
# **DDPM** (Ho et al. 2020, algorithm 2) draws from $q(x_s \mid x_t, \hat{x}_0)$ above instead: a mean, and fresh noise
# at each step. (As before: the exercise first.)


# %%
def split(x_t, v, a_t):
    signal, noise = a_t**0.5, (1 - a_t) ** 0.5
    return signal * x_t - noise * v, noise * x_t + signal * v  # x0 and eps, estimated


def ddim_step(x_t, v, a_t, a_s, rng=None):
    x0, eps = split(x_t, v, a_t)
    return a_s**0.5 * x0 + (1 - a_s) ** 0.5 * eps


def ddpm_step(x_t, v, a_t, a_s, rng):
    x0, _ = split(x_t, v, a_t)
    mean, variance = back(x0, x_t, a_t, a_s)
    return mean + variance**0.5 * rng.standard_normal(x_t.shape)


@no_grad()
def chain(answer, x, steps, step=ddim_step, rng=None):
    """All states from noise x to a sample: steps + 1 arrays (B, L). `answer` takes x_t and t."""
    stops, states = np.round(T * np.arange(steps, 0, -1) / steps).astype(int) - 1, [x]
    for t, s in zip(stops, [*stops[1:], None], strict=True):
        a_s = 1.0 if s is None else alpha_bar[s]
        states.append(step(states[-1], answer(states[-1], t), alpha_bar[t], a_s, rng).astype(np.float32))
    return states


# %%
def by(net, labels):
    return lambda x_t, t: net(Tensor(x_t), np.full(len(x_t), t), labels).data


some = y[:2000]  # labels as frequent as in the data
noise = np.random.default_rng(7).standard_normal((2000, 2), dtype=np.float32)
states = chain(by(net, some), noise, 200)
fig, axes = plot.figure(7.4, 1.8, columns=5)
clouds(axes, [states[200 - t][:1500] for t in (200, 120, 80, 40, 0)], y[:1500], ["noise", 120, 80, 40, "sample"])

measure("codes of digits", codes[:2000], some)
measure("DDIM, 200 steps", states[-1] / scale, some)
measure("DDPM, 200 steps", chain(by(net, some), noise, 200, ddpm_step, rng)[-1] / scale, some)
for steps in (20, 5, 2):
    measure(f"DDIM, {steps} steps", chain(by(net, some), noise, steps)[-1] / scale, some)
measure("draws from the prior", from_prior)

# %%
quiz("08/predict-map", ran=read(vae.generate(states[-1] / scale), some)[0])

# %% [markdown]
# The crowd sorts itself into streets, and most of the gap is closed: same decoder, better addresses. And the 200 steps
# were no law of nature, twenty do as well. Two do not, though the *reader* likes them best of all: with so few steps
# one gets averages, and an average is easy to read. The distance is not fooled.
#
# Does the library do the same? Same weights, same noise, and two of its own functions:

# %%
import inspect

from minivae.models import Diffusion, Schedule
from minivae.models.diffusion import ddim_posterior

theirs = Diffusion(net, Schedule("cosine", T), predict="v")
rng = np.random.default_rng(8)
t, eps = rng.integers(T, size=500), rng.standard_normal((500, 2), dtype=np.float32)
mine = errors(net, latents[:500], t, eps, y[:500]).data
print("schedules agree:", np.allclose(theirs.schedule.alpha_bar, alpha_bar))
print("losses agree:   ", np.allclose(theirs.errors(Tensor(latents[:500]), t, eps, y[:500]).data, mine, atol=1e-5))
made = theirs.sample(2000, np.random.default_rng(7), labels=some, steps=20)
mine = chain(by(net, some), noise, 20)[-1]
print("samples agree:  ", np.allclose(made, mine, atol=1e-3), "\n")
for function in (Schedule.q_sample, ddim_posterior):
    signature, _, body = inspect.getsource(function).split('"""')
    print(inspect.cleandoc(signature) + body.rstrip(), "\n")

# %% [markdown]
# ## 5. Ask for a digit
#
# Because one label in ten was withheld, one network gives two answers: where those come from who stand here *and are
# threes*, and where anybody comes from. Their difference is what the label has to say. **Guidance** says it louder (Ho
# & Salimans 2022, equation 6):
#
# $$\hat{v} = (1 + w)\, \hat{v}_{\text{label}} - w\, \hat{v}_{\text{any}}.$$
#
# ### Exercise 3


# %%
def guided(with_label, without, w):
    # two answers (B, L) and a number w >= 0; return the guided answer, (B, L)
    ...


check("08/guided", guided)


# %%
def guided(with_label, without, w):
    return (1 + w) * with_label - w * without


def louder(labels, w):
    return lambda x_t, t: guided(by(net, labels)(x_t, t), by(net, None)(x_t, t), w)


fig, axes = plot.figure(7.4, 2.5, columns=3)
for ax, w in zip(axes, (0, 1, 3), strict=True):
    z = chain(louder(some, w), noise, 50)[-1]
    clouds([ax], [z], some, [f"w = {w}"])
    ax.set(xlim=(-5, 5), ylim=(-5, 5))
    for digit in range(10):
        place = np.median(z[some == digit], axis=0)
        ax.text(*place, digit, weight="bold", ha="center", va="center", clip_on=True)
    measure(f"guidance w = {w}", z / scale, some)

# %% [markdown]
# With $w = 3$ far more pictures are read as what was asked, more even than those of *real* codes. And the distance
# grows beyond that of the prior: each digit shrinks to a small flock or a thin line, as far as it can get from all
# others, and some leave the map. Guidance buys legibility and pays in truth and variety. It is no better model of the
# data. Often it is what one wants.
#
# ## 6. The scale
#
# What if we forget to divide? Our codes would hardly mind: lesson 04's toll holds their spread near 1. But a VAE for
# latent diffusion is given a tiny `beta` (Rombach et al. 2022 take $10^{-6}$), so that it rebuilds sharply, and then
# nothing holds the spread. We take the same codes in other units, up to 33 times smaller and 10 times larger. Nothing
# else changes: same information, same network, same training, same noise. (Any digit is asked for, which is harder.)

# %%
quiz("08/predict-units")


# %%
def in_units(unit):
    other, loss = trained(np.float32(unit) * latents)
    away = [chain(by(other, None), noise, steps)[-1] / unit / scale for steps in (50, 20, 5)]
    far = "    ".join(f"{distance(z, real):.2f}" for z in away)
    shares = "   ".join(f"≈ {read(vae.generate(z), some)[0]:2.0f} %" for z in away)
    print(f"{unit:5} {loss:9.2f}      {far}      {shares}")
    return away[1]


print("                     distance after         readable after")
print("units      loss      50      20       5 steps    50       20        5 steps")
by_unit = {unit: in_units(unit) for unit in (0.03, 0.1, 1, 5.5, 10)}
fig, axes = plot.figure(7.4, 1.9, columns=5)
for ax, (name, z) in zip(axes, [("codes of digits", real[:2000]), *by_unit.items()], strict=False):
    ax.scatter(*z.T, s=3, alpha=0.4, linewidths=0, color=plot.BLUE)
    ax.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", xticks=[], yticks=[])
    ax.set_title(name if isinstance(name, str) else f"units {name}")

# %%
quiz("08/predict-units")

# %% [markdown]
# The lowest loss of all belongs to the worst samples. Small codes drown at once: at nearly every step the network sees
# noise and nothing else, and answering with what it sees is nearly right. What decides the picture is left to the last
# few steps, and little of the training. At 0.03, twenty steps end in a lump in the middle of the map, further off than
# draws from the prior, which cost no training at all. (Where any digit will do, this small network catches the size of
# the cloud at best, and hardly its arms.)
#
# Large codes drown late, and at first all steps are idle. And here is the honest part: with 50 steps the
# distance shows nothing of it, at 5.5 as at 10. Only few steps tell. A missing scale is a fault that hides.
#
# So measure the standard deviation on the training set, once, and multiply the codes by `scale = 1 / std` (Rombach et
# al. 2022, appendix G). That is all there is to the number **0.18215** in Stable Diffusion's code: its VAE leaves
# codes with a standard deviation of about $1 / 0.18215 \approx 5.49$. It is measured, not chosen. Copied to another
# VAE it is a bug, and so is to forget the division before decoding.
#
# ## 7. The whole pipeline
#
# Now with pictures. `python -m minivae.learn.latent_digits` trained a convolutional VAE, 32 x 32 pixels to 4 x 8 x 8
# numbers, with pixel losses and a `beta` of 0.01; then, on its scaled codes, a U-Net with labels. That took some seven
# minutes of one core, and its weights come with the course. The steps are yours, in the library's words.

# %%
from minivae.learn.latent_digits import latent_digits
from minivae.models import cropped, padded

model = latent_digits()
images = padded(x_test, 32)
k = np.flatnonzero(y_test == 5)[3]
code = model.codes(images[[k]])
latent = model.scale * code
eps = np.random.default_rng(9).standard_normal(latent.shape, dtype=np.float32)
x_t = model.diffusion.schedule.q_sample(latent, np.array([120]), eps)
x0, _ = model.diffusion.denoise(x_t, 120, np.array([5]))
film = list(model.diffusion.chain(1, np.random.default_rng(10), labels=[5], guidance=1, steps=20))
print(f"scale {model.scale:.2f}; this code has a spread of {code.std():.2f}, this latent of {latent.std():.2f}")

# %%
there = [images[k, 0], code[0], latent[0], x_t[0], x0[0], model.decode(x0)[0, 0]]
names = ["image", "code", "x scale: latent", "noised, t = 120", "denoised once", "/ scale, decoded"]
start = np.random.default_rng(10).standard_normal((4, 8, 8), dtype=np.float32)
again = [start, *(film[n].x[0] for n in (3, 9, 14, 19)), model.decode(film[-1].x)[0, 0]]
fig, axes = plot.figure(7.4, 3.1, rows=2, columns=6)
titles = [*names, "pure noise", "4 steps", "10 steps", "15 steps", "20: a latent", "/ scale, decoded"]
for ax, picture, title in zip(axes.flat, [*there, *again], titles, strict=True):
    if picture.ndim == 3:  # four channels, as a square of four
        ax.imshow(np.block([[*picture[:2]], [*picture[2:]]]), cmap="RdBu", vmin=-3, vmax=3)
    else:
        ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title, fontsize=8)
    ax.set_axis_off()

# %% [markdown]
# Above, a real digit goes through the whole machine once. Below, a new one comes into being: no encoder, noise in
# its place, twenty questions, one call of the decoder. Here is that film with the decoder looking on at each step:

# %%
views = [model.decode(frame.x0)[0, 0] for frame in film]
Scrub(lambda n: {"what the denoiser expects": views[n]}, steps=20, start=3, name="step")

# %% [markdown]
# The first answers are an average of many fives, blurred as averages are. Detail comes last.
#
# Now the measurements. A *call* is one pass of a picture through the denoiser; guidance takes two for each step.
# Distance is that of section 1, from 2,000 test digits, pixel by pixel.

# %%
asked = np.arange(200) % 10


def judge(name, pictures, labels=asked, calls=0):
    pictures = cropped(pictures, 28)
    shares = "≈ {:3.0f} % readable   ≈ {:3.0f} % as asked".format(*read(pictures, labels))
    print(f"{name:22} {calls:3} calls   {shares}   distance {distance(pictures, x_test):.2f}")


def make(steps, w=0, sampler="ddim"):
    settings = dict(labels=asked, guidance=w, sampler=sampler, steps=steps)
    *_, last = model.diffusion.chain(200, np.random.default_rng(11), **settings)
    return model.decode(last.x)


judge("training digits", padded(x[:200], 32), y[:200])
judge("rebuilt by the VAE", model.vae.reconstruct(padded(x[:200], 32)), y[:200])
judge("VAE alone, its prior", model.vae.sample(200, np.random.default_rng(12)))
made = {}
for sampler, steps in [("ddpm", 200), ("ddim", 50), ("ddpm", 20), ("ddim", 20), ("ddpm", 5), ("ddim", 5)]:
    made[sampler, steps] = make(steps, sampler=sampler)
    judge(f"{sampler.upper()}, {steps} steps", made[sampler, steps], calls=steps)

# %%
for w in (1, 3):
    made["w", w] = make(20, w)
    judge(f"DDIM, 20 steps, w = {w}", made["w", w], calls=40)
fig, axes = plot.figure(7.4, 4.3, rows=3)
rows = {"DDIM, 20 steps, no guidance": ("ddim", 20), "guidance w = 1": ("w", 1), "guidance w = 3": ("w", 3)}
for ax, (name, key) in zip(axes, rows.items(), strict=True):
    plot.show(ax, cropped(made[key][:60], 28), 20, name)

# %% [markdown]
# Four things to read off. The denoiser is what makes the pictures: with codes from its prior, this VAE is worthless
# (its tiny `beta` never asked it to be good at that), and with 20 calls its samples are about as far from test digits
# as training digits are. The steps hardly matter, down to 20, and DDIM has no advantage over DDPM; Song et al. (2021,
# Table 1) found one on photographs, where there is more to lose. Five steps, and guidance, do what they did on the map:
# more readable than real digits, and further from them. And $w = 3$ looks very neat, all sevens alike.
#
# ## 8. Forty-eight times fewer numbers
#
# Why in the latent space at all? "Fifty times faster" is what one hears, and the number behind it is a count: Stable
# Diffusion's pictures have 512 x 512 x 3 values, its latents 64 x 64 x 4.

# %%
from unittest.mock import patch

from minivae.models import UNet
from minivae.nn import Conv2d

print(f"values: {512 * 512 * 3:,} over {64 * 64 * 4:,} = {512 * 512 * 3 / (64 * 64 * 4):.0f}")


@no_grad()
def products(work):
    """How many multiplications its convolutions do."""
    counted, plain = [], Conv2d.forward

    def forward(self, x):
        made = plain(self, x)
        counted.append(self.W.data.size * made.shape[2] * made.shape[3])  # each weight once at each pixel of the result
        return made

    with patch.object(Conv2d, "forward", forward):
        work()
    return sum(counted)


# %%
def one_call(shape):
    net = UNet(shape, rng=np.random.default_rng(0))
    return products(lambda: net(Tensor(np.zeros((1, *shape), np.float32)), np.array([0])))


small, large = one_call((4, 8, 8)), one_call((1, 32, 32))
decoding = products(lambda: model.vae.decode(Tensor(latent)))
print(f"ours: values {32 * 32} over {4 * 8 * 8} = {32 * 32 / (4 * 8 * 8):.0f}, but the same U-Net multiplies")
print(f"  {large / 1e6:.0f} million times for pixels, {small / 1e6:.1f} million for latents: x {large / small:.1f}")
for steps in (50, 5, 1):
    print(f"  with the decoder, at {steps:2} steps: {steps * large / (steps * small + decoding):.1f} times more")

# %% [markdown]
# So the count of values says little. (Only convolutions are counted here; they are most of the work.) A convolution
# pays for *places*, of which there are 16 times fewer, and 64 times fewer in Stable Diffusion; and the decoder takes
# its part of the gain, the more the fewer the steps. Nor are multiplications seconds. And what is gained may be spent
# on better pictures in place of speed. Rombach et al. (2022, section 4.5) measured, on inpainting, against a model on
# pixels: at least **2.7 times** faster, with an FID at least 1.6 times better. That is a good result. It is not 48.
#
# And ours, in full: `minivae bench diffusion` sets one design on pixels against the same on latents, on synthetic
# faces, one processor, side by side. Its report stands in docs/diffusion.md; there, pixels over latents,
#
# | side | values | products of a step | time of a step | time of a sample, 50 calls |
# |---:|---:|---:|---:|---:|
# | 28 | 3.06 | 7.16 | 8.47 | 11.3 |
# | 32 | 4 | 7.71 | 10.7 | 9.57 |
# | 64 | 16 | 29.2 | 44.6 | 40.8 |
# | 128 | 64 | 115 | 232 | 152 |
#
# So here the clock gains *more* than the count. Our U-Net begins at full size, where nearly all of its work is, and
# small arrays fit into a processor's caches. Other networks on other machines give other ratios, as theirs did. After
# the same 240 s of training at 64 x 64, VAE included, a judge takes 54 % of the latent faces for what was asked, and 10
# % of those drawn in pixels, where a guess among eight kinds has 12.5 %. And on your machine? `clock()` in a new cell
# tells, in a few seconds.


# %%
def clock(n=16, calls=5):
    from time import perf_counter

    for shape in [(1, 32, 32), (4, 8, 8)]:
        net, x_t = UNet(shape, rng=np.random.default_rng(0)), Tensor(np.zeros((n, *shape), np.float32))
        start = perf_counter()
        with no_grad():
            for _ in range(calls):
                net(x_t, np.zeros(n, int))
        print(f"{shape}: {1e3 * (perf_counter() - start) / calls / n:.2f} ms a picture and call")


# %% [markdown]
# ## 9. Break it
#
# A colleague has written `ddpm_step` anew, with our trained network, and is proud: her pictures are far more readable,
# at the same price and without guidance.


# %%
def her_step(x_t, v, a_t, a_s, rng):
    x0, _ = split(x_t, v, a_t)
    mean, variance = back(x0, x_t, a_t, a_s)
    return mean + variance * rng.standard_normal(x_t.shape)


runs = {}
for name, step in [("yours", ddpm_step), ("hers", her_step)]:
    runs[name] = chain(by(net, some), noise, 200, step, np.random.default_rng(13))
    measure(f"DDPM, 200 steps, {name}", runs[name][-1] / scale, some)

# %% [markdown]
# Too good to be true? There is a gauge for every diffusion sampler. Signal and noise squared add up to 1, and latents
# have a standard deviation of 1; so at *every* step of a sound chain, if it is not guided, the cloud has a standard
# deviation of 1, on the way back as on the way there.

# %%
fig, ax = plot.figure(6.4, 2.6)
for (name, states), colour, above in zip(runs.items(), (plot.BLUE, plot.ORANGE), (1.08, 0.3), strict=True):
    spreads = [state.std() for state in states]
    ax.plot(spreads, color=colour)
    ax.text(100, above, name, color=colour, ha="center")
    some_spreads = ", ".join(f"{spreads[n]:.1f}" for n in (0, 25, 100, 200))
    print(f"{name:6} standard deviation after 0, 25, 100, 200 steps: {some_spreads}")
ax.set(ylim=(0, 1.3), xlabel="steps done, from noise to sample", ylabel="standard deviation")

fig, axes = plot.figure(7.4, 2.5, columns=3)
clouds(axes, [latents[:2000], runs["yours"][-1], runs["hers"][-1]], some, ["codes of digits", "yours", "hers"])

# %%
quiz("08/the-patient")

# %% [markdown]
# ## 10. Quiz

# %%
quiz("08/by-hand")

# %%
quiz("08/where-from")

# %%
quiz("08/why-squares")

# %%
quiz("08/order-the-calls")

# %%
quiz("08/perfect-answer")

# %%
quiz("08/forty-eight")

# %%
quiz("08/no-labels-dropped")

# %%
quiz("08/the-vae-inside")

# %% [markdown]
# ## In one breath
#
# 1. The way into the noise is fixed, and any step of it is one jump: $x_t = \sqrt{\bar\alpha_t}\, x_0 + \sqrt{1 -
#    \bar\alpha_t}\, \epsilon$.
# 2. The way back is learnt by regression, and the regression is an ELBO with $T$ layers, its weights dropped.
# 3. DDPM draws at every step, DDIM never does, so that it can take few; guidance trades truth for legibility.
# 4. Latent diffusion does all this on the codes of a trained VAE, divided by their standard deviation, and decodes
#    once.
# 5. Its gain is the work at fewer places: measure it, and do not count values.
#
# **Read on:** Ho et al., *Denoising Diffusion Probabilistic Models* (2020); Song et al., *Denoising Diffusion Implicit
# Models* (2021); Nichol & Dhariwal, *Improved Denoising Diffusion Probabilistic Models* (2021); Salimans & Ho,
# *Progressive Distillation for Fast Sampling of Diffusion Models* (2022); Ho & Salimans, *Classifier-Free Diffusion
# Guidance* (2022); Kingma et al., *Variational Diffusion Models* (2021); Rombach et al., *High-Resolution Image
# Synthesis with Latent Diffusion Models* (2022), sections 3 and 4.5; Székely & Rizzo, *Energy statistics* (2013). Next,
# lesson 09: how good is it, really?
