"""The kernels' tests, tested: small faults put into the .cu files are noticed.

A sample of all small changes that a machine can think of; tests/cuda/mutants.py runs all of them, docs/trust.md has the
score.
"""

import pytest

from tests.cuda.equivalents import EQUIVALENT
from tests.cuda.mutants import NONE, Judge, Mutant, changes, every, mutants, sample, touched

SAMPLE = [m for m in sample(120) if m.key not in EQUIVALENT]


@pytest.fixture(scope="module")
def judge():
    with Judge() as some:
        yield some


def test_the_kernels_as_they_are_survive(judge):
    assert judge(NONE)["killed"] is None


@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.key) for m in SAMPLE])
def test_a_small_change_of_a_kernel_is_caught(judge, mutant):
    """Where this fails: add the case that was missing, or say in equivalents.py why there can be none."""
    assert judge(mutant)["killed"]


def test_one_that_is_no_cpp_is_said_to_be_none_and_the_next_is_judged(judge):
    text = Mutant("gaussian_kl.cu", 0, 0, "", "").source()
    at = text.index("mu * mu")
    assert judge(Mutant("gaussian_kl.cu", at, at + 7, "mu mu", "no C++"))["killed"] == "no C++"
    assert judge(Mutant("gaussian_kl.cu", at, at + 7, "mu + mu", "a sum"))["killed"] == "wrong numbers"


def test_every_equivalent_is_still_there_and_has_its_reason():
    assert not EQUIVALENT.keys() - {m.key for m in every()}, "a kernel changed: take these out of equivalents.py"
    assert all(len(reason) > 10 for reason in EQUIVALENT.values())


@pytest.mark.parametrize(
    ("token", "changed"),
    [
        ("+", ["-"]),
        ("<", ["<="]),
        ("threadIdx", ["blockIdx"]),
        ("32", ["33", "31"]),
        ("0", ["1"]),
        ("1u", ["2u", "0u"]),
        ("0.5f", ["0.505f"]),
        ("0.0f", ["0.01f"]),
        ("0xffffffffu", ["0x1fffffffu"]),
        ("expf", ["expm1f"]),
        ("sum", []),
    ],
)
def test_what_a_token_is_changed_to(token, changed):
    assert list(changes(token)) == changed


def test_barriers_and_early_returns_are_taken_out_and_parameters_left_alone():
    keys = [m.key for m in mutants("gaussian_kl.cu")]
    assert any("__syncthreads(); -> ;" in key for key in keys)
    assert any("if (b >= B) return; -> " in key and key.split("-> ")[1][:1] in ("", " ", "#") for key in keys)
    assert not any("__restrict__" in key or "constexpr" in key for key in keys)
    assert len(set(keys)) == len(keys)


def test_a_mutant_of_a_shared_function_reaches_every_kernel_of_the_file():
    text = Mutant("gaussian_kl.cu", 0, 0, "", "").source()
    shared, own = text.index("mu * mu"), text.index("part[t] +=")
    assert len(touched(Mutant("gaussian_kl.cu", shared, shared + 1, "", ""))) == 4
    assert touched(Mutant("gaussian_kl.cu", own, own + 1, "", "")) == ["gaussian_kl_v2"]
