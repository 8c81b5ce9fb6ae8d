"""The wheel and the sdist, built from this tree, and an environment that has the wheel and nothing of the tree."""

import contextlib
import hashlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import sysconfig
import tarfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
MINUTE = 60


def build(out: Path, kind: str, tree: Path = REPO) -> Path:
    """Build a "wheel" or an "sdist" of a tree into `out`; skips where hatchling is missing."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip('no hatchling: pip install "minivae[dev]"')
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", out]
    subprocess.run(command, cwd=tree, check=True, capture_output=True, timeout=2 * MINUTE)
    (made,) = out.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def contents(archive: Path) -> dict[str, bytes]:
    """Every file of a wheel or an sdist; names in an sdist without its top folder."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist()}
    with tarfile.open(archive) as sdist:
        files = {member.name: sdist.extractfile(member) for member in sdist.getmembers() if member.isfile()}
        return {name.split("/", 1)[1]: file.read() for name, file in files.items() if file}


def hashes(files: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


class Installed:
    """An environment with the wheel inside, and a learner's home: empty, and away from the tree."""

    def __init__(self, prefix: Path, home: Path) -> None:
        self.bin = prefix / "bin"
        self.home = home
        home.mkdir()
        kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR")
        self.environment = {name: os.environ[name] for name in kept if name in os.environ} | {
            "HOME": str(home.parent / "account"),  # settings, kernels' connection files, progress
            "COLUMNS": "200",
        }

    def run(self, *command: str) -> subprocess.CompletedProcess:
        """Run one of its programs in the learner's home."""
        return subprocess.run(
            [self.bin / command[0], *command[1:]],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=2 * MINUTE,
        )

    @contextlib.contextmanager
    def lab(self, *options: str) -> Iterator[tuple[str, str]]:
        """Run `minivae lab --no-browser`; yields address and token, as the learner reads them in the terminal."""
        program = subprocess.Popen(
            [self.bin / "minivae", "lab", "--no-browser", *options],
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said: list[str] = []
        address: list[str] = []
        known = threading.Event()

        def read() -> None:
            for line in program.stdout or ():
                said.append(line)
                if not address and (found := re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\w+)", line)):
                    address.extend(found.groups())
                    known.set()
            known.set()  # it ended

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            known.wait(MINUTE)
            assert address, "minivae lab did not start:\n" + "".join(said)
            _answers(f"{address[0]}/api?token={address[1]}")  # the address is told before anyone listens there
            yield address[0], address[1]
        finally:
            for sign, seconds in ((signal.SIGTERM, 20), (signal.SIGKILL, MINUTE)):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(program.pid, sign)  # JupyterLab ends its kernels by itself
                reader.join(seconds)  # until nobody holds the pipe
                if not reader.is_alive():
                    break
            program.wait(MINUTE)
            if not reader.is_alive():  # it holds the lock otherwise
                program.stdout.close()


def _answers(url: str) -> None:
    end = time.monotonic() + MINUTE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=MINUTE):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def install(wheel: Path, folder: Path) -> Installed:
    """Put the wheel into an environment of its own.

    Nothing is fetched: what the wheel depends on is that of the environment of the tests. MINIVAE_WHEEL_ENV names an
    environment into which pip has installed the wheel with all of its own, to use that one.
    """
    if sys.platform == "win32":
        pytest.skip("an environment is laid out otherwise on Windows")
    if ready := os.environ.get("MINIVAE_WHEEL_ENV"):
        return Installed(Path(ready).resolve(), folder / "learner")
    prefix = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True, timeout=MINUTE)
    python = prefix / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True, capture_output=True, timeout=MINUTE)
    # A .pth file in a folder that a .pth file names is not read: the tree, installed as editable, stays out.
    packages = next(prefix.rglob("site-packages"))
    others = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (packages / "of_the_tests.pth").write_text("\n".join(sorted(others)))
    (prefix / "share").mkdir(exist_ok=True)
    (prefix / "share" / "jupyter").symlink_to(Path(sys.prefix) / "share" / "jupyter")  # JupyterLab's own pages
    return Installed(prefix, folder / "learner")
