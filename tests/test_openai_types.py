"""The vendor's own types read the wire between the bridge and the fake Realtime, both ways.

Whole calls are played; what passes the socket is unwrapped by wsproto, which neither side of the
simulator uses, and validated with the openai package: its types of the beta protocol where a call
speaks that. A field it does not know in an event of the bridge is a fault as well. (What no bridge
of ours provokes is validated in the fake's own tests, by `model_client`.)
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openai.types.beta.realtime import RealtimeClientEvent as BetaClientEvent
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, TypeAdapter
from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from simulator.gpt_live.server import FakeGptLive
from simulator.model.server import FakeRealtime
from simulator.runner import Job, play
from simulator.scenario import load_scenarios
from simulator.wire import Peer, Wire

SCENARIOS = Path(__file__).parent.parent / "scenarios"

SPOKEN = {
    "session.created",
    "session.updated",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.done",
    "rate_limits.updated",
}
CALLED = {"response.function_call_arguments.delta", "response.function_call_arguments.done"}

TRANSCRIPTION = "conversation.item.input_audio_transcription"

# the call, what the server must have sent in it, what the bridge must have sent
CALLS = {
    "barge-in/first-of-two-items": (
        SPOKEN | {"conversation.item.truncated"},
        {"session.update", "input_audio_buffer.append", "conversation.item.truncate"},
    ),
    "barge-in/the-bridge-cancels": (SPOKEN, {"response.cancel"}),
    "hangup/goodbye-asked-for": (
        SPOKEN | CALLED,
        {"conversation.item.create", "response.create", "session.update"},
    ),
    "keypad/digits-with-pound": (SPOKEN, {"conversation.item.create", "response.create"}),
    "tools/parallel-tool-calls": (SPOKEN | CALLED, {"conversation.item.create"}),
    "latency/semantic-vad": (SPOKEN, {"session.update"}),
    "faults/request-race": (SPOKEN | {"input_audio_buffer.timeout_triggered", "error"}, set()),
    "faults/response-fails-once": (SPOKEN, {"response.create"}),
    "faults/incomplete-answer": (SPOKEN, set()),
    "faults/session-refused": ({"error"}, set()),
    "faults/session-expires": ({"error"}, set()),
    "model/idle-timeout": (SPOKEN | {"input_audio_buffer.timeout_triggered"}, set()),
    "model/transcription": (
        SPOKEN | {f"{TRANSCRIPTION}.{end}" for end in ("delta", "completed", "failed")},
        {"session.update"},
    ),
    "model/content-filter": (SPOKEN, {"conversation.item.truncate"}),
    "model/quota-runs-out-in-mid-call": (SPOKEN, set()),
    "model/beta-dialect": (
        {
            "session.created",
            "session.updated",
            "conversation.created",
            "conversation.item.created",
            "conversation.item.truncated",
            "response.audio_transcript.delta",
            "response.audio.delta",
            "response.audio.done",
            "response.done",
            *CALLED,
        },
        {"session.update", "conversation.item.create", "conversation.item.truncate"},
    ),
    "model/beta-server-refuses-ga": ({"error"}, set()),
}
Adapters = tuple[TypeAdapter[Any], TypeAdapter[Any]]
GA: Adapters = (TypeAdapter(RealtimeServerEvent), TypeAdapter(RealtimeClientEvent))
BETA: Adapters = (TypeAdapter(BetaServerEvent), TypeAdapter(BetaClientEvent))


def adapters(name: str) -> Adapters:
    """The vendor's types of both ways, in the protocol which a call's server speaks."""
    return BETA if name.startswith("model/beta") else GA


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


@pytest.mark.parametrize("name", CALLS)
def test_the_vendors_types_accept_what_the_fake_sends(name: str) -> None:
    """Each event of the server is one of openai's RealtimeServerEvents."""
    adapter, _ = adapters(name)
    sent, _ = wire(name)
    for event in sent:
        adapter.validate_python(event)

    assert CALLS[name][0] <= {event["type"] for event in sent}


@pytest.mark.parametrize("name", CALLS)
def test_the_vendors_types_accept_what_the_bridge_sends(name: str) -> None:
    """Each event of the bridge is one of openai's RealtimeClientEvents, without unknown fields."""
    _, adapter = adapters(name)
    _, sent = wire(name)
    unknown = {place for event in sent for place in strangers(adapter.validate_python(event))}

    assert unknown == set()
    assert CALLS[name][1] <= {event["type"] for event in sent}


def test_an_unknown_field_is_found() -> None:
    """The check above can fail: a misspelt field anywhere in an event is named."""
    _, adapter = GA
    event = {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "audio": {"input": {"format": {"type": "audio/pcmu"}, "turndetection": None}},
        },
    }
    unknown = list(strangers(adapter.validate_python(event)))

    assert unknown == ["event.session.audio.input.turndetection"]
