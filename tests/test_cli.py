"""The command line: what it writes and says, how it stops and goes on, and that an error is one line."""

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest

from minivae import checkpoint, data
from minivae.cli import main
from minivae.train import CHECKPOINT, METRICS, Run, fit
from tests.small import digits, dots, tiny_autoencoder, tiny_vae

SMALL = ["--latent", "2", "--hidden", "16"]
PICTURES = ["reconstructions.png", "curves.png", "samples.png"]


def one_line(out):
    """A table without its rules and the breaks in its lines."""
    return " ".join(out.replace("│", " ").split())


def written(out):
    """The names that the last line of `train` gives."""
    return out.splitlines()[-1].split(": ")[1].split(", ")


class TestTrain:
    def test_one_epoch_on_all_embedded_digits_writes_every_file_it_names(self, minivae, tmp_path):
        code, out, err = minivae("train", "vae", "--epochs", 1, *SMALL)
        assert (code, err) == (0, "")
        there = {p.name for p in (tmp_path / "run" / "vae-mnist-small").iterdir()}
        assert there == {CHECKPOINT, METRICS, *PICTURES, "latent_map.png"}
        assert set(written(out)) == there
        assert out.startswith("epoch 1  test ELBO -")
        assert "mnist-small test set, dynamic binarisation, nats per image" in one_line(out)

    def test_a_map_is_named_and_written_for_two_latents_alone(self, minivae, tmp_path, few_digits):
        _, out, _ = minivae("train", "vae", "--epochs", 1, "--latent", 3, "--hidden", 4, "--out", "a")
        assert {p.name for p in (tmp_path / "a").iterdir()} == set(written(out)) == {CHECKPOINT, METRICS, *PICTURES}

    def test_settings_reach_the_run(self, minivae, tmp_path, few_digits, no_pictures):
        settings = "--epochs 1 --latent 3 --hidden 4 --beta 2 --lr 0.01 --batch 50 --seed 5 --binarization threshold"
        assert minivae("train", "vae", *settings.split(), "--out", "a")[0] == 0
        run = Run.load(tmp_path / "a")
        assert (run.epochs, run.batch, run.optimizer.lr, run.binarization) == (1, 50, 0.01, "threshold")
        assert run.data == "mnist-small"
        want = dict(x_dim=784, hidden=4, latent=3, likelihood="bernoulli", sigma=0.1, beta=2.0)
        assert run.model.config == want

    def test_an_autoencoder_with_a_gaussian_sees_grey_images(self, minivae, tmp_path, few_digits, no_pictures):
        gaussian = ["--likelihood", "gaussian", "--sigma", 0.2]
        code, out, _ = minivae("train", "autoencoder", *gaussian, "--epochs", 1, "--hidden", 4, "--out", "a")
        assert code == 0
        assert "ELBO" not in out
        run = Run.load(tmp_path / "a")
        assert run.binarization == "none"
        assert run.model.config["sigma"] == 0.2

    def test_faces_are_grey_and_a_model_takes_their_size(self, minivae, tmp_path, few_faces):
        code, out, _ = minivae("train", "vae", "--data", "faces", "--epochs", 1, *SMALL)
        assert code == 0
        run = Run.load(tmp_path / "run" / "vae-faces")
        assert (run.model.config["x_dim"], run.model.config["likelihood"], run.binarization) == (
            1024,
            "gaussian",
            "none",
        )
        assert set(written(out)) == {CHECKPOINT, METRICS, *PICTURES, "latent_map.png"}
        assert minivae("train", "--resume", "run/vae-faces", "--epochs", 2)[0] == 0
        assert minivae("evaluate", "run/vae-faces")[0] == 0
        code, _, err = minivae("interpolate", "run/vae-faces")
        assert code == 2
        assert "from one digit to another, and faces has factors instead of digits" in " ".join(err.split())

    def test_digits_stay_black_and_white_and_faces_can_be(self, minivae, tmp_path, few_digits, few_faces, no_pictures):
        for name, more in ("mnist-small", []), ("faces", ["--likelihood", "bernoulli"]):
            assert minivae("train", "vae", "--data", name, "--epochs", 1, *SMALL, *more, "--out", name)[0] == 0
            run = Run.load(tmp_path / name)
            assert (run.model.config["likelihood"], run.binarization) == ("bernoulli", "dynamic")

    def test_the_same_seed_gives_the_same_files_and_another_others(self, minivae, tmp_path, few_digits, no_pictures):
        for out, seed in (("a", 1), ("b", 1), ("c", 2)):
            minivae("train", "vae", "--epochs", 1, *SMALL, "--seed", seed, "--out", out)
        a, b, c = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in "abc")
        assert a == b
        assert a[CHECKPOINT] != c[CHECKPOINT]

    def test_a_run_is_not_overwritten(self, minivae, folder):
        before = (folder / CHECKPOINT).read_bytes()
        code, _, err = minivae("train", "vae", "--out", folder)
        assert code == 2
        assert "already holds a run; continue it with --resume, or choose another --out" in " ".join(err.split())
        assert (folder / CHECKPOINT).read_bytes() == before


