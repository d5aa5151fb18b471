"""The fake GPT-Live: its order, its stream, its ears, its backend, its ends.

Every event it sends must parse as the official package's Live `ServerEvent`.
"""

import base64
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.live.client_event import ClientEvent
from openai.types.live.server_event import ServerEvent
from pydantic import TypeAdapter

from simulator.gpt_live.server import FakeGptLive
from simulator.gpt_live.vocabulary import EVENTS
from simulator.model.client_link import PING_MS
from simulator.scenario.format import ModelFault, ModelSetup, ToolCall, Trigger
from simulator.sound import load_clip
from simulator.trace import Event, Trace
from tests.model_client import HELLO, KEY, LONG, OFFICIAL, Client, Desk, Heap, clip, reply
from tests.test_openai_types import strangers, wire

PATH = "/v1/live/sessions"
CHECK = "look_up"
AUDIO = {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "marin"}}
BACKEND = {"model": "gpt-6-luna", "tools": [{"type": "function", "name": CHECK}]}
SESSION: dict[str, Any] = {
    "model": "gpt-live-1",
    "audio": AUDIO,
    "delegation": {"type": "responses", "responses": BACKEND},
}
OFFICIAL["live"] = TypeAdapter(ServerEvent)
AT_ONCE = Trigger("at")


class LiveDesk(Desk):
    """One fake GPT-Live, its clock and its trace."""

    def __init__(self, setup: ModelSetup | None = None) -> None:
        self.heap = Heap()
        self.trace = Trace(lambda: self.heap.now_ms)
        self.record: list[Event] = []
        self.trace.subscribe(self.record.append)
        self.setup = replace(setup or ModelSetup(), dialect="live")  # type: ignore[arg-type]
        self.fake = FakeGptLive(  # type: ignore[assignment]
            self.setup,
            timeline=self.heap,
            trace=self.trace,
            rng=random.Random(1),
            clips=load_clip,
        )

    def connect(self, path: str = PATH, headers: Any = KEY) -> "LiveClient":
        """A client that has asked for the upgrade, and was answered."""
        client = LiveClient(self, path, headers)
        self.heap.run(self.heap.now_ms + 1)
        return client


class LiveClient(Client):
    """The far end of one connection."""

    def starts(self, **fields: Any) -> "LiveClient":
        """Start a session for a telephone call."""
        self.says("session.start", session={**SESSION, **fields})
        self.waits(1)
        return self

    def appends(self, audio: bytes) -> None:
        """Append audio at once."""
        self.says("session.input_audio.append", audio=base64.b64encode(audio).decode())

    def asks(self, content: str = "Say something.", event_id: str = "e1") -> None:
        """Ask for something to be said."""
        fields = {"content": content, "delegation_id": None}
        self.says("session.commentary.append", event_id=event_id, **fields)

    def stream(self) -> bytes:
        """All that was sent, silence included."""
        deltas = self.all("session.output_audio.delta")
        return b"".join(base64.b64decode(event["delta"]) for event in deltas)

    def error(self) -> str:
        """The code of the only error."""
        return str(self.one("error")["error"]["code"])

    def nested(self, kind: str) -> list[dict[str, Any]]:
        """The backend's events of a type."""
        events = [event["event"] for event in self.all("response.event")]
        return [event for event in events if event["type"] == kind]


def started(setup: ModelSetup | None = None) -> LiveClient:
    """A session that has started."""
    return LiveDesk(setup).connect().starts()


def speech(audio: bytes) -> bytes:
    """Without the silence around it, and the click at the beginning."""
    return audio[800:].strip(b"\xff\x7f")


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


# ------------------------------------------------------------------------------ the backend
def delegating() -> LiveClient:
    """A session whose first turn needs two functions."""
    calls = (ToolCall(CHECK, {"day": "Monday"}), ToolCall(CHECK))
    replies = (reply("turn", calls=calls), reply("tool", HELLO))
    client = started(ModelSetup(replies=replies))
    client.hears_turn(HELLO, 2500)
    return client


def outputs(client: LiveClient) -> list[str]:
    """Ids of the calls that wait."""
    done = client.nested("response.output_item.done")
    return [event["item"]["call_id"] for event in done]


def answer(client: LiveClient, call_id: str) -> None:
    """Give one output."""
    item = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
    client.says("response.item.create", item=item)


def test_work_is_handed_over_and_functions_are_called() -> None:
    """The delegation tells no task; the calls come with names and arguments."""
    client = delegating()

    delegation = client.one("session.delegation.created")["delegation"]
    assert (delegation["target"], delegation["type"]) == ("responses", "delegation")
    item = client.nested("response.output_item.done")[0]["item"]
    assert (item["name"], item["arguments"]) == (CHECK, '{"day":"Monday"}')
    assert client.nested("response.completed")[0]["response"]["usage"]["input_tokens"] > 0


def test_it_goes_on_when_all_calls_are_answered() -> None:
    """Neither earlier, nor by itself; then the voice speaks of it."""
    client = delegating()
    first, second = outputs(client)
    answer(client, first)
    client.says("response.create")
    answer(client, second)
    client.hears_silence(2000)
    silent = speech(client.stream())
    client.says("response.create")
    client.hears_silence(4000)

    assert len(client.all("error")) == 1
    assert silent == b""
    assert speech(client.stream()) == speech(b"\xff" * 800 + clip(HELLO).audio)


