"""Every kind of question in a real JupyterLab: by mouse, by keyboard alone, left and opened again, in both themes.

One JupyterLab, one notebook, one page; the tests run in the order of the file, and each has questions of its own.
"""

import json
import os
import re

import pytest

from minivae.learn import bank
from minivae.learn.kinds import KINDS
from minivae.learn.kinds.predict import Predict
from minivae.learn.markup import to_text
from minivae.learn.plain import static_html
from tests.browser import lab, looks
from tests.browser.answering import button, by_keyboard, by_mouse, given
from tests.learn.quizzes import all_words, wrong_answers

nbformat = pytest.importorskip("nbformat")

MOUSE = {
    "one": "closing/random-codes",
    "several": "00/a-standard-normal",
    "number": "closing/how-many-fewer",
    "order": "closing/one-training-step",
    "predict": "04/predict-random-codes",
    "output": "04/shapes",
}
KEYBOARD = {
    "one": "00/the-map",
    "several": "closing/signs-of-collapse",
    "number": "04/logvar-to-std",
    "order": "04/order-the-tolls",
    "predict": "04/predict-fitted-codes",
    "output": "closing/bound-and-loss",
}
ALL = [*MOUSE.values(), *KEYBOARD.values()]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
BAD = "<img src=x onerror='window.evil = 1'><script>window.evil = 2</script>"  # in every text there is
EVIL = {
    "one": '[[question.option]]\ntext = "T a"\nright = true\nfeedback = "T"\n'
    '[[question.option]]\ntext = "T b"\nfeedback = "T"\n',
    "number": 'value = 1\nabsolute = 0.1\nunit = "T"\ncheck = "1"\nfeedback = "T"\notherwise = "T"\n',
    "order": 'backwards = "T"\n[[question.item]]\ntext = "T a"\nfeedback = "T"\n'
    '[[question.item]]\ntext = "T b"\nfeedback = "T"\n',
    "output": 'code = "print(\'T\')"\nprints = "T"\nfeedback = "T"\notherwise = "T"\n',
}
UNKEPT = """
from minivae.learn import progress
card = Quiz(bank.find("00/which-axis"))
card._sitting.store = progress.MemoryProgress()
card._sitting.store.problem = "<b>the disk is full</b>"
card
"""
EVIL["several"] = EVIL["predict"] = EVIL["one"]


def evil(kind):
    """The TOML of a question that would run something if any of its texts were taken for HTML."""
    head = f'[[question]]\nid = "evil-{kind}"\nkind = "{kind}"\ntitle = "T"\nprompt = "T"\nhint = "T"\n'
    return (head + EVIL[kind]).replace("T", BAD)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """A notebook that has been run, in a page that is being watched."""
    root = tmp_path_factory.mktemp("quizzes")
    folder = root / "notebooks"
    folder.mkdir()
    (folder / "99.toml").write_text("".join(map(evil, KINDS)))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    code = [
        "from pathlib import Path\nfrom minivae.learn import bank, quiz\nfrom minivae.learn.quiz_widget import Quiz"
    ]
    code += [f'quiz("{ref}")' for ref in ALL]
    code += [f'Quiz(bank.read_file(Path("99.toml"))["evil-{kind}"])' for kind in KINDS]
    code += [UNKEPT, 'quiz("04/predict-fitted-codes", ran=36.2)']
    cells = [nbformat.v4.new_code_cell(source) for source in code]
    cells.insert(1, nbformat.v4.new_markdown_cell("## 5. The whole model on a page"))
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), folder / "lesson.ipynb")
    with lab.jupyterlab(folder) as (base, token), lab.browser(root / "profile") as context:
        watched = lab.Watched(context)
        watched.folder = folder
        lab.open_notebook(watched.page, base, token, "lesson.ipynb")
        lab.execute(watched.page, "application:toggle-left-area")
        lab.run_all(watched.page)
        watched.page.locator(".mv-quiz").nth(len(ALL) + len(KINDS) + 1).wait_for()
        yield watched


@pytest.fixture
def page(session):
    return session.page


def card_of(page, ref):
    return page.locator(".mv-quiz").nth(ALL.index(ref))


def reply(card, text):
    """Wait until the live region says this."""
    card.get_by_role("status").filter(has_text=text).wait_for()
    return card.get_by_role("status").inner_text()


def squeezed(text):
    """The text without what layout and the plain writing of formulas add."""
    return re.sub(r"[\s`^_()⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺0-9]", "", text)


def says(card, nodes):
    """Whether what is shown is what these nodes say."""
    return squeezed(to_text(nodes)) in squeezed(card.get_by_role("status").inner_text())


def cells(page):
    kinds = "window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.type)"
    return page.evaluate(kinds)


