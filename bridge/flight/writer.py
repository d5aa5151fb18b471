"""The writer of flight records: brings pieces of flights to the shelf, in the record's own lines.

Owns how a piece becomes lines in a file. Everything but `kept_flights` blocks. Must not know calls.
"""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Final

import trio

from bridge.flight.flight import FlightName, Piece
from bridge.flight.line import LineWriter
from bridge.flight.shelf import OpenRecord, Shelf
from bridge.log import Log
from bridge.settings.flight import FlightSettings
from bridge.thread_door import in_thread
from bridge.write_behind import Files, WriteBehind, lasting

MEGABYTE: Final = 1024 * 1024


def flight_files(shelf: Shelf, lines: LineWriter) -> Files[Piece]:
    """Flight records on a shelf."""
    return Files("flight_record", partial(FlightFile, shelf, lines), shelf.forget_old)


class FlightFile:
    """One call's record; its first line says whose it is."""

    def __init__(self, shelf: Shelf, lines: LineWriter, first: Piece) -> None:
        self._lines = lines
        self._record = _begun(shelf, lines, first.call)

    def write(self, piece: Piece) -> None:
        """Append the piece's events; with the last one it is decided whether the record stays."""
        self._record.append([self._lines.line(entry) for entry in piece.entries])
        if piece.keep is not None:
            self._record.finish(keep=piece.keep)

    def close(self) -> None:
        """Nothing is held open between two pieces."""


def _begun(shelf: Shelf, lines: LineWriter, call: FlightName) -> OpenRecord:
    record = shelf.open(call.call_sid, call.began_at)
    began = datetime.fromtimestamp(round(call.began_at, 3), UTC).isoformat()
    facts = {"call_sid": call.call_sid, "began_at": began, **call.facts}
    with ExitStack() as undo:
        undo.callback(record.finish, keep=False)
        record.append([lines.header(facts)])
        undo.pop_all()
    return record


@asynccontextmanager
async def kept_flights(
    settings: FlightSettings, secrets: list[str], log: Log
) -> AsyncIterator[WriteBehind[Piece] | None]:
    """Where calls leave their flights while the server runs; None = FLIGHT_RECORD=never."""
    if settings.flight_record == "never":
        yield None
        return
    shelf = Shelf(settings.flight_dir, settings.flight_max_mb * MEGABYTE, settings.flight_keep_days)
    files = flight_files(shelf, LineWriter(audio=settings.flight_audio, secrets=secrets))
    writer = WriteBehind(files, blocking=in_thread(trio.CapacityLimiter(1)), log=log)
    async with lasting(writer):
        yield writer
