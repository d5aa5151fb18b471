"""`callsim schema`: what editors check a scenario by."""

import argparse
from typing import Any

from simulator.cli.exits import PASSED
from simulator.cli.output import tell
from simulator.scenario.schema import schema_text


def add_parser(commands: Any) -> None:
    """Add the command."""
    commands.add_parser("schema").set_defaults(command=_schema)


def _schema(_: argparse.Namespace) -> int:
    tell(schema_text().removesuffix("\n"))
    return PASSED
