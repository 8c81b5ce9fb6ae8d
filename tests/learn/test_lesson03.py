"""Lesson 03: its solutions against independent truth, and its text against the numbers that its cells print."""

import math
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest

from minivae.learn.build import parse
from minivae.learn.exercises.lesson03 import distances, fitted_codes, is_readable
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "03_garbage_from_random_codes.py"


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(SOURCE.parent.parent / f"{SOURCE.stem}.ipynb", as_version=4).cells


@pytest.fixture(scope="module")
def printed(cells):
    return "\n".join(out.get("text", "") for cell in cells for out in cell.get("outputs", []))


@pytest.fixture(scope="module")
def prose(cells):
    return " ".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")


def numbers(pattern, text):
    """The numbers in the first line that fits."""
    found = re.search(pattern, text)
    assert found, pattern
    return [float(number) for number in found.groups()]


def test_readable_is_one_yes_by_hand():
    p = np.array([[0.95, 0.02, 0.3], [0.95, 0.91, 0.3], [0.89, 0.02, 0.3], [0.01, 0.01, 0.9001]])
    logits = np.full((4, 10), -8.0)
    logits[:, :3] = np.log(p / (1 - p))
    assert is_readable(logits).tolist() == [True, False, False, True]


def test_distances_are_those_of_python_s_own_dist():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 7)), rng.normal(size=(4, 7))
    b[2] = a[3]
    want = [[math.dist(p, q) for q in b] for p in a]
    np.testing.assert_allclose(distances(a, b), want, atol=1e-7)  # the root of the 1e-15 left between equal rows


def test_distances_obey_the_triangle_inequality():
    a, b, c = np.random.default_rng(1).normal(size=(3, 6, 5))
    direct, detour = distances(a, c), distances(a, b)[:, :, None] + distances(b, c)
    assert (direct[:, None, :] <= detour + 1e-12).all()


def test_fitted_codes_have_the_mean_and_covariance_of_the_codes():
    rng, n = np.random.default_rng(0), 200_000
    codes = rng.exponential(size=(500, 3)) @ rng.normal(size=(3, 3)) + 5
    drawn = fitted_codes(codes, n, rng)
    spread = codes.std(axis=0)
    assert (np.abs(drawn.mean(axis=0) - codes.mean(axis=0)) < 5 * spread / n**0.5).all()  # five standard errors
    covariance = (codes - codes.mean(axis=0)).T @ (codes - codes.mean(axis=0)) / 499
    gap = np.abs(np.cov(drawn.T) - covariance) / np.outer(spread, spread)
    assert (gap < 5 * (2 / n) ** 0.5).all()  # a correlation's standard error is at most that
    scores = (drawn - codes.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(covariance)).T
    assert np.abs((scores**3).mean(axis=0)).max() < 5 * (15 / n) ** 0.5  # no skew is left of the exponential


def test_nothing_of_the_subject_is_imported():
    names = set().union(*(imported(cell.source) for cell in parse(SOURCE).cells if cell.cell_type == "code"))
    tools = {f"minivae.learn.{name}" for name in ("LatentMap", "check", "hint", "quiz", "solution")}
    built_before = {
        "minivae.Tensor", "minivae.no_grad", "minivae.models.Autoencoder", "minivae.nn.Linear",
        "minivae.nn.Sequential", "minivae.ops.bernoulli_nll", "minivae.ops.logsumexp", "minivae.ops.relu",
        "minivae.ops.softplus", "minivae.optim.Adam", "minivae.train.fit",
    }  # fmt: skip
    assert names == tools | built_before | {"minivae.data.load", "minivae.plot", "minivae.progress.Lines"}


def test_all_that_is_trained_is_rounded_off():
    """With relus, two processors' pictures are up to 57 of 255 apart after twelve epochs, and 8 are allowed."""
    text = SOURCE.read_text(encoding="utf-8")
    assert text.count("= Autoencoder(") == 0 and text.count("= rounded(Autoencoder(") == 2


def test_decoder_by_hand_is_the_library_s_and_distances_are_those_of_a_loop(printed):
    assert "by hand and by library agree: True" in printed
    assert "agrees with a loop over pairs: True" in printed


def test_the_softmax_is_surer_of_noise_than_of_digits_and_the_ten_questions_are_not(printed):
    (digits,) = numbers(r"test digits +sure of +≈ (\d+)", printed)
    (noise,) = numbers(r"noise +sure of +≈ (\d+)", printed)
    assert noise > digits
    assert numbers(r"noise +readable: +≈ (\d+)", printed) == [0]


