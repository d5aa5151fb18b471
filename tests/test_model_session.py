"""A session's manners: nonsense, pings, expiry, closes, broken frames."""

from typing import Any

import pytest

from simulator.model.errors import EXPIRED
from simulator.scenario.format import ModelSetup
from simulator.timeline import EPOCH
from simulator.websocket import BINARY, PING, PONG, TEXT, frame
from tests.model_client import Desk, update


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"hello", "invalid_json", None),
        (b"[1]", "invalid_json", None),
        (b'{"x": 1}', "missing_required_parameter", "type"),
        (b'{"type": "response.audio.delta"}', "invalid_value", "type"),
        (b'{"type": "output_audio_buffer.clear"}', "invalid_value", "type"),
        (b'{"type": "transcription_session.update"}', "invalid_value", "type"),
        (b'{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        (b'{"type": "input_audio_buffer.append", "audio": "*"}', "invalid_value", "audio"),
        (
            b'{"type": "response.create", "response": {"modalities": []}}',
            "unknown_parameter",
            "response.modalities",
        ),
        (
            b'{"type": "conversation.item.truncate", "item_id": "x"}',
            "missing_required_parameter",
            "content_index",
        ),
    ],
)
def test_nonsense_is_answered_and_the_session_goes_on(
    message: bytes, code: str, param: str | None
) -> None:
    """Each protocol error has its object; none of them closes the session."""
    client = Desk().connect()

    client.raw(message)

    error = client.one("error")["error"]
    assert (error["type"], error["code"], error["param"]) == ("invalid_request_error", code, param)
    assert error["event_id"] is None
    assert update(client)["type"] == "session.updated"
    assert client.desk.traced("violation")[0].data["code"] == code


def test_an_unknown_type_is_told_all_the_types_there_are() -> None:
    """The message lists the accepted events."""
    client = Desk().connect()

    client.says("conversation.forget")

    message = client.one("error")["error"]["message"]
    assert "'session.update'" in message
    assert "and 'response.cancel'" in message


def test_binary_frames_are_not_understood() -> None:
    """A binary message is an invalid event."""
    client = Desk().connect()

    client.control(BINARY, b"\x00\x01")

    assert client.one("error")["error"]["code"] == "invalid_event"


def test_a_client_may_ping() -> None:
    """A ping is answered with its payload, and the server pings every 20.26 s with four bytes."""
    client = Desk().connect()

    client.control(PING, b"abcd")
    client.waits(41_000)

    assert client.pongs == [b"abcd"]
    assert [len(payload) for payload in client.pings] == [4, 4]


def test_a_session_expires() -> None:
    """After its limit: an error, then close 1001 with the same words."""
    client = Desk(ModelSetup(session_limit_ms=60_000)).connect()
    created = client.one("session.created")["session"]

    client.waits(60_000)

    assert client.one("error")["error"]["code"] == "session_expired"
    assert (client.close_code, client.close_reason) == (1001, EXPIRED.message)
    assert created["expires_at"] == EPOCH.timestamp() + 60


def test_a_close_is_answered_and_recorded_once() -> None:
    """A client's close frame comes back, and the connection ends by the bridge."""
    client = Desk().connect()

    client.hangs_up(1000)
    client.peer.closed("eof")

    (closed,) = client.desk.traced("closed")
    assert (client.close_code, client.ended) == (1000, "closed")
    assert (closed.data["by"], closed.data["code"]) == ("bridge", 1000)


@pytest.mark.parametrize(("why", "by"), [("eof", "bridge"), ("reset", "network")])
def test_a_connection_that_just_ends_is_recorded_as_1006(why: str, by: str) -> None:
    """No close frame: 1006, and nothing is sent any more."""
    client = Desk().connect()

    client.peer.closed(why)
    client.waits(60_000)

    (closed,) = client.desk.traced("closed")
    assert (closed.data["by"], closed.data["code"]) == (by, 1006)
    assert client.pings == []


def test_a_server_that_closed_hears_no_more() -> None:
    """After its close frame the server waits for the answer, ten seconds at most."""
    client = Desk(ModelSetup(session_limit_ms=1000)).connect()
    client.waits(1000)
    count = len(client.events)

    client.says("response.create")
    client.waits(10_000)

    assert len(client.events) == count
    assert client.ended == "closed"
    assert len(client.desk.traced("closed")) == 1


