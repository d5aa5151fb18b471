"""The spool: lines on disk, segments, other workers, a bound, and disks that fail."""

import errno
import os
from pathlib import Path

import pytest

from bridge.records import spool as spool_module
from bridge.records.spool import SEGMENT_LINES_MAX, Segment, Spool

ROOMY = 10**6


def opened(folder: Path, bytes_max: int = ROOMY) -> Spool:
    """A worker's spool, ready."""
    spool = Spool(folder, bytes_max)
    spool.open()
    return spool


def die(spool: Spool) -> None:
    """What the kernel does when a process dies, and nothing else."""
    for file in spool._locks.values():
        os.close(file)
    if spool._active is not None:
        os.close(spool._active.file)


def names(folder: Path) -> list[str]:
    """What is in a folder, without the workers' names."""
    return sorted(path.name.partition(".")[2] for path in folder.iterdir())


def taken(spool: Spool) -> Segment:
    """The next segment; there is one."""
    segment = spool.take()
    assert segment is not None
    return segment


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    """What was appended in pieces is taken in one, and is gone when it was removed."""
    spool = opened(tmp_path / "deep" / "spool")
    assert spool.append([b"1\n", b"2\n"]) == 2
    assert spool.append([b"3\n"]) == 1
    segment = taken(spool)
    again = taken(spool)
    spool.remove(segment)

    assert segment.lines == (b"1", b"2", b"3")
    assert again == segment
    assert spool.take() is None
    spool.close()
    assert names(tmp_path / "deep" / "spool") == []


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    """There are phone numbers in it."""
    spool = opened(tmp_path / "spool")
    spool.append([b"1\n"])

    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "spool").iterdir()}
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert modes == {0o600}
    spool.close()


def test_a_segment_has_a_bound(tmp_path: Path) -> None:
    """More lines than a segment holds are not all taken at once."""
    spool = opened(tmp_path)
    lines = [b"%d\n" % number for number in range(SEGMENT_LINES_MAX + 5)]
    count = spool.append(lines)
    rest = spool.append(lines[count:])

    assert (count, rest) == (SEGMENT_LINES_MAX, 5)
    first = taken(spool)
    assert len(first.lines) == SEGMENT_LINES_MAX
    spool.remove(first)
    assert taken(spool).lines == (b"100", b"101", b"102", b"103", b"104")
    spool.close()


def test_appending_goes_on_while_a_segment_is_out(tmp_path: Path) -> None:
    """A taken segment is closed: what comes later is in another one."""
    spool = opened(tmp_path)
    spool.append([b"1\n"])
    segment = taken(spool)
    spool.append([b"2\n"])
    spool.remove(segment)

    assert taken(spool).lines == (b"2",)
    spool.close()


def test_full_is_refused_and_nothing_is_given_up(tmp_path: Path) -> None:
    """Beyond the bound nothing is added; with room again, it goes on."""
    spool = opened(tmp_path, bytes_max=10)
    spool.append([b"12345678\n"])
    with pytest.raises(OSError, match="full") as full:
        spool.append([b"12345678\n"])

    assert full.value.errno == errno.EDQUOT
    segment = taken(spool)
    assert segment.lines == (b"12345678",)
    spool.remove(segment)
    assert spool.append([b"abc\n"]) == 1
    spool.close()


def test_the_living_are_not_robbed(tmp_path: Path) -> None:
    """Another worker's segments are its own as long as it lives."""
    ours, theirs = opened(tmp_path), opened(tmp_path)
    theirs.append([b"1\n"])

    assert ours.adopt() == 0
    assert ours.take() is None
    assert taken(theirs).lines == (b"1",)
    ours.close()
    theirs.close()


def test_the_dead_are_inherited(tmp_path: Path) -> None:
    """Its segments, the one it was writing included; then nothing of it is left."""
    dead = opened(tmp_path)
    dead.append([b"1\n"])
    taken(dead)
    dead.append([b"2\n"])
    die(dead)
    ours = opened(tmp_path)

    assert ours.adopt() == 2
    assert ours.adopt() == 0
    first = taken(ours)
    ours.remove(first)
    second = taken(ours)
    ours.remove(second)
    assert [first.lines, second.lines] == [(b"1",), (b"2",)]
    assert ours.adopt() == 0
    assert names(tmp_path) == ["lock"]
    ours.close()
    assert names(tmp_path) == []


def test_only_one_inherits(tmp_path: Path) -> None:
    """Who has the lock has the segments."""
    dead = opened(tmp_path)
    dead.append([b"1\n"])
    die(dead)
    one, other = opened(tmp_path), opened(tmp_path)

    assert (one.adopt(), other.adopt()) == (1, 0)
    one.close()
    assert other.adopt() == 1
    other.close()


