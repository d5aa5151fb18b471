"""Flight records: what is collected, what is kept, what is masked, and what may be lost."""

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
from bridge.core import realtime, twilio
from bridge.core.record import CallRecord
from bridge.flight.anomaly import is_anomaly
from bridge.flight.flight import EARLY_MAX, PIECE_EVENTS_MAX, FlightName, Flights, Piece
from bridge.flight.line import MESSAGE_CHARS_MAX, LineWriter
from bridge.flight.shelf import Shelf
from bridge.flight.writer import flight_files, kept_flights
from bridge.log import make_log
from bridge.settings.flight import FlightSettings
from bridge.write_behind import WriteBehind
from tests.far_ends import NOW, Lines
from tests.file_writers import at_once, run

SID = "CA" + "a" * 32
FRAME = bytes(range(160))
MEDIA = twilio.Media(timestamp_ms=155, chunk=1, payload=FRAME)


def record(**given: Any) -> CallRecord:
    """A call's counters."""
    return CallRecord(began=0.0, **given)


def written(what: Any, *, audio: bool = True, leg: Any = "twilio", way: Any = "in") -> Any:
    """The message of the line for one event."""
    return json.loads(LineWriter(audio=audio).line((1.2345678, leg, way, what)))["m"]


# -------------------------------------------------------------------------------- anomalies
@pytest.mark.parametrize("reason", ["caller_hung_up", "agent_hung_up", "idle_caller", "limit"])
def test_a_call_that_somebody_ended_is_no_anomaly(reason: str) -> None:
    """The usual ends, and nothing went wrong on the way."""
    assert not is_anomaly(reason, record())


@pytest.mark.parametrize("reason", ["realtime_lost", "slow_peer", "twilio_protocol", "crashed"])
def test_a_call_that_a_fault_ended_is_an_anomaly(reason: str) -> None:
    """Errors, violations, slow peers, lost sessions, our own crashes."""
    assert is_anomaly(reason, record())


@pytest.mark.parametrize(
    "met",
    [
        {"realtime_errors": {"server_error": 1}},
        {"responses_failed": 1},
        {"malformed_twilio": 1},
        {"malformed_realtime": 1},
        {"caller_audio_dropped_ms": 20},
        {"line_released": "failed"},
        {"line_transferred": "failed"},
        {"reconnects": 1},
        {"attempts_failed": 1},
    ],
)
def test_a_fault_on_the_way_is_an_anomaly(met: dict[str, Any]) -> None:
    """The caller hung up as usual, and still it is worth a look."""
    assert is_anomaly("caller_hung_up", record(**met))


# -------------------------------------------------------------------------------- the format
def test_a_line_has_time_leg_way_and_message() -> None:
    """Milliseconds with three decimals; the message in Twilio's names."""
    line = json.loads(LineWriter(audio=True).line((1.2345678, "twilio", "in", MEDIA)))

    assert line == {
        "t": 1234.568,
        "leg": "twilio",
        "way": "in",
        "m": {
            "event": "media",
            "timestamp": 155,
            "chunk": 1,
            "audio": base64.b64encode(FRAME).decode(),
        },
    }


def test_without_audio_there_is_its_length() -> None:
    """In all three places where audio passes."""
    delta = json.dumps(
        {"type": "response.output_audio.delta", "delta": base64.b64encode(FRAME).decode()}
    )
    append = realtime.InputAudioBufferAppend("cb_1", FRAME)

    assert written(MEDIA, audio=False)["bytes"] == 160
    assert written(delta, audio=False) == {"type": "response.output_audio.delta", "bytes": 160}
    assert written(append, audio=False)["bytes"] == 160
    assert written(twilio.SendMedia("MZ", FRAME), audio=False) == {"event": "media", "bytes": 160}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (twilio.SendMark("MZ", "g1:item_1:160"), {"event": "mark", "name": "g1:item_1:160"}),
        (twilio.Mark("g1:probe"), {"event": "mark", "name": "g1:probe"}),
        (twilio.Clear("MZ"), {"event": "clear"}),
        (twilio.Stop(), {"event": "stop"}),
        (twilio.Connected(), {"event": "connected"}),
        (twilio.Closed(), {"event": "closed"}),
        (twilio.Unknown("news"), {"event": "news"}),
        (twilio.Malformed("no JSON"), {"event": "malformed", "why": "no JSON"}),
        (twilio.Dtmf("7"), {"event": "dtmf", "digit": "0"}),
        (twilio.Dtmf("#"), {"event": "dtmf", "digit": "#"}),
    ],
)
def test_each_message_of_twilio_has_its_line(message: Any, shown: dict[str, Any]) -> None:
    """Which digit was pressed is not told: callers type card numbers."""
    assert written(message) == shown


