"""The drawn tape: everything once, nothing over anything else, cuts where the gradient stops, reasons in words."""

import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae import Tensor, no_grad, ops
from minivae.engine import OPS, op
from minivae.errors import CheckpointError, ConfigError, DtypeError, GradientError
from minivae.graph import Explanation, explain, graph, layout
from minivae.graph.boxes import BACKGROUNDS, CARD, CUT, EDGE, LINE, MUTED, TEXT
from minivae.graph.tape import LIMIT, inputs_behind
from minivae.models import VAE
from minivae.nn import Linear, Sequential
from minivae.optim import Adam

SVG = "{http://www.w3.org/2000/svg}"


def leaf(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=True)


def constant(*shape, seed=1):
    return Tensor(np.random.default_rng(seed).normal(size=shape))


def drawn_boxes(picture):
    """What the SVG shows: (kind, lines of text without the slots, corners) for each box, in the order of drawing."""
    found = []
    for g in ET.fromstring(picture.svg).iter(SVG + "g"):
        if kind := g.get("data-box"):
            dx, dy = map(float, g.get("transform").removeprefix("translate(").rstrip(")").split())
            texts = [t.text for t in g.iter(SVG + "text") if t.get("font-size") != "11"]
            found.append((kind, texts, tuple(a + b for a, b in zip(outline(g), (dx, dy, dx, dy), strict=True))))
    return found


def outline(g):
    if (rect := g.find(SVG + "rect")) is not None:
        return 0, 0, float(rect.get("width")), float(rect.get("height"))
    points = [tuple(map(float, p.split(","))) for p in g.find(SVG + "polygon").get("points").split()]
    return 0, 0, max(x for x, _ in points), max(y for _, y in points)


def drawn_edges(picture):
    """(kind, title of the source, title of the target, which input) for each edge, sorted."""
    titles = [texts[0] for _, texts, _ in drawn_boxes(picture)]
    found = []
    for g in ET.fromstring(picture.svg).iter(SVG + "g"):
        if g.get("data-edge"):
            kind, source, target, k = g.get("data-edge").split()
            found.append((kind, titles[int(source)], titles[int(target)], int(k)))
    return sorted(found)


def overlaps(boxes):
    """Pairs of boxes that touch."""
    return [
        (a, b)
        for a, b in combinations(boxes, 2)
        if a[2][0] <= b[2][2] and b[2][0] <= a[2][2] and a[2][1] <= b[2][3] and b[2][1] <= a[2][3]
    ]


def collisions(picture):
    """Boxes that a foreign edge goes through. Between rows edges curve; beside boxes they go straight down."""
    found = []
    for edge in picture.edges:
        for (x, y), (x_next, y_next) in pairwise(edge.path):
            for i, box in enumerate(picture.boxes):
                low, high = sorted((x, x_next))
                beside = box.x - box.width / 2 <= high and low <= box.x + box.width / 2
                if i not in (edge.source, edge.target) and beside and y < box.y + box.height and box.y < y_next:
                    found.append((edge, box))
    return found


def crossings(picture):
    """Pairs of edges that change sides between two rows."""
    pieces = {}
    for edge in picture.edges:
        for (x, y), (x_next, y_next) in pairwise(edge.path):
            pieces.setdefault((y, y_next), []).append((x, x_next))
    pairs = [pair for side_by_side in pieces.values() for pair in combinations(side_by_side, 2)]
    return sum((a - b) * (a_next - b_next) < 0 for (a, a_next), (b, b_next) in pairs)


@st.composite
def losses(draw):
    """A random graph: leaves, constants and raw arrays, joined at random, some of it detached; a single number."""
    kinds = draw(st.lists(st.sampled_from(["leaf", "constant", "array"]), min_size=1, max_size=5))
    made = [leaf(2)]
    made += [{"leaf": leaf, "constant": constant, "array": lambda n: constant(n).data}[kind](2) for kind in kinds]
    for _ in range(draw(st.integers(1, 20))):
        a, b, c = (made[draw(st.integers(0, len(made) - 1))] for _ in range(3))
        how = draw(st.sampled_from(["add", "maximum", "tanh", "detach", "stack", "number"]))
        if how == "tanh":
            made.append(ops.tanh(a))
        elif how == "detach":
            made.append(Tensor(a.data if isinstance(a, Tensor) else a))
        elif how == "stack":
            made.append(ops.stack(a, b, c).sum(0))
        elif how == "number":
            made.append(ops.mul(a, 0.5))
        else:
            made.append(getattr(ops, how)(a, b))
    out = sum(made[-k] * 1.0 for k in range(1, draw(st.integers(1, min(6, len(made)))) + 1))
    return (out * made[0]).sum()


