"""Call records in production: the writer with its spool, its database and its threads.

Owns how long it lives: as long as the server, and a few seconds more to bring in what the last
calls left. Started around the server and not by the application's lifespan, so that the application
is the same wherever it is served, and a simulated world can hand it something else.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio

from bridge.errors import BridgeError
from bridge.log import Log
from bridge.records.book import CallRecords
from bridge.records.spool import Spool
from bridge.records.store import SqlStore
from bridge.records.writer import FINISH_S_MAX, RecordWriter
from bridge.settings.records import RecordSettings
from bridge.thread_door import in_thread
from bridge.write_behind import lasting

MEGABYTE: Final = 1024 * 1024
CLOSE_S_MAX: Final = 1.0


class SpoolUnusable(BridgeError):  # noqa: N818 - the base is the error
    """The spool's folder cannot be made or written."""


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
        async with lasting(writer, FINISH_S_MAX + CLOSE_S_MAX):
            yield writer
    finally:
        with trio.move_on_after(CLOSE_S_MAX, shield=True):
            await disk(spool.close)
            await database(store.close)
