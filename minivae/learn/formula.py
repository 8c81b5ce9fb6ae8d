r"""A small part of LaTeX, as plain text with subscripts: `\sigma^2` becomes σ², with no MathJax and no network.

The questions need few symbols, so tables and a page of parsing do. What is not in the tables is an error, not a guess.
"""

from __future__ import annotations

import re
from typing import NoReturn

from minivae.errors import ConfigError

Node = str | list  # text, or [tag, child, ...]; JSON as it stands

LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "theta": "θ",
    "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "psi": "ψ",
    "omega": "ω", "ell": "ℓ",
}  # fmt: skip
SYMBOLS = dict(infty="∞", nabla="∇", partial="∂", Sigma="Σ", Delta="Δ", dots="…", ldots="…")
SCRIPT = dict(N="𝒩", L="ℒ", D="𝒟")
NAMES = ("exp", "log", "ln", "max", "min", "tanh")
BINARY = {"+": "+", "-": "−", r"\cdot": "·", r"\times": "×", r"\odot": "⊙", r"\pm": "±"}
RELATIONS = {
    "=": "=", "<": "<", ">": ">", r"\sim": "∼", r"\approx": "≈", r"\le": "≤", r"\ge": "≥", r"\ne": "≠", r"\in": "∈",
    r"\to": "→", r"\mid": "|", r"\|": "‖", r"\propto": "∝",
}  # fmt: skip
ACCENTS = dict(hat="\u0302", bar="\u0304", tilde="\u0303")
FRACTIONS = {("1", "2"): "½", ("1", "4"): "¼", ("3", "4"): "¾", ("1", "3"): "⅓"}
SPACES = {r"\,", r"\;", r"\!", r"\quad", r"\ "}

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.S)


def formula(source: str) -> list[Node]:
    r"""Turn LaTeX into text nodes: letters italic, scripts raised or lowered, TeX's spaces around operators.

    Parameters
    ----------
    source : str
        What stands between two dollar signs, such as ``z = \mu + \sigma\epsilon``.

    Returns
    -------
    list of Node
        Strings and ``["var" | "sup" | "sub", child, ...]``.

    Raises
    ------
    ConfigError
        If a command is not in the tables above, or a brace is left open.
    """
    return _Parser(source).row(end=None)


class _Parser:
    """Reads tokens into a row of (class, nodes); the class decides the spaces around it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = [t for t in _TOKEN.findall(source) if not t.isspace()]
        self.at = 0

    def row(self, end: str | None, tight: bool = False) -> list[Node]:
        row: list[tuple[str, list[Node]]] = []
        while (token := self.take(needed=end)) != end:
            if token in ("^", "_"):
                script: Node = ["sup" if token == "^" else "sub", *self.argument(tight=True)]
                if row:
                    row[-1][1].append(script)
                else:
                    row.append(("ord", [script]))
            elif token not in SPACES and token not in (r"\left", r"\right"):
                row.append(self.atom(token or ""))
        return _spaced(row, tight)

    def atom(self, token: str) -> tuple[str, list[Node]]:
        name = token[1:] if token.startswith("\\") else ""
        if token in BINARY:
            return "bin", [BINARY[token]]
        if token in RELATIONS:
            return "rel", [RELATIONS[token]]
        if token.isascii() and token.isalpha():
            return "ord", [["var", token]]
        if name in LETTERS:
            return "ord", [["var", LETTERS[name]]]
        if name in SYMBOLS:
            return "ord", [SYMBOLS[name]]
        if name in NAMES:
            return "name", [name]
        if name == "sum":
            return "name", ["∑"]
        if name == "mathcal":
            letter = self.plain()
            if letter not in SCRIPT:
                self.fail(rf"\mathcal{{{letter}}}")
            return "ord", [SCRIPT[letter]]
        if name in ("mathrm", "text", "operatorname"):
            return "name", [self.plain()]
        if name in ACCENTS:
            base = self.argument()
            return "ord", [["var", _text(base) + ACCENTS[name]]]
        if name == "frac":
            top, bottom = self.argument(), self.argument()
            short = FRACTIONS.get((_text(top), _text(bottom)))
            return "ord", [short] if short else [*_wrapped(top), "/", *_wrapped(bottom)]
        if name == "sqrt":
            return "ord", ["√", *_wrapped(self.argument())]
        if token == "{":
            return "ord", self.row(end="}")
        if token in "([":
            return "open", [token]
        if token in ")]":
            return "close", [token]
        if token in ",;":
            return "punct", [token]
        if token == r"\{":
            return "open", ["{"]
        if token == r"\}":
            return "close", ["}"]
        if token[0].isdigit() or token in "./!|'":
            return "ord", ["′" if token == "'" else token]
        self.fail(token)

    def argument(self, tight: bool = False) -> list[Node]:
        token = self.take(needed="an argument")
        return self.row(end="}", tight=tight) if token == "{" else self.atom(token or "")[1]

    def plain(self) -> str:
        return _text(self.argument(tight=True))

    def take(self, needed: str | None) -> str | None:
        if self.at == len(self.tokens):
            if needed is None:
                return None
            raise ConfigError(f"formula: ${self.source}$ ends where {needed} is wanted; close what it opens")
        self.at += 1
        return self.tokens[self.at - 1]

    def fail(self, token: str) -> NoReturn:
        raise ConfigError(
            f"formula: ${self.source}$ has {token}, which the small LaTeX of the questions does not know; "
            "write it otherwise, or add it to the tables in minivae/learn/formula.py"
        )


def _spaced(row: list[tuple[str, list[Node]]], tight: bool) -> list[Node]:
    out: list[Node] = []
    previous = "open"  # a sign at the start is a sign, not a difference
    for kind, nodes in row:
        if kind == "bin" and previous in ("open", "bin", "rel", "punct"):
            kind = "ord"  # unary minus
        around = kind in ("bin", "rel") and not tight
        named = previous == "name" and kind not in ("open", "punct", "close")
        after_name = kind == "name" and previous in ("ord", "close")
        if around or ((named or after_name) and not (out and str(out[-1]).endswith(" "))):
            out.append(" ")
        out.extend(nodes)
        if around or (kind == "punct" and not tight):
            out.append(" ")
        previous = kind
    return _joined(out)


def _joined(nodes: list[Node]) -> list[Node]:
    """Neighbouring strings as one string, neighbouring single letters left apart."""
    out: list[Node] = []
    for node in nodes:
        if isinstance(node, str) and out and isinstance(out[-1], str):
            out[-1] += node
        else:
            out.append(node)
    return out


def _text(nodes: list[Node]) -> str:
    return "".join(n if isinstance(n, str) else _text(n[1:]) for n in nodes)


def _wrapped(nodes: list[Node]) -> list[Node]:
    return nodes if len(nodes) == 1 and len(_text(nodes)) <= 2 else ["(", *nodes, ")"]
