"""`callsim`: the harness from a terminal and in CI.

Owns the commands' list and what becomes of an exception. Each command has a module of its own,
which is imported only when it is chosen: together they take more than a second.

Exit codes: 0 passed · 1 an expectation failed · 2 unusable scenario or arguments · 3 could not run,
or no verdict · 4 a law was broken, or equal seeds gave different calls.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Any, Final

from simulator.cli.exits import COULD_NOT_RUN, complain
from simulator.cli.output import flush

__all__ = ["COMMANDS", "main"]

COMMANDS: Final = (
    ("run", "simulator.cli.run", "play scenarios in virtual time, or in real time"),
    ("validate", "simulator.cli.validate", "check scenario files without playing them"),
    ("schema", "simulator.cli.schema", "print the JSON Schema of a scenario, for editors"),
    ("show", "simulator.cli.show", "print the verdicts of a report made earlier"),
    (
        "import",
        "simulator.imports.command",
        "make a scenario of a flight record, and compare then with now",
    ),
    (
        "parity",
        "simulator.parity.command",
        "play the same scenarios in virtual and in real time, without jitter, and compare",
    ),
    (
        "realtime",
        "simulator.live.realtime_server",
        "listen as an OpenAI Realtime or GPT-Live endpoint",
    ),
    (
        "twilio",
        "simulator.live.twilio_server",
        "listen as Twilio's REST API and make calls to webhooks",
    ),
    (
        "load",
        "simulator.load.command",
        "play a scenario's caller many times at once, in real time",
    ),
)
"""The name, the module whose `add_parser` adds it, and what it is for."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(given).parse_args(given)
    try:
        code = int(options.command(options))
        flush()
    except KeyboardInterrupt:
        complain("stopped")
    except OSError as problem:
        complain(f"{problem.filename or 'a file'}: {problem.strerror}")
    else:
        return code
    return COULD_NOT_RUN


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """All commands by name; the one that was chosen with its arguments."""
    parser = argparse.ArgumentParser(
        prog="callsim",
        description="Plays whole phone calls through a bridge and judges what the caller heard.",
        epilog="exit codes: 0 passed, 1 an expectation failed, 2 unusable scenario or arguments, "
        "3 could not run or no verdict, 4 a law was broken or equal seeds differed",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    chosen = next((word for word in given if not word.startswith("-")), "")
    for name, module, purpose in COMMANDS:
        if name == chosen:
            import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=purpose)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        """Print it and end."""
        try:
            installed = metadata.version("callbridge")
        except metadata.PackageNotFoundError:
            installed = "of a tree that is not installed"
        print(f"callsim {installed}")  # noqa: T201
        parser.exit()
