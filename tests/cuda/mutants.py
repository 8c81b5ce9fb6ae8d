"""Mutants of the kernels: a .cu file with one small thing changed. Does the simulator, or a result, tell?

    python -m tests.cuda.mutants --all            every mutant, and the score
    python -m tests.cuda.mutants --all adam       those with a word in their name
    python -m tests.cuda.mutants --show adam      what they are, without running them

Signs, factors, comparisons, indices, barriers, early returns and functions are changed, one at a time. A mutant is put
through what test_kernels.py asks of every kernel: the right numbers at every size, with the same bits in three orders
of the threads, nothing written outside, and no finding of the checking build. It is killed by the first failure, by a
crash, or by a minute without an end. One that does not compile is no mutant. Those that survive are in EQUIVALENT, with
the reason why no test can tell them apart, or a test is missing.
"""

import argparse
import hashlib
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from minivae.cuda.kernels import KERNELS
from minivae.cuda.registry import folder
from tests.cuda.equivalents import EQUIVALENT

PATIENCE = 60  # seconds
TURNS = 20  # mutants that one process tries: each leaves its compiled code in it
SWAPS = {
    "+": ("-",),
    "-": ("+",),
    "*": ("+",),
    "/": ("*",),
    "%": ("/",),
    "+=": ("-=",),
    "-=": ("+=",),
    "*=": ("+=",),
    "/=": ("*=",),
    "<": ("<=",),
    "<=": ("<",),
    ">": (">=",),
    ">=": (">",),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "^": ("|",),
    ">>": ("<<",),
    "<<": (">>",),
    "++": ("--",),
    "true": ("false",),
    "false": ("true",),
    "x": ("y",),  # threadIdx.x, blockIdx.x; parts of a uint4 too
    "y": ("x",),
    "z": ("x",),
    "w": ("x",),
    "threadIdx": ("blockIdx",),
    "blockIdx": ("threadIdx",),
    "gridDim": ("blockDim",),
    "blockDim": ("gridDim",),
    "expf": ("expm1f",),
    "logf": ("log1pf",),
    "log1pf": ("logf",),
    "sqrtf": ("rsqrtf",),
    "rsqrtf": ("sqrtf",),
    "tanhf": ("sinf",),
    "sinf": ("cosf",),
    "cosf": ("sinf",),
    "fmaxf": ("fminf",),
    "fminf": ("fmaxf",),
    "fabsf": ("",),
    "__shfl_down_sync": ("__shfl_up_sync",),
    "__shfl_xor_sync": ("__shfl_down_sync",),
}
TOKEN = re.compile(
    r"\d+\.\d*f|\d+\.\d*e-?\d+f|0x[0-9a-fA-F]+u?l*|\d+u?|[A-Za-z_]\w*|\+=|-=|\*=|/=|<=|>=|==|!=|&&|\|\||>>|<<|\+\+|--|."
)


@dataclass(frozen=True)
class Mutant:
    """One change: characters `start` to `end` of a file become `text`."""

    file: str
    start: int
    end: int
    text: str
    key: str  # for people, and for EQUIVALENT: stays the same when lines move

    def source(self) -> str:
        whole = (folder() / self.file).read_text(encoding="utf-8")
        return whole[: self.start] + self.text + whole[self.end :]


