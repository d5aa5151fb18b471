"""All sockets of a run behind one epoll: read in one batch, written at once.

Owns non-blocking sockets and their bounded queues. Knows no protocol and no event loop: whoever
drives it calls `turn`.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import Final, Protocol

from simulator.load.histogram import Histogram

READ_BYTES: Final = 64 * 1024
QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024
"""More than this unsent on one socket: its reader is gone for good, the connection is given up."""
BATCH_MAX: Final = 256
BACKLOG: Final = 1024
_READ: Final = select.EPOLLIN
_WRITE: Final = select.EPOLLOUT


class Owner(Protocol):
    """Whose socket it is."""

    def connected(self) -> None:
        """A connection that was asked for is there."""
        ...

    def receive(self, data: bytes) -> None:
        """Bytes came."""
        ...

    def closed(self, why: str) -> None:
        """The far end is gone, or was never there: `eof`, `reset`, `refused`, `overflow`."""
        ...


class _Watched(Protocol):
    def ready(self, events: int) -> None: ...


class Reactor:
    """The epoll and what hangs on it."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, _Watched] = {}
        self.buffer = memoryview(bytearray(READ_BYTES))
        self.batch_ms = Histogram()
        """How long a batch took: so long the last socket of it waited for us."""

    def turn(self, wait_s: float = 0.0) -> None:
        """Serve what is ready now, or within `wait_s`."""
        ready = self._epoll.poll(wait_s, BATCH_MAX)
        began_s = time.perf_counter()
        for fd, events in ready:
            watched = self._watched.get(fd)
            if watched is not None:  # else it was closed within this batch
                watched.ready(events)
        self.batch_ms.add((time.perf_counter() - began_s) * 1000)

    def add(self, sock: socket.socket, watched: _Watched, events: int) -> None:
        """Begin to watch."""
        self._watched[sock.fileno()] = watched
        self._epoll.register(sock, events)

    def change(self, sock: socket.socket, events: int) -> None:
        """Watch for these from now on."""
        self._epoll.modify(sock, events)

    def remove(self, sock: socket.socket) -> None:
        """Watch no more, and close."""
        if self._watched.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock)
        sock.close()

    def close(self) -> None:
        """Close every socket that is left, and the epoll."""
        for watched in list(self._watched.values()):
            if isinstance(watched, (Link, Door)):
                watched.abort()
        self._epoll.close()


class Link:
    """One connection. `owner` is set before anything can happen, for `reactor` calls it."""

    def __init__(self, reactor: Reactor, sock: socket.socket, *, connecting: bool = False) -> None:
        self.owner: Owner
        self.is_open = True
        self._reactor = reactor
        self._sock = sock
        self._connecting = connecting
        self._queue = bytearray()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reactor.add(sock, self, _WRITE if connecting else _READ)

    @classmethod
    def dial(cls, reactor: Reactor, address: tuple[str, int]) -> Link:
        """A connection to a numeric address, on its way."""
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        sock = socket.socket(family)
        sock.setblocking(False)
        sock.connect_ex(address)
        return cls(reactor, sock, connecting=True)

    @property
    def unsent(self) -> int:
        """Bytes that the kernel would not take: the far end reads too slowly."""
        return len(self._queue)

    def send(self, data: bytes) -> None:
        """Send now, or queue what does not fit."""
        if not self.is_open:
            return
        if not self._queue:
            try:
                sent = self._sock.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._lost("reset")
                return
            if sent == len(data):
                return
            data = data[sent:]
            self._reactor.change(self._sock, _READ | _WRITE)
        self._queue += data
        if len(self._queue) > QUEUE_BYTES_MAX:
            self._lost("overflow")

    def abort(self) -> None:
        """Close at once. The owner is not told."""
        if self.is_open:
            self.is_open = False
            self._reactor.remove(self._sock)

    def ready(self, events: int) -> None:
        """The epoll says so."""
        if self._connecting:
            self._come_up()
            return
        if events & _WRITE:
            self._flush()
        if events & ~_WRITE and self.is_open:
            self._read()

    def _come_up(self) -> None:
        if self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lost("refused")
            return
        self._connecting = False
        self._reactor.change(self._sock, _READ)
        self.owner.connected()

    def _read(self) -> None:
        buffer = self._reactor.buffer
        try:
            size = self._sock.recv_into(buffer)
        except BlockingIOError:
            return
        except OSError:
            self._lost("reset")
            return
        if size:
            self.owner.receive(bytes(buffer[:size]))
        else:
            self._lost("eof")

    def _flush(self) -> None:
        try:
            sent = self._sock.send(self._queue)
        except BlockingIOError:
            return
        except OSError:
            self._lost("reset")
            return
        del self._queue[:sent]
        if not self._queue:
            self._reactor.change(self._sock, _READ)

    def _lost(self, why: str) -> None:
        self.abort()
        self.owner.closed(why)


class Door:
    """A listening socket on loopback; `accept` makes the owner of each connection."""

    def __init__(
        self, reactor: Reactor, accept: Callable[[Link], Owner], *, host: str, port: int
    ) -> None:
        self._reactor = reactor
        self._accept = accept
        self._sock = socket.create_server((host, port), backlog=BACKLOG)
        self._sock.setblocking(False)
        self.address: tuple[str, int] = self._sock.getsockname()[:2]
        reactor.add(self._sock, self, _READ)

    def ready(self, _events: int) -> None:
        """Take all who knock."""
        while True:
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            link = Link(self._reactor, sock)
            link.owner = self._accept(link)

    def abort(self) -> None:
        """Listen no more."""
        self._reactor.remove(self._sock)
