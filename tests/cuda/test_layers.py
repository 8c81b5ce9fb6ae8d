"""Layers made of kernels, forward and backward, against minivae's ops in float64; and what these kernels refuse."""

import math

import numpy as np
import pytest

from minivae import ops
from minivae.cuda import KERNELS, Simulator, counting, find, launch, using, versions
from minivae.engine import Tensor
from minivae.errors import ConfigError
from tests.cuda.harness import run
from tests.cuda.references import REFERENCES


@pytest.fixture(autouse=True)
def simulator():
    with using(Simulator()):
        yield


def normal(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")


def first(image):
    """(B, H, W, C) as minivae's ops have it: (B, C, H, W)."""
    return image.transpose(0, 3, 1, 2)


def last(image):
    return np.ascontiguousarray(image.transpose(0, 2, 3, 1))


def by_ops(function, g, *arrays):
    """The value of an op in float64, and the gradient of each input."""
    tensors = [Tensor(a.astype("f8"), requires_grad=True) for a in arrays]
    value = function(*tensors)
    value.backward(g.astype("f8"))
    return value.data, *(t.grad for t in tensors)


def near(got, wanted, atol=2e-5):
    """float32: sums of up to some 300 products."""
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=atol)


def product(a, b):
    y = np.empty((a.shape[0], b.shape[1]), "f4")
    launch("matmul", np.ascontiguousarray(a), np.ascontiguousarray(b), y, *y.shape, a.shape[1])
    return y


def column_sum(a):
    sums = np.empty(a.shape[1], "f4")
    launch("column_sum", a, sums, *a.shape)
    return sums


