"""The environment a scenario asks of a bridge: names of settings, and their texts.

Owns that a greeting is a setting and that a folder lies beside the scenario. Knows no bridge: what
a setting means, and whether it is right, is not decided here.
"""

from simulator.scenario.format import Scenario


def bridge_environment(scenario: Scenario) -> dict[str, str]:
    """The scenario's settings, its greeting among them."""
    settings = dict(scenario.agent.settings)
    greeting = scenario.agent.greeting
    if greeting is False:
        settings.setdefault("GREETING", "")
    elif isinstance(greeting, str):
        settings["GREETING"] = greeting
    if "AGENTS_DIR" in settings:
        settings["AGENTS_DIR"] = str(scenario.path.parent / settings["AGENTS_DIR"])
    return settings
