"""How many calls may be made in a minute.

Owns one window of this process. Must not know what is counted. The clock is an argument, in
seconds that never go back.
"""

import math
from collections import deque
from typing import Final

WINDOW_S: Final = 60.0


class RateLimit:
    """At most `per_minute` in any 60 seconds."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._taken: deque[float] = deque()

    def take(self, now: float) -> int:
        """Count one more; 0 = it may be, else the whole seconds after which one may be."""
        taken = self._taken
        while taken and taken[0] <= now - WINDOW_S:
            taken.popleft()
        if len(taken) >= self._per_minute:
            return max(1, math.ceil(taken[0] + WINDOW_S - now))
        taken.append(now)
        return 0
