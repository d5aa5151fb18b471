"""A stream without a pause: what shows that a model is there which never stops sending.

Owns how long it may stand still, and the seconds that are billed. Knows no other model's life.

The stream's clock is the audio which the model hears. So if nothing at all comes from Twilio, it is
the line that stands still, and not the model.
"""

from typing import Final

from bridge.core.deadlines import Deadlines
from bridge.core.plan import CallPlan
from bridge.core.playback import Playback
from bridge.core.record import CallRecord

STREAM: Final = "stream"
"""Deadline: nothing has come."""
LINE_QUIET_S: Final = 4.0
"""Nothing at all from Twilio for so long: the line stands still. One without sound is asked every
three seconds."""


class Unbroken:
    """The stream of one call's model, if it has one."""

    def __init__(
        self, plan: CallPlan, playback: Playback, deadlines: Deadlines, record: CallRecord
    ) -> None:
        self._plan = plan
        self._playback = playback
        self._deadlines = deadlines
        self._record = record

    def begins(self, now: float) -> None:
        """A session listens, so it sends; or it goes on sending."""
        if self._plan.abilities.streams:
            self._deadlines.set(STREAM, now + self._plan.response_timeout_s)

    def ends(self) -> None:
        """There is no session any more."""
        self._deadlines.clear(STREAM)

    def lasted(self, seconds: float, now: float) -> None:
        """So many more seconds of it have come, and are billed."""
        self._record.billed_s += seconds
        self.begins(now)

    def stands_still(self, now: float) -> bool:
        """`STREAM` is due. False: nothing comes from Twilio either."""
        if self._playback.head.inbound_at > now - LINE_QUIET_S:
            return True
        self._deadlines.set(STREAM, now + LINE_QUIET_S)
        return False
