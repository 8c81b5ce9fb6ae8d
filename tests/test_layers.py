"""Each layer beside its PyTorch twin in float64, with the same weights; dropout; and layers that are used wrongly."""

import numpy as np
import pytest

from minivae import Tensor
from minivae.errors import ConfigError, DataError, DtypeError, ShapeError
from minivae.nn import (
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    GroupNorm,
    LayerNorm,
    Linear,
    activation,
    layers,
)
from tests.oracle import oracle
from tests.oracle_twins import twins

SEED = np.random.default_rng


def there(p):
    """Our weights in PyTorch's order of axes: (I, O) is (O, I), and (k, k, C, O) is (O, C, k, k)."""
    return p.transpose(3, 2, 0, 1) if p.ndim == 4 else p.T


TWINS = {
    "Linear": (lambda rng: Linear(4, 3, rng=rng), lambda nn: nn.Linear(4, 3), (5, 4)),
    "Linear of tokens": (lambda rng: Linear(4, 3, rng=rng), lambda nn: nn.Linear(4, 3), (2, 5, 4)),
    "Conv2d": (lambda rng: Conv2d(2, 3, 3, rng=rng), lambda nn: nn.Conv2d(2, 3, 3), (2, 2, 6, 5)),
    "Conv2d, strided": (
        lambda rng: Conv2d(1, 3, 4, stride=2, padding=1, rng=rng),
        lambda nn: nn.Conv2d(1, 3, 4, stride=2, padding=1),
        (2, 1, 8, 6),
    ),
    "ConvTranspose2d": (
        lambda rng: ConvTranspose2d(2, 3, 3, rng=rng),
        lambda nn: nn.ConvTranspose2d(2, 3, 3),
        (2, 2, 4, 3),
    ),
    "ConvTranspose2d, strided": (
        lambda rng: ConvTranspose2d(3, 2, 4, stride=2, padding=1, rng=rng),
        lambda nn: nn.ConvTranspose2d(3, 2, 4, stride=2, padding=1),
        (2, 3, 3, 4),
    ),
    "LayerNorm": (lambda rng: LayerNorm(4), lambda nn: nn.LayerNorm(4), (2, 5, 4)),
    "GroupNorm": (lambda rng: GroupNorm(6, groups=3), lambda nn: nn.GroupNorm(3, 6), (2, 6, 3, 4)),
}


@pytest.mark.parametrize("name", TWINS)
def test_values_and_gradients_are_those_of_pytorch(name):
    torch = oracle()
    ours, theirs, shape = TWINS[name]
    rng = SEED(0)
    ours, theirs = ours(rng).astype("float64"), theirs(torch.nn).double()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        p.data[...] = rng.normal(size=p.shape)  # gains of 1 and biases of 0 would hide a fault
        q.data = torch.tensor(np.ascontiguousarray(there(p.data)))
    x = Tensor(rng.normal(size=shape), requires_grad=True)
    x_there = torch.tensor(x.data, requires_grad=True)
    y, y_there = ours(x), theirs(x_there)
    g = rng.normal(size=y.shape)
    y.backward(g)
    y_there.backward(torch.tensor(g))
    close = dict(rtol=1e-10, atol=1e-12)  # float64, sums of up to 50 terms
    np.testing.assert_allclose(y.data, y_there.detach().numpy(), **close)
    np.testing.assert_allclose(x.grad, x_there.grad.numpy(), **close)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(there(p.grad), q.grad.numpy(), **close)


class TestEmbedding:
    @pytest.mark.parametrize("index", [np.array([[0, 4], [4, 4]]), np.array(3), np.zeros((0,), np.uint8)])
    def test_values_and_gradients_are_those_of_pytorch(self, index):
        torch = oracle()
        ours = Embedding(5, 3, rng=SEED(0)).astype("float64")
        theirs = torch.nn.Embedding(5, 3).double()
        theirs.weight.data = torch.tensor(ours.W.data.copy())
        y, y_there = ours(index), theirs(torch.tensor(index.astype(np.int64)))
        assert np.array_equal(y.data, y_there.detach().numpy())
        g = SEED(1).normal(size=y.shape)
        y.backward(g)
        y_there.backward(torch.tensor(g))
        np.testing.assert_allclose(ours.W.grad, theirs.weight.grad.numpy(), rtol=1e-12)

    def test_an_index_may_be_a_list(self):
        layer = Embedding(5, 3, rng=SEED(0))
        assert np.array_equal(layer([4, 0]).data, layer.W.data[[4, 0]])

    @pytest.mark.parametrize(
        ("index", "kind", "words"),
        [
            ([0, 5], DataError, "the index spans 0 to 5; wanted 0 to 4"),
            ([-1], DataError, "the index spans -1 to -1; wanted 0 to 4"),
            ([1.0], DtypeError, "got float64; wanted integers"),
            ([True], DtypeError, "got bool; wanted integers"),
            (Tensor([1.0]), DtypeError, "got a Tensor, which holds floats; pass the array of integers itself"),
        ],
    )
    def test_what_is_no_number_of_a_row_is_refused(self, index, kind, words):
        with pytest.raises(kind, match=f"Embedding: {words}"):
            Embedding(5, 3, rng=SEED(0))(index)


