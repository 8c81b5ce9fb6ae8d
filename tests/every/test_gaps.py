"""What changes to the source went unnoticed until these tests were written; see docs/trust.md."""

from unittest import mock

import numpy as np
import pytest

from minivae import Tensor, backend, ops
from minivae.engine import OPS, Node, Op
from minivae.errors import BackendError, DataError, DtypeError, GradientError, ShapeError
from minivae.nn import FlatParameters, Parameter
from minivae.ops import METHODS, add, conv, leaky_relu, split


def leaf(*values):
    return Tensor(np.array(values, np.float64), requires_grad=True)


X = np.random.default_rng(0).uniform(0.5, 2, size=(2, 3, 4))
SETTINGS = [{}, {"axis": 1}, {"axis": (0, -1), "keepdims": True}, {"keepdims": True}]


@pytest.mark.parametrize("name", ["sum", "max", "var", "mean"])
@pytest.mark.parametrize("settings", SETTINGS)
def test_a_reducing_method_is_its_op_with_all_its_settings(name, settings):
    want = OPS[name](X, **settings)
    got = getattr(Tensor(X), name)(**settings)
    assert got.shape == want.shape
    np.testing.assert_array_equal(got.data, want.data)
    if "axis" in settings:
        np.testing.assert_array_equal(getattr(Tensor(X), name)(*settings.values()).data, want.data)  # by place


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "sigmoid", "relu", "softplus", "sqrt", "abs"])
def test_a_method_without_settings_is_its_op(name):
    x = X - 1.1 if name not in ("log", "sqrt") else X
    np.testing.assert_array_equal(getattr(Tensor(x), name)().data, OPS[name](x).data)


def test_operators_and_moves_are_those_of_numpy():
    x, a = Tensor(X), X
    for got, want in [
        (x + a, a + a),
        (a[0] - x, a[0] - a),
        (x - 1, a - 1),
        (2 / x, 2 / a),
        (x / 2, a / 2),
        (x**3, a**3),
        (-x, -a),
        (x @ a[0].T, a @ a[0].T),
        (a[0].T @ x, a[0].T @ a),
        (x[1, ..., ::2], a[1, ..., ::2]),
        (x.reshape(4, 6), a.reshape(4, 6)),
        (x.reshape(-1), a.reshape(-1)),
        (x.transpose(), a.T),
        (x.transpose(1, 0, 2), a.transpose(1, 0, 2)),
    ]:
        np.testing.assert_array_equal(got.data, want)
    assert "__iadd__" not in METHODS, "x += 1 has to make a new tensor"


def test_every_op_can_be_imported_by_its_name_and_says_what_it_is():
    for name, op in OPS.items():
        assert getattr(ops, name) is op
        assert op.__name__ == op.name == name
        assert op.__doc__ == op.function.__doc__
        assert op.__wrapped__ is op.function


def test_a_tensor_says_its_values_and_where_it_came_from():
    assert repr(Tensor([1.0, 2.5])) == "Tensor([1.  2.5])"
    assert repr(leaf(1.0)) == "Tensor([1.], requires_grad=True)"
    assert repr(leaf(1.0) * 2) == "Tensor([2.], from mul)"
    assert repr(Tensor([1 / 3])) == "Tensor([0.3333])"
    assert "..." in repr(Tensor(np.zeros(21)))
    assert "..." not in repr(Tensor(np.zeros(20)))


def test_item_is_a_python_float_and_numpy_the_same_memory():
    x = Tensor(np.array([2.5], np.float32))
    assert type(x.item()) is float
    assert x.item() == 2.5
    assert x.numpy() is x.data
    assert len(Tensor(np.ones((3, 2)))) == 3
    assert (x.ndim, x.shape, x.dtype) == (1, (1,), np.float32)


def test_a_node_knows_its_op_its_inputs_and_that_it_is_younger():
    x = leaf(1.0)
    y = x * 2
    z = y + x
    assert isinstance(z.node, Node)
    assert (y.node.name, z.node.name) == ("mul", "add")
    assert z.node.inputs == (y, x)
    assert z.node.order > y.node.order


def test_numbers_alone_make_float32():
    assert add(1, 2.5).dtype == np.float32
    assert ops.exp(1.0).dtype == np.float32
    assert ops.maximum(np.float64(1), 2).dtype == np.float32


