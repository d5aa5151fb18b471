"""The simulated links, and the stream they give to the bridge."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from simulator.network import Connection, Direction, Pace
from simulator.stream import TCP_USER_TIMEOUT_S, WINDOW_BYTES
from simulator.timeline import Timeline


class Peer:
    """Notes what arrives, and when."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.got: list[tuple[float, bytes]] = []
        self.ends: list[tuple[float, str]] = []

    def receive(self, data: bytes) -> None:
        """Note what came."""
        self.got.append((round(self.timeline.now_ms, 3), data))

    def closed(self, why: str) -> None:
        """Note the end."""
        self.ends.append((round(self.timeline.now_ms, 3), why))


class Scene:
    """One connection over a link of the given paces."""

    def __init__(self, to_bridge: Pace, from_bridge: Pace) -> None:
        self.timeline = Timeline()
        self.there = Direction(self.timeline, to_bridge, random.Random(1))
        self.back = Direction(self.timeline, from_bridge, random.Random(2))
        self.connection = Connection(self.timeline, self.there, self.back)
        self.peer = Peer(self.timeline)
        self.connection.attach(self.peer)
        self.stream = self.connection.stream


@asynccontextmanager
async def scene(
    to_bridge: Pace | None = None, from_bridge: Pace | None = None
) -> AsyncIterator[Scene]:
    """A running scene."""
    made = Scene(to_bridge or Pace(), from_bridge or Pace())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.timeline.run)
        yield made
        nursery.cancel_scope.cancel()


async def test_latency_is_exact(autojump_clock: trio.testing.MockClock) -> None:
    """Bytes arrive the latency later, each way on its own."""
    async with scene(Pace(25.0), Pace(60.0)) as one:
        one.connection.send(b"ring")
        assert await one.stream.receive_some() == b"ring"
        assert round(one.timeline.now_ms, 3) == 25.0
        await one.stream.send_all(b"hello")
        await trio.sleep(1)

        assert one.peer.got == [(85.0, b"hello")]


async def test_jitter_never_reorders(autojump_clock: trio.testing.MockClock) -> None:
    """A link is a TCP connection: late bytes hold up those behind them."""
    async with scene(from_bridge=Pace(60.0, 30.0)) as one:
        for number in range(200):
            await one.stream.send_all(bytes([number]))
            await trio.sleep(0.005)
        await trio.sleep(1)
        delays = [at_ms - 5 * number for number, (at_ms, _) in enumerate(one.peer.got)]

        assert b"".join(data for _, data in one.peer.got) == bytes(range(200))
        assert min(delays) >= 30
        assert max(delays) <= 90.001
        assert max(delays) - min(delays) > 30


async def test_a_stall_holds_and_then_delivers_all(autojump_clock: trio.testing.MockClock) -> None:
    """Nothing arrives while it lasts, even what was on its way; afterwards everything does."""
    async with scene(Pace(10.0)) as one:
        one.connection.send(b"before ")
        one.there.stall(3000)
        one.connection.send(b"during")
        got = await one.stream.receive_some()
        assert one.timeline.now_ms >= 3000
        while len(got) < len(b"before during"):
            got += await one.stream.receive_some()
        assert got == b"before during"


async def test_a_shut_window_holds_the_writer(autojump_clock: trio.testing.MockClock) -> None:
    """When the far end does not read, `send_all` waits; it goes on when the window opens."""
    async with scene() as one:
        one.back.stall(5000)
        await one.stream.send_all(b"x" * WINDOW_BYTES)
        await one.stream.send_all(b"y")

        assert one.timeline.now_ms >= 5000
        assert len(one.peer.got[0][1]) == WINDOW_BYTES


async def test_tcp_gives_up_on_a_peer_that_never_reads(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A window shut for the user timeout breaks the connection."""
    async with scene() as one:
        one.back.stall(float("inf"))
        await one.stream.send_all(b"x" * WINDOW_BYTES)
        with pytest.raises(trio.BrokenResourceError):
            await one.stream.send_all(b"y")

        assert trio.current_time() >= TCP_USER_TIMEOUT_S


async def test_an_orderly_close_comes_after_the_data(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Both ways."""
    async with scene(Pace(5.0), Pace(5.0)) as one:
        one.connection.send(b"last words")
        one.connection.close()
        assert await one.stream.receive_some() == b"last words"
        assert await one.stream.receive_some() == b""
    async with scene(Pace(5.0), Pace(5.0)) as two:
        await two.stream.send_all(b"last words")
        await two.stream.aclose()
        await trio.sleep(1)

        assert [data for _, data in two.peer.got] == [b"last words"]
        assert [why for _, why in two.peer.ends] == ["eof"]


@pytest.mark.parametrize("cut", [Connection.abort, Connection.drop])
async def test_a_reset_breaks_reading_and_writing(
    autojump_clock: trio.testing.MockClock, cut: Callable[[Connection], None]
) -> None:
    """The bridge's pending read fails, and so does its next write."""
    async with scene() as one:
        one.timeline.after(100.0, lambda: cut(one.connection))
        with pytest.raises(trio.BrokenResourceError):
            await one.stream.receive_some()
        with pytest.raises(trio.BrokenResourceError):
            await one.stream.send_all(b"x")


async def test_a_drop_tells_the_fake_once(autojump_clock: trio.testing.MockClock) -> None:
    """A broken network is a reset at both ends, and closing afterwards adds nothing."""
    async with scene() as one:
        one.connection.drop()
        await one.stream.aclose()
        await trio.sleep(1)

        assert [why for _, why in one.peer.ends] == ["reset"]


async def test_closing_wakes_a_pending_read(autojump_clock: trio.testing.MockClock) -> None:
    """As trio's streams do: the reader gets ClosedResourceError."""
    async with scene() as one, trio.open_nursery() as nursery:
        reading = trio.Event()

        async def read() -> None:
            reading.set()
            with pytest.raises(trio.ClosedResourceError):
                await one.stream.receive_some()

        nursery.start_soon(read)
        await reading.wait()
        await trio.sleep(0.1)
        await one.stream.aclose()


async def test_unread_bytes_show(autojump_clock: trio.testing.MockClock) -> None:
    """A slow reader is visible to the sender, who never blocks."""
    async with scene(Pace(10.0)) as one:
        one.connection.send(b"abc")
        assert one.connection.unread == 3
        await trio.sleep(1)
        assert one.connection.unread == 3
        await one.stream.receive_some(2)
        assert one.connection.unread == 1


async def test_the_bridges_stream_is_a_trio_stream(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After send_eof writing is refused and reading goes on."""
    async with scene() as one:
        await one.stream.wait_send_all_might_not_block()
        await one.stream.send_eof()
        with pytest.raises(trio.ClosedResourceError):
            await one.stream.send_all(b"x")
        one.connection.send(b"still here")
        assert await one.stream.receive_some() == b"still here"
