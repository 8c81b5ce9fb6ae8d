"""Lesson 11, the two sums: the KL of each row, by a tree in shared memory and by the shuffles of a warp."""

from __future__ import annotations

import numpy as np

from minivae.cuda.registry import cdiv
from minivae.learn.exercise import Cuda, Exercise, Misconception
from minivae.learn.inputs import normal, uniform

WAIT = (
    "A thread reads what another one writes, and nothing says that the other has done so already, or not yet. Between "
    "any write to shared memory and a read by another thread there has to be a `__syncthreads()`; before the next "
    "write to the same place, too."
)
ALL_WAIT = (
    "Some threads come to the `__syncthreads()` and others do not: it stands inside an `if`, or some have returned "
    "before. A barrier waits for *every* thread of the block. Put the `if` around the work, and the barrier behind it."
)
HALF = "In C, `1 / 2` divides whole numbers and is 0. Write `0.5f`."


def row_kl(mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, I)): (B, L), (B, L) -> (B,) nats, summed over L."""
    return _terms(mu, logvar).sum(axis=1)


def warp_kl(mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, I)): (B, L), (B, L) -> (B,) nats, summed over L."""
    return _terms(mu, logvar).sum(axis=1)


def _terms(mu, logvar):
    return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)  # (B, L)


HALVES = (
    Misconception(
        "half-is-zero",
        "Your sums are all 0. " + HALF,
        lambda mu, logvar: 0 * mu[:, 0],
    ),
    Misconception(
        "no-half",
        r"Yours is twice too large: the $\frac{1}{2}$ in front is missing.",
        lambda mu, logvar: 2 * _terms(mu, logvar).sum(1),
    ),
)

ROW_KL = Exercise(
    ref="11/kl",
    solution=row_kl,
    cuda=Cuda(
        r"""
__global__ void row_kl(const float* mu, const float* logvar, float* kl, int L) {
  __shared__ float part[128];
  int t = threadIdx.x, row = blockIdx.x * L;
  float sum = 0.0f;
  for (int l = t; l < L; l += 128)
    sum += 0.5f * (mu[row + l] * mu[row + l] + expf(logvar[row + l]) - 1.0f - logvar[row + l]);
  part[t] = sum;
  __syncthreads();
  for (int half = 64; half > 0; half /= 2) {
    if (t < half) part[t] += part[t + half];
    __syncthreads();
  }
  if (t == 0) kl[blockIdx.x] = part[0];
}
""",
        grid=lambda B: (B,),
        block=(128,),
        holds="__shared__",
    ),
    inputs=dict(mu=normal("B L"), logvar=uniform("B L", -2, 1.5)),
    sizes={"B": (5, 2, 4, 1, 3), "L": (300, 20, 128, 1, 129)},
    dtypes=("float32",),
    returns="kl : (B,) nats, summed over L",
    example=([[1.0, 0.0]], [[0.0, -1.0]]),
    misconceptions=(
        Misconception("missing-barrier", WAIT, symptom="race:shared"),
        Misconception("divergent-barrier", ALL_WAIT, symptom="barrier"),
        Misconception(
            "many-writers",
            "Many threads add to the same `kl[...]`, and `+=` is three steps: read, add, write. Two threads that read "
            "the same old value lose one of the two additions. Let the parts meet in shared memory, and one thread "
            "write.",
            symptom="race:kl",
        ),
        Misconception(
            "result-not-begun",
            "You add to `kl[...]`, but nobody set it to 0: memory of a GPU comes with what the last user left in it. "
            "Write the whole sum with `=`, once.",
            symptom="uninitialised:kl",
        ),
        Misconception(
            "part-not-begun",
            "Shared memory begins with garbage. Threads that have no number of the row must put a 0 in their place, "
            "for the tree adds all 128 places.",
            symptom="uninitialised:shared",
        ),
        Misconception(
            "tree-too-tall",
            "The tree begins with `half = 64`: thread 0 takes what lies at 64, thread 63 what lies at 127. There is "
            "nothing beyond.",
            symptom="bounds:shared",
        ),
        Misconception(
            "past-the-row",
            "Your kernel reads beyond the end of a row, and in the last row beyond the end of the array. There are 128 "
            "threads whatever L is: those from L on have nothing to read.",
            symptom="bounds",
        ),
        Misconception(
            "one-pass",
            "Only the first 128 numbers of a row come in, one for each thread. Where L is more, a thread takes every "
            "128th: `for (int l = t; l < L; l += 128)`.",
            lambda mu, logvar: _terms(mu, logvar)[:, :128].sum(1),
        ),
        Misconception(
            "tree-stops-early",
            "The tree stops one round too early, with two sums left: half goes 64, 32, ... 2, *1*. Go on while `half > "
            "0`.",
            lambda mu, logvar: _terms(mu, logvar)[:, ::2].sum(1),
        ),
        Misconception(
            "always-row-0",
            "Every block sums row 0. A row begins at `blockIdx.x * L`.",
            lambda mu, logvar: np.repeat(_terms(mu, logvar)[:1].sum(1), len(mu)),
        ),
        *HALVES,
        Misconception(
            "mean-over-code",
            "You average over the L numbers of the code. They are independent, so their KLs *add up*.",
            lambda mu, logvar: _terms(mu, logvar).mean(1),
        ),
        Misconception(
            "std-for-variance",
            "You use the standard deviation, `expf(0.5f * logvar)`, where the variance stands in the formula: "
            "`expf(logvar)`.",
            lambda mu, logvar: 0.5 * (mu**2 + np.exp(0.5 * logvar) - 1 - logvar).sum(1),
        ),
        Misconception(
            "not-shared",
            "The numbers are right. But who adds them? Give every thread of the block a part of the row, and let the "
            "parts meet in `__shared__` memory.",
            symptom="lacks",
        ),
    ),
    hints=(
        "Three steps: each thread sums its share of the row, puts that into its place in shared memory, and then the "
        "places are added in halves.",
        "After the shares are in place: `__syncthreads()`. Then for half = 64, 32, ... 1 the threads below half add "
        "what lies half places further on, and *all* wait again.",
        "`for (int half = 64; half > 0; half /= 2) { if (t < half) part[t] += part[t + half]; __syncthreads(); }`, and "
        "at the end thread 0 writes `kl[blockIdx.x] = part[0];`",
    ),
)

