"""Which calls are worth a second look.

Owns the answer to "did this call go as calls should", from its end and its counters. Knows neither
wires nor files.
"""

from typing import Final

from bridge.core.commands import EndReason
from bridge.core.record import CallRecord

GOOD_ENDS: Final = frozenset(
    {
        EndReason.CALLER_HUNG_UP.value,
        EndReason.AGENT_HUNG_UP.value,
        EndReason.IDLE_CALLER.value,
        EndReason.TRANSFERRED.value,
        EndReason.LIMIT.value,
        EndReason.SHUTDOWN.value,
    }
)
"""Somebody ended the call on purpose. A stranger's stream is no call, and never gets a record."""


def is_anomaly(reason: str, record: CallRecord) -> bool:
    """Whether the call ended by a fault, or met one on the way.

    A fault on the way: an error event or a failed response of the model, a session that was lost or
    could not be had, a message that nobody could understand, caller audio that was dropped, a line
    that could not be released or handed on.
    """
    return (
        reason not in GOOD_ENDS
        or bool(record.realtime_errors)
        or record.responses_failed > 0
        or record.malformed_twilio + record.malformed_realtime > 0
        or record.caller_audio_dropped_ms > 0
        or record.reconnects + record.attempts_failed > 0
        or "failed" in (record.line_released, record.line_transferred)
    )
