"""The little markup of questions and hints: `code`, *emphasis*, $math$ and paragraphs, parsed once, drawn safely.

Text becomes nodes, and only nodes travel: Python writes them as HTML or as plain text, quiz.js builds them with
createTextNode. So a `<script>` in a question is shown, never run, and no side needs to trust the other.
"""

from __future__ import annotations

import html
import re

from minivae.errors import ConfigError
from minivae.learn.formula import Node, formula

HTML_TAGS = dict(code="code", em="em", math="span", var="i", sub="sub", sup="sup", par="p", pre="pre")

_SUPERSCRIPT = str.maketrans("0123456789+−()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁱⁿ")
_SUBSCRIPT = str.maketrans("0123456789+−()it", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ᵢₜ")
_INLINE = re.compile(
    r"""\\(?P<escaped>[`*$\\])
      | `(?P<code>[^`]+)`
      | \$(?P<math>[^$]+)\$
      | \*(?P<em>[^\s*](?:[^*]*[^\s*])?)\*
      | (?P<stray>[`$])""",
    re.X,
)


def parse(text: str) -> list[Node]:
    r"""Parse markup into nodes.

    Parameters
    ----------
    text : str
        Words with `code`, *emphasis* and $math$; a blank line starts a paragraph, a backslash keeps ``*`` as it is.

    Returns
    -------
    list of Node
        Strings and ``[tag, child, ...]``; several paragraphs come as ``["par", ...]`` each.

    Raises
    ------
    ConfigError
        If a backtick or a dollar sign has no partner, or a formula cannot be read.
    """
    paragraphs = [" ".join(p.split()) for p in re.split(r"\n\s*\n", text.strip())]
    if len(paragraphs) == 1:
        return _inline(paragraphs[0])
    return [["par", *_inline(p)] for p in paragraphs]


def _inline(text: str) -> list[Node]:
    nodes: list[Node] = []
    at = 0
    for match in _INLINE.finditer(text):
        nodes.append(text[at : match.start()])
        at = match.end()
        kind, inner = match.lastgroup, match[match.lastgroup or 0]
        if kind == "stray":
            raise ConfigError(f"markup: a {inner} without its partner in {text!r}; close it, or write \\{inner}")
        if kind == "escaped":
            nodes.append(inner)
        elif kind == "code":
            nodes.append(["code", inner])
        elif kind == "math":
            nodes.append(["math", *formula(inner)])
        else:
            nodes.append(["em", *_inline(inner)])
    nodes.append(text[at:])
    return [node for node in nodes if node]


def to_html(nodes: list[Node]) -> str:
    """Write nodes as HTML; every piece of text is escaped."""
    parts = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(html.escape(node))
        else:
            tag = HTML_TAGS[node[0]]
            parts.append(f"<{tag}>{to_html(node[1:])}</{tag}>")
    return "".join(parts)


def to_text(nodes: list[Node]) -> str:
    """Write nodes as plain text for a terminal: code in backticks, scripts as Unicode where it has them."""
    parts = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
            continue
        tag, inner = node[0], to_text(node[1:])
        if tag == "code":
            parts.append(f"`{inner}`")
        elif tag in ("sup", "sub"):
            table, sign = (_SUPERSCRIPT, "^") if tag == "sup" else (_SUBSCRIPT, "_")
            known = all(ord(c) in table for c in inner)
            parts.append(inner.translate(table) if known else f"{sign}({inner})" if len(inner) > 1 else sign + inner)
        elif tag == "par":
            parts.append(("\n\n" if parts else "") + inner)
        else:
            parts.append(inner)
    return "".join(parts)
