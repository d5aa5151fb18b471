"""`bridge:` in a scenario: other calls, the end of the process, and where it makes no sense."""

from pathlib import Path

import pytest

from simulator.clock import run_virtually
from simulator.live.lacks import why_unplayable
from simulator.scenario import load_scenario
from simulator.scenario.bridge_process import Drain
from simulator.scenario.format import BridgeProcess, Trigger
from simulator.trace import Event
from simulator.world import World
from tests.small_calls import small_call, write


@pytest.mark.parametrize(
    ("text", "process"),
    [
        ("", BridgeProcess()),
        ("bridge: {others: 3}", BridgeProcess(3)),
        ("bridge: {others: 1, same_caller: true}", BridgeProcess(1, True)),
        ("bridge: {drain: {wait: 2s}}", BridgeProcess(0, False, Drain(None, 2000.0))),
        (
            "bridge: {drain: {when: agent_speaking}}",
            BridgeProcess(0, False, Drain(Trigger("agent_speaking"))),
        ),
    ],
)
def test_what_a_bridge_has_to_do_besides(tmp_path: Path, text: str, process: BridgeProcess) -> None:
    """Nothing, unless the scenario says so."""
    assert small_call(tmp_path, f"caller: []\n{text}\n").bridge == process


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{others: 0}", "from 1 to 1000"),
        ("{same_caller: true}", "`same_caller` is only for `others`"),
        ("{drain: {when: soon}}", "unknown trigger `soon`"),
        ("{other: 1}", "unknown key `other`"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, text: str, says: str) -> None:
    """It is told in words."""
    _, (problem, *_) = load_scenario(write(tmp_path, "a", f"caller: []\nbridge: {text}\n"))

    assert says in f"{problem.message} {problem.hint}"


def test_live_runs_skip_it(tmp_path: Path) -> None:
    """There all calls share one process, which nobody stops for one of them."""
    alone = small_call(tmp_path, "caller: []\n")
    stopped = small_call(tmp_path, "caller: []\nbridge: {drain: {wait: 1s}}\n")

    assert why_unplayable(alone, frozenset()) == ""
    assert "virtual time" in why_unplayable(stopped, frozenset())


def test_other_calls_ring_before(tmp_path: Path) -> None:
    """Each is answered, and has its place, before the scenario's own call rings."""
    scenario = small_call(
        tmp_path, 'bridge: {others: 2}\nagent: {settings: {MAX_CALLS: "2"}}\ncaller: []\n'
    )
    events: list[Event] = []

    async def play() -> None:
        world = World(scenario, 0)
        world.trace.subscribe(events.append)
        await world.play()

    run_virtually(play, seed=0)
    names = [(event.who, event.name) for event in events if event.who in ("world", "phone")]

    assert names[:3] == [("world", "other_call"), ("world", "other_call"), ("phone", "rang")]
    assert [event.data["status"] for event in events if event.name == "other_call"] == [200, 200]
