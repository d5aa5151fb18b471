"""GPT-Live as the words of a call: its configuration, our words without a match, its ends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import realtime
from bridge.core.hangup import deaf
from bridge.engines.gpt_live import wire
from bridge.engines.gpt_live.loudness import sound_end
from bridge.engines.gpt_live.session import GptLive
from tests.live_session import LOUD, TOOL, Live, events, kinds, of, session


# ------------------------------------------------------------------------ the session
def test_the_call_is_told_to_begin_because_the_server_says_nothing_first() -> None:
    """An open connection is a session to be configured."""
    assert events(GptLive("m", "b").opened()) == [realtime.SessionCreated()]


def test_the_first_message_says_everything_once_and_for_all() -> None:
    """session.start holds model, both instructions, voice, format and the backend's functions."""
    live = Live()
    (start,) = live.say(session(tools=(TOOL,)))

    told = start["session"]
    assert (start["type"], start["event_id"], told["model"]) == (
        "session.start",
        "cb_1",
        "gpt-live-1",
    )
    assert told["audio"] == {
        "format": {"type": "audio/pcmu", "rate": 8000},
        "output": {"voice": "marin"},
    }
    assert told["instructions"].startswith("Be kind.")
    assert "look_up: Find something." in told["instructions"]
    backend = told["delegation"]["responses"]
    assert told["delegation"]["type"] == "responses"
    assert backend["model"] == "backend-1"
    assert backend["instructions"].endswith("Be kind.")
    assert backend["tools"] == [
        {
            "type": "function",
            "name": "look_up",
            "description": "Find something.",
            "parameters": {"type": "object"},
        }
    ]


def test_without_words_and_functions_the_voice_has_the_servers_defaults() -> None:
    """Blank instructions are left out."""
    (start,) = Live().say(session(instructions=""))

    assert "instructions" not in start["session"]


def test_later_only_the_backend_can_be_changed() -> None:
    """A second configuration is an update of the delegation."""
    live = Live()
    live.say(session())
    (update,) = live.say(session(tools=(TOOL,)))

    assert update["type"] == "session.update"
    assert list(update["session"]) == ["delegation"]


def test_started_is_ready() -> None:
    """session.started is what the call waits for; ids are made of the session's."""
    live = Live()

    assert live.hear("session.started", session={"id": "live_7:x"}) == [realtime.SessionUpdated()]
    assert of(live.stream(LOUD), realtime.ResponseCreated).response.id == "response_live7x_1"


def test_the_session_is_closed_before_its_connection() -> None:
    """It is billed until then."""
    assert [json.loads(text) for text in GptLive("m", "b").closing()] == [{"type": "session.close"}]


# ------------------------------------------------------------------------ the rest of our words
def test_a_deaf_model_is_given_silence_to_hear() -> None:
    """There is no turn detection to switch off, so the input is muted; and only once."""
    live = Live()
    detection = realtime.ServerVad()
    off = realtime.TurnDetectionUpdate("cb_2", deaf(detection))
    on = realtime.TurnDetectionUpdate("cb_3", detection)

    assert kinds(live.say(off)) == ["session.input_audio.mute"]
    assert live.say(off) == []
    assert kinds(live.say(on)) == ["session.input_audio.unmute"]


def test_caller_audio_is_passed_on() -> None:
    """As it is."""
    (said,) = Live().say(realtime.InputAudioBufferAppend("cb_2", b"\x01\x02"))

    assert said == {"type": "session.input_audio.append", "audio": "AQI="}


@pytest.mark.parametrize(
    ("item", "kind", "words"),
    [
        (realtime.UserMessage((realtime.InputText("1 2"),)), "thinking", "From the caller: 1 2"),
        (realtime.AssistantMessage((realtime.OutputText("Hi"),)), "thinking", "You said: Hi"),
        (realtime.SystemMessage((realtime.InputText("Go on"),)), "instructions", "Go on"),
        (
            realtime.FunctionCall("c", "f", "{}"),
            "thinking",
            "The function f was called with {}.",
        ),
        (realtime.FunctionCallOutput("c", "{}"), "thinking", "A function answered: {}"),
    ],
)
def test_items_are_context(item: realtime.Item, kind: str, words: str) -> None:
    """A conversation cannot be edited: the model is told."""
    (said,) = Live().say(realtime.ConversationItemCreate("cb_2", item))

    assert (said["type"], said["content"]) == (f"session.{kind}.append", words)


def test_sound_of_the_caller_is_heard_again() -> None:
    """A turn kept as sound is sound."""
    item = realtime.UserMessage((realtime.InputAudio(b"\x01"),))

    assert kinds(Live().say(realtime.ConversationItemCreate("cb_2", item))) == [
        "session.input_audio.append"
    ]


def test_what_the_vendor_has_no_word_for_is_not_said() -> None:
    """No truncation, no cancellation."""
    live = Live()

    assert live.say(realtime.ConversationItemTruncate("cb_2", "speech__1", 10)) == []
    assert live.say(realtime.ResponseCancel("cb_2", "response__1")) == []


# ------------------------------------------------------------------------ ends and nonsense
@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("expired", "session_expired"),
        ("content", "session_closed_content"),
        ("connection_lost", "session_closed_connection_lost"),
    ],
)
def test_an_end_that_nobody_asked_for_is_an_error(reason: str, code: str) -> None:
    """The connection's end follows by itself."""
    told = Live().hear("session.closed", reason=reason, usage={"seconds": 3.0})

    assert of(told, realtime.Error).error.code == code
    assert of(told, realtime.SessionLasted).seconds == 3.0


def test_the_end_completes_what_was_being_said() -> None:
    """And one that was asked for is no error."""
    live = Live()
    live.stream(LOUD)

    assert kinds(live.hear("session.closed", reason="close_requested"))[-1] == "ResponseDone"


@pytest.mark.parametrize("kind", sorted(wire.PASSING))
def test_events_without_meaning_pass(kind: str) -> None:
    """They are known to exist."""
    assert Live().hear(kind) == []


def test_an_unknown_event_is_told_as_that() -> None:
    """So that it can be counted."""
    assert Live().hear("session.news") == [realtime.Unknown("session.news")]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"type": 1}', '{"type": "session.output_audio.delta"}', "\ud800"]
)
def test_nonsense_is_malformed(text: str) -> None:
    """Nothing a server sends raises."""
    ((told, event),) = GptLive("m", "b").inward(text)

    assert told == text
    assert isinstance(event, realtime.Malformed)


@given(st.binary(max_size=2000))
def test_the_end_of_sound_lies_in_the_audio(audio: bytes) -> None:
    """Behind it, nothing can be heard."""
    end = sound_end(audio)

    assert 0 <= end <= len(audio)
    assert end == 0 or end % 160 == 0 or end == len(audio)
    assert sound_end(audio[:end]) == end
