"""What `check`, `hint` and `solution` say, and that nothing a learner writes can take the notebook down."""

import contextlib
import functools
import sys
import threading
import time

import numpy as np
import pytest

from minivae.errors import ConfigError
from minivae.learn import check, hint, progress, solution
from minivae.learn.checker import examine
from minivae.learn.exercises.lesson04 import GAUSSIAN_KL, REPARAMETERIZE
from minivae.learn.limited import LONGEST_PRINT, TimeUp, run_limited


def right(mu, logvar, eps):
    return mu + np.exp(0.5 * logvar) * eps


def said(function, exercise=REPARAMETERIZE, outcome="wrong", **kwargs):
    verdict = examine(exercise, function, **kwargs)
    assert verdict.outcome == outcome, str(verdict.note)
    return str(verdict.note)


# Nothing there yet ------------------------------------------------------------------------------------------------


def dots(mu, logvar, eps): ...


def only_a_docstring(mu, logvar, eps):
    """A sample of N(mu, exp(logvar))."""


def not_implemented(mu, logvar, eps):
    raise NotImplementedError


def not_implemented_with_words(mu, logvar, eps):
    z = mu
    raise NotImplementedError("your turn", z)


def returns_dots(mu, logvar, eps):
    return ...


@pytest.mark.parametrize("stub", [dots, only_a_docstring, not_implemented, not_implemented_with_words, returns_dots])
def test_an_empty_function_is_not_a_try(stub, store, capsys):
    assert "nothing to check yet" in said(stub, outcome="stub")
    check("04/reparameterize", stub)
    assert capsys.readouterr().out.startswith("○ 04/reparameterize: nothing to check yet\n")
    assert not store.events("04/reparameterize")


def test_a_forgotten_return_is_told_from_an_empty_function():
    def forgot(mu, logvar, eps):
        z = mu + np.exp(0.5 * logvar) * eps  # noqa: F841

    assert "your function returns nothing" in said(forgot)


# Not to be called --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 3, np.zeros((5, 3)), "reparameterize"])
def test_what_is_no_function_is_told_so(value):
    text = said(value)
    assert "wanted a function" in text and "without calling it" in text


@pytest.mark.parametrize("function", [lambda mu, logvar: mu, lambda: 1, lambda a, b, c, d: a])
def test_other_arguments_are_told_from_the_wanted_ones(function):
    assert "wanted a function of 3 arrays, in this order: `mu, logvar, eps`" in said(function)


# Errors ------------------------------------------------------------------------------------------------------------


def test_an_error_is_told_with_the_learners_own_line():
    def fails(mu, logvar, eps):
        std = np.exp(0.5 * logvar)
        return mu + std @ eps

    text = said(fails)
    assert "your function raises an error" in text
    assert "ValueError: matmul" in text and ": return mu + std @ eps" in text
    assert "mu (5, 3), logvar (5, 3), eps (5, 3)" in text


@pytest.mark.parametrize("error", [KeyError("a"), SystemExit(1), RecursionError("deep"), AssertionError()])
def test_every_error_becomes_a_message(error):
    def fails(mu, logvar, eps):
        raise error

    assert type(error).__name__ in said(fails)


def test_an_error_in_a_function_that_the_learners_calls_is_told_with_that_line():
    def helper(x):
        return np.reshape(x, (7, 7))

    assert ": return np.reshape(x, (7, 7))" in said(lambda mu, logvar, eps: helper(mu))


def test_an_error_in_a_wrapped_or_partial_function_is_told_too():
    def fails(mu, logvar, eps, power):
        return mu + oops  # noqa: F821

    assert "NameError: name 'oops' is not defined" in said(functools.partial(fails, power=2))


# Time --------------------------------------------------------------------------------------------------------------


def forever(mu, logvar, eps):
    while True:
        pass


def forever_and_stubborn(mu, logvar, eps):
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.001)


def forever_printing(mu, logvar, eps):
    while True:
        print("x" * 100_000)


@pytest.mark.parametrize("function", [forever, forever_and_stubborn, forever_printing], ids=lambda f: f.__name__)
def test_a_loop_without_end_is_stopped(function):
    threads = threading.active_count()
    start = time.monotonic()
    assert "no answer within 0.2 s" in said(function, limit_s=0.2)
    assert time.monotonic() - start < 2
    assert threading.active_count() == threads


def test_what_cannot_be_stopped_gives_control_back_all_the_same():
    done = threading.Event()
    with pytest.raises(TimeUp) as late:
        run_limited(done.wait, (), 0.1)  # waits in C, where no exception can reach it
    assert not late.value.stopped
    done.set()


