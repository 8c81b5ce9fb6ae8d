"""Questions for pages without Python: each as a piece of HTML that is read as it stands and answered where scripts run.

On such a page the browser grades, so the page holds the key. It is veiled, so that nobody reads an answer who looks at
the source; it is not secret, for whoever wants to can lift the veil with ten lines of code. Answers are kept by the
browser, for that page's address alone.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from minivae.learn import bank, lab
from minivae.learn.plain import static_html
from minivae.learn.question import Question


def data(question: Question) -> dict:
    """Return what a page needs to ask and to grade a question, as JSON: what is shown, and the veiled key."""
    return {"question": question.view(), "key": veiled(question.key(), question.ref)}


def snippet(ref: str) -> str:
    """Return one question as HTML, to stand anywhere in a page that also has `script` and `style`.

    Parameters
    ----------
    ref : str
        Lesson and question, ``"04/why-the-kl"``.

    Raises
    ------
    ConfigError
        If there is no such question.
    """
    return of(bank.find(ref))


def of(question: Question) -> str:
    """Return a question as HTML, as `snippet` does."""
    held = json.dumps(data(question), ensure_ascii=False).replace("<", "\\u003c")  # no </script> can end it
    readable = static_html(question.view(), "Answering needs JavaScript.")
    return f'<div class="mv-question"><script type="application/json">{held}</script>{readable}</div>'


def script() -> str:
    """Return the ES module that brings all snippets of a page to life; it fetches nothing."""
    return lab.quiz_module() + "\n" + lab.source("quiz_static.js")


def style() -> str:
    """Return the style sheet of the snippets."""
    return lab.source("look.css", "quiz.css")


def page(snippets: Sequence[str], title: str, theme: str = "auto") -> str:
    """Return a whole page that holds all it needs; it works from a server and from a file.

    Parameters
    ----------
    snippets : sequence of str
    title : str
    theme : str
        ``"light"``, ``"dark"``, or ``"auto"`` for what the reader's system says.
    """
    scheme = "light dark" if theme == "auto" else theme
    layout = f":root{{color-scheme:{scheme}}}body{{max-width:44rem;margin:2rem auto;font-family:sans-serif}}"
    return (
        f'<!doctype html>\n<html lang="en" data-theme="{html.escape(theme)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
        f"<title>{html.escape(title)}</title><style>{layout}{style()}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1>\n{chr(10).join(snippets)}\n"
        f'<script type="module">\n{script()}\n</script></body></html>\n'
    )


def write_page(path: Path, refs: Sequence[str], title: str) -> None:
    """Write a page with these questions; ConfigError if one of them does not exist."""
    path.write_text(page([snippet(ref) for ref in refs], title), encoding="utf-8")


def veiled(key: dict, ref: str) -> str:
    """Return a key in a form that is not read at a glance: its bytes mixed with those of the reference, in base64."""
    text = json.dumps(key, ensure_ascii=False).encode()
    return base64.b64encode(bytes(a ^ b for a, b in zip(text, cycle(ref.encode())))).decode("ascii")