def go_through(page, card, question, answer):
    """From a wrong answer to the right one, as `answer(its answer)` gives them; the replies are what they should be."""
    wrong = wrong_answers(question)[0]
    answer(wrong)
    if isinstance(question, Predict):
        assert reply(card, "Noted.").startswith("○")
        assert says(card, question.noted(wrong))
        assert card.locator(".mv-mark").all_inner_texts() == [""] * len(question.choices())
        assert card.get_by_role("button", name="compare").evaluate("e => e === document.activeElement")
        page.keyboard.press("b")  # the focus has not fallen to JupyterLab
        page.keyboard.press("Enter")
        assert reply(card, "It came out otherwise.").startswith("✗")
    else:
        assert reply(card, "Not yet.").startswith("✗")
        assert says(card, question.grade(wrong).feedback) and says(card, question.hint)
        answer(question.solution())
        assert reply(card, "Right, on try 2.").startswith("✓")
        assert says(card, question.grade(question.solution()).feedback)
    page.keyboard.press("a")


@EVERY_KIND
def test_a_question_of_every_kind_by_mouse(page, kind):
    before, question = cells(page), bank.find(MOUSE[kind])
    card = card_of(page, MOUSE[kind])
    button(card, question).click()
    assert "first" in reply(card, "first")  # choose, type or move something first
    go_through(page, card, question, lambda answer: by_mouse(card, question, answer))
    assert cells(page) == before


@EVERY_KIND
def test_a_question_of_every_kind_by_keyboard_alone_and_jupyterlab_hears_none_of_it(page, kind):
    before, question = cells(page), bank.find(KEYBOARD[kind])
    card = card_of(page, KEYBOARD[kind])
    go_through(page, card, question, lambda answer: by_keyboard(page, card, question, answer))
    assert cells(page) == before


def test_items_can_be_dragged(page):
    card = card_of(page, "04/order-the-tolls")
    rows = card.locator("li")
    last = rows.last.get_attribute("data-id")
    rows.last.drag_to(rows.first)
    assert rows.first.get_attribute("data-id") == last
    assert card.locator(".mv-said").inner_text().endswith("now 1 of 5")
    assert cells(page).count("code") == 3 + len(ALL) + len(KINDS)


@EVERY_KIND
def test_everything_has_a_name_for_those_who_hear_it(page, kind):
    card, question = card_of(page, MOUSE[kind]), bank.find(MOUSE[kind])
    names = card.locator("input, textarea, button").evaluate_all(
        "all => all.map(e => e.ariaLabel || [...(e.labels ?? [])].map(l => l.innerText).join() || e.innerText)"
    )
    assert all(len(name) > 3 for name in names)
    assert squeezed(to_text(question.prompt)) in squeezed(card.get_by_role("group").locator("legend").inner_text())
    if question.figure is not None:
        assert card.get_by_role("img").get_attribute("alt") == question.figure.alt


@EVERY_KIND
def test_every_control_keeps_its_keys_from_jupyterlab_and_shows_its_focus(page, kind):
    card = card_of(page, MOUSE[kind])
    controls = card.locator("input, textarea, button")
    assert set(controls.evaluate_all("all => all.map(e => e.dataset.lmSuppressShortcuts)")) == {"true"}
    control = card.locator("fieldset").locator("input, textarea, button").first
    control.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    ring = "(document.activeElement.closest('label') ?? document.activeElement)"
    assert page.evaluate(f"getComputedStyle({ring}).outlineWidth") == "3px"


def test_why_leads_to_the_section(page):
    card = card_of(page, "closing/one-training-step")
    card.get_by_role("button", name="Why this matters: “5. The whole model on a page”").click()
    page.wait_for_function("document.activeElement.tagName === 'H2'")
    card = card_of(page, "04/order-the-tolls")  # its section is not in this notebook
    card.get_by_role("button", name="Why this matters").click()
    reply(card, "Why this matters: lesson 04, “3. Keep the ranges honest”.")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "status"  # not fallen to JupyterLab


@EVERY_KIND
def test_html_in_a_question_of_any_kind_is_shown_and_never_run(page, kind):
    card = page.locator(".mv-quiz").nth(len(ALL) + list(KINDS).index(kind))
    card.locator("legend").filter(has_text="<script>window.evil = 2</script>").wait_for()
    if kind in ("number", "output"):
        card.get_by_role("textbox").fill("<img src=x onerror='window.evil = 3'>")
        if kind == "number":  # told again as it was typed
            card.get_by_role("button", name="Check").click()
            reply(card, "\"<img src=x onerror='window.evil = 3'>\" is not read as a number")
            card.get_by_role("textbox").fill("7")
    elif kind == "order":
        card.get_by_role("button", name="Move down").first.click()
        card.get_by_role("button", name="Move up").last.click()
        card.get_by_role("button", name="Move up").last.click()
    else:
        card.locator("label").filter(has_text=" b").locator("input").check()
    card.get_by_role("button").filter(has_text=re.compile("^(Check|This is my prediction)$")).click()
    reply(card, "<img src=x onerror=")
    assert card.locator("script, img, svg, iframe, b").count() == 0
    assert page.evaluate("window.evil") is None


