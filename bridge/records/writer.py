"""The writer: takes entries from calls and sees to it that the database gets them.

Owns two tasks and what they do when something does not work:

    keep() ─► inbox ─► spool task ─► Spool ─► store task ─► database

* `keep` never waits. Inbox full: the new entry is refused, and a log line says whose it was.
* The spool task writes what has come, all of it with one fsync. Disk full or broken, or the spool
  at its bound: it tries again, more and more slowly, and entries wait in the inbox.
* The store task moves whole segments: database, commit, and only then off the disk. Database dead:
  it tries again, more and more slowly, and segments wait on the disk.

Both are done again after any failure; the database ignores what it already has. Everything that
blocks goes through the two `Blocking` doors: threads in production, plain calls in a world of
virtual time. Must not know calls, files or SQL.
"""

import datetime as dt
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import trio

from bridge.log import Log
from bridge.records.entry import CallEntry, entry_of, line_of
from bridge.records.spool import Segment
from bridge.records.store import StoreUnavailable
from bridge.thread_door import Blocking

INBOX_MAX: Final = 1000
RETRY_S_FIRST: Final = 1.0
RETRY_S_MAX: Final = 60.0
GATHER_S: Final = 1.0
"""Calls that end together go to the database together."""
ROUNDS_S: Final = 60.0
"""How often to look for dead workers' segments although nothing has come."""
FORGET_EVERY_S: Final = 3600.0
FINISH_S_MAX: Final = 5.0
"""A stopping process waits so long for disk and database; what is spooled by then is safe."""


class SpoolDoor(Protocol):
    """What the writer needs of an open `Spool`. All of it blocks, all of it may raise OSError."""

    def append(self, lines: Sequence[bytes]) -> int: ...  # noqa: D102 - see Spool
    def take(self) -> Segment | None: ...  # noqa: D102
    def remove(  # noqa: D102
        self, segment: Segment, rejected: Sequence[bytes] = ()
    ) -> Path | None: ...
    def adopt(self) -> int: ...  # noqa: D102


class StoreDoor(Protocol):
    """What the writer needs of a `SqlStore`. All of it blocks, all may raise StoreUnavailable."""

    def add(self, entries: Sequence[CallEntry]) -> list[int]: ...  # noqa: D102 - see SqlStore
    def forget_before(self, when: dt.datetime) -> int: ...  # noqa: D102