def test_a_segment_without_a_lock_is_nobodys(tmp_path: Path) -> None:
    """Somebody tidied up: the lines are still worth having."""
    (tmp_path / "1-abc.00000001.jsonl").write_bytes(b"1\n")
    ours = opened(tmp_path)

    assert ours.adopt() == 1
    assert taken(ours).lines == (b"1",)
    ours.close()


def test_a_stopped_worker_leaves_its_segments(tmp_path: Path) -> None:
    """Closing is not losing."""
    first = opened(tmp_path)
    first.append([b"1\n"])
    first.close()
    second = opened(tmp_path)

    assert second.adopt() == 1
    second.close()


def test_a_segment_somebody_else_removed(tmp_path: Path) -> None:
    """Two may inherit when one is slow; the second finds nothing, and goes on."""
    spool = opened(tmp_path)
    spool.append([b"1\n"])
    taken(spool).path.unlink()

    assert spool.take() is None
    spool.close()


def test_rejected_lines_are_put_aside(tmp_path: Path) -> None:
    """Removed from the way and kept for a person."""
    spool = opened(tmp_path)
    spool.append([b"1\n", b"2\n"])
    aside = spool.remove(taken(spool), [b"2"])

    assert spool.take() is None
    assert aside is not None
    assert list(tmp_path.glob("*.rejected")) == [aside]
    assert aside.read_bytes() == b"2\n"
    spool.close()


def test_rejected_lines_take_no_room_from_records(tmp_path: Path) -> None:
    """Nobody looks at them for a year, and records are kept all the same."""
    (tmp_path / "9-old.rejected").write_bytes(b"x" * 1000)
    spool = opened(tmp_path, bytes_max=10)

    assert spool.append([b"12345678\n"]) == 1
    spool.close()


def test_rejected_lines_have_a_bound_of_their_own(tmp_path: Path) -> None:
    """So much again as records; what is too much goes, and the segment with it."""
    (tmp_path / "9-old.rejected").write_bytes(b"123\n")
    spool = opened(tmp_path, bytes_max=10)
    spool.append([b"45678\n"])
    aside = spool.remove(taken(spool), [b"45678"])
    spool.append([b"9\n"])

    assert aside is not None
    assert spool.remove(taken(spool), [b"9"]) is None
    assert spool.take() is None
    assert aside.read_bytes() == b"45678\n"
    spool.close()


def test_a_full_spool_says_where_it_is(tmp_path: Path) -> None:
    """The message is all that an operator has."""
    spool = opened(tmp_path, bytes_max=1)
    with pytest.raises(OSError, match="full") as full:
        spool.append([b"12345678\n"])
    spool.close()

    assert str(tmp_path) in str(full.value)


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_failing_disk_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """An append that raised can be repeated: what it left behind is cut off."""
    spool = opened(tmp_path)
    spool.append([b"1\n"])
    real_write = os.write

    def half(file: int, data: bytes) -> int:
        real_write(file, bytes(data)[:1])
        raise OSError(errno.ENOSPC, "no space left")

    def fail(_file: int) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as broken:
        broken.setattr(os, failing, half if failing == "write" else fail)
        with pytest.raises(OSError, match=r"no space|broken"):
            spool.append([b"22\n"])
    spool.append([b"22\n"])

    first = taken(spool)
    spool.remove(first)
    assert (first.lines, taken(spool).lines) == ((b"1",), (b"22",))
    spool.close()


def test_a_name_that_did_not_reach_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new segment whose name is not safe is given up; the next append makes another."""
    spool = opened(tmp_path)

    def fail(_folder: Path) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as broken:
        broken.setattr(spool_module, "_keep_names", fail)
        with pytest.raises(OSError, match="broken"):
            spool.append([b"1\n"])
    assert names(tmp_path) == ["lock"]
    spool.append([b"1\n"])

    assert taken(spool).lines == (b"1",)
    spool.close()


def test_an_unreadable_segment_lets_others_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays, and the next one is taken meanwhile."""
    spool = opened(tmp_path)
    for line in (b"1\n", b"2\n"):
        spool.append([line])
        spool._seal(spool._active)  # type: ignore[arg-type]
    real_read = Path.read_bytes

    def read(path: Path) -> bytes:
        if "00000001" in path.name:
            raise OSError(errno.EIO, "broken")
        return real_read(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    with pytest.raises(OSError, match="broken"):
        spool.take()

    assert taken(spool).lines == (b"2",)
    spool.close()


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    """It is said at the start."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OSError, match="file"):
        opened(tmp_path / "file" / "spool")
