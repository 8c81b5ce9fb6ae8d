"""Whole steps and runs: the same numbers on every backend, and no step waits for a GPU."""

import numpy as np
import pytest

from minivae import Tensor, backend, ops
from minivae.cuda import counting as counting_launches
from minivae.ema import EMA
from minivae.engine import OPS
from minivae.errors import CheckpointError, ConfigError, DataError, GradientError
from minivae.evaluate import evaluate
from minivae.models import VAE, Autoencoder
from minivae.nn import Conv2d, ConvTranspose2d, Dropout, Embedding, GroupNorm, Linear, Sequential
from minivae.optim import SGD, Adam, AdamW, clip_grad_norm
from minivae.progress import Quiet
from minivae.train import CHECKPOINT, Interrupted, Run, load_model
from tests import standin
from tests.backends.twins import NAMES, on
from tests.small import dots
from tests.test_train import Press

X, X_TEST = dots(60), dots(20, seed=1)
MODELS = [(VAE, "bernoulli"), (VAE, "gaussian"), (Autoencoder, "bernoulli"), (Autoencoder, "gaussian")]
IDS = [f"{model.__name__}-{likelihood}" for model, likelihood in MODELS]


def made(model=VAE, likelihood="bernoulli", **settings):
    return model(x_dim=6, hidden=33, latent=3, likelihood=likelihood, rng=np.random.default_rng(0), **settings)


def run(model=VAE, likelihood="bernoulli", **settings):
    binarization = "none" if likelihood == "gaussian" else "dynamic"
    settings = dict(epochs=2, batch=16, rng=np.random.default_rng(1), binarization=binarization) | settings
    return Run(made(model, likelihood), **settings)


def near(a, b, rtol=2e-5, atol=2e-6):
    """Tolerance: float32 rounding, carried through some steps of Adam."""
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol, atol, err_msg=name)


