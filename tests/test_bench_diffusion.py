"""Pixel against latent diffusion: the counts are right, the contestants alike, the report says what was measured."""

import re
from functools import partial

import numpy as np
import pytest

from minivae import Tensor
from minivae.bench import diffusion
from minivae.bench.diffusion import (
    LATENT,
    PIXEL,
    Cost,
    Options,
    Results,
    bench,
    classes_of,
    flops,
    latent_model,
    pixel_model,
)
from minivae.bench.diffusion_report import markdown
from minivae.data.faces import face
from minivae.judge import trained_judge
from minivae.models.blocks import Attention
from minivae.nn import Conv2d, Linear

SEED = np.random.default_rng


def parameter(*shape):
    return Tensor(np.ones(shape, np.float32), requires_grad=True)


class TestFlops:
    def test_a_convolution_has_two_for_each_weight_and_place(self):
        layer = Conv2d(3, 5, 3, stride=2, padding=1, rng=SEED(0))
        assert flops(layer(parameter(2, 3, 8, 6))) == 2 * (3 * 3 * 3 * 5) * (4 * 3) * 2

    def test_a_linear_layer_has_two_for_each_weight_and_row(self):
        assert flops(Linear(7, 4, rng=SEED(0))(parameter(6, 7))) == 2 * 7 * 4 * 6

    def test_layers_one_after_the_other_add_up(self):
        first, second = Linear(7, 4, rng=SEED(0)), Linear(4, 2, rng=SEED(0))
        assert flops(second(first(parameter(6, 7)))) == 2 * 6 * (7 * 4 + 4 * 2)

    def test_attention_looks_from_each_pixel_at_each(self):
        n, pixels = 8, 4 * 3
        linear = 2 * pixels * n * 3 * n + 2 * pixels * n * n
        assert flops(Attention(n, rng=SEED(0))(parameter(1, n, 4, 3))) == linear + 2 * (2 * pixels * pixels * n)

    def test_a_picture_of_four_times_the_pixels_has_four_times_the_convolutions(self):
        layer = Conv2d(2, 2, 3, padding=1, rng=SEED(0))
        assert flops(layer(parameter(1, 2, 16, 16))) == 4 * flops(layer(parameter(1, 2, 8, 8)))


@pytest.mark.parametrize("side", [28, 32, 64])
def test_the_contestants_are_one_design(side):
    pixel, latent = pixel_model(side, SEED(0)), latent_model(side, SEED(0))
    weights = [sum(p.data.size for p in model.parameters()) for model in (pixel, latent.diffusion)]
    assert 1 <= weights[0] / weights[1] < 1.5
    assert pixel.denoiser.shape == (1, side, side) and latent.diffusion.denoiser.shape == (4, 8, 8)
    assert pixel.schedule.config == latent.diffusion.schedule.config and pixel.predict == latent.diffusion.predict
    assert pixel.denoiser.config["emb"] == latent.diffusion.denoiser.config["emb"]


def test_faces_have_eight_classes():
    assert classes_of(np.stack([face(), face(smile=1), face(smile=-1)])).tolist() == [0, 1, 0]
    assert classes_of(np.stack([face(beard=0.5), face(glasses=1), face(glasses=1, beard=1, smile=1)])).tolist() == [
        2,
        4,
        7,
    ]


@pytest.fixture(scope="module")
def measured():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diffusion, "trained_judge", partial(trained_judge, steps=10))
        said = []
        options = Options((28, 32), rounds=2, trained=(32,), budgets=(1,), faces=150, n=12, steps=2)
        return bench(options, said.append), said


def test_all_is_measured_that_was_asked_for(measured):
    results, said = measured
    assert set(results.costs) == {(side, name) for side in (28, 32) for name in (PIXEL, LATENT)}
    for (side, name), cost in results.costs.items():
        assert cost.values == (side * side if name == PIXEL else 256)
        assert len(cost.train) == len(cost.look) == len(cost.decode) == 2 and min(cost.train + cost.look) > 0
        assert (min(cost.decode) > 0) == (cost.decoder_flops > 0) == (name == LATENT)
    assert [(row["name"], row["budget"]) for row in results.quality] == [(PIXEL, 1), (LATENT, 1)]
    assert all(row["steps"] >= 1 for row in results.quality)
    assert len(said) == 2 + 1 + 2
    assert set(results.trial[32]) == {"accuracy", "training images", "the same, blurred", "half noise", "noise"}


def test_the_report_has_the_figures(measured):
    text = markdown(measured[0])
    assert "784 / 256 = 3.06" in text and "1,024 / 256 = 4 " in text
    assert "Written by `minivae bench diffusion` on " in text
    row = re.search(r"^\| 32 \| latent \| 1 \| ([\d,]+) \| (\d+)% \|", text, re.MULTILINE)
    assert row and row[1] == f"{measured[0].quality[1]['steps']:,}"


def test_ratios_are_of_one_round_and_a_sample_is_decoded_once():
    pixel = Cost(4096, 10, 8, train=[0.4, 0.9], look=[0.2, 0.2], decode=[0.0, 0.0])
    latent = Cost(256, 10, 2, 6, train=[0.1, 0.3], look=[0.01, 0.02], decode=[0.5, 1.0])
    assert latent.sample() == [50 * 0.01 + 0.5, 50 * 0.02 + 1.0]
    text = markdown(Results(Options(sides=(64,)), {(64, PIXEL): pixel, (64, LATENT): latent}))
    assert "| 64 | 650 | 200 | 3.5 (3 to 4) | 1e+04 | 1.5e+03 | 7.5 (5 to 10) | 50% |" in text
    assert "judge" not in text


def test_from_the_command_line(minivae, tmp_path):
    code, out, err = minivae(
        "bench", "diffusion", "--sides", 32, "--rounds", 1, "--trained", "", "--out", tmp_path / "new" / "a.md"
    )
    assert code == 0 and "wrote" in out and "32 x 32: steps, 1 rounds" in err
    assert "# Pixel and latent diffusion" in (tmp_path / "new" / "a.md").read_text()
