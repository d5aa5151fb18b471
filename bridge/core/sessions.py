"""The Realtime sessions of a call: the one in use, and the one that is coming.

Owns their numbers, how far each has come, and when another one is opened: in time before the one
in use expires, or when it is lost. Knows no word that is said over them.

    coming   OPENING → CONFIGURING → STANDBY     then it takes over, and is
    in use   READY                               until it is lost, or another takes over

A session that came up beside one in use waits for a lull: half a second in which nobody would
notice. After `PATIENCE_PART` of its time the one in use is replaced in any case. One that comes up
while none is in use takes over at once.

An attempt that fails is repeated, after a pause that doubles. How long pauses are depends on the
call, so that calls that were lost together do not come back together. A session that is lost soon
after it took over counts as a failed attempt: else it would be opened again and again.
"""

from typing import Final
from zlib import crc32

from bridge.core.commands import CloseRealtime, OpenRealtime, UseRealtime
from bridge.core.deadlines import Deadlines
from bridge.core.outbox import Outbox
from bridge.core.phases import Leg
from bridge.core.plan import CallPlan
from bridge.core.record import CallRecord

RENEW: Final = "renew"
"""Deadline: open another session beside the one in use."""
RENEW_BY: Final = "renew_by"
"""Deadline: wait for a lull no longer."""
LULL: Final = "lull"
"""Deadline: nobody has noticed anything for a moment."""
ATTEMPT: Final = "attempt"
"""Deadline: try again to get a session."""
LATE: Final = "late"
"""Deadline: this attempt takes too long."""
NAMES: Final = frozenset({RENEW, RENEW_BY, LULL, ATTEMPT, LATE})

LULL_S: Final = 0.5
PATIENCE_PART: Final = 0.07
"""So much of a session's time may pass after it while a lull is waited for: 231 s of 3300."""
ATTEMPT_S: Final = 4.0
"""How long getting another session may take; from afar it takes two seconds."""
PAUSE_S: Final = 0.5
PAUSE_MAX_S: Final = 8.0
PAUSE_BESIDE_MAX_S: Final = 60.0
"""Longest pauses between attempts: while the caller waits, and while another session is in use."""
SPREAD: Final = 0.25
"""A pause is shorter by up to so much of it."""
STEADY_S: Final = 10.0
"""A session in use for so long was a good one."""
UNSTABLE: Final = 5
"""So many in a row were no good ones."""


class Sessions:
    """The sessions of one call."""

    def __init__(
        self, plan: CallPlan, outbox: Outbox, deadlines: Deadlines, record: CallRecord
    ) -> None:
        self.in_use = 0
        """Its number; 0 = there is none."""
        self.coming = 0
        self._leg = Leg.UNOPENED
        self._count = 0
        self._failures = 0
        self._short_lived = 0
        self._opened_at = 0.0
        self._took_over_at = 0.0
        self._begun = False
        self._urgent = False
        self._calm = False
        self._plan = plan
        self._outbox = outbox
        self._deadlines = deadlines
        self._record = record

    @property
    def usual(self) -> int:
        """The number of a session that is not named: the one in use, or that is coming."""
        return self.in_use or self.coming

    @property
    def waiting(self) -> bool:
        """One has come up and waits for its moment."""
        return self._leg is Leg.STANDBY

    @property
    def unstable(self) -> bool:
        """Sessions can be had, but none lasts."""
        return self._short_lived >= UNSTABLE

    def leg(self, number: int) -> Leg | None:
        """How far a session has come; None: nobody wants to hear from it."""
        if number == 0:
            return Leg.UNOPENED
        if number == self.in_use:
            return Leg.READY
        return self._leg if number == self.coming else None

    def moved(self, number: int, leg: Leg) -> None:
        """A message has made this of a session."""
        if number == self.coming:
            self._leg = leg
            if leg is Leg.STANDBY:
                self._deadlines.clear(LATE)

    # -------------------------------------------------------------------- what is done
    def open(self, now: float) -> None:
        """Open one; none is coming."""
        assert not self.coming
        self._count += 1
        self.coming, self._leg = self._count, Leg.OPENING
        self._opened_at = now
        self._deadlines.clear(ATTEMPT)
        if self._begun:
            self._deadlines.set(LATE, now + ATTEMPT_S)
        self._outbox.put(OpenRealtime(self.coming, beside=bool(self.in_use)))

    def take_over(self, now: float) -> None:
        """The session that has come up is the one in use from now on."""
        if self.in_use:
            self._record.renewals += 1
            self._outbox.put(UseRealtime(self.coming))
        elif self._begun:
            self._record.reconnects += 1
        self.in_use, self.coming, self._leg = self.coming, 0, Leg.UNOPENED
        self._took_over_at, self._begun = now, True
        self._failures = 0
        self._urgent = self._calm = False
        self._deadlines.clear(*NAMES)
        if self._plan.renew_s:
            self._deadlines.set(RENEW, self._opened_at + self._plan.renew_s)
            late_s = self._plan.renew_s * (1 + PATIENCE_PART)
            self._deadlines.set(RENEW_BY, self._opened_at + late_s)

    def failed(self, now: float) -> None:
        """The session that was coming cannot be had: try again after a pause."""
        self._outbox.put(CloseRealtime(self.coming))
        self.coming, self._leg = 0, Leg.UNOPENED
        self._record.attempts_failed += 1
        self._deadlines.clear(LATE, LULL)
        self._failures += 1
        self._deadlines.set(ATTEMPT, now + self._pause_s(self._failures))

    def lost(self, now: float) -> bool:
        """The session in use is gone. Returns whether it was a good one."""
        steady = now >= self._took_over_at + STEADY_S
        self._outbox.put(CloseRealtime(self.in_use))
        self.in_use = 0
        if self.coming:
            self._outbox.put(UseRealtime(self.coming))
        self._deadlines.clear(RENEW, RENEW_BY, LULL)
        self._short_lived = 0 if steady else self._short_lived + 1
        return steady

    def reconnect(self, now: float) -> None:
        """None is in use: open one, at once or after a pause; one that is coming will do."""
        if self.coming:
            return
        if self._short_lived <= 1:
            self.open(now)
        else:
            self._deadlines.set(ATTEMPT, now + self._pause_s(self._short_lived))

    def stop(self) -> None:
        """No other session is wanted any more."""
        if self.coming:
            self._outbox.put(CloseRealtime(self.coming))
        self.coming, self._leg = 0, Leg.UNOPENED
        self._deadlines.clear(*NAMES)

    def _pause_s(self, failures: int) -> float:
        longest_s = PAUSE_BESIDE_MAX_S if self.in_use else PAUSE_MAX_S
        pause_s = min(PAUSE_S * 2.0 ** min(failures - 1, 10), longest_s)
        drawn = crc32(f"{self._outbox.stream_sid} {self._count}".encode()) / 2**32
        return pause_s * (1 - SPREAD * drawn)

    # -------------------------------------------------------------------- time
    def due(self, deadline: str, now: float) -> None:
        """A deadline has come; but for `LATE`, which is a failed attempt."""
        if deadline == LULL:
            self._calm = True
        elif deadline == RENEW_BY:
            self._urgent = True
        else:
            self.open(now)

    def take_over_now(self, now: float, *, quiet: bool) -> bool:
        """Whether the session that waits beside the one in use shall take over."""
        if not quiet:
            self._calm = False
            self._deadlines.clear(LULL)
        elif not self._calm and LULL not in self._deadlines:
            self._deadlines.set(LULL, now + LULL_S)
        return self._calm or self._urgent
