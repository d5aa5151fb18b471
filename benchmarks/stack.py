"""What the libraries alone cost: a relay with no bridge, no fakes' rules and no judge.

The same minute of frames through hypercorn, quart-trio and trio-websocket on the same simulated
links and clock, by an app that passes text on unread. What a simulated call costs beyond this is
ours; what it costs up to this is the price of testing the real stack.
"""

import random
import time
from collections.abc import Iterator

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from quart import websocket
from quart_trio import QuartTrio
from trio_websocket import wrap_client_stream

from benchmarks.figures import figure
from benchmarks.framing import FRAME
from simulator.clock import run_virtually
from simulator.network import Connection, Direction, Pace
from simulator.timeline import Timeline
from simulator.websocket import ClientConnection, HandshakeDone, HandshakeRequest, ServerConnection

CALL_S = 60
FRAME_MS = 20.0


class Sink:
    """The far end behind the relay: accepts, and reads."""

    def __init__(self, wire: Connection) -> None:
        self._wire = wire
        self._frames = ServerConnection()
        self.messages = 0

    def receive(self, data: bytes) -> None:
        """Answer the handshake, count the rest."""
        for message in self._frames.feed(data):
            if isinstance(message, HandshakeRequest):
                self._wire.send(self._frames.accept())
            else:
                self.messages += 1

    def closed(self, why: str) -> None:
        """Nothing to do."""


class Source:
    """The far end before the relay: a frame every 20 ms."""

    def __init__(self, wire: Connection, timeline: Timeline) -> None:
        self._wire = wire
        self._timeline = timeline
        self._frames = ClientConnection(random.Random(1))

    def begin(self) -> None:
        """Open the WebSocket."""
        self._wire.send(self._frames.request("bridge.example.com", "/relay", []))

    def receive(self, data: bytes) -> None:
        """Begin to send when the relay has accepted."""
        if any(isinstance(message, HandshakeDone) for message in self._frames.feed(data)):
            self._tick()

    def closed(self, why: str) -> None:
        """Nothing to do."""

    def _tick(self) -> None:
        self._wire.send(self._frames.text(FRAME.encode()))
        self._timeline.after(FRAME_MS, self._tick)


def measure(runs: int) -> Iterator[str]:
    """Milliseconds of CPU per second of call, and what that is in real time."""
    costs = []
    for _ in range(runs):
        began_s = time.process_time()
        run_virtually(_relay_a_minute, seed=0)
        costs.append((time.process_time() - began_s) / CALL_S * 1000)
    yield f"one direction, nothing read: {figure(costs, 'ms of CPU per second of call')}"
    yield f"                             {figure([1000 / c for c in costs], 'x real time', 0)}"


async def _relay_a_minute() -> None:
    timeline = Timeline()

    def connection() -> Connection:
        ways = [Direction(timeline, Pace(25.0, 5.0), random.Random(way)) for way in (1, 2)]
        return Connection(timeline, *ways)

    app = QuartTrio("relay")
    far, near = connection(), connection()
    far.attach(Sink(far))
    source = Source(near, timeline)
    near.attach(source)

    @app.websocket("/relay")
    async def relay() -> None:
        async with trio.open_nursery() as nursery:
            leg = await wrap_client_stream(nursery, far.stream, "h", "/")  # type: ignore[arg-type]
            while True:
                await leg.send_message(await websocket.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(timeline.run)
        server = TCPServer(ASGIWrapper(app), Config(), WorkerContext(None), {}, near.stream)  # type: ignore[arg-type]
        nursery.start_soon(server.run)
        source.begin()
        await trio.sleep(CALL_S)
        nursery.cancel_scope.cancel()
