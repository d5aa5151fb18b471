"""The line's last step: it is released, or handed on, by the shell, which says how that went.

Owns how long that may take and why the call ends when the line goes. Knows no leg and no phase.
While the line is being handed on, Twilio's stream may end before the shell's answer is there: that
is no caller who has hung up.
"""

from typing import Final

from bridge.core.commands import EndReason, LineTransferred, ReleaseLine, TransferLine
from bridge.core.deadlines import Deadlines
from bridge.core.outbox import Outbox
from bridge.core.record import CallRecord

RELEASE: Final = "release"
"""Deadline: the shell's answer to `ReleaseLine` is missing."""
TRANSFER: Final = "transfer"
"""Deadline: the shell's answer to `TransferLine` is missing."""

RELEASE_TIMEOUT_S: Final = 10.0
"""How long the release of the line may take."""
TRANSFER_TIMEOUT_S: Final = 10.0
"""How long it may take to hand it on."""


class Line:
    """The line of one call, as far as we let go of it."""

    def __init__(self, outbox: Outbox, deadlines: Deadlines, record: CallRecord) -> None:
        self.reason = EndReason.CALLER_HUNG_UP
        """Why the call ends when Twilio's stream does."""
        self._outbox = outbox
        self._deadlines = deadlines
        self._record = record

    def release(self, how: ReleaseLine | TransferLine, reason: EndReason, now: float) -> None:
        """Let go of it. Nothing else is waited for."""
        self.reason = reason
        self._deadlines.clear_all()
        self._deadlines.set(RELEASE, now + RELEASE_TIMEOUT_S)
        self._outbox.put(how)

    def hand_on(self, to: TransferLine, reason: EndReason, now: float) -> None:
        """Have it handed on. ``reason``: why the call ends if that works."""
        self.reason = reason
        self._deadlines.set(TRANSFER, now + TRANSFER_TIMEOUT_S)
        self._outbox.put(to)

    def given(self, answer: LineTransferred | None) -> EndReason | None:
        """The shell has answered, or will not any more (None). None: we still have the line."""
        self._deadlines.clear(TRANSFER)
        outcome = "failed" if answer is None else answer.outcome
        self._record.line_transferred = outcome
        reason, self.reason = self.reason, EndReason.CALLER_HUNG_UP
        if outcome == "failed":
            return None
        return reason if outcome == "transferred" else EndReason.CALLER_HUNG_UP
