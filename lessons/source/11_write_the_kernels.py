# %% [markdown]
# # 11 · Write the kernels
#
# *How do you tell five thousand cooks what to do, if all of them get the same sheet of paper?*
#
# Lesson 10 stayed outside of the hall: it wrote slips, and counted them. Now you go in and write the **recipe**. All
# cooks work from one and the same. They stand in **brigades**, and all that tells one cook from another is the number
# of the brigade and the place in it. What they need lies in the **pantry**, and a walk there takes far longer than
# any stirring. Each brigade has a **counter** in its midst, close at hand, for its own cooks only, and a **bell**:
# whoever comes to the line *wait for the bell* stops there until the whole brigade has come to it. Nothing else can
# be counted on: not who is faster, nor which brigade begins.
#
# The recipe is a **kernel**, a cook a **thread**, a brigade a **block**. The pantry is the GPU's memory, the counter
# is **shared memory**, and the bell a **barrier**, `__syncthreads()`. You will write, in CUDA C, the draw of a VAE,
# its KL, a step of Adam and a matrix product.
#
# No GPU is needed. A **simulator** compiles your kernel for this computer's processor and plays every thread, and it
# looks at every access to memory. It says whether a kernel is *right*. It says nothing about how *fast* a GPU would
# run it: nothing here was timed on one, and times in this lesson are computed on paper, from bytes.
#
# ## Predict first

# %%
from minivae.learn import check, hint, quiz, solution

quiz("11/predict-adam")

# %% [markdown]
# ## 1. One recipe, many cooks
#
# `cuda` takes the text of a kernel. In square brackets stands how many blocks and how many threads in each; CUDA C++
# writes `where<<<3, 4>>>(...)`. Every thread runs the same lines, and its own three numbers tell it who it is.

# %%
import numpy as np

from minivae.learn.cuda_cell import CellError, cuda

where = cuda(r"""
__global__ void where(int* block, int* thread) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;  // so many whole blocks before mine, then my place in it
  block[i] = blockIdx.x;
  thread[i] = threadIdx.x;
}
""")
block, thread = np.empty(12, np.int32), np.empty(12, np.int32)
where[3, 4](block, thread)
print("block ", block)
print("thread", thread)

# %% [markdown]
# Blocks are whole. For 10 numbers in blocks of 4 we still launch 3 blocks, 12 threads, and two of them have no
# number. If nobody tells them to keep still, they write beside the array. A GPU may say nothing for weeks, for
# something of somebody else's lies there. The simulator says it at once:

# %%
block, thread = np.empty(10, np.int32), np.empty(10, np.int32)
try:
    where[3, 4](block, thread)
except CellError as error:
    print(error)

# %% [markdown]
# So a kernel is told how many numbers there are, and opens with a **guard**: `if (i < n)`. Lines are counted from the
# one with `cuda(`; in Lab, *View, Show Line Numbers* shows them. (On a GPU with CuPy, the same call on CuPy arrays
# runs there, unchecked.)
#
# ### Exercise 1
#
# The draw of lesson 04, $z = \mu + \sigma\epsilon$. It is launched with blocks of 256, as many as n needs. In C, an
# exponential of floats is `expf`, and `0.5f` is a float.

# %%
reparameterize = cuda(r"""
__global__ void reparameterize(const float* mu, const float* logvar, const float* eps, float* z, int n) {
  // your lines
}
""")
check("11/reparameterize", reparameterize)

# %% [markdown]
# It is tried at five sizes, 1 and a prime among them, with threads in three orders, under all of the simulator's
# checks. `hint("11/reparameterize")` helps; `solution("11/reparameterize")` comes after a try. Mind that `1 / 2` is 0
# in C.
#
# ## 2. The floor
#
# (The exercise first: what follows gives it away.) A draw is four operations on four floats, and floats come slowly.
# So count what is carried: every array once for each way it goes. Three arrays in and one out are 16 bytes an
# element. The **floor** is bytes / bandwidth, and no kernel gets below it.
#
# As bandwidth we take 2,039 GB/s from the data sheet of an A100 with 80 GB (NVIDIA 2021), and as speed its 19.5
# million million operations a second, in float32. Those are peaks on paper; a plain copy reaches less. For a batch of
# 128 codes of 20 numbers, and for ten million numbers:

