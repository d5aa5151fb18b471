"""The writer, in virtual time: nothing waits for it, nothing is lost, whatever does not work."""

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from bridge.log import make_log
from bridge.records.entry import CallEntry, entry_of, line_of
from bridge.records.writer import FINISH_S_MAX, INBOX_MAX, RecordWriter
from bridge.thread_door import Blocking
from tests.far_ends import Lines
from tests.file_writers import at_once
from tests.record_parts import START, MemorySpool, MemoryStore, entry

T = TypeVar("T")
DAY_S = 24 * 3600


class Place:
    """A writer between a spool and a store in memory."""

    def __init__(
        self, keep_days: int = 0, disk: Blocking = at_once, database: Blocking = at_once
    ) -> None:
        self.spool, self.store, self.lines = MemorySpool(), MemoryStore(), Lines()
        self.writer = RecordWriter(
            self.spool,
            self.store,
            disk=disk,
            database=database,
            wall_clock=self.wall_clock,
            log=make_log(self.lines.keep, self.wall_clock),
            keep_days=keep_days,
        )

    @staticmethod
    def wall_clock() -> float:
        """The world begins when the first calls do."""
        return START.timestamp() + trio.current_time()

    @property
    def stored(self) -> list[CallEntry]:
        """What the database has."""
        return list(self.store.calls.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The writer runs, and is finished at the end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.writer.run)
            yield
            self.writer.finish()


async def test_an_entry_is_soon_in_the_database(autojump_clock: MockClock) -> None:
    """From the call through the spool to the database, and off the spool."""
    place = Place()
    async with place.running():
        await trio.sleep(10)
        place.writer.keep(entry(1))
        await trio.sleep(2)

        assert place.stored == [entry(1)]
        assert place.spool.segments == []
    assert place.lines == []


async def test_keeping_does_not_wait(autojump_clock: MockClock) -> None:
    """Before anything runs, and while the disk hangs: `keep` is a plain call."""

    async def hangs(function: Callable[..., T], *given: Any) -> T:
        await trio.sleep(60)
        return function(*given)

    place = Place(disk=hangs)
    place.writer.keep(entry(1))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(place.writer.run)
        await trio.sleep(1)
        place.writer.keep(entry(2))
        await trio.sleep(600)
        nursery.cancel_scope.cancel()

    assert place.stored == [entry(1), entry(2)]


async def test_finishing_brings_everything_in(autojump_clock: MockClock) -> None:
    """What the last calls left is in the database when `run` returns."""
    place = Place()
    async with place.running():
        await trio.sleep(1)
        for number in range(7):
            place.writer.keep(entry(number))
    place.writer.keep(entry(8))

    assert place.stored == [entry(number) for number in range(7)]
    assert place.spool.segments == []
    assert [line["why"] for line in place.lines] == ["the process is stopping"]


async def test_a_dead_database(autojump_clock: MockClock) -> None:
    """The spool fills, attempts become rare, and everything arrives when it is back."""
    place = Place()
    place.store.down = True
    async with place.running():
        for number in range(60):
            place.writer.keep(entry(number))
            await trio.sleep(60)
        attempts = place.store.asked
        assert place.stored == []
        assert sum(len(segment.lines) for segment in place.spool.segments) == 60
        place.store.down = False
        await trio.sleep(61)

        assert place.stored == [entry(number) for number in range(60)]
    waits = [line["retry_s"] for line in place.lines.all("records_waiting")]
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert attempts < 70
    assert {line["why"] for line in place.lines.all("records_waiting")} == {"connection refused"}
    assert len(place.lines.all("records_moving")) == 1


async def test_finishing_without_a_database(autojump_clock: MockClock) -> None:
    """The process stops in time, and the records are on the disk."""
    place = Place()
    place.store.down = True
    began = trio.current_time()
    async with place.running():
        place.writer.keep(entry(1))

    assert trio.current_time() - began <= FINISH_S_MAX
    assert len(place.spool.segments) == 1
    assert not place.lines.all("record_lost")


