"""`minivae ... --backend`, and what `minivae doctor` says of each backend."""

import re
import sys

import pytest

from minivae import backend, doctor
from minivae.cuda import counting
from minivae.train import Run
from tests import standin
from tests.test_cli import one_line

pytestmark = pytest.mark.usefixtures("few_digits", "no_pictures")
SMALL = ["--epochs", 1, "--hidden", 8, "--latent", 2]


@pytest.fixture(params=["sim", "cupy"])
def name(request):
    with standin.installed():
        yield request.param


class TestBackendOption:
    def test_train_and_resume(self, minivae, name, tmp_path):
        assert minivae("train", "vae", *SMALL, "--out", "a")[0] == 0
        with counting() as launches:
            code, _, err = minivae("train", "vae", *SMALL, "--backend", name, "--out", "b")
        assert (code, err) == (0, "") and launches["adam_v2"] == 3  # 300 images, 128 at a time
        assert backend.current().name == "numpy"
        a, b = (Run.load(tmp_path / run).history[0] for run in "ab")
        for figure in a:
            assert a[figure] == pytest.approx(b[figure], rel=2e-5)  # float32, carried through three steps
        code, _, err = minivae("train", "--resume", "a", "--epochs", 2, "--backend", name)
        assert (code, err) == (0, "") and len(Run.load(tmp_path / "a").history) == 2

    def test_the_commands_that_read_a_run(self, minivae, name, folder):
        scores = minivae("evaluate", folder)[1]
        with counting() as launches:
            for command in (["evaluate"], ["sample", "--n", 3], ["interpolate", "--rows", 1]):
                code, out, err = minivae(*command, folder, "--backend", name)
                assert (code, err) == (0, "")
                assert command != ["evaluate"] or out == scores  # to the digits shown
        assert launches["bias_activation_v2"] > 0

    def test_without_cupy_it_is_one_line_and_nothing_is_written(self, minivae, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "cupy", None)
        code, out, err = minivae("train", "vae", *SMALL, "--backend", "cupy")
        assert (code, out) == (2, "") and err.startswith(
            "error: use: CuPy is not installed; pip install 'minivae[gpu]'"
        )
        assert len(err.splitlines()) == 1 and list(tmp_path.iterdir()) == []

    def test_workers_are_for_numpy(self, minivae, name):
        code, _, err = minivae("train", "vae", *SMALL, "--backend", name, "--workers", 2)
        assert code == 2 and f"workers is 2, but the backend is {name}" in err

    def test_an_unknown_one(self, minivae):
        assert minivae("train", "vae", "--backend", "tpu")[0] == 2


class TestDoctor:
    def said(self, name):
        before = backend.current()
        said = doctor._kernel(name)
        assert backend.current() is before
        return said

    def test_what_works(self):
        assert self.said("sim").startswith("works: kernels compiled by ")
        assert re.search(r"compiled and ran a kernel in \d+\.\d\d s$", self.said("sim"))
        with standin.installed():
            assert self.said("cupy").startswith(
                "works: CuPy 14.2.0 on a stand-in: kernels on the CPU, driver for CUDA 12.9"
            )

    def test_what_is_missing(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", None)
        assert self.said("cupy").startswith("CuPy is not installed; pip install")
        monkeypatch.setenv("MINIVAE_CXX", "no-such-compiler")
        assert "MINIVAE_CXX names 'no-such-compiler', which is not there; unset it, or install" in self.said("sim")
        with standin.installed(driver="cudaErrorNoDevice: no CUDA-capable device is detected"):
            assert self.said("cupy").startswith("CuPy 14.2.0 finds no GPU (cudaErrorNoDevice")

    def test_a_kernel_that_does_not_compile_or_computes_wrongly(self, monkeypatch):
        with standin.installed() as cupy:

            def fail(*args, **keywords):
                raise cupy.cuda.compiler.CompileException("nvrtc: error: invalid value for --gpu-architecture")

            monkeypatch.setattr(cupy, "RawModule", fail)
            said = self.said("cupy")
            assert said.startswith("compiles or runs no kernel (CompileException: nvrtc: error: invalid value")
            assert said.endswith("pip install --upgrade 'minivae[gpu]'")

        class Wrong(backend.Backend):
            def __init__(self, *args, **keywords):
                super().__init__(*args, **keywords)
                self.ops["gaussian_kl"] = lambda xp, mu, logvar: (mu.sum(-1), None)

        monkeypatch.setattr(backend, "Backend", Wrong)
        assert self.said("sim").startswith("WRONG: a kernel computed [3.0, 3.0] for 1.5; ")

    def test_the_table_has_a_row_for_each(self, minivae, monkeypatch):
        monkeypatch.setitem(sys.modules, "cupy", None)
        out = one_line(minivae("doctor")[1])
        assert "backend sim works: " in out and "backend cupy CuPy is not installed" in out
