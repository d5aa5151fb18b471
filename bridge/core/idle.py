"""A caller who says nothing: asked whether they are still there, and told goodbye in the end.

Owns when silence is idleness and how often it is asked about. Knows nothing of the goodbye, and
not what rest is: `conversation` says whether anybody speaks, types or owes the other an answer.

Silence counts from the end of what the caller *hears*: from the return of the last mark, or if
that is lost, from a while after it should have been there. A voice or a key begins the count of
nudges anew. A model that owes an answer is a stall and no idleness: `turns` watches that.
"""

from typing import Final

from bridge.core import tools
from bridge.core.rule import Parts, Rule
from bridge.core.turns import Turns

IDLE: Final = "idle"
"""Deadline: both have been silent for too long."""

MARK_LATE_S: Final = 5.0
"""A mark so much later than computed will not come back."""


class Idle(Rule):
    """The patience of one call."""

    def __init__(self, parts: Parts, turns: Turns) -> None:
        super().__init__(parts)
        self._turns = turns
        self._nudges = 0
        self._silence_after = (False, 0)

    def somebody_is_there(self) -> None:
        """The caller spoke or pressed a key."""
        self._nudges = 0
        self._deadlines.clear(IDLE)

    def advance(self, at_rest: bool, now: float) -> None:
        """Something has happened: the silence goes on, begins or is over."""
        if not (at_rest and self._plan.idle_nudge_s):
            self._deadlines.clear(IDLE)
            return
        heard_out = self._playback.complete
        silence_after = (heard_out, self._playback.head.sent)
        if IDLE in self._deadlines and silence_after == self._silence_after:
            return
        self._silence_after = silence_after
        sounds_s = 0.0 if heard_out else self._playback.head.remaining_s(now) + MARK_LATE_S
        self._deadlines.set(IDLE, now + sounds_s + self._plan.idle_nudge_s)

    def due(self, now: float) -> bool:
        """`IDLE` is due: ask for a sign of life. False: it was asked often enough."""
        if self._nudges >= self._plan.idle_nudges_max:
            return False
        self._nudges += 1
        self._record.nudges += 1
        self._outbox.note("caller_idle", nudge=self._nudges)
        self._turns.ask(tools.nudge(self._plan.idle_nudge_text), now)
        return True