async def test_finishing_with_a_database_that_hangs(autojump_clock: MockClock) -> None:
    """It is left alone with its answer."""

    async def hangs(function: Callable[..., T], *given: Any) -> T:
        await trio.sleep_forever()
        raise AssertionError

    place = Place(database=hangs)
    began = trio.current_time()
    async with place.running():
        await trio.sleep(1)
        place.writer.keep(entry(1))

    assert trio.current_time() - began == 1 + FINISH_S_MAX
    assert len(place.spool.segments) == 1


async def test_a_full_disk(autojump_clock: MockClock) -> None:
    """Entries wait in memory and are written when there is room; the log says so meanwhile."""
    place = Place()
    full = OSError(errno.ENOSPC, "No space left on device")
    place.spool.trouble = [full, full, full]
    async with place.running():
        for number in range(5):
            place.writer.keep(entry(number))
        await trio.sleep(20)

        assert place.stored == [entry(number) for number in range(5)]
    stuck = place.lines.all("record_spool_stuck")
    assert [line["retry_s"] for line in stuck] == [1, 2, 4]
    assert "No space left" in stuck[0]["why"]


async def test_a_disk_that_stays_full(autojump_clock: MockClock) -> None:
    """So many wait in memory; a newer one is refused, and each that is lost is named."""
    place = Place()
    place.spool.trouble = [OSError(errno.ENOSPC, "full")] * 1000
    async with place.running():
        await trio.sleep(1)
        place.writer.keep(entry(0))
        await trio.sleep(1)
        for number in range(1, INBOX_MAX + 3):
            place.writer.keep(entry(number))
        refused = [line["call_sid"] for line in place.lines.all("record_lost")]

    assert refused == [entry(INBOX_MAX + 1).call_sid, entry(INBOX_MAX + 2).call_sid]
    lost = {line["call_sid"] for line in place.lines.all("record_lost")}
    assert lost == {entry(number).call_sid for number in range(INBOX_MAX + 3)}


async def test_removing_fails_after_the_commit(autojump_clock: MockClock) -> None:
    """The segment is taken again, and the database has each record once."""
    place = Place()
    async with place.running():
        await trio.sleep(1)
        place.writer.keep(entry(1))
        await trio.sleep(0.5)
        place.spool.trouble = [OSError(errno.EIO, "broken")]
        await trio.sleep(20)

        assert place.stored == [entry(1)]
        assert place.spool.segments == []
    assert [line["why"] for line in place.lines.all("records_waiting")] == ["[Errno 5] broken"]


async def test_lines_that_no_database_takes(autojump_clock: MockClock) -> None:
    """A torn line and a refused record are put aside; what stands beside them is written."""
    place = Place()
    place.store.refuses = lambda one: one.call_sid == entry(2).call_sid
    async with place.running():
        place.spool.append([line_of(entry(1)), b'{"call_si'])
        place.spool.append([line_of(entry(2)), line_of(entry(3))])
        await trio.sleep(1)

    assert place.stored == [entry(1), entry(3)]
    assert place.spool.rejected == [b'{"call_si', line_of(entry(2)).rstrip()]
    told = place.lines.all("records_rejected")
    assert [(line["count"], line["file"]) for line in told] == [(1, "spool/1-abc.rejected")] * 2


async def test_no_room_for_what_no_database_takes(autojump_clock: MockClock) -> None:
    """It goes, what stands beside it is written, and each call that is known is named."""
    place = Place()
    place.spool.has_room_aside = False
    place.store.refuses = lambda one: one.call_sid == entry(2).call_sid
    async with place.running():
        place.spool.append([line_of(entry(2)), b'{"call_si'])
        place.spool.append([line_of(entry(3))])
        await trio.sleep(1)

    assert place.stored == [entry(3)]
    (told,) = place.lines.all("records_rejected")
    assert (told["count"], told["file"]) == (2, None)
    (lost,) = place.lines.all("record_lost")
    assert lost["call_sid"] == entry(2).call_sid
    assert ".rejected" in lost["why"]


