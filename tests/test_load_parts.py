"""The pure parts of a load run: buckets, marks in frames, framing, turns, relay books, caller."""

import base64
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.load.books import Books
from simulator.load.caller import Caller, left_out, spoken
from simulator.load.command import CONVERSATION
from simulator.load.ear import Ear
from simulator.load.framing import Broken, ClientFrames, FrameReader, server_frame, unmask
from simulator.load.histogram import Histogram, bucket_of, value_of
from simulator.load.listening import TurnListener, counter_of
from simulator.load.relay import DownRelay, UpRelay
from simulator.load.tag import CALLS, FRAMES, SILENT, bits_of_call, frames_of, read_tag
from simulator.model.formats import ENCODINGS
from simulator.scenario import load_scenarios
from simulator.scenario.format import HangUp, Nothing, Press, Say, Silence, Step, Trigger
from simulator.sound import FRAME_BYTES, PCM_OF_MULAW, SILENT_FRAME, load_clip
from simulator.websocket import BINARY, CLOSE, PING, TEXT, ClientConnection, ServerConnection, Text

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
VALUES = st.floats(-1e6, 1e6, allow_nan=False)
MASKS = st.binary(min_size=4, max_size=4)
QUESTION = FIXTURES / "sounds/voice-when-are-you-open.wav"
SPOKEN = sorted((FIXTURES / "clips/en").glob("*.wav"))


def unbase64(text: bytes) -> bytes:
    """The bytes of base64."""
    return base64.b64decode(text, validate=True)


# -- histogram --------------------------------------------------------------------------------


@given(VALUES)
def test_a_bucket_knows_its_value_to_a_percent(value: float) -> None:
    """The middle of a value's bucket is within 1 % of it, or within 0.01."""
    assert abs(value_of(bucket_of(value)) - value) <= max(0.01, abs(value) * 0.01)


@given(st.lists(VALUES, min_size=1, max_size=300), st.floats(0, 100))
def test_a_percentile_is_that_of_the_values(values: list[float], percent: float) -> None:
    """It is the nearest rank's value, to the width of a bucket; the ends are exact."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    ordered = sorted(values)
    rank = max(1, -(-len(values) * percent // 100))
    exact = ordered[int(rank) - 1]

    assert abs(histogram.percentile(percent) - exact) <= max(0.02, abs(exact) * 0.02)
    assert histogram.aggregate("min") == ordered[0]
    assert histogram.aggregate("max") == histogram.percentile(100) == ordered[-1]
    assert histogram.aggregate("count") == len(values)


def test_a_million_measurements_take_a_few_thousand_buckets() -> None:
    """Memory is bounded by the range of values, not by their number."""
    histogram = Histogram()
    for number in range(100_000):
        histogram.add((number % 5000) * 0.37, 10)

    assert histogram.count == 1_000_000
    assert len(histogram._buckets) < 1_000


# -- the mark in a frame -------------------------------------------------------------------------


@given(st.integers(0, CALLS - 1), st.integers(0, 3 * FRAMES), st.binary(min_size=1, max_size=500))
def test_a_frame_says_whose_and_which_it_is(call: int, number: int, audio: bytes) -> None:
    """What is written into a frame is read from it, and only lowest bits differ."""
    for frame in frames_of(audio):
        sent = unbase64(frame.payload(bits_of_call(call), number))
        plain = unbase64(frame.payload(0, 0))

        assert read_tag(sent) == (call, number % FRAMES)
        assert len(sent) == FRAME_BYTES
        assert all((one ^ two) <= 1 for one, two in zip(sent, plain, strict=True))


def test_audio_without_marks_is_hardly_ever_taken_for_marked() -> None:
    """Ten bits of check: one frame of noise in a thousand passes, and silence does not."""
    rng = random.Random(1)
    taken = sum(read_tag(rng.randbytes(FRAME_BYTES)) is not None for _ in range(5000))

    assert taken < 25
    assert read_tag(SILENT_FRAME) is None


def test_the_mark_cannot_be_heard() -> None:
    """Marked silence stays far below what counts as loud."""
    sent = unbase64(SILENT.payload(bits_of_call(77), 1234))

    assert max(abs(int(PCM_OF_MULAW[code])) for code in sent) <= 8


# -- framing -----------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=300), max_size=5), MASKS, st.integers(1, 200))
def test_what_is_written_is_read_however_it_is_cut(
    messages: list[bytes], mask: bytes, step: int
) -> None:
    """Masked frames of any size come back whole and in order, fed in pieces of any size."""
    writer = ClientFrames(mask)
    wire = b"".join(writer.write(TEXT, data) for data in messages)
    got: list[bytes] = []
    reader = FrameReader(lambda _, data: got.append(data), masked=True)
    for at in range(0, len(wire), step):
        reader.feed(wire[at : at + step])

    assert got == messages


@given(st.binary(max_size=1000), MASKS)
def test_masking_twice_is_nothing(data: bytes, mask: bytes) -> None:
    """RFC 6455 5.3: the same operation masks and unmasks."""
    assert unmask(mask, unmask(mask, data)) == data


def test_the_strict_reader_takes_the_lean_frames() -> None:
    """The full fakes' framing understands what this one writes, and the other way round."""
    server, client = ServerConnection(), ClientConnection(random.Random(1))
    server.feed(client.request("h", "/", []))
    got: list[bytes] = []
    reader = FrameReader(lambda _, data: got.append(data), masked=True)
    for size in (0, 125, 126, 65_535, 65_536):
        data = os.urandom(size)
        (message,) = server.feed(ClientFrames(b"abcd").write(TEXT, data))
        reader.feed(client.text(data))

        assert message == Text(data)
        assert got[-1] == data