def test_arrays_of_two_types_are_refused_by_name_with_the_cure():
    small, large = np.ones(2, np.float32), np.ones(2)
    with pytest.raises(DtypeError, match=r"add: got float32 and float64; convert one, with x.astype\('float32'\)"):
        add(small, large)
    with pytest.raises(DtypeError, match="mul: got float64 and float32"):
        Tensor(large) * 2.0 * small


def test_a_numpy_number_as_a_setting_does_not_make_float64():
    x = np.ones(3, np.float32)
    assert ops.clip(x, low=np.float64(0), high=np.float64(2)).dtype == np.float32
    assert (Tensor(x) ** np.float64(1.5)).dtype == np.float32
    assert leaky_relu(x, slope=np.float64(0.1)).dtype == np.float32


def test_a_number_where_an_array_is_wanted_is_refused_by_name():
    with pytest.raises(ShapeError, match="matmul: "):
        Tensor(np.ones((2, 2))) @ 3.0


def test_a_mistake_inside_an_op_keeps_its_own_words():
    def broken(xp, x):
        return x.no_such_thing, ()

    with pytest.raises(AttributeError, match="no_such_thing"):
        Op(broken, ())(np.ones(2))

    def misled(xp, x):
        return len(3), ()

    with pytest.raises(TypeError, match="has no len"):
        Op(misled, ())(np.ones(2))


def test_an_array_of_another_backend_is_named_where_an_op_cannot_take_it():
    class Module:
        """NumPy, whose arrays are of another kind."""

        ndarray = memoryview

        def __getattr__(self, name):
            return getattr(np, name)

    def misled(xp, x):
        return len(3), ()

    backend.BACKENDS["elsewhere"] = backend.Backend("elsewhere", Module())
    try:
        backend.use("elsewhere")
        with pytest.raises(BackendError, match="misled: got a numpy.ndarray, but the backend is elsewhere"):
            Op(misled, ())(np.ones(2))
    finally:
        backend.use("numpy")
        del backend.BACKENDS["elsewhere"]


@pytest.mark.parametrize("shape", [(3, 2), (2,), (3, 3), (), (4, 2, 2)])
def test_a_gradient_that_is_no_stretched_input_is_refused(shape):
    """Of as many numbers, it could be reshaped, and would be wrong in silence."""

    def wrong(xp, x):
        return 2 * x, (lambda g: np.ones(shape),)

    with pytest.raises(GradientError, match=r"a gradient of shape .* came back for an input of shape \(2, 3\)"):
        Op(wrong, ())(Tensor(np.ones((2, 3)), requires_grad=True)).sum().backward()


def ones(*shape):
    return np.ones(shape)


