"""Recordings of odd calls: no frames, marks and times out of order, events of anything."""

import errno
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import realtime, twilio
from bridge.core.record import CallRecord
from bridge.log import make_log
from bridge.recording.heard import HeardTrack
from bridge.recording.recording import AHEAD_MS_MAX, Recording, RecordingName, SoundPiece
from bridge.recording.stereo import StereoFile
from bridge.recording.transcript import Transcript
from bridge.recording.writer import RecordingFolder, recording_files
from bridge.write_behind import WriteBehind
from tests.far_ends import CALL as SID
from tests.far_ends import NOW, Lines
from tests.file_writers import at_once, run
from tests.test_recording import Memory, named
from tests.test_recording_files import files_in

CLOCK = 987_654.25
"""trio's clock begins somewhere up there."""
AGENT, CALLER = b"\x02", b"\x01"


def media(timestamp_ms: int, payload: bytes = CALLER * 160) -> twilio.Media:
    """A frame of the caller."""
    return twilio.Media(timestamp_ms, 1, payload)


def say(recording: Recording, at: float, ms: int, name: str = "g1:item_1:1") -> None:
    """The agent says something of so many ms, and a mark goes behind it."""
    recording.twilio("out", twilio.SendMedia("MZ", AGENT * 8 * ms), CLOCK + at)
    recording.twilio("out", twilio.SendMark("MZ", name), CLOCK + at)


def back(recording: Recording, at: float, name: str = "g1:item_1:1") -> None:
    """The mark comes back."""
    recording.twilio("in", twilio.Mark(name), CLOCK + at)


def close(recording: Recording, at: float) -> None:
    """The call is over."""
    recording.close("limit", CallRecord(began=0.0), CLOCK + at)


def runs(channel: bytes, of: bytes) -> tuple[int, int]:
    """(from, to), in ms: where this sound begins and ends."""
    return channel.index(of) // 8, (channel.rindex(of) + 1) // 8


# -------------------------------------------------------------------- before the first frame
def test_a_mark_before_the_first_frame() -> None:
    """The agent was heard from the round trip on; the caller's frames lie where they came."""
    memory = Memory()
    recording = named(memory)
    tracemalloc.start()
    say(recording, 0.0, 200)
    back(recording, 0.25)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    for number in range(50):
        recording.twilio("in", media(500 + 20 * number), CLOCK + 0.5 + 0.02 * number)
    close(recording, 2.0)

    assert most < 1_000_000
    assert runs(memory.sound[1::2], AGENT) == (50, 250)
    assert runs(memory.sound[0::2], CALLER) == (500, 1500)


def test_a_late_first_frame_cuts_nothing_off() -> None:
    """The agent's greeting was under way when the caller's line began to send."""
    memory = Memory()
    recording = named(memory)
    say(recording, 0.0, 3000)
    for number in range(100):
        recording.twilio("in", media(2000 + 20 * number), CLOCK + 2.0 + 0.02 * number)
    back(recording, 3.98)
    close(recording, 4.0)

    assert runs(memory.sound[1::2], AGENT) == (980, 3980)
    assert runs(memory.sound[0::2], CALLER) == (2000, 4000)


def test_a_clock_of_its_own() -> None:
    """Twilio's clock shows what it likes at the first frame."""
    memory = Memory()
    recording = named(memory)
    say(recording, 0.0, 100)
    back(recording, 0.2)
    for number in range(100):
        recording.twilio("in", media(10**9 + 20 * number), CLOCK + 12.0 + 0.02 * number)
    close(recording, 14.0)

    assert runs(memory.sound[1::2], AGENT) == (100, 200)
    assert runs(memory.sound[0::2], CALLER) == (12_000, 14_000)


def test_a_call_without_a_frame_of_the_caller() -> None:
    """What the agent said was said all the same, and stands in the transcript in its time."""
    memory = Memory()
    recording = named(memory)
    recording.twilio("out", twilio.SendMark("MZ", "g1:probe"), CLOCK)
    done = {"type": "response.output_audio_transcript.done", "item_id": "i", "transcript": "Hi."}
    recording.realtime("in", json.dumps(done), CLOCK + 0.5)
    say(recording, 1.0, 400)
    close(recording, 30.0)

    assert runs(memory.sound[1::2], AGENT) == (1000, 1400)
    assert memory.words is not None
    assert [entry["at_ms"] for entry in memory.words] == [500]


