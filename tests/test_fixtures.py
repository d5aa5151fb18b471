"""The sounds in fixtures/: what the manifest says of a file is true, and the file is of use."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import webrtcvad

from tests.fixture_sounds import (
    FIXTURES,
    loud_pairs,
    manifest,
    power_at,
    recordings,
    rms_dbfs,
    sounds,
    spoken,
)

CREATIVE_COMMONS = {"CC-BY-SA-3.0", "CC-BY-3.0"}
DTMF_HZ = (697, 770, 852, 941, 1209, 1336, 1477)
DTMF = {"1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "4": (770, 1209), "5": (770, 1336)}
DTMF |= {"6": (770, 1477), "7": (852, 1209), "8": (852, 1336), "9": (852, 1477)}
DTMF |= {"star": (941, 1209), "0": (941, 1336), "pound": (941, 1477)}


def test_the_manifest_lists_every_file_once() -> None:
    """What is in the folders and what is in the manifest is the same."""
    listed = [each["path"] for each in manifest()]
    there = [path.relative_to(FIXTURES).as_posix() for path in FIXTURES.rglob("*.wav")]

    assert sorted(there) == sorted(listed)


def test_checksums() -> None:
    """Each file has the bytes that the manifest was made from."""
    wrong = [
        each["path"]
        for each in manifest()
        if hashlib.sha256((FIXTURES / each["path"]).read_bytes()).hexdigest() != each["sha256"]
    ]

    assert wrong == []


def test_every_file_is_what_a_phone_line_carries() -> None:
    """8 kHz, one channel, mu-law, in a WAV file."""
    infos = [soundfile.info(FIXTURES / each["path"]) for each in manifest()]
    kinds = {(info.samplerate, info.channels, info.format, info.subtype) for info in infos}

    assert kinds == {(8000, 1, "WAV", "ULAW")}


def test_durations() -> None:
    """The stated length is the real one, and but for one file a whole number of 20 ms packets."""
    wrong = [each.path for each in sounds() if len(each.samples) != each.entry["duration_ms"] * 8]
    broken_off = [each.path for each in sounds() if len(each.samples) % 160]

    assert wrong == []
    assert broken_off == ["sounds/tone-breaks-off.wav"]


def test_only_voices_have_speech_bounds() -> None:
    """Speech lies inside its file; noises and tones have none."""
    for sound in sounds():
        if sound.entry["voice"] == "none":
            assert sound.entry["speech_start_ms"] is None, sound.path
            assert sound.entry["speech_end_ms"] is None, sound.path
        else:
            start_ms, end_ms = sound.speech
            assert 0 <= start_ms < end_ms <= sound.entry["duration_ms"], sound.path


def test_speech_bounds_bracket_the_speech() -> None:
    """Speech is there in the first and last 20 ms of its bounds, and outside of them is none."""
    for sound in spoken():
        start_ms, end_ms = sound.speech

        assert sound.dbfs(start_ms, start_ms + 20) >= -42, sound.path
        assert sound.dbfs(end_ms - 20, end_ms) >= -42, sound.path
        assert not loud_pairs(sound.between(0, start_ms)).any(), sound.path
        assert not loud_pairs(sound.samples[end_ms * 8 :]).any(), sound.path


def test_clips_begin_promptly() -> None:
    """A clip speaks within 40 to 100 ms, so `say` at a time means speech at about that time."""
    starts_ms = {sound.path: sound.speech[0] for sound in spoken()}

    assert {path: ms for path, ms in starts_ms.items() if not 40 <= ms <= 100} == {}


def test_one_clip_is_one_turn() -> None:
    """No clip is silent for 300 ms inside its speech, except the one that hesitates."""
    long_ms = {}
    for sound in spoken():
        loud = np.flatnonzero(loud_pairs(sound.between(*sound.speech)))
        pause_ms = 10 * (int(np.diff(loud).max(initial=2)) - 2)
        assert abs(pause_ms - sound.entry["longest_pause_ms"]) <= 10, sound.path
        if pause_ms >= 300:
            long_ms[sound.path] = pause_ms

    assert long_ms == {"clips/en/hesitates.wav": 900}


def test_levels() -> None:
    """Speech sounds at -20 dBFS, noises at what the manifest says, and nothing clips."""
    for sound in sounds():
        stated_dbfs = sound.entry["rms_dbfs"]
        if sound.entry["voice"] == "none":
            assert abs(rms_dbfs(sound.samples) - stated_dbfs) <= 0.1, sound.path
        else:
            assert -21 <= stated_dbfs <= -19.5, sound.path
        assert np.abs(sound.samples.astype(int)).max() < 32000, sound.path


def test_speech_is_as_loud_as_stated() -> None:
    """From its first to its last millisecond, pauses included, each clip is near -20 dBFS."""
    levels_dbfs = {sound.path: sound.dbfs(*sound.speech) for sound in spoken()}

    assert {path: dbfs for path, dbfs in levels_dbfs.items() if not -22.5 < dbfs < -19} == {}


def test_there_is_enough_human_speech() -> None:
    """At least sixty human clips, in five languages, for callers and for agents."""
    human = [each for each in manifest() if each["path"].startswith("clips/")]

    assert {each["voice"] for each in human} == {"human"}
    assert len(human) >= 60
    assert {each["language"] for each in human} == {"en", "es", "fr", "it", "ru"}
    assert {each["for"] for each in human} == {"caller", "agent", "either"}
    assert all(each["path"].split("/")[1] == each["language"] for each in human)


@pytest.mark.parametrize(
    ("shortest_ms", "longest_ms", "least"),
    [(200, 1500, 20), (2000, 3000, 15), (6000, 8000, 5), (8000, 20000, 3), (20000, 30000, 3)],
)
def test_there_are_clips_of_all_lengths(shortest_ms: int, longest_ms: int, least: int) -> None:
    """From a bare yes to an answer that asks to be interrupted."""
    fitting = [each for each in spoken() if shortest_ms <= each.entry["duration_ms"] <= longest_ms]

    assert len(fitting) >= least


def test_everything_has_words_a_source_and_a_licence() -> None:
    """Human speech is credited under Creative Commons, all else is ours under MIT."""
    for each in manifest():
        assert each["words"], each["path"]
        assert each["source"], each["path"]
        if each["voice"] == "human":
            assert each["attribution"], each["path"]
            assert each["made_from"], each["path"]
            assert each["licence"] in CREATIVE_COMMONS, each["path"]
            assert (FIXTURES / f"LICENSE-{each['licence']}.txt").exists()
        else:
            assert each["licence"] == "MIT", each["path"]


def test_the_checkout_stays_small() -> None:
    """All sounds together are below six megabytes."""
    assert sum((FIXTURES / each["path"]).stat().st_size for each in manifest()) < 6_000_000


def test_silence_is_mu_law_silence() -> None:
    """Digital silence is 0xFF on the line, what a phone sends when it sends nothing."""
    data = (FIXTURES / "sounds/silence.wav").read_bytes()

    assert data.endswith(b"\xff" * 8 * 2000)


@pytest.mark.parametrize(("key", "frequencies_hz"), DTMF.items())
def test_a_key_has_its_two_tones(key: str, frequencies_hz: tuple[int, int]) -> None:
    """A touch-tone file carries the row and the column of its key, and no other."""
    [sound] = [each for each in sounds() if each.path == f"sounds/dtmf-{key}.wav"]
    tone = sound.between(45, 155)
    heard = tuple(hz for hz in DTMF_HZ if power_at(tone, hz) > -20)

    assert heard == frequencies_hz


def test_ringing_is_the_american_one() -> None:
    """440 and 480 Hz for two seconds, then four seconds of nothing."""
    [sound] = [each for each in sounds() if each.path == "sounds/ringing.wav"]

    assert all(power_at(sound.between(100, 1900), hz) > -25 for hz in (440, 480))
    assert not sound.between(2000, 6000).any()
    assert len(sound.samples) == 6000 * 8


@pytest.mark.parametrize("mode", [2, 3])
def test_what_webrtcvad_makes_of_noises(mode: int) -> None:
    """The manifest says how much of each noise a voice detector takes for speech."""
    for sound in sounds():
        if sound.entry["voice"] != "none":
            continue
        detector = webrtcvad.Vad(mode)
        packets = sound.samples[: len(sound.samples) // 160 * 160].reshape(-1, 160)
        voiced_ms = 20 * sum(detector.is_speech(each.tobytes(), 8000) for each in packets)
        assert voiced_ms == sound.entry["webrtcvad_ms"][f"mode_{mode}"], sound.path


def test_a_cough_passes_for_speech_and_a_room_does_not() -> None:
    """What a voice detector must suffer and what it must ignore are both in stock."""
    voiced_ms = {each["path"]: each["webrtcvad_ms"]["mode_3"] for each in manifest()}

    assert voiced_ms["sounds/cough.wav"] >= 200
    assert voiced_ms["sounds/cough-muffled.wav"] <= 100
    assert voiced_ms["sounds/room-tone.wav"] == 0
    assert voiced_ms["sounds/street-noise.wav"] <= 200


def test_the_readme_names_real_sounds() -> None:
    """Each recording is described, and each full path in the README exists."""
    text = (FIXTURES / "README.md").read_text(encoding="utf-8")
    paths = {each["path"] for each in manifest()}
    named = set(re.findall(r"`((?:clips/[a-z]{2}|sounds)/[a-z-]+)(?:\.wav)?`", text))
    described = set(re.findall(r"^\| `([a-z]+-[a-z-]+)` \|", text, re.MULTILINE))

    assert len(named) > 40
    assert {f"{each}.wav" for each in named} <= paths
    assert {Path(each.sound.path).stem for each in recordings()} == described
