"""Each kind of question: what it reads from a file, how it grades, what it says."""

import json
import math
from pathlib import Path

import pytest

import minivae.learn.kinds
from minivae.errors import ConfigError
from minivae.learn import bank
from minivae.learn.kinds import KINDS
from minivae.learn.kinds.number import readings
from minivae.learn.kinds.output import normal
from minivae.learn.markup import to_text
from tests.learn.quizzes import EVERY, SOME, wrong_answers

HEAD = '[[question]]\nid = "a"\ntitle = "A"\nprompt = "Which?"\nhint = "Think."\n'
OPTION = '[[question.option]]\ntext = "{0}"\nfeedback = "About {0}."\n'
SEVERAL = HEAD + 'kind = "several"\n' + "".join(
    OPTION.format(name) + ("right = true\n" if name in "ab" else "") for name in "abcd"
)  # fmt: skip
NUMBER = (
    HEAD
    + 'kind = "number"\nvalue = 2.5\nabsolute = 0.1\nunit = "nats"\ncheck = "5 / 2"\nfeedback = "Right."\n'
    + (
        'otherwise = "Else."\n[[question.wrong]]\nvalue = 5\ncheck = "5"\nfeedback = "Halve it."\n'
        '[[question.wrong]]\nvalue = nan\ncheck = "np.nan"\nfeedback = "Not nan."\n'
    )
)
ORDER = HEAD + 'kind = "order"\nbackwards = "Turn it round."\n' + "".join(
    f'[[question.item]]\ntext = "{name}"\ncheck = "{k}"\nfeedback = "About {name}."\n' for k, name in enumerate("abcd")
)  # fmt: skip
RANGES = HEAD.replace('hint = "Think."\n', "") + (
    'kind = "predict"\nbelow = [10, 20]\noutcome = 15\nunit = "%"\ncheck = "15"\n'
) + "".join(OPTION.format(name) for name in ("low", "middle", "high"))  # fmt: skip
PREDICT = HEAD + 'kind = "predict"\n' + OPTION.format("a") + "right = true\n" + OPTION.format("b")
OUTPUT = HEAD + (
    'kind = "output"\ncode = "print(1, 2)"\nprints = "1 2"\nfeedback = "Right."\notherwise = "Else."\n'
    '[[question.wrong]]\nprints = "(1, 2)"\nfeedback = "No tuple."\n'
)
TEXTS = {"several": SEVERAL, "number": NUMBER, "order": ORDER, "predict": RANGES, "output": OUTPUT}


def read(folder, text):
    path = Path(folder) / "99.toml"
    path.write_text(text)
    return bank.read_file(path)["a"]


def ids(question, *texts):
    known = {to_text(choice.text): choice.id for choice in question.choices()}
    return [known[text] for text in texts]


def said(grade):
    return to_text(grade.feedback)


def test_a_kind_is_two_files_of_one_name():
    folder = Path(minivae.learn.kinds.__file__).parent
    assert {path.stem for path in folder.glob("*.js")} == KINDS.keys()
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == KINDS.keys()
    for kind in KINDS:
        assert f"KINDS.{kind} = {{" in (folder / f"{kind}.js").read_text()


@EVERY
def test_what_grades_and_what_is_kept_is_json(question):
    json.dumps([question.key(), question.solution(), *wrong_answers(question)], allow_nan=False)


