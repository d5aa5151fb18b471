"""Whatever a client says, the fake does it or answers with an error; it never breaks."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model.beta_vocabulary import BETA_EVENTS
from simulator.model.vocabulary import EVENTS
from simulator.scenario.format import ModelSetup
from tests.model_client import HELLO, KEY, Client, Desk, reply
from tests.strategies import json_values

PCMU = {"type": "audio/pcmu"}
TEXT = {"type": "input_text", "text": "hello"}
SOUND = {"type": "input_audio", "audio": "AAAA", "transcript": None}
ITEMS: list[dict[str, Any]] = [
    {"type": "message", "role": "user", "content": [TEXT, SOUND]},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]},
    {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    {"type": "message", "role": "system", "content": [TEXT], "id": "item_1", "status": "completed"},
    {"type": "function_call", "name": "f", "arguments": "{}", "call_id": "call_1"},
    {"type": "function_call_output", "call_id": "call_1", "output": "{}"},
    {"type": "mcp_approval_response", "approval_request_id": "x", "approve": True},
]
TURN = {"type": "server_vad", "threshold": 0.5, "silence_duration_ms": 200, "idle_timeout_ms": 6000}
SESSIONS: list[dict[str, Any]] = [
    {
        "type": "realtime",
        "audio": {
            "input": {"format": PCMU, "turn_detection": TURN, "transcription": {"model": "x"}},
            "output": {"format": PCMU, "voice": "marin", "speed": 1.0},
        },
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.5},
        "tracing": {"workflow_name": "w"},
        "include": None,
    },
    {
        "modalities": ["audio", "text"],
        "input_audio_format": "g711_ulaw",
        "turn_detection": {"type": "semantic_vad"},
        "temperature": 0.8,
        "tool_choice": {"type": "function", "function": {"name": "f"}},
    },
]
RESPONSES: list[dict[str, Any]] = [
    {"conversation": "none", "input": [*ITEMS, {"type": "item_reference", "id": "item_1"}]},
    {"output_modalities": ["text"], "audio": {"output": {"format": PCMU}}, "metadata": {"a": "b"}},
    {"modalities": ["text"], "tool_choice": "required", "max_response_output_tokens": 10},
]
CUT = {"item_id": "item_1", "content_index": 0, "audio_end_ms": 10}
SENSE: list[dict[str, Any]] = [
    *({"type": "session.update", "session": session} for session in SESSIONS),
    *({"type": "conversation.item.create", "item": item} for item in ITEMS),
    *({"type": "response.create", "response": response} for response in RESPONSES),
    {"type": "conversation.item.truncate", **CUT},
    {"type": "input_audio_buffer.append", "audio": "/////w==", "event_id": "e"},
    *({"type": kind, "item_id": "item_1"} for kind in EVENTS),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    if isinstance(value, dict):
        found += [deep for key in value for deep in places(value[key], (*path, key))]
    elif isinstance(value, list):
        found += [deep for at, each in enumerate(value) for deep in places(each, (*path, at))]
    return found


@st.composite
def nearly_sense(draw: st.DrawFn) -> dict[str, Any]:
    """A lawful event with one or two things wrong in it."""
    event: Any = json.loads(json.dumps(draw(st.sampled_from(SENSE))))
    for _ in range(draw(st.integers(0, 2))):
        path = draw(st.sampled_from(places(event)[1:] or [("type",)]))
        holder = event
        for step in path[:-1]:
            holder = holder[step]
        if draw(st.booleans()) and isinstance(holder, dict):
            del holder[path[-1]]
        else:
            holder[path[-1]] = draw(json_values)
    assert isinstance(event, dict)
    return event


def connected(dialect: Any) -> Client:
    """A session in which everything is answered at once."""
    setup = ModelSetup(dialect=dialect, replies=(reply("any", HELLO, burst=100, repeat=True),))
    headers = KEY if dialect == "ga" else (*KEY, ("openai-beta", "realtime=v1"))
    return Desk(setup).connect("/v1/realtime?model=gpt-4o-realtime-preview", headers)


@pytest.mark.parametrize("dialect", ["ga", "beta"])
@settings(max_examples=40, deadline=None)
@given(events=st.lists(nearly_sense(), min_size=1, max_size=6))
def test_nonsense_is_refused_and_never_breaks_the_session(
    dialect: str, events: list[dict[str, Any]]
) -> None:
    """Every error is one of the client's; only session.close ends the session."""
    client = connected(dialect)
    for event in events:
        client.raw(json.dumps(event).encode())
        client.waits(50)
    closes = dialect == "ga" and any(event.get("type") == "session.close" for event in events)

    assert client.close_code in ({0, 1000} if closes else {0})
    assert {event["error"]["type"] for event in client.all("error")} <= {"invalid_request_error"}


@pytest.mark.parametrize(
    "message", [b"[" * 5000, b'{"a":' * 5000, b"\xef\xbb\xbf{}", b"", b"nul\0"]
)
def test_what_is_no_json_is_told_so(message: bytes) -> None:
    """Nested too deep, with a byte order mark, empty, cut off: invalid_json."""
    client = connected("ga")

    client.raw(message)

    assert client.one("error")["error"]["code"] == "invalid_json"


def test_the_two_dialects_list_their_own_events() -> None:
    """Neither knows the other's extras."""
    assert set(BETA_EVENTS) < set(EVENTS)
