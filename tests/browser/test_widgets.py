"""Quizzes and sliders in a real JupyterLab: by mouse, by keyboard alone, in both themes, with nothing from abroad.

One JupyterLab, one notebook, one page; the tests run in the order of the file and each has a widget of its own.
"""

import json
import os
import re

import pytest

from minivae.learn import bank
from minivae.learn.markup import to_text
from tests.browser import lab, looks

nbformat = pytest.importorskip("nbformat")

EVIL = """
[[question]]
id = "evil"
kind = "one"
title = "<b id=evil-title>x</b>"
prompt = "<script>window.evil = 1</script> and `<img src=x onerror='window.evil = 2'>`"
hint = "<img src=x onerror='window.evil = 3'>"
[[question.option]]
text = "*<svg onload='window.evil = 4'>*"
feedback = "<iframe srcdoc='<script>parent.evil = 5</script>'></iframe>"
[[question.option]]
text = "fine"
right = true
feedback = "fine"
"""
CELLS = [
    "import numpy as np\nfrom pathlib import Path\n"
    "from minivae.learn import Explore, bank, check, quiz\nfrom minivae.learn.quiz_widget import Quiz",
    'quiz("04/why-the-kl")',
    'quiz("04/sum-or-mean")',
    'Quiz(bank.read_file(Path("evil.toml"))["evil"])',
    "ramp = np.linspace(-2, 2, 28)\n"
    "Explore(lambda z: 1 / (1 + np.exp(z[0] - np.add.outer(z[1] * ramp, ramp))), z_dim=2)",
    'check("04/reparameterize", lambda mu, logvar, eps: mu + np.exp(logvar) * eps)',
]
MOUSE, KEYBOARD, EVIL_QUIZ = range(3)  # places among the quizzes


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A notebook that has been run, in a page that is being watched."""
    root = tmp_path_factory.mktemp("lab")
    folder = root / "notebooks"
    folder.mkdir()
    (folder / "evil.toml").write_text(EVIL)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "lesson.ipynb")
    with lab.jupyterlab(folder) as (base, token), lab.browser(root / "profile") as context:
        watched = lab.Watched(context)
        watched.folder = folder
        lab.open_notebook(watched.page, base, token, "lesson.ipynb")
        lab.execute(watched.page, "application:toggle-left-area")
        lab.run_all(watched.page)
        watched.page.locator(".mv-explore").wait_for()
        yield watched
        if pictures := os.environ.get("MINIVAE_SCREENSHOTS"):  # a folder: pictures for the eye, nothing asserted
            for theme in ("Light", "Dark"):
                lab.set_theme(watched.page, f"JupyterLab {theme}")
                for width, height in ((1000, 4000), (420, 6000)):
                    watched.page.set_viewport_size({"width": width, "height": height})
                    watched.page.screenshot(path=f"{pictures}/{theme.lower()}-{width}.png")


@pytest.fixture
def page(session):
    return session.page


def quiz(page, place):
    return page.locator(".mv-quiz").nth(place)


def choose(card, option):
    card.locator(f"input[value={option.id}]").check()
    card.get_by_role("button", name="Check").click()


def options(question):
    """The right option, and the wrong ones; where they stand is the learner's own order."""
    return next(o for o in question.options if o.right), [o for o in question.options if not o.right]


def label(card, option):
    return card.locator("label").filter(has=card.page.locator(f"input[value={option.id}]"))


def place(card, option):
    return card.get_by_role("radio").evaluate_all("inputs => inputs.map(input => input.value)").index(option.id)


def reply(card, text):
    """Wait until the live region says this."""
    card.get_by_role("status").filter(has_text=text).wait_for()
    return card.get_by_role("status").inner_text()


def wait_for_picture(page, where):
    """Wait until the picture for these values has come."""
    page.wait_for_function("where => document.querySelector('.mv-explore img').alt.endsWith(where)", arg=where)


def test_a_quiz_by_mouse_from_wrong_to_the_answer_shown(page):
    question = bank.find("04/why-the-kl")
    right, (first, second, *_) = options(question)
    card = quiz(page, MOUSE)
    reveal = card.get_by_role("button", name="Show the answer")

    card.get_by_role("button", name="Check").click()
    reply(card, "Choose one answer first.")
    choose(card, first)
    text = reply(card, "Not yet.")
    assert text.startswith("✗") and to_text(first.feedback) in text
    assert "Hint: " + to_text(question.hint) in text
    assert not reveal.is_visible()
    choose(card, second)
    reveal.wait_for()
    reveal.click()
    text = reply(card, "The answer:")
    assert to_text(right.feedback) in text
    assert "✓ right" in label(card, right).inner_text()
    assert "✗ not this one" in label(card, first).inner_text()
    assert not reveal.is_visible()
    page.wait_for_function("document.activeElement.textContent === 'Check'")  # focus has not fallen to JupyterLab


def test_a_quiz_by_keyboard_alone_and_jupyterlab_hears_none_of_it(page):
    right, (wrong, *_) = options(bank.find("04/sum-or-mean"))
    card = quiz(page, KEYBOARD)
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    card.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    for _ in range(place(card, wrong)):
        page.keyboard.press("ArrowDown")
    for key in ("b", "a", "d", "d", "x", "m", "y"):  # insert below, above, delete, cut, to Markdown, to code
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    reply(card, "Not yet.")
    steps = place(card, right) - place(card, wrong)
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
    page.keyboard.press("Tab")
    page.keyboard.press("b")
    page.keyboard.press("Space")
    text = reply(card, "Right, on try 2.")
    assert text.startswith("✓")
    page.keyboard.press("a")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert page.locator(".jp-Notebook .jp-CodeCell").count() == cells


