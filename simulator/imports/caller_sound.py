"""The caller's side of a recorded call as one sound, and WAV files of μ-law.

Owns where each frame lies: by Twilio's timestamps, whenever it came. Where the line sent nothing
there is digital silence. Knows no scenario.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.imports.flight_record import Moment
from simulator.imports.story import audio_of
from simulator.sound import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENCE

GAP_MS_MIN: Final = 1.5 * FRAME_MS
"""Timestamps waver around the 20 ms grid: less than this is no gap."""
SUPPRESSED_MS_MIN: Final = 200.0
_MULAW: Final = 7
_RATE: Final = 8000


@dataclass(frozen=True, slots=True)
class CallerSound:
    """`audio` is μ-law from the stream's second frame on: the replaying phone sends the first.

    `suppressed`: the line sent nothing in silence. `first_timestamp_ms`: of the first frame.
    """

    audio: bytes
    first_timestamp_ms: float
    suppressed: bool


def caller_sound(moments: Iterable[Moment]) -> CallerSound:
    """What the caller said."""
    audio = bytearray()
    first_ms: float | None = None
    gaps_ms = 0.0
    last_ms = 0.0
    for moment in moments:
        if first_ms is not None and (moment.leg, moment.kind) == ("twilio", "stop"):
            # A line that sends nothing in silence sends nothing at the end, either.
            audio += _silence(moment.at_ms - last_ms - GAP_MS_MIN)
        if (moment.leg, moment.way, moment.kind) != ("twilio", "in", "media"):
            continue
        timestamp_ms = float(moment.message.get("timestamp", 0.0))
        first_ms = timestamp_ms if first_ms is None else first_ms
        missing_ms = timestamp_ms - first_ms - len(audio) / BYTES_PER_MS
        if missing_ms >= GAP_MS_MIN:
            gaps_ms += missing_ms
            audio += _silence(missing_ms)
        last_ms = moment.at_ms
        audio += audio_of(moment.message)
    return CallerSound(bytes(audio[FRAME_BYTES:]), first_ms or 0.0, gaps_ms >= SUPPRESSED_MS_MIN)


def _silence(length_ms: float) -> bytes:
    return bytes([SILENCE]) * (max(round(length_ms / FRAME_MS), 0) * FRAME_BYTES)


def write_wav(path: Path, mulaw: bytes) -> None:
    """Write μ-law, 8 kHz, mono, each byte as it is."""
    shape = struct.pack("<HHIIHHH", _MULAW, 1, _RATE, _RATE, 1, 8, 0)
    chunks = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in (
            (b"fmt ", shape),
            (b"fact", struct.pack("<I", len(mulaw))),
            (b"data", mulaw),
        )
    )
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks)
