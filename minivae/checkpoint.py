"""Files that hold a model or a training run: safetensors, written whole or not at all, and verified when read."""

import hashlib
import json
import os
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

    header = {"format": FORMAT, "sha256": _digest(tensors), "meta": json.dumps(meta)}
    whole = to_bytes({name: np.ascontiguousarray(a) for name, a in tensors.items()}, header)
    with replacing(path) as file:
        file.write(whole)


def load(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save` wrote: the arrays by name, and `meta`.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, changed since it was written, or not a checkpoint of this package.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such checkpoint; `minivae train` writes one")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a dict)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged, or not a safetensors file ({error}); use another copy") from error
    if header.get("format") != FORMAT:
        raise CheckpointError(f"{path}: its format is {header.get('format')!r}; wanted {FORMAT!r}")
    if header.get("sha256") != _digest(tensors):
        raise CheckpointError(f"{path}: its contents changed after it was written (checksum); use another copy")
    return tensors, json.loads(header["meta"])


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


def _digest(tensors: dict[str, np.ndarray]) -> str:
    """One checksum over names, types, shapes and values: safetensors itself has none."""
    sha = hashlib.sha256()
    for name, a in sorted(tensors.items()):
        sha.update(f"{name} {a.dtype.str} {a.shape}\n".encode())
        sha.update(np.ascontiguousarray(a).data)
    return sha.hexdigest()
