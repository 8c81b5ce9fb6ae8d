"""On PYTHONPATH, this folder's parent makes `import cupy` give the stand-in: for processes that a test starts."""

import sys

from tests.standin.module import cupy

sys.modules.update({"cupy": cupy, "cupy.cuda": cupy.cuda, "cupy.random": cupy.random, "cupy.linalg": cupy.linalg})
