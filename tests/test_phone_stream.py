"""The fake's Media Stream, against the captured and documented behaviour of Twilio's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.judging.readings import sounding_bytes
from simulator.scenario.format import HangUp, PhoneSetup, Press, Replay, Say, Silence, Step
from simulator.sound import load_clip
from simulator.websocket import BINARY, PING, TEXT, frame
from tests.phone_bridge import ACCOUNT, CLIPS, LOUD, SILENT, STREAM, Call


def test_the_upgrade_has_exactly_twilios_headers() -> None:
    """No subprotocol, extension, origin or cookie; user agent and signature in lower case."""
    path, headers = Call().run(100).bridge.upgrades[0]

    assert path == "/media-stream"
    assert [name for name in headers if not name.startswith("x-forwarded")] == [
        "host",
        "user-agent",
        "x-twilio-signature",
        "connection",
        "upgrade",
        "sec-websocket-key",
        "sec-websocket-version",
    ]
    assert headers["user-agent"] == "Twilio.TmeWs/1.0"


def test_connected_start_and_first_media_come_in_one_burst() -> None:
    """The three first messages are there at the same moment, byte for byte as captured."""
    call = Call().run(90)
    call_sid, sid = call.phone.identity.call_sid, call.bridge.stream_sid
    media = call.bridge.events("media")[0]

    assert call.bridge.times == [90.0, 90.0, 90.0]
    assert call.bridge.raw[0] == b'{"event":"connected","protocol":"Call","version":"1.0.0"}'
    assert call.bridge.raw[1].decode() == (
        '{"event":"start","sequenceNumber":"1","start":{"accountSid":"' + ACCOUNT + '",'
        f'"streamSid":"{sid}","callSid":"{call_sid}","tracks":["inbound"],'
        '"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},'
        '"customParameters":{"token":"abcdefghijkl","lang":"en"}},"streamSid":"' + sid + '"}'
    )
    assert list(media) == ["event", "sequenceNumber", "media", "streamSid"]
    assert list(media["media"]) == ["track", "chunk", "timestamp", "payload"]
    assert (media["sequenceNumber"], media["media"]["chunk"]) == ("2", "1")
    assert len(media["media"]["payload"]) == 216
    assert 97 <= int(media["media"]["timestamp"]) <= 183


def test_start_may_name_another_encoding() -> None:
    """Nothing else of the message changes, nor the audio."""
    call = Call(phone=PhoneSetup(media_format="audio/x-l16")).run(200)
    start = call.bridge.events("start")[0]["start"]

    assert start["mediaFormat"] == {"encoding": "audio/x-l16", "sampleRate": 8000, "channels": 1}
    assert call.bridge.events("media")[0]["media"]["payload"]


def test_fifty_frames_a_second_with_wavering_timestamps() -> None:
    """Frames come every 20 ms, timestamps near the grid but not on it, numbers without a gap."""
    call = Call().run(90 + 20 * 499)
    media = call.bridge.events("media")
    stamps = [int(it["media"]["timestamp"]) for it in media]

    assert len(media) == 500
    assert call.bridge.times[2:5] == [90.0, 110.0, 130.0]
    assert [int(it["sequenceNumber"]) for it in media] == list(range(2, 502))
    assert [int(it["media"]["chunk"]) for it in media] == list(range(1, 501))
    assert stamps == sorted(stamps)
    assert max(abs(it - stamps[0] - 20 * at) for at, it in enumerate(stamps)) <= 6
    assert any((it - stamps[0]) % 20 for it in stamps)


def test_equal_seeds_give_equal_bytes() -> None:
    """The same seed makes the same call to the byte; another seed another one."""
    first, again, other = (Call(seed=seed).run(2000) for seed in (5, 5, 6))

    assert first.bridge.raw == again.bridge.raw
    assert first.trace.digest() == again.trace.digest()
    assert first.bridge.raw != other.bridge.raw


def test_marks_return_when_the_audio_before_them_was_heard() -> None:
    """Marks are answered in the caller's time, in order, and at once on an empty buffer."""
    call = Call().run(1000)
    call.bridge.mark("empty")
    call.bridge.media(LOUD * 50)
    call.bridge.mark("a")
    call.bridge.mark("b")
    call.run(1999)

    assert [it["mark"]["name"] for it in call.bridge.events("mark")] == ["empty"]
    call.run(2000)
    marks = call.bridge.events("mark")
    assert [it["mark"]["name"] for it in marks] == ["empty", "a", "b"]
    assert list(marks[0]) == ["event", "sequenceNumber", "streamSid", "mark"]
    assert all(it.data["played"] for it in call.of("twilio.sent", event="mark"))


