"""The end of a call's time: a warning before it, and a polite moment when it has come.

Owns when both may be said. Knows nothing of the goodbye, and not what rest is: `conversation` says
whether anybody speaks, types or owes the other an answer.

The warning waits for a quiet moment: nobody speaks, all has been heard, and that for half a second,
or it would fall between the end of the caller's words and their answer. When half of its time is
over, it also follows a long speech of the agent's. It never speaks over the caller, and it is said
again if the caller spoke before its first sound. At the limit the goodbye waits for a quiet moment,
too, but only for `PATIENCE`. That the call ends even then, is the call's business.
"""

from typing import Final

from bridge.core import tools
from bridge.core.rule import Parts, Rule
from bridge.core.turns import Turns

WARNING: Final = "warning"
"""Deadline: warn, or wait no longer for a quiet moment."""
PATIENCE: Final = "patience"
"""Deadline: at the limit, whoever is speaking has had time to finish."""

QUIET: Final = "quiet"
"""Deadline: it has been quiet for a moment."""

QUIET_S: Final = 0.5
"""The length of a moment."""
PATIENCE_PART: Final = 0.4
"""The part of the time left at the limit in which a quiet moment is waited for."""


class Limit(Rule):
    """The time of one call; ``ends_at`` is the limit."""

    def __init__(self, parts: Parts, turns: Turns, ends_at: float) -> None:
        super().__init__(parts)
        self.reached = False
        self._turns = turns
        self._ends_at = ends_at
        self._warns = False
        self._owes_warning = False
        self._asked = False
        self._impatient = False
        self._quiet = False
        if 0 < self._plan.call_warning_s < self._plan.call_max_s:
            self._deadlines.set(WARNING, ends_at - self._plan.call_warning_s)

    def due(self, deadline: str) -> None:
        """A deadline has come: `WARNING` a second time, and `PATIENCE`, mean to wait no longer."""
        if deadline == QUIET:
            self._quiet = True
        elif deadline == WARNING and not self._warns:
            self._warns = self._owes_warning = True
            self._deadlines.set(WARNING, self._ends_at - self._plan.call_warning_s / 2)
        else:
            self._impatient = True

    def reach(self, now: float) -> None:
        """The time is up."""
        self.reached = True
        self._owes_warning = self._asked = self._impatient = False
        self._deadlines.clear(WARNING, QUIET)
        self._deadlines.set(PATIENCE, now + self._plan.limit_farewell_s * PATIENCE_PART)

    def advance(self, at_rest: bool, now: float) -> bool:
        """Something has happened. True: the time is up, and this is a quiet moment or the last."""
        if not (self.reached or self._owes_warning):
            return False
        self._listen(at_rest, now)
        if self.reached:
            return self._quiet or self._impatient
        if self._quiet and self._turns.responses.idle:
            self._owes_warning, self._asked = False, True
            left_s = self._ends_at - now
            self._outbox.note("time_warning", left_s=round(left_s, 1))
            self._turns.ask(tools.time_warning(left_s), now)
        return False

    def _listen(self, at_rest: bool, now: float) -> None:
        """Notice a quiet moment, or that there is none."""
        if not (at_rest and (self._impatient or self._playback.complete)):
            self._quiet = False
            self._deadlines.clear(QUIET)
        elif not self._quiet and QUIET not in self._deadlines:
            self._deadlines.set(QUIET, now + QUIET_S)

    def sounded(self) -> None:
        """The caller hears the agent: the warning, if that was asked for."""
        self._asked = False

    def interrupted(self) -> None:
        """The caller spoke or pressed a key: what was asked for is dropped if it has no sound."""
        self._owes_warning, self._asked = self._owes_warning or self._asked, False
