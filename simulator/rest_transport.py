"""Carries the bridge's REST calls to the fake Twilio, with the network's delay, in virtual time.

Owns the way there and back. Knows neither what is asked nor what is answered.
"""

import base64
import binascii
from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import trio

from simulator.network import Direction

Answer = tuple[int, dict[str, str], bytes]
Rest = Callable[[str, str, dict[str, list[str]], tuple[str, str] | None], Answer]
LOST = 0
"""A status no server sends: the answer never comes."""


class RestTransport(httpx.AsyncBaseTransport):
    """httpx's far side: `rest(method, url, form, auth)` answers after the link's delays."""

    def __init__(self, there: Direction, back: Direction, rest: Rest) -> None:
        self._there = there
        self._back = back
        self._rest = rest

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.ReadTimeout: the answer did not come within the request's own limit.
        """
        limit_s = request.extensions.get("timeout", {}).get("read")
        body = (await request.aread()).decode()
        form = parse_qs(body, keep_blank_values=True)
        with trio.move_on_after(float("inf") if limit_s is None else limit_s):
            await self._wait_for(self._there)
            status, headers, content = self._rest(
                request.method, str(request.url), form, _basic_auth(request)
            )
            if status == LOST:
                await trio.sleep_forever()
            await self._wait_for(self._back)
            return httpx.Response(status, headers=headers, content=content, request=request)
        raise httpx.ReadTimeout("no answer within the limit", request=request)

    async def _wait_for(self, direction: Direction) -> None:
        arrived = trio.Event()
        direction.carry(arrived.set)
        await arrived.wait()


def _basic_auth(request: httpx.Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name, password
