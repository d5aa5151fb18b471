"""Virtual time and the seeded scheduler."""

import pytest
import trio

from simulator.clock import run_virtually, seed_scheduler
from simulator.timeline import Timeline


async def _order_of_equals() -> list[int]:
    woken: list[int] = []

    async def sleeper(number: int) -> None:
        await trio.sleep(1)
        woken.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(12):
            nursery.start_soon(sleeper, number)
    return woken


def test_trio_still_keeps_its_scheduler_where_we_seed_it() -> None:
    """The private generator of trio's scheduler is where this version of ours expects it."""
    seed_scheduler(0)  # raises with a clear sentence when it has moved


def test_equal_seeds_give_equal_orders() -> None:
    """The order in which simultaneous tasks wake is a function of the seed."""
    first, again = (run_virtually(_order_of_equals, seed=7) for _ in range(2))

    assert first == again


def test_different_seeds_explore_different_orders() -> None:
    """Twenty seeds do not all give one order."""
    orders = {tuple(run_virtually(_order_of_equals, seed=seed)) for seed in range(20)}

    assert len(orders) > 10


def test_an_hour_of_waiting_takes_no_time() -> None:
    """The clock jumps when everything waits."""

    async def wait_an_hour() -> float:
        await trio.sleep(3600)
        return trio.current_time()

    assert run_virtually(wait_an_hour, seed=0) == 3600.0


def test_a_world_in_which_nothing_can_happen_any_more_says_so() -> None:
    """Every task waits for another one and no callback is due: an error, and no hang."""

    async def wait_for_each_other() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Timeline().run)
            await trio.Event().wait()

    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="neither a deadline")):
        run_virtually(wait_for_each_other, seed=0)
