"""Checkpoints: what comes back, what damage is noticed, and what is left when a save is cut short."""

import errno
import itertools
import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from minivae import checkpoint
from minivae.errors import CheckpointError
from minivae.train import CHECKPOINT, Run, fit, load_model
from tests.small import dots, tiny_vae

TENSORS = {
    "W": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.array(2.5),
    "order": np.array([3, 1, 2]),
    "empty": np.empty(0, np.int64),
}
META = {"model": "vae", "rng": 2**127 + 1, "history": [{"elbo": -0.1, "kl": 1 / 3}]}


def saved(folder, meta=META):
    path = folder / "a.safetensors"
    checkpoint.save(path, TENSORS, meta)
    return path


class TestRoundTrip:
    def test_arrays_and_meta_come_back_to_the_bit(self, tmp_path):
        tensors, meta = checkpoint.load(saved(tmp_path))
        assert meta == META
        assert tensors.keys() == TENSORS.keys()
        for name, a in TENSORS.items():
            assert tensors[name].dtype == a.dtype
            assert tensors[name].shape == a.shape
            assert np.array_equal(tensors[name], a)

    def test_arrays_that_are_not_contiguous_come_back_as_they_were(self, tmp_path):
        a = np.arange(12.0).reshape(3, 4)
        checkpoint.save(tmp_path / "a", {"t": a.T, "strided": a[:, ::2]}, {})
        tensors, _ = checkpoint.load(tmp_path / "a")
        assert np.array_equal(tensors["t"], a.T)
        assert np.array_equal(tensors["strided"], a[:, ::2])

    def test_equal_contents_make_equal_files(self, tmp_path):
        """Twelve times, since safetensors writes several entries of metadata in another order each time."""
        assert len({saved(tmp_path).read_bytes() for _ in range(12)}) == 1

    def test_missing_folders_are_made_and_no_part_is_left(self, tmp_path):
        path = tmp_path / "new" / "folder" / "a"
        checkpoint.save(path, TENSORS, META)
        assert [p.name for p in path.parent.iterdir()] == ["a"]

    def test_it_is_a_safetensors_file_that_others_can_read(self, tmp_path):
        from safetensors.numpy import load_file

        assert np.array_equal(load_file(saved(tmp_path))["W"], TENSORS["W"])


