"""The fake GPT-Live: its order, its stream, its ears; both sides on the wire."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.live.client_event import ClientEvent
from openai.types.live.server_event import ServerEvent
from pydantic import TypeAdapter

from simulator.gpt_live.server import FakeGptLive
from simulator.gpt_live.vocabulary import EVENTS
from simulator.scenario.format import ModelSetup
from tests.live_client import SESSION, LiveDesk, speech, started
from tests.model_client import HELLO, LONG, clip, reply
from tests.vendor_wire import strangers, wire


# ------------------------------------------------------------------------------ order
def test_a_session_begins_with_its_configuration() -> None:
    """And is told back, with id, expiry and status."""
    client = started()

    session = client.one("session.started")["session"]
    assert session["status"] == "active"
    assert session["model"] == "gpt-live-1"
    assert client.kinds() == ["session.started"]


@pytest.mark.parametrize("kind", ["session.input_audio.mute", "response.create", "session.close"])
def test_nothing_else_comes_first(kind: str) -> None:
    """session.start does."""
    client = LiveDesk().connect()
    client.says(kind)

    assert client.error() == "session_not_started"


def test_a_session_starts_once() -> None:
    """A second start changes nothing."""
    client = started()
    client.says("session.start", session=SESSION)

    assert client.error() == "session_already_started"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"voice": "marin"}, "session.voice"),
        ({"audio": {"format": {"type": "audio/pcmu"}}}, "session.audio.format.rate"),
        ({"audio": {"output": {"voice": "nobody"}}}, "session.audio.output.voice"),
        ({"delegation": {"type": "responses"}}, "session.delegation.responses"),
        ({"turn_detection": None}, "session.turn_detection"),
    ],
)
def test_what_a_session_cannot_be_is_refused_by_name(change: dict[str, Any], param: str) -> None:
    """Unknown fields above all."""
    client = LiveDesk().connect().starts(**change)

    assert client.one("error")["error"]["param"] == param
    assert client.all("session.started") == []


def test_history_has_128_messages_at_most() -> None:
    """More are refused."""
    message = {"role": "user", "content": [{"type": "input_text", "text": "x"}]}
    client = LiveDesk().connect().starts(input=[message] * 129)

    assert client.error() == "array_above_max_length"


@pytest.mark.parametrize(
    "nonsense", [b"", b"[]", b'"x"', b"\xff", b'{"type": 7}', b'{"type": "response.cancel"}']
)
def test_nonsense_is_answered_with_an_error(nonsense: bytes) -> None:
    """And the session goes on."""
    client = started()
    client.raw(nonsense)
    client.hears_silence(200)

    assert len(client.all("error")) == 1
    assert client.stream()


@given(st.sampled_from(sorted(EVENTS)), st.dictionaries(st.text(max_size=8), st.integers()))
def test_no_message_breaks_it(kind: str, fields: dict[str, int]) -> None:
    """Whatever comes, it answers or obeys."""
    client = started()
    client.says(kind, **{name: value for name, value in fields.items() if name != "type"})
    client.waits(500)

    assert not client.ended or client.all("session.closed")


# ------------------------------------------------------------------------------ the stream
def test_it_streams_silence_as_fast_as_it_plays() -> None:
    """In pieces of 100 ms; the first one has a click."""
    client = started()
    client.hears_silence(2000)

    assert 1900 <= len(client.stream()) / 8 <= 2000
    assert {len(event["delta"]) for event in client.all("session.output_audio.delta")} == {1068}
    assert speech(client.stream()) == b""
    assert client.stream()[:800].strip(b"\xff\x7f") != b""


def test_its_clock_is_what_it_hears() -> None:
    """Without audio, it does not even say what it was asked."""
    client = started(ModelSetup(replies=(reply("greeting", HELLO),)))
    client.asks()
    client.waits(5000)
    before = client.stream()
    client.hears_silence(4000)

    assert before == b""
    assert client.stream().strip(b"\xff\x7f") == clip(HELLO).audio.strip(b"\xff\x7f")


def test_it_says_what_it_is_asked_to_with_words() -> None:
    """Acknowledged first; words come with the sound, and there is no end but silence."""
    client = started(ModelSetup(replies=(reply("greeting", HELLO),)))
    client.hears_silence(200)
    client.asks(event_id="mine")
    client.hears_silence(4000)

    assert client.one("session.commentary.appended")["client_event_id"] == "mine"
    words = "".join(event["delta"] for event in client.all("session.output_transcript.delta"))
    assert words.strip() == clip(HELLO).words
    assert speech(client.stream()) == speech(b"\xff" * 800 + clip(HELLO).audio)


@pytest.mark.parametrize("kind", ["thinking", "instructions"])
def test_context_is_taken_in_silence(kind: str) -> None:
    """It is acknowledged, and nothing is said."""
    client = started(ModelSetup(replies=(reply("any", HELLO),)))
    client.says(f"session.{kind}.append", content="x", delegation_id=None)
    client.hears_silence(3000)

    assert len(client.all(f"session.{kind}.appended")) == 1
    assert speech(client.stream()) == b""


def test_an_append_names_no_delegation_and_has_a_bound() -> None:
    """The first is for client mode."""
    client = started()
    client.says("session.thinking.append", content="x", delegation_id="d1")
    client.says("session.thinking.append", content="x" * 2001, delegation_id=None)
    client.says("session.thinking.append", content="x")

    codes = [event["error"]["code"] for event in client.all("error")]
    assert codes == ["invalid_value", "string_above_max_length", "missing_required_parameter"]


# ------------------------------------------------------------------------------ the ears
def test_a_turn_is_answered_and_written_down() -> None:
    """No event tells its beginning or end; the words come late."""
    client = started(ModelSetup(replies=(reply("turn", HELLO),)))
    client.hears_turn(HELLO, 4000)

    assert speech(client.stream()) == speech(b"\xff" * 800 + clip(HELLO).audio)
    assert client.all("session.input_transcript.delta")
    assert not [kind for kind in client.kinds() if "speech" in kind or "turn" in kind]


def test_it_falls_silent_for_a_caller_who_goes_on_speaking() -> None:
    """The rest is never said; the next turn is answered."""
    client = started(ModelSetup(replies=(reply("greeting", LONG), reply("turn", HELLO))))
    client.asks()
    client.hears_silence(3000)
    client.hears_turn(LONG, 3000)

    assert len(client.desk.traced("yielded")) == 1
    assert speech(client.stream()).endswith(clip(HELLO).audio.strip(b"\xff\x7f")[-400:])


def test_muted_it_hears_silence_and_speaks_on() -> None:
    """The caller cannot interrupt it then."""
    client = started(ModelSetup(replies=(reply("greeting", LONG),)))
    client.asks()
    client.says("session.input_audio.mute", event_id="m1")
    client.hears_silence(2000)
    client.hears_turn(LONG, 1000)
    client.says("session.input_audio.unmute")

    assert client.one("session.input_audio.muted")["client_event_id"] == "m1"
    assert len(client.all("session.input_audio.unmuted")) == 1
    assert client.desk.traced("yielded") == []


# ------------------------------------------------------------------------------ both, on the wire
CALLS = {
    "engines/live-greets-and-answers": {"session.start", "session.commentary.append"},
    "engines/live-uses-a-tool": {"response.item.create", "response.create"},
    "engines/live-goodbye-is-not-cut": {"session.input_audio.mute", "session.close"},
    "engines/live-keys": {"session.thinking.append"},
}


@pytest.mark.parametrize("name", CALLS)
def test_the_vendors_types_accept_what_both_send(name: str) -> None:
    """Each event is one of openai's Live events, those of the bridge without unknown fields."""
    server, client = TypeAdapter[Any](ServerEvent), TypeAdapter[Any](ClientEvent)
    from_server, from_bridge = wire(name, FakeGptLive)
    for event in from_server:
        server.validate_python(event)
    unknown = {place for event in from_bridge for place in strangers(client.validate_python(event))}

    assert unknown == set()
    assert CALLS[name] <= {event["type"] for event in from_bridge}
