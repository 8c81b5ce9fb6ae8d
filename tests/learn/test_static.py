"""Questions for a page without Python: what the page holds, and that its key is not read at a glance."""

import base64
import json
import re
from itertools import cycle

import pytest

from minivae.errors import ConfigError
from minivae.learn import bank, static
from minivae.learn.markup import to_html
from tests.learn.quizzes import EVERY, all_words


def held(snippet):
    """What the snippet hands to its script."""
    (text,) = re.findall(r'<script type="application/json">(.*?)</script>', snippet, re.S)
    return json.loads(text)


def unveiled(text, ref):
    return json.loads(bytes(a ^ b for a, b in zip(base64.b64decode(text), cycle(ref.encode()), strict=False)))


@EVERY
def test_the_key_is_whole_behind_its_veil(question):
    data = held(static.of(question))
    assert data["question"] == question.view()
    assert unveiled(data["key"], question.ref) == json.loads(json.dumps(question.key()))


@EVERY
def test_no_feedback_and_no_hint_can_be_read_in_the_page(question):
    snippet = static.of(question)
    for feedback in [*(feedback for _, feedback in question.feedbacks()), question.hint]:
        for text in all_words(feedback):
            assert text not in snippet and json.dumps(text)[1:-1] not in snippet
            assert base64.b64encode(text[3:18].encode()).decode() not in snippet  # not merely encoded


@EVERY
def test_the_question_is_there_where_no_script_runs(question):
    readable = re.sub(r"<script.*?</script>", "", static.of(question), flags=re.S)
    assert to_html(question.prompt) in readable and "Answering needs JavaScript." in readable


def test_a_page_holds_all_it_needs(tmp_path):
    static.write_page(tmp_path / "page.html", ["04/why-the-kl", "00/the-map"], "Two <b>questions</b>")
    page = (tmp_path / "page.html").read_text()
    assert page.count('class="mv-question"') == 2
    assert "<title>Two &lt;b&gt;questions&lt;/b&gt;</title>" in page
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_a_page_with_an_unknown_question_is_not_written(tmp_path):
    with pytest.raises(ConfigError, match="did you mean"):
        static.write_page(tmp_path / "page.html", ["04/why-kl"], "One")
    assert not (tmp_path / "page.html").exists()


def test_no_text_of_a_question_ends_its_script(tmp_path):
    path = tmp_path / "99.toml"
    path.write_text(
        '[[question]]\nid = "a"\nkind = "one"\ntitle = "</script><b>"\nprompt = "</script><script>evil()</script>"\n'
        '[[question.option]]\ntext = "<!--"\nright = true\nfeedback = "yes"\n'
        '[[question.option]]\ntext = "no"\nfeedback = "</script>"\n'
    )
    snippet = static.of(bank.read_file(path)["a"])
    assert snippet.count("</script>") == 1 and "<!--" not in snippet
    assert held(snippet)["question"]["title"] == "</script><b>"
