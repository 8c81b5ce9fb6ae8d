"""The built wheel in an environment of its own, used from an empty folder: it is that one, and its commands work."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import minivae
from tests.wheel.built import REPO, build, contents, install

LESSONS = sorted(path.name for path in (REPO / "lessons").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("dist"), "wheel")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    return install(wheel, tmp_path_factory.mktemp("installed"))


def test_what_is_installed_is_the_wheel_file_by_file(installed, wheel):
    done = installed.run("python", "-c", "import minivae; print(minivae.__file__)")
    packages = Path(done.stdout.strip()).parents[1]
    theirs = {name: content for name, content in contents(wheel).items() if name.startswith("minivae/")}
    assert {name for name, content in theirs.items() if (packages / name).read_bytes() != content} == set()
    assert len(theirs) > 200


def test_the_package_is_that_of_the_wheel_whole_and_not_that_of_the_tree(installed):
    code = """
import json, minivae
from pathlib import Path
from minivae.data import load
from minivae.learn import bank
print(json.dumps([minivae.__file__, minivae.__version__, len(load("mnist-small", "train")[0]), bank.lessons()]))
"""
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    file, version, images, lessons = json.loads(done.stdout)
    assert str(REPO) not in file
    assert "site-packages" in file
    assert version == minivae.__version__
    assert images == 10_000
    assert {name[:2] for name in LESSONS} <= set(lessons)


def test_every_kernel_is_found(installed):
    code = "from minivae.cuda.kernels import KERNELS; assert all('__global__' in k.source for k in KERNELS.values())"
    done = installed.run("python", "-c", code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [["--help"], ["doctor"], ["progress"]])
def test_the_commands_work_in_an_empty_folder_and_leave_it_so(installed, command):
    done = installed.run("minivae", *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr == ""
    assert not (installed.home / "lessons").exists()


def test_minivae_trains_and_samples(installed):
    small = ["--epochs", "1", "--latent", "2", "--hidden", "8", "--out", "../first"]
    for command in (["train", "vae", *small], ["sample", "../first", "--n", "4"]):
        done = installed.run("minivae", *command)
        assert done.returncode == 0, done.stderr
    assert {p.name for p in (installed.home.parent / "first").iterdir()} >= {"checkpoint.safetensors", "samples.png"}


def test_minivae_lab_copies_the_lessons_and_serves_them_behind_its_token(installed):
    pytest.importorskip("jupyterlab", reason='no jupyterlab: pip install "minivae[lab,dev]"')
    with installed.lab() as (base, token):
        assert sorted(p.name for p in (installed.home / "lessons").glob("*")) == [".minivae.json", *LESSONS]
        with urllib.request.urlopen(f"{base}/api/contents?token={token}", timeout=30) as answer:
            assert sorted(one["name"] for one in json.load(answer)["content"]) == LESSONS
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{base}/api/contents", timeout=30)
        mine = installed.home / "lessons" / LESSONS[0]
        mine.write_text("the learner's")
    with installed.lab("--update") as _:
        assert mine.read_text() == "the learner's"
        assert sorted(p.name for p in mine.parent.glob("*.ipynb")) == LESSONS  # nothing is newer
