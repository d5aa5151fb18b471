"""The form of one REST request, read parameter by parameter.

Owns what a number, a choice, a flag or a URL may look like. Which request has which is `create`'s
and `ledger`'s business. An empty value counts as not given, a repeated one by its last.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from simulator.account.errors import RefusedError
from simulator.phone.twiml import Document, TwimlError, parse

Fields = Mapping[str, list[str]]
"""A decoded form or query: every name with its values in order."""

TWIML_CHARACTERS = 4000
METHODS = ("GET", "POST")
WHOLE = re.compile(r"[0-9]{1,9}")


class Parameters:
    """Reads and checks; every method raises `RefusedError` for a value that cannot be."""

    def __init__(self, fields: Fields) -> None:
        self._values = {name: [v for v in given if v] for name, given in fields.items()}

    def __contains__(self, name: str) -> bool:
        return bool(self._values.get(name))

    @property
    def names(self) -> Collection[str]:
        """Everything that was given a value."""
        return [name for name, values in self._values.items() if values]

    def text(self, name: str, default: str = "") -> str:
        """The value as it came."""
        values = self._values.get(name)
        return values[-1] if values else default

    def matching(self, name: str, pattern: re.Pattern[str], meaning: str) -> str:
        """A text of a certain shape; "" if not given."""
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            raise RefusedError(20001, f"{name} is not {meaning}")
        return value

    def whole(self, name: str, default: int, low: int, high: int, *, code: int = 20001) -> int:
        """A whole number from `low` to `high`."""
        value = self.text(name)
        if not value:
            return default
        if not WHOLE.fullmatch(value) or not low <= int(value) <= high:
            raise RefusedError(code, f"{name} is not a whole number from {low} to {high}")
        return int(value)

    def choice(self, name: str, allowed: Collection[str], default: str = "") -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value and value not in allowed:
            raise RefusedError(20001, f"{name} is not {' or '.join(allowed)}")
        return value

    def several(self, name: str, allowed: Collection[str]) -> tuple[str, ...]:
        """A parameter that is repeated, each of its values one of a few words."""
        values = tuple(self._values.get(name, ()))
        for value in values:
            if value not in allowed:
                raise RefusedError(20001, f"{name}: {value!r} is none of {', '.join(allowed)}")
        return values

    def flag(self, name: str, default: bool = False) -> bool:
        """Written as true or false."""
        value = self.text(name, str(default)).lower()
        if value not in ("true", "false"):
            raise RefusedError(20001, f"{name} is not true or false")
        return value == "true"

    def method(self, name: str) -> str:
        """GET or POST, which is the default."""
        value = self.text(name, "POST").upper()
        if value not in METHODS:
            raise RefusedError(20001, f"{name} is not GET or POST")
        return value

    def url(self, name: str, *, code: int = 20001) -> str:
        """An absolute http or https URL; "" if not given."""
        value = self.text(name)
        if value and not is_web_url(value):
            raise RefusedError(code, f"{name} parameter is not valid")
        return value

    def twiml(self, name: str) -> Document | None:
        """A whole document, given by value; None if not given."""
        # fidelity: documented twilio.md 4.2 - at most 4000 characters
        # fidelity: inferred twilio.md 4.2 - a document that cannot be parsed is refused at once
        value = self.text(name)
        if not value:
            return None
        if len(value) > TWIML_CHARACTERS:
            raise RefusedError(20001, f"{name} has more than {TWIML_CHARACTERS} characters")
        try:
            return parse(value.encode())
        except TwimlError as problem:
            raise RefusedError(20001, problem.text) from problem


def is_web_url(text: str) -> bool:
    """Whether `text` is an absolute http or https URL with a host."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        return usable and parts.port != 0 and not any(letter.isspace() for letter in text)
    except ValueError:
        return False
