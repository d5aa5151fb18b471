"""The sentences about settings that are wrong.

Owns their words, and that no secret is in them. Must not know any setting.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from bridge.errors import BridgeError, SettingsError

NO_WORD: Final = "no_word"
PLACEHOLDER: Final = "placeholder"
_STANDS_FOR_A_KEY: Final = re.compile(
    r"<.*>|.*\.\.\.|your[-_ ].*|(change|replace)[-_ ]?me", re.IGNORECASE | re.DOTALL
)
Fields = Mapping[str, FieldInfo]


class UnusableSettings(BridgeError):  # noqa: N818 - it is made of errors
    """One or more settings are missing or wrong; one readable line for each in `lines`."""

    def __init__(self, errors: list[SettingsError]) -> None:
        self.errors = errors
        self.lines = [str(error) for error in errors]
        super().__init__("\n".join(self.lines))


def one_word(value: SecretStr | None) -> SecretStr | None:
    """Check a key: it goes into headers as it is, and no key has a space in it."""
    text = "" if value is None else value.get_secret_value()
    if not all("!" <= char <= "~" for char in text):
        raise PydanticCustomError(NO_WORD, "a space, a line break or no ASCII")
    return value


def no_placeholder(value: SecretStr | None) -> SecretStr | None:
    """Check a key: what examples show in its place is none, and would fail in each call."""
    if value is not None and _STANDS_FOR_A_KEY.fullmatch(value.get_secret_value()):
        raise PydanticCustomError(PLACEHOLDER, "an example")
    return value


def complaint(error: ErrorDetails, fields: Fields) -> SettingsError:
    """What is wrong with one value, or name."""
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        known = [field.upper() for field in fields]
        return SettingsError(name.upper(), f"unknown setting{meant(name.upper(), known)}")
    if error["type"] == PLACEHOLDER:
        return SettingsError(name.upper(), "is the placeholder of an example, put the key there")
    if error["type"] == NO_WORD:
        got = "got a value with spaces, line breaks or letters of no key in it (not shown)"
    elif is_secret(fields[name]):
        got = "got a value that does not fit (not shown)"
    else:
        got = f"got {shortened(error['input'])}"
    return SettingsError(name.upper(), f"{got}, may be: {may_be(fields[name])}")


def may_be(field: FieldInfo) -> str:
    """The values a setting accepts, in words."""
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    return str(extra["may_be"])


def is_secret(field: FieldInfo) -> bool:
    """Whether a setting's value must never be shown."""
    return "SecretStr" in str(field.annotation)


def shortened(value: Any) -> str:
    """A wrong value, quoted, on one line."""
    words = json.dumps(str(value), ensure_ascii=False)
    return words if len(words) <= 80 else f'{words[:76]}..."'


def meant(name: str, known: Iterable[str]) -> str:
    """A hint at the nearest of the right names; empty if none is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return f" (did you mean {close[0]}?)" if close else ""
