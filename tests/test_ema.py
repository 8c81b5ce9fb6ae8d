"""The average of the weights: the mean that it is said to be, in and out of the model, to disk and back."""

import gc

import numpy as np
import pytest

from minivae import Tensor, checkpoint
from minivae.ema import EMA
from minivae.errors import ConfigError, ShapeError
from minivae.nn import FlatParameters, Linear, Parameter, Sequential, flat
from minivae.ops import relu
from minivae.optim import SGD, Adam


def net(seed=0, hidden=5):
    rng = np.random.default_rng(seed)
    return Sequential(Linear(3, hidden, rng=rng), relu, Linear(hidden, 2, rng=rng))


def wander(whole, seed=1):
    """New weights, as training would make them, without end."""
    rng = np.random.default_rng(seed)
    while True:
        whole.data += rng.normal(size=whole.data.size).astype(np.float32)
        yield whole.data.astype(np.float64)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_it_is_the_mean_of_all_weights_with_shares_that_decay(decay):
    """A plain loop over what was seen, in float64."""
    model = net()
    ema, seen = EMA(model.parameters(), decay), []
    for weights, _ in zip(wander(ema.flat), range(60), strict=False):
        ema.update()
        seen.append(weights.copy())
        t = len(seen)
        shares = [decay ** (t - k) for k in range(1, t + 1)]
        want = sum(share * w for share, w in zip(shares, seen, strict=True)) / sum(shares)
        # float32: weights up to 30 are rounded to 2e-6 at each update, and old roundings decay as the weights do
        np.testing.assert_allclose(ema.average, want, rtol=0, atol=2e-6 * min(t, 10))


def test_it_is_adams_corrected_mean():
    """m = decay m + (1 - decay) p from 0, divided by 1 - decay^t: Kingma & Ba 2015, section 7.2."""
    ema, m = EMA(net().parameters(), 0.9), 0.0
    for t, (weights, _) in enumerate(zip(wander(ema.flat), range(30), strict=False), 1):
        ema.update()
        m = 0.9 * m + 0.1 * weights
        np.testing.assert_allclose(ema.average, m / (1 - 0.9**t), rtol=0, atol=2e-5)


def test_before_the_first_update_it_is_the_model_itself():
    model = net()
    ema, before = EMA(model.parameters()), model.state_dict()
    with ema.swapped():
        assert all(np.array_equal(before[name], p.data) for name, p in model.named_parameters())


def test_the_size_of_a_chunk_changes_no_bit(monkeypatch):
    def run(chunk):
        monkeypatch.setattr(flat, "CHUNK", chunk)
        ema = EMA(net().parameters(), 0.9)
        for _ in zip(wander(ema.flat), range(5), strict=False):
            ema.update()
        with ema.swapped():
            return ema.flat.data.tobytes()

    assert run(1) == run(7) == run(10_000)


class TestSwapped:
    def trained(self):
        model = net()
        adam = Adam(model.parameters())
        ema = EMA(adam.flat, 0.9)
        for _ in zip(wander(adam.flat), range(3), strict=False):
            ema.update()
        return model, adam, ema

    def test_the_model_computes_with_the_average_inside_and_with_its_own_weights_after(self):
        model, _, ema = self.trained()
        x = Tensor(np.ones((2, 3), np.float32))
        own, average = ema.flat.data.copy(), ema.average.copy()
        y = model(x).data
        with ema.swapped():
            assert np.array_equal(ema.flat.data, average)
            assert not np.array_equal(model(x).data, y)
        assert np.array_equal(ema.flat.data, own)
        assert np.array_equal(ema.average, average)
        assert np.array_equal(model(x).data, y)

    def test_the_weights_come_back_after_an_exception(self):
        _, _, ema = self.trained()
        own, average = ema.flat.data.copy(), ema.average.copy()
        with pytest.raises(KeyboardInterrupt), ema.swapped():
            raise KeyboardInterrupt
        assert np.array_equal(ema.flat.data, own)
        assert np.array_equal(ema.average, average)
        with ema.swapped():  # and it can be used again
            assert np.array_equal(ema.flat.data, average)

    def test_a_state_taken_inside_holds_the_average(self, tmp_path):
        model, _, ema = self.trained()
        with ema.swapped():
            checkpoint.save(tmp_path / "smooth", model.state_dict(), {})
        other = net(seed=9)
        other.load_state_dict(checkpoint.load(tmp_path / "smooth")[0])
        assert np.array_equal(FlatParameters(other.parameters()).data, ema.average)

    def test_inside_nothing_else_is_done_with_it_and_the_weights_still_come_back(self):
        _, _, ema = self.trained()
        own, average, state = ema.flat.data.copy(), ema.average.copy(), ema.state()
        for act in (ema.update, ema.state, lambda: ema.load_state(state), ema.swapped().__enter__):
            with pytest.raises(ConfigError, match="the model holds the average; leave the block before"), ema.swapped():
                act()
            assert np.array_equal(ema.flat.data, own)
            assert np.array_equal(ema.average, average)


