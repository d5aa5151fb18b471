"""What the caller's microphone gives: 20 ms frames with what is being said, exact to the sample.

Owns the caller's sound in time. Knows neither why something is said nor where the frames go.
"""

from __future__ import annotations

from collections import deque

from simulator.sound import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENT_FRAME


class Mouth:
    """Speech queued at moments; between it silence, or a room's tone that never stops."""

    def __init__(self, room_tone: bytes = b"") -> None:
        self._queue: deque[tuple[float, bytes]] = deque()
        self._audio = b""
        self._at = 0  # next byte of `_audio`; negative = silence before it
        self._tone = room_tone * (FRAME_BYTES // len(room_tone) + 2) if room_tone else b""
        self._tone_at = 0
        self._tone_length = len(room_tone)

    def say(self, audio: bytes, at_ms: float) -> None:
        """Say `audio` from `at_ms` on, or when what was said before is over."""
        self._queue.append((at_ms, audio))

    def attend(self, from_ms: float) -> None:
        """Somebody begins to listen at `from_ms`: what was said before is past."""
        while self._queue:
            at_ms, audio = self._queue[0]
            past = round((from_ms - at_ms) * BYTES_PER_MS)
            if past <= 0:
                return
            self._queue.popleft()
            if past < len(audio):
                self._queue.appendleft((from_ms, audio[past:]))
                return

    def hush(self) -> None:
        """Stop in the middle of the word."""
        self._queue.clear()
        self._audio = b""

    def frame(self, end_ms: float) -> bytes | None:
        """The 20 ms up to `end_ms`; None when nothing is said and the room is silent."""
        if not self._audio and not self._next(end_ms):
            return self._room()
        frame = bytearray()
        while len(frame) < FRAME_BYTES:
            rest = FRAME_BYTES - len(frame)
            if not self._audio and not self._next(end_ms, len(frame)):
                frame += self._filling(rest)
            elif self._at < 0:
                lead = min(-self._at, rest)
                frame += self._filling(lead)
                self._at += lead
            else:
                part = self._audio[self._at : self._at + rest]
                frame += part
                self._at += len(part)
                if self._at >= len(self._audio):
                    self._audio = b""
        return bytes(frame)

    def _next(self, end_ms: float, used: int = 0) -> bool:
        """Take the next utterance if it begins in this frame."""
        if not self._queue or self._queue[0][0] >= end_ms:
            return False
        at_ms, self._audio = self._queue.popleft()
        lead = round((at_ms - (end_ms - FRAME_MS)) * BYTES_PER_MS) - used
        self._at = -max(lead, 0)
        return bool(self._audio)

    def _room(self) -> bytes | None:
        return self._filling(FRAME_BYTES) if self._tone else None

    def _filling(self, size: int) -> bytes:
        if not self._tone:
            return SILENT_FRAME[:size] if size < FRAME_BYTES else SILENT_FRAME
        at = self._tone_at
        self._tone_at = (at + size) % self._tone_length
        return self._tone[at : at + size]
