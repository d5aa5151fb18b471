"""Peers that remember, and a stretch of real network to try the fakes' sockets on."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from simulator.sockets import Sockets, open_sockets
from simulator.timeline import Timeline
from simulator.wire import Wire

DEADLINE_S = 10


class Ear:
    """A peer that remembers what it is called with; `until` waits for that."""

    def __init__(self) -> None:
        self.data = b""
        self.why: list[str] = []
        self.wire: Wire | None = None
        self._changed = trio.Event()

    def receive(self, data: bytes) -> None:
        """Keep it."""
        self.data += data
        self._wake()

    def closed(self, why: str) -> None:
        """Keep why."""
        self.why.append(why)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def hears(self, size: int) -> bytes:
        """Wait until so many bytes have come."""
        while len(self.data) < size:
            assert not self.why, (self.why, len(self.data))
            await self._changed.wait()
        return self.data

    async def ends(self) -> str:
        """Wait for the end and say why."""
        while not self.why:
            await self._changed.wait()
        return self.why[0]


class Echo(Ear):
    """Sends everything back."""

    def receive(self, data: bytes) -> None:
        """Send it back."""
        assert self.wire is not None
        self.wire.send(data)
        super().receive(data)


@dataclass(slots=True)
class Bench:
    """Sockets with their timeline, the sentences they told, and the ends that were accepted."""

    net: Sockets
    timeline: Timeline
    told: list[str]
    accepted: list[Ear] = field(default_factory=list)

    def accept(self, wire: Wire) -> Ear:
        """An end that remembers."""
        return self.keep(Ear(), wire)

    def echo(self, wire: Wire) -> Ear:
        """An end that sends everything back."""
        return self.keep(Echo(), wire)

    def keep(self, ear: Ear, wire: Wire) -> Ear:
        """Note an accepted end."""
        ear.wire = wire
        self.accepted.append(ear)
        return ear

    async def first(self) -> Ear:
        """The first accepted end, as soon as it is there."""
        while not self.accepted:
            await trio.lowlevel.checkpoint()
        return self.accepted[0]

    async def wire(self) -> Wire:
        """The wire of that end."""
        wire = (await self.first()).wire
        assert wire is not None
        return wire


@asynccontextmanager
async def bench(tell: Callable[[str], None] | None = None) -> AsyncIterator[Bench]:
    """Open sockets on the real clock; whatever goes wrong, it ends."""
    timeline = Timeline()
    told: list[str] = []
    with trio.fail_after(DEADLINE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timeline.run)
            async with open_sockets(timeline, tell=tell or told.append) as net:
                yield Bench(net, timeline, told)
            nursery.cancel_scope.cancel()


def raw_client(port: int) -> socket.socket:
    """A plain socket of the operating system, connected, that waits at most DEADLINE_S."""
    return socket.create_connection(("127.0.0.1", port), DEADLINE_S)


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port
