"""The progress file: many kernels at once, a kill at any moment, a full disk, and files that are not to be touched."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from minivae.errors import ConfigError
from minivae.learn import progress, store
from minivae.learn.progress import Event, MemoryProgress
from minivae.learn.store import File, Kept, ProgressError

REPO = Path(__file__).resolve().parents[2]
ANSWER = Event("04/why-the-kl", "answer", True, "2")


@pytest.fixture
def path(tmp_path):
    """Where a file may come to be: in a folder that is not there yet, with signs that a URL would mistake."""
    return tmp_path / "a learner's" / "100%#?.sqlite3"


@pytest.fixture
def file(path):
    return File(path)


# What is kept ------------------------------------------------------------------------------------------------------


def test_what_one_kernel_adds_the_next_one_finds(path):
    first, second = Kept(File(path)), Kept(File(path))
    first.add(ANSWER)
    first.add(Event("04/gaussian-kl", "check", False, "sign"))
    assert second.events(ANSWER.item) == [ANSWER]
    assert second.everything() == [ANSWER, Event("04/gaussian-kl", "check", False, "sign")]
    assert all(event.at.endswith("Z") and len(event.at) == 20 for event in second.everything())
    assert Kept(File(path)).problem == ""
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no journal left, nothing beside it


def test_the_seed_is_made_once_for_each_learner(path, tmp_path):
    assert Kept(File(path)).seed() == Kept(File(path)).seed() == File(path).seed()
    assert len({Kept(File(tmp_path / f"{k}.sqlite3")).seed() for k in range(5)}) == 5
    assert 0 <= File(path).seed() < 2**31
    assert MemoryProgress().seed() == MemoryProgress().seed()


def test_reading_makes_no_file(file):
    assert file.events() == []
    file.examine()
    assert not file.path.exists()


def test_a_row_that_is_written_again_is_there_once(file):
    rows = [("an id", ANSWER)]
    file.add(rows)
    file.add([*rows, ("another", ANSWER)])
    assert file.events() == [ANSWER, ANSWER]


@pytest.mark.parametrize(
    "text", ["'); DROP TABLE events; --", "<script>", "=1+1", "\x00", "😀", "\ud83d", "x" * 100_000]
)
def test_any_text_goes_in_and_comes_back(file, text):
    file.add([("an id", Event(text, "answer", False, text))])
    (event,) = file.events()
    assert event.detail == event.item == text.replace("\ud83d", "?")  # half a character cannot be kept
    assert file.events(event.item) == [event]


def test_forgetting_a_lesson_leaves_the_others_and_forgetting_all_brings_a_new_seed(file):
    other = Event("05/why-eps", "answer")
    file.add([("1", ANSWER), ("2", ANSWER), ("3", other)])
    seed = file.seed()
    assert file.forget("04") == 2
    assert file.events() == [other] and file.seed() == seed
    assert file.forget("0") == 0
    assert file.forget() == 1
    assert file.events() == [] and file.seed() != seed


# Many at once, and killed --------------------------------------------------------------------------------------------

WORKERS = 10
KERNELS = """
import json, os, sys
from pathlib import Path
from minivae.learn.progress import Event
from minivae.learn.store import File, Kept

path, workers, answers = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for worker in range(workers):
    if os.fork() == 0:
        store = Kept(File(path))
        os.write(1, f"{worker} process {os.getpid()}\\n".encode())
        for k in range(answers):
            store.add(Event(f"04/question-{k}", "answer", True, json.dumps([worker, k])))
            os.write(1, f"{worker} {store.problem or k}\\n".encode())  # said only once it is kept
        os._exit(0)
