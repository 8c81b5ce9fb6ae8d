"""What is inside of the wheel and the sdist, and what is not. Both are built from this tree."""

import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

import minivae
from tests.wheel.built import REPO, build, contents, hashes

INFO = f"minivae-{minivae.__version__}.dist-info"
# A name that begins with one of these is meant to be there.
WHEEL = ("minivae/", f"{INFO}/")
SUFFIXES = {".py", ".js", ".css", ".toml", ".svg", ".npz", ".cu", ".h", ".cpp", ".ipynb", ".md"}
RUBBISH = ("__pycache__", ".ipynb_checkpoints", ".pyc", ".so", "/source/", "tests/", ".DS_Store", ".part", "~")


def out_of_place(names):
    """Files that a wheel should not have."""
    return [
        name
        for name in names
        if not name.startswith(WHEEL)
        or any(word in name for word in RUBBISH)
        or (not name.startswith(INFO) and Path(name).suffix not in SUFFIXES)
    ]


def machine_paths(files):
    """Files in which a path of this machine stands."""
    paths = {str(REPO).encode(), sys.prefix.encode(), str(Path.home() / ".cache").encode()}
    return [name for name, content in files.items() if any(path in content for path in paths)]


def tracked(folder, pattern):
    """Files of the tree by their paths in it, caches left out."""
    paths = (path.relative_to(REPO) for path in (REPO / folder).rglob(pattern) if path.is_file())
    return {path.as_posix() for path in paths if not any(p[0] == "." or p == "__pycache__" for p in path.parts)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of the sdist, of the wheel, and of the wheel that is built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    sdist = build(folder / "sdist", "sdist")
    wheel = build(folder / "wheel", "wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "tree", filter="data")
    (tree,) = (folder / "tree").iterdir()
    again = build(folder / "again", "wheel", tree)
    return contents(sdist), contents(wheel), contents(again)


class TestWheel:
    def test_every_file_of_the_package_is_inside_with_kernels_lessons_and_data(self, made):
        _, wheel, _ = made
        package = {name for name in tracked("minivae", "*") if not name.endswith(".pyc")}
        beside = {f"minivae/{name}" for name in tracked("kernels", "*.cu") | tracked("lessons", "*.ipynb")}
        assert package | beside <= set(wheel)
        assert wheel["minivae/kernels/gaussian_kl.cu"] == (REPO / "kernels" / "gaussian_kl.cu").read_bytes()

    def test_nothing_else_is(self, made):
        _, wheel, _ = made
        assert out_of_place(wheel) == []
        assert sum(map(len, wheel.values())) < 15_000_000

    @pytest.mark.parametrize(
        "name",
        [
            "tests/test_lab.py",
            "minivae/__pycache__/lab.cpython-311.pyc",
            "minivae/lessons/source/04_send_a_range.py",
            "minivae/lessons/.ipynb_checkpoints/04-checkpoint.ipynb",
            "minivae/kernels/a.out",
            "conftest.py",
        ],
    )
    def test_a_planted_file_is_found(self, name):
        assert out_of_place(["minivae/lab.py", name, f"{INFO}/RECORD"]) == [name]

    def test_the_licences_are_inside(self, made):
        _, wheel, _ = made
        licences = {name for name in wheel if name.startswith(f"{INFO}/licenses/")}
        assert licences == {f"{INFO}/licenses/LICENSE", f"{INFO}/licenses/minivae/data/LICENSE-MNIST.md"}

    def test_its_version_is_that_of_the_package(self, made):
        _, wheel, _ = made
        assert f"\nVersion: {minivae.__version__}\n" in wheel[f"{INFO}/METADATA"].decode()
        assert wheel["minivae/__init__.py"].decode().count(f'__version__ = "{minivae.__version__}"') == 1

    def test_its_command_is_that_of_the_project(self, made):
        _, wheel, _ = made
        project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert project["scripts"] == {"minivae": "minivae.cli:main"}
        assert wheel[f"{INFO}/entry_points.txt"].decode() == "[console_scripts]\nminivae = minivae.cli:main\n"


class TestSdist:
    def test_a_wheel_that_is_built_from_it_is_the_wheel_of_the_tree(self, made):
        _, wheel, again = made
        assert hashes(again) == hashes(wheel)

    def test_all_that_is_tested_can_be_tested_from_it(self, made):
        sdist, _, _ = made
        wanted = tracked("tests", "*") | tracked("docs", "*") | tracked("lessons/source", "*.py")
        wanted |= {"Makefile", "constraints.txt", "conftest.py", "pyproject.toml", "README.md", "LICENSE", ".ci/run"}
        assert {name for name in wanted if not name.endswith(".pyc")} - set(sdist) == set()

    def test_no_cache_is_inside(self, made):
        sdist, _, _ = made
        assert [name for name in sdist if "__pycache__" in name or ".ipynb_checkpoints" in name] == []


def test_no_path_of_this_machine_is_in_any_file(made):
    sdist, wheel, _ = made
    assert machine_paths(sdist) == []
    assert machine_paths(wheel) == []
    assert machine_paths({"planted": f"see {REPO}/lessons".encode(), "sound": b"see lessons"}) == ["planted"]
