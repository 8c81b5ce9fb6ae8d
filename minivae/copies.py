"""The learner's copy of the lessons: made once, later brought up to date, and never over what the learner wrote.

A small file in the folder, `.minivae.json`, holds the SHA-256 of everything that was delivered there, so a lesson that
nobody touched can be told from one that was worked in. Lessons are written whole or not at all, and the list after
them: an update that was cut short is simply done again.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from minivae.checkpoint import replacing
from minivae.errors import CheckpointError, ConfigError

MANIFEST = ".minivae.json"
NOT_FOR_LEARNERS = {"source", "__pycache__", ".ipynb_checkpoints"}


@dataclass
class Update:
    """What an update did, by the names of the files in the folder.

    Attributes
    ----------
    added : list of str
        Lessons that were not there.
    replaced : list of str
        Lessons that were there as they had been delivered.
    beside : list of str
        New lessons under a name of their own, since the learner had changed the one that was there.
    trouble : str
        What was wrong with the list of what had been delivered; empty if nothing.
    """

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    trouble: str = ""

    def __str__(self) -> str:
        lines = [self.trouble] if self.trouble else []
        lines += [f"new: {name}" for name in self.added]
        lines += [f"replaced, for you had not changed it: {name}" for name in self.replaced]
        lines += [f"new beside yours, which stays as it is: {name}" for name in self.beside]
        return "\n".join(lines) or "every lesson is that of the installed version, or was offered before"


def copy(source: Path, folder: Path, version: str) -> None:
    """Make the learner's folder with all lessons in it, in one step: it is there whole or not at all.

    Raises ConfigError if it cannot be written.
    """
    contents = _contents(source)
    try:
        with tempfile.TemporaryDirectory(prefix=".minivae-", dir=folder.parent) as room:
            whole = Path(room) / folder.name
            for name, content in contents.items():
                _write(whole / name, content)
            _write_manifest(whole, version, {name: _sha(content) for name, content in contents.items()})
            os.rename(whole, folder)
    except OSError as error:
        if not folder.is_dir():  # else another `minivae lab` made it meanwhile
            raise _unwritable(folder, error) from error


def update(source: Path, folder: Path, version: str) -> Update:
    """Bring the lessons in `folder` to those in `source`; what the learner changed stays, under its name.

    A lesson that is missing is written, one that is as it was delivered is replaced, and of one that was changed the
    new version is written beside it, as `04_send_a_range.new-0.2.0.ipynb`; that is offered once.

    Parameters
    ----------
    source : Path
        The lessons of the installed version.
    folder : Path
        The learner's.
    version : str
        The installed version, for the names of files that stand beside others.

    Raises
    ------
    ConfigError
        If the folder cannot be read or written. What was written before that stays, and the next update goes on.
    """
    done = Update()
    delivered = _manifest(folder, done)
    for name, content in _contents(source).items():
        path, new = folder / name, _sha(content)
        known = {sha for other, sha in delivered.items() if _is_copy_of(name, other)}
        try:
            old = _sha(path.read_bytes()) if path.is_file() else None
            if not path.exists():
                where, what = name, done.added
            elif old == new:
                delivered[name] = new
                continue
            elif old is not None and old == delivered.get(name):
                where, what = name, done.replaced
            elif new in known:
                continue  # offered before: the learner has it, or did not want it
            else:
                where, what = _name_beside(folder, name, version, delivered, new), done.beside
        except OSError as error:
            raise _unwritable(folder, error) from error
        _write(folder / where, content)
        delivered[where] = new
        what.append(where)
    _write_manifest(folder, version, delivered)
    return done


def is_behind(source: Path, folder: Path) -> bool:
    """Whether `update` would bring anything to a folder that was delivered; False where no list says what was."""
    delivered = _manifest(folder, quiet := Update())
    if quiet.trouble:
        return False
    return any(
        _sha(content) not in {sha for other, sha in delivered.items() if _is_copy_of(name, other)}
        for name, content in _contents(source).items()
    )


def _contents(source: Path) -> dict[str, bytes]:
    """Every file that is meant for learners, by its path in the folder."""
    paths = (path for path in sorted(source.rglob("*")) if path.is_file())
    names = {path.relative_to(source): path for path in paths}
    return {
        name.as_posix(): path.read_bytes() for name, path in names.items() if not NOT_FOR_LEARNERS & set(name.parts)
    }


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_copy_of(name: str, other: str) -> bool:
    """Whether `other` is that lesson, or a version of it that was written beside it."""
    stem, dot, suffix = name.rpartition(".")
    return other == name or (other.startswith(f"{stem}.new-") and other.endswith(dot + suffix))


def _name_beside(folder: Path, name: str, version: str, delivered: dict[str, str], new: str) -> str:
    """A name that is free, or is held by a file of ours that nobody changed."""
    stem, dot, suffix = name.rpartition(".")
    k = 1
    while True:
        beside = f"{stem}.new-{version}{'' if k == 1 else f'-{k}'}{dot}{suffix}"
        path = folder / beside
        if not path.exists() or (path.is_file() and _sha(path.read_bytes()) in (new, delivered.get(beside))):
            return beside
        k += 1


def _manifest(folder: Path, done: Update) -> dict[str, str]:
    """What was delivered to the folder, name by name; `done` notes a list that cannot be used, and nothing is taken for
    ours then."""
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        if all(isinstance(text, str) for pair in files.items() for text in pair):
            return files
        why = "is damaged"
    except FileNotFoundError:
        why = "is missing"
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        why = "is damaged"
    done.trouble = f"{MANIFEST}, the list of what was delivered, {why}: whatever differs is taken to be yours"
    return {}


def _write_manifest(folder: Path, version: str, files: dict[str, str]) -> None:
    about = "SHA-256 of what minivae put here; `minivae lab --update` tells by it which lessons you changed"
    text = json.dumps({"about": about, "version": version, "files": dict(sorted(files.items()))}, indent=1)
    _write(folder / MANIFEST, text.encode() + b"\n")


def _write(path: Path, content: bytes) -> None:
    try:
        with replacing(path) as file:
            file.write(content)
    except CheckpointError as error:
        raise _unwritable(path.parent, error.__cause__ or error) from error


def _unwritable(folder: Path, error: BaseException) -> ConfigError:
    return ConfigError(
        f"lab: {folder} could not be written ({error}); nothing of yours was changed; make it writable, free space, "
        "or start in another folder"
    )