def test_clear_returns_all_pending_marks_at_once_in_order() -> None:
    """After `clear` the pending marks come back though nobody heard the audio before them."""
    call = Call().run(1000)
    for name in ("a", "b", "c"):
        call.bridge.media(LOUD * 25)
        call.bridge.mark(name)
    call.at(1700, call.bridge.clear)
    call.run(1700)
    cleared = call.of("twilio.received", event="clear")[0]

    marks = call.of("twilio.sent", event="mark")
    assert [(it.at_ms, it.data["name"], it.data["played"]) for it in marks] == [
        (1500.0, "a", True),
        (1700.0, "b", False),
        (1700.0, "c", False),
    ]
    assert (cleared.data["pending_marks"], cleared.data["dropped_ms"]) == (2, 800.0)
    played = call.of("playout.played")[-1].data
    assert (played["number"], played["end_byte"], played["to_ms"]) == (2, 1600, 1700.0)


def test_a_line_that_does_not_return_cleared_marks() -> None:
    """A knob: `clear` without any echo."""
    call = Call(phone=PhoneSetup(clear_echo=False)).run(1000)
    call.bridge.media(LOUD * 25)
    call.bridge.mark("a")
    call.bridge.clear()

    assert call.run(3000).bridge.events("mark") == []


def _sid(call: Call, message: dict[str, Any]) -> dict[str, Any]:
    return {"streamSid": call.bridge.stream_sid, **message}


@pytest.mark.parametrize(
    "message",
    [
        {"event": "media", "media": {"payload": "AAAA"}, "sequenceNumber": "1"},
        {"event": "media", "media": {"payload": "AAAA", "track": "outbound"}},
        {"event": "media", "media": {}},
        {"event": "media", "media": "AAAA"},
        {"event": "media"},
        {"event": "media", "media": {"payload": 7}},
        {"event": "media", "media": {"payload": "A*"}},
        {"event": "mark", "mark": {"name": 7}},
        {"event": "mark", "mark": {}},
        {"event": "mark", "mark": {"name": "a"}, "extra": 1},
        {"event": "clear", "clear": {}},
        {"event": "clear", "streamSid": "MZ" + "0" * 32},
        {"event": "dtmf", "dtmf": {"digit": "1"}},
        {"event": "stop"},
        {},
    ],
)
def test_what_breaks_the_schema_is_ignored_with_one_warning(message: dict[str, Any]) -> None:
    """Unknown events, missing or extra fields and a wrong sid are 31951; the stream goes on."""
    call = Call().run(1000)
    call.bridge.send(_sid(call, message))
    call.bridge.send(_sid(call, message))
    call.run(1000)

    assert call.warnings == [31951, 31951]
    assert [it.data["first"] for it in call.of("twilio.warning")] == [True, False]
    assert call.of("twilio.received") == []
    assert call.run(2000).of("twilio.closed") == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"hello"), 31951),
        (frame(TEXT, b"[]"), 31951),
        (frame(TEXT, b"[" * 100_000), 31951),
        (frame(TEXT, b'{"event":"\xff"}'), 31950),
        (frame(BINARY, b"\0\0"), 31950),
    ],
)
def test_what_is_no_message_at_all(data: bytes, code: int) -> None:
    """Text that is no JSON object and binary frames are warned about and ignored."""
    call = Call().run(1000)
    call.bridge.send_frame(data)

    assert call.run(1100).warnings == [code]
    assert call.of("twilio.closed") == []


def test_a_broken_frame_ends_the_stream() -> None:
    """A fragmented control frame is a protocol error: 31924, the stream is over, TwiML goes on."""
    call = Call().run(1000)
    call.bridge.send_frame(b"\x09\x00")
    call.run(1100)

    assert call.warnings == [31924]
    assert call.ended == ("bridge", "stream_closed")


