# %% [markdown]
# # 05 · The reparameterization trick
#
# *A die is thrown in the middle of the network. How do you send a slip back through a throw of dice?*
#
# In lesson 01 every desk of the office knew its own rate: how much its result moves when an input moves. A slip that
# came back was multiplied by that rate and handed on. Now there is a new desk. It is handed `mu` and `logvar`, throws
# a die that is loaded accordingly, and passes on what comes up. Back comes a slip: *your result should be smaller.*
# The desk shrugs. The number came off a die, and a die has no rate.
#
# Lesson 04 had such a desk and trained all the same, by a trick that took one line. Here you take it apart. You build
# three estimators of the gradient, of which one will say nothing at all, and at the end a fourth that cheats a
# little. Of each you measure what it gets wrong on average (its **bias**), how much it wavers (its **variance**) and
# what it costs; and you train the same VAE with them.
#
# ## Predict first

# %%
from minivae.learn import check, hint, quiz, solution

quiz("05/predict-the-price")

# %% [markdown]
# ## 1. The shrug
#
# Begin with something so small that the answer is known. An archer aims at $\mu$; the arrow lands at $z \sim
# \mathcal{N}(\mu, \sigma^2)$; the gold is at 3, and the price of a shot is $f(z) = (z - 3)^2$. On paper, what a shot
# costs on average is
#
# $$\mathbb{E} f = (\mu - 3)^2 + \sigma^2, \qquad \frac{d\,\mathbb{E} f}{d\mu} = 2(\mu - 3), \qquad \frac{d\,\mathbb{E}
# f}{d\,\mathtt{logvar}} = \sigma^2,$$
#
# the last because $\sigma^2 = e^{\mathtt{logvar}}$. With $\mu = 1$ and $\sigma = 0.5$ the gradients are $-4$ and
# $0.25$: aim further to the right, and hold the bow more steadily. This is where every estimator has to come out.
#
# First the **naive** way: draw in the middle with NumPy, and hope.

# %%
import numpy as np

from minivae import Tensor, plot
from minivae.errors import GradientError
from minivae.graph import explain, graph

AIM, SIGMA, GOLD = 1.0, 0.5, 3.0
mu, logvar = Tensor(np.array(AIM), requires_grad=True), Tensor(np.array(2 * np.log(SIGMA)), requires_grad=True)
rng = np.random.default_rng(0)
z = Tensor(rng.normal(mu.data, np.exp(0.5 * logvar.data), 1000))
try:
    ((z - GOLD) ** 2).mean().backward()
except GradientError as error:
    print(error)

# %% [markdown]
# An honest complaint. But behind the die of a VAE stands a decoder, with dials of its own. Give the archer one such
# dial, `w`, and the complaint is gone:

# %%
w = Tensor(np.array(1.0), requires_grad=True)
price = ((w * z - GOLD) ** 2).mean()
cut = graph(price, locals())
price.backward()
print("gradient of w: ", "there" if w.grad is not None else None)
print("gradient of mu:", mu.grad, "\n")
print(explain(mu, price))
cut

# %% [markdown]
# The scissors are at `z`. Above it there is nothing: `mu` and `logvar` went into the draw as bare numbers, by their
# `.data`, and the tape has never heard of them. Training would run, and the encoder would not hear a word from the
# pictures.
#
# ### Nudging a die
#
# Then nudge, as in lesson 01: shoot 1,000 arrows at $\mu + h$, another 1,000 at $\mu - h$, and divide the difference
# of the mean prices by $2h$. Do it twice over: once with fresh luck on both sides, once with the *same seed* on both.


# %%
def mean_price(mu, seed):
    z = np.random.default_rng(seed).normal(mu, SIGMA, 1000)
    return ((z - GOLD) ** 2).mean()


def error_of_nudging(h, other):
    """Root mean square error over 200 repetitions; seed + other is the seed of the second side."""
    slopes = [(mean_price(AIM + h, s) - mean_price(AIM - h, s + other)) / (2 * h) for s in range(200)]
    return np.sqrt(np.mean((np.array(slopes) - 2 * (AIM - GOLD)) ** 2))


