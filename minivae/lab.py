"""Start JupyterLab on the lessons."""

import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from minivae.errors import ConfigError

PACKAGE = Path(__file__).parent


def lessons_folder() -> Path:
    """Where the learner's lessons are: those of a checkout, else a copy beside the learner, made if there is none.

    Raises ConfigError if this installation came without lessons.
    """
    checkout = PACKAGE.parent / "lessons"
    if checkout.is_dir():
        return checkout
    here = Path.cwd() / "lessons"
    if not here.exists():  # never over a learner's own edits
        if not (PACKAGE / "lessons").is_dir():
            raise ConfigError(f"lab: {PACKAGE} has no lessons; name a folder, or install minivae again")
        shutil.copytree(PACKAGE / "lessons", here, ignore=shutil.ignore_patterns("source"))
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


def has_display() -> bool:
    """Whether a browser could open a window here."""
    return sys.platform in ("win32", "darwin") or any(name in os.environ for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def start(folder: Path | None = None, *, browser: bool = True, port: int = 8888) -> None:
    """Run JupyterLab until it is stopped.

    Raises
    ------
    ConfigError
        If JupyterLab is not installed, or `folder` is not a folder.
    """
    if find_spec("jupyterlab") is None:
        raise ConfigError('lab: JupyterLab is not installed; get it with: pip install "minivae[lab]"')
    folder = lessons_folder() if folder is None else folder.resolve()
    if not folder.is_dir():
        raise ConfigError(f"lab: {folder} is not a folder; name one that exists, or none for the lessons")
    if browser and not has_display():
        browser = False
        print("No display here: open the address below in a browser. Ctrl-C twice stops JupyterLab.", flush=True)
    code = _run(command(folder, browser, port))
    if code:
        raise ConfigError(f"lab: JupyterLab ended with status {code}; its last lines above say why")


def _run(arguments: list[str]) -> int:
    """Run a program to its end. Ctrl-C is left to it: JupyterLab asks first, and shuts its kernels down."""
    program = subprocess.Popen(arguments)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return program.wait()
    finally:
        signal.signal(signal.SIGINT, before)
