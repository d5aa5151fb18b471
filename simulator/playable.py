"""Scenarios that can really be played: read strictly, and with settings the bridge accepts.

Owns bringing the bridge's complaint about a setting back to its place in the scenario. Knows
neither the grammar nor what a setting means.
"""

from collections.abc import Sequence
from pathlib import Path

from simulator.bridge_settings import settings_complaints
from simulator.scenario import Scenario, ScenarioProblem, load_scenarios
from simulator.scenario.environment import bridge_environment


def load_playable(paths: Sequence[Path]) -> tuple[list[Scenario], list[ScenarioProblem]]:
    """The scenarios in files and folders, and all that keeps one of them from being played."""
    scenarios, problems = load_scenarios(paths)
    for scenario in scenarios:
        for complaint in settings_complaints(bridge_environment(scenario)):
            problem = _problem(scenario, *complaint)
            if problem not in problems:  # one file, many variants of its matrix
                problems.append(problem)
    return scenarios, problems


def _problem(scenario: Scenario, name: str, text: str) -> ScenarioProblem:
    line, column = scenario.agent.setting_lines.get(name, (0, 0))
    source = scenario.path.read_text("utf-8").splitlines()[line - 1] if line else ""
    message = f"the bridge refuses the setting {name}: {text}"
    return ScenarioProblem(scenario.path, line, column, message, source=source)
