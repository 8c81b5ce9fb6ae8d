"""What a picture of the tape is made of: boxes, edges, colours, and how wide a text is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from unicodedata import east_asian_width

# A card that brings its own background: notebooks show SVG as an image, which cannot know the page's colours.
# Each text colour has a contrast of 4.5 or more on each background; a test computes it.
CARD, TEXT, MUTED, LINE, CUT = "#ffffff", "#1f2430", "#525b6b", "#5d6879", "#a3241c"
FILL = {"op": "#edf2fc", "leaf": "#ebf6ef", "constant": "#fdf3e8"}
EDGE = {"op": "#2456b8", "leaf": "#1a6a39", "constant": "#92450f"}
BACKGROUNDS = [CARD, *FILL.values()]

MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
SANS = "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
LONGEST = 30  # characters in a line of a box

MARGIN, ROW_GAP, BOX_GAP, WIRE_GAP, SLANT = 24, 46, 26, 16, 9


@dataclass(eq=False)
class Box:
    """An op, a leaf that gets a gradient, or a constant: what it says, and where it stands."""

    kind: str
    title: str
    notes: list[str]
    spoken: str  # how the description for screen readers calls it
    slots: list[str] = field(default_factory=list)  # the names of an op's inputs, from left to right
    is_used: bool = False
    x: int = 0  # of its middle
    y: int = 0  # of its upper edge

    @property
    def cell(self) -> int:
        """The width of one slot."""
        return _even(7 * max(map(_columns, self.slots), default=0) + 14)

    @property
    def width(self) -> int:
        text = max([8 * _columns(self.title), *(7.4 * _columns(note) for note in self.notes)])
        slanted = 2 * SLANT if self.kind == "constant" else 0
        return _even(max(text + 26 + slanted, self.cell * len(self.slots), 72))

    @property
    def height(self) -> int:
        return 34 + 16 * len(self.notes) + (16 if self.slots else 0)

    def port(self, k: int, n: int) -> float:
        """Where the k-th of n edges comes in, from the middle of the box."""
        return (k - (n - 1) / 2) * (self.cell if self.slots else 22)


@dataclass(eq=False)
class Edge:
    """A value on its way into an op. `kind` is "flow" where a gradient comes back, "cut" where none does.

    "copy" joins a tensor to a constant that shares its values: no op ran, so the tape knows nothing of it.
    """

    source: int
    target: int
    kind: str
    k: int = 0  # it is the k-th
    n: int = 1  # of n that go into the target
    path: list[tuple[int, int]] = field(default_factory=list)  # what it passes through, from top to bottom


def count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _even(x: float) -> int:
    return 2 * math.ceil(x / 2)


def _columns(text: str) -> int:
    """How many characters wide it is in a monospaced face: a Chinese one is two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def clean(text: str) -> str:
    """Without what XML cannot hold: control characters and lone surrogates."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def short(text: str) -> str:
    """At most `LONGEST` characters; the middle goes first, since names differ at their ends."""
    text = clean(text)
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[: half - 1]}…{text[-half:]}"
