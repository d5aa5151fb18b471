"""The vendor's own types read the wire between the bridge and the fake Realtime, both ways.

Whole calls are played; what passes the socket is unwrapped by wsproto, which neither side of the
simulator uses, and validated with the openai package: its types of the beta protocol where a call
speaks that. A field it does not know in an event of the bridge is a fault as well. (What no bridge
of ours provokes is validated in the fake's own tests, by `model_client`.)
"""

from typing import Any

import pytest
from openai.types.beta.realtime import RealtimeClientEvent as BetaClientEvent
from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter

from tests.vendor_wire import strangers, wire

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
