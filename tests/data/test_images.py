import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minivae.data import binarize, check_images, threshold
from minivae.errors import ConfigError, DataError, DtypeError, ShapeError

UNIT = st.floats(0, 1, width=32)


def grey(n=4, d=6, dtype=np.float32):
    return np.random.default_rng(0).random((n, d)).astype(dtype)


@given(x=arrays(np.float32, array_shapes(max_dims=4), elements=UNIT), seed=st.integers(0, 2**32))
def test_binarize_gives_only_zeros_and_ones_and_the_same_for_the_same_seed(x, seed):
    drawn = binarize(x, np.random.default_rng(seed))
    assert drawn.dtype == np.float32 and drawn.shape == x.shape
    assert np.isin(drawn, (0, 1)).all()
    assert (drawn[x == 0] == 0).all() and (drawn[x == 1] == 1).all()
    assert np.array_equal(drawn, binarize(x, np.random.default_rng(seed)))


N = 20_000
# Hoeffding: a right mean of N draws strays further than this with probability below 1e-9.
STRAY = math.sqrt(math.log(2 / 1e-9) / (2 * N))


@settings(deadline=None)
@given(p=UNIT, seed=st.integers(0, 2**32))
def test_the_mean_of_a_binarized_pixel_is_its_intensity(p, seed):
    drawn = binarize(np.full(N, p, np.float32), np.random.default_rng(seed))
    assert abs(drawn.mean(dtype=np.float64) - p) < STRAY


def test_the_bound_on_the_mean_would_catch_a_threshold_and_a_shifted_probability():
    x = np.full(N, 0.45, np.float32)
    assert abs(threshold(x).mean() - 0.45) > STRAY
    assert abs(binarize(x + np.float32(0.06), np.random.default_rng(0)).mean() - 0.45) > STRAY


def test_binarize_draws_anew_at_each_call_and_each_pixel_by_itself():
    rng = np.random.default_rng(0)
    x = np.full((100, 784), 0.5, np.float32)
    first, second = binarize(x, rng), binarize(x, rng)
    # Two independent fair draws agree half the time; 6 standard deviations of 78,400 draws are 0.011.
    for one, other in (first, second), (first[1:], first[:-1]), (first[:, 1:], first[:, :-1]):
        assert abs((one == other).mean() - 0.5) < 0.011


def test_binarize_leaves_its_argument_alone_and_takes_float64():
    x = grey(dtype=np.float64)
    before = x.copy()
    assert binarize(x, np.random.default_rng(0)).dtype == np.float32
    assert np.array_equal(x, before)


def test_the_lowest_draw_there_is_leaves_a_pixel_of_intensity_0_at_0():
    class Lowest(np.random.Generator):
        def random(self, size, dtype):
            return np.zeros(size, dtype)

    assert binarize(np.array([0, 2**-24], np.float32), Lowest(np.random.PCG64(0))).tolist() == [0, 1]


def test_an_empty_array_is_binarized_to_an_empty_one():
    assert binarize(np.empty((0, 784), np.float32), np.random.default_rng(0)).shape == (0, 784)


@pytest.mark.parametrize("rng", [0, None, np.random.RandomState(0), np.random])
def test_binarize_asks_for_a_generator(rng):
    with pytest.raises(ConfigError, match=r"binarize: rng is .*, but a numpy.random.Generator .*default_rng\(0\)"):
        binarize(grey(), rng)


@pytest.mark.parametrize("make", [lambda x: binarize(x, np.random.default_rng(0)), threshold])
def test_both_binarisations_refuse_what_is_no_probability(make):
    for value in -0.001, 1.001:
        with pytest.raises(DataError, match=r"x is from .* to .*, but \[0, 1\] is wanted"):
            make(np.array([0.5, value], np.float32))
    with pytest.raises(DataError, match="1 of 2 values NaN or infinite"):
        make(np.array([0.5, np.nan]))
    with pytest.raises(DataError, match="1 of 1 values NaN or infinite, the first in image 0"):
        make(np.array(np.nan))
    with pytest.raises(DtypeError, match=r"x is uint8, .*x.astype\(np.float32\) / 255"):
        make(np.array([0, 1], np.uint8))