def net():
    rng = np.random.default_rng(0)
    return Sequential(Linear(2, 3, rng=rng), ops.tanh, Linear(3, 1, rng=rng))


def net_loss(model):
    x, y = np.ones((4, 2), np.float32), Tensor(np.zeros((4, 1), np.float32))
    return ((model(x) - y) ** 2).mean()


class TestKnownGraphs:
    def test_a_two_layer_net_shows_every_tensor_and_every_edge_once(self):
        model = net()
        picture = graph(net_loss(model), names=model)
        assert [(kind, texts) for kind, texts, _ in drawn_boxes(picture)] == [
            ("constant", ["constant", "(4, 2)", "no gradient"]),
            ("leaf", ["layers.0.W", "(2, 3)", "gets a gradient"]),
            ("leaf", ["layers.0.b", "(3,)", "gets a gradient"]),
            ("op", ["linear", "(4, 3)"]),
            ("op", ["tanh", "(4, 3)"]),
            ("leaf", ["layers.2.W", "(3, 1)", "gets a gradient"]),
            ("leaf", ["layers.2.b", "(1,)", "gets a gradient"]),
            ("op", ["linear", "(4, 1)"]),
            ("constant", ["constant", "(4, 1)", "no gradient"]),
            ("op", ["sub", "(4, 1)"]),
            ("op", ["power", "(4, 1)"]),
            ("op", ["mean", "()"]),
        ]
        assert drawn_edges(picture) == [
            ("cut", "constant", "linear", 0),
            ("cut", "constant", "sub", 1),
            ("flow", "layers.0.W", "linear", 1),
            ("flow", "layers.0.b", "linear", 2),
            ("flow", "layers.2.W", "linear", 1),
            ("flow", "layers.2.b", "linear", 2),
            ("flow", "linear", "sub", 0),
            ("flow", "linear", "tanh", 0),
            ("flow", "power", "mean", 0),
            ("flow", "sub", "power", 0),
            ("flow", "tanh", "linear", 0),
        ]
        summary = "The tape behind mean: 6 ops, 4 leaves that get a gradient, 2 constants that get none"
        assert repr(picture) == f"<{summary}>"

    def test_a_vae_shows_each_parameter_by_name_and_x_once_for_both_uses(self):
        model = VAE(6, 5, 2, rng=np.random.default_rng(0))
        x = Tensor(np.zeros((3, 6), np.float32))
        loss, _ = model.loss(x, np.random.default_rng(1))
        picture = graph(loss, names={"x": x, "model": model})
        titles = [texts[0] for _, texts, _ in drawn_boxes(picture)]
        for name, _ in model.named_parameters():
            assert titles.count(f"model.{name}") == 1
        assert titles.count("x") == 1
        uses = [edge for edge in drawn_edges(picture) if edge[1] == "x"]
        assert uses == [("cut", "x", "bernoulli_nll", 1), ("cut", "x", "linear", 0)]

    def test_naive_sampling_shows_the_cut_and_no_way_to_the_encoder(self):
        model = VAE(6, 5, 2, rng=np.random.default_rng(0))
        x, rng = Tensor(np.zeros((3, 6), np.float32)), np.random.default_rng(1)
        mu, logvar = model.encode(x)
        z = Tensor(rng.normal(mu.data, np.exp(0.5 * logvar.data)).astype(np.float32))
        nll = ops.bernoulli_nll(model.decode(z), x)
        picture = graph(nll.mean(), names=locals())
        assert ("cut", "z", "linear", 0) in drawn_edges(picture)
        assert "encoder" not in picture.svg
        with_kl = graph((nll + ops.gaussian_kl(mu, logvar)).mean(), names=locals())
        assert ("cut", "z", "linear", 0) in drawn_edges(with_kl)
        assert "model.encoder.layers.0.W" in with_kl.svg

    def test_a_tensor_used_twice_by_one_op_has_two_edges(self):
        x = leaf(2)
        assert drawn_edges(graph(x * x)) == [("flow", "leaf", "mul", 0), ("flow", "leaf", "mul", 1)]

    def test_numbers_stand_in_the_name_of_the_op(self):
        x = leaf(2)
        picture = graph(1 - (0.25 * x) * np.float32(3))
        assert [texts[0] for _, texts, _ in drawn_boxes(picture)] == ["leaf", "mul(·, 0.25)", "mul(·, 3)", "sub(1, ·)"]

    def test_inputs_carry_the_names_that_the_op_gives_them(self):
        mu, logvar = leaf(2, 3), leaf(2, 3)
        slots = {box.title: box.slots for box in graph(ops.reparameterize(mu, logvar, np.ones((2, 3)))).boxes}
        assert slots["reparameterize"] == ["mu", "logvar", "eps"]
        assert graph(ops.concat(mu, logvar)).boxes[-1].slots == ["0", "1"]
        assert graph(ops.gaussian_nll(mu, logvar, 0.5)).boxes[-1].slots == ["x", "mu"]
        assert graph(mu.exp()).boxes[-1].slots == []

    def test_an_op_of_ones_own_is_drawn_too(self):
        try:

            @op()
            def twice(xp, x):
                return 2 * x, (lambda g: 2 * g,)

            x = leaf(2)
            y = twice(x)
        finally:
            del OPS["twice"]
        assert graph(y + y).boxes[1].title == "twice"

    def test_what_an_op_computed_before_is_not_on_the_tape(self):
        """Ops on constants alone write no node: their result is a constant like any other."""
        assert [box.title for box in graph(leaf(2) * constant(2).exp()).boxes] == ["leaf", "constant", "mul"]


