"""Opens and accepts connections: the fakes' door to the real network.

Owns names, addresses and the listening sockets. Everything ends with the `async with` block. The
timeline given must be running: ends and time-outs are told through it.
"""

import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

import trio

from simulator.sockets.dialing import Attempt, numeric
from simulator.sockets.listener import Accept, Listener
from simulator.sockets.readiness import Readiness
from simulator.sockets.tcp import Switchboard, TcpWire
from simulator.sockets.tls import TlsWire
from simulator.timeline import Timeline
from simulator.wire import Origin, Peer, Wire

CONNECT_MS: Final = 10_000.0
"""Until a connection that is not up, TLS included, counts as `timeout`."""


def _nothing(_: str) -> None:
    """Tell nobody."""


@asynccontextmanager
async def open_sockets(
    timeline: Timeline, *, tell: Callable[[str], None] = _nothing
) -> AsyncIterator["Sockets"]:
    """Serve sockets while the block runs; afterwards every connection is closed.

    Args:
        timeline: running, on the real clock.
        tell: gets a sentence for what no peer can be told: why a connection was reset from here,
            which client failed in the TLS handshake, that no more connections can be accepted.
    """
    readiness = Readiness()
    board = Switchboard(timeline, readiness, tell)
    try:
        async with trio.open_nursery() as nursery:
            net = Sockets(board, nursery)
            nursery.start_soon(readiness.run)
            try:
                yield net
            finally:
                net.close()
            nursery.cancel_scope.cancel()
    finally:
        readiness.close()


class Sockets:
    """Made by `open_sockets`."""

    def __init__(self, board: Switchboard, nursery: trio.Nursery) -> None:
        self._board = board
        self._nursery = nursery
        self._listeners: list[Listener] = []

    def connect(
        self,
        origin: Origin,
        peer: Peer,
        *,
        at: tuple[str, int] | None = None,
        tls: ssl.SSLContext | None = None,
        timeout_ms: float = CONNECT_MS,
    ) -> Wire:
        """Open a connection; sending may begin at once. A failure is told through `peer.closed`.

        Args:
            origin: where to; https means TLS, whose certificate must be the host's.
            peer: what is called.
            at: connect to this address instead; the certificate is still the origin's.
            tls: the settings of TLS; without them, this machine's trusted authorities.
            timeout_ms: how long connecting may take, TLS included.
        """
        host, port = at or (origin.host, origin.port)
        wire = TcpWire(self._board, str(origin))
        outer: Wire = wire
        is_open: Callable[[], bool] = lambda: wire.is_up  # noqa: E731
        if origin.scheme == "http":
            wire.attach(peer)
        else:
            try:
                secured = self._secured(wire, origin, peer, tls)
            except ValueError:  # no name that a certificate could have
                wire.attach(peer)
                wire.fail("unresolved")
                return wire
            outer, is_open = secured, lambda: secured.is_open
        attempt = Attempt(self._board, wire, is_open, timeout_ms)
        target = numeric(host, port)
        if target is None:
            self._nursery.start_soon(attempt.resolve, host, port)
        else:
            attempt.go([target])
        return outer

    def _secured(
        self, wire: TcpWire, origin: Origin, peer: Peer, tls: ssl.SSLContext | None
    ) -> TlsWire:
        def failed(why: str, sentence: str) -> None:
            if why == "tls":
                self._board.tell(f"no TLS with {origin}: {sentence}")
            peer.closed(why)

        secured = TlsWire(wire, tls or _usual_trust(), origin.host, lambda _: peer, failed)
        wire.attach(secured)
        secured.begin()
        return secured

    async def listen(
        self,
        accept: Accept,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> tuple[str, int]:
        """Accept connections; with `tls`, call `accept` when the handshake is done.

        Returns:
            The address: `host` as it was given, and the port, chosen by the system for 0.

        Raises:
            OSError: the address cannot be listened on; the error names it.
        """
        try:
            found = await trio.socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            sock = socket.socket(found[0][0], socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise OSError(0, str(error), f"{host}:{port}") from error
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(found[0][4])
            self._listeners.append(Listener(self._board, sock, accept, tls))
        except OSError as error:
            sock.close()
            raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
        chosen: int = sock.getsockname()[1]
        return host, chosen

    def close(self) -> None:
        """Close everything, at once; no peer is told."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for wire in list(self._board.open):
            wire.let_go()


@cache
def _usual_trust() -> ssl.SSLContext:
    """This machine's authorities; SSL_CERT_FILE names others. Reading them takes a while: once."""
    return ssl.create_default_context()
