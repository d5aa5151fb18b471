"""Callbacks at times: the one place in the simulator that decides when something happens.

Owns the order of events. Knows no peer, no wire and no message. The same timeline runs on trio's
virtual clock (whole calls in a blink) and on its real one (the fakes as servers).
"""

import heapq
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import trio

from simulator.clock import current_jumper

MS_PER_S = 1000
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When a simulated world begins, whatever the day is: equal runs tell equal dates."""


def _nothing() -> None:
    """What a cancelled timer does, should its time come."""


class Timer:
    """A callback that has been asked for and may still be cancelled."""

    __slots__ = ("cancelled", "do")

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do
        self.cancelled = False

    def cancel(self) -> None:
        """Forget the callback and all it holds; twice, or after it ran, is harmless."""
        self.cancelled = True
        self.do = _nothing


class Timeline:
    """A heap of callbacks, run by one task; equal times run in the order they were asked for.

    `began` is its zero on the calendar: that of the simulated world, or the hour of the real one.
    """

    began: datetime = EPOCH

    def __init__(self, began: datetime = EPOCH) -> None:
        self.began = began
        self._heap: list[tuple[float, int, Timer]] = []
        self._asked = 0
        jumper = current_jumper()
        self._now_s = trio.current_time if jumper is None else jumper.now_s
        self._began_s = self._now_s()
        self._fired_ms = 0.0  # seconds and milliseconds do not convert exactly
        self._sleeping: trio.CancelScope | None = None
        self._sleeps_until_ms = math.inf

    @property
    def now_ms(self) -> float:
        """Milliseconds since this timeline was made; in a callback never less than its own time."""
        now_ms = (self._now_s() - self._began_s) * MS_PER_S
        return max(self._fired_ms, now_ms)

    @property
    def date(self) -> datetime:
        """This moment on the calendar."""
        return self.began + timedelta(milliseconds=self.now_ms)

    def at(self, at_ms: float, do: Callable[[], None]) -> Timer:
        """Run `do` at `at_ms`; a time already past means as soon as possible."""
        timer = Timer(do)
        self._asked += 1
        heapq.heappush(self._heap, (at_ms, self._asked, timer))
        if self._sleeping is not None and at_ms < self._sleeps_until_ms:
            self._sleeps_until_ms = at_ms
            self._sleeping.deadline = self._began_s + at_ms / MS_PER_S
        return timer

    def after(self, delay_ms: float, do: Callable[[], None]) -> Timer:
        """Run `do` when `delay_ms` have passed."""
        return self.at(self.now_ms + delay_ms, do)

    @property
    def next_s(self) -> float:
        """When the next callback is due, on trio's clock; infinity for none."""
        return self._began_s + self._heap[0][0] / MS_PER_S if self._heap else math.inf

    def fire(self) -> None:
        """Run what is due now."""
        heap, now_s = self._heap, self._now_s()
        while heap and self._began_s + heap[0][0] / MS_PER_S <= now_s:
            at_ms, _, timer = heapq.heappop(heap)
            self._fired_ms = max(self._fired_ms, at_ms)
            if not timer.cancelled:
                timer.do()

    async def run(self) -> None:
        """Fire what comes due, for ever; cancel the surrounding scope to stop."""
        jumper = current_jumper()
        if jumper is not None:
            await jumper.drive(self)
        while True:
            self.fire()
            self._sleeps_until_ms = self._heap[0][0] if self._heap else math.inf
            with trio.CancelScope(deadline=self.next_s) as self._sleeping:
                await trio.sleep_forever()
            self._sleeping = None
