import pytest

from tests.browser import lab


def pytest_collection_modifyitems(items):
    """Skip with the reason where something is missing; fail nothing, for a learner may well have no browser."""
    missing = None
    try:
        import jupyterlab  # noqa: F401
        import playwright  # noqa: F401
    except ImportError as error:
        missing = f'no {error.name}: pip install "minivae[lab,dev]"'
    if missing is None and lab.browser_path() is None:
        missing = f"no browser: install one of {', '.join(lab.BROWSERS)}"
    if missing is not None:
        for item in items:
            if "tests/browser" in item.path.as_posix():
                item.add_marker(pytest.mark.skip(reason=missing))