REFUSED = [
    (ops.reparameterize, [ones(2, 3), ones(1, 3), ones(2, 3)], {}, r"logvar is \(1, 3\) but mu is \(2, 3\); draw eps"),
    (ops.reparameterize, [ones(2, 3), ones(2, 3), ones(3)], {}, r"eps is \(3,\) but mu is \(2, 3\); draw eps with"),
    (ops.reparameterize, [ones(1, 3), ones(2, 3), ones(2, 3)], {}, r"logvar is \(2, 3\) but mu is \(1, 3\)"),
    (ops.gaussian_nll, [ones(2, 3), ones(1, 3), ones(2, 3)], {}, r"mu is \(1, 3\) but x is \(2, 3\); reshape images"),
    (
        ops.bernoulli_nll,
        [ones(2, 3), ones(1, 3)],
        {},
        r"x is \(1, 3\) but logits is \(2, 3\); reshape images to \(B, D\)",
    ),
    (ops.matmul, [ones(3), ones(3, 2)], {}, r"a is \(3,\) and b is \(3, 2\); wanted \(..., N, K\)"),
    (ops.matmul, [ones(2, 3), ones(3)], {}, r"a is \(2, 3\) and b is \(3,\); wanted \(..., N, K\)"),
    (ops.linear, [ones(2, 3), ones(3), ones()], {}, r"W is \(3,\) and b is \(\); wanted \(I, O\) and \(O,\)"),
    (ops.linear, [ones(2, 3), ones(3, 2, 4), ones(2, 4)], {}, r"W is \(3, 2, 4\) and b is \(2, 4\); wanted"),
    (ops.linear, [ones(2, 3), ones(3, 2), ones(1)], {}, r"W is \(3, 2\) and b is \(1,\); wanted"),
    (
        ops.conv2d,
        [ones(1, 3, 5, 5), ones(3, 2, 3, 4), ones(4)],
        {},
        r"W is \(3, 2, 3, 4\); wanted .* and \(k, k, C, O\)",
    ),
    (ops.conv2d, [ones(1, 3, 5, 5), ones(3, 3), ones(4)], {}, r"W is \(3, 3\); wanted .* and \(k, k, C, O\)"),
    (
        ops.conv2d,
        [ones(1, 1, 2, 5), ones(3, 3, 1, 1), ones(1)],
        {},
        "a 3 x 3 patch does not fit into .* with padding 0",
    ),
    (ops.conv2d, [ones(1, 1, 5, 2), ones(3, 3, 1, 1), ones(1)], {}, "a 3 x 3 patch does not fit into"),
    (ops.conv2d, [ones(1, 1, 2, 5), ones(5, 5, 1, 1), ones(1)], {"padding": 1}, "a 5 x 5 patch does not fit into"),
    (ops.conv_transpose2d, [ones(1, 3, 2, 2), ones(3, 2, 4, 3), ones(4)], {}, r"W is .*; wanted .* and \(k, k, O, C\)"),
    (ops.conv_transpose2d, [ones(1, 3, 2, 2), ones(3, 3), ones(4)], {}, r"W is \(3, 3\); wanted .* and \(k, k, O, C\)"),
    (
        ops.conv_transpose2d,
        [ones(1, 1, 1, 3), ones(2, 2, 1, 1), ones(1)],
        {"padding": 1},
        "nothing is left of .* padding 1",
    ),
    (ops.attention, [ones(2, 3), ones(1, 2, 3), ones(1, 2, 3)], {}, r"q, k, v are \(2, 3\), .*; wanted \(B, T, D\)"),
    (ops.attention, [ones(1, 2, 3), ones(1, 2, 4), ones(1, 2, 3)], {}, "q, k, v are .*; wanted"),
    (ops.attention, [ones(1, 2, 3), ones(1, 2, 3), ones(1, 1, 3)], {}, "q, k, v are .*; wanted"),
    (ops.group_norm, [ones(1, 4, 2, 2), ones(4), ones(4)], {"groups": 3}, "4 channels do not divide into 3 groups"),
    (ops.group_norm, [ones(1, 4, 2, 2), ones(4), ones(4)], {"groups": 0}, "4 channels do not divide into 0 groups"),
    (ops.mean, [ones(0, 2)], {"axis": 0}, r"x is \(0, 2\), so there is nothing to take the mean of"),
    (ops.var, [ones(0, 2)], {}, r"x is \(0, 2\), so there is nothing to take the var of"),
]


@pytest.mark.parametrize(("op", "inputs", "constants", "words"), REFUSED)
def test_what_would_broadcast_to_nonsense_is_refused_in_the_op_s_own_words(op, inputs, constants, words):
    with pytest.raises(ShapeError, match=f"^{op.name}: .*{words}"):
        op(*inputs, **constants)


@pytest.mark.parametrize("wrong", [-0.001, 1.001, 255.0, np.nan])
def test_a_pixel_that_is_no_probability_is_refused(wrong):
    for x in ([[wrong, 0.0]], [[1.0, wrong]]):
        with pytest.raises(
            DataError, match=r"bernoulli_nll: x spans .*; pixels have to lie in \[0, 1\]: divide by 255"
        ):
            ops.bernoulli_nll(np.zeros((1, 2)), np.array(x))
    assert ops.bernoulli_nll(np.zeros((1, 2)), np.array([[0.0, 1.0]])).shape == (1,)
    assert ops.bernoulli_nll(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)


def test_a_large_image_without_channels_goes_through_a_convolution_and_back():
    from_none, to_none = [(1, 0, 32, 32), (1, 1, 0, 2), (2,)], [(1, 2, 32, 32), (1, 1, 0, 2), (0,)]
    for op, shapes in [(ops.conv2d, from_none), (ops.conv_transpose2d, to_none)]:
        inputs = [Tensor(ones(*shape), requires_grad=True) for shape in shapes]
        op(*inputs).sum().backward()
        assert [x.grad.shape for x in inputs] == [x.shape for x in inputs]


def test_an_op_has_to_give_one_gradient_for_each_input():
    def forgetful(xp, a, b):
        return a + b, (lambda g: g,)

    with pytest.raises(ValueError, match="zip"):
        Op(forgetful, ())(leaf(1.0), leaf(2.0)).backward()


