"""Moments as Twilio writes them in callbacks.

Owns the two formats. Knows no clock.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime


def rfc2822(moment: datetime) -> str:
    """As in a call's status callback: `Thu, 01 Jan 2026 00:00:00 +0000`."""
    # fidelity: observed twilio.md 2.4 - RFC 2822, UTC
    return format_datetime(moment)


def iso_nanoseconds(moment: datetime) -> str:
    """As in a stream's status callback: `2026-01-01T00:00:00.250000000Z`."""
    # fidelity: documented twilio.md 1.5 - ISO 8601 with nanoseconds
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