async def test_the_tables_are_seen_to_at_the_start(autojump_clock: MockClock) -> None:
    """A wrong database is told when the process starts, not with the first call."""
    place = Place()
    place.store.down = True
    async with place.running():
        await trio.sleep(0.5)

        assert len(place.lines.all("records_waiting")) == 1


async def test_what_others_left_is_looked_for(autojump_clock: MockClock) -> None:
    """Once a minute, also when no call ends."""
    place = Place()
    async with place.running():
        await trio.sleep(601)

    assert place.spool.adopted == pytest.approx(11, abs=1)


async def test_retention(autojump_clock: MockClock) -> None:
    """Records older than so many days are deleted, at the start and every hour."""
    place = Place(keep_days=1)
    async with place.running():
        place.writer.keep(entry(1))
        await trio.sleep(DAY_S + 1.5 * 3600)

        assert place.stored == []
    assert place.lines.all("records_forgotten")[0]["count"] == 1
    gaps = {
        round((late - early).total_seconds() / 60)
        for early, late in zip(
            place.store.forgot_before, place.store.forgot_before[1:], strict=False
        )
    }
    assert gaps <= {60, 61}
    assert (START - place.store.forgot_before[0]).total_seconds() == pytest.approx(DAY_S, abs=5)


async def test_without_retention_nothing_is_deleted(autojump_clock: MockClock) -> None:
    """0 days means for ever."""
    place = Place()
    async with place.running():
        await trio.sleep(DAY_S)

    assert place.store.forgot_before == []


class InterruptedDoor:
    """Cancels everything at one step, before or after it is done."""

    def __init__(self, scope: trio.CancelScope, steps: int, *, after: bool) -> None:
        self.left = steps
        self._scope = scope
        self._after = after

    async def __call__(self, function: Callable[..., T], *given: Any) -> T:
        """One more step."""
        self.left -= 1
        if self.left == 0 and not self._after:
            self._scope.cancel()
        await trio.lowlevel.checkpoint()
        result = function(*given)
        if self.left == 0:
            self._scope.cancel()
        await trio.lowlevel.checkpoint()
        return result


@pytest.mark.parametrize("after", [False, True])
async def test_interrupted_anywhere(autojump_clock: MockClock, after: bool) -> None:
    """Cancelled before or after any step, a next writer finds all that was on the disk, once."""
    for steps in range(1, 40):
        scope = trio.CancelScope()
        door = InterruptedDoor(scope, steps, after=after)
        place = Place(disk=door, database=door)
        with scope:
            async with place.running():
                for number in range(5):
                    place.writer.keep(entry(number))
                    await trio.sleep(0.7)
        was_safe = {one.call_sid for one in place.stored}
        lines = [line for segment in place.spool.segments for line in segment.lines]
        was_safe |= {one.call_sid for one in map(entry_of, lines) if one is not None}
        lost = {line["call_sid"] for line in place.lines.all("record_lost")}
        heir = Place()
        heir.spool, heir.store = place.spool, place.store
        heir.writer._spool, heir.writer._store = heir.spool, heir.store
        async with heir.running():
            await trio.sleep(1)

        assert {one.call_sid for one in heir.stored} == was_safe
        assert place.spool.segments == []
        kept = {entry(number).call_sid for number in range(5)}
        assert was_safe | lost | not_kept(scope, kept, was_safe | lost) == kept
    assert door.left > 0


def not_kept(scope: trio.CancelScope, kept: set[str], seen: set[str]) -> set[str]:
    """Calls that had not ended yet when everything was interrupted: the last ones only."""
    missing = sorted(kept - seen)
    assert not missing or scope.cancelled_caught
    assert missing == sorted(kept)[len(kept) - len(missing) :]
    return set(missing)
