"""The input audio buffer: its clock, what is uncommitted, and where speech begins and ends.

Owns the counting of the caller's audio. Knows no event and no response. Audio is judged and
counted, never kept.
"""

from typing import Final

from simulator.model.formats import ENCODINGS, Encoding, Reader
from simulator.scenario.format import VadSetup
from simulator.speech import Detection, Edge, SpeechStarted, SpeechStopped, VoiceActivity

COMMIT_MS_MIN: Final = 100


class InputAudio:
    """One session's input."""

    def __init__(self, vad: VadSetup) -> None:
        self._voice = VoiceActivity(
            aggressiveness=vad.aggressiveness, floor_db=vad.floor_db, onset_ms=vad.onset_ms
        )
        self._reader = Reader(ENCODINGS["audio/pcm"])
        self._buffer_began_ms = 0.0
        self._turn_began_ms = 0

    @property
    def clock_ms(self) -> int:
        """Milliseconds of audio appended in this session."""
        return self._voice.clock_ms

    @property
    def buffered_ms(self) -> float:
        """Milliseconds not committed yet."""
        return self.clock_ms - self._buffer_began_ms

    @property
    def speaking(self) -> bool:
        """Whether a turn of the caller is under way."""
        return self._voice.speaking

    def configure(
        self, encoding: Encoding, detection: Detection | None, deaf_db: float = 0.0
    ) -> None:
        """Listen to audio of this encoding, with this turn detection and noise reduction."""
        if encoding is not self._reader.encoding:
            self._reader = Reader(encoding)
        self._voice.detect(detection, deaf_db)

    def append(self, audio: bytes) -> list[Edge]:
        """Take the caller's audio; the beginnings and ends of speech in it."""
        edges = self._voice.hear(self._reader.samples(audio))
        for edge in edges:
            if isinstance(edge, SpeechStarted):
                self._turn_began_ms = edge.audio_start_ms
        return edges

    def take_turn(self, stopped: SpeechStopped) -> int:
        """Commit the turn that just ended; how many milliseconds it holds."""
        self._buffer_began_ms = self.clock_ms
        return stopped.audio_end_ms - self._turn_began_ms

    def take_all(self) -> float:
        """Commit or clear everything; how many milliseconds there were."""
        taken_ms = self.buffered_ms
        self._buffer_began_ms = self.clock_ms
        self._voice.forget()
        return taken_ms