steps = 10.0 ** np.arange(-4, 0.1, 0.5)
fig, ax = plot.figure(6.4, 2.8)
ax.set(xlabel="nudge h", ylabel="error", ylim=(0.01, 3000), title="the slope is -4; how far off is nudging?")
for other, name, colour, line in [(1000, "fresh luck", plot.ORANGE, "--"), (0, "the same luck", plot.BLUE, "-")]:
    errors = [error_of_nudging(h, other) for h in steps]
    ax.loglog(steps, errors, color=colour, ls=line, marker="o", ms=4)
    ax.text(steps[1], 1.6 * errors[1] + 0.02, f"{name} on both sides", color=colour, weight="bold")
    print(f"{name:13} error at h = 0.001: {errors[2]:.2f}")

# %% [markdown]
# With fresh luck the two sides differ by chance, and chance divided by $2h$ is what you get. With the same luck the
# same arrows fly twice, each a little further to the right, and any $h$ will do. So a draw does have a rate, provided
# that it is not thrown anew.
#
# What did the seed hold fixed? NumPy throws a standard normal number first, and scales and shifts it afterwards:

# %%
eps = np.random.default_rng(7).standard_normal(1000)
print("same numbers:", np.allclose(np.random.default_rng(7).normal(AIM, SIGMA, 1000), AIM + SIGMA * eps))

# %% [markdown]
# ## 2. Throw outside: the pathwise gradient
#
# That is the whole trick. Throw the die *outside* the office and have the result, `eps`, brought in like any other
# input. The desk itself only shifts and scales,
#
# $$z = \mu + \sigma \cdot \epsilon, \qquad \frac{\partial z}{\partial \mu} = 1, \qquad \frac{\partial z}{\partial
# \mathtt{logvar}} = \tfrac{1}{2}\,\sigma\,\epsilon,$$
#
# and both rates are plain numbers once $\epsilon$ is known. Think of a film of the shot: replay it with the aim moved
# a hair, and see where *this* arrow would have landed. Averaged over $\epsilon$ this is the exact gradient, provided
# that $f$ has no jumps. It goes by the names **reparameterization** and **pathwise gradient** (Kingma & Welling 2013;
# Rezende et al. 2014). Here it is, compared with nudging, arrow by arrow:


# %%
def pathwise(g, logvar, eps):
    """From the slips g at the draws, (S, L), to those at mu and logvar, one of each for every draw."""
    return g, g * 0.5 * np.exp(0.5 * logvar) * eps


def prices(mu, logvar):
    return (mu + np.exp(0.5 * logvar) * eps - GOLD) ** 2


lv, h = 2 * np.log(SIGMA), 1e-5
g_mu, g_logvar = pathwise(2 * (AIM + SIGMA * eps - GOLD), lv, eps)
print("g_mu right:    ", np.allclose(g_mu, (prices(AIM + h, lv) - prices(AIM - h, lv)) / (2 * h)))
print("g_logvar right:", np.allclose(g_logvar, (prices(AIM, lv + h) - prices(AIM, lv - h)) / (2 * h)))

# %% [markdown]
# ### Which dice can be thrown outside?
#
# Not only normal ones. Let $F(x)$ be the probability of a result up to $x$, and $u$ uniform between 0 and 1. Then $x =
# F^{-1}(u)$ has that law, and all chance is in $u$. What it takes is an $F$ that can be solved for $x$. With the beta
# distribution, the usual choice for a number between 0 and 1, that cannot be done on paper. Kumaraswamy's (1980) looks
# much the same and can be solved, which is why Nalisnick & Smyth (2017) put it into a VAE:
#
# $$F(x) = 1 - (1 - x^a)^b, \qquad 0 < x < 1.$$
#
# ### Exercise 1
#
# Draw N numbers from it. All chance has to come from `rng`. `check` tests 10,000 of your draws for their law.


# %%
def kumaraswamy(a, b, N, rng):
    # return x, of shape (N,)
    ...


check("05/kumaraswamy", kumaraswamy)

# %% [markdown]
# Stuck? `hint("05/kumaraswamy")` gives one hint after the other; `solution("05/kumaraswamy")` comes after a try.
#
# (The exercise first, then this.) Solve for $x$, hold $u$ fixed, differentiate: $\partial x / \partial a = -x \log x /
# a$. Averaged, that has to be the slope of the mean, which is known in closed form.

# %%
from math import gamma

