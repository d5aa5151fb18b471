"""GPT-Live as the words of a call: the translator of one session, message by message."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import realtime
from bridge.core.hangup import deaf
from bridge.core.mulaw import BYTES_PER_MS
from bridge.engines.engine import Told
from bridge.engines.gpt_live import wire
from bridge.engines.gpt_live.loudness import sound_end
from bridge.engines.gpt_live.session import SPEAK, GptLive

PIECE_MS = 100
QUIET = b"\xff" * (PIECE_MS * BYTES_PER_MS)
LOUD = b"\x10\x90" * (PIECE_MS * BYTES_PER_MS // 2)
CLICK = QUIET[:400] + b"\x10" * 4 + QUIET[:396]
TOOL = realtime.Tool("look_up", "Find something.", {"type": "object"})


def session(**fields: Any) -> realtime.SessionUpdate:
    """What the call configures first."""
    given = {"event_id": "cb_1", "voice": "marin", "instructions": "Be kind.", **fields}
    return realtime.SessionUpdate(turn_detection=realtime.ServerVad(), **given)


class Live:
    """A session under test: texts in, events and messages out."""

    def __init__(self) -> None:
        self.engine = GptLive("gpt-live-1", "backend-1")

    def hear(self, kind: str, **fields: Any) -> list[realtime.Inbound]:
        """Events which a message of the server's brings forth."""
        return events(self.engine.inward(json.dumps({"type": kind, **fields})))

    def stream(self, *pieces: bytes) -> list[realtime.Inbound]:
        """The same of pieces of the model's stream, without the seconds."""
        told: list[realtime.Inbound] = []
        for piece in pieces:
            delta = base64.b64encode(piece).decode()
            told += self.hear("session.output_audio.delta", delta=delta)
        return [event for event in told if not isinstance(event, realtime.SessionLasted)]

    def say(self, event: realtime.Outbound) -> list[dict[str, Any]]:
        """Messages that say an event of the call's."""
        return [json.loads(text) for text in self.engine.outward(event)]

    def ask(self, instructions: str | None, event_id: str = "cb_9") -> list[dict[str, Any]]:
        """Ask for something to be said."""
        return self.say(realtime.ResponseCreate(event_id, realtime.ResponseOptions(instructions)))

    def backend(self, kind: str, **fields: Any) -> list[realtime.Inbound]:
        """An event of the backend's."""
        event = {"type": f"response.{kind}", **fields}
        return self.hear("response.event", delegation_id="work_1", event=event)

    def called(self, *names: str) -> list[realtime.Inbound]:
        """The backend calls functions; a call's id is its name in capitals."""
        self.backend("created")
        for name in names:
            item = {"type": "function_call", "status": "completed", "name": name}
            self.backend("output_item.done", item={**item, "call_id": name.upper()})
        return self.backend("completed", response={})

    def answer(self, call_id: str) -> list[dict[str, Any]]:
        """Give a function's output."""
        item = realtime.FunctionCallOutput(call_id, "{}")
        return self.say(realtime.ConversationItemCreate("cb_7", item))


def events(told: Sequence[Told]) -> list[realtime.Inbound]:
    """The events alone; their texts are checked to say the same in the GA shape."""
    for text, event in told:
        known = not isinstance(event, realtime.Unknown | realtime.Malformed)
        assert text is not None
        assert not known or realtime.decode(text) == event
    return [event for _, event in told]


def kinds(told: Sequence[object]) -> list[str]:
    """The names of messages, or of events."""
    return [m["type"] if isinstance(m, dict) else type(m).__name__ for m in told]


def of(told: Sequence[realtime.Inbound], kind: type[Any]) -> Any:
    """The one event of a kind."""
    (found,) = [event for event in told if isinstance(event, kind)]
    return found


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


# ------------------------------------------------------------------------ speech
def test_silence_is_nothing() -> None:
    """The stream's silence, and a click in it, are nobody's speech."""
    assert Live().stream(QUIET, CLICK, QUIET) == []


def test_a_stretch_of_speech_is_a_response() -> None:
    """It begins with the first piece that sounds, and ends when it has been quiet for 800 ms."""
    live = Live()
    told = live.stream(QUIET, LOUD, *[QUIET] * 5, LOUD, *[QUIET] * 8)

    assert kinds(told) == [
        "ResponseCreated",
        *["OutputAudioDelta"] * 15,
        "OutputAudioDone",
        "OutputTranscriptDone",
        "OutputItemDone",
        "ResponseDone",
    ]
    done = of(told, realtime.ResponseDone).response
    assert (done.id, done.status) == ("response__1", "completed")
    assert live.stream(QUIET) == []
    assert of(live.stream(LOUD), realtime.ResponseCreated).response.id == "response__2"


