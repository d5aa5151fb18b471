"""Everything the bridge needs from outside the process, in one value.

Owns the seams: byte streams, the HTTP transport, the wall clock, the log's sink. A simulated world
replaces these and nothing else. Must not know what travels over them.
"""

import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

OpenStream = Callable[[str, int, bool], Awaitable[trio.abc.Stream]]
LogSink = Callable[[dict[str, Any]], None]

# A dead peer must not hold a paid session or a task for the kernel's default of two hours.
KEEP_ALIVE_IDLE_S = 20
KEEP_ALIVE_INTERVAL_S = 5
KEEP_ALIVE_PROBES = 3
USER_TIMEOUT_MS = 30_000


def guard_against_dead_peers(sock: socket.socket | trio.socket.SocketType) -> None:
    """Let TCP itself give up on a peer that is gone.

    On Linux accepted sockets inherit this from the listener. Where a platform lacks an option, its
    default stays.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEP_ALIVE_IDLE_S),
        ("TCP_KEEPINTVL", KEEP_ALIVE_INTERVAL_S),
        ("TCP_KEEPCNT", KEEP_ALIVE_PROBES),
        ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
    ):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def tcp_opener() -> OpenStream:
    """An `open_stream` over real TCP; TLS is checked against the system's certificates."""
    context: ssl.SSLContext | None = None

    async def open_tcp(host: str, port: int, tls: bool) -> trio.abc.Stream:
        # Loading the certificates takes tens of milliseconds: once per process, not per call.
        nonlocal context
        stream = await trio.open_tcp_stream(host, port)
        guard_against_dead_peers(stream.socket)
        if not tls:
            return stream
        context = context or ssl.create_default_context()
        return trio.SSLStream(stream, context, server_hostname=host, https_compatible=True)

    return open_tcp


@dataclass(frozen=True)
class Outside:
    """The world as the bridge sees it.

    open_stream(host, port, tls) opens a byte stream, raising OSError when it cannot.
    http_transport carries Twilio's REST calls; None = httpx's own.
    wall_clock() gives seconds since the epoch; it dates call tokens and log lines, nothing else.
    log receives every structured line as a dict; None = standard output.
    """

    open_stream: OpenStream = field(default_factory=tcp_opener)
    http_transport: httpx.AsyncBaseTransport | None = None
    wall_clock: Callable[[], float] = time.time
    log: LogSink | None = None
