"""How a media stream may fail: it never opens, it breaks the protocol, it says nonsense."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.phone.twiml import parse
from simulator.scenario.format import PhoneSetup
from simulator.websocket import PING, TEXT, frame
from tests.phone_bridge import HOST, STREAM, Call

FIELDS = "the field media is missing, the field streamSid is missing, the field x is one too many"


def afterwards(name: str, value: Any) -> Call:
    """A call to a bridge which serves the document, and after that is so."""
    call = Call()

    def web(_path: str, _form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        setattr(call.bridge, name, value)
        return 200, {"content-type": "text/xml"}, STREAM.format("").encode()

    call.bridge.web = web
    return call


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("refused", 31902),
        ("unresolved", 31901),
        ("timeout", 31901),
        ("tls", 31910),
        ("tls_expired", 31910),
        ("reset", 31920),
        ("eof", 31920),
    ],
)
def test_a_stream_that_never_comes_up(why: str, code: int) -> None:
    """Each way not to answer has its code, and the sentence names the address; TwiML goes on."""
    call = afterwards("unreachable", why).run(1000)

    assert call.warnings == [code]
    assert f"wss://{HOST}/media-stream" in call.of("twilio.warning")[0].data["text"]
    assert call.ended == ("bridge", "stream_refused")


def test_a_half_open_stream() -> None:
    """A bridge that takes the connection and never answers the upgrade has ten seconds: 31901."""
    call = afterwards("absent", True).run(20_000)

    assert call.warnings == [31901]
    assert call.of("phone.ended")[0].at_ms == 10_000.0


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "Sec-WebSocket-Accept"),
        (b"hello\r\n\r\n", "not an HTTP response"),
        (b"HTTP/1.1 200 OK\r\n\r\n<html>", "status 200"),
    ],
)
def test_answers_that_open_no_stream(answer: bytes, what: str) -> None:
    """Whatever is not a proper 101 is 31920, and the sentence says what came."""
    call = Call()
    call.bridge.upgrade_answer = answer
    call.run(1000)

    assert call.warnings == [31920]
    assert what in call.of("twilio.warning")[0].data["text"]


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"{}", mask=b"abcd"),
        b"\x80\x00",
        b"\x83\x00",
        b"\x01\x01a\x81\x01b",
        b"\xc1\x00",
        frame(PING, b"x" * 126),
        b"\x81\x7f" + (2**40).to_bytes(8, "big"),
    ],
)
def test_frames_that_break_the_protocol(data: bytes) -> None:
    """Masked, continued out of nothing, of unknown kind, interleaved, reserved, too long: 31924."""
    call = Call().run(1000)
    call.bridge.send_frame(data)
    call.run(1100)

    assert call.warnings == [31924]
    assert call.ended == ("bridge", "stream_closed")


def test_a_message_in_fragments_is_lawful() -> None:
    """A text message may come in several frames."""
    call = Call().run(1000)
    data = json.dumps({"event": "clear", "streamSid": call.bridge.stream_sid}).encode()
    call.bridge.send_frame(b"\x01\x05" + data[:5] + bytes((0x80, len(data) - 5)) + data[5:])
    call.run(1100)

    assert call.warnings == []
    assert call.of("twilio.received", event="clear")


def test_every_warning_is_a_sentence_for_people() -> None:
    """Each text says what came, what was expected or what to do, and names no internals."""
    call = Call().run(1000)
    for data in (b"hello", b"[]", b'{"event":"speak"}', b'{"event":"media","x":1}'):
        call.bridge.send(data)
    texts = [event.data["text"] for event in call.run(1100).of("twilio.warning")]

    ignored = ". The message is ignored"
    assert [text.removeprefix("Stream - Invalid Message: ") for text in texts] == [
        f"it is not JSON (JSON is malformed: invalid character (byte 0)){ignored}",
        f"it is not a JSON object{ignored}",
        f"the event 'speak' is not known; media, mark and clear are{ignored}",
        f"of media, {FIELDS}{ignored}",
    ]


def test_a_redirect_over_rest_tears_the_stream_down() -> None:
    """New TwiML: stop, close, and the new document runs; a relative action in it is 15004."""
    call = Call().run(1000)
    call.phone.redirect(parse(b'<Response><Dial action="/x">+15550100003</Dial></Response>'))
    call.run(1100)

    assert len(call.bridge.events("stop")) == 1
    assert call.bridge.closes == [1000]
    assert call.ended is None
    other = Call(phone=PhoneSetup(dial=("busy",))).run(1000)
    other.phone.redirect(parse(b'<Response><Dial action="/x">+15550100003</Dial></Response>'))
    other.run(60_000)
    assert other.problems == [15004]
    assert other.ended == ("twiml", "application_error")


def test_a_close_that_is_never_answered() -> None:
    """A bridge that ignores the close frame is waited for, and that is written down."""
    call = Call().run(1000)
    far = call.bridge.socket
    assert far is not None
    far.reads = False
    call.phone.hang_up()
    call.run(10_000)

    assert [event.at_ms for event in call.of("twilio.close_unanswered")] == [3000.0]
    assert far.over == "closed"
