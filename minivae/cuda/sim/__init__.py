"""Compiles unmodified CUDA C for the CPU and runs it thread by thread, on request under a checker.

    module = sim.Module(Path("kernels/adam.cu").read_text(), "adam.cu", check=True)
    kernel = module.kernel("adam_v1")
    kernel((8,), (256,), (p, g, m, v, np.float32(0.9), ...))

A .cu file becomes C++ with a header before it (translate, refused, runtime/cuda.h), and that a shared library (build,
compiler, cache). There each CUDA thread has a stack of its own and they take turns (runtime/block.h); the checking
build looks at each access to memory (runtime/check.h). What it finds becomes words here (lines, words). All of it is
explained in docs/simulator.md.
"""

from minivae.cuda.sim.errors import KINDS, CompileError, Finding, KernelError, SimulatorError
from minivae.cuda.sim.launch import Kernel
from minivae.cuda.sim.memory import poison
from minivae.cuda.sim.module import Module

__all__ = ["KINDS", "CompileError", "Finding", "Kernel", "KernelError", "Module", "SimulatorError", "poison"]
