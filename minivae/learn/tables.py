"""Reads one TOML table strictly: each field has a type, an unknown field is an error, and every error says where."""

from __future__ import annotations

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

    def string(self, key: str) -> str:
        """Return a non-empty string that must be there."""
        return self._get(key, str, 'a text, as in {key} = "..."', None)

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

    def tables(self, key: str) -> list[Table]:
        """Return the tables of an array of tables, such as ``[[question.option]]``."""
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
        got = "nothing" if value in (None, "", []) else repr(value)
        raise ConfigError(f'{self.where}: field "{key}": got {got}, wanted {wanted.format(key=key)}')
