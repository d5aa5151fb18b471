"""`<Start><Stream>`: streams that only listen, beside the call's own."""

from __future__ import annotations

import base64
import json

import pytest

from simulator.phone.sounds import known_clip
from simulator.phone.streams import StreamState
from simulator.phone.twiml import parse
from simulator.phone.verbs.verb import StreamRequest
from simulator.scenario.format import Say, Step
from simulator.sound import SILENT_FRAME, load_clip
from simulator.websocket import BINARY, TEXT, frame
from tests.phone_bridge import CLIPS, HOST, LOUD, Call

START = f'<Start><Stream name="tap" url="wss://{HOST}/tap" track="{{}}"/></Start>'
CONNECT = f'<Connect><Stream url="wss://{HOST}/media-stream"/></Connect>'
PAUSE = '<Pause length="5"/>'


def listened(document: str, *steps: Step) -> Call:
    """A call with this document."""
    return Call(*steps, twiml=f"<Response>{document}</Response>")


def heard(call: Call, track: str) -> bytes:
    """All the audio of a track that the listening streams sent."""
    return b"".join(it.data["audio"] for it in call.of("tap.sent", event="media", track=track))


def test_a_start_does_not_block() -> None:
    """The document goes on at once, and its end ends call and stream."""
    call = listened(START.format("inbound_track") + "<Say>one two three</Say>").run(5000)

    assert call.of("phone.ended")[0].at_ms == 1200.0
    assert len(call.bridge.events("stop")) == 1
    assert call.bridge.closes == [1000]


@pytest.mark.parametrize(
    ("track", "names"),
    [
        ("inbound_track", ["inbound"]),
        ("outbound_track", ["outbound"]),
        ("both_tracks", ["inbound", "outbound"]),
    ],
)
def test_the_tracks_are_those_asked_for(track: str, names: list[str]) -> None:
    """The start message names the tracks; frames of each come every 20 ms, without a gap."""
    call = listened(START.format(track) + PAUSE).run(1200)
    media = call.bridge.events("media")
    start = call.bridge.events("start")[0]

    assert start["start"]["tracks"] == names
    assert {it["media"]["track"] for it in media} == set(names)
    assert len(media) == 55 * len(names)
    assert [int(it["sequenceNumber"]) for it in media] == list(range(2, len(media) + 2))
    last = {it["media"]["track"]: it["media"]["chunk"] for it in media}
    assert set(last.values()) == {"55"}


def test_both_tracks_of_a_conversation() -> None:
    """Beside a stream both ways: the caller's words, and the agent's as the caller hears them."""
    document = START.format("both_tracks") + CONNECT
    call = listened(document, Step(Say(CLIPS / "hello.wav"), wait_ms=500)).run(500)
    sid = next(it.data["stream_sid"] for it in call.of("twilio.sent", event="start"))
    payload = base64.b64encode(LOUD * 50).decode()
    media = {"event": "media", "streamSid": sid, "media": {"payload": payload}}
    call.bridge.send_to("/media-stream", media)
    call.run(1000)
    call.bridge.send_to("/media-stream", {"event": "clear", "streamSid": sid})
    call.run(3000)

    assert load_clip(CLIPS / "hello.wav").audio in heard(call, "inbound")
    assert heard(call, "outbound").count(LOUD[:1]) == pytest.approx(4000, abs=160)
    assert len(heard(call, "outbound")) == len(heard(call, "inbound")) == 146 * 160


def spoken_ms(call: Call) -> float:
    """How much of the outbound track is not silence."""
    return len(heard(call, "outbound").replace(SILENT_FRAME[:1], b"")) / 8


@pytest.mark.parametrize(
    ("verbs", "length_ms"),
    [
        ("<Say>one two three</Say>", 3 * 300),
        ('<Say loop="2">one two three</Say>', 6 * 300),
        ("<Play>https://bridge.example.com/hold.mp3</Play>", 3 * 750),
        ('<Play digits="1w#"/>', 2 * 375),
        (f"<Gather><Say>{'word ' * 5}</Say></Gather>", 5 * 300),
    ],
)
def test_what_verbs_sound_like(verbs: str, length_ms: float) -> None:
    """A tone for each word, key or second; three quarters of its time, the rest is a pause."""
    call = listened(START.format("both_tracks") + PAUSE + verbs + PAUSE).run(9_900)

    assert spoken_ms(call) == pytest.approx(length_ms, rel=0.03)
    assert set(heard(call, "inbound")) == {SILENT_FRAME[0]}


