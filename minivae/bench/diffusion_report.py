"""What `minivae bench diffusion` found, in Markdown."""

from collections.abc import Iterable
from datetime import date
from statistics import median

from minivae.bench.diffusion import LATENT, PIXEL, STEPS, VAE_SHARE, Cost, Results
from minivae.bench.report import processor, table

HOW = f"""One design, once on pixels and once on latents of 4 x 8 x 8: the same U-Net, which for pixels has more
halvings of width 32 on its way to the same 4 x 4 pixels in the middle; the same schedule, prediction, optimiser,
averaging and classes. minivae/bench/diffusion.py says it in full. A ratio is taken between two turns of the same round;
given are the median and, in brackets, the smallest and the largest. Times are for one picture. A sample takes {STEPS}
looks of the denoiser, and a latent one the decoder besides."""

QUALITY = f"""Both train on synthetic faces of eight kinds (glasses, beard, smile, or none) for the same processor time;
{VAE_SHARE:.0%} of the latent one's goes into the VAE, and encoding counts too. Then both draw faces of the kinds asked
for, without guidance, and a classifier trained on real ones of that size judges them: how many it takes for what was
asked, how far they lie from test images (Frechet distance of its features; not comparable with other judges' figures,
nor between sizes), and how many lie closer to a training image than 99 % of test images do."""

WHY = """Three ratios that are often taken for one. The first counts values. The second counts work: most products of
a U-Net are made at the resolution at which it begins, and the latent one begins where the other has been halved
already, so what is left out is not a share of each layer but the most expensive layers. The third is the clock, which
also sees what lies between the products, and whether arrays fit into a cache. And a sample has to be decoded, once, at
full size: the larger the picture, the more of a latent sample's time goes there, which no number of values tells."""


BLIND = """A judge to whom blurred images are nearer than sharp ones does not see sharpness, and
neither do its figures above; noise is what it sees."""


def markdown(results: Results) -> str:
    """The whole report."""
    where = f"Written by `{results.options.command}` on {date.today().isoformat()}, one thread of a {processor()}."
    where += f"\nLoad average at the start: {results.load}. Where others compute as well, read the ratios."
    parts = ["# Pixel and latent diffusion", where, HOW, _costs(results), WHY]
    if results.quality:
        parts += [QUALITY, _quality(results), _trial(results)]
    return "\n\n".join(parts) + "\n"


def _costs(results: Results) -> str:
    counts, clocks = [], []
    for side in results.options.sides:
        pixel, latent = results.costs[side, PIXEL], results.costs[side, LATENT]
        draw = [STEPS * cost.flops + cost.decoder_flops for cost in (pixel, latent)]
        pairs = (pixel.values, latent.values), (pixel.weights, latent.weights)
        work = (3 * pixel.flops, 3 * latent.flops), (draw[0], draw[1])
        counts.append([f"{side}", *(_pair(*pair) for pair in pairs), *(_pair(*pair, 1e6) for pair in work)])
        clocks.append([f"{side}", *_times(pixel, latent)])
    head = ["side", "values", "weights", "a training step, Mflop", f"a sample of {STEPS} looks, Mflop"]
    clock = ["side", "training step: pixel, ms", "latent, ms", "ratio", "sample: pixel, ms", "latent, ms", "ratio"]
    clock.append("of the latent one, the decoder")
    return "\n\n".join(
        (
            "Counted for one picture, pixel over latent (only products are counted; backward is twice forward):",
            table(head, counts),
            f"Timed for one picture, {results.options.rounds} rounds:",
            table(clock, clocks),
        )
    )


def _pair(a: float, b: float, unit: float = 1) -> str:
    return f"{a / unit:,.0f} / {b / unit:,.0f} = {a / b:.3g}"


def _times(pixel: Cost, latent: Cost) -> Iterable[str]:
    for a, b in ((pixel.train, latent.train), (pixel.sample(), latent.sample())):
        yield from (f"{1e3 * median(times):.3g}" for times in (a, b))
        ratios = sorted(x / y for x, y in zip(a, b, strict=True))
        yield f"{median(ratios):.3g} ({ratios[0]:.3g} to {ratios[-1]:.3g})"
    yield f"{median(latent.decode) / median(latent.sample()):.0%}"


def _quality(results: Results) -> str:
    head = ["side", "diffusion", "processor, s", "steps", "as asked", "Frechet", "copies"]
    rows = [
        [
            f"{row['side']}",
            row["name"],
            f"{row['budget']}",
            f"{row['steps']:,}",
            f"{row['recognised']:.0%}",
            f"{row['frechet']:.0f}",
            f"{row['copies']:.1%}",
        ]
        for row in results.quality
    ]
    return table(head, rows)


def _trial(results: Results) -> str:
    """The judges themselves: what they know, and whether what is worse lies farther off."""
    head = ["side", *next(iter(results.trial.values()))]
    rows = [
        [f"{side}", *(f"{v:.1%}" if name == "accuracy" else f"{v:.0f}" for name, v in said.items())]
        for side, said in results.trial.items()
    ]
    n, steps = results.options.n, results.options.steps
    drawn = f"{n} samples each, {steps} steps of DDIM. The judges on trial: how many test images they know, and how"
    return f"{drawn}\nfar from these {n} others lie. {BLIND}\n\n{table(head, rows)}"
