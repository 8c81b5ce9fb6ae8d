"""The mathematics of diffusion: identities, conversions, and samplers that meet distributions known exactly."""

import math

import numpy as np
import pytest

from minivae import Tensor
from minivae.errors import ConfigError, DtypeError, ShapeError
from minivae.models import Diffusion, Schedule
from minivae.models.diffusion import KINDS, cosine, ddim_posterior, ddpm_posterior, linear, target, x0_and_eps
from minivae.models.samplers import ddim, ddpm, guided
from minivae.nn import Linear, Module

SEED = np.random.default_rng
BOTH = pytest.mark.parametrize("name", ["linear", "cosine"])


class Flat(Module):
    """A denoiser of vectors of 3 that a test can follow: x W + b + a row of `labels` for each label, 4 for "none"."""

    shape, classes = (3,), 4

    def __init__(self, seed=0):
        self.layer = Linear(3, 3, rng=SEED(seed))
        self.labels = Tensor(SEED(seed).standard_normal((5, 3), dtype=np.float32))
        self.seen = []

    def forward(self, x, t, labels=None):
        self.seen.append((t, labels))
        rows = np.full(len(x), 4) if labels is None else labels
        return self.layer(x) + self.labels.data[rows].astype(x.dtype)


class TestSchedule:
    @BOTH
    @pytest.mark.parametrize("T", [2, 50, 1000, 4000])
    def test_alpha_bar_falls_from_nearly_1_to_nearly_0(self, name, T):
        alpha_bar = Schedule(name, T).alpha_bar
        assert alpha_bar.shape == (T,)
        assert alpha_bar.dtype == np.float64
        assert np.all(np.diff(alpha_bar) < 0)
        assert 0 < alpha_bar[-1] < 1e-3 or T == 2
        assert alpha_bar[0] < 1
        if T >= 1000:
            assert alpha_bar[0] > 0.9998
            assert alpha_bar[-1] < 5e-5

    def test_the_linear_one_is_ho_et_als(self):
        """Their beta goes from 1e-4 to 0.02; the product written out in logarithms."""
        t = np.arange(1000)
        beta = 1e-4 + (0.02 - 1e-4) * t / 999
        np.testing.assert_allclose(linear(1000), np.exp(np.cumsum(np.log1p(-beta))), rtol=1e-12)  # float64
        assert linear(1000)[-1] == pytest.approx(4.036e-5, rel=1e-3)

    def test_the_linear_one_adds_as_much_noise_with_other_numbers_of_steps(self):
        assert np.log(linear(4000)[-1]) == pytest.approx(np.log(linear(1000)[-1]), rel=0.01)  # beta^2 terms differ

    def test_the_cosine_one_is_a_squared_cosine_but_for_its_last_step(self):
        T, s = 1000, 0.008
        u = np.arange(1, T + 1) / T
        f = np.cos((u + s) / (1 + s) * math.pi / 2) ** 2 / np.cos(s / (1 + s) * math.pi / 2) ** 2
        np.testing.assert_allclose(cosine(T)[:-1], f[:-1], rtol=1e-9)  # a product of 999 float64 ratios
        assert cosine(T)[-1] == pytest.approx(0.001 * cosine(T)[-2])  # beta is held at 0.999

    @BOTH
    def test_the_squares_of_signal_and_noise_add_up_to_1(self, name):
        signal, noise = Schedule(name).at(np.arange(1000), np.zeros((1000, 2, 3)))
        assert signal.shape == noise.shape == (1000, 1, 1)
        np.testing.assert_allclose(signal**2 + noise**2, 1, rtol=1e-15)  # float64, one rounding each

    @BOTH
    def test_data_of_unit_variance_keeps_it_at_every_step(self, name):
        """40,000 numbers, from {-1, 1}: a variance is then good to 0.007, and 0.035 is five of these."""
        schedule, rng = Schedule(name), SEED(0)
        x0 = rng.choice([-1.0, 1.0], size=(40_000, 1))
        for t in (0, 10, 300, 700, 999):
            x_t = schedule.q_sample(x0, np.full(40_000, t), rng.standard_normal(x0.shape))
            assert x_t.var() == pytest.approx(1, abs=0.035)
            # what is left of x0, to 1 / sqrt(40,000) = 0.005
            assert (x_t * x0).mean() == pytest.approx(math.sqrt(schedule.alpha_bar[t]), abs=0.025)
        assert (x_t * x0).mean() == pytest.approx(0, abs=0.03)  # at the end nothing to speak of

    def test_steps_one_by_one_end_where_q_sample_goes_at_once(self):
        """q(x_t | x_s) = N(sqrt(alpha) x_s, beta): its mean and variance, carried on for t steps, in float64."""
        schedule = Schedule("cosine", 50)
        signal, variance, before = 1.0, 0.0, 1.0
        for alpha_bar in schedule.alpha_bar:
            alpha = alpha_bar / before
            signal, variance, before = math.sqrt(alpha) * signal, alpha * variance + 1 - alpha, alpha_bar
            assert signal == pytest.approx(math.sqrt(alpha_bar), rel=1e-12)
            assert variance == pytest.approx(1 - alpha_bar, rel=1e-12)

    def test_each_image_gets_its_own_step(self):
        schedule, x0, eps = Schedule(), SEED(0).normal(size=(3, 2, 2)), SEED(1).normal(size=(3, 2, 2))
        t = np.array([0, 500, 999])
        together = schedule.q_sample(x0, t, eps)
        for i in range(3):
            a = schedule.alpha_bar[t[i]]
            np.testing.assert_allclose(together[i], math.sqrt(a) * x0[i] + math.sqrt(1 - a) * eps[i], rtol=1e-12)

    def test_float32_stays_float32_and_tensors_stay_tensors(self):
        x0 = SEED(0).standard_normal((2, 3), dtype=np.float32)
        t = np.array([1, 2])
        array, tensor = (Schedule().q_sample(x, t, x0) for x in (x0, Tensor(x0)))
        assert array.dtype == np.float32
        assert isinstance(tensor, Tensor)
        assert np.array_equal(array, tensor.data)

    @pytest.mark.parametrize("T", [10, 1000])
    @pytest.mark.parametrize("n", [1, 2, 3, 7, 10])
    def test_steps_begin_at_the_end_and_are_evenly_spaced(self, T, n):
        steps = Schedule(T=T).steps(n)
        assert len(steps) == n
        assert steps[0] == T - 1
        gaps = -np.diff(np.append(steps, -1))  # -1 is the image itself
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1  # as even as whole numbers can be

    def test_all_steps_are_all_steps(self):
        assert np.array_equal(Schedule().steps(1000), np.arange(999, -1, -1))


