"""What check says of a kernel, beyond the tables: an endless one, one that prints, no compiler, a stub."""

import time
from dataclasses import replace

import pytest

from minivae.errors import ConfigError
from minivae.learn import practice, progress
from minivae.learn.checker import examine
from minivae.learn.cuda_cell import cuda
from minivae.learn.exercise import Cuda
from minivae.learn.exercises.lesson11 import EXERCISES, MATMUL, REPARAMETERIZE, ROW_KL

RIGHT = REPARAMETERIZE.cuda.source
STUB = "__global__ void reparameterize(const float* mu, const float* lv, const float* e, float* z, int n) {\n // \n}"


def verdict(source, exercise=REPARAMETERIZE):
    return examine(exercise, source)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.ref)
def test_what_cuda_returns_is_taken_as_a_string_is(exercise):
    assert verdict(cuda(exercise.cuda.source), exercise).outcome == "right"
    assert verdict(cuda(exercise.cuda.source, check=False), exercise).outcome == "right"


def test_an_endless_loop_ends_with_a_message():
    start = time.monotonic()
    found = verdict(RIGHT.replace("if (i < n)", "for (volatile int k = 0; k < 1; k = 0) if (i < n)"))
    assert found.symptom == "endless" and "it does not come to an end" in found.note.headline
    assert time.monotonic() - start < 20  # 2 s of work, and a busy machine


def test_a_race_is_told_with_the_hint_and_with_both_lines():
    found = verdict(ROW_KL.cuda.source.replace("part[t] = sum;\n  __syncthreads();", "part[t] = sum;"), ROW_KL)
    said = str(found.note)
    assert found.misconception == "missing-barrier" and "not yet, a data race" in said
    assert "8 | part[t] = sum;" in said and "10 | if (t < half)" in said
    assert "with 5 blocks of 128 threads, B = 5, L = 300" in said


def test_a_missing_barrier_is_found_though_the_numbers_are_right():
    """At K of one tile nothing is overwritten, and shares of short rows are 0: only the checks can tell."""
    short = replace(ROW_KL, sizes={"B": (5, 2, 4, 1, 3), "L": (20, 3, 40, 1, 64)})
    found = verdict(ROW_KL.cuda.source.replace("part[t] = sum;\n  __syncthreads();", "part[t] = sum;"), short)
    assert found.misconception == "missing-barrier"


def test_a_stub_is_no_try(monkeypatch, capsys):
    assert verdict(STUB).outcome == "stub"
    store = progress.current()
    practice.check("11/reparameterize", STUB)
    assert not progress.tries(store, "11/reparameterize")
    assert "nothing to check yet" in capsys.readouterr().out


def test_the_solution_that_is_shown_is_cuda(capsys):
    practice.check("11/reparameterize", RIGHT.replace("0.5f", "1 / 2"))
    practice.solution("11/reparameterize")
    said = capsys.readouterr().out
    assert "Every range has width 1" in said and "__global__ void reparameterize(" in said


def test_without_a_compiler_nothing_is_held_against_the_learner(monkeypatch):
    monkeypatch.setenv("MINIVAE_CXX", "no-such-compiler")
    found = verdict(RIGHT + "// not in the cache")
    assert found.outcome == "stub" and "apt install g++" in str(found.note)


def test_prints_of_the_first_launch_are_shown(capsys):
    verdict(RIGHT.replace("if (i < n)", 'if (i == 0) printf("hello\\n");\n  if (i < n)'))
    assert capsys.readouterr().out == "hello\n"


def test_words_about_a_right_kernel_name_what_was_looked_at():
    said = " ".join(str(verdict(MATMUL.cuda.source, MATMUL).note).split())
    assert "`matmul` gives the right numbers at every size tried, in three orders" in said and "no race" in said


def test_an_exercise_is_of_one_kind():
    with pytest.raises(ConfigError, match="at most one of them"):
        replace(REPARAMETERIZE, tensors=("mu",))


def test_a_launch_has_its_sizes_from_the_inputs():
    inputs = MATMUL.draw(MATMUL.rng(), 0)
    assert MATMUL.lengths(inputs) == {"M": 21, "K": 37, "N": 67}
    assert isinstance(MATMUL.cuda, Cuda) and MATMUL.cuda.grid(M=21, N=67) == (5, 2)
