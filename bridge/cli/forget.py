"""`callbridge forget`, with the settings that it needs."""

import argparse

from bridge import forgetting
from bridge.cli.usable import add_env_file, with_settings


def add_options(forget: argparse.ArgumentParser) -> None:
    """The options of `callbridge forget`."""
    add_env_file(forget)
    forgetting.add_options(forget)


def run(options: argparse.Namespace) -> int:
    """Delete what is kept of one call."""
    return with_settings(
        options, lambda settings, _agents: forgetting.forget_call(settings, options.call_sid)
    )
