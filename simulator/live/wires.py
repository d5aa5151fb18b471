"""A socket behind the links of a scenario: latency, jitter, stalls and drops in real time.

Owns when the bytes of a real connection go on. The fake sees a `Wire`, the socket a `Peer`; between
them each direction is the same `network.Direction` as in virtual time. What a stalled link holds
back is kept here up to a limit; then the socket is not read any more, the kernel's buffers fill up,
and the bridge has to wait, as in virtual time.
"""

from simulator.network import Direction
from simulator.wire import Peer, Throttled, Wire

KEPT_BYTES_MAX = 64 * 1024
"""Some of what a link holds back; the rest is in the kernel's buffers at both ends."""


class DelayedWire:
    """One connection; `join` gives it its two ends before any byte comes.

    `reset_is_end`: a reset of the socket is told as an orderly end. A kernel resets a connection
    when a program closes it with bytes unread in it; on loopback, where no network breaks anything,
    that is the bridge's close. In virtual time it is an end, too.
    """

    def __init__(
        self, to_bridge: Direction, from_bridge: Direction, *, reset_is_end: bool = False
    ) -> None:
        self._to_bridge = to_bridge
        self._from_bridge = from_bridge
        self._reset_is_end = reset_is_end
        self._socket: Wire | None = None
        self._tap: Throttled | None = None
        self._peer: Peer | None = None
        self._fake_done = False
        self._under_way = 0
        self._kept = 0
        self._throttled = False
        self.over = False

    def join(self, socket: Wire, peer: Peer) -> None:
        """Put the connection between a socket and a fake."""
        self._socket = socket
        self._tap = socket if isinstance(socket, Throttled) else None
        self._peer = peer

    # -- the fake's end: a Wire ---------------------------------------------------------

    @property
    def unread(self) -> int:
        """Bytes the fake sent that the bridge's kernel has not taken yet."""
        return self._under_way + (0 if self._socket is None else self._socket.unread)

    def send(self, data: bytes) -> None:
        """Carry `data` to the bridge."""
        if self._fake_done:
            return
        self._under_way += len(data)
        self._to_bridge.carry(lambda: self._arrived(data))

    def close(self) -> None:
        """Let the bridge read what was sent, and then the end."""
        self._fake_done = True
        self._to_bridge.carry(self._close_socket)

    def abort(self) -> None:
        """Reset: what is under way is lost."""
        self._fake_done = True
        self._to_bridge.carry(self._abort_socket)

    def drop(self) -> None:
        """The network breaks: both ends see a reset, now, whatever is stalled."""
        self._abort_socket()
        self._tell_peer("reset")

    def _arrived(self, data: bytes) -> None:
        self._under_way -= len(data)
        if self._socket is not None:
            self._socket.send(data)

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _abort_socket(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    # -- the socket's end: a Peer ---------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Bytes of the bridge: carry them to the fake."""
        self._kept += len(data)
        self._throttle()
        self._from_bridge.carry(lambda: self._hand_over(data))

    def closed(self, why: str) -> None:
        """The bridge has let go, or never was there: tell the fake, after what it sent."""
        told = "eof" if why == "reset" and self._reset_is_end else why
        self._from_bridge.carry(lambda: self._tell_peer(told))

    def _throttle(self) -> None:
        full = self._kept > KEPT_BYTES_MAX
        if self._tap is not None and full != self._throttled:
            self._throttled = full
            self._tap.read_on(not full)

    def _hand_over(self, data: bytes) -> None:
        self._kept -= len(data)
        self._throttle()
        if self._peer is not None and not self._fake_done:
            self._peer.receive(data)

    def _tell_peer(self, why: str) -> None:
        peer, self._peer = self._peer, None
        self.over = self._fake_done = True
        if peer is not None:
            peer.closed(why)


class Knocking:
    """Holds back what a new connection brings until TCP and TLS would have been set up.

    On loopback a connection stands at once; over the scenario's link it takes a round trip for TCP
    and one for TLS 1.3, as in virtual time.
    """

    ROUND_TRIPS = 2

    def __init__(self, line: DelayedWire, to_bridge: Direction, from_bridge: Direction) -> None:
        self._line = line
        self._ways = (from_bridge, to_bridge) * self.ROUND_TRIPS
        self._held: list[bytes] = []
        self._why: str | None = None
        self._done = False
        self._go(0)

    def _go(self, passed: int) -> None:
        if passed < len(self._ways):
            self._ways[passed].carry(lambda: self._go(passed + 1))
            return
        self._done = True
        for data in self._held:
            self._line.receive(data)
        self._held.clear()
        if self._why is not None:
            self._line.closed(self._why)

    def receive(self, data: bytes) -> None:
        """Bytes of the bridge."""
        if self._done:
            self._line.receive(data)
        else:
            self._held.append(data)

    def closed(self, why: str) -> None:
        """The bridge has let go."""
        if self._done:
            self._line.closed(why)
        else:
            self._why = why
