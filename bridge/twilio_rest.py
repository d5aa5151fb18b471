"""Twilio's REST API through the SDK's async methods, under trio.

Owns the HTTP seam, what is tried again, and how long an attempt may take. Must not know what is
asked for.
"""

import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import trio
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

ATTEMPT_S_MAX: Final = 4.0
ATTEMPTS_MAX: Final = 3
BACKOFF_S: Final = (0.5, 1.5)


class HttpxClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's HTTP seam over httpx, so that it runs under trio. Retries what may pass.

    Args:
        http: carries the requests.
        api_url: stands in for the SDK's fixed host; None = the SDK's own choice.
        attempts_max: 1 for what must not happen twice.
        attempt_s_max: bound of one attempt.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        api_url: str | None = None,
        *,
        attempts_max: int = ATTEMPTS_MAX,
        attempt_s_max: float = ATTEMPT_S_MAX,
    ) -> None:
        # The SDK's request log would hold form fields; this logger keeps them to itself.
        super().__init__(logging.getLogger("callbridge.twilio-rest"), is_async=True)
        self._http = http
        self._api_url = api_url
        self._attempts_max = attempts_max
        self._attempt_s_max = attempt_s_max

    async def request(
        self,
        method: str,
        uri: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - attempt_s_max holds
        allow_redirects: bool = False,
    ) -> Response:
        """One REST request, at most `attempts_max` times. The last answer counts, whatever."""
        if self._api_url is not None:
            uri = self._api_url + urlsplit(uri).path
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self._attempts_max
            try:
                with trio.fail_after(self._attempt_s_max):
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
                await trio.sleep(BACKOFF_S[attempt - 1])
                continue
            if last or not _worth_another_try(answer.status_code):
                break
            await trio.sleep(_pause_s(answer, BACKOFF_S[attempt - 1]))
        return Response(answer.status_code, answer.text, answer.headers)


class TwilioRest:
    """The REST API of one account.

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
        # Loading the certificates takes tens of milliseconds: once, not at each hangup. The SDK
        # imports its API lazily, and httpx its transport, together a sixth of a second: now, and
        # not in the middle of a call.
        self._tls = httpx.create_ssl_context() if transport is None else False
        if transport is None:
            _ = httpx.AsyncHTTPTransport(verify=self._tls)
        _ = Client(*self._account, http_client=AsyncHttpClient(logging.getLogger(), True)).calls

    @asynccontextmanager
    async def client(
        self, *, attempts_max: int = ATTEMPTS_MAX, attempt_s_max: float = ATTEMPT_S_MAX
    ) -> AsyncIterator[Client]:
        """The SDK's client, for the requests of one errand; only its `*_async` methods work."""
        limits = httpx.Timeout(attempt_s_max, connect=min(attempt_s_max, ATTEMPT_S_MAX))
        http = httpx.AsyncClient(transport=self._transport, verify=self._tls, timeout=limits)
        seam = HttpxClient(
            http, self._api_url, attempts_max=attempts_max, attempt_s_max=attempt_s_max
        )
        try:
            yield Client(*self._account, http_client=seam)
        finally:
            # A transport that was given lives on.
            if self._transport is None:
                with trio.CancelScope(deadline=-math.inf):
                    await http.aclose()


def _worth_another_try(status: int) -> bool:
    """429 "was never processed" and a 5xx may pass; these requests may be done twice."""
    return status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR


def _pause_s(answer: httpx.Response, otherwise_s: float) -> float:
    """Seconds named by Retry-After; its other form, a date, is for clients with time to spare."""
    named = answer.headers.get("Retry-After", "")
    return float(named) if named.isdecimal() else otherwise_s


def _plain(values: dict[str, object] | None) -> Any:
    """The SDK leaves out what is unset already; httpx takes the rest as it is."""
    return values or None
