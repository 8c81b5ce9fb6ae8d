"""Latent diffusion from the command line: two stages, one folder, samples, a film, and a verdict."""

import json
import signal

import numpy as np
import pytest

from minivae import checkpoint
from minivae.models import ConvVAE, LatentDiffusion
from minivae.progress import Quiet
from minivae.train import CHECKPOINT, METRICS, DenoiserRun, Run, load_model, load_run

TRAIN = ["train", "latent-diffusion", "--vae-epochs", 1, "--epochs", 1]
PICTURES = {"curves.png", "reconstructions.png", "samples.png", "film.png"}


def test_all_of_it(minivae, tmp_path, few_digits):
    code, out, err = minivae(*TRAIN, "--out", "a")
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[:4]] == [
        ["first", "stage,"],
        ["epoch", "1"],
        ["second", "stage"],
        ["epoch", "1"],
    ]
    assert {p.name for p in (tmp_path / "a").iterdir()} == {CHECKPOINT, METRICS, "vae"} | PICTURES
    assert {p.name for p in (tmp_path / "a" / "vae").iterdir()} == {CHECKPOINT, METRICS}
    model = load_model(tmp_path / "a")
    assert isinstance(model, LatentDiffusion) and model.diffusion.denoiser.classes == 10
    first = load_model(tmp_path / "a" / "vae")
    assert isinstance(first, ConvVAE)
    assert all(np.array_equal(v, model.vae.state_dict()[k]) for k, v in first.state_dict().items())

    code, out, err = minivae(
        "sample", "a", "--n", 3, "--label", 7, "--guidance", 2, "--steps", 2, "--film", "--out", "b.png"
    )
    assert (code, err) == (0, "")
    assert "wrote b.png" in out and "wrote film.png" in out and (tmp_path / "film.png").stat().st_size > 1000

    code, out, err = minivae("evaluate", "a", "--n", 20)
    assert (code, err) == (0, "")
    for words in (
        "error",
        "20 samples, 50 steps of DDIM; the judge knows",
        "guidance 0",
        "guidance 1",
        "training images",
    ):
        assert words in out

    code, out, _ = minivae("train", "--resume", "a", "--epochs", 2)
    assert code == 0
    assert load_run(tmp_path / "a").epoch == 2

    code, _, err = minivae("interpolate", "a")
    assert code == 2 and "it walks between codes that are vectors" in err


def test_faces_have_no_classes(minivae, tmp_path, few_faces):
    code, _, err = minivae(*TRAIN, "--data", "faces", "--out", "a")
    assert (code, err) == (0, "")
    model = load_model(tmp_path / "a")
    assert (model.diffusion.denoiser.classes, model.vae.config["likelihood"]) == (0, "gaussian")
    assert minivae("sample", "a", "--n", 2, "--steps", 2)[0] == 0
    code, _, err = minivae("sample", "a", "--n", 2, "--steps", 2, "--guidance", 1)
    assert code == 2 and "guidance leads towards labels" in err
    assert minivae("evaluate", "a")[0] == 0


def test_a_vae_that_is_there_already_is_taken_as_it_is(minivae, tmp_path, few_digits, no_pictures):
    assert minivae("train", "conv-vae", "--epochs", 1, "--latent", 2, "--out", "v")[0] == 0
    assert Run.load(tmp_path / "v").binarization == "none"
    before = (tmp_path / "v" / CHECKPOINT).read_bytes()
    code, out, _ = minivae("train", "latent-diffusion", "--vae", "v", "--epochs", 1, "--out", "a")
    assert code == 0 and "first stage" not in out
    assert not (tmp_path / "a" / "vae").exists() and (tmp_path / "v" / CHECKPOINT).read_bytes() == before
    vae = load_model(tmp_path / "v")
    assert all(np.array_equal(v, load_model(tmp_path / "a").vae.state_dict()[k]) for k, v in vae.state_dict().items())


def test_the_same_command_again_goes_on_where_it_was_stopped_in_the_first_stage(
    minivae, tmp_path, few_digits, no_pictures, monkeypatch
):
    class Press(Quiet):
        def step(self, run):
            signal.raise_signal(signal.SIGINT)

    command = [*TRAIN, "--batch", 100]
    assert minivae(*command, "--out", "whole")[0] == 0
    monkeypatch.setattr("minivae.progress.best", Press)
    code, _, err = minivae(*command, "--out", "a")
    assert code == 130
    assert "1 steps; saved" in err and "or give the same command again, which then goes on to the denoiser" in err
    assert not (tmp_path / "a" / CHECKPOINT).exists()

    monkeypatch.setattr("minivae.progress.best", Quiet)
    code, _, err = minivae(*command, "--beta", 1, "--out", "a")
    assert code == 2 and "holds a VAE with other settings; give those again, or another --out" in err
    assert minivae(*command, "--out", "a")[0] == 0
    for name in (f"vae/{CHECKPOINT}", CHECKPOINT):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_the_same_seed_gives_the_same_files_and_another_others(minivae, tmp_path, few_digits, no_pictures):
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert minivae(*TRAIN, "--seed", seed, "--out", out)[0] == 0
    a, b, c = ((tmp_path / name / CHECKPOINT).read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("more", [["--label", 3], ["--guidance", 1], ["--steps", 5], ["--film"]])
def test_what_only_diffusion_can_is_refused_of_others(minivae, few_digits, no_pictures, more):
    assert minivae("train", "vae", "--epochs", 1, "--hidden", 4, "--latent", 2, "--out", "v")[0] == 0
    code, _, err = minivae("sample", "v", *more)
    assert code == 2 and f"sample: {more[0]} is for latent-diffusion, and v holds none" in err


def test_a_folder_that_holds_no_conv_vae_is_refused(minivae, few_digits, no_pictures):
    assert minivae("train", "vae", "--epochs", 1, "--hidden", 4, "--latent", 2, "--out", "v")[0] == 0
    code, _, err = minivae("train", "latent-diffusion", "--vae", "v", "--out", "a")
    assert code == 2 and "v holds a VAE for images of (784,); wanted a conv-vae for (1, 32, 32)" in err


def test_a_checkpoint_says_what_it_is(minivae, tmp_path, few_digits, no_pictures):
    assert minivae(*TRAIN, "--out", "a")[0] == 0
    _, meta = checkpoint.load(tmp_path / "a" / CHECKPOINT)
    assert meta["model"] == "latent-diffusion" and json.dumps(meta["config"])
    assert isinstance(load_run(tmp_path / "a"), DenoiserRun)
