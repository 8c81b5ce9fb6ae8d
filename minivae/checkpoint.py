"""Files that hold a model or a training run: safetensors, written whole or not at all, and verified when read."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from minivae.errors import CheckpointError

FORMAT = "minivae checkpoint 1"


def save(path: str | Path, tensors: dict[str, np.ndarray], meta: dict[str, Any]) -> None:
    """Write named arrays and a JSON-able `meta` to `path`.

    Until the new file is complete and on disk, `path` holds what it held before.

    Raises
    ------
    CheckpointError
        If the disk is full or the folder cannot be written; the previous file is still whole.
    """
    from safetensors.numpy import save as to_bytes

    text = json.dumps(meta)
    # One entry, not three: safetensors writes several in any order, and equal runs shall give equal files.
    header = {"minivae": "\n".join([FORMAT, _digest(tensors, text), text])}
    whole = to_bytes({name: np.asarray(a, order="C") for name, a in tensors.items()}, header)
    with replacing(path) as file:
        file.write(whole)


def load(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save` wrote: the arrays by name, and `meta`.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, changed since it was written, or not a checkpoint of this package.
    """
    from safetensors import safe_open

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint; `minivae train` writes one")
    try:
        with safe_open(path, framework="numpy") as file:
            first, _, rest = (file.metadata() or {}).get("minivae", "").partition("\n")
            ours = first == FORMAT
            tensors = {name: file.get_tensor(name) for name in file.keys() if ours}  # noqa: SIM118  (not a dict)
    except Exception as error:  # whatever the reader stumbles over, it is the file that is wrong
        raise CheckpointError(f"{path}: damaged, or not a safetensors file ({error}); use another copy") from error
    if not ours:
        raise CheckpointError(f"{path}: its format is {first!r}; wanted {FORMAT!r}, as `minivae train` writes it")
    digest, _, text = rest.partition("\n")
    if digest != _digest(tensors, text):
        raise CheckpointError(f"{path}: its contents changed after it was written (checksum); use another copy")
    return tensors, json.loads(text)


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `path` in one step, when all of it is on disk.

    Raises
    ------
    CheckpointError
        If it cannot be written; nothing half-written stays behind.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        kept = "the previous file is unchanged" if path.is_file() else "nothing was kept"
        raise CheckpointError(f"{path}: could not be written ({error}); {kept}; free space or choose --out") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def check_writable(folder: str | Path) -> None:
    """Make `folder` if it is missing, and try to write in it; raises CheckpointError if that fails."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CheckpointError(f"{folder}: could not be written ({error}); choose another --out") from error


def _digest(tensors: dict[str, np.ndarray], text: str) -> str:
    """One checksum over names, types, shapes, values and `text`: safetensors itself has none."""
    sha = hashlib.sha256(text.encode())
    for name, a in sorted(tensors.items()):
        sha.update(f"{name} {a.dtype.str} {a.shape}\n".encode())
        sha.update(np.asarray(a, order="C").data)
    return sha.hexdigest()