def blanked(text: str) -> str:
    """The text with spaces for comments: every character keeps its place."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def signature_lines(code: str) -> set[int]:
    """Numbers of the lines of all parameter lists: those are checked by the launcher."""
    lines: set[int] = set()
    for m in re.finditer(r"(?:__global__|__device__)[^{;]*\{", code):
        first = code[: m.start()].count("\n")
        lines |= set(range(first, first + m.group().count("\n") + 1))
    return lines


def changes(token: str) -> Iterator[str]:
    """What may stand in place of a token."""
    yield from SWAPS.get(token, ())
    if re.fullmatch(r"\d+u?", token):
        n, unsigned = int(token.rstrip("u")), token[len(token.rstrip("u")) :]
        yield f"{n + 1}{unsigned}"
        if n > 0:
            yield f"{n - 1}{unsigned}"
    elif re.fullmatch(r"[\d.]+(e-?\d+)?f", token):
        value = float(token[:-1])
        yield repr(value * 1.01 if value else 0.01) + "f"
    elif token.startswith("0x"):
        yield "0x1" + token[3:] if token[2] != "1" else "0x2" + token[3:]


def mutants(file: str) -> list[Mutant]:
    """All mutants of a file, in the order of the text."""
    text = (folder() / file).read_text(encoding="utf-8")
    code, found, seen = blanked(text), [], Counter()
    skipped, starts = signature_lines(code), [0]
    for line in code.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def add(start: int, end: int, new: str) -> None:
        number = code[:start].count("\n")
        first, last = starts[number], starts[number + 1] - 1
        before = " ".join(code[first:last].split())
        after = " ".join((code[first:start] + new + code[end:last]).split())
        key = f"{file}: {before} -> {after}"
        seen[key] += 1
        key += f" #{seen[key]}" if seen[key] > 1 else ""
        found.append(Mutant(file, start, end, new, key))

    for number, (first, line) in enumerate(zip(starts, code.splitlines(keepends=True), strict=False)):
        if number in skipped or re.match(r"\s*(#|constexpr)", line):
            continue
        for barrier in re.finditer(r"__sync(threads|warp)\([^)]*\);", line):
            add(first + barrier.start(), first + barrier.end(), ";")
        if leave := re.match(r"\s*(if \(.*\) return;)", line):
            add(first + leave.start(1), first + leave.end(1), "")
        for token in TOKEN.finditer(line):
            place = first + token.start()
            if token.group() in "xyzw" and code[place - 1] != ".":
                continue
            if token.group() == "*" and re.match(
                r"\w*\s*(const\s+)?(float|int|unsigned)\d*\s*$", line[: token.start()].strip()
            ):
                continue  # a pointer
            for new in changes(token.group()):
                add(place, place + len(token.group()), new)
    return found


def every() -> list[Mutant]:
    return [m for path in sorted(folder().glob("*.cu")) for m in mutants(path.name)]


def sample(part: int) -> list[Mutant]:
    """One in `part`, chosen by the hash of the key: an edit elsewhere does not change the choice."""
    return [m for m in every() if int(hashlib.sha256(m.key.encode()).hexdigest(), 16) % part == 0]


def touched(mutant: Mutant) -> list[str]:
    """The kernels that a mutant can reach: the one it is in, or all of the file if it is in a function they share."""
    names = [k.name for k in KERNELS.values() if k.file == mutant.file]
    code = blanked((folder() / mutant.file).read_text(encoding="utf-8"))
    head = r"__global__ void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(|__device__ [^({;]*?(\w+)\s*\("
    heads = [(m.start(), m.group(1) or m.group(2)) for m in re.finditer(head, code)]
    inside = [name for start, name in heads if start < mutant.start]
    return [inside[-1]] if inside and inside[-1] in names else names


# What the second process does.


def trial(mutant: Mutant) -> str | None:
    """What killed a mutant, or None. Raises `sim.CompileError` if it does not compile."""
    from minivae.cuda import sim, using
    from tests.cuda.harness import run
    from tests.cuda.philox import RADII, radii
    from tests.cuda.test_kernels import CHECKED, ORDERS, compare, drawn, same_bits

    source = mutant.source()
    for devices in (ORDERS, [CHECKED]):
        for name in touched(mutant):
            # A grid that is cut off, as at sizes of millions: each block goes through its loop several times.
            grids = {KERNELS[name].grid, KERNELS[name].grid.replace("65535", "2")}
            reference, cases = drawn(KERNELS[name])
            for grid in sorted(grids):
                kernel = replace(KERNELS[name], grid=grid)
                vars(kernel)["source"] = source
                for scalars, inputs in cases:
                    results = []
                    for device in devices:
                        try:
                            with using(device):
                                results.append(run(kernel, inputs))
                        except (sim.KernelError, AssertionError) as error:  # a finding; guards or inputs overwritten
                            return f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"
                    try:
                        compare(reference, f"{name} {scalars}", results[0], reference(inputs))
                    except AssertionError:
                        return "wrong numbers"
                    if not all(same_bits(results[0], other) for other in results[1:]):
                        return "other bits in another order"
    if mutant.file == "reparameterize.cu":
        with using(ORDERS[0]):
            if not np.allclose(radii(source), RADII, rtol=1e-6, atol=0):
                return "wrong at the ends of Box and Muller"
    return None


def worker() -> None:
    from minivae.cuda import sim

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        mutant, begun = Mutant(**json.loads(line)), time.perf_counter()
        try:
            killed = trial(mutant)
        except sim.CompileError:
            killed = "no C++"
        except Exception:  # the trial failed, not the mutant
            print(json.dumps({"failed": traceback.format_exc()}), file=answers, flush=True)
            continue
        print(json.dumps({"killed": killed, "seconds": time.perf_counter() - begun}), file=answers, flush=True)


class Judge:
    """The second process, started anew after a crash or a hang; it has its own compile cache. Use it in a `with`."""

    def __init__(self) -> None:
        self.process: subprocess.Popen | None = None
        self.turns = 0
        self.cache = tempfile.TemporaryDirectory()

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.cache.cleanup()

    def start(self) -> subprocess.Popen:
        self.answers: queue.Queue = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.cuda.mutants", "--worker"],
            cwd=folder().parent,
            env={**os.environ, "MINIVAE_CACHE": self.cache.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self.listen, args=(self.process, self.answers), daemon=True).start()
        return self.process

    @staticmethod
    def listen(process: subprocess.Popen, answers: queue.Queue) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            answers.put(json.loads(line))
        answers.put(None)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def __call__(self, mutant: Mutant) -> dict:
        self.turns += 1
        if self.turns % TURNS == 0:
            self.stop()
        process = self.process or self.start()
        assert process.stdin is not None
        process.stdin.write(json.dumps(vars(mutant)) + "\n")
        process.stdin.flush()
        try:
            answer = self.answers.get(timeout=PATIENCE)
        except queue.Empty:
            self.stop()
            return {"killed": "no end", "seconds": float(PATIENCE)}
        if answer is None:
            self.stop()
            return {"killed": "crash", "seconds": 0.0}
        if "failed" in answer:
            raise RuntimeError(f"{mutant.key}: {answer['failed']}")
        return answer


NONE = Mutant(sorted(path.name for path in folder().glob("*.cu"))[0], 0, 0, "", "no change")  # it has to survive


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cuda.mutants", description=__doc__.splitlines()[0])
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
    if args.show:
        print("\n".join(m.key for m in chosen))
    if not (args.all or args.sample):
        print(f"{len(chosen)} mutants")
        return 0
    table: Counter = Counter()
    survivors, begun = [], time.perf_counter()
    with Judge() as judge:
        if killed := judge(NONE)["killed"]:
            print(f"the kernels as they are fail: {killed}")
            return 1
        for k, mutant in enumerate(chosen):
            result = judge(mutant)
            how = "none" if result["killed"] == "no C++" else "killed" if result["killed"] else "equivalent"
            if how == "equivalent" and mutant.key not in EQUIVALENT:
                how = "SURVIVED"
                survivors.append(mutant.key)
            table[mutant.file, how] += 1
            print(
                f"{k + 1}/{len(chosen)} {how} {result['seconds']:.1f} s {mutant.key} [{result['killed']}]", flush=True
            )
    print(f"\n{time.perf_counter() - begun:.0f} s")
    for file in sorted({m.file for m in chosen}):
        killed, same, lived = (table[file, how] for how in ("killed", "equivalent", "SURVIVED"))
        print(f"| {file} | {killed + same + lived} | {killed} | {same} | {lived} |")
    print("\n".join(["survived:", *(f"  {key}" for key in survivors)] if survivors else ["none survived"]))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
