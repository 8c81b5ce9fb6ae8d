"""Everything that needs a real GPU, in one command: `make check-gpu`, or python -m tests.gpu.

The tests of kernels and backends on CuPy; each kernel's time, its bytes, and its share of what the device can do; the
training steps beside PyTorch's, where that is installed with CUDA. One report is written. 1 if a test failed, 2 if
there is no GPU to work with.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path

from minivae import backend
from minivae.bench import report
from minivae.bench.driver import Options, bench
from minivae.cuda.timing import ceilings
from minivae.errors import BackendError
from tests.gpu.kernels import measured, table

ROOT = Path(__file__).resolve().parents[2]
TESTED = ("tests/cuda", "tests/backends")


def tests(paths: list[str]) -> tuple[bool, str]:
    """Run them on the GPU; whether all passed, and a section of the report."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "junit.xml"
        command = [sys.executable, "-m", "pytest", "-q", *paths, f"--junitxml={found}", "-p", "no:cacheprovider"]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"MINIVAE_GPU": "1"}, check=False)
        suite = ET.parse(found).getroot().find("testsuite")
    assert suite is not None
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = [case for case in suite.iter("testcase") if {"failure", "error"} & {part.tag for part in case}]
    lines = [
        f"`pytest {' '.join(paths)}` with `MINIVAE_GPU=1`: {total} tests, {len(failed)} failed, {skipped} skipped."
    ]
    lines += [f"- failed: {case.get('classname')}::{case.get('name')}" for case in failed]
    return total > 0 and not failed, "## Tests\n\n" + "\n".join(lines)


def kernels(quick: bool) -> str:
    """The section with each kernel's time."""
    here = backend.current()
    best = ceilings(here.xp, 1, 64) if quick else ceilings(here.xp)
    return f"""## Kernels

The ceilings, measured here: a copy moves {best.copy / 1e9:,.0f} GB/s, read and written; a matrix product of CuPy does \
{best.product / 1e12:.3g} TFLOP/s in float32.
A kernel's floor is its bytes at the one speed or its operations at the other, whichever takes longer. Its time is the
median of seven turns, from event to event on the GPU's clock.

{table(list(measured(here.xp, quick)), best)}"""


def training(quick: bool) -> str:
    """The section with the training steps."""
    options = Options(backend="cupy", against=("floor", "torch"), quick=quick)
    text = report.markdown(bench(options, say=lambda line: print(line, file=sys.stderr)))
    return "## Training steps\n" + re.sub(r"^#", "##", text.partition("\n")[2], flags=re.M)


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gpu.md", help="the report")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: see that it works, not how fast")
    parser.add_argument("tests", nargs="*", default=list(TESTED), help="what pytest is to run")
    asked = parser.parse_args(words)
    try:
        here = backend.use("cupy")
    except BackendError as error:
        print(f"check-gpu: {error}", file=sys.stderr)
        return 2
    passed, tested = tests(asked.tests)
    parts = [f"# On a GPU\n\nWritten by `make check-gpu` on {date.today().isoformat()}.\n\n{here.about}."]
    if asked.quick:
        parts.append("**A quick run: it shows that everything works. Its figures mean nothing.**")
    parts += [tested, kernels(asked.quick), training(asked.quick)]
    asked.out.write_text("\n\n".join(parts), encoding="utf-8")
    print(f"check-gpu: wrote {asked.out}; {'all tests passed' if passed else 'TESTS FAILED, see there'}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