class TestDamage:
    def test_a_file_cut_off_at_any_length_is_damaged(self, tmp_path):
        path = saved(tmp_path)
        whole = path.read_bytes()
        for n in [*range(0, len(whole), 7), len(whole) - 1]:
            path.write_bytes(whole[:n])
            with pytest.raises(CheckpointError, match="damaged, or not a safetensors file .*; use another copy"):
                checkpoint.load(path)

    def test_one_flipped_bit_in_any_byte_of_header_or_values_is_noticed(self, tmp_path):
        path = saved(tmp_path)
        whole = path.read_bytes()
        for at, byte in enumerate(whole):
            flipped = bytes([byte ^ 1 << at % 8])
            path.write_bytes(whole[:at] + flipped + whole[at + 1 :])
            with pytest.raises(CheckpointError, match="another copy|its format is"):
                checkpoint.load(path)

    def test_a_digit_changed_in_the_meta_is_noticed(self, tmp_path):
        path = saved(tmp_path)
        whole = path.read_bytes()
        assert whole.count(b"-0.1") == 1
        path.write_bytes(whole.replace(b"-0.1", b"-0.2"))
        with pytest.raises(CheckpointError, match=r"contents changed after it was written \(checksum\); use another"):
            checkpoint.load(path)

    def test_more_bytes_at_the_end_are_noticed(self, tmp_path):
        path = saved(tmp_path)
        path.write_bytes(path.read_bytes() + b"\0")
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoint.load(path)

    @pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(100), b"\0" * 64])
    def test_another_kind_of_file_is_named(self, tmp_path, content):
        path = tmp_path / "a"
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a safetensors file"):
            checkpoint.load(path)

    @pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"minivae": ""}, {"minivae": "checkpoint 9\n\n"}])
    def test_a_safetensors_file_of_another_origin_is_named(self, tmp_path, metadata):
        from safetensors.numpy import save_file

        save_file({"W": TENSORS["W"]}, tmp_path / "a", metadata)
        with pytest.raises(
            CheckpointError, match="its format is .*; wanted 'minivae checkpoint 1', as `minivae train`"
        ):
            checkpoint.load(tmp_path / "a")

    def test_bfloat16_which_numpy_has_not_is_no_other_error(self, tmp_path):
        header = json.dumps({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
        (tmp_path / "a").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
        with pytest.raises(CheckpointError):
            checkpoint.load(tmp_path / "a")

    def test_a_missing_file_and_a_folder_say_what_writes_one(self, tmp_path):
        for path in (tmp_path / "none", tmp_path):
            with pytest.raises(CheckpointError, match="there is no such checkpoint; `minivae train` writes one"):
                checkpoint.load(path)


class TestOtherModels:
    @pytest.fixture
    def folder(self, tmp_path):
        fit(tiny_vae(), dots(8), epochs=1, rng=np.random.default_rng(0), out=tmp_path)
        return tmp_path

    def change(self, folder, change):
        tensors, meta = checkpoint.load(folder / CHECKPOINT)
        change(tensors, meta)
        checkpoint.save(folder / CHECKPOINT, tensors, meta)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda t, m: m.update(model="gan"), "holds a model 'gan', and there are autoencoder, vae"),
            (lambda t, m: m.update(model="autoencoder"), "beta"),
            (lambda t, m: m.clear(), "KeyError"),
            (lambda t, m: m["config"].update(hidden=6), r"encoder.layers.0.W is \(6, 6\) but \(6, 5\) was saved"),
            (lambda t, m: m["config"].update(likelihood="laplace"), "got 'laplace'"),
            (lambda t, m: t.pop("model.decoder.layers.2.b"), "the saved state lacks decoder.layers.2.b"),
        ],
    )
    def test_what_does_not_make_a_model_is_named_with_the_cure(self, folder, change, words):
        self.change(folder, change)
        for load in (load_model, Run.load):
            with pytest.raises(CheckpointError, match=rf"of this version \(.*{words}.*\); train anew"):
                load(folder)

    @pytest.mark.parametrize(
        "change",
        [
            lambda t, m: m.pop("rng"),
            lambda t, m: m["rng"].update(bit_generator="MT19937"),
            lambda t, m: m["run"].update(binarization="odd"),
            lambda t, m: m["run"].update(more=1),
            lambda t, m: t.pop("adam.m"),
            lambda t, m: t.update({"adam.v": np.zeros(3, np.float32)}),
            lambda t, m: m.update(progress=[]),
        ],
    )
    def test_a_model_without_its_run_can_be_loaded_and_not_resumed(self, folder, change):
        self.change(folder, change)
        load_model(folder)
        with pytest.raises(CheckpointError, match="not a run of this version .*; train anew"):
            Run.load(folder)

    def test_a_folder_without_a_checkpoint_says_so(self, tmp_path):
        for load in (load_model, Run.load):
            with pytest.raises(CheckpointError, match="there is no such checkpoint"):
                load(tmp_path)


