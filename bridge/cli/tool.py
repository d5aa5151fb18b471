"""`callbridge tool`, with the settings that it needs."""

import argparse

from bridge import trying
from bridge.cli.usable import add_env_file, with_settings


def add_options(tool: argparse.ArgumentParser) -> None:
    """The options of `callbridge tool`."""
    add_env_file(tool)
    trying.add_options(tool)


def run(options: argparse.Namespace) -> int:
    """Run one tool."""
    return with_settings(
        options, lambda settings, agents: trying.try_tool(settings, agents, options)
    )
