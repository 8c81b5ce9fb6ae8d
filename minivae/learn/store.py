"""The learner's progress on disk: one SQLite file, safe under several kernels at once and under a kill at any moment.

Every operation opens the file, does one transaction, and closes it, so nothing is held between them and a kernel that
dies takes nothing along. The journal is SQLite's plain rollback journal, not a write-ahead log: that one needs memory
which all writers share, and network folders, where many schools keep their homes, have none. Each event carries an id
of its own, so one that is written again after a doubtful failure is still there once. A file that is not ours, is
damaged or comes from a later version is never written to; `set_aside` renames it when the learner asks for that.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minivae.errors import MinivaeError
from minivae.learn.note import Note, say
from minivae.learn.progress import VARIABLE, Event, stamped

if TYPE_CHECKING:
    import sqlite3

MARK = 0x6D766165  # "mvae", SQLite's application_id: says whose file this is
VERSION = 1
PATIENCE_S = 10.0  # how long another process may hold the file
SET_ASIDE = "`minivae progress --set-aside` renames it and begins a new one"
ELSEWHERE = f"say in {VARIABLE} which file to use instead"
TABLES = (
    "CREATE TABLE events (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, item TEXT NOT NULL,"
    " what TEXT NOT NULL, is_right INTEGER NOT NULL, detail TEXT NOT NULL)",
    "CREATE INDEX events_of_item ON events (item)",
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL)",
    f"PRAGMA application_id = {MARK}",
    f"PRAGMA user_version = {VERSION}",
)
# What SQLite's errors mean for a learner, by the beginning of their names.
MEANINGS = {
    "SQLITE_BUSY": f"is held by another program, for {PATIENCE_S:g} s and more; close that program",
    "SQLITE_CORRUPT": f"is damaged; {SET_ASIDE}",
    "SQLITE_FULL": f"cannot be written, the disk is full; free some space, or {ELSEWHERE}",
    "SQLITE_NOTADB": f"is not a file of minivae; {SET_ASIDE}",
    "SQLITE_READONLY": f"may be read and not written; {ELSEWHERE}",
    "SQLITE_PERM": f"may not be opened; {ELSEWHERE}",
    "SQLITE_CANTOPEN": f"cannot be opened; {ELSEWHERE}",
    "SQLITE_IOERR": f"cannot be read or written, its disk reports an error or is full; {ELSEWHERE}",
}
Row = tuple[str, Event]  # an id, and what happened


class ProgressError(MinivaeError, OSError):
    """A progress file that cannot be read or written; the message says why and what helps."""


class File:
    """The file, strictly: what goes wrong is raised.

    Parameters
    ----------
    path : Path
        It need not exist; the first event makes it, and its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, rows: Sequence[Row], patience: float = PATIENCE_S) -> None:
        """Write events in one transaction: all or none of them, and none twice.

        Raises
        ------
        ProgressError
            If they could not be written.
        """
        with self._transaction(write=True, patience=patience) as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO events (id, at, item, what, is_right, detail) VALUES (?, ?, ?, ?, ?, ?)",
                [(name, e.at, _text(e.item), _text(e.what), int(e.right), _text(e.detail)) for name, e in rows],
            )

    def events(self, item: str | None = None, patience: float = PATIENCE_S) -> list[Event]:
        """Return the events of one item, or of all, oldest first; ProgressError if they cannot be read."""
        with self._transaction(write=False, patience=patience) as connection:
            if connection is None:
                return []
            found = connection.execute(
                "SELECT item, what, is_right, detail, at FROM events WHERE ?1 IS NULL OR item = ?1 ORDER BY number",
                (item,),
            )
            return [Event(item, what, bool(right), detail, at) for item, what, right, detail, at in found]

    def seed(self) -> int:
        """Return the learner's seed, made once with the file; ProgressError if there is none and none can be made."""
        for write in (False, True):
            with self._transaction(write=write) as connection:
                if connection is not None:
                    return connection.execute("SELECT value FROM facts WHERE name = 'seed'").fetchone()[0]
        raise AssertionError("a transaction that writes has a connection")

    def forget(self, lesson: str | None = None) -> int:
        """Delete the events of one lesson, or all of them and the seed; return how many they were."""
        with self._transaction(write=True) as connection:
            if lesson is None:
                gone = connection.execute("DELETE FROM events").rowcount
                connection.execute("UPDATE facts SET value = ? WHERE name = 'seed'", (_new_seed(),))
            else:
                start = f"{lesson}/"
                gone = connection.execute(
                    "DELETE FROM events WHERE substr(item, 1, ?) = ?", (len(start), start)
                ).rowcount
        return gone

    def examine(self) -> None:
        """Read the whole file, where there is one; ProgressError if it is damaged."""
        with self._transaction(write=False) as connection:
            if connection is not None and connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise ProgressError(f"progress: {self.path} {MEANINGS['SQLITE_CORRUPT']}")

    def set_aside(self) -> Path:
        """Rename the file, whatever it holds, and return its new name; the next event makes a new one."""
        if not self.path.exists():
            raise ProgressError(f"progress: {self.path} does not exist; there is nothing to set aside")
        stem = f"{self.path.stem}-set-aside-{time.strftime('%Y%m%d-%H%M%S')}"
        number, new = 1, self.path.with_name(stem + self.path.suffix)
        while new.exists():
            number += 1
            new = self.path.with_name(f"{stem}-{number}{self.path.suffix}")
        for end in ("", "-journal"):
            old = Path(f"{self.path}{end}")
            if old.exists():
                try:
                    old.rename(f"{new}{end}")
                except OSError as error:
                    raise ProgressError(f"progress: {old} cannot be renamed: {error}; close what has it open") from None
        return new

    @contextmanager
    def _transaction(self, write: bool, patience: float = PATIENCE_S) -> Iterator[Any]:
        """A connection inside a transaction, committed at the end; None where there is no file yet to read."""
        try:
            import sqlite3
        except ImportError as error:
            raise ProgressError(f"progress: this Python has no SQLite ({error}); install one that has") from None
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            elif not self.path.exists():
                yield None
                return
            # Not read-only for reading: what a killed process left half-written is undone by whoever opens next.
            uri = f"{self.path.absolute().as_uri()}?mode={'rwc' if write else 'rw'}"
            with closing(sqlite3.connect(uri, timeout=patience, isolation_level=None, uri=True)) as connection:
                _begin(connection, write, patience)
                yield connection if self._is_ours(connection, write) else None
                connection.execute("COMMIT")  # not reached after an error: closing undoes what was begun
        except sqlite3.Error as error:
            raise ProgressError(f"progress: {self.path} {_meaning(error)}") from error
        except OSError as error:
            if isinstance(error, ProgressError):
                raise
            raise ProgressError(f"progress: {self.path} cannot be made: {error.strerror}; {ELSEWHERE}") from error

    def _is_ours(self, connection: sqlite3.Connection, write: bool) -> bool:
        """Whether there is something to read, or to write to: a new file is given its tables before."""
        mark, version = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if mark == MARK and version == VERSION:
            return True
        if mark == MARK:
            raise ProgressError(
                f"progress: {self.path} was written by a later version; install that one, or {ELSEWHERE}"
            )
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] or version:
            raise ProgressError(f"progress: {self.path} {MEANINGS['SQLITE_NOTADB']}")
        if write:
            for statement in TABLES:
                connection.execute(statement)
            connection.execute("INSERT INTO facts VALUES ('seed', ?)", (_new_seed(),))
        return write


