"""A question as plain HTML, for where nothing runs: to be read, with no answer in it."""

from __future__ import annotations

import html

from minivae.learn.markup import to_html


def static_html(view: dict, note: str) -> str:
    """Write what `Question.view` gives as HTML.

    Parameters
    ----------
    view : dict
    note : str
        What has to be done to answer.
    """
    parts = [f"<p><strong>{to_html([view['title']])}</strong></p><div>{to_html(view['prompt'])}</div>"]
    if figure := view.get("figure"):
        parts.append(f'<p><img src="{html.escape(figure["src"])}" alt="{html.escape(figure["alt"])}"></p>')
    if code := view.get("code"):
        parts.append(f"<pre>{html.escape(code)}</pre>")
    if ask := view.get("ask"):
        parts.append(f"<p>{html.escape(ask)}</p>")
    if choices := view.get("choices"):
        items = "".join(f"<li>{to_html(choice['text'])}</li>" for choice in choices)
        parts.append(f'<ol type="A">{items}</ol>')
    if unit := view.get("unit"):
        parts.append(f"<p>The answer is a number ({html.escape(unit)}).</p>")
    return f"<div>{''.join(parts)}<p><em>{html.escape(note)}</em></p></div>"
