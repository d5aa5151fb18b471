"""A bridge between two far ends in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import trio

from bridge.app import make_app
from bridge.service import BridgeApp
from tests.far_ends import (
    CALL,
    CLOSED,
    FarRealtime,
    FarTwilio,
    Lines,
    outside,
    settings,
)

SPEECH = bytes(range(128)) * 25  # 400 ms


class World:
    """A bridge between two far ends."""

    def __init__(self, app: BridgeApp, realtime: FarRealtime, lines: Lines) -> None:
        self.app = app
        self.realtime = realtime
        self.lines = lines
        self.token = app.services.tokens.issue(CALL)

    @asynccontextmanager
    async def call(self, *, listens: bool = True) -> AsyncIterator[FarTwilio]:
        """A caller's stream; leaving it drops the connection, if it is still there."""
        async with self.app.test_client().websocket("/media-stream") as websocket:
            twilio = FarTwilio(websocket)
            async with trio.open_nursery() as nursery:
                if listens:
                    nursery.start_soon(self._listen, twilio, nursery)
                yield twilio
                nursery.cancel_scope.cancel()

    async def _listen(self, twilio: FarTwilio, nursery: trio.Nursery) -> None:
        try:
            await twilio.listen()
        except CLOSED as closed:
            twilio.heard.append({"event": "closed", "code": closed.args[0]})

    async def over(self) -> dict[str, Any]:
        """Wait until the call is over, and return its last line."""
        await self.lines.over.wait()
        return self.lines.ended


@asynccontextmanager
async def world(
    rest: httpx.AsyncBaseTransport | None = None, far: dict[str, Any] | None = None, **given: Any
) -> AsyncIterator[World]:
    """A bridge, its far ends, and nobody left when it is over."""
    async with trio.open_nursery() as nursery:
        realtime, lines = FarRealtime(nursery, **(far or {})), Lines()
        app = make_app(settings(**given), outside=outside(realtime, lines, rest))
        yield World(app, realtime, lines)
        nursery.cancel_scope.cancel()
    assert not app.calls.running


async def settle() -> None:
    """Let everything happen that happens without time passing."""
    await trio.sleep(0.001)
