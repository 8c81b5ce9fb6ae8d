"""When two runs of a cell count as the same: text to one unit in the last printed place, figures to a faint shade.

Two machines add in different orders, so the last bits of a float differ: OpenBLAS's kernels for AVX2 and for AVX-512
train one small VAE 2,000 steps to losses 1e-7 apart. Now and then that carries a number over a rounding boundary, and
what is 84.6 here is 84.7 there. It cannot change what is counted: words, whole numbers, how many there are. A whole
number that *is* rounded says so, to the reader and to this test: `≈ -161` may be `≈ -162` on another processor.
"""

import base64
import io
import re
from decimal import Decimal

import numpy as np
from nbformat import NotebookNode
from PIL import Image

from minivae.learn.build import PICTURES, text_of

# Neither `3.11.2` (a version) nor `v1.2` nor `1.5em` is a number that rounding could touch; `1,234.5` is one.
DECIMAL = re.compile(
    r"(?:(?<=≈)|(?<=≈ ))-?\d+(?![\w,.])"  # a rounded whole number
    r"|(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+(?:[eE][+-]?\d+)?(?![\w]|\.\d)"
)

# Of 255, on the means of 4x4 pixels in red, green and blue. The largest difference sees what is small and local, the
# root mean square what is faint and everywhere. Measured on six figures (curves, scatter, heat map, bars, digits):
#                                                                 largest        RMS
#   data off by 1e-7 .. 1e-4, matplotlib 3.11.0, .1, .2          0 ..   2.3   0.00 ..  0.10
#   one digit of one tick label: 0 -> 8, 5 -> 6                 20 ..  73     0.21 ..  0.68
#   one letter of the title                                     83            2.3
#   one digit of an 8x8 grid by another, by its nearest double  143 .. 249    3.7  .. 10.6
#   a curve moved by 0.25 % of its axis                         46            2.7
#   a heat map dimmed by 2 %                                    10            1.0
# Text is set differently by matplotlib 3.10 (figures even change size): constraints.txt says which one draws ours.
LARGEST, RMS = 8.0, 2.0
BLOCK = 4


def text_difference(old: str, new: str) -> str:
    """The first difference between two texts, in words; empty if there is none but rounding."""
    if old == new:
        return ""
    old_lines, new_lines = old.split("\n"), new.split("\n")
    for number, (old_line, new_line) in enumerate(zip(old_lines, new_lines, strict=False), start=1):
        if fault := line_difference(old_line, new_line):
            return f"line {number}: stored `{old_line.strip()}`, now `{new_line.strip()}`: {fault}"
    if len(old_lines) != len(new_lines):
        return f"{len(old_lines)} lines are stored, now there are {len(new_lines)}"
    return ""


def line_difference(old: str, new: str) -> str:
    """What tells two lines apart, beyond one unit in the last place of their decimals."""
    # Spaces beside a decimal are padding: -0.01 in a column is one space narrower than 0.00.
    old_words, new_words = ([word.strip(" ") for word in DECIMAL.split(line)] for line in (old, new))
    old_decimals, new_decimals = DECIMAL.findall(old), DECIMAL.findall(new)
    if old_words != new_words or (not old_decimals and old != new):
        return "the words, whole numbers or the count of numbers changed"
    for a, b in zip(old_decimals, new_decimals, strict=True):
        if places(a) != places(b):
            return f"{a} has {places(a)} decimals, {b} has {places(b)}"
        x, y = Decimal(a.replace(",", "")), Decimal(b.replace(",", ""))
        unit = min(Decimal(1).scaleb(int(v.as_tuple().exponent)) for v in (x, y))  # 9.9e-06 and 1.0e-05: the finer
        if abs(x - y) > unit:
            return f"{a} and {b} are {abs(x - y) / unit:.3g} units of the last place apart, 1 is allowed"
    return ""


def places(number: str) -> int:
    """How many digits are printed after the point."""
    return len(re.split("[eE]", number)[0].partition(".")[2])


def picture(encoded: str) -> np.ndarray:
    """An image of a notebook: base64 -> (H, W, 3), 0 to 255, on white paper where it is transparent."""
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")
    paper = Image.new("RGBA", image.size, "white")
    paper.alpha_composite(image)
    return np.asarray(paper.convert("RGB"), dtype=np.float64)


def block_means(pixels: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (ceil(H / 4), ceil(W / 4), 3): means over 4x4 pixels, which forgive anti-aliasing."""
    height, width, _ = pixels.shape
    padded = np.pad(pixels, ((0, -height % BLOCK), (0, -width % BLOCK), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // BLOCK, padded.shape[1] // BLOCK
    return padded.reshape(rows, BLOCK, columns, BLOCK, 3).mean(axis=(1, 3))


def figure_difference(old: str, new: str) -> str:
    """What tells two figures (base64) apart, in words; empty if no eye would see it."""
    before, after = picture(old), picture(new)
    if before.shape != after.shape:
        sizes = [f"{width} x {height}" for height, width, _ in (before.shape, after.shape)]
        return f"the stored figure has {sizes[0]} pixels, now {sizes[1]}"
    gap = np.abs(block_means(before) - block_means(after))
    largest, rms = float(gap.max()), float(np.sqrt((gap**2).mean()))
    if largest <= LARGEST and rms <= RMS:
        return ""
    row, column, _ = np.unravel_index(gap.argmax(), gap.shape)
    return (
        f"the figure changed: by {largest:.1f} of 255 around x={column * BLOCK}, y={row * BLOCK} ({LARGEST:g} allowed),"
        f" RMS {rms:.2f} ({RMS:g} allowed)"
    )


def outputs_difference(old: list[NotebookNode], new: list[NotebookNode]) -> str:
    """The first difference between two tidied lists of outputs; empty if they count as the same."""
    for number, (a, b) in enumerate(zip(old, new, strict=False), start=1):
        stored, now = ([output.output_type, *sorted([*text_of(output), *pictures(output)])] for output in (a, b))
        if stored != now:
            return f"output {number}: stored {', '.join(stored)}; now {', '.join(now)}"
        for kind, text in text_of(a).items():
            if fault := text_difference(text, text_of(b)[kind]):
                return f"output {number}, {kind}, {fault}"
        for kind, encoded in pictures(a).items():
            if fault := figure_difference(encoded, pictures(b)[kind]):
                return f"output {number}, {kind}: {fault}"
    if len(old) != len(new):
        return f"{len(old)} outputs are stored, now there are {len(new)}"
    return ""


def pictures(output: NotebookNode) -> dict[str, str]:
    """Kind -> base64, of the images in an output."""
    return {kind: output.data[kind] for kind in PICTURES if kind in output.get("data", {})}