@pytest.mark.parametrize("answer", [None, True, 0, -1, 1.5, "", [], {}, ["x"], [None], "c00000000", [[]], "x" * 5000])
@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_of_another_form_is_refused(kind, answer):
    question = SOME[kind]
    if isinstance(answer, str) and answer.strip() and len(answer) < 100 and kind == "output":
        assert not question.grade(answer).right
    else:
        with pytest.raises(ConfigError):
            question.grade(answer)


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("several", ("right = true\n", ""), "got 0 options of 4 with right = true, wanted at least 1 and not all"),
        ("several", ('"About c."', '"About c."\nright = true\n[[question.option]]\ntext = "e"\nfeedback = "E"'), ""),
        ("number", ("absolute = 0.1\n", ""), '"absolute" or "relative"'),
        ("number", ("absolute = 0.1\n", "absolute = 0.1\nrelative = 0.1\n"), '"absolute" or "relative"'),
        ("number", ("absolute = 0.1\n", "absolute = 1.3\n"), "so close that .* is both"),
        ("number", ("value = 2.5", 'value = "2.5"'), "field \"value\": got '2.5', wanted a number"),
        ("number", ('check = "5 / 2"\n', ""), 'field "check": got nothing'),
        ("number", ('otherwise = "Else."\n', ""), 'field "otherwise": got nothing'),
        ("order", ('check = "0"\n', ""), 'got 3 "check" for 4 items'),
        ("order", ('"b"', '"a"'), "two items have the same text"),
        ("predict", ("below = [10, 20]", "below = [20, 10]"), 'field "below": got \\[20.0, 10.0\\], wanted rising'),
        ("predict", ("below = [10, 20]", "below = [10]"), "got 3 options, wanted one for each of"),
        ("predict", ("below = [10, 20]", 'below = ["10"]'), "wanted numbers, as in below"),
        ("predict", ('"About low."', '"About low."\nright = true'), 'got a field "right"'),
        ("predict", ("outcome = 15\n", ""), 'field "outcome": got nothing, wanted a number'),
        ("output", ('prints = "(1, 2)"', 'prints = " 1   2"'), "two known outputs are the same"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_fix(tmp_path, kind, change, message):
    text = TEXTS[kind].replace(*change)
    assert text != TEXTS[kind]
    if message:
        with pytest.raises(ConfigError, match=f'99.toml: question "a".*{message}'):
            read(tmp_path, text)
    else:
        read(tmp_path, text)


def test_several_tells_of_each_chosen_option_and_not_which_are_missing(tmp_path):
    question = read(tmp_path, SEVERAL)
    grade = question.grade(ids(question, "a", "c"))
    assert not grade.right
    assert said(grade).split("\n\n") == ["✓ a: About a.", "✗ c: About c."]
    assert grade.marks == dict(zip(ids(question, "a", "c"), (True, False), strict=True))
    grade = question.grade(ids(question, "b"))
    assert not grade.right and said(grade).endswith("All you chose is right, and there is more to choose.")
    assert question.grade(ids(question, "b", "a")).right
    with pytest.raises(ConfigError):
        question.grade(ids(question, "a", "a"))


def test_order_tells_how_far_it_is_right_and_why_the_next_is_not(tmp_path):
    question = read(tmp_path, ORDER)
    grade = question.grade(ids(question, "a", "c", "b", "d"))
    assert said(grade) == "The first one stands right, the next one does not.\n\nc: About c."
    assert grade.marks == dict(zip(ids(question, "a", "c"), (True, False), strict=True))
    assert said(question.grade(ids(question, "d", "c", "b", "a"))) == "Turn it round."
    right = question.grade(ids(question, "a", "b", "c", "d"))
    assert right.right and all(right.marks.values()) and "d: About d." in said(right)


def test_an_order_is_never_solved_to_begin_with(tmp_path):
    question = read(tmp_path, ORDER)
    assert all(question.choices(seed)[0].id != question.solution()[0] for seed in range(200))


def test_a_prediction_about_a_number_is_settled_by_it(tmp_path):
    question = read(tmp_path, RANGES)
    low, middle, high = (choice.id for choice in question.choices(seed=3))
    assert question.solution() == middle
    for outcome, right in ((9.99, low), (10, middle), (19, middle), (20, high), (-math.inf, low), (1e9, high)):
        assert question.with_outcome(outcome).solution() == right
    grade = question.with_outcome(7.123).grade(middle)
    assert said(grade).split("\n\n") == ["It came out: 7.12 %.", "About middle.", "What came out: low: About low."]
    assert said(question.grade(middle)).split("\n\n") == ["It came out: 15 %.", "About middle."]


@pytest.mark.parametrize("outcome", ["many", None, math.nan, [1, 2]])
def test_what_came_out_has_to_be_a_number(tmp_path, outcome):
    with pytest.raises(ConfigError, match="wanted the number that came out"):
        read(tmp_path, RANGES).with_outcome(outcome)


def test_a_prediction_in_words_has_no_use_for_a_number(tmp_path):
    with pytest.raises(ConfigError, match="its options are not ranges; leave it out"):
        read(tmp_path, PREDICT).with_outcome(3)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0.868", [0.868]),
        (" 0,868 ", [0.868]),
        ("-1.5", [-1.5]),
        ("−1,5", [-1.5]),  # the minus sign of typography
        ("+2", [2]),
        (".5", [0.5]),
        ("5.", [5]),
        ("1e-3", [0.001]),
        ("1E3", [1000]),
        ("2,5e2", [250]),
        ("1/4", [0.25]),
        ("1 / 784", [1 / 784]),
        ("1/0", []),
        ("3/4/5", []),
        ("25 %", [0.25]),
        ("1,000", [1, 1000]),
        ("786,432", [786.432, 786432]),
        ("1,234,567.5", [1234567.5]),
        ("1.234.567,5", [1234567.5]),
        ("786 432", [786432]),
        ("786\u202f432", [786432]),
        ("1_000", [1000]),
        ("3 nats", [3]),
        ("3nats", [3]),
        ("1,2,3", []),
        ("12 apples", []),
        ("", []),
        ("e5", []),
        ("1e", []),
        ("0x10", []),
        ("١", []),  # other digits would be read differently in a browser
        ("inf", [math.inf]),
        ("1" * 61, []),
    ],
)
def test_a_number_is_read_as_people_write_it(text, numbers):
    assert readings(text, "nats") == numbers


