"""Every op on the other backends: values and gradients are NumPy's, and so are the errors."""

import numpy as np
import pytest

from minivae import Tensor, backend, ops
from minivae.cuda import counting, fused
from minivae.cuda.fused.activation import _sides
from minivae.engine import OPS
from minivae.errors import BackendError, DataError, DtypeError, MinivaeError, ShapeError
from tests import standin
from tests.backends.twins import NAMES, computed, float32, on
from tests.every.shapes import seeded

CASES = [(name, case) for name, op in OPS.items() for case in op.cases]
IDS = [f"{name}-{k}" for name, op in OPS.items() for k in range(len(op.cases))]


def compare(got, want, rtol=2e-6, atol=2e-6):
    """Tolerance: float32 rounding of numbers near 1, and of sums of a few."""
    for a, b in zip(got, want, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert (a.dtype, a.shape) == (b.dtype, b.shape) and isinstance(a, np.ndarray)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize(("name", "case"), CASES, ids=IDS)
def test_an_op_is_the_same_on_every_backend(name, case):
    inputs, constants = case(np.random.default_rng(0))
    inputs = float32(inputs)
    want = computed(name, inputs, constants)
    for other in NAMES:
        with on(other), counting() as launches:
            compare(computed(name, inputs, constants), want)
        assert bool(launches) == (name in fused.OPS)


@pytest.mark.parametrize("name", sorted(OPS))
def test_an_op_is_the_same_at_many_shapes_and_in_many_layouts(name):
    """The examples of tests/every: empty, of one element, views with gaps, backwards, broadcast, of many axes."""
    seen = 0
    for seed in range(25):
        example = seeded(name, seed)
        inputs = float32(example.inputs)
        want = computed(name, inputs, example.constants)
        for other in NAMES:
            if other != "sim" and name not in fused.OPS and () in [np.shape(x) for x in inputs] and name in AXIS:
                continue
            with on(other):
                got = computed(name, inputs, example.constants)
            scale = 1 + max(np.max(np.abs(a), initial=0) for a in want)
            compare(got, want, rtol=1e-4, atol=1e-4 * scale)  # norms divide by small spreads: digits are lost
            seen += 1
    assert seen >= 25


AXIS = ("sum", "mean", "max", "var")  # NumPy lets one sum a single number over an axis that it has not; CuPy does not


@pytest.mark.parametrize("name", sorted(fused.OPS))
def test_every_kernel_op_stands_for_an_op_and_is_launched(name):
    assert name in OPS
    inputs, constants = OPS[name].cases[0](np.random.default_rng(0))
    with on("sim"), counting() as launches:
        computed(name, float32(inputs), constants)
    assert launches.total() >= 2  # forward and backward


@pytest.mark.parametrize("name", sorted(fused.OPS))
def test_gradients_that_nobody_asked_for_are_not_computed_and_the_others_are_the_same(name):
    inputs, constants = OPS[name].cases[0](np.random.default_rng(0))
    inputs = float32(inputs)
    with on("sim"):
        want = computed(name, inputs, constants)
        for k in range(len(inputs)):
            got = computed(name, inputs, constants, asked=[i == k for i in range(len(inputs))])
            compare(got[:1] + [got[1 + k]], want[:1] + [want[1 + k]], rtol=0, atol=0)
            assert [a is not None for a in got[1:]] == [i == k for i in range(len(inputs))]


@pytest.mark.parametrize("name", sorted(fused.OPS))
def test_a_gradient_that_is_one_number_stretched_is_taken_too(name):
    inputs, constants = OPS[name].cases[0](np.random.default_rng(0))
    inputs = float32(inputs)
    want = computed(name, inputs, constants, spread=True)
    for other in NAMES:
        with on(other):
            compare(computed(name, inputs, constants, spread=True), want)


SIZES = [(1, 1), (2, 31), (3, 32), (2, 33), (33, 8), (1, 300), (257, 3)]


@pytest.mark.parametrize("shape", SIZES, ids=str)
@pytest.mark.parametrize("name", ["bernoulli_nll", "gaussian_kl", "gaussian_nll", "layer_norm", "linear", "silu"])
def test_sizes_around_a_warp_and_a_block(name, shape):
    rng = np.random.default_rng(sum(shape))
    D = shape[1]
    count = {"linear": [shape, (D, 5), (5,)], "layer_norm": [shape, (D,), (D,)], "silu": [shape], "gaussian_nll": 3}
    shapes = count.get(name, 2)
    shapes = [shape] * shapes if isinstance(shapes, int) else shapes
    inputs = [rng.standard_normal(s, np.float32) for s in shapes]
    if name == "bernoulli_nll":
        inputs[1] = rng.random(shape, np.float32)
    want = computed(name, inputs, {})
    with on("sim"):
        # float32: sums of up to 300 terms; a norm over one number divides by sqrt(1e-5)
        compare(computed(name, inputs, {}), want, rtol=1e-5, atol=1e-4 if name == "layer_norm" else 2e-5)


def test_images_with_their_channels_last_in_memory_stay_so_and_are_not_copied():
    x = np.random.default_rng(0).standard_normal((2, 4, 4, 8), np.float32).transpose(0, 3, 1, 2)
    with on("sim") as here:
        for op in (ops.relu, lambda t: ops.group_norm(t, np.ones(8, "f4"), np.zeros(8, "f4"), groups=2)):
            y = op(Tensor(x))
            assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous
        assert here.xp is np


def test_convolutions_of_few_channels_go_without_patches():
    rng = np.random.default_rng(0)
    for C, kernel in ((3, "conv_direct_v2"), (4, "im2col_v2")):
        with on("sim"), counting() as launches:
            ops.conv2d(*(rng.standard_normal(s, np.float32) for s in ((1, C, 4, 4), (3, 3, C, 2), (2,))))
        assert launches[kernel] == 1 and len(launches) == (1 if C == 3 else 2)


def test_elements_are_taken_in_rows_at_least_as_wide_as_a_warp():
    wide = {(): (1, 1), (5,): (1, 5), (9, 40): (9, 40), (2, 3, 4, 8): (6, 32), (2, 3, 4, 2): (1, 48), (0, 3): (1, 0)}
    assert {shape: _sides(shape) for shape in wide} == wide


@pytest.mark.parametrize("shape", [(4,), (3, 1), (1, 4), (1,), (1, 1), (3, 4)])
def test_a_logvar_that_broadcasts(shape):
    rng = np.random.default_rng(0)
    inputs = [rng.standard_normal(s, np.float32) for s in ((3, 4), (3, 4), shape)]
    want = computed("gaussian_nll", inputs, {})
    for name in NAMES:
        with on(name):
            compare(computed("gaussian_nll", inputs, {}), want)


class TestOut:
    """A parameter's gradient is written where it belongs, not copied there."""

    @pytest.mark.parametrize(
        ("name", "shapes"),
        [("linear", [(5, 4), (4, 3), (3,)]), ("conv2d", [(1, 4, 3, 3), (2, 2, 4, 3), (3,)])],
    )
    def test_a_line_writes_to_the_memory_it_is_given_and_returns_it(self, name, shapes):
        inputs = [np.ones(shape, np.float32) for shape in shapes]
        with on("sim"):
            y, lines = fused.OPS[name](np, *inputs)
            for line, shape in zip(lines[1:], shapes[1:], strict=True):
                out = np.full(shape, np.nan, np.float32)
                assert line(np.ones_like(y), out) is out and not np.isnan(out).any()

    @pytest.mark.parametrize("name", NAMES)
    def test_the_gradients_of_a_layer_lie_in_the_flat_array(self, name):
        from minivae.nn import Conv2d, FlatParameters, Linear, Sequential

        rng = np.random.default_rng(0)
        with on(name) as here:
            model = Sequential(Conv2d(4, 3, 2, rng=rng), lambda h: h.reshape(2, -1), Linear(27, 2, rng=rng))
            flat = FlatParameters(model.parameters())
            flat.grad[...] = here.xp.nan
            model(Tensor(rng.standard_normal((2, 4, 4, 4), np.float32))).sum().backward()
            assert not np.isnan(backend.host(flat.grad)).any()
            assert all(p.grad is p.slot() for p in flat.parameters)


WRONG = {
    "reparameterize": [[(3, 2), (3, 2), (3, 1)], [(3, 2), (2, 2), (3, 2)]],
    "gaussian_kl": [[(3, 2), (3, 3)], [(), (1,)]],
    "gaussian_nll": [[(3, 2), (3, 3), ()], [(3, 2), (3, 2), (5, 2)]],
    "bernoulli_nll": [[(3, 2), (3, 3)]],
    "linear": [[(3, 2), (2, 4), (3,)], [(3, 2), (3, 4), (4,)], [(2,), (2, 4), (4,)], [(3, 2), (2,), (4,)]],
    "layer_norm": [[(3, 2), (3,), (2,)], [(3, 2), (2,), (1,)], [(), (1,), (1,)]],
    "group_norm": [[(2, 3, 4, 4), (3,), (3,)], [(2, 4, 4, 4), (3,), (4,)], [(2, 4, 4), (4,), (4,)]],
    "softmax": [[(3, 0)]],
    "logsumexp": [[(3, 0)]],
    "conv2d": [[(2, 3, 4, 4), (3, 3, 2, 5), (5,)], [(2, 3, 2, 2), (3, 3, 3, 5), (5,)], [(2, 3), (3, 3, 3, 5), (5,)]],
    "conv_transpose2d": [[(2, 3, 4, 4), (3, 3, 2, 5), (2,)], [(2, 3, 1, 1), (1, 1, 2, 3), (2,)]],
}
SETTINGS = {"group_norm": {"groups": 2}, "conv_transpose2d": {"padding": 2}, "logsumexp": {"axis": -1}}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_wrong_shapes_are_refused_in_the_same_words(name):
    for shapes in WRONG[name]:
        inputs = [np.zeros(shape, np.float32) for shape in shapes]
        said = []
        for other in ("numpy", *NAMES):
            with on(other), pytest.raises(ShapeError) as error:
                OPS[name](*inputs, **SETTINGS.get(name, {}))
            said.append(str(error.value))
        ours = [text for text in said if "cannot take inputs of shape" not in text]  # the rest is the array module's
        assert len(set(ours)) <= 1, said
        assert len(ours) in (0, 3) or name in ("gaussian_nll", "softmax", "logsumexp")


BAD = [np.float32([[0.2, 1.5]]), np.float32([[-0.1, 0.5]]), np.float32([[0.2, np.nan]])]


class TestPixels:
    @pytest.mark.parametrize("x", BAD, ids=["above", "below", "NaN"])
    def test_on_the_simulator_the_error_comes_at_once_in_numpys_words(self, x):
        said = []
        for name in ("numpy", "sim"):
            with on(name), pytest.raises(DataError, match="divide by 255") as error:
                ops.bernoulli_nll(np.zeros_like(x), x)
            said.append(str(error.value))
        assert said[0] == said[1]

    @pytest.mark.parametrize("x", BAD, ids=["above", "below", "NaN"])
    @pytest.mark.parametrize("read", [lambda t: t.item(), lambda t: t.numpy(), repr, lambda t: backend.host(t.data)])
    def test_on_a_gpu_it_comes_when_a_value_is_read_and_nothing_waits_before(self, cupy, x, read):
        with backend.using("numpy"), pytest.raises(DataError) as numpys:
            ops.bernoulli_nll(np.zeros_like(x), x)
        with standin.counting() as counted:
            leaf = Tensor(np.zeros_like(x), requires_grad=True)
            loss = ops.bernoulli_nll(leaf, x).mean()
            loss.backward()
        assert counted.device_to_host == 0
        with pytest.raises(DataError) as error:
            read(loss)
        assert str(error.value) == str(numpys.value)
        read(loss)  # said once

    def test_no_images_are_fine(self, kernels):
        assert ops.bernoulli_nll(np.zeros((0, 3), "f4"), np.zeros((0, 3), "f4")).shape == (0,)


@pytest.mark.parametrize("name", sorted(fused.OPS))
def test_float64_is_refused_with_what_to_do(kernels, name):
    inputs, constants = OPS[name].cases[0](np.random.default_rng(0))
    with pytest.raises(DtypeError, match=rf"^{name}: got float64, but the kernels .*astype.*use\(.numpy.\), as for a"):
        OPS[name](*inputs, **constants)


def test_a_kernel_that_fails_raises_and_numpy_does_not_step_in(kernels, monkeypatch):
    def broken(self, kernel):
        raise BackendError(f"{kernel.name}: out of order")

    monkeypatch.setattr(type(kernels.device), "function", broken)
    for name in fused.OPS:
        inputs, constants = OPS[name].cases[0](np.random.default_rng(0))
        with pytest.raises(BackendError, match="out of order"):
            OPS[name](*float32(inputs), **constants)


class TestForeign:
    """Arrays made under another backend are refused by name."""

    def test_numpys_on_a_gpu(self, cupy):
        with backend.using("numpy"):
            old = Tensor(np.ones((2, 2), "f4"))
        new = Tensor(np.ones((2, 2), "f4"))
        for op in (ops.matmul, ops.add, ops.gaussian_kl):
            with pytest.raises(BackendError, match="numpy.ndarray") as error:
                op(new, old)
            assert "cupy" in str(error.value).lower()

    def test_a_gpus_on_numpy(self, cupy):
        new = Tensor(np.ones((2, 2), "f4"))
        with (
            backend.using("numpy"),
            pytest.raises(BackendError, match=r"matmul: got a cupy.ndarray, but the backend is"),
        ):
            ops.matmul(Tensor(np.ones((2, 2), "f4")), new)

    def test_another_type_error_stays_what_it_is(self, kernels):
        with pytest.raises(TypeError, match="unexpected keyword") as error:
            ops.exp(np.ones(2, "f4"), axis=0)
        assert not isinstance(error.value, MinivaeError)
