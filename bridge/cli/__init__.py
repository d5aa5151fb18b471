"""The command line: `callbridge COMMAND`.

Owns the table of commands. Each has a module with its options and what it does, which is imported
when that command is chosen: most of a start are imports, and few commands need them all. Must not
know what a call is.

    starting    what keeps the service from starting
    usable      settings and agents, or what is wrong with them
    exits       exit codes, and how this program complains
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "answer calls until SIGTERM or SIGINT",
    "check": "print the effective settings, secrets masked, what production lacks, and what would "
    "keep the service from starting",
    "call": "call somebody; the running service answers what Twilio asks then",
    "calls": "list the calls that were recorded, the latest first",
    "forget": "delete recording, transcript, flight records and record of one call",
    "tool": "do what a tool of yours does, once, and print what the model would be told",
    "migrate": "bring the tables of call records up to date",
    "token": "make an API token; print it, and the hash that belongs into API_TOKENS",
}
"""What each does; its module here has its name, and in it are `add_options` and `run`."""
EXIT_CODES: Final = (
    "exit codes: 0 fine, 1 could not run (of check: serve would not start), "
    "2 wrong settings or arguments"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Every command, and the options of the one that is chosen."""
    parser = argparse.ArgumentParser(
        prog="callbridge", description="A voice AI on a phone number.", epilog=EXIT_CODES
    )
    parser.add_argument("--version", action=_ShowVersion, nargs=0, help="show it and exit")
    commands = parser.add_subparsers(dest="command", required=True)
    # No option with a value can stand before a command, so the first plain word is one.
    chosen = next((word for word in given if not word.startswith("-")), None)
    for name, does in COMMANDS.items():
        command = commands.add_parser(name, help=does, description=does, epilog=EXIT_CODES)
        if name == chosen:
            module = import_module(f"{__name__}.{name}")
            module.add_options(command)
            command.set_defaults(run=module.run)
    return parser


class _ShowVersion(argparse.Action):
    """argparse's own wants to know the version beforehand."""

    def __call__(self, parser: argparse.ArgumentParser, *_given: Any) -> None:
        """Print the version and leave."""
        parser.exit(message=f"callbridge {import_module('bridge.version').version()}\n")
