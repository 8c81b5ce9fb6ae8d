"""Synthetic faces: the same bits everywhere, and each factor moves what it says and nothing else."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivae.data import check_images, faces_sheet, load
from minivae.data.faces import FACTORS, NAMES, PEOPLE, SEEDS, draw, draw_factors, face, faces
from minivae.data.faces_paint import Look
from minivae.data.faces_shapes import Canvas
from minivae.errors import ConfigError, DataError, ShapeError

every_size = pytest.mark.parametrize("size", [16, 27, 28, 32, 33, 64, 128])
every_factor = pytest.mark.parametrize("factor", FACTORS, ids=NAMES)
VECTORS = st.tuples(*(st.floats(f.low, f.high, width=32) for f in FACTORS)).map(lambda v: np.array(v, np.float32))


def rng(seed=0):
    return np.random.default_rng(seed)


def sweep(factor, steps, size, **others):
    """The usual face with one factor from its lowest to its highest value: (steps, size, size)."""
    values = np.linspace(factor.low, factor.high, steps)
    return draw(np.stack([face(**others | {factor.name: float(v)}) for v in values]), size)


class TestForm:
    @every_size
    def test_images_are_float32_in_the_unit_range_and_use_most_of_it(self, size):
        images, factors = faces(20, size, rng=rng())
        assert images.shape == (20, size, size) and factors.shape == (20, len(FACTORS))
        assert images.dtype == factors.dtype == np.float32
        assert 0 <= images.min() < 0.2 and 0.9 < images.max() <= 1

    @settings(deadline=None)
    @given(factors=VECTORS, size=st.integers(16, 40))
    def test_any_factors_within_their_ranges_give_an_image(self, factors, size):
        check_images(draw(factors, size).reshape(1, -1), "a face", (size * size,))

    def test_no_faces_are_an_empty_array(self):
        images, factors = faces(0, rng=rng())
        assert images.shape == (0, 32, 32) and factors.shape == (0, len(FACTORS))

    def test_one_row_of_factors_gives_one_image(self):
        assert np.array_equal(draw(face(smile=1), 20), draw(face(smile=1)[None], 20)[0])

    def test_sizes_show_the_same_face(self):
        small = draw(draw_factors(10, rng()), 32)
        large = draw(draw_factors(10, rng()), 128).reshape(10, 32, 4, 32, 4).mean(axis=(2, 4))
        # Edges are drawn for squares but measured at their middles; of all pixels the mean slip is a 50th.
        assert np.abs(small - large).mean() < 0.02
        assert np.abs(small - large[::-1]).mean() > 0.08, "other faces are further off"

    def test_the_painter_knows_the_factors_in_their_order(self):
        assert Look._fields == NAMES


class TestRandomness:
    def test_the_same_seed_gives_the_same_bits_and_another_other_faces(self):
        a, b, c = faces(50, rng=rng(1)), faces(50, rng=rng(1)), faces(50, rng=rng(2))
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
        assert not np.isin(a[1][:, 0], c[1][:, 0]).any()

    def test_a_face_is_the_same_alone_and_among_others(self):
        images, factors = faces(150, rng=rng())
        assert np.array_equal(images[149], draw(factors[149]))
        assert np.array_equal(images[:7], faces(7, rng=rng())[0])

    def test_every_machine_draws_these_bits(self):
        """Anything but arithmetic that IEEE 754 defines to the last bit, a sine for one, could change them."""
        images, factors = faces(200, 24, rng=rng())
        assert digest(factors) == "01d273ca98893a37cf41870ab67337c8a0440877542e06388765ea085dcec96b"
        assert digest(images) == "ba41df43bd514ab1eb32e80ce69c41f1a4658de8008dc6b1efc00d3fbafae4ea"

    def test_a_processor_without_its_vector_instructions_draws_the_same(self):
        from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

        known = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
        code = (
            "import hashlib, numpy as np; from minivae.data.faces import faces; "
            "print(hashlib.sha256(faces(50, rng=np.random.default_rng(0))[0].tobytes()).hexdigest())"
        )
        plain = os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(known)}
        done = subprocess.run([sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == digest(faces(50, rng=rng())[0])

    @every_factor
    def test_a_factor_is_drawn_evenly_over_its_range_or_left_out(self, factor):
        values = draw_factors(20_000, rng())[:, NAMES.index(factor.name)]
        there = values[values != 0] if factor.none else values
        # Of 20,000 draws a share strays by less than 0.02, five standard deviations.
        assert abs((values == 0).mean() - factor.none) < 0.02
        histogram = np.histogram(there, 5, (factor.low, factor.high))[0] / len(there)
        assert np.abs(histogram - 0.2).max() < 0.02

    def test_factors_are_independent(self):
        r = np.corrcoef(draw_factors(20_000, rng()).T)
        assert np.abs(r - np.eye(len(FACTORS))).max() < 0.04  # five standard deviations and more

    def test_held_factors_are_shared_and_leave_the_others_alone(self):
        free, held = draw_factors(30, rng()), draw_factors(30, rng(), turn=0, hair=0.5)
        same = [name not in ("turn", "hair") for name in NAMES]
        assert np.array_equal(free[:, same], held[:, same])
        assert (held[:, NAMES.index("turn")] == 0).all() and (held[:, NAMES.index("hair")] == 0.5).all()


def digest(array):
    return hashlib.sha256(array.tobytes()).hexdigest()


# Where each factor is at work, as the fractions (top, bottom, left, right) of the picture; None is everywhere.
REGIONS = {
    "smile": (0.42, 1.00, 0.18, 0.82),
    "brow": (0.22, 0.50, 0.22, 0.78),
    "beard": (0.45, 1.00, 0.15, 0.85),
    "hair": None,
    "glasses": (0.35, 0.62, 0.18, 0.84),
    "width": None,
    "eyes": (0.28, 0.55, 0.24, 0.76),
    "skin": None,
    "tone": None,
    "turn": None,
    "tilt": None,
}


class TestFactors:
    @every_factor
    def test_each_moves_the_picture_further_the_further_it_goes(self, factor):
        others = dict(beard=0.7) if factor.name == "tone" else {}
        x = sweep(factor, 9, 64, **others)
        gone = np.sqrt(np.square(x - x[0]).sum(axis=(1, 2)))
        assert (np.diff(gone) > 0).all()

    @every_factor
    def test_each_moves_its_own_region_alone(self, factor):
        if REGIONS[factor.name] is None:
            return
        x = sweep(factor, 5, 100)
        changed = np.abs(np.diff(x, axis=0)).max(axis=0)
        top, bottom, left, right = (round(100 * edge) for edge in REGIONS[factor.name])
        inside = changed[top:bottom, left:right].copy()
        changed[top:bottom, left:right] = 0
        assert changed.max() == 0
        assert inside.max() > 0.05

    @pytest.mark.parametrize("size", [16, 32, 64])
    @every_factor
    def test_pixels_follow_each_factor_without_a_jump(self, factor, size):
        """A quotient of differences that grows as the step shrinks is a jump; an edge that moves is not."""
        k, some = NAMES.index(factor.name), draw_factors(60, rng(size))
        steepest = {}
        for h in (1e-2, 1e-3):
            before = some.copy()
            before[:, k] = np.clip(before[:, k], factor.low, factor.high - h)
            after = before.copy()
            after[:, k] += np.float32(h)
            steepest[h] = np.abs(draw(after, size) - draw(before, size)).max() / h
        # The ends of the hair move by half a picture as it grows from shortest to longest, all else by a tenth.
        assert steepest[1e-3] < (size if factor.name == "hair" else size / 6)

    def test_a_planted_jump_is_steeper_than_any_factor(self):
        h, size = 1e-3, 64
        assert np.abs(draw(face(smile=0.1), size) - draw(face(smile=0.2), size)).max() / h > size

    def test_corners_of_the_mouth_go_up_with_a_smile(self):
        size = 96
        half = slice(size // 2, size)
        for smile, higher in (-0.8, False), (0.8, True):
            x = draw(face(smile=smile), size)[size * 62 // 100 : size * 90 // 100, half]
            darkest = x.argmin(axis=0)  # row of the line between the lips, from the middle of the mouth outwards
            assert (darkest[size * 14 // 100] < darkest[2]) == higher

    def test_brows_fall_and_turn_inwards_as_they_are_drawn_down(self):
        size = 96
        rows = slice(size * 26 // 100, size * 48 // 100)
        inner, outer = size * 54 // 100, size * 63 // 100
        angry, raised = ((draw(face(brow=brow), size)[rows] < 0.25).argmax(axis=0) for brow in (-1, 1))  # first dark
        assert angry[inner] > angry[outer] and raised[inner] < raised[outer]
        assert angry[inner] > raised[inner]

    def test_painting_less_leaves_nothing_out(self, monkeypatch):
        some = draw_factors(100, rng())
        some[:32, [0, 1, 2, 9, 10]] = np.array(np.meshgrid([-1, 1], [-1, 1], [0, 1], [-1, 1], [-1, 1])).reshape(5, -1).T
        quick = draw(some, 48)
        monkeypatch.setattr(Canvas, "window", lambda canvas, *_: canvas)
        assert np.array_equal(quick, draw(some, 48))

    def test_a_window_too_small_would_be_noticed(self, monkeypatch):
        whole, window = draw(face(smile=1), 48), Canvas.window
        monkeypatch.setattr(Canvas, "window", lambda canvas, top, bottom, *_: window(canvas, top, bottom - 0.4, *_))
        assert not np.array_equal(whole, draw(face(smile=1), 48))


class TestPeople:
    def test_each_can_be_drawn_and_differs_from_the_others(self):
        images = draw(np.stack([face(**values) for values in PEOPLE.values()]))
        apart = np.abs(images[:, None] - images[None]).mean(axis=(2, 3))
        assert (apart + np.eye(len(PEOPLE)) > 0.02).all()

    def test_what_is_not_given_is_as_usual(self):
        assert face().tolist() == [np.float32(f.usual) for f in FACTORS]
        assert face(smile=-1)[0] == -1 and np.array_equal(face(smile=-1)[1:], face()[1:])


class TestRefusals:
    @pytest.mark.parametrize("size", [15, 129, 0, -32, 32.0, "32", None, True])
    def test_sizes_that_cannot_be_had(self, size):
        with pytest.raises(ConfigError, match="size is .*, but a whole number of pixels from 16 to 128 is wanted"):
            faces(1, size, rng=rng())
        with pytest.raises(ConfigError, match="size is"):
            draw(face(), size)

    @pytest.mark.parametrize("n", [-1, 2.0, "3", None, True])
    def test_numbers_of_faces_that_are_none(self, n):
        with pytest.raises(ConfigError, match="n is .*, but a number of faces, 0 or more, is wanted"):
            faces(n, rng=rng())

    @pytest.mark.parametrize("bad", [0, None, np.random.RandomState(0)])
    def test_an_rng_that_is_none(self, bad):
        with pytest.raises(
            ConfigError, match=r"rng is .*Generator is wanted; make one with np.random.default_rng\(0\)"
        ):
            faces(1, rng=bad)

    @pytest.mark.parametrize("shape", [(), (3,), (2, 3), (len(FACTORS), 2), (1, 1, len(FACTORS))])
    def test_factors_of_another_shape(self, shape):
        with pytest.raises(ShapeError, match=r"factors are of shape .*column for each of smile, .*face\(smile=1"):
            draw(np.zeros(shape))

    @pytest.mark.parametrize("value", [1.01, -1.01, np.nan, np.inf])
    def test_factors_outside_their_range(self, value):
        with pytest.raises(DataError, match=r"draw: smile of face 1 is .*, but -1 to 1 is wanted; clip"):
            rows = np.stack([face(), face(), face()])
            rows[1, 0] = value
            draw(rows)
        with pytest.raises(DataError, match="face: smile of face 0 is"):
            face(smile=value)

    def test_factors_that_do_not_exist(self):
        for call in (lambda: face(nose=1), lambda: faces(1, rng=rng(), nose=1)):
            with pytest.raises(ConfigError, match="there is no factor 'nose'; there are smile, brow"):
                call()


class TestSet:
    def test_the_splits_are_those_of_the_documented_seeds(self):
        x, y = load("faces", "test")
        assert x.shape == (2000, 1024) and y.shape == (2000, len(FACTORS))
        assert x.dtype == y.dtype == np.float32 and x.flags.c_contiguous
        images, factors = faces(100, rng=rng(SEEDS["test"]))
        assert np.array_equal(x[:100], images.reshape(100, -1)) and np.array_equal(y[:100], factors)

    def test_no_face_to_test_on_is_one_to_train_on(self):
        train, test = (draw_factors(n, rng(SEEDS[split])) for split, n in (("train", 10_000), ("test", 2000)))
        assert not set(map(bytes, train)) & set(map(bytes, test))

    def test_a_folder_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match='"faces" are drawn and not read; leave folder out'):
            load("faces", folder=tmp_path)


def test_the_sheet_is_a_picture_of_every_factor(tmp_path):
    from PIL import Image

    faces_sheet.main([str(tmp_path / "a.png"), "--size", "16"])
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (12 * 18 - 2, (3 + len(FACTORS)) * 18 - 2) and image.mode == "L"
