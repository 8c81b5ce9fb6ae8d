"""CUDA kernels: what there is (registry, kernels), how they are launched (launch), and where they run (gpu, sim)."""

from minivae.cuda.gpu import GPU
from minivae.cuda.kernels import KERNELS, find, versions
from minivae.cuda.launch import Device, Simulator, counting, current, launch, select, using
from minivae.cuda.registry import Kernel

__all__ = [
    "GPU",
    "KERNELS",
    "Device",
    "Kernel",
    "Simulator",
    "counting",
    "current",
    "find",
    "launch",
    "select",
    "using",
    "versions",
]
