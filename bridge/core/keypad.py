"""The keys the caller presses: which of them belong together, and how the model is told.

Owns the groups. Knows no rule of turns and nothing of legs. Keys may be a PIN: only their number
is ever noted. Times are monotonic seconds.

A group is complete with the terminator, which is told only when it stands alone, with a pause, or
when it is full. What comes behind a full group without a pause is one too many (a stuck key, a
machine that dials): it is counted and has no effect.
"""

from collections import deque
from typing import Final

from bridge.core.deadlines import Deadlines
from bridge.core.outbox import Outbox
from bridge.core.plan import CallPlan
from bridge.core.record import CallRecord

KEYS: Final = "keys"
"""Deadline: a pause has completed a group of keys."""

KEYS_MAX: Final = 64
"""Keys in one group."""
GROUPS_MAX: Final = 8
"""Complete groups kept before the session is ready; the oldest goes first."""

_SPOKEN: Final = {"*": "star", "#": "pound"}


class Keypad:
    """The keypad of one call."""

    def __init__(
        self, plan: CallPlan, outbox: Outbox, deadlines: Deadlines, record: CallRecord
    ) -> None:
        self._plan = plan
        self._outbox = outbox
        self._deadlines = deadlines
        self._record = record
        self._open: list[str] = []
        self._complete: deque[list[str]] = deque(maxlen=GROUPS_MAX)
        self._overflows = False

    @property
    def typing(self) -> bool:
        """More keys may belong to those pressed last."""
        return KEYS in self._deadlines

    def press(self, key: str, now: float) -> bool:
        """Take a key. False: it has no effect."""
        self._record.keys_pressed += 1
        if not self._plan.dtmf_to_model:
            return False
        self._deadlines.set(KEYS, now + self._plan.dtmf_pause_s)
        counts = not self._overflows
        terminates = key == self._plan.dtmf_terminator
        if counts and not (terminates and self._open):
            self._open.append(key)
        if terminates:
            self.pause()
        elif len(self._open) == KEYS_MAX:
            self._close()
            self._overflows = True
        return counts

    def pause(self) -> None:
        """The group is complete."""
        self._deadlines.clear(KEYS)
        self._overflows = False
        self._close()

    def deliver(self) -> bool:
        """Tell the model of the complete groups. False: there are none."""
        told = bool(self._complete)
        while self._complete:
            keys = self._complete.popleft()
            spoken = " ".join(_SPOKEN.get(key, key) for key in keys)
            word = "key" if len(keys) == 1 else "keys"
            self._outbox.note("keys_told", count=len(keys))
            self._outbox.say_for_caller(f"The caller pressed the {word} {spoken} on the keypad.")
        return told

    def _close(self) -> None:
        if self._open:
            self._complete.append(self._open)
            self._open = []