a, b, u = 2.0, 3.0, np.random.default_rng(1).uniform(size=100_000)
x = (1 - u ** (1 / b)) ** (1 / a)  # u in the place of 1 - u: both are uniform
slips = -x * np.log(x) / a
mean = lambda a: b * gamma(1 + 1 / a) * gamma(b) / gamma(1 + 1 / a + b)
print(f"pathwise {slips.mean():.4f} ± {slips.std() / 100_000**0.5:.4f}")
print(f"exact    {(mean(a + 1e-5) - mean(a - 1e-5)) / 2e-5:.4f}")

# %% [markdown]
# ## 3. Ask for the odds: the score function
#
# A second archer shoots in fog. All that comes back is the price of each arrow, never the slope of the target. Still
# there is a way. Let $q(z)$ be the density of the draw. Differentiate the *odds* instead of the price:
#
# $$\nabla \int q(z) f(z)\,dz = \int f(z)\,\nabla q(z)\,dz = \mathbb{E}\big[f(z)\,\nabla \log q(z)\big].$$
#
# The last step multiplies and divides by $q$. In words: each arrow votes for the side on which it fell, and its price
# is the weight of its vote. Prices rise towards the side with the heavier votes; downhill is the other way. $\nabla
# \log q$ is called the **score**, the method **score function** or **REINFORCE** (Glynn 1990; Williams 1992). For a
# normal die
#
# $$\frac{\partial \log q}{\partial \mu} = \frac{z - \mu}{\sigma^2}, \qquad \frac{\partial \log q}{\partial
# \mathtt{logvar}} = \tfrac{1}{2}\Big(\frac{(z - \mu)^2}{\sigma^2} - 1\Big).$$
#
# ### Exercise 2
#
# S draws with L numbers each, and the price of each draw. Return the estimate, averaged over the draws.


# %%
def score_gradients(f, z, mu, logvar):
    # f is (S,), z is (S, L), mu and logvar are (L,); return g_mu and g_logvar, of shape (L,)
    ...


check("05/score", score_gradients)

# %% [markdown]
# ### A baseline
#
# Prices are all positive, so *every* arrow says "it is dear over here", and only the difference between loud and very
# loud carries the message. But the score is 0 on average. So a number $b$ may be subtracted from all prices at no
# cost in bias, if only it does not depend on the draw that it is used for. A good one is what the *other* draws cost
# (Kool et al. 2019): the mean of all but this one.
#
# ### Exercise 3
#
# For B images with S draws each: the price of every draw, minus the mean price of the other draws of the same image.


# %%
def leave_one_out(f):
    # f is (B, S); return (B, S)
    ...


check("05/leave-one-out", leave_one_out)

# %% [markdown]
# ## 4. Bias, variance, price
#
# (Do the exercises first: what follows gives them away.) Here are both, with a score for each draw this time, and a
# check of the score: nudge $\log q$.


# %%
def score(z, mu, logvar):
    var = np.exp(logvar)
    return (z - mu) / var, 0.5 * ((z - mu) ** 2 / var - 1)


def leave_one_out(f):
    return f - (f.sum(axis=1, keepdims=True) - f) / (f.shape[1] - 1)


def log_q(mu, logvar):
    return -0.5 * ((z - mu) ** 2 / np.exp(logvar) + logvar + np.log(2 * np.pi))


z = AIM + SIGMA * eps
of_mu, of_logvar = score(z, AIM, lv)
print("at mu right:    ", np.allclose(of_mu, (log_q(AIM + h, lv) - log_q(AIM - h, lv)) / (2 * h)))
print("at logvar right:", np.allclose(of_logvar, (log_q(AIM, lv + h) - log_q(AIM, lv - h)) / (2 * h)))

# %% [markdown]
# Now 100,000 arrows. The draws for the baseline come in groups of ten.

# %%
N = 100_000
eps = np.random.default_rng(2).standard_normal(N)
z = AIM + SIGMA * eps
f = (z - GOLD) ** 2
credit = leave_one_out(f.reshape(-1, 10)).ravel()
by_name = {
    "pathwise": pathwise(2 * (z - GOLD), lv, eps),
    "score": tuple(f * s for s in score(z, AIM, lv)),
    "score, baseline": tuple(credit * s for s in score(z, AIM, lv)),
}


def spread(g):
    """Standard deviation of one draw, from the means of groups of ten."""
    return g.reshape(-1, 10).mean(axis=1).std() * 10**0.5


print("                   d/dmu, exact -4.000         d/dlogvar, exact 0.250")
print("                   mean               1 draw   mean               1 draw")
for name, pair in by_name.items():
    told = [f"{g.mean():6.3f} ± {spread(g) / N**0.5:.3f}   ± {spread(g):5.2f}" for g in pair]
    print(f"{name:16}   {told[0]}   {told[1]}")

