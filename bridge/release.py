"""Asking Twilio to end a call: REST `Status=completed`, through the SDK's async methods under trio.

Owns the attempts and their bounds. Must not know why the call ends. Source of the codes:
https://www.twilio.com/docs/api/errors (21220, 20404, 20429).
"""

import logging
import math
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import trio
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

Outcome = Literal["completed", "already_over", "failed"]

RELEASE_S_MAX = 8.0
ATTEMPT_S_MAX = 4.0
ATTEMPTS_MAX = 3
BACKOFF_S = (0.5, 1.5)
# 404: Twilio no longer knows the call. 21220: "Call is not in-progress". Either way it is over.
CALL_IS_OVER = frozenset({20404, 21220})


@dataclass(frozen=True)
class Released:
    """How a release went. `why` is for the log: a status and Twilio's code, never its message."""

    outcome: Outcome
    why: str = ""


class HttpxClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's HTTP seam over httpx, so that it runs under trio. Retries what may pass.

    `api_url` stands in for the SDK's fixed host; None = the SDK's own choice.
    """

    def __init__(self, http: httpx.AsyncClient, api_url: str | None = None) -> None:
        # The SDK's request log would hold form fields; this logger keeps them to itself.
        super().__init__(logging.getLogger("callbridge.twilio-rest"), is_async=True)
        self._http = http
        self._api_url = api_url

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - ATTEMPT_S_MAX holds
        allow_redirects: bool = False,
    ) -> Response:
        """One REST request, at most ATTEMPTS_MAX times. The last answer counts, whatever it is."""
        if self._api_url is not None:
            uri = self._api_url + urlsplit(uri).path
        for attempt in range(ATTEMPTS_MAX):
            last = attempt == ATTEMPTS_MAX - 1
            try:
                with trio.fail_after(ATTEMPT_S_MAX):
                    answer = await self._http.request(
                        method,
                        uri,
                        params=_plain(params),
                        data=_plain(data),
                        headers=headers,
                        auth=auth,
                        follow_redirects=allow_redirects,
                    )
            except (httpx.TransportError, trio.TooSlowError):
                if last:
                    raise
                await trio.sleep(BACKOFF_S[attempt])
                continue
            if last or not _worth_another_try(answer.status_code):
                break
            await trio.sleep(_pause_s(answer, BACKOFF_S[attempt]))
        return Response(answer.status_code, answer.text, answer.headers)


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
        self._account = (account_sid, auth_token)
        self._api_url = api_url
        self._transport = transport
        # Loading the certificates takes tens of milliseconds: once, not at each hangup.
        self._tls = httpx.create_ssl_context() if transport is None else False
        # The SDK imports its API lazily, a tenth of a second: now, and not in the middle of a call.
        _ = Client(*self._account, http_client=AsyncHttpClient(logging.getLogger(), True)).calls

    async def release(self, call_sid: str) -> Released:
        """End the call, in RELEASE_S_MAX at most. Whatever happens comes out as a value."""
        http = httpx.AsyncClient(transport=self._transport, verify=self._tls, timeout=ATTEMPT_S_MAX)
        try:
            with trio.move_on_after(RELEASE_S_MAX):
                return await self._complete(http, call_sid)
            return Released("failed", f"no answer in {RELEASE_S_MAX:g} s")
        finally:
            if self._transport is None:
                with trio.CancelScope(deadline=-math.inf):
                    await http.aclose()

    async def _complete(self, http: httpx.AsyncClient, call_sid: str) -> Released:
        client = Client(*self._account, http_client=HttpxClient(http, self._api_url))
        try:
            await client.calls(call_sid).update_async(status="completed")
        except TwilioRestException as refusal:
            why = f"HTTP {refusal.status}, code {refusal.code}"
            over = refusal.status == httpx.codes.NOT_FOUND or refusal.code in CALL_IS_OVER
            return Released("already_over" if over else "failed", why)
        except (TwilioException, httpx.HTTPError, trio.TooSlowError, ValueError) as failure:
            # ValueError: an answer that is no JSON, from a proxy on the way.
            return Released("failed", type(failure).__name__)
        return Released("completed")


def _worth_another_try(status: int) -> bool:
    """429 "was never processed" and a 5xx may pass; completing a call twice does no harm."""
    return status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR


def _pause_s(answer: httpx.Response, otherwise_s: float) -> float:
    """Seconds named by Retry-After; its other form, a date, is for clients with time to spare."""
    named = answer.headers.get("Retry-After", "")
    return float(named) if named.isdecimal() else otherwise_s


def _plain(values: dict[str, object] | None) -> Any:
    """The SDK leaves out what is unset already; httpx takes the rest as it is."""
    return values or None
