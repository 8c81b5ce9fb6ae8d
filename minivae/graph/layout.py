"""Where things stand: boxes in rows, few crossings, straight lines.

The layout is that of Sugiyama, Tagawa & Toda 1981 in four steps, each a function below: rows by longest path, long
edges cut at every row, few crossings by barycentres, then places in each row by least squares. A vertex is a box, or a
bend: the place where a long edge passes through a row.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

from minivae.graph.boxes import BOX_GAP, ROW_GAP, SLANT, WIRE_GAP, Box, Edge


@dataclass
class Link:
    """A piece of an edge, from a vertex in one row to a vertex in the next."""

    upper: int
    lower: int
    dx: float  # where it enters the lower one, from the middle
    weight: int  # how much it wants to be straight


def place(boxes: list[Box], edges: list[Edge]) -> int:
    """Give every box its x and y and every edge its path, in whole pixels. Returns the y where the last row ends."""
    row_of = _row_of_each(boxes, edges)
    links, paths = [], []
    has_inputs = {edge.target for edge in edges}
    for edge in edges:
        path = [edge.source]
        for r in range(row_of[edge.source] + 1, row_of[edge.target]):
            path.append(len(row_of))
            row_of.append(r)
        path.append(edge.target)
        paths.append(path)
        for upper, lower in pairwise(path):
            bends = (upper >= len(boxes)) + (lower >= len(boxes))
            dx = boxes[edge.target].port(edge.k, edge.n) if lower == edge.target else 0.0
            links.append(Link(upper, lower, dx, (4 if edge.source in has_inputs else 1, 4, 10)[bends]))
    widths = [float(box.width) for box in boxes] + [0.0] * (len(row_of) - len(boxes))
    rows = _ordered(_first_order(row_of, links, len(boxes) - 1), links, widths)
    x = _across(rows, links, widths)
    _straighten(x, rows, _spines(edges, paths) + [path[1:-1] for path in paths], widths)

    left = min(x[i] - box.width / 2 for i, box in enumerate(boxes))
    middle = [round(place - left) for place in x]
    reach = [0.0] * len(rows)  # how far to the side the longest link below each row goes
    for link in links:
        reach[row_of[link.upper]] = max(reach[row_of[link.upper]], abs(x[link.upper] - x[link.lower] - link.dx))
    top: list[int] = []
    bottom: list[int] = []
    y = 0
    for row, far in zip(rows, reach, strict=True):
        top.append(y)
        bottom.append(y + max(boxes[v].height for v in row if v < len(boxes)))
        y = bottom[-1] + ROW_GAP + min(round(far / 12), ROW_GAP)
    for i, box in enumerate(boxes):
        box.x, box.y = middle[i], bottom[row_of[i]] - box.height
    for edge, path in zip(edges, paths, strict=True):
        target = boxes[edge.target]
        edge.path = [(middle[edge.source], bottom[row_of[edge.source]])]
        for v in path[1:-1]:
            edge.path += [(middle[v], top[row_of[v]]), (middle[v], bottom[row_of[v]])]
        end = target.x + round(target.port(edge.k, edge.n))
        edge.path += [(end, top[row_of[edge.target]]), (end, target.y)]
    for i, box in enumerate(boxes):  # the edges of a leaf start side by side: scissors would lie on scissors
        starts = sorted((edge for edge in edges if edge.source == i), key=lambda edge: edge.path[1])
        if i not in has_inputs:
            step = min(24, (box.width - 2 * SLANT) // len(starts))
            for k, edge in enumerate(starts):
                edge.path[0] = (box.x + round((k - (len(starts) - 1) / 2) * step), edge.path[0][1])
    return bottom[-1]


def _row_of_each(boxes: list[Box], edges: list[Edge]) -> list[int]:
    """The row of each box, 0 at the top: every edge leads down, leaves stand right above what uses them."""
    into: list[list[int]] = [[] for _ in boxes]
    out: list[list[int]] = [[] for _ in boxes]
    for edge in edges:
        into[edge.target].append(edge.source)
        out[edge.source].append(edge.target)
    order = list(TopologicalSorter(dict(enumerate(into))).static_order())  # sources first
    height = [0] * len(boxes)  # above the last row

    def lower(i: int) -> None:
        height[i] = max((height[j] + 1 for j in out[i]), default=0)

    for i in reversed(order):
        lower(i)
    moved = True
    while moved:  # what has more edges above it than below moves up, as far as it can: that makes edges shorter
        moved = False
        for i in order:
            above = [j for j in into[i] if into[j] or len(out[j]) > 1]  # a leaf of its own comes along
            highest = min((height[j] - 1 for j in above), default=0)
            if len(set(above)) > len(set(out[i])) > 0 and highest > height[i]:
                height[i] = highest
                moved = True
        for i in order:
            if not into[i]:
                lower(i)
    return [max(height) - h for h in height]


def _first_order(row_of: list[int], links: list[Link], last: int) -> list[list[int]]:
    """The vertices of each row in the order in which a walk up from the last op meets them."""
    above: dict[int, list[Link]] = {}
    for link in links:
        above.setdefault(link.lower, []).append(link)
    rows: list[list[int]] = [[] for _ in range(max(row_of) + 1)]
    seen, todo = set(), [last]
    while todo:
        v = todo.pop()
        if v not in seen:
            seen.add(v)
            rows[row_of[v]].append(v)
            todo += [link.upper for link in sorted(above.get(v, []), key=lambda link: -link.dx)]
    return rows


def _ordered(rows: list[list[int]], links: list[Link], widths: list[float]) -> list[list[int]]:
    """The rows with few crossings: each vertex moves to the mean place of its neighbours, down, up, and again."""
    shift = {id(link): link.dx / (widths[link.lower] or 1.0) for link in links}  # within +-1/2: which slot it enters
    above: dict[int, list[Link]] = {}
    below: dict[int, list[Link]] = {}
    for link in links:
        above.setdefault(link.lower, []).append(link)
        below.setdefault(link.upper, []).append(link)

    def crossings() -> int:
        place = {v: i for row in rows for i, v in enumerate(row)}
        total = 0
        for row in rows:
            ends: list[float] = []
            for u in row:
                own = [place[link.lower] + shift[id(link)] for link in below.get(u, [])]
                total += sum(len(ends) - bisect_right(ends, end) for end in own)
                for end in own:
                    insort(ends, end)
        return total

    best, fewest = rows, crossings()
    for sweep in range(24):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        rows = [list(row) for row in rows]
        for r in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
            place = {v: float(i) for i, v in enumerate(rows[r - 1 if down else r + 1])}
            wish = {}
            for i, v in enumerate(rows[r]):
                if down:
                    near = [place[link.upper] - shift[id(link)] for link in above.get(v, [])]
                else:
                    near = [place[link.lower] + shift[id(link)] for link in below.get(v, [])]
                wish[v] = math.fsum(near) / len(near) if near else float(i)
            rows[r].sort(key=wish.__getitem__)
        if (now := crossings()) < fewest:
            best, fewest = rows, now
    return best


def _across(rows: list[list[int]], links: list[Link], widths: list[float]) -> list[float]:
    """An x for each vertex, so that links are short and nothing in a row overlaps."""
    near: list[list[tuple[int, float, int, bool]]] = [[] for _ in widths]
    for link in links:
        near[link.lower].append((link.upper, -link.dx, link.weight, True))
        near[link.upper].append((link.lower, link.dx, link.weight, False))
    gaps = []
    x = [0.0] * len(widths)
    for row in rows:
        gaps.append([_gap(widths, u, v) for u, v in pairwise(row)])
        for u, v in pairwise(row):
            x[v] = x[u] + _gap(widths, u, v)
    for sweep in range(40):
        down = sweep % 2 == 0
        for r in range(len(rows)) if down else reversed(range(len(rows))):
            wishes, weights = [], []
            for v in rows[r]:
                pulls = [(x[u] + dx, w) for u, dx, w, is_above in near[v] if sweep >= 20 or is_above == down]
                pulls = pulls or [(x[v], 0)]
                weight = sum(w for _, w in pulls)
                wishes.append(math.fsum(p * (w or 1) for p, w in pulls) / (weight or 1))
                weights.append(weight or 0.1)
            for v, place in zip(rows[r], _apart(wishes, weights, gaps[r]), strict=True):
                x[v] = place
    return x


def _apart(wishes: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to `wishes`, in weighted least squares, that keep their order and are `gaps` apart.

    With the gaps taken off, the places may not fall: neighbours whose wishes would fall are pooled at their mean
    (pool adjacent violators; Ayer et al. 1955).
    """
    offsets = [0.0]
    for gap in gaps:
        offsets.append(offsets[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for wish, weight, offset in zip(wishes, weights, offsets, strict=True):
        mean, total, members = wish - offset, weight, 1
        while pools and pools[-1][0] > mean:
            m, w, k = pools.pop()
            mean = (m * w + mean * total) / (w + total)
            total, members = w + total, k + members
        pools.append((mean, total, members))
    flat = [mean for mean, _, members in pools for _ in range(members)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=True)]


def _gap(widths: list[float], u: int, v: int) -> float:
    """The distance that two neighbours in a row have to keep, from middle to middle."""
    return (widths[u] + widths[v]) / 2 + (BOX_GAP if widths[u] and widths[v] else WIRE_GAP)


def _spines(edges: list[Edge], paths: list[list[int]]) -> list[list[int]]:
    """Chains of ops with one input each, and the bends between: what a reader expects to see as one line."""
    following: dict[int, list[int]] = {}
    for edge, path in zip(edges, paths, strict=True):
        if edge.n == 1 and edge.kind == "flow":
            following.setdefault(edge.source, path)
    inner = {path[-1] for path in following.values()}
    chains = []
    for start in following:
        if start not in inner:
            chain = [start]
            while chain[-1] in following:
                chain += following[chain[-1]][1:]
            chains.append(chain)
    return chains


def _straighten(x: list[float], rows: list[list[int]], chains: list[list[int]], widths: list[float]) -> None:
    """Put what each chain joins one under the other, for as many rows as there is room."""
    beside = {v: (u, w) for row in rows for u, v, w in zip([-1, *row], row, [*row[1:], -1], strict=False)}

    def room(v: int) -> tuple[float, float]:
        u, w = beside[v]
        return (
            -math.inf if u < 0 else x[u] + _gap(widths, u, v),
            math.inf if w < 0 else x[w] - _gap(widths, v, w),
        )

    for chain in chains:
        runs: list[list[int]] = []
        low, high = math.inf, -math.inf
        for v in chain:
            left, right = room(v)
            low, high = max(low, left), min(high, right)
            if low > high:
                runs.append([])
                low, high = left, right
            runs[-1].append(v)
        for run in runs:
            low, high = max(room(v)[0] for v in run), min(room(v)[1] for v in run)
            place = min(max(math.fsum(x[v] for v in run) / len(run), low), high)
            for v in run:
                x[v] = place
