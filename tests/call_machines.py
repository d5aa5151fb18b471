"""What machines that drive a call share: how much they try, a call's end, the proof of a found bug.

Owns no rule: what may happen in a call is each machine's own.
"""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.call_world import World
from tests.world_parts import LawBroken

Plant = Callable[[pytest.MonkeyPatch], None]
"""Puts a bug into the core, for one test."""


class WorldMachine(RuleBasedStateMachine):
    """One call in a world; its first rule makes the world."""

    world: World

    def teardown(self) -> None:
        """A call that has come up settles, and ends by itself if nobody ends it."""
        if hasattr(self, "world"):
            self.world.server.speech_stops()
            self.world.settle()


def gate(examples: int, steps: int) -> settings:
    """So many calls of so many steps, the same ones each time."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def found(
    bug: Plant,
    machine: type[WorldMachine],
    plant: pytest.MonkeyPatch,
    *,
    examples: int,
    steps: int,
) -> bool:
    """Whether the machine breaks a law when the bug is planted; an accident elsewhere is raised.

    Nothing is shrunk: the first broken law is enough.
    """
    bug(plant)
    quick = settings(gate(examples, steps), phases=[Phase.generate], report_multiple_bugs=False)
    try:
        run_state_machine_as_test(machine, settings=quick)
    except LawBroken:
        return True
    return False