class TestKinds:
    """Any two of x0, eps and x_t give all, whatever the denoiser was trained to say."""

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("t", [0, 300, 999])
    def test_the_right_answer_gives_back_image_and_noise(self, kind, t):
        schedule = Schedule("linear")
        x0, eps = SEED(0).normal(size=(2, 4, 3))
        signal, noise = schedule.at(np.full(4, t), x0)
        x_t = schedule.q_sample(x0, np.full(4, t), eps)
        found = x0_and_eps(kind, target(kind, x0, eps, signal, noise), x_t, signal, noise)
        np.testing.assert_allclose(found[0], x0, rtol=1e-9, atol=1e-11)  # "eps" divides by 0.0064 at t = 999
        np.testing.assert_allclose(found[1], eps, rtol=1e-9, atol=1e-11)  # "x0" by 0.01 at t = 0

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("other", KINDS)
    def test_an_answer_of_one_kind_translated_to_another_and_back_is_itself(self, kind, other):
        x_t, answer = SEED(0).normal(size=(2, 4, 3))
        signal, noise = 0.6, 0.8
        translated = target(other, *x0_and_eps(kind, answer, x_t, signal, noise), signal, noise)
        back = target(kind, *x0_and_eps(other, translated, x_t, signal, noise), signal, noise)
        np.testing.assert_allclose(back, answer, rtol=1e-12, atol=1e-13)  # float64
        assert kind == other or not np.allclose(translated, answer)

    def test_v_is_the_image_and_the_noise_turned_by_an_angle(self):
        """(x_t, v) is (x0, eps) rotated: lengths stay, so v has unit variance wherever the two have."""
        x0, eps = SEED(0).normal(size=(2, 5))
        for angle in (0.1, 0.8, 1.5):
            signal, noise = math.cos(angle), math.sin(angle)
            x_t, v = signal * x0 + noise * eps, target("v", x0, eps, signal, noise)
            np.testing.assert_allclose(x_t**2 + v**2, x0**2 + eps**2, rtol=1e-12)

    def test_another_kind_is_refused(self):
        with pytest.raises(ConfigError, match="a denoiser predicts eps, x0, v; got 'score'"):
            target("score", 0.0, 0.0, 1.0, 0.0)
        with pytest.raises(ConfigError, match="got 'score'"):
            Diffusion(Flat(), predict="score")


