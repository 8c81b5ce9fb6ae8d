"""The house as a whole: which room may open a door to which, and what `import minivae` brings with it."""

import ast
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import pytest

import minivae

PACKAGE = Path(minivae.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Each may import from those above it, and from its own line as long as nothing goes round in a circle.
LAYERS = [
    ["errors", "checks"],
    ["cuda"],
    ["backend"],
    ["engine"],
    ["ops"],
    ["gradcheck", "debug", "nn", "data", "checkpoint", "distributions", "graph"],
    ["minivae", "optim", "ema", "schedule"],
    ["models", "parallel"],
    ["bench", "learn", "train", "evaluate", "judge", "progress", "plot", "doctor", "lab", "copies"],
    ["cli"],
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def parse(path):
    return ast.parse(path.read_text(encoding="utf-8"), path.name)


def room(path):
    """minivae/ops/arith.py -> "ops"; minivae/nn.py -> "nn"; minivae/__init__.py -> "minivae"."""
    first = path.relative_to(PACKAGE).with_suffix("").parts[0]
    return "minivae" if first == "__init__" else first


def modules_imported(tree):
    """Every module or name that is imported anywhere in a file, inside of functions too, as (dotted name, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            yield from ((f"{source}.{alias.name}", node.lineno) for alias in node.names)


def rooms_imported(tree):
    """The rooms of this package that a file opens a door to, with the line of each."""
    for name, line in modules_imported(tree):
        first, _, rest = name.partition(".")
        if first == "minivae":
            second = rest.partition(".")[0]
            known = second in LEVEL or (PACKAGE / second).is_dir() or (PACKAGE / f"{second}.py").exists()
            yield (second if second and known else "minivae"), line


def upward(path, tree):
    """What a file imports from above itself, in words."""
    own = room(path)
    return [
        f"{path.name}:{line} imports {other}, which stands above {own}"
        for other, line in rooms_imported(tree)
        if other != own and LEVEL[other] > LEVEL[own]
    ]


class TestDoors:
    def test_every_room_has_its_place(self):
        """A new file or folder in minivae/ goes into LAYERS, beside what it is like."""
        assert {room(path) for path in FILES} <= set(LEVEL)

    def test_no_file_imports_from_above_itself(self):
        assert [door for path in FILES for door in upward(path, parse(path))] == []

    def test_nothing_goes_round_in_a_circle(self):
        doors = {name: set() for name in LEVEL}
        for path in FILES:
            doors[room(path)] |= {other for other, _ in rooms_imported(parse(path))} - {room(path)}
        doors["minivae"] -= {"minivae"}
        order = list(TopologicalSorter(doors).static_order())
        assert order.index("errors") < order.index("engine") < order.index("models") < order.index("cli")

    @pytest.mark.parametrize(
        "code",
        [
            "from minivae.models import VAE",
            "from minivae import train",
            "import minivae.cli",
            "def f():\n    from minivae.plot import tile",
            "class A:\n    def f(self):\n        import minivae.learn.bank as bank",
        ],
    )
    def test_a_planted_door_upward_is_found(self, code):
        assert len(upward(PACKAGE / "nn.py", ast.parse(code))) == 1
        assert upward(PACKAGE / "cli.py", ast.parse(code)) == []

    def test_a_planted_circle_is_found(self):
        with pytest.raises(CycleError):
            list(TopologicalSorter({"train": {"evaluate"}, "evaluate": {"train"}}).static_order())

    def test_all_imports_are_absolute(self):
        relative = [
            f"{path.name}:{line}" for path in FILES for name, line in modules_imported(parse(path)) if name[0] == "."
        ]
        assert relative == []
        assert [name[0] for name, _ in modules_imported(ast.parse("from . import a\nfrom ..b import c"))] == [".", "."]

    def test_cupy_is_imported_by_the_backend_alone(self):
        importers = {
            path.name for path in FILES for name, _ in modules_imported(parse(path)) if name.split(".")[0] == "cupy"
        }
        assert importers <= {"backend.py", "floor_worker.py"}  # the latter runs without minivae, see bench/alone.py


def hidden_randomness(tree):
    """Uses of np.random other than a generator that is made inside of a function, as (name, line).

    The state of NumPy's hidden generator may be read and put back, to guard it against a learner's code.
    """
    inside = {node for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.Lambda)) for node in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            harmless = ("Generator", "BitGenerator", "PCG64", "SeedSequence", "get_state", "set_state")
            if node.attr not in harmless and not (node.attr == "default_rng" and node in inside):
                yield node.attr, node.lineno


class TestRandomness:
    def test_it_is_an_argument_everywhere(self):
        found = [
            f"{path.name}:{line} np.random.{name}" for path in FILES for name, line in hidden_randomness(parse(path))
        ]
        assert found == []

    @pytest.mark.parametrize(
        "code",
        [
            "np.random.seed(0)",
            "def f():\n    return np.random.normal()",
            "rng = np.random.default_rng(0)",
            "class A:\n    rng = numpy.random.default_rng(0)",
        ],
    )
    def test_a_planted_hidden_draw_is_found(self, code):
        assert len(list(hidden_randomness(ast.parse(code)))) == 1


class TestEngine:
    def test_it_can_be_read_in_one_sitting(self):
        assert len((PACKAGE / "engine.py").read_text(encoding="utf-8").splitlines()) < 300


class TestImport:
    def test_import_minivae_brings_numpy_and_the_standard_library_alone(self):
        """What NumPy brings is taken off, since an editable installation or a .pth file may bring more at the start."""
        code = """
import sys
import numpy.random
before = {name.split(".")[0] for name in sys.modules}
import minivae
after = {name.split(".")[0] for name in sys.modules}
print(*sorted(after - before - set(sys.stdlib_module_names)))
"""
        said = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
        assert said.stdout.split() == ["minivae"]

    def test_what_is_promised_is_there(self):
        assert all(hasattr(minivae, name) for name in minivae.__all__)

    def test_every_module_can_be_imported_alone(self):
        """In any order, that is: no module counts on another having been imported before."""
        names = [
            ".".join(["minivae", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
            for path in FILES
            if "learn" not in path.parts  # some of it wants the extra `lab`
        ]
        code = """
import sys
for name in sys.argv[1:]:
    for known in [m for m in sys.modules if m.partition(".")[0] == "minivae"]:
        del sys.modules[known]
    __import__(name)
"""
        subprocess.run([sys.executable, "-W", "error", "-c", code, *names], check=True)


class TestVersion:
    def test_it_is_written_in_one_place(self):
        wheres = [path.name for path in FILES if "__version__ =" in path.read_text(encoding="utf-8")]
        assert wheres == ["__init__.py"]
        project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
        assert project["project"]["dynamic"] == ["version"]
        assert "version" not in project["project"]
        assert project["tool"]["hatch"]["version"]["path"] == "minivae/__init__.py"

    def test_the_installed_one_is_that(self):
        assert version("minivae") == minivae.__version__
