"""Which sockets can be read or written: one selector and one task for all of them.

Owns the wait. Knows no protocol. A task for each connection would cost a task switch and a system
call to re-arm for every frame; here a socket stays registered, and all that are ready are served
one after the other, by callbacks.
"""

import selectors
import socket
from collections.abc import Callable
from typing import Final

import trio

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE

OnReady = Callable[[int], None]


class Readiness:
    """Calls back when a registered socket is ready. What a callback raises leaves `run`."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def watch(self, sock: socket.socket, wanted: int, on_ready: OnReady) -> None:
        """Call `on_ready` with READ, WRITE or both, as often as `wanted` is true of `sock`."""
        if sock.fileno() in self._selector.get_map():
            self._selector.modify(sock, wanted, on_ready)
        else:
            self._selector.register(sock, wanted, on_ready)

    def forget(self, sock: socket.socket) -> None:
        """Watch `sock` no more; to be called before it is closed."""
        if sock.fileno() in self._selector.get_map():
            self._selector.unregister(sock)

    async def run(self) -> None:
        """Serve for ever; cancel to stop."""
        selector = self._selector
        while True:
            await trio.lowlevel.wait_readable(selector.fileno())
            for key, ready in selector.select(0):
                on_ready: OnReady = key.data
                on_ready(ready)

    def close(self) -> None:
        """Let go of the selector itself."""
        self._selector.close()