"""


@pytest.fixture
def quick_path(tmp_path):
    """Where files are kept in memory, if there is such a place: on a busy disk a thousand commits take ten seconds."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path) as folder:
        yield Path(folder) / "progress.sqlite3"


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_ten_processes_answer_a_thousand_questions_and_some_are_killed(quick_path):
    """What a process said is kept is kept, once; what it was about to keep when it was killed is whole or not there."""
    path = quick_path
    answers = int(os.environ.get("MINIVAE_ANSWERS", "1000")) // WORKERS
    victims = {worker: answers // 10 * (worker + 1) for worker in range(4)}  # answers after which it is killed
    rng = random.Random(0)
    said: dict[int, list[str]] = {worker: [] for worker in range(WORKERS)}
    pids: dict[int, int] = {}

    environment = os.environ | {"PYTHONPATH": str(REPO), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KERNELS, str(path), str(WORKERS), str(answers)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:  # until the last of them has ended
            worker, what = int(line.split()[0]), line.strip().partition(" ")[2]
            if what.startswith("process "):
                pids[worker] = int(what.split()[1])
                continue
            said[worker].append(what)
            if len(said[worker]) == victims.get(worker):
                time.sleep(rng.uniform(0, 0.01))  # anywhere in what it does next
                os.kill(pids[worker], signal.SIGKILL)

    kept = [tuple(json.loads(event.detail)) for event in File(path).events()]
    assert len(kept) == len(set(kept))
    for worker in range(WORKERS):
        mine = [k for w, k in kept if w == worker]
        assert mine == list(range(len(mine)))  # in order and without a gap
        assert said[worker] == [str(k) for k in range(len(said[worker]))]  # no problem was told
        assert len(said[worker]) <= len(mine) <= len(said[worker]) + 1
        assert (len(mine) < answers) if worker in victims else (len(mine) == answers)
    File(path).examine()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


CUT_SHORT = """
import os, sqlite3, sys

connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")  # pages go to the file before the commit
connection.execute("BEGIN IMMEDIATE")
for k in range(2000):
    connection.execute("INSERT INTO events VALUES (NULL, ?, '', 'x', 'answer', 0, ?)", (f"x{k}", "y" * 100))
os.kill(os.getpid(), 9)
"""


def test_a_write_that_was_cut_short_is_undone_by_the_next_reader(file):
    """A process is killed between the change of the file and its commit: the journal is still there."""
    file.add([("1", ANSWER)])
    subprocess.run([sys.executable, "-c", CUT_SHORT, file.path], check=False)
    assert Path(f"{file.path}-journal").exists()
    assert file.path.stat().st_size > 100_000
    assert file.events() == [ANSWER]
    file.examine()


def test_threads_of_one_kernel_share_a_store(path):
    kept = Kept(File(path))
    threads = [threading.Thread(target=kept.add, args=(Event("04/x", "answer", False, str(k)),)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(event.detail) for event in kept.events("04/x")) == list(range(20))


# What cannot be written ----------------------------------------------------------------------------------------------


def text_file(path):
    path.write_text("my notes")


def other_database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    connection.close()


def later_version(path):
    File(path).add([("1", ANSWER)])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def cut_short(path):
    File(path).add([("1", ANSWER)])
    path.write_bytes(path.read_bytes()[:5000])


def overwritten_in_the_middle(path):
    File(path).add([(str(k), ANSWER) for k in range(1000)])
    data = bytearray(path.read_bytes())
    data[8192:9000] = bytes(range(256)) * 3 + bytes(40)
    path.write_bytes(data)


DAMAGE = {
    text_file: "is not a file of minivae; `minivae progress --set-aside`",
    other_database: "is not a file of minivae; `minivae progress --set-aside`",
    later_version: "was written by a later version",
    cut_short: "is damaged; `minivae progress --set-aside`",
    overwritten_in_the_middle: "is damaged; `minivae progress --set-aside`",
}


@pytest.mark.parametrize("spoil", DAMAGE)
def test_a_damaged_or_foreign_file_is_told_once_and_never_written(spoil, path, capsys):
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    kept = Kept(File(path))
    assert DAMAGE[spoil] in kept.problem
    for _ in range(3):
        kept.add(ANSWER)
    assert len(kept.events(ANSWER.item)) == len(kept.everything()) == 3  # the lesson goes on
    assert path.read_bytes() == before
    assert capsys.readouterr().out.count("Your progress is not being kept") == 1


@pytest.mark.parametrize("spoil", [text_file, cut_short])
def test_on_request_it_is_set_aside_and_what_waited_is_written(spoil, path):
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    kept = Kept(File(path))
    kept.add(ANSWER)
    aside = File(path).set_aside()
    assert aside.read_bytes() == before and aside.parent == path.parent
    kept.add(ANSWER)
    assert kept.problem == "" and Kept(File(path)).everything() == [ANSWER, ANSWER]
    assert File(path).set_aside() != aside
    with pytest.raises(ProgressError, match="nothing to set aside"):
        File(path).set_aside()


def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    kept = Kept(File(tmp_path / "file" / "progress.sqlite3"))
    assert "cannot be made" in kept.problem and "say in MINIVAE_PROGRESS" in kept.problem
    kept.add(ANSWER)
    assert kept.events(ANSWER.item) == [ANSWER]
    assert kept.seed() == 0
    assert capsys.readouterr().out.count("not being kept") == 1


def test_a_read_only_file_can_be_read(file, monkeypatch):
    file.add([("1", ANSWER)])
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda where, **k: connect(where.partition("?")[0] + "?mode=ro", **k))
    kept = Kept(file)
    assert kept.everything() == [ANSWER] and kept.seed()
    kept.add(ANSWER)
    assert "may be read and not written; say in MINIVAE_PROGRESS" in kept.problem
    assert kept.everything() == [ANSWER, ANSWER]


FULL = """
import resource, sys
from pathlib import Path
from minivae.learn.progress import Event
from minivae.learn.store import File, Kept

store = Kept(File(Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))  # no file may grow beyond
k = 0
while not store.problem:
    store.add(Event("04/x", "answer", False, str(k)))
    k += 1
store.add(Event("04/x", "answer", False, str(k)))
assert [int(event.detail) for event in store.events("04/x")] == list(range(k + 1))
assert "is full" in store.problem, store.problem
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.add(Event("04/x", "answer", False, str(k + 1)))  # there is room again: all that waited goes in
assert not store.problem
print(k + 2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of this kind are POSIX")
def test_on_a_full_disk_the_lesson_goes_on_and_nothing_is_lost_once_there_is_room(path):
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, text=True, cwd=REPO, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not being kept") == 1
    assert len(File(path).events()) == int(done.stdout.split()[-1])
    File(path).examine()


def test_a_file_that_is_held_is_waited_for_and_then_told(path, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE_S", 0.1)
    kept = Kept(File(path))
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr(kept, "_patience", lambda: 0.1)
    kept.add(ANSWER)
    assert "is held by another program" in kept.problem
    holder.execute("COMMIT")
    holder.close()
    kept.add(ANSWER)
    assert not kept.problem and File(path).events() == [ANSWER, ANSWER]


# Where it lies -------------------------------------------------------------------------------------------------------


@pytest.fixture
def unopened(monkeypatch):
    """No store is in use yet."""
    monkeypatch.setattr(progress, "_current", None)


def test_tests_and_lesson_builds_keep_progress_in_memory(unopened, tmp_path):
    from minivae.learn.build import lesson_environment

    assert isinstance(progress.current(), MemoryProgress)
    assert lesson_environment(tmp_path)["MINIVAE_PROGRESS"] == progress.IN_MEMORY


def test_the_usual_place_is_the_users_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(progress.VARIABLE)
    monkeypatch.setattr("platformdirs.user_data_path", lambda *a, **k: tmp_path / "share" / "minivae")
    assert progress.place() == tmp_path / "share" / "minivae" / "progress.sqlite3"


def test_the_variable_names_a_file_or_a_folder(unopened, monkeypatch, tmp_path):
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path))
    assert progress.place() == tmp_path / "progress.sqlite3"
    monkeypatch.setenv(progress.VARIABLE, str(tmp_path / "mine.db"))
    assert progress.place() == tmp_path / "mine.db"
    progress.current().add(ANSWER)
    assert File(tmp_path / "mine.db").events() == [ANSWER]
    assert progress.current() is progress.current()
    monkeypatch.setenv(progress.VARIABLE, "~/mine.db")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert progress.place() == tmp_path / "mine.db"


def test_a_relative_path_is_refused_and_the_lesson_goes_on(unopened, monkeypatch, capsys):
    monkeypatch.setenv(progress.VARIABLE, "mine.db")
    with pytest.raises(ConfigError, match=r"MINIVAE_PROGRESS is 'mine.db', wanted a path from the root"):
        progress.place()
    progress.current().add(ANSWER)
    assert progress.current().events(ANSWER.item) == [ANSWER]
    assert "from the root" in progress.current().problem
    assert "not being kept" in capsys.readouterr().out


def test_a_python_without_sqlite_is_told(monkeypatch, path, capsys):
    monkeypatch.setitem(sys.modules, "sqlite3", None)
    kept = Kept(File(path))
    kept.add(ANSWER)
    assert "this Python has no SQLite" in kept.problem and kept.everything() == [ANSWER]
