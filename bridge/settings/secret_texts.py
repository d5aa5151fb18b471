"""Which texts of the settings must never be seen: in a log, a flight record, anywhere.

Owns the rule, so that no setting can be forgotten: every secret, and every password in a URL. Must
not know any setting.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, SecretStr

CHARS_MIN: Final = 6
"""What is shorter cannot be told from any word: to remove it would spoil every text."""


def secrets_of(settings: BaseModel) -> list[str]:
    """All secrets that could get into a text, the longest first."""
    found = {
        text
        for name in type(settings).model_fields
        for text in _secrets_in(getattr(settings, name, None))
        if len(text) >= CHARS_MIN
    }
    return sorted(found, key=lambda text: (-len(text), text))


def _secrets_in(value: Any) -> Iterator[str]:
    match value:
        case SecretStr():
            text = value.get_secret_value()
            passwords = list(_passwords(text))
            # A URL is a secret for its password's sake; without one it is an address.
            if passwords or "://" not in text:
                yield text
            yield from passwords
        case str():
            yield from _passwords(value)
        case Mapping():
            for item in value.values():
                yield from _secrets_in(item)


def _passwords(text: str) -> Iterator[str]:
    """The passwords in a URL, as they are written there and as they are."""
    if "://" not in text:
        return
    try:
        parts = urlsplit(text)
    except ValueError:
        return
    if parts.password:
        yield parts.password
        yield unquote(parts.password)
    yield from (given for name, given in parse_qsl(parts.query) if name == "password")
