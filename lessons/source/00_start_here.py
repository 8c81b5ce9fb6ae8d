# %% [markdown]
# # 00 · Start here
#
# *What if two numbers were enough to draw a digit?*
#
# Here is a machine with two dials. Run the cell below: click into it and press **Shift + Enter**. Then drag the ring
# over the map, or click on it and use the arrow keys. Wherever you let go, the machine draws what belongs there.

# %%
from minivae.learn import LatentMap, check, hint, quiz, solution
from minivae.learn.first_vae import draw, first_decoder

LatentMap(draw, names=("first dial", "second dial"), start=(-1.5, 0))

# %% [markdown]
# Nobody told the machine what a 7 is. Nobody drew these pictures either: not one of them is in any collection. It
# looked at 10,000 handwritten digits, squeezed each through a bottleneck two numbers wide, and had to get it back.
# What came of that is a map on which neighbours look alike, and every place is some digit or a digit on its way to
# another.
#
# Such a machine is called a **variational autoencoder**, VAE for short. The same idea sits inside the programs that
# paint from a sentence. In this course you build one: first the engine that trains it, then the machine, then the
# questions that one should ask of it, until nothing in it is a black box.
#
# You need to read Python, and to know what a derivative is. You need no GPU, no account and no network: all of it
# runs on this machine, and nothing leaves it.
#
# ## 1. How a lesson works
#
# Every lesson is a notebook like this one. You run it from the top, cell by cell. On the way there are questions,
# like this one, and it explains itself:

# %%
quiz("00/how-a-quiz-works")

# %% [markdown]
# Some ask you to **predict** what comes out before you run it. They have no score. They are the most useful ones: who
# has bet on an answer looks at the result with other eyes. So, a bet:

# %%
quiz("00/predict-the-middle")

# %% [markdown]
# ## 2. Open the machine
#
# `draw` is three lines long, and you are going to write them. The machine knows four tables of numbers, its
# **weights**:

# %%
import numpy as np

W1, b1, W2, b2 = first_decoder()
for name, w in [("W1", W1), ("b1", b1), ("W2", W2), ("b2", b2)]:
    print(f"{name}  {w.shape!s:12} {w.size:7,} numbers")
print(f"together {W1.size + b1.size + W2.size + b2.size:,}")

# %% [markdown]
# The two dials are called the **code**, $z$. For B pictures at a time, z is a table with B rows and 2 columns,
# written (B, 2). First each row becomes 128 numbers, the **hidden units**: products with the weights, added up, plus
# a constant `b1`. Whatever is negative becomes 0; this step is called **relu**, and without it the machine could draw
# nothing but straight blends:
#
# $$h = \max(0, \; z W_1 + b_1).$$
#
# Then the 128 become 784 in the same way, one for each pixel of a picture of 28 by 28. They may be any numbers, and a
# pixel has to lie between 0 (black) and 1 (white). The **sigmoid** bends them into that range:
#
# $$\hat{x} = \mathrm{sigmoid}(h W_2 + b_2), \qquad \mathrm{sigmoid}(a) = \frac{1}{1 + e^{-a}}.$$
#
# The hat says: this is the machine's guess at a picture, not a picture that somebody wrote. In code it is `x_hat`.
#
# ### Exercise 1
#
# Some cells have a gap for you. Fill this one in and run it; `check` tells at once whether it is right, and if not,
# it knows the usual slips. (`@` is the matrix product, `np.maximum(0, a)` is relu, `np.exp` is $e$ to the power of.)


# %%
def decode(z, W1, b1, W2, b2):
    # z is (B, 2); return x_hat, of shape (B, 784)
    ...


check("00/decode", decode)

# %% [markdown]
# Stuck? `hint("00/decode")` gives one hint after the other, and `solution("00/decode")` shows a way to do it, after a
# try. Nobody counts the hints.
#
# From here on the cells need the answer, so it is given away below. Try first; it is the only part of a lesson that
# cannot be read.


# %%
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def decode(z, W1, b1, W2, b2):
    h = np.maximum(0, z @ W1 + b1)  # (B, 128)
    return sigmoid(h @ W2 + b2)  # (B, 784)


z = np.random.default_rng(0).standard_normal((500, 2), dtype=np.float32)
mine = decode(z, W1, b1, W2, b2)
print("the machine's pictures and yours agree:", np.allclose(mine, [draw(one).ravel() for one in z], atol=1e-6))

# %% [markdown]
# That is all there is inside. A hundred thousand numbers and three lines: the whole art is in how the numbers were
# found. Lessons 01 to 06 are about that.
#
# Here are pictures from codes drawn at random. Each number of a code comes from the **standard normal distribution**
# $\mathcal{N}(0, 1)$, the bell curve around 0. It will be with us through the whole course.

# %%
from minivae import plot

fig, ax = plot.figure(7.4, 2.0)
plot.show(ax, mine[:60], 20, "decoded from codes drawn at random")

# %%
quiz("00/a-standard-normal")

# %% [markdown]
# Some are fine digits and some are between two. On this map there is no empty land; that is the achievement, and
# lesson 03 shows what it looks like without.
#
# ## 3. A walk
#
# Take two codes, `a` and `b`, and walk from one to the other in a straight line. After the share $t$ of the way you
# are at
#
# $$(1 - t)\, a + t\, b.$$
#
# ### Exercise 2
#
# Return `steps` codes, one a row: the first is `a`, the last is `b`, and the others divide the way evenly.


# %%
def walk(a, b, steps):
    # a and b are (L,); return a table of shape (steps, L)
    ...


