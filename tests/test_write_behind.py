"""Writing behind: order, bounds, a disk that fails, and what is left when the process stops."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from bridge.log import make_log
from bridge.write_behind import (
    FINISH_S_MAX,
    FORGET_EVERY_S,
    QUEUE_BYTES_MAX,
    Files,
    WriteBehind,
    lasting,
)
from tests.far_ends import NOW, Lines
from tests.file_writers import at_once, run


@dataclass(frozen=True, eq=False)
class Call:
    """Whose pieces they are."""

    call_sid: str = "CA1"


@dataclass(frozen=True)
class Part:
    """A piece that is a word."""

    call: Call
    word: str
    weight: int = 1
    is_last: bool = False


@dataclass
class Disk:
    """Files in memory: what was done to them, in order.

    `broken`: words it refuses to take. `odd`: words that raise what no disk raises.
    """

    broken: set[str] = field(default_factory=set)
    old: list[int | Exception] = field(default_factory=list)
    odd: dict[str, type[BaseException]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def open(self, first: Part) -> "Paper":
        """A call's first piece has come."""
        self.take(f"open {first.call.call_sid}")
        return Paper(self)

    def take(self, what: str) -> None:
        """Note what was done."""
        if what in self.broken:
            raise OSError(f"no {what}")
        if what in self.odd:
            raise self.odd[what](f"+15550100001 said {what}")
        self.done.append(what)

    def forget_old(self) -> int:
        """As told; afterwards there is nothing more."""
        found = self.old.pop(0) if self.old else 0
        if isinstance(found, Exception):
            raise found
        return found


@dataclass(frozen=True)
class Paper:
    """An open file."""

    disk: Disk

    def write(self, piece: Part) -> None:
        """Write the word."""
        self.disk.take(piece.word)

    def close(self) -> None:
        """Done."""
        self.disk.take("close")


def writer_to(disk: Disk, lines: Lines) -> WriteBehind[Part]:
    """A writer of words, without threads."""
    log = make_log(lines.keep, lambda: NOW)
    return WriteBehind(Files("word", disk.open, disk.forget_old), blocking=at_once, log=log)


async def test_pieces_of_several_calls_are_written_in_order() -> None:
    """Each call has a file, which is closed with its last piece."""
    disk, lines = Disk(), Lines()
    writer, one, two = writer_to(disk, lines), Call("CA1"), Call("CA2")
    for part in (Part(one, "a"), Part(two, "b"), Part(one, "c", is_last=True), Part(two, "d")):
        assert writer.take(part)
    await run(writer)

    assert disk.done == ["open CA1", "a", "open CA2", "b", "c", "close", "d"]
    assert lines == []


async def test_a_file_that_fails_is_given_up_with_one_line() -> None:
    """What comes after it is not tried; another call's file is none the worse."""
    disk, lines = Disk(broken={"b", "open CA3"}), Lines()
    writer, one, two, three = writer_to(disk, lines), Call("CA1"), Call("CA2"), Call("CA3")
    for part in (
        *(Part(one, "a"), Part(one, "b"), Part(one, "c"), Part(one, "d", is_last=True)),
        *(Part(two, "e", is_last=True), Part(three, "f"), Part(three, "g", is_last=True)),
    ):
        writer.take(part)
    await run(writer)

    assert disk.done == ["open CA1", "a", "close", "open CA2", "e", "close"]
    assert [(line["event"], line["call_sid"], line["why"]) for line in lines] == [
        ("word_lost", "CA1", "no b"),
        ("word_lost", "CA3", "no open CA3"),
    ]


@pytest.mark.parametrize(
    "error", [TypeError, ValueError, RecursionError, MemoryError, KeyError, Exception]
)
@pytest.mark.parametrize("word", ["open CA1", "a", "b", "close"])
async def test_a_mistake_of_a_writer_costs_one_file(word: str, error: type[Exception]) -> None:
    """Said once and by its kind: its text may hold what a peer sent. The next call is written."""
    disk, lines = Disk(odd={word: error}), Lines()
    writer, one, two = writer_to(disk, lines), Call("CA1"), Call("CA2")
    for part in (
        *(Part(one, "a"), Part(one, "b"), Part(one, "c", is_last=True)),
        *(Part(two, "d"), Part(two, "e"), Part(two, "f", is_last=True)),
    ):
        writer.take(part)
    await run(writer)

    assert [word for word in disk.done if word in ("d", "e", "f")] == ["d", "e", "f"]
    assert [(line["event"], line["why"]) for line in lines if line["call_sid"] == "CA1"] == [
        ("word_lost", error.__name__)
    ]
    assert writer._open == {}
    assert writer.finished.is_set()


