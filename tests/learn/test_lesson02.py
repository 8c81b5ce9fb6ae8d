"""Lesson 02: its solutions against independent truth and the library, its claims against what its notebook printed."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from minivae import Tensor, ops
from minivae.learn.build import parse
from minivae.learn.exercises.lesson02 import bottleneck_gradients, pca, quantise
from tests.learn.cells import imported

SOURCE = Path(__file__).resolve().parents[2] / "lessons" / "source" / "02_the_spys_note.py"
NOTEBOOK = SOURCE.parent.parent / f"{SOURCE.stem}.ipynb"


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="module")
def printed():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(out.get("text", "")) for cell in cells for out in cell.get("outputs", []))


def number(printed, pattern):
    """The number that a pattern finds in the lesson's outputs."""
    return float(re.search(pattern, printed)[1])


# The solutions ---------------------------------------------------------------------------------------------------


def test_bottleneck_gradients_are_those_of_the_library(rng):
    g, x = rng.normal(size=(2, 5, 7))
    weights = [rng.normal(size=s) for s in [(7, 3), (3,), (3, 7), (7,)]]
    leaves = [Tensor(w, requires_grad=True) for w in weights]
    W1, b1, W2, b2 = leaves
    ops.linear(ops.linear(Tensor(x), W1, b1), W2, b2).backward(g)
    for mine, leaf in zip(bottleneck_gradients(g, x, *weights), leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-12)  # the same sums of a few terms


def test_pca_loses_what_the_eigenvalues_of_the_covariance_say(rng):
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 3
    values = np.linalg.eigvalsh(np.cov(x.T, bias=True))  # ascending
    for k in range(1, 7):
        lost = ((pca(x, x, k) - x) ** 2).sum() / len(x)
        np.testing.assert_allclose(lost, values[: 6 - k].sum(), rtol=1e-9, atol=1e-9)


def test_no_other_plane_loses_less_than_pca(rng):
    x = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6)) + 3
    mean, best = x.mean(axis=0), ((pca(x, x, 2) - x) ** 2).sum()
    for _ in range(200):
        Q, _ = np.linalg.qr(rng.normal(size=(6, 2)))
        assert (((x - mean) @ Q @ Q.T + mean - x) ** 2).sum() >= best


def test_a_linear_pair_that_is_trained_to_the_end_finds_the_plane_of_pca(rng):
    """Full-batch descent on small data, with the solution's gradients: same error, principal angles of 0."""
    x = rng.normal(size=(300, 5)) * [5.0, 4.0, 1.0, 0.8, 0.5] @ np.linalg.qr(rng.normal(size=(5, 5)))[0] + 1
    W1, b1, W2, b2 = weights = [0.1 * rng.normal(size=s) for s in [(5, 2), (2,), (2, 5), (5,)]]
    for _ in range(20_000):
        g = 2 * ((x @ W1 + b1) @ W2 + b2 - x) / len(x)
        for w, g_w in zip(weights, bottleneck_gradients(g, x, *weights), strict=True):
            w -= 0.005 * g_w
    V = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:2]
    cosines = np.linalg.svd(np.linalg.qr(W2.T)[0].T @ V.T)[1]
    np.testing.assert_allclose(cosines, 1, atol=1e-6)  # angles below a tenth of a degree
    np.testing.assert_allclose((x @ W1 + b1) @ W2 + b2, pca(x, x, 2), atol=1e-3)


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_quantise_goes_to_the_nearest_of_its_levels(bits, rng):
    low, high = np.array([-1.0, 2.0]), np.array([0.5, 7.0])
    z = rng.uniform(low - 1, high + 1, size=(20_000, 2))
    levels = np.linspace(low, high, 2**bits)  # (levels, 2)
    gaps = np.abs(z[:, None] - levels).min(axis=1)
    z_hat = quantise(z, low, high, bits)
    np.testing.assert_allclose(np.abs(z - z_hat), gaps, atol=1e-12)
    assert max(len(np.unique(column.round(9))) for column in z_hat.T) == 2**bits