def test_a_start_shows_the_names_of_parameters_only() -> None:
    """Their values hold the call token and telephone numbers."""
    start = twilio.Start("MZ1", SID, "AC1", {"token": "abc", "From": "+15550100001"},
                         twilio.MediaFormat())  # fmt: skip
    shown = written(start)

    assert shown["parameters"] == ["From", "token"]
    assert "15550100001" not in json.dumps(shown)
    assert "AC1" not in json.dumps(shown)


@pytest.mark.parametrize(
    "said",
    ["+15550100001", "call 555 010 0001 now", "4111-1111-1111-1111", "(555) 010-0001", "123456"],
)
def test_numbers_in_texts_are_masked(said: str) -> None:
    """Six digits or more, however they are grouped."""
    done = json.dumps({"type": "response.output_audio_transcript.done", "transcript": said})
    shown = written(done, leg="realtime")["transcript"]

    assert not any(character.isdigit() for character in shown)


def test_ids_and_small_numbers_stay() -> None:
    """A replay needs them."""
    event = {"type": "x", "item_id": "item_12345678", "text": "at 10.30, table 4", "n": 12345678}

    assert written(json.dumps(event), leg="realtime") == event


def test_pieces_of_text_are_not_kept() -> None:
    """A number could be spread over them."""
    delta = json.dumps({"type": "response.output_text.delta", "delta": "555", "obfuscation": "x"})

    assert written(delta, leg="realtime") == {"type": "response.output_text.delta", "chars": 3}


def test_secrets_are_removed_wherever_they_are() -> None:
    """Our own ones, what looks like a key, and the vendor's message which quotes a key."""
    lines = LineWriter(audio=True, secrets=["hunter22"])
    text = json.dumps({"type": "x", "a": ["hunter22"], "b": "Bearer abc", "c": "sk-abcdefghijkl"})
    error = json.dumps({"type": "error", "error": {"code": "invalid_api_key", "message": "sk-ab"}})
    shown = lines.line((0.0, "realtime", "in", text)) + lines.line((0.0, "realtime", "in", error))

    assert not any(secret in shown for secret in (b"hunter22", b"abc", b"sk-ab"))
    assert b"invalid_api_key" in shown


@pytest.mark.parametrize("text", ["no JSON", "[1]", '{"type":"x","pad":"' + "p" * 300_000 + '"}'])
def test_what_cannot_be_read_is_told_by_its_length(text: str) -> None:
    """No JSON, no object, or too long."""
    kind = "oversize" if len(text) > MESSAGE_CHARS_MAX else "malformed"

    assert written(text, leg="realtime") == {"type": kind, "chars": len(text)}


def test_events_of_ours_are_as_on_the_wire() -> None:
    """With the vendor's type and fields."""
    truncate = realtime.ConversationItemTruncate("cb_9", "item_1", 1200)

    assert written(truncate, leg="realtime", way="out") == {
        "type": "conversation.item.truncate",
        "event_id": "cb_9",
        "item_id": "item_1",
        "audio_end_ms": 1200,
        "content_index": 0,
    }


def test_the_header_names_version_and_facts() -> None:
    """And its date is no telephone number."""
    facts = {"call_sid": SID, "began_at": "2026-11-21T04:28:15.247000+00:00"}

    assert json.loads(LineWriter(audio=False).header(facts)) == {
        "flight": 1,
        "audio": False,
        **facts,
    }


