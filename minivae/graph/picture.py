"""Boxes and edges as SVG text, and as a sentence for those who hear it."""

from __future__ import annotations

from html import escape

from minivae.graph.boxes import CARD, CUT, EDGE, FILL, LINE, MARGIN, MONO, MUTED, SANS, SLANT, TEXT, Box, Edge, clean


def draw(boxes: list[Box], edges: list[Edge], height: int, title: str, summary: str) -> str:
    """SVG 1.1 text without ids or styles, so that several pictures on one page cannot disturb each other."""
    keys = _keys(boxes, edges)
    is_used = any(box.is_used for box in boxes)
    told = "Used: backward has gone through it. For another backward, run the forward pass again." * is_used
    inner = max([box.x + box.width // 2 for box in boxes] + [x + 12 for edge in edges for x, _ in edge.path])
    width = max(inner, *(round(7.4 * len(text)) for text in (title, summary, told)))
    width = max(width, *(48 + round(7.1 * len(text)) for _, text in keys)) + 2 * MARGIN
    top = MARGIN + 56 + 20 * is_used
    left = (width - inner) // 2
    legend = top + height + 34
    total = legend + 22 * len(keys) + MARGIN - 10

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{total}" '
        f'viewBox="0 0 {width} {total}" font-family="{MONO}" style="max-width:100%;height:auto">',
        f"<title>{escape(title)}: {escape(summary)}</title>",
        f"<desc>{escape(_spoken(boxes, edges))}</desc>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{total - 1}" rx="10" fill="{CARD}" stroke="#d4d9e1"/>',
        f'<g font-family="{SANS}" fill="{TEXT}">',
        f'<text x="{MARGIN}" y="{MARGIN + 14}" font-size="15" font-weight="600">{escape(title)}</text>',
        f'<text x="{MARGIN}" y="{MARGIN + 34}" font-size="13" fill="{MUTED}">{escape(summary)}</text>',
    ]
    if is_used:
        lines.append(f'<text x="{MARGIN}" y="{MARGIN + 54}" font-size="13">{told}</text>')
    lines += ["</g>", f'<g transform="translate({left} {top})">']
    for edge in edges:
        lines += _edge_svg(edge)
    for box in boxes:
        lines += _box_svg(box)
    lines += ["</g>", f'<g transform="translate({MARGIN} {legend})" font-family="{SANS}" font-size="12.5">']
    for k, (sample, text) in enumerate(keys):
        lines += [f'<g transform="translate(0 {22 * k})">', *sample]
        lines += [f'<text x="48" y="4" fill="{MUTED}">{escape(text)}</text>', "</g>"]
    lines += ["</g>", "</svg>"]
    return "\n".join(lines) + "\n"


def _edge_svg(edge: Edge) -> list[str]:
    (x, y), *rest = edge.path
    d = f"M{x} {y}"
    for i, (to_x, to_y) in enumerate(rest):
        end = to_y - 6 if i == len(rest) - 1 else to_y  # under the arrow's head
        if i % 2 or x == to_x:
            d += f"V{end}"
        else:
            half = (y + to_y) / 2
            d += f"C{x} {half:g} {to_x} {half:g} {to_x} {to_y}"
        x, y = to_x, to_y
    lines = [
        f'<g data-edge="{edge.kind} {edge.source} {edge.target} {edge.k}">',
        f'<path d="{d}" fill="none" {_stroke(edge.kind)}/>',
        _head(x, y, edge.kind),
    ]
    if edge.kind == "cut":
        (x0, y0), (x1, y1) = edge.path[:2]
        lines.append(_scissors((x0 + x1) / 2, (y0 + y1) / 2))
    return [*lines, "</g>"]


def _stroke(kind: str) -> str:
    style = {
        "flow": f'stroke="{LINE}" stroke-width="1.6"',
        "cut": f'stroke="{CUT}" stroke-width="1.6" stroke-dasharray="6 4"',
        "copy": f'stroke="{CUT}" stroke-width="1.6" stroke-dasharray="1.6 4" stroke-linecap="round"',
    }
    return style[kind]


def _head(x: float, y: float, kind: str) -> str:
    return f'<path d="M{x} {y}l-4 -8h8z" fill="{LINE if kind == "flow" else CUT}"/>'


def _scissors(x: float, y: float) -> str:
    """Two rings and two crossed blades, on a patch of the background that interrupts the line."""
    return (
        f'<g transform="translate({x:g} {y:g})" fill="none" stroke="{CUT}" stroke-width="1.5" stroke-linecap="round">'
        f'<circle r="10" fill="{CARD}" stroke="none"/><circle cx="-6" cy="-3.6" r="2.5"/>'
        '<circle cx="-6" cy="3.6" r="2.5"/><path d="M-3.9 -2.3L8 4.2M-3.9 2.3L8 -4.2"/></g>'
    )


def _box_svg(box: Box) -> list[str]:
    w, h = box.width, box.height
    lines = [f'<g data-box="{box.kind}" transform="translate({box.x - w // 2} {box.y})" text-anchor="middle">']
    lines += _outline(box.kind, w, h, box.is_used)
    y = 22
    if box.slots:
        for k, slot in enumerate(box.slots):
            middle = w / 2 + box.port(k, len(box.slots))
            lines.append(f'<text x="{middle:g}" y="14" font-size="11" fill="{MUTED}">{escape(slot)}</text>')
        lines.append(f'<path d="M1 19.5H{w - 1}" stroke="{EDGE[box.kind]}" stroke-opacity="0.35"/>')
        y += 15
    lines.append(
        f'<text x="{w // 2}" y="{y}" font-size="13" font-weight="700" fill="{TEXT}">{escape(box.title)}</text>'
    )
    for note in box.notes:
        y += 16
        colour = CUT if note == "no gradient" else MUTED
        lines.append(f'<text x="{w // 2}" y="{y}" font-size="12" fill="{colour}">{escape(note)}</text>')
    return [*lines, "</g>"]


def _outline(kind: str, w: int, h: int, is_used: bool = False) -> list[str]:
    """Round for ops, double for leaves, leaning and dashed for constants: told apart without colour."""
    paint = f'fill="{FILL[kind]}" stroke="{EDGE[kind]}" stroke-width="1.5"'
    if kind == "op":
        broken = ' stroke-dasharray="2 3"' * is_used
        return [f'<rect width="{w}" height="{h}" rx="9" {paint}{broken}/>']
    if kind == "leaf":
        inside = f'fill="none" stroke="{EDGE[kind]}"'
        return [
            f'<rect width="{w}" height="{h}" {paint}/>',
            f'<rect x="3.5" y="3.5" width="{w - 7}" height="{h - 7}" {inside}/>',
        ]
    return [f'<polygon points="{SLANT},0 {w},0 {w - SLANT},{h} 0,{h}" {paint} stroke-dasharray="6 4"/>']


def _keys(boxes: list[Box], edges: list[Edge]) -> list[tuple[list[str], str]]:
    """A sample of each sign that the picture uses, and what it means."""

    def small(kind: str) -> list[str]:
        return ['<g transform="translate(0 -8)">', *_outline(kind, 36, 16), "</g>"]

    def line(kind: str) -> list[str]:
        head = f'<g transform="translate(36 0) rotate(-90)">{_head(0, 0, kind)}</g>'
        scissors = f'<g transform="translate(14 0) scale(0.8)">{_scissors(0, 0)}</g>' if kind == "cut" else ""
        return [f'<path d="M0 0H30" {_stroke(kind)}/>{scissors}{head}']

    meant = {
        "op": (small, "op: its inputs above the line, then its name, and the shape of what it gives"),
        "leaf": (small, "leaf: backward adds to its .grad"),
        "constant": (small, "constant: data, noise, a detached tensor; its .grad stays None"),
        "flow": (line, "values run down, gradients run back up"),
        "cut": (line, "values run down, no gradient comes back"),
        "copy": (line, "same values without history; no op ran, so no gradient comes back"),
    }
    present = {box.kind for box in boxes} | {edge.kind for edge in edges}
    return [(draw(kind), text) for kind, (draw, text) in meant.items() if kind in present]


def _spoken(boxes: list[Box], edges: list[Edge]) -> str:
    """The picture in words, op by op, for those who hear it."""
    sentences = []
    for i, box in enumerate(boxes):
        if box.kind == "op":
            inputs = sorted((edge for edge in edges if edge.target == i), key=lambda edge: edge.k)
            takes = [
                f"{boxes[edge.source].spoken}{' (no gradient comes back)' * (edge.kind == 'cut')}" for edge in inputs
            ]
            sentences.append(f"{box.spoken} takes {', '.join(takes)} and gives {clean(box.notes[0])}.")
    used = " This graph was used by backward." * any(box.is_used for box in boxes)
    return f"From first to last: {' '.join(sentences)}{used}"