WARP_KL = Exercise(
    ref="11/kl-warp",
    solution=warp_kl,
    cuda=Cuda(
        r"""
__global__ void warp_kl(const float* mu, const float* logvar, float* kl, int B, int L) {
  int lane = threadIdx.x % 32, b = blockIdx.x * 8 + threadIdx.x / 32;
  if (b >= B) return;
  float sum = 0.0f;
  for (int l = lane; l < L; l += 32) {
    int i = b * L + l;
    sum += 0.5f * (mu[i] * mu[i] + expf(logvar[i]) - 1.0f - logvar[i]);
  }
  for (int half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);
  if (lane == 0) kl[b] = sum;
}
""",
        grid=lambda B: (cdiv(B, 8),),
        block=(256,),
        holds="__shfl",
    ),
    inputs=dict(mu=normal("B L"), logvar=uniform("B L", -2, 1.5)),
    sizes={"B": (19, 7, 8, 1, 17), "L": (75, 20, 32, 1, 33)},
    dtypes=("float32",),
    returns="kl : (B,) nats, summed over L",
    example=([[1.0, 0.0]], [[0.0, -1.0]]),
    misconceptions=(
        Misconception(
            "lanes-missing",
            "A shuffle names all 32 lanes of the warp, and not all of them come to it: it stands inside an `if` or a "
            "loop that some leave earlier, or some have returned. Let whole warps leave, and single lanes wait.",
            symptom="warp",
        ),
        Misconception(
            "past-the-row",
            "Your kernel reads or writes beside an array. There are 8 warps in every block whatever B is, and 32 lanes "
            "whatever L is: rows from B on, and numbers from L on, are nobody's.",
            symptom="bounds",
        ),
        Misconception(
            "many-writers",
            "Several threads write to the same `kl[...]`. Give each warp a row of its own; after the shuffles its lane "
            "0 has the sum, and writes alone.",
            symptom="race:kl",
        ),
        Misconception(
            "one-row-a-block",
            "Some rows have no warp. A block has 8 warps and takes 8 rows: row `blockIdx.x * 8 + threadIdx.x / 32`.",
            symptom="unwritten",
        ),
        Misconception(
            "one-pass",
            "Only the first 32 numbers of a row come in, one for each lane. Where L is more, a lane takes every 32nd: "
            "`for (int l = lane; l < L; l += 32)`.",
            lambda mu, logvar: _terms(mu, logvar)[:, :32].sum(1),
        ),
        Misconception(
            "tree-stops-early",
            "The tree stops one round too early: half goes 16, 8, 4, 2, *1*. Go on while `half > 0`.",
            lambda mu, logvar: _terms(mu, logvar)[:, ::2].sum(1),
        ),
        Misconception(
            "tree-begins-late",
            "The tree begins at 8, and lanes 16 to 31 are never heard: a warp has 32 lanes, so the first half is 16.",
            lambda mu, logvar: _terms(mu, logvar)[:, np.arange(mu.shape[1]) % 32 < 16].sum(1),
        ),
        Misconception(
            "no-tree",
            "You return the share of lane 0 alone, every 32nd number of the row. The other lanes' shares come by "
            "`__shfl_down_sync`.",
            lambda mu, logvar: _terms(mu, logvar)[:, ::32].sum(1),
        ),
        *HALVES,
        Misconception(
            "no-shuffle",
            "The numbers are right. Now without shared memory: let the lanes hand their sums on by `__shfl_down_sync`.",
            symptom="lacks",
        ),
    ),
    hints=(
        "A warp takes a row: its lane is `threadIdx.x % 32`, its row `blockIdx.x * 8 + threadIdx.x / 32`. Each lane "
        "first sums its share, every 32nd number.",
        "`__shfl_down_sync(0xffffffffu, sum, half)` is the `sum` of the lane that is `half` places further on. All 32 "
        "lanes have to call it, so only whole warps may leave early.",
        "`for (int half = 16; half > 0; half /= 2) sum += __shfl_down_sync(0xffffffffu, sum, half);`, and then lane 0 "
        "writes `kl[b] = sum;`",
    ),
)
