"""A socket behind a scenario's links: the same delays, stalls and drops as in virtual time."""

import random

from simulator.live.wires import KEPT_BYTES_MAX, DelayedWire, Knocking
from simulator.network import Direction, Pace
from tests.phone_bridge import HandTimeline


class End:
    """A fake, or a socket: keeps what it is told, with the time."""

    unread = 0

    def __init__(self, timeline: HandTimeline) -> None:
        self.timeline = timeline
        self.told: list[tuple[float, str]] = []

    def _note(self, text: str) -> None:
        self.told.append((round(self.timeline.now_ms, 3), text))

    def receive(self, data: bytes) -> None:
        """As a peer."""
        self._note(data.decode())

    def closed(self, why: str) -> None:
        """As a peer."""
        self._note(why)

    def send(self, data: bytes) -> None:
        """As a wire."""
        self._note(data.decode())

    def read_on(self, wanted: bool) -> None:
        """As a wire that can be left alone."""
        self._note("read on" if wanted else "wait")

    def close(self) -> None:
        """As a wire."""
        self._note("close")

    def abort(self) -> None:
        """As a wire."""
        self._note("abort")


class Line:
    """A connection with 30 ms to the bridge and 50 ms from it."""

    def __init__(self, *, reset_is_end: bool = False) -> None:
        self.timeline = HandTimeline()
        self.to_bridge = Direction(self.timeline, Pace(30.0), random.Random(1))
        self.from_bridge = Direction(self.timeline, Pace(50.0), random.Random(1))
        self.wire = DelayedWire(self.to_bridge, self.from_bridge, reset_is_end=reset_is_end)
        self.socket, self.fake = End(self.timeline), End(self.timeline)
        self.wire.join(self.socket, self.fake)


def test_each_way_has_its_latency() -> None:
    """Bytes and ends arrive in order, later; what is under way counts as unread."""
    line = Line()
    line.wire.send(b"hello")
    unread = line.wire.unread
    line.wire.receive(b"answer")
    line.wire.closed("eof")
    line.timeline.run(1_000)

    assert unread == 5
    assert line.socket.told == [(30.0, "hello")]
    assert line.fake.told == [(50.0, "answer"), (50.0, "eof")]
    assert line.wire.over


def test_a_stall_holds_everything_and_then_lets_it_go() -> None:
    """As in virtual time."""
    line = Line()
    line.to_bridge.stall(200.0)
    line.wire.send(b"one")
    line.wire.close()
    line.timeline.run(1_000)

    assert line.socket.told == [(200.0, "one"), (200.0, "close")]


def test_a_bridge_that_sends_into_a_stalled_link_has_to_wait() -> None:
    """Beyond a limit its socket is not read, until what was held back has gone on."""
    line = Line()
    line.from_bridge.stall(200.0)
    for _ in range(3):
        line.wire.receive(b"x" * (KEPT_BYTES_MAX // 2))
    held = list(line.socket.told)
    line.timeline.run(1_000)

    assert held == [(0.0, "wait")]
    assert line.socket.told == [(0.0, "wait"), (200.0, "read on")]
    assert len(line.fake.told) == 3


def test_a_drop_breaks_both_ends_at_once() -> None:
    """The socket is reset, the fake hears of it, and nothing more arrives."""
    line = Line()
    line.wire.receive(b"lost")
    line.wire.drop()
    line.timeline.run(1_000)

    assert line.socket.told == [(0.0, "abort")]
    assert line.fake.told == [(0.0, "reset")]


def test_a_fake_that_has_closed_hears_nothing_more_but_the_end() -> None:
    """And what it sends then is lost."""
    line = Line()
    line.wire.abort()
    line.wire.send(b"late")
    line.wire.receive(b"late")
    line.wire.closed("reset")
    line.timeline.run(1_000)

    assert line.socket.told == [(30.0, "abort")]
    assert line.fake.told == [(50.0, "reset")]


def test_a_kernels_reset_can_be_the_bridges_close() -> None:
    """On loopback a program that closes with bytes unread resets; nobody else could have."""
    line = Line(reset_is_end=True)
    line.wire.closed("reset")
    line.timeline.run(1_000)

    assert line.fake.told == [(50.0, "eof")]


def test_knocking_takes_two_round_trips() -> None:
    """What a new connection brings is carried on once TCP and TLS would have been set up."""
    line = Line()
    knocking = Knocking(line.wire, line.to_bridge, line.from_bridge)
    knocking.receive(b"GET")
    line.timeline.run(170)
    knocking.receive(b" more")
    knocking.closed("eof")
    line.timeline.run(1_000)

    assert line.fake.told == [(210.0, "GET"), (220.0, " more"), (220.0, "eof")]


def test_who_leaves_while_knocking_is_let_in_and_out() -> None:
    """The end waits, too."""
    line = Line()
    knocking = Knocking(line.wire, line.to_bridge, line.from_bridge)
    knocking.closed("eof")
    line.timeline.run(1_000)

    assert line.fake.told == [(210.0, "eof")]
