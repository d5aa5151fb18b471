"""For how long a bridge's process had to wait for a processor: the machine's fault, not its own.

Owns reading that from the kernel: the second number of /proc/PID/schedstat, nanoseconds spent
runnable but not running (Linux, Documentation/scheduler/sched-stats). Elsewhere nothing is known.
"""

from pathlib import Path

from simulator.live.lateness import Lateness
from simulator.timeline import Timeline

EVERY_MS = 100.0
NS_PER_MS = 1_000_000


class StarvationWatch:
    """Looks at one process ten times a second, on the call's timeline, for as long as that runs."""

    def __init__(self, pid: int, timeline: Timeline, lateness: Lateness) -> None:
        self._path = Path(f"/proc/{pid}/schedstat")
        self._timeline = timeline
        self._lateness = lateness
        self._waited_ms = self._read()
        if self._waited_ms is not None:
            self._timeline.after(EVERY_MS, self._look)

    def _look(self) -> None:
        before_ms, self._waited_ms = self._waited_ms, self._read()
        if before_ms is None or self._waited_ms is None:
            return
        self._lateness.bridge_waited(self._timeline.now_ms, self._waited_ms - before_ms)
        self._timeline.after(EVERY_MS, self._look)

    def _read(self) -> float | None:
        """All waiting so far; None if the kernel does not tell, or the process is gone."""
        try:
            numbers = self._path.read_text("ascii").split()
            return int(numbers[1]) / NS_PER_MS
        except (OSError, ValueError, IndexError):
            return None
