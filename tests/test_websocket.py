"""The fakes' own RFC 6455, against wsproto as an independent peer and against the RFC's errors."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto import events as ws

from simulator.websocket import (
    BINARY,
    CLOSE,
    PING,
    TEXT,
    Binary,
    ClientConnection,
    Close,
    HandshakeDone,
    HandshakeRequest,
    Ping,
    ServerConnection,
    Text,
    Violation,
    close_data,
    frame,
)

MASK = b"\x01\x02\x03\x04"


def _opened_client() -> tuple[ClientConnection, WSConnection]:
    ours, theirs = ClientConnection(random.Random(1)), WSConnection(ConnectionType.SERVER)
    theirs.receive_data(ours.request("bridge.example.com", "/media-stream", [("user-agent", "x")]))
    request = next(theirs.events())
    assert isinstance(request, ws.Request)
    (done,) = ours.feed(theirs.send(ws.AcceptConnection()))
    assert isinstance(done, HandshakeDone)
    assert done.status == 101
    return ours, theirs


def _opened_server() -> tuple[ServerConnection, WSConnection]:
    ours, theirs = ServerConnection(), WSConnection(ConnectionType.CLIENT)
    (request,) = ours.feed(
        theirs.send(ws.Request(host="api.openai.com", target="/v1/realtime?m=1"))
    )
    assert isinstance(request, HandshakeRequest)
    assert request.path == "/v1/realtime?m=1"
    theirs.receive_data(ours.accept())
    assert isinstance(next(theirs.events()), ws.AcceptConnection)
    return ours, theirs


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_wsproto_reads_what_our_client_writes(size: int) -> None:
    """Every length form, masked, arrives whole at an independent server."""
    ours, theirs = _opened_client()
    theirs.receive_data(ours.text(b"a" * size))
    text = "".join(event.data for event in theirs.events() if isinstance(event, ws.TextMessage))

    assert text == "a" * size


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_our_server_reads_what_wsproto_writes(size: int) -> None:
    """Every length form, masked by an independent client, arrives whole."""
    ours, theirs = _opened_server()

    assert ours.feed(theirs.send(ws.Message(data="b" * size))) == [Text(b"b" * size)]


@given(st.lists(st.binary(max_size=300), max_size=6), st.data())
def test_messages_do_not_depend_on_how_the_bytes_arrive(
    messages: list[bytes], data: st.DataObject
) -> None:
    """Any cutting of the byte stream gives the same messages."""
    ours, _ = _opened_server()
    stream = b"".join(frame(BINARY, message, mask=MASK) for message in messages)
    got = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += ours.feed(stream[:size])
        stream = stream[size:]

    assert got == [Binary(message) for message in messages]


def test_fragments_are_one_message_and_pings_may_come_between() -> None:
    """RFC 6455 section 5.4."""
    ours, theirs = _opened_server()
    bytes_ = theirs.send(ws.Message(data="one ", message_finished=False))
    bytes_ += theirs.send(ws.Ping(b"?")) + theirs.send(ws.Message(data="two"))

    assert ours.feed(bytes_) == [Ping(b"?"), Text(b"one two")]


@pytest.mark.parametrize(
    ("bytes_", "why"),
    [
        (frame(TEXT, b"x"), "unmasked"),
        (b"\xc1\x81" + MASK + b"x", "reserved bits"),
        (b"\x80\x81" + MASK + b"x", "continuation of nothing"),
        (b"\x83\x81" + MASK + b"x", "unknown opcode"),
        (b"\x09\x81" + MASK + b"x", "control frame"),
        (b"\x89\xfe\x00\x7e" + MASK + b"x" * 126, "control frame"),
        (b"\x81\xff\x00\x00\x00\x00\xff\xff\xff\xff", "a frame of"),
        (b"\x01\x81" + MASK + b"x" + b"\x81\x81" + MASK + b"x", "inside a fragmented"),
    ],
)
def test_what_breaks_the_rfc_is_named(bytes_: bytes, why: str) -> None:
    """A broken frame is a violation with a reason, and nothing is read after it."""
    ours, _ = _opened_server()
    (violation,) = ours.feed(bytes_)

    assert isinstance(violation, Violation)
    assert why in violation.why
    assert ours.feed(frame(TEXT, b"more", mask=MASK)) == []


def test_a_masked_frame_from_a_server_is_a_violation() -> None:
    """Only clients mask."""
    ours, _ = _opened_client()
    (violation,) = ours.feed(frame(TEXT, b"x", mask=MASK))

    assert isinstance(violation, Violation)


def test_a_close_carries_its_code_and_reason() -> None:
    """And 1005 stands for none."""
    ours, theirs = _opened_server()
    other, _ = _opened_server()

    assert ours.feed(theirs.send(ws.CloseConnection(4000, "bye"))) == [Close(4000, "bye")]
    assert other.feed(frame(CLOSE, b"", mask=MASK)) == [Close(1005, "")]
    assert close_data(1001, "x") == b"\x03\xe9x"


def test_a_refusal_is_an_answer_with_its_status_and_body() -> None:
    """A server may answer the upgrade with plain HTTP."""
    server, client = ServerConnection(), ClientConnection(random.Random(1))
    server.feed(client.request("h", "/", []))
    (done,) = client.feed(server.refuse(429, "Too Many Requests", b"slow down"))

    assert isinstance(done, HandshakeDone)
    assert (done.status, done.body) == (429, b"slow down")
    assert server.feed(frame(PING, b"", mask=MASK)) == []


@pytest.mark.parametrize(
    "bytes_",
    [b"POST / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nupgrade: h2c\r\n\r\n", b"x" * 70_000],
)
def test_what_is_no_websocket_request_is_a_violation(bytes_: bytes) -> None:
    """Hostile heads are bounded and named."""
    (violation,) = ServerConnection().feed(bytes_)

    assert isinstance(violation, Violation)


@pytest.mark.parametrize("bytes_", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 101 x\r\n\r\n"])
def test_what_is_no_websocket_answer_is_a_violation(bytes_: bytes) -> None:
    """A server that does not answer our key has not accepted."""
    client = ClientConnection(random.Random(1))
    client.request("h", "/", [])
    (violation,) = client.feed(bytes_)

    assert isinstance(violation, Violation)
