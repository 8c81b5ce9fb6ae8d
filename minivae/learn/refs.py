"""Names of questions and exercises: `"04/why-the-kl"` is question `why-the-kl` of lesson 04."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from minivae.errors import ConfigError


def split(ref: str, call: str, example: str) -> tuple[str, str]:
    """Split a reference into lesson and name.

    Parameters
    ----------
    ref : str
        Such as ``"04/why-the-kl"``.
    call, example : str
        The function the learner called and a reference that it takes, for the message.

    Raises
    ------
    ConfigError
        If there is no lesson, no slash or no name.
    """
    if isinstance(ref, str) and ref.count("/") == 1 and all(ref.split("/")):
        lesson, name = ref.split("/")
        return lesson, name
    raise ConfigError(f'{call}: got {ref!r}, wanted "lesson/name"; for example {call}("{example}")')


def unknown(call: str, what: str, got: str, known: Iterable[str]) -> ConfigError:
    """Return the error for a name that does not exist, with the nearest that does, or else with all."""
    known = sorted(known)
    near = difflib.get_close_matches(got, known, n=1, cutoff=0.5)
    fix = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(known) or 'none yet'}"
    return ConfigError(f'{call}: there is no {what} "{got}"; {fix}')
