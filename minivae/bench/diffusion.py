"""Pixel and latent diffusion side by side: what each has to compute, how long that takes, and what comes of it.

The contestants are one design. The denoiser of latents is a U-Net of widths (32, 96) on 4 x 8 x 8 values. That of
pixels has more halvings, all of width 32, to lead from the picture to the same 4 x 4 pixels in the middle, where the
wide layers and the attention are. So both have about as many weights, and all else is the same: steps of noise,
prediction, optimiser, averaging, classes. Latents come from a `ConvVAE`, whose training counts as theirs.

The pictures are synthetic faces, drawn at each size; their eight classes are glasses, beard and smile, or none.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from minivae.bench.driver import load_average
from minivae.data.faces import NAMES, faces
from minivae.ema import EMA
from minivae.engine import Tensor
from minivae.graph.tape import ops_behind
from minivae.judge import Jury, trained_judge
from minivae.models import ConvVAE, Diffusion, LatentDiffusion, UNet, frame
from minivae.optim import Adam

CLASSES, WIDE, NARROW = 8, 96, 32
PIXEL, LATENT = "pixel", "latent"
STEPS = 50  # of DDIM, in what a sample costs
BATCH, LR, DECAY = 32, 2e-3, 0.99  # of the contest in quality
VAE_SHARE = 0.4  # of the time that latent diffusion has there


@dataclass(frozen=True)
class Options:
    """What to measure.

    Parameters
    ----------
    sides, rounds : pictures whose steps are timed, and how often each contestant has its turn.
    trained, budgets : pictures on which both are trained, and after how many seconds of processor time they are judged.
    faces, n, steps : pictures to train on; samples that are judged, and the steps of DDIM that draw them.
    command : what asked for it, for the report.
    """

    sides: tuple[int, ...] = (28, 32, 64, 128)
    rounds: int = 5
    trained: tuple[int, ...] = (32, 64)
    budgets: tuple[int, ...] = (60, 240)
    faces: int = 10_000
    n: int = 200
    steps: int = 20
    command: str = "minivae bench diffusion"


@dataclass
class Cost:
    """What one contestant costs for one picture of one size: counts, and the seconds of each round."""

    values: int
    weights: int
    flops: int  # of one look of the denoiser
    decoder_flops: int = 0
    train: list[float] = field(default_factory=list)
    look: list[float] = field(default_factory=list)
    decode: list[float] = field(default_factory=list)

    def sample(self) -> list[float]:
        """Seconds for a sample in each round: `STEPS` looks, and the decoder."""
        return [STEPS * look + decode for look, decode in zip(self.look, self.decode, strict=True)]


@dataclass
class Results:
    """All that was measured: costs by side and name, a row for each budget, and the judges of each side on trial."""

    options: Options
    costs: dict[tuple[int, str], Cost] = field(default_factory=dict)
    quality: list[dict[str, Any]] = field(default_factory=list)
    trial: dict[int, dict[str, float]] = field(default_factory=dict)
    load: str = field(default_factory=load_average)


def pixel_model(side: int, rng: np.random.Generator) -> Diffusion:
    """Diffusion of (1, side, side) pixels in [-1, 1]."""
    halvings = next(k for k in range(round(math.log2(side / 4)), 0, -1) if side % 2**k == 0)  # 28 ends at 7 x 7
    widths = (*[NARROW] * halvings, WIDE)
    return Diffusion(UNet((1, side, side), widths, classes=CLASSES, rng=rng), clip=1.0)


def latent_model(side: int, rng: np.random.Generator) -> LatentDiffusion:
    """Latent diffusion of pictures of `side` pixels, in a frame where they need one."""
    vae = ConvVAE(**frame(side), likelihood="gaussian", rng=rng)
    return LatentDiffusion(vae, UNet(vae.code_shape, (NARROW, WIDE), classes=CLASSES, rng=rng))


def flops(result: Tensor) -> int:
    """Multiplications and additions in the products behind a tensor: convolutions, linear layers, attention.

    All else is left out. Backward has two products for each of these.
    """
    nodes = ops_behind(result)
    shape = {x.node: x.shape for node in nodes for x in node.inputs if isinstance(x, Tensor)} | {
        result.node: result.shape
    }
    total = 0
    for node in nodes:
        out = math.prod(shape[node])
        if node.name == "conv2d":  # W is (k, k, n_in, n_out)
            total += 2 * out * math.prod(node.inputs[1].shape[:3])
        elif node.name in ("linear", "matmul"):
            total += 2 * out * node.inputs[1].shape[-2]
        elif node.name == "attention":  # q k^T, and the shares times v
            total += 4 * out * node.inputs[1].shape[-2]
    return total


def bench(options: Options, say: Callable[[str], None] = lambda line: None) -> Results:
    """Measure all of it; `say` is told what is being done."""
    results = Results(options)
    for side in options.sides:
        say(f"{side} x {side}: steps, {options.rounds} rounds")
        _cost(results, side)
    for side in options.trained:
        say(f"{side} x {side}: faces, and a judge for them")
        _quality(results, side, say)
    return results


def _cost(results: Results, side: int) -> None:
    """Turn by turn: a step, a look and a picture of the one, then of the other."""
    rng = np.random.default_rng(0)
    latent = latent_model(side, rng)
    latent.scale = 1.0
    # A batch of 64 at 128 pixels would take gigabytes, and large batches bring pixels nothing.
    contestants = (PIXEL, pixel_model(side, rng), max(4, 2**16 // side**2)), (LATENT, latent.diffusion, 64)
    turns = []
    for name, diffusion, batch in contestants:
        x = rng.standard_normal((batch, *diffusion.denoiser.shape), dtype=np.float32)
        y, t = rng.integers(CLASSES, size=batch), np.full(batch, 500)
        weights = sum(p.data.size for p in diffusion.parameters())
        cost = Cost(x[0].size, weights, flops(diffusion.denoiser(Tensor(x[:1]), t[:1], y[:1])))
        if name == LATENT:
            cost.decoder_flops = flops(latent.vae.decode(Tensor(x[:1])))
        results.costs[side, name] = cost
        adam = Adam(diffusion.parameters(), 1e-4)
        train = partial(_step, diffusion, adam, x, y, rng)
        decode = partial(latent.decode, x) if name == LATENT else None
        turns.append((cost, batch, train, partial(diffusion.denoise, x, 500, y), decode))
    for k in range(results.options.rounds + 1):
        for cost, batch, train, look, decode in turns:
            seconds = [_seconds(do) / batch if do else 0.0 for do in (train, look, decode)]
            if k:  # the first turn is to warm up
                for kept, value in zip((cost.train, cost.look, cost.decode), seconds, strict=True):
                    kept.append(value)


def _seconds(do: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def _step(diffusion: Diffusion, adam: Adam, x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> None:
    loss, _ = diffusion.loss(Tensor(x), rng, y)
    adam.zero_grad()
    loss.backward()
    adam.step()


def classes_of(factors: np.ndarray) -> np.ndarray:
    """Eight kinds of faces: 4 if it has glasses, 2 if a beard, 1 if it smiles: (N, F) -> (N,)."""
    has = {name: factors[:, NAMES.index(name)] > 0 for name in ("glasses", "beard", "smile")}
    return 4 * has["glasses"] + 2 * has["beard"] + has["smile"]


def _quality(results: Results, side: int, say: Callable[[str], None]) -> None:
    options, rng = results.options, np.random.default_rng(1)
    (x, factors), (x_test, factors_test) = faces(options.faces, side, rng=rng), faces(2000, side, rng=rng)
    x, x_test, y, y_test = x[:, None], x_test[:, None], classes_of(factors), classes_of(factors_test)
    judge = trained_judge(x, y, rng)
    jury = Jury(judge, x, x_test)
    real, noise = x[: options.n], rng.random((options.n, *x.shape[1:]), dtype=np.float32)
    blurred = (real + sum(np.roll(real, k, axis) for k in (-1, 1) for axis in (2, 3))) / 5
    kinds: dict[str, np.ndarray] = {
        "training images": real,
        "the same, blurred": blurred,
        "half noise": (real + noise) / 2,
        "noise": noise,
    }
    results.trial[side] = {"accuracy": judge.accuracy(x_test, y_test)} | {
        name: jury.distance(images) for name, images in kinds.items()
    }
    labels = np.arange(options.n) % CLASSES
    for name, run in ((PIXEL, _pixel_run), (LATENT, _latent_run)):
        for budget in options.budgets:
            say(f"{side} x {side}: {name} diffusion, {budget} s of processor time")
            steps, draw = run(x, y, side, budget)
            images = draw(options.n, np.random.default_rng(2), labels, options.steps)
            said = jury.verdict(images, labels)
            results.quality.append({"side": side, "name": name, "budget": budget, "steps": steps} | said)


def _pixel_run(x: np.ndarray, y: np.ndarray, side: int, budget: float) -> tuple[int, Callable[..., np.ndarray]]:
    rng = np.random.default_rng(0)
    diffusion = pixel_model(side, rng)
    steps, ema = _trained(diffusion, lambda rows: 2 * x[rows] - 1, y, rng, time.process_time() + budget)

    def draw(n: int, rng: np.random.Generator, labels: np.ndarray, steps: int) -> np.ndarray:
        with ema.swapped():
            return (np.clip(diffusion.sample(n, rng, labels=labels, steps=steps), -1, 1) + 1) / 2

    return steps, draw


def _latent_run(x: np.ndarray, y: np.ndarray, side: int, budget: float) -> tuple[int, Callable[..., np.ndarray]]:
    rng, begin = np.random.default_rng(0), time.process_time()
    model = latent_model(side, rng)
    adam = Adam(model.vae.parameters(), LR)
    while time.process_time() < begin + VAE_SHARE * budget:
        loss, _ = model.vae.loss(Tensor(x[rng.integers(len(x), size=BATCH)]), rng)
        adam.zero_grad()
        loss.backward()
        adam.step()
    model.measure(x)
    latents = model.latents(x)
    steps, ema = _trained(model.diffusion, lambda rows: latents[rows], y, rng, begin + budget)

    def draw(n: int, rng: np.random.Generator, labels: np.ndarray, steps: int) -> np.ndarray:
        with ema.swapped():
            return model.sample(n, rng, labels=labels, steps=steps)

    return steps, draw


def _trained(
    diffusion: Diffusion,
    shown: Callable[[np.ndarray], np.ndarray],
    y: np.ndarray,
    rng: np.random.Generator,
    until: float,
) -> tuple[int, EMA]:
    """Train until the processor's clock says so: the steps that were possible, and the averaged weights."""
    adam = Adam(diffusion.parameters(), LR)
    ema = EMA(adam.flat, DECAY)
    while time.process_time() < until or ema.t == 0:
        rows = rng.integers(len(y), size=BATCH)
        _step(diffusion, adam, shown(rows), y[rows], rng)
        ema.update()
    return ema.t, ema
