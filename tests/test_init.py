"""How weights start: the bounds and variances of the formulas, PyTorch's numbers, and signals through many layers."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae import Tensor
from minivae.errors import ConfigError, ShapeError
from minivae.nn import Conv2d, ConvTranspose2d, Embedding, Linear, init
from minivae.ops import leaky_relu, relu, tanh
from tests.oracle import oracle

FANS = st.integers(1, 2000)
VARIANCE = {
    "uniform": lambda fan_in, fan_out: 1 / (3 * fan_in),
    "kaiming_uniform": lambda fan_in, fan_out: 2 / fan_in,
    "kaiming_normal": lambda fan_in, fan_out: 2 / fan_in,
    "xavier_uniform": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "xavier_normal": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "normal": lambda fan_in, fan_out: 1.0,
    "zeros": lambda fan_in, fan_out: 0.0,
}


def test_every_initialiser_has_its_variance_here():
    assert VARIANCE.keys() == init.INITS.keys()


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from(sorted(VARIANCE)), FANS, FANS, st.integers(0, 10))
def test_mean_and_variance_are_those_of_the_formula(name, fan_in, fan_out, seed):
    """N = 20,000 draws: the mean is good to sd / sqrt(N), the variance to sqrt(2 / N) of itself (normal) or less.

    Six of these each way: a false alarm in 5e8 cases, and 100 cases are drawn.
    """
    N = 20_000
    w = init.INITS[name]((100, 200), fan_in=fan_in, fan_out=fan_out, rng=np.random.default_rng(seed))
    want = VARIANCE[name](fan_in, fan_out)
    assert w.shape == (100, 200)
    assert w.dtype == np.float32
    w = w.astype(np.float64)
    assert abs(w.mean()) <= 6 * math.sqrt(want / N)
    assert abs(w.var() - want) <= 6 * math.sqrt(2 / N) * want
    if "uniform" in name:
        bound = math.sqrt(3 * want)
        assert 0.99 * bound < np.abs(w).max() <= bound * (1 + 1e-7)  # P(all below 0.99) = 0.99^N; float32 rounding


@pytest.mark.parametrize("gain", [0.5, 5 / 3])
@pytest.mark.parametrize("name", ["kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"])
def test_a_gain_is_a_factor(name, gain):
    f = init.INITS[name]
    draw = lambda **more: f((50,), fan_in=3, fan_out=4, rng=np.random.default_rng(0), **more)
    usual = 1 if "xavier" in name else math.sqrt(2)
    np.testing.assert_allclose(draw(gain=gain), draw() * gain / usual, rtol=3e-7)  # float32 rounding of both


def test_arguments_may_be_given_in_order():
    rng = np.random.default_rng
    shape = (3, 4)
    assert np.array_equal(
        init.kaiming_normal(shape, 3, rng(0)), init.kaiming_normal(shape, fan_in=3, fan_out=9, rng=rng(0))
    )
    assert np.array_equal(
        init.xavier_uniform(shape, 3, 4, rng(0)), init.xavier_uniform(shape, fan_in=3, fan_out=4, rng=rng(0))
    )


class TestPyTorch:
    """A matrix (n_in, n_out) here is (n_out, n_in) there; a convolution's weights are (k, k, C, O) and (O, C, k, k)."""

    @pytest.mark.parametrize("shape", [(30, 200), (3, 3, 20, 30)])
    @pytest.mark.parametrize("name", ["kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal"])
    def test_the_spread_is_that_of_torch_nn_init(self, name, shape):
        """5,400 numbers or more: a standard deviation is good to 1 %, and 7 % is five times that for the two."""
        torch = oracle()
        torch.manual_seed(0)
        *place, n_in, n_out = shape
        fans = dict(fan_in=math.prod(place) * n_in, fan_out=math.prod(place) * n_out)
        ours = init.INITS[name](shape, rng=np.random.default_rng(0), **fans)
        theirs = torch.empty(n_out, n_in, *place)
        usual = dict(nonlinearity="relu") if "kaiming" in name else {}
        getattr(torch.nn.init, name + "_")(theirs, **usual)
        assert ours.std() == pytest.approx(float(theirs.std()), rel=0.07)
        if "uniform" in name:  # the largest of 5,400 lies within 0.4 % of the bound, but for one case in 2e9
            assert np.abs(ours).max() == pytest.approx(float(theirs.abs().max()), rel=0.004)

    def test_the_default_of_layers_is_that_of_torch(self):
        torch = oracle()
        torch.manual_seed(0)
        rng = np.random.default_rng(0)
        for ours, theirs in (
            (Linear(50, 400, rng=rng), torch.nn.Linear(50, 400)),
            (Conv2d(8, 400, 3, rng=rng), torch.nn.Conv2d(8, 400, 3)),
        ):
            for a, b in ((ours.W, theirs.weight), (ours.b, theirs.bias)):
                most = 0.06  # of 400 biases the largest lies within 6 % of the bound, but for one case in 5e10
                assert np.abs(a.data).max() == pytest.approx(float(b.detach().abs().max()), rel=most)

    @pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu"])
    def test_gains_are_those_of_torch(self, name):
        assert init.gain(name) == pytest.approx(oracle().nn.init.calculate_gain(name), rel=1e-12)
        assert init.gain("leaky_relu", 0.2) == pytest.approx(
            oracle().nn.init.calculate_gain("leaky_relu", 0.2), rel=1e-12
        )


