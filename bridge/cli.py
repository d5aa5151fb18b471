"""The command line: `callbridge serve`, `callbridge check`.

Owns the process: settings, signals, sockets, exit codes (0 fine, 1 could not run, 2 wrong settings
or arguments). Must not know what a call is.
"""

import argparse
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import trio
from hypercorn.config import Config, Sockets
from hypercorn.trio import serve as serve_asgi
from pydantic import SecretStr

from bridge.app import BridgeApp, make_app, version
from bridge.legs import TWILIO_MESSAGE_MAX
from bridge.outside import guard_against_dead_peers
from bridge.settings import (
    Settings,
    UnusableSettings,
    load_settings,
    missing_for_production,
    misspelt,
)

FINE: Final = 0
COULD_NOT_RUN: Final = 1
WRONG_SETTINGS: Final = 2
# After the calls have been told to end, connections get this long to close.
CLOSING_S_MAX: Final = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(options.env_file)
    except UnusableSettings as wrong:
        settings = None
        for line in wrong.lines:
            _complain(line)
    for warning in misspelt(options.env_file):
        _complain(f"warning: {warning}")
    if settings is None:
        return WRONG_SETTINGS
    command = {"serve": _serve, "check": _check}[options.command]
    return command(settings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="callbridge", description="A voice AI on a phone number.")
    parser.add_argument("--version", action="version", version=f"callbridge {version()}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, does in (
        ("serve", "answer calls until SIGTERM or SIGINT"),
        ("check", "print the effective settings, secrets masked, and what production lacks"),
    ):
        command = commands.add_parser(name, help=does, description=does)
        command.add_argument(
            "--env-file",
            type=Path,
            default=Path(".env"),
            help="file with settings; variables of the environment win (default: .env)",
        )
    return parser


def _check(settings: Settings) -> int:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        origin = "" if name in settings.model_fields_set else "  (default)"
        print(f"{name.upper()}={_shown(value)}{origin}")  # noqa: T201
    for gap in missing_for_production(settings):
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
        case tuple():
            return ",".join(value)
        case float():
            return f"{value:g}"
        case _:
            return str(value)


class ServerConfig(Config):
    """hypercorn's settings for this service."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._address = (settings.host, settings.port)
        self.websocket_max_message_size = TWILIO_MESSAGE_MAX
        self.graceful_timeout = CLOSING_S_MAX
        self.loglevel = "WARNING"

    def create_sockets(self) -> Sockets:
        """One listening socket; what is accepted from it inherits its TCP timeouts.

        The server shields its sends from cancellation, so only TCP can end one to a dead peer.
        """
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            guard_against_dead_peers(listener)
            listener.bind(self._address)
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        return Sockets([], [listener], [])


def _serve(settings: Settings) -> int:
    for gap in missing_for_production(settings):
        _complain(f"warning: {gap}")
    try:
        trio.run(serve, make_app(settings), ServerConfig(settings))
    except* OSError as trouble:
        for error in trouble.exceptions:
            _complain(f"cannot listen on {settings.host}, port {settings.port}: {error}")
        return_code = COULD_NOT_RUN
    else:
        return_code = FINE
    return return_code


async def serve(app: BridgeApp, config: Config) -> None:
    """Answer calls until SIGTERM or SIGINT; then end the running ones with SHUTDOWN."""

    async def stop() -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                break
            app.log.info("stopping", calls=len(app.calls.running))
            await app.calls.stop()

    async with trio.open_nursery() as nursery:
        binds = await nursery.start(
            lambda task_status: serve_asgi(
                app, config, shutdown_trigger=stop, task_status=task_status
            )
        )
        app.log.info("listening", on=binds)


def _complain(line: str) -> None:
    print(line, file=sys.stderr)  # noqa: T201
