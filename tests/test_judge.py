"""The judges of samples: each is right where the answer is known, and objects to what was planted."""

import numpy as np
import pytest

from minivae.errors import ConfigError, DataError, ShapeError
from minivae.judge import Judge, Jury, frechet, nearest, trained_judge
from minivae.models import padded
from tests.small import all_digits

SEED = np.random.default_rng


@pytest.fixture(scope="module")
def digits():
    (x, y), (x_test, y_test) = all_digits("train"), all_digits("test")
    return padded(x, 32), y, padded(x_test, 32), y_test


@pytest.fixture(scope="module")
def judge(digits):
    x, y, _, _ = digits
    return trained_judge(x, y, SEED(0), steps=200)


def test_it_reads_digits(judge, digits):
    _, _, x_test, y_test = digits
    assert judge.accuracy(x_test, y_test) > 0.9
    assert judge.accuracy(x_test, (y_test + 1) % 10) < 0.05
    assert judge.features(x_test[:7]).shape == (7, 64)


def test_the_same_seed_gives_the_same_judge(digits):
    x, y, x_test, _ = digits
    first, second = (trained_judge(x, y, SEED(3), steps=3) for _ in range(2))
    assert np.array_equal(first.features(x_test[:5]), second.features(x_test[:5]))


class TestFrechet:
    def test_it_is_nothing_for_the_same_features_and_symmetric(self):
        a, b = SEED(0).normal(size=(300, 5)), SEED(1).normal(1, 2, size=(200, 5))
        assert frechet(a, a) == pytest.approx(0, abs=1e-9)
        assert frechet(a, b) == pytest.approx(frechet(b, a))

    def test_a_shift_costs_its_square(self):
        a = SEED(0).normal(size=(300, 5))
        assert frechet(a, a + [3, 4, 0, 0, 0]) == pytest.approx(25)

    def test_another_spread_costs_the_square_of_the_difference_of_the_deviations(self):
        a = SEED(0).normal(size=(300, 4)).astype(np.float32)
        a = np.linalg.qr(a - a.mean(0))[0] * np.sqrt(299)  # unit covariance, exactly
        assert frechet(a, a * [1, 2, 3, 1]) == pytest.approx((2 - 1) ** 2 + (3 - 1) ** 2)

    def test_features_that_do_not_vary_are_no_trouble(self):
        assert frechet(np.ones((5, 3)), np.ones((4, 3)) * 2) == pytest.approx(3)

    def test_what_is_worse_to_look_at_lies_farther_off(self, judge, digits):
        """Sanity: other real images, then blurred, then half noise, then noise alone."""
        x, others = digits[0][:2000], digits[0][2000:4000]
        blurred = (x + sum(np.roll(x, shift, axis) for shift in (1, -1) for axis in (2, 3))) / 5
        noise = SEED(0).random(x.shape, dtype=np.float32)
        seen = [judge.features(images) for images in (x, blurred, 0.5 * x + 0.5 * noise, noise)]
        far = [frechet(features, judge.features(others)) for features in seen]
        assert far[1] > 2 * far[0] and far[2] > 2 * far[1] and far[3] > far[2]

    def test_one_digit_alone_lies_far_from_all(self, judge, digits):
        """Every sample is perfect and of one kind: what `accuracy` cannot see."""
        x, y, x_test, _ = digits
        ones = x[y == 1]
        assert frechet(judge.features(ones), judge.features(x_test)) > 10 * frechet(
            judge.features(x[: len(ones)]), judge.features(x_test)
        )

    @pytest.mark.parametrize("shapes", [((5, 3), (5, 4)), ((1, 3), (5, 3)), ((5,), (5, 3))])
    def test_features_that_do_not_fit_are_refused(self, shapes):
        with pytest.raises(ShapeError, match="frechet: features are"):
            frechet(*map(np.ones, shapes))


class TestNearest:
    def test_it_is_the_least_of_all_distances(self):
        a, b = SEED(0).random((7, 1, 3, 3)), SEED(1).random((9, 1, 3, 3))
        by_hand = [min(np.linalg.norm(p - q) for q in b) for p in a]
        np.testing.assert_allclose(nearest(a, b, batch=3), by_hand)

    def test_an_image_itself_is_at_no_distance(self, digits):
        x = digits[0][:50]
        assert np.array_equal(nearest(x, x), np.zeros(50))

    def test_images_of_another_shape_are_refused(self):
        with pytest.raises(ShapeError, match=r"nearest: images are \(2, 4\) and x \(2, 5\)"):
            nearest(np.ones((2, 4)), np.ones((2, 5)))


def test_copies_are_told_from_new_images(judge, digits):
    x, _, x_test, _ = digits
    x, half, rest = x[:3000], x_test[:1000], x_test[1000:]
    jury = Jury(judge, x, half)
    assert jury.copies(x[:100]) == 1
    remembered = np.concatenate([rest[:50], np.clip(x[:50] + 0.01, 0, 1)])
    assert 0.5 <= jury.copies(remembered) < 0.6
    assert jury.copies(rest) < 0.03


def test_a_verdict_answers_all_three(judge, digits):
    x, y, x_test, _ = digits
    jury = Jury(judge, x[:1000], x_test)
    said = jury.verdict(x[:200], y[:200])
    assert said["recognised"] == judge.accuracy(x[:200], y[:200])
    assert said["copies"] == 1
    assert said["frechet"] == frechet(judge.features(x[:200]), judge.features(x_test))
    assert jury.verdict(x[:200]).keys() == {"frechet", "copies"}


def test_what_cannot_be_learnt_from_is_refused(digits):
    with pytest.raises(DataError, match="got 60 images and 59 labels; wanted one for each"):
        trained_judge(digits[0][:60], digits[1][:59], SEED(0))
    with pytest.raises(ConfigError, match="Judge: side is 30; wanted a multiple of 4"):
        Judge(30, rng=SEED(0))
