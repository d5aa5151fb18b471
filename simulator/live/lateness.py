"""How late the harness itself is, and from when on it may not judge anybody.

Owns a timeline that measures each of its callbacks (due against fired) and the rule. A bridge is
judged to the millisecond by a program that shares the machine with it: when that program cannot
send a frame every 20 ms, what it measured is its own lateness. So the verdict is `inconclusive`
then, whatever it would have been.

The rule: p99 above 10 ms, or any callback later than 40 ms, between the stream's start and the end.
10 ms is half a frame: a later one is nearer to the next frame's time than to its own. 40 ms is less
than what the laws grant to a relayed message (`terms.SCHEDULING_MS`, for each of its two legs):
a lateness below it cannot break one of them on its own.

A bridge that this program has started shares the machine as well. Where the kernel tells for how
long its process waited for a processor (Linux), more than 40 ms of that in a tenth of a second is
not the bridge's slowness either, and the verdict is inconclusive, too.
"""

from array import array
from collections.abc import Callable
from datetime import UTC, datetime

from simulator.judging.metrics import percentile
from simulator.timeline import Timeline, Timer

P99_MS_MAX = 10.0
WORST_MS_MAX = 40.0
ASKED_IN_TIME_MS = 0.5
"""A callback asked for this much ahead has a time to keep; any other is wanted at once."""
BEHIND_MS = 5.0
"""A callback asked for a time so long past is a grid (the 20 ms frames) which has fallen behind."""


class Lateness:
    """Samples of lateness in ms; `begin` forgets those before."""

    def __init__(self, p99_ms_max: float = P99_MS_MAX, worst_ms_max: float = WORST_MS_MAX) -> None:
        self._limits = (p99_ms_max, worst_ms_max)
        self._late_ms = array("d")
        self._worst = (0.0, 0.0)  # how late, and when
        self._waited = (0.0, 0.0)  # how long the bridge waited for a processor, and when
        self._over = False

    def begin(self) -> None:
        """What is measured from here on counts."""
        self._late_ms = array("d")
        self._worst = self._waited = (0.0, 0.0)

    def end(self) -> None:
        """What comes later does not count any more."""
        self._over = True

    def add(self, at_ms: float, late_ms: float) -> None:
        """Something due at `at_ms` happened so much later."""
        if self._over:
            return
        self._late_ms.append(late_ms)
        if late_ms > self._worst[0]:
            self._worst = (late_ms, at_ms)

    def bridge_waited(self, at_ms: float, waited_ms: float) -> None:
        """In the last tenth of a second the bridge's process waited so long for a processor."""
        if not self._over and waited_ms > self._waited[0]:
            self._waited = (waited_ms, at_ms)

    def summary(self) -> dict[str, float]:
        """`{count, p50, p95, p99, max, bridge_waited}`, milliseconds."""
        ordered = sorted(self._late_ms) or [0.0]
        found = {f"p{percent}": percentile(ordered, percent) for percent in (50, 95, 99)}
        found |= {"max": ordered[-1], "bridge_waited": self._waited[0]}
        return {"count": len(self._late_ms)} | {name: round(ms, 3) for name, ms in found.items()}

    def verdict(self) -> str:
        """Why nothing can be concluded from this call, in a sentence; "" if it can."""
        p99_ms_max, worst_ms_max = self._limits
        found = self.summary()
        if found["max"] > worst_ms_max:
            when = f"at {self._worst[1] / 1000:.3f} s it was {found['max']:.1f} ms late"
            return f"this machine did not keep up: {when} (allowed: {worst_ms_max:g} ms)"
        if found["p99"] > p99_ms_max:
            often = f"one in a hundred of its actions was {found['p99']:.1f} ms late or more"
            return f"this machine did not keep up: {often} (allowed: {p99_ms_max:g} ms)"
        waited_ms, at_ms = self._waited
        if waited_ms > worst_ms_max:
            when = f"for {waited_ms:.0f} ms in the tenth of a second before {at_ms / 1000:.3f} s"
            return f"this machine did not keep up: the bridge waited for a processor {when}"
        return ""


class LiveTimeline(Timeline):
    """A timeline on the real clock, which measures how late it is."""

    def __init__(self, lateness: Lateness) -> None:
        super().__init__(datetime.now(UTC))
        self._lateness = lateness

    def at(self, at_ms: float, do: Callable[[], None]) -> Timer:
        """Run `do` at `at_ms`, and measure when it really ran."""
        ahead_ms = at_ms - self.now_ms
        if ahead_ms < -BEHIND_MS:
            self._lateness.add(at_ms, -ahead_ms)
        if ahead_ms < ASKED_IN_TIME_MS:
            return super().at(at_ms, do)

        def timed() -> None:
            self._lateness.add(at_ms, self.now_ms - at_ms)
            do()

        return super().at(at_ms, timed)