class TestCuts:
    def test_a_detached_copy_hangs_on_what_it_was_copied_from(self):
        for cut in (lambda h: h.detach(), lambda h: Tensor(h.data), lambda h: h.data):
            h = leaf(2).exp()
            picture = graph(h * cut(h))
            assert drawn_edges(picture) == [
                ("copy", "exp", "constant", 0),
                ("cut", "constant", "mul", 1),
                ("flow", "exp", "mul", 0),
                ("flow", "leaf", "exp", 0),
            ]
            assert picture.boxes[2].notes == ["(2,)", "detached copy", "no gradient"]

    def test_a_copy_of_a_leaf_does_too(self):
        w = leaf(2)
        assert ("copy", "leaf", "constant", 0) in drawn_edges(graph(w.detach() * w.exp()))

    def test_a_copy_of_something_outside_the_graph_is_a_constant(self):
        picture = graph(leaf(2) * leaf(2).exp().detach())
        assert drawn_edges(picture) == [("cut", "constant", "mul", 1), ("flow", "leaf", "mul", 0)]

    def test_a_value_put_into_a_tensor_later_makes_no_circle(self):
        """The array of a constant can be given to a tensor that was made after it; that is no copy."""
        x, c = leaf(2), constant(2)
        h = (x * c).exp()
        h.data = c.data
        assert [edge.kind for edge in graph(h.sum()).edges] == ["flow", "cut", "flow", "flow"]

    def test_requires_grad_taken_away_cuts_there_and_hides_what_lies_behind(self):
        x = leaf(2)
        h = x.exp()
        y = h * x
        h.requires_grad = False
        picture = graph(y)
        assert drawn_edges(picture) == [("cut", "constant", "mul", 0), ("flow", "leaf", "mul", 1)]
        assert drawn_boxes(picture)[0][1] == ["constant", "(2,)", "made by exp", "no gradient"]

    def test_only_edges_that_are_cut_are_broken_and_have_scissors(self):
        picture = graph(leaf(2) * constant(2))
        for g in ET.fromstring(picture.svg).iter(SVG + "g"):
            if g.get("data-edge"):
                is_cut = g.get("data-edge").startswith("cut")
                assert (g.find(SVG + "path").get("stroke-dasharray") is not None) == is_cut
                assert (g.find(f".//{SVG}circle") is not None) == is_cut

    @settings(deadline=None, max_examples=50)
    @given(losses())
    def test_drawn_gradients_are_those_that_backward_leaves(self, loss):
        """Before backward has run, the picture says which leaves will have a gradient after it, and which not."""
        before = graph(loss)
        tensors = {id(x): x for x in inputs_behind(loss) if isinstance(x, Tensor) and x.node is None}
        loss.backward()
        assert sum(x.grad is not None for x in tensors.values()) == sum(box.kind == "leaf" for box in before.boxes)
        for edge in before.edges:
            source = before.boxes[edge.source].kind
            assert edge.kind == {"constant": "cut"}.get(source, edge.kind)
            assert source == "constant" or edge.kind in ("flow", "copy")
        after = graph(loss)
        assert all(box.is_used for box in after.boxes if box.kind == "op")
        assert [box.kind for box in after.boxes] == [box.kind for box in before.boxes]
        assert all("grad is there" in box.notes for box in after.boxes if box.kind == "leaf")


