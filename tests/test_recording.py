"""Recordings: each channel judged by the simulator's own ear; the transcript; the announcement."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bridge.agents.conduct import Conduct
from bridge.app import make_app
from bridge.core import realtime, twilio
from bridge.core.record import CallRecord
from bridge.recording.heard import HOLD_MS_MAX, HeardTrack
from bridge.recording.recording import Recording, Recordings, SoundPiece
from bridge.recording.transcript import Transcript
from bridge.settings import settings_from
from simulator.bridge_settings import WORLD_SETTINGS
from simulator.clock import run_virtually
from simulator.scenario.environment import bridge_environment
from simulator.trace import Event
from simulator.world import World
from tests.far_ends import CALL as SID
from tests.far_ends import NOW, settings
from tests.small_calls import small_call

SILENCE = 0xFF

CALL = """
name: an answer, an interruption, another answer
network: {{twilio: {{latency: 60ms, jitter: {jitter}ms}}, realtime: {{latency: 25ms}}}}
phone: {{dtx: {dtx}}}
model:
  - on: turn
    say: clips/en/opening-hours-long.wav
    burst: 8
  - on: turn
    say: sounds/voice-certainly.wav
caller:
  - wait: 300ms
    say: sounds/voice-when-are-you-open.wav
  - when: agent_heard 2s
    say: clips/en/never-mind-cancel.wav
  - when: agent_silent
    wait: 1500ms
    hang_up: true
"""


class Memory:
    """A sink that puts the pieces together."""

    def __init__(self) -> None:
        self.sound = b""
        self.words: list[dict[str, Any]] | None = None
        self.room = True

    def take(self, piece: SoundPiece) -> bool:
        """Take it, if there is room."""
        if not self.room and piece.transcript is None:
            return False
        self.sound += bytes([SILENCE]) * piece.silence + piece.sound
        self.words = piece.transcript or self.words
        return True


class Played:
    """A call in virtual time, what was recorded of it, and what really happened."""

    def __init__(self, folder: Path, text: str, seed: int = 0) -> None:
        scenario = small_call(folder, text)
        memory, self.events = Memory(), list[Event]()

        async def one_call() -> None:
            world = World(scenario, seed)
            recording = {"RECORDING": "on", "RECORDING_ANNOUNCEMENT": ""}
            given = settings_from({**WORLD_SETTINGS, **bridge_environment(scenario), **recording})
            app = make_app(given, outside=world._outside(), recordings=memory)
            world._bridge.use(app)
            world.trace.subscribe(self.events.append)
            await world.play()

        run_virtually(one_call, seed=seed)
        self.left = np.frombuffer(memory.sound[0::2], np.uint8)
        self.right = np.frombuffer(memory.sound[1::2], np.uint8)
        self.words = memory.words or []
        self.start_ms = self._first("twilio", "sent", event="start").at_ms

    def _first(self, who: str, name: str, **fields: Any) -> Event:
        return next(
            event
            for event in self.events
            if (event.who, event.name) == (who, name)
            and all(event.data.get(key) == value for key, value in fields.items())
        )

    def ear(self) -> Any:
        """What the caller heard, by the fake's playout; the stream begins at 0."""
        sent = {
            event.data["number"]: event.data["audio"]
            for event in self.events
            if (event.who, event.name) == ("twilio", "received") and event.data["event"] == "media"
        }
        heard = np.full(len(self.right) + 80_000, SILENCE, np.uint8)
        for event in self.events:
            if (event.who, event.name) == ("playout", "played"):
                at = round((event.data["from_ms"] - self.start_ms) * 8)
                audio = sent[event.data["number"]]
                audio = audio[event.data["start_byte"] : event.data["end_byte"]]
                heard[at : at + len(audio)] = np.frombuffer(audio, np.uint8)
        return heard[: len(self.right)]

    def stops_after(self, at: int) -> int:
        """Where the agent's sound stops whose last audible sample is at `at`, silence included."""
        ends = [
            round((event.data["to_ms"] - self.start_ms) * 8)
            for event in self.events
            if (event.who, event.name) == ("playout", "played")
        ]
        return int(min(end for end in ends if end >= at))


def runs(channel: Any) -> list[tuple[int, int]]:
    """(from, to) of what is not silent, pauses below 500 ms included."""
    sounding = np.flatnonzero((channel != SILENCE) & (channel != 0x7F))
    breaks = np.flatnonzero(np.diff(sounding) > 4000)
    firsts = [sounding[0], *sounding[breaks + 1]]
    lasts = [*sounding[breaks], sounding[-1]]
    return [(int(one), int(two) + 1) for one, two in zip(firsts, lasts, strict=True)]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("jitter", "off_ms"), [(0, 20), (20, 60)])
