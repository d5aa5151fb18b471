"""Accepts connections and serves each by itself: what breaks one of them ends no other.

Owns the way from a listening socket to hypercorn's server of one connection. Knows nothing of what
is served. hypercorn's own loop is not used, because an exception of one connection ends it, and the
process with every call: a stranger needs one header that is no ASCII for that, before anybody asks
who it is (hypercorn 0.18). `TCPServer` is an inner door of hypercorn's; tests/test_bridge_target.py
says in plain words when it has moved.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, cast

import outcome
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    ConnectionState,
    Scope,
)

from bridge.log import Log

BROKEN_MAX_NAMED: Final = 3


class _Server(TCPServer):
    """hypercorn's server of one connection, which does not outlive the client's end of it."""

    async def _read_data(self) -> None:
        await super()._read_data()
        # It would stay as idle until the time for that is over, with nobody there.
        await self.idle_task.stop()


class Connections:
    """All connections of one ASGI application.

    Args:
        app: what they are served with. It is sent no lifespan events.
        config: hypercorn's settings.
        log: is told of connections that broke in the server.
    """

    def __init__(self, app: ASGIFramework, config: Config, log: Log) -> None:
        self._app = ASGIWrapper(_answers_are_finished(app))
        self._config = config
        self._context = WorkerContext(None)
        self._log = log
        self._open: set[trio.abc.Stream] = set()

    async def accept(
        self,
        until: Callable[[], Awaitable[Any]],
        task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve whoever connects until ``until`` returns; then those who are there for a moment.

        Raises:
            OSError: it cannot listen.
        """
        sockets = self._config.create_sockets().insecure_sockets
        for one in sockets:
            one.listen(self._config.backlog)
        listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(one)) for one in sockets]
        async with trio.open_nursery() as ending:
            async with trio.open_nursery() as connected:
                async with trio.open_nursery() as accepting:
                    serve = partial(trio.serve_listeners, handler_nursery=connected)
                    accepting.start_soon(serve, self.serve, listeners)
                    task_status.started([_url(one.getsockname()) for one in sockets])
                    await until()
                    accepting.cancel_scope.cancel()
                await self._context.terminated.set()
                ends_at = trio.current_time() + self._config.graceful_timeout
                connected.cancel_scope.deadline = ends_at
                ending.start_soon(self._let_go, ends_at)
            ending.cancel_scope.cancel()

    async def _let_go(self, ends_at: float) -> None:
        """Close what is still there then: the server shields a send that a stuck peer holds up."""
        await trio.sleep_until(ends_at)
        for stream in tuple(self._open):
            await trio.aclose_forcefully(stream)

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Serve one connection until it is over, however that comes about."""
        socket_stream = cast("trio.SSLStream[trio.SocketStream]", stream)
        server = _Server(self._app, self._config, self._context, ConnectionState({}), socket_stream)
        self._open.add(stream)
        served = await outcome.acapture(server.run)
        self._open.discard(stream)
        if isinstance(served, outcome.Error):
            self._contain(served.error)

    def _contain(self, error: BaseException) -> None:
        """Log what broke in the server; what is no mistake (a cancellation) goes on its way."""
        mistakes, others = BaseExceptionGroup("a connection", [error]).split(Exception)
        if mistakes is not None:
            self._log.warning("connection_broke", why=_names(mistakes))
        if others is not None:
            raise others


def _answers_are_finished(app: ASGIFramework) -> ASGIFramework:
    """The application, whose last words over HTTP are not cancelled by itself.

    With the end of an answer hypercorn tells quart-trio that the client has gone, which cancels the
    task that is just sending it: the server never learnt that the connection is idle now, or to be
    closed, and kept it for ever (quart-trio 0.12). Only TCP may end a send, as everywhere.
    """

    async def finishing(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] != "http":
            _take_no_extension(send)
            await app(scope, receive, send)
            return

        async def send_all_of_it(event: ASGISendEvent) -> None:
            with trio.CancelScope(shield=True):
                await send(event)

        await app(scope, receive, send_all_of_it)

    return finishing


def _take_no_extension(send: ASGISendCallable) -> None:
    """Decline what the client offers: a frame of 64 KiB could be 64 MiB when it is inflated.

    hypercorn agrees to compression whenever it is offered, and has no setting for it.
    """
    handshake = getattr(getattr(send, "__self__", None), "handshake", None)
    if handshake is not None:
        handshake.extensions = None


def _names(group: BaseExceptionGroup[Any]) -> str:
    """The kinds of exceptions: their texts may hold what the peer sent."""
    leaves: list[str] = []
    waiting: list[BaseException] = [group]
    while waiting and len(leaves) < BROKEN_MAX_NAMED:
        error = waiting.pop()
        if isinstance(error, BaseExceptionGroup):
            waiting.extend(error.exceptions)
        else:
            leaves.append(type(error).__name__)
    return ", ".join(leaves)


def _url(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