class Kept:
    """The store of a learner at work: writes to the file, and where that fails the lesson goes on from memory.

    What could not be written waits, and goes first when the next event can be. The learner is told once.

    Parameters
    ----------
    file : File
    """

    def __init__(self, file: File) -> None:
        self.file = file
        self.problem = ""
        self._waiting: list[Row] = []
        self._lock = threading.Lock()
        self._is_sound = False  # whether all of it was read and found good: nothing is written before that
        self._seed = 0
        try:
            self._examine()
            self._seed = file.seed()
        except ProgressError as error:
            self._failed(error)

    def add(self, event: Event) -> None:
        """Keep one event."""
        with self._lock:
            self._waiting.append((secrets.token_hex(8), stamped(event)))
            try:
                self._examine()
                self.file.add(self._waiting, self._patience())
            except ProgressError as error:
                self._failed(error)
            else:
                self._waiting.clear()
                self.problem = ""

    def events(self, item: str) -> list[Event]:
        """Return the events of one item, oldest first."""
        return [event for event in self._all(item) if event.item == item]

    def everything(self) -> list[Event]:
        """Return all events, oldest first."""
        return self._all(None)

    def seed(self) -> int:
        """Return this learner's number; 0 where the file could not be opened."""
        return self._seed

    def _all(self, item: str | None) -> list[Event]:
        with self._lock:
            try:
                self._examine()
                found = self.file.events(item, self._patience())
            except ProgressError as error:
                self._failed(error)
                found = []
            return found + [event for _, event in self._waiting]

    def _examine(self) -> None:
        if not self._is_sound:
            self.file.examine()
            self._is_sound = True

    def _patience(self) -> float:
        return 0.2 if self.problem else PATIENCE_S  # who has waited in vain once is not kept waiting at every answer

    def _failed(self, error: ProgressError) -> None:
        is_new, self.problem = not self.problem, str(error)
        if is_new:
            tell(self.problem)


def tell(problem: str) -> None:
    """Show the learner that progress is not kept, and why; the lesson goes on."""
    rest = "Everything works, and is forgotten when this notebook's kernel ends."
    say(Note("info", "Your progress is not being kept", [["par", problem], ["par", rest]]))


def _begin(connection: sqlite3.Connection, write: bool, patience: float) -> None:
    """Begin a transaction. Writers queue with waits drawn at random: SQLite's grow, and let the last to come starve."""
    if not write:
        connection.execute("BEGIN")
        return
    end = time.monotonic() + patience
    connection.execute("PRAGMA busy_timeout = 0")
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            break
        except connection.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise
        time.sleep(random.uniform(0.001, 0.01))
    connection.execute(f"PRAGMA busy_timeout = {round(1000 * patience)}")


def _meaning(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    for start, meaning in MEANINGS.items():
        if name.startswith(start):
            return meaning
    return f"cannot be used: {error}; {ELSEWHERE}"


def _new_seed() -> int:
    return secrets.randbelow(2**31)


def _text(text: str) -> str:
    """The text as a file can hold it: without halves of characters, which a browser may send."""
    return text.encode("utf-8", "replace").decode("utf-8")
