"""The models beside PyTorch, beside formulas written out by hand, and beside the integral they bound."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minivae import Tensor, gradcheck
from minivae.errors import ConfigError, DataError, DtypeError, ShapeError
from minivae.models import MODELS, VAE
from minivae.ops import gaussian_kl
from tests.oracle import oracle
from tests.small import dots, tiny_autoencoder, tiny_conv_vae, tiny_latent_diffusion, tiny_vae

LIKELIHOODS = [dict(likelihood="bernoulli"), dict(likelihood="gaussian", sigma=0.3)]
MAKERS = [tiny_vae, tiny_autoencoder]
BOTH = pytest.mark.parametrize("likelihood", LIKELIHOODS, ids=lambda s: s["likelihood"])
EACH = pytest.mark.parametrize("make", MAKERS)


def in_float64(model):
    for p in model.parameters():
        p.data = p.data.astype(np.float64)
    return model


def draws(n, latent=2, seed=1):
    return np.random.default_rng(seed).normal(size=(n, latent))


class TestBesidePyTorch:
    """The same weights, images and eps, in float32."""

    @staticmethod
    def weights(torch, model):
        return {name: torch.tensor(p.data.copy(), requires_grad=True) for name, p in model.named_parameters()}

    @staticmethod
    def network(torch, w, part, x):
        h = torch.relu(x @ w[f"{part}.layers.0.W"] + w[f"{part}.layers.0.b"])
        return h @ w[f"{part}.layers.2.W"] + w[f"{part}.layers.2.b"]

    @staticmethod
    def reconstruction(torch, logits, x, likelihood, sigma=1.0):
        if likelihood == "bernoulli":
            return -torch.nn.functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)
        return torch.distributions.Normal(torch.sigmoid(logits), sigma).log_prob(x).sum(-1)

    @staticmethod
    def compare(ours, theirs):
        # float32 sums of up to 50 terms, in another order; 1e-5 where terms of either sign leave little.
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=2e-5, atol=1e-5)

    @BOTH
    def test_elbo_its_parts_and_every_gradient_of_a_vae_agree(self, likelihood):
        torch = oracle()
        model = tiny_vae(x_dim=20, hidden=16, latent=3, **likelihood)
        w = self.weights(torch, model)
        x, eps = dots(12, 20), draws(12, 3).astype(np.float32)
        elbo, reconstruction, kl = model.elbo(Tensor(x), eps)
        (-elbo).mean().backward()

        N = torch.distributions.Normal
        h = self.network(torch, w, "encoder", torch.tensor(x))
        mu, logvar = h[:, :3], h[:, 3:]
        std = torch.exp(0.5 * logvar)
        logits = self.network(torch, w, "decoder", mu + std * torch.tensor(eps))
        reconstruction_torch = self.reconstruction(torch, logits, torch.tensor(x), **likelihood)
        prior = N(torch.zeros_like(mu), torch.ones_like(mu))
        kl_torch = torch.distributions.kl_divergence(N(mu, std), prior).sum(-1)
        (kl_torch - reconstruction_torch).mean().backward()

        self.compare(reconstruction.data, reconstruction_torch)
        self.compare(kl.data, kl_torch)
        self.compare(elbo.data, reconstruction_torch - kl_torch)
        for name, p in model.named_parameters():
            self.compare(p.grad, w[name].grad)

    @BOTH
    def test_loss_and_every_gradient_of_an_autoencoder_agree(self, likelihood):
        torch = oracle()
        model = tiny_autoencoder(x_dim=20, hidden=16, latent=3, **likelihood)
        w = self.weights(torch, model)
        x = dots(12, 20)
        loss, terms = model.loss(Tensor(x), np.random.default_rng(0))
        loss.backward()

        z = self.network(torch, w, "encoder", torch.tensor(x))
        logits = self.network(torch, w, "decoder", z)
        reconstruction = self.reconstruction(torch, logits, torch.tensor(x), **likelihood)
        (-reconstruction).mean().backward()

        self.compare(terms["reconstruction"], reconstruction)
        self.compare(loss.item(), -reconstruction.mean())
        for name, p in model.named_parameters():
            self.compare(p.grad, w[name].grad)


class TestByHand:
    """Written out again with NumPy alone, in float64."""

    @staticmethod
    def parts(model, x, eps):
        """mu, logvar, and the decoder's sigmoid s."""
        enc, dec = model.encoder.layers, model.decoder.layers
        h = np.maximum(x @ enc[0].W.data + enc[0].b.data, 0) @ enc[2].W.data + enc[2].b.data
        mu, logvar = h[:, : model.latent], h[:, model.latent :]
        z = mu + np.sqrt(np.exp(logvar)) * eps
        logits = np.maximum(z @ dec[0].W.data + dec[0].b.data, 0) @ dec[2].W.data + dec[2].b.data
        return mu, logvar, 1 / (1 + np.exp(-logits))

    def test_the_bernoulli_elbo(self):
        model, x, eps = in_float64(tiny_vae()), dots(7).astype(np.float64), draws(7)
        mu, logvar, s = self.parts(model, x, eps)
        reconstruction = (x * np.log(s) + (1 - x) * np.log(1 - s)).sum(1)
        kl = -0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(1)
        got = model.elbo(Tensor(x), eps)
        np.testing.assert_allclose(got.reconstruction.data, reconstruction, rtol=1e-12)  # float64, another form
        np.testing.assert_allclose(got.kl.data, kl, rtol=1e-12)
        np.testing.assert_allclose(got.elbo.data, reconstruction - kl, rtol=1e-12)

    def test_the_gaussian_likelihood_has_its_constant(self):
        sigma = 0.3
        model = in_float64(tiny_vae(likelihood="gaussian", sigma=sigma))
        x, eps = dots(7).astype(np.float64), draws(7)
        _, _, s = self.parts(model, x, eps)
        density = np.exp(-((x - s) ** 2) / (2 * sigma**2)) / (sigma * math.sqrt(2 * math.pi))
        got = model.elbo(Tensor(x), eps).reconstruction
        np.testing.assert_allclose(got.data, np.log(density).sum(1), rtol=1e-12)

    @BOTH
    def test_the_elbo_is_the_reconstruction_less_the_kl_to_the_bit(self, likelihood):
        elbo, reconstruction, kl = tiny_vae(**likelihood).elbo(Tensor(dots(7)), draws(7).astype(np.float32))
        assert np.array_equal(elbo.data, reconstruction.data - kl.data)

    @BOTH
    def test_the_loss_is_minus_the_mean_elbo_with_eps_from_rng(self, likelihood):
        model, x = tiny_vae(**likelihood), Tensor(dots(7))
        loss, terms = model.loss(x, np.random.default_rng(5))
        eps = np.random.default_rng(5).standard_normal((7, 2), dtype=np.float32)
        for name, values in model.elbo(x, eps)._asdict().items():
            assert np.array_equal(terms[name], values.data)
        assert loss.item() == pytest.approx(-terms["elbo"].mean(), rel=1e-6)  # float32 mean of 7

    def test_beta_changes_the_loss_and_not_the_elbo(self):
        x = Tensor(dots(7))
        (one, terms), (four, terms4) = (tiny_vae(beta=beta).loss(x, np.random.default_rng(5)) for beta in (1.0, 4.0))
        assert terms["kl"].mean() > 0.01
        assert four.item() - one.item() == pytest.approx(3 * terms["kl"].mean(), rel=1e-4)  # a float32 difference
        for name, values in terms.items():
            assert np.array_equal(values, terms4[name])


