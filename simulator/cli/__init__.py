"""`callsim`: the harness from a terminal and in CI.

Owns the commands' list and what becomes of an exception. Each command has a module of its own; the
servers, load and parity bring theirs along.

Exit codes: 0 passed · 1 an expectation failed · 2 unusable scenario or arguments · 3 could not run,
or no verdict · 4 a law was broken, or equal seeds gave different calls.
"""

import argparse
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from simulator.cli import run, show
from simulator.cli.exits import COULD_NOT_RUN, complain
from simulator.imports import command as imports
from simulator.live import realtime_server, twilio_server
from simulator.load import command as load
from simulator.parity import command as parity

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except KeyboardInterrupt:
        complain("stopped")
    except BrokenProcessPool:
        complain("a process that played calls has died; with --jobs 1 it would be this one")
    except OSError as problem:
        complain(f"{problem.filename or 'a file'}: {problem.strerror}")
    return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="callsim",
        description="Plays whole phone calls through a bridge and judges what the caller heard.",
        epilog="exit codes: 0 passed, 1 an expectation failed, 2 unusable scenario or arguments, "
        "3 could not run or no verdict, 4 a law was broken or equal seeds differed",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for each in (run, show, imports, parity, realtime_server, twilio_server, load):
        each.add_parser(commands)
    return parser
