"""Schedules: their ends, their middles, PyTorch's numbers, and steps that are none."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from minivae.errors import ConfigError
from minivae.nn import Parameter
from minivae.optim import SGD
from minivae.schedule import cosine, warmup, warmup_cosine
from tests.oracle import oracle

STEPS = st.integers(1, 100_000)
RATES = st.floats(1e-8, 10)


class TestCosine:
    @given(STEPS, RATES, st.floats(0, 1))
    def test_it_begins_with_lr_ends_with_lr_min_and_is_halfway_in_the_middle(self, total, lr, share):
        lr_min = share * lr
        assert cosine(0, total, lr, lr_min) == pytest.approx(lr, rel=1e-15)
        assert cosine(total, total, lr, lr_min) == pytest.approx(lr_min, rel=1e-15, abs=1e-16 * lr)
        assert cosine(total, 2 * total, lr, lr_min) == pytest.approx((lr + lr_min) / 2, rel=1e-14)

    @given(st.integers(2, 500), RATES)
    def test_it_never_rises(self, total, lr):
        rates = [cosine(step, total, lr) for step in range(total + 1)]
        assert rates == sorted(rates, reverse=True)
        assert min(rates) >= 0

    def test_it_is_that_of_pytorch(self):
        torch = oracle()
        other = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(other, T_max=20, eta_min=0.01)
        for step in range(21):
            assert cosine(step, 20, 0.3, 0.01) == pytest.approx(schedule.get_last_lr()[0], rel=1e-12)
            other.step()
            schedule.step()


class TestWarmup:
    @given(STEPS, RATES)
    def test_it_begins_with_one_part_and_ends_with_lr(self, steps, lr):
        assert warmup(0, steps, lr) == pytest.approx(lr / steps, rel=1e-15)
        assert warmup(steps - 1, steps, lr) == warmup(steps, steps, lr) == warmup(10 * steps, steps, lr) == lr

    def test_it_rises_in_equal_parts(self):
        assert [warmup(step, 4, 1.0) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


class TestWarmupCosine:
    @given(st.integers(2, 10_000), st.integers(1, 10_000), RATES, st.floats(0, 1))
    def test_its_ends_and_its_top(self, total, warm, lr, share):
        assume(warm < total)
        lr_min = share * lr
        assert warmup_cosine(0, total, lr, warm, lr_min) == pytest.approx(lr / warm, rel=1e-15)
        assert warmup_cosine(warm - 1, total, lr, warm, lr_min) == pytest.approx(lr, rel=1e-15)
        assert warmup_cosine(warm, total, lr, warm, lr_min) == pytest.approx(lr, rel=1e-15)
        assert warmup_cosine(total, total, lr, warm, lr_min) == pytest.approx(lr_min, rel=1e-15, abs=1e-16 * lr)

    def test_it_is_the_one_and_then_the_other(self):
        both = [warmup_cosine(step, 10, 2.0, warm=4, lr_min=0.5) for step in range(11)]
        assert both == [warmup(s, 4, 2.0) for s in range(4)] + [cosine(s, 6, 2.0, 0.5) for s in range(7)]

    def test_without_warm_steps_it_is_the_cosine(self):
        for step in range(6):
            assert warmup_cosine(step, 5, 1.0, warm=0) == cosine(step, 5, 1.0)


def test_an_optimiser_follows_it():
    p = Parameter(np.zeros(1, np.float32))
    sgd, moved = SGD([p]), []
    (p * -1).sum().backward()
    for step in range(8):
        before = p.data.item()
        sgd.lr = warmup_cosine(step, 8, lr=1.0, warm=2)
        sgd.step()
        moved.append(p.data.item() - before)
    np.testing.assert_allclose(moved, [warmup_cosine(s, 8, lr=1.0, warm=2) for s in range(8)], atol=1e-6)  # float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: cosine(11, 10, 1.0), "cosine: step is 11 of 10; it counts from 0, and nothing is set beyond total"),
        (lambda: cosine(-1, 10, 1.0), "cosine: step is -1 of 10"),
        (lambda: cosine(math.nan, 10, 1.0), "cosine: step is nan"),
        (lambda: cosine(0, 0, 1.0), "cosine: total is 0; there has to be at least 1 step"),
        (lambda: cosine(1, 10, 1.0, 2.0), "cosine: lr is 1.0, lr_min is 2.0; wanted 0 <= lr_min <= lr"),
        (lambda: cosine(1, 10, 1.0, -0.1), "lr_min is -0.1"),
        (lambda: cosine(1, 10, math.nan), "lr is nan"),
        (lambda: warmup(-1, 10, 1.0), "warmup: step is -1"),
        (lambda: warmup(0, 0, 1.0), "warmup: steps is 0; it has to be at least 1"),
        (lambda: warmup(0, 5, -1.0), "warmup: lr is -1.0"),
        (lambda: warmup_cosine(11, 10, 1.0, warm=2), "warmup_cosine: step is 11 of 10"),
        (lambda: warmup_cosine(0, 10, 1.0, warm=10), "warmup_cosine: warm is 10 of 10 steps; it has to be at least 0"),
        (lambda: warmup_cosine(0, 10, 1.0, warm=-1), "warm is -1 of 10 steps"),
    ],
)
def test_what_is_outside_its_range_is_refused(call, words):
    with pytest.raises(ConfigError, match=words):
        call()
