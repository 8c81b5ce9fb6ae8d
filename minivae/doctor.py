"""What is here, what works, what is missing and how to get it."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from minivae import __version__, backend, data, models
from minivae.errors import MinivaeError
from minivae.gradcheck import gradcheck

EXTRAS = {
    "what it stands on": ("", ["numpy", "matplotlib", "safetensors"]),
    "lessons in JupyterLab": ("lab", ["jupyterlab", "ipywidgets", "anywidget"]),
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
