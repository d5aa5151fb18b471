"""Carries the bridge's REST calls to the fake Twilio, with the network's delay, in virtual time.

Owns the way there and back. Knows neither what is asked nor what is answered.
"""

import httpx
import trio

from simulator.account.parameters import Fields
from simulator.account.request import Answer, Ask, Auth, basic_auth, form_of
from simulator.network import Direction


class RestTransport(httpx.AsyncBaseTransport):
    """httpx's far side: `ask(method, url, form, auth, reply)` after the link's delays."""

    def __init__(self, there: Direction, back: Direction, ask: Ask) -> None:
        self._there = there
        self._back = back
        self._ask = ask

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request.

        Raises:
            httpx.ReadTimeout: the answer did not come within the request's own limit.
        """
        limit_s = request.extensions.get("timeout", {}).get("read")
        form = form_of(await request.aread())
        auth = basic_auth(request.headers.get("authorization", ""))
        with trio.move_on_after(float("inf") if limit_s is None else limit_s):
            await self._wait_for(self._there)
            status, headers, content = await self._answer(
                request.method, str(request.url), form, auth
            )
            await self._wait_for(self._back)
            return httpx.Response(status, headers=headers, content=content, request=request)
        raise httpx.ReadTimeout("no answer within the limit", request=request)

    async def _answer(self, method: str, url: str, form: Fields, auth: Auth) -> Answer:
        answered, answers = trio.Event(), list[Answer]()

        def reply(answer: Answer) -> None:
            answers.append(answer)
            answered.set()

        self._ask(method, url, form, auth, reply)
        await answered.wait()
        return answers[0]

    async def _wait_for(self, direction: Direction) -> None:
        arrived = trio.Event()
        direction.carry(arrived.set)
        await arrived.wait()
