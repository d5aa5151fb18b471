"""How late this process is: what one busy function does to all calls at once.

Owns the measurement. Must not know who asks.
"""

from collections import deque
from typing import Final

import trio

EVERY_S: Final = 0.25
KEPT: Final = 60
"""Measurements that count: those of the last quarter of a minute."""


class LoopLag:
    """Sleeps again and again, and notes how much too long that took."""

    def __init__(self) -> None:
        self._lags_s: deque[float] = deque(maxlen=KEPT)

    @property
    def worst_s(self) -> float:
        """The longest delay of the last 15 s; 0 before the first measurement."""
        return max(self._lags_s, default=0.0)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due = trio.current_time() + EVERY_S
            await trio.sleep_until(due)
            self.note(trio.current_time() - due)

    def note(self, lag_s: float) -> None:
        """One measurement."""
        self._lags_s.append(max(0.0, lag_s))
