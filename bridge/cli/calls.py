"""`callbridge calls`, with the settings that it needs."""

import argparse

from bridge.cli.usable import add_env_file, with_settings
from bridge.records import command
from bridge.wiring import number_policy


def add_options(calls: argparse.ArgumentParser) -> None:
    """The options of `callbridge calls`."""
    add_env_file(calls)
    command.add_options(calls)


def run(options: argparse.Namespace) -> int:
    """List calls."""
    return with_settings(
        options,
        lambda settings, _agents: command.list_calls(
            options, settings.records_url, number_policy(settings)
        ),
    )
