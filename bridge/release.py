"""Asking Twilio to end a call: REST `Status=completed`.

Owns this one wish. Must not know why the call ends, nor what Twilio's answers mean (`line_update`).
"""

from dataclasses import dataclass
from typing import Literal

from bridge.line_update import UPDATE_S_MAX, update_line
from bridge.twilio_rest import TwilioRest

Outcome = Literal["completed", "already_over", "failed"]

RELEASE_S_MAX = UPDATE_S_MAX


@dataclass(frozen=True)
class Released:
    """How a release went. `why` is for the log: a status and Twilio's code, never its message."""

    outcome: Outcome
    why: str = ""


class LineReleaser:
    """Ends calls of one account."""

    def __init__(self, rest: TwilioRest) -> None:
        self._rest = rest

    async def release(self, call_sid: str) -> Released:
        """End the call, in RELEASE_S_MAX at most. Whatever happens comes out as a value."""
        # Completing a call twice does no harm, so what may pass is tried again.
        updated = await update_line(self._rest, call_sid, status="completed")
        return Released("completed" if updated.outcome == "done" else updated.outcome, updated.why)
