"""From an address of the code to the line of the .cu file, by the table that the compiler leaves in the library.

The table is a program for a small machine that counts through addresses and lines at once (DWARF 4, section 6.2). It is
read here, since the tools that can read it are not everywhere.
"""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

SECTION = b".debug_line"
# The instructions that are numbered, in order from 1, and the special ones' base follows them.
COPY, ADVANCE_PC, ADVANCE_LINE, SET_FILE, SET_COLUMN, NEGATE, BLOCK, CONST_ADD_PC, FIXED_ADVANCE_PC = range(1, 10)
END_SEQUENCE, SET_ADDRESS = 1, 2


def section(library: bytes) -> bytes:
    """The line table of an ELF library; empty if it has none, or is of another kind."""
    if library[:5] != b"\x7fELF\x02":
        return b""
    (start,) = struct.unpack_from("<Q", library, 40)
    size, count, names = struct.unpack_from("<HHH", library, 58)
    headers = [struct.unpack_from("<IIQQQQ", library, start + k * size) for k in range(count)]
    text = headers[names][4]
    for name, _, _, _, offset, length in headers:
        if library[text + name : text + name + len(SECTION) + 1] == SECTION + b"\0":
            return library[offset : offset + length]
    return b""


class LineTable:
    """Finds lines.

    Parameters
    ----------
    table : what `section` returned.
    file : the name of the .cu file, as in its #line.
    """

    def __init__(self, table: bytes, file: str):
        # Of rows for one address the last counts, unless it is one that says nothing of the .cu file.
        rows = sorted((row for unit in _units(table) for row in _rows(unit, file)), key=lambda r: (r[0], r[1] != 0))
        self._starts = [start for start, _ in rows]
        self._lines = [line for _, line in rows]

    def line(self, offset: int) -> int | None:
        """The line of the instruction at an offset from the library's start; None if it is not of the .cu file."""
        k = bisect_right(self._starts, offset) - 1
        return (self._lines[k] or None) if k >= 0 else None


@dataclass
class _Unit:
    """One compilation: its program, and the numbers needed to run it."""

    program: bytes
    files: list[str]
    step: int
    statement: int
    line_base: int
    line_range: int
    first_special: int


def _units(table: bytes) -> Iterator[_Unit]:
    at = 0
    while at + 4 <= len(table):
        (length,) = struct.unpack_from("<I", table, at)
        end = at + 4 + length
        version, header = struct.unpack_from("<HI", table, at + 4)
        program = at + 10 + header
        if version in (2, 3, 4):
            k = at + 10
            step = table[k]
            k += 2 if version == 4 else 1
            statement, line_base, line_range, first_special = struct.unpack_from("<BbBB", table, k)
            k += 4 + first_special - 1
            while table[k]:  # folders
                k = table.index(0, k) + 1
            k += 1
            files = [""]  # counted from 1
            while table[k]:
                stop = table.index(0, k)
                files.append(table[k:stop].decode("utf-8", "replace"))
                k = stop + 1
                for _ in range(3):
                    _, k = _leb(table, k)
            yield _Unit(table[program:end], files, step, statement, line_base, line_range, first_special)
        at = end


def _rows(unit: _Unit, file: str) -> Iterator[tuple[int, int]]:
    """(address, line) wherever a stretch begins; line 0 where it is of no interest."""
    code, k = unit.program, 0
    address, which, line = 0, 1, 1
    base = file.rpartition("/")[2]
    mine = [name == file or name.rpartition("/")[2] == base for name in unit.files]

    def row() -> Iterator[tuple[int, int]]:
        if which >= len(mine) or not mine[which]:
            yield address, 0
        elif line:  # 0 in the file itself: the compiler made it, for the lines around it
            yield address, line

    while k < len(code):
        op = code[k]
        k += 1
        if op >= unit.first_special:
            address += (op - unit.first_special) // unit.line_range * unit.step
            line += unit.line_base + (op - unit.first_special) % unit.line_range
            yield from row()
        elif op == 0:
            length, k = _leb(code, k)
            if code[k] == END_SEQUENCE:
                yield address, 0
                address, which, line = 0, 1, 1
            elif code[k] == SET_ADDRESS:
                address = int.from_bytes(code[k + 1 : k + length], "little")
            k += length
        elif op == COPY:
            yield from row()
        elif op == ADVANCE_PC:
            n, k = _leb(code, k)
            address += n * unit.step
        elif op == ADVANCE_LINE:
            n, k = _leb(code, k, signed=True)
            line += n
        elif op == SET_FILE:
            which, k = _leb(code, k)
        elif op == CONST_ADD_PC:
            address += (255 - unit.first_special) // unit.line_range * unit.step
        elif op == FIXED_ADVANCE_PC:
            address += int.from_bytes(code[k : k + 2], "little")
            k += 2
        elif op in (SET_COLUMN, 12):  # 12: an instruction set, which has one operand too
            _, k = _leb(code, k)


def _leb(raw: bytes, k: int, signed: bool = False) -> tuple[int, int]:
    """A number in as many bytes as it takes, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = raw[k]
        k += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value - (1 << shift) if signed and byte & 0x40 else value), k
