"""A listening socket: takes connections and gives each its peer.

Owns accepting. How many connections are too many is the acceptor's to say.
"""

import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from simulator.sockets.readiness import READ
from simulator.sockets.tcp import Switchboard, TcpWire
from simulator.sockets.tls import TlsWire
from simulator.wire import Peer, Wire

BACKLOG: Final = 512
ACCEPTED_AT_ONCE_MAX: Final = 64
"""So that a flood of new connections does not starve those that are up."""
HANDSHAKE_MS: Final = 10_000.0
PAUSE_MS: Final = 100.0
"""How long nothing is accepted when the process has no file descriptor left."""

Accept = Callable[[Wire], Peer]


class Listener:
    """Accepts on `sock`, which is bound and does not block."""

    def __init__(
        self,
        board: Switchboard,
        sock: socket.socket,
        accept: Accept,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._board = board
        self._sock = sock
        self._accept = accept
        self._tls = tls
        self._closed = False
        sock.listen(BACKLOG)
        self._watch()

    def close(self) -> None:
        """Take no more connections; those that are up stay."""
        self._closed = True
        self._board.readiness.forget(self._sock)
        self._sock.close()

    def _watch(self) -> None:
        if not self._closed:
            self._board.readiness.watch(self._sock, READ, self._ready)

    def _ready(self, _: int) -> None:
        for _ in range(ACCEPTED_AT_ONCE_MAX):
            if self._closed:
                return
            try:
                sock, address = self._sock.accept()
            except BlockingIOError:
                return
            except ConnectionError:  # gone before we looked
                continue
            except OSError as error:
                self._board.tell(f"cannot accept a connection: {error.strerror}")
                self._board.readiness.forget(self._sock)
                self._board.timeline.after(PAUSE_MS, self._watch)
                return
            self._welcome(sock, address)

    def _welcome(self, sock: socket.socket, address: tuple[Any, ...]) -> None:
        sock.setblocking(False)
        name = f"{address[0]}:{address[1]}"
        wire = TcpWire(self._board, name)
        wire.up(sock)
        if self._tls is None:
            wire.attach(self._accept(wire))
            return
        secured = TlsWire(wire, self._tls, None, self._accept, partial(self._failed, name))
        wire.attach(secured)

        def expire() -> None:
            if not secured.is_open:
                wire.fail("timeout")

        self._board.timeline.after(HANDSHAKE_MS, expire)

    def _failed(self, name: str, why: str, sentence: str) -> None:
        self._board.tell(f"no TLS with {name}: {sentence if why == 'tls' else why}")