def test_the_focus_ring_is_seen(page):
    card = quiz(page, KEYBOARD)
    card.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    ring = "getComputedStyle(document.activeElement.closest('label')).outlineWidth"
    assert page.evaluate(ring) == "3px"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"


def test_a_quiz_is_named_for_those_who_hear_it(page):
    card = quiz(page, MOUSE)
    group = card.get_by_role("group")
    assert group.get_by_role("radio").count() == 5
    assert group.locator("legend").inner_text().startswith("We drop the KL term")
    assert all(card.get_by_role("radio").nth(k).evaluate("e => e.labels[0].innerText.length > 10") for k in range(5))


def test_html_in_a_question_is_shown_and_never_run(page):
    card = quiz(page, EVIL_QUIZ)
    card.locator("label").filter(has_text="onload").get_by_role("radio").check()
    card.get_by_role("button", name="Check").click()
    text = reply(card, "Not yet.")
    assert "<iframe srcdoc=" in text and "Hint: <img src=x onerror=" in text
    assert "<script>window.evil = 1</script>" in card.locator("legend").inner_text()
    assert "<svg onload='window.evil = 4'>" in " ".join(card.locator("label").all_inner_texts())
    assert card.locator("script, img, svg, iframe, b").count() == 0
    assert page.evaluate("window.evil") is None


def test_the_saved_notebook_holds_neither_key_nor_feedback(session):
    page = session.page
    lab.execute(page, "docmanager:save")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = (session.folder / "lesson.ipynb").read_text()
    assert "Run this cell to answer." in saved
    texts = json.dumps(json.loads(saved), ensure_ascii=False)
    for ref in ("04/why-the-kl", "04/sum-or-mean"):
        for option in bank.find(ref).options:
            for piece in filter(lambda node: isinstance(node, str) and len(node) > 20, option.feedback):
                assert piece not in texts
    assert "✓ right" not in texts


def test_a_slider_by_keyboard_moves_the_picture(page):
    card = page.locator(".mv-explore")
    image, slider = card.locator("img"), card.get_by_role("slider", name="z1")
    cells = page.locator(".jp-Notebook .jp-Cell").count()
    assert image.get_attribute("alt") == "Picture decoded at z1 = 0.0, z2 = 0.0"
    assert image.evaluate("e => [e.naturalWidth, e.naturalHeight]") == [280, 280]
    slider.focus()
    for key in ("ArrowRight", "ArrowUp", "b", "a"):
        page.keyboard.press(key)
    wait_for_picture(page, "z1 = 0.2, z2 = 0.0")
    page.keyboard.press("End")
    wait_for_picture(page, "z1 = 3.0, z2 = 0.0")
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert page.evaluate("document.activeElement.type") == "range"


def test_a_slider_by_mouse_and_the_buttons_move_the_picture(page):
    card = page.locator(".mv-explore")
    slider = card.get_by_role("slider", name="z2")
    slider.click(position={"x": slider.bounding_box()["width"] - 2, "y": 8})
    wait_for_picture(page, "z2 = 3.0")
    card.get_by_role("button", name="All to 0").click()
    wait_for_picture(page, "z1 = 0.0, z2 = 0.0")
    assert card.locator("output").all_inner_texts() == ["0.0", "0.0"]
    card.get_by_role("button", name="Random code").click()
    page.wait_for_function("!document.querySelector('.mv-explore img').alt.includes('z1 = 0.0, z2 = 0.0')")


def test_every_move_brings_a_picture_and_the_time_it_took_is_reported(page):
    times = page.evaluate(
        """async () => {
            const slider = document.querySelector('.mv-explore input');
            const image = document.querySelector('.mv-explore img');
            const times = [];
            for (let k = 0; k < 8; k++) {
                const start = performance.now();
                const drawn = new Promise(resolve => new MutationObserver((_, observer) => {
                    observer.disconnect();
                    resolve(image.decode());
                }).observe(image, {attributeFilter: ['src']}));
                slider.value = -2 + k / 2;
                slider.dispatchEvent(new Event('input'));
                await drawn;
                times.push(performance.now() - start);
            }
            return times;
        }"""
    )
    assert len(times) == 8
    # Reported (`pytest -rP`), not judged, for the machine may be busy; 100 ms is the aim.
    print(f"median from move to picture: {sorted(times)[4]:.0f} ms")


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_text_has_contrast_as_drawn(page, theme):
    lab.set_theme(page, theme)
    page.mouse.move(0, 0)
    assert looks.faint_texts(page) == []


@pytest.mark.parametrize("width", [380, 1100])
def test_nothing_sticks_out_of_a_card(page, width):
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_function(f"window.innerWidth === {width}")
    assert looks.sticking_out(page) == []


def test_after_a_reload_the_quiz_is_where_it_was(session):
    page = session.page
    page.reload()
    page.wait_for_selector(".mv-quiz")
    card = quiz(page, KEYBOARD)
    assert reply(card, "Right, on try 2.").startswith("✓")
    right, _ = options(bank.find("04/sum-or-mean"))
    assert card.locator(f"input[value={right.id}]").is_checked()


def test_after_a_restart_the_quiz_says_what_to_do(page):
    lab.new_kernel(page)
    quiz(page, MOUSE).get_by_role("button", name="Check").click()
    reply(quiz(page, MOUSE), "un this cell again")


def test_nothing_was_fetched_from_abroad_and_nothing_went_wrong(session):
    assert session.abroad == []
    assert [e for e in session.errors if re.search("mv-|anywidget|quiz|explore|TypeError|ReferenceError", e)] == []
