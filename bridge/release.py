"""Asking Twilio to end a call: REST `Status=completed`.

Owns the time it may take and what each answer means. Must not know why the call ends. Source of the
codes: https://www.twilio.com/docs/api/errors (21220, 20404, 20429).
"""

from dataclasses import dataclass
from typing import Literal

import httpx
import trio
from twilio.base.exceptions import TwilioException, TwilioRestException

from bridge.twilio_rest import TwilioRest

Outcome = Literal["completed", "already_over", "failed"]

RELEASE_S_MAX = 8.0
# 404: Twilio no longer knows the call. 21220: "Call is not in-progress". Either way it is over.
CALL_IS_OVER = frozenset({20404, 21220})


@dataclass(frozen=True)
class Released:
    """How a release went. `why` is for the log: a status and Twilio's code, never its message."""

    outcome: Outcome
    why: str = ""


class LineReleaser:
    """Ends calls of one account.

    Args:
        transport: carries the requests; None = httpx's own.
        api_url: where the REST API is; None = api.twilio.com.
    """

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        transport: httpx.AsyncBaseTransport | None,
        api_url: str | None = None,
    ) -> None:
        self._rest = TwilioRest(account_sid, auth_token, transport, api_url)

    async def release(self, call_sid: str) -> Released:
        """End the call, in RELEASE_S_MAX at most. Whatever happens comes out as a value."""
        with trio.move_on_after(RELEASE_S_MAX):
            return await self._complete(call_sid)
        return Released("failed", f"no answer in {RELEASE_S_MAX:g} s")

    async def _complete(self, call_sid: str) -> Released:
        # Completing a call twice does no harm, so what may pass is tried again.
        try:
            async with self._rest.client() as client:
                await client.calls(call_sid).update_async(status="completed")
        except TwilioRestException as refusal:
            why = f"HTTP {refusal.status}, code {refusal.code}"
            over = refusal.status == httpx.codes.NOT_FOUND or refusal.code in CALL_IS_OVER
            return Released("already_over" if over else "failed", why)
        except (TwilioException, httpx.HTTPError, trio.TooSlowError, ValueError) as failure:
            # ValueError: an answer that is no JSON, from a proxy on the way.
            return Released("failed", type(failure).__name__)
        return Released("completed")
