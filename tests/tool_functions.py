"""Python functions that tools' files name."""

from typing import Annotated

from pydantic import Field

FUNCTION = """
function: tests.tool_functions:order_state
"""


async def order_state(number: str, day: str = "today") -> str:
    """Look up an order."""
    return f"{number} {day}"


def silent(number: str) -> str:  # noqa: D103 - that is the point
    return number


def rust_only(number: Annotated[str, Field(pattern=r"^\p{L}+$")]) -> str:
    """Take what Python's expressions do not know."""
    return number


def positional(*numbers: str) -> str:
    """Take anything."""
    return "".join(numbers)