class TestUsedGraphs:
    def test_a_fresh_graph_says_nothing_of_use(self):
        assert "used" not in graph(leaf(2).exp().sum()).svg.lower()

    def test_a_used_graph_can_be_drawn_and_says_so(self):
        w = leaf(2)
        loss = w.exp().sum()
        loss.backward()
        picture = graph(loss)
        assert [texts for _, texts, _ in drawn_boxes(picture)] == [
            ["leaf", "(2,)", "grad is there"],
            ["exp", "(2,)", "used"],
            ["sum", "()", "used"],
        ]
        assert "Used: backward has gone through it." in picture.svg
        assert "This graph was used by backward." in picture.svg

    def test_a_graph_half_used_shows_which_half(self):
        h = leaf(2).exp()
        h.sum().backward()
        assert [(box.title, box.is_used) for box in graph(h * 2).boxes[1:]] == [("exp", True), ("mul(·, 2)", False)]


class TestLayout:
    @settings(deadline=None, max_examples=60)
    @given(losses())
    def test_nothing_lies_over_anything_else(self, loss):
        picture = graph(loss)
        boxes = drawn_boxes(picture)
        assert overlaps(boxes) == []
        assert collisions(picture) == []
        root = ET.fromstring(picture.svg)
        width, height = float(root.get("width")), float(root.get("height"))
        assert min(min(x, y) for _, _, (x, y, _, _) in boxes) >= 0
        assert max(x for _, _, (_, _, x, _) in boxes) < width
        assert max(y for _, _, (_, _, _, y) in boxes) < height

    @settings(deadline=None, max_examples=50)
    @given(losses())
    def test_every_edge_leads_down_from_its_source_into_its_own_place_on_the_target(self, loss):
        picture = graph(loss)
        ends = set()
        for edge in picture.edges:
            source, target = picture.boxes[edge.source], picture.boxes[edge.target]
            heights = [y for _, y in edge.path]
            assert heights == sorted(heights)
            assert abs(edge.path[0][0] - source.x) <= source.width / 2
            assert edge.path[0][1] == source.y + source.height
            assert abs(edge.path[-1][0] - target.x) < target.width / 2
            assert edge.path[-1][1] == target.y
            ends.add((edge.target, edge.path[-1]))
        assert len(ends) == len(picture.edges)

    def test_the_checkers_find_what_was_pushed_into_another(self):
        x = leaf(2)
        picture = graph((x * x.exp() + x.tanh()).sum())
        kind, texts, (left, top, right, bottom) = drawn_boxes(picture)[0]
        moved = [(kind, texts, (left + 5, top + 5, right + 5, bottom + 5))]
        assert len(overlaps(drawn_boxes(picture) + moved)) > 0
        long = next(edge for edge in picture.edges if len(edge.path) > 4)
        bystander = next(i for i in range(len(picture.boxes)) if i not in (long.source, long.target))
        picture.boxes[bystander].x, picture.boxes[bystander].y = long.path[2]
        assert len(collisions(picture)) > 0

    def test_a_line_of_ops_stands_in_one_line(self):
        y = leaf(2)
        for _ in range(12):
            y = y.tanh() * 0.5
        assert len({box.x for box in graph(y.sum()).boxes}) == 1

    def test_edges_that_need_not_cross_do_not(self):
        """Two columns that only meet at the end, taken in the order that would cross them."""
        a, b = leaf(2), leaf(2)
        left, right = a.exp().tanh(), b.exp().tanh()
        picture = graph(right - left)
        x = {i: box.x for i, box in enumerate(picture.boxes)}
        into = {edge.target: edge.source for edge in picture.edges if edge.n == 1}
        ends = [edge.source for edge in sorted(picture.edges, key=lambda edge: edge.k) if edge.n == 2]
        columns = []
        for i in ends:
            column = [i]
            while column[-1] in into:
                column.append(into[column[-1]])
            columns.append(column)
        assert all(x[i] < x[j] for i, j in zip(*columns, strict=True))

    def test_the_sweeps_take_crossings_away(self, monkeypatch):
        def total():
            found = 0
            for seed in range(5):
                rng = np.random.default_rng(seed)
                made = [leaf(2) for _ in range(4)]
                for _ in range(25):
                    a, b = rng.integers(max(0, len(made) - 8), len(made), size=2)
                    made.append(ops.maximum(made[a], made[b]))
                found += crossings(graph(ops.concat(*made[-6:])))
            return found

        few = total()
        monkeypatch.setattr(layout, "_ordered", lambda rows, *_: rows)
        assert 0 < few < 0.8 * total()  # 137 of 201: random graphs are tangled, and inputs keep their order

    def test_a_cheap_side_branch_leaves_its_long_edge_below_it(self):
        """gaussian_kl takes two values and gives one: it belongs next to them, and not at the end beside the sum."""
        model = VAE(6, 5, 2, rng=np.random.default_rng(0))
        loss, _ = model.loss(Tensor(np.zeros((3, 6), np.float32)), np.random.default_rng(1))
        boxes = {box.title: box for box in graph(loss).boxes}
        assert boxes["gaussian_kl"].y == boxes["reparameterize"].y

    def test_places_are_the_nearest_that_keep_their_distance(self):
        assert layout._apart([0, 10], [1, 1], [4]) == [0, 10]
        assert layout._apart([0, 0], [1, 1], [4]) == [-2, 2]
        assert layout._apart([1, 1], [3, 1], [4]) == [0, 4]
        assert layout._apart([5, 0, 100], [1, 1, 1], [2, 2]) == [1.5, 3.5, 100]