def test_what_cannot_be_stopped_is_left_behind_and_not_heard_any_more(monkeypatch, capsys):
    leave, threads = threading.Event(), []

    def waits_in_c(mu, logvar, eps):
        threads.append(threading.current_thread())
        with contextlib.suppress(BaseException):
            leave.wait(30)  # no exception is raised before it returns
        print("still here")

    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, getattr(sys, stream))  # put back after the test
    assert "does not let itself be stopped: restart the kernel" in said(waits_in_c, limit_s=0.05)
    leave.set()
    threads[0].join(5)
    print("heard")
    assert capsys.readouterr().out == "heard\n"


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's limit on memory")
@pytest.mark.parametrize(
    "function", [lambda *a: np.ones(10**11), lambda *a: list(range(10**9)), lambda *a: "x" * 10**11]
)
def test_what_wants_all_memory_gets_a_message(function):
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    assert "wants too much memory" in said(lambda mu, logvar, eps: function())
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_the_limit_holds_for_all_calls_together():
    def slow(mu, logvar, eps):
        time.sleep(0.15)
        return right(mu, logvar, eps)

    start = time.monotonic()
    assert "no answer within 0.4 s" in said(slow, limit_s=0.4)
    assert time.monotonic() - start < 2


def test_check_works_outside_the_main_thread():
    verdicts = []
    thread = threading.Thread(target=lambda: verdicts.append(examine(REPARAMETERIZE, right).outcome))
    thread.start()
    thread.join(10)
    assert verdicts == ["right"]


# Purity ------------------------------------------------------------------------------------------------------------


def test_an_input_changed_in_place_is_named():
    def changes(mu, logvar, eps):
        eps *= np.exp(0.5 * logvar)
        return mu + eps

    assert "changes its input eps" in said(changes)


def test_the_global_generator_is_guarded():
    def seeds(mu, logvar, eps):
        np.random.seed(0)  # noqa: NPY002
        return right(mu, logvar, eps)

    def draws(mu, logvar):
        return 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(-1) + 0 * np.random.rand()  # noqa: NPY002

    assert examine(REPARAMETERIZE, seeds).misconception == "own-noise"
    assert examine(GAUSSIAN_KL, draws).misconception == "monte-carlo"


def test_check_itself_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    examine(REPARAMETERIZE, right)
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# Shape, type, values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda mu, logvar, eps: right(mu, logvar, eps).T, r"got shape (3, 5), wanted (5, 3)"),
        (lambda mu, logvar, eps: right(mu, logvar, eps)[0, 0], "got shape () (a single number), wanted (5, 3)"),
        (lambda mu, logvar, eps: right(mu, logvar, eps).tolist(), "got a value of type list, wanted an array"),
        (lambda mu, logvar, eps: "z", "got a value of type str, wanted an array"),
        (lambda mu, logvar, eps: right(mu, logvar, eps).astype(int), "got int64 numbers, wanted floats"),
        (lambda mu, logvar, eps: right(mu, logvar, eps).astype(np.float16), "got float16 numbers, wanted floats"),
        (lambda mu, logvar, eps: right(mu, logvar, eps) / 0, "got nan or inf"),
        (lambda mu, logvar, eps: right(mu, logvar, eps).squeeze(), "got shape (4,), wanted (1, 4)"),
        (lambda mu, logvar, eps: np.exp(logvar) * eps, "your result does not depend on mu"),
    ],
)
def test_shape_and_type_are_told_with_got_and_wanted(function, message):
    assert message in said(function)


def test_numbers_that_fit_no_known_mistake_come_with_an_example():
    text = said(lambda mu, logvar, eps: right(mu, logvar, eps) + 0.25)
    assert "the numbers differ" in text
    assert "    mu     = [[1., 2.]]\n" in text
    assert "    yours  = [[2.25 , 1.037]]\n" in text
    assert "    wanted = [[2.   , 0.787]]" in text


def test_a_fault_that_the_example_does_not_show_comes_with_inputs_that_do():
    def only_small(mu, logvar, eps):
        return right(mu, logvar, eps) if len(mu) < 4 else right(mu, logvar, eps) + 1

    assert said(only_small).count("[") == 5 * (4 + 1)  # three inputs and two results, all (4, 1): the smallest that did


def test_the_inputs_are_fresh_in_every_check_and_the_same_for_equal_seeds():
    seen = []

    def notes(mu, logvar, eps):
        seen.append(mu[0, 0])
        return right(mu, logvar, eps)

    firsts = []
    for seed in (0, 0, 1, (7, 1), (7, 2)):
        seen.clear()
        examine(REPARAMETERIZE, notes, seed=seed)
        firsts.append(seen[0])
    assert firsts[0] == firsts[1] and len(set(firsts)) == 4
    seen.clear()
    check("04/reparameterize", notes)
    first = seen[0]
    seen.clear()
    check("04/reparameterize", notes)
    assert seen[0] != first