# %% [markdown]
# No bias anywhere: all means lie within two standard errors of the truth. The standard deviation of a single draw, in
# the columns beside them, is what a training step meets, for it has few draws. There the pathwise gradient is the
# quiet one.
#
# ### One number is not a code
#
# So give the archer D arms that shoot at once, and let the price be the sum. Look at the gradient of *one* aim.

# %%
D_MAX, N = 256, 20_000
deltas = AIM - GOLD + SIGMA * np.random.default_rng(3).standard_normal((N, D_MAX))  # z - 3
s = score(deltas[:, 0] + GOLD, AIM, lv)[0]
sizes = 2 ** np.arange(9)
variances = {"pathwise": [], "score, baseline": [], "score": []}
for D in sizes:
    f = (deltas[:, :D] ** 2).sum(axis=1)
    variances["pathwise"].append(spread(2 * deltas[:, 0]) ** 2)
    variances["score, baseline"].append(spread(leave_one_out(f.reshape(-1, 10)).ravel() * s) ** 2)
    variances["score"].append(spread(f * s) ** 2)
print("variance of one draw    D = 1          D = 16         D = 256")
for name, of in variances.items():
    print(f"{name:16}", *(f"{float(f'{of[k]:.2g}'):14,.0f}" for k in (0, 4, 8)))

# %%
fig, (left, right) = plot.figure(7.4, 3.0, columns=2)
left.set(xlabel="numbers in the code, D", title="variance of one draw", xscale="log", yscale="log", ylim=(0.1, 1e8))
for name, colour, line, place in [
    ("pathwise", plot.BLUE, "-", (2, 2)),
    ("score, baseline", plot.GREEN, "-.", (12, 40)),
    ("score", plot.ORANGE, "--", (8, 1e5)),
]:
    left.plot(sizes, variances[name], color=colour, ls=line, marker="o", ms=4)
    left.text(*place, name, color=colour, weight="bold")

aims, fine = np.linspace(-1.5, 1.5, 13), np.linspace(-1.5, 1.5, 200)
eps = np.random.default_rng(4).standard_normal((2000, 1))
terms = (aims + SIGMA * eps > 0) * eps / SIGMA  # price times score, (2000, 13)
right.plot(fine, np.exp(-0.5 * (fine / SIGMA) ** 2) / (SIGMA * np.sqrt(2 * np.pi)), color=plot.GREY)
right.errorbar(aims, terms.mean(axis=0), 2 * terms.std(axis=0) / 2000**0.5, color=plot.ORANGE, fmt="o", ms=4)
right.plot(aims, 0 * aims, color=plot.BLUE)
right.set(xlabel="aim mu", title="gradient for a price that jumps", ylim=(-0.15, 1.05))
for place, name, colour in [((0.3, 0.75), "score", plot.ORANGE), ((-0.5, -0.1), "pathwise", plot.BLUE)]:
    right.text(*place, name, color=colour, weight="bold")
right.text(-0.55, 0.65, "exact", color=plot.GREY, weight="bold", ha="right")
middle = 1 / (SIGMA * np.sqrt(2 * np.pi))
print(f"a price that jumps, at mu = 0: exact {middle:.2f}, score {terms[:, 6].mean():.2f}, pathwise 0.00")

# %%
at = {name: variances[name][list(sizes).index(64)] for name in variances}
wobble = 2 * (deltas[:, :64] ** 2).sum(axis=1).var() / (2 * 0.1) ** 2  # of (f - f') / 2h with two fresh draws
passes = {  # forward passes of f for one draw of the whole gradient, times the variance
    "pathwise": 3 * at["pathwise"],
    "differences, same luck": 2 * 64 * at["pathwise"],
    "score, baseline": at["score, baseline"],
    "score": at["score"],
    "differences, fresh luck": 2 * 64 * wobble,
}
print("64 aims, all gradients to ± 0.1:     forward passes")
for name, cost in passes.items():
    print(f"  {name:24} {float(f'{cost / 0.1**2:.2g}'):20,.0f}")
draws = at["score"] / at["pathwise"]
print(f"\nscore against pathwise, without a baseline: {float(f'{draws:.2g}'):,.0f} times as many draws")

# %%
quiz("05/predict-the-price", ran=draws / 1000)

