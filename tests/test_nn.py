"""Layers and parameters: their names, their memory, and what a saved state may do to them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minivae import Tensor
from minivae.errors import ConfigError, GradientError, ShapeError
from minivae.nn import FlatParameters, Linear, Module, Parameter, Sequential
from minivae.ops import relu


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


class TestLinear:
    def test_it_is_a_product_and_a_sum(self):
        layer = Linear(3, 2, rng=np.random.default_rng(0))
        want = X @ layer.W.data + layer.b.data
        np.testing.assert_allclose(layer(Tensor(X)).data, want, rtol=1e-6)  # float32 sum of 3 terms

    def test_it_starts_uniform_within_one_over_the_root_of_its_inputs(self):
        layer = Linear(100, 200, rng=np.random.default_rng(0))
        for p in layer.parameters():
            assert p.dtype == np.float32
            assert np.abs(p.data).max() <= 0.1
        # The standard deviation of a uniform number in +-b is b / sqrt(3); from 20,000 draws it is good to 1 %.
        assert layer.W.data.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)

    def test_the_same_seed_gives_the_same_weights(self):
        a, b, c = (Linear(3, 2, rng=np.random.default_rng(seed)).W.data for seed in (0, 0, 1))
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)

    def test_sizes_below_one_are_refused(self):
        with pytest.raises(ConfigError, match="got n_in=0, n_out=2; both have to be at least 1"):
            Linear(0, 2, rng=np.random.default_rng(0))


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

    def test_no_parameters_is_an_error(self):
        with pytest.raises(ConfigError, match=r"got no parameters; pass model.parameters\(\)"):
            FlatParameters([])
