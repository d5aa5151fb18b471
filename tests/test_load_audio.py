"""Audio of a load run: a mark in a frame tells whose it is, and turns are heard in it."""

import base64
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.load.listening import TurnListener, counter_of
from simulator.load.tag import CALLS, FRAMES, SILENT, bits_of_call, frames_of, read_tag
from simulator.model.formats import ENCODINGS
from simulator.sound import FIXTURES, FRAME_BYTES, PCM_OF_MULAW, SILENT_FRAME, load_clip

QUESTION = FIXTURES / "sounds/voice-when-are-you-open.wav"
SPOKEN = sorted((FIXTURES / "clips/en").glob("*.wav"))


def unbase64(text: bytes) -> bytes:
    """The bytes of base64."""
    return base64.b64decode(text, validate=True)


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
