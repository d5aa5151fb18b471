"""`callbridge check`: the effective settings, what production lacks, what keeps `serve` from it.

Owns how a setting is shown, and that no secret is. Changes nothing, and talks to nobody.
"""

import argparse
from typing import Any

from pydantic import SecretStr

from bridge.agents.agent import described
from bridge.agents.choosing import Agents
from bridge.cli.exits import COULD_NOT_RUN, FINE, complain
from bridge.cli.starting import foreseen, obstacles
from bridge.cli.usable import add_env_file, with_settings
from bridge.settings import Settings, missing_for_production
from bridge.settings.records import MASKED, shown_url
from bridge.wiring import gaps_of_tools


def add_options(check: argparse.ArgumentParser) -> None:
    """The options of `callbridge check`."""
    add_env_file(check)


def run(options: argparse.Namespace) -> int:
    """Print it all; `serve` would not start: what it would say, and its exit code."""
    return with_settings(options, _check)


def _check(settings: Settings, agents: Agents) -> int:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name == "database_url":
            value = shown_url(value.get_secret_value())
        origin = "" if name in settings.model_fields_set else "  (default)"
        print(f"{name.upper()}={_shown(value)}{origin}")  # noqa: T201
    for agent in agents.all:
        print(f"agent {described(agent)}")  # noqa: T201
    for tool in agents.tools:
        print(f"tool {tool.described}")  # noqa: T201
    for gap in missing_for_production(settings) + gaps_of_tools(settings, agents):
        print(f"! {gap}", flush=True)  # noqa: T201 - before what is said on standard error
    lines = obstacles(settings, agents, foreseen)
    for line in lines:
        complain(line)
    return COULD_NOT_RUN if lines else FINE


def _shown(value: Any) -> str:
    """A value as it would stand in a .env file; a secret only as being there."""
    match value:
        case None:
            return ""
        case SecretStr():
            return MASKED
        case bool():
            return str(value).lower()
        case tuple() | dict():
            return ",".join(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)
