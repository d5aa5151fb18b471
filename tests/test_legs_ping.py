"""The Realtime leg: a far end that dies without a word, and those that only seem to."""

from collections.abc import AsyncIterator, Sequence
from math import inf

import trio
from trio.testing import MockClock

from bridge.core import realtime
from bridge.legs import PING_EVERY_S, PONG_S_MAX, SEND_S_MAX, RealtimeLeg
from simulator.websocket import CLOSE, PONG, HandshakeRequest, Ping, ServerConnection, close_data
from tests.leg_far_ends import ENDPOINT, receive_all, run, server, world

DEAD = realtime.Closed(None, "answered no ping for 10 s", deaf=True)
NOTICED_S = PING_EVERY_S + PONG_S_MAX


class Server:
    """A far end which answers each ping in its own time, and perhaps sends events of its own."""

    def __init__(self, *, pong_after_s: float = 0.0, opens_after_s: float = 0.0) -> None:
        self.pings: list[tuple[float, bytes]] = []
        self.stream: trio.abc.Stream | None = None
        self._frames = ServerConnection()
        self._pong_after_s = pong_after_s
        self._opens_after_s = opens_after_s

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Live until the leg is gone."""
        began, self.stream = trio.current_time(), stream
        async with trio.open_nursery() as nursery:
            async for data in _all_of(stream):
                for message in self._frames.feed(data):
                    if isinstance(message, HandshakeRequest):
                        await trio.sleep(self._opens_after_s)
                        await stream.send_all(self._frames.accept())
                    elif isinstance(message, Ping):
                        self.pings.append((trio.current_time() - began, message.data))
                        nursery.start_soon(self._answer, message.data)
            nursery.cancel_scope.cancel()

    async def say(self, *texts: bytes) -> None:
        """Send events."""
        assert self.stream is not None
        await self.stream.send_all(b"".join(self._frames.text(text) for text in texts))

    async def close(self) -> None:
        """Begin to close, as a server does whose time is up."""
        assert self.stream is not None
        await self.stream.send_all(self._frames.control(CLOSE, close_data(1001, "expired")))

    async def _answer(self, data: bytes) -> None:
        await trio.sleep(self._pong_after_s)
        assert self.stream is not None
        await self.stream.send_all(self._frames.control(PONG, data))


async def _all_of(stream: trio.abc.Stream) -> AsyncIterator[bytes]:
    while data := await stream.receive_some():
        yield bytes(data)


async def listened_to(far_end: Server, says_at: Sequence[float], until_s: float) -> realtime.Closed:
    """How a leg ends that listens until then to events at these times."""

    async def speak(_: RealtimeLeg) -> None:
        for at in says_at:
            await trio.sleep_until(began + at)
            await far_end.say(b"{}")

    async def hang_up(leg: RealtimeLeg) -> None:
        await trio.sleep_until(began + until_s)
        await leg.aclose()

    began = trio.current_time()
    async with world(far_end.serve) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        return await leg.run(lambda leg: receive_all(leg, []), speak, hang_up)


async def test_a_server_that_dies_without_a_word(autojump_clock: MockClock) -> None:
    """Nothing is closed and nothing owed: the ping that is not answered tells."""
    began = trio.current_time()

    assert await run(Server(pong_after_s=inf).serve) == DEAD
    assert trio.current_time() - began == NOTICED_S


async def test_a_server_that_has_nothing_to_say(autojump_clock: MockClock) -> None:
    """It is asked every 15 s, by a number that is another one each time, and may be silent on."""
    far_end = Server()

    closed = await listened_to(far_end, (), 100.0)

    assert closed == realtime.Closed(1000, "")
    assert [at for at, _ in far_end.pings] == [15.0, 30.0, 45.0, 60.0, 75.0, 90.0]
    assert far_end.pings[1][1] == b"\x00\x00\x00\x02"
    assert len({data for _, data in far_end.pings}) == 6


async def test_a_server_of_another_library(autojump_clock: MockClock) -> None:
    """Pings are answered wherever WebSockets are spoken."""

    async def talk(connection: object) -> None:
        await connection.get_message()  # type: ignore[attr-defined]

    async def hang_up(leg: RealtimeLeg) -> None:
        await trio.sleep(100)
        await leg.aclose()

    async with world(server(talk, [])) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        closed = await leg.run(lambda leg: receive_all(leg, []), hang_up)

    assert closed == realtime.Closed(1000, "")


async def test_a_network_that_comes_back(autojump_clock: MockClock) -> None:
    """A pong that is late, because the line stood still, is a pong."""
    closed = await listened_to(Server(pong_after_s=PONG_S_MAX - 0.5), (), 100.0)

    assert closed == realtime.Closed(1000, "")


async def test_a_server_that_answers_no_ping_and_speaks(autojump_clock: MockClock) -> None:
    """Whoever says something lives: the pong may stand behind a long answer. Silence is the end."""
    far_end = Server(pong_after_s=inf)
    began = trio.current_time()

    assert await listened_to(far_end, (16.0, 35.0, 54.9), inf) == DEAD
    assert trio.current_time() - began == 70.0
    assert [at for at, _ in far_end.pings] == [15.0, 30.0, 45.0, 60.0]


async def test_what_came_before_the_ping_is_no_sign_of_life(autojump_clock: MockClock) -> None:
    """The last event is not the proof that there is somebody."""
    began = trio.current_time()

    assert await listened_to(Server(pong_after_s=inf), (14.9,), inf) == DEAD
    assert trio.current_time() - began == NOTICED_S


async def test_no_ping_before_the_connection_is_open(autojump_clock: MockClock) -> None:
    """The time counts from the handshake's end; before it a ping would break the protocol."""
    far_end = Server(opens_after_s=9.0)

    await listened_to(far_end, (), 30.0)

    assert [at for at, _ in far_end.pings] == [9.0 + PING_EVERY_S]