class TestResume:
    def test_it_goes_on_to_more_epochs(self, minivae, folder, few_digits, no_pictures):
        code, out, _ = minivae("train", "--resume", folder, "--epochs", 2)
        assert code == 0
        assert out.startswith("epoch 2  test ELBO -")
        assert written(out) == [CHECKPOINT, METRICS]
        assert Run.load(folder).epoch == 2

    def test_a_finished_run_says_so_with_the_cure_and_draws_its_pictures_again(self, minivae, folder, few_digits):
        before = (folder / CHECKPOINT).read_bytes()
        code, out, err = minivae("train", "--resume", folder)
        assert (code, err) == (0, "")
        assert "nothing to train, epochs done: 1; for more, add --epochs 2" in out
        assert set(written(out)) == {*PICTURES, "latent_map.png"}
        assert {p.name for p in folder.iterdir()} == {CHECKPOINT, METRICS, *PICTURES, "latent_map.png"}
        assert (folder / CHECKPOINT).read_bytes() == before

    def test_an_option_that_it_would_ignore_is_an_error_that_names_it(self, minivae, folder):
        code, _, err = minivae("train", "--resume", folder, "--lr", 0.1, "--epochs", 5, "--hidden", 400)
        assert code == 2
        assert err == "error: train: --resume keeps the run's own settings; leave out --hidden, --lr\n"

    @pytest.mark.parametrize("arguments", [[], ["vae", "--resume", "x"]])
    def test_either_a_model_or_a_run_has_to_be_named(self, minivae, arguments):
        code, _, err = minivae("train", *arguments)
        assert code == 2
        want = "error: train: say either what to train (minivae train vae) or --resume FOLDER, not both\n"
        assert err == want

    def test_a_run_that_does_not_name_its_images_says_how_to(self, minivae, tmp_path):
        fit(tiny_vae(), dots(9), epochs=1, rng=np.random.default_rng(0), out=tmp_path / "a")
        for command in (["train", "--resume", "a"], ["evaluate", "a"], ["interpolate", "a"]):
            code, _, err = minivae(*command)
            assert code == 2
            assert "the run does not name its images; train it with minivae train, or fit(..., data=NAME)" in err


