"""The summary cards and the glossary: one card for each lesson, on one page, with its own lesson's picture."""

import re
from pathlib import Path

import pytest

from minivae.learn.cards import FIGURES, ROOT, card_pictures

CARDS = ROOT / "docs" / "cards"
LESSONS = {path.name[:2]: path for path in (ROOT / "lessons").glob("*.ipynb")}
each = pytest.mark.parametrize("number", sorted(LESSONS))


def card(number):
    return (CARDS / f"{number}.md").read_text(encoding="utf-8")


@each
def test_a_card_has_the_title_an_equation_a_picture_and_the_way_to_its_lesson(number):
    text, source = card(number), next((ROOT / "lessons" / "source").glob(f"{number}_*.py"))
    title = re.search(r"^# # (.*)$", source.read_text(encoding="utf-8"), re.M)[1]
    assert text.splitlines()[0].removeprefix("# ").split(":")[0] == title.split(":")[0]
    assert text.count("$$") == 2 and f"](../pictures/cards/{number}.png)" in text
    assert f"(../../lessons/{LESSONS[number].name})" in text
    assert f"[{number}]({number}.md)" in (CARDS / "README.md").read_text(encoding="utf-8")


@each
def test_a_card_is_one_page(number):
    words = re.sub(r"\$\$.*?\$\$|```.*?```|!\[.*?\]\(.*?\)", "", card(number), flags=re.S).split()
    assert 60 <= len(words) <= 220 and len(card(number).splitlines()) <= 45


@each
def test_its_picture_is_one_of_its_lesson_as_it_stands(number):
    """Where this fails: python -m minivae.learn.cards."""
    assert (ROOT / "docs" / "pictures" / "cards" / f"{number}.png").read_bytes() == card_pictures()[number]


def test_no_lesson_is_without_a_card():
    assert set(FIGURES) == set(LESSONS)


def test_the_glossary_is_in_order_and_names_lessons_that_there_are():
    rows = re.findall(r"^\| \*\*(.*?)\*\*.*\| ([\d, ]+) \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)
    terms = [term.lower() for term, _ in rows]
    assert len(terms) > 60 and terms == sorted(terms) and len(set(terms)) == len(terms)
    assert {number for _, numbers in rows for number in numbers.split(", ")} <= set(LESSONS)


def test_every_term_of_the_glossary_comes_up_in_the_lessons_that_it_names():
    rows = re.findall(r"^\| \*\*(.*?)\*\*.*\| ([\d, ]+) \|$", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.M)
    prose = {}
    for number, path in LESSONS.items():
        source = (path.parent / "source" / f"{path.stem}.py").read_text(encoding="utf-8")
        prose[number] = re.sub(r"\n# ?|\s+", " ", source.replace("**", "")).lower()
    missing = [
        (term, number)
        for term, numbers in rows
        for number in numbers.split(", ")
        if re.sub(r" \(.*\)", "", term).lower() not in prose[number]
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["mu", "logvar", "eps", "z", "x_hat", "kl", "elbo", "beta"])
def test_the_glossary_has_every_name_that_the_code_uses(name):
    assert re.search(rf"^\| \*\*.*`{name}` \|", (Path(ROOT) / "docs" / "glossary.md").read_text("utf-8"), re.M)