def test_an_output_that_nobody_waits_for_is_refused() -> None:
    """Also a second one."""
    client = delegating()
    call_id = outputs(client)[0]
    for wanted in (call_id, call_id, "call_of_nobody"):
        answer(client, wanted)

    assert len(client.all("error")) == 2


def test_other_items_and_a_needless_request_are_harmless() -> None:
    """A message for the backend, and response.create without any output."""
    client = started()
    client.says("response.item.create", item={"type": "message"})
    client.says("response.create")
    client.hears_silence(1000)

    assert client.all("error") == []


def test_the_backend_alone_can_be_changed() -> None:
    """And never who takes the work."""
    client = started()
    change = {"type": "responses", "responses": {"model": "another"}}
    client.says("session.update", session={"delegation": change})
    client.says("session.update", session={"delegation": {"type": "client"}})
    client.says("session.update", session={"audio": AUDIO})

    told = client.one("session.updated")["session"]["delegation"]["responses"]
    assert (told["model"], told["tools"]) == ("another", BACKEND["tools"])
    assert len(client.all("error")) == 2


# ------------------------------------------------------------------------------ the end
def test_it_is_closed_with_a_reason_and_its_seconds() -> None:
    """The connection follows."""
    client = started()
    client.hears_silence(3000)
    client.says("session.close")

    closed = client.one("session.closed")
    assert closed["reason"] == "close_requested"
    assert closed["usage"]["seconds"] == pytest.approx(3.0, abs=0.2)
    assert client.close_code == 1000


def test_it_expires() -> None:
    """And says so."""
    client = started(ModelSetup(session_limit_ms=2000))
    client.waits(2000)

    assert client.one("session.closed")["reason"] == "expired"


def test_the_seconds_are_told_once_a_minute_and_pings_come() -> None:
    """In all, not since the last time."""
    client = started()
    client.appends(b"\xff" * 8 * 130_000)
    client.waits(130_000)

    told = [event["usage"]["seconds"] for event in client.all("session.usage.updated")]
    assert told == pytest.approx([60.0, 120.0], abs=0.2)
    assert len(client.pings) == 130_000 // PING_MS


@pytest.mark.parametrize(
    ("setup", "path", "headers", "status"),
    [
        (ModelSetup(), "/v1/realtime", KEY, 404),
        (ModelSetup(), PATH, (), 401),
        (ModelSetup(require_key="another"), PATH, KEY, 401),
        (ModelSetup(refuse="http_429"), PATH, KEY, 429),
        (ModelSetup(refuse="invalid_api_key"), PATH, KEY, 401),
        (ModelSetup(), "/openai/v1/live/sessions", (("api-key", "k"),), 101),
    ],
)
def test_who_gets_in(setup: ModelSetup, path: str, headers: Any, status: int) -> None:
    """The path, the key, and what the scenario wants."""
    assert LiveDesk(setup).connect(path, headers).status == status


@pytest.mark.parametrize(
    ("setup", "model", "code"),
    [
        (ModelSetup(refuse="insufficient_quota"), "gpt-live-1", "insufficient_quota"),
        (ModelSetup(refuse="model_not_found"), "gpt-live-1", "model_not_found"),
        (ModelSetup(), "gpt-realtime-2.1", "model_not_found"),
    ],
)
def test_a_session_that_cannot_start_is_an_error_and_an_end(
    setup: ModelSetup, model: str, code: str
) -> None:
    """Instead of session.started."""
    client = LiveDesk(setup).connect().starts(model=model)

    assert client.error() == code
    assert client.close_code == 1000


def test_faults_come_on_cue() -> None:
    """A stall holds back, an error is an event, a close and a drop are ends."""
    stalled, failing, closing, dropping = (started() for _ in range(4))
    stalled.desk.fake.inject(ModelFault("stall", AT_ONCE, duration_ms=1000))
    stalled.hears_silence(900)
    held = stalled.stream()
    stalled.hears_silence(300)
    failing.desk.fake.inject(ModelFault("error", AT_ONCE, code="server_error"))
    closing.desk.fake.inject(ModelFault("close", AT_ONCE, close_code=1011))
    dropping.desk.fake.inject(ModelFault("drop", AT_ONCE))

    assert held == b""
    assert len(stalled.stream()) > 8000
    assert failing.error() == "server_error"
    assert closing.close_code == 1011
    assert dropping.ended == "reset"


def test_a_withheld_answer_is_an_error_and_silence() -> None:
    """The session goes on."""
    client = started(ModelSetup(replies=(reply("turn", fail="content_policy"),)))
    client.hears_turn(HELLO, 3000)

    assert client.error() == "content_policy"
    assert speech(client.stream()) == b""


def test_an_unscripted_turn_is_silence() -> None:
    """And noted."""
    client = started()
    client.hears_turn(HELLO, 3000)

    assert len(client.desk.traced("unscripted")) == 1
    assert client.desk.fake.unused_replies() == ()


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
