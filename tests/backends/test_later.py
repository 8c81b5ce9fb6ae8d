"""demand(): now where a value can be seen, later where to look would be to wait."""

import numpy as np
import pytest

from minivae import Tensor, backend, ops, use
from minivae.checks import AT_MOST, demand, outstanding
from minivae.errors import DataError, GradientError
from tests import standin


def error(text="wrong"):
    return lambda: DataError(text)


class TestNow:
    @pytest.mark.parametrize("met", [False, np.bool_(False), np.array(False), np.array([False])])
    def test_what_can_be_seen_raises_at_once(self, met):
        with pytest.raises(DataError, match="wrong"):
            demand(met, error())
        assert outstanding() == []

    @pytest.mark.parametrize("met", [True, np.bool_(True), np.array(True)])
    def test_what_is_met_says_nothing_and_the_error_is_never_made(self, met):
        demand(met, lambda: 1 / 0)


class TestLater:
    def false(self, cupy):
        return cupy.xp.zeros((), bool)

    def test_nothing_is_copied_until_a_value_is_read(self, cupy):
        with standin.counting() as counted:
            demand(self.false(cupy), error())
        assert counted.device_to_host == 0 and len(outstanding()) == 1
        with pytest.raises(DataError, match="wrong"):
            backend.host(cupy.xp.zeros(3))
        assert outstanding() == []

    def test_the_first_that_is_not_met_is_raised_and_all_are_forgotten(self, cupy):
        demand(cupy.xp.ones((), bool), lambda: 1 / 0)
        demand(self.false(cupy), error("first"))
        demand(self.false(cupy), error("second"))
        with pytest.raises(DataError, match="first"):
            backend.numbers({})
        assert backend.numbers({"a": cupy.xp.ones(())}) == {"a": 1.0}

    def test_numbers_and_all_that_was_noted_come_in_one_copy(self, cupy):
        for _ in range(5):
            demand(cupy.xp.ones((), bool), error())
        values = {"a": cupy.xp.float32(1.5) * cupy.xp.ones(()), "b": 2.5, "c": cupy.xp.asarray(3)}
        with standin.counting() as counted:
            assert backend.numbers(values) == {"a": 1.5, "b": 2.5, "c": 3.0}
        assert counted.device_to_host == 1

    def test_a_loop_that_never_reads_a_value_is_told_in_the_end(self, cupy):
        """So the notes do not grow for ever."""
        demand(self.false(cupy), error())
        with pytest.raises(DataError, match="wrong"):
            for _ in range(AT_MOST):
                demand(cupy.xp.ones((), bool), error())
        assert len(outstanding()) < AT_MOST

    def test_who_leaves_the_backend_is_told_and_has_left(self, cupy):
        demand(self.false(cupy), error())
        with pytest.raises(DataError, match="wrong"):
            use("numpy")
        assert backend.current().name == "numpy"
        use("numpy")

    def test_where_nothing_can_be_read_any_more_the_notes_are_dropped(self, cupy, monkeypatch):
        x = cupy.xp.zeros(3)
        demand(self.false(cupy), error())

        def gone(*args, **keywords):
            raise RuntimeError("cudaErrorIllegalAddress")

        with monkeypatch.context() as patch:
            patch.setattr(cupy.xp, "stack", gone)
            with pytest.raises(RuntimeError, match="IllegalAddress"):
                backend.host(x)
        assert outstanding() == []

    def test_debug_looks_at_once(self, cupy):
        from minivae import debug

        with debug(), pytest.raises(DataError, match="bernoulli_nll: x spans 2.0 to 2.0"):
            ops.bernoulli_nll(np.zeros((1, 1), "f4"), np.full((1, 1), 2, "f4"))


class TestReading:
    def test_on_a_cpu_host_gives_the_very_memory_and_on_a_gpu_a_copy(self, cupy):
        x = cupy.xp.zeros(3)
        backend.host(x)[0] = 1
        assert x.get().tolist() == [0, 0, 0]
        with backend.using("numpy"):
            y = np.zeros(3)
            assert backend.host(y) is y and Tensor(y).numpy() is y

    def test_numbers_are_python_floats_everywhere(self):
        for name in ("numpy", "sim"):
            use(name)
            values = {"a": np.float32(0.1), "b": 2, "c": np.asarray(3.5), "d": np.bool_(True)}
            got = backend.numbers(values)
            assert got == {"a": float(np.float32(0.1)), "b": 2.0, "c": 3.5, "d": 1.0}
            assert all(type(value) is float for value in got.values())
        assert backend.numbers({}) == {}

    @pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
    def test_a_single_value_keeps_its_shape_and_type_when_it_comes_with_the_notes(self, cupy, shape):
        demand(cupy.xp.ones((), bool), error())
        got = backend.host(cupy.xp.full(shape, 0.1, "float32"))
        assert (got.shape, got.dtype, outstanding()) == (shape, "float32", []) and got.item() == float(np.float32(0.1))


