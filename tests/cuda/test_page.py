"""docs/kernels.md shows how a kernel is added. What it shows is added here, as shown, and tried."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from minivae.cuda import Kernel, Simulator, nvrtc, using
from minivae.errors import BackendError
from tests.cuda import reference as machinery
from tests.cuda.harness import run
from tests.cuda.test_kernels import compare

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kernels.md"


def shown(language):
    blocks = re.findall(rf"^( *)```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    return [textwrap.dedent(code) for _, code in blocks]


def added(tmp_path, monkeypatch):
    """The kernel of the walk-through, from its file, its registration and its reference."""
    (source,), (registration, reference) = shown("cuda"), shown("py")
    (tmp_path / "scale.cu").write_text(source)
    monkeypatch.setattr(machinery, "REFERENCES", {})
    (kernel,) = eval(registration, {"Kernel": lambda name, file, **more: Kernel(name, str(tmp_path / file), **more)})
    exec(reference, dict(vars(machinery)))
    return kernel, machinery.REFERENCES["scale"], source


@pytest.mark.parametrize("device", [Simulator(), Simulator(check=True)], ids=["fast", "checked"])
def test_the_kernel_that_the_page_adds_is_right(tmp_path, monkeypatch, device):
    kernel, reference, _ = added(tmp_path, monkeypatch)
    for scalars in reference.scalars(kernel):
        inputs = reference.inputs(kernel, np.random.default_rng(0), scalars)
        with using(device):
            compare(reference, scalars, run(kernel, inputs), reference(inputs))


def test_it_compiles_for_every_generation(tmp_path, monkeypatch):
    try:
        compiler = nvrtc.Nvrtc()
    except BackendError as error:
        pytest.skip(str(error))
    assert nvrtc.check({"scale.cu": added(tmp_path, monkeypatch)[2]}, nvrtc=compiler).faults == []


def test_the_error_that_the_page_shows_is_the_one_that_comes():
    (scripted,) = [code for code in shown("python") if "launch(" in code]
    swapped = scripted.replace("mu, logvar, kl, 8, 2", "mu.reshape(2, 8), logvar, kl, 8, 2")
    assert swapped != scripted
    (message,) = re.findall(r"^ShapeError: (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    with pytest.raises(ValueError) as caught:
        exec(swapped, {})
    assert str(caught.value) == message