def test_a_ping_is_answered() -> None:
    """Twilio's client answers pings, as every WebSocket client must."""
    call = Call().run(1000)
    call.bridge.send_frame(frame(PING, b"are you there"))

    assert call.run(1000).bridge.pongs == [b"are you there"]


def test_more_than_ten_minutes_are_discarded() -> None:
    """What does not fit into ten minutes is discarded with 31931."""
    call = Call().run(1000)
    call.bridge.media(SILENT * 50 * 599)
    call.bridge.media(SILENT * 50)
    call.bridge.media(SILENT * 50)

    assert call.run(1000).warnings == [31931]


def test_a_slow_reader_loses_caller_audio() -> None:
    """Two seconds unread, and frames are discarded: 31930; numbers stay contiguous."""
    call = Call().run(1000)
    far = call.bridge.socket
    assert far is not None
    far.reads = False
    call.run(6000)
    lost = call.of("twilio.sent", event="media", lost=True)

    assert 2000 <= lost[0].at_ms - 1000 <= 2600
    assert set(call.warnings) == {31930}
    assert [it.data["first"] for it in call.of("twilio.warning")].count(True) == 1
    far.reads, far.unread = True, 0
    call.run(6100)
    numbers = [int(it["sequenceNumber"]) for it in call.bridge.events("media")]
    sent = call.of("twilio.sent", event="media", lost=False)
    assert numbers[-1] == len(sent) + 1


def test_marks_under_way_cost_the_caller_nothing() -> None:
    """A clear returns many marks in one instant: bytes on the way, and no sound among them."""
    call = Call().run(1000)
    far = call.bridge.socket
    assert far is not None
    far.reads = False
    for number in range(800):
        call.bridge.media(SILENT)
        call.bridge.mark(f"a-mark-with-a-name-of-some-length-{number}")
    call.bridge.clear()
    call.run(1500)

    assert far.unread > 2 * 50 * 400
    assert call.warnings == []
    assert call.of("twilio.sent", event="media", lost=True) == []


def test_keys_are_messages_of_their_own() -> None:
    """One dtmf message a key, on the track `inbound_track`."""
    call = Call(Step(Press("4#"), wait_ms=100)).run(1000)
    keys = call.bridge.events("dtmf")

    assert [it["dtmf"] for it in keys] == [
        {"track": "inbound_track", "digit": "4"},
        {"track": "inbound_track", "digit": "#"},
    ]
    assert list(keys[0]) == ["event", "streamSid", "sequenceNumber", "dtmf"]
    assert [it.at_ms for it in call.of("caller.pressed")] == [190.0, 390.0]


def test_a_line_that_is_silent_in_silence() -> None:
    """DTX: no frames while nothing is said; timestamps jump, chunks do not."""
    steps = Step(Silence(1000)), Step(Say(CLIPS / "hello.wav"))
    call = Call(*steps, phone=PhoneSetup(dtx=True)).run(4000)
    media = call.bridge.events("media")

    assert len(media) == 36  # of 39: three hold nothing but digital silence
    assert media[0]["media"]["chunk"] == "1"
    assert int(media[0]["media"]["timestamp"]) > 1000


def test_silence_inside_a_sound_is_not_sent_either() -> None:
    """DTX: the digital silence of a recording, or between two words, is silence like any other."""
    recording = CLIPS.parent.parent / "recordings" / "fr-silence-suppressed.wav"
    call = Call(replay=Replay(recording), phone=PhoneSetup(dtx=True)).run(60_000)
    frames = [event.data["audio"] for event in call.of("twilio.sent", event="media")]

    assert len(frames) > 100
    assert [frame for frame in frames if not frame.strip(b"\xff\x7f")] == []
    assert sounding_bytes(b"".join(frames)) == sounding_bytes(load_clip(recording).audio)


