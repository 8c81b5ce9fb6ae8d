"""Optimisers beside PyTorch's, beside a paper's formula in float64, and when they are used wrongly; clipping."""

import math

import numpy as np
import pytest

from minivae import Tensor
from minivae.errors import ConfigError, GradientError, ShapeError
from minivae.nn import FlatParameters, Linear, Parameter, flat
from minivae.nn.flat import CHUNK
from minivae.optim import SGD, Adam, AdamW, Optimizer, clip_grad_norm
from tests.oracle import oracle

SHAPES = [(4, 3), (3,), (1, 2, 2)]


def begin(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [Parameter(np.asarray(rng.normal(size=s), np.float32)) for s in shapes], rng


def feed(parameters, rng):
    """Random gradients over seven orders of magnitude, sent back through a graph: p.grad = g."""
    gradients = [np.asarray(rng.normal(size=p.shape) * 10.0 ** rng.integers(-4, 3), np.float32) for p in parameters]
    for p, g in zip(parameters, gradients, strict=True):
        (p * g).sum().backward()
    return gradients


def paper(start, gradients, lr, b1, b2, tiny):
    """Algorithm 1 of Kingma & Ba 2015, word for word, in float64."""
    theta, m, v = start.astype(np.float64), 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = g.astype(np.float64)
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = m / (1 - b1**t)
        v_hat = v / (1 - b2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + tiny)
    return theta


EACH = [(Adam, dict()), (AdamW, dict(decay=0.1)), (SGD, dict()), (SGD, dict(momentum=0.9))]
SETTINGS = [dict(), dict(lr=0.1, betas=(0.5, 0.9)), dict(lr=0.01, betas=(0.0, 0.99), tiny=1e-3)]


@pytest.mark.parametrize("settings", SETTINGS)
def test_fifty_steps_are_those_of_the_paper(settings):
    parameters, rng = begin(SHAPES)
    starts = [p.data.copy() for p in parameters]
    adam = Adam(parameters, **settings)
    seen = []
    for _ in range(50):
        adam.zero_grad()
        seen.append(feed(parameters, rng))
        adam.step()
    for k, p in enumerate(parameters):
        want = paper(starts[k], [g[k] for g in seen], adam.lr, *adam.betas, adam.tiny)
        # A parameter near 1 is rounded to 6e-8 at each of 50 steps; each step, of about lr, is good to 1e-6.
        np.testing.assert_allclose(p.data, want, rtol=0, atol=50 * (6e-8 * 4 + 1e-6 * adam.lr))


KINDS = [
    (Adam, SETTINGS),
    (AdamW, [*SETTINGS, dict(lr=0.1, decay=0.5), dict(lr=0.01, decay=0.0)]),
    (SGD, [dict(), dict(lr=0.1, momentum=0.9), dict(lr=1e-3, momentum=0.5)]),
]
CASES = [(kind, settings, SHAPES) for kind, each in KINDS for settings in each]
NAMES = {"tiny": "eps", "decay": "weight_decay"}  # ours: PyTorch's


@pytest.mark.parametrize(("kind", "settings", "shapes"), [*CASES, (Adam, dict(), [(2 * CHUNK + 3,)])])
def test_fifty_steps_are_those_of_pytorch(kind, settings, shapes):
    torch = oracle()
    parameters, rng = begin(shapes)
    copies = [torch.tensor(p.data.copy(), requires_grad=True) for p in parameters]
    ours = kind(parameters, **settings)
    there = {NAMES.get(name, name): getattr(ours, name) for name in settings} | dict(lr=ours.lr)
    other = getattr(torch.optim, kind.__name__)(copies, **there)
    furthest = 1.0
    for step in range(50):
        ours.lr = other.param_groups[0]["lr"] = there["lr"] * (1 if step < 25 else 0.1)  # as a schedule does
        ours.zero_grad()
        for q, g in zip(copies, feed(parameters, rng), strict=True):
            q.grad = torch.tensor(g)
        ours.step()
        other.step()
        furthest = max(furthest, float(np.abs(ours.flat.data).max()))
    for p, q in zip(parameters, copies, strict=True):
        # Each of 50 steps rounds parameters to 6e-8 of the furthest they went, and a step, of about lr, is good to
        # 1e-6 of it; twice that for the two of them.
        np.testing.assert_allclose(
            p.data, q.detach().numpy(), rtol=0, atol=100 * (6e-8 * 4 * furthest + 1e-6 * there["lr"])
        )


@pytest.mark.parametrize(("kind", "settings"), EACH)
def test_the_size_of_a_chunk_changes_no_bit(monkeypatch, kind, settings):
    def run(chunk):
        monkeypatch.setattr(flat, "CHUNK", chunk)
        parameters, rng = begin(SHAPES)
        optimizer = kind(parameters, **settings)
        for _ in range(5):
            optimizer.zero_grad()
            feed(parameters, rng)
            optimizer.step()
        return optimizer.flat.data.tobytes()

    assert run(1) == run(7) == run(19) == run(CHUNK)


class TestState:
    @pytest.mark.parametrize(("kind", "settings"), EACH)
    def test_an_optimiser_with_a_saved_state_goes_on_bit_for_bit(self, kind, settings):
        def steps(optimizer, rng, n):
            for _ in range(n):
                optimizer.zero_grad()
                feed(optimizer.flat.parameters, rng)
                optimizer.step()

        parameters, rng = begin(SHAPES)
        whole = kind(parameters, **settings)
        steps(whole, rng, 3)
        halfway, state = [p.data.copy() for p in parameters], whole.state()
        steps(whole, np.random.default_rng(1), 3)
        again = kind([Parameter(a) for a in halfway], **settings)
        again.load_state(state)
        steps(again, np.random.default_rng(1), 3)
        assert again.flat.data.tobytes() == whole.flat.data.tobytes()
        assert again.t == 6

    def test_a_state_is_a_copy(self):
        parameters, rng = begin(SHAPES)
        adam = Adam(parameters)
        feed(parameters, rng)
        state = adam.state()
        adam.step()
        assert not state["m"].any()
        adam.load_state(state)
        state["m"][:] = 7
        assert not adam.m.any()
        assert adam.t == 0

    @pytest.mark.parametrize(
        ("change", "kind", "words"),
        [
            (lambda s: s.pop("m"), ConfigError, "Adam: the saved state has t, v; wanted m, t, v"),
            (lambda s: s.update(velocity=s["m"]), ConfigError, "has m, t, v, velocity; wanted m, t, v"),
            (
                lambda s: s.update(v=np.ones(3)),
                ShapeError,
                r"Adam: v is \(19,\) but \(3,\) was saved; .* another model",
            ),
        ],
    )
    def test_a_state_that_does_not_fit_is_refused_and_nothing_is_changed(self, change, kind, words):
        adam = Adam(begin(SHAPES)[0])
        state = {name: value + 1 for name, value in adam.state().items()}
        change(state)
        with pytest.raises(kind, match=words):
            adam.load_state(state)
        assert not adam.m.any()
        assert not adam.v.any()
        assert adam.t == 0


class TestSGD:
    def test_a_steady_gradient_ends_in_steps_of_lr_over_one_minus_momentum(self):
        p = Parameter(np.zeros(1, np.float32))
        sgd = SGD([p], lr=0.5, momentum=0.75)
        (p * 1).sum().backward()
        for _ in range(60):
            before = p.data.item()
            sgd.step()
        assert before - p.data.item() == pytest.approx(0.5 / 0.25, rel=1e-5)  # 0.75^60 = 3e-8, and p is near 100

    def test_without_momentum_it_keeps_no_array(self):
        assert SGD(begin(SHAPES)[0]).state().keys() == {"t"}

    @pytest.mark.parametrize("momentum", [-0.1, 1, float("nan")])
    def test_a_momentum_outside_its_range_is_refused(self, momentum):
        with pytest.raises(ConfigError, match=rf"SGD: momentum is {momentum}; it has to lie in \[0, 1\)"):
            SGD(begin(SHAPES)[0], momentum=momentum)


class TestAdamW:
    def test_without_decay_it_is_adam_bit_for_bit(self):
        ends = []
        for make in (Adam, lambda p: AdamW(p, decay=0)):
            parameters, rng = begin(SHAPES)
            optimizer = make(parameters)
            feed(parameters, rng)
            optimizer.step()
            ends.append(optimizer.flat.data.tobytes())
        assert ends[0] == ends[1]

    def test_with_no_gradient_the_weights_shrink_by_lr_times_decay(self):
        p = Parameter(np.full(3, 2, np.float32))
        adam = AdamW([p], lr=0.1, decay=0.5)
        (p * 0).sum().backward()
        adam.step()
        np.testing.assert_allclose(p.data, 2 * 0.95, rtol=1e-6)

    @pytest.mark.parametrize("decay", [-0.1, float("nan"), float("inf")])
    def test_a_decay_that_is_none_is_refused(self, decay):
        with pytest.raises(ConfigError, match=f"AdamW: decay is {decay}; it has to be 0 or more"):
            AdamW(begin(SHAPES)[0], decay=decay)


class TestClip:
    @pytest.mark.parametrize("max_norm", [1e-3, 0.5, 20.0, 1e9])
    @pytest.mark.parametrize("gathered", [True, False])
    def test_it_does_what_pytorch_does(self, max_norm, gathered):
        torch = oracle()
        parameters, rng = begin([*SHAPES, (CHUNK + 5,)])
        whole = FlatParameters(parameters) if gathered else parameters
        gradients = feed(parameters, rng)
        theirs = [torch.zeros(g.shape, requires_grad=True) for g in gradients]
        for q, g in zip(theirs, gradients, strict=True):
            q.grad = torch.tensor(g)
        want = float(torch.nn.utils.clip_grad_norm_(theirs, max_norm))
        assert clip_grad_norm(whole, max_norm) == pytest.approx(want, rel=1e-5)  # float32 sums of 65,000 terms
        for p, q in zip(parameters, theirs, strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-5)  # theirs adds 1e-6 to the length
            assert p.grad is p.slot() or not gathered

    def test_three_four_five(self):
        p, q = Parameter(np.zeros(1, np.float32)), Parameter(np.zeros((1, 1), np.float32))
        both = FlatParameters([p, q])
        p.grad, q.grad = np.array([3], np.float32), np.array([[-4]], np.float32)
        assert clip_grad_norm(both, 1.0) == 5
        np.testing.assert_allclose(both.grad, [0.6, -0.8], rtol=2e-7)
        assert clip_grad_norm([p, q], math.inf) == pytest.approx(1, rel=2e-7)

    def test_a_parameter_that_comes_twice_counts_once(self):
        p = Parameter(np.zeros(2, np.float32))
        p.grad = np.array([3, 4], np.float32)
        assert clip_grad_norm([p, p], 1.0) == 5
        np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=2e-7)

    def test_a_gradient_that_is_short_enough_keeps_its_bits(self):
        parameters, rng = begin(SHAPES)
        adam, before = Adam(parameters), feed(parameters, rng)
        clip_grad_norm(adam.flat, 1e9)
        assert all(np.array_equal(p.grad, g) for p, g in zip(parameters, before, strict=True))

    @pytest.mark.parametrize("bad", [float("nan"), float("inf")])
    @pytest.mark.parametrize("gathered", [True, False])
    def test_a_length_that_is_no_number_is_an_error_and_changes_nothing(self, bad, gathered):
        p = Parameter(np.zeros(2, np.float32))
        whole = FlatParameters([p]) if gathered else [p]
        p.grad = np.array([5, bad], np.float32)
        with pytest.raises(GradientError, match=f"the length of the gradient is {bad}; take a smaller lr"):
            clip_grad_norm(whole, 1.0)
        assert p.grad[0] == 5

    @pytest.mark.parametrize("gathered", [True, False])
    def test_a_missing_gradient_says_what_to_call(self, gathered):
        p, q = begin([(2,), (3,)])[0]
        whole = FlatParameters([p, q]) if gathered else [p, q]
        (p * 2).sum().backward()
        with pytest.raises(GradientError, match=r"clip_grad_norm: 1 of 2 parameters have no gradient; call loss.back"):
            clip_grad_norm(whole, 1.0)

    @pytest.mark.parametrize("max_norm", [0, -1, float("nan")])
    def test_a_length_that_is_none_is_refused(self, max_norm):
        with pytest.raises(ConfigError, match=f"max_norm is {max_norm}; it has to be positive"):
            clip_grad_norm([], max_norm)


