"""What the caller says, as the model writes it down: words, from which turns are made.

Owns when a turn begins and ends. GPT-Live tells no turns; words come in fragments, 0.6 to 1 s after
they were said. A turn ends when no words have come for `PAUSE_MS` of the stream.
"""

from typing import Final

from bridge.core import realtime

PAUSE_MS: Final = 800.0


class Ear:
    """The caller's side of one session."""

    def __init__(self) -> None:
        self.since_ms: float | None = None
        """When the turn under way began, in the session's milliseconds; None: there is none."""
        self._words = ""
        self._words_ms = 0.0
        self._session = ""
        self._count = 0

    def name(self, session_id: str) -> None:
        """Call turns after the session: another one of the call has others."""
        self._session = session_id

    def words(self, delta: str, start_ms: float, clock_ms: float) -> list[realtime.ServerEvent]:
        """Words of the caller have come; ``clock_ms`` of the stream."""
        self._words += delta
        self._words_ms = clock_ms
        if self.since_ms is not None:
            return []
        self.since_ms = start_ms
        self._count += 1
        return [realtime.SpeechStarted(audio_start_ms=start_ms)]

    def listen(self, clock_ms: float) -> list[realtime.ServerEvent]:
        """The stream has gone on: the turn may be over."""
        if self.since_ms is None or clock_ms - self._words_ms < PAUSE_MS:
            return []
        words, self._words, self.since_ms = self._words, "", None
        item_id = f"turn_{self._session}_{self._count}"
        return [
            realtime.SpeechStopped(),
            realtime.InputAudioBufferCommitted(item_id),
            realtime.InputTranscribed(item_id, words.strip()),
        ]
