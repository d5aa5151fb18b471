"""The command line: `callbridge serve`, `check`, `call`, `calls`, `tool`, `migrate`, `token`.

Owns the commands and their exit codes (0 fine, 1 could not run, 2 wrong settings
or arguments). Must not know what a call is.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import trio
from pydantic import SecretStr

from bridge import forgetting, trying
from bridge.agents.agent import described
from bridge.agents.choosing import Agents
from bridge.agents.problem import UnusableAgents
from bridge.operations.workers import Workers
from bridge.outbound import command as outbound
from bridge.outside import Outside
from bridge.records.command import add_options, list_calls, migrate_store
from bridge.records.keeping import SpoolUnusable
from bridge.records.store import StoreUnavailable
from bridge.service import version
from bridge.serving import Worker, bound_socket, run_service
from bridge.settings import (
    ENV_FILE,
    Settings,
    UnusableSettings,
    load_settings,
    missing_for_production,
    misspelt,
)
from bridge.wiring import TelemetryMissing, agents_for, gaps_of_tools, log_for, number_policy

FINE: Final = 0
COULD_NOT_RUN: Final = 1
WRONG_SETTINGS: Final = 2
BACKLOG: Final = 100
"""Connections that wait to be accepted, as in hypercorn."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "token":
        return outbound.show_new_token()
    usable = _usable(options.env_file)
    if usable is None:
        return WRONG_SETTINGS
    settings, agents = usable
    match options.command:
        case "serve":
            return _serve(settings, agents, options)
        case "call":
            # Standard output is for the sid; what goes wrong is said in a sentence.
            quiet = log_for(settings, Outside(log=lambda _line: None))
            return outbound.place_call(options, settings, agents, quiet)
        case "calls":
            return list_calls(options, settings.records_url, number_policy(settings))
        case "forget":
            return forgetting.forget_call(settings, options.call_sid)
        case "tool":
            return trying.try_tool(settings, agents, options)
        case "migrate":
            return migrate_store(settings.records_url)
        case _:
            return _check(settings, agents)


def _usable(env_file: Path) -> tuple[Settings, Agents] | None:
    """Settings and agents; None if something is wrong with them, which is said."""
    usable = None
    try:
        settings = load_settings(env_file)
        usable = settings, agents_for(settings)
    except (UnusableSettings, UnusableAgents) as wrong:
        for line in wrong.lines:
            _complain(line)
    for warning in misspelt(env_file):
        _complain(f"warning: {warning}")
    return usable


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="callbridge", description="A voice AI on a phone number.")
    parser.add_argument("--version", action="version", version=f"callbridge {version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("serve", "answer calls until SIGTERM or SIGINT"),
        ("check", "print the effective settings, secrets masked, and what production lacks"),
        ("call", "call somebody; the running service answers what Twilio asks then"),
        ("calls", "list the calls that were recorded, the latest first"),
        ("forget", "delete recording, transcript, flight records and record of one call"),
        ("tool", "do what a tool of yours does, once, and print what the model would be told"),
        ("migrate", "bring the tables of call records up to date"),
    ):
        command = commands.add_parser(name, help=does, description=does)
        command.add_argument(
            "--env-file",
            type=Path,
            default=ENV_FILE,
            help="file with settings; variables of the environment win (default: .env)",
        )
    outbound.add_options(commands.choices["call"])
    forgetting.add_options(commands.choices["forget"])
    trying.add_options(commands.choices["tool"])
    add_options(commands.choices["calls"])
    # How a process of several is started by their parent.
    for name in ("--worker", "--socket-fd"):
        commands.choices["serve"].add_argument(name, type=int, help=argparse.SUPPRESS)
    does = "make an API token; print it, and the hash that belongs into API_TOKENS"
    commands.add_parser("token", help=does, description=does)
    return parser


def _check(settings: Settings, agents: Agents) -> int:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        origin = "" if name in settings.model_fields_set else "  (default)"
        print(f"{name.upper()}={_shown(value)}{origin}")  # noqa: T201
    for agent in agents.all:
        print(f"agent {described(agent)}")  # noqa: T201
    for tool in agents.tools:
        print(f"tool {tool.described}")  # noqa: T201
    for gap in missing_for_production(settings) + gaps_of_tools(settings, agents):
        print(f"! {gap}")  # noqa: T201
    return FINE


def _shown(value: Any) -> str:
    """A value as it would stand in a .env file; a secret only as being there."""
    match value:
        case None:
            return ""
        case SecretStr():
            return "********"
        case bool():
            return str(value).lower()
        case tuple() | dict():
            return ",".join(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def _serve(settings: Settings, agents: Agents, options: argparse.Namespace) -> int:
    worker = Worker(options.worker or 0, options.socket_fd)
    if options.worker is None:
        for gap in missing_for_production(settings) + gaps_of_tools(settings, agents):
            _complain(f"warning: {gap}")
    return_code = FINE
    try:
        if settings.workers > 1 and options.worker is None:
            return _serve_in_workers(settings, options.env_file)
        trio.run(run_service, settings, worker)
    except* OSError as trouble:
        for error in _leaves(trouble):
            _complain(f"cannot listen on {settings.host}, port {settings.port}: {error}")
        return_code = COULD_NOT_RUN
    except* (SpoolUnusable, StoreUnavailable) as trouble:
        for error in _leaves(trouble):
            _complain(f"{error}; DATABASE_URL=off keeps no call records")
        return_code = COULD_NOT_RUN
    except* TelemetryMissing as trouble:
        for error in _leaves(trouble):
            _complain(str(error))
        return_code = COULD_NOT_RUN
    return return_code


def _serve_in_workers(settings: Settings, env_file: Path) -> int:
    """One listening socket, and as many processes like this one as are wanted."""
    try:
        listener = bound_socket(settings.host, settings.port)
    except OSError as why:
        raise ExceptionGroup("the socket", [why]) from None
    with listener:
        listener.listen(BACKLOG)
        fd = str(listener.fileno())
        same = [sys.executable, "-m", "bridge", "serve", "--env-file", str(env_file)]
        commands = [
            [*same, "--socket-fd", fd, "--worker", str(index)] for index in range(settings.workers)
        ]
        return trio.run(Workers(commands, listener.fileno(), _complain).run)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The exceptions in a group of groups."""
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves


def _complain(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201
