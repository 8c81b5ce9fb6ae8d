"""The site: built once, looked at as files, then opened in a browser. All in one file, so that it is built once."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from minivae.learn import bank
from minivae.learn.first_vae import draw
from tests.browser import axe, looks
from tests.browser.answering import by_keyboard
from tests.learn.quizzes import wrong_answers
from tests.site import pages
from tests.site.conftest import go

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "lessons").glob("[0-9]*.ipynb"))
LESSON = "lessons/04_send_a_range.html"
MEGABYTE, KILOBYTE = 1_000_000, 1_000


def test_it_is_built_in_time_and_small(site):
    assert site.seconds < 90
    assert sum(path.stat().st_size for path in site.folder.rglob("*") if path.is_file()) < 15 * MEGABYTE


def test_every_lesson_and_card_is_there_with_its_figures_and_nothing_was_run(site):
    for notebook in LESSONS:
        page = (site.folder / "lessons" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        outputs = [o for cell in json.loads(notebook.read_text())["cells"] for o in cell.get("outputs", [])]
        figures = [o for o in outputs if o["output_type"] == "display_data" and "image/png" in o["data"]]
        assert len(re.findall(r"<img [^>]*_images/[0-9a-f]{64}\.(?:png|svg)", page)) >= len({str(f) for f in figures})
        printed = [line for o in outputs if o["output_type"] == "stream" for line in o["text"] if "≈" in line]
        assert all(line.split("≈")[0].strip().split("  ")[0] in page.replace("&#39;", "'") for line in printed)
    for card in (ROOT / "docs" / "cards").glob("[0-9]*.md"):
        assert (site.folder / "cards" / f"{card.stem}.html").exists()


def test_every_question_of_every_lesson_is_live_and_veiled(parsed, site):
    for notebook in LESSONS:
        page = parsed[site.folder / "lessons" / f"{notebook.stem}.html"]
        held = [json.loads(script) for script in page.scripts if script.lstrip().startswith('{"question"')]
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        wanted = re.findall(r'^quiz\("([^"]+)"', "\n".join("".join(cell["source"]) for cell in cells), re.MULTILINE)
        assert [one["question"]["ref"] for one in held] == wanted
        assert len(wanted) >= 5
        assert all(isinstance(one["key"], str) for one in held)
        assert any("localStorage" in script for script in page.scripts)


def test_nothing_that_a_browser_loads_is_abroad(parsed, site):
    for path, page in parsed.items():
        found = [*page.loads, *(address for style in page.styles for address in pages.in_css(style))]
        assert [address for address in found if pages.abroad(address)] == [], path.name
        for address in found:
            if not address.startswith(("data:", "#")):
                assert pages.target(path, address)[0].exists(), f"{path.name} loads {address}"
    for path in site.folder.rglob("*.css"):
        assert [a for a in pages.in_css(path.read_text(encoding="utf-8")) if pages.abroad(a)] == [], path.name
    for path in [*site.folder.glob("_static/*.js"), *site.folder.rglob("furo.js")]:
        assert not re.search(
            r"""(?:import|fetch|src\s*=)\s*\(?\s*["'](?:https?:)?//""", path.read_text(encoding="utf-8")
        )


def test_a_planted_address_abroad_is_found():
    page = pages.Page(
        '<img src="//a.org/x.png"><script src="https://a.org/x.js"></script><link rel="stylesheet" href="http://a.org/x">'
        '<style>@import "https://a.org/x"; p { background: url(//a.org/y) }</style><a href="https://a.org">a</a>'
    )
    found = [*page.loads, *(address for style in page.styles for address in pages.in_css(style))]
    assert len(found) == 5
    assert all(map(pages.abroad, found))


def test_every_link_and_anchor_on_the_site_leads_somewhere(parsed, site):
    dead = []
    for path, page in parsed.items():
        for link in page.links:
            if re.match(r"[a-z]+:|//", link):
                continue
            file, anchor = pages.target(path, link)
            known = parsed[file].anchors if file in parsed else set()
            if not file.exists() or (anchor and anchor not in known):
                dead.append(f"{path.relative_to(site.folder)}: {link}")
    assert dead == []


def test_every_page_is_reached_from_the_first(parsed, site):
    reached, todo = set(), [site.folder / "index.html"]
    while todo:
        path = todo.pop()
        if path in parsed and path not in reached:
            reached.add(path)
            todo += [pages.target(path, link)[0] for link in parsed[path].links if "://" not in link]
    assert set(parsed) - reached <= {
        site.folder / name for name in ("search.html", "genindex.html", "py-modindex.html")
    }


def test_formulas_bring_mathjax_and_other_pages_do_not(parsed, site):
    for path, page in parsed.items():
        has_math = 'class="math ' in path.read_text(encoding="utf-8")
        assert any("tex-svg-full" in load for load in page.loads) == has_math, path.name
    assert not any("tex-svg" in load for load in parsed[site.folder / "index.html"].loads)


# --- in a browser -----------------------------------------------------------------------------------------------------


def machine(page):
    """The decoder on a page, once it runs."""
    box = page.locator(".mv-machine.mv-ready")
    box.wait_for()
    return box


def picture(page):
    """The picture as drawn: 784 numbers, how much ink there is, 0 to 255."""
    return np.array(
        page.evaluate(
            """() => {
                const {data} = document.querySelector('.mv-digit').getContext('2d').getImageData(0, 0, 28, 28);
                return [...data].filter((_, k) => k % 4 === 3);
            }"""
        )
    )


def test_the_first_page_is_light(opened):
    sizes = {}
    opened.page.on("response", lambda r: sizes.update({r.url: int(r.headers.get("content-length") or 0)}))
    machine(go(opened, "index.html"))
    opened.page.wait_for_load_state("networkidle")
    assert any("decoder.bin" in url for url in sizes)
    assert sum(sizes.values()) < 300 * KILOBYTE, sizes


def test_the_browser_decodes_as_python_does(opened):
    page = go(opened, "index.html")
    machine(page)
    axis = np.linspace(-3, 3, 25)
    codes = [[float(a), float(b)] for a in axis for b in axis] + np.random.default_rng(0).uniform(
        -3, 3, (200, 2)
    ).tolist()
    got = page.evaluate("codes => codes.map(z => [...window.minivae.decode(z)])", codes)
    wanted = np.array([draw(np.array(z)).ravel() for z in codes])
    assert np.abs(np.array(got) - wanted).max() < 1 / 255
    assert wanted.max() > 0.9  # not merely agreed upon black


def test_the_sliders_change_the_picture_by_keyboard_alone(opened):
    page = go(opened, "index.html")
    box = machine(page)
    for name, key, place in (("z1, across", "ArrowRight", 0), ("z2, upwards", "ArrowUp", 1)):
        before = picture(page)
        slider = box.get_by_role("slider", name=name)
        slider.focus()
        for _ in range(60):
            page.keyboard.press(key)
        z = np.array([float(slider.input_value()) for slider in box.get_by_role("slider").all()])
        assert np.isclose(z[place], (-0.9, 0.6)[place])  # 60 steps of 0.01 from where it began
        assert np.abs(picture(page) - before).max() > 50
        assert np.abs(picture(page) - 255 * draw(z).ravel()).max() <= 1.5  # half a level of rounding, and 1/255
        said = f"What the decoder draws at z1 = {z[0]:.2f}, z2 = {z[1]:.2f}".replace("-", "−")
        page.get_by_role("img", name=said).wait_for()


def test_the_map_can_be_dragged_over(opened):
    page = go(opened, "index.html")
    box = machine(page)
    area = box.locator(".mv-map").bounding_box()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.75, area["y"] + area["height"] * 0.25)
    page.mouse.up()
    z = [float(slider.input_value()) for slider in box.get_by_role("slider").all()]
    np.testing.assert_allclose(z, [1.5, 1.5], atol=0.05)  # a pixel is 0.02, and the border one more


