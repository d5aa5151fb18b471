"""`callbridge call`, with the settings that it needs."""

import argparse

from bridge.agents.choosing import Agents
from bridge.cli.usable import add_env_file, with_settings
from bridge.outbound import command
from bridge.outside import Outside
from bridge.settings import Settings
from bridge.wiring import log_for


def add_options(call: argparse.ArgumentParser) -> None:
    """The options of `callbridge call`."""
    add_env_file(call)
    command.add_options(call)


def run(options: argparse.Namespace) -> int:
    """Have one call made."""

    def place(settings: Settings, agents: Agents) -> int:
        # Standard output is for the sid; what goes wrong is said in a sentence.
        quiet = log_for(settings, Outside(log=lambda _line: None))
        return command.place_call(options, settings, agents, quiet)

    return with_settings(options, place)
