"""What the account may do with one call.

Owns the seam between REST and the call: nothing else of a call is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulator.phone.order import CallOrder
from simulator.phone.signature import Form
from simulator.phone.streams import StreamState
from simulator.phone.twiml import Document
from simulator.phone.verbs.verb import StreamRequest

QUEUED = "queued"
RINGING = "ringing"
IN_PROGRESS = "in-progress"
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
# fidelity: documented twilio.md 4.4 - the statuses of a call
CALL_STATUSES = frozenset({QUEUED, RINGING, IN_PROGRESS}) | FINAL


class ListeningStreams(Protocol):
    """A call's streams which only listen."""

    def name_is_taken(self, request: StreamRequest) -> bool:
        """Another stream which still runs has that name."""
        ...

    def is_a_track_too_many(self, request: StreamRequest) -> bool:
        """It would listen to more tracks than a call's streams may in all."""
        ...

    def open(self, request: StreamRequest) -> StreamState:
        """Open one; whether it may was asked before."""
        ...

    def find(self, name: str) -> StreamState | None:
        """One by sid or name, also one that is over; None = there was none."""
        ...

    def stop(self, name: str) -> bool:
        """Stop one by sid or name; False = none of it runs."""
        ...


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

    @property
    def streams(self) -> ListeningStreams:
        """Its streams which only listen."""
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
