"""When the caller's agent is heard, from the lengths of the audio alone.

Owns the lean playout: audio plays in the order it came, marks come back where the audio before them
ends, `clear` gives all pending ones back at once (twilio.md 1.3). It does not look into the sound:
what is buffered counts as audible. Pure; times are seconds of one clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from simulator.sound import BYTES_PER_MS

TURN_GAP_S: Final = 1.0
SILENCE_S: Final = 0.2
MARKS_MAX: Final = 10_000
_BYTES_PER_S: Final = BYTES_PER_MS * 1000


class Ear:
    """One stream's buffer and ear."""

    def __init__(self) -> None:
        self.plays_until_s = 0.0
        self.run_began_s = 0.0
        """When the present run of audio (or the last one) began to play."""
        self.turns = 0
        self.marks_played = 0
        self._pending: deque[tuple[float, str]] = deque()

    def media(self, size: int, now_s: float) -> None:
        """So many bytes of μ-law came."""
        if self.plays_until_s < now_s:
            if not self.turns or now_s - self.plays_until_s >= TURN_GAP_S:
                self.turns += 1
            self.run_began_s = self.plays_until_s = now_s
        self.plays_until_s += size / _BYTES_PER_S

    def mark(self, name: str, now_s: float) -> None:
        """A mark came; beyond the bound the oldest are forgotten."""
        if len(self._pending) >= MARKS_MAX:
            self._pending.popleft()
        self._pending.append((max(self.plays_until_s, now_s), name))

    def clear(self, now_s: float) -> list[str]:
        """Drop what is unheard; the marks to give back at once."""
        # fidelity: documented twilio.md 1.3 - clear returns pending marks at once (lean, load)
        self.plays_until_s = min(self.plays_until_s, now_s)
        names = [name for _, name in self._pending]
        self._pending.clear()
        return names

    def reached(self, now_s: float) -> list[str]:
        """The marks whose audio has been heard."""
        names = []
        while self._pending and self._pending[0][0] <= now_s:
            names.append(self._pending.popleft()[1])
        self.marks_played += len(names)
        return names

    @property
    def next_mark_s(self) -> float | None:
        """When the next mark is reached."""
        return self._pending[0][0] if self._pending else None