class TestLoss:
    @pytest.mark.parametrize("kind", KINDS)
    def test_it_is_that_of_a_float64_reference(self, kind):
        denoiser = Flat()
        model = Diffusion(denoiser, Schedule("linear", 100), predict=kind)
        x0, eps = SEED(0).standard_normal((2, 6, 3), dtype=np.float32)
        t, y = SEED(1).integers(100, size=6), SEED(2).integers(4, size=6)
        got = model.errors(Tensor(x0), t, eps, y).data

        W, b, rows = (
            a.astype(np.float64) for a in (denoiser.layer.W.data, denoiser.layer.b.data, denoiser.labels.data)
        )
        beta = np.linspace(1e-4, 0.02, 100) * 10
        signal = np.sqrt(np.cumprod(1 - beta)[t])[:, None]
        noise = np.sqrt(1 - signal**2)
        answer = (signal * x0 + noise * eps) @ W + b + rows[y]
        wanted = {"eps": eps, "x0": x0, "v": signal * eps - noise * x0}[kind]
        np.testing.assert_allclose(got, ((answer - wanted) ** 2).mean(1), rtol=1e-5)  # float32 sums of 3 squares

    def test_all_of_its_draws_come_from_rng(self):
        model, x0 = Diffusion(Flat(), drop=0.5), SEED(0).standard_normal((40, 3), dtype=np.float32)
        y = SEED(1).integers(4, size=40)
        loss, terms = model.loss(Tensor(x0), SEED(7), y)
        rng = SEED(7)
        t, eps = rng.integers(1000, size=40), rng.standard_normal((40, 3), dtype=np.float32)
        labels = np.where(rng.random(40) < 0.5, 4, y)
        assert np.array_equal(terms["mse"], model.errors(Tensor(x0), t, eps, labels).data)
        assert loss.item() == pytest.approx(terms["mse"].mean(), rel=1e-6)  # float32 mean of 40

    @pytest.mark.parametrize("kind", ["eps", "v"])
    def test_an_answer_of_zero_costs_1(self, kind):
        """Unit variance data; 60,000 squares of variance 2: the mean is good to 0.006, and 0.03 is five of these."""
        denoiser = Flat()
        denoiser.layer.W.data *= 0
        denoiser.layer.b.data *= 0
        denoiser.labels.data *= 0
        x0 = SEED(0).standard_normal((20_000, 3), dtype=np.float32)
        loss, _ = Diffusion(denoiser, predict=kind).loss(Tensor(x0), SEED(1))
        assert loss.item() == pytest.approx(1, abs=0.03)

    def test_gradients_reach_the_denoiser_and_not_the_data(self):
        model, x0 = Diffusion(Flat()), Tensor(SEED(0).standard_normal((4, 3), dtype=np.float32))
        model.loss(x0, SEED(0))[0].backward()
        assert all(np.any(p.grad) for p in model.parameters())
        assert x0.grad is None


class TestLabelDropout:
    def test_the_share_is_drop_and_the_others_stay(self):
        """20,000 draws: a share of 0.1 is good to 0.0021, and 0.013 is six of these."""
        y = SEED(0).integers(4, size=20_000)
        kept = Diffusion(Flat(), drop=0.1).dropped(y, len(y), SEED(1))
        assert (kept == 4).mean() == pytest.approx(0.1, abs=0.013)
        assert np.array_equal(kept[kept != 4], y[kept != 4])

    @pytest.mark.parametrize(("drop", "none"), [(0, 0), (1, 100)])
    def test_none_and_all_can_be_dropped(self, drop, none):
        y = SEED(0).integers(4, size=100)
        assert (Diffusion(Flat(), drop=drop).dropped(y, 100, SEED(1)) == 4).sum() == none