class TestState:
    def test_a_saved_average_goes_on_bit_for_bit(self, tmp_path):
        whole, again = (EMA(net().parameters(), 0.9) for _ in range(2))
        steps = wander(whole.flat)
        for _ in range(3):
            next(steps)
            whole.update()
        checkpoint.save(tmp_path / "ema", whole.state(), {})
        again.load_state(checkpoint.load(tmp_path / "ema")[0])
        for _ in range(3):
            again.flat.data[:] = next(steps)
            whole.update()
            again.update()
        assert again.average.tobytes() == whole.average.tobytes()
        assert again.t == whole.t == 6

    def test_that_of_another_model_is_refused_and_nothing_is_changed(self):
        ema, other = EMA(net().parameters()), EMA(net(hidden=6).parameters())
        before = ema.average.copy()
        with pytest.raises(ShapeError, match=r"EMA: average is \(32,\) but \(38,\) was saved; .* of another model"):
            ema.load_state(other.state())
        with pytest.raises(ConfigError, match="EMA: the saved state has m, t, v; wanted average, t"):
            ema.load_state(Adam(net().parameters()).state())
        assert np.array_equal(ema.average, before)


class TestParameters:
    def test_those_that_an_optimiser_gathered_stay_with_it(self):
        model = net()
        adam = Adam(model.parameters())
        ema = EMA(model.parameters())
        assert ema.flat.data is adam.flat.data
        assert adam.flat.still_gathered()

    def test_it_outlives_the_optimiser(self):
        model = net()
        adam = Adam(model.parameters())
        ema = EMA(model.parameters())
        del adam
        gc.collect()
        ema.update()

    def test_a_part_of_what_an_optimiser_gathered_is_refused(self):
        model = net()
        adam = Adam(model.parameters())
        with pytest.raises(ConfigError, match="pass the optimiser's own: optimizer.flat"):
            EMA(model[0].parameters())
        assert adam.flat.still_gathered()

    def test_parameters_that_moved_to_a_later_optimiser_are_noticed(self):
        model = net()
        ema = EMA(model.parameters())
        SGD(model.parameters())
        for act in (ema.update, ema.state, ema.swapped().__enter__):
            with pytest.raises(ConfigError, match="moved to an optimiser made since; make the EMA after it"):
                act()

    def test_parameters_that_moved_inside_of_swapped_are_noticed(self):
        model = net()
        ema = EMA(model.parameters())
        with pytest.raises(ConfigError, match="moved to an optimiser made since"), ema.swapped():
            SGD(model.parameters())

    @pytest.mark.parametrize("decay", [1, -0.1, 1.5, float("nan")])
    def test_a_decay_outside_its_range_is_refused(self, decay):
        with pytest.raises(ConfigError, match=rf"EMA: decay is {decay}; it has to lie in \[0, 1\)"):
            EMA([Parameter(np.ones(2, np.float32))], decay)
