"""Encodings of sound on the Realtime wire: μ-law, A-law and 24 kHz PCM.

Owns conversions to what voice activity hears (8 kHz samples) and from what clips hold (μ-law).
Knows no session. All of it is whole-number arithmetic, so every machine makes the same bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulator import sound

PCM_RATE_FACTOR: Final = 3  # 24 kHz : 8 kHz
PCM_SAMPLE_BYTES: Final = 2

Samples = NDArray[np.int16]

FILTER_REACH: Final = 8
"""Samples at 8 kHz which the interpolation looks at on each side."""
FILTER_SCALE: Final = 1 << 14


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


def _interpolation() -> list[NDArray[np.int64]]:
    """A low-pass at 4 kHz (sinc, Hann window), split into the phases between two samples."""
    phases = []
    for phase in range(PCM_RATE_FACTOR):
        away = np.arange(-FILTER_REACH, FILTER_REACH + 1) + phase / PCM_RATE_FACTOR
        window = 0.5 + 0.5 * np.cos(np.pi * np.clip(away / (FILTER_REACH + 1), -1, 1))
        taps = np.sinc(away) * window
        phases.append(np.rint(taps / taps.sum() * FILTER_SCALE).astype(np.int64))
    return phases


_INTERPOLATION = _interpolation()


def _from_alaw(audio: bytes) -> Samples:
    return _PCM_OF_ALAW[np.frombuffer(audio, dtype=np.uint8)]


def _from_pcm(audio: bytes) -> Samples:
    """Each sample is the mean of three: what lies above 4 kHz is damped, not folded down."""
    whole = len(audio) - len(audio) % (PCM_SAMPLE_BYTES * PCM_RATE_FACTOR)
    triples = np.frombuffer(audio[:whole], dtype="<i2").reshape(-1, PCM_RATE_FACTOR)
    means: NDArray[np.int32] = triples.sum(axis=1, dtype=np.int32) // PCM_RATE_FACTOR
    return means.astype(np.int16)


def _to_pcm(mulaw: bytes) -> bytes:
    samples = sound.decode(mulaw).astype(np.int64)
    if not len(samples):
        return b""
    padded = np.pad(samples, FILTER_REACH)
    wide = np.empty(PCM_RATE_FACTOR * len(samples), dtype=np.int64)
    for phase, taps in enumerate(_INTERPOLATION):
        wide[phase::PCM_RATE_FACTOR] = np.convolve(padded, taps, "valid") // FILTER_SCALE
    return np.clip(wide, -32768, 32767).astype("<i2").tobytes()


@dataclass(frozen=True, slots=True)
class Encoding:
    """One audio format: its density, its two conversions, and how many bytes belong together."""

    bytes_per_ms: int
    samples: Callable[[bytes], Samples]
    of_mulaw: Callable[[bytes], bytes]
    group_bytes: int = 1


ENCODINGS: Final = {
    "audio/pcmu": Encoding(8, sound.decode, lambda mulaw: mulaw),
    "audio/pcma": Encoding(8, _from_alaw, lambda mulaw: mulaw.translate(_ALAW_OF_MULAW)),
    "audio/pcm": Encoding(48, _from_pcm, _to_pcm, PCM_SAMPLE_BYTES * PCM_RATE_FACTOR),
}


GRAIN_BYTES: Final = sound.FRAME_BYTES


def at_speed(mulaw: bytes, speed: float) -> bytes:
    """Speech that plays `speed` times as fast: grains of 20 ms are left out or come twice.

    Its pitch stays, and its length is right to one grain. How it sounds is nobody's business here.
    """
    if speed == 1.0:
        return mulaw
    grains = [mulaw[at : at + GRAIN_BYTES] for at in range(0, len(mulaw), GRAIN_BYTES)]
    count = round(len(grains) / speed)
    return b"".join(grains[min(int(at * speed), len(grains) - 1)] for at in range(count))


class Reader:
    """Decodes one session's input, however the client cuts it into appends."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._rest = b""

    def samples(self, audio: bytes) -> Samples:
        """What `audio` completes, as 8 kHz samples."""
        group = self.encoding.group_bytes
        if group > 1:
            audio = self._rest + audio
            whole = len(audio) - len(audio) % group
            self._rest, audio = audio[whole:], audio[:whole]
        return self.encoding.samples(audio)
