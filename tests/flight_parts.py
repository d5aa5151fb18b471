"""Small parts for the tests of flight records: a message, counters."""

from typing import Any

from bridge.core import twilio
from bridge.core.record import CallRecord

FRAME = bytes(range(160))
MEDIA = twilio.Media(timestamp_ms=155, chunk=1, payload=FRAME)


def record(**given: Any) -> CallRecord:
    """A call's counters."""
    return CallRecord(began=0.0, **given)