def test_an_empty_page_is_nearest_and_the_mean_is_closer_than_a_digit(printed):
    far = {name: numbers(rf"{name} +distance to the nearest +([\d.]+)", printed)[0] for name in (
        "an empty page", "their reconstructions", "random codes, decoded", "test digits")}  # fmt: skip
    assert list(far.values()) == sorted(far.values())
    close = {name: numbers(rf"{name} +closeness ([\d.]+)", printed)[0] for name in (
        "an empty page", "noise", "test digits", "the mean of all digits")}  # fmt: skip
    assert list(close.values()) == sorted(close.values())


ROW = r" +≈ +(\d+) % readable +closeness ([\d.]+) +passes +≈ (\d+) % +variety +≈ (\d+) %"


def test_the_verdict_in_the_text_is_the_one_of_the_table(printed, prose):
    rows = {name: numbers(r"\n" + re.escape(name) + ROW, printed) for name in (
        "test digits", "their own codes, decoded", "random, N(0, I)", "box", "shuffled", "fitted")}  # fmt: skip
    of_random, of_fitted = rows["random, N(0, I)"], rows["fitted"]
    assert f"of 100 random codes some {of_random[2]:.0f} pass" in prose
    assert f"the partner reaches {rows['their own codes, decoded'][2]:.0f} with true notes" in prose
    assert f"a variety of {of_random[3]:.0f}, where real digits had {rows['test digits'][3]:.0f}" in prose
    assert 5.5 <= of_fitted[2] / of_random[2] < 6.6  # "six times as often"
    assert f"about {of_random[2]:.0f} % pass both tests" in prose
    assert f"codes fitted to the true ones about {of_fitted[2]:.0f} %" in prose
    made_up = ("random, N(0, I)", "box", "shuffled", "fitted")
    assert max(made_up, key=lambda name: rows[name][0]) == "box"  # by the reader
    assert max(made_up, key=lambda name: rows[name][1]) == "fitted"  # by closeness
    varieties = [rows[name][3] for name in made_up[1:]]
    assert max(varieties) - min(varieties) <= 2  # "level"


def test_random_codes_are_nearest_to_a_house_and_the_box_is_three_times_as_far(printed):
    (a,), (b,), (c,), (d,) = (numbers(rf"{name} +nearest training code ([\d.]+)", printed) for name in (
        r"random, N\(0, I\)", "fitted", "shuffled", "box"))  # fmt: skip
    assert a < min(b, c) - 0.3
    assert 2.9 < d / a < 3.2


def test_a_ball_in_the_middle_holds_the_share_that_is_counted(printed, prose):
    (length,) = numbers(r"shuffled +nearest training code [\d.]+ away +length of the code ([\d.]+)", printed)
    r, R = numbers(r"with \$r = ([\d.]+)\$ and \$R = ([\d.]+)\$, it is about one code in a thousand", prose)
    assert abs(length - R) < 0.2 and round(1000 * (r / R) ** 6) == 1
    assert numbers(r"\n +6 +1,000,000 .* ([\d.]+) % *\n", printed) == [0.1]


def test_the_dial_moves_the_reader_and_not_the_closeness(printed):
    for scale in (2, 4, 8, 16):
        _, closeness, _, _ = numbers(f"random codes times {scale}" + ROW, printed)
        assert abs(closeness - 0.77) < 0.016
    assert numbers("random codes times 16" + ROW, printed)[0] > 50
    assert numbers(r"from 16 to 32 times as far: the logits get ([\d.]+)", printed) == [2.0]


def test_its_promise_about_lesson_04_is_what_lesson_04_prints(printed, prose):
    text = nbformat.read(next(SOURCE.parent.parent.glob("04_*.ipynb")), as_version=4)
    theirs = "\n".join(out.get("text", "") for cell in text.cells for out in cell.get("outputs", []))
    share, closeness = numbers(r"VAE, the same codes +≈ (\d+) % readable +closeness ([\d.]+)", theirs)
    before = numbers(r"autoencoder, random codes +≈ +(\d+) % readable +closeness ([\d.]+)", theirs)
    mine = numbers(r"random, N\(0, I\)" + ROW, printed)[:2]
    assert before == mine
    want = f"{share:.0f} % are readable in place of {mine[0]:.0f}, with closeness {closeness} in place of {mine[1]}"
    assert want in prose


def test_fitted_codes_and_test_digits_are_measured_as_in_lesson_04(printed):
    text = nbformat.read(next(SOURCE.parent.parent.glob("04_*.ipynb")), as_version=4)
    theirs = "\n".join(out.get("text", "") for cell in text.cells for out in cell.get("outputs", []))
    for there, here in [("test digits", "test digits"), ("autoencoder, fitted codes", "fitted")]:
        want = numbers(rf"{there} +≈ (\d+) % readable +closeness ([\d.]+)", theirs)
        assert numbers(rf"\n{here}" + ROW, printed)[:2] == want