class RecordWriter:
    """Moves entries from calls to the database. `run` it once; `finish` ends it.

    Args:
        disk, database: the doors to `spool` and `store`. `database` may be abandoned when a
            stopping process has waited long enough.
        keep_days: how long a record is kept in the database; 0 = for ever.
    """

    def __init__(
        self,
        spool: SpoolDoor,
        store: StoreDoor,
        *,
        disk: Blocking,
        database: Blocking,
        wall_clock: Callable[[], float],
        log: Log,
        keep_days: int = 0,
    ) -> None:
        self._spool = spool
        self._store = store
        self._disk = disk
        self._database = database
        self._wall_clock = wall_clock
        self._log = log
        self._keep_days = keep_days
        self._forget_at = -math.inf
        self._post, self._inbox = trio.open_memory_channel[CallEntry](INBOX_MAX)
        self._unsafe: list[CallEntry] = []
        self._spooled = trio.Event()
        self._finishing = trio.Event()
        self.finished = trio.Event()
        self._all_spooled = False
        self._prepared = False

    def keep(self, entry: CallEntry) -> None:
        """Take an entry. Never waits, never raises; it is safe some milliseconds later."""
        try:
            self._post.send_nowait(entry)
        except trio.WouldBlock:
            self._lost(entry, "too many records wait for the disk")
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            self._lost(entry, "the process is stopping")

    def finish(self) -> None:
        """No more entries come: `run` returns when all are safe, after FINISH_S_MAX at most."""
        self._post.close()
        self._finishing.set()

    async def run(self) -> None:
        """Move entries until `finish`. The spool is open."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._fill_spool)
                nursery.start_soon(self._move_to_store)
                await self._finishing.wait()
                nursery.cancel_scope.deadline = trio.current_time() + FINISH_S_MAX
        finally:
            for entry in [*self._unsafe, *self._waiting()]:
                self._lost(entry, "it was not on the disk in time")
            self._inbox.close()
            self.finished.set()

    # ------------------------------------------------------------------ the spool task
    async def _fill_spool(self) -> None:
        async for entry in self._inbox:
            self._unsafe = [entry, *self._waiting()]
            retry_s = RETRY_S_FIRST
            while self._unsafe:
                try:
                    lines = [line_of(one) for one in self._unsafe]
                    count = await self._disk(self._spool.append, lines)
                except OSError as why:
                    self._log.error("record_spool_stuck", why=str(why), retry_s=retry_s)
                    retry_s = await self._pause(retry_s)
                else:
                    del self._unsafe[:count]
                    self._spooled.set()
        self._all_spooled = True
        self._spooled.set()

    def _waiting(self) -> list[CallEntry]:
        """What else has come, without waiting."""
        entries = []
        try:
            while True:
                entries.append(self._inbox.receive_nowait())
        except (trio.WouldBlock, trio.EndOfChannel):
            return entries

    # ------------------------------------------------------------------ the store task
    async def _move_to_store(self) -> None:
        retry_s = RETRY_S_FIRST
        while True:
            last, self._spooled = self._all_spooled, trio.Event()
            try:
                await self._move_all()
            except (StoreUnavailable, OSError) as why:
                self._log.warning("records_waiting", why=str(why), retry_s=retry_s)
                retry_s = await self._pause(retry_s)
                continue
            if retry_s > RETRY_S_FIRST:
                self._log.info("records_moving")
            retry_s = RETRY_S_FIRST
            if last:
                return
            await self._until_more()

    async def _move_all(self) -> None:
        if not self._prepared:
            await self._database(self._store.add, ())
            self._prepared = True
        await self._disk(self._spool.adopt)
        while (segment := await self._disk(self._spool.take)) is not None:
            await self._move(segment)
        if self._keep_days and trio.current_time() >= self._forget_at:
            now = dt.datetime.fromtimestamp(self._wall_clock(), dt.UTC)
            oldest = now - dt.timedelta(days=self._keep_days)
            gone = await self._database(self._store.forget_before, oldest)
            self._forget_at = trio.current_time() + FORGET_EVERY_S
            if gone:
                self._log.info("records_forgotten", count=gone)

    async def _move(self, segment: Segment) -> None:
        """One segment: into the database, and only then off the disk."""
        read = [(line, entry_of(line)) for line in segment.lines]
        known = [(line, entry) for line, entry in read if entry is not None]
        refused = await self._database(self._store.add, [entry for _, entry in known])
        rejected = [line for line, entry in read if entry is None]
        rejected += [known[index][0] for index in refused]
        file = await self._disk(self._spool.remove, segment, rejected)
        if rejected:
            self._log.error("records_rejected", count=len(rejected), file=file and str(file))
        if file is None:
            for index in refused:
                self._lost(known[index][1], "the spool has no room for more .rejected files")

    async def _until_more(self) -> None:
        """Wait for more in the spool, and a little longer for what comes with it."""
        with trio.move_on_after(ROUNDS_S):
            await self._spooled.wait()
            with trio.move_on_after(GATHER_S):
                await self._finishing.wait()

    # ------------------------------------------------------------------ both
    async def _pause(self, retry_s: float) -> float:
        """Wait after a failure, shorter when the process stops; return the next wait."""
        if self._finishing.is_set():
            await trio.sleep(RETRY_S_FIRST)
        else:
            with trio.move_on_after(retry_s):
                await self._finishing.wait()
        return min(2 * retry_s, RETRY_S_MAX)

    def _lost(self, entry: CallEntry, why: str) -> None:
        """The line `call_ended` of the same call has the counters."""
        self._log.error("record_lost", call_sid=entry.call_sid, why=why)
