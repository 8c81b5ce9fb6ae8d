"""use(): what it selects, and what it says where a backend cannot work. Most of it on machines that are not there."""

import builtins
import subprocess
import sys

import numpy as np
import pytest

import minivae
from minivae import Tensor, backend
from minivae.cuda import launch
from minivae.cuda.launch import current as device_in_use
from minivae.errors import BackendError, ConfigError
from tests import standin


class TestSelect:
    def test_the_backend_and_the_device_change_together(self):
        with pytest.raises(BackendError, match="no device is selected"):
            device_in_use()
        with backend.using("sim") as sim:
            assert backend.current() is sim and sim.xp is np and device_in_use() is sim.device
            with standin.installed() as module, backend.using("cupy") as cupy:
                assert cupy.xp is module and device_in_use() is cupy.device
                assert isinstance(Tensor([1.0]).data, module.ndarray)
            assert backend.current() is sim and device_in_use() is sim.device
        assert backend.current().name == "numpy"
        with pytest.raises(BackendError, match="no device is selected"):
            device_in_use()

    def test_it_returns_the_backend_whose_repr_is_a_line(self):
        here = minivae.use("sim")
        assert here is backend.current()
        assert repr(here).startswith("Backend(name='sim', about='kernels compiled by ") and len(repr(here)) < 100

    def test_the_simulator_checks_if_it_is_asked_to(self):
        assert not minivae.use("sim").device.check
        assert minivae.use("sim", check=True).device.check
        assert "every access to memory checked" in backend.current().about

    def test_the_checking_build_runs_the_ops(self):
        with backend.using("sim", check=True):
            kl = minivae.ops.gaussian_kl(np.ones((3, 4), "f4"), np.zeros((3, 4), "f4"))
        np.testing.assert_allclose(kl.data, 2.0, rtol=1e-6)  # float32

    def test_the_tables_are_the_backends_own(self):
        """A learner's kernel, entered in one, is not in the next."""
        minivae.use("sim").ops["exp"] = None
        assert "exp" not in minivae.use("sim").ops

    @pytest.mark.parametrize("name", ["numpy", "cupy"])
    def test_a_setting_that_a_backend_has_not_is_refused(self, name):
        with standin.installed(), pytest.raises(ConfigError, match=f"use: {name} takes no check; .*'sim'"):
            minivae.use(name, check=True)
        with pytest.raises(ConfigError, match="use: sim takes no order"):
            minivae.use("sim", order="reverse")
        assert backend.current().name == "numpy"

    def test_a_process_that_stays_on_numpy_never_loads_the_kernels(self):
        code = (
            "import sys, minivae; minivae.use('numpy'); print([m for m in sys.modules if m.startswith('minivae.cuda')])"
        )
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert said.stdout.strip() == "[]"


class TestWithout:
    """Each failure names its remedy, and what was in use stays in use."""

    def refused(self, words, name="cupy"):
        for before in ("numpy", "sim") if name == "cupy" else ("numpy",):
            here = minivae.use(before)
            with pytest.raises(BackendError, match=words):
                minivae.use(name)
            assert backend.current() is here
            if before == "sim":
                assert device_in_use() is here.device
                mu = np.ones((1, 1), "f4")
                launch("gaussian_kl", mu, mu.copy(), np.zeros(1, "f4"), 1, 1)

    def test_cupy_is_not_installed(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", None)
        self.refused(r"use: CuPy is not installed; pip install 'minivae\[gpu\]', or minivae.use\(\"sim\"\)")

    def test_cupy_does_not_load(self, monkeypatch):
        real = builtins.__import__

        def broken(name, *args):
            if name == "cupy":
                raise ImportError("\n====\nFailed to import CuPy.\n\nOriginal error: libcuda.so.1", name="cupy._core")
            return real(name, *args)

        monkeypatch.setattr(builtins, "__import__", broken)
        self.refused(
            r"use: CuPy is installed but does not load \(Failed to import CuPy\.\); pip install --force-reinstall"
        )

    def test_no_driver(self):
        said = "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime version"
        with standin.installed(driver=said):
            self.refused(r"finds no NVIDIA driver, or one that is too old \(cudaErrorInsuff.*\); install or update it")

    @pytest.mark.parametrize("settings", [{"driver": "cudaErrorNoDevice: no CUDA-capable device"}, {"devices": 0}])
    def test_no_device(self, settings):
        with standin.installed(**settings):
            self.refused("use: CuPy 14.2.0 finds no GPU.*; see that nvidia-smi lists one.*use..sim")

    @pytest.mark.parametrize(
        "missing",
        [
            RuntimeError("Failed to find CUDA headers. Please install CUDA toolkit headers"),
            ImportError("libnvrtc.so.12: cannot open shared object file"),
            OSError("libcublas.so.12"),
        ],
    )
    def test_no_headers_or_libraries(self, missing):
        with standin.installed(toolkit=missing):
            self.refused(r"finds a GPU but cannot compute on it \(.*\); a part of the CUDA toolkit .*'minivae\[gpu\]'")

    def test_a_gpu_that_computes_wrongly(self, monkeypatch):
        with standin.installed() as module:
            monkeypatch.setattr(module, "ones", lambda shape, dtype: module.zeros(shape, dtype))
            self.refused("computes wrongly on this GPU; update the driver")

    def test_no_compiler(self, monkeypatch):
        monkeypatch.setenv("MINIVAE_CXX", "no-such-compiler")
        self.refused(r"use: sim: MINIVAE_CXX names 'no-such-compiler', which is not there; .*g\+\+", name="sim")

    def test_an_unknown_name(self):
        self.refused("there is no backend 'cuda'; this version has cupy, numpy, sim", name="cuda")