# %% [markdown]
# On the left, blue stays where it is: the slope at the arrow of *this* arm does not ask what the other arms did. The
# score sees one price for all arms and has to find out who was to blame. Its variance grows with D even with a good
# baseline, and with $D^2$ without. The path has a price too: a walk back through $f$, about two more passes (lesson
# 01), and memory for its tape, while the score gets by with values. In the table that is a factor of 3, and cheap.
# Mohamed et al. (2020) compare the two in depth.
#
# ### Where the trick fails
#
# On the right the price jumps: 1 if the arrow falls beyond 0, else 0. The pathwise gradient (blue) is 0 for every
# arrow, so it is wrong everywhere, and *perfectly sure*: its variance is 0. The score (orange, with two standard
# errors) follows the truth (grey). To move the derivative inside the average, $f$ must not jump. A rounding, an
# `argmax`, a coin behind the die: each cuts the path. Small variance is worth nothing by itself.
#
# ## 5. Meet the library

# %%
import inspect

from minivae import ops
from minivae.distributions import Normal

rng = np.random.default_rng(5)
mu, logvar = (Tensor(rng.normal(size=(4, 3)), requires_grad=True) for _ in range(2))
eps = rng.standard_normal((4, 3))
z = ops.reparameterize(mu, logvar, eps)
price = ((z - GOLD) ** 2).sum()
mended = graph(price, locals())
price.backward()
g_mu, g_logvar = pathwise(2 * (z.data - GOLD), logvar.data, eps)
print("pathwise agrees:", np.allclose(g_mu, mu.grad), np.allclose(g_logvar, logvar.grad))

m, lv = Tensor(mu.data, requires_grad=True), Tensor(logvar.data, requires_grad=True)
q = Normal(m, lv)
q.log_prob(z.data).sum().backward()
print("score agrees:   ", np.allclose(score(z.data, m.data, lv.data), (m.grad, lv.grad)))
print("sample gives", type(q.sample(rng)).__name__, "and rsample gives", type(q.rsample(rng)).__name__, "\n")
print(inspect.getsource(ops.reparameterize))

# %% [markdown]
# `sample` hands out numbers with no past; `rsample` (r for reparameterized) a tensor that remembers. PyTorch has the
# same two names, and to mix them up is a bug of its own: see the quiz. Here is the mended tape. The scissors have moved
# to `eps`, where nobody minds.

# %%
mended

# %% [markdown]
# ## 6. The same VAE, five ways
#
# Now a small VAE on 10,000 digits, with ten numbers in the code. Model, seed and number of steps are the same in all
# runs; all that differs is what the reconstruction tells the encoder. The decoder stands *behind* the die and gets
# its slips in any case, and the KL is a formula, with no die in it. The pathwise run is the library's `VAE` as it
# stands. `Thrown` draws with `sample` and adds a term whose gradient is the right one: the credit of each draw, taken
# as a constant, times $\log q$.

# %%
from minivae.data import load
from minivae.models import VAE
from minivae.progress import Quiet
from minivae.train import fit


class Thrown(VAE):
    """z comes off a die in the middle; `credit` makes of the prices (S, B) what stands before log q."""

    def loss(self, x, rng):
        mu, logvar = self.encode(x)
        q, kl = Normal(mu, logvar), ops.gaussian_kl(mu, logvar)
        z = q.sample(rng, self.throws)  # (S, B, L), an array
        logits = self.decode(Tensor(z.reshape(-1, self.latent)))
        nll = self.likelihood.nll(logits, np.tile(x.data, (self.throws, 1))).reshape(self.throws, -1)  # (S, B)
        blame = Tensor(self.credit(nll.data)) * q.log_prob(z)
        reconstruction = -nll.data.mean(axis=0)
        told = {"elbo": reconstruction - kl.data, "reconstruction": reconstruction, "kl": kl.data}
        return ((nll + blame).mean(axis=0) + kl).mean(), told


# %% [markdown]
# For the naive way the credit is 0: nothing is passed on. What will its curves look like?

# %%
quiz("05/predict-the-cut")

