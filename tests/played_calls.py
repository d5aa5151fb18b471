"""Calls played in a simulated world, and what happened in them."""

from collections.abc import Callable

from simulator.clock import run_virtually
from simulator.scenario import Scenario
from simulator.trace import Event
from simulator.world import World


def played(
    scenario: Scenario, seed: int = 0, also: Callable[[World], None] = lambda made: None
) -> list[Event]:
    """Everything that happened in a call. `also` is done to the world before it begins."""
    events: list[Event] = []

    async def one_call() -> None:
        made = World(scenario, seed)
        made.trace.subscribe(events.append)
        also(made)
        await made.play()

    run_virtually(one_call, seed=seed)
    return events


def only(events: list[Event], source: str) -> list[Event]:
    """The events of one source."""
    return [event for event in events if f"{event.who}.{event.name}" == source]
