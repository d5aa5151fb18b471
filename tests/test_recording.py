"""Recordings: each channel judged by the simulator's own ear; and what a crash costs."""

import io
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import trio

from bridge.agents.conduct import Conduct
from bridge.app import make_app
from bridge.call_files import DAY_S
from bridge.cli import main
from bridge.core import realtime, twilio
from bridge.core.record import CallRecord
from bridge.log import make_log
from bridge.recording import stereo
from bridge.recording.heard import HOLD_MS_MAX, HeardTrack
from bridge.recording.recording import Recording, RecordingName, Recordings, SoundPiece
from bridge.recording.stereo import HEADER_BYTES, StereoFile, header
from bridge.recording.transcript import Transcript
from bridge.recording.writer import (
    RecordingFolder,
    kept_recordings,
    recording_files,
)
from bridge.records.store import CallFilter, SqlStore
from bridge.settings import settings_from
from bridge.settings.recording import RecordingSettings
from bridge.write_behind import WriteBehind
from simulator.bridge_target import WORLD_SETTINGS
from simulator.clock import run_virtually
from simulator.scene import bridge_settings
from simulator.trace import Event
from simulator.world import World
from tests.far_ends import NOW, Lines, settings
from tests.file_writers import at_once, run
from tests.record_parts import entry
from tests.small_calls import small_call

SID = "CA" + "a" * 32
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
            given = settings_from({**WORLD_SETTINGS, **bridge_settings(scenario), **recording})
            app = make_app(given, outside=world._outside(), recordings=memory)
            world._bridge._app = app
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
        """What the caller heard, by the fake's playout; the first frame's time is 0."""
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
    sent = [
        event.data
        for event in call.events
        if (event.who, event.name) == ("twilio", "sent") and event.data["event"] == "media"
    ]
    first = sent[0]["timestamp_ms"]
    for frame in sent:
        at = (frame["timestamp_ms"] - first) * 8
        if at + 400 < len(call.left) and bytes(frame["audio"]).strip(b"\xff\x7f"):
            near = bytes(call.left[max(0, at - 240) : at + 400])
            assert bytes(frame["audio"]) in near


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


# -------------------------------------------------------------------------------- the file
def samples_in(data: bytes) -> Any:
    """The file's samples as a sound library reads them."""
    read, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    assert (rate, read.shape[1]) == (8000, 2)
    return read


def test_the_file_is_valid_wherever_the_process_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each byte that reaches the disk, save within the header, it reads as a prefix."""
    path, found = tmp_path / "x.wav", list[int]()
    honest: Callable[..., int] = os.pwrite

    def torn(file: int, data: Any, at: int) -> int:
        part = data if at == 0 else data[: max(1, len(data) // 3)]
        count = honest(file, part, at)
        found.append(len(samples_in(path.read_bytes())))
        return count

    monkeypatch.setattr(os, "pwrite", torn)
    file = StereoFile(path)
    for number in range(5):
        file.append(bytes([0x80 + number]) * 2 * 8000)
    file.append(b"")
    file.close()
    whole = samples_in(path.read_bytes())

    assert found == sorted(found)
    assert set(found) == {0, 8000, 16_000, 24_000, 32_000, 40_000}
    assert len(whole) == 40_000
    assert path.stat().st_mode & 0o077 == 0


def test_the_header_is_as_long_as_it_says() -> None:
    """And is written by one call."""
    assert len(header(0)) == HEADER_BYTES


def test_a_file_at_wavs_own_bound_takes_no_more(tmp_path: Path) -> None:
    """Four gigabytes: 74 hours."""
    file = StereoFile(tmp_path / "x.wav")
    file._size = stereo.BYTES_MAX - 1
    file.append(b"\0\0")
    file.close()

    assert (tmp_path / "x.wav").stat().st_size == HEADER_BYTES


# -------------------------------------------------------------------------------- the writer
def writer_to(folder: Path, lines: Lines) -> WriteBehind[SoundPiece]:
    """A writer without threads."""
    log = make_log(lines.keep, lambda: NOW)
    return WriteBehind(recording_files(RecordingFolder(folder, 0)), blocking=at_once, log=log)


def files_in(folder: Path) -> list[str]:
    """The files' names without the call's time."""
    return sorted(path.name.split("Z.")[-1] for path in folder.iterdir())


async def test_a_call_leaves_its_sound_and_its_words(tmp_path: Path) -> None:
    """Lost sound is silence in its place."""
    writer, call = writer_to(tmp_path / "a", Lines()), RecordingName(SID, NOW)
    writer.take(SoundPiece(call, b"\1\2" * 8000))
    writer.take(SoundPiece(call, b"\1\2" * 8000, silence=1600))
    writer.take(SoundPiece(call, b"", 0, [{"who": "agent"}]))
    await run(writer)

    assert files_in(tmp_path / "a") == ["transcript.json", "wav"]
    (sound,) = (tmp_path / "a").glob("*.wav")
    assert len(samples_in(sound.read_bytes())) == 16_800
    assert sound.name.startswith(SID)


async def test_a_disk_that_fails_costs_the_recording_and_one_line(tmp_path: Path) -> None:
    """Nothing is tried again."""
    lines = Lines()
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    writer, call = writer_to(blocked, lines), RecordingName(SID, NOW)
    for piece in (
        SoundPiece(call, b"\0\0"),
        SoundPiece(call, b"\0\0"),
        SoundPiece(call, b"", 0, []),
    ):
        writer.take(piece)
    writer.take(SoundPiece(RecordingName("../x", NOW), b"\0\0"))
    await run(writer)

    assert [line["event"] for line in lines] == ["recording_lost"] * 2


async def test_the_running_writer_writes_and_deletes(tmp_path: Path) -> None:
    """Leaving waits for what is still to be written; what is too old goes."""
    old = tmp_path / f"{SID}.20200101T000000.000000Z.wav"
    old.touch()
    os.utime(old, (time.time() - 2 * DAY_S,) * 2)
    deleted = trio.Event()
    log = make_log(lambda line: deleted.set(), lambda: NOW)
    given = RecordingSettings(recording_dir=tmp_path, recording_keep_days=1)
    async with kept_recordings(given, log) as sink:
        await deleted.wait()
        sink.take(SoundPiece(RecordingName(SID, NOW), b"\0\0", 0, []))

    assert files_in(tmp_path) == ["transcript.json", "wav"]


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


def test_a_call_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recording, transcript, flight record and record, and nobody else's."""
    one, other = entry(1), entry(2)
    store = SqlStore(f"sqlite:///{tmp_path}/calls.db")
    store.add([one, other])
    for call in (one.call_sid, other.call_sid):
        for name in ("wav", "transcript.json", "flight.gz"):
            (tmp_path / f"{call}.20260101T000000.000000Z.{name}").touch()
    for name, value in {
        "OPENAI_API_KEY": "sk-test",
        "RECORDING_DIR": tmp_path,
        "FLIGHT_DIR": tmp_path,
        "DATABASE_URL": f"sqlite:///{tmp_path}/calls.db",
    }.items():
        monkeypatch.setenv(name, str(value))
    code = main(["forget", one.call_sid, "--env-file", str(tmp_path / "none")])

    assert code == 0
    assert [line[-9:] for line in capsys.readouterr().out.splitlines()] == [
        "2 deleted",
        "1 deleted",
        "1 deleted",
    ]
    assert [call.call_sid for call in store.calls(CallFilter())] == [other.call_sid]
    assert {path.name[:34] for path in tmp_path.glob("CA*")} == {other.call_sid}
    store.close()
