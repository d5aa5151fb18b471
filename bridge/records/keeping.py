"""Call records in production: the writer with its spool, its database and its threads.

Owns how long it lives: as long as the server, and a few seconds more to bring in what the last
calls left. Started around the server and not by the application's lifespan, so that the application
is the same wherever it is served, and a simulated world can hand it something else.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import trio

from bridge.errors import BridgeError
from bridge.log import Log
from bridge.record_settings import RecordSettings
from bridge.records.book import CallRecords
from bridge.records.spool import Spool
from bridge.records.store import SqlStore
from bridge.records.writer import FINISH_S_MAX, Blocking, RecordWriter

T = TypeVar("T")
MEGABYTE: Final = 1024 * 1024
CLOSE_S_MAX: Final = 1.0


class SpoolUnusable(BridgeError):  # noqa: N818 - the base is the error
    """The spool's folder cannot be made or written."""


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


@asynccontextmanager
async def kept_records(
    settings: RecordSettings, store: SqlStore, wall_clock: Callable[[], float], log: Log
) -> AsyncIterator[CallRecords]:
    """Where calls leave their records while the server runs.

    Raises:
        SpoolUnusable: nothing was started.
    """
    # Two doors: a database that hangs must not keep the disk waiting.
    disk, database = (in_thread(trio.CapacityLimiter(1)) for _ in range(2))
    spool = Spool(settings.records_spool, settings.records_spool_max_mb * MEGABYTE)
    try:
        await disk(spool.open)
    except OSError as why:
        raise SpoolUnusable(f"RECORDS_SPOOL: cannot keep call records: {why}") from None
    writer = RecordWriter(
        spool,
        store,
        disk=disk,
        database=database,
        wall_clock=wall_clock,
        log=log,
        keep_days=settings.records_keep_days,
    )
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run)
            try:
                yield writer
            finally:
                writer.finish()
                # Also after a failure: calls have ended, and what they left is to be brought in.
                with trio.move_on_after(FINISH_S_MAX + CLOSE_S_MAX, shield=True):
                    await writer.finished.wait()
    finally:
        with trio.move_on_after(CLOSE_S_MAX, shield=True):
            await disk(spool.close)
            await database(store.close)
