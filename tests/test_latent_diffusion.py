"""Latent diffusion as a whole: the scale, the way from noise to an image, and the one file that holds it."""

import math

import numpy as np
import pytest

from minivae import Tensor, checkpoint
from minivae.ema import EMA
from minivae.errors import CheckpointError, ConfigError, MinivaeError, ShapeError
from minivae.models import ConvVAE, LatentDiffusion, MLPDenoiser, Schedule, UNet
from minivae.nn import Module
from minivae.optim import Adam
from tests.small import tiny_vae
from tests.torch_twin import randomized

SEED = np.random.default_rng


def of_pictures(**settings):
    vae = randomized(ConvVAE(8, (2, 3, 4), 2, rng=SEED(0)), SEED(1))
    denoiser = randomized(UNet((2, 2, 2), (4, 4), classes=3, emb=4, rng=SEED(0)), SEED(2), scale=0.5)
    return LatentDiffusion(vae, denoiser, Schedule("cosine", 100), **settings)


def of_vectors(**settings):
    denoiser = randomized(MLPDenoiser(2, 6, 1, classes=3, emb=4, rng=SEED(0)), SEED(2), scale=0.5)
    return LatentDiffusion(tiny_vae(), denoiser, Schedule("linear", 50), **settings)


def images(model, n, seed=3):
    shape = (n, 1, 8, 8) if isinstance(model.vae, ConvVAE) else (n, 6)
    return SEED(seed).random(shape, dtype=np.float32)


def measured(make, **settings):
    model = make()
    model.measure(images(model, 60), **settings)
    return model


EACH = pytest.mark.parametrize("make", [of_pictures, of_vectors])


class TestScale:
    @EACH
    @pytest.mark.parametrize("center", [False, True])
    @pytest.mark.parametrize("draw", [False, True])
    def test_it_gives_latents_unit_variance(self, make, center, draw):
        model = make()
        x = images(model, 300)
        model.measure(x, SEED(4) if draw else None, center=center)
        latents = model.latents(x, SEED(4) if draw else None)
        axes = (0, *range(2, latents.ndim))
        assert latents.dtype == np.float32
        deviation = latents - latents.mean(axis=axes, keepdims=True) if center else latents
        assert deviation.std() == pytest.approx(1, rel=1e-4)  # float32 codes
        if center:
            np.testing.assert_allclose(latents.mean(axis=axes), 0, atol=1e-4)
        else:
            assert np.array_equal(model.mean, np.zeros(2))

    def test_it_is_one_over_the_deviation_of_the_codes(self):
        model = measured(of_vectors)
        codes = model.codes(images(model, 60)).astype(np.float64)
        assert model.scale == pytest.approx(1 / math.sqrt(((codes - codes.mean()) ** 2).mean()))

    @EACH
    def test_codes_twice_as_wide_have_half_the_scale_and_the_same_latents(self, make):
        model = measured(make)
        x = images(model, 60)
        before, latents = model.scale, model.latents(x)

        class Wide(type(model.vae)):
            def encode(self, x):
                mu, logvar = super().encode(x)
                return 2 * mu, logvar

        model.vae.__class__ = Wide
        model.measure(x)
        assert model.scale == pytest.approx(before / 2)
        np.testing.assert_allclose(model.latents(x), latents, rtol=1e-5)  # float32

    @EACH
    def test_decoding_undoes_it(self, make):
        model = measured(make, center=True)
        x = images(model, 5)
        # float32: scaled and scaled back, through a decoder
        np.testing.assert_allclose(model.decode(model.latents(x)), model.vae.reconstruct(x), atol=1e-5)

    @EACH
    def test_codes_do_not_depend_on_how_many_are_encoded_at_a_time(self, make):
        model = make()
        x = images(model, 7)
        np.testing.assert_allclose(model.codes(x, batch=3), model.codes(x), atol=1e-6)  # float32, other BLAS sums

    def test_drawn_codes_have_the_deviation_that_the_encoder_says(self):
        model = of_vectors()
        x = np.repeat(images(model, 1), 20_000, axis=0)
        mu, logvar = (part.data[0] for part in model.vae.encode(Tensor(x[:1])))
        codes = model.codes(x, SEED(5))
        # 20,000 draws: a mean is good to 0.007 deviations, a deviation to 0.005 of itself; five of these
        np.testing.assert_allclose(codes.mean(0), mu, atol=0.04)
        np.testing.assert_allclose(codes.std(0), np.exp(0.5 * logvar), rtol=0.025)

    @EACH
    def test_nothing_is_done_before_it_is_known(self, make):
        model = make()
        latents = np.zeros((2, *model.diffusion.denoiser.shape), np.float32)
        for use in (
            lambda: model.latents(images(model, 2)),
            lambda: model.decode(latents),
            lambda: model.loss(Tensor(latents), SEED(0)),
            lambda: model.sample(2, SEED(0)),
            lambda: next(model.film(2, SEED(0))),
            lambda: model.save("unused"),
        ):
            with pytest.raises(ConfigError, match="scale is nan; call measure"):
                use()

    def test_codes_that_do_not_vary_have_none(self):
        model = of_vectors()
        with pytest.raises(ConfigError, match="the standard deviation of the codes is 0.0; train the VAE before"):
            model.measure(np.zeros((5, 6), np.float32), center=True)


