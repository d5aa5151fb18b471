"""When something happens, as the model's rooms see it: a clock that calls back.

Owns the interface and timers that die with their session. Knows no event. `simulator.timeline`
is the clock of a world; tests bring a heap of their own.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol


class Timer(Protocol):
    """A callback asked for."""

    def cancel(self) -> None:
        """Forget it; harmless when it ran."""
        ...


class Timing(Protocol):
    """A clock in milliseconds that calls back, in the order asked for at equal times."""

    began: datetime
    """Its zero on the calendar."""

    @property
    def now_ms(self) -> float:
        """Milliseconds since the world began."""
        ...

    def after(self, delay_ms: float, do: Callable[[], None]) -> Timer:
        """Call `do` when `delay_ms` have passed."""
        ...


class Alarms:
    """Timers of one session: when it is over, none of them fires."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self.stopped = False

    @property
    def now_ms(self) -> float:
        """Milliseconds since the world began."""
        return self._timing.now_ms

    @property
    def date_s(self) -> float:
        """This moment on the calendar, in seconds since 1970."""
        return self._timing.began.timestamp() + self.now_ms / 1000

    def after(self, delay_ms: float, do: Callable[[], None]) -> Timer:
        """Call `do` when `delay_ms` have passed, unless the session is over by then."""
        return self._timing.after(delay_ms, partial(self._fire, do))

    def _fire(self, do: Callable[[], None]) -> None:
        if not self.stopped:
            do()