class TestUsers:
    """The checks of values that the package makes, one by one."""

    def test_an_embedding_looks_at_an_index_from_the_host_at_once(self, kernels):
        from minivae.nn import Embedding

        table = Embedding(3, 2, rng=np.random.default_rng(0))
        with pytest.raises(DataError, match="the index spans 0 to 3; wanted 0 to 2"):
            table(np.array([0, 3]))
        assert table([0, 2]).shape == (2, 2)

    def test_and_at_one_on_the_device_later(self, cupy):
        from minivae.nn import Embedding

        table = Embedding(3, 2, rng=np.random.default_rng(0))
        low = cupy.xp.asarray([0, 2])
        with standin.counting() as counted:
            table(low)
        assert counted.device_to_host == 0
        with pytest.raises(standin.Misuse, match="CuPy would take another element"):
            table(cupy.xp.asarray([0, 3]))
        with pytest.raises(DataError, match="the index spans 0 to 3; wanted 0 to 2"):  # noted before it went wrong
            backend.numbers({})

    @pytest.mark.parametrize("value", [np.inf, np.nan])
    def test_clipping_notes_a_gradient_that_is_not_finite_and_changes_nothing(self, cupy, value):
        from minivae.nn import FlatParameters, Parameter
        from minivae.optim import clip_grad_norm

        flat = FlatParameters([Parameter(np.ones(3, "f4"))])
        flat.parameters[0].grad = cupy.xp.asarray(np.float32([1, value, 2]))
        with standin.counting() as counted:
            clip_grad_norm(flat, 0.1)
        assert counted.device_to_host == 0
        np.testing.assert_array_equal(flat.grad.get(), np.float32([1, value, 2]))
        with pytest.raises(GradientError, match=f"clip_grad_norm: the length of the gradient is {value}"):
            backend.host(flat.grad)

    @pytest.mark.parametrize("most", [0.5, 3.0, 5.0, np.inf])
    def test_clipping_clips_without_waiting(self, cupy, most):
        from minivae.nn import FlatParameters, Parameter
        from minivae.optim import clip_grad_norm

        g = np.float32([1, 2, 2])
        flat = FlatParameters([Parameter(np.ones(3, "f4"))])
        flat.parameters[0].grad = cupy.xp.asarray(g)
        with standin.counting() as counted:
            norm = clip_grad_norm(flat, most)
        assert counted.device_to_host == 0
        assert backend.numbers({"norm": norm}) == {"norm": 3.0}
        np.testing.assert_allclose(backend.host(flat.grad), g * min(1, most / 3), rtol=1e-6)  # float32

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda d, x: d.Normal(x, 0.0 * x), "Normal: mu holds NaN"),
            (lambda d, x: d.Bernoulli(x), "Bernoulli: logits holds NaN"),
            (lambda d, x: d.Categorical(x), "Categorical: logits holds NaN"),
            (lambda d, x: d.Bernoulli(0 * Tensor([1.0, 2.0])).log_prob(Tensor([1.0, 2.0])), "a coin shows 0 or 1"),
            (lambda d, x: d.Categorical(Tensor([0.0, -1.0])).log_prob(Tensor([1.0, 1.0])), "x is not one-hot"),
            (
                lambda d, x: d.Categorical(Tensor([0.0, -1.0])).log_prob(np.array(5)),
                "classes span 5 to 5; wanted 0 to 1",
            ),
            (lambda d, x: d.Categorical(Tensor([-np.inf, -np.inf])), "-inf for every class"),
        ],
        ids=range(7),
    )
    def test_distributions(self, kernels, make, words):
        from minivae import distributions

        x = Tensor([1.0, np.nan])
        with pytest.raises(DataError, match=words):
            make(distributions, x)
            backend.numbers({})

    def test_a_gaussian_likelihood(self, kernels):
        from minivae.models.likelihood import Gaussian

        x = np.full((2, 3), 2, "f4")
        with pytest.raises(DataError, match="Gaussian: x spans 2.0 to 2.0"):
            Gaussian(0.1).nll(Tensor(np.zeros((2, 3), "f4")), Tensor(x)).numpy()
