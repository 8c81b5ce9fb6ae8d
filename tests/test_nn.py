"""Layers and parameters: their names, their memory, and what a saved state may do to them."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minivae import Tensor, checkpoint
from minivae.ema import EMA
from minivae.errors import ConfigError, DtypeError, GradientError, ShapeError
from minivae.nn import (
    Conv2d,
    ConvTranspose2d,
    Dropout,
    FlatParameters,
    GroupNorm,
    Linear,
    Module,
    Parameter,
    Sequential,
)
from minivae.ops import gaussian_kl, relu, reparameterize, silu
from minivae.optim import Adam, AdamW, clip_grad_norm
from minivae.schedule import warmup_cosine


class Net(Module):
    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.scale = Parameter(np.ones(1, np.float32))
        self.body = Sequential(Linear(3, 4, rng=rng), relu, Linear(4, 2, rng=rng))
        self.name = "neither a parameter nor a module"
        self.heads = [Linear(2, 1, rng=rng), Linear(2, 1, rng=rng)]

    def forward(self, x):
        h = self.body(x) * self.scale
        return self.heads[0](h) + self.heads[1](h)


class ConvNet(Module):
    """A VAE of 8 x 8 images with a bit of everything, nested in lists and dicts."""

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        self.latent = 3
        self.down = [
            Sequential(Conv2d(1, 4, 4, stride=2, padding=1, rng=rng), GroupNorm(4, groups=2), silu),
            Sequential(Conv2d(4, 6, 4, stride=2, padding=1, rng=rng), silu),
        ]
        self.heads = {"mu": Linear(24, 3, rng=rng), "logvar": [Linear(24, 3, rng=rng)]}
        self.up = Sequential(
            Linear(3, 24, rng=rng),
            Dropout(0.5),
            lambda h: h.reshape(-1, 6, 2, 2),
            ConvTranspose2d(6, 4, 4, stride=2, padding=1, rng=rng),
            silu,
            ConvTranspose2d(4, 1, 4, stride=2, padding=1, rng=rng),
        )

    def forward(self, x, eps, rng=None):
        for block in self.down:
            x = block(x)
        h = x.reshape(len(x), -1)  # (B, 24)
        mu, logvar = self.heads["mu"](h), self.heads["logvar"][0](h)
        return self.up(reparameterize(mu, logvar, eps), rng=rng), gaussian_kl(mu, logvar)


def conv_loss(net, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4, 1, 8, 8)).astype(np.float32)
    x_hat, kl = net(Tensor(x), rng.normal(size=(4, 3)).astype(np.float32), rng)
    return ((x_hat - x) ** 2).sum() + kl.sum()


X = np.random.default_rng(7).normal(size=(5, 3)).astype(np.float32)
NAMES = [
    "scale",
    "body.layers.0.W",
    "body.layers.0.b",
    "body.layers.2.W",
    "body.layers.2.b",
    "heads.0.W",
    "heads.0.b",
    "heads.1.W",
    "heads.1.b",
]


def gradients(net, times=1):
    for _ in range(times):
        net(Tensor(X)).sum().backward()
    return [p.grad.copy() for p in net.parameters()]


class TestNames:
    def test_parameters_are_named_by_their_path_in_the_order_of_assignment(self):
        assert [name for name, _ in Net().named_parameters()] == NAMES

    def test_parameters_come_in_the_order_of_their_names(self):
        net = Net()
        assert net.parameters() == [p for _, p in net.named_parameters()]

    def test_parameters_in_lists_of_lists_and_in_dicts_are_found(self):
        net = Module()
        net.blocks = [[Linear(1, 1, rng=np.random.default_rng(0))], {"skip": Parameter(np.ones(1, np.float32))}]
        net.heads = {"mu": (Linear(1, 1, rng=np.random.default_rng(0)),)}
        names = [name for name, _ in net.named_parameters()]
        assert names == ["blocks.0.0.W", "blocks.0.0.b", "blocks.1.skip", "heads.mu.0.W", "heads.mu.0.b"]

    def test_a_module_without_forward_says_what_to_write(self):
        with pytest.raises(NotImplementedError, match="Module: write forward"):
            Module()(1)


class TestState:
    def test_a_state_goes_from_one_net_to_another(self):
        a, b = Net(seed=1), Net(seed=2)
        b.load_state_dict(a.state_dict())
        assert np.array_equal(a(Tensor(X)).data, b(Tensor(X)).data)

    def test_a_state_is_a_copy(self):
        net = Net()
        state = net.state_dict()
        net.scale.data[...] = 7
        assert state["scale"] == 1
        net.load_state_dict(state)
        state["scale"][...] = 9
        assert net.scale.data == 1

    @pytest.mark.parametrize(
        ("change", "kind", "words"),
        [
            (lambda s: s.pop("heads.1.b"), ConfigError, "Net: the saved state lacks heads.1.b"),
            (lambda s: s.update(extra=np.ones(1)), ConfigError, "Net: the saved state has extra, which it has not"),
            (
                lambda s: s.update({"heads.1.b": np.ones(2)}),
                ShapeError,
                r"Net: heads.1.b is \(1,\) but \(2,\) was saved",
            ),
        ],
    )
    def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed(self, change, kind, words):
        net, state = Net(seed=1), Net(seed=2).state_dict()
        before = net.state_dict()
        change(state)
        with pytest.raises(kind, match=words):
            net.load_state_dict(state)
        assert all(np.array_equal(before[name], p.data) for name, p in net.named_parameters())

    def test_loading_leaves_gathered_parameters_gathered(self):
        net = Net(seed=1)
        flat = FlatParameters(net.parameters())
        net.load_state_dict(Net(seed=2).state_dict())
        assert flat.still_gathered()
        assert np.array_equal(flat.data, FlatParameters(Net(seed=2).parameters()).data)

    def test_a_nested_convolutional_model_goes_to_disk_and_comes_back(self, tmp_path):
        a, b = ConvNet(seed=1), ConvNet(seed=2)
        flat = FlatParameters(b.parameters())
        checkpoint.save(tmp_path / "net", a.state_dict(), {})
        b.load_state_dict(checkpoint.load(tmp_path / "net")[0])
        assert flat.still_gathered()
        assert b.heads["logvar"][0].W.data.tobytes() == a.heads["logvar"][0].W.data.tobytes()
        assert conv_loss(b).item() == conv_loss(a).item()


class TestTogether:
    def test_training_with_everything_that_is_cut_in_two_ends_in_the_same_bits(self, tmp_path):
        """Dropout, AdamW, a schedule, clipping, an average; begun anew from checkpoints after three of six steps."""

        def begin(seed):
            net = ConvNet(seed)
            adam = AdamW(net.parameters(), decay=0.1)
            return net, adam, EMA(adam.flat, 0.9)

        def steps(net, adam, ema, until):
            while adam.t < until:
                adam.lr = warmup_cosine(adam.t, 6, lr=0.03, warm=2)
                adam.zero_grad()
                loss = conv_loss(net, seed=adam.t)
                loss.backward()
                clip_grad_norm(adam.flat, 10.0)
                adam.step()
                ema.update()
            return loss.item()

        net, adam, ema = whole = begin(seed=1)
        first = conv_loss(net.eval()).item()
        net.train()
        steps(*whole, until=3)
        for name, state in (("net", net.state_dict()), ("adam", adam.state()), ("ema", ema.state())):
            checkpoint.save(tmp_path / name, state, {})
        last = steps(*whole, until=6)
        net2, adam2, ema2 = again = begin(seed=2)
        net2.load_state_dict(checkpoint.load(tmp_path / "net")[0])
        adam2.load_state(checkpoint.load(tmp_path / "adam")[0])
        ema2.load_state(checkpoint.load(tmp_path / "ema")[0])
        assert steps(*again, until=6) == last
        assert adam2.flat.data.tobytes() == adam.flat.data.tobytes()
        assert ema2.average.tobytes() == ema.average.tobytes()
        with ema.swapped():
            assert conv_loss(net.eval()).item() < first


class TestMode:
    def test_a_module_begins_in_training_and_switches_with_all_below_it(self):
        net = ConvNet()
        below = [net, *net.down, net.up, net.up[1], net.heads["logvar"][0]]
        assert all(part.training for part in below)
        assert net.eval() is net
        assert not any(part.training for part in below)
        assert net.train() is net
        assert all(part.training for part in below)

    def test_the_mode_is_no_part_of_the_state(self):
        net = ConvNet()
        names = [name for name, _ in net.named_parameters()]
        assert list(net.eval().state_dict()) == names
        assert repr(net) == repr(ConvNet())

    def test_a_module_draws_if_something_below_it_does(self):
        assert ConvNet().draws
        assert ConvNet().up.draws
        assert not Net().draws


class TestDtype:
    def test_a_model_turned_to_float64_computes_and_differentiates_in_it(self):
        net, same = Net(), Net()
        FlatParameters(net.parameters())
        gradients(net)
        net.astype("float64")
        y = net(Tensor(X.astype(np.float64)))
        y.sum().backward()
        assert y.dtype == net.scale.grad.dtype == np.float64
        np.testing.assert_allclose(y.data, same(Tensor(X)).data, rtol=1e-5)  # float32 sums of a few terms
        assert FlatParameters(net.parameters()).grad.dtype == np.float64

    def test_both_types_in_one_array_are_refused(self):
        a, b = Net(), Net().astype("float64")
        with pytest.raises(DtypeError, match=r"got float32 and float64; use model.astype\('float32'\)"):
            FlatParameters(a.parameters() + b.parameters())


class TestRepr:
    def test_it_is_the_tree_with_names_shapes_and_settings(self):
        rng = np.random.default_rng(0)
        net = Net()
        net.down = [[Sequential(Conv2d(1, 8, 4, stride=2, rng=rng), relu, abs)], Dropout(0.1)]
        assert repr(net).splitlines() == [
            "Net(scale (1,), name='neither a parameter nor a module')",
            "  body: Sequential()",
            "    layers.0: Linear(W (3, 4), b (4,))",
            "    layers.1: relu",
            "    layers.2: Linear(W (4, 2), b (2,))",
            "  heads.0: Linear(W (2, 1), b (1,))",
            "  heads.1: Linear(W (2, 1), b (1,))",
            "  down.0.0: Sequential()",
            "    layers.0: Conv2d(W (4, 4, 1, 8), b (8,), stride=2, padding=0)",
            "    layers.1: relu",
            "    layers.2: abs",
            "  down.1: Dropout(p=0.1)",
        ]


class TestSequential:
    def test_it_is_as_long_as_its_layers_and_gives_them_back(self):
        rng = np.random.default_rng(0)
        net = Sequential(Linear(3, 4, rng=rng), relu, Linear(4, 2, rng=rng))
        first, middle, last = net
        assert len(net) == 3
        assert (net[0], net[1], net[-1]) == (first, middle, last)
        assert middle is relu

    def test_a_slice_is_a_sequential_of_the_same_layers(self):
        net = Net().body
        front = net[:2]
        assert isinstance(front, Sequential)
        assert np.array_equal(net[2](front(Tensor(X))).data, net(Tensor(X)).data)
        assert front[0] is net[0]

    def test_the_generator_reaches_the_layers_that_draw_however_deep(self):
        x = Tensor(np.ones((2, 50), np.float32))
        net = Sequential(relu, Sequential(Dropout(0.5), relu))
        assert np.array_equal(
            net(x, rng=np.random.default_rng(3)).data, Dropout(0.5)(x, rng=np.random.default_rng(3)).data
        )
        with pytest.raises(ConfigError, match="training needs a generator"):
            net(x)
        assert net.eval()(x).data.tolist() == x.data.tolist()


class TestFlatParameters:
    def test_parameters_keep_their_values_and_become_views(self):
        net = Net()
        before = net.state_dict()
        flat = FlatParameters(net.parameters())
        assert all(np.array_equal(before[name], p.data) for name, p in net.named_parameters())
        flat.data[:] = np.arange(flat.data.size)
        assert net.scale.data == 0
        assert net.heads[1].b.data == flat.data.size - 1
        assert flat.still_gathered()

    @settings(deadline=None)  # a busy machine is no failure
    @given(st.lists(hnp.array_shapes(min_dims=0, max_dims=3, max_side=4), min_size=1, max_size=5))
    def test_every_stretch_is_the_parameter_it_came_from(self, shapes):
        rng = np.random.default_rng(0)
        arrays = [np.asarray(rng.normal(size=shape), np.float32) for shape in shapes]
        parameters = [Parameter(a.copy()) for a in arrays]
        flat = FlatParameters(parameters)
        assert np.array_equal(flat.data, np.concatenate([a.ravel() for a in arrays]))
        assert all(np.array_equal(p.data, a) for p, a in zip(parameters, arrays, strict=True))
        assert flat.still_gathered()

    def test_gradients_are_written_where_the_optimiser_reads_them(self):
        net = Net()
        want = gradients(Net())
        flat = FlatParameters(net.parameters())
        flat.grad[:] = np.nan  # what was there before has to be overwritten
        gradients(net)
        assert all(p.grad.base is flat.grad for p in net.parameters())
        assert all(np.array_equal(p.grad, g) for p, g in zip(net.parameters(), want, strict=True))
        assert np.array_equal(flat.grad, np.concatenate([g.ravel() for g in want]))

    def test_gradients_add_up_in_place_until_they_are_reset(self):
        net = Net()
        flat = FlatParameters(net.parameters())
        once, thrice = gradients(Net()), gradients(net, times=3)
        for p, one, three in zip(net.parameters(), once, thrice, strict=True):
            assert p.grad.base is flat.grad
            np.testing.assert_allclose(three, 3 * one, rtol=1e-6)  # float32: 1 + 1 + 1 rounds twice

    def test_a_parameter_used_twice_in_a_graph_gets_both_gradients(self):
        W = Parameter(np.array([[2.0, 1.0], [0.5, 3.0]], np.float32))
        plain = Tensor(W.data.copy(), requires_grad=True)
        flat = FlatParameters([W])
        for w in (W, plain):
            (Tensor(X[:, :2]) @ w @ w).sum().backward()
        assert W.grad.base is flat.grad
        np.testing.assert_allclose(W.grad, plain.grad, rtol=1e-6)  # float32, in another order

    def test_gradients_that_were_there_before_are_kept(self):
        net = Net()
        want = gradients(net)
        flat = FlatParameters(net.parameters())
        assert np.array_equal(flat.grad, np.concatenate([g.ravel() for g in want]))

    def test_a_parameter_shared_by_two_layers_is_laid_down_once(self):
        net = Net()
        net.heads[1].W = net.heads[0].W
        assert len(net.parameters()) == len(NAMES)
        flat = FlatParameters(net.parameters())
        assert len(flat.parameters) == len(NAMES) - 1
        assert flat.data.size == sum(p.data.size for p in set(net.parameters()))

    def test_an_assigned_gradient_is_collected_and_later_ones_add_to_it(self):
        p = Parameter(np.zeros(2, np.float32))
        flat = FlatParameters([p])
        p.grad = np.array([3.0, 4.0], np.float32)
        flat.collect()
        assert flat.grad.tolist() == [3, 4]
        p.grad = np.array([1.0, 1.0], np.float32)
        (p * 2).sum().backward()
        assert flat.grad.tolist() == [3, 3]

    def test_an_assigned_gradient_of_another_shape_is_refused(self):
        p = Parameter(np.zeros(2, np.float32))
        p.grad, flat = np.ones(2, np.float32), FlatParameters([p])
        p.grad = np.float32(1)
        with pytest.raises(GradientError, match=r"a gradient of shape \(\) was assigned; wanted \(2,\)"):
            flat.collect()

    def test_a_parameter_that_was_replaced_or_gathered_again_is_noticed(self):
        net = Net()
        first = FlatParameters(net.parameters())
        net.scale.data = net.scale.data + 1
        assert not first.still_gathered()
        second = FlatParameters(net.parameters())
        assert second.still_gathered()
        third = FlatParameters(net.heads[0].parameters())
        assert third.still_gathered()
        assert not second.still_gathered()

    def test_gradients_of_a_convolutional_model_are_in_their_slots(self):
        """In the one array that the optimiser reads, whether the op wrote them there or the engine put them there."""
        net = ConvNet()
        flat = FlatParameters(net.parameters())
        flat.grad[:] = np.nan  # what was there before has to be overwritten
        conv_loss(net).backward()
        assert all(p.grad is p.slot() for p in net.parameters())
        assert all(p.grad.base is flat.grad for p in net.parameters())
        plain = ConvNet()
        conv_loss(plain).backward()
        assert np.array_equal(flat.grad, np.concatenate([p.grad.ravel() for p in plain.parameters()]))

    def test_the_gradient_of_a_matrix_is_written_straight_into_its_slot(self):
        """Not copied there: what the op's own line returns is that memory."""
        layer = Linear(3, 2, rng=np.random.default_rng(0))
        FlatParameters(layer.parameters())
        y = layer(Tensor(X))
        for p, line in zip(layer.parameters(), y.node.gradients[1:], strict=True):
            assert line(np.ones_like(y.data), p.slot()) is p.slot()

    def test_views_stay_views_through_all_that_training_does(self):
        net, other = ConvNet(seed=1), ConvNet(seed=2)
        adam = Adam(net.parameters())
        ema = EMA(adam.flat)

        def in_place():
            return adam.flat.still_gathered() and all(p.grad is p.slot() for p in net.parameters())

        for step in range(3):
            adam.zero_grad()
            conv_loss(net, seed=step).backward()
            assert in_place()
            assert all(p.grad.base is adam.flat.grad for p in net.parameters())
            clip_grad_norm(adam.flat, 1e-3)
            adam.step()
            ema.update()
            with ema.swapped():
                assert in_place()
            net.load_state_dict(other.state_dict())
            assert in_place()

    def test_parameters_that_fill_a_flat_array_are_found_there(self):
        net = Net()
        flat = FlatParameters(net.parameters())
        again = FlatParameters.of(reversed(net.parameters()))
        assert again.data is flat.data
        assert again.grad is flat.grad
        assert flat.still_gathered()
        assert again.still_gathered()
        assert FlatParameters.of(flat) is flat

    def test_parameters_that_nobody_gathered_are_gathered(self):
        net = Net()
        assert FlatParameters.of(net.parameters()).still_gathered()

    def test_parameters_are_not_taken_away_from_an_optimiser(self):
        net, other, third = Net(), Net(), Net()
        held = [FlatParameters(n.parameters()) for n in (net, other)]
        for parameters in (
            net.parameters()[1:],
            [*net.parameters()[:-1], Parameter(np.ones(1, np.float32))],  # of the right size together
            net.parameters() + third.parameters(),
            third.parameters() + net.parameters(),
            net.parameters() + other.parameters(),
        ):
            with pytest.raises(
                ConfigError, match="lie in an optimiser's memory.*; pass the optimiser's own: optimizer.flat"
            ):
                FlatParameters.of(parameters)
        assert all(flat.still_gathered() for flat in held)

    def test_a_copy_of_a_gathered_model_is_a_model_of_its_own(self):
        net = Net()
        flat = FlatParameters(net.parameters())
        twin = copy.deepcopy(net)
        theirs = FlatParameters.of(twin.parameters())
        theirs.data[:] = 0
        gradients(twin)
        assert flat.still_gathered()
        assert flat.data.any()
        assert not flat.grad.any()

    @pytest.mark.parametrize(
        ("what", "got"),
        [
            (Net(), "a Net"),
            (Net().body, "a Linear"),
            ([Tensor(1.0)], "a Tensor"),
            (Net().named_parameters(), "a tuple"),
        ],
    )
    def test_what_is_no_list_of_parameters_is_refused(self, what, got):
        with pytest.raises(ConfigError, match=rf"got {got}; pass model.parameters\(\)"):
            FlatParameters(what)

    def test_no_parameters_is_an_error(self):
        with pytest.raises(ConfigError, match=r"got no parameters; pass model.parameters\(\)"):
            FlatParameters([])
