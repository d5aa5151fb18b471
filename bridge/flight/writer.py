"""The writer: takes pieces of flight records from calls and sees to it that they get to the shelf.

Owns a bounded queue and one task.

* `take` never waits. Queue full: the piece is refused, and its flight counts the events.
* A record that cannot be written is given up, with one log line: a flight record is there to
  explain a call, and must not become a trouble of its own.

What blocks (encoding, compressing, the disk) goes through `blocking`: a thread in production, a
plain call in a world of virtual time. Must not know calls.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

import trio

from bridge.flight.flight import FlightName, Piece
from bridge.flight.line import LineWriter
from bridge.flight.shelf import OpenRecord, Shelf
from bridge.flight_settings import FlightSettings
from bridge.log import Log

QUEUE_BYTES_MAX: Final = 32 * 1024 * 1024
FINISH_S_MAX: Final = 3.0
FORGET_EVERY_S: Final = 3600.0
MEGABYTE: Final = 1024 * 1024

Blocking = Callable[[Callable[[], None]], Awaitable[None]]


class FlightWriter:
    """Moves pieces from calls to the shelf. `run` it once; `finish` ends it."""

    def __init__(self, shelf: Shelf, lines: LineWriter, *, blocking: Blocking, log: Log) -> None:
        self._shelf = shelf
        self._lines = lines
        self._blocking = blocking
        self._log = log
        self._queue: deque[Piece] = deque()
        self._weight = 0
        self._open: dict[FlightName, OpenRecord | None] = {}
        self._lost: list[tuple[str, str]] = []
        self._not_deleted = ""
        self._deleted = 0
        self._more = trio.Event()
        self._finishing = False
        self.finished = trio.Event()

    def take(self, piece: Piece) -> bool:
        """Take a piece, unless the queue is full; the bare end of a call is always taken."""
        if self._weight + piece.weight > QUEUE_BYTES_MAX and piece.entries:
            return False
        self._queue.append(piece)
        self._weight += piece.weight
        self._more.set()
        return True

    def finish(self) -> None:
        """No more pieces come: `run` returns when all are written."""
        self._finishing = True
        self._more.set()

    async def run(self) -> None:
        """Write pieces until `finish`, and delete what is too old."""
        forget_at = trio.current_time()
        while self._queue or not self._finishing:
            self._more = trio.Event()
            while self._queue:
                piece = self._queue.popleft()
                await self._blocking(partial(self._write, piece))
                self._weight -= piece.weight
                self._tell()
            if self._finishing:
                continue
            if trio.current_time() >= forget_at:
                await self._blocking(self._forget_old)
                self._tell()
                forget_at = trio.current_time() + FORGET_EVERY_S
            with trio.move_on_at(forget_at):
                await self._more.wait()
        self.finished.set()

    def _write(self, piece: Piece) -> None:
        try:
            self._write_to(self._record(piece.call), piece)
        except OSError as why:
            self._open[piece.call] = None
            self._lost.append((piece.call.call_sid, str(why)))
        if piece.keep is not None:
            self._open.pop(piece.call, None)

    def _write_to(self, record: OpenRecord | None, piece: Piece) -> None:
        if record is None:
            return
        record.append([self._lines.line(entry) for entry in piece.entries])
        if piece.keep is not None:
            record.finish(keep=piece.keep)

    def _record(self, call: FlightName) -> OpenRecord | None:
        if call not in self._open:
            record = self._open[call] = self._shelf.open(call.call_sid, call.began_at)
            began = datetime.fromtimestamp(round(call.began_at, 3), UTC).isoformat()
            facts = {"call_sid": call.call_sid, "began_at": began, **call.facts}
            record.append([self._lines.header(facts)])
        return self._open[call]

    def _forget_old(self) -> None:
        try:
            self._deleted += self._shelf.forget_old()
        except OSError as why:
            self._not_deleted = str(why)

    def _tell(self) -> None:
        """Log what happened behind the door; a log is not for threads."""
        for call_sid, why in self._lost:
            self._log.error("flight_record_lost", call_sid=call_sid, why=why)
        if self._not_deleted:
            self._log.error("flight_records_not_deleted", why=self._not_deleted)
        if self._deleted:
            self._log.info("flight_records_deleted", count=self._deleted)
        self._lost, self._not_deleted, self._deleted = [], "", 0


@asynccontextmanager
async def kept_flights(
    settings: FlightSettings, secrets: list[str], log: Log
) -> AsyncIterator[FlightWriter | None]:
    """Where calls leave their flights while the server runs; None = FLIGHT_RECORD=never."""
    if settings.flight_record == "never":
        yield None
        return
    limiter = trio.CapacityLimiter(1)

    async def in_thread(function: Callable[[], None]) -> None:
        # A stopping process must not wait for a disk that hangs.
        await trio.to_thread.run_sync(function, limiter=limiter, abandon_on_cancel=True)

    shelf = Shelf(settings.flight_dir, settings.flight_max_mb * MEGABYTE, settings.flight_keep_days)
    lines = LineWriter(audio=settings.flight_audio, secrets=secrets)
    writer = FlightWriter(shelf, lines, blocking=in_thread, log=log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            yield writer
        finally:
            writer.finish()
            with trio.move_on_after(FINISH_S_MAX, shield=True):
                await writer.finished.wait()
            nursery.cancel_scope.cancel()