@pytest.mark.parametrize(("model", "likelihood"), MODELS, ids=IDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_each_model_is_that_of_numpy(name, model, likelihood):
    """The loss, every gradient, and every parameter after Adam's step."""

    def step():
        rng, network = np.random.default_rng(3), made(model, likelihood)
        optimizer = Adam(network.parameters(), 1e-2)
        loss, terms = network.loss(Tensor(dots(20)), rng)
        loss.backward()
        gradient = backend.host(optimizer.flat.grad).copy()
        optimizer.step()
        values = {term: backend.host(value) for term, value in terms.items()}
        return {"loss": loss.item(), "gradient": gradient, **values, **network.state_dict()}

    want = step()
    with on(name), counting_launches() as launches:
        near(step(), want)
    assert launches["adam_v2"] == 1 and launches["bias_activation_v2"] >= 5


@pytest.mark.parametrize("name", NAMES)
def test_the_simulators_checks_find_nothing_in_a_step(name):
    """On the stand-in that includes memory that was read before anybody wrote to it."""
    with on(name, check=True):
        network = made()
        optimizer = AdamW(network.parameters())
        loss, _ = network.loss(Tensor(dots(9)), np.random.default_rng(0))
        loss.backward()
        optimizer.step()
        assert np.isfinite(loss.item())


@pytest.mark.parametrize(("model", "likelihood"), MODELS, ids=IDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_run_with_the_same_seed_reports_the_same_figures(name, model, likelihood):
    want = run(model, likelihood).train(X, X_TEST, report=Quiet())
    with on(name):
        got = run(model, likelihood).train(X, X_TEST, report=Quiet())
        state = got.model.state_dict()
    for a, b in zip(got.history, want.history, strict=True):
        near(a, b)
    near(state, want.model.state_dict(), rtol=1e-4, atol=1e-5)  # Adam divides gradients near 0 by themselves


def test_two_runs_on_the_simulator_are_the_same_to_the_bit():
    with on("sim"):
        a, b = (run().train(X, X_TEST, report=Quiet()) for _ in range(2))
    assert a.history == b.history


class Copies(Quiet):
    """Notes after each step how many copies have come from the device since the one before."""

    def start(self, run, steps):
        self.seen, self.last = [], standin.counters.device_to_host

    def step(self, run):
        now = standin.counters.device_to_host
        self.seen.append(now - self.last)
        self.last = now


class TestNothingWaits:
    @pytest.mark.parametrize(("model", "likelihood"), MODELS, ids=IDS)
    def test_a_run_copies_from_the_device_once_an_epoch(self, cupy, model, likelihood):
        """When the figures of the epoch are read, all in one copy; 60 images, 16 at a time, make 4 steps."""
        copies = Copies()
        with standin.counting() as counted:
            run(model, likelihood, epochs=3).train(X, report=copies)
        assert copies.seen == [0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
        assert (counted.device_to_host, counted.waits) == (3, 0)

    def test_it_sends_a_batch_and_its_noise_and_nothing_else(self, cupy):
        with standin.counting() as counted:
            run(epochs=1).train(X, report=Quiet())
        assert counted.host_to_device == 8 + 4 * 2  # the parameters when the model is made, then 4 steps

    @pytest.mark.parametrize(
        "planted", [lambda x: float(x.sum()), lambda x: x.min() > 9 or None, lambda x: f"{x.max()}", lambda x: x.item]
    )
    def test_a_planted_look_at_a_value_is_counted(self, cupy, planted, monkeypatch):
        relu, looks = cupy.ops["relu"], planted.__code__.co_names != ("item",)

        def looking(xp, x):
            planted(x)
            return relu(xp, x)

        monkeypatch.setitem(cupy.ops, "relu", looking)
        copies = Copies()
        run(epochs=1).train(X, report=copies)
        assert copies.seen == [2 * looks] * 4

    def test_the_figures_of_a_step_come_in_one_copy(self, cupy):
        """What a loop of one's own does to log a step."""
        network, rng = made(), np.random.default_rng(0)
        optimizer = Adam(network.parameters())
        with standin.counting() as counted:
            for _ in range(3):
                loss, terms = network.loss(Tensor(dots(8)), rng)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            assert counted.device_to_host == 0
            figures = backend.numbers({"loss": loss.data, **{k: v.mean() for k, v in terms.items()}})
        assert counted.device_to_host == 1 and figures.keys() == {"loss", "elbo", "reconstruction", "kl"}

    def test_a_loss_that_is_read_at_every_step_is_one_copy_a_step(self, cupy):
        network, rng, copies, losses = made(), np.random.default_rng(0), [], []
        optimizer = Adam(network.parameters())
        for _ in range(3):
            with standin.counting() as counted:
                loss, _ = network.loss(Tensor(dots(8)), rng)
                optimizer.zero_grad()
                loss.backward()
                clip_grad_norm(optimizer.flat, 1.0)
                optimizer.step()
                losses.append(loss.item())
            copies.append(counted.device_to_host)
        assert copies == [1, 1, 1] and all(isinstance(value, float) for value in losses)

    @pytest.mark.parametrize("make", [Adam, AdamW, SGD, lambda p: SGD(p, momentum=0.9)])
    def test_optimisers_averages_and_clipping(self, cupy, make):
        network, rng = made(), np.random.default_rng(0)
        optimizer = make(network.parameters())
        ema = EMA(optimizer.flat)
        with standin.counting() as counted:
            for _ in range(2):
                loss, _ = network.loss(Tensor(dots(8)), rng)
                optimizer.zero_grad()
                loss.backward()
                clip_grad_norm(optimizer.flat, 1.0)
                optimizer.step()
                ema.update()
            with ema.swapped():
                network.loss(Tensor(dots(8)), rng)
        assert (counted.device_to_host, counted.waits) == (0, 0)

    def test_layers_that_draw_look_up_and_convolve(self, cupy):
        rng = np.random.default_rng(0)
        table = Embedding(10, 16, rng=rng)
        network = Sequential(
            lambda h: h.reshape(-1, 1, 4, 4),
            *(Conv2d(1, 8, 3, padding=1, rng=rng), GroupNorm(8, groups=2), ops.silu, Dropout(0.5)),
            *(Conv2d(8, 8, 2, stride=2, rng=rng), ops.relu, ConvTranspose2d(8, 1, 2, stride=2, rng=rng)),
            *(lambda h: h.reshape(-1, 16), Linear(16, 10, rng=rng), lambda h: ops.logsumexp(h, axis=-1)),
        )
        optimizer = Adam(table.parameters() + network.parameters())
        with standin.counting() as counted:
            for _ in range(2):
                optimizer.zero_grad()
                network(table(rng.integers(0, 10, 6)), rng=rng).mean().backward()
                optimizer.step()
        assert (counted.device_to_host, counted.waits) == (0, 0)

    @pytest.mark.parametrize("name", sorted(OPS))
    def test_no_op_waits_forward_or_backward(self, cupy, name):
        for case in OPS[name].cases:
            inputs, constants = case(np.random.default_rng(0))
            leaves = [Tensor(x.astype("f4"), requires_grad=True) for x in inputs]
            with standin.counting() as counted:
                OPS[name](*leaves, **constants).sum().backward()
            assert (counted.device_to_host, counted.waits) == (0, 0)

    def test_scoring_images_waits_once_for_all_batches(self, cupy):
        network = made()
        with standin.counting() as counted:
            evaluate(network, X, rng=np.random.default_rng(0), batch=10)
        assert counted.device_to_host == 2  # the means, and the active units


class TestOptimisers:
    @pytest.mark.parametrize(
        "make",
        [
            *(Adam, AdamW, SGD, lambda p: SGD(p, 0.1, 0.9)),
            lambda p: Adam(p, 0.1, (0.5, 0.9), 1e-3),
            lambda p: AdamW(p, 0.1, decay=2.0),  # each step takes a fifth
        ],
        ids=["Adam", "AdamW", "SGD", "momentum", "settings", "decay"],
    )
    @pytest.mark.parametrize("name", NAMES)
    def test_steps_are_numpys(self, name, make):
        def steps():
            network, rng = made(), np.random.default_rng(0)
            optimizer = make(network.parameters())
            for _ in range(5):
                loss, _ = network.loss(Tensor(dots(8)), rng)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            return {**network.state_dict(), **{f"state {k}": v for k, v in optimizer.state().items()}}

        want = steps()
        with on(name):
            got = steps()
        near(got, want, rtol=1e-4, atol=1e-5)  # Adam divides gradients near 0 by themselves

    @pytest.mark.parametrize("name", NAMES)
    def test_adam_is_one_launch_whatever_the_number_of_parameters(self, name):
        with on(name), counting_launches() as launches:
            network = VAE(x_dim=300, hidden=150, rng=np.random.default_rng(0))
            optimizer = AdamW(network.parameters())
            assert optimizer.flat.data.size > 65_536
            optimizer.flat.grad[...] = 1
            for p in optimizer.flat.parameters:
                p.grad = p.slot()
            optimizer.step()
        assert launches == {"adam_v2": 1}

    def test_a_step_of_ones_own_runs_on_any_backend(self, kernels):
        from minivae.optim import Optimizer

        class Sign(Optimizer):
            def _step(self, part):
                self.flat.data[part] -= self.lr * kernels.xp.sign(self.flat.grad[part])

        network = made()
        before, sign = network.state_dict(), Sign(network.parameters(), 0.5)
        network.loss(Tensor(dots(8)), np.random.default_rng(0))[0].backward()
        sign.step()
        moved = {name: np.abs(value - before[name]).max() for name, value in network.state_dict().items()}
        assert all(distance == pytest.approx(0.5) for distance in moved.values())

    def test_float64_parameters_are_refused_by_the_kernel(self, kernels):
        network = made()
        network.astype("float64")
        adam = Adam(network.parameters())
        for p in network.parameters():
            p.grad = kernels.xp.ones(p.shape)
        with pytest.raises(TypeError, match="adam_v2: p is float64; wanted float32"):
            adam.step()

    def test_a_gradient_assigned_by_hand_may_come_from_the_host(self, kernels):
        network = made()
        adam = Adam(network.parameters())
        for p in network.parameters():
            p.grad = np.ones(p.shape, "f4")
        adam.step()
        assert (backend.host(adam.flat.grad) == 1).all()


BACKENDS = ("numpy", *NAMES)


class TestCheckpoints:
    def test_a_run_begun_on_one_backend_goes_on_on_the_others(self, tmp_path):
        """Three epochs, each on another backend, are three epochs on one."""
        whole = run(epochs=3).train(X, X_TEST, report=Quiet())
        with on("sim"):
            run(epochs=1).train(X, X_TEST, report=Quiet(), out=tmp_path)
        for epochs, name in ((2, "cupy"), (3, "numpy")):
            with on(name):
                more = Run.load(tmp_path)
                more.epochs = epochs
                more.train(X, X_TEST, report=Quiet(), out=tmp_path)
        for a, b in zip(more.history, whole.history, strict=True):
            near(a, b, rtol=1e-4, atol=1e-5)
        near(more.model.state_dict(), whole.model.state_dict(), rtol=1e-3, atol=1e-4)  # twelve steps of Adam

    @pytest.mark.parametrize("name", NAMES)
    def test_a_run_stopped_in_the_middle_goes_on_to_the_bit(self, tmp_path, name):
        with on(name):
            whole = run().train(X, X_TEST, report=Quiet(), out=tmp_path / "whole")
            with pytest.raises(Interrupted):
                run().train(X, X_TEST, report=Press(6), out=tmp_path / "cut")
            again = Run.load(tmp_path / "cut").train(X, X_TEST, report=Quiet(), out=tmp_path / "cut")
        assert again.history == whole.history
        files = [(tmp_path / part / CHECKPOINT).read_bytes() for part in ("whole", "cut")]
        assert files[0] == files[1]

    def test_a_file_holds_the_same_bytes_wherever_it_is_loaded_and_saved(self, tmp_path):
        run(epochs=1).train(X, report=Quiet(), out=tmp_path)
        before = (tmp_path / CHECKPOINT).read_bytes()
        for name in BACKENDS:
            with on(name):
                Run.load(tmp_path).save(tmp_path)
            assert (tmp_path / CHECKPOINT).read_bytes() == before

    @pytest.mark.parametrize("name", NAMES)
    def test_a_model_alone_comes_back_on_any_backend(self, tmp_path, name):
        want = run(epochs=1).train(X, report=Quiet(), out=tmp_path).model.reconstruct(X)
        with on(name):
            got = load_model(tmp_path).reconstruct(X)
        assert isinstance(got, np.ndarray)
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)  # float32

    def test_device_arrays_are_refused_by_the_file(self, tmp_path, cupy):
        from minivae import checkpoint

        with pytest.raises(TypeError, match="Implicit conversion"):
            checkpoint.save(tmp_path / "a", {"a": cupy.xp.zeros(3)}, {})

    def test_an_average_comes_back_on_another_backend(self):
        network = made()
        ema = EMA(Adam(network.parameters()).flat)
        ema.update()
        state = ema.state()
        for name in NAMES:
            with on(name):
                other = EMA(Adam(made().parameters()).flat)
                other.load_state(state)
                near(other.state(), state, rtol=0, atol=0)


class TestFaults:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_loss_that_is_no_number_is_named_and_the_last_checkpoint_stays(self, tmp_path, name):
        with on(name):
            run(epochs=1).train(X, report=Quiet(), out=tmp_path)
            before = (tmp_path / CHECKPOINT).read_bytes()
            more = Run.load(tmp_path)
            more.epochs, more.optimizer.lr = 3, 1e30
            words = r"the loss became infinite or NaN in epoch 2, after [1-3] steps; lr is 1e\+30, take less"
            with pytest.raises(GradientError, match=words):
                more.train(X, report=Quiet(), out=tmp_path)
        assert (tmp_path / CHECKPOINT).read_bytes() == before

    @pytest.mark.parametrize("name", NAMES)
    def test_a_last_step_that_breaks_the_parameters_is_not_saved(self, tmp_path, name):
        class Break(Quiet):
            def step(self, run):
                run.optimizer.flat.data[0] = np.inf

        with (
            on(name),
            pytest.raises(GradientError, match="a parameter became infinite or NaN in epoch 1, after 1 steps"),
        ):
            run(epochs=1, batch=60).train(X, report=Break(), out=tmp_path)
        assert not (tmp_path / CHECKPOINT).exists()

    def test_a_step_size_that_float32_does_not_hold_is_named(self, kernels):
        with pytest.raises(ConfigError, match=r"adam_v2: step is 1.*e\+39; `float` goes from"):
            run(lr=1e39).train(X, report=Quiet())

    @pytest.mark.parametrize("name", NAMES)
    def test_images_are_looked_at_before_the_first_step(self, name):
        with on(name), pytest.raises(DataError, match="train: x"):
            run().train(X * 255, report=Quiet())

    @pytest.mark.parametrize("name", NAMES)
    def test_workers_are_for_numpy(self, name):
        with (
            on(name),
            pytest.raises(ConfigError, match=f"workers is 2, but the backend is {name}, and only the work of"),
        ):
            run().train(X, report=Quiet(), workers=2)

    @pytest.mark.parametrize("name", NAMES)
    def test_another_models_state_is_refused_as_ever(self, tmp_path, name):
        run(epochs=1).train(X, report=Quiet(), out=tmp_path)
        with on(name), pytest.raises(CheckpointError, match="begun on other images"):
            Run.load(tmp_path).train(X[::-1], report=Quiet())


class TestMoving:
    def test_an_optimiser_moves_a_model_that_was_made_before(self):
        network = made()
        want = network.state_dict()
        with on("cupy") as here:
            adam = Adam(network.parameters())
            assert isinstance(network.parameters()[0].data, here.xp.ndarray)
            network.loss(Tensor(dots(8)), np.random.default_rng(0))[0].backward()
            near(network.state_dict(), want, rtol=0, atol=0)
        Adam(network.parameters())  # and back
        assert isinstance(network.parameters()[0].data, np.ndarray) and adam.flat is not None
        near(network.state_dict(), want, rtol=0, atol=0)

    def test_what_a_model_gives_to_people_is_numpys(self, kernels):
        network, rng = made(), np.random.default_rng(0)
        z = rng.standard_normal((4, 3), np.float32)
        for images in (network.reconstruct(X), network.generate(z), network.sample(4, rng)):
            assert isinstance(images, np.ndarray)
        t = Tensor([[1.0, 2.0]])
        assert repr(t) == "Tensor([[1. 2.]])"
        assert isinstance(t.numpy(), np.ndarray) and (t.sum().item(), type(t.sum().item())) == (3.0, float)

    def test_gradients_are_checked_on_numpy(self, cupy):
        from minivae import gradcheck
        from minivae.errors import BackendError

        with pytest.raises(BackendError, match=r"gradcheck: the backend is cupy; say minivae.use\(.numpy.\) before"):
            gradcheck(ops.exp, np.ones(2), rng=np.random.default_rng(0))