class TestText:
    @pytest.mark.parametrize("name", ['<b>&"x"</b>', "]]>", "µ → σ²", "潜在変数", "a\x00b\x1b\ud800", "&#0;", "'"])
    def test_any_name_gives_sound_xml_that_says_it(self, name):
        x = leaf(2)
        picture = graph(x.exp(), names={x: name})
        root = ET.fromstring(picture.svg.encode())
        shown = "".join(c if c.isprintable() else "\ufffd" for c in name)
        assert drawn_boxes(picture)[0][1][0] == shown
        assert f"leaf {shown}" in root.find(SVG + "desc").text

    def test_a_long_name_loses_its_middle_in_the_box_and_nothing_in_the_description(self):
        x, name = leaf(2), "decoder.blocks.0.attention.project.out.W"
        picture = graph(x.exp(), names={x: name})
        short = drawn_boxes(picture)[0][1][0]
        assert len(short) == 30
        assert name.startswith(short.split("…")[0])
        assert name.endswith(short.split("…")[1])
        assert f"leaf {name}" in picture.svg

    def test_wide_characters_get_wide_boxes(self):
        x = leaf(2)
        narrow, wide = (graph(x.exp(), names={x: name}).boxes[0].width for name in ("aaaaaaaaaaaaaaaa", "潜" * 16))
        assert wide - narrow == 16 * 8

    def test_equal_graphs_give_equal_bytes(self):
        def draw():
            model = net()
            return graph(net_loss(model), names=model).svg

        first = draw()
        kept = [leaf(2).exp() for _ in range(10)]  # other addresses, another time on the tape's clock
        assert draw() == first
        assert kept

    def test_the_picture_speaks(self):
        x, c = leaf(2), constant(2)
        root = ET.fromstring(graph(x * c, names={"x": x, "c": c}).svg)
        assert root.get("role") == "img"
        assert root[0].tag == SVG + "title"
        assert root[0].text == "The tape behind mul: 1 op, 1 leaf that gets a gradient, 1 constant that gets none"
        assert root[1].tag == SVG + "desc"
        assert root[1].text == (
            "From first to last: mul takes leaf x, constant c (no gradient comes back) and gives (2,)."
        )

    def test_two_pictures_on_a_page_cannot_disturb_each_other(self):
        root = ET.fromstring(graph(leaf(2) * constant(2)).svg)
        for element in root.iter():
            assert element.get("id") is None
            assert element.get("class") is None
            assert element.tag != SVG + "style"
            assert "url(" not in str(element.attrib)

    def test_the_key_explains_the_signs_that_are_there_and_no_others(self):
        h = leaf(2).exp()
        plain, cut = graph(h.sum()).svg, graph(h * h.detach()).svg
        for words in ("no gradient comes back", "its .grad stays None", "same values without history"):
            assert words not in plain
            assert words in cut
        assert "gradients run back up" in plain


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    bright, dark = sorted([luminance(a), luminance(b)], reverse=True)
    return (bright + 0.05) / (dark + 0.05)


