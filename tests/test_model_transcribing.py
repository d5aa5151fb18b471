"""Sessions that only transcribe (`?intent=transcription`): heard, written down, never answered."""

import json
from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, Transcript
from tests.model_client import HELLO, KEY, Client, Desk, reply

PATH = "/v1/realtime?intent=transcription"
COMPLETED = "conversation.item.input_audio_transcription.completed"
WORDS = Transcript("When are you open?")
PCMU = {"type": "audio/pcmu"}
VAD = {"type": "server_vad", "silence_duration_ms": 500}


def transcribing(model: str = "gpt-4o-transcribe", turn: Any = VAD, **more: Any) -> Client:
    """Such a session, configured for a telephone."""
    setup = ModelSetup(replies=(reply("turn", HELLO, optional=True),), transcripts=(WORDS,))
    client = Desk(setup).connect(PATH)
    heard = {"format": PCMU, "transcription": {"model": model}, "turn_detection": turn, **more}
    client.says("session.update", session={"type": "transcription", "audio": {"input": heard}})
    return client


def test_a_session_that_only_transcribes_has_an_ear_and_no_voice() -> None:
    """No model is named in the URL; the session has no output, and turn detection no answers."""
    client = Desk().connect(PATH)
    session = client.one("session.created")["session"]

    assert (session["type"], session["object"]) == (
        "transcription",
        "realtime.transcription_session",
    )
    assert set(session) == {"type", "object", "id", "expires_at", "audio", "include"}
    assert set(session["audio"]) == {"input"}
    assert session["audio"]["input"]["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 200,
    }


def test_what_is_said_is_written_down_and_not_answered() -> None:
    """Speech, commit, item, transcript; no response, whatever the script holds."""
    client = transcribing()
    client.hears_turn()
    client.waits(5000)

    assert client.order() == [
        "session.created",
        "session.updated",
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.delta",
        COMPLETED,
    ]
    assert client.one(COMPLETED)["transcript"] == WORDS.words


def test_a_client_may_commit_by_hand() -> None:
    """Without turn detection, which gpt-realtime-whisper does not have."""
    client = transcribing("gpt-realtime-whisper", None)
    client.hears_turn()
    client.says("input_audio_buffer.commit")
    client.waits(5000)

    assert client.one(COMPLETED)["transcript"] == WORDS.words


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"type": "response.create"}, "invalid_value"),
        ({"type": "conversation.item.delete", "item_id": "x"}, "invalid_value"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_value"),
        (
            {"type": "session.update", "session": {"type": "transcription", "instructions": "x"}},
            "unknown_parameter",
        ),
        (
            {
                "type": "session.update",
                "session": {"type": "transcription", "audio": {"output": {"voice": "ash"}}},
            },
            "unknown_parameter",
        ),
    ],
)
def test_what_such_a_session_does_not_take(event: dict[str, Any], code: str) -> None:
    """Nothing that asks for an answer or changes a conversation."""
    client = transcribing()
    client.raw(json.dumps(event).encode())

    assert client.one("error")["error"]["code"] == code


def test_whisper_live_has_no_turn_detection() -> None:
    """Both together are refused whole."""
    client = transcribing("gpt-realtime-whisper")

    assert client.one("error")["error"]["param"] == "session.audio.input.turn_detection"
    assert client.all("session.updated") == []


def test_the_beta_protocols_is_not_imitated() -> None:
    """501 instead of something half right."""
    beta = (*KEY, ("openai-beta", "realtime=v1"))

    assert Desk(ModelSetup(dialect="beta")).connect(PATH, beta).status == 501
