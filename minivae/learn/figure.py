"""A picture that belongs to a question: an SVG or PNG file in `questions/figures/`, and the same in words."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from minivae.errors import ConfigError
from minivae.learn.tables import Table

FOLDER = Path(__file__).parent / "questions" / "figures"
TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
LARGEST = 60_000  # bytes: it is stored in every notebook that asks the question


@dataclass(frozen=True)
class Figure:
    """A file, and what it shows for those who cannot see it: enough to answer, and not the answer."""

    path: Path
    alt: str

    def src(self) -> str:
        """Return the picture as a data URI: nothing is fetched, and in an `img` no script of an SVG runs."""
        data = base64.b64encode(self.path.read_bytes()).decode("ascii")
        return f"data:{TYPES[self.path.suffix]};base64,{data}"


def read_figure(table: Table, folder: Path = FOLDER) -> Figure | None:
    """Read the fields `figure` and `alt`, which come together or not at all; ConfigError if the file will not do."""
    name, alt = table.string("figure", required=False), table.string("alt", required=False)
    if not name and not alt:
        return None
    if not name or not alt:
        raise ConfigError(
            f'{table.where}: got one of "figure" and "alt", wanted both: a file, and what it shows in words'
        )
    path = folder / name
    if path.suffix not in TYPES or path.name != name:
        raise ConfigError(f'{table.where}: field "figure": got {name!r}, wanted the name of an .svg or .png file')
    if not path.is_file():
        raise ConfigError(f'{table.where}: field "figure": there is no {name} in questions/{folder.name}; put it there')
    if path.stat().st_size > LARGEST:
        raise ConfigError(f"{table.where}: {name} has {path.stat().st_size} bytes, wanted at most {LARGEST}; draw less")
    return Figure(path, " ".join(alt.split()))