def test_quantising_twice_changes_nothing(rng):
    z, low, high = rng.normal(size=(50, 3)), np.full(3, -1.5), np.full(3, 1.5)
    once = quantise(z, low, high, 4)
    np.testing.assert_allclose(quantise(once, low, high, 4), once, atol=1e-12)


# The lesson ------------------------------------------------------------------------------------------------------


def test_no_layer_optimiser_or_model_is_imported_before_the_learner_has_built_them():
    cells = [cell for cell in parse(SOURCE).cells if cell.cell_type == "code"]
    built = next(k for k, cell in enumerate(cells) if "class Spies" in cell.source)
    before = set().union(*(imported(cell.source) for cell in cells[: built + 2]))
    tools = {f"minivae.learn.{name}" for name in ("Scrub", "check", "hint", "quiz", "solution")}
    engine = {"minivae.Tensor", "minivae.no_grad", *map("minivae.ops.{}".format, ("relu", "sigmoid", "softplus"))}
    assert before == tools | engine | {"minivae.plot", "minivae.data.load"}  # lesson 01 built the engine


def test_the_lesson_agrees_with_differences_and_with_the_library(printed):
    assert "gradients right: True True True True" in printed
    assert "gradients agree: True True True True" in printed
    assert "pictures agree:    True" in printed
    assert "Adams agree:                  True" in printed


def test_the_linear_pair_and_pca_lose_the_same(printed):
    for kind in ("training", "test"):
        mine, theirs = re.search(
            kind + r" +pictures: spy and partner lose ([\d.]+) %, PCA ([\d.]+) %", printed
        ).groups()
        assert abs(float(mine) - float(theirs)) <= 0.1  # one unit of the last digit printed
    assert number(printed, r"largest angle between the planes (\d+)°") <= 1


def test_bends_help_short_notes_and_pca_wins_at_128(printed):
    rows = re.findall(r"\n +(\d+) +(\d+) +(\d+) +≈ (\d+) +≈ (\d+)(?=\n)", printed)
    test = {int(L): (int(by_pca), int(by_spies)) for L, _, by_pca, _, by_spies in rows}
    assert list(test) == [8, 16, 32, 64, 128]
    assert test[8][1] < test[16][0]  # as the text says: 8 bent numbers are better than 16 flat ones
    assert test[64][1] < test[64][0]
    assert test[128][1] > test[128][0]


def test_four_bits_cost_little_and_eight_nothing(printed):
    for L in (8, 16, 32, 64):
        row = re.search(rf"\n *{L} numbers: .*4 bits ≈ (\d+) %.*6 bits ≈ (\d+) %.*8 bits ≈ (\d+) %", printed)
        four, six, eight = map(int, row.groups())
        assert four - eight <= 2
        assert six - eight <= 1


def test_the_notes_are_half_as_long_as_jpeg_and_two_thousand_pictures_are_too_few(printed):
    rival = number(printed, r"a note of 16 bytes, or ≈ (\d+) bytes of JPEG")
    assert 1.8 <= rival / 16 <= 2.2
    assert number(printed, r"weights of 1 byte : 2,000 pictures +≈ (\d+)") > rival
    assert 2 < number(printed, r"weights of 1 byte : .* ≈ (\d+) thousand") < 10


def test_the_median_wins_where_there_is_little_dirt_and_loses_where_there_is_much(printed):
    for kind, little, much in [("salt and pepper", 0.1, 0.3), ("grain", 0.1, 0.5)]:
        for amount, median_wins in [(little, True), (much, False)]:
            row = re.search(rf"{kind} +{amount} +≈ \d+ +≈ (\d+) +≈ \d+ +≈ (\d+)", printed)
            assert (int(row[1]) < int(row[2])) == median_wins


def test_the_patient_ends_as_the_text_says(printed):
    grey = number(printed, r"one grey, 0.5: ≈ (\d+) %")
    last = number(printed, r"colleague's +error after each epoch:.*≈ (\d+) %\n")
    assert abs(grey - last) <= 1
