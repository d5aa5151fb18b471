"""How long the caller waits for an answer: from the last word to the first sound.

Owns these measurements of one call, in its record. Knows neither what is answered nor why. Times
are monotonic seconds: of the word's end when the server tells of it, of the sound when it is sent.
"""

from typing import Final

from bridge.core.record import CallRecord

ANSWERS_MAX: Final = 1000
"""A call of many turns is still a short record."""


class AnswerTimes:
    """The waits of one call."""

    def __init__(self, record: CallRecord) -> None:
        self._record = record
        self._silent_since: float | None = None

    def caller_speaks(self) -> None:
        """The caller begins to speak, perhaps again: no answer is awaited yet."""
        self._silent_since = None

    def caller_stopped(self, now: float) -> None:
        """The caller has finished speaking: the wait begins."""
        self._silent_since = now

    def sounded(self, now: float) -> None:
        """The agent is heard; the first time after the caller, that is the answer."""
        waits = self._record.response_latencies_ms
        if self._silent_since is not None and len(waits) < ANSWERS_MAX:
            waits.append(round((now - self._silent_since) * 1000))
        self._silent_since = None