def test_hanging_up_sends_stop_and_closes() -> None:
    """The caller hangs up: stop, close 1000, line released; nothing is sent afterwards."""
    call = Call(Step(HangUp(), wait_ms=500)).run(3000)

    assert json.loads(call.bridge.raw[-1])["event"] == "stop"
    assert list(call.bridge.events("stop")[0]) == ["event", "sequenceNumber", "streamSid", "stop"]
    assert call.bridge.closes == [1000]
    assert call.of("twilio.closed")[0].data == {"by": "phone", "code": 1000}
    assert call.ended == ("caller", "hangup")
    assert call.of("phone.ended")[0].at_ms == 590.0
    assert [far.over for far in call.bridge.connections] == ["closed", "closed"]


def test_knobs_of_the_end() -> None:
    """A stream may end without stop, with another code, or without any close at all."""
    plain = PhoneSetup(stop_before_close=False, close_code=1001)
    rude = PhoneSetup(stop_before_close=False, close_code=1006)
    first = Call(Step(HangUp(), wait_ms=500), phone=plain).run(3000)
    second = Call(Step(HangUp(), wait_ms=500), phone=rude).run(3000)

    assert (first.bridge.events("stop"), first.bridge.closes) == ([], [1001])
    assert second.bridge.closes == []
    assert second.bridge.connections[-1].over == "aborted"


def test_the_network_breaks() -> None:
    """A lost connection is 31903; there is no second one, and TwiML goes on."""
    call = Call().run(1000)
    call.bridge.connections[-1].drop("reset")
    call.run(2000)

    assert call.warnings == [31903]
    assert call.of("twilio.closed")[0].data == {"by": "network", "code": 1006}
    assert call.ended == ("network", "stream_lost")
    assert len(call.bridge.upgrades) == 1


def test_a_bridge_that_drops_the_socket_is_told_apart() -> None:
    """An end without a close frame is the bridge's doing: broken pipe all the same."""
    call = Call().run(1000)
    call.bridge.connections[-1].drop("eof")

    assert call.run(2000).warnings == [31903]
    assert call.ended == ("bridge", "stream_closed")


def test_a_refused_upgrade() -> None:
    """Any answer but 101 is 31920, and TwiML goes on."""
    call = Call()
    call.bridge.refuse = 403
    call.run(1000)

    assert call.warnings == [31920]
    assert call.of("twilio.refused")[0].data == {"status": 403}
    assert call.ended == ("bridge", "stream_refused")


@pytest.mark.parametrize(
    ("token", "parameters"),
    [
        ("missing", {}),
        ("forged", {"token": "abcdLKJIHGFE", "lang": "en"}),
    ],
)
def test_a_stranger_has_no_valid_token(token: Any, parameters: dict[str, str]) -> None:
    """A stream without the TwiML's parameters, or with a forged token and the rest as it was."""
    call = Call(phone=PhoneSetup(token=token)).run(1000)

    assert call.bridge.events("start")[0]["start"]["customParameters"] == parameters


def test_an_expired_token_is_shown_too_late() -> None:
    """The stream opens only when the TwiML's token can no longer be valid."""
    call = Call(phone=PhoneSetup(token="expired")).run(3_600_900)

    assert call.bridge.upgrades == []
    assert len(call.run(3_602_000).bridge.upgrades) == 1


def test_a_stream_may_start_late_or_never() -> None:
    """`connected` comes, `start` seconds later or not at all; no media comes before it."""
    late = Call(phone=PhoneSetup(start="late", start_delay_ms=3000)).run(3089)
    never = Call(phone=PhoneSetup(start="never")).run(60_000)

    assert [json.loads(it)["event"] for it in late.bridge.raw] == ["connected"]
    assert len(late.run(3090).bridge.raw) == 3
    assert [json.loads(it)["event"] for it in never.bridge.raw] == ["connected"]


def test_a_caller_who_hangs_up_during_the_handshake() -> None:
    """The connection is given up before the answer; the line is released."""
    call = Call(phone=PhoneSetup(connect="hang_up")).run(5000)

    assert call.ended == ("caller", "hangup")
    assert call.bridge.raw == []
    assert call.bridge.connections[-1].over == "closed"


def test_twiml_fetched_and_never_connected() -> None:
    """Twilio may take the TwiML and never open the stream."""
    call = Call(twiml=STREAM.format(""), phone=PhoneSetup(connect="never")).run(30_000)

    assert call.bridge.upgrades == []
    assert call.ended == ("network", "stream_lost")
