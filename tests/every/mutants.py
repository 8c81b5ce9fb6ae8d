"""Mutants: the source of the engine and the ops with one thing changed. Do the tests notice?

python -m tests.every.mutants --all            every mutant, and the score
python -m tests.every.mutants --all conv       those with a word in their name
python -m tests.every.mutants --show conv      what they are, without running them

There are four kinds. Three are faults that people make in a gradient: it is off by a thousandth, it is transposed, or
it is not summed over the axes along which its input was stretched; one for each gradient of each op. The fourth are
small changes anywhere in the source: another operator, a number that is off by one, a statement left out.

Each mutant is loaded by a second process, in place of the file it was made from, and put through the tests of the ops
that it can reach: the real test functions, and the checks of test_shapes.py on seeded examples. It is killed by the
first failure, a warning, a crash, or a minute of computing without an end. Those that survive are either in
equivalents.py with the reason why no test can tell them apart, or a test is missing.
"""

import argparse
import ast
import contextlib
import functools
import hashlib
import importlib
import importlib.abc
import importlib.util
import inspect
import io
import itertools
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ["engine.py", "checks.py", *sorted(f"ops/{path.name}" for path in (ROOT / "minivae/ops").glob("*.py"))]
SOURCES.remove("ops/cases.py")  # inputs to test on
SCALED, TRANSPOSED, NOT_SUMMED = "gradient scaled by 1.001", "gradient transposed", "unbroadcast dropped"
CHANGED = "small change of the source"
KINDS = [SCALED, TRANSPOSED, NOT_SUMMED, CHANGED]
PATIENCE = 60  # seconds of a processor; all tests together take 20 or less


@dataclass(frozen=True)
class Mutant:
    """One change: characters `start` to `end` of a file become `text`."""

    file: str
    function: str  # the outermost one that it is in, or ""
    start: int
    end: int
    text: str
    key: str  # for people, and for equivalents.py: stays the same when lines move
    kind: str = CHANGED

    def source(self) -> str:
        whole = (ROOT / "minivae" / self.file).read_text(encoding="utf-8")
        return whole[: self.start] + self.text + whole[self.end :]


# Making them.

SWAPS: dict[type, tuple] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OTHER_NAME = {
    "exp": "expm1",
    "expm1": "exp",
    "log": "log1p",
    "log1p": "log",
    "maximum": "minimum",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "ones": "zeros",
    "sum": "max",
    "max": "min",
    "min": "max",
    "mean": "sum",
    "any": "all",
}
MODULES = {"xp", "np", "math", "ops", "backend", "itertools", "here"}
CASES = {"normal", "positive", "off_zero"}
SMALL = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Raise, ast.Continue)


def altered(node: ast.AST, **fields) -> ast.AST:
    """A shallow copy with some fields changed."""
    return type(node)(**{**{name: getattr(node, name) for name in node._fields}, **fields})


def replacements(node: ast.AST) -> Iterator[str]:
    """The texts that may stand in place of a node."""
    new: list[ast.AST] = []
    match node:
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op):
            new += [altered(node, op=other()) for other in SWAPS.get(type(op), ())]
        case ast.Compare(ops=[op, *rest]):
            new += [altered(node, ops=[other(), *rest]) for other in SWAPS.get(type(op), ())]
            if rest:
                new += [altered(node, ops=[op, other(), *rest[1:]]) for other in SWAPS.get(type(rest[0]), ())]
        case ast.UnaryOp(operand=operand):
            new += [operand]
        case ast.IfExp(body=body, orelse=orelse):
            new += [body, orelse]
        case ast.Constant(value=bool(value)):
            new += [ast.Constant(not value)]
        case ast.Constant(value=int(value)):
            less = ast.Constant(value - 1) if value else ast.UnaryOp(ast.USub(), ast.Constant(1))
            new += [ast.Constant(value + 1), less]
        case ast.Constant(value=float(value)):
            new += [ast.Constant(value * 1.001 if value else 1e-3)]
        case ast.Call(func=func, keywords=keywords):
            if isinstance(func, ast.Attribute) and not (isinstance(func.value, ast.Name) and func.value.id in MODULES):
                new += [func.value]  # x.astype(...) becomes x
            if isinstance(func, ast.Attribute) and func.attr in OTHER_NAME:
                new += [altered(node, func=altered(func, attr=OTHER_NAME[func.attr]))]
            new += [altered(node, keywords=keywords[:k] + keywords[k + 1 :]) for k in range(len(keywords))]
        case ast.Tuple(elts=[*parts], ctx=ast.Load()) if any(isinstance(part, ast.Lambda) for part in parts):
            for k in range(len(parts) - 1):  # the gradient lines of an op, in another order
                new += [altered(node, elts=[*parts[:k], parts[k + 1], parts[k], *parts[k + 2 :]])]
    for text in (ast.unparse(n) for n in new if ast.dump(n) != ast.dump(node)):
        yield f"({text})" if isinstance(node, ast.expr) else text
    match node:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Continue():
            yield "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "pass"