class TestColours:
    def test_black_on_white_is_21(self):
        assert round(contrast("#000000", "#ffffff"), 6) == 21

    @pytest.mark.parametrize("text", [TEXT, MUTED, CUT])
    @pytest.mark.parametrize("ground", BACKGROUNDS)
    def test_text_can_be_read_on_every_ground(self, text, ground):
        assert contrast(text, ground) >= 4.5

    def test_lines_can_be_seen(self):
        assert all(contrast(line, CARD) >= 3 for line in [*EDGE.values(), LINE, CUT])

    def test_no_other_colour_is_used_for_text(self):
        h = leaf(2).exp()
        for loss in (h * h.detach() * constant(2), h.sum()):
            root = ET.fromstring(graph(loss).svg)
            own = {t.get("fill") for t in root.iter(SVG + "text")} - {None}
            assert own <= {TEXT, MUTED, CUT}
        assert {g.get("fill") for g in root.iter(SVG + "g")} <= {None, TEXT, "none"}

    def test_kinds_differ_in_shape_too(self):
        shapes = {}
        for g in ET.fromstring(graph(leaf(2) * constant(2)).svg).iter(SVG + "g"):
            if g.get("data-box"):
                shapes[g.get("data-box")] = [(e.tag.removeprefix(SVG), e.get("rx")) for e in g if e.tag != SVG + "text"]
        assert shapes["op"][0] == ("rect", "9")  # round
        assert shapes["leaf"] == [("rect", None), ("rect", None)]  # double
        assert shapes["constant"] == [("polygon", None)]  # leaning


class TestNames:
    def test_results_can_be_named_too(self):
        x = leaf(2)
        h = x.exp()
        picture = graph((h * 2).sum(), names={x: "x", h: "h"})
        assert [texts for _, texts, _ in drawn_boxes(picture)][:2] == [
            ["x", "(2,)", "gets a gradient"],
            ["exp", "h (2,)"],
        ]

    def test_the_loss_names_the_picture(self):
        loss = leaf(2).sum()
        assert "The tape behind loss:" in graph(loss, names={"loss": loss}).svg
        assert "The tape behind sum:" in graph(loss).svg

    def test_everything_at_hand_may_be_passed(self):
        """Numbers and text are passed over; of two names for one tensor the first one counts."""
        model, eps, n, text = net(), np.ones((4, 2), np.float32), 3, "x"
        same = model.layers[0].W
        loss = model(Tensor(eps)).sum() * n
        assert text and same is not None
        titles = [box.title for box in graph(loss, names=locals()).boxes]
        assert titles[:3] == ["eps", "model.layers.0.W", "model.layers.0.b"]

    def test_names_with_an_underscore_are_a_notebooks_own(self):
        x = leaf(2)
        assert graph(x.exp(), names={"_": x, "_12": x}).boxes[0].title == "leaf"
        assert graph(x.exp(), names={"_": x, "x": x}).boxes[0].title == "x"

    @pytest.mark.parametrize("names", ["mu", 3, [("mu", 1)]])
    def test_anything_else_is_refused(self, names):
        with pytest.raises(ConfigError, match=r'graph: names is a .*; wanted a model, or a dict: {"mu": mu}'):
            graph(leaf(2).exp(), names=names)

    def test_a_dict_the_wrong_way_round_is_refused(self):
        x = leaf(2)
        with pytest.raises(ConfigError, match='names has a Tensor: int; wanted {tensor: "mu"}'):
            graph(x.exp(), names={x: 3})
        with pytest.raises(ConfigError, match="names has a int: Tensor"):
            graph(x.exp(), names={3: x})


