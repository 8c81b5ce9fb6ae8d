"""Reads CUDA C as a list of tokens: enough to find kernels and declarations without being fooled by comments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<newline> \n )
  | (?P<blank>   [^\S\n]+ | \\\r?\n | //(?:\\\r?\n|[^\n])* | /\*.*?\*/ )
  | (?P<string>  "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
  | (?P<name>    [A-Za-z_]\w* )
  | (?P<number>  \.?\d(?:[eEpP][+-]|'(?=\w)|[\w.])* )
  | (?P<sign>    <<< | >>> | :: | -> | . )
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """One word of the source.

    Attributes
    ----------
    kind : "name", "number", "string" or "sign".
    start, end : where it stands in the text.
    line : counted from 1.
    directive : "define", "include" ... if it stands in such a line, else "".
    """

    kind: str
    text: str
    start: int
    end: int
    line: int
    directive: str


def tokenize(source: str) -> list[Token]:
    """All tokens of a source; comments and blanks are left out."""
    tokens: list[Token] = []
    line, directive, fresh = 1, "", True  # fresh: nothing but blanks in this line so far
    for match in _TOKEN.finditer(source):
        kind, text = match.lastgroup or "", match.group()
        if kind == "newline":
            directive, fresh = "", True
        elif kind != "blank":
            if fresh and text == "#":
                directive = "#"
            elif directive == "#":
                directive = text
            fresh = False
            tokens.append(Token(kind, text, match.start(), match.end(), line, directive))
        line += text.count("\n")
    return tokens


def closing(tokens: Sequence[Token], at: int) -> int:
    """Where the bracket that opens at `at` is closed; the last token if it never is."""
    depth = 0
    for k in range(at, len(tokens)):
        depth += (tokens[k].text in "([{") - (tokens[k].text in ")]}")
        if depth == 0:
            return k
    return len(tokens) - 1