def spans(text: str) -> Callable[[ast.AST], tuple[int, int]]:
    """Where a node begins and ends, in bytes: that is what positions in syntax trees count."""
    starts = [0, *itertools.accumulate(len(line) for line in text.encode().splitlines(keepends=True))]
    return lambda n: (starts[n.lineno - 1] + n.col_offset, starts[n.end_lineno - 1] + n.end_col_offset)


def mutants(file: str) -> list[Mutant]:
    """The small changes of a file, in the order of the text."""
    text = (ROOT / "minivae" / file).read_text(encoding="utf-8")
    raw, span = text.encode(), spans(text)
    found: list[Mutant] = []
    seen: Counter = Counter()

    def add(node, context, function, new):
        (start, end), (first, last) = span(node), span(context)
        before = " ".join(raw[first:last].decode().split())
        after = " ".join((raw[first:start].decode() + new + raw[end:last].decode()).split())
        at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), 0)
        here = slice(max(0, at - 50), max(0, at - 50) + 100)
        key = f"{file} {function or 'top'}: {before[here]} -> {after[here]}"
        seen[key] += 1
        key += f" #{seen[key]}" if seen[key] > 1 else ""
        found.append(Mutant(file, function, len(raw[:start].decode()), len(raw[:end].decode()), new, key))

    def visit(node, context, function):
        if isinstance(node, ast.JoinedStr):
            return  # the words of a message
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Assign) and {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & CASES:
            return  # inputs to test on
        if isinstance(node, ast.FunctionDef) and not function:
            function = node.name
        if isinstance(node, SMALL) or (isinstance(node, ast.expr) and len(ast.unparse(node)) >= 12):
            context = node
        for new in replacements(node):
            add(node, context or node, function, new)
        if isinstance(node, ast.If):
            for new in ("True", "False"):
                add(node.test, node.test, function, new)
        for name, value in ast.iter_fields(node):
            if name in ("decorator_list", "annotation", "returns"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    visit(child, context, function)

    if file == "checks.py":  # what it says of shapes belongs to the ops, the rest to devices
        functions = [node for node in ast.parse(text).body if "raise ShapeError" in ast.unparse(node)]
    for node in functions if file == "checks.py" else [ast.parse(text)]:
        visit(node, None, "")
    return found


FAULTS = {  # `g_x` stands for the gradient
    SCALED: "1.001 * g_x",
    # only where its shape stays, for else the engine objects to the shape
    TRANSPOSED: "(lambda a: a.swapaxes(-1, -2) if a.ndim > 1 and a.shape[-1] == a.shape[-2] else a)(g_x)",
}


def gradient_lines(function: ast.FunctionDef) -> Iterator[ast.expr]:
    """The gradients that an op returns, as expressions: of its lambdas, and what its inner functions of g return."""
    for parent in ast.walk(function):
        for node in ast.iter_child_nodes(parent):
            takes_g = isinstance(node, (ast.Lambda, ast.FunctionDef)) and [a.arg for a in node.args.args][:1] == ["g"]
            if takes_g and isinstance(node, ast.Lambda) and isinstance(parent, (ast.Tuple, ast.Return)):
                yield node.body
            elif takes_g and isinstance(node, ast.FunctionDef):
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        yield from inner.value.elts if isinstance(inner.value, ast.Tuple) else [inner.value]


def wrong_gradients(file: str) -> list[Mutant]:
    """Each gradient of each op of a file, scaled and transposed."""
    found: list[Mutant] = []
    text = (ROOT / "minivae" / file).read_text(encoding="utf-8")
    raw, span = text.encode(), spans(text)
    for function in ast.parse(text).body:
        if not isinstance(function, ast.FunctionDef) or not function.decorator_list:
            continue
        for k, line in enumerate(gradient_lines(function)):
            start, end = (len(raw[:at].decode()) for at in span(line))
            for kind, fault in FAULTS.items():
                new = f"({fault.replace('g_x', f'({text[start:end]})')})"
                found.append(Mutant(file, function.name, start, end, new, f"{file} {function.name} {k}: {kind}", kind))
    return found


def stretched() -> list[tuple[str, int]]:
    """Ops and numbers of inputs whose gradient comes in another shape than the input: there the engine has to sum."""
    ops = importlib.import_module("minivae.engine").OPS
    shapes, numpy = importlib.import_module("tests.every.shapes"), importlib.import_module("numpy")
    found = set()
    for name in ops:
        for seed in range(40):
            example = shapes.seeded(name, seed)
            arrays = [numpy.asarray(x) for x in example.inputs]
            value, gradients = ops[name].function(numpy, *arrays, **example.constants)
            if not callable(gradients):
                for k, (line, x) in enumerate(zip(gradients, arrays, strict=True)):
                    g = numpy.ones_like(value)
                    g_x = line(g, None) if line.__code__.co_varnames[1 : line.__code__.co_argcount] else line(g)
                    found |= {(name, k)} if g_x.shape != x.shape else set()
    return sorted(found)


def not_summed() -> list[Mutant]:
    """The engine with its unbroadcast left out for one input of one op."""
    found = []
    for name, k in stretched():
        fault = f"g_x if node.name == {name!r} and x is node.inputs[{k}] else unbroadcast(g_x, x.shape)"
        m = planted("engine.py", "unbroadcast(g_x, x.shape)", fault)
        found.append(replace(m, function="backward", key=f"engine.py {name} {k}: {NOT_SUMMED}", kind=NOT_SUMMED))
    return found


@functools.cache
def every() -> list[Mutant]:
    """All there are."""
    wrong = [m for file in SOURCES if file.startswith("ops/") for m in wrong_gradients(file)]
    return [*wrong, *not_summed(), *(m for file in SOURCES for m in mutants(file))]


def sample(part: int) -> list[Mutant]:
    """One in `part`, chosen by the hash of the key: an edit elsewhere does not change the choice."""
    return [m for m in every() if int(hashlib.sha256(m.key.encode()).hexdigest(), 16) % part == 0]


# Running them: what the second process does.


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another text."""

    def __init__(self, file: str, source: str):
        self.path, self.source = ROOT / "minivae" / file, source
        self.name = "minivae." + file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        inside = [str(self.path.parent)] if self.path.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, self.path, loader=self, submodule_search_locations=inside)

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.source, str(self.path), "exec"), vars(module))


def fresh(file: str, source: str) -> None:
    """Forget the package and its tests: whoever imports them next gets them anew, one file from another text."""
    for name in list(sys.modules):
        if name == "minivae" or name.startswith(("minivae.", "tests.")):
            del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Changed)]
    sys.meta_path.insert(0, Changed(file, source))


def settings(mark) -> list[dict]:
    """What a parametrize mark gives to a test, as keyword arguments."""
    keys = [k.strip() for k in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
    rows = []
    for row in mark.args[1]:
        written = type(row).__name__ == "ParameterSet"  # by pytest.param
        rows.append(row.values if written else row if len(keys) > 1 else (row,))
    return [dict(zip(keys, row, strict=True)) for row in rows]


def test_runs(module, names: set[str] | None) -> Iterator[tuple[str, Callable]]:
    """The tests of a module with their parameters, without pytest: those about the ops in `names`, and all others."""
    OPS, Op = (getattr(importlib.import_module("minivae.engine"), name) for name in ("OPS", "Op"))
    classes = [owner for name, owner in vars(module).items() if name.startswith("Test") and isinstance(owner, type)]
    for owner in [module, *classes]:
        for name, test in list(vars(owner).items()):
            if not name.startswith("test_") or not callable(test):
                continue
            axes = [settings(mark) for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            for parts in itertools.product(*axes):
                given = {k: v for part in parts for k, v in part.items()}
                about = {v.name if isinstance(v, Op) else v for v in given.values() if isinstance(v, (str, Op))}
                about &= OPS.keys()
                if names is not None and about and not about & names:
                    continue
                own = {"self": owner()} if owner is not module else {}
                if inspect.signature(test).parameters.keys() - (own | given).keys():
                    continue  # it asks for a fixture
                label = f"{module.__name__.split('.')[-1]}.{name}"
                yield label, lambda test=test, given=own | given: test(**given)


def reach(mutant: Mutant) -> set[str] | None:
    """The ops that a mutant can reach, None for all of them."""
    ops = importlib.import_module("minivae.engine").OPS
    if mutant.file in ("engine.py", "checks.py"):
        return None
    if mutant.file == "ops/__init__.py":
        return {name.strip("_") for name in importlib.import_module("minivae.ops").METHODS} & ops.keys()
    file = {name: f"ops/{op.function.__module__.split('.')[-1]}.py" for name, op in ops.items()}
    if mutant.function in ops:
        return {mutant.function}
    if mutant.file == "ops/fast.py":
        texts = {f: (ROOT / "minivae" / f).read_text(encoding="utf-8") for f in set(file.values())}
        return {name for name in ops if mutant.function in texts[file[name]]}
    return {name for name in ops if file[name] == mutant.file}


WHOLE = [  # tests that are not about single ops
    "tests.test_engine",
    "tests.every.test_gaps",
    "tests.test_fast",
    "tests.test_gradcheck",
    "tests.test_debug",
    "tests.test_nn",
    "tests.test_layers",
    "tests.every.test_public_cases",
]
APART = ("100_000", "fetched_from_the_system")  # is in test_depth.py as well; starts Python, with the source as it is


def battery(mutant: Mutant) -> Iterator[tuple[str, Callable]]:
    """What a mutant is put through, the quickest killers first."""
    names = reach(mutant)
    load = importlib.import_module
    some = sorted(load("minivae.engine").OPS) if names is None else sorted(names)
    closest = {"ops/fast.py": "tests.test_fast", "checks.py": "tests.every.test_gaps"}
    if mutant.file in closest:
        yield from test_runs(load(closest[mutant.file]), names)
    if mutant.file in ("engine.py", "checks.py", "ops/__init__.py"):
        yield from whole(names)
        yield from seeds(some, range(3))
        yield from about_ops(some, names)
    else:
        yield from seeds(some, range(4))
        yield from about_ops(some, names)
        yield from seeds(some, range(4, 40))
        yield from whole(names)
    programs, torch = load("tests.every.test_random_programs"), load("torch")
    words, order = programs.words(torch), sorted(load("minivae.engine").OPS)
    for turn in range(2 if names is None else 8):
        for name in some:
            seed = order.index(name) + turn * len(order)
            yield "programs.compare", lambda s=seed: programs.compare(torch, words, s)
    elsewhere = ("pytorch", "process", "watch", "hold_every")  # done above, or of no use here
    yield from (run for run in test_runs(programs, names) if not any(word in run[0] for word in elsewhere))
    yield from (run for run in test_runs(load("tests.every.test_shapes"), names) if "refused" in run[0])
    if names is None:
        yield from test_runs(load("tests.every.test_depth"), None)


def seeds(some: list[str], numbers: range) -> Iterator[tuple[str, Callable]]:
    """The checks of test_shapes.py on seeded examples of some ops."""
    load = importlib.import_module
    checks, shapes, words = load("tests.every.checks"), load("tests.every.shapes"), load("tests.oracle_twins")

    def beside_pytorch(name, example):
        torch = load("torch")  # takes seconds, and most mutants do not live to see it
        checks.check_oracle(torch, words.twins(torch)[name], name, example)

    for seed in numbers:
        for name in some:
            example = shapes.seeded(name, seed)
            for check in checks.CHECKS:
                yield f"shapes.{check.__name__}", lambda c=check, n=name, e=example: c(n, e)
            yield "shapes.check_oracle", lambda n=name, e=example: beside_pytorch(n, e)


def about_ops(some: list[str], names: set[str] | None) -> Iterator[tuple[str, Callable]]:
    """Tests that loop over ops, for some of them."""
    for module in ("tests.every.test_ops", "tests.every.test_against_pytorch", "tests.every.test_extremes"):
        yield from test_runs(importlib.import_module(module), names)


def whole(names: set[str] | None) -> Iterator[tuple[str, Callable]]:
    """Tests that are not about single ops."""
    for module in WHOLE:
        for run in test_runs(importlib.import_module(module), names):
            if not any(word in run[0] for word in APART):
                yield run


def verdict(mutant: Mutant) -> dict:
    """Put a mutant through the battery. Returns what killed it, or None for a survivor."""
    started, name, killed = time.perf_counter(), "import", None
    warnings.simplefilter("error")
    try:
        compile(mutant.source(), mutant.file, "exec")
        fresh(mutant.file, mutant.source())
        importlib.import_module("minivae")
        for case in battery(mutant):
            name, test = case
            with contextlib.suppress(importlib.import_module("pytest").skip.Exception):
                test()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # that nothing was raised in a pytest.raises is no Exception
        killed = f"{name}: {type(error).__name__}"
    return {"key": mutant.key, "killed": killed, "seconds": time.perf_counter() - started}


def worker() -> None:
    """Read mutants as lines of JSON, write verdicts; everything else that is printed goes nowhere."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    hypothesis = importlib.import_module("hypothesis")
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]  # no shrinking: one failure is enough
    hypothesis.settings.register_profile("mutants", phases=phases, database=None, derandomize=True)
    hypothesis.settings.load_profile("mutants")
    for line in sys.stdin:
        order = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, order["patience"])  # then the system ends this process
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            result = verdict(Mutant(**order["mutant"]))
        print(json.dumps(result), file=answers, flush=True)


