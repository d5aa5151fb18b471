"""What the account may do with one call.

Owns the seam between REST and the call: nothing else of a call is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.phone.order import CallOrder
from simulator.phone.signature import Form
from simulator.phone.twiml import Document

QUEUED = "queued"
RINGING = "ringing"
IN_PROGRESS = "in-progress"
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
# fidelity: documented twilio.md 4.4 - the statuses of a call
CALL_STATUSES = frozenset({QUEUED, RINGING, IN_PROGRESS}) | FINAL


class CallControl(Protocol):
    """One call, from its creation on. Nothing here blocks; all times are the timeline's."""

    on_end: list[Callable[[], None]]
    """Called once each, after `status` has become final."""

    @property
    def sid(self) -> str:
        """CA and 32 hexadecimal digits."""
        ...

    @property
    def order(self) -> CallOrder:
        """What the call was created with, as last amended."""
        ...

    @property
    def status(self) -> str:
        """One of `CALL_STATUSES`. Before `dial` the account calls it queued, whatever is here."""
        ...

    @property
    def times_ms(self) -> tuple[float, float | None, float | None]:
        """When it rang, was answered and ended. Asked only after `dial`."""
        ...

    @property
    def answered_by(self) -> str | None:
        """What answering machine detection found; None without it, or not yet."""
        ...

    def dial(self) -> None:
        """Begin: ring. Called once, unless the call ended before."""
        ...

    def end_by_rest(self, status: str) -> None:
        """End a call that is not over, also one not dialled yet, in a final status."""
        ...

    def was_over(self) -> None:
        """Make it true that the call ended just before a request (the caller had hung up)."""
        ...

    def redirect(self, document: Document) -> None:
        """Tear the stream down and run `document`."""
        ...

    def fetch(self, url: str, method: str, extra: Form) -> None:
        """Tear the stream down and run what `url` answers."""
        ...

    def amend(self, order: CallOrder) -> None:
        """Go on with another order: fallback, status callback and time limit may have changed."""
        ...