def test_a_known_clip_is_played_as_it_is() -> None:
    """`/fixtures/` in a URL names a clip of the library: its sound, and its length."""
    play = "<Play>https://bridge.example.com/fixtures/clips/en/hello.wav</Play>"
    call = listened(START.format("outbound_track") + PAUSE + play + PAUSE).run(19_000)
    clip = load_clip(CLIPS / "hello.wav")

    assert clip.audio in heard(call, "outbound")
    assert call.of("phone.ended")[0].at_ms == 10_000 + clip.duration_ms


@pytest.mark.parametrize(
    "path", ["../../pyproject.toml", "MANIFEST.yaml", "clips/en/never-said.wav", ""]
)
def test_no_other_file_is_read(path: str) -> None:
    """Neither outside the library nor what is no sound."""
    assert known_clip(f"https://bridge.example.com/fixtures/{path}") is None


def test_what_is_interrupted_is_heard_no_more() -> None:
    """New TwiML over REST ends the words in the middle."""
    call = listened(START.format("outbound_track") + PAUSE + "<Say>one two three four</Say>")
    call.run(5_600)
    call.phone.redirect(parse(f"<Response>{PAUSE}</Response>".encode()))
    call.run(9_000)

    assert spoken_ms(call) == pytest.approx(500, abs=20)


@pytest.mark.parametrize("track", ["all_tracks", "inbound"])
def test_a_track_that_is_none(track: str) -> None:
    """Any other word for the track is 31941; the stream is not opened, the document goes on."""
    call = listened(START.format(track) + PAUSE).run(1000)

    assert call.warnings == [31941]
    assert call.bridge.upgrades == []


@pytest.mark.parametrize("data", [frame(TEXT, b'{"event":"clear"}'), frame(BINARY, b"x")])
def test_nothing_may_be_sent_back(data: bytes) -> None:
    """A message on such a stream is 31924 and ends it; the call goes on."""
    call = listened(START.format("inbound_track") + PAUSE).run(1000)
    call.bridge.send_frame(data)
    call.run(2000)

    assert call.warnings == [31924]
    assert "only listens" in call.of("twilio.warning")[0].data["text"]
    assert call.of("tap.closed")
    assert call.ended is None


def test_stop_ends_a_stream_by_its_name() -> None:
    """Stop closes the stream of that name; a name nobody has warns."""
    stop = '<Stop><Stream name="{}"/></Stop>'
    document = START.format("inbound_track") + '<Pause length="1"/>' + stop.format("tap") + PAUSE
    call = listened(document).run(3000)
    wrong = listened(document.replace(stop.format("tap"), stop.format("other"))).run(3000)

    assert [event.at_ms for event in call.of("tap.closed")] == [1000.0]
    assert json.loads(call.bridge.raw[-1])["event"] == "stop"
    assert wrong.of("tap.closed") == []
    assert wrong.problems == [12200]


def test_a_call_has_four_tracks_at_most() -> None:
    """Two streams of both tracks are as many as a call may have; a third one is 31941."""
    starts = "".join(START.format("both_tracks").replace("tap", name) for name in ("a", "b", "c"))
    call = listened(starts + PAUSE).run(1000)

    assert call.warnings == [31941]
    assert [path for path, _ in call.bridge.upgrades] == ["/a", "/b"]


def test_a_name_is_used_once() -> None:
    """A second stream of the same name is not opened."""
    call = listened(START.format("inbound_track") * 2 + PAUSE).run(1000)

    assert call.problems == [12200]
    assert len(call.bridge.upgrades) == 1


def test_a_listening_stream_is_not_the_calls_stream() -> None:
    """Its end ends nothing, and `twilio` events are those of the stream both ways only."""
    call = listened(START.format("inbound_track") + PAUSE).run(1000)
    call.bridge.close()
    call.run(2000)

    assert call.warnings == [31921]
    assert call.of("twilio.closed") == []
    assert call.ended is None


def test_a_stream_over_rest() -> None:
    """The account may start and stop a listening stream in a running call, and finds it again."""
    call = Call().run(1000)
    wanted = StreamRequest(f"wss://{HOST}/tap", "mine", {}, ("inbound",), both_ways=False)
    streams = call.phone.streams
    opened = streams.open(wanted)
    call.run(2000)

    assert len(heard(call, "inbound")) > 40 * 160
    assert opened == StreamState(opened.sid, "mine", running=True, changed_ms=1000.0)
    assert streams.name_is_taken(wanted)
    assert streams.stop("mine")
    assert not streams.stop("mine")
    assert streams.find(opened.sid) == StreamState(opened.sid, "mine", False, 2000.0)
    assert streams.find("other") is None
