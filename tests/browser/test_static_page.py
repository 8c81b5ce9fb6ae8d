"""Questions on a page without Python: the browser grades as Python does, and keeps the answers. No JupyterLab here."""

import functools
import http.server
import json
import math
import random
import re
import threading
from types import SimpleNamespace

import pytest

from minivae.learn import static
from minivae.learn.kinds import KINDS
from minivae.learn.kinds.number import readings
from minivae.learn.kinds.output import normal
from minivae.learn.kinds.predict import Predict
from minivae.learn.progress import MemoryProgress
from minivae.learn.sitting import Sitting
from tests.browser import lab, looks
from tests.browser.answering import by_keyboard, by_mouse, given
from tests.learn.quizzes import QUESTIONS, SOME, wrong_answers

EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
SECOND = {kind: [question for question in QUESTIONS if question.kind == kind][-1] for kind in KINDS}
SHOWN = [*SOME.values(), *SECOND.values()]  # first those for the mouse, then those for the keyboard


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A page that is being watched, and the address of a folder that is served."""
    root = tmp_path_factory.mktemp("static")
    folder = root / "site"
    folder.mkdir()
    snippets = [static.of(question) for question in SHOWN]
    for theme in ("light", "dark", "auto"):
        (folder / f"{theme}.html").write_text(static.page(snippets, "Questions", theme), encoding="utf-8")
    page = static.page([], "Logic").replace(
        "</script></body>", "Object.assign(window, {sitting, readings, normal});</script></body>"
    )
    (folder / "logic.html").write_text(page, encoding="utf-8")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with lab.browser(root / "profile") as context:
            watched = lab.Watched(context)
            yield SimpleNamespace(
                watched=watched, page=watched.page, folder=folder, base=f"http://127.0.0.1:{server.server_port}"
            )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def card_of(page, question):
    return page.locator(".mv-quiz").nth(SHOWN.index(question))


def reply(card, text):
    card.get_by_role("status").filter(has_text=text).wait_for()
    return card.get_by_role("status").inner_text()


def scripts(question):
    """Some ways through a question: lists of requests."""
    right, (first, second, *rest) = question.solution(), wrong_answers(question)

    def answers(*given):
        return [{"do": "answer", "answer": answer} for answer in given]

    resume, reveal = [{"do": "resume"}], [{"do": "reveal"}]
    yield resume + reveal + answers(first) + resume + reveal + answers(second) + reveal + resume + answers(right, first)
    yield answers(right) + resume + answers(first, right) + resume + reveal
    yield answers(first, first, right) + resume
    yield answers(*rest) + resume
    if question.kind == "number":
        yield answers("abc", "", "1/0", "nan", "1e999", "−1,5", "1,000", right + " ") + resume
    if question.kind == "output":
        yield answers(" ", "\n\n", right.replace(" ", "  "), right + "\n") + resume


def test_the_browser_says_what_python_says_reply_by_reply(site):
    site.page.goto(f"{site.base}/logic.html")
    for question in QUESTIONS:
        for requests in scripts(question):
            python = Sitting(question, MemoryProgress())
            wanted = [python.reply(request) for request in requests]
            got = site.page.evaluate(
                """async ([view, key, requests]) => {
                    const grade = sitting(view, key, [], () => {});
                    const replies = [];
                    for (const request of requests) replies.push(await grade(request));
                    return replies;
                }""",
                [question.view(), question.key(), requests],
            )
            for request, one, other in zip(requests, got, wanted, strict=True):
                assert one == json.loads(json.dumps(other)), (question.ref, request)


def test_the_browser_reads_numbers_as_python_does(site):
    rng = random.Random(0)
    texts = ["".join(rng.choices("0123456789.,-+e/% _'n\u00a0\u202f", k=rng.randint(1, 9))) for _ in range(4000)]
    texts += ["".join(rng.choices("0123456789,.", k=rng.randint(1, 9))) for _ in range(4000)]
    texts += ["nan", "inf", "-inf", "NaN", "+inf", "1e400", "5 nats", "50 %", "−2", "1/3 nats", "１", "1,5e3", "01,000"]
    got = site.page.evaluate("texts => texts.map(text => readings(text, 'nats'))", texts)
    wanted = [readings(text, "nats") for text in texts]
    assert sum(map(bool, wanted)) > 2000  # not merely agreed upon refusing
    for text, one, other in zip(texts, got, wanted, strict=True):
        assert len(one) == len(other), text
        assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one, other, strict=True)), text


def test_the_browser_compares_outputs_as_python_does(site):
    rng = random.Random(1)
    texts = ["".join(rng.choices("ab12.,:=()[]{}  \t\n\r−’“\u00a0", k=rng.randint(0, 30))) for _ in range(4000)]
    assert site.page.evaluate("texts => texts.map(normal)", texts) == [normal(text) for text in texts]


def open_page(site, theme="light"):
    site.page.goto(f"{site.base}/{theme}.html")
    card_of(site.page, SHOWN[-1]).wait_for()


@EVERY_KIND
def test_a_question_of_every_kind_by_mouse_and_by_keyboard(site, kind):
    if kind == next(iter(KINDS)):
        open_page(site)
    for number, question in enumerate((SOME[kind], SECOND[kind])):
        card = card_of(site.page, question)

        def answer(value, card=card, question=question, by_keys=bool(number)):
            if by_keys:
                by_keyboard(site.page, card, question, value)
            else:
                by_mouse(card, question, value)

        answer(wrong_answers(question)[0])
        if isinstance(question, Predict):
            reply(card, "Noted.")
            site.page.keyboard.press("Enter")
            reply(card, "It came out otherwise.")
        else:
            reply(card, "Not yet.")
            answer(question.solution())
            reply(card, "Right, on try 2.")


def test_the_answers_are_there_when_the_page_is_opened_again(site):
    open_page(site, "dark")
    for kind in KINDS:
        for question in (SOME[kind], SECOND[kind]):
            card = card_of(site.page, question)
            reply(card, "It came out otherwise." if kind == "predict" else "Right, on try 2.")
            wanted = wrong_answers(question)[0] if kind == "predict" else question.solution()
            assert given(card, question) == (sorted(wanted) if kind == "several" else wanted)


@pytest.mark.parametrize(("theme", "system", "dark"), [
    ("light", "dark", False), ("dark", "light", True), ("auto", "light", False), ("auto", "dark", True),
])  # fmt: skip
def test_the_theme_is_the_pages_or_the_systems_and_has_contrast(site, theme, system, dark):
    site.page.emulate_media(color_scheme=system)
    open_page(site, theme)
    ground = site.page.evaluate("getComputedStyle(document.querySelector('.mv-card')).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == dark
    assert looks.faint_texts(site.page) == []


def test_it_works_from_a_file_and_without_storage(site):
    page = site.page
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})")
    page.goto((site.folder / "light.html").as_uri())
    card = card_of(page, SOME["one"])
    by_mouse(card, SOME["one"], SOME["one"].solution())
    reply(card, "Right, on the first try.")


def test_nothing_was_fetched_from_abroad_and_nothing_went_wrong(site):
    assert site.watched.abroad == []
    assert site.watched.errors == []
