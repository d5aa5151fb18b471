"""The links between the bridge and its two peers, as memory: latency, jitter, stalls, drops.

Owns when bytes arrive. Never looks into them. The bridge holds a trio stream, the fake a `Wire`;
in between, each direction delays what it carries and keeps its order, as TCP does. The verbs are
`stall` (nothing arrives for a while, then all of it) and `drop` (the connection is reset).
"""

import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulator.stream import BridgeStream
from simulator.timeline import Timeline
from simulator.wire import Peer

ROUNDING_MS = 1e-6
"""Times are floats: what is due within a nanosecond is due."""


@dataclass(slots=True)
class Pace:
    """How one direction of a link carries bytes, now."""

    latency_ms: float = 0.0
    jitter_ms: float = 0.0


class Direction:
    """One way of a link. Shared by every connection of the leg, so a fault hits them all."""

    def __init__(self, timeline: Timeline, pace: Pace, rng: random.Random) -> None:
        self.pace = pace
        self._timeline = timeline
        self._rng = rng
        self._under_way: deque[tuple[float, Callable[[], None]]] = deque()
        self._stalled_until_ms = -math.inf
        self._last_ms = 0.0

    def stall(self, duration_ms: float) -> None:
        """Let nothing arrive for `duration_ms` (for ever, if infinite)."""
        until_ms = self._timeline.now_ms + duration_ms
        self._stalled_until_ms = max(self._stalled_until_ms, until_ms)

    def delay_ms(self) -> float:
        """How long something sent now takes, without a stall: latency, give or take the jitter."""
        if not self.pace.jitter_ms:
            return self.pace.latency_ms
        jitter_ms = self._rng.uniform(-self.pace.jitter_ms, self.pace.jitter_ms)
        return max(0.0, self.pace.latency_ms + jitter_ms)

    def carry(self, arrive: Callable[[], None]) -> None:
        """Call `arrive` when what is sent now gets there; never before what was sent earlier."""
        self._last_ms = max(self._timeline.now_ms + self.delay_ms(), self._last_ms)
        self._under_way.append((self._last_ms, arrive))
        if len(self._under_way) == 1:
            self._timeline.at(self._last_ms, self._deliver)

    def _deliver(self) -> None:
        now_ms = self._timeline.now_ms
        if self._stalled_until_ms > now_ms + ROUNDING_MS:
            if self._stalled_until_ms < math.inf:
                self._timeline.at(self._stalled_until_ms, self._deliver)
            return
        under_way = self._under_way
        while under_way and under_way[0][0] <= now_ms + ROUNDING_MS:
            under_way[0][1]()
            under_way.popleft()
        if under_way:
            self._timeline.at(under_way[0][0], self._deliver)


class Connection:
    """One byte connection: `stream` is the bridge's end, the object itself the fake's wire."""

    def __init__(self, timeline: Timeline, to_bridge: Direction, from_bridge: Direction) -> None:
        self._timeline = timeline
        self._to_bridge = to_bridge
        self._from_bridge = from_bridge
        self._under_way = 0
        self._peer: Peer | None = None
        self._fake_done = False
        self.stream = BridgeStream(self)

    # -- the fake's end -------------------------------------------------------

    @property
    def over(self) -> bool:
        """The bridge has let go of this connection, or it is broken."""
        return self._peer is None

    def attach(self, peer: Peer) -> None:
        """Give the fake that shall receive what the bridge sends."""
        self._peer = peer

    @property
    def unread(self) -> int:
        """Bytes the fake sent that the bridge has not taken yet."""
        return self._under_way + self.stream.waiting

    def send(self, data: bytes) -> None:
        """Carry `data` to the bridge."""
        if self._fake_done:
            return
        self._under_way += len(data)
        self._to_bridge.carry(lambda: self._arrived(data))

    def close(self) -> None:
        """Let the bridge read what was sent, and then the end."""
        self._fake_done = True
        self._to_bridge.carry(self.stream.take_eof)

    def abort(self) -> None:
        """Reset: the bridge's next read or write fails."""
        self._fake_done = True
        self._to_bridge.carry(self.stream.take_reset)

    def drop(self) -> None:
        """The network breaks: both ends see a reset, now, whatever is stalled."""
        self.stream.take_reset()
        self._tell_peer("reset")

    def _arrived(self, data: bytes) -> None:
        self._under_way -= len(data)
        self.stream.take(data)

    # -- the bridge's end -----------------------------------------------------

    def sent_by_bridge(self, data: bytes) -> None:
        """Carry what the bridge wrote to the fake."""

        def arrive() -> None:
            self.stream.delivered(len(data))
            if self._peer is not None and not self._fake_done:
                self._peer.receive(data)

        self._from_bridge.carry(arrive)

    def closed_by_bridge(self) -> None:
        """Tell the fake, in order, that the bridge has closed."""
        self._from_bridge.carry(lambda: self._tell_peer("eof"))

    def given_up(self) -> None:
        """The far end has not read for TCP's user timeout: broken at both ends."""
        self.drop()

    def _tell_peer(self, why: str) -> None:
        peer, self._peer = self._peer, None
        self._fake_done = True
        if peer is not None:
            peer.closed(why)
