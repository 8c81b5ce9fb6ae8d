"""The learner's copy of the lessons: what an update brings, what it never touches, and what is left when it fails."""

import json
import os

import pytest

from minivae import copies
from minivae.errors import ConfigError

A, B = "01_gradients.ipynb", "02_note.ipynb"


@pytest.fixture
def source(tmp_path):
    """The lessons of the installed version."""
    folder = tmp_path / "package"
    for name in (A, B, "source/01_gradients.py", ".ipynb_checkpoints/x.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{name} of 0.1")
    return folder


@pytest.fixture
def mine(source, tmp_path):
    """The learner's folder, as it was delivered."""
    folder = tmp_path / "home" / "lessons"
    folder.parent.mkdir()
    copies.copy(source, folder, "0.1")
    return folder


def texts(folder):
    """All lessons that are there, by name."""
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.ipynb")}


def fail(monkeypatch, when):
    """Let the moves that put a file in its place fail from the one on whose target `when` says so."""
    move = os.replace

    def replace(old, new):
        if when(os.fspath(new)):
            raise OSError(28, "No space left on device")
        move(old, new)

    monkeypatch.setattr(os, "replace", replace)


class TestCopy:
    def test_it_holds_the_lessons_and_the_list_of_them(self, mine):
        assert texts(mine) == {A: f"{A} of 0.1", B: f"{B} of 0.1"}
        assert set(json.loads((mine / copies.MANIFEST).read_text())["files"]) == {A, B}

    def test_the_learner_may_write_to_it_though_the_installed_lessons_are_read_only(self, source, tmp_path):
        (source / A).chmod(0o444)
        copies.copy(source, tmp_path / "mine", "0.1")
        assert (tmp_path / "mine" / A).stat().st_mode & 0o200

    def test_cut_short_it_leaves_nothing(self, source, tmp_path, monkeypatch):
        home = tmp_path / "home"
        home.mkdir()
        fail(monkeypatch, lambda path: path.endswith(B))
        with pytest.raises(ConfigError, match="could not be written .*No space left.*free space, or start in another"):
            copies.copy(source, home / "lessons", "0.1")
        assert list(home.iterdir()) == []

    def test_where_nothing_can_be_written_the_folder_is_named(self, source, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(ConfigError, match="lab: .*file/lessons could not be written"):
            copies.copy(source, tmp_path / "file" / "lessons", "0.1")

    def test_one_that_was_made_meanwhile_is_kept(self, source, mine):
        (mine / A).write_text("the learner's")
        copies.copy(source, mine, "0.1")
        assert texts(mine)[A] == "the learner's"
        assert [p.name for p in mine.parent.iterdir()] == ["lessons"]


class TestUpdate:
    def test_with_nothing_new_it_changes_nothing_and_says_so(self, source, mine):
        (mine / A).write_text("the learner's")
        before = {p: p.read_bytes() for p in mine.iterdir()}
        assert "every lesson is that of the installed version" in str(copies.update(source, mine, "0.1"))
        assert {p: p.read_bytes() for p in mine.iterdir()} == before

    def test_new_lessons_come_and_untouched_ones_are_replaced(self, source, mine):
        (source / B).write_text("newer")
        (source / "03_new.ipynb").write_text("new")
        done = copies.update(source, mine, "0.2")
        assert (done.added, done.replaced, done.beside, done.trouble) == (["03_new.ipynb"], [B], [], "")
        assert str(done) == f"new: 03_new.ipynb\nreplaced, for you had not changed it: {B}"
        assert texts(mine) == {A: f"{A} of 0.1", B: "newer", "03_new.ipynb": "new"}

    def test_what_the_learner_changed_stays_and_the_new_one_stands_beside_it(self, source, mine):
        (mine / A).write_text("the learner's")
        (source / A).write_text("newer")
        done = copies.update(source, mine, "0.2")
        assert str(done) == "new beside yours, which stays as it is: 01_gradients.new-0.2.ipynb"
        assert texts(mine) == {A: "the learner's", "01_gradients.new-0.2.ipynb": "newer", B: f"{B} of 0.1"}

    def test_a_new_one_is_offered_once(self, source, mine):
        (mine / A).write_text("the learner's")
        (source / A).write_text("newer")
        copies.update(source, mine, "0.2")
        (mine / "01_gradients.new-0.2.ipynb").unlink()
        done = copies.update(source, mine, "0.2")
        assert done == copies.Update()
        assert texts(mine)[A] == "the learner's"

    def test_one_that_stands_beside_and_was_changed_is_the_learners_too(self, source, mine):
        (mine / A).write_text("the learner's")
        (source / A).write_text("newer")
        copies.update(source, mine, "0.2")
        (mine / "01_gradients.new-0.2.ipynb").write_text("the learner's, too")
        (source / A).write_text("newest, of the same number")
        assert copies.update(source, mine, "0.2").beside == ["01_gradients.new-0.2-2.ipynb"]
        assert {"the learner's", "the learner's, too", "newest, of the same number"} <= set(texts(mine).values())

    def test_one_that_stands_beside_unchanged_gives_way(self, source, mine):
        (mine / A).write_text("the learner's")
        for text in ("newer", "newest, of the same number"):
            (source / A).write_text(text)
            assert copies.update(source, mine, "0.2").beside == ["01_gradients.new-0.2.ipynb"]
        assert texts(mine)["01_gradients.new-0.2.ipynb"] == "newest, of the same number"

    def test_a_lesson_that_was_deleted_comes_back(self, source, mine):
        (mine / A).unlink()
        assert copies.update(source, mine, "0.1").added == [A]

    def test_a_folder_by_the_name_of_a_lesson_is_the_learners(self, source, mine):
        (mine / A).unlink()
        (mine / A).mkdir()
        (source / A).write_text("newer")
        assert copies.update(source, mine, "0.2").beside == ["01_gradients.new-0.2.ipynb"]
        assert (mine / A).is_dir()

    @pytest.mark.parametrize(
        "text", [None, "", "{", "[]", '{"files": 3}', '{"files": {"a": 1}}', '{"files": null}', b"\xff\xfe{"]
    )
    def test_without_a_sound_list_nothing_is_taken_for_ours(self, source, mine, text):
        """B is as it was delivered, but that cannot be known any more."""
        (mine / A).write_text("the learner's")
        (source / A).write_text("newer")
        (source / B).write_text("newer")
        (mine / copies.MANIFEST).unlink()
        if text is not None:
            (mine / copies.MANIFEST).write_bytes(text if isinstance(text, bytes) else text.encode())
        done = copies.update(source, mine, "0.2")
        why = "is missing" if text is None else "is damaged"
        assert str(done).startswith(f".minivae.json, the list of what was delivered, {why}: whatever differs is taken")
        assert done.beside == ["01_gradients.new-0.2.ipynb", "02_note.new-0.2.ipynb"]
        assert texts(mine)[A] == "the learner's"
        assert copies.update(source, mine, "0.2") == copies.Update()  # and the list is sound again

    @pytest.mark.parametrize("last", [B, "01_gradients.new-0.2.ipynb", "03_new.ipynb", copies.MANIFEST])
    def test_cut_short_anywhere_it_loses_nothing_and_the_next_one_goes_on(self, source, mine, monkeypatch, last):
        (mine / A).write_text("the learner's")
        for name in (A, B, "03_new.ipynb"):
            (source / name).write_text("newer")
        with monkeypatch.context() as patch:
            fail(patch, lambda path: path.endswith(last))
            with pytest.raises(ConfigError, match="nothing of yours was changed; make it writable, free space"):
                copies.update(source, mine, "0.2")
        assert texts(mine)[A] == "the learner's"
        assert not list(mine.glob("*.part"))
        copies.update(source, mine, "0.2")
        wanted = {A: "the learner's", B: "newer", "01_gradients.new-0.2.ipynb": "newer", "03_new.ipynb": "newer"}
        assert texts(mine) == wanted
        assert copies.update(source, mine, "0.2") == copies.Update()


class TestIsBehind:
    def test_it_is_true_until_the_new_lesson_was_offered(self, source, mine):
        assert not copies.is_behind(source, mine)
        (mine / A).write_text("the learner's")
        assert not copies.is_behind(source, mine)
        (source / A).write_text("newer")
        assert copies.is_behind(source, mine)
        copies.update(source, mine, "0.2")
        assert not copies.is_behind(source, mine)

    def test_of_a_folder_that_was_not_delivered_nothing_is_said(self, source, tmp_path):
        assert not copies.is_behind(source, tmp_path)
