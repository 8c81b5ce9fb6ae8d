"""Every kernel, compiled for seven generations of GPUs by NVIDIA's compiler, which needs no GPU for that."""

import math
import re
from pathlib import Path

import pytest

from minivae.cuda import KERNELS, nvrtc, tables
from minivae.errors import BackendError

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kernels.md"

try:
    NVRTC = nvrtc.Nvrtc()
except BackendError:
    NVRTC = None

needs_nvrtc = pytest.mark.skipif(NVRTC is None, reason="NVRTC is not installed: pip install nvidia-cuda-nvrtc")


@pytest.fixture(scope="module")
def report():
    return nvrtc.check(nvrtc.shipped(), nvrtc=NVRTC)


def kernel(body, head="", bounds=""):
    return f'{head}\nextern "C" __global__ void {bounds} planted(const float* x, float* y, int n) {{\n{body}\n}}\n'


FINE = kernel("if (threadIdx.x < n) y[threadIdx.x] = x[threadIdx.x];")

# 128 sums at once, and 64 registers for each of 1,024 threads: half of them have to live elsewhere.
SPILLS = kernel(
    """  float sum[128];
#pragma unroll
  for (int j = 0; j < 128; ++j) sum[j] = x[j * n + threadIdx.x];
  for (int k = 0; k < n; ++k)
#pragma unroll
    for (int j = 0; j < 128; ++j) sum[j] = sum[j] * sum[(j + 1) % 128] + x[k];
#pragma unroll
  for (int j = 0; j < 128; ++j) y[j * n + threadIdx.x] = sum[j];""",
    bounds="__launch_bounds__(1024)",
)

PLANTED = {
    "spilled registers": (SPILLS, "planted spills"),
    "an array that a variable indexes": (
        kernel("float a[8]; for (int j = 0; j < 8; ++j) a[(int)x[j] & 7] = x[j]; y[0] = a[n & 7];"),
        "bytes in local memory",
    ),
    "a warning": (kernel("int unused; y[0] = x[0];"), "a warning: .*unused"),
    "INFINITY, which NVRTC does not know": (kernel("y[0] = INFINITY;"), 'identifier "INFINITY" is undefined'),
    "a header": (kernel("y[0] = 0;", head="#include <cmath>"), "could not open source file"),
    "no such function": (kernel("y[0] = fast_exp(x[0]);"), "fast_exp"),
}


@needs_nvrtc
class TestOurs:
    def test_every_kernel_compiles_without_warning_or_spill_for_every_generation(self, report):
        assert report.faults == []
        assert set(report.usage) == {(name, arch) for name in KERNELS for arch in nvrtc.ARCHS}

    def test_each_leaves_room_for_a_second_block(self, report):
        """65,536 registers to a multiprocessor, 48 KiB of shared memory to a block without asking for more."""
        for (name, _), usage in report.usage.items():
            threads = math.prod(tables.block(KERNELS[name]))
            assert 0 < usage.registers * threads <= 65_536 // 2 and usage.shared <= 48 * 1024 // 2, name

    def test_the_page_in_docs_has_the_tables_of_today(self, report):
        page = PAGE.read_text(encoding="utf-8")
        written_with = page.split("as NVRTC ")[1].split(" allots")[0]
        if written_with != NVRTC.version:
            pytest.skip(f"the page was made with NVRTC {written_with}, and {NVRTC.version} is installed")
        parts = {"overview": tables.overview(), "resources": tables.resources(report, NVRTC.version)}
        assert page == tables.fill(page, **parts), "run: python -m minivae.cuda.tables"


@needs_nvrtc
class TestTheCheck:
    def test_a_sound_kernel_passes_and_its_use_is_read(self):
        found = nvrtc.check({"fine.cu": FINE}, [75, 90], NVRTC)
        assert found.faults == [] and set(found.usage) == {("planted", 75), ("planted", 90)}
        assert found.usage["planted", 90].registers >= 8

    @pytest.mark.parametrize("name", PLANTED)
    def test_a_planted_fault_is_reported_with_file_and_generation(self, name):
        source, words = PLANTED[name]
        (fault,) = nvrtc.check({"planted.cu": source}, [80], NVRTC).faults
        assert fault.startswith("planted.cu, sm_80: ")
        assert re.search(words, fault, re.S)

    def test_one_bad_file_does_not_hide_the_next(self):
        sources = {"a.cu": PLANTED["a warning"][0], "b.cu": PLANTED["spilled registers"][0], "c.cu": FINE}
        assert [fault[:4] for fault in nvrtc.check(sources, [80], NVRTC).faults] == ["a.cu", "b.cu"]

    def test_the_command_fails_on_a_fault_and_names_it(self, tmp_path, capsys):
        (tmp_path / "fine.cu").write_text(FINE)
        (tmp_path / "spills.cu").write_text(SPILLS)
        assert nvrtc.main(["--arch", "90", "--", str(tmp_path / "fine.cu")]) == 0
        assert "kernels: 1, generations of GPUs: 1, faults: 0" in capsys.readouterr().out
        assert nvrtc.main(["--arch", "90", "--", *(str(tmp_path / name) for name in ("fine.cu", "spills.cu"))]) == 1
        assert "spills.cu, sm_90: planted spills" in capsys.readouterr().err


class TestReadingTheLog:
    def test_all_numbers_of_two_kernels(self):
        log = """
ptxas info    : Compiling entry function 'one' for 'sm_90'
ptxas info    : Function properties for one
    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 16 bytes cumulative stack size, 1024 bytes smem
ptxas info    : Compiling entry function 'two' for 'sm_90'
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 8 registers, used 0 barriers
"""
        assert nvrtc.read_usage(log) == {"one": nvrtc.Usage(40, 1024, 16, 20), "two": nvrtc.Usage(8, 0, 0, 0)}

    def test_nothing_to_read(self):
        assert nvrtc.read_usage("") == {}


class TestWithoutIt:
    def test_the_error_says_what_to_install(self, monkeypatch):
        monkeypatch.setattr(nvrtc, "_PACKAGES", ("minivae-has-no-such-package",))
        with pytest.raises(BackendError, match="pip install nvidia-cuda-nvrtc"):
            nvrtc.Nvrtc()

    @needs_nvrtc
    def test_one_that_is_too_old_is_as_good_as_none(self, monkeypatch):
        monkeypatch.setattr(nvrtc, "ARCHS", (*nvrtc.ARCHS, 999))
        with pytest.raises(BackendError, match="knows no sm_999; pip install --upgrade"):
            nvrtc.Nvrtc()


class TestThePage:
    def test_a_page_without_marks_is_refused(self):
        with pytest.raises(BackendError, match="the page has no <!-- overview -->"):
            tables.fill("nothing", overview="x")

    def test_only_what_is_between_the_marks_changes(self):
        page = "a\n<!-- t -->\nold\n<!-- end of t -->\nb\n"
        assert tables.fill(page, t="new") == "a\n<!-- t -->\n\nnew\n\n<!-- end of t -->\nb\n"
        assert tables.fill(tables.fill(page, t=r"\1"), t="new") == tables.fill(page, t="new")

    def test_faults_are_not_written_down(self, monkeypatch):
        monkeypatch.setattr(tables, "Nvrtc", lambda: None)
        monkeypatch.setattr(tables, "check", lambda sources, nvrtc: nvrtc_report(["a.cu, sm_80: spills"]))
        with pytest.raises(BackendError, match="a.cu, sm_80: spills"):
            tables.made("")


def nvrtc_report(faults):
    return nvrtc.Report(faults=faults)