async def test_a_file_that_fails_twice_is_told_of_once() -> None:
    """A full disk has no good word for the end either."""
    disk, lines = Disk(broken={"a", "close"}), Lines()
    writer, call = writer_to(disk, lines), Call()
    writer.take(Part(call, "a"))
    writer.take(Part(call, "b", is_last=True))
    await run(writer)

    assert [line["why"] for line in lines] == ["no a"]


async def test_a_door_that_does_not_open_costs_one_file(autojump_clock: MockClock) -> None:
    """No thread can be started: that call's file is given up, the next one is written."""
    disk, lines, shut = Disk(), Lines(), {1, 2, 3}  # from the second piece to the fourth
    count = 0

    async def door(function: Callable[..., Any], *given: Any) -> Any:
        nonlocal count
        count += 1
        if count - 1 in shut:
            raise RuntimeError("can't start new thread")
        return await at_once(function, *given)

    log = make_log(lines.keep, lambda: NOW)
    writer = WriteBehind(Files("word", disk.open, disk.forget_old), blocking=door, log=log)
    one, two, three = Call("CA1"), Call("CA2"), Call("CA3")
    async with lasting(writer):
        for part in (
            *(Part(one, "a"), Part(one, "b"), Part(one, "c", is_last=True)),
            *(Part(two, "d", QUEUE_BYTES_MAX - 9, is_last=True), Part(three, "e", is_last=True)),
        ):
            assert writer.take(part)
        await trio.sleep(1)
        assert writer.take(Part(Call(), "f", QUEUE_BYTES_MAX, is_last=True))

    assert disk.done[:6] == ["open CA1", "a", "close", "open CA3", "e", "close"]
    assert [(line["call_sid"], line["why"]) for line in lines] == [
        ("CA1", "RuntimeError"),
        ("CA2", "RuntimeError"),
    ]
    assert writer._open == {}


async def test_what_is_no_mistake_goes_on_its_way() -> None:
    """A signal's exception is not the file's trouble."""
    writer = writer_to(Disk(odd={"a": KeyboardInterrupt}), Lines())
    writer.take(Part(Call(), "a"))

    with pytest.raises(KeyboardInterrupt):
        await run(writer)


async def test_the_queue_is_bounded() -> None:
    """A piece that does not fit is refused; the bare end of a call is taken all the same."""
    writer, call = writer_to(Disk(), Lines()), Call()

    assert writer.take(Part(call, "a", QUEUE_BYTES_MAX))
    assert not writer.take(Part(call, "b", 1))
    assert writer.take(Part(call, "", 0, is_last=True))


async def test_there_is_room_again_when_pieces_are_written(autojump_clock: MockClock) -> None:
    """What is on the disk weighs nothing any more."""
    writer, call = writer_to(Disk(), Lines()), Call()
    async with lasting(writer):
        writer.take(Part(call, "a", QUEUE_BYTES_MAX))
        await trio.sleep(1)

        assert writer.take(Part(call, "b", QUEUE_BYTES_MAX))


async def test_old_files_are_deleted_each_hour(autojump_clock: MockClock) -> None:
    """What goes wrong there is said, and tried again an hour later."""
    disk, lines = Disk(old=[2, OSError("locked"), 0, 1, ValueError("CA1"), 3]), Lines()
    async with lasting(writer_to(disk, lines)):
        await trio.sleep(5.5 * FORGET_EVERY_S)

    assert [(line["event"], line.get("count"), line.get("why")) for line in lines] == [
        ("words_deleted", 2, None),
        ("words_not_deleted", None, "locked"),
        ("words_deleted", 1, None),
        ("words_not_deleted", None, "ValueError"),
        ("words_deleted", 3, None),
    ]


async def test_a_disk_that_hangs_does_not_keep_the_process(autojump_clock: MockClock) -> None:
    """It is waited for, but not for ever."""

    async def never(*_given: object) -> None:
        await trio.sleep_forever()

    log = make_log(Lines().keep, lambda: NOW)
    files = Files("word", Disk().open, lambda: 0)
    writer = WriteBehind(files, blocking=never, log=log)  # type: ignore[arg-type]
    began = trio.current_time()
    async with lasting(writer):
        writer.take(Part(Call(), "a"))

    assert trio.current_time() - began == FINISH_S_MAX


async def test_what_is_left_is_written_after_a_failure_too(autojump_clock: MockClock) -> None:
    """Calls have ended then, and their last pieces are there."""
    disk = Disk()
    writer = writer_to(disk, Lines())
    with pytest.RaisesGroup(LookupError):
        async with lasting(writer):
            writer.take(Part(Call(), "a", is_last=True))
            raise LookupError

    assert disk.done == ["open CA1", "a", "close"]
