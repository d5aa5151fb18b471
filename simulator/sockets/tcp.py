"""A TCP connection as a `Wire`: written at once if the kernel takes it, queued if not.

Owns one socket, its queue and its end. Calls its `Peer` only from the readiness loop or from the
timeline, never from inside a method that a fake has called. A peer is told `closed` exactly once,
whoever ended the connection; nothing is given to it once the fake itself has closed.
"""

import fcntl
import socket
import struct
import termios
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from simulator.sockets.readiness import READ, WRITE, Readiness
from simulator.timeline import Timeline
from simulator.wire import Peer

SEND_QUEUE_BYTES_MAX: Final = 8 * 1024 * 1024
"""What waits here for a far end that does not read, beside the kernel's buffer: minutes of audio.
Full: the connection is reset, as a server does that sheds a dead client, and the reason is told."""
CLOSE_MS: Final = 10_000.0
"""How long a far end may take to read what is left and to close its own side."""
READ_BYTES: Final = 64 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Switchboard:
    """What all connections share. `tell` gets a sentence about what no peer can be told."""

    timeline: Timeline
    readiness: Readiness
    tell: Callable[[str], None]
    open: "set[TcpWire]" = field(default_factory=set)


class TcpWire:
    """One connection. Until `up` is called with a connected socket, what is sent waits."""

    def __init__(self, board: Switchboard, name: str) -> None:
        self._board = board
        self._name = name
        self._peer: Peer | None = None
        self._sock: socket.socket | None = None
        self._queue: deque[bytes | memoryview] = deque()
        self._queued_bytes = 0
        self._is_up = False
        self._reads = True
        self._closing = False  # the fake sends no more and hears no more
        self._finished = False  # our FIN is sent
        self._why = ""  # why the far end is gone, when a write found out first
        self._told = False
        board.open.add(self)

    def attach(self, peer: Peer) -> None:
        """Give the peer; before the first byte can come."""
        self._peer = peer

    @property
    def is_up(self) -> bool:
        """The connection stands."""
        return self._is_up

    @property
    def over(self) -> bool:
        """Nothing of this connection is left."""
        return self not in self._board.open

    def dial(self, sock: socket.socket, on_ready: Callable[[int], None]) -> None:
        """Keep `sock`, which is being connected; `on_ready` is called when that is decided."""
        self._sock = sock
        self._board.readiness.watch(sock, WRITE, on_ready)

    def hang_up(self) -> None:
        """Connecting that socket has failed: close it."""
        if self._sock is not None:
            self._board.readiness.forget(self._sock)
            self._sock.close()
            self._sock = None

    def up(self, sock: socket.socket) -> None:
        """The connection stands: write what waits, read what comes."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._is_up = True
        self._watch()
        if self._queue or self._closing:
            self._flush()

    # -- as a Wire ------------------------------------------------------------

    @property
    def unread(self) -> int:
        """Bytes queued here and in the kernel which the far end's kernel has not taken."""
        sock = self._sock
        return self._queued_bytes + (0 if sock is None or not self._is_up else _unsent(sock))

    def send(self, data: bytes) -> None:
        """Send; what the kernel does not take waits, up to `SEND_QUEUE_BYTES_MAX`."""
        if self._closing or self._why or self.over:
            return
        left: bytes | memoryview = data
        if self._is_up and not self._queue:
            sent = self._try_send(data)
            if sent == len(data) or self._why:
                return
            if sent:
                left = memoryview(data)[sent:]
        if self._queued_bytes + len(left) > SEND_QUEUE_BYTES_MAX:
            waiting = f"{SEND_QUEUE_BYTES_MAX >> 20} MiB wait for {self._name}, which does not read"
            self._board.tell(f"{waiting}: connection reset")
            self.abort()
            return
        self._queue.append(left)
        self._queued_bytes += len(left)
        self._watch()

    def read_on(self, wanted: bool) -> None:
        """As `wire.Throttled`: until then, the far end's own buffer fills up."""
        self._reads = wanted
        self._watch()

    def close(self) -> None:
        """Send what is queued, then the end; reset if the far end does not follow in CLOSE_MS."""
        if self._closing or self.over:
            return
        self._closing = True
        self._board.timeline.after(CLOSE_MS, self.abort)
        if self._is_up:
            self._flush()

    def abort(self) -> None:
        """Reset: what is under way is lost."""
        if self.over:
            return
        if self._sock is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.fail("reset")

    def fail(self, why: str) -> None:
        """It is over, or will never come up; the peer hears it next."""
        if self.over:
            return
        self.let_go()
        self._board.timeline.after(0, lambda: self._tell_closed(why))

    def let_go(self) -> None:
        """Close the socket and tell nobody."""
        self._board.open.discard(self)
        self._closing = True
        self._is_up = False
        self._queue.clear()
        self._queued_bytes = 0
        self.hang_up()

    # -- the socket -----------------------------------------------------------

    def _watch(self) -> None:
        wanted = (0 if self._told or not self._reads else READ) | (WRITE if self._queue else 0)
        if not self._is_up or self._sock is None:
            return
        if wanted:
            self._board.readiness.watch(self._sock, wanted, self._ready)
        else:
            self._board.readiness.forget(self._sock)

    def _ready(self, ready: int) -> None:
        if ready & WRITE and self._queue:
            self._flush()
        if ready & READ and self._is_up:
            self._read()

    def _read(self) -> None:
        assert self._sock is not None
        try:
            data = self._sock.recv(READ_BYTES)
        except BlockingIOError:
            if self._why:
                self._far_end_is_gone(self._why)
            return
        except OSError:
            self._far_end_is_gone("reset")
            return
        if not data:
            self._far_end_is_gone(self._why or "eof")
        elif not self._closing:
            assert self._peer is not None
            self._peer.receive(data)

    def _try_send(self, data: bytes | memoryview) -> int:
        assert self._sock is not None
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            # What has arrived before the reset can still be read, and is: a close frame, a stop.
            self._why = "reset"
            self._queue.clear()
            self._queued_bytes = 0
            self._board.timeline.after(0, self._read_the_rest)
            return 0

    def _read_the_rest(self) -> None:
        while self._is_up:
            self._read()

    def _flush(self) -> None:
        queue = self._queue
        while queue:
            sent = self._try_send(queue[0])
            if self._why:
                return
            self._queued_bytes -= sent
            if sent < len(queue[0]):
                queue[0] = memoryview(queue[0])[sent:]
                break
            queue.popleft()
        if queue:
            self._watch()
        elif self._told:
            self.let_go()
        else:
            self._watch()
            self._say_end()

    def _say_end(self) -> None:
        if not self._closing or self._finished or self._sock is None:
            return
        self._finished = True
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # the far end was faster
            self._board.timeline.after(0, self._read_the_rest)
            self._why = "reset"

    def _far_end_is_gone(self, why: str) -> None:
        """Tell the peer; what it has already sent is still flushed when the end was orderly."""
        if why != "eof" or not self._queue:
            self.let_go()
        self._tell_closed(why)
        if self._is_up:
            self.close()
            self._watch()

    def _tell_closed(self, why: str) -> None:
        if not self._told:
            self._told = True
            assert self._peer is not None
            self._peer.closed(why)


def _unsent(sock: socket.socket) -> int:
    """The kernel's unacknowledged bytes of `sock` (tcp(7), SIOCOUTQ); 0 where it cannot be told."""
    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return 0
    return int.from_bytes(answer, "little")