class TestDropout:
    def test_it_zeroes_a_share_and_enlarges_the_rest(self):
        """20,000 draws: the share is good to 0.0033, and 0.02 is six of these; one false alarm in 5e8."""
        x = Tensor(np.full((100, 200), 2, np.float32))
        y = Dropout(0.3)(x, rng=SEED(0)).data
        assert abs((y == 0).mean() - 0.3) < 0.02
        np.testing.assert_allclose(y[y != 0], 2 / 0.7, rtol=2e-7)  # float32

    def test_the_mean_stays(self):
        """400,000 draws of 0 or 2: the mean is good to 0.0016."""
        y = Dropout(0.5)(Tensor(np.ones((400, 1000), np.float32)), rng=SEED(0)).data
        assert y.mean(dtype=np.float64) == pytest.approx(1, abs=0.0096)

    def test_what_is_dropped_gets_no_gradient_and_the_rest_is_enlarged_alike(self):
        x = Tensor(SEED(1).normal(size=(20, 30)), requires_grad=True)
        y = Dropout(0.4)(x, rng=SEED(0))
        y.sum().backward()
        np.testing.assert_allclose(x.grad * x.data, y.data, rtol=1e-12)
        assert set(np.unique(x.grad)) == {0, 1 / 0.6}

    def test_the_same_seed_gives_the_same_bits_whatever_the_order_in_memory_or_the_float_type(self):
        x = SEED(1).normal(size=(3, 4, 5, 6)).astype(np.float32)
        last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(
            0, 3, 1, 2
        )  # channels last, as convolutions make it
        a, b, c = (Dropout(0.5)(Tensor(v), rng=SEED(0)).data for v in (x, last, x.astype(np.float64)))
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)
        assert b.strides == last.strides
        assert not np.array_equal(a, Dropout(0.5)(Tensor(x), rng=SEED(1)).data)

    def test_in_evaluation_it_is_the_identity_and_draws_nothing(self):
        x, rng = Tensor(np.ones(3, np.float32)), SEED(0)
        layer = Dropout(0.9).eval()
        assert layer(x) is x
        assert layer(x, rng=rng) is x
        assert rng.random() == SEED(0).random()

    def test_a_share_of_zero_is_the_identity(self):
        x = Tensor(np.ones(3, np.float32))
        assert Dropout(0)(x) is x

    def test_training_without_a_generator_says_what_to_do(self):
        with pytest.raises(ConfigError, match=r"call model\(x, rng=rng\), or model.eval\(\) before"):
            Dropout(0.5)(Tensor(np.ones(3, np.float32)))

    @pytest.mark.parametrize("p", [1, -0.1, float("nan"), 1.5])
    def test_a_share_outside_its_range_is_refused(self, p):
        with pytest.raises(ConfigError, match=rf"Dropout: p is {p}; .* in \[0, 1\)"):
            Dropout(p)


class TestActivations:
    def test_each_is_the_op_of_its_name_and_has_a_twin(self):
        for name in layers.ACTIVATIONS:
            assert activation(name).name == name
            assert name in twins(oracle())

    def test_an_unknown_one_lists_those_there_are(self):
        with pytest.raises(ConfigError, match="activation: got 'exp'; there are relu, leaky_relu, silu, gelu, tanh"):
            activation("exp")


class TestMessages:
    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: Linear(0, 2, rng=SEED(0)), "Linear: got n_in=0, n_out=2; both have to be at least 1, and whole"),
            (lambda: Linear(2, 2.5, rng=SEED(0)), "got n_in=2, n_out=2.5; both"),
            (lambda: Conv2d(1, 2, 0, rng=SEED(0)), "Conv2d: got n_in=1, n_out=2, k=0, stride=1; all have to be"),
            (lambda: Conv2d(1, 2, 3, stride=0, rng=SEED(0)), "stride=0; all"),
            (lambda: Conv2d(1, 2, 3, padding=-1, rng=SEED(0)), "got padding=-1; it has to be at least 0"),
            (lambda: ConvTranspose2d(1, 2, 3, stride=0, rng=SEED(0)), "ConvTranspose2d: got .*stride=0"),
            (lambda: ConvTranspose2d(1, 0, 3, rng=SEED(0)), "ConvTranspose2d: got .*=0"),
            (lambda: Embedding(0, 2, rng=SEED(0)), "Embedding: got n=0, dim=2; both"),
            (lambda: LayerNorm(0), "LayerNorm: got n=0; it has to be at least 1"),
            (lambda: GroupNorm(4, groups=0), "GroupNorm: got n=4, groups=0; both"),
            (lambda: GroupNorm(4, groups=3), "GroupNorm: 4 channels do not divide into 3 groups"),
        ],
    )
    def test_sizes_outside_their_range_are_refused(self, make, words):
        with pytest.raises(ConfigError, match=words):
            make()

    def test_inputs_of_another_shape_are_named_by_the_op(self):
        x = Tensor(np.ones((2, 3), np.float32))
        with pytest.raises(ShapeError, match=r"linear: x is \(2, 3\) but W is \(4, 2\)"):
            Linear(4, 2, rng=SEED(0))(x)
        with pytest.raises(ShapeError, match=r"conv2d: x is \(2, 3\)"):
            Conv2d(3, 2, 1, rng=SEED(0))(x)