# %%
x, _ = load("mnist-small", "train")
x_test, _ = load("mnist-small", "test")
ways = {  # name: (draws for each image, credit)
    "pathwise": (1, None),
    "score, two draws": (2, lambda f: leave_one_out(f.T).T),
    "score, batch": (1, leave_one_out),  # the other images of the batch
    "score": (1, lambda f: f),
    "naive": (1, np.zeros_like),
}
models, runs = {}, {}
print("ELBO, reconstruction and KL on test digits, nats per image")
for name, (throws, credit) in ways.items():
    models[name] = (Thrown if credit else VAE)(hidden=100, latent=10, rng=np.random.default_rng(0))
    models[name].throws, models[name].credit = throws, credit
    rng = np.random.default_rng(1)
    runs[name] = fit(models[name], x, x_test, epochs=6, rng=rng, report=Quiet()).history
    told = [f"≈ {runs[name][-1][f'test_{part}']:4.0f}" for part in ("elbo", "reconstruction", "kl")]
    print(f"{name:18}", "   ".join(told))

# %% [markdown]
# The naive run reports no error, and a KL of 0: the encoder hears the toll and nothing else, so it sends
# $\mathcal{N}(0, I)$ for every image, and the decoder paints the average digit. Your prediction, to be laid beside it:

# %%
quiz("05/predict-the-cut")

# %%
fig, ax = plot.figure(6.4, 3.4)
ax.set(xlabel="epoch", ylabel="nats per image", title="test ELBO", xlim=(0.8, 8.1), ylim=(-248, -138))
ax.set_xticks(range(1, 7))
for name, colour, line, height in [  # labels at fixed heights: where each curve ends
    ("pathwise", plot.BLUE, "-", -146),
    ("score, two draws", plot.GREEN, "-.", -154),
    ("score, batch", "#CC79A7", (0, (6, 1)), -175),
    ("score", plot.ORANGE, "--", -194),
    ("naive", plot.GREY, ":", -204),
]:
    ax.plot(range(1, 7), [row["test_elbo"] for row in runs[name]], color=colour, ls=line)
    ax.text(6.1, height, name, color=colour, weight="bold", va="center")

# %% [markdown]
# Why this order? Freeze the trained pathwise model, draw 400 times for the same 100 images, and see how much each
# estimate of the slips at `mu` wobbles: its standard deviation, in units of the pathwise one.

# %%
model, rng = models["pathwise"], np.random.default_rng(5)
images = np.tile((rng.random((100, 784)) < x_test[:100]).astype(np.float32), (2, 1))  # each twice: two draws
slips = {name: [] for name in ("pathwise", "score, two draws", "score, batch", "score")}
for _ in range(200):
    mu, logvar = (Tensor(t.data, requires_grad=True) for t in model.encode(Tensor(images)))
    z = Normal(mu, logvar).rsample(rng)
    nll = model.likelihood.nll(model.decode(z), images)
    nll.sum().backward()
    f, s = nll.data, score(z.data, mu.data, logvar.data)[0]
    slips["pathwise"].append(mu.grad)
    slips["score, two draws"].append(leave_one_out(f.reshape(2, 100).T).T.reshape(-1, 1) * s)
    slips["score, batch"].append(leave_one_out(f.reshape(2, 100)).reshape(-1, 1) * s)
    slips["score"].append(f[:, None] * s)
wobbles = {name: np.sqrt(np.var(g, axis=0).mean()) for name, g in slips.items()}
for name, wobble in wobbles.items():
    print(f"{name:18} ≈ {wobble / wobbles['pathwise']:2.0f} times the pathwise wobble")

# %% [markdown]
# The wobble of a mean falls with the root of the number of draws, so 96 times the wobble is to be paid with some nine
# thousand times the draws. The baselines take most of that away: `score, batch` compares an image with the other
# images of its batch, `score, two draws` with a second draw of its own, at the price of a second trip through the
# decoder.
#
# Now be fair to the score function. With 64 arms and a baseline it needed 1,200 times as many draws as the path. Here,
# with two draws, it needs about 25 times as many, the square of 5, and training ends within 10 nats of the pathwise
# run, though the encoder never heard of one slope of the decoder. How loud it is depends on the model and on the
# baseline, and has to be measured. Where there is a path, take the path. Where there is none, this is what you have.
#
# ## 7. A coin in the middle
#
# Suppose the code is a coin: $b = 1$ with probability $p = \mathrm{sigmoid}(l)$, else 0. The path jumps, so the trick
# is off. There are two outcomes, so the truth is easy: $\mathbb{E} f = p f(1) + (1 - p) f(0)$ and
#
# $$\frac{d\,\mathbb{E} f}{dl} = p\,(1 - p)\,\big(f(1) - f(0)\big).$$
#
# The score function works as ever; its score is $b - p$. The **straight-through** estimator (Bengio et al. 2013) is
# bolder. Forward it throws the coin; back it pretends that the result had been $p$ itself, so the slip at the coin,
# $f'(b)$, goes straight through to $p$. Try both on $f(b) = (b - 0.45)^2$, the toy of Tucker et al. (2017). Tails
# costs 0.2025 and heads 0.3025, so $p$ should go to 0.