check("00/walk", walk)

# %% [markdown]
# (The exercise first, then this.)


# %%
def walk(a, b, steps):
    t = np.linspace(0, 1, steps)[:, None]  # (steps, 1): a column, so that it meets every number of a row
    return (1 - t) * a + t * b


a, b = np.array([-2.2, -1.0]), np.array([2.0, 2.0])  # here is a 1, and there a 0
through_code = decode(walk(a, b, 12), W1, b1, W2, b2)
through_pixels = walk(through_code[0], through_code[-1], 12)

fig, axes = plot.figure(7.4, 2.0, rows=2)
plot.show(axes[0], through_code, 12, "walking through the code")
plot.show(axes[1], through_pixels, 12, "walking through the pixels")

# %% [markdown]
# Both rows begin and end with the same two pictures. Below, one picture fades out while the other fades in; halfway
# there are two digits, one on top of the other. Above there is one digit all the time, and on the way from 1 to 0 we
# meet a 3 and a 6. In numbers: how much of the ink in the picture halfway stands where *neither* end has any?

# %%
ends = np.maximum(through_code[0], through_code[-1])
half_code = decode(((a + b) / 2)[None], W1, b1, W2, b2)[0]
half_pixels = (through_code[0] + through_code[-1]) / 2


def new_ink(picture):
    return 100 * picture[ends < 0.1].sum() / picture.sum()


print(f"halfway through the code:    {new_ink(half_code):2.0f} % of the ink is new")
print(f"halfway through the pixels:  {new_ink(half_pixels):2.0f} % of the ink is new")

# %%
quiz("00/predict-the-middle")

# %% [markdown]
# Averaged pixels can only repeat what is there. The code stands for *what is drawn*, so that going halfway in it can
# mean something that neither end was. Lesson 07 makes use of that with faces: halfway between a smiling bearded one
# and a frowning long-haired one there is a neutral one.
#
# ## 4. Break it
#
# Towards the end of each lesson something is broken, in a way in which real programs were. You get what a doctor
# gets: what the patient looks like, and some readings. A colleague has rewritten the last step, from 784 numbers to a
# picture.

# %%
row = mine[:12]
healthy, patient = row.reshape(12, 28, 28), row.reshape(12, 28, 28, order="F")

fig, axes = plot.figure(7.4, 2.0, rows=2)
plot.show(axes[0], healthy, 12, "yours")
plot.show(axes[1], patient, 12, "the colleague's")
for name, x in [("yours", healthy), ("the colleague's", patient)]:
    tall = np.ptp(np.argwhere(x.mean(axis=0) > 0.15), axis=0)
    print(f"{name:16} average {x.mean():.4f}, largest {x.max():.4f}, inked area {tall[0]} high and {tall[1]} wide")

# %%
quiz("00/lying-digits")

# %% [markdown]
# A mistake in the order of axes raises no error and leaves every average as it was. It shows when you *look*. So this
# course prints numbers next to its pictures, and shows pictures next to its numbers.
#
# ## 5. What else is there
#
# **Your answers** are kept in a file of your own on this machine, and come back when you open the notebook again. In
# a terminal, `minivae progress` shows how far you are and what comes next, and where that file is. `minivae quiz`
# asks the same questions without a notebook.
#
# **Where it computes.** One line at the top of a program chooses the **backend**. This is where we are:

# %%
import minivae

print(minivae.use("numpy").name)

# %% [markdown]
# `minivae.use("sim")` sends the same program through CUDA kernels, on a simulated GPU that every computer can run,
# and `minivae.use("cupy")` through a real one. Nothing else in the program changes; lessons 10 and 11 show how that
# is done. `minivae doctor` says what works on your machine.
#
# **The way ahead.**
#
# | | lesson | you build |
# |---|---|---|
# | 01 | Gradients from scratch | the engine: a tape, a walk back along it, and a way to check it |
# | 02 | The spy's note | an autoencoder: squeeze a picture into a few numbers, and unfold it |
# | 03 | Garbage from random codes | a way to measure whether what a decoder makes up is any good |
# | 04 | Send a range | the VAE |
# | 05 | The reparameterization trick | three ways to send a gradient past a throw of dice |
# | 06 | The loss with two forces | the ELBO, from what is wanted to what is computed |
# | 07 | A map of concepts | interpolation, mixing, and adding a smile |
#
# They build on each other, so take them in order. Each takes an evening or less; running all its cells takes under a
# minute.
#
# ## 6. Warm up
#
# Four more things that the course leans on. If one of them is new to you, its feedback says what you need.

# %%
quiz("00/which-axis")

# %%
quiz("00/one-step-downhill")

# %%
quiz("00/the-map")

# %% [markdown]
# ## In one breath
#
# 1. A decoder turns a few numbers, the code, into a picture: products, sums, relu, and a sigmoid at the end.
# 2. A VAE arranges its codes so that a code drawn from $\mathcal{N}(0, I)$ means something.
# 3. Halfway in the code is a shape of its own; halfway in the pixels is a double exposure.
# 4. Predict before you run, and look at pictures and numbers together.
# 5. All that is inside is a hundred thousand numbers. How to find them is what comes now.
#
# **Read on:** Kingma & Welling, *Auto-Encoding Variational Bayes* (2013), from which the machine comes and whose
# figure 4 is the first such map; LeCun et al., *Gradient-based learning applied to document recognition* (1998),
# where the digits come from. Next, lesson 01: how to find out which way to turn a hundred thousand dials.
