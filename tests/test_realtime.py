"""The Realtime vocabulary in both dialects, and what a session is told to be."""

import json
from typing import Any

import pytest
from hypothesis import given
from openai.types.beta.realtime import RealtimeClientEvent as BetaClientEvent
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from bridge.core import realtime
from tests.strategies import realtime_texts

RECORDED = [
    (
        {
            "type": "session.created",
            "event_id": "event_1",
            "session": {"type": "realtime", "id": "sess_1"},
        },
        realtime.SessionCreated(),
    ),
    ({"type": "session.updated", "session": {}}, realtime.SessionUpdated()),
    (
        {
            "type": "input_audio_buffer.speech_started",
            "audio_start_ms": 1460,
            "item_id": "item_1",
        },
        realtime.SpeechStarted(1460),
    ),
    (
        {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 4256, "item_id": "item_1"},
        realtime.SpeechStopped(4256),
    ),
    (
        {"type": "input_audio_buffer.committed", "item_id": "item_1", "previous_item_id": None},
        realtime.InputAudioBufferCommitted("item_1"),
    ),
    (
        {
            "type": "conversation.item.input_audio_transcription.completed",
            "item_id": "item_1",
            "content_index": 0,
            "transcript": "When are you open?",
        },
        realtime.InputTranscribed("item_1", "When are you open?"),
    ),
    (
        {
            "type": "response.created",
            "response": {"id": "resp_1", "status": "in_progress", "output": [], "usage": None},
        },
        realtime.ResponseCreated(realtime.Response("resp_1")),
    ),
    (
        {
            "type": "response.output_item.done",
            "response_id": "resp_1",
            "output_index": 1,
            "item": {
                "id": "item_2",
                "type": "function_call",
                "status": "completed",
                "name": "end_call",
                "call_id": "call_1",
                "arguments": "{}",
            },
        },
        realtime.OutputItemDone(
            "resp_1",
            realtime.OutputItem("function_call", "item_2", "completed", "end_call", "call_1", "{}"),
        ),
    ),
    (
        {
            "type": "response.done",
            "response": {
                "id": "resp_1",
                "status": "cancelled",
                "status_details": {"type": "cancelled", "reason": "turn_detected"},
                "usage": {
                    "total_tokens": 205,
                    "input_tokens": 41,
                    "output_tokens": 164,
                    "input_token_details": {"text_tokens": 14, "audio_tokens": 27},
                    "output_token_details": {"text_tokens": 28, "audio_tokens": 136},
                },
            },
        },
        realtime.ResponseDone(
            realtime.FinishedResponse(
                "resp_1",
                "cancelled",
                realtime.StatusDetails("turn_detected"),
                realtime.Usage(
                    41,
                    164,
                    realtime.InputTokenDetails(14, 27),
                    realtime.OutputTokenDetails(28, 136),
                ),
            )
        ),
    ),
    (
        {
            "type": "error",
            "event_id": "event_9",
            "error": {
                "type": "invalid_request_error",
                "code": None,
                "message": "no",
                "param": None,
                "event_id": "cb_1",
            },
        },
        realtime.Error(
            realtime.ErrorDetail(type="invalid_request_error", message="no", event_id="cb_1")
        ),
    ),
    ({"type": "rate_limits.updated", "rate_limits": []}, realtime.Unknown("rate_limits.updated")),
]
AUDIO = {
    "event_id": "event_1",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
}

EVENTS: list[realtime.Outbound] = [
    realtime.SessionUpdate(
        event_id="cb_1",
        voice="marin",
        instructions="Be brief.",
        turn_detection=realtime.ServerVad(),
        tools=(realtime.Tool("end_call", "Hang up.", {"type": "object", "properties": {}}),),
        transcription_model="gpt-realtime-whisper",
        prompt_id="pmpt_1",
        prompt_version="2",
    ),
    realtime.SessionUpdate("cb_1", "marin", "", realtime.SemanticVad(), prompt_id="pmpt_1"),
    realtime.TurnDetectionUpdate("cb_1", realtime.ServerVad(interrupt_response=False)),
    realtime.InputAudioBufferAppend("cb_1", b"\xff\xff\x7f"),
    realtime.ConversationItemCreate(
        "cb_1", realtime.UserMessage((realtime.InputText("The caller pressed 1."),))
    ),
    realtime.ConversationItemCreate("cb_1", realtime.FunctionCallOutput("call_1", "{}")),
    realtime.ConversationItemCreate(
        "cb_1", realtime.FunctionCall("call_1", "look_up", "{}"), "cb_item_1", "root"
    ),
    realtime.ConversationItemCreate(
        "cb_1", realtime.UserMessage((realtime.InputAudio(b"\xff\xff\x7f"),)), "cb_item_2"
    ),
    realtime.ConversationItemCreate(
        "cb_1", realtime.SystemMessage((realtime.InputText("Go on."),)), "cb_item_3", "cb_item_2"
    ),
    realtime.ConversationItemCreate(
        "cb_1", realtime.AssistantMessage((realtime.OutputText("We are open."),)), "cb_item_4"
    ),
    realtime.ConversationItemTruncate("cb_1", "item_1", 1240),
    realtime.ResponseCreate("cb_1"),
    realtime.ResponseCreate("cb_1", realtime.ResponseOptions("Say goodbye.", "none")),
    realtime.ResponseCancel("cb_1", "resp_1"),
]


