"""Who is speaking, and when a turn ends: the fake model's voice activity detection.

Owns the decision "speech began here, ended there" on the input-audio clock, which counts the audio
appended to a session and knows no wall clock. Sans-IO and deterministic: samples go in, edges come
out. It must not know sessions, events or wires; what the bridge may configure arrives as a
`ServerVad` or a `SemanticVad`.

How it decides: webrtcvad judges each 20 ms frame, and a frame quieter than a floor (which rises
with `threshold`) never counts. Speech begins when `onset_ms` of voiced frames lie within a window
40 ms longer than that, so that a click of one frame is nothing. It ends after a run of unvoiced
frames, in which a single voiced frame is taken for a click too.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import webrtcvad
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 8000
SAMPLES_PER_MS: Final = 8
FRAME_MS: Final = 20
FRAME_SAMPLES: Final = SAMPLES_PER_MS * FRAME_MS
FULL_SCALE: Final = 32768
SLACK_FRAMES: Final = 2
"""Unvoiced frames allowed inside the onset: consonants are not voiced."""

FLOOR_DB_PER_THRESHOLD: Final = 40.0
"""How far a threshold of 1 instead of 0 raises the floor of loudness."""

Samples = NDArray[np.int16]

# fidelity: inferred realtime.md 3.1 [knob: model.vad.complete_wait] - the wait after a sentence
SEMANTIC_WAIT_MS: Final = {"low": 1000, "medium": 640, "auto": 640, "high": 400}
"""Silence after which a turn that sounds complete ends."""

# fidelity: documented realtime.md 3.1 - the longest waits: 8, 4 and 2 s
SEMANTIC_WAIT_MAX_MS: Final = {"low": 8000, "medium": 4000, "auto": 4000, "high": 2000}
"""Silence after which any turn ends, so also one that sounds unfinished."""

# fidelity: inferred realtime.md 3.1 [knob: model.vad.sentence] - length tells what is unfinished
SENTENCE_MS: Final = 500.0
"""A turn with less voiced sound than this ("uhm") is taken for unfinished."""


@dataclass(frozen=True, slots=True)
class ServerVad:
    """Turn detection by silence. `threshold` 0..1; 0.5 leaves the engine's floor where it is."""

    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 200


@dataclass(frozen=True, slots=True)
class SemanticVad:
    """Turn detection that guesses whether the sentence is complete.

    A turn with less than `sentence_ms` of voice is unfinished and waits the longest; any other ends
    after `complete_wait_ms` of silence (None = by eagerness).
    """

    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    sentence_ms: float = SENTENCE_MS
    complete_wait_ms: float | None = None


Detection = ServerVad | SemanticVad


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began; `audio_start_ms` on the input clock includes the prefix padding."""

    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The turn is over; `audio_end_ms` on the input clock includes the silence waited for."""

    audio_end_ms: int


Edge = SpeechStarted | SpeechStopped

SEMANTIC_PREFIX_MS: Final = 300