def test_fragments_and_control_frames_are_put_in_order() -> None:
    """A ping between two fragments comes first; binary is told from text; nothing after a close."""
    got: list[tuple[int, bytes]] = []
    reader = FrameReader(lambda opcode, data: got.append((opcode, data)), masked=False)
    reader.feed(b"\x01\x02he" + server_frame(PING, b"p") + b"\x80\x03llo")
    reader.feed(server_frame(BINARY, b"b") + server_frame(CLOSE, b"") + server_frame(TEXT, b"x"))

    assert got == [(PING, b"p"), (TEXT, b"hello"), (BINARY, b"b"), (CLOSE, b"")]


@pytest.mark.parametrize(
    "wire",
    [b"\x81\x82abcdxy", b"\xc1\x00", b"\x83\x00", b"\x09\x00", b"\x80\x00", b"\x01\x01a\x81\x01b"],
    ids=["masked", "reserved bit", "unknown", "half a ping", "no beginning", "no end"],
)
def test_unlawful_frames_are_refused(wire: bytes) -> None:
    """What RFC 6455 forbids raises."""
    reader = FrameReader(lambda *_: None, masked=False)

    with pytest.raises(Broken):
        reader.feed(wire)


# -- turns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SPOKEN, ids=lambda path: path.stem)
def test_a_clip_is_one_turn(path: Path) -> None:
    """Marked speech is heard as one turn that ends with it, and a second of silence closes it."""
    clip = load_clip(path)
    listener, count = TurnListener(), counter_of("audio/pcmu")
    listener.configure(
        {"type": "server_vad", "silence_duration_ms": 1000, "prefix_padding_ms": 300}
    )
    edges = []
    for number, frame in enumerate((*frames_of(clip.audio), *[SILENT] * 60)):
        sound = unbase64(frame.payload(bits_of_call(1), number))
        edge = listener.hear(count(sound))
        if edge is not None:
            edges.append((edge, listener.clock_ms))
    (started, start_ms), (stopped, stop_ms) = edges

    assert (started, stopped) == ("started", "stopped")
    assert abs(start_ms - clip.speech_start_ms) <= 200
    assert abs(stop_ms - 1000 - clip.speech_end_ms) <= 160


