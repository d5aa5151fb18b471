"""One file, several calls: variables with several values each."""

from pathlib import Path

from simulator.scenario.format import Trigger
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import Source

TEXT = """
name: at $$ speed
why: ${heard}later
matrix: {burst: [3, 8], heard: [500ms]}
model: [{on: turn, say: clips/en/yes.wav, burst: $burst}]
caller: [{when: agent_heard $heard, hang_up: true}]
"""


def test_every_combination_is_a_call() -> None:
    """Each combination of values is a call of its own, named by them."""
    calls, problems = read_scenario(Source(Path("a.call.yaml"), TEXT))

    assert problems == []
    assert [call.name for call in calls] == [
        "at $ speed [burst=3, heard=500ms]",
        "at $ speed [burst=8, heard=500ms]",
    ]
    assert [call.model.replies[0].burst for call in calls] == [3, 8]
    assert calls[1].variant == (("burst", "8"), ("heard", "500ms"))


def test_variables_stand_for_values_and_parts_of_texts() -> None:
    """A variable may be a whole value or a part of one; two dollars are one."""
    (first, _), _ = read_scenario(Source(Path("a.call.yaml"), TEXT))

    assert first.why == "500mslater"
    assert first.caller[0].when == Trigger("agent_heard", value_ms=500)
