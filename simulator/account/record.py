"""One call in the account's books: queued, running, or over and kept for whoever asks.

Owns the life of a call as the account sees it. What runs the call is let go when it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.account.control import FINAL, QUEUED, CallControl
from simulator.account.errors import RefusedError
from simulator.phone.order import CallOrder
from simulator.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Facts:
    """What REST tells about a call. Times are the timeline's; None = that has not happened."""

    sid: str
    order: CallOrder
    status: str
    created_ms: float
    queue_ms: float = 0.0
    rang_ms: float | None = None
    answered_ms: float | None = None
    ended_ms: float | None = None
    answered_by: str | None = None


class CallRecord:
    """A call from its creation on. `completions` are scripted answers to attempts to end it."""

    def __init__(
        self,
        control: CallControl,
        timeline: Timeline,
        *,
        queue_ms: float = 0.0,
        dialled: bool = False,
        completions: tuple[int | str, ...] = (),
    ) -> None:
        self.sid = control.sid
        self._control: CallControl | None = control
        self._timeline = timeline
        self._created_ms = timeline.now_ms
        self._queue_ms = queue_ms
        self._dialled = dialled
        self._completions = list(completions)
        self._last: Facts | None = None
        control.on_end.append(self._over)
        if control.status in FINAL:
            self._over()

    @property
    def facts(self) -> Facts:
        """The call as it is now, or as it was when it ended."""
        if self._last is not None:
            return self._last
        return self._now()

    @property
    def running(self) -> bool:
        """Not over yet: queued, ringing or in progress."""
        return self._last is None

    def control(self) -> CallControl:
        """What runs the call.

        Raises:
            RefusedError: 21220, it is over.
        """
        if self._control is None:
            raise RefusedError(21220)
        return self._control

    def dial(self) -> None:
        """Ring, unless the call was cancelled while it waited."""
        if self._control is not None:
            self._dialled = True
            self._control.dial()

    def scripted_completion(self) -> int | str:
        """The scenario's next answer to an attempt to end the call; "ok" after the last."""
        return self._completions.pop(0) if self._completions else "ok"

    def _now(self) -> Facts:
        control = self.control()
        rang_ms, answered_ms, ended_ms = control.times_ms if self._dialled else (None, None, None)
        waits = not self._dialled and control.status not in FINAL
        return Facts(
            sid=self.sid,
            order=control.order,
            status=QUEUED if waits else control.status,
            created_ms=self._created_ms,
            queue_ms=self._queue_ms,
            rang_ms=rang_ms,
            answered_ms=answered_ms,
            ended_ms=ended_ms,
            answered_by=control.answered_by,
        )

    def _over(self) -> None:
        if self._last is None:
            self._last = self._now()
            self._control = None
