"""Distributions: beside PyTorch's, beside their own draws, at the ends of float32, and on what they refuse."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minivae import Tensor, backend, gradcheck, ops, use
from minivae.distributions import CLOSED_FORMS, Bernoulli, Categorical, Distribution, Normal, StandardNormal, kl
from minivae.errors import ConfigError, DataError, DtypeError, GradientError, ShapeError
from tests.oracle import oracle

# A mean of n draws lies more than 5 standard errors from the truth once in 1.7 million times.
FIVE = 5.0


def rng(seed=0):
    return np.random.default_rng(seed)


def parameters(family, shape, seed=0):
    """What a family is made of: float64 arrays of `shape`."""
    return [2 * rng(seed).normal(size=shape) for _ in range(2 if family is Normal else 1)]


def make(family, shape, seed=0):
    return family(*parameters(family, shape, seed))


def event(family, shape, seed=7):
    """Something a family of parameters of `shape` can draw: float64 of `shape`."""
    return make(family, shape).sample(rng(seed))


def in_torch(torch, family, *arrays):
    D = torch.distributions
    if family is Normal:
        mu, logvar = arrays
        return D.Independent(D.Normal(mu, (0.5 * logvar).exp()), 1)
    if family is Bernoulli:
        return D.Independent(D.Bernoulli(logits=arrays[0]), 1)
    return D.OneHotCategorical(logits=arrays[0])


def same_gradients(ours, theirs, rtol=1e-10):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=rtol, atol=1e-12)


FAMILIES = [Normal, Bernoulli, Categorical]
SHAPES = st.tuples(st.lists(st.integers(0, 3), max_size=2), st.integers(1, 4)).map(lambda s: (*s[0], s[1]))
every_family = pytest.mark.parametrize("family", FAMILIES)


class TestBesidePyTorch:
    @every_family
    @pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 1)])
    def test_log_prob_and_its_gradients(self, family, shape):
        torch = oracle()
        arrays = parameters(family, shape)
        x = make(family, shape).sample(rng(1), (5,))
        ours = [Tensor(a, requires_grad=True) for a in [*arrays, x]]
        theirs = [torch.tensor(a, requires_grad=True) for a in [*arrays, x]]
        value, want = family(*ours[:-1]).log_prob(ours[-1]), in_torch(torch, family, *theirs[:-1]).log_prob(theirs[-1])
        assert value.shape == (5, *shape[:-1])
        np.testing.assert_allclose(value.data, want.detach().numpy(), rtol=1e-12, atol=1e-12)
        g = rng(2).normal(size=value.shape)
        value.backward(g)
        want.backward(torch.tensor(g))
        if family is Categorical:  # PyTorch looks the class up and sends no gradient to x
            theirs.pop(), ours.pop()
        same_gradients(ours, theirs)

    @every_family
    @pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 4, 1)])
    def test_entropy_and_its_gradients(self, family, shape):
        torch = oracle()
        ours = [Tensor(a, requires_grad=True) for a in parameters(family, shape)]
        theirs = [torch.tensor(a.data, requires_grad=True) for a in ours]
        value, want = family(*ours).entropy(), in_torch(torch, family, *theirs).entropy()
        assert value.shape == shape[:-1]
        np.testing.assert_allclose(value.data, want.detach().numpy(), rtol=1e-12, atol=1e-12)
        value.sum().backward()
        want.sum().backward()
        if family is Normal:  # mu has no say in the entropy
            assert ours.pop(0).grad is None
            theirs.pop(0)
        same_gradients(ours, theirs)

    @every_family
    @pytest.mark.parametrize(("shape_q", "shape_p"), [((3,), (3,)), ((4, 3), (4, 3)), ((2, 1, 3), (4, 3))])
    def test_kl_and_its_gradients_for_both_sides(self, family, shape_q, shape_p):
        torch = oracle()
        ours = [
            [Tensor(a, requires_grad=True) for a in parameters(family, s, k)] for k, s in enumerate([shape_q, shape_p])
        ]
        theirs = [[torch.tensor(a.data, requires_grad=True) for a in side] for side in ours]
        value = kl(*(family(*side) for side in ours))
        full = (*value.shape, 3)  # PyTorch's own KL of coins does not broadcast
        wide = [in_torch(torch, family, *(a.expand(full) for a in side)) for side in theirs]
        want = torch.distributions.kl_divergence(*wide)
        np.testing.assert_allclose(value.data, want.detach().numpy(), rtol=1e-11, atol=1e-12)
        value.sum().backward()
        want.sum().backward()
        same_gradients(ours[0] + ours[1], theirs[0] + theirs[1], rtol=1e-9)

    def test_kl_from_the_prior_and_its_gradients(self):
        torch = oracle()
        for shape in [(3,), (4, 3), (2, 4, 1)]:
            ours = [Tensor(a, requires_grad=True) for a in parameters(Normal, shape)]
            theirs = [torch.tensor(a.data, requires_grad=True) for a in ours]
            value = kl(Normal(*ours), StandardNormal(shape[-1], "float64"))
            prior = in_torch(torch, Normal, *torch.zeros((2, *shape), dtype=torch.float64))
            want = torch.distributions.kl_divergence(in_torch(torch, Normal, *theirs), prior)
            np.testing.assert_allclose(value.data, want.detach().numpy(), rtol=1e-12)
            value.sum().backward()
            want.sum().backward()
            same_gradients(ours, theirs)

    def test_rsample_of_normal_and_its_gradients(self):
        torch = oracle()
        ours = [Tensor(a, requires_grad=True) for a in parameters(Normal, (4, 3))]
        theirs = [torch.tensor(a.data, requires_grad=True) for a in ours]
        eps = rng(1).normal(size=(5, 4, 3))
        z, want = Normal(*ours).rsample(eps), theirs[0] + (0.5 * theirs[1]).exp() * torch.tensor(eps)
        np.testing.assert_allclose(z.data, want.detach().numpy(), rtol=1e-12)
        z.sum().backward()
        want.sum().backward()
        same_gradients(ours, theirs)

    @pytest.mark.parametrize("hard", [False, True])
    def test_gumbel_softmax_and_its_gradients(self, hard):
        torch = oracle()
        logits, gumbel, g = rng(0).normal(size=(4, 3)), rng(1).gumbel(size=(5, 4, 3)), rng(2).normal(size=(5, 4, 3))
        ours, theirs = Tensor(logits, requires_grad=True), torch.tensor(logits, requires_grad=True)
        y = Categorical(ours).rsample(gumbel, temperature=0.7, hard=hard)
        soft = ((theirs + torch.tensor(gumbel)) / 0.7).softmax(-1)
        want = torch.nn.functional.one_hot(soft.argmax(-1), 3).double() if hard else soft
        np.testing.assert_allclose(y.data, want.detach().numpy(), rtol=1e-12)
        y.backward(g)
        soft.backward(torch.tensor(g))
        same_gradients([ours], [theirs])


class TestGradients:
    @pytest.mark.parametrize("case", ["log_prob", "entropy", "kl q", "kl p"])
    @every_family
    def test_they_are_the_difference_quotients(self, family, case):
        x, other = event(family, (2, 3)), make(family, (3,), seed=5)
        f = {
            "log_prob": lambda *a: family(*a).log_prob(x),
            "entropy": lambda *a: family(*a).entropy(),
            "kl q": lambda *a: kl(family(*a), other),
            "kl p": lambda *a: kl(other, family(*a)),
        }[case]
        inputs = parameters(family, (2, 3))
        if case == "entropy" and family is Normal:
            f, inputs = lambda logvar: Normal(0.0, logvar).entropy(), inputs[1:]
        gradcheck(f, *inputs, rng=rng(1), atol=1e-8)

    def test_those_of_the_draws_are_too(self):
        eps, gumbel = rng(1).normal(size=(4, 2, 3)), rng(2).gumbel(size=(4, 2, 3))
        gradcheck(lambda mu, logvar: Normal(mu, logvar).rsample(eps), *parameters(Normal, (2, 3)), rng=rng(3))
        logits = rng().normal(size=(2, 3))
        gradcheck(lambda a: Categorical(a).rsample(gumbel, temperature=0.5), logits, rng=rng(3))

    def test_x_of_a_normal_gets_one(self):
        p = make(Normal, (2, 3))
        gradcheck(lambda x: p.log_prob(x), event(Normal, (2, 3)), rng=rng(1))

    def test_a_straight_through_draw_can_be_scored_and_passes_the_gradient_on(self):
        logits = Tensor(rng().normal(size=(4, 3)), requires_grad=True)
        y = Categorical(logits).rsample(rng(1), hard=True)
        Categorical(np.zeros((4, 3))).log_prob(y * np.ones(3)).sum().backward()
        assert logits.grad.shape == (4, 3)


class TestShapes:
    @every_family
    @settings(deadline=None, max_examples=30)
    @given(shape=SHAPES, front=st.lists(st.integers(0, 3), max_size=2).map(tuple))
    def test_the_last_axis_is_the_event_and_goes(self, family, shape, front):
        d = make(family, shape)
        x = d.sample(rng(), front)
        assert x.shape == front + shape
        assert d.log_prob(x).shape == front + shape[:-1]
        assert d.entropy().shape == kl(d, d).shape == d.batch == shape[:-1]

    @every_family
    @settings(deadline=None, max_examples=30)
    @given(data=st.data(), K=st.integers(1, 3))
    def test_batches_broadcast_in_log_prob_and_kl(self, family, data, K):
        (a, b), result = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3))
        q, p = make(family, (*a, K), 1), make(family, (*b, K), 2)
        assert kl(q, p).shape == p.log_prob(event(family, (*a, K))).shape == result

    @settings(deadline=None, max_examples=30)
    @given(shape=SHAPES, front=st.lists(st.integers(0, 3), max_size=2).map(tuple))
    def test_rsample_has_the_shape_of_its_noise(self, shape, front):
        full = front + shape
        for noise in (rng(), np.ones(full)):
            assert make(Normal, shape).rsample(noise, front).shape == full
            assert make(Categorical, shape).rsample(noise, front).shape == full
        assert make(Normal, shape).rsample(np.ones(full)).shape == full

    def test_a_number_stands_for_a_whole_parameter(self):
        mu = Tensor(rng().normal(size=(4, 3)), requires_grad=True)
        p = Normal(mu, math.log(0.01))
        np.testing.assert_array_equal(p.logvar.data, np.full((4, 3), math.log(0.01)))
        p.log_prob(np.zeros((4, 3))).sum().backward()
        np.testing.assert_allclose(mu.grad, -mu.data / 0.01)
        assert Normal(0, np.zeros(3, np.float32)).mu.dtype == np.float32

    def test_one_number_of_draws_needs_no_tuple(self):
        assert make(Normal, (3,)).sample(rng(), 4).shape == (4, 3)
        assert make(Bernoulli, (3,)).sample(rng(), np.int64(4)).shape == (4, 3)

    @every_family
    def test_repr_tells_batch_from_event(self, family):
        assert repr(make(family, (4, 3))) == f"{family.__name__}(batch (4,), event (3,))"


class TestDraws:
    @every_family
    def test_sample_has_no_history_and_repeats_with_the_generator(self, family):
        d = family(*[Tensor(a, requires_grad=True) for a in parameters(family, (4, 3))])
        a, b = d.sample(rng(3), (2,)), d.sample(rng(3), (2,))
        assert type(a) is np.ndarray
        np.testing.assert_array_equal(a, b)
        assert (a != d.sample(rng(4), (2,))).any()

    @every_family
    def test_float32_in_gives_float32_everywhere(self, family):
        d = family(*[a.astype(np.float32) for a in parameters(family, (4, 3))])
        x = d.sample(rng())
        draws = [] if family is Bernoulli else [d.rsample(rng())]
        for y in [x, d.log_prob(x), d.entropy(), kl(d, d), *draws]:
            assert y.dtype == np.float32

    def test_rsample_of_normal_is_the_op_on_the_same_eps(self):
        mu, logvar = parameters(Normal, (4, 3))
        eps = rng(1).standard_normal((4, 3))
        want = ops.reparameterize(mu, logvar, eps).data
        np.testing.assert_array_equal(Normal(mu, logvar).rsample(eps).data, want)
        np.testing.assert_array_equal(Normal(mu, logvar).rsample(rng(1)).data, want)
        np.testing.assert_array_equal(Normal(mu, logvar).sample(rng(1)), want)

    @every_family
    def test_the_mean_of_draws_is_the_mean(self, family):
        n, d = 20_000, make(family, (2, 3))
        x = d.sample(rng(1), (n,))
        a = d.mu.data if family is Normal else d.logits.data
        mean = {Normal: a, Bernoulli: 1 / (1 + np.exp(-a)), Categorical: np.exp(a) / np.exp(a).sum(-1, keepdims=True)}
        error = np.abs(x.mean(0) - mean[family])
        assert np.all(error <= FIVE * x.std(0) / math.sqrt(n))

    @every_family
    def test_entropy_and_kl_are_the_means_that_they_claim_to_be(self, family):
        n, q, p = 20_000, make(family, (2, 3), 1), make(family, (2, 3), 2)
        x = q.sample(rng(3), (n,))
        log_q, log_p = q.log_prob(x).data, p.log_prob(x).data
        for draws, want in [(-log_q, q.entropy()), (log_q - log_p, kl(q, p))]:
            assert np.all(np.abs(draws.mean(0) - want.data) <= FIVE * draws.std(0) / math.sqrt(n))

    def test_the_five_standard_errors_notice_a_mean_that_is_off(self):
        """The same check with the standard deviation taken for the variance must fail: it can see a real bug."""
        n, mu, logvar = 20_000, np.zeros(3), np.full(3, 1.0)
        x = Normal(mu, 2 * logvar).sample(rng(1), n)
        draws = -Normal(mu, logvar).log_prob(x).data
        assert abs(draws.mean() - Normal(mu, logvar).entropy().data) > FIVE * draws.std() / math.sqrt(n)

    def test_probabilities_of_all_events_sum_to_one(self):
        coins = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, 8).T
        p = np.exp(make(Bernoulli, (4, 1, 3)).log_prob(coins).data).sum(-1)
        np.testing.assert_allclose(p, 1, rtol=1e-12)
        p = np.exp(make(Categorical, (4, 1, 5)).log_prob(np.eye(5)).data).sum(-1)
        np.testing.assert_allclose(p, 1, rtol=1e-12)

    def test_a_normal_density_integrates_to_one(self):
        x = np.linspace(-40, 40, 4001)
        density = np.exp(Normal(np.array([1.0]), np.array([2.0])).log_prob(x[:, None]).data)
        np.testing.assert_allclose(density.sum() * 0.02, 1, rtol=1e-12)  # a smooth bump: the sum is the integral


class TestGumbelSoftmax:
    def test_soft_draws_are_positive_and_sum_to_one(self):
        y = make(Categorical, (4, 3)).rsample(rng(), 50, temperature=0.5).data
        assert np.all(y > 0)
        np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-12)

    def test_hard_draws_are_the_exact_draws_of_sample_at_any_temperature(self):
        d = make(Categorical, (4, 3))
        for temperature in (1e-6, 0.1, 1.0, 100.0):
            hard = d.rsample(rng(1), 50, temperature=temperature, hard=True).data
            np.testing.assert_array_equal(hard, d.sample(rng(1), 50))
            assert set(np.unique(hard)) == {0, 1}

    def test_the_colder_the_nearer_to_one_hot(self):
        d = make(Categorical, (4, 3))
        hard = d.sample(rng(1), 200)
        gaps = [np.abs(d.rsample(rng(1), 200, temperature=t).data - hard).mean() for t in (10, 1, 0.1, 0.01)]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[-1] < 0.01

    def test_hard_and_soft_pass_the_same_gradient(self):
        grads = []
        for hard in (False, True):
            logits = Tensor(rng().normal(size=(4, 3)), requires_grad=True)
            (Categorical(logits).rsample(rng(1), hard=hard) * rng(2).normal(size=3)).sum().backward()
            grads.append(logits.grad)
        np.testing.assert_array_equal(*grads)

    def test_noise_is_not_lost_beside_a_large_logit(self):
        """Added to the logit itself, float32 would keep whole numbers of it, and ties would go to the first class."""
        n = 20_000
        x = Categorical(np.full(4, 1e7, np.float32)).sample(rng(1), n)
        assert np.all(np.abs(x.mean(0) - 0.25) <= FIVE * x.std(0) / math.sqrt(n))

    def test_a_class_with_logit_minus_infinity_never_comes(self):
        logits = Tensor(np.array([0.0, -np.inf, 1.0], np.float32), requires_grad=True)
        y = Categorical(logits).rsample(rng(), 100)
        assert np.all(y.data[:, 1] == 0)
        (y * np.arange(3, dtype=np.float32)).sum().backward()
        assert np.all(np.isfinite(logits.grad))
        assert logits.grad[1] == 0


def finite(tensor):
    return bool(np.isfinite(tensor.data).all())


class TestTheEndsOfFloat32:
    ENDS = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [3e4, 88.0, -104.0]], np.float32)

    @pytest.mark.parametrize("family", [Bernoulli, Categorical])
    def test_logits_of_ten_thousand_stay_finite_and_so_do_gradients(self, family):
        logits = Tensor(self.ENDS, requires_grad=True)
        d, turned = family(logits), family(self.ENDS[::-1].copy())
        x = d.sample(rng())
        unlikely = 1 - x if family is Bernoulli else np.eye(3, dtype=np.float32)[[1, 0, 2]]
        for value in (d.log_prob(x), d.log_prob(unlikely), d.entropy(), kl(d, turned), kl(turned, d)):
            logits.grad = None
            assert finite(value)
            value.sum().backward()
            assert np.isfinite(logits.grad).all()

    def test_a_coin_is_scored_to_full_precision_at_both_ends(self):
        logits = np.array([[-20.0], [20.0]], np.float32)
        np.testing.assert_allclose(Bernoulli(logits).log_prob([0]).data, [-2.0611536e-9, -20], rtol=1e-6)
        entropy = 20 * 2.0611536e-9 + 2.0611536e-9
        np.testing.assert_allclose(Bernoulli(logits).entropy().data, entropy, rtol=1e-5)
        far = kl(Bernoulli(logits[1]), Bernoulli(np.array([1e4], np.float32)))
        np.testing.assert_allclose(far.data, 2.0611536e-9 * 1e4, rtol=1e-2)  # the rare side, times its long price

    def test_minus_infinity_only_where_it_must_be(self):
        sure = Bernoulli(np.array([[np.inf], [-np.inf]], np.float32))
        np.testing.assert_array_equal(sure.log_prob([1]).data, [0, -np.inf])
        np.testing.assert_array_equal(sure.log_prob([0]).data, [-np.inf, 0])
        np.testing.assert_array_equal(sure.sample(rng()), [[1], [0]])
        masked = Categorical(np.array([0.0, -np.inf, 0.0], np.float32))
        np.testing.assert_allclose(masked.log_prob([0, 1, 2]).data, [-math.log(2), -np.inf, -math.log(2)], rtol=1e-6)

    def test_what_never_happens_adds_nothing_to_entropy_and_kl(self):
        sure, fair = Bernoulli(np.array([np.inf, -np.inf])), Bernoulli(np.zeros(2))
        assert sure.entropy().data == 0
        np.testing.assert_allclose(kl(sure, fair).data, 2 * math.log(2))
        masked, open_ = Categorical(np.array([0.0, -np.inf, 0.0])), Categorical(np.zeros(3))
        np.testing.assert_allclose(masked.entropy().data, math.log(2))
        np.testing.assert_allclose(kl(masked, open_).data, math.log(1.5))
        assert kl(sure, sure).data == kl(masked, masked).data == 0

    def test_kl_is_infinite_where_q_draws_what_p_cannot(self):
        assert kl(Bernoulli(np.zeros(1)), Bernoulli(np.array([np.inf]))).data == np.inf
        assert kl(Categorical(np.zeros(2)), Categorical(np.array([0.0, -np.inf]))).data == np.inf

    def test_gradients_beside_an_impossible_class_are_finite(self):
        logits = Tensor(np.array([0.0, -np.inf, 1.0]), requires_grad=True)
        d = Categorical(logits)
        (d.entropy() + d.log_prob(2) + kl(d, Categorical(np.zeros(3)))).backward()
        assert np.isfinite(logits.grad).all()
        assert logits.grad[1] == 0


class TestFacts:
    @every_family
    @settings(deadline=None, max_examples=50)
    @given(data=st.data(), K=st.integers(1, 4))
    def test_kl_is_never_negative_and_zero_to_itself(self, family, data, K):
        numbers = st.floats(-8, 8, width=32)
        draw = lambda: [data.draw(hnp.arrays(np.float32, (2, K), elements=numbers)) for _ in parameters(family, ())]
        q, p = family(*draw()), family(*draw())
        assert np.all(kl(q, p).data >= -1e-5)  # float32 sums of a few terms that reach 8
        np.testing.assert_array_equal(kl(q, q).data, 0)

    def test_kl_of_nearly_equal_normals_is_not_lost_to_rounding(self):
        q, p = Normal(np.zeros(1), np.array([1e-7])), Normal(np.zeros(1), np.zeros(1))
        np.testing.assert_allclose(kl(q, p).data, 1e-14 / 4, rtol=1e-6)

    def test_the_two_forms_for_the_prior_agree(self):
        q = make(Normal, (4, 3))
        prior = StandardNormal(3, "float64")
        general = CLOSED_FORMS[Normal, Normal](q, prior)
        np.testing.assert_allclose(kl(q, prior).data, general.data, rtol=1e-12)
        np.testing.assert_array_equal(kl(prior, prior).data, 0)
        assert kl(prior, q).shape == (4,)

    def test_uniform_has_the_largest_entropy(self):
        np.testing.assert_allclose(Bernoulli(np.zeros((2, 5))).entropy().data, 5 * math.log(2))
        np.testing.assert_allclose(Categorical(np.full((2, 5), 3.0)).entropy().data, math.log(5))
        assert np.all(make(Bernoulli, (50, 5)).entropy().data < 5 * math.log(2))
        assert np.all(make(Categorical, (50, 5)).entropy().data < math.log(5))

    def test_categorical_of_two_classes_is_a_coin(self):
        logit = rng().normal(size=(6, 1))
        coin, choice = Bernoulli(logit), Categorical(np.concatenate([0 * logit, logit], axis=1))
        np.testing.assert_allclose(choice.entropy().data, coin.entropy().data, rtol=1e-12)
        np.testing.assert_allclose(choice.log_prob(1).data, coin.log_prob([1]).data, rtol=1e-12)

    def test_scores_are_those_of_the_ops_that_models_use(self):
        x, mu, logvar = rng().normal(size=(3, 4, 5))
        np.testing.assert_allclose(Normal(mu, logvar).log_prob(x).data, -ops.gaussian_nll(x, mu, logvar).data)
        coins = (x > 0).astype(float)
        np.testing.assert_allclose(Bernoulli(mu).log_prob(coins).data, -ops.bernoulli_nll(mu, coins).data)

    def test_classes_by_number_and_one_hot_score_the_same(self):
        d, classes = make(Categorical, (4, 3)), np.array([0, 2, 1, 1])
        want = d.log_prob(np.eye(3)[classes]).data
        for x in (
            classes,
            classes.astype(np.uint8),
            list(classes),
            np.eye(3, dtype=bool)[classes],
            np.eye(3)[classes].tolist(),
        ):
            np.testing.assert_array_equal(d.log_prob(x).data, want)

    def test_coins_may_be_whole_numbers_or_booleans(self):
        d, x = make(Bernoulli, (4, 3)), event(Bernoulli, (4, 3))
        for same in (x.astype(bool), x.astype(np.uint8), x.tolist(), x.astype(int).tolist()):
            np.testing.assert_array_equal(d.log_prob(same).data, d.log_prob(x).data)

    def test_a_list_takes_the_type_of_the_parameters(self):
        assert make(Normal, (3,)).log_prob([1, 2.0, 3]).dtype == np.float64


class TestMessages:
    def test_parameters_of_different_shapes(self):
        with pytest.raises(ShapeError, match=r"Normal: logvar is \(4, 2\) but mu is \(4, 3\); split the encoder"):
            Normal(np.zeros((4, 3)), np.zeros((4, 2)))

    @pytest.mark.parametrize(
        "make_it", [lambda: Normal(0.0, 1.0), lambda: Bernoulli(0.5), lambda: Categorical(np.array(1.0))]
    )
    def test_parameters_without_an_event_axis(self, make_it):
        with pytest.raises(ShapeError, match=r"single numbers; the last axis is the event: wanted \(\.\.\., K\)"):
            make_it()

    def test_an_event_of_nothing(self):
        with pytest.raises(ShapeError, match=r"Categorical: the parameters are \(4, 0\); .* cannot be empty"):
            Categorical(np.zeros((4, 0)))
        with pytest.raises(ConfigError, match="StandardNormal: size is 0; wanted 1 or more"):
            StandardNormal(0)

    def test_parameters_that_are_not_numbers(self):
        with pytest.raises(DtypeError, match="Normal: got float32 and float64"):
            Normal(np.zeros(3, np.float32), np.zeros(3))
        with pytest.raises(DtypeError, match="int64"):
            Bernoulli(np.zeros(3, np.int64))
        with pytest.raises(DtypeError, match="got a str"):
            Categorical("abc")

    @pytest.mark.parametrize("family", FAMILIES)
    def test_nan_among_the_parameters(self, family):
        arrays = [a.copy() for a in parameters(family, (4, 3))]
        arrays[-1][0, 0] = np.nan
        with pytest.raises(
            DataError, match=f"{family.__name__}: (logvar|logits) holds NaN; wanted .*look at what computed"
        ):
            family(*arrays)

    def test_infinity_among_the_parameters(self):
        with pytest.raises(DataError, match="Normal: mu holds infinity"):
            Normal(np.array([np.inf]), np.zeros(1))
        with pytest.raises(DataError, match="Categorical: a row of logits holds -inf for every class"):
            Categorical(np.full((2, 3), -np.inf))
        with pytest.raises(DataError, match="Categorical: a row of logits holds inf"):
            Categorical(np.array([0.0, np.inf]))

    @every_family
    @pytest.mark.parametrize("shape", [(), (4,), (5, 3), (4, 1)])
    def test_an_x_that_does_not_fit(self, family, shape):
        with pytest.raises(ShapeError, match=rf"{family.__name__}.log_prob: x is .* but the parameters are \(4, 3\)"):
            make(family, (4, 3)).log_prob(np.ones(shape))

    @every_family
    @pytest.mark.parametrize(("value", "kind"), [(np.nan, "NaN"), (np.inf, "infinity")])
    def test_an_x_with_nan_or_infinity(self, family, value, kind):
        with pytest.raises(DataError, match=rf"{family.__name__}.log_prob: x holds {kind}"):
            make(family, (3,)).log_prob(np.array([0, 1, value]))

    @every_family
    def test_an_x_that_is_no_array(self, family):
        with pytest.raises(DtypeError, match="a str"):
            make(family, (3,)).log_prob("100")

    def test_whole_numbers_are_no_real_numbers(self):
        with pytest.raises(DtypeError, match="int64"):
            make(Normal, (3,)).log_prob(np.ones(3, np.int64))

    def test_an_x_of_another_float_type(self):
        with pytest.raises(DtypeError, match="float32 and float64"):
            make(Normal, (3,)).log_prob(np.ones(3, np.float32))

    @pytest.mark.parametrize("x", [[0.5, 0, 1], [2, 0, 1], [-1, 0, 0]])
    def test_a_coin_that_shows_neither_0_nor_1(self, x):
        with pytest.raises(DataError, match=r"Bernoulli.log_prob: x spans .*0 or 1: .*or use ops\.bernoulli_nll"):
            make(Bernoulli, (3,)).log_prob(np.array(x, float))

    @pytest.mark.parametrize("x", [[0.0, 0, 0], [1.0, 1, 0], [0.2, 0.3, 0.5], [2.0, -1, 0]])
    def test_a_choice_that_is_not_one_hot(self, x):
        with pytest.raises(DataError, match=r"Categorical.log_prob: x is not one-hot; wanted a single 1"):
            make(Categorical, (3,)).log_prob(np.array(x))

    @pytest.mark.parametrize("x", [[0, 3], [-1, 0]])
    def test_a_class_that_there_is_not(self, x):
        with pytest.raises(DataError, match="Categorical.log_prob: classes span .*; wanted 0 to 2"):
            make(Categorical, (3,)).log_prob(x)

    @pytest.mark.parametrize("temperature", [0, -1.0, 1e-7, np.inf, np.nan])
    def test_a_temperature_outside_its_range(self, temperature):
        with pytest.raises(ConfigError, match=r"Categorical.rsample: temperature is .*; wanted 1e-06 or more"):
            make(Categorical, (3,)).rsample(rng(), temperature=temperature)

    @every_family
    def test_a_seed_is_no_generator(self, family):
        with pytest.raises(
            ConfigError, match=r"sample: got a int to draw with; wanted a generator: np\.random\.default_rng"
        ):
            make(family, (3,)).sample(0)

    @pytest.mark.parametrize("family", [Normal, Categorical])
    def test_noise_that_does_not_fit(self, family):
        d = make(family, (4, 3))
        for noise, shape in [
            (np.ones((3, 4)), ()),
            (np.ones(3), ()),
            (np.ones((5, 4, 3)), (6,)),
            (np.ones((4, 3)), (2,)),
        ]:
            with pytest.raises(ShapeError, match=rf"{family.__name__}.rsample: the noise is .*; wanted .*4, 3\)"):
                d.rsample(noise, shape)
        with pytest.raises(DataError, match="rsample: the noise holds NaN"):
            d.rsample(np.full((4, 3), np.nan))
        with pytest.raises(ConfigError, match="rsample: got a NoneType to draw with"):
            d.rsample(None)

    def test_coins_have_no_rsample(self):
        with pytest.raises(GradientError, match="Bernoulli: has no rsample, for its draws jump"):
            make(Bernoulli, (3,)).rsample(rng())

    def test_a_pair_without_a_closed_form_names_those_there_are(self):
        with pytest.raises(
            ConfigError, match=r"no closed form for Normal \|\| Bernoulli; there are .*Normal \|\| Normal"
        ):
            kl(make(Normal, (3,)), make(Bernoulli, (3,)))
        with pytest.raises(ConfigError, match=r"no closed form for int \|\| Normal"):
            kl(0, make(Normal, (3,)))

    @every_family
    @pytest.mark.parametrize(("a", "b"), [((3,), (2,)), ((4, 3), (4, 1)), ((4, 3), (5, 3))])
    def test_a_pair_whose_shapes_do_not_fit(self, family, a, b):
        with pytest.raises(ShapeError, match=r"kl: q is .* but p is .*; the last axes have to be equal"):
            kl(make(family, a), make(family, b))
        if family is Normal and a[-1] != b[-1]:
            with pytest.raises(ShapeError, match="kl: q is"):
                kl(make(Normal, a), StandardNormal(b[-1], "float64"))

    def test_the_base_class_draws_and_scores_nothing(self):
        d = Distribution(a=np.zeros(3))
        for call in (lambda: d.sample(rng()), lambda: d.log_prob(np.zeros(3)), d.entropy):
            with pytest.raises(NotImplementedError):
                call()


def test_the_array_module_is_that_of_the_backend():
    """Nothing is computed behind its back: under a backend whose module refuses everything, everything fails."""

    class Refuses:
        def __getattr__(self, name):
            raise RuntimeError(f"asked for {name}")

    d = make(Categorical, (4, 3))
    backend.BACKENDS["refuses"] = backend.Backend("refuses", Refuses())
    try:
        use("refuses")
        for call in (
            d.entropy,
            lambda: d.sample(rng()),
            lambda: d.log_prob(np.eye(3)[[0, 1, 2, 0]]),
            lambda: Bernoulli([1.0]),
        ):
            with pytest.raises(RuntimeError, match="asked for"):
                call()
    finally:
        use("numpy")
        del backend.BACKENDS["refuses"]
