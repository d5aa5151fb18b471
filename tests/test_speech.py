"""Voice activity: recorded speech is found where it is, and nothing else is taken for it."""

from pathlib import Path

import numpy as np
import pytest

from simulator.sound import SILENT_FRAME, decode, encode, load_clip, read_mulaw
from simulator.speech import (
    Detection,
    Edge,
    SemanticVad,
    ServerVad,
    SpeechStarted,
    SpeechStopped,
    VoiceActivity,
)

FIXTURES = Path(__file__).parent.parent / "fixtures"
HELLO = load_clip(FIXTURES / "clips" / "en" / "hello.wav")
SPOKEN = [
    *("en/complaint-long", "en/yes", "en/never-mind-cancel", "es/hello-world", "fr/thank-you"),
    *("it/something-is-wrong", "ru/goodbye"),
]
PLAIN = ServerVad(prefix_padding_ms=0, silence_duration_ms=500)


def silence(duration_ms: int) -> bytes:
    """Digital silence."""
    return SILENT_FRAME * (duration_ms // 20)


def heard(audio: bytes, detection: Detection | None = PLAIN, chunk: int = 160) -> list[Edge]:
    """The edges in `audio`, appended in chunks."""
    voice = VoiceActivity()
    voice.detect(detection)
    edges: list[Edge] = []
    for at in range(0, len(audio), chunk):
        edges += voice.hear(decode(audio[at : at + chunk]))
    return edges


@pytest.mark.parametrize("name", SPOKEN)
def test_human_speech_is_found_where_the_manifest_says_it_is(name: str) -> None:
    """Begin and end of telephone speech lie within 60 ms of the measured ones."""
    clip = load_clip(FIXTURES / "clips" / f"{name}.wav")

    edges = heard(silence(400) + clip.audio + silence(1000))

    started, stopped = edges
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert abs(started.audio_start_ms - 400 - clip.speech_start_ms) <= 60
    assert abs(stopped.audio_end_ms - 500 - 400 - clip.speech_end_ms) <= 60


@pytest.mark.parametrize("name", ["silence", "room-tone", "line-noise"])
def test_what_a_quiet_line_sounds_like_is_not_speech(name: str) -> None:
    """Digital silence, room tone and line noise start nothing."""
    assert heard(read_mulaw(FIXTURES / "sounds" / f"{name}.wav")) == []


def test_a_cough_counts_as_speech() -> None:
    """A loud cough is the false positive it is in the field."""
    kinds = [type(edge) for edge in heard(read_mulaw(FIXTURES / "sounds/cough.wav") + silence(800))]

    assert kinds == [SpeechStarted, SpeechStopped]


def test_a_click_of_one_frame_is_not_speech() -> None:
    """20 ms of the loudest sound between silences start nothing."""
    click = bytes(range(160))

    assert heard(silence(400) + click + silence(400)) == []


def test_a_click_in_the_silence_after_a_turn_does_not_prolong_it() -> None:
    """One voiced frame in the closing silence is no speech."""
    voiced = HELLO.audio[300 * 8 : 320 * 8]
    end = HELLO.audio + silence(200) + voiced + silence(800)

    plain = heard(silence(200) + HELLO.audio + silence(1020))

    assert heard(silence(200) + end) == plain


def test_the_start_includes_the_padding_but_nothing_before_the_session() -> None:
    """audio_start_ms = first voiced frame less prefix_padding_ms, at least 0."""
    padded = ServerVad(prefix_padding_ms=300, silence_duration_ms=500)

    (late, _) = heard(silence(1000) + HELLO.audio + silence(800), padded)
    (early, _) = heard(HELLO.audio + silence(800), padded)

    assert late == SpeechStarted(1000 + 80 - 300)
    assert early == SpeechStarted(0)


def test_a_turn_does_not_reach_into_the_one_before_it() -> None:
    """The padding of a second turn ends where the first turn ended."""
    padded = ServerVad(prefix_padding_ms=5000, silence_duration_ms=200)

    _, first_end, second, _ = heard((HELLO.audio + silence(400)) * 2, padded)

    assert isinstance(first_end, SpeechStopped)
    assert second == SpeechStarted(first_end.audio_end_ms)


def test_silence_duration_decides_whether_a_pause_ends_the_turn() -> None:
    """A pause of 400 ms ends a turn at 200 ms patience, not at 600."""
    twice = HELLO.audio + silence(200) + HELLO.audio + silence(1000)

    assert len(heard(twice, ServerVad(silence_duration_ms=200))) == 4
    assert len(heard(twice, ServerVad(silence_duration_ms=600))) == 2


def test_a_higher_threshold_wants_louder_speech() -> None:
    """Speech 18 dB quieter is heard at the default threshold, and not at 0.9."""
    quiet = encode((decode(HELLO.audio) * 10 ** (-18 / 20)).astype(np.int16)) + silence(800)

    assert len(heard(quiet, ServerVad(threshold=0.5))) == 2
    assert heard(quiet, ServerVad(threshold=0.9)) == []


@pytest.mark.parametrize("chunk", [1, 80, 161, 1000, 8000])
def test_how_the_audio_is_cut_does_not_matter(chunk: int) -> None:
    """Appends of any size give the same edges."""
    audio = silence(400) + HELLO.audio + silence(800)

    assert heard(audio, chunk=chunk) == heard(audio)


def test_without_detection_only_the_clock_runs() -> None:
    """turn_detection null: no edges, but the input clock counts."""
    voice = VoiceActivity()
    voice.detect(None)

    edges = voice.hear(decode(HELLO.audio))

    assert edges == []
    assert voice.clock_ms == 780


def test_switching_detection_off_forgets_the_turn_under_way() -> None:
    """After null nothing is being said."""
    voice = VoiceActivity()
    voice.detect(PLAIN)
    voice.hear(decode(HELLO.audio))

    assert voice.speaking

    voice.detect(None)

    assert not voice.speaking


@pytest.mark.parametrize(("eagerness", "waits_ms"), [("low", 1000), ("auto", 640), ("high", 400)])
def test_semantic_detection_waits_by_eagerness_after_a_sentence(
    eagerness: str, waits_ms: int
) -> None:
    """A complete sentence ends after a silence that depends on eagerness."""
    clip = load_clip(FIXTURES / "clips/en/never-mind-cancel.wav")

    _, stopped = heard(clip.audio + silence(2000), SemanticVad(eagerness))  # type: ignore[arg-type]

    assert isinstance(stopped, SpeechStopped)
    assert abs(stopped.audio_end_ms - clip.speech_end_ms - waits_ms) <= 20


@pytest.mark.parametrize(
    ("eagerness", "waits_ms"), [("low", 8000), ("medium", 4000), ("auto", 4000), ("high", 2000)]
)
def test_semantic_detection_waits_its_longest_after_a_hum(eagerness: str, waits_ms: int) -> None:
    """Less than half a second of voice is taken for an unfinished turn."""
    hum = load_clip(FIXTURES / "sounds/mm-hmm.wav")

    _, stopped = heard(hum.audio + silence(9000), SemanticVad(eagerness))  # type: ignore[arg-type]

    assert isinstance(stopped, SpeechStopped)
    assert abs(stopped.audio_end_ms - hum.speech_end_ms - waits_ms) <= 40


def test_what_ends_a_semantic_turn_can_be_set() -> None:
    """Another length of a sentence, and another wait behind one; never longer than the longest."""
    hum = read_mulaw(FIXTURES / "sounds/mm-hmm.wav") + silence(5000)

    ends = [
        heard(hum, SemanticVad("high", sentence_ms=200, complete_wait_ms=wait_ms))[1]
        for wait_ms in (300, 1300, 9000)
    ]
    first, second, last = (end.audio_end_ms for end in ends if isinstance(end, SpeechStopped))

    assert (second - first, last - first) == (1000, 1700)
