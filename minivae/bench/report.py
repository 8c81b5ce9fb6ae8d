"""The report, in Markdown: what was measured, where, how, and what may be concluded."""

import platform
import statistics
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from minivae.bench.driver import ALL, IMPLEMENTATIONS, RTOL, Results, Times, title
from minivae.bench.workloads import CHAIN, CHECKS

PICTURE = "benchmark_growth.svg"
CLOCKS = ("seconds", "processor")
HOW = """A step's time is the median over the rounds of the median within a turn. A ratio is taken between two turns of
the same round; given are the median over the rounds and, in brackets, the smallest and the largest. On a machine that
others share, times drift and single rounds stray: read the medians of the ratios. Below 1, minivae is the faster.
Processor time leaves out what a worker waited for others, so it strays less; with several threads it is their sum."""
WHAT = """A training step is all of it: noise, forward, backward, Adam, and the loss as a number. The data are random,
the batch is always the same, and loading is not measured. "The products alone" are the step's matrix products into
buffers that are ready, with nothing in between: nobody who calls this BLAS can be faster.

Linux's malloc is told by minivae to keep freed memory for the next step. "PyTorch, memory kept" is PyTorch eager
after the same one line; "PyTorch eager" is PyTorch as it comes."""
ON_GPU = """Everything is on the GPU: the images, the weights, the products alone, PyTorch. A training step ends when
its loss is a number on the host; W4 ends when the pixels are there. Processor time is what launching costs the host."""


def markdown(results: Results, picture: str | None = None) -> str:
    """The whole report; `picture` is where the growth curves lie, relative to it."""
    parts = [_head(results), _machine(results), _summary(results), *_workloads(results), _memory(results)]
    parts += [_tape(results), _growth(results, picture), _losses(results), _missing(results)]
    return "\n\n".join(parts) + "\n"


def write(results: Results, out: Path) -> list[Path]:
    """Write the report to `out` and, where the growth was measured, the curves to pictures/ beside it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    written = [out]
    if results.growth:
        written.append(out.parent / "pictures" / PICTURE)
        curves(results, written[1])
    out.write_text(markdown(results, f"pictures/{PICTURE}" if results.growth else None), encoding="utf-8")
    return written


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown, its numbers to the right."""
    head = list(head)
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _label(name: str) -> str:
    return IMPLEMENTATIONS[name].label


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def _ratio(ours: Times, theirs: Times, what: str) -> str:
    ratios = ours.of(theirs, what)
    return f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def _head(results: Results) -> str:
    options = results.options
    rounds = 2 if options.quick else options.rounds
    threads = "one thread" if options.threads == 1 else f"{options.threads} threads"
    parts = [
        "# Benchmark",
        f"Written by `{options.command}` on {date.today().isoformat()}.",
        f"Each implementation runs in a process of its own, all with {threads}, and they take turns of\n"
        f"{options.turn:g} s, A B C A B C ..., for {rounds} rounds.\n{HOW}",
        WHAT,
    ]
    if options.backend == "cupy":
        parts[3] = f"{WHAT.partition('. The data')[0]}. {ON_GPU}"
    if options.workers > 1:
        words = f"minivae trains with {options.workers} processes, one thread each; its processor time is the first's."
        parts.insert(3, f"{words} W4 trains nothing and has one process.")
    if options.quick:
        parts.insert(2, "**A quick run: it shows that everything works. Its figures mean nothing.**")
    return "\n\n".join(parts)


