"""On which terms a bridge is judged in real time: tolerance, what it lacks, what nobody knows."""

from pathlib import Path

import pytest

from simulator.judging.conditions import Conditions
from simulator.judging.judge import Judge
from simulator.judging.terms import IN_A_WORLD, LACKS, SCHEDULING_MS, Terms
from simulator.live.lacks import why_unplayable
from simulator.live.world import in_dialect
from simulator.report.result import ScenarioResult
from simulator.scenario.names import EVENTS, LAWS, METRICS
from simulator.trace import Trace
from tests.small_calls import small_call

EXPECTS = """
name: a call
caller: []
expect:
  memory_drift_ms: max<=40
  clears: count==1
  events:
    - truncate: 1
    - bridge.log: {count: 1, where: {event: call_incoming}}
  ended: {by: caller, reason: caller_hung_up}
"""


def judged(folder: Path, terms: Terms) -> ScenarioResult:
    """A call in which nothing happened but its end."""
    trace = Trace(lambda: 0.0)
    judge = Judge(small_call(folder, EXPECTS), trace, terms)
    trace.record("phone", "ended", by="caller", how="hangup", status="completed")
    return judge.result(seed=0, simulated_ms=0.0, wall_s=0.0)


def test_in_a_world_everything_is_judged(tmp_path: Path) -> None:
    """No tolerance, nothing skipped."""
    result = judged(tmp_path, IN_A_WORLD)

    assert result.unjudged == []
    assert len(result.failures) == 5


def test_what_a_bridge_lacks_is_skipped_and_said(tmp_path: Path) -> None:
    """Neither met nor missed, with the reason; the rest is judged as ever."""
    result = judged(tmp_path, Terms(lacks=frozenset({"truncate"})))
    skipped = {each.text.partition(":")[0]: each.explanation for each in result.unjudged}

    assert set(skipped) == {"memory_drift_ms", "truncate"}
    assert set(skipped.values()) == {f"this bridge lacks truncate: {LACKS['truncate'].meaning}"}
    assert "clears: count==1" in {each.text for each in result.failures}


def test_without_the_log_its_reasons_are_unobservable(tmp_path: Path) -> None:
    """Who released the line is seen on the wire, why is not."""
    result = judged(tmp_path, Terms(log_is_read=False))
    verdicts = {each.text: each.verdict for each in result.expectations}

    assert verdicts["ended by: caller"] == "passed"
    assert verdicts["ended reason: caller_hung_up"] == "unobservable"
    assert [each.verdict for each in result.expectations].count("unobservable") == 2


def test_a_call_of_which_everything_else_holds_has_passed(tmp_path: Path) -> None:
    """What was not judged is no failure."""
    everything = frozenset({"truncate", "clear", "hangup"})
    result = judged(tmp_path, Terms(log_is_read=False, lacks=everything))

    assert result.verdict == "passed"


def test_the_tolerance_widens_the_bounds_of_every_way(tmp_path: Path) -> None:
    """Once per direction of a leg; in virtual time it is nothing."""
    call = small_call(tmp_path, EXPECTS)
    world, real = Conditions.of(call), Conditions.of(call, Terms(SCHEDULING_MS))

    assert real.caller_relay_ms == world.caller_relay_ms + 2 * SCHEDULING_MS
    assert real.agent_relay_ms == world.agent_relay_ms + 2 * SCHEDULING_MS
    assert real.twilio_in.shortest_ms == world.twilio_in.shortest_ms
    assert world.scheduling_ms == 0.0


def test_laws_nobody_could_keep_are_excused(tmp_path: Path) -> None:
    """With the reason, beside the scenario's own exceptions."""
    call = small_call(tmp_path, EXPECTS)
    conditions = Conditions.of(call, Terms(lacks=frozenset({"truncate"})))

    assert conditions.allow == {"item_forgotten": LACKS["truncate"].meaning}


def test_the_model_speaks_the_bridges_dialect(tmp_path: Path) -> None:
    """A target of the old protocol gets a server of it; a scenario's own choice stays."""
    call = small_call(tmp_path, EXPECTS)
    old = in_dialect(call, "beta")

    assert (call.model.dialect, old.model.dialect) == ("ga", "beta")
    assert in_dialect(old, "ga").model.dialect == "beta"


def test_the_table_names_what_exists() -> None:
    """Metrics, events and laws under their own names."""
    for ability in LACKS.values():
        assert ability.metrics <= METRICS.keys()
        assert ability.events <= EVENTS.keys()
        assert ability.laws <= LAWS.keys()


@pytest.mark.parametrize(
    ("lacks", "text"),
    [
        ("greeting", "model: [{on: greeting, say: clips/en/yes.wav}]"),
        ("settings", "agent: {settings: {VOICE: cedar}}"),
        ("settings", "agent: {greeting: Hello!}"),
        ("tools", "model: [{on: turn, call: {name: some_tool}}]"),
        ("end_call", "model: [{on: turn, call: end_call}]"),
        ("keys", "phone: {signature: forged}\ncaller: [{press: 1}]"),
        ("refusal", "phone: {signature: forged}"),
        ("orders", "call: {direction: outbound, via: api}"),
    ],
)
def test_a_scenario_that_needs_what_is_lacking_is_not_played(
    tmp_path: Path, lacks: str, text: str
) -> None:
    """And the reason is told; a bridge that lacks something else plays it."""
    text = text if "caller:" in text else f"{text}\ncaller: []"
    call = small_call(tmp_path, f"name: a call\n{text}\n")

    assert why_unplayable(call, frozenset({lacks})).startswith(f"the bridge lacks {lacks}")
    assert why_unplayable(call, frozenset({"marks", "clear"})) == ""


def test_a_scenario_with_services_is_not_played_live(tmp_path: Path) -> None:
    """They are there in virtual time only."""
    text = "services: {a.example.com: [{status: 200}]}"
    call = small_call(tmp_path, f"name: a call\n{text}\ncaller: []\n")

    assert why_unplayable(call, frozenset()).startswith("services that tools ask")


def test_a_scenario_with_entra_is_not_played_live(tmp_path: Path) -> None:
    """A bridge in a process of its own would ask the real one for a token."""
    text = "agent: {settings: {REALTIME_AUTH: entra}}"
    call = small_call(tmp_path, f"name: a call\n{text}\ncaller: []\n")

    assert why_unplayable(call, frozenset()).startswith("Entra, which gives the bridge its token")
