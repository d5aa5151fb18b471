"""`callsim validate`: reads scenarios, plays nothing."""

import argparse
from typing import Any

from simulator.cli.arguments import add_paths
from simulator.cli.choosing import load
from simulator.cli.exits import PASSED, UNUSABLE
from simulator.cli.output import tell


def add_parser(commands: Any) -> None:
    """Add the command."""
    parser = commands.add_parser("validate")
    add_paths(parser)
    parser.set_defaults(command=_validate)


def _validate(options: argparse.Namespace) -> int:
    scenarios = load(options.paths)
    if scenarios is None:
        return UNUSABLE
    files = len({each.path for each in scenarios})
    tell(f"{files} file(s), {len(scenarios)} call(s): all can be played")
    return PASSED