# %%
draw = cuda(r"""
__global__ void draw(const float* mu, const float* logvar, const float* eps, float* z, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) z[i] = mu[i] + expf(0.5f * logvar[i]) * eps[i];
}
""")
BANDWIDTH, FLOPS = 2039e9, 19.5e12  # bytes and float operations a second, by the data sheet


def floor(moved):
    return 1e6 * moved / BANDWIDTH  # microseconds


for n in (128 * 20, 10_000_000):
    print(f"{n:10,} numbers: {16 * n:11,} bytes, floor {floor(16 * n):6.2f} µs")
print(f"operations in the time of one byte: {FLOPS / BANDWIDTH:.1f}; the draw has {4 / 16:.2f} for each byte")

# %% [markdown]
# There is time for 38 times the arithmetic that a draw has: it waits for memory, and so do the KL and Adam. The
# batch's floor is far below what a launch costs, which lesson 10 put at 15 µs (CuPy's user guide). There a kernel of
# your own saves time only by being *one* slip in place of several; for ten million numbers it saves by moving nothing
# twice. Now real codes: the little VAE of lesson 04 reads 600 digits, and your kernel draws. The library's kernel
# stands in a file of its own; here are its lines, and both results.

# %%
from minivae import Tensor, no_grad
from minivae.cuda import Simulator, launch, using
from minivae.cuda.kernels import find
from minivae.data import load
from minivae.learn.first_vae import first_vae

vae = first_vae()
x_test, y_test = load("mnist-small", "test")
with no_grad():
    mu, logvar = (np.ascontiguousarray(t.data) for t in vae.encode(Tensor(x_test[:600])))  # (600, 2)
