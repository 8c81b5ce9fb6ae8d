"""Reads one TOML table strictly: each field has a type, an unknown field is an error, and every error says where."""

from __future__ import annotations

from typing import TypeGuard

from minivae.errors import ConfigError
from minivae.learn.formula import Node
from minivae.learn.markup import parse


class Table:
    """One TOML table and the place it came from.

    Parameters
    ----------
    fields : dict
        As `tomllib` gives them.
    where : str
        File and question, the start of every message.
    """

    def __init__(self, fields: object, where: str) -> None:
        if not isinstance(fields, dict):
            raise ConfigError(f"{where}: got {fields!r}, wanted a table of fields; write [[question]] and its lines")
        self.fields, self.where = fields, where
        self._read: set[str] = set()

    def string(self, key: str, required: bool = True) -> str:
        """Return a non-empty string; an empty one where it is absent and may be."""
        if not required and key not in self.fields:
            return ""
        return self._get(key, str, 'a text, as in {key} = "..."', None)

    def strings(self, key: str) -> list[str]:
        """Return a list of non-empty strings, which may be absent."""
        return self._list(
            key, lambda item: isinstance(item, str) and bool(item.strip()), 'texts, as in {key} = ["..."]'
        )

    def number(self, key: str, required: bool = True) -> float:
        """Return a number; 0 where it is absent and may be."""
        if not required and key not in self.fields:
            return 0.0
        self._read.add(key)
        if _is_number(value := self.fields.get(key)):
            return float(value)
        raise self._error(key, value, "a number, as in {key} = 0.5")

    def numbers(self, key: str) -> list[float]:
        """Return a list of numbers, which may be absent."""
        return [float(item) for item in self._list(key, _is_number, "numbers, as in {key} = [1, 2.5]")]

    def markup(self, key: str, required: bool = True) -> list[Node]:
        """Return a parsed text; an empty list where it is absent and may be."""
        if not required and key not in self.fields:
            return []
        text = self.string(key)
        try:
            return parse(text)
        except ConfigError as error:
            raise ConfigError(f'{self.where}: in "{key}": {error}') from None

    def flag(self, key: str) -> bool:
        """Return true or false; false where it is absent."""
        return self._get(key, bool, "{key} = true, or no {key} at all", False)

    def tables(self, key: str, required: bool = True) -> list[Table]:
        """Return the tables of an array of tables, such as ``[[question.option]]``; none where it may be absent."""
        if not required and key not in self.fields:
            return []
        rows = self._get(key, list, "one or more tables, each under its own [[...{key}]]", None)
        return [Table(row, f"{self.where}, {key} {n}") for n, row in enumerate(rows, start=1)]

    def done(self) -> None:
        """Raise ConfigError if the table has a field that nobody asked for: most often a misspelt one."""
        extra = sorted(set(self.fields) - self._read)
        if extra:
            known = ", ".join(sorted(self._read))
            raise ConfigError(f'{self.where}: got a field "{extra[0]}", wanted only {known}; correct or remove it')

    def _get(self, key, kind, wanted: str, default):
        self._read.add(key)
        value = self.fields.get(key, default)
        if isinstance(value, str):
            value = value.strip()
        if isinstance(value, kind) and (value or kind is bool):
            return value
        raise self._error(key, value, wanted)

    def _list(self, key, good, wanted: str) -> list:
        if key not in self.fields:
            return []
        value = self._get(key, list, wanted, None)
        if all(map(good, value)):
            return value
        raise self._error(key, value, wanted)

    def _error(self, key: str, value: object, wanted: str) -> ConfigError:
        got = "nothing" if value in (None, "", []) else repr(value)
        return ConfigError(f'{self.where}: field "{key}": got {got}, wanted {wanted.format(key=key)}')


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