class Window:
    """A k x k patch on its way over (B, H, W, C) images."""

    def __init__(self, shape, k, stride, padding):
        B, H, W, _ = self.shape = shape
        self.h, self.w = ((n + 2 * padding - k) // stride + 1 for n in (H, W))
        self.sizes = *shape, self.h, self.w, k, stride, padding
        self.pixels, self.places = B * self.h * self.w, k * k * shape[3]

    def im2col(self, image):
        patches = np.empty((self.pixels, self.places), "f4")
        launch("im2col", image, patches, *self.sizes)
        return patches

    def col2im(self, patches):
        image = np.empty(self.shape, "f4")
        launch("col2im", patches, image, *self.sizes)
        return image


SETTINGS = [  # B, H, W, C, n_out, k, stride, padding
    (2, 5, 4, 3, 2, 3, 1, 1),
    (3, 8, 8, 1, 33, 4, 2, 1),
    (1, 7, 6, 5, 4, 2, 3, 0),
    (2, 5, 5, 2, 1, 5, 2, 2),
    (1, 4, 9, 7, 8, 1, 1, 0),
]


@pytest.mark.parametrize("B, H, W, C, n_out, k, stride, padding", SETTINGS)
class TestConvolution:
    def test_patches_and_products_are_conv2d_with_all_gradients(self, B, H, W, C, n_out, k, stride, padding):
        image, weights, bias = normal(0, B, H, W, C), normal(1, k, k, C, n_out), normal(2, n_out)
        window, matrix = Window(image.shape, k, stride, padding), weights.reshape(-1, n_out)
        g = normal(3, window.pixels, n_out)

        patches, y = window.im2col(image), np.empty_like(g)
        launch("bias_activation", product(patches, matrix), bias, y, window.pixels, n_out, 0)
        g_image = window.col2im(product(g, matrix.T))
        g_weights, g_bias = product(patches.T, g), column_sum(g)

        onto = (B, window.h, window.w, n_out)
        value, *gradients = by_ops(
            lambda x, W, b: ops.conv2d(x, W, b, stride=stride, padding=padding),
            first(g.reshape(onto)),
            first(image),
            weights,
            bias,
        )
        near(first(y.reshape(onto)), value)
        for got, wanted in zip((first(g_image), g_weights.reshape(weights.shape), g_bias), gradients, strict=True):
            near(got, wanted)

    def test_the_direct_kernel_gives_the_same_without_patches(self, B, H, W, C, n_out, k, stride, padding):
        image, weights, bias = normal(0, B, H, W, C), normal(1, k, k, C, n_out), normal(2, n_out)
        window = Window(image.shape, k, stride, padding)
        y = np.empty((B, window.h, window.w, n_out), "f4")
        launch("conv_direct", image, weights, bias, y, B, H, W, C, n_out, window.h, window.w, k, stride, padding)
        tensors = [Tensor(a.astype("f8")) for a in (first(image), weights, bias)]
        near(first(y), ops.conv2d(*tensors, stride=stride, padding=padding).data)

    def test_the_same_kernels_are_conv_transpose2d_with_all_gradients(self, B, H, W, C, n_out, k, stride, padding):
        """From n_out channels to C, on images of the sizes that conv2d brings to (h, w) without a rest."""
        h, w = Window((B, H, W, C), k, stride, padding).sizes[4:6]
        H, W = ((n - 1) * stride + k - 2 * padding for n in (h, w))
        x, weights = normal(0, B, h, w, n_out), normal(1, k, k, C, n_out)
        window, matrix, flat = (
            Window((B, H, W, C), k, stride, padding),
            weights.reshape(-1, n_out),
            x.reshape(-1, n_out),
        )
        g = normal(3, B, H, W, C)

        y = window.col2im(product(flat, matrix.T))
        patches = window.im2col(g)
        g_x, g_weights, g_bias = product(patches, matrix), product(patches.T, flat), column_sum(g.reshape(-1, C))

        value, *gradients = by_ops(
            lambda x, W, b: ops.conv_transpose2d(x, W, b, stride=stride, padding=padding),
            first(g),
            first(x),
            weights,
            np.zeros(C),
        )
        near(first(y), value)
        for got, wanted in zip((first(g_x.reshape(x.shape)), g_weights, g_bias), gradients, strict=True):
            near(got, wanted.reshape(got.shape))

    @pytest.mark.parametrize("version", [1, 2])
    def test_col2im_is_the_adjoint_of_im2col(self, B, H, W, C, n_out, k, stride, padding, version):
        """<im2col(image), p> = <image, col2im(p)>, exactly, in whole numbers."""
        window, rng = Window((B, H, W, C), k, stride, padding), np.random.default_rng(0)
        image = rng.integers(-9, 9, window.shape).astype("f4")
        p = rng.integers(-9, 9, (window.pixels, window.places)).astype("f4")
        patches, back = np.empty_like(p), np.empty_like(image)
        launch(f"im2col_v{version}", image, patches, *window.sizes)
        launch(f"col2im_v{version}", p, back, *window.sizes)
        assert (patches.astype("f8") * p).sum() == (image.astype("f8") * back).sum()


@pytest.mark.parametrize("B, N", [(1, 1), (3, 2), (33, 64), (40, 300)])
def test_layer_norm_and_all_its_gradients_are_those_of_the_op(B, N):
    """Three launches backward: g_x with the parts of the other two, and the sum of each part."""
    x, gain, bias, g = normal(0, B, N), normal(1, N), normal(2, N), normal(3, B, N)
    y, mean, scale, g_x = np.empty_like(x), np.empty(B, "f4"), np.empty(B, "f4"), np.empty_like(x)
    launch("layer_norm", x, gain, bias, y, mean, scale, 1e-5, B, N)
    parts = [np.empty((-(-B // find("layer_norm_backward").constants["ROWS"]), N), "f4") for _ in range(2)]
    launch("layer_norm_backward", g, x, gain, mean, scale, g_x, *parts, B, N)
    wanted = by_ops(ops.layer_norm, g, x, gain, bias)
    for got, exact in zip((y, g_x, *map(column_sum, parts)), wanted, strict=True):
        near(got, exact, atol=1e-4)  # rows of two numbers that lie close together are stretched by up to 300


@pytest.mark.parametrize("silu", [0, 1])
@pytest.mark.parametrize("B, H, W, C, groups", [(1, 1, 1, 1, 1), (3, 4, 5, 6, 2), (2, 7, 7, 64, 8), (2, 2, 3, 300, 1)])
def test_group_norm_and_silu_and_all_gradients_are_those_of_the_ops(B, H, W, C, groups, silu):
    P, x, gain, bias, g = H * W, normal(0, B, H, W, C), normal(1, C), normal(2, C), normal(3, B, H, W, C)
    y, mean, scale, g_x = np.empty_like(x), np.empty((B, groups), "f4"), np.empty((B, groups), "f4"), np.empty_like(x)
    launch("group_norm_silu", x, gain, bias, y, mean, scale, 1e-5, B, P, C, groups, silu)
    parts = [np.empty((B, C), "f4") for _ in range(2)]
    launch("group_norm_silu_backward", g, x, gain, bias, mean, scale, g_x, *parts, B, P, C, groups, silu)

    def layer(x, gain, bias):
        a = ops.group_norm(x, gain, bias, groups=groups)
        return ops.silu(a) if silu else a

    value, on_x, on_gain, on_bias = by_ops(layer, first(g), first(x), gain, bias)
    for got, exact in zip((y, g_x), (value, on_x), strict=True):
        near(got, last(exact))
    for part, exact in zip(parts, (on_gain, on_bias), strict=True):
        near(column_sum(part), exact)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_softmax_and_its_gradient_are_those_of_the_op(version):
    x, g = 5 * normal(0, 19, 70), normal(1, 19, 70)
    y, g_x = np.empty_like(x), np.empty_like(x)
    launch(f"softmax_v{version}", x, y, *x.shape)
    launch("softmax_backward", g, y, g_x, *x.shape)
    for got, wanted in zip((y, g_x), by_ops(ops.softmax, g, x), strict=True):
        near(got, wanted, atol=1e-6)


@pytest.mark.parametrize("version", [1, 2])
def test_logsumexp_and_its_gradient_are_those_of_the_op(version):
    x, g = 5 * normal(0, 19, 70), normal(1, 19)
    y, g_x = np.empty(19, "f4"), np.empty_like(x)
    launch(f"logsumexp_v{version}", x, y, *x.shape)
    launch("logsumexp_backward", g, x, y, g_x, *x.shape)
    for got, wanted in zip((y, g_x), by_ops(lambda x: ops.logsumexp(x, axis=1), g, x), strict=True):
        near(got, wanted, atol=1e-6)


class TestHardNumbers:
    """Where the plain formula fails in float32."""

    @pytest.mark.parametrize("kernel", versions("layer_norm"), ids=lambda kernel: kernel.name)
    def test_a_large_mean_takes_no_digits_from_the_variance(self, kernel):
        """E[x^2] - E[x]^2 is 10^6 - 10^6 here, which leaves one digit."""
        x = 1000 + np.round(normal(0, 4, 100), 3)
        inputs = {"x": x, "gain": np.ones(100, "f4"), "bias": np.zeros(100, "f4"), "tiny": 1e-5, "B": 4, "N": 100}
        exact = x.astype("f8")
        wanted = (exact - exact.mean(1, keepdims=True)) / exact.std(1, keepdims=True)
        np.testing.assert_allclose(
            run(kernel, inputs)["y"], wanted, atol=1e-3
        )  # float32: the sum of a row has steps of 8e-3

    @pytest.mark.parametrize("kernel", versions("softmax") + versions("logsumexp"), ids=lambda kernel: kernel.name)
    def test_numbers_whose_exponentials_overflow_or_vanish(self, kernel):
        x = np.float32([[3e38, 3e38, -3e38], [-1000, -1001, -2000], [90, 89, 0], [-3e38, -3.3e38, -3.4e38]])
        y = run(kernel, {"x": x, "B": 4, "N": 3})["y"]
        near(y, REFERENCES[kernel.role]({"x": x})["y"])

    @pytest.mark.parametrize("kernel", versions("softmax"), ids=lambda kernel: kernel.name)
    def test_minus_infinity_takes_no_share(self, kernel):
        """Attention writes it where a query may not look."""
        x = normal(0, 3, 40)
        x[:, 7:] = x[1, :5] = -np.inf
        y = run(kernel, {"x": x, "B": 3, "N": 40})["y"]
        near(y, np.exp(x) / np.exp(x).sum(1, keepdims=True))
        assert not y[x == -np.inf].any()

    @pytest.mark.parametrize("kernel", versions("logsumexp"), ids=lambda kernel: kernel.name)
    def test_the_logarithm_of_nothing_is_minus_infinity(self, kernel):
        x = np.float32([[-np.inf, -np.inf], [-np.inf, 2]])
        assert run(kernel, {"x": x, "B": 2, "N": 2})["y"].tolist() == [-math.inf, 2]


REFUSED = [
    ("softmax", {"B": 2, "N": 0}, "a row has at least one number; wanted N >= 1, got B = 2, N = 0"),
    ("layer_norm", {"B": 2, "N": 0}, "a row has at least one number"),
    ("logsumexp", {"B": 2, "N": 0}, "a row has at least one number"),
    ("group_norm_silu", dict(B=1, P=2, C=6, groups=4, silu=0), "groups is 1 or more, and divides C"),
    ("group_norm_silu", dict(B=1, P=2, C=6, groups=0, silu=0), "groups is 1 or more, and divides C"),
    ("group_norm_silu", dict(B=1, P=0, C=6, groups=2, silu=0), "an image has at least one pixel"),
    ("group_norm_silu_backward", dict(B=1, P=2, C=6, groups=2, silu=2), "silu is 1 where the bend is to follow"),
]


class TestSizes:
    @pytest.mark.parametrize("name", [name for name in KERNELS if name.startswith("matmul")])
    def test_a_product_over_nothing_is_zero_and_of_nothing_is_nothing(self, name):
        for M, N, K in [(3, 2, 0), (0, 2, 3), (3, 0, 2)]:
            y = np.full((M, N), np.nan, "f4")
            with counting() as launches:
                launch(name, np.ones((M, K), "f4"), np.ones((K, N), "f4"), y, M, N, K)
            assert not y.any() and launches.total() == (M * N > 0)

    def test_no_channels_are_a_convolution_that_gives_the_bias(self):
        for kernel in versions("conv_direct"):
            sizes = dict(zip("BHWCOhwk", (2, 3, 3, 0, 4, 2, 2, 2), strict=True), stride=1, padding=0)
            arrays = {"image": np.empty((2, 3, 3, 0), "f4"), "weights": np.empty((2, 2, 0, 4), "f4")}
            out = run(kernel, {**sizes, **arrays, "bias": np.arange(4, dtype="f4")})["out"]
            assert (out == np.arange(4)).all()

    @pytest.mark.parametrize("name, sizes", [("softmax", "N"), ("layer_norm", "N"), ("matmul", "MNK")])
    def test_the_widths_are_tried_at_odd_and_even_sizes_on_both_sides_of_a_block(self, name, sizes):
        for kernel in (kernel for kernel in KERNELS.values() if kernel.role.startswith(name)):
            cases = REFERENCES[kernel.role].scalars(kernel)
            for size in sizes:
                values = {scalars[size] for scalars in cases}
                assert {1, 15, 16, 17} <= values if name == "matmul" else {1, 31, 32, 33, 255, 256, 257} <= values

    @pytest.mark.parametrize("name, sizes, words", REFUSED)
    def test_sizes_without_a_meaning_are_refused(self, name, sizes, words):
        kernel = find(name)
        with pytest.raises(ConfigError, match=words):
            run(kernel, given(kernel, sizes))

    @pytest.mark.parametrize(
        "wrong, words",
        [
            ({"h": 4}, r"h is \(H \+ 2 padding - k\) / stride \+ 1"),
            ({"w": 2}, r"w is \(W \+ 2 padding - k\) / stride \+ 1"),
            ({"H": 0, "h": 0}, "1 or more"),
            ({"stride": 0}, "k and stride are 1 or more, padding is 0 or more"),
            ({"padding": -1}, "padding is 0 or more"),
            ({"k": 0}, "k and stride are 1 or more"),
        ],
    )
    @pytest.mark.parametrize("name", ["im2col", "col2im", "conv_direct"])
    def test_sizes_of_patches_that_do_not_fit_the_image_are_refused(self, name, wrong, words):
        kernel = find(name)
        right = dict(B=2, H=5, W=6, C=3, O=2, h=5, w=6, k=3, stride=1, padding=1)
        with pytest.raises(ConfigError, match=words):
            run(kernel, given(kernel, {p.name: right[p.name] for p in kernel.parameters if not p.shape} | wrong))


def given(kernel, sizes):
    """Arrays of these sizes, whatever they mean."""
    arrays = {p.name: np.zeros(kernel.value(p.shape, **sizes), "f4") for p in kernel.parameters if p.shape and p.reads}
    return {**arrays, **sizes, "tiny": 1e-5}
