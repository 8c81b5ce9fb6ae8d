"""PyTorch, the second opinion of some tests. It is an extra of its own: on Linux its default wheel takes gigabytes."""

from types import ModuleType

import pytest


def oracle() -> ModuleType:
    """torch, or skip the test or module that asked. In a test file: `torch = oracle()`."""
    return pytest.importorskip("torch", reason='needs PyTorch: pip install -c constraints.txt ".[oracle]"')
