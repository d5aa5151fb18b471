"""One attempt to connect: each address of a host in turn, until one answers or time is up.

Owns the way to a connected socket. What is then said over it is the wire's.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import trio

from simulator.sockets.tcp import Switchboard, TcpWire

UNDER_WAY: Final = (0, errno.EINPROGRESS)


@dataclass(frozen=True, slots=True)
class Target:
    """An address as the operating system wants it."""

    family: int
    address: tuple[Any, ...]


class Attempt:
    """Connects `wire`. `is_open` says whether the connection is of use, TLS included."""

    def __init__(
        self, board: Switchboard, wire: TcpWire, is_open: Callable[[], bool], timeout_ms: float
    ) -> None:
        self._board = board
        self._wire = wire
        self._is_open = is_open
        self._targets: list[Target] = []
        self._sock: socket.socket | None = None
        board.timeline.after(timeout_ms, self._expire)

    async def resolve(self, host: str, port: int) -> None:
        """Look the name up, then go on."""
        try:
            found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError):
            self._wire.fail("unresolved")
            return
        self.go([Target(entry[0], entry[4]) for entry in found])

    def go(self, targets: Sequence[Target]) -> None:
        """Try these, in order."""
        self._targets = list(targets)
        self._next()

    def _next(self) -> None:
        while self._targets and not self._wire.over:
            target = self._targets.pop(0)
            try:
                sock = socket.socket(target.family, socket.SOCK_STREAM)
            except OSError as error:
                self._board.tell(f"no socket to connect with: {error.strerror}")
                continue
            sock.setblocking(False)
            if sock.connect_ex(target.address) in UNDER_WAY:
                self._sock = sock
                self._wire.dial(sock, self._ready)
                return
            sock.close()
        self._wire.fail("refused")

    def _ready(self, _: int) -> None:
        assert self._sock is not None
        if self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._wire.hang_up()
            self._next()
        else:
            self._wire.up(self._sock)

    def _expire(self) -> None:
        if not self._is_open():
            self._wire.fail("timeout")


def numeric(host: str, port: int) -> Target | None:
    """The target for an IP address; None when `host` is a name that must be looked up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return Target(socket.AF_INET if address.version == 4 else socket.AF_INET6, (host, port))
