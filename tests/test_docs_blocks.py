"""No block of code in README and docs is left out: each kind has a test, and each shell command is run or has a reason.

Python blocks are run by test_docs.py, the question in TOML by learn/test_questions.py, the steps to a kernel by
cuda/test_page.py; here are the others.
"""

import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from tests.test_docs import PAGES, ROOT, blocks

FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*(\S*)", re.MULTILINE)
TESTED = {"python", "toml", "cuda", "sh", "bat", "py"}
TEXT = {"", "text"}  # what a program prints, a list of files

# Shell commands that no test runs as they stand, with the reason.
NOT_RUN = {
    r"make \w+( ARGS=\S+)?": "installs and runs much; test_makefile.py runs it with stand-ins for programs",
    r'pip install "minivae\[lab\]"': "fetches from a package index; wheel/test_installed.py installs the built wheel",
    r"minivae lab\b.*": "serves until it is stopped; wheel/test_installed.py starts it",
    r"minivae lesson new .*": "writes into the checkout; learn/test_skeleton.py has it write elsewhere",
}
BAT = {
    r"py -3\.11 -m venv \.venv": "Windows has the program py",
    r"\.venv\\Scripts\\pip install -c constraints\.txt -e \"\.\[lab(,dev)?\]\"": "the Makefile's own line, see below",
    r"\.venv\\Scripts\\minivae lab": "serves until it is stopped",
    r"\.venv\\Scripts\\python -m pytest tests lessons --nbval": "all tests",
}
# Settings that a command is run with in place of those shown: the same command, sooner done.
SMALLER = [
    ("--epochs 20", "--epochs 1 --hidden 16"),
    ("train latent-diffusion", "train latent-diffusion --vae-epochs 1 --epochs 1"),
    ("--label 7", "--label 7 --n 4 --steps 2"),
]


def fences(text):
    """The languages of all blocks; directives such as {toctree} are not code."""
    found, open_with = [], None
    for mark, language in FENCE.findall(text):
        if open_with is None:
            open_with = mark
            found.append(language)
        elif mark.startswith(open_with) and not language:
            open_with = None
    return [language for language in found if not language.startswith("{")]


def commands(language):
    """Every command in blocks of a language, without comments."""
    return [
        pytest.param(command, id=f"{page.name}: {command}")
        for page in PAGES
        for block in blocks(page, language)
        for line in block.splitlines()
        if (command := line.split("  #")[0].split(" # ")[0].strip()) and not command.startswith("#")
    ]


def reason(command, table=NOT_RUN):
    return next((why for pattern, why in table.items() if re.fullmatch(pattern, command)), None)


def shell(page):
    """The commands of a page in their order, for each builds on those before."""
    lines = [line.split(" # ")[0].strip() for block in blocks(page, "sh") for line in block.splitlines()]
    return [line for line in lines if line]


def test_every_block_is_of_a_kind_that_is_tested_or_is_no_code():
    for page in PAGES:
        left_out = set(fences(page.read_text(encoding="utf-8"))) - TESTED - TEXT
        assert left_out == set(), f"{page.name} has blocks of {left_out}; say in a test what is to hold for them"


def test_the_steps_to_a_kernel_are_on_the_page_that_has_a_test():
    """They are indented, for they stand in a list; no other page has blocks of their kinds."""
    theirs = {p.name for p in PAGES if p.parent.name != "cards" and {"cuda", "py"} & set(fences(p.read_text("utf-8")))}
    assert theirs <= {"kernels.md"}


def test_a_planted_block_of_another_kind_is_found():
    text = "```python\n1\n```\n\n````{toctree}\n```\n````\n~~~ruby\nputs 1\n~~~\n```\ntext\n```\n"
    assert fences(text) == ["python", "ruby", ""]


@pytest.mark.parametrize("page", [pytest.param(p, id=p.name) for p in PAGES if blocks(p, "sh")])
def test_every_shell_command_is_run_or_has_a_reason(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MINIVAE_PROGRESS", str(tmp_path / "progress.sqlite3"))
    for command in shell(page):
        if reason(command):
            continue
        for shown, smaller in SMALLER:
            command = command.replace(shown, smaller)
        program, *arguments = shlex.split(command)
        assert program == "minivae", f"{page.name}: nothing runs `{command}`; run it here, or give a reason"
        call = [sys.executable, "-c", "from minivae.cli import main; main()", *arguments]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{page.name}: `{command}` says {done.stderr}"


@pytest.mark.parametrize("command", commands("bat"))
def test_a_command_for_windows_is_known(command):
    assert reason(command, BAT), f"`{command}` is new: say here why it is right"
    if (extra := re.search(r'-e "(.*)"', command)) is not None:
        assert f'-e "{extra[1]}"' in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_reason_is_that_of_a_command_that_is_shown():
    shown = [parameter.values[0] for parameter in commands("sh")]
    assert [pattern for pattern in NOT_RUN if not any(re.fullmatch(pattern, one) for one in shown)] == []
    shown = [parameter.values[0] for parameter in commands("bat")]
    assert [pattern for pattern in BAT if not any(re.fullmatch(pattern, one) for one in shown)] == []
    assert reason("rm -r lessons") is None


CUDA = [pytest.param(code, id=p.name) for p in PAGES if p.parent.name == "cards" for code in blocks(p, "cuda")]


@pytest.mark.parametrize("code", CUDA)
def test_cuda_that_is_shown_sums_a_row_and_has_no_race(code):
    """The lines in a kernel around them: 128 threads of a block, each with an element of the block's row."""
    from minivae.cuda import sim

    body = f"__shared__ float part[128]; int t = threadIdx.x; float sum = x[blockIdx.x * 128 + t];\n{code}"
    source = f'extern "C" __global__ void shown(const float* x, float* kl) {{\n{body}\n}}\n'
    x, kl = np.random.default_rng(0).normal(size=(3, 128)).astype(np.float32), sim.poison(3)
    sim.Module(source, "shown.cu", check=True).kernel("shown")((3,), (128,), (x, kl))
    np.testing.assert_allclose(kl, x.sum(axis=1), atol=1e-4)  # float32, 128 terms
    if "__syncthreads" in code:  # and without a barrier it would be found
        broken = sim.Module(source.replace("__syncthreads();  //", "//"), "shown.cu", check=True).kernel("shown")
        with pytest.raises(sim.KernelError, match="race"):
            broken((3,), (128,), (x, kl))