class TestGradients:
    """The bound as a whole, through every parameter, in float64: what no test of single ops can show."""

    @staticmethod
    def check(model, f):
        """Differences of `f()` in every parameter of `model`."""
        names = [name for name, _ in model.named_parameters()]

        def with_values(*values):
            for name, value in zip(names, values, strict=True):
                *path, last = name.split(".")
                owner = model
                for part in path:
                    owner = owner[int(part)] if part.isdigit() else getattr(owner, part)
                setattr(owner, last, value)
            return f()

        values = [p.data.astype(np.float64) for p in model.parameters()]
        gradcheck(with_values, *values, rng=np.random.default_rng(0))

    @BOTH
    def test_those_of_the_whole_elbo_are_the_difference_quotients(self, likelihood):
        model, x, eps = tiny_vae(**likelihood), Tensor(dots(4).astype(np.float64)), draws(4)
        self.check(model, lambda: model.elbo(x, eps).elbo)

    @BOTH
    def test_those_of_an_autoencoder_are_too(self, likelihood):
        model, x = tiny_autoencoder(**likelihood), Tensor(dots(4).astype(np.float64))
        self.check(model, lambda: model.loss(x, np.random.default_rng(0))[0])

    def test_those_of_the_loss_weigh_the_kl_with_beta(self):
        model, x = tiny_vae(beta=3.0), Tensor(dots(4).astype(np.float64))

        class Rng:
            def standard_normal(self, shape, dtype):
                return draws(*shape)

        self.check(model, lambda: model.loss(x, Rng())[0])


