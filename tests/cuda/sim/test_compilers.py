"""Which compiler is taken; that each one found here makes the same of a file; and what is said where there is none."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from minivae.cuda import sim
from minivae.cuda.sim import compiler
from tests.cuda.sim.test_planted import BUGS, run

# Of several clangs one, the first here: each compiler takes some seconds.
CANDIDATES = (["g++"], ["clang++", *(f"clang++-{n}" for n in range(24, 13, -1))])
FOUND = [next(filter(shutil.which, names)) for names in CANDIDATES if any(map(shutil.which, names))]
if importlib.util.find_spec("ziglang"):
    import ziglang

    FOUND.append(f"{Path(ziglang.__file__).parent / 'zig'} c++")


@pytest.fixture(autouse=True)
def _fresh():
    compiler._find.cache_clear()
    yield
    compiler._find.cache_clear()


@pytest.fixture
def nothing(monkeypatch, tmp_path):
    """A machine without any compiler."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("MINIVAE_CXX", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    return tmp_path


def program(folder, name):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 1\n")
    path.chmod(0o755)
    return path


class TestChoice:
    def test_without_any_the_remedies_are_named(self, nothing):
        with pytest.raises(
            sim.SimulatorError, match=r"no C\+\+ compiler; install g\+\+ .*apt install.*pip install 'mini"
        ):
            sim.Module("")

    def test_gcc_comes_before_clang(self, nothing):
        clang = program(nothing, "clang++")
        assert compiler.find().program == clang
        compiler._find.cache_clear()
        assert compiler.find().program == clang
        gcc = program(nothing, "g++")
        compiler._find.cache_clear()
        assert compiler.find().program == gcc

    def test_zig_is_taken_where_there_is_nothing_else(self, nothing, monkeypatch):
        zig = program(nothing, "package/zig")

        spec = SimpleNamespace(submodule_search_locations=[str(zig.parent)])
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if name == "ziglang" else None)
        assert compiler.find() == compiler.Compiler((str(zig), "c++"), zig)
        assert compiler.find().zig

    def test_the_environment_has_the_first_word(self, nothing, monkeypatch):
        program(nothing, "g++")
        mine = program(nothing, "mine")
        monkeypatch.setenv("MINIVAE_CXX", "mine -m64")
        assert compiler.find() == compiler.Compiler(("mine", "-m64"), mine)
        monkeypatch.setenv("MINIVAE_CXX", "theirs")
        with pytest.raises(sim.SimulatorError, match="MINIVAE_CXX names 'theirs', which is not there; unset it, or"):
            compiler.find()

    @pytest.mark.parametrize(
        ("module", "name", "value", "words"),
        [
            (sys, "platform", "win32", "got Windows; the simulator wants Linux or macOS: use WSL"),
            (
                compiler.platform,
                "machine",
                lambda: "riscv64",
                "got a riscv64 processor; the simulator wants x86-64 or ARM64",
            ),
        ],
    )
    def test_systems_it_does_not_run_on_are_told(self, monkeypatch, module, name, value, words):
        monkeypatch.setattr(module, name, value)
        with pytest.raises(sim.SimulatorError, match=words):
            sim.Module("")

    def test_a_compiler_that_does_not_work_is_quoted(self, nothing, monkeypatch, tmp_path):
        path = program(nothing, "g++")
        path.write_text("#!/bin/sh\necho 'it is broken' >&2; exit 1\n")
        monkeypatch.setenv("MINIVAE_CACHE", str(tmp_path / "cache"))
        with pytest.raises(sim.CompileError, match=r"g\+\+ cannot build the runtime: it is broken; install"):
            sim.Module("")


@pytest.mark.parametrize("command", FOUND)
class TestEach:
    @pytest.fixture(autouse=True)
    def _use(self, command, monkeypatch):
        monkeypatch.setenv("MINIVAE_CXX", command)

    def test_finds_every_planted_bug_at_its_line(self, command):
        folder = Path(__file__).parent / "planted"
        wrong = []
        for path in sorted(folder.glob("*.cu")):
            module = sim.Module(path.read_text(encoding="utf-8"), path.name, check=True)
            for bug in (bug for bug in BUGS if bug.file == path.name):
                run(module, f"{bug.name}_mended", bug.mended, "random")
                with pytest.raises(sim.KernelError) as caught:
                    run(module, bug.name, bug.settings, "forward")
                if (caught.value.finding.kind, caught.value.finding.line in bug.lines) != (bug.kind, True):
                    wrong.append(str(caught.value))
        assert wrong == []

    def test_gives_the_same_results(self, command):
        source = """
        extern "C" __global__ void k(const float* x, float* y) {
          const int i = blockIdx.x * blockDim.x + threadIdx.x;
          y[i] = expf(x[i]) * x[i] + __shfl_xor_sync(0xffffffffu, x[i], 5);
        }
        """
        x, y = np.linspace(-3, 3, 128).astype(np.float32), sim.poison(128)
        sim.Module(source).kernel("k")((4,), (32,), (x, y))
        np.testing.assert_allclose(
            y, np.exp(x) * x + x.reshape(4, 32)[:, np.arange(32) ^ 5].ravel(), rtol=1e-5, atol=1e-6
        )

    def test_blames_the_line_of_the_file(self, command):
        with pytest.raises(sim.CompileError, match="^bad.cu:2: .*undeclared"):
            sim.Module('extern "C" __global__ void k(float* y) {\n  y[0] = undeclared;\n}', "bad.cu")


class TestImport:
    def test_it_brings_numpy_and_the_standard_library_alone_and_asks_no_compiler(self, tmp_path):
        code = """
import sys
import numpy.random
before = {name.split(".")[0] for name in sys.modules}
import subprocess
subprocess.Popen = subprocess.run = None
import minivae.cuda.sim
print(*sorted({name.split(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)))
"""
        said = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
        assert said.stdout.split() == ["minivae"]

    def test_every_file_can_be_read_in_one_sitting(self):
        files = [path for path in compiler.RUNTIME.parent.rglob("*") if path.suffix in (".py", ".h", ".cpp")]
        assert len(files) > 25
        assert {path.name: n for path in files if (n := len(path.read_text(encoding="utf-8").splitlines())) > 350} == {}
