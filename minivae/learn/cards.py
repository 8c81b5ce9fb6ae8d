"""The pictures of the summary cards in docs/cards: one figure of each lesson, as its notebook shows it.

python -m minivae.learn.cards          writes docs/pictures/cards; `make lessons` does so after each build
"""

import base64
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Which of its pictures, counted from 0.
FIGURES = {"00": 2, "01": 0, "02": 4, "03": 4, "04": 2, "05": 1, "06": 2, "07": 1, "08": 4, "10": 0, "11": 0}


def pictures(notebook: Path) -> list[bytes]:
    """All PNG pictures among a notebook's outputs, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [base64.b64decode("".join(data["image/png"])) for data in outputs if "image/png" in data]


def card_pictures(lessons: Path = ROOT / "lessons") -> dict[str, bytes]:
    """The picture of each lesson's card."""
    return {number: pictures(next(lessons.glob(f"{number}_*.ipynb")))[k] for number, k in FIGURES.items()}


def main() -> None:
    folder = ROOT / "docs" / "pictures" / "cards"
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in card_pictures().items():
        (folder / f"{number}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
