"""What Twilio sends when the phone rings, and how patient it is with the answer."""

from __future__ import annotations

import gzip
from urllib.parse import parse_qsl

import pytest

from simulator.scenario.format import CallSetup
from tests.phone_bridge import STREAM, Call, Web

XML = {"content-type": "text/xml"}
APPLICATION_ERROR = ("twiml", "application_error")


def call_to(web: Web) -> Call:
    """A call to a bridge whose web side is `web`."""
    call = Call()
    call.bridge.web = web
    return call


def test_the_form_of_an_inbound_call() -> None:
    """All fields of a captured request are there, in its order, empty ones included."""
    call = Call()
    _, _, headers, body = call.bridge.requests[0]
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))

    assert list(form)[:7] == [
        "Called",
        "ToState",
        "CallerCountry",
        "Direction",
        "CallerState",
        "ToZip",
        "CallSid",
    ]
    assert len(form) == 27
    assert form["CallStatus"] == "ringing"
    assert form["Direction"] == "inbound"
    assert form["ToCity"] == ""
    assert form["From"] == form["Caller"] == "+15550100001"
    assert form["CallToken"].startswith("%7B%22parentCallInfoToken")
    assert headers["user-agent"] == "TwilioProxy/1.1"
    assert headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert "i-twilio-idempotency-token" not in headers


def test_an_outbound_call_asks_once_it_is_answered() -> None:
    """Outbound, the status is in-progress and there is neither call token nor STIR verdict."""
    call = Call(call=CallSetup(direction="outbound"))
    form = dict(parse_qsl(call.bridge.requests[0][3].decode(), keep_blank_values=True))

    assert (form["Direction"], form["CallStatus"]) == ("outbound-api", "in-progress")
    assert not {"CallToken", "StirVerstat"} & form.keys()


def test_a_silent_bridge_is_given_fifteen_seconds() -> None:
    """No answer within 15 s is error 11200, an apology, and a hangup; without a second attempt."""
    call = Call(mute=True)

    assert call.run(14_999).problems == []
    assert call.run(15_001).problems == [11200]
    assert call.run(30_000).ended == APPLICATION_ERROR
    assert len(call.bridge.requests) == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((500, XML, b"<Response/>"), 11200),
        ((404, XML, b""), 11200),
        ((403, XML, b"no"), 11200),
        ((200, {}, b"<Response/>"), 12300),
        ((200, {"content-type": "application/json"}, b"{}"), 12300),
        ((200, XML, b""), 12100),
        ((204, XML, b""), 12100),
        ((200, XML, b"<Response><Say></Response>"), 12100),
        ((200, XML, b"<response/>"), 12100),
        ((200, XML, b'<!DOCTYPE a [<!ENTITY b "c">]><Response/>'), 12100),
        ((200, XML, b"<Response>" + b" " * 70_000 + b"</Response>"), 11750),
    ],
)
def test_unusable_answers(answer: tuple[int, dict[str, str], bytes], code: int) -> None:
    """Each unusable answer has its error code, and ends in an apology and a hangup."""
    call = call_to(lambda _path, _form: answer).run(20_000)

    assert call.problems == [code]
    assert call.ended == APPLICATION_ERROR
    assert call.bridge.upgrades == []


def test_a_refused_connection_is_tried_once_more() -> None:
    """Only a failed connection is retried, once; then it is error 11205."""
    call = Call(mute=True)
    for _ in range(2):
        call.bridge.connections[-1].drop("reset")
        call.run(call.timeline.now_ms)
    call.run(20_000)

    assert len(call.of("phone.webhook_sent")) == 2
    assert call.problems == [11205]


def test_redirects_are_followed_with_get_and_lose_the_form() -> None:
    """A 302 is asked again with GET, without form; eleven of them are too many."""
    pages = {
        "/incoming-call": (302, {"location": "/moved?a=1"}, b""),
        "/moved?a=1": (200, XML, STREAM.format("").encode()),
    }
    call = call_to(lambda path, _form: pages[path]).run(1000)

    assert [(it[0], it[1], it[3] == b"") for it in call.bridge.requests] == [
        ("POST", "/incoming-call", False),
        ("GET", "/moved?a=1", True),
    ]
    assert call.of("twilio.connected")
    endless = call_to(lambda _path, _form: (301, {"location": "/again"}, b"")).run(20_000)
    assert endless.problems == [11215]


def test_a_compressed_answer_is_read() -> None:
    """Twilio says it accepts gzip, so it reads it."""
    body = gzip.compress(STREAM.format("").encode())
    headers = {**XML, "content-encoding": "gzip"}
    call = call_to(lambda _path, _form: (200, headers, body)).run(1000)

    assert call.of("twilio.connected")


def test_plain_text_is_spoken() -> None:
    """text/plain is said to the caller, word by word, and then the call is over."""
    call = call_to(lambda _path, _form: (200, {"content-type": "text/plain"}, b"one two three"))
    call.run(5_000)

    assert call.of("phone.twiml")[0].data == {"verb": "Say", "text": "one two three"}
    assert call.of("phone.ended")[0].at_ms == 1200.0
    assert call.ended == ("twiml", "twiml_end")


def test_the_caller_hangs_up_while_it_rings() -> None:
    """A call given up before the answer is never answered, and nothing is left open."""
    call = Call()
    call.phone.hang_up()
    call.run(20_000)

    assert call.ended == ("caller", "hangup")
    assert call.phone.status == "no-answer"
    assert [far.over for far in call.bridge.connections] == ["closed"]
