"""Small parts for the tests of call records: entries, a plain door, memory for a disk."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bridge.records.entry import CallEntry
from bridge.records.spool import Segment
from bridge.records.store import StoreUnavailable

T = TypeVar("T")
START = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def entry(number: int = 1, **given: Any) -> CallEntry:
    """An entry like any other; `number` makes it its own call, a minute later than the last."""
    start = START + dt.timedelta(minutes=number)
    facts = {
        "call_sid": f"CA{number:032}",
        "session_id": f"MZ{number:032}",
        "from_number": "+15550001234",
        "to_number": "+15550005678",
        "agent": "default",
        "model": "gpt-realtime-2.1",
        "parameter_names": ["booking"],
        "started_at": start,
        "answered_at": start + dt.timedelta(seconds=1),
        "ended_at": start + dt.timedelta(seconds=31),
        "end_reason": "caller_hung_up",
        "duration_ms": 30_000,
        "response_latencies_ms": [700, 900],
        "cost_usd": 0.0123,
        "details": {"tokens": {"input_text": 1}, "realtime_errors": {}},
    }
    return CallEntry(**{**facts, **given})


class Kept(list[CallEntry]):
    """Call records as a list."""

    def keep(self, one: CallEntry) -> None:
        """Take an entry."""
        self.append(one)


class MemorySpool:
    """A spool in memory; `trouble` is raised by the next calls, one each."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.rejected: list[bytes] = []
        self.has_room_aside = True
        self.trouble: list[OSError] = []
        self.adopted = 0

    def append(self, lines: Sequence[bytes]) -> int:
        """Two lines at most in a segment."""
        self._stumble()
        some = tuple(line.rstrip(b"\n") for line in lines[:2])
        self.segments.append(Segment(Path(str(len(self.segments))), some))
        return len(some)

    def take(self) -> Segment | None:
        """The first."""
        return self.segments[0] if self.segments else None

    def remove(self, segment: Segment, rejected: Sequence[bytes] = ()) -> Path | None:
        """Gone."""
        self._stumble()
        self.segments.remove(segment)
        if not rejected or not self.has_room_aside:
            return None
        self.rejected += rejected
        return Path("spool/1-abc.rejected")

    def adopt(self) -> int:
        """Nobody died."""
        self.adopted += 1
        return 0

    def _stumble(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)


class MemoryStore:
    """A database in memory: down while `down`, and it refuses what `refuses` says."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, str], CallEntry] = {}
        self.down = False
        self.asked = 0
        self.refuses: Callable[[CallEntry], bool] = lambda _: False
        self.forgot_before: list[dt.datetime] = []

    def add(self, entries: Sequence[CallEntry]) -> list[int]:
        """Write what is not there."""
        self._answer()
        refused = [index for index, one in enumerate(entries) if self.refuses(one)]
        for index, one in enumerate(entries):
            if index not in refused:
                self.calls.setdefault((one.call_sid, one.session_id), one)
        return refused

    def forget_before(self, when: dt.datetime) -> int:
        """Delete what is old."""
        self._answer()
        self.forgot_before.append(when)
        old = [key for key, one in self.calls.items() if one.ended_at < when]
        for key in old:
            del self.calls[key]
        return len(old)

    def _answer(self) -> None:
        self.asked += 1
        if self.down:
            raise StoreUnavailable("connection refused")
