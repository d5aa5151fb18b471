"""Everything the bridge needs from outside the process, in one value.

Owns the seams: byte streams, names, threads, the HTTP transport, the wall clock, the log's sink. A
simulated world replaces these and nothing else. Must not know what travels over them.
"""

import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import trio

from bridge.thread_door import Blocking, in_thread

OpenStream = Callable[[str, int, bool], Awaitable[trio.abc.Stream]]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
OpenAddress = Callable[[str, int, str | None], Awaitable[trio.abc.Stream]]
LogSink = Callable[[dict[str, Any]], None]

# A dead peer must not hold a paid session or a task for the kernel's default of two hours.
KEEP_ALIVE_IDLE_S = 20
KEEP_ALIVE_INTERVAL_S = 5
KEEP_ALIVE_PROBES = 3
USER_TIMEOUT_MS = 30_000

LOOKUPS_MAX = 8


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


def system_resolver() -> Resolve:
    """The addresses of a name, first choice first, as the system knows them.

    In threads of its own: lookups that hang must not keep calls from finding their model.
    """
    door = in_thread(trio.CapacityLimiter(LOOKUPS_MAX))

    async def resolve(host: str, port: int) -> list[str]:
        found = await door(socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))

    return resolve


def address_opener() -> OpenAddress:
    """An `open_address` over real TCP; TLS is checked against the system's certificates."""
    context: ssl.SSLContext | None = None

    async def open_address(address: str, port: int, server_name: str | None) -> trio.abc.Stream:
        nonlocal context
        stream = await trio.open_tcp_stream(address, port)
        if server_name is None:
            return stream
        context = context or ssl.create_default_context()
        secured = trio.SSLStream(
            stream, context, server_hostname=server_name, https_compatible=True
        )
        trusted = False
        try:
            await secured.do_handshake()
            trusted = True
        finally:
            if not trusted:
                await trio.aclose_forcefully(stream)
        return secured

    return open_address


@dataclass(frozen=True)
class Outside:
    """The world as the bridge sees it.

    open_stream(host, port, tls) opens a byte stream, raising OSError when it cannot.
    resolve(host, port) gives a name's addresses, raising OSError when it cannot.
    open_address(address, port, server_name) opens a byte stream to an address, with TLS if a name
    for its certificate is given; raises OSError or trio.BrokenResourceError.
    door(limiter) is a door to threads, for what blocks.
    http_transport carries Twilio's REST calls; None = httpx's own.
    wall_clock() gives seconds since the epoch; it dates call tokens, tools' requests and log lines.
    log receives every structured line as a dict; None = standard output.
    """

    open_stream: OpenStream = field(default_factory=tcp_opener)
    resolve: Resolve = field(default_factory=system_resolver)
    open_address: OpenAddress = field(default_factory=address_opener)
    door: Callable[[trio.CapacityLimiter], Blocking] = in_thread
    http_transport: httpx.AsyncBaseTransport | None = None
    wall_clock: Callable[[], float] = time.time
    log: LogSink | None = None
