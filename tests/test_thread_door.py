"""The door to what blocks."""

import threading

import trio
from trio.testing import MockClock

from bridge.thread_door import in_thread


async def test_what_blocks_runs_elsewhere_and_its_result_comes_back() -> None:
    """In a thread, with the arguments given."""
    ran = await in_thread(trio.CapacityLimiter(1))(lambda two: (two, threading.get_ident()), 2)

    assert ran[0] == 2
    assert ran[1] != threading.get_ident()


async def test_a_hanging_thread_is_left_to_itself(autojump_clock: MockClock) -> None:
    """Whoever waits for it can go."""
    release = threading.Event()
    door = in_thread(trio.CapacityLimiter(1))
    with trio.move_on_after(0) as waiting:
        await door(release.wait)
    release.set()

    assert waiting.cancelled_caught
