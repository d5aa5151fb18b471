"""How long the model takes from a request to its first sound.

Owns the measurements of one call. Knows neither what was asked for nor why. Times are monotonic
seconds.
"""

from collections import deque
from typing import Final

DEFAULT_S: Final = 1.0
"""Assumed until measured: the vendor's models mostly answer in 0.5 to 1 s."""

SAMPLES_MAX: Final = 5
"""The slowest of so many latest answers counts: who must not be late reckons with a slow one."""


class FirstSound:
    """The measurements of one call."""

    def __init__(self) -> None:
        self._asked_at: float | None = None
        self._begun: tuple[str, float] | None = None
        self._samples: deque[float] = deque(maxlen=SAMPLES_MAX)

    @property
    def expected_s(self) -> float:
        """How long a request made now may take until there is a sound."""
        return max(self._samples, default=DEFAULT_S)

    def asked(self, now: float) -> None:
        """A response was asked for, or the caller's turn was taken."""
        self._asked_at = now

    def created(self, response_id: str) -> None:
        """A response began: the one asked for last, if there is one."""
        if self._asked_at is not None:
            self._begun = (response_id, self._asked_at)
            self._asked_at = None

    def sounded(self, response_id: str, now: float) -> None:
        """Audio of a response came."""
        if self._begun is not None and self._begun[0] == response_id:
            self._samples.append(now - self._begun[1])
            self._begun = None