class TestBound:
    """With one latent dimension log p(x) is an integral that a grid can do: what the ELBO is a bound of."""

    Z = np.linspace(-12, 12, 4001)
    DZ = Z[1] - Z[0]

    @classmethod
    def log_p(cls, model, x):
        """log p(x | z) + log p(z) on the grid, (B, 4001), and log p(x), (B,)."""
        logits = model.decode(Tensor(cls.Z[:, None]))
        x_given_z = [-model.likelihood.nll(logits, Tensor(np.repeat(row[None], len(cls.Z), 0))).data for row in x]
        joint = np.array(x_given_z) - 0.5 * cls.Z**2 - 0.5 * math.log(2 * math.pi)
        top = joint.max(1, keepdims=True)
        return joint, top[:, 0] + np.log(np.exp(joint - top).sum(1) * cls.DZ)

    @classmethod
    def mean_elbo(cls, model, x):
        """The mean of the ELBO over eps, on the same grid, (B,)."""
        weight = np.exp(-0.5 * cls.Z**2) / math.sqrt(2 * math.pi) * cls.DZ
        copies = [Tensor(np.repeat(row[None], len(cls.Z), 0)) for row in x]
        return np.array([weight @ model.elbo(copy, cls.Z[:, None]).elbo.data for copy in copies])

    @BOTH
    @pytest.mark.parametrize("seed", range(3))
    def test_the_mean_elbo_never_exceeds_log_p_and_lacks_the_kl_to_the_posterior(self, likelihood, seed):
        model = in_float64(tiny_vae(latent=1, seed=seed, **likelihood))
        for p in model.decoder.parameters():
            p.data *= 3  # so that the posterior is no Gaussian
        x = dots(5, seed=seed).astype(np.float64)
        joint, log_p = self.log_p(model, x)
        elbo = self.mean_elbo(model, x)
        assert np.all(elbo < log_p)

        mu, logvar = (t.data for t in model.encode(Tensor(x)))
        log_q = -0.5 * (self.Z - mu) ** 2 / np.exp(logvar) - 0.5 * logvar - 0.5 * math.log(2 * math.pi)
        gap = (np.exp(log_q) * (log_q - (joint - log_p[:, None]))).sum(1) * self.DZ
        # Two sums over grids that differ; the decoder has kinks (relu), where the trapezoid rule is good to DZ^2.
        np.testing.assert_allclose(log_p - elbo, gap, rtol=1e-4)

    def test_the_bound_is_tight_where_q_is_the_posterior(self):
        """A decoder that ignores z has the prior for posterior, and an encoder of zeros says so."""
        model = in_float64(tiny_vae(latent=1))
        model.decoder.layers[0].W.data *= 0
        for p in model.encoder.parameters():
            p.data *= 0
        x = dots(5).astype(np.float64)
        np.testing.assert_allclose(self.mean_elbo(model, x), self.log_p(model, x)[1], rtol=1e-9)  # the grid


FINITE = st.floats(-20, 20)


class TestKL:
    @settings(deadline=None)  # a busy machine is no failure
    @given(hnp.arrays(np.float64, (3, 2), elements=FINITE), hnp.arrays(np.float64, (3, 2), elements=FINITE))
    def test_it_is_never_negative(self, mu, logvar):
        # exp(logvar) - 1 - logvar is off by the rounding of its largest term
        assert np.all(gaussian_kl(mu, logvar).data >= -1e-15 * (1 + np.exp(logvar).max()))

    def test_it_is_zero_at_the_prior_and_only_there(self):
        zeros = np.zeros((1, 3), np.float32)
        assert gaussian_kl(zeros, zeros).data == 0
        for k in range(3):
            nudge = np.zeros((1, 3), np.float32)
            nudge[0, k] = 0.01
            assert gaussian_kl(nudge, zeros).data > 0
            assert gaussian_kl(zeros, nudge).data > 0


