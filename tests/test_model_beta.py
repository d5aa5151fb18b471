"""The beta dialect: its header, its names, its flat shapes; inside, the same server.

Every event a client gets here must parse as openai's beta RealtimeServerEvent (see model_client).
"""

from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, Reply, ToolCall
from tests.model_client import HELLO, KEY, LONG, Client, Desk, clip, reply

PATH = "/v1/realtime?model=gpt-4o-realtime-preview"
HEADERS = (*KEY, ("openai-beta", "realtime=v1"))
LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
FLAT = {
    "modalities": ["audio", "text"],
    "input_audio_format": "g711_ulaw",
    "output_audio_format": "g711_ulaw",
    "voice": "shimmer",
    "temperature": 0.7,
    "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
    "max_response_output_tokens": 4096,
    "tools": [LOOK_UP],
}


def beta(*replies: Reply, **more: Any) -> Client:
    """A session of the beta protocol, configured for a telephone call."""
    client = Desk(ModelSetup(dialect="beta", replies=replies, **more)).connect(PATH, HEADERS)
    client.says("session.update", session=FLAT)
    return client


def test_a_beta_session_is_flat() -> None:
    """The echo has the beta's fields and none of GA's; what was sent is in it."""
    client = beta()
    created, updated = client.events[0]["session"], client.events[-1]["session"]

    assert client.kinds() == ["session.created", "conversation.created", "session.updated"]
    assert created["modalities"] == ["audio", "text"]
    assert (created["input_audio_format"], created["temperature"]) == ("pcm16", 0.8)
    assert updated["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
        "create_response": True,
        "interrupt_response": True,
    }
    assert {name: updated[name] for name in FLAT if name != "turn_detection"} == {
        name: value for name, value in FLAT.items() if name != "turn_detection"
    }
    assert not {"audio", "output_modalities", "max_output_tokens", "truncation"} & set(updated)


def test_a_beta_turn_has_the_beta_names() -> None:
    """One item event instead of two, response.audio.*, and content of type audio."""
    client = beta(reply("turn", HELLO))
    client.forget()
    client.hears_turn()
    client.hears_silence(4000)

    done = client.one("response.done")["response"]
    assert client.order() == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.created",
        "response.created",
        "response.output_item.added",
        "conversation.item.created",
        "response.content_part.added",
        "response.audio_transcript.delta",
        "response.audio.delta",
        "response.audio.done",
        "response.audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert done["modalities"] == ["audio", "text"]
    assert (done["output_audio_format"], done["temperature"]) == ("g711_ulaw", 0.7)
    assert done["output"][0]["object"] == "realtime.item"
    assert done["output"][0]["content"] == [{"type": "audio", "transcript": "Hello."}]
    assert not any("obfuscation" in event for event in client.events)


def test_the_trace_keeps_the_ga_names() -> None:
    """Judges read one vocabulary, whatever was on the wire."""
    client = beta(reply("turn", HELLO))
    client.hears_turn()
    client.hears_silence(4000)

    sent = [event.data["type"] for event in client.desk.traced("sent")]
    audio = b"".join(e.data["audio"] for e in client.desk.traced("sent") if "audio" in e.data)
    assert "response.output_audio.delta" in sent
    assert "conversation.item.done" not in sent
    assert audio == clip(HELLO).audio


def test_a_beta_client_interrupts_and_truncates() -> None:
    """The rules of the conversation are the same: cancelled, truncated, bound by its length."""
    client = beta(reply("request", LONG))
    client.says("response.create")
    client.waits(900)
    client.says("response.cancel")
    client.waits(100)
    item_id = client.one("response.output_item.done")["item"]["id"]
    for end_ms in (10_000, 500):
        client.says(
            "conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=end_ms
        )

    assert client.one("response.done")["response"]["status"] == "cancelled"
    assert "is already shorter than 10000ms" in client.one("error")["error"]["message"]
    assert client.one("conversation.item.truncated")["audio_end_ms"] == 500


def test_a_beta_client_calls_tools_and_restores_history() -> None:
    """Arguments without a name in their end; assistant text is `text`; items come as created."""
    client = beta(Reply("request", calls=(ToolCall("look_up", {"city": "Graz"}),)))
    content = [{"type": "text", "text": "Hello."}]
    said = {"type": "message", "role": "assistant", "content": content}
    client.says("conversation.item.create", item=said)
    client.says("response.create", response={"modalities": ["text"], "tool_choice": "required"})
    client.waits(2000)
    done = client.one("response.function_call_arguments.done")
    output = {"type": "function_call_output", "call_id": done["call_id"], "output": "{}"}
    client.says("conversation.item.create", item=output)

    created = [event["item"] for event in client.all("conversation.item.created")]
    assert client.all("error") == []
    assert "name" not in done
    assert created[0]["content"] == content
    assert [item["type"] for item in created] == [
        "message",
        "function_call",
        "function_call_output",
    ]


