"""Who is speaking, at the least cost: loud samples are counted, nothing is analysed.

Owns the lean model's turn detection, on the clock of the audio received. Knows no session. It
hears what `simulator.speech` hears in clean telephone speech, and takes any noise as loud for
speech, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import numpy as np

from simulator.model.formats import ENCODINGS
from simulator.sound import BYTES_PER_MS, FRAME_MS, PCM_OF_MULAW

LOUD: Final = 600
"""Of 32,768, 35 dB below full scale: speech is above, room tone and line noise are not."""
LOUD_SAMPLES: Final = 10
"""So many loud samples of 160 make a frame voiced."""
ONSET_FRAMES: Final = 3
ONSET_WINDOW: Final = 0b11111
SEMANTIC_SILENCE_MS: Final = 640
PREFIX_MS: Final = 300

Edge = Literal["started", "stopped"]
Counter = Callable[[bytes], int]
"""How many of a frame's samples are loud."""

_QUIET_MULAW: Final = bytes(code for code in range(256) if abs(int(PCM_OF_MULAW[code])) <= LOUD)


def _count_mulaw(frame: bytes) -> int:
    return len(frame.translate(None, _QUIET_MULAW))


def counter_of(encoding: str) -> Counter:
    """The counter for `audio/pcmu`, `audio/pcma` or `audio/pcm`."""
    if encoding == "audio/pcmu":
        return _count_mulaw
    samples = ENCODINGS[encoding].samples

    def count(frame: bytes) -> int:
        return int(np.count_nonzero(np.abs(samples(frame).astype(np.int32)) > LOUD))

    return count


def frame_bytes_of(encoding: str) -> int:
    """The bytes of 20 ms."""
    return ENCODINGS[encoding].bytes_per_ms * FRAME_MS


class TurnListener:
    """One session's turn detection, 20 ms by 20 ms."""

    def __init__(self) -> None:
        self.clock_ms = 0
        self.start_ms = 0
        self.speaking = False
        self._detecting = True
        self._patience_frames = 200 // FRAME_MS
        self._prefix_ms = PREFIX_MS
        self._recent = 0
        self._silent_frames = 0

    def configure(self, turn_detection: Mapping[str, Any] | None) -> None:
        """Follow a session's `turn_detection`; None = the bridge commits by hand."""
        self._detecting = turn_detection is not None
        if turn_detection is None:
            self.speaking = False
            return
        semantic = turn_detection["type"] == "semantic_vad"
        silence_ms = SEMANTIC_SILENCE_MS if semantic else turn_detection["silence_duration_ms"]
        self._prefix_ms = PREFIX_MS if semantic else turn_detection["prefix_padding_ms"]
        self._patience_frames = max(1, silence_ms // FRAME_MS)

    def hear(self, loud_samples: int) -> Edge | None:
        """Take 20 ms with so many loud samples."""
        self.clock_ms += FRAME_MS
        voiced = loud_samples >= LOUD_SAMPLES
        if self.speaking:
            self._silent_frames = 0 if voiced else self._silent_frames + 1
            if self._silent_frames < self._patience_frames:
                return None
            self.speaking = False
            self._recent = 0
            return "stopped"
        self._recent = (self._recent << 1 | voiced) & ONSET_WINDOW
        if not self._detecting or self._recent.bit_count() < ONSET_FRAMES:
            return None
        self.speaking = True
        self._silent_frames = 0
        began_ms = self.clock_ms - self._recent.bit_length() * FRAME_MS
        self.start_ms = max(0, began_ms - self._prefix_ms)
        return "started"


def mulaw_ms(size: int) -> float:
    """How long so many bytes of μ-law sound."""
    return size / BYTES_PER_MS
