"""The door to what blocks: disks and databases are spoken to in a thread.

Owns what happens to a thread nobody waits for any more. In a world of virtual time the door is a
plain call.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import trio

T = TypeVar("T")


class Blocking(Protocol):
    """A door to something that blocks: runs it where it blocks nobody."""

    async def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """`function(*given)`."""


def in_thread(limiter: trio.CapacityLimiter) -> Blocking:
    """A door that runs things in a thread, as many at once as `limiter` has tokens.

    A cancelled wait leaves the thread to itself: everything behind this door may be done twice, and
    a stopping process must not wait for a disk or a database that hangs.
    """

    async def run(function: Callable[..., T], *given: Any) -> T:
        return await trio.to_thread.run_sync(
            function, *given, limiter=limiter, abandon_on_cancel=True
        )

    return run