class TestLoss:
    @EACH
    def test_it_is_that_of_the_diffusion_of_latents_and_leaves_the_vae_alone(self, make):
        model = measured(make)
        z, y = Tensor(model.latents(images(model, 6))), SEED(1).integers(3, size=6)
        loss, terms = model.loss(z, SEED(7), y)
        expected, _ = model.diffusion.loss(z, SEED(7), y)
        assert loss.item() == expected.item()
        assert terms["mse"].shape == (6,)
        loss.backward()
        assert all(p.grad is not None for p in model.diffusion.parameters())
        assert all(p.grad is None for p in model.vae.parameters())

    def test_training_brings_samples_to_the_data(self):
        """Two clusters of vectors, each with its label: after some steps samples stand in the right one."""
        denoiser = MLPDenoiser(2, 32, 2, classes=2, emb=16, rng=SEED(0))
        model = LatentDiffusion(tiny_vae(), denoiser, Schedule("cosine", 100))
        model.scale = 1.0
        y = SEED(1).integers(2, size=512)
        z = (0.1 * SEED(2).standard_normal((512, 2)) + np.where(y[:, None] == 1, 1, -1)).astype(np.float32)
        optimizer, rng = Adam(model.diffusion.parameters(), 3e-3), SEED(3)
        for _ in range(250):
            rows = rng.integers(512, size=128)
            loss, _ = model.loss(Tensor(z[rows]), rng, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        labels = np.repeat([0, 1], 50)
        made = model.diffusion.sample(100, SEED(4), labels=labels, steps=20)
        sides = np.where(labels[:, None] == 1, 1, -1)
        assert (np.sign(made) == sides).mean() > 0.95
        assert np.abs(made - sides).mean() < 0.4  # from N(0, I) it would be 1.17


class TestSamples:
    @EACH
    def test_they_are_decoded_chains_from_noise(self, make):
        model = measured(make, center=True)
        x = model.sample(4, SEED(5), steps=6, eta=0.5)
        assert x.shape == images(model, 4).shape
        assert 0 <= x.min() <= x.max() <= 1
        latents = model.diffusion.sample(4, SEED(5), steps=6, eta=0.5)
        assert np.array_equal(x, model.decode(latents))

    @EACH
    def test_the_same_seed_gives_the_same_bits(self, make):
        model = measured(make)
        settings = dict(labels=[0, 1, 2], guidance=1.5, steps=5, eta=1.0)
        a, b, c = (model.sample(3, SEED(seed), **settings) for seed in (1, 1, 2))
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)

    @EACH
    def test_the_encoder_and_the_data_have_no_part_in_them(self, make, monkeypatch):
        """What was learnt from data is in the weights and the scale; without an encoder the samples are the same."""
        model = measured(make)
        before = model.sample(3, SEED(1), steps=5)
        monkeypatch.setattr(type(model.vae), "encode", lambda self, x: pytest.fail("the encoder was asked"))
        for p in model.vae.encoder.parameters():
            p.data[...] = np.nan
        assert np.array_equal(model.sample(3, SEED(1), steps=5), before)

    @EACH
    def test_a_film_ends_with_the_sample(self, make):
        model = measured(make)
        film = list(model.film(2, SEED(1), steps=5))
        assert [frame.t for frame, _ in film] == model.diffusion.schedule.steps(5).tolist()
        assert all(picture.shape == images(model, 2).shape for _, picture in film)
        # the last step leads to the estimate of x0 itself
        np.testing.assert_allclose(film[-1][1], model.sample(2, SEED(1), steps=5), rtol=1e-6)


def trained_a_little(model):
    """Three steps, with an average that is neither the first nor the last weights."""
    optimizer = Adam(model.diffusion.parameters(), 1e-2)
    ema = EMA(optimizer.flat, 0.5)
    z = Tensor(model.latents(images(model, 8)))
    for step in range(3):
        loss, _ = model.loss(z, SEED(step), np.arange(8) % 3)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ema.update()
    return ema


