"""Runs a worker that is not minivae's without loading minivae: python alone.py torch_worker [words].

`import minivae.bench.torch_worker` would run minivae/__init__.py first, and the process that is to show PyTorch would
hold minivae's memory too, and feel whatever else importing it changes.
"""

import runpy
import sys
from pathlib import Path
from types import ModuleType


def main() -> None:
    name, *sys.argv[1:] = sys.argv[1:]
    bare = ModuleType("minivae")
    bare.__path__ = [str(Path(__file__).resolve().parents[1])]
    sys.modules["minivae"] = bare
    runpy.run_module(f"minivae.bench.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