@pytest.mark.parametrize(("wire", "event"), RECORDED)
@pytest.mark.parametrize("dialect", ["ga", "beta"])
def test_recorded_events_are_understood(
    dialect: realtime.Dialect, wire: dict[str, Any], event: realtime.Inbound
) -> None:
    """Events that both dialects share become the same values."""
    assert realtime.decode(json.dumps(wire), dialect) == event
    assert realtime.decode(json.dumps(wire).encode(), dialect) == event


@pytest.mark.parametrize(("dialect", "prefix"), [("ga", "output_audio"), ("beta", "audio")])
def test_audio_has_another_name_in_each_dialect(dialect: realtime.Dialect, prefix: str) -> None:
    """The delta's base64 becomes bytes."""
    delta = {"type": f"response.{prefix}.delta", "delta": "//9/"} | AUDIO
    done = {"type": f"response.{prefix}.done"} | AUDIO

    assert realtime.decode(json.dumps(delta), dialect) == realtime.OutputAudioDelta(
        "resp_1", "item_1", b"\xff\xff\x7f"
    )
    assert realtime.decode(json.dumps(done), dialect) == realtime.OutputAudioDone(
        "resp_1", "item_1"
    )


def test_a_beta_name_means_nothing_in_ga() -> None:
    """The beta protocol was switched off; its names are unknown to the GA dialect."""
    text = json.dumps({"type": "response.audio.delta", "delta": "//9/"} | AUDIO)

    assert realtime.decode(text) == realtime.Unknown("response.audio.delta")


@pytest.mark.parametrize("dialect", ["ga", "beta"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("not json", "JSON is malformed"),
        ("[]", "Expected `object`"),
        ("{}", "type"),
        ('{"type":["x"]}', "$.type"),
        ('{"type":"error"}', "error: "),
        ('{"type":"response.done","response":{"id":1}}', "$.response.id"),
        ('{"type":' + "[" * 100_000, "recursion"),
        ("\ud800", "UnicodeEncodeError"),
    ],
)
def test_what_cannot_be_read_says_where(dialect: realtime.Dialect, text: str, place: str) -> None:
    """A broken event is a value that names the place of the first fault."""
    event = realtime.decode(text, dialect)

    assert isinstance(event, realtime.Malformed)
    assert place in event.why


@given(realtime_texts)
def test_decoding_is_total(text: str | bytes) -> None:
    """No text or bytes raises, in either dialect."""
    for dialect in ("ga", "beta"):
        assert isinstance(realtime.decode(text, dialect), realtime.Inbound)


@pytest.mark.parametrize("event", EVENTS)
def test_the_vendors_own_types_accept_what_is_sent(event: realtime.Outbound) -> None:
    """Each client event validates against the openai package and has its event id."""
    wire = json.loads(realtime.encode(event))
    parsed: Any = TypeAdapter(RealtimeClientEvent).validate_python(wire)

    assert parsed.type == wire["type"]
    assert wire["event_id"] == "cb_1"


@pytest.mark.parametrize("event", EVENTS)
def test_the_vendors_beta_types_accept_what_is_sent(event: realtime.Outbound) -> None:
    """The same in the beta dialect."""
    wire = json.loads(realtime.encode(event, "beta"))
    parsed: Any = TypeAdapter(BetaClientEvent).validate_python(wire)

    assert parsed.type == wire["type"]


def test_the_ga_session_is_nested() -> None:
    """µ-law both ways, all turn detection fields, no field the GA API would refuse."""
    update = realtime.SessionUpdate(
        "cb_1", "marin", "Be brief.", realtime.ServerVad(), temperature=0.8
    )

    assert json.loads(realtime.encode(update)) == {
        "type": "session.update",
        "event_id": "cb_1",
        "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": "Be brief.",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transcription": None,
                    "turn_detection": {
                        "type": "server_vad",
                        "threshold": 0.5,
                        "prefix_padding_ms": 300,
                        "silence_duration_ms": 500,
                        "idle_timeout_ms": None,
                        "create_response": True,
                        "interrupt_response": True,
                    },
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
            },
            "tools": [],
            "tool_choice": "auto",
        },
    }


def test_the_beta_session_is_flat() -> None:
    """The beta dialect has the old names, a temperature, and no idle timeout."""
    update = realtime.SessionUpdate(
        "cb_1", "alloy", "Be brief.", realtime.ServerVad(idle_timeout_ms=9000), temperature=0.8
    )

    session = json.loads(realtime.encode(update, "beta"))["session"]

    assert session["input_audio_format"] == session["output_audio_format"] == "g711_ulaw"
    assert session["temperature"] == 0.8
    assert "idle_timeout_ms" not in session["turn_detection"]
    assert "audio" not in session


def test_a_prompt_may_have_no_version() -> None:
    """The version is sent only if there is one; without instructions the prompt's own stand."""
    update = realtime.SessionUpdate("cb_1", "marin", "", realtime.SemanticVad(), prompt_id="pmpt_1")

    session = json.loads(realtime.encode(update))["session"]

    assert session["prompt"] == {"id": "pmpt_1"}
    assert "instructions" not in session


def test_an_event_knows_its_wire_type() -> None:
    """Logs name events as the vendor does."""
    assert realtime.wire_type(realtime.SpeechStarted()) == "input_audio_buffer.speech_started"
    assert realtime.wire_type(realtime.Unknown("rate_limits.updated")) == "rate_limits.updated"