# -------------------------------------------------------------------------------- a flight
class Sink:
    """Takes pieces as long as there is room."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self.room = True

    def take(self, piece: Piece) -> bool:
        """Take it, or not."""
        if not self.room and piece.entries:
            return False
        self.pieces.append(piece)
        return True

    @property
    def entries(self) -> list[Any]:
        """All events, in order."""
        return [entry for piece in self.pieces for entry in piece.entries]


def flights(sink: Sink, kept: Any = "anomaly") -> Flights:
    """Flights into `sink`."""
    return Flights(sink, kept, {"model": "m"}, lambda: NOW)


def test_never_means_no_flight() -> None:
    """Nor is there one without a sink."""
    assert flights(Sink(), "never").begin(0.0) is None
    assert Flights(None, "always").begin(0.0) is None


@pytest.mark.parametrize(("kept", "keep"), [("anomaly", False), ("always", True)])
def test_a_good_call_is_kept_only_if_all_are(kept: str, keep: bool) -> None:
    """The last piece says so."""
    sink = Sink()
    flight = flights(sink, kept).begin(10.0)
    assert flight is not None
    flight.twilio("in", MEDIA, 10.5)
    flight.name(SID)
    flight.close("caller_hung_up", record(), 99.0)
    flight.twilio("in", MEDIA, 11.0)

    assert [piece.keep for piece in sink.pieces] == [keep]
    assert sink.entries == [(0.5, "twilio", "in", MEDIA)]
    assert (sink.pieces[0].call.call_sid, sink.pieces[0].call.began_at) == (SID, NOW)


def test_a_stranger_leaves_nothing() -> None:
    """Without a valid token there is no name, and what it sends is bounded."""
    sink = Sink()
    flight = flights(sink, "always").begin(0.0)
    assert flight is not None
    for _ in range(10 * PIECE_EVENTS_MAX):
        flight.twilio("in", MEDIA, 1.0)
    flight.close("stream_refused", record(), 99.0)

    assert sink.pieces == []


def test_what_came_before_the_name_is_kept_up_to_a_bound() -> None:
    """The first messages come before the token is checked."""
    sink = Sink()
    flight = flights(sink, "always").begin(0.0)
    assert flight is not None
    for chunk in range(2 * EARLY_MAX):
        flight.twilio("in", twilio.Media(chunk, chunk, b""), 1.0)
    flight.name(SID)
    flight.close("limit", record(), 99.0)

    assert [entry[3].chunk for entry in sink.entries] == list(range(EARLY_MAX))


def test_pieces_are_handed_over_as_they_fill() -> None:
    """By events or by weight."""
    sink = Sink()
    flight = flights(sink).begin(0.0)
    assert flight is not None
    flight.name(SID)
    for _ in range(PIECE_EVENTS_MAX):
        flight.note("call", "tick", 1.0)
    flight.realtime("in", "x" * 70_000, 2.0)
    flight.realtime("in", "x" * 300_000, 3.0)
    flight.realtime("in", None, 3.0)
    flight.close("realtime_lost", record(), 99.0)

    assert [len(piece.entries) for piece in sink.pieces] == [PIECE_EVENTS_MAX, 1, 2]
    assert [piece.keep for piece in sink.pieces] == [None, None, True]
    assert sink.entries[-2][3] == {"type": "oversize", "chars": 300_000}


def test_what_does_not_fit_is_counted() -> None:
    """The next piece begins with the number of events that are missing."""
    sink = Sink()
    flight = flights(sink).begin(0.0)
    assert flight is not None
    flight.name(SID)
    sink.room = False
    for _ in range(2 * PIECE_EVENTS_MAX):
        flight.note("call", "tick", 1.0)
    sink.room = True
    flight.note("call", "last", 2.0)
    flight.close("crashed", record(), 99.0)

    assert sink.entries == [
        (2.0, "call", "note", {"event": "gap", "lost": 2 * PIECE_EVENTS_MAX}),
        (2.0, "call", "note", {"event": "last"}),
    ]


def test_the_end_is_told_even_without_room() -> None:
    """Or the file of a good call would stay."""
    sink = Sink()
    flight = flights(sink).begin(0.0)
    assert flight is not None
    flight.name(SID)
    flight.note("call", "tick", 1.0)
    sink.room = False
    flight.close("limit", record(), 99.0)

    assert [(piece.entries, piece.keep) for piece in sink.pieces] == [([], False)]


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