class TestPosteriors:
    CASES = ((0.5, 0.9), (0.01, 0.02), (1e-6, 1e-3), (0.9998, 0.9999), (0.3, 1.0))

    @pytest.mark.parametrize(("alpha_bar", "alpha_bar_s"), CASES)
    def test_ddim_with_eta_1_is_ddpm(self, alpha_bar, alpha_bar_s):
        x0, x_t = SEED(0).normal(size=(2, 5))
        eps = (x_t - math.sqrt(alpha_bar) * x0) / math.sqrt(1 - alpha_bar)
        mean, variance = ddpm_posterior(x0, x_t, alpha_bar, alpha_bar_s)
        mean1, variance1 = ddim_posterior(x0, eps, alpha_bar, alpha_bar_s, 1.0)
        assert variance1 == pytest.approx(variance, rel=1e-9)
        np.testing.assert_allclose(mean1, mean, rtol=1e-8, atol=1e-10)  # float64; differences of numbers near 1

    def test_at_every_step_of_both_schedules(self):
        x0, eps = SEED(0).normal(size=(2, 4))
        for name in ("linear", "cosine"):
            alpha_bar = np.append(1, Schedule(name).alpha_bar)
            for a, s in zip(alpha_bar[1:].tolist(), alpha_bar.tolist(), strict=False):
                mean, variance = ddpm_posterior(x0, math.sqrt(a) * x0 + math.sqrt(1 - a) * eps, a, s)
                mean1, variance1 = ddim_posterior(x0, eps, a, s, 1.0)
                assert variance1 == pytest.approx(variance, rel=1e-9, abs=1e-15)
                np.testing.assert_allclose(mean1, mean, rtol=1e-8, atol=1e-8)

    @pytest.mark.parametrize(("alpha_bar", "alpha_bar_s"), CASES)
    def test_ddpms_is_bayes_rule_on_a_grid(self, alpha_bar, alpha_bar_s):
        """q(x_s | x_t, x0) is q(x_t | x_s) q(x_s | x0) over its integral: mean and variance by sums over a grid."""
        x0, x_t = 0.7, -0.4
        mean, variance = ddpm_posterior(x0, x_t, alpha_bar, alpha_bar_s)
        if alpha_bar_s == 1:
            assert (mean, variance) == (pytest.approx(x0), 0)
            return
        grid = mean + math.sqrt(variance) * np.linspace(-9, 9, 4001)
        alpha = alpha_bar / alpha_bar_s
        log_p = -((x_t - math.sqrt(alpha) * grid) ** 2) / (2 * (1 - alpha))
        log_p -= (grid - math.sqrt(alpha_bar_s) * x0) ** 2 / (2 * (1 - alpha_bar_s))
        p = np.exp(log_p - log_p.max())
        p /= p.sum()
        assert p @ grid == pytest.approx(mean, rel=1e-6, abs=1e-9)  # nine standard deviations a side
        assert p @ (grid - mean) ** 2 == pytest.approx(variance, rel=1e-6)

    @pytest.mark.parametrize("eta", [0, 0.5, 1])
    def test_the_marginal_at_s_is_that_of_q_sample_for_every_eta(self, eta):
        """Given x0, x_s has mean sqrt(alpha_bar_s) x0 and variance 1 - alpha_bar_s. Song et al. 2021, lemma 1."""
        for alpha_bar, alpha_bar_s in self.CASES:
            mean, variance = ddim_posterior(0.0, 1.0, alpha_bar, alpha_bar_s, eta)  # the factor of eps
            assert mean**2 + variance == pytest.approx(1 - alpha_bar_s, rel=1e-12, abs=1e-15)
            assert ddim_posterior(1.0, 0.0, alpha_bar, alpha_bar_s, eta)[0] == pytest.approx(math.sqrt(alpha_bar_s))

    def test_eta_scales_the_standard_deviation(self):
        whole, part = (ddim_posterior(0.0, 0.0, 0.2, 0.6, eta)[1] for eta in (1.0, 0.5))
        assert part == pytest.approx(0.25 * whole)
        assert ddim_posterior(0.0, 0.0, 0.2, 0.6, 0.0)[1] == 0


def oracle_for(m, s, schedule):
    """The best denoiser for data from N(m, s^2): E[x0 | x_t] and E[eps | x_t] of two Gaussians, in closed form."""

    def denoise(x, t):
        a = schedule.alpha_bar[t]
        x0 = m + math.sqrt(a) * s**2 / (a * s**2 + 1 - a) * (x - math.sqrt(a) * m)
        return x0, (x - math.sqrt(a) * x0) / math.sqrt(1 - a)

    return denoise


