"""Which connections to the model's server are up, and when each was over.

Owns these times. A call has one at a time, two while a session is renewed.
"""

from math import inf

from simulator.judging import readings
from simulator.judging.observer import Observer
from simulator.trace import Event


class Sockets(Observer):
    """Follows `realtime.upgraded` and `.closed`."""

    def __init__(self) -> None:
        super().__init__()
        self._over_ms: dict[int, float] = {}
        self.on("realtime.upgraded", self._opened)
        self.on("realtime.closed", self._closed)

    def over_ms(self, connection: int) -> float:
        """When it was closed; inf = it is up, or nothing is known of it."""
        return self._over_ms.get(connection, inf)

    @property
    def all_over_ms(self) -> float | None:
        """When the last one was closed; None = one is up, or there was none."""
        latest_ms = max(self._over_ms.values(), default=inf)
        return None if latest_ms == inf else latest_ms

    def open_before(self, connection: int) -> list[int]:
        """Earlier connections that are still up."""
        return [
            number
            for number, over_ms in self._over_ms.items()
            if number < connection and over_ms == inf
        ]

    def _opened(self, event: Event) -> None:
        self._over_ms[readings.connection(event.data)] = inf

    def _closed(self, event: Event) -> None:
        number = readings.connection(event.data)
        if self._over_ms.get(number) == inf:
            self._over_ms[number] = event.at_ms