class TestPictures:
    @EACH
    @BOTH
    def test_reconstructions_are_images_of_the_same_shape_and_leave_no_tape(self, make, likelihood):
        model, x = make(**likelihood), dots(7)
        x_hat = model.reconstruct(x)
        assert x_hat.shape == x.shape
        assert x_hat.dtype == np.float32
        assert np.all((x_hat > 0) & (x_hat < 1))
        assert isinstance(x_hat, np.ndarray)

    def test_a_vae_reconstructs_from_the_middle_of_the_range(self):
        model, x = tiny_vae(), dots(7)
        mu, _ = model.encode(Tensor(x))
        assert np.array_equal(model.reconstruct(x), model.generate(mu.data))

    def test_an_autoencoder_reconstructs_from_its_code(self):
        model, x = tiny_autoencoder(), dots(7)
        assert np.array_equal(model.reconstruct(x), model.generate(model.encode(Tensor(x)).data))

    def test_samples_decode_codes_from_the_prior(self):
        model = tiny_vae()
        z = np.random.default_rng(3).standard_normal((5, 2), dtype=np.float32)
        assert np.array_equal(model.sample(5, np.random.default_rng(3)), model.generate(z))


class TestWrongInput:
    @EACH
    @BOTH
    @pytest.mark.parametrize(
        ("bad", "kind", "words"),
        [
            (dots(3, 6)[0], ShapeError, r"x is \(6,\) but W is \(6, 5\); x has to be \(B, 6\)"),
            (dots(3, 7), ShapeError, r"x is \(3, 7\) but W is \(6, 5\)"),
            (dots(3) * 255, DataError, r"pixels have to lie in \[0, 1\]: divide by 255"),
            (dots(3) - 0.5, DataError, r"pixels have to lie in \[0, 1\]"),
            (np.where(dots(3) > 0.5, np.nan, dots(3)), DataError, "x spans nan to nan"),
            (dots(3).astype(np.float64), DtypeError, r"got float64 and float32; convert one, .*'float32'"),
        ],
        ids=["one image", "width", "bytes", "negative", "nan", "float64"],
    )
    def test_a_loss_on_what_is_no_image_is_a_named_error(self, make, likelihood, bad, kind, words):
        with pytest.raises(kind, match=words):
            make(**likelihood).loss(Tensor(bad), np.random.default_rng(0))

    def test_eps_of_another_shape_is_refused(self):
        with pytest.raises(ShapeError, match=r"eps is \(3, 1\) but mu is \(3, 2\)"):
            tiny_vae().elbo(Tensor(dots(3)), np.zeros((3, 1), np.float32))

    def test_codes_of_another_width_are_refused(self):
        with pytest.raises(ShapeError, match=r"x is \(3, 4\) but W is \(2, 5\)"):
            tiny_vae().generate(np.zeros((3, 4), np.float32))

    @EACH
    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            (dict(likelihood="laplace"), "got 'laplace'; there are 'bernoulli' and 'gaussian'"),
            (dict(likelihood="gaussian", sigma=0), "sigma is 0; a standard deviation has to be positive"),
            (dict(likelihood="gaussian", sigma=float("nan")), "sigma is nan"),
            (dict(latent=0), "both have to be at least 1"),
            (dict(hidden=-1), "both have to be at least 1"),
            (dict(x_dim=0), "both have to be at least 1"),
        ],
    )
    def test_a_setting_outside_its_range_is_refused(self, make, setting, words):
        with pytest.raises(ConfigError, match=words):
            make(**setting)

    @pytest.mark.parametrize("beta", [-1, float("nan"), float("inf")])
    def test_a_beta_that_is_no_weight_is_refused(self, beta):
        with pytest.raises(ConfigError, match=f"beta is {beta}; it has to be 0 or more, and 1 is the true bound"):
            VAE(beta=beta, rng=np.random.default_rng(0))


GREY = dict(likelihood="gaussian", sigma=0.2)
TINY = {
    "autoencoder": lambda: tiny_autoencoder(**GREY),
    "vae": lambda: tiny_vae(**GREY),
    "conv-vae": lambda: tiny_conv_vae(**GREY),
    "latent-diffusion": lambda: tiny_latent_diffusion(classes=3),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_can_be_built_again_from_its_config(name):
    model = TINY[name]()
    again = MODELS[name].of_config(model.config)
    assert again.config == model.config
    assert again.state_dict().keys() == model.state_dict().keys()
    pairs = zip(again.state_dict().values(), model.state_dict().values(), strict=True)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in pairs)
