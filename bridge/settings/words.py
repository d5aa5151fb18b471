"""How a setting is declared: its default, what it means, and the words for a wrong value.

Owns these declarations' form. Must not know any setting.
"""

from typing import Any

from pydantic import Field

YES_NO = "true or false"


def setting(default: Any, means: str, may_be: str, **limits: Any) -> Any:
    """A setting: what it means, and the sentence a user reads when its value is wrong."""
    return Field(default, description=means, json_schema_extra={"may_be": may_be}, **limits)


def seconds(default: float, means: str, low: float, high: float) -> Any:
    """A setting of so many seconds."""
    return setting(default, means, f"a number of seconds from {low:g} to {high:g}", ge=low, le=high)


def check_port(port: int | None) -> None:
    """Check the port of a split URL. Reading it was the check: ValueError comes only then."""
    assert port is None or 0 <= port <= 65_535
