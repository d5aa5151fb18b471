"""What is to be played: a scenario and a seed.

Owns how many seeds a scenario is played with. Knows neither kind of time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from simulator.scenario.format import Scenario
from simulator.trace import Trace

OnTrace = Callable[[Trace], None]
"""Is given a call's trace before the call begins."""


@dataclass(frozen=True, slots=True)
class Job:
    """One call to play."""

    scenario: Scenario
    seed: int


def jobs_for(scenarios: Iterable[Scenario], seed: int, seeds: int | None) -> list[Job]:
    """Each scenario with its own number of seeds, counted from `seed`, or with `seeds` of them."""
    return [
        Job(scenario, seed + offset)
        for scenario in scenarios
        if scenario.skip is None
        for offset in range(seeds or scenario.seeds)
    ]