@given(x=arrays(np.float32, array_shapes(), elements=UNIT))
def test_threshold_is_one_above_a_half(x):
    assert np.array_equal(threshold(x), x > 0.5) and threshold(x).dtype == np.float32


def test_good_images_pass_uncopied():
    x = grey()
    assert check_images(x, "fit") is x and check_images(x, "fit", (6,)) is x


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.longdouble, ">f4"])
def test_other_floats_become_float32(dtype):
    x = grey(dtype=dtype)
    checked = check_images(x, "fit")
    assert checked.dtype == np.float32 and np.array_equal(checked, x.astype(np.float32))


def test_a_view_with_strides_becomes_contiguous():
    checked = check_images(grey(8, 12)[::2, ::-2], "fit")
    assert checked.flags.c_contiguous and np.array_equal(checked, grey(8, 12)[::2, ::-2])


def test_a_float64_that_rounds_to_one_passes():
    assert check_images(np.array([[1 + 1e-12]]), "fit").item() == 1


def test_the_cast_to_float32_warns_of_nothing():
    with pytest.raises(DataError, match="1 of 1 values NaN or infinite"):
        check_images(np.array([[1e300]]), "fit")


REFUSED = [
    ([[0.5]], DtypeError, r"x is a list, but a NumPy array is wanted; use np\.asarray"),
    (np.zeros((2, 4), np.uint8), DtypeError, r"x is uint8, 0 to 255, .*; use x\.astype\(np\.float32\) / 255"),
    (np.zeros((2, 4), np.int64), DtypeError, r"x is int64, but float32 .*; use x\.astype\(np\.float32\)"),
    (np.zeros((2, 4), bool), DtypeError, r"x is bool, but float32 .*; use x\.astype\(np\.float32\)"),
    (np.zeros((2, 4), complex), DtypeError, "x is complex128"),
    (np.array([["a"]]), DtypeError, "x is <U1"),
    (np.zeros((3, 28, 28), np.float32), ShapeError, r"x is of shape \(3, 28, 28\), .*use x\.reshape\(len\(x\), -1\)"),
    (np.zeros((3, 1, 28, 28)), ShapeError, r"x\.reshape\(len\(x\), -1\)"),
    (np.zeros(784), ShapeError, r"x is of shape \(784,\), .*use x\.reshape\(1, -1\)"),
    (np.array(0.5), ShapeError, r"x is of shape \(\), .*use x\.reshape\(1, -1\)"),
    (np.zeros((0, 784)), DataError, r"x is empty, of shape \(0, 784\), .*; look how x was selected"),
    (np.zeros((3, 0)), DataError, r"x is empty, of shape \(3, 0\)"),
    (np.array([[0.0, 255.0]]), DataError, r"x is from 0 to 255, but \[0, 1\] is wanted; divide bytes by 255"),
    (np.array([[-1.0, 1.0]]), DataError, r"x is from -1 to 1,"),
    (np.array([[0, np.nextafter(np.float32(1), np.float32(2))]], np.float32), DataError, r"to 1\.00000012, .*np\.clip"),
]


@pytest.mark.parametrize(("x", "error", "text"), REFUSED)
def test_bad_images_are_refused_with_the_caller_the_cause_and_the_fix(x, error, text):
    with pytest.raises(error, match=f"^fit: {text}" if text.startswith("x is") else f"^fit: .*{text}"):
        check_images(x, "fit")


def test_another_number_of_pixels_is_refused():
    with pytest.raises(ShapeError, match=r"VAE: x is of shape \(4, 6\), but \(N, 784\) is wanted; take images of 784"):
        check_images(grey(), "VAE", (784,))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_and_the_first_image_is_named(bad):
    x = grey()
    x[2, 1] = x[3] = bad
    with pytest.raises(
        DataError, match=r"fit: x has 7 of 24 values NaN or infinite, the first in image 2, .*look there"
    ):
        check_images(x, "fit")
