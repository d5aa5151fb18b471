"""The scenarios can fail: each field bug, planted in the bridge, is caught by a shipped scenario.

Each row of the tables (`planted/conversation.py`, `surroundings.py`, `unchecked.py` and
`unheard.py`) names the bug (a function in `tests/planted`), the scenario which must catch it, and
what must notice: expectations of that scenario, by the beginning of their text, and laws of the
auditor ("law item_forgotten"). The healthy bridge must pass the very same call.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from simulator.report.result import ScenarioResult
from simulator.runner import Job, play
from simulator.scenario import Scenario, load_scenarios
from tests.planted import functions, line, quiet, sound, talk, unchecked, unheard
from tests.planted.bug import Bug
from tests.planted.conversation import CONVERSATION
from tests.planted.surroundings import SURROUNDINGS
from tests.planted.unchecked import UNCHECKED
from tests.planted.unheard import UNHEARD

SCENARIOS = Path(__file__).parent.parent / "scenarios"
SEED = 0
PATIENCE_MS = 8_000.0
"""A planted call is stopped so long after the healthy one had ended: many bugs never hang up."""

BUGS = (*CONVERSATION, *SURROUNDINGS, *UNCHECKED, *UNHEARD)


@cache
def shipped(name: str) -> Scenario:
    """The shipped call of that name; the first one of its file that has the values given."""
    file, *values = name.split(" ", 1)
    calls, problems = load_scenarios([SCENARIOS / f"{file}.call.yaml"])
    assert not problems, problems
    for call in calls:
        written = " ".join(f"{variable}={value}" for variable, value in call.variant)
        if not values or written.startswith(values[0]):
            return call
    raise AssertionError(f"no call of {file} has {values}")


@cache
def healthy(name: str) -> ScenarioResult:
    """The call as the healthy bridge plays it."""
    return play(Job(shipped(name), SEED))


def planted(bug: Bug, patch: pytest.MonkeyPatch) -> ScenarioResult:
    """The same call with the bug in the bridge."""
    stop_after_ms = healthy(bug.scenario).simulated_s * 1000 + PATIENCE_MS
    bug.plant(patch)
    return play(Job(replace(shipped(bug.scenario), stop_after_ms=stop_after_ms), SEED))


def noticed(result: ScenarioResult) -> list[str]:
    """What did not hold, in the table's words."""
    return [each.text for each in result.failures] + [f"law {law}" for law in result.law_counts]


def _name(bug: Bug) -> str:
    return f"{bug.plant.__name__}-{bug.scenario}"


@pytest.mark.parametrize("bug", BUGS, ids=_name)
def test_a_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    """The healthy bridge passes the call; the bug fails it, by the expectations and laws named."""
    without = healthy(bug.scenario)
    found = noticed(planted(bug, monkeypatch))
    missed = [each for each in bug.noticed_by if not any(one.startswith(each) for one in found)]

    assert (without.verdict, noticed(without)) == ("passed", [])
    assert found, "nobody noticed"
    assert not missed, f"noticed was {found}"


def test_every_bug_is_in_the_table() -> None:
    """A bug that is written down and planted nowhere proves nothing."""
    written = {
        f"{module.__name__}.{name}"
        for module in (sound, talk, functions, quiet, line, unchecked, unheard)
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
    }
    tabled = {f"{bug.plant.__module__}.{bug.plant.__name__}" for bug in BUGS}

    assert written - tabled == set()
    assert len(tabled) >= 15