# %%
def sigmoid(logit):
    return 1 / (1 + np.exp(-logit))


def coin_gradients(logit, u):
    """Score and straight-through estimates for coins thrown with u, uniform in (0, 1)."""
    p = sigmoid(logit)
    b = (u < p).astype(float)
    credit = leave_one_out(((b - 0.45) ** 2)[None])[0]
    return credit * (b - p), 2 * (b - 0.45) * p * (1 - p)


u = np.random.default_rng(8).uniform(size=100_000)
exact = lambda p: p * (1 - p) * (0.3025 - 0.2025)
print("   p   exact    score             straight-through")
for p in (0.2, 0.45, 0.7):
    pair = coin_gradients(np.log(p / (1 - p)), u)
    told = [f"{g.mean():6.3f} ± {g.std() / len(u) ** 0.5:.5f}" for g in pair]
    print(f"{p:4.2f}  {exact(p):6.3f}   {told[0]}   {told[1]}")

# %% [markdown]
# At $p = 0.2$ straight-through has the wrong *sign*. It uses the slope of $f$ at the two ends, where what counts is
# the step from one end to the other. Go downhill with each, 100 coins a step:

# %%
fig, (left, right) = plot.figure(7.4, 2.9, columns=2)
ps = np.linspace(0.01, 0.99, 99)
left.plot(ps, exact(ps), color=plot.GREY)
left.plot(ps, 2 * ps * (1 - ps) * (ps - 0.45), color=plot.ORANGE, ls="--")
left.text(0.3, 0.04, "exact", color=plot.GREY, weight="bold")
left.text(0.42, -0.06, "straight-through,\non average", color=plot.ORANGE, weight="bold", va="center")
left.set(xlabel="p", title="gradient at the logit", ylim=(-0.1, 0.14))
right.set(xlabel="steps", title="p, going downhill", ylim=(0, 0.8))
for k, (name, colour, line) in enumerate([("score", plot.BLUE, "-"), ("straight-through", plot.ORANGE, "--")]):
    logit, rng, path = 0.5, np.random.default_rng(9), []
    for _ in range(600):
        path.append(sigmoid(logit))
        logit -= 2 * coin_gradients(logit, rng.uniform(size=100))[k].mean()
    right.plot(path, color=colour, ls=line)
    price = path[-1] * 0.3025 + (1 - path[-1]) * 0.2025
    right.text(590, path[-1] + 0.06, name, color=colour, weight="bold", ha="right")
    print(f"{name:17} ends at p = {path[-1]:.2f}, price {price:.3f}")

# %% [markdown]
# Straight-through settles where its own average is 0, undecided for ever, at a price that is no minimum. Where $f$ is a
# straight line from 0 to 1 it has no bias at all; and the less a single coin moves the loss, the straighter is the
# way from one price to the other. So it is in use where there is no path: lesson 12 needs it for codes from a list. A
# cousin bends the coin into something smooth (Jang et al. 2017; Maddison et al. 2017), and is biased too. The library
# has both, `ops.straight_through` and `Categorical.rsample`. The first:

# %%
logit = Tensor(np.zeros(len(u)), requires_grad=True)
p = logit.sigmoid()
b = ops.straight_through(p, f=lambda p: (u < p).astype(p.dtype))
((b - 0.45) ** 2).sum().backward()
print("agrees:", np.allclose(logit.grad, coin_gradients(0.0, u)[1]))

# %% [markdown]
# ## 8. Break it
#
# A colleague moved the draw into a function and gave it a knob for the scale of the noise, which stands at 1, as it
# should. The test ELBO went up by some twenty nats.

# %%
from minivae.models import Elbo


def draw(mu, logvar, eps, eps_std=1.0):
    return mu + (0.5 * logvar).exp() * eps_std


