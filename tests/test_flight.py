"""Flight records: what is collected, what is kept, what is masked, and what may be lost."""

import base64
import json
from typing import Any

import pytest

from bridge.core import realtime, twilio
from bridge.flight.anomaly import is_anomaly
from bridge.flight.flight import EARLY_MAX, PIECE_EVENTS_MAX, Flights, Piece
from bridge.flight.line import MESSAGE_CHARS_MAX, LineWriter
from tests.far_ends import CALL as SID
from tests.far_ends import NOW
from tests.flight_parts import FRAME, MEDIA, record


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
    event = {"type": "x", "item_id": "item_12345678", "text": "at 10.30, table 4", "n": 1234567}

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
