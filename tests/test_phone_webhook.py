"""What Twilio sends when the phone rings, and how patient it is with the answer."""

from __future__ import annotations

import gzip
from urllib.parse import parse_qsl

import pytest

from simulator.scenario.format import CallSetup
from tests.phone_bridge import HOST, STREAM, VOICE_URL, Call, Web

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


def fragment(text: str) -> dict[str, str]:
    """An order whose voice URL has connection overrides."""
    return {"url": f"{VOICE_URL}#{text}"}


@pytest.mark.parametrize(
    ("text", "until_ms"),
    [("rt=2000", 2000), ("tt=3000", 3000), ("rt=99", 15_000), ("rt=soon&tt=16000", 15_000)],
)
def test_patience_is_set_in_the_urls_fragment(text: str, until_ms: int) -> None:
    """Read and total time-outs are overridden within their ranges; the fragment is not sent."""
    call = Call(mute=True, order=fragment(text))

    assert call.run(until_ms - 1).problems == []
    assert call.run(until_ms + 1).problems == [11200]
    assert call.bridge.requests[0][1] == "/incoming-call"


@pytest.mark.parametrize(
    ("text", "status", "requests"),
    [
        ("rc=3&rp=5xx", 500, 4),
        ("rc=2&rp=4xx,5xx", 404, 3),
        ("rc=0&rp=all", 500, 1),
        ("rc=5", 500, 1),
        ("rp=all", 503, 2),
        ("rc=6&rp=5xx", 500, 2),
        ("rp=nonsense", 500, 1),
    ],
)
def test_retries_are_set_in_the_urls_fragment(text: str, status: int, requests: int) -> None:
    """How often is `rc`, after what is `rp`; each retry shows the same token."""
    call = Call(order=fragment(text))
    call.bridge.web = lambda _path, _form: (status, XML, b"")
    call.run(60_000)
    tokens = [it[2].get("i-twilio-idempotency-token") for it in call.bridge.requests]

    assert len(tokens) == requests
    assert tokens[0] is None
    assert len(set(tokens[1:])) <= 1
    assert call.problems == [11200]


def test_a_slow_answer_may_be_asked_for_again() -> None:
    """With `rp=rt` a read time-out is retried, within the time for everything."""
    call = Call(mute=True, order=fragment("rt=4000&tt=10000&rc=5&rp=rt")).run(60_000)

    assert [it.at_ms for it in call.of("phone.webhook_sent")] == [0.0, 4000.0, 8000.0]
    assert call.problems == [11200]


@pytest.mark.parametrize(
    ("why", "code", "attempts"),
    [
        ("refused", 11205, 2),
        ("reset", 11205, 2),
        ("timeout", 11205, 2),
        ("unresolved", 11210, 1),
        ("tls", 11220, 1),
        ("tls_hostname", 11235, 1),
        ("tls_expired", 11236, 1),
        ("tls_untrusted", 11237, 1),
    ],
)
def test_connections_that_never_come_up(why: str, code: int, attempts: int) -> None:
    """Each reason has its code and a sentence that says what to do; connecting is tried twice."""
    call = Call(dial=False)
    call.bridge.unreachable = why
    call.phone.dial()
    call.run(20_000)
    text = call.of("phone.twiml_error")[0].data["text"]

    assert call.problems == [code]
    assert len(call.bridge.origins) == attempts
    assert f"POST {VOICE_URL}" in text
    assert call.ended == APPLICATION_ERROR


def test_a_connection_of_which_nothing_is_seen() -> None:
    """A far end that takes no byte within the connect time-out is not connected."""
    call = Call(dial=False, order=fragment("ct=1000&rc=0"))
    call.bridge.absent = True
    call.phone.dial()
    call.run(20_000)

    assert call.problems == [11205]
    assert call.of("phone.webhook_answered")[0].at_ms == 1000.0