def last(frames):
    return list(frames)[-1].x


class TestSamplers:
    """With the best denoiser for Gaussian data, samples have to have the data's mean and deviation."""

    M, S, N = 1.5, 0.5, 40_000

    def run(self, sampler, steps, name="cosine", **settings):
        schedule = Schedule(name)
        x = SEED(0).standard_normal(self.N)
        return last(sampler(oracle_for(self.M, self.S, schedule), schedule, x, SEED(1), steps=steps, **settings))

    @pytest.mark.parametrize("name", ["linear", "cosine"])
    @pytest.mark.parametrize("settings", [dict(steps=1000, eta=1.0), dict(steps=200, eta=0.5)])
    def test_ddim_draws_the_known_distribution(self, name, settings):
        """The mean of 40,000 is good to 0.0025 and the deviation to 0.0018; 0.02 leaves room for 200 finite steps."""
        x = self.run(ddim, name=name, **settings)
        assert x.mean() == pytest.approx(self.M, abs=0.02)
        assert x.std() == pytest.approx(self.S, abs=0.02)

    def test_ddpm_draws_the_known_distribution(self):
        x = self.run(ddpm, 1000)
        assert x.mean() == pytest.approx(self.M, abs=0.01)  # four times what 40,000 draws leave open
        assert x.std() == pytest.approx(self.S, abs=0.01)
        skew = ((x - x.mean()) ** 3).mean() / x.std() ** 3
        assert abs(skew) < 0.06  # of a Gaussian's sample: 0 to sqrt(6 / 40,000) = 0.012

    def test_ddim_without_noise_is_a_straight_line_from_noise_to_data(self):
        """For Gaussian data the flow maps x_T to m + s x_T; fewer steps come less near to it."""
        x_T = SEED(0).standard_normal(self.N)
        far = []
        for steps in (10, 50, 1000):
            x = self.run(ddim, steps)
            far.append(np.abs(x - (self.M + self.S * x_T)).max())
        assert far[0] > far[1] > far[2]
        assert far[2] < 0.01  # a first-order rule with 1,000 steps

    def test_ddim_with_eta_1_takes_the_steps_of_ddpm(self):
        """The same draws: float64 rounding over 100 steps."""
        np.testing.assert_allclose(self.run(ddim, 100, eta=1.0), self.run(ddpm, 100), atol=1e-9)

    def test_a_denoiser_that_knows_the_image_is_believed(self):
        schedule, x0 = Schedule(), SEED(0).normal(size=(3, 2))

        def denoise(x, t):
            a = schedule.alpha_bar[t]
            return x0, (x - math.sqrt(a) * x0) / math.sqrt(1 - a)

        for sampler in (ddim, ddpm):
            x = last(sampler(denoise, schedule, SEED(1).normal(size=(3, 2)), SEED(2), steps=7))
            np.testing.assert_allclose(x, x0, rtol=1e-12)

    def test_a_planted_fault_is_seen(self):
        """The noise of each step twice as strong: the known distribution is missed by far."""

        class Loud(np.random.Generator):
            def standard_normal(self, *args, **settings):
                return 2 * super().standard_normal(*args, **settings)

        schedule = Schedule()
        noise = Loud(np.random.PCG64(1))
        x = SEED(0).standard_normal(self.N)
        x = last(ddpm(oracle_for(self.M, self.S, schedule), schedule, x, noise, steps=1000))
        assert abs(x.std() - self.S) > 0.1

    @pytest.mark.parametrize("sampler", [ddim, ddpm])
    @pytest.mark.parametrize("steps", [0, -1, 1001, 2.5])
    def test_steps_that_there_are_not_are_refused(self, sampler, steps):
        with pytest.raises(ConfigError, match=f"steps: got {steps} of 1000; wanted a whole number, 1 to 1000"):
            self.run(sampler, steps)

    @pytest.mark.parametrize("eta", [-0.1, 1.1, float("nan")])
    def test_an_eta_outside_its_range_is_refused(self, eta):
        with pytest.raises(ConfigError, match=f"eta is {eta}; wanted 0"):
            self.run(ddim, 10, eta=eta)


