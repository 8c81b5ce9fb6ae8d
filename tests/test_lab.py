"""How JupyterLab is started: on this machine alone, behind its token. No server runs here."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minivae import lab
from minivae.errors import ConfigError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package as a wheel lays it out: lessons inside, no checkout around; and a learner's empty folder."""
    package = tmp_path / "site-packages" / "minivae"
    (package / "lessons" / "source").mkdir(parents=True)
    (package / "lessons" / "04_send.ipynb").write_text("ours")
    (package / "lessons" / "source" / "04_send.py").write_text("source")
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setattr(lab, "PACKAGE", package)
    monkeypatch.chdir(home)
    return home


class TestLessonsFolder:
    def test_in_a_checkout_it_is_that_of_the_checkout(self, tmp_path, monkeypatch):
        (tmp_path / "lessons").mkdir()
        monkeypatch.setattr(lab, "PACKAGE", tmp_path / "minivae")
        assert lab.lessons_folder() == tmp_path / "lessons"

    def test_elsewhere_it_is_a_copy_beside_the_learner_without_the_sources(self, installed):
        assert lab.lessons_folder() == installed / "lessons"
        assert sorted(p.name for p in (installed / "lessons").iterdir()) == [".minivae.json", "04_send.ipynb"]

    def test_what_the_learner_wrote_is_never_overwritten(self, installed):
        lab.lessons_folder()
        (installed / "lessons" / "04_send.ipynb").write_text("the learner's")
        (installed / "lessons" / "own.ipynb").write_text("own")
        assert lab.lessons_folder() == installed / "lessons"
        assert (installed / "lessons" / "04_send.ipynb").read_text() == "the learner's"
        assert (installed / "lessons" / "own.ipynb").read_text() == "own"

    def test_newer_lessons_are_told_of_and_come_when_asked_for(self, installed, capsys):
        lab.lessons_folder()
        assert str(installed / "lessons") in capsys.readouterr().out
        lab.lessons_folder()
        assert capsys.readouterr().out == ""
        (lab.PACKAGE / "lessons" / "04_send.ipynb").write_text("newer")
        lab.lessons_folder()
        assert "minivae lab --update" in capsys.readouterr().out
        assert (installed / "lessons" / "04_send.ipynb").read_text() == "ours"
        lab.lessons_folder(update=True)
        assert "replaced, for you had not changed it: 04_send.ipynb" in capsys.readouterr().out
        assert (installed / "lessons" / "04_send.ipynb").read_text() == "newer"

    def test_a_checkout_is_not_updated(self, tmp_path, monkeypatch):
        (tmp_path / "lessons").mkdir()
        monkeypatch.setattr(lab, "PACKAGE", tmp_path / "minivae")
        with pytest.raises(ConfigError, match="part of a checkout; leave out --update, git brings new lessons there"):
            lab.lessons_folder(update=True)
        assert list((tmp_path / "lessons").iterdir()) == []

    def test_a_wheel_beside_which_the_learner_works_is_no_checkout(self, installed, monkeypatch):
        """As `pip install --target .` makes it: the copy lies where that of a checkout would."""
        monkeypatch.chdir(lab.PACKAGE.parent)
        for _ in range(2):
            assert lab.lessons_folder(update=True) == lab.PACKAGE.parent / "lessons"

    def test_an_installation_without_lessons_says_what_to_do(self, installed, tmp_path, monkeypatch):
        monkeypatch.setattr(lab, "PACKAGE", tmp_path / "elsewhere" / "minivae")
        with pytest.raises(ConfigError, match="has no lessons; name a folder, or install minivae again"):
            lab.lessons_folder()
        assert list(installed.iterdir()) == []


class TestCommand:
    def test_it_listens_on_this_machine_alone(self, tmp_path):
        options = lab.command(tmp_path, browser=True, port=8899)
        assert options[:3] == [sys.executable, "-m", "jupyterlab"]
        assert [o for o in options if ".ip=" in o] == ["--ServerApp.ip=127.0.0.1"]
        assert f"--ServerApp.root_dir={tmp_path}" in options
        assert "--ServerApp.port=8899" in options

    def test_nothing_touches_the_token_the_password_or_the_origin(self):
        for browser in (True, False):
            said = " ".join(lab.command(Path("lessons"), browser=browser, port=1)).lower()
            for word in ("token", "password", "identity", "allow_origin", "xsrf", "0.0.0.0", "unauthenticated"):
                assert word not in said

    def test_it_asks_the_internet_for_nothing(self, tmp_path):
        options = lab.command(tmp_path, browser=True, port=1)
        assert "--LabApp.news_url=None" in options
        assert "--LabApp.extension_manager=readonly" in options
        assert "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate" in options

    def test_a_browser_is_opened_unless_it_is_not_wanted(self, tmp_path):
        assert "--no-browser" not in lab.command(tmp_path, browser=True, port=1)
        assert "--no-browser" in lab.command(tmp_path, browser=False, port=1)

    @pytest.mark.skipif(not hasattr(os, "geteuid"), reason="users are POSIX")
    @pytest.mark.parametrize(("user", "allowed"), [(0, True), (1000, False)])
    def test_root_is_allowed_to_root_alone(self, tmp_path, monkeypatch, user, allowed):
        monkeypatch.setattr(os, "geteuid", lambda: user)
        assert ("--allow-root" in lab.command(tmp_path, browser=True, port=1)) is allowed


