"""The style sheets: every colour comes from the palette, and the palette has enough contrast, light and dark."""

import re

import pytest

from minivae.learn import lab, static
from minivae.learn.kinds import KINDS

PALETTES = ("light", "dark", "the system's dark")
TEXT, SHAPE = 4.5, 3.0  # WCAG 2.1 AA: for text, and for the edges of controls and the focus ring
# What stands on what, as quiz.css and explore.css have it.
PAIRS = [
    *[("text", ground, TEXT) for ground in ("surface", "raised", "chosen", "right-soft", "wrong-soft")],
    ("muted", "surface", TEXT),
    *[("accent", ground, TEXT) for ground in ("surface", "raised", "right-soft", "wrong-soft")],
    *[("muted", ground, TEXT) for ground in ("raised", "right-soft", "wrong-soft")],
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-strong", TEXT),
    ("right", "right-soft", TEXT),
    ("wrong", "wrong-soft", TEXT),
    ("edge", "surface", SHAPE),
    ("edge", "raised", SHAPE),
    ("right", "surface", SHAPE),
    ("wrong", "surface", SHAPE),
]


def palette(name):
    """Colours by name; the dark rule comes second and names each of them again, and so does the third."""
    blocks = re.findall(r"\{([^{}]*--mv-surface:[^}]*)\}", lab.source("look.css"))
    return dict(re.findall(r"--mv-([\w-]+): (#[0-9a-f]{6});", blocks[PALETTES.index(name)]))


def luminance(colour):
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_has_contrast_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_contrast_is_enough(name, front, back, least):
    colours = palette(name)
    assert contrast(colours[front], colours[back]) >= least


def test_dark_names_every_colour_that_light_has():
    assert palette("light").keys() == palette("dark").keys()


def test_dark_is_the_same_wherever_it_comes_from():
    assert palette("dark") == palette("the system's dark")


@pytest.mark.parametrize("sheet", ["look.css", "quiz.css", "explore.css"])
def test_every_colour_is_from_the_palette(sheet):
    rules = re.sub(r"--mv-[\w-]+: #[0-9a-f]{6};", "", lab.source(sheet))
    assert not re.search(r"#[0-9a-fA-F]{3}|rgb|hsl|\b(white|black|red|green|gray|grey)\b(?!-)", rules)
    assert set(re.findall(r"var\(--mv-([\w-]+)", rules)) <= palette("light").keys()


@pytest.mark.parametrize("sheet", ["look.css", "quiz.css", "explore.css"])
def test_every_rule_stays_inside_our_own_elements(sheet):
    rules = re.sub(r"/\*.*?\*/|@(container|media)[^{]*", "", lab.source(sheet), flags=re.S)
    for selectors in re.findall(r"([^{}]+)\{", rules):
        for selector in selectors.split(","):
            assert not selector.strip() or ".mv-" in selector


def test_the_quiz_is_all_its_files():
    text = lab.quiz_module()
    assert all(source in text for source in map(lab.source, ("quiz_base.js", "quiz.js")))
    assert {f"KINDS.{kind} = {{" in text for kind in KINDS} == {True}


LIVE = ("live.js", "explore.js", "latent_map.js", "interpolation.js", "scrub.js")
TEXTS = {name: lab.source(name) for name in (*LIVE, "look.css", "quiz.css", "explore.css")}
TEXTS["the quiz"], TEXTS["the page"] = lab.quiz_module(), static.script()


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_fetched_and_no_text_becomes_html(name):
    text = TEXTS[name].replace('"http://www.w3.org/2000/svg"', "")  # the name of a namespace, which nobody looks up
    assert not re.search(
        r"https?://|//cdn|@import|url\(|\bimport\b.*from|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|fetch\(",
        text,
    )