def python(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


SAVER = """
    import os, sys
    import numpy as np
    from minivae import checkpoint

    def contents(k):
        return {"a": np.full(50_000, k, np.float32)}, {"k": k}
"""


def holds_one_of_the_two(path):
    tensors, meta = checkpoint.load(path)
    return meta["k"] in (0, 1) and np.all(tensors["a"] == meta["k"])


class TestKilled:
    @pytest.mark.parametrize("seed", range(5))
    def test_whenever_a_save_is_killed_a_whole_checkpoint_is_there(self, tmp_path, seed):
        path = tmp_path / "a"
        saver = python(
            SAVER
            + """
    for n in range(1_000_000):
        checkpoint.save(sys.argv[1], *contents(n % 2))
        print(n, flush=True)
            """,
            path,
        )
        rng = np.random.default_rng(seed)
        with saver:
            for _ in range(int(rng.integers(1, 20))):  # saves that were seen to be finished ...
                assert saver.stdout.readline()
            for _ in range(int(rng.integers(0, 3000))):  # ... and a moment more, within the next ones
                path.stat()
            saver.kill()
        assert holds_one_of_the_two(path)

    @pytest.mark.parametrize("stage", ["write", "fsync", "replace"])
    def test_a_save_killed_in_the_midst_leaves_the_one_before_and_the_next_succeeds(self, tmp_path, stage):
        path = tmp_path / "a"
        saver = python(
            SAVER
            + """
    def die(*_):
        os.kill(os.getpid(), 9)

    path, stage = sys.argv[1:]
    checkpoint.save(path, *contents(0))
    if stage == "write":
        with checkpoint.replacing(path) as file:
            file.write(b"half of it")
            file.flush()
            die()
    setattr(os, stage, die)
    checkpoint.save(path, *contents(1))
            """,
            path,
            stage,
        )
        _, said = saver.communicate()
        assert saver.returncode == -9, said
        assert checkpoint.load(path)[1] == {"k": 0}
        assert {p.name for p in tmp_path.iterdir()} == {"a", "a.part"}
        checkpoint.save(path, *({"a": np.ones(3)}, {"k": 1}))
        assert {p.name for p in tmp_path.iterdir()} == {"a"}


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestFullDisk:
    WORDS = "could not be written .*No space left.*; the previous file is unchanged; free space or choose --out"

    @pytest.mark.parametrize("function", ["fsync", "replace"])
    def test_an_error_on_the_way_to_the_disk_leaves_the_file_before(self, tmp_path, monkeypatch, function):
        path = saved(tmp_path)
        monkeypatch.setattr(os, function, full_disk)
        with pytest.raises(CheckpointError, match=self.WORDS):
            checkpoint.save(path, {}, {"new": 1})
        monkeypatch.undo()
        assert checkpoint.load(path)[1] == META
        assert [p.name for p in tmp_path.iterdir()] == [path.name]

    def test_an_error_while_writing_leaves_the_file_before(self, tmp_path):
        path = saved(tmp_path)
        with pytest.raises(CheckpointError, match=self.WORDS), checkpoint.replacing(path) as file:
            file.write(b"half of it")
            full_disk()
        assert checkpoint.load(path)[1] == META
        assert [p.name for p in tmp_path.iterdir()] == [path.name]

    def test_where_no_file_was_before_none_is_left(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "fsync", full_disk)
        with pytest.raises(CheckpointError, match="; nothing was kept; free space"):
            saved(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_in_place_of_a_folder_is_named(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(CheckpointError, match="could not be written"):
            checkpoint.save(tmp_path / "file" / "a", {}, {})

    @pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX")
    def test_a_real_limit_on_the_size_of_files_leaves_the_file_before(self, tmp_path):
        saver = python(
            SAVER
            + """
    import resource, signal
    from minivae.errors import CheckpointError

    path = sys.argv[1]
    checkpoint.save(path, *contents(0))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))  # half of what it takes
    try:
        checkpoint.save(path, *contents(1))
    except CheckpointError as error:
        print(error)
            """,
            tmp_path / "a",
        )
        said, trouble = saver.communicate()
        assert "File too large" in said, trouble
        assert "the previous file is unchanged; free space or choose --out" in said
        assert checkpoint.load(tmp_path / "a")[1] == {"k": 0}
        assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_an_error_that_is_not_the_disks_passes_through_and_leaves_nothing(tmp_path):
    for stop in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(stop), checkpoint.replacing(tmp_path / "a") as file:
            file.write(b"half of it")
            raise stop
    assert list(tmp_path.iterdir()) == []


def test_names_types_shapes_and_values_are_all_under_the_checksum():
    def variants():
        yield {"a": np.zeros(4, np.float32)}, "{}"
        yield {"b": np.zeros(4, np.float32)}, "{}"
        yield {"a": np.zeros(4, np.int32)}, "{}"
        yield {"a": np.zeros((2, 2), np.float32)}, "{}"
        yield {"a": np.array([0, 0, 0, 1], np.float32)}, "{}"
        yield {"a": np.zeros(4, np.float32)}, "{ }"

    digests = [checkpoint._digest(*v) for v in variants()]
    assert all(a != b for a, b in itertools.combinations(digests, 2))