class TestEnvironment:
    @pytest.fixture(autouse=True)
    def nothing_said(self, monkeypatch):
        for name in (*lab.THREADS, "OMP_NUM_THREADS"):
            monkeypatch.delenv(name, raising=False)

    def test_kernels_get_one_blas_thread(self, monkeypatch):
        monkeypatch.setenv("KEPT", "as it is")
        given = lab.environment()
        assert [given[name] for name in lab.THREADS] == ["1", "1", "1"]
        assert given["KEPT"] == "as it is"

    @pytest.mark.parametrize("name", [*lab.THREADS, "OMP_NUM_THREADS"])
    def test_a_number_that_the_learner_has_set_stands_alone(self, monkeypatch, name):
        monkeypatch.setenv(name, "4")
        assert lab.environment() == dict(os.environ)

    def test_the_program_is_run_with_it(self):
        assert lab._run([sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['N']))"], {"N": "7"}) == 7


class TestStart:
    @pytest.fixture
    def ran(self, monkeypatch):
        """What would have been run, in place of running it."""
        calls = []
        monkeypatch.setattr(lab, "_run", lambda arguments, _: calls.append(arguments) or 0)
        return calls

    def test_without_a_display_no_browser_is_opened_and_the_learner_is_told(self, tmp_path, monkeypatch, ran, capsys):
        monkeypatch.setattr(lab, "has_display", lambda: False)
        lab.start(tmp_path)
        assert "--no-browser" in ran[0]
        assert "open the address below in a browser" in capsys.readouterr().out

    def test_with_a_display_one_is(self, tmp_path, monkeypatch, ran, capsys):
        monkeypatch.setattr(lab, "has_display", lambda: True)
        lab.start(tmp_path, port=9999)
        assert "--no-browser" not in ran[0]
        assert "--ServerApp.port=9999" in ran[0]
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        ("platform", "environment", "there"),
        [
            ("linux", {}, False),
            ("linux", {"DISPLAY": ":0"}, True),
            ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
            ("darwin", {}, True),
            ("win32", {}, True),
        ],
    )
    def test_a_display_is_known_by_the_platform_and_its_variables(self, monkeypatch, platform, environment, there):
        monkeypatch.setattr(sys, "platform", platform)
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert lab.has_display() is there

    def test_the_lessons_are_opened_where_no_folder_is_named(self, installed, ran):
        lab.start()
        assert f"--ServerApp.root_dir={installed / 'lessons'}" in ran[0]

    def test_an_update_goes_into_the_lessons_and_no_other_folder(self, installed, ran):
        with pytest.raises(ConfigError, match="into ./lessons, not into elsewhere; leave out one of the two"):
            lab.start(Path("elsewhere"), update=True)
        lab.start(update=True)
        assert len(ran) == 1

    def test_a_folder_that_is_none_is_named(self, tmp_path, ran):
        with pytest.raises(ConfigError, match="nowhere is not a folder; name one that exists, or none for the lessons"):
            lab.start(tmp_path / "nowhere")
        assert ran == []

    def test_a_missing_jupyterlab_says_how_to_get_it(self, tmp_path, monkeypatch, ran):
        monkeypatch.setattr(lab, "find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r'not installed; get it with: pip install "minivae\[lab\]"'):
            lab.start(tmp_path)

    def test_a_lab_that_fails_is_named_with_its_status(self, tmp_path, monkeypatch):
        monkeypatch.setattr(lab, "_run", lambda arguments, _: 3)
        with pytest.raises(ConfigError, match="JupyterLab ended with status 3; its last lines above say why"):
            lab.start(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_ctrl_c_is_left_to_jupyterlab_which_asks_before_it_stops():
    """Here a program in its place notes two and then ends, while the one that started it waits."""
    patient = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # none is missed that comes between two waits
print("ready", flush=True)
for _ in range(2):
    signal.sigwait([signal.SIGINT])
    print("heard", flush=True)
sys.exit(7)
"""
    starter = f"""
import signal, sys
from minivae import lab

def said(number, handler, change=signal.signal):
    before = change(number, handler)
    print("changed", flush=True)
    return before

before = signal.getsignal(signal.SIGINT)
signal.signal = said
code = lab._run([sys.executable, "-c", {patient!r}])
print(code, signal.getsignal(signal.SIGINT) is before, flush=True)
"""
    options = dict(stdout=subprocess.PIPE, text=True, start_new_session=True)
    with subprocess.Popen([sys.executable, "-c", starter], **options) as process:
        assert {process.stdout.readline() for _ in range(2)} == {"ready\n", "changed\n"}
        for _ in range(2):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to both
            assert process.stdout.readline() == "heard\n"
        assert process.stdout.read() == "changed\n7 True\n"
