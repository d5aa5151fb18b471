"""Calls in Twilio's REST API: made, looked up, listed.

Owns the requests, their time limits, and what Twilio's answers mean for whoever asked. Must not
know who asks. Twilio has no idempotency: each request to create is one more call, so it is sent
once. Codes: https://www.twilio.com/docs/api/errors.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
import trio
from twilio.base.exceptions import TwilioException, TwilioRestException

from bridge.line_update import ODD_ANSWER
from bridge.outbound.problems import Refusal, may_have_rung
from bridge.outbound.request import OutboundRequest
from bridge.twilio_rest import TwilioRest

CREATE_S_MAX: Final = 12.0
"""A long wait is better than not knowing whether a call was made."""
READ_S_MAX: Final = 9.0
BUSY_RETRY_S: Final = 2
PAGE_SIZE: Final = 50
PAGE_SIZE_MAX: Final = 1000
STATUSES: Final = (
    *("queued", "ringing", "in-progress", "completed"),
    *("busy", "failed", "no-answer", "canceled"),
)

# What a person can do about it; the words are ours, because Twilio's quote the number.
_MEANING: Final = {
    20003: "the account's credentials are wrong",
    21201: "no number to call",
    21205: "the address for the TwiML is not valid",
    21210: "from_number is not verified for this account",
    21211: "to_number is not a valid phone number",
    21212: "from_number is not a number of this account",
    21213: "no number to call from",
    21214: "to_number cannot be reached",
    21215: "the account may not call this country",
    21216: "the account may not call this number",
    21217: "to_number is not a valid phone number",
    21219: "to_number is not verified, and this is a trial account",
    22005: "the account's queue of calls is full",
}


@dataclass(frozen=True)
class Placed:
    """A call that Twilio has accepted."""

    call_sid: str
    status: str


@dataclass(frozen=True)
class CallFilter:
    """Which calls of the account; None = any. Dates are whole days in UTC, as Twilio takes them."""

    to: str | None = None
    from_: str | None = None
    status: str | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    page_size: int = PAGE_SIZE
    page_token: str | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The SDK's arguments."""
        values = {
            "to": self.to,
            "from_": self.from_,
            "status": self.status,
            "start_time_after": self.started_after,
            "start_time_before": self.started_before,
            "page_size": self.page_size,
            "page_token": self.page_token,
        }
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class CallList:
    """One page, the newest call first. `next_page` is the token of the page behind it."""

    calls: list[dict[str, Any]]
    next_page: str | None


class TwilioCalls:
    """The calls of one account."""

    def __init__(self, rest: TwilioRest) -> None:
        self._rest = rest

    async def create(self, request: OutboundRequest, url: str) -> Placed:
        """Have a call made that fetches its TwiML from `url` once it is answered.

        Raises:
            Refusal: 429 or 502, `may_have_rung` where that is so.
        """
        more = {"machine_detection": request.detection} if request.detection else {}
        try:
            async with self._rest.client(attempts_max=1, attempt_s_max=CREATE_S_MAX) as client:
                made = await client.calls.create_async(
                    to=request.to_number, from_=request.from_number, url=url, method="POST", **more
                )
        except (httpx.ConnectError, httpx.ConnectTimeout) as nothing_was_sent:
            raise _unreachable(nothing_was_sent, "nothing rang") from None
        except TwilioRestException as refused:
            if refused.status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise may_have_rung() from None
            raise _refused(refused.status, refused.code) from None
        except (TwilioException, httpx.HTTPError, trio.TooSlowError, *ODD_ANSWER):
            raise may_have_rung() from None
        if not made.sid or not isinstance(made.sid, str):
            raise may_have_rung()
        return Placed(made.sid, str(made.status))

    async def fetch(self, call_sid: str) -> dict[str, Any]:
        """One call, in our words.

        Raises:
            Refusal: 404, 429 or 502.
        """
        with _reading():
            async with self._rest.client() as client:
                return facts_of(await client.calls(call_sid).fetch_async())

    async def page(self, wanted: CallFilter) -> CallList:
        """One page of calls.

        Raises:
            Refusal: 429 or 502.
        """
        with _reading():
            async with self._rest.client() as client:
                page = await client.calls.page_async(**wanted.given)
                calls = [facts_of(call) for call in page]
                return CallList(calls, _token_in(page.next_page_url))


def facts_of(call: Any) -> dict[str, Any]:
    """A call of the SDK as this service tells it; `duration` in seconds, times ISO 8601 in UTC."""
    duration = call.duration
    return {
        "call_sid": call.sid,
        "status": call.status,
        "direction": call.direction,
        "to": call.to,
        "from_": call._from,  # noqa: SLF001 - the SDK has no other name for it
        "duration": int(duration) if duration and duration.isdecimal() else None,
        "start_time": _iso(call.start_time),
        "end_time": _iso(call.end_time),
        "answered_by": call.answered_by,
        "parent_call_sid": call.parent_call_sid,
    }


@contextmanager
def _reading() -> Iterator[None]:
    """Reading does no harm, so the seam has tried again already."""
    try:
        with trio.fail_after(READ_S_MAX):
            yield
    except TwilioRestException as refused:
        raise _refused(refused.status, refused.code) from None
    except TwilioException as failed:
        # Of a list the SDK only says that it failed; the answer itself is its second argument.
        if len(failed.args) < 2:
            raise _odd(failed) from None
        answer = failed.args[1]
        raise _refused(getattr(answer, "status_code", 0), _code_in(answer)) from None
    except (httpx.HTTPError, trio.TooSlowError) as failure:
        raise _unreachable(failure, "ask again later") from None
    except ODD_ANSWER as odd:
        raise _odd(odd) from None


def _refused(status: int, said: Any) -> Refusal:
    code = said if isinstance(said, int) else None
    if status == httpx.codes.NOT_FOUND:
        return Refusal(404, "Twilio knows no such call", code=code)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        detail = f"Twilio takes no more requests now (code {code}); nothing was done"
        return Refusal(429, detail, code=code, retry_after_s=BUSY_RETRY_S)
    why = _MEANING.get(code or 0)
    means = f": {why}" if why else f"; see https://www.twilio.com/docs/errors/{code}"
    return Refusal(502, f"Twilio refused with code {code} (HTTP {status}){means}", code=code)


def _unreachable(failure: Exception, then: str) -> Refusal:
    return Refusal(502, f"Twilio could not be reached ({type(failure).__name__}); {then}")


def _odd(failure: Exception) -> Refusal:
    why = type(failure).__name__
    return Refusal(502, f"Twilio's answer makes no sense ({why}); ask again later")


def _code_in(answer: Any) -> int | None:
    try:
        code = json.loads(answer.text)["code"]
    except ODD_ANSWER:
        return None
    return code if isinstance(code, int) else None


def _token_in(next_page_url: str | None) -> str | None:
    if next_page_url is None:
        return None
    return next(iter(parse_qs(urlsplit(next_page_url).query).get("PageToken", [])), None)


def _iso(when: datetime | str | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if isinstance(when, datetime) else None