def test_all_formats_hear_alike() -> None:
    """A-law and 24 kHz PCM have the same loud samples as the μ-law they were made from."""
    audio = load_clip(QUESTION).audio
    counts = {}
    for name in ("audio/pcmu", "audio/pcma", "audio/pcm"):
        count = counter_of(name)
        frames = [audio[at : at + 160] for at in range(0, len(audio) // 160 * 160, 160)]
        counts[name] = [count(ENCODINGS[name].of_mulaw(frame)) >= 10 for frame in frames]

    assert counts["audio/pcm"] == counts["audio/pcmu"]
    differ = [a != b for a, b in zip(counts["audio/pcma"], counts["audio/pcmu"], strict=True)]
    assert sum(differ) <= 2


def test_noise_of_the_line_is_no_speech() -> None:
    """Room tone and line noise never begin a turn."""
    for name in ("room-tone", "line-noise"):
        audio = load_clip(FIXTURES / f"sounds/{name}.wav").audio
        listener, count = TurnListener(), counter_of("audio/pcmu")
        edges = [listener.hear(count(audio[at : at + 160])) for at in range(0, len(audio), 160)]

        assert set(edges) == {None}


# -- relay -----------------------------------------------------------------------------------------


def recording() -> Books:
    """Books that record."""
    books = Books()
    books.recording = True
    return books


@given(st.sets(st.integers(0, 400), max_size=80), st.floats(0.001, 0.4))
def test_lost_frames_are_lost_and_the_rest_is_not_late(lost: set[int], takes_s: float) -> None:
    """Whichever frames a bridge loses: each of the others has its own latency."""
    books = recording()
    relay = UpRelay(books)
    relay.configured(0.0)
    for number in range(500):
        relay.sent(number * 0.02)
    for number in range(500):
        if number not in lost:
            relay.arrived(number, number * 0.02 + takes_s)
    relay.close(10.0)

    assert books.relay_up_ms.count == 500 - len(lost)
    assert abs(books.relay_up_ms.least - takes_s * 1000) < 1e-6
    assert abs(books.relay_up_ms.largest - takes_s * 1000) < 1e-6
    assert books.caller_audio_lost_ms.largest == 20 * len(lost)


def test_repeated_and_invented_frames_are_counted_apart() -> None:
    """A frame twice, or silence the bridge made up, changes no latency and no loss."""
    books = recording()
    relay = UpRelay(books)
    relay.configured(0.0)
    for number in range(10):
        relay.sent(number * 0.02)
    for tag in (0, 1, 1, None, 2, 3, 4, 5, 6, 7, 8, 9):
        relay.arrived(tag, 0.5)
    relay.close(2.0)

    assert books.relay_up_ms.count == 10
    assert books.totals["frames_repeated"] == books.totals["frames_added"] == 1
    assert books.caller_audio_lost_ms.largest == 0


def test_what_was_said_before_the_session_was_ready_tells_no_latency() -> None:
    """Kept audio has waited for the session, and audio still under way at the end is not lost."""
    books = recording()
    relay = UpRelay(books)
    for number in range(100):
        relay.sent(number * 0.02)
    relay.configured(1.0)
    for tag in range(90):
        relay.arrived(tag, 2.0)
    relay.close(2.0)

    assert books.relay_up_ms.count == 40
    assert books.caller_audio_lost_ms.largest == 0


def test_deltas_are_timed_by_their_first_byte() -> None:
    """Pieces of any size: a delta has arrived when the first of its bytes has."""
    books = recording()
    relay = DownRelay(books)
    relay.begin()
    relay.sent(2000, 1.0)
    relay.sent(2000, 1.1)

    assert relay.arrived(1600, 1.010)
    assert not relay.arrived(400, 1.020)
    assert books.relay_down_ms.count == 1
    assert not relay.arrived(2000, 1.130)
    assert books.relay_down_ms.count == 2
    assert abs(books.relay_down_ms.largest - 30) < 1e-6

    relay.close(9.0)

    assert books.agent_audio_lost_ms.largest == 0


def test_a_delta_cut_by_the_end_of_the_call_is_not_lost() -> None:
    """What was sent just before the caller hung up may still be under way, also a part of it."""
    books = recording()
    relay = DownRelay(books)
    relay.begin()
    relay.sent(2000, 1.0)
    relay.sent(2000, 1.4)
    relay.arrived(2400, 1.5)
    relay.close(1.6)

    assert books.agent_audio_lost_ms.largest == 0


def test_what_a_bridge_drops_is_lost_unless_it_was_meant_to_be() -> None:
    """A delta that never comes is lost; one dropped by a clear or an interruption is not."""
    books = recording()
    relay = DownRelay(books)
    for way in ("lost", "cleared", "interrupted"):
        relay.begin()
        relay.sent(2000, 1.0)
        relay.sent(2000, 1.0)
        relay.arrived(2000, 1.1)
        if way == "cleared":
            relay.cleared()
        elif way == "interrupted":
            relay.interrupted()
    relay.close(9.0)

    assert books.agent_audio_lost_ms.largest == 250

    relay = DownRelay(books := recording())
    relay.begin()
    relay.sent(2000, 1.0)
    relay.sent(2000, 1.0)
    relay.cleared()
    relay.close(1.1)

    assert books.agent_audio_lost_ms.largest == 0


def test_only_what_was_not_dropped_on_purpose_counts_as_sent() -> None:
    """The share of lost audio is of what was meant to be heard."""
    books = recording()
    relay = DownRelay(books)
    for way in ("lost", "cleared", "interrupted"):
        relay.begin()
        relay.sent(4000, 1.0)
        relay.arrived(2000, 1.1)
        if way == "cleared":
            relay.cleared()
        elif way == "interrupted":
            relay.interrupted()
    relay.close(9.0)

    assert books.totals["down_bytes"] == 8000


# -- ear and caller ----------------------------------------------------------------------------


def test_marks_come_back_when_heard_or_cleared() -> None:
    """Audio takes its time, marks wait for it, and a clear gives them back at once."""
    ear = Ear()
    ear.mark("early", 1.0)
    ear.media(800, 1.0)
    ear.mark("one", 1.0)
    ear.media(8000, 1.0)
    ear.mark("two", 1.05)

    assert ear.reached(1.05) == ["early"]
    assert ear.next_mark_s == pytest.approx(1.1)
    assert ear.reached(1.2) == ["one"]
    assert ear.clear(1.3) == ["two"]
    assert ear.plays_until_s == 1.3
    assert ear.marks_played == 2


def test_a_caller_waits_for_the_agent_and_then_does_what_is_written() -> None:
    """Steps wait from the last sound on, last as long as they do, and come once."""
    ear = Ear()
    steps = (
        Step(Say(QUESTION), wait_ms=500),
        Step(Press("12"), Trigger("agent_silent"), wait_ms=1000),
        Step(Silence(300), Trigger("agent_heard", 400)),
        Step(Nothing(), Trigger("turn", number=2)),
        Step(HangUp(), Trigger("at", 20_000)),
    )
    caller = Caller(steps, ear, began_s=100.0)
    done: list[tuple[float, str]] = []
    now_s = 100.0
    while now_s < 121:
        now_s = round(now_s + 0.02, 2)
        if now_s in (103.0, 108.0):
            ear.media(8000, now_s)
        action = caller.due(now_s)
        if action is not None:
            done.append((round(now_s - 100, 2), type(action).__name__))

    assert [at_s for at_s, _ in done] == pytest.approx([0.5, 5.0, 8.4, 8.72, 20.0], abs=0.03)
    assert [name for _, name in done] == ["Say", "Press", "Silence", "Nothing", "HangUp"]
    assert caller.waits_since_s is None


def test_speech_ends_where_the_manifest_says() -> None:
    """The end of the last speech counts, for response latency."""
    clip = load_clip(QUESTION)
    said = spoken((QUESTION, QUESTION))

    assert said.speech_frames == -(-(clip.duration_ms + clip.speech_end_ms) // 20)
    assert len(said.frames) == -(-2 * len(clip.audio) // 160)


def test_what_is_left_out_is_said() -> None:
    """The shipped conversation is played whole; others are told what is missing."""
    (conversation,), problems = load_scenarios([CONVERSATION])
    root = CONVERSATION.parents[2] / "scenarios"
    (network,), _ = load_scenarios([root / "latency/jittery-link.call.yaml"])

    assert not problems
    assert left_out(conversation) == []
    assert "the network's latency and faults" in left_out(network)
