"""Readers of the four forms in which IDX files travel: plain, gzip, npz and npm tarball.

Whatever the form, the IDX bytes are put together again and hashed, so one hash serves all four. A file is hostile until
its hash says otherwise: no reader takes more bytes out of it than wanted, unpickles, or writes to disk.

IDX: two zero bytes, 0x08 for unsigned bytes, the number of axes, each axis as a big-endian uint32, then the values.
Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import hashlib
import io
import math
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minivae.errors import DataError

NPY_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
NPY_HEADER_ROOM = 16_384  # bytes; NumPy itself refuses a header above 10,000
TAR_LIMIT = 64 * 2**20  # bytes; the four IDX files are 55 MB together, and tarfile reads some headers whole


@dataclass(frozen=True)
class IdxFile:
    """One IDX file as published: its name, its key in an npz, the shape of its uint8 array, the hash of its bytes."""

    name: str
    key: str
    shape: tuple[int, ...]
    sha256: str

    @property
    def header(self) -> bytes:
        """The bytes before the first value."""
        return struct.pack(f">HBB{len(self.shape)}I", 0, 8, len(self.shape), *self.shape)

    @property
    def size(self) -> int:
        """Length of the whole file in bytes."""
        return len(self.header) + math.prod(self.shape)


def read(path: Path, files: Sequence[IdxFile], remedy: str) -> list[NDArray[np.uint8]]:
    """Read `files` out of `path`, whose name tells its form, and verify each.

    Parameters
    ----------
    path : Path
        An npz, a tarball, or else one IDX file, plain or gzipped; for the last two `files` has one item.
    files : sequence of IdxFile
    remedy : str
        What to do about a damaged file; ends the error message.

    Returns
    -------
    list of ndarray of uint8
        One for each of `files`, of its `shape`; not writeable.

    Raises
    ------
    DataError
        If the file cannot be read, or holds anything but the published bytes.
    """
    form, unpack = next(FORMS[ending] for ending in FORMS if path.name.endswith(ending))
    try:
        return [decode(raw, file) for raw, file in zip(unpack(path, files), files, strict=True)]
    except DataError as error:
        cause = str(error)
    except Exception as error:  # parsers of damaged bytes raise nearly anything: zlib.error, TokenError, RecursionError
        cause = f"cannot be read as {form} ({type(error).__name__}: {error})"
    raise DataError(f"{path}: {cause}; {remedy}")


def decode(raw: bytes, file: IdxFile) -> NDArray[np.uint8]:
    """Turn the bytes of an IDX file into its array, of `file.shape`. Raises DataError if it is another."""
    start = raw[: len(file.header)]
    if start != file.header:
        raise DataError(
            f"{file.name} has the IDX header 0x{start.hex()}, "
            f"but 0x{file.header.hex()}, for uint8 of shape {file.shape}, is wanted"
        )
    if len(raw) != file.size:
        # The readers stop one byte past the wanted size.
        got = f"more than {file.size}" if len(raw) > file.size else len(raw)
        raise DataError(f"{file.name} has {got} bytes, but {file.size} are wanted")
    sha256 = hashlib.sha256(raw).hexdigest()
    if sha256 != file.sha256:
        raise DataError(f"{file.name} has the sha256 {sha256}, but {file.sha256} is wanted")
    return np.frombuffer(raw, np.uint8, offset=len(file.header)).reshape(file.shape)


def from_plain(path: Path, files: Sequence[IdxFile]) -> Iterator[bytes]:
    for file in files:
        with path.open("rb") as stream:
            yield stream.read(file.size + 1)


def from_gzip(path: Path, files: Sequence[IdxFile]) -> Iterator[bytes]:
    for file in files:
        with gzip.open(path) as stream:
            yield stream.read(file.size + 1)


def from_npz(path: Path, files: Sequence[IdxFile]) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for file in files:
            # np.load would inflate a member whole, however large; so open it here and stop in time.
            with archive.open(f"{file.key}.npy") as member:
                npy = io.BytesIO(member.read(file.size + NPY_HEADER_ROOM))
            # The header before the values: read_array takes the memory that the header claims, and only then reads.
            shape, _, dtype = NPY_HEADERS[np.lib.format.read_magic(npy)](npy)
            if dtype != np.uint8 or shape != file.shape:
                raise DataError(f"{file.key} is {dtype} of shape {shape}, but uint8 of shape {file.shape} is wanted")
            npy.seek(0)
            yield file.header + np.lib.format.read_array(npy, allow_pickle=False).tobytes()


def from_tarball(path: Path, files: Sequence[IdxFile]) -> Iterator[bytes]:
    with gzip.open(path) as stream:
        raw = stream.read(TAR_LIMIT + 1)
    if len(raw) > TAR_LIMIT:
        raise DataError(f"unpacks to more than {TAR_LIMIT} bytes, but {TAR_LIMIT} are ample for the four IDX files")
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
        for file in files:
            member = archive.getmember(f"package/data/{file.name}")
            stream_of_member = archive.extractfile(member) if member.isreg() else None
            if stream_of_member is None:
                raise DataError(f"{member.name} is a link or the like, but a regular file is wanted")
            yield stream_of_member.read(file.size + 1)


# By the end of the file's name, the more particular first; "" ends every name.
FORMS = {
    ".npz": ("npz", from_npz),
    ".tgz": ("a gzipped tar archive", from_tarball),
    ".tar.gz": ("a gzipped tar archive", from_tarball),
    ".gz": ("gzip", from_gzip),
    "": ("an IDX file", from_plain),
}
