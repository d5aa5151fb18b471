"""Encodings of sound on the Realtime wire: μ-law, A-law and 24 kHz PCM.

Owns conversions to what voice activity hears (8 kHz samples) and from what clips hold (μ-law).
Knows no session. Resampling is by repetition and decimation: nobody listens to it, only lengths and
loudness must be right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator import sound

PCM_RATE_FACTOR: Final = 3  # 24 kHz : 8 kHz

Samples = NDArray[np.int16]


def _pcm_of_alaw() -> Samples:
    """G.711's A-law expansion of each of the 256 bytes."""
    byte = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (byte & 0x70) >> 4
    mantissa = (byte & 0x0F) << 4
    small = mantissa + 8
    large = (mantissa + 0x108) << np.maximum(exponent - 1, 0)
    magnitude = np.where(exponent == 0, small, large)
    return np.where(byte & 0x80, magnitude, -magnitude).astype(np.int16)


_PCM_OF_ALAW = _pcm_of_alaw()
_ALAW_OF_MULAW = bytes(
    int(np.argmin(np.abs(_PCM_OF_ALAW.astype(np.int32) - int(pcm)))) for pcm in sound.PCM_OF_MULAW
)


def _from_alaw(audio: bytes) -> Samples:
    return _PCM_OF_ALAW[np.frombuffer(audio, dtype=np.uint8)]


def _from_pcm(audio: bytes) -> Samples:
    whole = len(audio) - len(audio) % (2 * PCM_RATE_FACTOR)
    return np.frombuffer(audio[:whole], dtype="<i2")[::PCM_RATE_FACTOR].astype(np.int16)


def _to_pcm(mulaw: bytes) -> bytes:
    return np.repeat(sound.decode(mulaw), PCM_RATE_FACTOR).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class Encoding:
    """One audio format: its density and its two conversions."""

    bytes_per_ms: int
    samples: Callable[[bytes], Samples]
    of_mulaw: Callable[[bytes], bytes]


ENCODINGS: Final = {
    "audio/pcmu": Encoding(8, sound.decode, lambda mulaw: mulaw),
    "audio/pcma": Encoding(8, _from_alaw, lambda mulaw: mulaw.translate(_ALAW_OF_MULAW)),
    "audio/pcm": Encoding(48, _from_pcm, _to_pcm),
}