# Running them: what the first process does.


class Judge:
    """A second process that takes mutants one by one; it is started anew when one crashes or hangs it."""

    def __init__(self):
        self.process: subprocess.Popen | None = None
        self.answers: queue.Queue = queue.Queue()

    def start(self) -> subprocess.Popen:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.every.mutants", "--worker"],
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.answers = queue.Queue()
        threading.Thread(target=self.listen, args=(self.process, self.answers), daemon=True).start()
        return self.process

    @staticmethod
    def listen(process, answers):
        for line in process.stdout:
            answers.put(json.loads(line))
        answers.put(None)

    def __call__(self, mutant: Mutant) -> dict:
        process = self.process or self.start()
        process.stdin.write(json.dumps({"mutant": vars(mutant), "patience": PATIENCE}) + "\n")
        process.stdin.flush()
        try:
            answer = self.answers.get(timeout=20 * PATIENCE)  # on a busy machine, or if it waits for nothing
        except queue.Empty:
            self.stop()
            return {"key": mutant.key, "killed": "no end: it waits", "seconds": 20.0 * PATIENCE}
        if answer is None:
            said = process.stderr.read().strip().splitlines()
            ended = process.wait() == -signal.SIGPROF
            self.stop()
            killed = "no end: it computes" if ended else f"crash: {said[-1] if said else 'no words'}"
            return {"key": mutant.key, "killed": killed, "seconds": 0.0}
        return answer

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def planted(file: str, old: str, new: str) -> Mutant:
    """A mutant written by hand: `old`, which must occur once in the file, becomes `new`."""
    text = (ROOT / "minivae" / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"minivae/{file} holds {text.count(old)} times: {old}; write this fault anew"
    return Mutant(file, "", text.index(old), text.index(old) + len(old), new, f"{file}: {old} -> {new}")


NONE = Mutant("engine.py", "", 0, 0, "", "no change")  # it has to survive, or the verdicts mean nothing


def table(heading: str, rows: dict[str, list[str]]) -> str:
    """Verdicts, counted by what stands in front of them."""
    words = ["mutants", "killed", "equivalent", "survived"]
    lines = [[heading, *words], ["---", *["---:" for _ in words]]]
    whole = [mark for marks in rows.values() for mark in marks]
    for name, marks in [*rows.items(), ("all", whole)]:
        lines.append([name, *map(str, (len(marks), *(marks.count(word) for word in words[1:])))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(chosen: list[Mutant], marks: dict[str, str], seconds: float) -> str:
    """The score, by kind, by file, and who is behind it."""
    from tests.every.equivalents import EQUIVALENT

    count = Counter(marks.values())
    can = len(chosen) - count["equivalent"]
    by_kind = {kind: [marks[m.key] for m in chosen if m.kind == kind] for kind in KINDS}
    by_file = {file: [marks[m.key] for m in chosen if m.file == file] for file in SOURCES}
    lists = {
        "survived": [key for key, mark in marks.items() if mark == "survived"],
        "in equivalents.py but gone": sorted(EQUIVALENT.keys() - {m.key for m in every()}),
        "in equivalents.py but killed": [k for k, mark in marks.items() if mark == "killed" and k in EQUIVALENT],
    }
    return "\n\n".join(
        [
            f"{count['killed']} of {can} that can be told apart are killed, {count['killed'] / max(can, 1):.2%}; "
            f"{seconds:.0f} s",
            table("kind", {kind: rows for kind, rows in by_kind.items() if rows}),
            table("file", {file: rows for file, rows in by_file.items() if rows}),
            *("\n".join([f"{heading}:", *(f"  {key}" for key in keys)]) for heading, keys in lists.items() if keys),
        ]
    )


def main() -> int:
    from tests.every.equivalents import EQUIVALENT

    parser = argparse.ArgumentParser(prog="python -m tests.every.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="run all of them")
    parser.add_argument("--sample", type=int, metavar="N", help="run one in N")
    parser.add_argument("--show", action="store_true", help="list them")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("only", nargs="*", help="words of which one has to occur in the name")
    args = parser.parse_args()
    if args.worker:
        worker()
        return 0
    chosen = sample(args.sample) if args.sample else every()
    chosen = [m for m in chosen if not args.only or any(word in m.key for word in args.only)]
    chosen.sort(key=lambda m: SOURCES.index(m.file))
    if args.show:
        print("\n".join(m.key for m in chosen))
    if not (args.all or args.sample):
        print(f"{len(chosen)} mutants")
        return 0
    marks: dict[str, str] = {}
    begun = time.perf_counter()
    with Judge() as judge:
        for file, group in itertools.groupby(chosen, key=lambda m: m.file):
            for mutant in [replace(NONE, file=file), *group, replace(NONE, file=file)]:
                result = judge(mutant)
                if mutant.key == NONE.key:  # before and after, so that no mutant leaves behind what kills the next
                    if result["killed"]:
                        print(f"{file} as it is fails: {result['killed']}")
                        return 1
                    continue
                equal = "equivalent" if mutant.key in EQUIVALENT else "survived"
                marks[mutant.key] = "killed" if result["killed"] else equal
                took = f"{len(marks)}/{len(chosen)} {marks[mutant.key]} {result['seconds']:.1f} s"
                print(f"{took} {mutant.key} [{result['killed']}]", flush=True)
    print("\n" + report(chosen, marks, time.perf_counter() - begun))
    return 1 if "survived" in marks.values() else 0


if __name__ == "__main__":
    sys.exit(main())