def fallen_back(first: tuple[int, dict[str, str], bytes]) -> Call:
    """A call with a fallback, whose first document is `first`."""
    call = Call(call=CallSetup(fallback="/fallback"))
    good = (200, XML, b"<Response><Say>one two</Say></Response>")
    call.bridge.web = lambda path, _form: good if path == "/fallback" else first
    return call.run(60_000)


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ((500, XML, b""), "11200"),
        ((200, XML, b"<Response>"), "12100"),
        ((200, {"content-type": "text/html"}, b"<html><p>Sorry</html>"), "12100"),
        ((200, {"content-type": "application/json"}, b"{}"), "12300"),
        ((301, {"location": "/incoming-call"}, b""), "11215"),
        ((200, XML, b"<Response><Redirect/></Response>"), "11215"),
    ],
)
def test_the_fallback_is_told_what_went_wrong(
    first: tuple[int, dict[str, str], bytes], code: str
) -> None:
    """A document that cannot be used sends Twilio to the fallback with ErrorCode and ErrorUrl."""
    call = fallen_back(first)
    _, path, headers, body = call.bridge.requests[-1]
    form = dict(parse_qsl(body.decode()))

    assert path == "/fallback"
    assert (form["ErrorCode"], form["ErrorUrl"]) == (code, VOICE_URL)
    assert "x-twilio-signature" in headers
    assert call.ended == ("twiml", "twiml_end")


def test_a_fallback_that_fails_has_no_fallback() -> None:
    """When the fallback fails as well: an apology and a hangup."""
    call = Call(call=CallSetup(fallback="/fallback"))
    call.bridge.web = lambda _path, _form: (500, XML, b"")
    call.run(60_000)

    assert [it[1] for it in call.bridge.requests] == ["/incoming-call", "/fallback"]
    assert call.problems == [11200, 11200]
    assert call.ended == APPLICATION_ERROR


def test_a_fallback_that_leads_back_ends() -> None:
    """A redirect loop through the fallback is given up."""
    call = Call(call=CallSetup(fallback="/incoming-call"))
    call.bridge.web = lambda _path, _form: (200, XML, b"<Response><Redirect/></Response>")
    call.run(60_000)

    assert call.problems == [11215, 11215]
    assert len(call.bridge.requests) == 101
    assert call.ended == APPLICATION_ERROR


def test_a_password_is_shown_when_it_is_asked_for() -> None:
    """User and password of the URL are sent after a 401, and never before."""
    call = Call(dial=False, order={"url": VOICE_URL.replace("://", "://me:secret@")})
    call.bridge.web = lambda _path, _form: (
        (200, XML, b"<Response/>") if len(call.bridge.requests) > 1 else (401, XML, b"")
    )
    call.phone.dial()
    call.run(1000)
    shown = [it[2].get("authorization") for it in call.bridge.requests]

    assert shown == [None, "Basic bWU6c2VjcmV0"]
    assert call.bridge.requests[0][2]["host"] == HOST


@pytest.mark.parametrize(
    "target",
    ["ftp://bridge.example.com/x", "http://[bad", "http://a b/", "http://x:0/"],
)
def test_addresses_that_are_none(target: str) -> None:
    """An address nothing can be asked of is 11210, and never an exception."""
    call = call_to(
        lambda _path, _form: (
            200,
            XML,
            f"<Response><Redirect>{target}</Redirect></Response>".encode(),
        )
    ).run(20_000)

    assert call.problems == [11210]


def test_a_path_of_other_characters_is_encoded() -> None:
    """What HTTP does not allow in a request's target is percent-encoded."""
    call = Call(twiml="<Response><Redirect>/caf\u00e9 au lait</Redirect></Response>").run(0)
    call.run(10)

    assert call.bridge.requests[1][1] == "/caf%C3%A9%20au%20lait"


@pytest.mark.parametrize(
    ("data", "why", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", None, 11200),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n<Res", "eof", 11200),
        (b"HT", "reset", 11205),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 70_000, None, 11750),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\n\r\nx", None, 11200),
    ],
)
def test_what_is_no_answer(data: bytes, why: str | None, code: int) -> None:
    """Other protocols, halves, floods and broken compression have codes, and end the call."""
    call = Call(mute=True, order=fragment("rc=0"))
    far = call.bridge.connections[0]
    far.give(data)
    if why is not None:
        far.drop(why)
    call.run(20_000)

    assert call.problems == [code]
    assert call.ended == APPLICATION_ERROR


def test_a_document_that_grows_when_it_is_unpacked() -> None:
    """Compression does not get around the limit of 64 kB."""
    body = gzip.compress(b"<Response>" + b" " * 1_000_000 + b"</Response>")
    headers = {**XML, "content-encoding": "gzip"}

    assert call_to(lambda _path, _form: (200, headers, body)).run(20_000).problems == [11750]


def test_audio_is_played() -> None:
    """An answer of type audio/* is played from where it came, and then the call is over."""
    call = call_to(lambda _path, _form: (200, {"content-type": "audio/wav"}, b"RIFF"))
    call.run(5_000)

    assert call.of("phone.twiml")[0].data == {"verb": "Play", "url": VOICE_URL}
    assert call.ended == ("twiml", "twiml_end")