class TestCheckpoint:
    @EACH
    @pytest.mark.parametrize("settings", [dict(predict="eps", drop=0.3), {}])
    def test_what_comes_back_gives_the_same_samples_and_the_same_loss(self, make, settings, tmp_path):
        model = make(**settings)
        model.measure(images(model, 60), center=True)
        model.save(tmp_path / "model.safetensors")
        again = LatentDiffusion.load(tmp_path / "model.safetensors")
        assert again.config == model.config
        assert (again.scale, *again.mean) == (model.scale, *model.mean)
        assert np.array_equal(again.sample(3, SEED(1), steps=5), model.sample(3, SEED(1), steps=5))
        z, y = Tensor(model.latents(images(model, 6))), np.zeros(6, int)
        assert again.loss(z, SEED(2), y)[0].item() == model.loss(z, SEED(2), y)[0].item()

    @EACH
    def test_the_averaged_weights_are_those_that_sample(self, make, tmp_path):
        model = measured(make)
        ema = trained_a_little(model)
        own = model.sample(3, SEED(1), steps=5)
        with ema.swapped():
            averaged = model.sample(3, SEED(1), steps=5)
        assert not np.array_equal(own, averaged)
        model.save(tmp_path / "a", ema)
        assert np.array_equal(LatentDiffusion.load(tmp_path / "a").sample(3, SEED(1), steps=5), averaged)
        assert np.array_equal(model.sample(3, SEED(1), steps=5), own)  # the model keeps its own
        model.save(tmp_path / "b")
        assert np.array_equal(LatentDiffusion.load(tmp_path / "b").sample(3, SEED(1), steps=5), own)

    def test_equal_models_give_equal_files(self, tmp_path):
        for name in "ab":
            measured(of_pictures).save(tmp_path / name)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_a_state_that_does_not_fit_changes_nothing(self):
        model = measured(of_pictures)
        state, before = model.state_dict(), model.state_dict()
        for spoil in ("scale", "mean", "vae.decoder.layers.0.W"):
            lacking = {key: value + 1 for key, value in state.items() if key != spoil}
            with pytest.raises(ConfigError, match="the saved state lacks"):
                model.load_state_dict(lacking)
        assert all(np.array_equal(before[key], value) for key, value in model.state_dict().items())

    def test_another_kind_of_file_is_refused(self, tmp_path):
        checkpoint.save(tmp_path / "vae", tiny_vae().state_dict(), {"model": "vae"})
        with pytest.raises(CheckpointError, match="it holds a 'vae'; wanted 'latent-diffusion'"):
            LatentDiffusion.load(tmp_path / "vae")
        with pytest.raises(CheckpointError, match="there is no such checkpoint"):
            LatentDiffusion.load(tmp_path / "nothing")

    @pytest.mark.parametrize("lost", ["vae", "denoiser", "diffusion"])
    def test_a_file_that_lacks_a_part_is_no_model(self, lost, tmp_path):
        model = measured(of_vectors)
        config = {key: value for key, value in model.config.items() if key != lost}
        checkpoint.save(tmp_path / "x", model.state_dict(), {"model": "latent-diffusion", "config": config})
        with pytest.raises(CheckpointError, match="not a model of this version"):
            LatentDiffusion.load(tmp_path / "x")

    def test_a_damaged_file_is_noticed(self, tmp_path):
        path = tmp_path / "model"
        measured(of_vectors).save(path)
        whole = bytearray(path.read_bytes())
        whole[-5] ^= 1
        path.write_bytes(whole)
        with pytest.raises(CheckpointError, match="its contents changed"):
            LatentDiffusion.load(path)


class TestWrongInput:
    def test_a_denoiser_for_other_codes(self):
        with pytest.raises(ShapeError, match=r"the denoiser takes \(4, 8, 8\) but a code is \(2, 2, 2\)"):
            LatentDiffusion(ConvVAE(8, (2, 3, 4), 2, rng=SEED(0)), UNet((4, 8, 8), (4,), rng=SEED(0)))
        with pytest.raises(ShapeError, match=r"the denoiser takes \(3,\) but a code is \(2,\)"):
            LatentDiffusion(tiny_vae(), MLPDenoiser(3, rng=SEED(0)))

    def test_settings_are_those_of_diffusion(self):
        for setting in (dict(predict="score"), dict(drop=2)):
            with pytest.raises(ConfigError):
                of_vectors(**setting)

    def test_a_foreign_denoiser_can_sample_but_not_be_saved(self, tmp_path):
        class Foreign(Module):
            shape, classes = (2,), 0

            def forward(self, x, t, labels=None):
                return 0.5 * x

        model = LatentDiffusion(tiny_vae(), Foreign())
        model.scale = 1.0
        assert model.sample(2, SEED(0), steps=3).shape == (2, 6)
        with pytest.raises(ConfigError, match="a checkpoint can hold unet, mlp, not a Foreign"):
            model.save(tmp_path / "x")

    def test_wrong_settings_of_a_sample_are_named(self):
        model = measured(of_vectors)
        for settings in (dict(steps=51), dict(eta=-1), dict(labels=[0, 3]), dict(labels=[0]), dict(guidance=1)):
            with pytest.raises(MinivaeError, match="wanted|pass labels"):
                model.sample(2, SEED(0), **settings)
