"""The last of the caller's audio that the session in use was given.

Owns so much of it as may have to be given to another session. Positions are bytes on the session's
own clock: what was appended to it before. Knows no turn.
"""

from collections import deque
from typing import Final

from bridge.core.mulaw import BYTES_PER_S

TAPE_BYTES_MAX: Final = 30 * BYTES_PER_S
"""The longest turn that can be given again; of a longer one the beginning is missing."""


class Tape:
    """What was appended, from ``begin`` to ``end``."""

    def __init__(self) -> None:
        self.begin = 0
        self.end = 0
        self._pieces: deque[bytes] = deque()

    def add(self, audio: bytes) -> None:
        """Audio was appended."""
        self._pieces.append(audio)
        self.end += len(audio)
        while self.end - self.begin - len(self._pieces[0]) >= TAPE_BYTES_MAX:
            self.begin += len(self._pieces.popleft())

    def between(self, start: int, end: int) -> bytes:
        """Return what was appended there, as far as it is still known."""
        pieces = []
        at = self.begin
        for piece in self._pieces:
            if at + len(piece) > start and at < end:
                pieces.append(piece[max(0, start - at) : end - at])
            at += len(piece)
        return b"".join(pieces)

    def restart(self) -> None:
        """Another session begins to hear."""
        self._pieces.clear()
        self.begin = self.end = 0