def test_a_call_of_which_nothing_is_known_leaves_nothing() -> None:
    """Not even empty files."""
    memory = Memory()
    recording = named(memory)
    recording.twilio("in", twilio.Stop(), CLOCK)
    close(recording, 0.1)
    close(recording, 0.2)

    assert (memory.sound, memory.words) == (b"", None)


# -------------------------------------------------------------------- times
def test_timestamps_that_run_away_write_no_more_than_the_call_is_long() -> None:
    """400 frames within a second, each 59 s behind the other."""
    memory = Memory()
    recording = named(memory)
    for number in range(400):
        recording.twilio("in", media(59_000 * number), CLOCK + 0.002 * number)
    held = len(recording._left) + len(recording._right)
    close(recording, 1.0)

    assert len(memory.sound) + held <= 4 * 8 * (AHEAD_MS_MAX + 2000)


def test_marks_that_run_away_write_no_more_than_the_call_is_long() -> None:
    """Hours of sound whose marks come back at once."""
    memory = Memory()
    recording = named(memory)
    for number in range(400):
        say(recording, 0.002 * number, 10_000, f"g1:i:{number}")
        back(recording, 0.002 * number, f"g1:i:{number}")
    held = len(recording._left) + len(recording._right)
    close(recording, 1.0)

    assert len(memory.sound) + held <= 4 * 8 * (AHEAD_MS_MAX + 2000)


def test_after_a_long_silence_the_caller_is_recorded_again() -> None:
    """A line that sends nothing in silence, and a bridge that had nothing to do either."""
    memory = Memory()
    recording = named(memory)
    recording.twilio("in", media(0), CLOCK)
    recording.twilio("in", media(300_000), CLOCK + 300.0)
    close(recording, 301.0)

    assert memory.sound[0::2].count(CALLER) == 320
    assert memory.sound[0::2].rindex(CALLER) == 300_020 * 8 - 1


@pytest.mark.parametrize("first", [10**400, -(10**400), -1, 2**63, 10**12 + 1])
def test_a_number_that_is_no_time(first: int) -> None:
    """At any place, also the first."""
    memory = Memory()
    recording = named(memory)
    recording.twilio("in", media(first, AGENT * 160), CLOCK)
    recording.twilio("in", media(20), CLOCK + 0.02)
    recording.twilio("in", media(first, AGENT * 160), CLOCK + 0.03)
    recording.twilio("in", media(40), CLOCK + 0.04)
    close(recording, 0.1)

    assert set(memory.sound[0::2]) == {CALLER[0]}


def test_many_marks_cost_no_more_each() -> None:
    """20,000 wait, and as many come back that nobody knows."""
    heard = HeardTrack(lambda _at, _audio: None)
    for number in range(20_000):
        heard.sent(b"\0" * 160, 0)
        heard.marked(f"m{number}", 0)
    for number in range(20_000):
        heard.returned(f"x{number}", 1)
        heard.settled_ms(1)
    for number in range(20_000):
        heard.returned(f"m{number}", 2)

    assert heard._awaited == {}
    assert not heard._pending


def test_a_long_sound_without_a_mark_costs_no_more_a_piece() -> None:
    """16 MB in pieces of a frame."""
    heard = HeardTrack(lambda _at, _audio: None)
    for _ in range(100_000):
        heard.sent(b"\0" * 160, 0)

    assert heard._open is not None
    assert len(heard._open.audio) == 16_000_000


def test_a_mark_name_that_is_used_twice() -> None:
    """The first of them is meant, and then the second."""
    placed: list[int] = []
    heard = HeardTrack(lambda _at, audio: placed.append(len(audio)))
    for size in (80, 160):
        heard.sent(b"\0" * size, 0)
        heard.marked("m", 0)
    for _ in range(3):
        heard.returned("m", 100)

    assert placed == [80, 160]


# -------------------------------------------------------------------- events
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
KINDS = [
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "response.audio_transcript.done",
    "conversation.item.input_audio_transcription.completed",
    "response.output_item.done",
]
FIELDS = {
    "type": st.sampled_from(KINDS) | ANY, "item_id": st.just("i") | ANY, "delta": ANY,
    "transcript": ANY, "kind": st.sampled_from(KINDS),
    "item": st.fixed_dictionaries({"type": st.just("function_call") | ANY, "name": ANY},
                                  optional={"call_id": st.just("c") | ANY}) | ANY,
}  # fmt: skip


