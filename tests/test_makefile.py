"""`make` says what is missing, installs once, and begins anew where an environment no longer works.

Nothing is installed here: the Python that make is given is a shell script, which "makes" environments whose Python is
the same script, and writes down what it is asked.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

PYTHON = """#!/bin/sh
case "$*" in
    *version_info*3,*11*) [ "$FAULT" != old ] ;;
    *"import venv, ensurepip"*) [ "$FAULT" != ensurepip ] ;;
    *version_info*) echo 3.11 ;;
    -V) echo Python 3.9.2 ;;
    "-m venv .venv")
        echo "made" >> "$LOG"; mkdir -p .venv/bin; cp "$0" .venv/bin/python
        printf '#!/bin/sh\\necho "minivae $*" >> "$LOG"\\n' > .venv/bin/minivae; chmod +x .venv/bin/minivae ;;
    *"pip --version"*) true ;;
    *) echo "$*" >> "$LOG"; [ "$FAULT" != pip ] ;;
esac
"""


class Checkout:
    """A folder with a space in its name, that holds what make reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "my course"
        self.folder.mkdir()
        self.log = folder / "log"
        self.python = folder / "python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        for name in ("Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.folder / name)

    def make(self, *arguments: str, fault: str = "", python: str = "") -> tuple[int, str, list[str]]:
        """Exit code, all that was printed, and what was asked of the stand-in this time."""
        self.log.write_text("")
        environment = {"PATH": os.environ["PATH"], "LOG": str(self.log), "FAULT": fault}
        command = ["make", f"PYTHON={python or self.python}", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return done.returncode, done.stdout, self.log.read_text().splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout without an environment."""
    return Checkout(tmp_path)


def installs(asked: list[str]) -> list[str]:
    """The extras that pip was asked to install."""
    return [line.split()[-1] for line in asked if "pip install" in line]


def test_the_first_lab_installs_and_the_second_only_starts(checkout: Checkout) -> None:
    code, said, asked = checkout.make("lab", "ARGS=--no-browser")
    assert (code, asked[0], asked[-1]) == (0, "made", "minivae lab --no-browser"), said
    assert installs(asked) == [".[lab]"]
    assert "-c constraints.txt" in asked[1]
    assert checkout.make("lab")[2] == ["minivae lab"]


def test_other_requirements_are_installed_again(checkout: Checkout) -> None:
    checkout.make("lab")
    later = (checkout.folder / ".venv/installed-lab").stat().st_mtime + 10
    os.utime(checkout.folder / "constraints.txt", (later, later))
    assert installs(checkout.make("lab")[2]) == [".[lab]"]


def test_an_installation_that_failed_is_done_again(checkout: Checkout) -> None:
    assert checkout.make("lab", fault="pip")[0] != 0
    assert installs(checkout.make("lab")[2]) == [".[lab]"]


def test_a_moved_environment_is_made_again_with_a_word(checkout: Checkout) -> None:
    checkout.make("lab")
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved here"))
    code, said, asked = checkout.make("lab")
    assert (code, asked[0]) == (0, "made")
    assert ".venv does not work here" in said
    assert "making it again" not in checkout.make("lab")[1]


def test_an_environment_whose_python_is_gone_is_made_again(checkout: Checkout) -> None:
    checkout.make("lab")
    (checkout.folder / ".venv/bin/python").unlink()
    code, said, asked = checkout.make("lab")
    assert (code, asked[0], installs(asked)) == (0, "made", [".[lab]"])
    assert ".venv does not work here" in said


def test_an_environment_made_by_hand_is_kept(checkout: Checkout) -> None:
    checkout.make("lab")
    (checkout.folder / ".venv/made").unlink()
    assert "made" not in checkout.make("lab")[2]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("old", ["is Python 3.9.2; 3.11 or newer is needed", "sudo apt install", "PYTHON=python3.12"]),
        ("ensurepip", ["lacks the modules venv and ensurepip", "sudo apt install python3.11-venv", "sudo dnf install"]),
    ],
)
def test_a_python_that_will_not_do_is_named_with_the_package_to_install(
    fault: str, said: list[str], checkout: Checkout
) -> None:
    code, printed, asked = checkout.make("lab", fault=fault)
    assert code != 0
    assert asked == []
    assert all(part in printed for part in said), printed
    assert not (checkout.folder / ".venv").exists()


def test_a_python_that_is_not_there_is_named(checkout: Checkout) -> None:
    code, printed, _ = checkout.make("lab", python="python3.99")
    assert code != 0
    assert "python3.99 is not there. Install Python 3.11" in printed


def test_every_check_runs_and_any_fault_fails_make_test(checkout: Checkout) -> None:
    checkout.make("test")
    code, said, asked = checkout.make("test", fault="pip")  # every tool fails
    assert code != 0
    assert [line.split()[1] for line in asked] == ["ruff", "ruff", "mypy", "pytest"]
    assert "--nbval" in asked[-1]
    assert "make test: failed: ruff ruff mypy pytest" in said
    assert checkout.make("test")[0] == 0


def test_help_names_every_target(checkout: Checkout) -> None:
    said = checkout.make()[1]
    assert all(f"make {target} " in said for target in ("lab", "test", "lessons", "check", "clean", "help"))