async def test_a_ping_that_is_not_taken(autojump_clock: MockClock) -> None:
    """Nobody speaks, and the far end takes nothing: the ping is what shows it."""

    async def stop_taking(_: RealtimeLeg) -> None:
        await trio.testing.wait_all_tasks_blocked()
        assert isinstance(far.near, trio.StapledStream)
        far.near.send_stream.send_all_hook = trio.sleep_forever

    began = trio.current_time()
    async with world(Server(pong_after_s=inf).serve) as far:
        closed = await RealtimeLeg(ENDPOINT, far.open_stream).run(
            stop_taking, lambda leg: receive_all(leg, [])
        )

    assert closed == realtime.Closed(None, "took nothing for 5 s", deaf=True)
    assert trio.current_time() - began == PING_EVERY_S + SEND_S_MAX


async def test_a_close_does_not_wait_for_a_pong(autojump_clock: MockClock) -> None:
    """Whether we hang up or are cancelled while it is outstanding, that is the end."""
    began = trio.current_time()
    closed = await listened_to(Server(pong_after_s=inf), (), PING_EVERY_S + 1)
    with trio.move_on_after(PING_EVERY_S + 1) as cancelled:
        await run(Server(pong_after_s=inf).serve)

    assert closed == realtime.Closed(1000, "")
    assert cancelled.cancelled_caught
    assert trio.current_time() - began == 2 * (PING_EVERY_S + 1)


async def test_last_words_are_taken_although_a_ping_is_due(autojump_clock: MockClock) -> None:
    """The ping fails on a connection that the far end closes; who receives has not read yet."""
    texts: list[str | None] = []

    async def expire(_: RealtimeLeg) -> None:
        await far_end.say(b"1", b"2")
        await far_end.close()

    async def receive_late(leg: RealtimeLeg) -> None:
        await trio.sleep(PING_EVERY_S + 1)
        await receive_all(leg, texts)

    far_end = Server()
    async with world(far_end.serve) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        closed = await leg.run(expire, receive_late)

    assert texts == ["1", "2"]
    assert closed == realtime.Closed(1001, "expired")
