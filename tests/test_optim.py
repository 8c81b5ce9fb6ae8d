"""Adam beside PyTorch's, beside the paper's formula in float64, and when it is used wrongly."""

import numpy as np
import pytest

from minivae import Tensor, optim
from minivae.errors import ConfigError, GradientError
from minivae.nn import Linear, Parameter
from minivae.optim import CHUNK, Adam
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


@pytest.mark.parametrize(("shapes", "settings"), [*((SHAPES, s) for s in SETTINGS), ([(2 * CHUNK + 3,)], SETTINGS[0])])
def test_fifty_steps_are_those_of_pytorch(settings, shapes):
    torch = oracle()
    parameters, rng = begin(shapes)
    theirs = [torch.tensor(p.data.copy(), requires_grad=True) for p in parameters]
    adam = Adam(parameters, **settings)
    other = torch.optim.Adam(theirs, lr=adam.lr, betas=adam.betas, eps=adam.tiny)
    for _ in range(50):
        adam.zero_grad()
        for q, g in zip(theirs, feed(parameters, rng), strict=True):
            q.grad = torch.tensor(g)
        adam.step()
        other.step()
    for p, q in zip(parameters, theirs, strict=True):
        # As above, for the rounding of both.
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=0, atol=100 * (6e-8 * 4 + 1e-6 * adam.lr))


def test_the_size_of_a_chunk_changes_no_bit(monkeypatch):
    def run(chunk):
        monkeypatch.setattr(optim, "CHUNK", chunk)
        parameters, rng = begin(SHAPES)
        adam = Adam(parameters)
        for _ in range(5):
            adam.zero_grad()
            feed(parameters, rng)
            adam.step()
        return adam.flat.data.tobytes()

    assert run(1) == run(7) == run(19) == run(CHUNK)


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