@given(st.lists(st.fixed_dictionaries({}, optional=FIELDS), max_size=5), st.text(max_size=12))
def test_no_event_is_too_odd(events: list[dict[str, Any]], rest: str) -> None:
    """The transcript tells what it understands."""
    words = Transcript()
    for event in events:
        words.realtime("in", json.dumps(event), 1.0)
    for name in (rest, f"g:i:{rest}", f"g:i:{'9' * 5000}", f"g:i:{'٣' * 12}"):
        words.returned(twilio.Mark(name))
    words.realtime("out", realtime.ConversationItemTruncate("cb_1", "i", 5), 1.0)

    assert json.dumps(words.entries())


@pytest.mark.parametrize(
    "event",
    [
        '{"type":["response.output_audio.delta"],"item_id":"i","x":"response.output_audio.delta"}',
        '{"type":[],"item_id":"i","x":"response.output_item.done"}',
        *(
            f'{{"type":"{kind}","item_id":"i","delta":{deep},"transcript":{deep},'
            f'"item":{{"type":"function_call","call_id":"c","name":{deep}}}}}'
            for kind in KINDS
            for deep in ("[" * 900 + "]" * 900, "[" * 5000 + "]" * 5000, "9" * 5000, "1e400")
        ),
    ],
)
def test_odd_events_tell_nothing(event: str) -> None:
    """No word, and no sound."""
    words = Transcript()
    words.realtime("in", event, 1.0)

    for entry in words.entries():
        said = [entry.get(field, "") for field in ("heard", "unheard", "said", "name")]
        assert said == [""] * 4
        assert entry.get("generated_ms", 0) == 0


def test_a_position_out_of_this_world_is_passed_over() -> None:
    """The last sane one holds."""
    words = Transcript()
    delta = {"type": KINDS[0], "item_id": "x", "delta": "AAAA" * 3200}
    words.realtime("in", json.dumps(delta), 1.0)
    words.returned(twilio.Mark("g:x:1600"))
    words.returned(twilio.Mark("g:x:" + "9" * 5000))

    assert words.entries()[0]["heard_ms"] == 200


# -------------------------------------------------------------------- a full disk
def full(monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """The disk takes so many more writes."""
    honest: Callable[..., int] = os.pwrite
    left = writes

    def write(file: int, data: Any, at: int) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return honest(file, data, at)

    monkeypatch.setattr(os, "pwrite", write)


def next_number() -> int:
    """The number of the next file that is opened: the lowest that is free."""
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number


def test_a_file_that_cannot_begin_is_closed_and_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes a file's name still."""
    full(monkeypatch, 0)
    before = next_number()
    for number in range(20):
        with pytest.raises(OSError, match="No space"):
            StereoFile(tmp_path / f"{number}.wav")

    assert next_number() == before
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """It is not ours."""
    (tmp_path / "x.wav").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        StereoFile(tmp_path / "x.wav")

    assert (tmp_path / "x.wav").read_bytes() == b"theirs"


@pytest.mark.parametrize(("writes", "left"), [(0, []), (1, []), (3, ["wav"])])
async def test_a_disk_that_fills_up_is_left_no_empty_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, left: list[str]
) -> None:
    """Only a recording with sound in it; each call costs one line."""
    full(monkeypatch, writes)
    lines, before = Lines(), next_number()
    log = make_log(lines.keep, lambda: NOW)
    folder = RecordingFolder(tmp_path, 0)
    writer = WriteBehind(recording_files(folder), blocking=at_once, log=log)
    call = RecordingName(SID, NOW)
    for is_last in (False, False, True):
        writer.take(SoundPiece(call, b"\1\2" * 800, 0, [] if is_last else None))
    await run(writer)

    assert files_in(tmp_path) == left
    assert next_number() == before
    assert [line["event"] for line in lines] == ["recording_lost"]


async def test_words_that_cannot_be_written_leave_no_torn_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sound stays."""

    def torn(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:1])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", torn)
    lines = Lines()
    log = make_log(lines.keep, lambda: NOW)
    folder = RecordingFolder(tmp_path, 0)
    writer = WriteBehind(recording_files(folder), blocking=at_once, log=log)
    writer.take(SoundPiece(RecordingName(SID, NOW), b"\1\2" * 800, 0, [{"who": "agent"}]))
    await run(writer)

    assert files_in(tmp_path) == ["wav"]
    assert [line["event"] for line in lines] == ["recording_lost"]