def processor() -> str:
    """The processor's name, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _machine(results: Results) -> str:
    import os

    rows = [
        ["processor", f"{processor()}, {os.cpu_count()} cores seen"],
        ["system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"],
        ["threads", f"{results.options.threads} for each"],
        ["load average at the start", f"{results.load} (1, 5, 15 minutes)"],
    ]
    for name, about in results.about.items():
        rows.append([_label(name), ", ".join(filter(None, [about["version"], about.get("blas")]))])
    return "## The machine\n\n" + table(["what", "is"], rows).replace("---:", "---")


def _summary(results: Results) -> str:
    others = [name for name in IMPLEMENTATIONS if name != "minivae" and any(name in t for t in results.times.values())]
    rows = []
    for workload, times in results.times.items():
        ours = times["minivae"]
        row = [workload, _milliseconds(ours.median)]
        for name in others:
            both = [statistics.median(ours.of(times[name], what)) for what in CLOCKS if name in times]
            row.append("{:.2f} ({:.2f})".format(*both) if both else "—")
        rows.append(row)
    head = ["workload", "minivae, ms", *[f"÷ {_label(name)}" for name in others]]
    words = "minivae's time divided by that of each other, medians; in brackets the same of processor time."
    return f"## In short\n\n{words}\n\n{table(head, rows)}"


def _workloads(results: Results) -> Iterable[str]:
    for workload, times in results.times.items():
        rows = []
        for name, t in sorted(times.items(), key=lambda item: item[1].median):
            row = [_label(name)]
            for what in CLOCKS:
                ratio = "1" if name == "minivae" else _ratio(times["minivae"], t, what)
                row += [_milliseconds(_middle(t, what)), ratio]
            rows.append([*row, f"{t.cores:.2f}"])
        head = ["implementation", "ms", "minivae ÷ this", "processor ms", "minivae ÷ this", "processors used, at most"]
        words = title(workload)
        yield f"## {workload}\n\n{words[0].upper()}{words[1:]}.\n\n{table(head, rows)}"


def _memory(results: Results) -> str:
    names = [name for name in IMPLEMENTATIONS if any(name in times for times in results.times.values())]

    def cell(t: Times | None) -> str:
        return "—" if t is None else "unknown" if t.memory is None else f"{t.memory:.0f}"

    rows = [[_label(name), *[cell(times.get(name)) for times in results.times.values()]] for name in names]
    return (
        "## Peak memory\n\nThe most that each process held, in MiB: libraries, weights, Adam's state and the step.\n\n"
        + table(["implementation", *results.times], rows)
    )


def _clock(results: Results) -> tuple[str, str]:
    """Which of the two times is steadier, and how to call it: with one thread processor time is all there is to pay."""
    one = results.options.threads == 1
    return ("processor", " of processor time") if one else ("seconds", "")


def _middle(t: Times, what: str) -> float:
    return statistics.median(getattr(t, what))


def _tape(results: Results) -> str:
    what, words = _clock(results)
    rows = [
        [_label(name) if name != "floor" else "NumPy, no tape", f"{1e6 * _middle(t, what) / CHAIN:.2f}"]
        for name, t in sorted(results.tape.items(), key=lambda item: _middle(item[1], what))
    ]
    return (
        f"## The tape\n\nA chain of {CHAIN} products of four numbers each: microseconds{words} for one op, forward and "
        "back.\nWhat is above NumPy alone is the price of remembering.\n\n"
        + table(["implementation", "µs an op"], rows)
    )


def _growth(results: Results, picture: str | None) -> str:
    head = "## Growth\n\n"
    if not results.growth:
        return head + "Not measured in this run; `--curves` does."
    what, words = _clock(results)
    parts = [head + f"W1 in other sizes: ms{words} a step" + (f", as [curves]({picture})." if picture else ".")]
    for dimension, by_size in results.growth.items():
        names = [name for name in IMPLEMENTATIONS if any(name in times for times in by_size.values())]
        rows = [
            [f"{size:,}", *[_milliseconds(_middle(times[name], what)) if name in times else "—" for name in names]]
            for size, times in by_size.items()
        ]
        parts.append(table([dimension, *map(_label, names)], rows))
    if picture:
        parts.append(f"![Milliseconds for a step of W1, by batch and by width]({picture})")
    return "\n\n".join(parts)


def _losses(results: Results) -> str:
    rows = []
    names = [name for name in IMPLEMENTATIONS if any(name in gaps for gaps in results.gaps.values())]
    for name in names:
        gaps = [found.get(name) for found in results.gaps.values()]
        rows.append([_label(name), *["—" if gap is None else f"{gap:.0e}" if gap else "0" for gap in gaps]])
    return (
        f"## The same losses\n\nFrom the same weights, data and noise each computes the losses of {CHECKS} training "
        "steps (W4: 40 of the pixels).\nGiven is the largest relative difference from minivae's; above "
        f"{RTOL:.0e} there would be no report.\n\n{table(['implementation', *results.gaps], rows)}"
    )


def _missing(results: Results) -> str:
    lines = [f"- {label}: {why}" for label, why in results.missing.items()]
    asked = set(results.options.against)
    lines += [f"- {_label(n)}: not asked for" for n in IMPLEMENTATIONS if n != "minivae" and n not in asked]
    for name in sorted(asked, key=list(IMPLEMENTATIONS).index):
        if lacks := [w for w in ALL if w not in IMPLEMENTATIONS[name].workloads and w in results.options.workloads]:
            lines.append(f"- {_label(name)}: {' and '.join(lacks)} not written for it")
    if "not installed" in results.missing.values():
        lines.append('\nPyTorch and JAX come with `pip install "minivae[bench]"`.')
    return "## Not measured\n\n" + ("\n".join(lines) or "Nothing was left out.")


def curves(results: Results, path: Path) -> None:
    """Draw ms a step over batch and over width, both axes logarithmic."""
    import matplotlib

    what, words = _clock(results)
    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    with matplotlib.rc_context({"svg.hashsalt": "minivae", "font.size": 9}):
        fig, axes = plt.subplots(1, len(results.growth), figsize=(9, 3.6), layout="constrained", squeeze=False)
        for ax, (dimension, by_size) in zip(axes[0], results.growth.items(), strict=True):
            for name in IMPLEMENTATIONS:
                points = [(n, 1e3 * _middle(times[name], what)) for n, times in by_size.items() if name in times]
                if points:
                    dashed = "--" if name == "floor" else "-"
                    ax.loglog(*zip(*points, strict=True), dashed, marker="o", markersize=3, label=_label(name))
            ax.set_xticks(list(by_size), [f"{n:,}" for n in by_size], minor=False)
            ax.minorticks_off()
            ax.set_xlabel(dimension)
            ax.grid(alpha=0.3)
        axes[0, 0].set_ylabel(f"W1: ms{words} a step")
        axes[0, 0].legend()
        path.parent.mkdir(parents=True, exist_ok=True)
        fig.savefig(path, metadata={"Date": None})
        plt.close(fig)
