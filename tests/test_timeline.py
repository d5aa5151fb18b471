"""Callbacks at times."""

from collections.abc import Callable

import trio

from simulator.clock import run_virtually
from simulator.timeline import Timeline


async def _play(set_up: Callable[[Timeline, list[object]], None], for_s: float) -> list[object]:
    timeline, seen = Timeline(), []  # type: tuple[Timeline, list[object]]
    set_up(timeline, seen)
    with trio.move_on_after(for_s):
        await timeline.run()
    return seen


async def test_callbacks_run_at_their_times_in_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Each callback runs at its own time, whatever the order of asking."""

    def set_up(timeline: Timeline, seen: list[object]) -> None:
        for at_ms in (30.0, 10.0, 20.5):
            timeline.at(at_ms, lambda: seen.append(round(timeline.now_ms, 3)))

    assert await _play(set_up, 1) == [10.0, 20.5, 30.0]


async def test_equal_times_run_in_the_order_asked(autojump_clock: trio.testing.MockClock) -> None:
    """Simultaneous callbacks are first come, first served."""

    def set_up(timeline: Timeline, seen: list[object]) -> None:
        for number in range(5):
            timeline.at(10.0, lambda number=number: seen.append(number))  # type: ignore[misc]

    assert await _play(set_up, 1) == [0, 1, 2, 3, 4]


async def test_a_cancelled_timer_does_not_run(autojump_clock: trio.testing.MockClock) -> None:
    """Cancelling forgets the callback, and only that one."""

    def set_up(timeline: Timeline, seen: list[object]) -> None:
        timeline.at(10.0, lambda: seen.append("first")).cancel()
        timeline.at(10.0, lambda: seen.append("second"))

    assert await _play(set_up, 1) == ["second"]


async def test_a_callback_may_ask_for_an_earlier_one(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """A timer asked for while the timeline sleeps towards a later one is not late."""
    timeline, seen = Timeline(), []  # type: tuple[Timeline, list[float]]
    timeline.at(1000.0, lambda: seen.append(timeline.now_ms))
    with trio.move_on_after(2):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timeline.run)
            await trio.sleep(0.1)
            timeline.after(50.0, lambda: seen.append(round(timeline.now_ms, 3)))
            await trio.sleep_forever()

    assert seen == [150.0, 1000.0]


async def test_a_past_time_means_now(autojump_clock: trio.testing.MockClock) -> None:
    """What should have happened already happens at once."""

    def set_up(timeline: Timeline, seen: list[object]) -> None:
        def late() -> None:
            timeline.at(1.0, lambda: seen.append(timeline.now_ms))

        timeline.at(500.0, late)

    assert await _play(set_up, 1) == [500.0]


def test_a_callback_never_runs_before_its_time() -> None:
    """Whatever the conversion between seconds and milliseconds loses, `now_ms` has arrived."""

    async def early() -> list[float]:
        timeline, missing = Timeline(), []  # type: tuple[Timeline, list[float]]
        for number in range(2000):
            at_ms = 1000 / 7 * number
            timeline.at(at_ms, lambda at_ms=at_ms: missing.append(at_ms - timeline.now_ms))  # type: ignore[misc]
        with trio.move_on_after(300):
            await timeline.run()
        return missing

    missing = run_virtually(early, seed=0)

    assert len(missing) == 2000
    assert max(missing) <= 0
