"""The legs: closing with manners, with a far end that has none, and when the call is cancelled."""

import pytest
import trio
from trio.testing import MockClock
from trio_websocket import ConnectionClosed, wrap_server_stream
from wsproto.events import Ping

from bridge.core import realtime
from bridge.legs import (
    CLOSE_S_MAX,
    RealtimeLeg,
)
from tests.leg_far_ends import ENDPOINT, receive_all, server, world


async def test_closing_with_manners() -> None:
    """The far end sees code 1000 and the stream is closed when it has answered."""
    seen: list[int] = []

    async def talk(connection: object) -> None:
        try:
            await connection.get_message()  # type: ignore[attr-defined]
        except ConnectionClosed as closed:
            seen.append(closed.reason.code if closed.reason else 0)

    async def hang_up(leg: RealtimeLeg) -> None:
        await leg.aclose()

    async with world(server(talk, [])) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        closed = await leg.run(lambda leg: receive_all(leg, []), hang_up)

    assert seen == [1000]
    assert closed.code == 1000


@pytest.mark.parametrize(("stuck", "seconds"), [(False, 0.0), (True, CLOSE_S_MAX)])
async def test_a_far_end_that_does_not_answer_a_close(
    autojump_clock: MockClock, stuck: bool, seconds: float
) -> None:
    """Nobody waits for its answer; and if even the close cannot be sent, the stream goes soon."""

    async def accept_and_stall(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await request.accept()
            nursery.cancel_scope.cancel()
        await trio.sleep_forever()

    closed: list[realtime.Closed] = []

    async def live() -> None:
        closed.append(await leg.run(lambda leg: receive_all(leg, [])))

    async with world(accept_and_stall) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        far.nursery.start_soon(live)
        await trio.sleep(1)
        assert isinstance(far.near, trio.StapledStream)
        if stuck:
            far.near.send_stream.send_all_hook = trio.sleep_forever
        await leg.aclose()
        took = trio.current_time() - 1
        await trio.testing.wait_all_tasks_blocked()

    assert took == seconds
    assert closed == [realtime.Closed(1000, "")]


async def test_a_cancelled_call_closes_its_stream_in_the_same_instant(
    autojump_clock: MockClock,
) -> None:
    """No manners after cancellation: a graceful close would wait, and nobody listens."""
    ends: list[float] = []

    async def talk(connection: object) -> None:
        try:
            await connection.get_message()  # type: ignore[attr-defined]
        except ConnectionClosed:
            ends.append(trio.current_time())

    async with world(server(talk, [])) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        with trio.move_on_after(5):
            await leg.run(lambda leg: receive_all(leg, []))
        await trio.testing.wait_all_tasks_blocked()

    assert ends == [5.0]


async def test_a_stream_half_closed_by_the_far_end_is_closed_too() -> None:
    """After the far end's close frame the library's own close does nothing; the stream must go."""

    async def talk(connection: object) -> None:
        await connection.send_message("last words")  # type: ignore[attr-defined]
        connection._stream.aclose = trio.lowlevel.checkpoint  # type: ignore[attr-defined]
        await connection.aclose(1000)  # type: ignore[attr-defined]

    async with world(server(talk, [])) as far:
        await RealtimeLeg(ENDPOINT, far.open_stream).run(lambda leg: receive_all(leg, []))
        assert far.near is not None
        with pytest.raises(trio.ClosedResourceError):
            await far.near.send_all(b"x")


async def test_a_ping_that_crosses_our_close(autojump_clock: MockClock) -> None:
    """The library cannot answer it and says so with an exception; the leg just ends."""

    async def ping_when_told(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            connection = await request.accept()
            ping = connection._wsproto.send(Ping(b"x"))
            nursery.cancel_scope.cancel()
        await closing.wait()
        await stream.send_all(ping)

    async def hang_up(leg: RealtimeLeg) -> None:
        await trio.testing.wait_all_tasks_blocked()
        assert isinstance(far.near, trio.StapledStream)
        far.near.send_stream.send_all_hook = trio.sleep_forever
        async with trio.open_nursery() as nursery:
            nursery.start_soon(leg.aclose)
            await trio.testing.wait_all_tasks_blocked()
            closing.set()

    closing = trio.Event()
    async with world(ping_when_told) as far:
        closed = await RealtimeLeg(ENDPOINT, far.open_stream).run(
            hang_up, lambda leg: receive_all(leg, [])
        )

    assert closed == realtime.Closed(1000, "")
    assert trio.current_time() == 0
