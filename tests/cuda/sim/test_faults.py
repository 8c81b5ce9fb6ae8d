"""What would end the Python process, or never end, becomes a finding or a KeyboardInterrupt, and Python goes on."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from minivae.cuda import sim

SOURCE = """
extern "C" __global__ void wild(const float* x, float* y, long long at) { y[0] = x[at]; }
extern "C" __global__ void divide(int* y, int n) { y[0] = 7 / n; y[1] = 7 % n; }
extern "C" __global__ void spin(volatile float* y, int block) {
  while (blockIdx.x == block) y[0] += 1.0f;
}
extern "C" __global__ void think(float* y, int block) {  // no memory, no end
  float v = 1.0f;
  if (blockIdx.x == block)
    while (v > 0.5f) v = sqrtf(v + 0.25f);
  if (threadIdx.x == 0) y[blockIdx.x] = v;
}
extern "C" __global__ void fine(float* y) { y[blockIdx.x * blockDim.x + threadIdx.x] = 1.0f; }
"""


@pytest.fixture(params=[False, True], ids=["fast", "check"])
def module(compiled, request):
    return compiled(SOURCE, "faults.cu", request.param)


def is_fine(module):
    y = np.zeros(5 * 256, np.float32)
    module.kernel("fine")((5,), (256,), (y,))
    return set(y) == {1}


def found(module, kernel, grid, *args, **how):
    with pytest.raises(sim.KernelError) as caught:
        module.kernel(kernel)(grid, (32,), args, **how)
    assert is_fine(module)
    return caught.value.finding


class TestFaults:
    @pytest.mark.parametrize("at", [2**40, -(2**44), 2**60])
    def test_an_address_without_memory(self, module, at):
        x, y = np.zeros(4, np.float32), np.zeros(4, np.float32)
        finding = found(module, "wild", (1,), x, y, np.int64(at))
        assert finding.kind == ("bounds" if module.check else "crash")
        assert (finding.line, finding.block, finding.thread) == (2, (0, 0, 0), (0, 0, 0))

    def test_a_division_by_zero(self, module):
        if not module.check and not sim.compiler.processor().startswith("x86"):
            return  # an ARM processor answers with 0, and so does the fast build
        finding = found(module, "divide", (1,), np.zeros(2, np.int32), np.int32(0))
        assert (finding.kind, finding.line) == ("division", 3)

    def test_faults_on_several_workers(self, compiled):
        module = compiled(SOURCE, "faults.cu", False)
        for _ in range(20):
            finding = found(module, "wild", (64,), np.zeros(4, np.float32), np.zeros(4, np.float32), 2**40, threads=4)
            assert finding.kind == "crash"


class TestEndless:
    @pytest.mark.parametrize("kernel", ["spin", "think"])
    def test_it_ends_with_the_line_it_was_at(self, module, kernel):
        finding = found(module, kernel, (1,), np.zeros(4, np.float32), np.int32(0), seconds=0.1)
        assert finding.kind == "endless"
        assert finding.line == {"spin": 5, "think": 10}[kernel]
        assert "has not come to an end after 0.1 s of work; thread (0, 0, 0) of block (0, 0, 0)" in finding.message

    def test_one_endless_block_among_many_on_several_workers(self, compiled):
        module = compiled(SOURCE, "faults.cu", False)
        finding = found(module, "think", (40,), np.zeros(40, np.float32), np.int32(31), seconds=0.1, threads=3)
        assert (finding.kind, finding.block) == ("endless", (31, 0, 0))

    def test_many_blocks_that_come_to_an_end_may_take_longer_together(self, module):
        source = """
        extern "C" __global__ void work(float* y, int n) {
          float v = threadIdx.x;
          for (int k = 0; k < n; ++k) v = sinf(v) + 1.0f;
          y[blockIdx.x] = v;
        }
        """
        kernel = sim.Module(source, check=module.check).kernel("work")
        y, n = np.zeros(400, np.float32), np.int32(20_000)
        start = time.process_time()
        kernel((len(y),), (1,), (y, n), threads=1, seconds=100)
        whole = time.process_time() - start
        kernel((len(y),), (1,), (y, n), threads=1, seconds=whole / 10)


class TestInterrupt:
    @pytest.mark.parametrize("kernel", ["spin", "think"])
    @pytest.mark.parametrize("threads", [1, 3])
    def test_ctrl_c_ends_a_kernel(self, module, kernel, threads):
        before = signal.getsignal(signal.SIGINT)
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            args = (np.zeros(400, np.float32), np.int32(399))
            module.kernel(kernel)((400,), (32,), args, threads=threads, seconds=30)
            timer.join()  # if the signal came late, or was lost
        timer.join()
        assert signal.getsignal(signal.SIGINT) is before
        assert is_fine(module)

    def test_ctrl_c_after_a_launch_is_pythons_own(self, module):
        assert is_fine(module)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def python(code):
    code = "import numpy as np\nfrom minivae.cuda import sim\n" + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


class TestProcess:
    def test_faults_that_are_not_a_kernels_are_still_pythons(self):
        done = python(
            f"""
            import ctypes, faulthandler, sys
            faulthandler.enable()
            module = sim.Module({SOURCE!r}, "faults.cu")
            try:
                module.kernel("wild")((1,), (1,), (np.zeros(4, "f4"), np.zeros(4, "f4"), np.int64(2**40)))
            except sim.KernelError as error:
                print(error.finding.kind, flush=True)
            ctypes.string_at(8)
            """
        )
        assert done.stdout == "crash\n"
        assert done.returncode == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in done.stderr

    def test_launches_from_several_python_threads(self):
        done = python(
            f"""
            import threading
            module = sim.Module({SOURCE!r}, "faults.cu")
            wrong = []
            def launch(k):
                for n in range(100):
                    y = np.zeros(5 * 64, np.float32)
                    module.kernel("fine")((5,), (64,), (y,), threads=2)
                    wrong.extend(y[y != 1])
                    try:
                        module.kernel("wild")((1,), (1,), (y, y, np.int64(2**40)))
                        wrong.append(k)
                    except sim.KernelError:
                        pass
            threads = [threading.Thread(target=launch, args=(k,)) for k in range(4)]
            for t in threads: t.start()
            for t in threads: t.join()
            print(wrong)
            """
        )
        assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr

    def test_a_forked_process_can_launch_too(self):
        done = python(
            f"""
            import os
            module = sim.Module({SOURCE!r}, "faults.cu")
            def fine():
                y = np.zeros(80 * 64, np.float32)
                module.kernel("fine")((80,), (64,), (y,), threads=2)
                return set(y) == {{1}}
            assert fine()
            child = os.fork()
            if child == 0:
                os._exit(0 if fine() else 1)
            print(os.waitpid(child, 0)[1], fine())
            """
        )
        assert (done.stdout, done.returncode) == ("0 True\n", 0), done.stderr
