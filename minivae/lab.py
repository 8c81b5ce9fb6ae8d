"""Start JupyterLab on the lessons."""

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from minivae import __version__, copies
from minivae.errors import ConfigError

PACKAGE = Path(__file__).parent
# How many threads a matrix product gets, by the names that the usual BLAS libraries read.
THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def lessons_folder(update: bool = False) -> Path:
    """Where the learner's lessons are: those of a checkout, else a copy beside the learner, made if there is none.

    A copy that is there is left alone, unless `update` asks for the lessons of the installed version; then what the
    learner changed stays, and the new lesson is written beside it.

    Raises ConfigError if this installation came without lessons, if they cannot be written, or if a checkout is to be
    updated.
    """
    ours, here = PACKAGE / "lessons", Path.cwd() / "lessons"
    if not ours.is_dir():  # a wheel brings them inside
        checkout = PACKAGE.parent / "lessons"
        if not checkout.is_dir():
            raise ConfigError(f"lab: {PACKAGE} has no lessons; name a folder, or install minivae again")
        if update:
            raise ConfigError(
                f"lab: {checkout} is part of a checkout; leave out --update, git brings new lessons there"
            )
        return checkout
    if not here.exists():
        copies.copy(ours, here, __version__)
        print(f"The lessons are in {here}; what you change there is yours.", flush=True)
    elif update:
        print(copies.update(ours, here, __version__), flush=True)
    elif copies.is_behind(ours, here):
        print("This version has newer lessons; they come with: minivae lab --update", flush=True)
    return here


def command(folder: Path, browser: bool, port: int) -> list[str]:
    """The command line that serves `folder` to this machine alone; Jupyter makes a token by itself."""
    options = [f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    # Nothing is asked of the network: no news, no update check, no search for extensions.
    options += [
        "--LabApp.extension_manager=readonly",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    if not browser:
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")  # in a container there often is no other user
    return [sys.executable, "-m", "jupyterlab", *options]


def environment() -> dict[str, str]:
    """The variables for JupyterLab and its kernels: one BLAS thread, unless the learner has said how many.

    The lessons' matrices are small, and threads that wait for each other cost more than they bring: on two cores with
    other work, lesson 06 took 61 to 73 s with one and 510 s with two. It is also what their outputs were made with.
    """
    said = any(name in os.environ for name in (*THREADS, "OMP_NUM_THREADS"))
    return dict(os.environ) if said else os.environ | dict.fromkeys(THREADS, "1")


def has_display() -> bool:
    """Whether a browser could open a window here."""
    return sys.platform in ("win32", "darwin") or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def start(folder: Path | None = None, *, browser: bool = True, port: int = 8888, update: bool = False) -> None:
    """Run JupyterLab until it is stopped.

    Raises
    ------
    ConfigError
        If JupyterLab is not installed, `folder` is not a folder, or `update` cannot be done.
    """
    if update and folder is not None:
        raise ConfigError(f"lab: --update brings lessons into ./lessons, not into {folder}; leave out one of the two")
    if find_spec("jupyterlab") is None:
        raise ConfigError('lab: JupyterLab is not installed; get it with: pip install "minivae[lab]"')
    folder = lessons_folder(update) if folder is None else folder.resolve()
    if not folder.is_dir():
        raise ConfigError(f"lab: {folder} is not a folder; name one that exists, or none for the lessons")
    if browser and not has_display():
        browser = False
        print("No display here: open the address below in a browser. Ctrl-C twice stops JupyterLab.", flush=True)
    code = _run(command(folder, browser, port), environment())
    if code:
        raise ConfigError(f"lab: JupyterLab ended with status {code}; its last lines above say why")


def _run(arguments: list[str], variables: dict[str, str] | None = None) -> int:
    """Run a program to its end. Ctrl-C is left to it: JupyterLab asks first, and shuts its kernels down."""
    program = subprocess.Popen(arguments, env=variables)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return program.wait()
    finally:
        signal.signal(signal.SIGINT, before)
