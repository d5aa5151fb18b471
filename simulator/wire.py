"""The two ends of one byte connection, as a fake sees them.

Owns only the shapes. A fake sends on a `Wire` and is called as a `Peer`; whether the bytes then
cross a simulated link or a socket is not its business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import urlsplit

HOST = re.compile(r"[0-9A-Za-z._:%-]+")
STANDARD_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """What a connection goes to; `https` also stands for wss, `http` for ws. `host`: lower case."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute URL.

        Raises:
            ValueError: it has another scheme, no host, or a port that cannot be.
        """
        parts = urlsplit(url)
        scheme: Literal["http", "https"]
        if parts.scheme in ("https", "wss"):
            scheme = "https"
        elif parts.scheme in ("http", "ws"):
            scheme = "http"
        else:
            raise ValueError(f"the scheme {parts.scheme!r} is none of http, https, ws, wss")
        host = parts.hostname
        if not host or not HOST.fullmatch(host):
            raise ValueError(f"there is no usable host in {parts.netloc!r}")
        port = parts.port
        if port == 0:
            raise ValueError("port 0 cannot be connected to")
        return cls(scheme, host.lower(), port or STANDARD_PORTS[scheme])

    def __str__(self) -> str:
        """As in a URL, the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == STANDARD_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


class Wire(Protocol):
    """A fake's end of one connection. Nothing here ever blocks."""

    @property
    def unread(self) -> int:
        """Bytes sent that the far end has not read yet: a slow reader shows here."""
        ...

    def send(self, data: bytes) -> None:
        """Send `data`; silently lost when the connection is gone."""
        ...

    def close(self) -> None:
        """Close in order: the far end reads everything sent, then the end."""
        ...

    def abort(self) -> None:
        """Reset: what is under way is lost."""
        ...


@runtime_checkable
class Throttled(Protocol):
    """A wire whose far end can be made to wait."""

    def read_on(self, wanted: bool) -> None:
        """Read what the far end sends, or leave it with the kernel, whose buffers fill up."""
        ...


class Peer(Protocol):
    """What a fake gives to the network."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the far end."""
        ...

    def closed(self, why: str) -> None:
        """The far end is gone: `eof` or `reset`; or it never was there.

        A connection that never came up: `refused`, `unresolved`, `timeout` or `tls`; where it is
        known what is wrong with a certificate: `tls_hostname`, `tls_expired` or `tls_untrusted`.
        Called once.
        """
        ...


Connect = Callable[[Origin, Peer], Wire]
"""Opens a byte connection. Never raises: a failure is told later, through `Peer.closed`."""


class NoWire:
    """The wire of a connection that never comes up: whatever is sent stays unread."""

    def __init__(self) -> None:
        self.unread = 0

    def send(self, data: bytes) -> None:
        """Nobody is there."""
        self.unread += len(data)

    def close(self) -> None:
        """There is nothing to close."""

    def abort(self) -> None:
        """There is nothing to break."""
