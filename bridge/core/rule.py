"""What every rule of a conversation works with.

Owns that these five go together. Knows no rule.
"""

from dataclasses import dataclass

from bridge.core.deadlines import Deadlines
from bridge.core.outbox import Outbox
from bridge.core.plan import CallPlan
from bridge.core.playback import Playback
from bridge.core.record import CallRecord


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is one of in a call."""

    plan: CallPlan
    outbox: Outbox
    playback: Playback
    deadlines: Deadlines
    record: CallRecord


class Rule:
    """Has the parts of its call at hand."""

    def __init__(self, parts: Parts) -> None:
        self._plan = parts.plan
        self._outbox = parts.outbox
        self._playback = parts.playback
        self._deadlines = parts.deadlines
        self._record = parts.record
