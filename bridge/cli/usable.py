"""What nearly every command begins with: the settings and the agents.

Owns the option for the file with settings, and that everything wrong with either is said.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from bridge.agents.choosing import Agents
from bridge.agents.problem import UnusableAgents
from bridge.cli.exits import WRONG_SETTINGS, complain
from bridge.settings import ENV_FILE, Settings, UnusableSettings, doubtful, load_settings
from bridge.wiring import agents_for


def add_env_file(command: argparse.ArgumentParser) -> None:
    """The option for the file with settings."""
    command.add_argument(
        "--env-file",
        type=Path,
        default=ENV_FILE,
        help="file with settings; variables of the environment win (default: .env)",
    )


def with_settings(options: argparse.Namespace, do: Callable[[Settings, Agents], int]) -> int:
    """Do it with the settings; if something is wrong with them, say so instead."""
    usable = None
    try:
        settings = load_settings(options.env_file)
        usable = settings, agents_for(settings)
    except (UnusableSettings, UnusableAgents) as wrong:
        for line in wrong.lines:
            complain(line)
    for warning in doubtful(options.env_file):
        complain(f"warning: {warning}")
    return WRONG_SETTINGS if usable is None else do(*usable)