def test_nan_is_a_number_one_may_answer(tmp_path):
    assert math.isnan(readings("NaN")[0])
    assert said(read(tmp_path, NUMBER).grade("nan")) == "Not nan."


@pytest.mark.parametrize(
    ("answer", "feedback"),
    [("2.5", "Right."), ("2,4", "Right."), ("2.6 nats", "Right."), ("5/2", "Right."), ("2.601", "Else."),
     ("5", "Halve it."), ("500 %", "Halve it."), ("-2.5", "Else."), ("inf", "Else.")],
)  # fmt: skip
def test_a_number_is_graded_within_its_tolerance(tmp_path, answer, feedback):
    assert said(read(tmp_path, NUMBER).grade(answer)) == feedback


def test_a_tolerance_may_be_relative(tmp_path):
    question = read(tmp_path, NUMBER.replace("absolute = 0.1", "relative = 0.1"))
    assert question.grade("2.75").right and question.grade("2.25").right
    assert not question.grade("2.76").right
    assert said(question.grade("4.5")) == "Halve it."  # of the wrong number, too


def test_what_is_no_number_is_told_and_is_no_try(tmp_path):
    with pytest.raises(ConfigError, match='"about two" is not read as a number; type one such as'):
        read(tmp_path, NUMBER).grade("about two")


@pytest.mark.parametrize(
    ("typed", "compared"),
    [
        ("(5, 6) (5,)", "(5,6)(5,)"),
        ("  ( 5,6 )  ( 5 , )\n\n", "(5,6)(5,)"),
        ("a  b", "a b"),
        ("a\nb", "a\nb"),
        ("a\r\n\r\nb ", "a\nb"),
        ("x = −1", "x=-1"),
        ("“a”", '"a"'),
        ("[1. 2.]", "[1. 2.]"),
        ("A", "A"),
    ],
)
def test_outputs_are_compared_without_their_spaces(typed, compared):
    assert normal(typed) == compared


def test_spaces_between_words_and_numbers_count(tmp_path):
    question = read(tmp_path, OUTPUT)
    assert question.grade(" 1   2 ").right
    assert said(question.grade("12")) == "Else."
    assert said(question.grade("( 1,2 )")) == "No tuple."


@pytest.mark.parametrize(
    ("kind", "typed", "message"),
    [
        ("one", "Z", 'is not among the letters A to'),
        ("one", "A B", "is more than one; choose one letter"),
        ("one", "", "is not among the letters"),
        ("several", "A 1", "is not among the letters"),
        ("order", "A B", "does not have each letter from A to"),
        ("predict", "?", "is not among the letters"),
    ],
)  # fmt: skip
def test_what_is_typed_in_a_terminal_and_means_nothing_is_told(kind, typed, message):
    question = SOME[kind]
    with pytest.raises(ConfigError, match=message):
        question.typed(typed, question.choices())


def test_letters_mean_the_choices_as_they_were_shown():
    question = SOME["several"]
    shown = question.choices(seed=9)
    assert question.typed("c, a", shown) == question.typed("CA", shown) == [shown[2].id, shown[0].id]
