"""Moments of the simulated world as Twilio writes them.

Owns when the world begins, and the two formats. Knows no clock.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""When the simulated world begins."""


def rfc2822(at_ms: float) -> str:
    """As in a call's status callback: `Thu, 01 Jan 2026 00:00:00 +0000`."""
    # fidelity: observed twilio.md 2.4 - RFC 2822, UTC
    return format_datetime(EPOCH + timedelta(milliseconds=at_ms))


def iso_nanoseconds(at_ms: float) -> str:
    """As in a stream's status callback: `2026-01-01T00:00:00.250000000Z`."""
    # fidelity: documented twilio.md 1.5 - ISO 8601 with nanoseconds
    moment = EPOCH + timedelta(milliseconds=at_ms)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
