"""One serving process: its sockets, its signals, and what lives longer than the server.

Owns the order of starting and stopping. SIGTERM drains: not ready, no new calls, running ones may
finish, then a goodbye. SIGINT ends the calls at once. Must not know what a call is.
"""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import trio
from hypercorn.config import Config, Sockets

from bridge.app import make_app
from bridge.connections import Connections
from bridge.errors import BridgeError
from bridge.flight.writer import kept_flights
from bridge.legs import TWILIO_MESSAGE_MAX
from bridge.log import standard_output
from bridge.operations.log_file import LogThread, log_file
from bridge.operations.used_tokens import SqlUsedTokens
from bridge.outbound.key_store import SqlKeys
from bridge.outside import LogSink, Outside, guard_against_dead_peers
from bridge.recording.writer import kept_recordings
from bridge.records.errands import errands_at
from bridge.records.keeping import kept_records
from bridge.records.store import SqlStore
from bridge.routes.operations import private_face
from bridge.service import BridgeApp
from bridge.settings import Settings
from bridge.settings.secret_texts import secrets_of
from bridge.version import version
from bridge.wiring import log_for, traces_for

# After the calls have been told to end, connections get this long to close.
CLOSING_S_MAX: Final = 2.0


@dataclass(frozen=True)
class Worker:
    """Which of several processes this is, and the listening socket it was given."""

    index: int = 0
    socket_fd: int | None = None


ALONE: Final = Worker()


class CannotListen(BridgeError):  # noqa: N818 - the base is the error
    """There is no socket at HOST for the port, which comes from this setting."""

    def __init__(self, setting: str, port: int, why: OSError) -> None:
        super().__init__(f"{setting}: {why}")
        self.setting = setting
        self.port = port
        self.why = why


class ServerConfig(Config):
    """hypercorn's settings for this service.

    Args:
        port: instead of PORT; METRICS_PORT, or the worker's after it.
        socket_fd: a socket that listens already, instead of one of our own.
    """

    def __init__(
        self, settings: Settings, *, port: int | None = None, socket_fd: int | None = None
    ) -> None:
        super().__init__()
        self._setting = "PORT" if port is None else "METRICS_PORT"
        self._address = (settings.host, settings.port if port is None else port)
        self._socket_fd = socket_fd
        self.websocket_max_message_size = TWILIO_MESSAGE_MAX
        self.graceful_timeout = CLOSING_S_MAX
        self.loglevel = "WARNING"

    def create_sockets(self) -> Sockets:
        """One listening socket; what is accepted from it inherits its TCP timeouts.

        The server shields its sends from cancellation, so only TCP can end one to a dead peer.
        """
        if self._socket_fd is not None:
            return Sockets([], [socket.socket(fileno=self._socket_fd)], [])
        return Sockets([], [listening_socket(*self._address, self._setting)], [])


def listening_socket(host: str, port: int, setting: str) -> socket.socket:
    """A socket that can listen on the port of this setting.

    Raises:
        CannotListen: it cannot.
    """
    try:
        return bound_socket(host, port)
    except OSError as why:
        raise CannotListen(setting, port, why) from None


def bound_socket(host: str, port: int) -> socket.socket:
    """A socket that can listen there.

    Raises:
        OSError: it cannot.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        guard_against_dead_peers(listener)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


async def run_service(settings: Settings, worker: Worker) -> None:
    """Serve; log, records and flights live a little longer, for what the last calls leave."""
    async with AsyncExitStack() as lives_longer:
        sink = lives_longer.enter_context(_log_sink(settings, worker))
        outside = Outside(log=sink)
        log = log_for(settings, outside)
        records = keys = used = None
        if (url := settings.records_url) is not None:
            asked, store = (SqlStore(url, migrates=settings.database_migrate) for _ in range(2))
            errands = await lives_longer.enter_async_context(errands_at(asked))
            keys = SqlKeys(errands, outside.wall_clock)
            used = SqlUsedTokens(errands, settings.call_token_seconds, outside.wall_clock, log)
            records = await lives_longer.enter_async_context(
                kept_records(settings, store, outside.wall_clock, log)
            )
        flights = await lives_longer.enter_async_context(
            kept_flights(settings, secrets_of(settings), log)
        )
        recordings = await lives_longer.enter_async_context(kept_recordings(settings, log))
        traces = lives_longer.enter_context(traces_for(settings, version(), outside.wall_clock))
        app = make_app(
            settings,
            outside=outside,
            records=records,
            flights=flights,
            recordings=recordings,
            call_keys=keys,
            used_tokens=used,
            traces=traces,
        )
        await serve(app, ServerConfig(settings, socket_fd=worker.socket_fd), worker)


@contextmanager
def _log_sink(settings: Settings, worker: Worker) -> Iterator[LogSink]:
    """Standard output, and a file if one is set, each behind a thread. A file for each process."""
    with LogThread(standard_output(settings.log_format), "standard output") as printed:
        if settings.log_file is None:
            yield printed.keep
            return
        path = settings.log_file
        if worker.index:
            path = path.with_name(f"{path.stem}-{worker.index}{path.suffix}")
        with log_file(path, settings.log_file_mb * 1024 * 1024, settings.log_files_kept) as file:

            def both(line: dict[str, Any]) -> None:
                printed.keep(line)
                file.keep(line)

            yield both


async def serve(app: BridgeApp, config: Config, worker: Worker = ALONE) -> None:
    """Answer calls until SIGTERM or SIGINT; then drain, or end the running ones at once."""
    stopped = trio.Event()

    async def stop() -> None:
        await _until_told(app, worker)
        stopped.set()

    async with trio.open_nursery() as measuring:
        measuring.start_soon(app.loop_lag.run)
        if app.entra is not None:
            measuring.start_soon(app.entra.keep)
        async with trio.open_nursery() as nursery:
            port = app.settings.metrics_port
            if port is not None:
                face = ServerConfig(app.settings, port=port + worker.index)
                private = Connections(private_face(app), face, app.log)
                await nursery.start(private.accept, stopped.wait)
            binds = await nursery.start(Connections(app, config, app.log).accept, stop)
            app.log.info("listening", on=binds)
        measuring.cancel_scope.cancel()


async def _until_told(app: BridgeApp, worker: Worker) -> None:
    """Return when the process may go: after SIGTERM its calls are drained, after SIGINT ended."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            if worker.socket_fd is not None:
                nursery.start_soon(_stop_with_parent)
            drained = False
            async for number in signals:
                if number == signal.SIGINT:
                    app.log.info("stopping", calls=len(app.calls.running))
                    await app.calls.stop()
                    nursery.cancel_scope.cancel()
                elif not drained:
                    drained = True
                    nursery.start_soon(_drain, app, nursery.cancel_scope)


async def _drain(app: BridgeApp, scope: trio.CancelScope) -> None:
    await app.drain()
    scope.cancel()


async def _stop_with_parent() -> None:
    """Standard input is a pipe from the parent: at its end there is no parent any more."""
    async with trio.lowlevel.FdStream(os.dup(0)) as parent:
        while await parent.receive_some(16):
            pass
    os.kill(os.getpid(), signal.SIGTERM)
