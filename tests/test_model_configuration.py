"""A session's configuration: updates are merged, refused whole, and echoed."""

from typing import Any

import pytest

from simulator.scenario.format import ModelSetup
from tests.model_client import HELLO, Desk, ready, reply, update


def detection(**fields: Any) -> dict[str, Any]:
    """The `audio` object that sets turn_detection."""
    return {"input": {"turn_detection": fields}}


def test_an_update_is_answered_with_everything() -> None:
    """session.updated echoes the whole session, not only what changed."""
    answer = update(Desk().connect(), instructions="Be brief.")

    assert answer["type"] == "session.updated"
    assert answer["session"]["instructions"] == "Be brief."
    assert answer["session"]["audio"]["output"]["voice"] == "alloy"


def test_turn_detection_is_merged_field_by_field() -> None:
    """A server_vad without silence_duration_ms keeps the 200 ms of the fresh session."""
    answer = update(Desk().connect(), audio=detection(type="server_vad", threshold=0.7))

    merged = answer["session"]["audio"]["input"]["turn_detection"]
    assert (merged["threshold"], merged["silence_duration_ms"]) == (0.7, 200)


def test_another_kind_of_turn_detection_starts_from_its_own_defaults() -> None:
    """semantic_vad takes nothing over from server_vad."""
    answer = update(Desk().connect(), audio=detection(type="semantic_vad"))

    assert answer["session"]["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "auto",
        "create_response": True,
        "interrupt_response": True,
    }


def test_null_and_empty_clear_fields() -> None:
    """turn_detection null, tools null and instructions "" take effect."""
    answer = update(
        Desk().connect(), audio={"input": {"turn_detection": None}}, tools=None, instructions=""
    )

    session = answer["session"]
    assert session["audio"]["input"]["turn_detection"] is None
    assert (session["tools"], session["instructions"]) == ([], "")


REFUSED = [
    ({"temperature": 0.8}, "unknown_parameter", "session.temperature"),
    ({"modalities": ["audio"]}, "unknown_parameter", "session.modalities"),
    ({"voice": "alloy"}, "unknown_parameter", "session.voice"),
    ({"input_audio_format": "g711_ulaw"}, "unknown_parameter", "session.input_audio_format"),
    (
        {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
        "integer_below_min_value",
        "session.audio.input.format.rate",
    ),
    (
        {"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 8000}}}},
        "unknown_parameter",
        "session.audio.input.format.rate",
    ),
    (
        {"audio": detection(type="server_vad", threshold=1.5)},
        "decimal_above_max_value",
        "session.audio.input.turn_detection.threshold",
    ),
    (
        {"audio": detection(type="server_vad", silence_duration_ms="long")},
        "invalid_type",
        "session.audio.input.turn_detection.silence_duration_ms",
    ),
    (
        {"audio": detection(type="semantic_vad", eagerness="wild")},
        "invalid_value",
        "session.audio.input.turn_detection.eagerness",
    ),
    (
        {"audio": detection(type="vad")},
        "invalid_value",
        "session.audio.input.turn_detection.type",
    ),
    ({"audio": {"output": {"voice": "nobody"}}}, "invalid_value", "session.audio.output.voice"),
    ({"tools": [{"type": "function"}]}, "missing_required_parameter", "session.tools[0].name"),
    ({"output_modalities": ["audio", "text"]}, "invalid_value", "session.output_modalities"),
    ({"model": "gpt-realtime"}, "invalid_value", "session.model"),
    ({"audio": 7}, "invalid_type", "session.audio"),
]


@pytest.mark.parametrize(("fields", "code", "param"), REFUSED)
def test_a_bad_update_is_discarded_whole(fields: dict[str, Any], code: str, param: str) -> None:
    """The error names the field by its path, and the good fields beside it are lost as well."""
    client = Desk().connect()

    answer = update(client, instructions="never", **fields)

    assert answer["type"] == "error"
    assert (answer["error"]["code"], answer["error"]["param"]) == (code, param)
    assert answer["error"]["event_id"] == "mine"
    assert update(client)["session"]["instructions"] != "never"


def test_a_session_needs_its_type() -> None:
    """`type` is required even when nothing else is."""
    client = Desk().connect()

    client.says("session.update", session={})

    error = client.one("error")["error"]
    assert (error["code"], error["param"]) == ("missing_required_parameter", "session.type")


def test_the_voice_is_fixed_once_the_session_has_spoken() -> None:
    """The same voice again is fine; another one is refused and drops the update."""
    client = ready(ModelSetup(replies=(reply("greeting", HELLO),)))
    client.says("response.create")
    client.waits(2000)

    same = update(client, audio={"output": {"voice": "marin"}})
    other = update(client, audio={"output": {"voice": "cedar"}}, instructions="never")

    assert same["type"] == "session.updated"
    assert other["error"]["code"] == "cannot_update_voice"
    assert update(client)["session"]["instructions"] != "never"


def test_tracing_cannot_be_changed_once_set() -> None:
    """Enabled tracing stays."""
    client = Desk().connect()
    update(client, tracing="auto")

    assert update(client, tracing=None)["error"]["param"] == "session.tracing"


def test_every_setting_of_a_session_is_echoed() -> None:
    """All fields of the GA session, the rarer ones too."""
    client = Desk().connect()
    rare: dict[str, Any] = {
        "reasoning": {"effort": "low"},
        "parallel_tool_calls": False,
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Graz"}},
        "include": ["item.input_audio_transcription.logprobs"],
        "tracing": {"workflow_name": "calls", "group_id": "g", "metadata": {"a": "b"}},
        "truncation": {
            "type": "retention_ratio",
            "retention_ratio": 0.8,
            "token_limits": {"post_instructions": 8000},
        },
        "max_output_tokens": 4096,
        "tool_choice": {"type": "function", "name": "end_call"},
    }
    audio = {
        "input": {
            "noise_reduction": {"type": "near_field"},
            "transcription": {"model": "gpt-realtime-whisper", "language": "en"},
        },
        "output": {"voice": {"id": "voice_1"}, "speed": 1.2},
    }

    session = update(client, **rare, audio=audio)["session"]

    assert {name: session[name] for name in rare} == rare
    assert session["audio"]["input"]["noise_reduction"] == {"type": "near_field"}
    assert session["audio"]["input"]["transcription"]["language"] == "en"
    assert (session["audio"]["output"]["voice"], session["audio"]["output"]["speed"]) == (
        {"id": "voice_1"},
        1.2,
    )


def test_a_number_of_any_size_is_echoed() -> None:
    """JSON knows no largest number; neither does the echo of a tool's parameters."""
    client = Desk().connect()
    parameters = {"type": "object", "maximum": 1 << 70}
    tool = {"type": "function", "name": "f", "parameters": parameters}

    assert update(client, tools=[tool])["session"]["tools"] == [tool]
