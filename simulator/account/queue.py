"""When a created call is dialled: one call per second, the rest waits.

Owns the dialling times. Knows no call.
"""

from __future__ import annotations

from simulator.account.errors import RefusedError

MS_PER_S = 1000.0
QUEUE_MS_MAX = 24 * 3600 * MS_PER_S


class DialQueue:
    """Hands out dialling times, in the order of asking."""

    # fidelity: documented twilio.md 4.2 - excess is queued, never refused (--cps)
    # fidelity: documented twilio.md 4.1 - 22005 when the queue holds more than 24 hours of calls

    def __init__(self, calls_per_second: float) -> None:
        self._interval_ms = MS_PER_S / calls_per_second
        self._next_ms = 0.0

    def wait_ms(self, now_ms: float) -> float:
        """Take the next place; how long until it is dialled.

        Raises:
            RefusedError: 22005, the queue is longer than a day.
        """
        at_ms = max(now_ms, self._next_ms)
        if at_ms - now_ms > QUEUE_MS_MAX:
            raise RefusedError(22005)
        self._next_ms = at_ms + self._interval_ms
        return at_ms - now_ms