def test_the_first_step_has_the_length_of_the_learning_rate_whatever_the_gradient():
    p = Parameter(np.zeros(3, np.float32))
    adam = Adam([p], lr=0.25)
    (p * np.array([1e-3, -1.0, 1e6], np.float32)).sum().backward()
    adam.step()
    np.testing.assert_allclose(p.data, [-0.25, 0.25, -0.25], rtol=2e-5)  # tiny is 1e-5 of the smallest gradient


def test_a_gradient_of_zero_moves_nothing():
    p = Parameter(np.ones(3, np.float32))
    adam = Adam([p])
    (p * 0).sum().backward()
    adam.step()
    assert p.data.tolist() == [1, 1, 1]


def test_a_gradient_assigned_by_hand_is_the_one_that_is_used():
    p, q = Parameter(np.zeros(2, np.float32)), Parameter(np.zeros(2, np.float32))
    a, b = Adam([p]), Adam([q])
    (p * 3).sum().backward()
    p.grad = -2 * p.grad  # not in place: another array
    (q * -6).sum().backward()
    a.step()
    b.step()
    assert p.data.tobytes() == q.data.tobytes()


class TestMessages:
    def test_a_step_without_backward_says_what_to_call(self):
        layer = Linear(2, 1, rng=np.random.default_rng(0))
        adam = Adam(layer.parameters())
        with pytest.raises(GradientError, match=r"2 of 2 parameters have no gradient; call loss.backward\(\) first"):
            adam.step()
        layer(Tensor(np.ones((1, 2), np.float32))).sum().backward()
        adam.step()
        adam.zero_grad()
        with pytest.raises(GradientError, match="2 of 2"):
            adam.step()
        assert adam.t == 1, "a refused step is not counted"

    def test_a_parameter_that_the_loss_does_not_reach_is_counted(self):
        p, q = Parameter(np.ones(1, np.float32)), Parameter(np.ones(1, np.float32))
        adam = Adam([p, q])
        (p * 2).sum().backward()
        with pytest.raises(GradientError, match="1 of 2 parameters have no gradient"):
            adam.step()

    def test_two_optimisers_over_the_same_parameters_are_noticed(self):
        p = Parameter(np.ones(2, np.float32))
        first, second = Adam([p]), Adam([p])
        (p * 2).sum().backward()
        with pytest.raises(GradientError, match="a parameter was replaced; assign with p.data"):
            first.step()
        second.step()

    def test_a_parameter_that_was_replaced_is_noticed(self):
        p = Parameter(np.ones(2, np.float32))
        adam = Adam([p])
        p.data = p.data * 2
        (p * 2).sum().backward()
        with pytest.raises(GradientError, match="a parameter was replaced"):
            adam.step()

    @pytest.mark.parametrize("lr", [0, -1, float("nan"), float("inf")])
    def test_a_step_size_that_is_none_is_refused(self, lr):
        with pytest.raises(ConfigError, match=f"lr is {lr}; it has to be positive"):
            Adam(begin(SHAPES)[0], lr=lr)

    @pytest.mark.parametrize("betas", [(1, 0.9), (0.9, -0.1), (float("nan"), 0.9)])
    def test_betas_outside_their_range_are_refused(self, betas):
        with pytest.raises(ConfigError, match="both have to lie in"):
            Adam(begin(SHAPES)[0], betas=betas)

    @pytest.mark.parametrize("betas", [(0.9,), (0.9, 0.9, 0.9)])
    def test_betas_are_two(self, betas):
        with pytest.raises(ConfigError, match="both have to lie in"):
            Adam(begin(SHAPES)[0], betas=betas)

    @pytest.mark.parametrize("tiny", [-1e-8, float("nan")])
    def test_a_negative_guard_is_refused(self, tiny):
        with pytest.raises(ConfigError, match=f"Adam: tiny is {tiny}; it has to be 0 or more"):
            Adam(begin(SHAPES)[0], tiny=tiny)

    @pytest.mark.parametrize("lr", [-1, float("nan"), float("inf")])
    def test_a_step_size_that_was_set_to_none_is_noticed_before_the_step(self, lr):
        p = Parameter(np.ones(2, np.float32))
        sgd = SGD([p])
        (p * 2).sum().backward()
        sgd.lr = lr
        with pytest.raises(ConfigError, match=f"SGD: lr was set to {lr}; it has to be 0 or more"):
            sgd.step()
        assert p.data.tolist() == [1, 1]
        assert sgd.t == 0

    def test_a_schedule_may_set_the_step_size_to_zero(self):
        p = Parameter(np.ones(2, np.float32))
        adam = Adam([p])
        (p * 2).sum().backward()
        adam.lr = 0.0
        adam.step()
        assert p.data.tolist() == [1, 1]

    def test_the_names_in_messages_are_those_of_the_optimiser(self):
        for kind in (SGD, Adam, AdamW):
            with pytest.raises(ConfigError, match=f"^{kind.__name__}: lr is 0"):
                kind(begin(SHAPES)[0], lr=0)
            with pytest.raises(GradientError, match=f"^{kind.__name__}: 3 of 3"):
                kind(begin(SHAPES)[0]).step()

    def test_an_optimiser_without_a_step_says_what_to_write(self):
        p = Parameter(np.ones(2, np.float32))
        bare = Optimizer([p], lr=1.0)
        (p * 2).sum().backward()
        with pytest.raises(NotImplementedError, match=r"Optimizer: write _step\(self, part\)"):
            bare.step()