def test_the_walk_goes_by_itself_stops_when_told_and_rests_for_who_wants_no_motion(opened):
    page = go(opened, "index.html", motion="no-preference")
    box = machine(page)
    where = "() => document.querySelector('.mv-ring').style.left"
    first = page.evaluate(where)
    page.wait_for_function("first => document.querySelector('.mv-ring').style.left !== first", arg=first)
    box.get_by_role("button", name="Stop").click()
    first = page.evaluate(where)
    page.wait_for_timeout(300)
    assert page.evaluate(where) == first
    page = go(opened, "index.html", motion="reduce")
    machine(page).get_by_role("button", name="Walk").wait_for()
    first = page.evaluate(where)
    page.wait_for_timeout(300)
    assert page.evaluate(where) == first


@pytest.mark.parametrize("kind", ["one", "number"])
def test_a_question_of_a_lesson_is_answered_by_keyboard(opened, kind):
    question = next(q for q in map(bank.find, refs()) if q.kind == kind)
    page = go(opened, LESSON)
    card = page.locator(".mv-quiz").nth(refs().index(question.ref))
    card.wait_for()
    by_keyboard(page, card, question, wrong_answers(question)[0])
    card.get_by_role("status").filter(has_text="Not yet.").wait_for()
    by_keyboard(page, card, question, question.solution())
    card.get_by_role("status").filter(has_text="Right, on try 2.").wait_for()


