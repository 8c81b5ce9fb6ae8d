"""The tape as a picture, and why a gradient is missing in words.

`graph(loss)` reads the nodes behind a tensor (tape.py), lays them out in rows (layout.py: values run down, gradients
run back up) and writes SVG as text (picture.py): no other program is needed. It draws where the gradient stops.
`explain(tensor)` (words.py) says why its `grad` is None, as far as the engine can know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from minivae.checkpoint import replacing
from minivae.engine import Tensor
from minivae.errors import ConfigError, DtypeError, GradientError
from minivae.graph.boxes import FILL, Box, Edge, clean, count
from minivae.graph.layout import place
from minivae.graph.picture import draw
from minivae.graph.tape import names_given, read
from minivae.graph.words import Explanation, explain

__all__ = ["Explanation", "Graph", "explain", "graph"]


class Graph:
    """A picture of a tape. A notebook shows it; `svg` is its text; `save` writes it to a file."""

    def __init__(self, svg: str, summary: str, boxes: list[Box], edges: list[Edge]):
        self.svg, self.summary, self.boxes, self.edges = svg, summary, boxes, edges

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<{self.summary}>"

    def save(self, path: str | Path) -> None:
        """Write the picture to `path`, whole or not at all.

        Raises
        ------
        ConfigError
            If `path` does not end in .svg.
        CheckpointError
            If it cannot be written.
        """
        if Path(path).suffix.lower() != ".svg":
            raise ConfigError(f"Graph.save: {path} does not end in .svg, and SVG is what is written; rename it")
        with replacing(path) as file:
            file.write(self.svg.encode())


def graph(loss: Tensor, names: Any = None) -> Graph:
    """Draw the tape behind `loss`.

    Ops are rounded boxes, leaves that get a gradient have a double frame, constants lean. An edge along which no
    gradient comes back is dashed and has scissors on it. A graph that `backward` has used can still be drawn, and says
    so. The same graph gives the same bytes.

    Parameters
    ----------
    loss : a tensor that an op has made.
    names : a Module, for the dotted names of its parameters; or a dict, either {tensor: "mu"} or {"mu": tensor}. In
        the second form values may be modules and plain arrays too and everything else is passed over, so that
        `names=locals()` works.

    Returns
    -------
    Graph
        With `.svg`, and `.save("graph.svg")`.

    Raises
    ------
    GradientError
        If `loss` is not on the tape: no op made it, or nobody wanted its gradient.
    ConfigError
        If there are more than `LIMIT` boxes, or `names` is something else.

    Source: Sugiyama, Tagawa & Toda 1981, "Methods for visual understanding of hierarchical system structures".
    """
    if not isinstance(loss, Tensor):
        hint = "; a model's loss comes with its terms: loss, terms = model.loss(x, rng)" * isinstance(loss, tuple)
        raise DtypeError(f"graph: got a {type(loss).__name__}; wanted a Tensor{hint}")
    if loss.node is None or not loss.requires_grad:
        raise GradientError("graph: this tensor is not on the tape: nothing lies behind it; explain(tensor) says why")
    given = names_given(names)
    boxes, edges = read(loss, given)
    height = place(boxes, edges)
    counts = {kind: sum(box.kind == kind for box in boxes) for kind in FILL}
    title = f"The tape behind {clean(given.get(id(loss), loss.node.name))}"
    summary = ", ".join(
        [
            count(counts["op"], "op", "ops"),
            count(counts["leaf"], "leaf that gets a gradient", "leaves that get a gradient"),
            count(counts["constant"], "constant that gets none", "constants that get none"),
        ]
    )
    return Graph(draw(boxes, edges, height, title, summary), f"{title}: {summary}", boxes, edges)
