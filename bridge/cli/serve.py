"""`callbridge serve`: the service, in this process or in several.

Owns what is said when it cannot start. A port is told by its setting, and with what to do.
"""

import argparse
import sys
from pathlib import Path
from typing import Final, TypeVar

import trio

from bridge.agents.choosing import Agents
from bridge.cli.exits import COULD_NOT_RUN, FINE, complain
from bridge.cli.starting import cannot_listen, made, obstacles, without_records
from bridge.cli.usable import add_env_file, with_settings
from bridge.operations.workers import Workers
from bridge.records.keeping import SpoolUnusable
from bridge.records.store import StoreUnavailable
from bridge.serving import CannotListen, Worker, listening_socket, run_service
from bridge.settings import Settings, missing_for_production
from bridge.wiring import TelemetryMissing, gaps_of_tools

E = TypeVar("E", bound=BaseException)
REFUSALS: Final = (CannotListen, SpoolUnusable, StoreUnavailable, TelemetryMissing, OSError)
"""How a start ends, apart from bugs."""
BACKLOG: Final = 100
"""Connections that wait to be accepted, as in hypercorn."""


def add_options(serve: argparse.ArgumentParser) -> None:
    """The options, also those by which a process of several is started by their parent."""
    add_env_file(serve)
    for name in ("--worker", "--socket-fd"):
        serve.add_argument(name, type=int, help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal, unless something is in the way."""
    return with_settings(options, lambda settings, agents: _serve(settings, agents, options))


def _serve(settings: Settings, agents: Agents, options: argparse.Namespace) -> int:
    if options.worker is None:
        for gap in missing_for_production(settings) + gaps_of_tools(settings, agents):
            complain(f"warning: {gap}")
        lines = obstacles(settings, agents, made)
        for line in lines:
            complain(line)
        if lines:
            return COULD_NOT_RUN
    try:
        if settings.workers > 1 and options.worker is None:
            return _serve_in_workers(settings, options.env_file)
        trio.run(run_service, settings, Worker(options.worker or 0, options.socket_fd))
    except* REFUSALS as trouble:
        for error in _leaves(trouble):
            complain(_told(settings, error))
    else:
        return FINE
    return COULD_NOT_RUN


def _told(settings: Settings, error: Exception) -> str:
    """Why the service has not started, or has ended."""
    match error:
        case CannotListen():
            return cannot_listen(settings.host, error.port, error.setting, error.why)
        case SpoolUnusable() | StoreUnavailable():
            return without_records(error)
        case OSError():
            return f"cannot run: {error}"
        case _:
            return str(error)


def _serve_in_workers(settings: Settings, env_file: Path) -> int:
    """One listening socket, and as many processes like this one as are wanted."""
    with listening_socket(settings.host, settings.port, "PORT") as listener:
        listener.listen(BACKLOG)
        fd = str(listener.fileno())
        same = [sys.executable, "-m", "bridge", "serve", "--env-file", str(env_file)]
        commands = [
            [*same, "--socket-fd", fd, "--worker", str(index)] for index in range(settings.workers)
        ]
        return trio.run(Workers(commands, listener.fileno(), complain).run)


def _leaves(group: BaseExceptionGroup[E]) -> list[E]:
    """The exceptions in a group of groups."""
    leaves: list[E] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
