"""A service that HTTP tools ask, in memory: names, addresses, and what each connection answers."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf

import h11
import trio

from bridge.tooling.guarded_door import GuardedDoor

PUBLIC = "93.184.216.34"


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> bytes:
    """The bytes of an answer; a header's name is written with underscores."""
    fields = {"content_type": "application/json", "content_length": str(len(body))} | headers
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} Words\r\n{lines}\r\n".encode() + body


@dataclass
class Request:
    """What a tool sent; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Connection(trio.abc.Stream):
    """The bridge's end: takes a request, gives `pieces`, then the end (or nothing, if `stays`)."""

    def __init__(self, service: "Service", pieces: list[bytes], *, stays: bool) -> None:
        self._service = service
        self._pieces = pieces
        self._stays = stays
        self.closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take a whole request."""
        await trio.lowlevel.checkpoint()
        self._service.requests.append(_request(bytes(data)))

    async def wait_send_all_might_not_block(self) -> None:
        """It never blocks."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next piece."""
        await trio.lowlevel.checkpoint()
        if self._pieces:
            return self._pieces.pop(0)
        if self._stays:
            await trio.sleep(inf)
        return b""

    async def aclose(self) -> None:
        """Note that it was closed."""
        self.closed = True
        await trio.lowlevel.checkpoint()


@dataclass
class Service:
    """`names` resolve; each connection gives the next of `answers` (the last one again).

    An answer is bytes, pieces of them, an exception of the connection, or None: it never comes.
    """

    names: dict[str, list[str]] = field(default_factory=lambda: {"api.example.com": [PUBLIC]})
    answers: list[bytes | Iterable[bytes] | OSError | None] = field(
        default_factory=lambda: [answer()]
    )
    requests: list[Request] = field(default_factory=list)
    connected: list[tuple[str, int, str | None]] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a name."""
        await trio.lowlevel.checkpoint()
        if host not in self.names:
            raise OSError("unknown")
        return self.names[host]

    async def open_address(
        self, address: str, port: int, server_name: str | None
    ) -> trio.abc.Stream:
        """A connection."""
        await trio.lowlevel.checkpoint()
        self.connected.append((address, port, server_name))
        next_one = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(next_one, OSError):
            raise next_one
        pieces = [next_one] if isinstance(next_one, bytes) else list(next_one or ())
        connection = Connection(self, pieces, stays=next_one is None)
        self.connections.append(connection)
        return connection

    def door(self, *private_hosts: str) -> GuardedDoor:
        """The door to it."""
        return GuardedDoor(self.resolve, self.open_address, frozenset(private_hosts))


def _request(data: bytes) -> Request:
    http = h11.Connection(h11.SERVER)
    http.receive_data(data)
    head, body = http.next_event(), b""
    assert isinstance(head, h11.Request)
    while isinstance(event := http.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    names = {name.decode(): value.decode() for name, value in head.headers}
    assert len(names) == len(head.headers)
    return Request(head.method.decode(), head.target.decode(), names, body)
