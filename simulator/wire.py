"""The two ends of one byte connection, as a fake sees them.

Owns only the shapes. A fake sends on a `Wire` and is called as a `Peer`; whether the bytes then
cross a simulated link or a socket is not its business.
"""

from typing import Protocol


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


class Peer(Protocol):
    """What a fake gives to the network."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the far end."""
        ...

    def closed(self, why: str) -> None:
        """The far end is gone: `eof` or `reset`. Called once."""
        ...
