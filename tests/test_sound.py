"""Reading clips, and what is audible."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from simulator import sound


def test_our_mulaw_is_the_sound_librarys() -> None:
    """Every byte decodes to a sample that encodes back to it, within G.711's steps."""
    samples = np.arange(-32768, 32768, dtype=np.int16)

    assert sound.decode(sound.encode(sound.decode(bytes(range(256))))).tolist() == (
        sound.decode(bytes(range(256))).tolist()
    )
    assert np.abs(sound.decode(sound.encode(samples)).astype(int) - samples).max() <= 644


def test_a_mulaw_file_is_read_bit_exactly(tmp_path: Path) -> None:
    """What is in the file goes on the wire (but for negative zero, which is silence too)."""
    path = tmp_path / "x.wav"
    soundfile.write(path, sound.decode(bytes(range(128, 256))), 8000, subtype="ULAW")

    assert sound.read_mulaw(path) == bytes(range(128, 256))


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (8000, 2)])
def test_another_rate_or_channel_count_is_named(tmp_path: Path, rate: int, channels: int) -> None:
    """The problem says what the file is and how to convert it."""
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros((100, channels), dtype=np.int16), rate)
    with pytest.raises(sound.ClipProblem, match="8000 Hz mono"):
        sound.read_mulaw(path)


def test_what_is_no_sound_is_named(tmp_path: Path) -> None:
    """A text file, an empty sound and a missing file are problems, not tracebacks."""
    text, empty = tmp_path / "text.wav", tmp_path / "empty.wav"
    text.write_text("hello")
    soundfile.write(empty, np.zeros(0, dtype=np.int16), 8000)
    for path in (text, empty, tmp_path / "none.wav"):
        with pytest.raises(sound.ClipProblem, match=path.name):
            sound.read_mulaw(path)


def test_speech_is_audible_and_silence_is_not() -> None:
    """The audible threshold lies between room tone and speech."""
    tone = (8000 * np.sin(np.arange(160) / 3)).astype(np.int16)
    hiss = (np.arange(160) % 7 * 20 - 60).astype(np.int16)

    assert sound.loud(sound.encode(tone))
    assert not sound.loud(sound.encode(hiss))
    assert not sound.loud(sound.SILENT_FRAME)
    assert not sound.loud(b"")


def test_speech_bounds_are_where_the_sound_is() -> None:
    """Measured to the frame."""
    tone = sound.encode((8000 * np.sin(np.arange(800) / 3)).astype(np.int16))
    audio = sound.SILENT_FRAME * 5 + tone + sound.SILENT_FRAME * 5

    assert sound.speech_bounds_ms(audio) == (100, 200)
    assert sound.speech_bounds_ms(sound.SILENT_FRAME) == (0, 0)
