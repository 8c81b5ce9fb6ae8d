"""The second stage of latent diffusion: only the denoiser moves, a stop loses nothing, its average is what is kept."""

import platform

import numpy as np
import pytest

from minivae import Tensor, checkpoint, parallel
from minivae.errors import CheckpointError, ConfigError, DtypeError, ShapeError
from minivae.models import padded
from minivae.progress import Quiet
from minivae.train import CHECKPOINT, DenoiserRun, Interrupted, Run, fit, load_model, load_run
from tests.small import dots, tiny_latent_diffusion
from tests.test_train import Press

X, X_TEST = padded(dots(60, 36), 8), padded(dots(20, 36, seed=1), 8)
Y, Y_TEST = np.arange(60) % 3, np.arange(20) % 3


def run(**settings):
    defaults = dict(epochs=3, batch=16, lr=1e-2, decay=0.9, rng=np.random.default_rng(0), data="dots")
    return DenoiserRun(tiny_latent_diffusion(classes=3), labels=Y, labels_test=Y_TEST, **defaults | settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing interrupted, with its folder."""
    folder = tmp_path_factory.mktemp("whole")
    return run().train(X, X_TEST, out=folder, report=Quiet()), folder


def weights(module):
    return {name: value.copy() for name, value in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def test_the_denoiser_moves_and_the_vae_does_not():
    training = run()
    vae, denoiser = weights(training.model.vae), weights(training.model.diffusion)
    training.train(X, X_TEST, report=Quiet())
    assert same(weights(training.model.vae), vae)
    assert not any(np.array_equal(value, denoiser[name]) for name, value in weights(training.model.diffusion).items())


def test_it_learns():
    first, *_, last = run(epochs=30).train(X, X_TEST, report=Quiet()).history
    assert first.keys() == {"epoch", "mse", "test_mse"}
    assert last["mse"] < 0.9 * first["mse"]
    assert last["test_mse"] < 0.9 * first["test_mse"]


def test_the_scale_is_measured_on_the_first_images_and_then_stays():
    training = run(epochs=1).train(X, report=Quiet())
    scale = training.model.scale
    assert training.model.latents(X).std() == pytest.approx(1, rel=1e-3)
    training.epochs = 2
    assert training.train(X, report=Quiet()).model.scale == scale


def test_the_test_error_is_that_of_the_average_and_the_weights_come_back(whole):
    training, _ = whole
    before = weights(training.model.diffusion)
    said = training.scores(X_TEST, np.random.default_rng(0))["mse"]
    assert same(weights(training.model.diffusion), before)
    assert said == training.history[-1]["test_mse"]
    with training.ema.swapped():
        latents = Tensor(training.model.latents(X_TEST))
        _, terms = training.model.loss(latents, np.random.default_rng(0), Y_TEST)
    assert said == pytest.approx(terms["mse"].mean(), rel=1e-5)  # float32
    _, terms = training.model.loss(latents, np.random.default_rng(0), Y_TEST)
    assert said != pytest.approx(terms["mse"].mean(), rel=1e-3)


def test_the_model_of_a_folder_has_the_averaged_weights(whole):
    training, folder = whole
    model = load_model(folder)
    assert model.scale == training.model.scale
    with training.ema.swapped():
        assert same(weights(model), weights(training.model))
    assert not same(weights(model), weights(training.model))


@pytest.mark.parametrize("steps", [1, 5, 8])
def test_a_stop_loses_nothing(whole, tmp_path, steps):
    with pytest.raises(Interrupted):
        run().train(X, X_TEST, out=tmp_path, report=Press(steps))
    resumed = load_run(tmp_path)
    assert isinstance(resumed, DenoiserRun) and resumed.step + resumed.epoch * 4 == steps
    resumed.labels, resumed.labels_test = Y, Y_TEST
    resumed.train(X, X_TEST, out=tmp_path, report=Quiet())
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in whole[1].iterdir()}


@pytest.mark.skipif(platform.system() != "Linux", reason="workers are forked, which needs Linux")
def test_workers_give_the_same_figures(whole, monkeypatch):
    monkeypatch.setattr(parallel.threading, "active_count", lambda: 1)  # those of the test runner do nothing here
    shared = run().train(X, X_TEST, report=Quiet(), workers=2)
    for row, alone in zip(shared.history, whole[0].history, strict=True):
        assert row == pytest.approx(alone, rel=1e-4)  # float32, other sums


def test_fit_takes_a_latent_diffusion():
    training = fit(tiny_latent_diffusion(), X, X_TEST, epochs=1, batch=30, rng=np.random.default_rng(0), report=Quiet())
    assert isinstance(training, DenoiserRun) and training.trained.denoiser.classes == 0


class TestWrongInput:
    @pytest.mark.parametrize(
        ("labels", "error", "words"),
        [
            (None, ConfigError, "the denoiser has 3 classes; pass labels, one for each image"),
            (Y[:-1], ShapeError, r"labels are \(59,\) for 60 images"),
            (Y.astype(float), DtypeError, "labels are float64; wanted integers"),
            (Y + 1, ConfigError, "labels span 1 to 3; wanted 0 to 2"),
        ],
    )
    def test_labels_that_do_not_fit_are_refused_before_the_first_step(self, labels, error, words):
        training = run()
        training.labels = labels
        with pytest.raises(error, match=words):
            training.train(X, report=Quiet())
        assert training.optimizer.t == 0

    def test_images_of_another_shape_are_refused_with_the_way_to_frame_them(self):
        with pytest.raises(ShapeError, match=r"but \(N, 1, 8, 8\) is wanted; minivae.models.padded\(x, 8\)"):
            run().train(dots(60, 36), report=Quiet())

    def test_it_is_no_run_of_one_model(self, whole):
        with pytest.raises(CheckpointError, match="not a run of this version"):
            Run.load(whole[1])

    def test_a_checkpoint_without_its_average_is_refused(self, whole, tmp_path):
        tensors, meta = checkpoint.load(whole[1] / CHECKPOINT)
        del tensors["ema.average"]
        checkpoint.save(tmp_path / CHECKPOINT, tensors, meta)
        for load in (load_model, load_run):
            with pytest.raises(CheckpointError):
                load(tmp_path)