def test_session_close_ends_the_session() -> None:
    """The undocumented event closes with 1000."""
    client = Desk().connect()

    client.says("session.close")

    assert client.close_code == 1000


def test_breaking_the_websocket_protocol_is_a_violation() -> None:
    """Reserved bits close the connection with 1002."""
    client = Desk().connect()

    client.control(0x3, b"")

    assert client.close_code == 1002
    assert client.desk.traced("violation")[0].data["code"] == "websocket"


def test_a_message_may_come_in_fragments() -> None:
    """Cut anywhere, with a ping in between, it is one event."""
    client = Desk().connect()
    message = b'{"type": "conversation.item.retrieve", "item_id": "x"}'
    first, last = frame(TEXT, message[:7], mask=b"mask"), frame(0, message[7:], mask=b"mask")

    client.peer.receive(bytes((first[0] & 0x7F,)) + first[1:])
    client.control(PING, b"mid")
    client.peer.receive(last)

    assert client.pongs == [b"mid"]
    assert client.one("error")["error"]["code"] == "item_retrieve_invalid_item_id"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(TEXT, b"{}"), 1002),
        (b"\x81\xff" + (25 * 1024 * 1024).to_bytes(8, "big") + b"mask", 1009),
        (frame(TEXT, b'{"type": "\xff"}', mask=b"mask"), 1007),
    ],
)
def test_a_message_that_breaks_the_websocket_closes_it(data: bytes, code: int) -> None:
    """Unmasked: 1002; larger than any lawful message: 1009; not UTF-8: 1007."""
    client = Desk().connect()

    client.peer.receive(data)

    assert (client.all("error"), client.close_code) == ([], code)
    assert client.desk.traced("violation")[0].data["code"] == "websocket"


@pytest.mark.parametrize(
    ("event_id", "code"),
    [("e" * 512, None), ("e" * 513, "string_above_max_length"), (7, "invalid_type")],
)
def test_an_event_id_has_at_most_512_characters(event_id: Any, code: str | None) -> None:
    """A longer one, or one that is no text, is refused by its path."""
    client = Desk().connect()

    client.says("session.update", event_id=event_id, session={"type": "realtime"})

    if code is None:
        assert client.events[-1]["type"] == "session.updated"
    else:
        error = client.one("error")["error"]
        assert (error["code"], error["param"]) == (code, "event_id")


def test_a_request_nobody_made_cannot_be_approved() -> None:
    """There are no MCP servers behind the fake: an approval has nothing to answer."""
    client = Desk().connect()
    item = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}

    client.says("conversation.item.create", item=item)

    assert "mcpr_1" in client.one("error")["error"]["message"]


def test_a_refused_append_over_15_mib_names_its_field() -> None:
    """One append holds at most 15 MiB of audio."""
    client = Desk().connect()

    client.says("input_audio_buffer.append", audio="A" * (20 * 1024 * 1024 + 4))

    error = client.one("error")["error"]
    assert (error["code"], error["param"]) == ("string_above_max_length", "audio")


def test_the_second_name_of_an_append_is_taken_too() -> None:
    """session.input_audio_buffer.append does the same, and refuses the same."""
    client = Desk().connect()

    client.says("session.input_audio_buffer.append", audio="AAAA" * 1200)
    client.says("session.input_audio_buffer.append", audio="*")
    client.says("input_audio_buffer.commit")

    first, second = (event["error"] for event in client.all("error"))
    assert first["param"] == "audio"
    assert "buffer only has 75.00ms" in second["message"]


def test_a_restored_call_without_an_id_gets_one() -> None:
    """The call_id of a function_call item is the server's, if the client gives none."""
    client = Desk().connect()
    call = {"type": "function_call", "name": "look_up", "arguments": "{}"}

    client.says("conversation.item.create", item=call)

    call_id = client.one("conversation.item.added")["item"]["call_id"]
    output = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
    client.says("conversation.item.create", item=output)

    assert client.all("error") == []


def test_what_is_said_before_the_session_is_there_is_heard_then() -> None:
    """Events sent while the server still prepares are answered in order, after session.created."""
    client = Desk(ModelSetup(connect_delay_ms=50, ready_delay_ms=100)).connect()

    client.waits(60)
    client.says("session.update", session={"type": "realtime", "instructions": "Be brief."})
    client.control(PONG, b"")
    client.waits(100)

    assert client.kinds() == ["session.created", "session.updated"]