def test_who_answers_is_told_if_progress_is_not_being_kept(page):
    card, question = page.locator(".mv-quiz").nth(len(ALL) + len(KINDS)), bank.find("00/which-axis")
    by_mouse(card, question, question.solution())
    assert "Your answers are not being kept: <b>the disk is full</b>" in reply(card, "Right")


def test_what_came_out_is_laid_beside_the_prediction(page):
    lab.run_all(page)
    card = page.locator(".mv-quiz").last
    text = reply(card, "It came out otherwise.")
    assert "It came out: 36.2 %." in text
    wrong = wrong_answers(bank.find(KEYBOARD["predict"]))[0]
    assert card.locator(f"input[value={wrong}]").is_checked()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_text_of_every_kind_has_contrast_as_drawn(page, theme):
    lab.set_theme(page, theme)
    page.mouse.move(0, 0)
    assert looks.faint_texts(page) == []
    if pictures := os.environ.get("MINIVAE_SCREENSHOTS"):  # a folder: pictures for the eye, nothing asserted
        for kind, ref in MOUSE.items():
            card_of(page, ref).screenshot(path=f"{pictures}/{theme.split()[1].lower()}-{kind}.png")


@pytest.mark.parametrize("width", [380, 1100])
def test_nothing_sticks_out_of_a_card(page, width):
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_function(f"window.innerWidth === {width}")
    assert looks.sticking_out(page) == []
    if (pictures := os.environ.get("MINIVAE_SCREENSHOTS")) and width == 380:
        for kind, ref in MOUSE.items():
            card_of(page, ref).screenshot(path=f"{pictures}/narrow-{kind}.png")


def test_the_saved_notebook_has_the_questions_to_read_and_no_answer(session):
    page = session.page
    lab.execute(page, "docmanager:save")
    page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")
    saved = json.loads((session.folder / "lesson.ipynb").read_text())
    texts = json.dumps(saved, ensure_ascii=False)
    assert texts.count("Run this cell to answer.") == len(ALL) + len(KINDS) + 2
    assert "It came out" not in texts and "Not yet." not in texts and "✓" not in texts
    for ref in ALL:
        for _, feedback in bank.find(ref).feedbacks():
            for text in all_words(feedback):
                assert text not in texts


def test_after_a_restart_the_answers_come_back_from_the_disk(session):
    """A new kernel knows nothing: what it shows it has read from the learner's file."""
    page = session.page
    lab.reload(page)
    lab.new_kernel(page)
    lab.execute(page, "notebook:clear-all-cell-outputs")
    lab.run_all(page)
    for refs in (MOUSE, KEYBOARD):
        for kind, ref in refs.items():
            question, card = bank.find(ref), card_of(page, ref)
            if kind == "predict":
                wanted = wrong_answers(question)[0]
                reply(card, "It came out otherwise.")
            else:
                wanted = question.solution()
                reply(card, "Right, on try 2.")
            if kind != "order" or ref in MOUSE.values():  # one has been dragged about since, which is no answer
                assert given(card, question) == (sorted(wanted) if kind == "several" else wanted)


def test_a_notebook_that_never_ran_here_has_the_questions_to_read(session):
    """It is not trusted either: what may run in an output is not even loaded."""
    page, cells = session.page, []
    for ref in [*MOUSE.values(), KEYBOARD["one"]]:  # the last has a picture
        html = static_html(bank.find(ref).view(), "Run this cell to answer.")
        output = nbformat.v4.new_output("execute_result", {"text/html": html, "text/plain": "x"}, execution_count=1)
        cells.append(nbformat.v4.new_code_cell(f'quiz("{ref}")', outputs=[output], execution_count=1))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), session.folder / "stored.ipynb")
    page.evaluate("void window.jupyterapp.commands.execute('docmanager:open', {path: 'stored.ipynb'})")
    shown = page.locator(".jp-NotebookPanel:visible .jp-RenderedHTML")
    shown.filter(has_text="Run this cell to answer.").nth(len(MOUSE)).wait_for()
    text = squeezed(" ".join(shown.all_inner_texts()))
    for ref in MOUSE.values():
        assert squeezed(to_text(bank.find(ref).prompt)) in text
        for choice in bank.find(ref).choices():
            assert squeezed(to_text(choice.text)) in text
    assert shown.locator("img").evaluate("image => image.naturalWidth") > 100
    assert shown.locator("pre").inner_text() == bank.find(MOUSE["output"]).code
    if pictures := os.environ.get("MINIVAE_SCREENSHOTS"):
        page.screenshot(path=f"{pictures}/stored.png")


def test_nothing_was_fetched_from_abroad_and_nothing_went_wrong(session):
    assert session.abroad == []
    assert [e for e in session.errors if re.search("mv-|anywidget|quiz|TypeError|ReferenceError", e)] == []
