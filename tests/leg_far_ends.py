"""Far ends of a leg's stream, played by a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import trio
from trio.testing import memory_stream_pair
from trio_websocket import ConnectionClosed, WebSocketRequest, wrap_server_stream

from bridge.core import realtime
from bridge.legs import (
    RealtimeEndpoint,
    RealtimeLeg,
)

URL = "wss://rt.example/v1/realtime"
ENDPOINT = RealtimeEndpoint.at(URL, "gpt-realtime-2.1", "sk-key", "ga")
FarEnd = Callable[[trio.abc.Stream], Awaitable[None]]


class FarWorld:
    """Opens streams whose far end is played by a test."""

    def __init__(self, nursery: trio.Nursery, far_end: FarEnd) -> None:
        self.nursery = nursery
        self.far_end = far_end
        self.opened: list[tuple[str, int, bool]] = []
        self.near: trio.abc.Stream | None = None

    async def open_stream(self, host: str, port: int, tls: bool) -> trio.abc.Stream:
        """Open a stream and start its far end."""
        self.opened.append((host, port, tls))
        self.near, far = memory_stream_pair()
        self.nursery.start_soon(self.far_end, far)
        return self.near


@asynccontextmanager
async def world(far_end: FarEnd) -> AsyncIterator[FarWorld]:
    """A place where far ends live."""
    async with trio.open_nursery() as nursery:
        yield FarWorld(nursery, far_end)
        nursery.cancel_scope.cancel()


def server(talk: Callable[[object], Awaitable[None]], seen: list[WebSocketRequest]) -> FarEnd:
    """A far end that accepts the WebSocket, remembers the request and talks."""

    async def serve(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            seen.append(request)
            connection = await request.accept()
            with suppress(ConnectionClosed):
                await talk(connection)

    return serve


async def receive_all(leg: RealtimeLeg, into: list[str | None]) -> None:
    """Receive until the connection ends."""
    while True:
        into.append(await leg.receive())


async def run(far_end: FarEnd, endpoint: RealtimeEndpoint = ENDPOINT) -> realtime.Closed:
    """What a leg says about a far end of this kind."""
    async with world(far_end) as far:
        leg = RealtimeLeg(endpoint, far.open_stream)
        return await leg.run(lambda leg: receive_all(leg, []))
