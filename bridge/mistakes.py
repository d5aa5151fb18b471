"""Whether a task that ended early has made a mistake, or was only told to end.

Owns that a group of exceptions is both if it holds both. Knows no task.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import outcome


async def tell_of_mistakes(
    tell: Callable[[], None], task: Callable[..., Awaitable[None]], *given: Any
) -> None:
    """Run a task; ``tell`` is called if it makes one, before others see that they are cancelled."""
    done = await outcome.acapture(task, *given)
    if isinstance(done, outcome.Error):
        mistakes, _ = BaseExceptionGroup("a task", [done.error]).split(Exception)
        if mistakes is not None:
            tell()
    done.unwrap()
