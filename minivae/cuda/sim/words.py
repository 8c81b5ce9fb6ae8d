"""From a report in numbers to words: who did what, to which element, where, and what to do about it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minivae.cuda.sim import report as r
from minivae.cuda.sim.errors import Finding, Triple
from minivae.cuda.sim.report import Report, Who

DOES = {r.READ: "reads", r.WRITE: "writes", r.ATOMIC: "changes", r.VOLATILE_READ: "reads", r.VOLATILE_WRITE: "writes"}
DID = {r.READ: "read", r.WRITE: "wrote", r.ATOMIC: "changed", r.VOLATILE_READ: "read", r.VOLATILE_WRITE: "wrote"}


@dataclass(frozen=True)
class Context:
    """What words need beside the report.

    Attributes
    ----------
    arrays : for each array passed, the names of the parameters it was passed for, and the bytes of an element.
    nulls : parameters for which None was passed.
    block : threads along each axis.
    line_of : the line of the .cu file for an offset of the code.
    seconds : what a block may take.
    """

    kernel: str
    file: str
    arrays: Sequence[tuple[str, int]]
    nulls: Sequence[str]
    block: Triple
    line_of: Callable[[int], int | None]
    checked: bool
    seconds: float


def finding(report: Report, context: Context) -> Finding:
    """The finding that a report stands for."""
    said = _Said(report, context)
    kind = r.KIND[report.kind]
    special = {r.INDEX: said.index, r.LANE: said.lane, r.MASK: said.mask}
    named = {"launch": said.shared_full, "return": said.no_return, "assert": said.assertion}
    what, fix = (special.get(report.kind) or named.get(kind) or getattr(said, kind))()
    where = f"{context.file}:{said.line}" if said.line else context.file
    known, other = report.who.known, report.other.known
    return Finding(
        kind=kind,
        kernel=context.kernel,
        file=context.file,
        line=said.line,
        block=tuple(report.who.block) if known else None,
        thread=tuple(report.who.thread) if known else None,
        message=f"{where}: {context.kernel}: {what}; {fix}",
        other_line=said.other_line if other else None,
        other_block=tuple(report.other.block) if other else None,
        other_thread=tuple(report.other.thread) if other else None,
    )


def _triple(numbers: Sequence[int]) -> str:
    return "({}, {}, {})".format(*numbers)


def _count(n: int, one: str) -> str:
    return f"{n:,} {one}" + "s" * (n != 1)


class _Said:
    """The words for one report; each kind has a method that returns what happened, and the fix."""

    def __init__(self, report: Report, context: Context):
        self.report, self.context = report, context
        self.line = self._line(report.who) or next(filter(None, map(self._place, report.trail)), None)
        self.other_line = self._line(report.other)
        self.thread = f"thread {_triple(report.who.thread)}" if report.who.known else "a thread"
        self.who = self.thread + (f" of block {_triple(report.who.block)}" if report.who.known else "")
        self.does = DOES.get(report.who.access, "uses")

    def _place(self, place: int) -> int | None:
        """A line, from one that is marked as such or from an offset of the code."""
        return place & ~r.LINE if place & r.LINE else self.context.line_of(place) if place else None

    def _line(self, who: Who) -> int | None:
        return who.line or self._place(who.offset)

    def _number(self, who: Who) -> int:
        """Of the thread in its block; 32 after each other are a warp."""
        x, y, _ = self.context.block
        return who.thread[0] + x * (who.thread[1] + y * who.thread[2])

    # ---- memory ------------------------------------------------------------------------------------------------------

    def _array(self) -> tuple[str, int]:
        """What the memory is called, and how many bytes an element has."""
        report = self.report
        if report.space == r.ARGUMENT:
            return self.context.arrays[report.index]
        name = report.name.decode()
        if report.space == r.VARIABLE:
            return f"the variable {name}", max(1, report.bytes)
        return (f"shared {name}", max(1, report.bytes)) if report.space == r.SHARED else ("dynamic shared memory", 1)

    def _element(self) -> str:
        """`mu[128]`, `shared tile[3][4]`."""
        report, (name, size) = self.report, self._array()
        extents = [n for n in report.extents if n]
        if report.space == r.DYNAMIC:
            return f"bytes {report.element} to {report.element + report.size - 1} of {name}"
        if (report.space == r.SHARED and not extents) or (report.space == r.VARIABLE and report.count == size):
            return name
        k, place = report.element // size, []
        if 0 <= report.element < report.count:
            for n in reversed(extents[1:]):
                place.append(k % n)
                k //= n
        return name + "".join(f"[{i}]" for i in [k, *reversed(place)])

    def bounds(self) -> tuple[str, str]:
        report = self.report
        if report.space == r.LOCAL:
            return (
                f"{self.who} {self.does} a local variable of another thread",
                "local variables are a thread's own; hand values over through shared memory",
            )
        if report.space == r.NOWHERE:
            return f"{self.who} {self.does} memory that belongs to no array", "look at how the address is made"
        name, size = self._array()
        if report.space == r.DYNAMIC:
            return (
                f"{self.who} {self.does} {self._element()}, but the launch gave it {_count(report.count, 'byte')}",
                "look at the index"
                if report.element < 0
                else f"pass shared_mem={report.element + report.size} or more",
            )
        n = report.count // size
        whole = f"[0] to [{n - 1}]" if n > 1 else "[0] alone" if n else "none"
        does = f"{self.who} {self.does}" if report.who.known else "some thread writes"  # the fast build, in hindsight
        has = "have" if " and " in name else "has"
        return (
            f"{does} {self._element()}, but {name} {has} {_count(n, 'element')}, {whole}",
            ("look at how the index is made" if report.element < 0 else "let only an index in this range come here")
            + (", as with if (i < n)" if report.element >= 0 else "")
            + ("" if self.context.checked else "; check=True says more"),
        )

    def index(self) -> tuple[str, str]:
        return (
            f"{self.who} uses the index {self.report.element} in an array of type {self._text()}",
            "an index goes from 0 to the size less 1, along each axis",
        )

    def null(self) -> tuple[str, str]:
        nulls = self.context.nulls
        passed = f", and None was passed for {' and '.join(nulls)}" if nulls else ""
        return (
            f"{self.who} {self.does} memory through a null pointer{passed}",
            "test the pointer, or pass an array",
        )

    def const(self) -> tuple[str, str]:
        name, _ = self._array()
        return (
            f"{self.who} writes {self._element()}, but {name} is const",
            "take out the cast that gets around the const, or the const, if the kernel is to write there",
        )

    def alignment(self) -> tuple[str, str]:
        report = self.report
        thing = f"a {self._text()}" if self._text() else f"{_count(report.size, 'byte')} at once"
        at = f" at {self._element()}" if report.space else ""
        return (
            f"{self.who} {self.does} {thing}{at}, an address that is no multiple of {report.bytes}",
            f"begin at a multiple of {report.bytes} bytes (shared memory: __align__({report.bytes})), "
            "or go element by element",
        )

    def uninitialised(self) -> tuple[str, str]:
        if self.report.space in (r.SHARED, r.DYNAMIC):
            return (
                f"{self.who} {self.does} {self._element()}, which no thread of the block has written",
                "shared memory begins with garbage: write it first, then __syncthreads()",
            )
        return (
            f"{self.who} {self.does} {self._element()}, which still holds what fresh memory holds",
            "fill the array before the launch, or look at the index",
        )

    def race(self) -> tuple[str, str]:
        me, other = self.report.who, self.report.other
        far = tuple(me.block) != tuple(other.block)
        warp = not far and self._number(me) // 32 == self._number(other) // 32
        of = f" of block {_triple(other.block)}" if far else ""
        before = f" at line {self.other_line}" if self.other_line else ""
        now = f" at line {self.line}" if self.line else ""
        between = "" if far else f" with no __syncthreads(){' or __syncwarp()' * warp} between"
        what = (
            f"data race on {self._element()}: thread {_triple(other.thread)}{of} {DID[other.access]} it{before}, "
            f"and {self.who} {self.does} it{now}{between}"
        )
        one_is_atomic = r.ATOMIC in (me.access, other.access)
        if one_is_atomic and (far or self.line != self.other_line):
            fix = "an atomic is safe only from other atomics: make both atomic, or put a barrier between them"
        elif far:
            fix = (
                "blocks come in any order and cannot wait for each other: give each block its own elements, use "
                "atomicAdd, or read in a second launch"
            )
        elif self.line == self.other_line and (
            me.access == r.WRITE == other.access or self.report.space in (r.ARGUMENT, r.VARIABLE)
        ):
            fix = "give each thread its own element, let one thread write, or use atomicAdd"
        elif warp:
            fix = (
                "lanes of a warp need not go in step, and neither volatile nor a shuffle orders memory: put "
                "__syncthreads() between the two, or __syncwarp() if only the lanes of one warp are involved"
            )
        else:
            fix = "put __syncthreads() between the two, where all threads of the block come by"
        return what, fix

    # ---- threads that wait -------------------------------------------------------------------------------------------

    def _is_where(self, who: Who, line: int | None) -> str:
        """Of several threads, so that it reads `they ...`."""
        if who.state == r.DONE:
            return "returned"
        what = "the __syncthreads()" if who.state == r.AT_BARRIER else "the warp function"
        return f"came to {what} of line {line}" if who.state in (r.AT_BARRIER, r.AT_WARP) else "went elsewhere"

    def barrier(self) -> tuple[str, str]:
        report = self.report
        more = f" and {_count(report.count - 1, 'more thread')}" if report.count > 1 else ""
        others = f" and {_count(report.size - 1, 'more thread')}" if report.size > 1 else ""
        return (
            f"not all threads reach this __syncthreads(): {self.who}{more} came to it, but thread "
            f"{_triple(report.other.thread)}{others} {self._is_where(report.other, self.other_line)}",
            "let every thread of the block come by the same barriers: move __syncthreads() out of the if or the loop, "
            "and let no thread return before it",
        )

    def warp(self) -> tuple[str, str]:
        report = self.report
        missing = [lane for lane in range(32) if report.count >> lane & 1]
        named = f"lane{'s' * (len(missing) != 1)} " + ", ".join(map(str, missing[:4])) + " ..." * (len(missing) > 4)
        where = self._is_where(report.other, self.other_line) if report.other.known else "did not come"
        return (
            f"{self.who} came to a warp function with the mask 0x{report.element:08x}, but "
            f"{named} of that mask did not: lane {missing[0] if missing else '?'} {where}",
            "let all lanes that the mask names call it at the same line, or take the others out of the mask",
        )

    def lane(self) -> tuple[str, str]:
        report = self.report
        why = (
            f"is not in the mask 0x{report.element:08x}"
            if not report.element >> report.count & 1
            else ("is in the mask but has returned, or is beyond the end of the block")
        )
        return (
            f"{self.who} gets the value of lane {report.count} by a shuffle, but that lane {why}: it may be anything",
            "let the lane take part, and make the block a multiple of 32 threads",
        )

    def mask(self) -> tuple[str, str]:
        report = self.report
        return (
            f"{self.who}, lane {self._number(report.who) % 32} of its warp, calls a warp function with the mask "
            f"0x{report.element:08x}, which does not name it",
            "a lane may call it only with its own bit in the mask; 0xffffffffu names all 32",
        )

    # ---- the rest ----------------------------------------------------------------------------------------------------

    def _text(self) -> str:
        text = self.report.text.decode("utf-8", "replace").strip("'")
        return re.sub(r"^(const |volatile |struct )+", "", text).replace(" [", "[")

    def overflow(self) -> tuple[str, str]:
        return (
            f"{self.who} gets a whole number beyond the range of its signed type, by {self._text()}",
            "compute in size_t or long long: (size_t)a * b",
        )

    def division(self) -> tuple[str, str]:
        return f"{self.who} divides a whole number by zero, or takes the remainder", "test the divisor first"

    def shift(self) -> tuple[str, str]:
        return f"{self.who} shifts by a negative number, or by as many bits as there are", "shift a wider type, or less"

    def conversion(self) -> tuple[str, str]:
        return (
            f"{self.who} makes a whole number of a float that is NaN, or too large for it",
            "clamp the float first, or use __float2int_rn, which stops at the ends of the range",
        )

    def no_return(self) -> tuple[str, str]:
        return f"{self.who} comes to the end of a function that promised a value", "let every way through it return one"

    def endless(self) -> tuple[str, str]:
        return (
            f"its block has not come to an end after {self.context.seconds:g} s of work; {self.who} was running",
            "look at the condition of the loop; a thread that waits for another one's value can wait forever",
        )

    def stack(self) -> tuple[str, str]:
        return f"{self.who} has more than 256 KiB of local variables", "keep large arrays in shared or global memory"

    def crash(self) -> tuple[str, str]:
        return (
            f"{self.who} uses an address that no memory has, or that is no multiple of a vector's size",
            "run it with check=True, which says more",
        )

    def assertion(self) -> tuple[str, str]:
        text = self._text()
        return (
            (f"assert({text}) fails for {self.who}", "what it demands does not hold")
            if text
            else (f"{self.who} calls __trap()", "it is there to stop the kernel")
        )

    def shared_full(self) -> tuple[str, str]:
        report = self.report
        return (
            f"shared memory is full at {report.name.decode()}: {report.element:,} bytes of arrays and {report.count:,} "
            f"bytes of dynamic shared memory, and a block has {report.size:,}",
            "use less",
        )