class TestSampling:
    def test_the_same_seed_gives_the_same_bits_and_another_seed_others(self):
        model = Diffusion(Flat())
        for eta in (0.0, 1.0):
            a, b, c = (model.sample(5, SEED(seed), steps=20, eta=eta) for seed in (3, 3, 4))
            assert a.shape == (5, 3)
            assert a.dtype == np.float32
            assert np.array_equal(a, b)
            assert not np.array_equal(a, c)

    def test_it_begins_at_noise_and_nothing_but_the_denoiser_and_rng_decides(self):
        """Weights away, clean answers of 0: what is left of v-prediction's x_0 = signal x_T is seen step by step."""
        denoiser = Flat()
        for p in (denoiser.layer.W, denoiser.layer.b, denoiser.labels):
            p.data *= 0
        model = Diffusion(denoiser)
        frames = list(model.chain(4, SEED(5), steps=3))
        x = SEED(5).standard_normal((4, 3), dtype=np.float32)
        assert [frame.t for frame in frames] == [999, 666, 332]
        for frame, s in zip(frames, [666, 332, None], strict=True):
            a = model.schedule.alpha_bar[frame.t]
            b = 1.0 if s is None else model.schedule.alpha_bar[s]
            x0, eps = math.sqrt(a) * x, math.sqrt(1 - a) * x
            np.testing.assert_allclose(frame.x0, x0, rtol=1e-5)  # float32
            x = math.sqrt(b) * x0 + math.sqrt(1 - b) * eps
            np.testing.assert_allclose(frame.x, x, rtol=1e-5)

    def test_training_data_has_no_way_into_it(self):
        """Loss on any data before, parameters unchanged: the same bits."""
        model = Diffusion(Flat())
        before = model.sample(5, SEED(3), steps=5)
        model.loss(Tensor(np.full((8, 3), 100, np.float32)), SEED(0))
        assert np.array_equal(model.sample(5, SEED(3), steps=5), before)

    def test_guidance_is_ho_and_salimans_formula(self):
        denoiser = Flat()
        model, x, y = Diffusion(denoiser, predict="eps"), SEED(0).standard_normal((2, 3), dtype=np.float32), [1, 3]
        signal, noise = model.schedule.at(np.array([400, 400]), x)
        c, u = (denoiser(Tensor(x), np.full(2, 400), labels).data for labels in (np.array(y), None))
        for w in (0.0, 1.0, 2.5):
            x0, eps = model.denoise(x, 400, np.array(y), w)
            np.testing.assert_allclose(eps, (1 + w) * c - w * u, rtol=1e-5)  # float32
            np.testing.assert_allclose(x0, (x - noise * eps) / signal, rtol=1e-5)

    def test_guidance_is_one_rule_for_all_kinds(self):
        """Guided as v or as eps or as x0: the same image, for all are affine in one another."""
        x_t, c, u = SEED(0).normal(size=(3, 4))
        signal, noise, found = 0.6, 0.8, []
        for kind in KINDS:
            said = [target(kind, *x0_and_eps("v", answer, x_t, signal, noise), signal, noise) for answer in (c, u)]
            found.append(x0_and_eps(kind, guided(*said, 1.7), x_t, signal, noise)[0])
        np.testing.assert_allclose(found, [found[0]] * 3, rtol=1e-12)

    def test_without_guidance_the_denoiser_is_asked_once_a_step_and_with_it_twice(self):
        denoiser, y = Flat(), np.array([1, 2])
        model = Diffusion(denoiser)
        model.sample(2, SEED(0), labels=y, steps=4)
        assert len(denoiser.seen) == 4
        assert all(np.array_equal(labels, y) for _, labels in denoiser.seen)
        denoiser.seen.clear()
        model.sample(2, SEED(0), labels=y, steps=4, guidance=1.0)
        assert [labels is None for _, labels in denoiser.seen] == [False, True] * 4

    @pytest.mark.parametrize("predict", KINDS)
    def test_clip_holds_the_image_and_keeps_x_t_what_it_is_made_of(self, predict):
        model = Diffusion(Flat(), predict=predict, clip=0.1)
        x = SEED(0).standard_normal((6, 3), dtype=np.float32)
        x0, eps = model.denoise(x, 900)
        assert np.abs(x0).max() == np.float32(0.1)
        signal, noise = model.schedule.at(np.full(6, 900), x)
        np.testing.assert_allclose(signal * x0 + noise * eps, x, rtol=1e-5, atol=1e-6)  # float32

    def test_ddpm_can_be_asked_for(self):
        model = Diffusion(Flat())
        a = last(model.chain(3, SEED(0), sampler="ddpm", steps=30))
        b = model.sample(3, SEED(0), steps=30, eta=1.0)
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)  # float32 over 30 steps, in another form


