"""The launcher: what it lets through, and in which words it refuses the rest. Nothing is compiled here."""

import itertools

import numpy as np
import pytest

from minivae import cuda
from minivae.cuda import Kernel, Simulator, counting, launch, select, using
from minivae.errors import BackendError, ConfigError, DtypeError, ShapeError
from tests.cuda.harness import Guarded, around, latin


class Recorder(Simulator):
    """Takes NumPy arrays, keeps what would be launched, and runs nothing."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def function(self, kernel):
        return lambda grid, block, args, shared: self.calls.append((kernel.name, grid, block, args, shared))


@pytest.fixture
def device():
    with using(Recorder()) as recorder:
        yield recorder


def zeros(*shape, dtype="float32"):
    return np.zeros(shape, dtype)


def kl(B=6, L=4, **changed):
    """Arguments for gaussian_kl, right but for what is changed."""
    args = dict(mu=zeros(6, 4), logvar=zeros(6, 4), kl=zeros(6), B=B, L=L)
    return [*{**args, **changed}.values()]


def adam(n=8, **changed):
    arrays = dict(p=zeros(n), g=zeros(n), m=zeros(n), v=zeros(n))
    settings = dict(b1=0.9, b2=0.999, step=1e-3, tiny=1e-8, decay=0.0, n=n)
    return [*{**arrays, **settings, **changed}.values()]


class TestWhatIsLaunched:
    def test_grid_and_block_follow_from_the_sizes(self, device):
        launch("gaussian_kl_v1", *kl())
        launch("gaussian_kl_v2", *kl())
        launch("bias_activation_v2", zeros(9, 33), zeros(33), zeros(9, 33), 9, 33, 1)
        assert [call[1:3] for call in device.calls] == [((1,), (256,)), ((6,), (256,)), ((2, 2), (32, 8))]

    def test_a_kernel_goes_by_its_own_name_or_by_that_of_its_versions(self, device):
        for kernel in ("gaussian_kl_v1", "gaussian_kl", cuda.find("gaussian_kl_v2")):
            launch(kernel, *kl())
        assert [call[0] for call in device.calls] == ["gaussian_kl_v1", "gaussian_kl_v3", "gaussian_kl_v2"]

    def test_scalars_travel_with_the_bytes_that_the_kernel_reads(self, device):
        """A Python float would be eight bytes, of which a kernel reads four."""
        launch("adam", *adam(n=np.int64(8), step=np.float64(0.5)))
        launch("philox_normal", zeros(8), 2**64 - 1, np.int64(3), 8)
        assert [a.dtype.name for a in device.calls[0][3][4:]] == ["float32"] * 5 + ["int32"]
        assert [a.dtype.name for a in device.calls[1][3][1:]] == ["uint64", "uint64", "int32"]
        assert device.calls[1][3][1] == 2**64 - 1

    @pytest.mark.parametrize("value", [1, 1.0, np.float64(1), np.float32(1), np.int32(1)])
    def test_any_number_may_stand_for_a_float(self, device, value):
        launch("adam", *adam(step=value))
        assert device.calls[0][3][6] == 1 and device.calls[0][3][6].dtype == "float32"

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e-300])
    def test_nan_infinity_and_numbers_too_small_are_floats_too(self, device, value):
        launch("adam", *adam(step=value))
        np.testing.assert_equal(device.calls[0][3][6], np.float32(value))

    def test_arrays_with_other_axes_are_fine_as_long_as_they_have_the_elements(self, device):
        """Images (B, C, H, W) where the kernel says (B, D)."""
        images = zeros(2, 3, 4, 4)
        launch("bernoulli_nll", images, images, zeros(2), 2, 48)
        launch("reparameterize", images, images, images, zeros(2, 48), 96)
        assert len(device.calls) == 2

    def test_an_output_that_is_optional_may_be_none(self, device):
        launch("gaussian_kl_backward", zeros(6), zeros(6, 4), zeros(6, 4), None, zeros(6, 4), 6, 4)
        assert device.calls[0][3][3] is None

    def test_no_elements_are_no_launch(self, device):
        with counting() as launches:
            launch("gaussian_kl", zeros(0, 4), zeros(0, 4), zeros(0), 0, 4)
            launch("gaussian_kl", zeros(6, 0), zeros(6, 0), zeros(6), 6, 0)  # six sums of nothing
        assert launches == {"gaussian_kl_v3": 1}

    def test_one_input_may_come_twice(self, device):
        x = zeros(6, 4)
        launch("gaussian_kl", *kl(mu=x, logvar=x))


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "args, error, words",
        [
            (kl()[:-1], ConfigError, "got 4 arguments; wanted 5: mu, logvar, kl, B, L"),
            ([*kl(), 1], ConfigError, "got 6 arguments; wanted 5"),
            (
                kl(mu=zeros(6, 4, dtype="float64")),
                DtypeError,
                "mu is float64; wanted float32: convert it with mu.astype",
            ),
            (kl(mu=zeros(6, 4, dtype="float16")), DtypeError, "mu is float16"),
            (kl(mu=zeros(6, 4).astype(">f4")), DtypeError, "mu is >f4"),
            (kl(mu=zeros(4, 6).T), ShapeError, "mu has gaps or is transposed"),
            (kl(mu=zeros(6, 8)[:, ::2]), ShapeError, "mu has gaps"),
            (kl(mu=zeros(6, 3)), ShapeError, "mu is (6, 3); wanted (B, L) = (6, 4), for B = 6, L = 4"),
            (kl(mu=zeros(4, 6)), ShapeError, "mu is (4, 6)"),
            (kl(mu=zeros(23)), ShapeError, "mu is (23,)"),
            (kl(kl=zeros(5)), ShapeError, "kl is (5,); wanted (B,) = (6,)"),
            (kl(B=4, L=6), ShapeError, "mu is (6, 4); wanted (B, L) = (4, 6)"),
            (kl(mu=[0.0] * 24), BackendError, "mu is a builtins.list; wanted a NumPy array of float32, (B, L)"),
            (kl(mu=None), BackendError, "mu is None; wanted a NumPy array"),
            (kl(mu=1.0), BackendError, "mu is a builtins.float"),
            (kl(B=6.0), DtypeError, "B is a float; wanted a number for `int B`"),
            (kl(B="6"), DtypeError, "B is a str"),
            (kl(B=True), DtypeError, "B is a bool"),
            (kl(B=None), DtypeError, "B is a NoneType"),
            (kl(B=zeros(6)), DtypeError, "B is a ndarray"),
            (kl(B=np.array(6)), DtypeError, "B is a ndarray"),
            (kl(B=2**31), ConfigError, "B is 2147483648; `int` goes from"),
            (kl(B=2**31 - 1), ConfigError, "B is 2147483647; a size goes from 0 to"),
            (kl(B=-6, L=-4), ConfigError, "B is -6; a size goes from 0"),
        ],
    )
    def test_arguments_that_are_wrong(self, device, args, error, words):
        with pytest.raises(error) as caught:
            launch("gaussian_kl", *args)
        assert str(caught.value).startswith("gaussian_kl_v3: ") and words in str(caught.value)
        assert device.calls == []

    @pytest.mark.parametrize("value", [1e39, -1e39, np.float64(3.5e38)])
    def test_a_float_beyond_float32(self, device, value):
        with pytest.raises(ConfigError, match="float32|goes from"):
            launch("adam", *adam(step=value))

    @pytest.mark.parametrize("value", [True, np.True_, "1", 1j, None, np.zeros(()), zeros(1)])
    def test_what_is_no_number_for_a_float(self, device, value):
        with pytest.raises(DtypeError, match="step is a .* wanted a number for `float step`"):
            launch("adam", *adam(step=value))

    @pytest.mark.parametrize("seed", [-1, 2**64])
    def test_a_seed_out_of_range(self, device, seed):
        with pytest.raises(ConfigError, match="seed is"):
            launch("philox_normal", zeros(8), seed, 0, 8)

    def test_an_output_that_is_read_only(self, device):
        out = zeros(6)
        out.flags.writeable = False
        with pytest.raises(ShapeError, match="kl is read-only but the kernel writes to it"):
            launch("gaussian_kl", *kl(kl=out))
        launch("gaussian_kl", *kl(mu=np.broadcast_to(zeros(6, 4), (6, 4))))

    @pytest.mark.parametrize("start", [1, 23, 29])
    def test_an_output_that_shares_memory_with_an_input(self, device, start):
        memory = zeros(54)
        with pytest.raises(ShapeError, match="share memory; give the output an array of its own"):
            launch("gaussian_kl", *kl(logvar=memory[6 : 6 + 24], kl=memory[start : start + 6]))

    @pytest.mark.parametrize("start", [0, 30])
    def test_neighbours_in_memory_are_fine(self, device, start):
        memory = zeros(54)
        launch("gaussian_kl", *kl(logvar=memory[6 : 6 + 24], kl=memory[start : start + 6]))

    def test_a_float4_kernel_wants_addresses_that_16_divides(self, device):
        odd = Guarded((9,), "float32").array[1:]
        with pytest.raises(ShapeError, match="m begins at an address that 16 does not divide"):
            launch("adam_v2", *adam(m=odd))
        launch("adam_v1", *adam(m=odd))

    def test_an_address_that_4_does_not_divide(self, device):
        odd = np.zeros(33, np.uint8)[1:].view("float32")
        with pytest.raises(ShapeError, match="m begins at an address that 4 does not divide"):
            launch("adam_v1", *adam(m=odd))

    def test_a_condition_of_the_kernel_in_its_own_words(self, device):
        with pytest.raises(
            ConfigError, match="kind numbers none, relu, .* wanted 0 <= kind <= 5, got B = 2, .*kind = 6"
        ):
            launch("bias_activation", zeros(2, 3), zeros(3), zeros(2, 3), 2, 3, 6)

    def test_a_condition_is_looked_at_before_a_size_divides_by_zero(self, device):
        needs = (("O > 0", "there has to be a column"), ("B % O == 0", "columns divide rows"))
        kernel = Kernel("column_sum_v1", "bias_activation.cu", grid="B // O", needs=needs)
        with pytest.raises(ConfigError, match="there has to be a column; wanted O > 0, got B = 2, O = 0"):
            launch(kernel, zeros(2, 0), zeros(0), 2, 0)
        launch(kernel, zeros(4, 2), zeros(2), 4, 2)

    def test_a_grid_that_no_gpu_takes(self, device):
        high = Kernel("column_sum_v1", "bias_activation.cu", grid="1, B")
        with pytest.raises(ConfigError, match=r"B = 65536, O = 0 makes a grid of \(1, 65536\); a GPU takes"):
            launch(high, zeros(2**16, 0), zeros(0), 2**16, 0)
        launch(high, zeros(2**16 - 1, 0), zeros(0), 2**16 - 1, 0)

    def test_a_name_that_no_kernel_has(self, device):
        with pytest.raises(BackendError, match="there is no kernel 'gaussian_lk'; there are adam_v1, "):
            launch("gaussian_lk")


class TestDevices:
    def test_without_one_the_error_says_how_to_get_one(self):
        with using(None), pytest.raises(BackendError, match=r'no device is selected; say minivae.use\("sim"\)'):
            launch("gaussian_kl", *kl())

    def test_the_former_comes_back_also_after_an_error(self):
        first, second = Recorder(), Recorder()
        with using(first):
            with pytest.raises(ZeroDivisionError), using(second):
                assert cuda.current() is second
                raise ZeroDivisionError
            assert cuda.current() is first
            select(second)
            assert cuda.current() is second
            select(first)


class TestCounting:
    def test_counters_within_each_other_count_for_themselves(self, device):
        with counting() as outer:
            launch("gaussian_kl", *kl())
            with counting() as inner:
                launch("gaussian_kl_v1", *kl())
        launch("gaussian_kl_v1", *kl())
        assert outer == {"gaussian_kl_v3": 1, "gaussian_kl_v1": 1} and inner == {"gaussian_kl_v1": 1}

    def test_two_that_are_equal_are_not_confused(self, device):
        with counting() as outer:
            with counting():
                pass
            launch("gaussian_kl", *kl())
        assert outer.total() == 1

    def test_a_refused_launch_is_not_counted(self, device):
        with counting() as launches, pytest.raises(ConfigError):
            launch("gaussian_kl", *kl(B=-1))
        assert launches.total() == 0


def test_latin_and_around_meet_what_they_promise():
    """The sizes that the kernels are tried at come from here."""
    assert around(8) == [1, 7, 8, 9, 16, 23, 24] and around(1) == [1, 2, 3]
    cases = latin(B=[1, 2, 3], L=[4, 5])
    assert {(c["B"], c["L"]) for c in cases} == set(itertools.product([1, 2, 3], [4, 5]))