def refs():
    """The questions of the lesson, in order."""
    cells = json.loads((ROOT / LESSON.replace(".html", ".ipynb")).read_text(encoding="utf-8"))["cells"]
    return re.findall(r'^quiz\("([^"]+)"', "\n".join("".join(cell["source"]) for cell in cells), re.MULTILINE)


@pytest.mark.parametrize("name", ["index.html", LESSON])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_have_contrast_and_the_machine_follows(opened, name, scheme):
    page = go(opened, name, scheme)
    machine(page)
    ground = page.evaluate("getComputedStyle(document.querySelector('.mv-card')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")
    ink = page.evaluate(
        "() => [...document.querySelector('.mv-digit').getContext('2d').getImageData(14, 14, 1, 1).data]"
    )
    assert (ink[0] > 128) == (scheme == "dark")
    assert looks.faint_texts(page) == []


def test_the_pages_own_switch_outweighs_the_system(opened):
    page = go(opened, "index.html", "light")
    machine(page)
    for theme, dark in (("dark", True), ("light", False)):
        for _ in range(3):  # auto, light and dark take turns
            if page.evaluate("document.body.dataset.theme") != theme:
                page.locator(".content-icon-container .theme-toggle").click()
        assert page.evaluate("document.body.dataset.theme") == theme
        page.wait_for_function(
            """dark => {
                const {data} = document.querySelector('.mv-digit').getContext('2d').getImageData(14, 14, 1, 1);
                return data[3] === 0 || (data[0] > 128) === dark;
            }""",
            arg=dark,
        )
        assert looks.faint_texts(page) == []
    page.evaluate("localStorage.clear()")


def test_formulas_are_drawn(opened):
    page = go(opened, LESSON)
    page.wait_for_selector("mjx-container svg")
    assert page.locator("mjx-merror").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(opened, parsed, site, scheme):
    """All its rules in light; in dark those of colour, which is all that differs."""
    found = {}
    for path, parts in parsed.items():
        name = path.relative_to(site.folder).as_posix()
        page = go(opened, name, scheme)
        if any("tex-svg-full" in load for load in parts.loads):
            page.evaluate("() => MathJax.startup.promise.then(() => true)")
        found[name] = axe.serious(page, colours_alone=scheme == "dark")
    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize(
    ("rule", "planted"),
    [
        ("image-alt", "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA='>"),
        ("button-name", "<button></button>"),
        ("label", "<input type='range'>"),
        ("color-contrast", "<p style='color: #aaa; background: #fff'>too faint to read</p>"),
        ("aria-required-parent", "<div role='listitem'>no list</div>"),
    ],
)
def test_axe_finds_a_planted_fault(opened, rule, planted):
    page = go(opened, "notation.html")
    page.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)", planted)
    assert [text.split(":")[0] for text in axe.serious(page)] == [rule]


def test_a_page_is_no_wider_than_a_phone(opened):
    page = opened.page
    size = page.viewport_size
    try:
        page.set_viewport_size({"width": 390, "height": 800})
        for name in ("index.html", LESSON, "api/ops.html", "bugs.html"):
            go(opened, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
    finally:
        page.set_viewport_size(size)


def test_from_a_file_the_quizzes_work_and_the_machine_says_what_it_needs(opened, site):
    page = opened.page
    page.goto((site.folder / LESSON).as_uri())
    page.locator(".mv-quiz").first.wait_for()
    page.locator(".mv-machine").get_by_text("http.server").wait_for()
    # The browser refuses to read a file from a file, and says so; nothing else may be wrong.
    opened.watched.errors[:] = [
        error for error in opened.watched.errors if "decoder.bin" not in error and "ERR_FAILED" not in error
    ]


def test_every_page_opens_without_an_error_and_nothing_was_fetched_from_abroad(opened, parsed, site):
    for path in parsed:
        go(opened, path.relative_to(site.folder).as_posix())
    assert opened.watched.abroad == []
    assert opened.watched.errors == []