class TestRefusals:
    def test_more_than_the_limit_is_too_many(self):
        y = leaf(2)
        for _ in range(LIMIT - 1):
            y = y.tanh()
        assert len(graph(y).boxes) == LIMIT
        with pytest.raises(
            ConfigError, match=f"more than {LIMIT} ops and leaves behind this tensor.*draw a part of it"
        ):
            graph(y.tanh())

    def test_a_very_long_chain_is_refused_at_once(self):
        y = leaf(1)
        for _ in range(20_000):
            y = y + 1
        with pytest.raises(ConfigError, match="too many to read"):
            graph(y)

    def test_a_tensor_without_a_tape(self):
        cut = leaf(2).exp()
        cut.requires_grad = False
        for x in (leaf(2), constant(2), constant(2).exp(), cut):
            with pytest.raises(GradientError, match=r"graph: this tensor is not on the tape.*explain\(tensor\)"):
                graph(x)

    def test_what_is_no_tensor(self):
        with pytest.raises(DtypeError, match="graph: got a float; wanted a Tensor$"):
            graph(1.0)
        with pytest.raises(DtypeError, match=r"got a tuple; wanted a Tensor; .* loss, terms = model\.loss\(x, rng\)"):
            graph((leaf(2).sum(), {}))


class TestFiles:
    def test_a_notebook_and_a_file_get_the_same_text(self, tmp_path):
        picture = graph(leaf(2).exp(), names=None)
        picture.save(tmp_path / "new" / "tape.svg")
        assert (tmp_path / "new" / "tape.svg").read_bytes() == picture._repr_svg_().encode() == picture.svg.encode()
        assert [f.name for f in (tmp_path / "new").iterdir()] == ["tape.svg"]

    def test_another_suffix_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match=r"tape\.png does not end in \.svg"):
            graph(leaf(2).exp()).save(tmp_path / "tape.png")
        assert list(tmp_path.iterdir()) == []

    def test_a_failed_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "tape.svg"
        path.write_text("old")

        def full(*_):
            raise OSError("no space left")

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(CheckpointError, match="no space left"):
            graph(leaf(2).exp()).save(path)
        assert path.read_text() == "old"
        assert [f.name for f in tmp_path.iterdir()] == ["tape.svg"]


