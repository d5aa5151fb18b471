"""The Realtime leg: a far end that takes nothing any more."""

from math import inf

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from bridge.core import realtime
from bridge.legs import SEND_S_MAX, RealtimeLeg
from tests.leg_far_ends import ENDPOINT, server, world

DEAF = realtime.Closed(None, "took nothing for 5 s", deaf=True)
QUESTION_S = 1.0


class Ear:
    """A far end that listens, and whose connection takes nothing from now and then on."""

    def __init__(self) -> None:
        self.heard = 0
        self.shut_s = 0.0
        self.shut_at = inf

    async def talk(self, connection: object) -> None:
        """Listen."""
        while True:
            await connection.get_message()  # type: ignore[attr-defined]
            self.heard += 1

    async def room(self) -> None:
        """Wait as long as each write of the leg does."""
        if trio.current_time() >= self.shut_at:
            await trio.sleep(self.shut_s)


async def spoken_to(ear: Ear, questions: int) -> realtime.Closed:
    """Speak once a second, and say how the connection ended."""
    async with world(server(ear.talk, [])) as far:

        async def open_stream(host: str, port: int, tls: bool) -> trio.abc.Stream:
            del host, port, tls
            near, end = memory_stream_pair()
            carry = near.send_stream.send_all_hook
            assert carry is not None

            async def taken() -> None:
                await ear.room()
                await carry()

            near.send_stream.send_all_hook = taken
            far.nursery.start_soon(far.far_end, end)
            return near

        async def speak(leg: RealtimeLeg) -> None:
            for _ in range(questions):
                await trio.sleep(QUESTION_S)
                await leg.send(realtime.InputAudioBufferAppend("cb_1", b"\xff"))
            await leg.aclose()

        return await RealtimeLeg(ENDPOINT, open_stream).run(speak)


async def test_a_far_end_that_takes_nothing_any_more(autojump_clock: MockClock) -> None:
    """Some seconds after the write that does not return the connection is over, and known deaf."""
    ear = Ear()
    began = trio.current_time()
    ear.shut_at, ear.shut_s = began + 2.5, inf
    closed = await spoken_to(ear, 10)

    assert closed == DEAF
    assert trio.current_time() - began == pytest.approx(3.0 + SEND_S_MAX)


async def test_a_far_end_that_is_slow_for_a_while(autojump_clock: MockClock) -> None:
    """Each write counts for itself: a pause of almost so long is none of our business."""
    ear = Ear()
    ear.shut_at, ear.shut_s = trio.current_time() + 0.5, SEND_S_MAX - 0.5
    closed = await spoken_to(ear, 4)

    assert not closed.deaf
    assert ear.heard == 4


async def test_silence_is_not_deafness(autojump_clock: MockClock) -> None:
    """Whoever is told nothing for a long time cannot show that it hears."""
    ear = Ear()

    async with world(server(ear.talk, [])) as far:

        async def wait(leg: RealtimeLeg) -> None:
            await trio.sleep(10 * SEND_S_MAX)
            await leg.send(realtime.InputAudioBufferAppend("cb_1", b"\xff"))
            await leg.aclose()

        closed = await RealtimeLeg(ENDPOINT, far.open_stream).run(wait)

    assert not closed.deaf
    assert ear.heard == 1