def test_the_right_channel_is_what_the_caller_heard(
    jitter: int, off_ms: int, seed: int, tmp_path: Path
) -> None:
    """Sample for sample, shifted by the jitter at most; what was cleared is not in it."""
    call = Played(tmp_path, CALL.format(jitter=jitter, dtx="false"), seed)
    ear = call.ear()
    heard, recorded = runs(ear), runs(call.right)

    assert len(heard) == len(recorded)
    for (from_, to), (was_from, was_to) in zip(heard, recorded, strict=True):
        shift = was_from - from_
        same = min(to - from_, was_to - was_from)
        assert abs(shift) <= off_ms * 8
        assert to - off_ms * 8 <= was_to <= call.stops_after(to) + off_ms * 8
        assert np.array_equal(ear[from_ : from_ + same], call.right[was_from : was_from + same])


@pytest.mark.parametrize("dtx", ["false", "true"])
def test_the_left_channel_is_the_caller(dtx: str, tmp_path: Path) -> None:
    """Every frame where its timestamp puts it, also on a line that sends nothing in silence."""
    call = Played(tmp_path, CALL.format(jitter=0, dtx=dtx))
    frames = [
        event
        for event in call.events
        if (event.who, event.name) == ("twilio", "sent") and event.data["event"] == "media"
    ]
    begin = frames[0].data["timestamp_ms"] - (frames[0].at_ms - call.start_ms)
    found = []
    for frame in (event.data for event in frames):
        at = round((frame["timestamp_ms"] - begin) * 8)
        if at + 400 < len(call.left) and bytes(frame["audio"]).strip(b"\xff\x7f"):
            near = bytes(call.left[max(0, at - 240) : at + 400])
            found.append(bytes(frame["audio"]) in near)

    assert len(found) > 50
    assert all(found)


def test_the_transcript_tells_heard_from_generated(tmp_path: Path) -> None:
    """The first answer was interrupted after two seconds, the second was heard out."""
    call = Played(tmp_path, CALL.format(jitter=0, dtx="false"))
    first, second = (entry for entry in call.words if entry["who"] == "agent")

    assert first["heard"].startswith("Hours:")
    assert first["unheard"].endswith("P.M.")
    assert 2000 <= first["heard_ms"] <= 3000 < first["generated_ms"]
    assert (second["heard"], second["unheard"]) == ("Certainly.", "")


def test_a_stranger_is_not_recorded() -> None:
    """Without a name nothing is kept, whatever comes."""
    memory = Memory()
    recording = Recordings(memory).begin()
    assert recording is not None
    recording.twilio("in", twilio.Media(100, 1, b"\0" * 160), 1.0)
    recording.realtime("in", "{}", 1.0)
    recording.close("stream_refused", CallRecord(began=0.0), 2.0)

    assert (memory.sound, memory.words) == (b"", None)
    assert Recordings().begin() is None


def named(memory: Memory) -> Recording:
    """A recording of a call that is ours."""
    recording = Recordings(memory, lambda: NOW).begin()
    assert recording is not None
    recording.name(SID)
    recording.name("CA" + "b" * 32)
    return recording


def speak(recording: Recording, first: int, count: int) -> None:
    """So many frames of the caller, from number `first` on."""
    for number in range(first, first + count):
        media = twilio.Media(100 + 20 * number, number, b"\x01" * 160)
        recording.twilio("in", media, 1.0 + 0.02 * number)


def test_what_does_not_fit_is_silence_of_the_same_length() -> None:
    """What comes after it stays in its place."""
    memory = Memory()
    recording = named(memory)
    memory.room = False
    speak(recording, 0, 120)
    memory.room = True
    speak(recording, 120, 120)
    recording.close("limit", CallRecord(began=0.0), 10.0)

    left = memory.sound[0::2]
    assert len(left) == 240 * 160
    assert set(left[: 2 * 8000]) == {SILENCE}
    assert set(left[-2 * 8000 :]) == {1}


def test_frames_out_of_time_are_left_out() -> None:
    """An impossible timestamp, and a frame whose time has been written already."""
    memory = Memory()
    recording = named(memory)
    speak(recording, 0, 100)
    recording.twilio("in", twilio.Media(9_000_000, 1, b"\2" * 160), 3.1)
    recording.twilio("in", twilio.Media(100, 1, b"\2" * 160), 3.1)
    recording.close("limit", CallRecord(began=0.0), 3.2)

    assert set(memory.sound[0::2]) == {1}


