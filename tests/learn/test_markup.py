"""Markup and formulas: what is written, what is refused, and that text stays text."""

import pytest

from minivae.errors import ConfigError
from minivae.learn.formula import formula
from minivae.learn.markup import parse, to_html, to_text


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"z = \mu + \sigma\epsilon", "z = μ + σε"),
        (r"\sigma = \exp(\frac{1}{2} \mathrm{logvar})", "σ = exp(½ logvar)"),
        (r"\mathcal{N}(0, I)", "𝒩(0, I)"),
        (r"\mathrm{KL}(q(z \mid x) \| p(z))", "KL(q(z | x) ‖ p(z))"),
        (r"-\frac{1}{2} (z - \mu)^2 / \sigma^2", "−½(z − μ)²/σ²"),
        (r"a \cdot (-2) = -3", "a · (−2) = −3"),
        (r"2 \log x", "2 log x"),
        (r"\log \sigma^2", "log σ²"),
        (r"x_{t-1}", "xₜ₋₁"),
        (r"z^{(i)}", "z⁽ⁱ⁾"),
        (r"10^{-3}", "10⁻³"),
        (r"\bar\alpha_t", "ᾱₜ".replace("ᾱ", "α\u0304")),
        (r"\hat{x} \in [0, 1]", "x\u0302 ∈ [0, 1]"),
        (r"\frac{a + b}{c}", "(a + b)/c"),
        (r"\sqrt{\exp(a)}", "√(exp(a))"),
        (r"f'(x) \to \infty", "f′(x) → ∞"),
        (r"\beta \cdot \mathrm{KL}", "β · KL"),
        (r"e^x_T", "e^x_T"),
    ],
)
def test_a_formula_reads_like_its_latex(latex, text):
    assert to_text(formula(latex)) == text


def test_letters_are_italic_and_words_are_upright():
    assert to_html(formula(r"\sigma^2 = \exp(a_i)")) == ("<i>σ</i><sup>2</sup> = exp(<i>a</i><sub><i>i</i></sub>)")


@pytest.mark.parametrize("latex", [r"\int x", r"\mathcal{Q}", r"\exp(x^{2", r"\frac{1}", "x^", "a # b"])
def test_a_formula_that_is_not_understood_is_refused(latex):
    with pytest.raises(ConfigError, match="formula: "):
        formula(latex)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("use `exp(a)` *now*", "use <code>exp(a)</code> <em>now</em>"),
        ("2 * 3 * 4 and a*b", "2 * 3 * 4 and a*b"),
        (r"\*plain\*, \$5, \`x", "*plain*, $5, `x"),
        ("*of $x$, `y`*", "<em>of <span><i>x</i></span>, <code>y</code></em>"),
        ("one\ntwo", "one two"),
        ("one\n\ntwo", "<p>one</p><p>two</p>"),
        ("`*no* $x$`", "<code>*no* $x$</code>"),
    ],
)
def test_markup_becomes_html(text, written):
    assert to_html(parse(text)) == written


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "`<img src=x onerror=alert(1)>`", "*<b>*", "$a < b$"])
def test_html_in_a_text_is_shown_and_not_run(text):
    written = to_html(parse(text))
    for tag in ("<script", "<img", "<b>", "< "):
        assert tag not in written
    assert "&lt;" in written


@pytest.mark.parametrize("text", ["an open `tick", "costs $5", r"bad $\nope$"])
def test_markup_without_partner_is_refused(text):
    with pytest.raises(ConfigError):
        parse(text)


def test_paragraphs_stay_apart_in_plain_text():
    assert to_text(parse("one `a`\n\ntwo $x^2$")) == "one `a`\n\ntwo x²"
