"""Flight records on disk: the shelf they stand on, its bounds, and the writer."""

import base64
import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from bridge.call_files import DAY_S
from bridge.flight.flight import FlightName, Flights, Piece
from bridge.flight.line import LineWriter
from bridge.flight.shelf import Shelf
from bridge.flight.writer import flight_files, kept_flights
from bridge.log import make_log
from bridge.settings.flight import FlightSettings
from bridge.write_behind import WriteBehind
from tests.far_ends import CALL as SID
from tests.far_ends import NOW, Lines
from tests.file_writers import at_once, run
from tests.flight_parts import MEDIA, record


# -------------------------------------------------------------------------------- the shelf
def lines_in(path: Path) -> list[bytes]:
    """The lines of a record."""
    return gzip.decompress(path.read_bytes()).splitlines()


def test_a_record_gets_its_name_when_it_is_kept(tmp_path: Path) -> None:
    """Until then it is readable as a part; only its owner may read it."""
    shelf = Shelf(tmp_path / "a" / "b", 10**6, 0)
    one = shelf.open(SID, NOW)
    one.append([b"one", b"two"])
    one.append([])
    one.append([b"three"])
    (part,) = (tmp_path / "a" / "b").iterdir()
    assert part.name.endswith(".flight.gz.part")
    assert lines_in(part) == [b"one", b"two", b"three"]

    one.finish(keep=True)

    (kept,) = (tmp_path / "a" / "b").iterdir()
    assert kept.name.startswith(f"{SID}.")
    assert kept.name.endswith("Z.flight.gz")
    assert kept.stat().st_mode & 0o077 == 0


def test_a_record_that_is_not_kept_is_gone(tmp_path: Path) -> None:
    """Without a trace."""
    one = Shelf(tmp_path, 10**6, 0).open(SID, NOW)
    one.append([b"one"])
    one.finish(keep=False)

    assert list(tmp_path.iterdir()) == []


def test_a_record_is_bounded(tmp_path: Path) -> None:
    """The last line says that it was cut; nothing more is written."""
    one = Shelf(tmp_path, 2000, 0).open(SID, NOW)
    one.append([b"first"])
    one.append([base64.b64encode(os.urandom(4000))])
    one.append([b"late"])
    one.finish(keep=True)
    (kept,) = tmp_path.iterdir()
    first, cut = lines_in(kept)

    assert first == b"first"
    assert json.loads(cut)["m"]["event"] == "cut"


@pytest.mark.parametrize("sid", ["", "../../etc/passwd", "CAxyz", SID + "/"])
def test_only_a_call_sid_names_a_record(tmp_path: Path, sid: str) -> None:
    """Nothing else gets into the name of a file, nor is anything else deleted."""
    shelf = Shelf(tmp_path, 10**6, 0)
    with pytest.raises(OSError, match="no call sid"):
        shelf.open(sid, NOW)

    assert shelf.forget(sid) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_call_is_forgotten(tmp_path: Path) -> None:
    """All its records, and no other's; a second time there is nothing."""
    shelf = Shelf(tmp_path, 10**6, 0)
    other = "CA" + "b" * 32
    for sid, at in ((SID, NOW), (SID, NOW + 1), (other, NOW)):
        shelf.open(sid, at).finish(keep=True)
    shelf.open(SID, NOW + 2)

    assert shelf.forget(SID) == 3
    assert shelf.forget(SID) == 0
    assert [path.name[:34] for path in tmp_path.iterdir()] == [other]


@pytest.mark.parametrize(("days", "gone"), [(0, 0), (3, 1)])
def test_old_records_are_deleted(tmp_path: Path, days: int, gone: int) -> None:
    """After so many days; never, if that is 0."""
    shelf = Shelf(tmp_path, 10**6, days)
    for at in (NOW, NOW + 1):
        shelf.open(SID, at).finish(keep=True)
    old = min(tmp_path.iterdir())
    os.utime(old, (time.time() - 4 * DAY_S,) * 2)

    assert shelf.forget_old() == gone
    assert len(list(tmp_path.iterdir())) == 2 - gone


# -------------------------------------------------------------------------------- the writer
def writer_to(shelf: Shelf, lines: Lines) -> WriteBehind[Piece]:
    """A writer without threads."""
    log = make_log(lines.keep, lambda: NOW)
    return WriteBehind(flight_files(shelf, LineWriter(audio=True)), blocking=at_once, log=log)


def fly(sink: Any, sid: str, reason: str) -> None:
    """A small call."""
    flight = Flights(sink, "anomaly", {"model": "m"}, lambda: NOW).begin(0.0)
    assert flight is not None
    flight.name(sid)
    flight.twilio("in", MEDIA, 1.0)
    flight.close(reason, record(), 99.0)


def only_in(folder: Path) -> Path:
    """The one file in a folder."""
    (path,) = folder.iterdir()
    return path


async def test_an_anomaly_stays_and_a_good_call_goes(tmp_path: Path) -> None:
    """Two calls side by side, one file in the end, with its header first."""
    lines = Lines()
    writer = writer_to(Shelf(tmp_path, 10**6, 0), lines)
    fly(writer, SID, "slow_peer")
    fly(writer, "CA" + "b" * 32, "caller_hung_up")
    await run(writer)
    header, event = map(json.loads, lines_in(only_in(tmp_path)))

    assert (header["flight"], header["call_sid"], header["model"]) == (1, SID, "m")
    assert event["m"]["event"] == "media"
    assert lines == []


async def test_a_disk_that_fails_costs_the_record_and_one_line(tmp_path: Path) -> None:
    """Nothing is tried again, and the next call is recorded."""
    lines = Lines()
    (tmp_path / "file").write_text("in the way")
    writer = writer_to(Shelf(tmp_path / "file", 10**6, 0), lines)
    name = FlightName(SID, NOW, {})
    for keep in (None, None, True):
        writer.take(Piece(name, [(1.0, "twilio", "in", MEDIA)], 100, keep))
    await run(writer)

    assert [line["event"] for line in lines] == ["flight_record_lost"]


def age(folder: Path) -> None:
    """Put a very old record there."""
    Shelf(folder, 10**6, 1).open(SID, NOW).finish(keep=True)
    os.utime(next(folder.iterdir()), (0, 0))


def names_in(folder: Path) -> list[str]:
    """How the files' names begin."""
    return [path.name[:4] for path in folder.iterdir()]


async def test_the_running_writer_writes_and_deletes(tmp_path: Path) -> None:
    """In a thread, while the server runs; leaving waits for what is still to be written."""
    age(tmp_path)
    deleted = trio.Event()
    log = make_log(lambda line: deleted.set(), lambda: NOW)
    settings = FlightSettings(flight_record="anomaly", flight_dir=tmp_path, flight_keep_days=1)
    async with kept_flights(settings, [], log) as sink:
        assert sink is not None
        await deleted.wait()
        assert names_in(tmp_path) == []
        fly(sink, "CA" + "c" * 32, "crashed")

    assert names_in(tmp_path) == ["CAcc"]


async def test_never_starts_no_writer() -> None:
    """FLIGHT_RECORD=never costs nothing."""
    log = make_log(Lines().keep, lambda: NOW)
    async with kept_flights(FlightSettings(flight_record="never"), [], log) as sink:
        assert sink is None