def test_the_memory_that_a_leaf_reserves_goes_to_the_first_gradient_alone():
    given = []

    def doubled(xp, x):
        return 2 * x, (lambda g, out: given.append(out) or xp.multiply(2, g, out=out),)

    x = Parameter(np.ones(3))
    FlatParameters([x])
    double = Op(doubled, ())
    (double(x) + double(x)).sum().backward()
    assert given[0] is x.slot()
    assert given[1] is None
    assert x.grad is x.slot()
    np.testing.assert_array_equal(x.grad, [4, 4, 4])


def test_split_cuts_equal_parts_along_any_axis_and_sends_gradients_back():
    x = np.arange(24.0).reshape(2, 3, 4)
    for n, axis in [(2, 0), (3, 1), (2, 2), (4, -1), (3, -2), (1, 0)]:
        for got, want in zip(split(Tensor(x), n, axis=axis), np.split(x, n, axis), strict=True):
            np.testing.assert_array_equal(got.data, want)
    t = Tensor(x, requires_grad=True)
    first, second = split(t, 2)
    (first + 3 * second).sum().backward()
    np.testing.assert_array_equal(t.grad, np.broadcast_to([1, 1, 3, 3], x.shape))
    with pytest.raises(ShapeError, match=r"split: axis -1 of \(2, 3, 4\) holds 4, which 3 does not divide"):
        split(Tensor(x), 3)


class TestKinks:
    """At a kink there are two slopes; which of them, or what between them, is written in each docstring."""

    def gradient(self, f, *values):
        x = leaf(*values)
        f(x).sum().backward()
        return x.grad.tolist()

    def test_of_one_element(self):
        assert self.gradient(ops.relu, -1.0, 0.0, 2.0) == [0, 0, 1]
        assert self.gradient(ops.abs, -1.0, 0.0, 2.0) == [-1, 0, 1]
        assert self.gradient(lambda x: leaky_relu(x, slope=0.5), -1.0, 0.0, 2.0) == [0.5, 0.5, 1]
        assert self.gradient(lambda x: ops.clip(x, low=0.0, high=1.0), -1.0, 0.0, 0.5, 1.0, 2.0) == [0, 1, 1, 1, 0]

    def test_equals_share(self):
        assert self.gradient(ops.max, 2.0, 1.0, 2.0) == [0.5, 0, 0.5]
        assert self.gradient(lambda x: ops.maximum(x, 1.0), 0.0, 1.0, 2.0) == [0, 0.5, 1]
        assert self.gradient(lambda x: ops.maximum(1.0, x), 0.0, 1.0, 2.0) == [0, 0.5, 1]
        assert self.gradient(lambda x: ops.maximum(x, x), 3.0) == [1]
        image = lambda x: ops.max_pool2d(x.reshape(1, 1, 2, 2), size=2)
        assert self.gradient(image, 1.0, 3.0, 3.0, 3.0) == [0, 1 / 3, 1 / 3, 1 / 3]

    def test_a_power_of_zero_or_to_the_zero(self):
        assert self.gradient(lambda x: x**0, 0.0, 2.0) == [0, 0]
        assert self.gradient(lambda x: x**1, 0.0, 2.0) == [1, 1]
        assert self.gradient(lambda x: x**2, 0.0, 2.0) == [0, 4]


