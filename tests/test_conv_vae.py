"""The convolutional VAE beside PyTorch, beside difference quotients, and what it refuses."""

import numpy as np
import pytest

from minivae import Tensor, gradcheck
from minivae.errors import ConfigError, DataError, ShapeError
from minivae.models import ConvVAE, cropped, padded
from minivae.models.blocks import Attention, ResBlock, Up, norm
from minivae.nn import ConvTranspose2d
from tests.oracle import oracle
from tests.small import digits
from tests.torch_twin import Twin, randomized, there

SEED = np.random.default_rng


def tiny(side=8, channels=(2, 3, 4), latent=2, seed=0, **settings):
    return ConvVAE(side, channels, latent, rng=SEED(seed), **settings)


def pictures(n, side=8, seed=0):
    return SEED(seed).random((n, 1, side, side), dtype=np.float32)


def draws(n, side=8, latent=2, seed=1):
    return SEED(seed).standard_normal((n, latent, side // 4, side // 4), dtype=np.float32)


def gradients_by_differences(model, f, rng, each=3):
    """Difference quotients of the scalar f() in `each` elements of every parameter, beside the gradients."""
    for p in model.parameters():
        p.grad = None
    f().backward()
    for name, p in model.named_parameters():
        for at in {tuple(int(rng.integers(n)) for n in p.shape) for _ in range(each)}:
            middle, h = p.data[at], 1e-6
            p.data[at] = middle + h
            above = f().item()
            p.data[at] = middle - h
            below = f().item()
            p.data[at] = middle
            yield name, p.grad[at], (above - below) / (2 * h)


class TestBesidePyTorch:
    @pytest.mark.parametrize("side", [8, 12])
    def test_the_elbo_and_every_gradient_agree(self, side):
        torch = oracle()
        model = randomized(tiny(side).astype("float64"), SEED(2))
        twin = Twin(torch, model)
        x, eps = (a.astype("float64") for a in (pictures(3, side), draws(3, side)))
        elbo = model.elbo(Tensor(x), eps)
        (0.3 * elbo.kl - elbo.reconstruction).sum().backward()
        nll, kl = twin(model, torch.tensor(x), torch.tensor(eps))
        (0.3 * kl + nll).sum().backward()
        close = dict(rtol=1e-9, atol=1e-10)  # float64, sums of up to 144 terms, ten layers deep
        np.testing.assert_allclose(elbo.reconstruction.data, -nll.detach().numpy(), **close)
        np.testing.assert_allclose(elbo.kl.data, kl.detach().numpy(), **close)
        for (name, p), w in zip(model.named_parameters(), twin.weights, strict=True):
            np.testing.assert_allclose(there(p.grad), w.grad.numpy(), **close, err_msg=name)


class TestGradients:
    @pytest.mark.parametrize("settings", [dict(likelihood="bernoulli"), dict(likelihood="gaussian", sigma=0.3)])
    def test_those_of_the_elbo_are_the_difference_quotients(self, settings):
        model = randomized(tiny(4, **settings).astype("float64"), SEED(3))
        x, eps = pictures(2, 4).astype("float64"), draws(2, 4).astype("float64")
        pairs = list(gradients_by_differences(model, lambda: model.elbo(Tensor(x), eps).elbo.sum(), SEED(4)))
        assert len(pairs) > 60
        for name, gradient, quotient in pairs:
            # float64 differences with h = 1e-6 of a sum near 1e2: good to about 1e-8
            assert gradient == pytest.approx(quotient, rel=1e-5, abs=2e-7), name

    def test_a_gradient_that_is_off_by_a_thousandth_would_be_noticed(self):
        model = randomized(tiny(4).astype("float64"), SEED(3))
        x, eps = pictures(2, 4).astype("float64"), draws(2, 4).astype("float64")
        pairs = gradients_by_differences(model, lambda: model.elbo(Tensor(x), eps).elbo.sum(), SEED(4))
        wrong = [1.001 * g != pytest.approx(q, rel=1e-5, abs=2e-7) for _, g, q in pairs if abs(q) > 1e-3]
        assert len(wrong) > 30
        assert all(wrong)


class TestBlocks:
    def test_a_residual_block_and_attention_start_as_if_they_were_not_there(self):
        x = Tensor(SEED(0).standard_normal((2, 4, 3, 3), dtype=np.float32))
        emb = Tensor(SEED(1).standard_normal((2, 6), dtype=np.float32))
        assert np.array_equal(ResBlock(4, 4, emb=6, rng=SEED(0))(x, emb).data, x.data)
        assert np.array_equal(Attention(4, rng=SEED(0))(x).data, x.data)

    @pytest.mark.parametrize(("n", "groups"), [(1, 1), (2, 1), (6, 1), (8, 2), (16, 4), (32, 8), (96, 8), (100, 4)])
    def test_norms_have_at_most_8_groups_of_at_least_4_channels(self, n, groups):
        assert norm(n).groups == groups

    def test_upsampling_reaches_all_pixels_alike_and_a_transposed_convolution_does_not(self):
        """Ones in, weights of one: away from the edges every pixel is 9, where the other gives 1, 2 and 4."""
        x = Tensor(np.ones((1, 1, 6, 6), np.float32))
        up, transposed = Up(1, 1, rng=SEED(0)), ConvTranspose2d(1, 1, 3, stride=2, padding=1, rng=SEED(0))
        for layer in (up, transposed):
            layer.W.data[...], layer.b.data[...] = 1, 0
        assert np.array_equal(np.unique(up(x).data[:, :, 1:-1, 1:-1]), [9])
        assert np.array_equal(np.unique(transposed(x).data[:, :, 1:-1, 1:-1]), [1, 2, 4])


class TestShapes:
    @pytest.mark.parametrize("side", [32, 64])
    def test_a_code_has_a_quarter_of_the_side(self, side):
        model = ConvVAE(side, rng=SEED(0))
        mu, logvar = model.encode(Tensor(pictures(2, side)))
        assert mu.shape == logvar.shape == (2, *model.code_shape) == (2, 4, side // 4, side // 4)
        assert model.decode(mu).shape == (2, 1, side, side)
        assert mu.dtype == np.float32

    def test_an_image_does_not_depend_on_the_others_in_its_batch(self):
        model, x = tiny(), pictures(5)
        np.testing.assert_allclose(model.reconstruct(x)[3:4], model.reconstruct(x[3:4]), rtol=1e-5)  # other BLAS sums

    def test_a_shifted_image_has_a_shifted_code(self):
        """By 4 pixels, which are 1 of the code. Between lies nothing that knows where it is, but the edges."""
        model = randomized(tiny(64), SEED(1), scale=0.5)
        x = np.zeros((1, 1, 64, 64), np.float32)
        x[:, :, 28:34, 28:34] = pictures(1, 6)
        z, moved = (model.encode(Tensor(image))[0].data for image in (x, np.roll(x, 4, axis=3)))
        assert np.abs(z[0, :, 5:11, 5:11] - z[0, :, 5:11, 4:10]).max() > 0.01
        # group norm sees the whole image, and the same numbers in another order: float32 rounding
        np.testing.assert_allclose(moved[0, :, 4:12, 5:13], z[0, :, 4:12, 4:12], atol=2e-5)


class TestLoss:
    @pytest.mark.parametrize("settings", [dict(likelihood="bernoulli"), dict(likelihood="gaussian", sigma=0.3)])
    def test_it_is_beta_kl_less_reconstruction_with_eps_from_rng(self, settings):
        model, x = randomized(tiny(beta=0.25, **settings), SEED(2)), Tensor(pictures(3))
        loss, terms = model.loss(x, SEED(5))
        elbo = model.elbo(x, SEED(5).standard_normal((3, 2, 2, 2), dtype=np.float32))
        for name, values in elbo._asdict().items():
            assert values.shape == (3,)
            assert np.array_equal(terms[name], values.data)
        assert np.array_equal(elbo.elbo.data, elbo.reconstruction.data - elbo.kl.data)
        assert terms["kl"].min() > 0.1
        # float32 mean of three
        assert loss.item() == pytest.approx((0.25 * terms["kl"] - terms["reconstruction"]).mean(), rel=1e-5)

    def test_nats_are_summed_over_the_whole_image(self):
        """A decoder of zeros says 1/2 for every pixel: log 2 nats each; an encoder of zeros says N(0, 1): no KL."""
        model = tiny()
        for p in model.parameters():
            p.data *= 0
        elbo = model.elbo(Tensor(pictures(3)), draws(3))
        np.testing.assert_allclose(elbo.reconstruction.data, -64 * np.log(2), rtol=1e-6)  # float32 sum of 64
        assert np.array_equal(elbo.kl.data, np.zeros(3))

    def test_a_few_steps_lower_it(self):
        from minivae.optim import Adam

        model, x = tiny(32, (4, 8, 8), 2), Tensor(padded(digits(16), 32))
        optimizer = Adam(model.parameters(), 5e-3)
        losses = []
        for _ in range(12):
            loss, _ = model.loss(x, SEED(0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < 0.7 * losses[0]


class TestPictures:
    def test_a_reconstruction_is_the_image_of_the_middle_of_the_range(self):
        model, x = randomized(tiny(), SEED(1)), pictures(3)
        mu, _ = model.encode(Tensor(x))
        assert np.array_equal(model.reconstruct(x), model.generate(mu.data))
        assert model.reconstruct(x).shape == x.shape
        assert 0 <= model.reconstruct(x).min() <= model.reconstruct(x).max() <= 1

    def test_samples_decode_draws_from_the_prior(self):
        model = tiny()
        assert np.array_equal(model.sample(3, SEED(7)), model.generate(draws(3, seed=7)))

    def test_it_is_made_again_from_its_config(self):
        model = tiny(likelihood="gaussian", sigma=0.2, beta=0.5)
        again = ConvVAE(**model.config, rng=SEED(0))
        assert again.config == model.config
        assert all(np.array_equal(a.data, b.data) for a, b in zip(again.parameters(), model.parameters(), strict=True))


class TestPadding:
    @pytest.mark.parametrize("shape", [(3, 784), (3, 28, 28), (3, 1, 28, 28)])
    def test_images_come_back_from_their_frame(self, shape):
        x = SEED(0).random(shape, dtype=np.float32) + 1
        whole = padded(x, 32)
        assert whole.shape == (3, 1, 32, 32)
        assert whole.dtype == np.float32
        assert np.array_equal(cropped(whole, 28), x.reshape(3, 784))
        assert np.count_nonzero(whole) == x.size  # around them nothing but zeros
        assert np.array_equal(np.flatnonzero(whole.any(axis=(0, 1, 2))), np.arange(2, 30))

    @pytest.mark.parametrize(
        ("bad", "side", "words"),
        [
            (np.zeros((3, 783)), 32, "wanted square images"),
            (np.zeros((3, 3, 28, 28)), 32, "wanted square images"),
            (np.zeros(784), 32, "wanted square images"),
            (np.zeros((3, 784)), 24, "images of 28 x 28 do not fit into 24 x 24; take a larger side"),
        ],
    )
    def test_what_is_no_square_or_too_large_is_refused(self, bad, side, words):
        with pytest.raises(ShapeError, match=words):
            padded(bad, side)

    @pytest.mark.parametrize(("shape", "side"), [((3, 784), 28), ((3, 2, 32, 32), 28), ((3, 1, 32, 32), 33)])
    def test_what_has_no_such_middle_is_not_cropped(self, shape, side):
        with pytest.raises(ShapeError, match=r"wanted \(N, 1, S, S\), and 1 to S"):
            cropped(np.zeros(shape), side)


class TestWrongInput:
    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            (dict(side=28 + 2), "side is 30; wanted a multiple of 4, for 3 widths halve it 2 times"),
            (dict(side=0), "side is 0; wanted a multiple of 4"),
            (dict(channels=(8,)), "wanted 2 widths or more"),
            (dict(side=36, channels=(2, 2, 2, 2)), "wanted a multiple of 8, for 4 widths halve it 3 times"),
            (dict(latent=0), "wanted 2 widths or more, and 1 or more"),
            (dict(beta=-1), "beta is -1; it has to be 0 or more"),
            (dict(beta=float("nan")), "beta is nan"),
            (dict(likelihood="laplace"), "there are 'bernoulli' and 'gaussian'"),
        ],
    )
    def test_a_setting_outside_its_range_is_refused(self, setting, words):
        with pytest.raises(ConfigError, match=words):
            ConvVAE(**setting, rng=SEED(0))

    @pytest.mark.parametrize("shape", [(3, 64), (3, 1, 12, 12), (3, 2, 8, 8), (1, 8, 8)])
    def test_images_of_another_shape_are_refused_with_the_fix(self, shape):
        with pytest.raises(ShapeError, match=r"wanted \(B, 1, 8, 8\): padded\(x, 8\) makes such images"):
            tiny().reconstruct(np.zeros(shape, np.float32))

    def test_codes_of_another_shape_are_refused(self):
        with pytest.raises(ShapeError, match=r"z is \(3, 2\); wanted \(B, 2, 2, 2\)"):
            tiny().generate(np.zeros((3, 2), np.float32))
        with pytest.raises(ShapeError, match=r"eps is \(3, 2, 2, 1\)"):
            tiny().elbo(Tensor(pictures(3)), np.zeros((3, 2, 2, 1), np.float32))

    @pytest.mark.parametrize("settings", [dict(likelihood="bernoulli"), dict(likelihood="gaussian", sigma=0.3)])
    def test_pixels_outside_0_to_1_are_refused(self, settings):
        with pytest.raises(DataError, match=r"pixels have to lie in \[0, 1\]"):
            tiny(**settings).loss(Tensor(2 * pictures(3)), SEED(0))


def test_group_norm_of_the_decoder_passes_a_gradient_check_through_the_layout_of_a_convolution():
    """What the op is handed in the model: an array whose channels come last in memory."""
    from minivae import ops

    nhwc = SEED(0).normal(size=(2, 3, 2, 4))
    gain, bias = SEED(1).normal(size=(2, 4))

    def f(x, gain, bias):
        return ops.group_norm(ops.transpose(x, axes=(0, 3, 1, 2)), gain, bias, groups=2)

    gradcheck(f, nhwc, gain, bias, rng=SEED(2))
