"""The cache: what was built is found again, what is damaged is built anew, what is interrupted leaves nothing wrong."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from minivae.cuda import sim
from minivae.cuda.sim import cache, compiler

SOURCE = 'extern "C" __global__ void k(float* y) { y[threadIdx.x] = 7.0f; }'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of this test's own."""
    monkeypatch.setenv("MINIVAE_CACHE", str(tmp_path))
    return tmp_path / "sim"


MADE = {}  # what the compiler made of which arguments: it is asked often here, and takes a second


@pytest.fixture
def runs(monkeypatch):
    """What compilers were asked for."""
    asked, run = [], compiler.Compiler.run

    def remembered(self, arguments):
        asked.append(arguments)
        out = Path(arguments[arguments.index("-o") + 1])
        what = (out.name, *(a for a in arguments if not Path(a).is_absolute()))
        if what not in MADE:
            MADE[what] = run(self, arguments), out.read_bytes()
        out.write_bytes(MADE[what][1])
        return MADE[what][0]

    monkeypatch.setattr(compiler.Compiler, "run", remembered)
    return asked


def works(module):
    y = np.zeros(4, np.float32)
    module.kernel("k")((1,), (4,), (y,))
    return set(y) == {7}


class TestFoundAgain:
    def test_the_second_time_no_compiler_runs(self, folder, runs):
        assert works(sim.Module(SOURCE))
        assert len(runs) == 3  # the runtime, the kernel, the link
        assert works(sim.Module(SOURCE))
        assert len(runs) == 3

    @pytest.mark.parametrize(
        "change",
        [
            dict(source=SOURCE + " "),
            dict(name="other.cu"),
            dict(check=True),
            dict(options=("-DX=1",)),
            dict(options=("-fmad=false",)),
        ],
    )
    def test_whatever_matters_makes_it_another(self, folder, runs, change):
        sim.Module(SOURCE)
        before = len(runs)
        assert works(sim.Module(**{"source": SOURCE, **change}))
        assert len(runs) > before

    def test_another_compiler_processor_or_runtime_makes_it_another(self, folder, runs, monkeypatch):
        sim.Module(SOURCE)
        for target in ("processor", "runtime_sources"):
            with monkeypatch.context() as patch:
                patch.setattr(compiler, target, lambda: "another")
                before = len(runs)
                assert works(sim.Module(SOURCE))
                assert len(runs) == before + 3

    def test_flush_is_no_matter_of_compiling(self, folder, runs):
        sim.Module(SOURCE)
        sim.Module(SOURCE, options=("-ftz=false",))
        assert len(runs) == 3

    def test_the_fixed_flags_are_part_of_the_name(self, folder, runs, monkeypatch):
        sim.Module(SOURCE)
        monkeypatch.setattr(compiler, "FAST", (*compiler.FAST, "-DFOO"))
        sim.Module(SOURCE)
        assert len(runs) == 5  # all but the runtime

    def test_where_it_is(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MINIVAE_CACHE", str(tmp_path))
        assert cache.folder() == tmp_path / "sim"
        monkeypatch.delenv("MINIVAE_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
        assert "minivae" in cache.folder().parts


class TestDamage:
    def damaged(self, folder, runs, damage):
        sim.Module(SOURCE)
        for path in folder.iterdir():
            damage(path)
        before = len(runs)
        assert works(sim.Module(SOURCE))
        return len(runs) - before

    @pytest.mark.parametrize("keep", [0, 10, 32, 1000, -1])
    def test_files_cut_off_are_made_again(self, folder, runs, keep):
        assert self.damaged(folder, runs, lambda path: path.write_bytes(path.read_bytes()[:keep])) == 3

    def test_one_flipped_bit_is_noticed(self, folder, runs):
        def flip(path):
            raw = bytearray(path.read_bytes())
            raw[len(raw) // 2] ^= 1
            path.write_bytes(raw)

        assert self.damaged(folder, runs, flip) == 3

    def test_a_folder_in_the_place_of_a_file_is_no_obstacle(self, folder, runs):
        def replace(path):
            path.unlink()
            path.mkdir()

        assert self.damaged(folder, runs, replace) == 3

    def test_files_that_cannot_be_read_are_made_again(self, folder, runs):
        assert self.damaged(folder, runs, lambda path: path.unlink() or path.symlink_to("/nowhere/at/all")) == 3

    def test_a_loaded_module_does_not_care_what_becomes_of_its_file(self, folder):
        module = sim.Module(SOURCE)
        for path in folder.iterdir():
            path.write_bytes(b"")
        assert works(module)


class TestNoRoom:
    def test_a_cache_that_cannot_be_made_is_done_without(self, tmp_path, monkeypatch, runs):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("MINIVAE_CACHE", str(tmp_path / "file"))
        for _ in range(2):
            assert works(sim.Module(SOURCE))
        assert len(runs) == 6

    def test_no_room_anywhere_is_said_with_the_remedy(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cache.tempfile, "TemporaryDirectory", lambda **_: (_ for _ in ()).throw(OSError("full")))
        monkeypatch.setenv("MINIVAE_CACHE", str(tmp_path))
        with pytest.raises(sim.SimulatorError, match=r"no file could be written in .* \(full\); .* MINIVAE_CACHE"):
            sim.Module(SOURCE)

    def test_the_oldest_files_go_when_there_are_too_many(self, folder, monkeypatch):
        monkeypatch.setattr(cache, "AT_MOST", 3000)
        for k in range(6):
            cache.cached(f"kernel-{k}", lambda work: _file(work, 900))
            os.utime(folder / f"kernel-{k}", (k, k))
            if k == 3:
                cache.cached("kernel-1", lambda work: pytest.fail("it is there"))  # used, so it is young again
        assert sorted(path.name for path in folder.iterdir()) == ["kernel-1", "kernel-4", "kernel-5"]

    def test_what_killed_processes_left_is_removed_after_a_day(self, folder):
        folder.mkdir()
        for name in ("making-old", "making-new"):
            (folder / name).mkdir()
            (folder / name / "kernel.o").write_text("half")
        for name in ("loading-old.so", "loading-new.so"):
            (folder / name).write_text("half")
        for name in ("making-old", "loading-old.so"):
            os.utime(folder / name, (time.time() - 90_000,) * 2)
        cache.cached("kernel-1", lambda work: _file(work, 10))
        assert sorted(path.name for path in folder.iterdir()) == ["kernel-1", "loading-new.so", "making-new"]


def _file(work, size):
    (work / "out").write_bytes(b"x" * size)
    return work / "out"


PROCESS = """
import sys
import numpy as np
from minivae.cuda import sim
from minivae.cuda.sim import compiler
{prepare}
y = np.zeros(4, np.float32)
sim.Module({source!r}).kernel("k")((1,), (4,), (y,))
print(set(y.tolist()))
"""


def process(folder, prepare=""):
    code = PROCESS.format(source=SOURCE, prepare=textwrap.dedent(prepare))
    environment = {**os.environ, "MINIVAE_CACHE": str(folder.parent)}
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)


class TestProcesses:
    def test_many_at_once_all_get_a_whole_library(self, folder):
        running = [process(folder) for _ in range(3)]
        assert [p.communicate()[0] for p in running] == ["{7.0}\n"] * 3
        assert sorted(path.name.split("-")[0] for path in folder.iterdir()) == ["kernel", "runtime"]

    @pytest.mark.parametrize("at", [0, 1, 2])
    def test_one_killed_while_the_compiler_runs_leaves_nothing_wrong(self, folder, at):
        """It dies after the compiler has written, before the file is at its place."""
        killed = process(
            folder,
            f"""
            import os
            steps, run = [], compiler.Compiler.run
            def die(self, arguments):
                said = run(self, arguments)
                steps.append(arguments)
                if len(steps) > {at}:
                    os.kill(os.getpid(), 9)
                return said
            compiler.Compiler.run = die
            """,
        )
        assert killed.communicate()[0] == ""
        assert killed.returncode == -9
        assert process(folder).communicate()[0] == "{7.0}\n"

    def test_one_killed_while_it_writes_leaves_nothing_wrong(self, folder):
        killed = process(
            folder,
            """
            import os
            os.replace = lambda *_: os.kill(os.getpid(), 9)
            """,
        )
        assert killed.communicate()[0] == ""
        assert process(folder).communicate()[0] == "{7.0}\n"