class VoiceActivity:
    """The state of one session's input audio."""

    def __init__(
        self, *, aggressiveness: int = 2, floor_db: float = -45.0, onset_ms: float = 60.0
    ) -> None:
        self._vad = webrtcvad.Vad(aggressiveness)
        self._floor_db = floor_db
        self._onset_frames = max(1, math.ceil(onset_ms / FRAME_MS))
        self._window = (1 << self._onset_frames + SLACK_FRAMES) - 1
        self._detection: Detection | None = None
        self._floor_energy = 0.0
        self._pending: Samples = np.zeros(0, dtype=np.int16)
        self._clock_samples = 0
        self._frames_end_ms = 0
        self._recent = 0
        self._turn_end_ms = 0
        self._voiced_run = self._voiced_frames = self._unvoiced_run = 0
        self.speaking = False

    @property
    def clock_ms(self) -> int:
        """Milliseconds of audio heard so far."""
        return self._clock_samples // SAMPLES_PER_MS

    def detect(self, detection: Detection | None, deaf_db: float = 0.0) -> None:
        """Use this turn detection from now on; None = none, and a turn under way is forgotten.

        Speech must be `deaf_db` louder than usual to count.
        """
        self._detection = detection
        if detection is None:
            self.forget()
            return
        threshold = detection.threshold if isinstance(detection, ServerVad) else 0.5
        floor_db = self._floor_db + deaf_db + FLOOR_DB_PER_THRESHOLD * (threshold - 0.5)
        self._floor_energy = (FULL_SCALE * 10 ** (floor_db / 20)) ** 2 * FRAME_SAMPLES

    def forget(self) -> None:
        """Drop the turn under way, if any, and what was heard of the next one."""
        self.speaking = False
        self._recent = 0
        self._turn_end_ms = self._frames_end_ms

    def hear(self, samples: Samples) -> list[Edge]:
        """Take 8 kHz samples of any number; what they began or ended."""
        self._clock_samples += len(samples)
        if len(self._pending):
            samples = np.concatenate((self._pending, samples))
        edges: list[Edge] = []
        whole = len(samples) - len(samples) % FRAME_SAMPLES
        for at in range(0, whole, FRAME_SAMPLES):
            self._frames_end_ms += FRAME_MS
            if self._detection is not None:
                edge = self._judge(self._voiced(samples[at : at + FRAME_SAMPLES]))
                if edge is not None:
                    edges.append(edge)
        self._pending = samples[whole:]
        return edges

    def _voiced(self, frame: Samples) -> bool:
        # webrtcvad adapts to the noise it hears, so it gets the quiet frames as well.
        voiced: bool = self._vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ)
        if not voiced:
            return False
        wide = frame.astype(np.float32)
        return float(np.dot(wide, wide)) >= self._floor_energy

    def _judge(self, voiced: bool) -> Edge | None:
        return self._judge_turn(voiced) if self.speaking else self._judge_quiet(voiced)

    def _judge_quiet(self, voiced: bool) -> SpeechStarted | None:
        self._recent = (self._recent << 1 | voiced) & self._window
        if self._recent.bit_count() < self._onset_frames:
            return None
        began_ms = self._frames_end_ms - self._recent.bit_length() * FRAME_MS
        # fidelity: documented realtime.md 2.3 - audio_start_ms includes the prefix padding
        start_ms = max(self._turn_end_ms, began_ms - self._prefix_ms(), 0)
        self.speaking = True
        self._voiced_frames = self._voiced_run = self._recent.bit_count()
        self._unvoiced_run = 0
        return SpeechStarted(start_ms)

    def _judge_turn(self, voiced: bool) -> SpeechStopped | None:
        if voiced:
            self._voiced_run += 1
            self._voiced_frames += 1
            if self._voiced_run > 1:
                self._unvoiced_run = 0
        else:
            self._voiced_run = 0
        if not voiced or self._voiced_run == 1:
            self._unvoiced_run += 1
        if self._unvoiced_run * FRAME_MS < self._patience_ms():
            return None
        self.forget()
        return SpeechStopped(self._frames_end_ms)

    def _prefix_ms(self) -> int:
        if isinstance(self._detection, ServerVad):
            return self._detection.prefix_padding_ms
        return SEMANTIC_PREFIX_MS

    def _patience_ms(self) -> float:
        if isinstance(self._detection, SemanticVad):
            semantic = self._detection
            longest_ms = SEMANTIC_WAIT_MAX_MS[semantic.eagerness]
            if self._voiced_frames * FRAME_MS < semantic.sentence_ms:
                return longest_ms
            wait_ms = semantic.complete_wait_ms
            if wait_ms is None:
                return SEMANTIC_WAIT_MS[semantic.eagerness]
            return min(longest_ms, wait_ms)
        assert self._detection is not None
        return self._detection.silence_duration_ms
