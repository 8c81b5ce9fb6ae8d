"""From an address to a line, whatever stands in the way: functions, macros, long statements, odd names."""

import numpy as np
import pytest

from minivae.cuda import sim
from minivae.cuda.sim.lines import LineTable, section

SOURCE = """#define STORE(v) y[at] = (v)
__device__ float inlined(const float* p, int k) {
  return p[k];
}
__device__ __noinline__ float called(const float* p, int k) {
  float sum = 0.0f;
  for (int i = 0; i < 2; ++i)
    sum += p[k + i];
  return sum;
}
template <int N> __device__ float general(const float* p) {
  return N * p[N];
}
extern "C" __global__ void k(const float* x, float* y, int at, int what) {
  if (what == 0) STORE(1.0f);
  if (what == 1) y[0] = inlined(x, at);
  if (what == 2) y[0] = called(x, at);
  if (what == 3) y[0] = general<9>(x) + general<3>(x);
  if (what == 4)
    y[0] =
        1.0f +
        x[at];
  if (what == 5) y[0] = __ldg(&x[at]);
  if (what == 6)
    atomicAdd(
        &y[at],
        1.0f);
  if (what == 7) memcpy(y, x + at, 16);
  if (what == 8) *reinterpret_cast<float2*>(y) = reinterpret_cast<const float2*>(x)[at];
}
"""
LINES = {0: {15}, 1: {3}, 2: {8}, 3: {12}, 4: {20, 21, 22}, 5: {23}, 6: {25, 26, 27}, 7: {28}, 8: {29}}


@pytest.mark.parametrize("what", LINES)
def test_the_line_of_an_access(compiled, what):
    x, y = np.zeros(8, np.float32), np.zeros(8, np.float32)
    with pytest.raises(sim.KernelError) as caught:
        compiled(SOURCE, "lines.cu", True).kernel("k")((1,), (1,), (x, y, np.int32(9), np.int32(what)))
    assert caught.value.finding.kind == "bounds"
    assert caught.value.finding.line in LINES[what], caught.value


@pytest.mark.parametrize("name", ["kernels/deep/l.cu", "ein Ordner/böse.cu", 'quo"te.cu', "back\\slash.cu", "cuda.h"])
@pytest.mark.parametrize("check", [False, True], ids=["fast", "check"])
def test_odd_names_of_files(compiled, name, check):
    source = '\n\nextern "C" __global__ void k(float* y) {\n  y[1 << 20] = 1.0f;\n}'
    with pytest.raises(sim.KernelError) as caught:
        compiled(source, name, check).kernel("k")((1,), (1,), (np.zeros(8, np.float32),))
    assert (caught.value.finding.file, caught.value.finding.line) == (name, 4)


def test_a_library_without_a_table_has_no_lines():
    for raw in (b"", b"\x7fELF", b"MZ" + bytes(200), b"\xcf\xfa\xed\xfe" + bytes(200)):
        assert section(raw) == b""
    assert LineTable(b"", "l.cu").line(100) is None


def test_without_a_line_the_finding_still_says_what(compiled, monkeypatch):
    module = sim.Module(SOURCE, "lines.cu", check=True)
    monkeypatch.setattr(module, "_table", b"")
    x, y = np.zeros(8, np.float32), np.zeros(8, np.float32)
    with pytest.raises(sim.KernelError, match=r"^lines.cu: k: thread \(0, 0, 0\) .* reads x\[9\]") as caught:
        module.kernel("k")((1,), (1,), (x, y, np.int32(9), np.int32(1)))
    assert caught.value.finding.line is None