class TestWrongInput:
    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            (dict(name="sigmoid"), "got 'sigmoid' with T=1000; there are linear, cosine, with 2 steps or more"),
            (dict(T=1), "T=1; there are"),
        ],
    )
    def test_schedules_that_there_are_not(self, setting, words):
        with pytest.raises(ConfigError, match=words):
            Schedule(**setting)

    @pytest.mark.parametrize(
        ("t", "kind", "words"),
        [
            (np.array([0, 1000]), ConfigError, "from 0 to 1000; wanted whole, 0 to 999"),
            (np.array([-1, 5]), ConfigError, "from -1 to 5; wanted whole, 0 to 999"),
            (np.array([0.5, 1]), ConfigError, "got steps float64 from 0.5 to 1.0; wanted whole"),
            (np.array([1, 2, 3]), ShapeError, r"t is \(3,\) for 2 images; wanted one step for each: \(2,\)"),
            (5, ShapeError, r"t is \(\) for 2 images"),
        ],
    )
    def test_steps_outside_the_schedule(self, t, kind, words):
        with pytest.raises(kind, match=words):
            Schedule().q_sample(np.zeros((2, 3)), t, np.zeros((2, 3)))

    def test_noise_of_another_shape(self):
        with pytest.raises(ShapeError, match=r"q_sample: eps is \(2, 1\) but x0 is \(2, 3\); draw"):
            Schedule().q_sample(np.zeros((2, 3)), np.array([0, 1]), np.zeros((2, 1)))

    @pytest.mark.parametrize(
        ("labels", "kind", "words"),
        [
            ([0, 4], ConfigError, "labels span 0 to 4; wanted 0 to 3"),
            ([-1, 2], ConfigError, "labels span -1 to 2; wanted 0 to 3"),
            ([0.0, 1.0], DtypeError, r"labels are float64; wanted integers: y.astype\('int64'\)"),
            ([0, 1, 2], ShapeError, r"labels are \(3,\) for 2 images; wanted one for each: \(2,\)"),
        ],
    )
    def test_labels_that_there_are_not(self, labels, kind, words):
        model = Diffusion(Flat())
        with pytest.raises(kind, match=words):
            model.sample(2, SEED(0), labels=labels)
        with pytest.raises(kind, match=words):
            model.loss(Tensor(np.zeros((2, 3), np.float32)), SEED(0), labels)

    def test_labels_where_none_are_known(self):
        denoiser = Flat()
        denoiser.classes = 0
        with pytest.raises(ConfigError, match="got labels, but the denoiser knows none; make it with classes=10"):
            Diffusion(denoiser).sample(2, SEED(0), labels=[0, 1])

    @pytest.mark.parametrize(
        ("setting", "words"),
        [
            (dict(guidance=1.0), "guidance leads towards labels; pass labels"),
            (dict(guidance=-1.0, labels=[0, 1]), "guidance is -1.0; wanted 0"),
            (dict(guidance=float("nan"), labels=[0, 1]), "guidance is nan"),
            (dict(eta=2.0), "eta is 2.0"),
            (dict(steps=0), "steps: got 0 of 1000"),
        ],
    )
    def test_settings_of_a_sample(self, setting, words):
        with pytest.raises(ConfigError, match=words):
            Diffusion(Flat()).sample(2, SEED(0), **setting)

    def test_a_sampler_that_there_is_not(self):
        with pytest.raises(ConfigError, match="sampler is 'euler'; there are ddpm, ddim"):
            Diffusion(Flat()).chain(2, SEED(0), sampler="euler")

    @pytest.mark.parametrize(
        ("setting", "words"),
        [(dict(drop=1.5), "drop is 1.5"), (dict(drop=-0.1), "drop is -0.1"), (dict(clip=0), "clip is 0")],
    )
    def test_settings_of_the_model(self, setting, words):
        with pytest.raises(ConfigError, match=words):
            Diffusion(Flat(), **setting)
