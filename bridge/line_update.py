"""Changing a call through Twilio's REST API: bounded in time, and whatever happens is a value.

Owns what each answer means. Must not know what is changed, nor why. Source of the codes:
https://www.twilio.com/docs/api/errors (21220, 20404, 20429).
"""

from dataclasses import dataclass
from typing import Final, Literal

import httpx
import trio
from twilio.base.exceptions import TwilioException, TwilioRestException

from bridge.twilio_rest import TwilioRest

UPDATE_S_MAX: Final = 8.0
# 404: Twilio no longer knows the call. 21220: "Call is not in-progress". Either way it is over.
CALL_IS_OVER: Final = frozenset({20404, 21220})
ODD_ANSWER: Final = (
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)
"""What the SDK raises where Twilio's answer is no JSON, or JSON and no call: a proxy's, perhaps."""


@dataclass(frozen=True)
class Updated:
    """How it went. `why` is for the log: a status and Twilio's code, never its message."""

    outcome: Literal["done", "already_over", "failed"]
    why: str = ""


async def update_line(rest: TwilioRest, call_sid: str, **change: str) -> Updated:
    """Change a call, in UPDATE_S_MAX at most. What may pass is tried again.

    Args:
        rest: the account's REST API.
        call_sid: of the call.
        change: the parameters of Twilio's update.
    """
    with trio.move_on_after(UPDATE_S_MAX):
        return await _update(rest, call_sid, change)
    return Updated("failed", f"no answer in {UPDATE_S_MAX:g} s")


async def _update(rest: TwilioRest, call_sid: str, change: dict[str, str]) -> Updated:
    try:
        async with rest.client() as client:
            await client.calls(call_sid).update_async(**change)
    except TwilioRestException as refusal:
        code = refusal.code if isinstance(refusal.code, int) else None
        why = f"HTTP {refusal.status}, code {code}"
        over = refusal.status == httpx.codes.NOT_FOUND or code in CALL_IS_OVER
        return Updated("already_over" if over else "failed", why)
    except (TwilioException, httpx.HTTPError, trio.TooSlowError, *ODD_ANSWER) as failure:
        return Updated("failed", type(failure).__name__)
    return Updated("done")