def test_a_beta_response_takes_the_flat_options() -> None:
    """modalities, voice, format, temperature and tokens of one response, in the beta's shape."""
    client = beta(reply("any", HELLO, repeat=True))
    asked = {
        "conversation": "none",
        "modalities": ["text"],
        "voice": "echo",
        "output_audio_format": "pcm16",
        "max_response_output_tokens": 50,
        "temperature": 1.0,
        "input": [{"type": "message", "role": "user", "content": []}],
        "tool_choice": {"type": "function", "function": {"name": "look_up"}},
    }
    client.says("response.create", response=asked)
    client.waits(2000)

    response = client.one("response.done")["response"]
    assert response["modalities"] == ["text"]
    assert (response["voice"], response["output_audio_format"]) == ("echo", "pcm16")
    assert (response["max_output_tokens"], response["conversation_id"]) == (50, None)
    assert response["output"][0]["name"] == "look_up"


def test_a_text_response_has_the_beta_names() -> None:
    """response.text.delta and .done."""
    client = beta(reply("any", HELLO))
    client.says("response.create", response={"modalities": ["text"]})
    client.waits(2000)

    assert client.one("response.text.done")["text"] == "Hello."
    assert client.all("response.text.delta")


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"type": "realtime"}, "unknown_parameter", "session.type"),
        ({"audio": {}}, "unknown_parameter", "session.audio"),
        ({"temperature": 2}, "decimal_above_max_value", "session.temperature"),
        ({"modalities": ["audio"]}, "invalid_value", "session.modalities"),
        ({"voice": "marin"}, "invalid_value", "session.voice"),
        ({"input_audio_format": "pcmu"}, "invalid_value", "session.input_audio_format"),
        (
            {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 6000}},
            "unknown_parameter",
            "session.turn_detection.idle_timeout_ms",
        ),
    ],
)
def test_what_the_beta_does_not_know_is_refused_whole(
    fields: dict[str, Any], code: str, param: str
) -> None:
    """GA shapes and bad values: the error names the beta's path, and nothing is changed."""
    client = beta()

    client.says("session.update", session={**fields, "instructions": "never"})
    error = client.events[-1]["error"]
    client.says("session.update", session={})

    assert (error["code"], error["param"]) == (code, param)
    assert client.events[-1]["session"]["instructions"] != "never"
    assert client.events[-1]["session"]["temperature"] == 0.7


def test_semantic_detection_and_none_go_through_the_border() -> None:
    """turn_detection without a type is server_vad; null switches it off."""
    client = beta()
    echoes = []
    for turn in ({"type": "semantic_vad", "eagerness": "low"}, {"threshold": 0.6}, None):
        client.says("session.update", session={"turn_detection": turn})
        echoes.append(client.events[-1]["session"]["turn_detection"])

    semantic, server, none = echoes
    assert semantic["eagerness"] == "low"
    assert (server["type"], server["threshold"]) == ("server_vad", 0.6)
    assert none is None


@pytest.mark.parametrize(
    ("headers", "close_code"),
    [
        (HEADERS, 0),
        (KEY, 4000),
        ((*KEY, ("sec-websocket-protocol", "realtime, openai-beta.realtime-v1")), 0),
    ],
)
def test_the_beta_wants_its_header(headers: Any, close_code: int) -> None:
    """Or its subprotocol; without either the client is refused after the 101."""
    client = Desk(ModelSetup(dialect="beta")).connect(PATH, headers)

    assert client.close_code == close_code
    if close_code:
        assert client.one("error")["error"]["code"] == "missing_beta_header"


def test_the_preview_of_azure_speaks_beta() -> None:
    """/openai/realtime with a deployment and an api-key, and without the header."""
    path = "/openai/realtime?api-version=2025-04-01-preview&deployment=gpt-4o-realtime-preview"
    headers = (("api-key", "secret"),)

    assert Desk(ModelSetup(dialect="beta")).connect(path, headers).kinds()[0] == "session.created"
    assert Desk().connect(path, headers).status == 404
