"""Each ending of a call is shown by a shipped scenario: as its reason, or the fallback's."""

from collections.abc import Iterator
from pathlib import Path

from bridge.core.commands import EndReason
from simulator.scenario import Scenario
from simulator.scenario.loading import load_scenarios

SHIPPED = Path(__file__).parent.parent / "scenarios"


def expected(call: Scenario) -> Iterator[str]:
    """The reasons that a scenario expects: why the call ended, and from what it fell back."""
    if call.expect.ended is not None and call.expect.ended.reason:
        yield call.expect.ended.reason
    for rule in call.expect.events:
        if rule.where.get("event") == "falling_back" and rule.min and "reason" in rule.where:
            yield str(rule.where["reason"])


def test_every_ending_is_expected_by_a_shipped_scenario() -> None:
    """A new reason without one fails here."""
    calls, problems = load_scenarios([SHIPPED])
    shown = {reason for call in calls for reason in expected(call)}

    assert problems == []
    assert set(EndReason) <= shown
