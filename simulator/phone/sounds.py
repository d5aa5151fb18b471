"""What `<Say>` and `<Play>` sound like to a stream that listens: tones, or a clip that is known.

Owns the sounds. Nothing is synthesized or fetched; a sound is as long as the verb lasts.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote, urlsplit

import numpy as np

from simulator.sound import FIXTURES, SAMPLES_PER_S, SILENCE, Clip, encode, load_clip

WORD_MS: Final = 400.0
"""150 words a minute: how long `<Say>` takes for each."""
DIGIT_MS: Final = 500.0
KEYS_MAX: Final = 100
"""Of more keys the first ones are heard again."""
VOICED_SHARE: Final = 0.75
LOUDNESS: Final = 6_000
WORD_HZ: Final = (440.0,)
SOUND_HZ: Final = (660.0,)
ROWS_HZ: Final = (697.0, 770.0, 852.0, 941.0)
COLUMNS_HZ: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYPAD: Final = ("123A", "456B", "789C", "*0#D")
KEYS_HZ: Final = {
    key: (row_hz, column_hz)
    for keys, row_hz in zip(KEYPAD, ROWS_HZ, strict=True)
    for key, column_hz in zip(keys, COLUMNS_HZ, strict=True)
}
"""The two tones of each key (ITU-T Q.23)."""


def tone(frequencies_hz: tuple[float, ...], length_ms: float) -> bytes:
    """A tone, and a pause in the last quarter of `length_ms`; no frequency is silence."""
    count = round(length_ms * SAMPLES_PER_S / 1000)
    if not frequencies_hz:
        return bytes([SILENCE]) * count
    at_s = np.arange(round(count * VOICED_SHARE)) / SAMPLES_PER_S
    waves = sum(np.sin(2 * np.pi * each_hz * at_s) for each_hz in frequencies_hz)
    samples = (LOUDNESS / len(frequencies_hz) * np.asarray(waves)).astype(np.int16)
    return encode(samples) + bytes([SILENCE]) * (count - len(at_s))


WORD: Final = tone(WORD_HZ, WORD_MS)
"""Each word of `<Say>`."""
UNKNOWN: Final = tone(SOUND_HZ, 1_000.0)
"""A second of a sound that is not known here."""


def of_keys(digits: str) -> bytes:
    """The tones of keys, half a second each; `w` is silence."""
    keys = digits[:KEYS_MAX].upper()
    return b"".join(tone(KEYS_HZ.get(key, ()), DIGIT_MS) for key in keys)


def known_clip(url: str) -> Clip | None:
    """The clip behind `…/fixtures/….wav` in a URL, if this library holds it."""
    _, named, path = unquote(urlsplit(url).path).partition("/fixtures/")
    file = (FIXTURES / path).resolve()
    inside = named and file.is_relative_to(FIXTURES.resolve())
    return load_clip(file) if inside and file.suffix == ".wav" and file.is_file() else None