class TestSignals:
    def through(self, layers, f, **how):
        rng = np.random.default_rng(0)
        h = Tensor(rng.normal(size=(200, 300)).astype(np.float32))
        for _ in range(layers):
            h = f(Linear(300, 300, rng=rng, **how)(h))
        return float((h.data**2).mean())

    def test_kaiming_keeps_the_size_of_a_signal_through_thirty_layers_of_relu(self):
        """Measured over ten seeds: 0.14 to 1.6; Xavier's 3e-10 to 1e-9, the default's 5e-4 to 9e-4, all from biases."""
        assert 0.1 < self.through(30, relu, init="kaiming_normal") < 3
        assert 0.1 < self.through(30, relu, init="kaiming_uniform") < 3
        assert self.through(30, relu, init="xavier_normal") < 1e-8  # each layer halves it
        assert self.through(30, relu) < 2e-3

    def test_xavier_keeps_it_where_nothing_bends(self):
        """Measured over ten seeds: 0.74 to 1.1."""
        assert 0.3 < self.through(30, lambda h: h, init="xavier_normal") < 3
        assert 0.3 < self.through(30, lambda h: h, init="xavier_uniform") < 3

    def test_a_gain_makes_up_for_what_an_activation_takes(self):
        """Measured over ten seeds: 0.39 to 0.89 for leaky_relu, 0.42 to 0.43 for tanh."""
        leaky = partial(init.kaiming_normal, gain=init.gain("leaky_relu", 0.3))
        assert 0.1 < self.through(30, partial(leaky_relu, slope=0.3), init=leaky) < 3
        hyperbolic = partial(init.xavier_normal, gain=init.gain("tanh"))
        assert 0.35 < self.through(30, tanh, init=hyperbolic) < 0.5  # it settles where tanh and 5/3 balance

    @pytest.mark.parametrize(
        ("kind", "settings"),
        [
            (Conv2d, dict(k=3)),
            (Conv2d, dict(k=4, stride=2)),
            (ConvTranspose2d, dict(k=3)),
            (ConvTranspose2d, dict(k=4, stride=2)),
            (ConvTranspose2d, dict(k=6, stride=3)),
        ],
    )
    @pytest.mark.parametrize("way", ["forward", "backward"])
    def test_fans_of_convolutions_count_the_terms_of_their_sums(self, kind, settings, way):
        """Gain 1 then keeps the mean square away from the frame. Measured over eight seeds: 0.94 to 1.13."""

        def draw(shape, fan_in, fan_out, rng):
            return init.kaiming_normal(shape, fan_in if way == "forward" else fan_out, rng, gain=1)

        rng = np.random.default_rng(0)
        layer = kind(12, 40, rng=rng, init=draw, **settings)
        x = Tensor(rng.normal(size=(4, 12, 18, 18)).astype(np.float32), requires_grad=True)
        y = layer(x)
        y.backward(rng.normal(size=y.shape).astype(np.float32))
        signal = x.grad if way == "backward" else y.data
        frame = 1 if (kind, way) == (Conv2d, "forward") else 6
        assert float((signal[:, :, frame:-frame, frame:-frame] ** 2).mean()) == pytest.approx(1, rel=0.2)


