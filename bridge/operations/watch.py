"""What is told of calls while they run, to whoever counts or traces them.

Owns the words; by themselves they do nothing. Whoever listens must neither wait nor raise: it is
called by the call's driver. `now` is the shell's monotonic seconds. Audio is never told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.core import realtime, twilio
from bridge.core.record import CallRecord

Told = (
    twilio.Start
    | realtime.SpeechStarted
    | realtime.SpeechStopped
    | realtime.ResponseCreated
    | realtime.OutputItemDone
    | realtime.ResponseDone
)
TOLD: Final[frozenset[type]] = frozenset(
    {
        twilio.Start,
        realtime.SpeechStarted,
        realtime.SpeechStopped,
        realtime.ResponseCreated,
        realtime.OutputItemDone,
        realtime.ResponseDone,
    }
)
"""The types in `Told`: the driver looks each message up, fifty times a second and more."""


class CallWatch:
    """Watches one call."""

    def spoken_by(self, agent: str, model: str) -> None:
        """It is another agent than the settings', with a model of its own."""

    def received(self, message: Told, now: float) -> None:
        """One of the messages in `Told` came from a peer."""

    def tool_answered(self, call_id: str, now: float) -> None:
        """The model gets the output of a function call."""

    def ended(self, reason: str, record: CallRecord, now: float) -> None:
        """The call is over."""


class Watch:
    """Watches the calls of a process."""

    def call(self, now: float) -> CallWatch:
        """A watch for one more call; its stream has just been accepted."""
        _ = now
        return CallWatch()

    def refused(self, why: str) -> None:
        """A call was not let in. `why` is one of our few words."""


class _SeveralOfOne(CallWatch):
    def __init__(self, watches: Sequence[CallWatch]) -> None:
        self._watches = watches

    def spoken_by(self, agent: str, model: str) -> None:
        for watch in self._watches:
            watch.spoken_by(agent, model)

    def received(self, message: Told, now: float) -> None:
        for watch in self._watches:
            watch.received(message, now)

    def tool_answered(self, call_id: str, now: float) -> None:
        for watch in self._watches:
            watch.tool_answered(call_id, now)

    def ended(self, reason: str, record: CallRecord, now: float) -> None:
        for watch in self._watches:
            watch.ended(reason, record, now)


@dataclass(frozen=True)
class Several(Watch):
    """Tells several watches."""

    watches: Sequence[Watch] = field(default_factory=tuple)

    def call(self, now: float) -> CallWatch:
        """One watch that tells all of theirs."""
        return _SeveralOfOne([watch.call(now) for watch in self.watches])

    def refused(self, why: str) -> None:
        """Tell all."""
        for watch in self.watches:
            watch.refused(why)