class TestExplain:
    def test_it_shows_as_text(self):
        said = explain(leaf(2))
        assert isinstance(said, (str, Explanation))
        assert repr(said) == str(said)
        assert "\n" in said

    def test_a_grad_that_is_there(self):
        w = leaf(3)
        (w * w).sum().backward()
        assert explain(w) == "grad is there, (3,): the sum of what each backward has brought since it was last None."

    def test_a_grad_of_zeros_or_nan(self):
        w = leaf(3)
        (w * 0).sum().backward()
        assert "All of it is 0" in explain(w)
        w.grad[0] = np.nan
        assert "It holds NaN or infinity" in explain(w)

    def test_a_result(self):
        h = leaf(2).exp()
        loss = h.sum()
        said = explain(h)
        assert "this is no leaf, exp made it" in said
        assert "No backward has gone through it yet" in said
        assert explain(h, loss) == said
        assert "loss does not depend on it" in explain(h, leaf(2).sum())
        loss.backward()
        assert "A backward has gone through it" in explain(h)
        assert "Tensor(h.data, requires_grad=True)" in explain(h)

    def test_the_cure_for_a_result_works(self):
        h = leaf(2).exp()
        h = Tensor(h.data, requires_grad=True)
        h.sum().backward()
        assert "grad is there" in explain(h)

    def test_a_result_whose_requires_grad_was_taken_away(self):
        h = leaf(2).exp()
        h.requires_grad = False
        assert "exp made this tensor, and requires_grad was set to False afterwards" in explain(h)

    def test_a_constant_names_the_ways_to_become_one(self):
        with no_grad():
            computed = leaf(2).exp()
        for c in (constant(2), leaf(2).exp().detach(), computed, constant(2).exp()):
            said = explain(c)
            assert "requires_grad is False" in said
            for way in ("made that way, Tensor(x)", "h.detach()", "Tensor(rng.normal(mu.data, std))", "no_grad()"):
                assert way in said

    def test_a_detached_copy_is_recognised_in_the_graph_of_loss(self):
        w = leaf(2)
        h = w.exp()
        loss = h.sum()
        assert "It is a detached copy" not in explain(constant(2), loss)
        assert "a tensor with the very same values, what exp made" in explain(h.detach(), loss)
        assert "the very same values, a leaf that wants a gradient" in explain(w.detach(), loss)
        assert "It was one of these" in explain(constant(2), loss)

    def test_a_leaf_without_loss_names_the_candidates(self):
        said = explain(leaf(2))
        for reason in ("no backward yet", "does not depend on this tensor", "optimizer.zero_grad()"):
            assert reason in said
        assert "The engine cannot tell why" in said
        assert "explain(tensor, loss)" in said

    def test_a_leaf_that_waits_for_backward(self):
        w = leaf(2)
        loss = (w * w.exp()).sum()
        assert "through mul, exp, but backward has not run yet" in explain(w, loss) or "through exp, mul" in explain(
            w, loss
        )
        assert "Call loss.backward()." in explain(w, loss)

    def test_a_leaf_whose_grad_was_reset(self):
        model = net()
        adam = Adam(model.parameters())
        loss = net_loss(model)
        loss.backward()
        adam.zero_grad()
        said = explain(model.layers[0].W, loss)
        assert "loss depends on this tensor, through linear, and backward has been there" in said
        assert "reset since" in said

    def test_a_leaf_of_a_graph_that_another_backward_has_used(self):
        v, w = leaf(2), leaf(2)
        h = v.exp()
        h.sum().backward()
        said = explain(w, (h * w).sum())
        assert "backward has not been there yet" in said
        assert "Another backward has used a part of this graph: run the forward pass again" in said

    def test_a_leaf_that_loss_does_not_depend_on(self):
        said = explain(leaf(2), leaf(2).sum())
        assert "loss does not depend on this tensor" in said
        assert "a copy, or the parameter of another model" in said

    def test_a_leaf_of_which_loss_uses_the_values_only(self):
        w, v = leaf(2), leaf(2)
        for values in (w.detach(), Tensor(w.data), w.data):
            said = explain(w, (v * values).sum())
            assert "loss does not depend on this tensor" in said
            assert "mul takes another with the very same values" in said

    def test_a_leaf_behind_a_cut(self):
        v, w = leaf(2), leaf(2)
        h = w.exp()
        loss = (h * v).sum()
        h.requires_grad = False
        said = explain(w, loss)
        assert "cut at what exp made: its requires_grad was set to False" in said
        assert "This tensor lies behind that cut" in said
        assert "lies behind" not in explain(leaf(2), loss)

    def test_a_loss_on_no_tape(self):
        w = leaf(2)
        with no_grad():
            loss = (w * w).sum()
        assert "loss is not on the tape" in explain(w, loss)
        assert "inside no_grad()" in explain(w, loss)

    def test_a_leaf_that_is_the_loss(self):
        w = leaf(1)
        assert "loss is this very tensor" in explain(w, w)

    def test_inside_no_grad_it_says_so(self):
        with no_grad():
            assert "this is inside no_grad()" in explain(leaf(2))
        assert "By the way" not in explain(leaf(2))

    def test_what_is_no_tensor(self):
        with pytest.raises(DtypeError, match="explain: tensor is a ndarray; wanted a Tensor"):
            explain(np.ones(2))
        with pytest.raises(DtypeError, match="explain: loss is a float"):
            explain(leaf(2), 1.0)

    def test_every_line_fits_a_notebook(self):
        w, h = leaf(2), leaf(2).exp()
        loss = (h * w).sum()
        others = [None, loss, leaf(2).sum(), w, constant(2)]
        lines = [line for t in (w, h, constant(2), h.detach()) for x in others for line in explain(t, x).splitlines()]
        assert max(map(len, lines)) <= 110