@pytest.mark.parametrize(
    ("change", "said_of_it"),
    [
        (lambda kl: 1.7 * kl, "Each of your numbers is 1.7 times the right one."),
        (lambda kl: kl + 0.25, "Each of your numbers is off by 0.25."),
        (
            lambda kl: kl / 5,
            "is 1/5 times the right one, and one of the sizes is 5: is it a mean where a sum is wanted?",
        ),
        (
            lambda kl: 15 * kl,
            "is 15 times the right one, and there are 15 numbers: is it a sum where a mean is wanted?",
        ),
        (lambda kl: np.sin(9 * kl), "One case, to go through by hand:"),
    ],
)
def test_what_all_wrong_numbers_have_in_common_is_told(change, said_of_it):
    kl = GAUSSIAN_KL.solution
    assert said_of_it in " ".join(said(lambda mu, logvar: change(kl(mu, logvar)), GAUSSIAN_KL).split())


def test_the_same_mistake_reads_the_same_every_time():
    texts = {said(lambda mu, logvar, eps: right(mu, logvar, eps) * 1.01) for _ in range(3)}
    assert len(texts) == 1


# Prints and warnings -----------------------------------------------------------------------------------------------


def test_prints_of_the_first_call_are_shown_and_cut(capsys):
    def talks(mu, logvar, eps):
        print(mu.shape, "x" * 3 * LONGEST_PRINT)
        return right(mu, logvar, eps)

    said(talks, outcome="right")
    out = capsys.readouterr().out
    assert out.startswith("(5, 3) xxx") and len(out) == LONGEST_PRINT


def test_megabytes_on_stderr_are_cut_too(capsys):
    def warns(mu, logvar, eps):
        sys.stderr.write("y" * 10**7)
        return right(mu, logvar, eps)

    said(warns, outcome="right")
    assert "".join(capsys.readouterr()) == "y" * LONGEST_PRINT


def test_stdout_is_back_after_a_loop_without_end():
    before = sys.stdout
    examine(REPARAMETERIZE, forever, limit_s=0.1)
    assert sys.stdout is before


def test_numpy_warnings_are_held_back(recwarn, capsys):
    said(lambda mu, logvar, eps: mu + np.sqrt(logvar) * eps)
    assert not recwarn.list and capsys.readouterr().err == ""


# check, hint, solution ---------------------------------------------------------------------------------------------


def test_check_counts_tries_and_names_the_mistake(store, capsys):
    check("04/reparameterize", lambda mu, logvar, eps: mu + np.exp(logvar) * eps)
    check("04/reparameterize", right)
    assert [(e.right, e.detail) for e in store.events("04/reparameterize")] == [(False, "variance-for-std"), (True, "")]
    out = capsys.readouterr().out
    assert "✗ 04/reparameterize: not yet\n" in out and "✓ 04/reparameterize: right\n" in out


def test_hints_come_one_by_one_and_the_last_one_stays(store, capsys):
    texts = []
    for _ in range(5):
        hint("04/gaussian-kl")
        texts.append(capsys.readouterr().out)
    assert [text.splitlines()[0][-6:] for text in texts] == ["1 of 3", "2 of 3", "3 of 3", "3 of 3", "3 of 3"]
    assert texts[3] == texts[4]
    assert sum(e.what == "hint" for e in store.events("04/gaussian-kl")) == 3


def test_the_solution_opens_after_a_try_and_is_the_code_itself(capsys):
    solution("04/reparameterize")
    check("04/reparameterize", dots)
    solution("04/reparameterize")
    out = capsys.readouterr().out
    assert out.count("the solution opens after one try") == 2 and "def reparameterize" not in out
    check("04/reparameterize", lambda mu, logvar, eps: mu)
    solution("04/reparameterize")
    assert "    return mu + std * eps" in capsys.readouterr().out


def test_a_right_check_after_the_solution_was_shown_does_not_count(store, capsys):
    check("04/reparameterize", lambda mu, logvar, eps: mu)
    solution("04/reparameterize")
    check("04/reparameterize", right)
    assert [e.right for e in progress.tries(store, "04/reparameterize")] == [False]


@pytest.mark.parametrize("call", [lambda ref: check(ref, right), hint, solution])
def test_an_unknown_exercise_is_answered_with_the_nearest(call):
    with pytest.raises(ConfigError, match='did you mean "reparameterize"'):
        call("04/reparametrize")


def test_a_note_says_the_same_as_page_and_as_text():
    note = examine(REPARAMETERIZE, lambda mu, logvar, eps: mu + np.exp(logvar) * eps).note
    bundle = note._repr_mimebundle_()
    assert bundle["text/plain"] == str(note)
    assert "<code>exp(logvar)</code>" in bundle["text/html"] and "✗ 04/reparameterize: not yet" in bundle["text/html"]


def test_what_a_learner_raises_is_escaped_in_the_page():
    def fails(mu, logvar, eps):
        raise ValueError("<script>alert(1)</script>")

    page = examine(REPARAMETERIZE, fails).note._repr_mimebundle_()["text/html"]
    assert "<script" not in page and "&lt;script&gt;" in page