class TestLayers:
    def test_biases_are_drawn_with_the_default_and_zero_otherwise(self):
        rng = np.random.default_rng(0)
        for how in ("uniform", init.uniform):
            assert np.abs(Linear(4, 50, init=how, rng=rng).b.data).max() > 0.4
        for how in ("kaiming_normal", init.xavier_uniform, lambda shape, **_: np.ones(shape)):
            assert not Linear(4, 50, init=how, rng=rng).b.data.any()

    def test_zeros_make_a_layer_that_gives_zero(self):
        layer = Conv2d(2, 3, 3, init="zeros", rng=np.random.default_rng(0))
        assert not layer(Tensor(np.ones((1, 2, 4, 4), np.float32))).data.any()

    def test_the_default_of_linear_draws_what_it_always_drew(self):
        """W, then b, each uniform in +-1/sqrt(n_in): trained results in the lessons hang on it."""
        rng, layer = np.random.default_rng(5), Linear(7, 3, rng=np.random.default_rng(5))
        bound = 1 / math.sqrt(7)
        assert np.array_equal(layer.W.data, rng.uniform(-bound, bound, size=(7, 3)).astype(np.float32))
        assert np.array_equal(layer.b.data, rng.uniform(-bound, bound, size=3).astype(np.float32))

    @pytest.mark.parametrize("name", sorted(VARIANCE))
    def test_the_same_seed_gives_the_same_bits(self, name):
        def weights(seed):
            rng = np.random.default_rng(seed)
            layers = [
                Linear(3, 4, init=name, rng=rng),
                Conv2d(2, 3, 2, init=name, rng=rng),
                ConvTranspose2d(2, 3, 2, init=name, rng=rng),
                Embedding(3, 4, init=name, rng=rng),
            ]
            return b"".join(p.data.tobytes() for layer in layers for p in layer.parameters())

        assert weights(0) == weights(0)
        assert (weights(0) == weights(1)) == (name == "zeros")


class TestMessages:
    def test_an_unknown_name_lists_those_there_are(self):
        with pytest.raises(ConfigError, match="Conv2d: init is 'he'; there are uniform, kaiming_uniform, .*, or pass"):
            Conv2d(1, 1, 1, init="he", rng=np.random.default_rng(0))
        with pytest.raises(ConfigError, match="gain: got 'swish'; there are linear, sigmoid, tanh, relu, leaky_relu"):
            init.gain("swish")

    def test_a_function_that_gives_another_shape_is_named(self):
        with pytest.raises(ShapeError, match=r"Linear: init gave \(2,\); wanted \(3, 4\)"):
            Linear(3, 4, init=lambda shape, **_: np.ones(2), rng=np.random.default_rng(0))

    @pytest.mark.parametrize("name", sorted(set(VARIANCE) - {"normal", "zeros"}))
    @pytest.mark.parametrize("fan", [0, -1, math.inf, math.nan])
    def test_fans_that_are_not_positive_are_refused(self, name, fan):
        with pytest.raises(ConfigError, match=f"{name}: the fans are {fan}.*; they have to be positive"):
            init.INITS[name]((2,), fan_in=fan, fan_out=fan, rng=np.random.default_rng(0))
