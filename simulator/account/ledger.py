"""The account's books: every running call, and the last ones that are over.

Owns which calls exist. The oldest call that is over makes room for a new one when the books are
full; a running call is never dropped.
"""

from __future__ import annotations

from simulator.account.errors import RefusedError
from simulator.account.record import CallRecord

OVER_MAX = 10_000
"""Calls kept after their end."""


class Ledger:
    """Calls by their sid, in the order of their creation."""

    def __init__(self) -> None:
        self._records: dict[str, CallRecord] = {}

    @property
    def running(self) -> int:
        """How many calls are not over."""
        return sum(record.running for record in self._records.values())

    def add(self, record: CallRecord) -> None:
        """Enter a new call."""
        if len(self._records) >= OVER_MAX:
            over = (sid for sid, known in self._records.items() if not known.running)
            oldest = next(over, None)
            if oldest is not None:
                del self._records[oldest]
        self._records[record.sid] = record

    def find(self, sid: str) -> CallRecord:
        """The call of that sid.

        Raises:
            RefusedError: 20404, there is none.
        """
        record = self._records.get(sid)
        if record is None:
            raise RefusedError(20404)
        return record

    def remove(self, sid: str) -> None:
        """Forget a call that is over.

        Raises:
            RefusedError: there is no such call, or it is still running.
        """
        # fidelity: inferred twilio.md 4.4 - 20001 for a call that is not over
        if self.find(sid).running:
            raise RefusedError(20001, "A call that is not over cannot be deleted")
        del self._records[sid]

    def newest_first(self) -> list[CallRecord]:
        """All calls, the last created first."""
        return list(reversed(self._records.values()))
