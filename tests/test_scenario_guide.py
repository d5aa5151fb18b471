"""docs/scenarios.md: complete, and its examples are real scenarios."""

import re
from pathlib import Path

import pytest

from simulator.report import failure_text
from simulator.runner import jobs_for, play
from simulator.scenario import names
from simulator.scenario.caller_section import CALLER
from simulator.scenario.loading import SCENARIO, read_scenario
from simulator.scenario.schema import json_schema
from simulator.scenario.tree import Source

GUIDE = Path(__file__).parents[1] / "docs" / "scenarios.md"
TEXT = GUIDE.read_text("utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def keys_in(schema: object) -> set[str]:
    """Every key that a record of the schema knows."""
    if isinstance(schema, list):
        return {key for part in schema for key in keys_in(part)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) if isinstance(schema.get("properties"), dict) else set()
    return own | {key for part in schema.values() for key in keys_in(part)}


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_examples_load(text: str) -> None:
    """Every example of the guide is a scenario without a problem."""
    scenarios, problems = read_scenario(Source(GUIDE.with_name("guide.call.yaml"), text))

    assert [str(problem) for problem in problems] == []
    assert scenarios


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split("\n")[0])
def test_examples_pass(text: str) -> None:
    """Whoever copies an example sees it pass, in every variant: it ends, and holds what it says."""
    scenarios, _ = read_scenario(Source(GUIDE.with_name("guide.call.yaml"), text))
    results = [play(job) for job in jobs_for(scenarios, 0, None)]

    assert [failure_text(each) for each in results if each.verdict != "passed"] == []


def test_every_key_is_in_the_guide() -> None:
    """A key which the reader takes is a word of the guide."""
    keys = keys_in(SCENARIO.schema()) | keys_in(CALLER.schema()) | keys_in(json_schema()["$defs"])
    words = set(re.findall(r"[A-Za-z0-9_.]+", TEXT))

    assert sorted(key for key in keys if key not in words) == []


@pytest.mark.parametrize(
    "known",
    [
        names.METRICS,
        names.TRIGGERS,
        names.REPLIES_ON,
        names.EVENTS,
        names.ENDED_BY,
        names.END_REASONS,
        names.LAWS,
        names.REFUSALS,
        names.SETTINGS,
    ],
)
def test_every_name_is_in_the_guide(known: dict[str, object]) -> None:
    """Each word a scenario may use has its row, with what it means."""
    missing = [name for name in known if f"| `{name}` | " not in TEXT]

    assert missing == []