# -------------------------------------------------------------------------------- heard
def track() -> tuple[HeardTrack, list[tuple[float, int]]]:
    """A track of a stream whose clock is 1000 ms behind ours; the round trip is 100 ms."""
    placed: list[tuple[float, int]] = []
    heard = HeardTrack(lambda at_ms, audio: placed.append((at_ms, len(audio) // 8)))
    heard.frame(100, 1100)
    heard.marked("probe", 1100)
    heard.returned("probe", 1200)
    return heard, placed


def test_audio_that_waits_follows_without_a_gap() -> None:
    """And audio into the empty buffer is heard a round trip later, by the stream's clock."""
    heard, placed = track()
    for number, at_ms in enumerate((2000, 2010, 5000)):
        heard.sent(b"\0" * 1600, at_ms)
        heard.marked(f"m{number}", at_ms)
    for number, at_ms in enumerate((2300, 2500, 5300)):
        heard.returned(f"m{number}", at_ms)

    assert placed == [(1100, 200), (1300, 200), (4100, 200)]


def test_a_clear_cuts_where_its_marks_say() -> None:
    """The last one dropped came back at 2350: 250 ms were heard."""
    heard, placed = track()
    for number in range(3):
        heard.sent(b"\0" * 1600, 2000)
        heard.marked(f"m{number}", 2000)
    heard.sent(b"\0" * 1600, 2000)
    heard.cleared(2250)
    assert heard.settled_ms(2300) == 1100
    heard.returned("m0", 2350)
    heard.returned("m2", 2350)

    assert placed == [(1100, 200), (1300, 50)]


def test_marks_that_never_come_back_are_not_waited_for_long() -> None:
    """After half a minute the estimate is believed, for played and for dropped audio."""
    heard, placed = track()
    heard.sent(b"\0" * 1600, 2000)
    heard.marked("m0", 2000)
    assert heard.settled_ms(30_000) == 1100
    assert heard.settled_ms(2500 + HOLD_MS_MAX) == 1500 + HOLD_MS_MAX
    heard.sent(b"\0" * 8000, 40_000)
    heard.marked("m1", 40_000)
    heard.cleared(40_500)
    heard.settled_ms(41_000 + HOLD_MS_MAX)

    assert placed == [(1100, 200), (39_100, 500)]


def test_at_the_end_what_can_have_been_heard_is_placed() -> None:
    """The caller hung up 300 ms into the answer."""
    heard, placed = track()
    heard.sent(b"\0" * 8000, 2000)
    heard.finish(2400)

    assert placed == [(1100, 300)]


def test_a_clear_before_any_mark_is_placed_by_the_estimate() -> None:
    """It takes half a round trip there; its audio had begun to play as long ago."""
    heard, placed = track()
    heard.sent(b"\0" * 8000, 2000)
    heard.cleared(2300)
    heard.returned("unknown", 2400)

    assert placed == [(1100, 300)]


# -------------------------------------------------------------------------------- transcript
def said(kind: str, item_id: object = "item_1", **fields: Any) -> str:
    """A Realtime event."""
    return json.dumps({"type": kind, "item_id": item_id, **fields})


def test_the_transcript_of_both_in_the_order_of_time() -> None:
    """The caller's words come later than they were said; what is no event is passed over."""
    words = Transcript()
    caller = "conversation.item.input_audio_transcription.completed"
    words.realtime("in", said(caller, "item_0", transcript=" Hello? "), 500)
    words.realtime("in", said("response.output_audio_transcript.delta", delta="One two "), 900)
    words.realtime("in", said("response.output_audio_transcript.delta", delta="three"), 950)
    words.realtime("in", said("response.output_audio.delta", delta="AAAA" * 3200), 1000)
    words.realtime("in", said("response.output_audio.delta", delta="?"), 1000)
    words.realtime("in", said("response.output_audio.delta", 7, delta="AAAA"), 1000)
    words.realtime("in", '"response.output_audio.delta"', 1000)
    words.realtime("in", '{"response.output_audio.delta"', 1000)
    for name in ("g1:probe", "g1:item_1:3200", "g1:item_9:3200", "nonsense"):
        words.returned(twilio.Mark(name))
    words.realtime("out", realtime.ConversationItemTruncate("cb_1", "item_9", 5), 1000)

    assert words.entries() == [
        {"at_ms": 500, "who": "caller", "said": "Hello?"},
        {
            "at_ms": 900,
            "who": "agent",
            "heard": "One",
            "unheard": "two three",
            "generated_ms": 1200,
            "heard_ms": 400,
        },
    ]


# ------------------------------------------------------------------- consent, forgetting
def test_the_announcement_comes_first_and_only_when_recording() -> None:
    """Before the operator's own greeting."""
    on = Conduct(records=True, announcement="Recorded.")

    assert on.spoken_first("Hello.") == "Recorded. Hello."
    assert on.spoken_first("") == "Recorded."
    assert Conduct(announcement="Recorded.").spoken_first("Hello.") == "Hello."


async def test_twilio_announces_the_recording() -> None:
    """In the TwiML, before the stream."""
    app = make_app(settings(recording="on", twilio_auth_token=None, twilio_account_sid=None))
    response = await app.test_client().post("/incoming-call", form={"CallSid": SID})
    document = await response.get_data(as_text=True)

    assert document.index("<Say>This call is recorded.</Say>") < document.index("<Connect>")