class TestPartsOfConvolutions:
    """However many images are cut at a time, and whichever side is cut into patches, a convolution is a convolution."""

    @staticmethod
    def by_hand(x, W, stride, padding):
        """The definition: at each place, the sum over the patch times W."""
        k = len(W)
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        h, w = ((n - k) // stride + 1 for n in x.shape[2:])
        y = np.zeros((len(x), W.shape[3], h, w))
        for i in range(k):
            for j in range(k):
                seen = x[:, :, i : i + stride * h : stride, j : j + stride * w : stride]
                y += np.einsum("bchw,co->bohw", seen, W[i, j])
        return y

    @pytest.mark.parametrize("cached", [1, 500, 10**9])
    @pytest.mark.parametrize(
        ("C", "n_out"), [(1, 1), (1, 5), (5, 1), (4, 16), (16, 4), (4, 17), (17, 4), (20, 5), (5, 5)]
    )
    @pytest.mark.parametrize(("k", "stride", "padding"), [(3, 1, 1), (3, 2, 1), (1, 1, 0), (2, 1, 2), (3, 1, 0)])
    def test_values_and_gradients_are_those_of_the_definition(self, cached, C, n_out, k, stride, padding):
        rng = np.random.default_rng(C + n_out)
        x, W, b = (Tensor(rng.normal(size=shape), True) for shape in [(5, C, 4, 6), (k, k, C, n_out), (n_out,)])
        g = rng.normal(size=(5, n_out, (4 + 2 * padding - k) // stride + 1, (6 + 2 * padding - k) // stride + 1))
        with mock.patch.object(conv, "CACHED", cached):
            y = ops.conv2d(x, W, b, stride=stride, padding=padding)
            y.backward(g)
        wanted = self.by_hand(x.data, W.data, stride, padding)
        np.testing.assert_allclose(y.data, wanted + b.data[:, None, None], atol=1e-12)
        # it is linear in x and in W, so its gradients are those that make these products equal, in any direction
        u, V = rng.normal(size=x.shape), rng.normal(size=W.shape)
        assert (x.grad * u).sum() == pytest.approx((g * self.by_hand(u, W.data, stride, padding)).sum(), rel=1e-9)
        assert (W.grad * V).sum() == pytest.approx((g * self.by_hand(x.data, V, stride, padding)).sum(), rel=1e-9)
        np.testing.assert_allclose(b.grad, g.sum(axis=(0, 2, 3)), atol=1e-12)

    @pytest.mark.parametrize(("size", "at_a_time"), [(0, 100), (1, 100), (30, 3), (49, 2), (100, 1), (101, 1)])
    def test_parts_cover_all_images_and_fit_where_one_fits(self, size, at_a_time):
        with mock.patch.object(conv, "CACHED", 100):
            parts = [np.arange(151)[part] for part in conv._parts(151, size)]
        assert np.array_equal(np.concatenate(parts), np.arange(151))
        assert max(map(len, parts)) == at_a_time

    def test_results_have_their_channels_last_in_memory(self):
        """Else the next convolution would copy them."""
        x = np.random.default_rng(0).normal(size=(2, 4, 4, 8)).transpose(0, 3, 1, 2)
        W, b, ones = np.ones((3, 3, 8, 8)), np.ones(8), np.ones(8)
        for y in (
            ops.conv2d(x, W, b, padding=1),
            ops.upsample(x, factor=2),
            ops.group_norm(x, ones, b, groups=2),
            ops.silu(x),
            ops.concat(x, x, axis=1),
        ):
            assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous


class TestIndexing:
    def test_an_element_taken_twice_gets_both_gradients(self):
        x = leaf(1.0, 2.0, 3.0)
        (x[np.array([0, 2, 2])] * np.array([1.0, 10, 100])).sum().backward()
        assert x.grad.tolist() == [1, 0, 110]

    def test_lists_and_masks(self):
        x = leaf(1.0, 2.0, 3.0)
        (x[[1, 1]].sum() + 5 * x[np.array([True, False, True])].sum()).backward()
        assert x.grad.tolist() == [5, 2, 5]

    def test_take_with_a_plain_number_and_from_the_end(self):
        x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
        y = ops.take(x, index=1, axis=-1)
        assert y.data.tolist() == [1, 4]
        y.sum().backward()
        assert x.grad.tolist() == [[0, 1, 0], [0, 1, 0]]

    def test_where_takes_numbers_for_truth_values(self):
        a, b = leaf(1.0, 1.0, 1.0), leaf(2.0, 2.0, 2.0)
        y = ops.where(a, b, condition=np.array([0, 1, 2]))
        assert y.data.tolist() == [2, 1, 1]
        y.sum().backward()
        assert (a.grad.tolist(), b.grad.tolist()) == ([0, 1, 1], [1, 0, 0])

    def test_where_takes_a_plain_truth_value(self):
        for truth in (True, False):
            a, b = leaf(1.0), leaf(2.0)
            ops.where(a, b, condition=truth).sum().backward()
            assert (a.grad.tolist(), b.grad.tolist()) == ([float(truth)], [float(not truth)])


def test_the_backend_in_use_makes_the_arrays():
    class Module:
        """NumPy, with a note of what was asked for."""

        asked: list = []  # noqa: RUF012

        def __getattr__(self, name):
            self.asked.append(name)
            return getattr(np, name)

    backend.BACKENDS["noted"] = backend.Backend("noted", Module())
    try:
        backend.use("noted")
        Tensor([1.0])
        assert Module.asked == ["asarray"]
        x = leaf(1.0)
        x.exp().sum().backward()
        assert Module.asked[-1] in ("broadcast_to", "ones_like")
        assert "exp" in Module.asked
        assert "ones_like" in Module.asked
    finally:
        backend.use("numpy")
        del backend.BACKENDS["noted"]