class TestCtrlC:
    @staticmethod
    def start(tmp_path, *arguments):
        return subprocess.Popen(
            [sys.executable, "-c", "from minivae.cli import main; main()", *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
    def test_it_saves_says_how_to_go_on_and_loses_nothing(self, minivae, tmp_path, no_pictures):
        with self.start(tmp_path, "train", "vae", "--epochs", 1000, *SMALL, "--out", "cut") as process:
            assert process.stdout.readline().startswith("epoch    1  test ELBO -")
            process.send_signal(signal.SIGINT)
            _, err = process.communicate()
        assert process.returncode == 130
        assert err.startswith("stopped after ")
        assert "saved, and `minivae train --resume cut` continues as if nothing had happened" in err
        assert len(err.splitlines()) == 1

        stopped = Run.load(tmp_path / "cut")
        epochs = stopped.epoch + 1
        assert minivae("train", "--resume", "cut", "--epochs", epochs)[0] == 0
        assert minivae("train", "vae", "--epochs", epochs, *SMALL, "--out", "whole")[0] == 0
        cut, whole = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("cut", "whole"))
        assert cut == whole

    def test_outside_of_training_it_is_one_word(self, minivae, folder, monkeypatch):
        def interrupt(*_, **__):
            raise KeyboardInterrupt

        monkeypatch.setattr(data, "load", interrupt)
        assert minivae("evaluate", folder) == (130, "", "stopped\n")


class TestUse:
    def test_sample_writes_a_picture_into_the_run_or_elsewhere(self, minivae, folder, tmp_path):
        code, out, _ = minivae("sample", folder, "--n", 7)
        assert code == 0
        assert out == f"wrote {folder / 'samples.png'}\n"
        minivae("sample", folder, "--n", 7, "--out", "same.png")
        minivae("sample", folder, "--n", 7, "--seed", 1, "--out", "other.png")
        first, same, other = (
            p.read_bytes() for p in (folder / "samples.png", tmp_path / "same.png", tmp_path / "other.png")
        )
        assert first == same != other

    def test_interpolate_writes_strips_between_two_digits(self, minivae, folder):
        code, out, _ = minivae("interpolate", folder, "--from", 1, "--to", 7, "--rows", 2, "--steps", 4)
        assert code == 0
        assert out == f"wrote {folder / 'interpolation.png'}\n"
        assert (folder / "interpolation.png").read_bytes()[:4] == b"\x89PNG"

    def test_interpolate_takes_an_autoencoder_too(self, minivae, tmp_path):
        model = tiny_autoencoder(x_dim=784)
        fit(model, digits(20), epochs=1, rng=np.random.default_rng(0), data="mnist-small", out=tmp_path / "a")
        assert minivae("interpolate", "a", "--rows", 1)[0] == 0

    def test_evaluate_gives_the_figures_of_all_test_images(self, minivae, folder):
        code, out, err = minivae("evaluate", folder)
        assert (code, err) == (0, "")
        assert "mnist-small test set" in out
        for name in ("ELBO", "reconstruction", "KL", "active units"):
            assert name in out
        assert minivae("evaluate", folder)[1] == out, "the same seed, the same figures"
        assert minivae("evaluate", folder, "--seed", 1)[1] != out

    def test_doctor_names_what_is_here_and_checks_the_gradients(self, minivae):
        code, out, err = minivae("doctor")
        assert (code, err) == (0, "")
        for words in (
            "Python",
            "numpy",
            "backends",
            "checked against finite differences: right",
            "10,000 training and",
        ):
            assert words in one_line(out)

    def test_doctor_says_how_to_get_what_is_missing_and_names_wrong_gradients(self, minivae, monkeypatch):
        from minivae import doctor
        from minivae.errors import GradientError

        def wrong(*_, **__):
            raise GradientError("at element [0, 0]")

        monkeypatch.setattr(doctor, "EXTRAS", {"odd": ("lab", ["numpy", "no-such-package"])})
        monkeypatch.setattr(doctor, "gradcheck", wrong)
        _, out, _ = minivae("doctor")
        cure = f'numpy {np.__version__}; missing: no-such-package; get it with: pip install "minivae[lab]"'
        assert cure in one_line(out)
        assert "WRONG: at element [0, 0]" in one_line(out)


class TestErrors:
    """One line `error: ...` and status 2; usage errors are typer's own, with status 2 too."""

    @pytest.mark.parametrize("command", [["sample"], ["interpolate"], ["evaluate"], ["train", "--resume"]])
    def test_a_damaged_checkpoint(self, minivae, folder, command):
        whole = (folder / CHECKPOINT).read_bytes()
        (folder / CHECKPOINT).write_bytes(whole[:-1])
        code, out, err = minivae(*command, folder)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {folder / CHECKPOINT}: damaged")
        assert err.endswith("use another copy\n")
        assert len(err.splitlines()) == 1

    @pytest.mark.parametrize("command", [["sample"], ["interpolate"], ["evaluate"], ["train", "--resume"]])
    def test_a_folder_without_a_run(self, minivae, command):
        code, _, err = minivae(*command, "nowhere")
        assert code == 2
        assert err.startswith("error: nowhere")
        assert "there is no such checkpoint; `minivae train` writes one" in err

    def test_a_checkpoint_of_an_unknown_model(self, minivae, folder):
        tensors, meta = checkpoint.load(folder / CHECKPOINT)
        checkpoint.save(folder / CHECKPOINT, tensors, json.loads(json.dumps(meta)) | {"model": "gan"})
        code, _, err = minivae("sample", folder)
        assert code == 2
        assert "it holds a model 'gan', and there are autoencoder, vae" in err

    def test_an_unknown_data_set_lists_those_there_are_and_writes_nothing(self, minivae, tmp_path):
        code, _, err = minivae("train", "vae", "--data", "mnist-smal")
        assert code == 2
        assert err.startswith("error: load: set is 'mnist-smal', but there are only faces, fashion, mnist, mnist-small")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["gan"], "'gan' is not one of 'vae', 'autoencoder'"),
            (["vae", "--epochs", 0], "--epochs"),
            (["vae", "--binarization", "odd"], "'odd' is not one of 'dynamic', 'threshold', 'none'"),
            (["vae", "--no-such-option"], "--no-such-option"),
        ],
    )
    def test_a_word_that_is_not_known_is_named(self, minivae, tmp_path, arguments, words):
        code, _, err = minivae("train", *arguments)
        assert code == 2
        assert words in err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["autoencoder", "--beta", 2], "--beta is a setting of vae, conv-vae, latent-diffusion, not of auto"),
            (["latent-diffusion", "--hidden", 9], "--hidden is a setting of autoencoder, vae, not of latent-diffusion"),
            (["vae", "--vae-epochs", 1], "--vae-epochs is a setting of latent-diffusion, not of vae; leave it out"),
            (["latent-diffusion", "--binarization", "none"], "latent-diffusion makes grey images; leave out"),
            (["latent-diffusion", "--vae", "a", "--latent", 2], "its own settings; leave out --latent"),
            (["vae", "--sigma", 0.2], "train: --sigma is for --likelihood gaussian; leave it out, or say so"),
            (["vae", "--beta", -1], "VAE: beta is -1.0; it has to be 0 or more"),
            (["vae", "--lr", 0], "Adam: lr is 0.0; it has to be positive"),
            (
                ["vae", "--likelihood", "gaussian", "--sigma", 0],
                "sigma is 0.0; a standard deviation has to be positive",
            ),
        ],
    )
    def test_a_setting_that_makes_no_sense_is_named(self, minivae, tmp_path, arguments, words):
        code, _, err = minivae("train", *arguments)
        assert code == 2
        assert err.startswith(f"error: {words}") or words in err
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_cannot_be_written(self, minivae, tmp_path, few_digits):
        (tmp_path / "file").write_text("")
        code, _, err = minivae("train", "vae", "--epochs", 1, *SMALL, "--out", "file")
        assert code == 2
        assert err.startswith("error: file")
        assert "could not be written" in err

    def test_square_brackets_in_a_message_are_no_markup(self, minivae, tmp_path):
        _, _, err = minivae("sample", "[bold]no[/bold]")
        assert "[bold]no[/bold]" in err


def test_the_command_is_this_function():
    (entry,) = entry_points(group="console_scripts", name="minivae")
    assert entry.load() is main


def test_without_a_command_it_lists_them(minivae):
    _, out, err = minivae()
    for command in ("train", "sample", "interpolate", "evaluate", "doctor", "lab"):
        assert command in out + err


def test_pictures_need_no_display_whatever_backend_the_environment_names(tmp_path, finished):
    """In a process of its own, since here matplotlib already draws to memory. A notebook, say, names one of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    code = "import sys; from minivae.cli import main; sys.argv[1:] = ['sample', sys.argv[1], '--out', 'a.png']; main()"
    subprocess.run(
        [sys.executable, "-W", "error", "-c", code, finished],
        cwd=tmp_path,
        env=environment | {"MPLBACKEND": "module://no_such_backend"},
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "a.png").exists()