class Patient(VAE):
    def elbo(self, x, eps):
        mu, logvar = self.encode(x)
        reconstruction = -self.likelihood.nll(self.decode(draw(mu, logvar, eps)), x)
        kl = ops.gaussian_kl(mu, logvar)
        return Elbo(reconstruction - kl, reconstruction, kl)


patient = Patient(hidden=100, latent=10, rng=np.random.default_rng(0))
run = fit(patient, x, x_test, epochs=6, rng=np.random.default_rng(1), report=Quiet()).history

# %%
fig, axes = plot.figure(7.4, 2.6, columns=3)
for ax, part in zip(axes, ("elbo", "reconstruction", "kl"), strict=True):
    for history, colour, line in [(runs["pathwise"], plot.BLUE, "-"), (run, plot.ORANGE, "--")]:
        ax.plot(range(1, 7), [row[f"test_{part}"] for row in history], color=colour, ls=line)
    ax.set(title={"elbo": "test ELBO", "kl": "KL"}.get(part, part), xlabel="epoch", ylim=(-225, -115))
axes[2].set_ylim(0, 16)
axes[0].text(1, -140, "patient", color=plot.ORANGE, weight="bold")
axes[0].text(3.6, -178, "yours", color=plot.BLUE, weight="bold")
axes[0].set_ylabel("nats per image")
for name, history in [("yours", runs["pathwise"]), ("patient", run)]:
    last = [f"{part} ≈ {history[-1][f'test_{part}']:.0f}" for part in ("elbo", "reconstruction", "kl")]
    print(f"{name:8}", "   ".join(last))

# %% [markdown]
# The line is short, and one reads in it what one expects. So question the patient by numbers. Score the same images
# twice, with two draws of noise. And score its weights in *your* model, as in lesson 04.

# %%
from minivae import no_grad
from minivae.evaluate import evaluate

sound = VAE(hidden=100, latent=10, rng=np.random.default_rng(0))
sound.load_state_dict(patient.state_dict())
black = Tensor((x_test > 0.5).astype(np.float32))
first, second = np.random.default_rng(10).standard_normal((2, 2000, 10), dtype=np.float32)
with no_grad():
    for name, model in [("yours", models["pathwise"]), ("patient", patient)]:
        one, other = (model.elbo(black, eps).elbo.data for eps in (first, second))
        sigma = np.exp(0.5 * model.encode(black)[1].data).mean()
        apart = np.abs(one - other).mean()
        print(f"{name:8} sigma {sigma:.2f}; same images, other noise: ELBO differs by ≈ {apart:.0f} nats")
print(f"patient by itself:      ELBO ≈ {run[-1]['test_elbo']:.0f}")
honest = evaluate(sound, x_test, rng=np.random.default_rng(0))
print(f"the same, sound model:  ELBO ≈ {honest['elbo']:.0f}")

# %%
quiz("05/the-patient")

# %% [markdown]
# ## 9. Quiz

# %%
quiz("05/why-eps")

# %%
quiz("05/slip-by-hand")

# %%
quiz("05/what-it-prints")

# %%
quiz("05/what-the-baseline-may-know")

# %%
quiz("05/cheap-and-dear")

# %%
quiz("05/rsample-in-the-score")

# %%
quiz("05/a-coin-by-hand")

# %% [markdown]
# ## In one breath
#
# 1. A number drawn in the middle of a network has no rate: the tape ends there, and often nobody complains.
# 2. Throw the die outside. In $z = \mu + \sigma\epsilon$ everything but `eps` has a rate: the pathwise gradient.
# 3. The score function needs prices only, no slopes. It is unbiased too, and loud, and a baseline is half the cure.
# 4. Where the price jumps, the path says 0 and is sure of it. There, ask the odds, or accept a bias: straight-through.
# 5. Judge an estimator by bias, variance and cost together, against something known in closed form.
#
# **Read on:** Mohamed et al., *Monte Carlo Gradient Estimation in Machine Learning* (2020), the whole subject in one
# paper; Kingma & Welling, *Auto-Encoding Variational Bayes* (2013), section 2.4, and Rezende et al., *Stochastic
# Backpropagation* (2014), for the trick; Williams (1992) and Glynn (1990) for the score function; Kool et al., *Buy 4
# REINFORCE Samples, Get a Baseline for Free!* (2019); Bengio et al., *Estimating or Propagating Gradients Through
# Stochastic Neurons* (2013); Tucker et al., *REBAR* (2017), for coins without bias. Next, lesson 06: the two forces in
# the loss.
