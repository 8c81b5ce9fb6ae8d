"""What was compiled is kept on disk, by a name that is made of all that went into it.

Several processes may write at once, be killed while they write, or find a damaged file: a file appears under its name
in one step, begins with the checksum of the rest, and is made again where that does not fit.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from minivae.cuda.sim.errors import SimulatorError

AT_MOST = 256 * 2**20  # bytes; beyond that, what was not used for longest goes
A_DAY = 86_400


def folder() -> Path:
    """Where: MINIVAE_CACHE, else the user's cache folder."""
    if os.environ.get("MINIVAE_CACHE"):
        return Path(os.environ["MINIVAE_CACHE"]).expanduser() / "sim"
    from platformdirs import user_cache_path

    return user_cache_path("minivae") / "sim"


def key(*parts: str | bytes) -> str:
    """A name made of all parts, and of where each ends."""
    sha = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        sha.update(len(raw).to_bytes(8, "little") + raw)
    return sha.hexdigest()[:32]


def cached(name: str, make: Callable[[Path], Path]) -> bytes:
    """The bytes kept under a name; if there are none, or damaged ones, those that `make` leaves in the file it returns.

    Parameters
    ----------
    name : from `key`.
    make : is given an empty folder to work in.

    Raises
    ------
    SimulatorError
        If no file can be written anywhere.
    """
    path = folder() / name
    if (kept := _read(path)) is not None:
        return kept
    try:
        with _workshop() as work:
            raw = make(Path(work)).read_bytes()
            _write(path, raw, Path(work))
    except OSError as error:
        raise SimulatorError(
            f"sim: no file could be written in {folder()} ({error}); free space, or say in MINIVAE_CACHE where"
        ) from error
    return raw


def _read(path: Path) -> bytes | None:
    try:
        whole = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    return whole[32:] if hashlib.sha256(whole[32:]).digest() == whole[:32] else None


def _workshop() -> tempfile.TemporaryDirectory:
    """An empty folder; in the cache, where os.replace is one step, if that can be written to."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix="making-", dir=folder(), ignore_cleanup_errors=True)
    except OSError:
        return tempfile.TemporaryDirectory(prefix="minivae-", ignore_cleanup_errors=True)


def _write(path: Path, raw: bytes, work: Path) -> None:
    """Keep it; where that cannot be done it is made again next time."""
    if work.parent != path.parent:
        return
    with suppress(OSError):
        part = work / "part"
        part.write_bytes(hashlib.sha256(raw).digest() + raw)
        os.replace(part, path)
        _tidy(path.parent)


def _tidy(where: Path) -> None:
    """Remove what a killed process left, and the oldest files beyond `AT_MOST`."""
    now = time.time()
    files = []
    for entry in os.scandir(where):
        with suppress(OSError):
            stat = entry.stat(follow_symlinks=False)
            if entry.name.startswith(("making-", "loading-")) and now - stat.st_mtime > A_DAY:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)
            elif entry.is_file(follow_symlinks=False):
                files.append((stat.st_mtime, stat.st_size, entry.path))
    room = AT_MOST
    for _, size, path in sorted(files, reverse=True):
        room -= size
        if room < 0:
            with suppress(OSError):
                os.unlink(path)
