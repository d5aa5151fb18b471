"""`callbridge migrate`, with the settings that it needs."""

import argparse

from bridge.cli.usable import add_env_file, with_settings
from bridge.records.command import migrate_store


def add_options(migrate: argparse.ArgumentParser) -> None:
    """The options of `callbridge migrate`."""
    add_env_file(migrate)


def run(options: argparse.Namespace) -> int:
    """Bring the tables up to date."""
    return with_settings(options, lambda settings, _agents: migrate_store(settings.records_url))
