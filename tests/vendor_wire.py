"""What passes the socket of a shipped call, decoded by wsproto, which neither side uses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from simulator.gpt_live.server import FakeGptLive
from simulator.model.server import FakeRealtime
from simulator.runner import Job, play
from simulator.scenario import load_scenarios
from simulator.wire import Peer, Wire

SCENARIOS = Path(__file__).parent.parent / "scenarios"


@dataclass(slots=True)
class Texts:
    """The text messages in one direction of a WebSocket, as bytes come."""

    frames: Connection
    head: bytes | None = b""
    found: list[bytes] = field(default_factory=list)
    _parts: str = ""

    def take(self, data: bytes) -> None:
        """Take bytes off the wire; the HTTP head is passed over."""
        if self.head is not None:
            head, end, data = (self.head + data).partition(b"\r\n\r\n")
            self.head = None if end else head
            if not end:
                return
        self.frames.receive_data(data)
        for event in self.frames.events():
            if isinstance(event, TextMessage):
                self._parts += event.data
                if event.message_finished:
                    self.found.append(self._parts.encode())
                    self._parts = ""


class TappedWire:
    """A fake's end of a connection; what it sends is read along."""

    def __init__(self, wire: Wire, texts: Texts) -> None:
        self._wire, self._texts = wire, texts
        self.close, self.abort = wire.close, wire.abort

    @property
    def unread(self) -> int:
        """As the wire says."""
        return self._wire.unread

    def send(self, data: bytes) -> None:
        """Read along, and send."""
        self._texts.take(data)
        self._wire.send(data)


class TappedPeer:
    """A fake; what it receives is read along."""

    def __init__(self, peer: Peer, texts: Texts) -> None:
        self._peer, self._texts = peer, texts
        self.closed = peer.closed

    def receive(self, data: bytes) -> None:
        """Read along, and receive."""
        self._texts.take(data)
        self._peer.receive(data)


@cache
def wire(
    name: str, fake: type[FakeRealtime] | type[FakeGptLive] = FakeRealtime
) -> tuple[list[Any], list[Any]]:
    """What the server and the bridge sent in the first call of a shipped file, decoded."""
    calls, problems = load_scenarios([SCENARIOS / f"{name}.call.yaml"])
    assert not problems, problems
    from_server = Texts(Connection(ConnectionType.CLIENT))
    from_bridge = Texts(Connection(ConnectionType.SERVER))
    accept: Any = fake.accept

    def tapped(self: Any, wire: Wire) -> Peer:
        return TappedPeer(accept(self, TappedWire(wire, from_server)), from_bridge)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake, "accept", tapped)
        assert play(Job(calls[0], 0)).verdict == "passed"
    return (
        [msgspec.json.decode(text) for text in from_server.found],
        [msgspec.json.decode(text) for text in from_bridge.found],
    )


def strangers(value: Any, place: str = "event") -> Iterator[str]:
    """The fields of a validated event which the vendor's types do not know."""
    if isinstance(value, BaseModel):
        yield from (f"{place}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from strangers(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from strangers(each, f"{place}.{name}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, each in enumerate(value):
            yield from strangers(each, f"{place}[{number}]")