def test_words_of_the_model_belong_to_the_speech_around_them() -> None:
    """Words may come before their sound, with it, and a little behind it."""
    live = Live()
    early = live.hear("session.output_transcript.delta", delta="Hello", start_ms=0)
    begun = live.stream(LOUD)
    during = live.hear("session.output_transcript.delta", delta=" there", start_ms=50)
    ended = live.stream(*[QUIET] * 8)
    late = live.hear("session.output_transcript.delta", delta="!", start_ms=90)

    assert early == []
    assert of(begun, realtime.OutputTranscriptDelta).delta == "Hello"
    assert of(during, realtime.OutputTranscriptDelta).delta == " there"
    assert of(ended, realtime.OutputTranscriptDone).transcript == "Hello there"
    assert of(late, realtime.OutputTranscriptDelta).item_id == "speech__1"


def test_the_seconds_are_counted() -> None:
    """Each second of the stream is told once; the server's own count wins if it is higher."""
    live = Live()
    delta = base64.b64encode(QUIET).decode()
    told = [
        event for _ in range(25) for event in live.hear("session.output_audio.delta", delta=delta)
    ]

    assert told == [realtime.SessionLasted(1.0), realtime.SessionLasted(1.0)]
    assert live.hear("session.usage.updated", usage={"seconds": 2.0}) == []
    assert live.hear("session.usage.updated", usage={"seconds": 4.5}) == [
        realtime.SessionLasted(2.5)
    ]


# ------------------------------------------------------------------------ the caller
def heard(live: Live, words: str, start_ms: int) -> list[realtime.Inbound]:
    """Words of the caller's come."""
    return live.hear("session.input_transcript.delta", delta=words, start_ms=start_ms)


def test_words_of_the_caller_make_a_turn() -> None:
    """It begins with the first words and ends when none have come for 800 ms of the stream."""
    live = Live()
    begun = heard(live, "Good", 0)
    goes_on = [*live.stream(*[QUIET] * 7), *heard(live, " morning", 700)]
    ended = live.stream(*[QUIET] * 8)

    assert begun == [realtime.SpeechStarted(audio_start_ms=0)]
    assert goes_on == []
    assert ended == [
        realtime.SpeechStopped(),
        realtime.InputAudioBufferCommitted("turn__1"),
        realtime.InputTranscribed("turn__1", "Good morning"),
    ]


def test_a_model_that_falls_silent_for_the_caller_has_been_interrupted() -> None:
    """Words spoken into its speech, and then quiet for 400 ms: it broke off."""
    live = Live()
    live.stream(*[LOUD] * 10)
    heard(live, "Wait", 500)
    told = live.stream(*[QUIET] * 4)

    done = of(told, realtime.ResponseDone).response
    assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
    assert of(told, realtime.OutputItemDone).item.status == "incomplete"


@pytest.mark.parametrize("start_ms", [-100, 800])
def test_words_before_the_speech_or_at_its_end_do_not_interrupt_it(start_ms: int) -> None:
    """What the caller said before is what is answered; what follows at once is no interruption."""
    live = Live()
    live.stream(*[LOUD] * 10)
    heard(live, "Yes", start_ms)

    assert of(live.stream(*[QUIET] * 4), realtime.ResponseDone).response.status == "completed"


def test_a_model_that_speaks_on_while_the_caller_does_is_not_interrupted() -> None:
    """A short sound of assent changes nothing."""
    live = Live()
    live.stream(*[LOUD] * 10)
    heard(live, "mhm", 500)

    assert kinds(live.stream(LOUD)) == ["OutputAudioDelta"]


# ------------------------------------------------------------------------ requests
def test_a_request_is_something_to_say() -> None:
    """Instructions go where the model speaks from, with the word to speak now."""
    (said,) = Live().ask("Greet the caller.")

    assert said == {
        "type": "session.commentary.append",
        "event_id": "cb_9",
        "delegation_id": None,
        "content": SPEAK + "Greet the caller.",
    }


def test_a_bare_request_asks_for_an_answer() -> None:
    """What there is to be said, the model knows."""
    (said,) = Live().ask(None)

    assert said["type"] == "session.commentary.append"


def test_a_request_that_is_not_followed_is_answered_without_sound() -> None:
    """After ten seconds of the stream the model owes nothing any more."""
    live = Live()
    live.ask("Greet.")
    before, after = live.stream(*[QUIET] * 99), live.stream(QUIET)

    assert before == []
    assert kinds(after) == ["ResponseCreated", "ResponseDone"]
    assert live.stream(*[QUIET] * 200) == []


def test_a_refused_request_is_an_error_that_names_it() -> None:
    """The call hears which request it was; nothing is waited for."""
    live = Live()
    live.ask("Greet.", "cb_9")
    told = live.hear("error", error={"code": "nonsense", "client_event_id": "cb_9"})

    assert of(told, realtime.Error).error.event_id == "cb_9"
    assert live.stream(*[QUIET] * 120) == []


def test_speech_behind_an_arrived_request_is_a_response_of_its_own() -> None:
    """A model that was speaking goes straight on: a short pause parts the two."""
    live = Live()
    live.stream(LOUD)
    live.ask("Say goodbye.", "cb_9")
    still_old = live.stream(*[QUIET] * 5, LOUD)
    live.hear("session.commentary.appended", client_event_id="cb_9", start_ms=0, end_ms=0)
    parted = live.stream(*[QUIET] * 3)
    new = live.stream(LOUD, *[QUIET] * 3)

    assert "ResponseDone" not in kinds(still_old)
    assert of(parted, realtime.ResponseDone).response.id == "response__1"
    assert of(new, realtime.ResponseCreated).response.id == "response__2"
    assert "ResponseDone" not in kinds(new)


