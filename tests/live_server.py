"""A fake that really listens, in a thread with a trio loop of its own.

For tests whose client is not trio's: asyncio packages, blocking sockets, other processes.
"""

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Queue
from typing import TypeVar

import trio

from simulator.sockets import Sockets, open_sockets
from simulator.timeline import Timeline

T = TypeVar("T")

START_S = 20
STOP_S = 10


@contextmanager
def serving(start: Callable[[Sockets, Timeline], Awaitable[T]]) -> Iterator[T]:
    """Run `start` in a trio loop in a thread, give what it returns, and serve until the block ends.

    `start` gets sockets and the timeline, both running: it makes a fake, listens, and returns the
    address or whatever a test needs. What the loop or a callback raises is raised when the block
    ends, so that a broken fake does not look like a silent one.
    """
    began: Queue[tuple[T, trio.CancelScope, trio.lowlevel.TrioToken] | None] = Queue()
    failures: list[BaseException] = []

    async def serve() -> None:
        timeline = Timeline()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timeline.run)
            async with open_sockets(timeline) as net:
                token = trio.lowlevel.current_trio_token()
                began.put((await start(net, timeline), nursery.cancel_scope, token))
                await trio.sleep_forever()

    def run() -> None:
        try:
            trio.run(serve)
        except BaseException as failure:  # noqa: BLE001 - carried to the test's own thread
            failures.append(failure)
        finally:
            began.put(None)

    thread = threading.Thread(target=run, name="a fake that listens", daemon=True)
    thread.start()
    running = began.get(timeout=START_S)
    try:
        if running is not None:
            yield running[0]
    finally:
        if running is not None:
            _, scope, token = running
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(scope.cancel)
        thread.join(STOP_S)
    if failures:
        raise failures[0]
    assert running is not None
    assert not thread.is_alive()