eps = np.random.default_rng(0).standard_normal(mu.shape, dtype=np.float32)
z, z_library = np.empty_like(mu), np.empty_like(mu)
draw[-(-z.size // 256), 256](mu, logvar, eps, z, z.size)  # -(-a // b) is a / b, rounded up
with using(Simulator(check=True)):
    launch("reparameterize", mu, logvar, eps, z_library, z.size)


def lines_of(name):
    source = find(name).source
    at = source.index(f" {name}(")
    return source[source.rindex("extern", 0, at) : source.index("\n}\n", at) + 2]


print("equal to the library's:", np.allclose(z, z_library), "\n")
print(lines_of("reparameterize"))

# %% [markdown]
# `__restrict__` promises that no two arrays overlap, `__launch_bounds__` that no block is larger, and `size_t` lets
# positions go beyond two billion. Else it is your kernel.
#
# ## 3. A sum by many cooks
#
# The KL of a code is a sum over its L numbers, for each of B rows. One thread for each row is the plain way:

# %%
kl_naive = cuda(r"""
__global__ void kl_naive(const float* mu, const float* logvar, float* kl, int B, int L) {
  int b = blockIdx.x * blockDim.x + threadIdx.x;
  if (b >= B) return;
  float sum = 0.0f;
  for (int l = 0; l < L; ++l) {
    int i = b * L + l;
    sum += 0.5f * (mu[i] * mu[i] + expf(logvar[i]) - 1.0f - logvar[i]);
  }
  kl[b] = sum;
}
""")
kl = np.empty(len(mu), np.float32)
kl_naive[3, 256](mu, logvar, kl, *mu.shape)
formula = 0.5 * (mu.astype(float) ** 2 + np.exp(logvar) - 1 - logvar).sum(axis=1)
print(f"mean KL of 600 digits: {kl.mean():.2f} nats; equal to NumPy's: {np.allclose(kl, formula, rtol=1e-4)}")

# %% [markdown]
# Right, and wasteful. A GPU sends 32 threads, a **warp**, to the pantry together, and the pantry hands out whole
# *lines* of 128 bytes, 32 floats. Here neighbouring threads read L floats apart. Let us write down the addresses, for
# rows of 20.

# %%
from matplotlib.colors import ListedColormap

from minivae import plot

shades = ListedColormap(["#F2F2F2", "#B9D3E6", plot.BLUE])  # left alone, came along, asked for
lane, L = np.arange(32), 20
asked = {"one thread a row": lane * L, "one warp a row": lane[:L]}  # which float each lane reads first
fig, axes = plot.figure(7.4, 2.3, columns=2)
for axis, (name, floats) in zip(axes, asked.items(), strict=True):
    memory = np.zeros((20, 32))  # 20 lines of 32 floats: 32 rows of 20
    memory[np.unique(floats // 32)] = 1
    memory[floats // 32, floats % 32] = 2
    axis.pcolormesh(memory, cmap=shades, vmin=0, vmax=2, edgecolor="white", lw=0.4)
    axis.set(title=name, xlabel="float of the line", ylabel="line of 128 bytes", ylim=(20, 0))
    lines = len(np.unique(floats // 32))
    print(f"{name:17} first read of a warp: {len(floats)} floats from {lines:2} lines, {128 * lines:,} bytes")

# %% [markdown]
# Dark is what was asked for, pale what came along. Caches may keep a line until its other floats are wanted; they are
# small and everybody's. Better let neighbours read neighbours. Then a row's sum is spread over many threads, and has
# to be brought together.
#
# **The tree.** One block of 128 threads takes a row. Each thread sums its share and puts it down on its place of the
# counter. Bell. Then the lower half of the threads adds what lies before the upper half: 64 + 64, 32 + 32, down to
# one, with a bell after each round, for whoever reads a place must know that its owner is done.
#
# ### Exercise 2
#
# One block a row, 128 threads, any L. `__shared__ float part[128];` declares the counter, `__syncthreads();` is the
# bell.

# %%
row_kl = cuda(r"""
__global__ void row_kl(const float* mu, const float* logvar, float* kl, int L) {
  // your lines
}
""")
check("11/kl", row_kl)

# %% [markdown]
# **The shuffle.** A latent code has some tens of numbers, so most of 128 threads have nothing to add and all wait at
# eight bells. The 32 lanes of one warp can hand each other values directly:
# `__shfl_down_sync(0xffffffffu, sum, half)` is the `sum` of the lane `half` places further on. No counter, no bell.
# The mask says that all 32 take part.
#
# ### Exercise 3
#
# One warp a row, blocks of 256 threads: 8 rows each.

# %%
warp_kl = cuda(r"""
__global__ void warp_kl(const float* mu, const float* logvar, float* kl, int B, int L) {
  // your lines
}
""")
check("11/kl-warp", warp_kl)

# %% [markdown]
# (Both exercises first.) The library has all three; the last one is in use. Its lines, and what each does with 128
# rows of 20, counted on paper:

# %%
with using(Simulator(check=True)):
    for version in ("gaussian_kl_v1", "gaussian_kl_v2", "gaussian_kl_v3"):
        theirs = np.empty_like(kl)
        launch(version, mu, logvar, theirs, *mu.shape)
        print(version, "equal:", np.allclose(theirs, kl, rtol=1e-5))
print(f"floor for 128 rows of 20: {8 * 128 * 20 + 4 * 128:,} bytes, {floor(8 * 128 * 20 + 4 * 128):.3f} µs\n")
print(lines_of("gaussian_kl_v3"))

# %% [markdown]
# | | threads a row | of them reading | lines per read | additions in a row | bells |
# |---|---|---|---|---|---|
# | one thread a row | 1 | 1 | 20 | 20 | 0 |
# | tree, 128 threads | 128 | 20 | 1 or 2 | 1 + 7 | 8 |
# | warp and shuffles | 32 | 20 | 1 or 2 | 1 + 5 | 0 |
#
# All three move the same bytes at best, so they have the same floor; they differ in how far above it they stay. By
# how much, only a GPU can tell (Harris 2007 measured seven versions of such a sum on one).
#
# Why not let every thread `atomicAdd` into `kl[b]`? It would be right up to rounding, but floats added in another
# order give other last bits, so two runs would differ. The tree adds in one order, always.
#
# ## 4. Adam in one pass
#
# Adam (Kingma & Ba 2015) is a dozen array operations. In NumPy, or with one launch for each, every one of them
# fetches its inputs from the pantry and carries its result back. This array counts what is carried:


# %%
class Counted(np.ndarray):
    moved = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        plain = [x.view(np.ndarray) if isinstance(x, np.ndarray) else x for x in inputs]
        result = getattr(ufunc, method)(*plain, **settings)
        Counted.moved += result.nbytes + sum(x.nbytes for x in plain if isinstance(x, np.ndarray))
        return result.view(Counted)


def adam_step(p, g, m, v, lr, b1, b2, tiny, c1, c2):
    m = b1 * m + (1 - b1) * g
    v = b2 * v + (1 - b2) * g**2
    return p - lr * (m / c1) / (np.sqrt(v / c2) + tiny), m, v


n = 1000
arrays = np.random.default_rng(1).uniform(0.1, 1, (4, n)).astype(np.float32)
stepped = adam_step(*(a.view(Counted) for a in arrays), 0.001, 0.9, 0.999, 1e-8, 0.1, 0.001)
ratio = Counted.moved / (28 * n)
print(f"step by step: {Counted.moved / n:.0f} bytes a parameter; in one pass: 4 read, 3 written, 28 bytes")
print(f"{ratio:.1f} times as much; floors for 10 million: {floor(128e7):.0f} µs and {floor(28e7):.0f} µs")

# %%
quiz("11/predict-adam", ran=ratio)

# %% [markdown]
# One pass is called a **fused** kernel: in-between results stay in registers and never see the pantry.
#
# ### Exercise 4
#
# One step for n parameters. `c1` $= 1 - \beta_1^t$ and `c2` $= 1 - \beta_2^t$ correct the bias of m and v, which
# began at 0; the host computes them once. p, m and v are read and written.

# %%
adam = cuda(r"""
__global__ void adam(float* p, const float* g, float* m, float* v, float lr, float b1, float b2, float tiny,
                     float c1, float c2, int n) {
  // your lines
}
""")
check("11/adam", adam)

# %% [markdown]
# (The exercise first.) The library takes even the factors that all parameters share out to the host. Three steps of
# its kernel beside three of the NumPy lines above:

# %%
p, g, m, v = arrays[0].copy(), arrays[1], np.zeros(n, np.float32), np.zeros(n, np.float32)
expected = (p, m, v)
for t in (1, 2, 3):
    c1, c2 = 1 - 0.9**t, 1 - 0.999**t
    expected = adam_step(expected[0], g, *expected[1:], 0.001, 0.9, 0.999, 1e-8, c1, c2)
    root = ((1 - 0.999) / c2) ** 0.5
    with using(Simulator(check=True)):
        launch("adam_v1", p, g, m, v, 0.9, 0.999, 0.001 * (1 - 0.9) / c1 / root, 1e-8 / root, 0.0, n)
print("three steps agree:", np.allclose(p, expected[0], rtol=1e-5), "\n")
source = find("adam_v1").source
print(source[source.index("__device__") : source.index("\n}\n", source.index("__device__")) + 2])

# %% [markdown]
# ## 5. A product by tiles
#
# A matrix product is the one thing here that need not wait for the pantry: (M, K) times (K, N) takes 2MNK operations
# on few numbers. But only if numbers are *kept*. With one thread for each result, every multiply-add fetches two
# floats.
#
# So let a brigade work on a square of 16 x 16 results. It needs a strip of each matrix and takes them in **tiles** of
# 16 x 16: every cook fetches one number of both, bell, everybody uses 16 of both from the counter, bell, next tile.
# Each number from the pantry now serves 16 results, and loads per multiply-add fall from 2 to 2/16.
#
# ### Exercise 5
#
# Blocks have 16 x 16 threads, the grid is (N / 16, M / 16), rounded up: x runs along columns.
# `__shared__ float a_tile[16][16], b_tile[16][16];` are the tiles. Sizes need be no multiples of 16.

# %%
matmul = cuda(r"""
__global__ void matmul(const float* a, const float* b, float* y, int M, int N, int K) {
  // your lines
}
""")
check("11/matmul", matmul)

# %% [markdown]
# What width is enough? Two floors: bytes / bandwidth, with every load a walk to the pantry, and operations /
# (operations a second). For the first layer of our VAEs, 128 images, 784 pixels, 400 units:

# %%
M, K, N = 128, 784, 400
tiles = 2 ** np.arange(8)
loads = 2 * M * N * K / tiles  # floats
by_bytes, by_work = floor(4 * loads + 4 * M * N), 1e6 * 2 * M * N * K / FLOPS
for width, low in zip(tiles, by_bytes, strict=True):
    print(f"tile {width:3}: {2 / width:.3f} loads per multiply-add, floor of the bytes {low:6.1f} µs")
print(f"floor of the {2 * M * N * K / 1e6:.0f} million operations: {by_work:.1f} µs")

fig, axis = plot.figure(6, 2.6)
axis.plot(tiles, by_bytes, "o-", color=plot.BLUE)
axis.axhline(by_work, color=plot.ORANGE)
axis.text(1.2, by_work * 1.15, "operations", color=plot.ORANGE, va="bottom")
axis.text(4.5, 50, "bytes", color=plot.BLUE)
axis.set(xscale="log", yscale="log", xlabel="width of the tile", ylabel="floor, µs (on paper)")
axis.set(xticks=tiles, xticklabels=tiles, yticks=[1, 10, 100], yticklabels=[1, 10, 100])
axis.minorticks_off()

# %% [markdown]
# At 64 the arithmetic is the higher floor, and that is the width of the library's `matmul_v3`. (A cache softens all
# of this: it is a counter that fills by itself.) Now put the parts together. A draw, two products, and digits come
# out: the VAE's decoder on kernels.


# %%
def product(a, b, check):
    y = np.empty((len(a), b.shape[1]), np.float32)
    with using(Simulator(check=check)):
        launch("matmul_v2", np.ascontiguousarray(a), np.ascontiguousarray(b), y, len(a), b.shape[1], b.shape[0])
    return y


W1, b1, W2, b2 = (layer.data for layer in vae.decoder.parameters())
prior, codes = np.zeros((24, 2), np.float32), np.empty((24, 2), np.float32)
draw[1, 256](prior, prior, eps[:24].copy(), codes, codes.size)
h = np.maximum(product(codes, W1, check=True) + b1, 0)
digits = 1 / (1 + np.exp(-(product(h, W2, check=True) + b2)))
fig, axis = plot.figure(7.4, 1.4)
plot.show(axis, digits, 12, "24 draws from the prior, decoded by kernels in the simulator")
print(f"largest difference from the library's decoder: {np.abs(digits - vae.generate(codes)).max():.3f}")

# %% [markdown]
# ## 6. Break it
#
# A colleague's tree has one bell less. "There is a bell in the loop anyway, and my test is green": codes of 20
# numbers, threads in three orders, with the checks switched off, as on a GPU. Then somebody tries codes of 100.

# %%
quiz("11/predict-missing-bell")

# %%
THEIRS = r"""
__global__ void tree(const float* mu, const float* logvar, float* kl, int L) {
  __shared__ float part[128];
  int t = threadIdx.x, row = blockIdx.x * L;
  float sum = 0.0f;
  for (int l = t; l < L; l += 128)
    sum += 0.5f * (mu[row + l] * mu[row + l] + expf(logvar[row + l]) - 1.0f - logvar[row + l]);
  part[t] = sum;
  for (int half = 64; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  if (t == 0) kl[blockIdx.x] = part[0];
}
"""
rng = np.random.default_rng(2)
for L in (20, 100):
    mu_L, logvar_L = rng.normal(size=(2, 8, L)).astype(np.float32)
    wanted = 0.5 * (mu_L.astype(float) ** 2 + np.exp(logvar_L) - 1 - logvar_L).sum(axis=1)
    for order in ("reverse", "random", "forward"):
        got = np.empty(8, np.float32)
        cuda(THEIRS, check=False, order=order)[8, 128](mu_L, logvar_L, got, L)
        print(f"L = {L:3}, threads in {order:7} order: {np.isclose(got, wanted, rtol=1e-4).sum()} of 8 rows right")

# %% [markdown]
# Green for 20, whatever the order, and for 100 it hangs on who comes first. Your prediction again:

# %%
quiz("11/predict-missing-bell")

# %% [markdown]
# And here is the colleague's own test with the checks on, at the size where everything came out right:

# %%
mu_20, logvar_20 = rng.normal(size=(2, 8, 20)).astype(np.float32)
try:
    cuda(THEIRS)[8, 128](mu_20, logvar_20, got, 20)
except CellError as error:
    print(error)

# %%
quiz("11/missing-bell")

# %% [markdown]
# The checker does not look at results. It notes who wrote and who read each place since the last bell, and two that
# meet without one are a **data race**, even if it went well.
#
# The colleague mends it, and spares the idle half the wait: the bell in the loop now hangs inside of the `if`.

# %%
mended = THEIRS.replace("  part[t] = sum;\n", "  part[t] = sum;\n  __syncthreads();\n").replace(
    "if (t < half) part[t] += part[t + half];\n    __syncthreads();",
    "if (t < half) {\n      part[t] += part[t + half];\n      __syncthreads();\n    }",
)
try:
    cuda(mended)[8, 128](mu_20, logvar_20, got, 20)
except CellError as error:
    print(error)

# %%
quiz("11/bell-in-the-if")

# %% [markdown]
# A relative of the first fault was taught: the lanes of a warp were taken to go in step, so the last six rounds of
# the tree went without a barrier (Harris 2007 shows it so). Since the Volta generation of 2017 they need not go in
# step (*CUDA C++ Programming Guide*, "Independent Thread Scheduling"), and that code became a race. Exercise 2
# refuses it.
#
# ## 7. Quiz

# %%
quiz("11/how-many-threads")

# %%
quiz("11/floor-by-hand")

# %%
quiz("11/work-per-byte")

# %%
quiz("11/true-of-barriers")

# %%
quiz("11/width-of-a-tile")

# %%
quiz("11/what-green-means")

# %% [markdown]
# ## In one breath
#
# 1. A kernel is one recipe for all threads; its block and its place in it tell each which element is its own, and a
#    guard tells the surplus ones to keep still.
# 2. The floor is bytes / bandwidth: count every array once for each way, and fuse passes so that it is once.
# 3. Neighbouring threads should read neighbouring floats, for memory hands out whole lines.
# 4. Sums meet in shared memory with barriers between rounds, or in a warp by shuffles; tiles let a float that was
#    fetched once serve many results.
# 5. A missing barrier may give right numbers for years. A checker that watches accesses finds it in the first run.
#
# **Read on:** *CUDA C++ Programming Guide* (NVIDIA), on the programming model; Harris, *Optimizing Parallel Reduction
# in CUDA* (2007); Rush, *GPU Puzzles* (2022), for fourteen more kernels to write; Kingma & Ba, *Adam* (2015). In this
# project: *The simulator* and *CUDA kernels* in the documentation. Next, lesson 12: the VAE's family.