def test_a_model_that_goes_straight_on_has_turned_to_what_was_asked() -> None:
    """Without a pause, 800 ms after the request arrived; then two seconds of quiet end it."""
    live = Live()
    live.stream(LOUD)
    live.ask("Say goodbye.", "cb_9")
    live.hear("session.commentary.appended", client_event_id="cb_9")
    told = live.stream(*[LOUD] * 10, *[QUIET] * 19)

    assert kinds(told)[7:13] == [
        "OutputAudioDelta",
        "OutputAudioDone",
        "OutputTranscriptDone",
        "OutputItemDone",
        "ResponseDone",
        "ResponseCreated",
    ]
    assert kinds(told)[-1] == "OutputAudioDelta"
    assert kinds(live.stream(QUIET))[-1] == "ResponseDone"


def test_an_arrival_of_nothing_that_was_asked_means_nothing() -> None:
    """Another's acknowledgement, or one that comes late, changes nothing."""
    live = Live()
    live.hear("session.commentary.appended", client_event_id="cb_1")
    live.ask("Greet.", "cb_9")
    live.hear("session.commentary.appended", client_event_id="cb_1")
    live.hear("error", error={"client_event_id": "cb_1"})
    told = live.stream(LOUD, *[QUIET] * 7)

    assert "ResponseDone" not in kinds(told)


def test_a_long_request_comes_in_pieces_the_last_of_which_speaks() -> None:
    """An append holds 500 tokens."""
    *before, last = Live().ask("word " * 400)

    assert {said["type"] for said in before} == {"session.thinking.append"}
    assert last["type"] == "session.commentary.append"


@given(st.text())
def test_no_piece_is_longer_than_an_append_may_be(text: str) -> None:
    """Whatever the text is, and nothing of it gets lost but blanks."""
    parts = wire.pieces(text)

    assert all(
        len(part.encode("utf-8", "surrogatepass")) <= wire.APPEND_BYTES_MAX for part in parts
    )
    assert "".join(parts).replace(" ", "") == text.replace(" ", "")


# ------------------------------------------------------------------------ functions
def test_a_call_is_told_when_the_backends_response_is_complete() -> None:
    """By then all calls of the response are known."""
    told = Live().called("look_up", "end_call")

    assert kinds(told) == ["OutputItemDone", "OutputItemDone"]
    assert [event.item.call_id for event in told if isinstance(event, realtime.OutputItemDone)] == [
        "LOOK_UP",
        "END_CALL",
    ]


def test_the_backend_goes_on_when_all_its_calls_are_answered() -> None:
    """The server refuses anything less."""
    live = Live()
    live.called("one", "two")
    first = live.answer("ONE")
    asked = live.ask(None)
    second = live.answer("TWO")

    assert kinds(first) == ["response.item.create"]
    assert first[0]["item"] == {"type": "function_call_output", "call_id": "ONE", "output": "{}"}
    assert asked == []
    assert kinds(second) == ["response.item.create", "response.create"]


def test_an_answered_backend_goes_on_when_an_answer_is_asked_for() -> None:
    """Not before: after end_call nothing more is wanted of it but a goodbye."""
    live = Live()
    live.called("end_call")
    live.answer("END_CALL")

    assert kinds(live.ask("Say goodbye.")) == ["session.commentary.append"]
    assert kinds(live.ask(None)) == ["response.create"]


@pytest.mark.parametrize("end", ["failed", "incomplete"])
def test_calls_of_a_response_that_failed_are_not_made(end: str) -> None:
    """An output for one of them would be refused."""
    live = Live()
    live.backend("created")
    call = {"type": "function_call", "status": "completed", "name": "x", "call_id": "X"}
    live.backend("output_item.done", item=call)

    assert live.backend(end, response={}) == []
    assert kinds(live.answer("X")) == ["session.thinking.append"]


@pytest.mark.parametrize(
    "item",
    [None, {"type": "message"}, {"type": "function_call", "status": "incomplete", "call_id": "X"}],
)
def test_what_is_no_whole_call_is_not_made(item: object) -> None:
    """Text of the backend, and calls it broke off."""
    live = Live()
    live.backend("output_item.done", item=item)

    assert live.backend("output_text.delta") == []
    assert live.backend("completed", response={}) == []


def test_what_the_backend_used_is_told_with_the_next_response() -> None:
    """Its tokens add up."""
    live = Live()
    usage = {
        "input_tokens": 40,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 30},
    }
    live.backend("completed", response={"usage": usage})
    live.backend("completed", response={"usage": {"input_tokens": 2, "output_tokens": 1}})
    told = live.stream(LOUD, *[QUIET] * 8)

    spent = of(told, realtime.ResponseDone).response.usage
    assert (spent.input_tokens, spent.output_tokens) == (42, 6)
    assert spent.input_token_details.cached_tokens == 30


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
