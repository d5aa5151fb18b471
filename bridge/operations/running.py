"""The calls in progress, and how they end when the process stops.

Owns the order of a stop: no new calls, time to finish, a goodbye, the end. Must not know what a
call is made of.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import trio

from bridge.operations.admission import Places

# How long calls have to go once they have been told to end at once.
STOP_S_MAX: Final = 3.0
LOOK_EVERY_S: Final = 0.1


QUEUES: Final = ("inbox", "to_twilio", "to_realtime")


@dataclass(frozen=True)
class Snapshot:
    """A process at one moment. `queues`: the fullest of each kind among all calls."""

    phases: Mapping[str, int]
    queues: Mapping[str, int]
    places_reserved: int
    places_max: int
    ready: bool
    loop_lag_s: float


class RunningCall(Protocol):
    """What is needed of a call in progress."""

    gone: trio.Event

    @property
    def phase(self) -> str: ...  # noqa: D102 - see Session

    @property
    def queues(self) -> Mapping[str, int]: ...  # noqa: D102

    def wind_up(self) -> None: ...  # noqa: D102

    def stop(self) -> None: ...  # noqa: D102


@dataclass
class Calls:
    """The calls in progress. `stopping`: no new ones are let in."""

    running: set[RunningCall] = field(default_factory=set)
    stopping: bool = False

    async def drain(self, places: Places, finish_s: float, goodbye_s: float) -> None:
        """Let calls finish, `finish_s` at most; then say goodbye; then end what is left.

        A call whose webhook was answered is one of them, for as long as its place is kept.
        """
        self.stopping = True
        with trio.move_on_after(finish_s):
            # Places are freed by time and by streams that other tasks end: no one event for both.
            while self.running or places.reserved(trio.current_time()):  # noqa: ASYNC110
                await trio.sleep(LOOK_EVERY_S)
        for call in list(self.running):
            call.wind_up()
        with trio.move_on_after(goodbye_s):
            await self._gone(set(self.running))
        await self.stop()

    async def stop(self) -> None:
        """End all calls with SHUTDOWN; return when they are gone, after STOP_S_MAX at most."""
        self.stopping = True
        calls = set(self.running)
        for call in calls:
            call.stop()
        with trio.move_on_after(STOP_S_MAX):
            await self._gone(calls)

    def snapshot(self, places: Places, lag_s: float, now: float) -> "Snapshot":
        """The process at this moment."""
        phases = Counter(call.phase for call in self.running)
        queues = dict.fromkeys(QUEUES, 0)
        for call in self.running:
            for name, depth in call.queues.items():
                queues[name] = max(queues[name], depth)
        return Snapshot(
            phases=phases,
            queues=queues,
            places_reserved=places.reserved(now),
            places_max=places.calls_max,
            ready=not (self.stopping or places.full(now)),
            loop_lag_s=lag_s,
        )

    async def _gone(self, calls: set[RunningCall]) -> None:
        for call in calls:
            await call.gone.wait()
