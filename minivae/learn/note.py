"""Short messages to the learner: HTML in a notebook, plain text everywhere else, the same words in both."""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass, field

from minivae.learn.formula import Node
from minivae.learn.markup import to_html, to_text

# Symbol and stripe. The stripe only repeats what symbol and words say, so a theme may colour it as it likes.
TONES = {
    "right": ("✓", "var(--jp-success-color1, #388e3c)"),
    "wrong": ("✗", "var(--jp-error-color1, #d32f2f)"),
    "info": ("○", "var(--jp-brand-color1, #1976d2)"),
}
TIGHT = 'style="margin: 4px 0"'


@dataclass(frozen=True)
class Note:
    """A headline and what follows it.

    Attributes
    ----------
    tone : str
        ``"right"``, ``"wrong"`` or ``"info"``.
    headline : str
        One line of plain text.
    body : list of Node
        Nodes as `markup.parse` gives them; a ``["pre", text]`` keeps its lines.
    """

    tone: str
    headline: str
    body: list[Node] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{TONES[self.tone][0]} {self.headline}"]
        for block in _blocks(self.body):
            text = to_text(block)
            if block[0][0] == "pre":
                lines += textwrap.indent(text, "    ").splitlines()
            else:
                whole = re.sub("`[^`]+`", lambda code: code[0].replace(" ", "\xa0"), text)  # no break inside code
                lines += textwrap.wrap(whole, 100, initial_indent="  ", subsequent_indent="  ")
        return "\n".join(lines).replace("\xa0", " ")

    def _repr_mimebundle_(self, **_) -> dict:
        symbol, stripe = TONES[self.tone]
        blocks = "".join(_block_html(block) for block in _blocks(self.body))
        page = (
            f'<div style="border-left: 4px solid {stripe}; padding: 2px 14px; max-width: 44rem">'
            f"<p {TIGHT}><strong>{symbol} {to_html([self.headline])}</strong></p>{blocks}</div>"
        )
        return {"text/plain": str(self), "text/html": page}


def _blocks(body: list[Node]) -> list[list[Node]]:
    """Group inline nodes into paragraphs; a block node stands alone."""
    blocks: list[list[Node]] = []
    for node in body:
        if _is_block(node) or not blocks or _is_block(blocks[-1][0]):
            blocks.append([node])
        else:
            blocks[-1].append(node)
    return blocks


def _is_block(node: Node) -> bool:
    return not isinstance(node, str) and node[0] in ("pre", "par")


def _block_html(block: list[Node]) -> str:
    first = block[0]
    if isinstance(first, str) or not _is_block(first):
        return f"<p {TIGHT}>{to_html(block)}</p>"
    return to_html(block) if first[0] == "pre" else f"<p {TIGHT}>{to_html(first[1:])}</p>"


def say(note: Note) -> None:
    """Show a note: displayed where IPython runs, printed elsewhere."""
    ipython = sys.modules.get("IPython")  # not imported for this: if nobody did, we are not in a notebook
    if ipython is not None and ipython.get_ipython() is not None:
        ipython.display.display(note)
    else:
        print(note)
