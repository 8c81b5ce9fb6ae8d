"""Lesson 08: its solutions against probability and geometry, its order of imports, and its printed results."""

import ast
import re

import numpy as np
import pytest

from minivae.learn.build import LESSONS, parse
from minivae.learn.exercises.lesson08 import ddim_step, guided, noised
from minivae.learn.recompute import in_lesson
from minivae.models import Schedule
from minivae.models.diffusion import ddim_posterior, ddpm_posterior, x0_and_eps
from minivae.models.samplers import guided as library_guided
from tests.learn.cells import imported

SOURCE = LESSONS / "source" / "08_latent_diffusion.py"
CELLS = [cell.source for cell in parse(SOURCE).cells if cell.cell_type == "code"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def functions(*names):
    """Functions of the notebook, by name, as their last definition has them, with nothing around them."""
    space = {"np": np}
    for code in CELLS:
        for part in ast.parse(code).body:
            if isinstance(part, ast.FunctionDef) and part.name in names:
                part.decorator_list = []
                exec(compile(ast.Module([part], []), "lesson", "exec"), space)
    return [space[name] for name in names]


def test_noised_has_the_mean_and_the_variance_of_the_steps_one_by_one(rng):
    beta = np.array([0.1, 0.3, 0.2])
    n, x = 200_000, np.full((200_000, 1), 1.5)
    for b in beta:
        x = np.sqrt(1 - b) * x + np.sqrt(b) * rng.standard_normal((n, 1))
    x_t = noised(np.full((n, 1), 1.5), np.full(n, 2), rng.standard_normal((n, 1)), np.cumprod(1 - beta))
    np.testing.assert_allclose(x_t.mean(), x.mean(), atol=5 * 2**0.5 / n**0.5)  # five standard errors of a difference
    np.testing.assert_allclose(x_t.std(), x.std(), rtol=5 / n**0.5)


def test_a_ddim_step_with_a_perfect_answer_lands_where_the_noise_would_have_been(rng):
    x0, eps = rng.normal(size=(2, 6, 3))
    a_t, a_s = 0.2, 0.7
    x_t, v = a_t**0.5 * x0 + (1 - a_t) ** 0.5 * eps, a_t**0.5 * eps - (1 - a_t) ** 0.5 * x0
    np.testing.assert_allclose(ddim_step(x_t, v, a_t, a_s), a_s**0.5 * x0 + (1 - a_s) ** 0.5 * eps, atol=1e-12)
    np.testing.assert_allclose(ddim_step(x_t, v, a_t, 1.0), x0, atol=1e-12)


def test_guided_is_the_answer_with_the_label_where_both_agree_and_where_w_is_0(rng):
    c, u = rng.normal(size=(2, 6, 3))
    np.testing.assert_allclose(guided(c, c, 2.0), c, atol=1e-12)
    np.testing.assert_allclose(guided(c, u, 0.0), c, atol=1e-12)
    np.testing.assert_allclose(guided(c, u, 1.5) - c, 1.5 * (c - u), atol=1e-12)


def test_the_solutions_and_the_notebook_are_the_library(rng):
    cosine, back, in_notebook = functions("cosine", "back", "ddim_step")
    np.testing.assert_allclose(cosine(200), Schedule("cosine", 200).alpha_bar, rtol=1e-12)
    x_t, v, x0 = rng.normal(size=(3, 6, 3))
    a_t, a_s = 0.3, 0.5
    for mine, theirs in zip(back(x0, x_t, a_t, a_s), ddpm_posterior(x0, x_t, a_t, a_s), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    estimates = x0_and_eps("v", v, x_t, a_t**0.5, (1 - a_t) ** 0.5)
    theirs, _ = ddim_posterior(*estimates, a_t, a_s, 0.0)
    np.testing.assert_allclose(ddim_step(x_t, v, a_t, a_s), theirs, atol=1e-12)
    np.testing.assert_allclose(guided(x_t, v, 2.0), library_guided(x_t, v, 2.0), atol=1e-12)
    assert in_notebook.__name__ == "ddim_step"


def test_the_kl_of_a_step_is_the_difference_of_two_signal_to_noise_ratios_times_the_squared_error(rng):
    """By quadrature: the two densities on a fine grid, nothing shared with the closed form."""
    x0, guess, x_t, a_t, a_s = 0.8, -0.3, 0.4, 0.5, 0.6
    (m1, variance), (m2, _) = (ddpm_posterior(x, x_t, a_t, a_s) for x in (x0, guess))
    grid = np.linspace(-12, 12, 400_001)
    log = lambda m: -0.5 * ((grid - m) ** 2 / variance + np.log(2 * np.pi * variance))
    integral = (np.exp(log(m1)) * (log(m1) - log(m2))).sum() * (grid[1] - grid[0])
    snr = lambda a: a / (1 - a)
    np.testing.assert_allclose(integral, 0.5 * (snr(a_s) - snr(a_t)) * (x0 - guess) ** 2, rtol=1e-8)


def test_nothing_of_diffusion_is_imported_before_the_learner_has_built_it():
    built = next(k for k, code in enumerate(CELLS) if "def chain" in code)
    before = set().union(*map(imported, CELLS[: built + 2]))
    assert not [name for name in before if "diffusion" in name.lower() or "Schedule" in name or "UNet" in name]
    assert any("minivae.models.Diffusion" in imported(code) for code in CELLS[built + 2 :])


def printed(pattern):
    return in_lesson("08", pattern)


def test_learner_and_library_agree_in_the_lesson():
    text = (LESSONS / "08_latent_diffusion.ipynb").read_text(encoding="utf-8")
    for what in ("schedules agree: True", "losses agree:    True", "samples agree:   True"):
        assert what in text
    assert len(re.findall(r"weight x squared error True", text)) == 4


def test_diffusion_closes_most_of_the_gap_and_the_distance_is_not_fooled():
    real, made, prior = (printed(rf"{name} +≈ (\d+)") for name in ("codes of digits", "DDIM, 200 steps", "the prior"))
    assert prior + 0.5 * (real - prior) < made <= real + 2
    assert printed(r"DDIM, 2 steps +≈ (\d+)") > real + 5
    assert printed(r"DDIM, 2 steps .+distance (\d\.\d+)") >= 0.02 > printed(r"DDIM, 20 steps .+distance (\d\.\d+)")


def test_guidance_raises_what_is_read_and_the_distance():
    asked, far = (
        [printed(rf"guidance w = {w} .+{what}") for w in (0, 1, 3)]
        for what in (r"≈ (\d+) % as labelled", r"distance (\d\.\d+)")
    )
    assert asked == sorted(asked) and far == sorted(far)
    assert asked[2] > printed(r"codes of digits .+≈ (\d+) % as labelled") and far[2] > 0.05


def test_without_the_scale_it_fails():
    far = {u: [printed(rf"\n +{u} +\d\.\d\d" + r" +\d\.\d\d" * k + r" +(\d\.\d\d)") for k in range(3)] for u in (1, 10)}
    tiny = [printed(r"\n +0\.03 +\d\.\d\d" + r" +\d\.\d\d" * k + r" +(\d\.\d\d)") for k in range(3)]
    assert min(tiny) > 3 * max(far[1]) and far[10][0] <= 0.03 and far[10][2] >= 3 * far[1][2]


def test_the_shipped_model_draws_digits_and_its_vae_alone_does_not():
    far = {
        name: printed(rf"{name} .+distance (\d\.\d+)") for name in ("training digits", "its prior", "DDIM, 20 steps")
    }
    assert far["its prior"] > 10 * far["DDIM, 20 steps"] and far["DDIM, 20 steps"] < far["training digits"] + 0.1
    assert printed(r"w = 3 .+≈ +(\d+) % as asked") >= 95


def test_clock_is_defined_and_never_called_in_the_notebook():
    calls = [node for code in CELLS for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    assert "def clock" in "".join(CELLS) and not [c for c in calls if getattr(c.func, "id", "") == "clock"]


def test_its_table_of_ratios_is_that_of_the_report():
    text = SOURCE.read_text(encoding="utf-8")
    report = (LESSONS.parent / "docs" / "diffusion.md").read_text(encoding="utf-8")
    for side in (28, 32, 64, 128):
        counted, timed = (
            re.search(rf"^\| {side} \| {what}.*$", report, re.MULTILINE)[0] for what in (r"\d.* / ", r"[\d.]+ \|")
        )
        values, _, products, _ = re.findall(r"= ([\d.]+)", counted)
        step, sample = re.findall(r"([\d.]+) \([\d.]+ to", timed)
        assert f"# | {side} | {values} | {products} | {step} | {sample} |" in text
    judged = dict(re.findall(r"^\| 64 \| (pixel|latent) \| 240 \| [\d,]+ \| (\d+)%", report, re.MULTILINE))
    said = f"takes {judged['latent']} % of the latent faces for what was asked, and {judged['pixel']} % of those"
    assert said in text.replace("\n# ", " ")
