"""Writing behind without threads, for tests that look at the files."""

from collections.abc import Callable
from typing import Any, TypeVar

import trio

from bridge.write_behind import WriteBehind

T = TypeVar("T")


async def at_once(function: Callable[..., T], *given: Any) -> T:
    """The door of a world in virtual time."""
    await trio.lowlevel.checkpoint()
    return function(*given)


async def run(writer: WriteBehind[Any]) -> None:
    """Write all that was taken."""
    writer.finish()
    await writer.run()
