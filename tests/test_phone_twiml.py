"""What TwiML makes the line do: verbs in order, time, and how the call ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from twilio.twiml import voice_response as official
from twilio.twiml.voice_response import VoiceResponse

from simulator.phone.twiml import TwimlError, parse
from simulator.phone.verbs import VERBS
from simulator.phone.verbs.dialing import NOUN
from simulator.phone.verbs.streaming import STREAM as STREAM_WORDS
from tests.phone_bridge import HOST, STREAM, Call

SAY = "<Say>one two three</Say>"


def test_verbs_run_in_order_and_the_end_hangs_up() -> None:
    """Say takes 400 ms a word, Pause its seconds; after the last verb the line is released."""
    call = Call(twiml=f'<Response>{SAY}<Pause length="2"/>{SAY}</Response>').run(10_000)

    assert [(it.at_ms, it.data["verb"]) for it in call.of("phone.twiml")] == [
        (0.0, "Say"),
        (1200.0, "Pause"),
        (3200.0, "Say"),
    ]
    assert call.of("phone.ended")[0].at_ms == 4400.0
    assert call.ended == ("twiml", "twiml_end")


def test_a_leading_pause_delays_the_answer() -> None:
    """The phone goes on ringing through a first Pause, and is answered by the next verb."""
    call = Call(twiml=f'<Response><Pause length="3"/>{SAY}</Response>').run(10_000)

    assert [it.at_ms for it in call.of("phone.answered")] == [3000.0]


@pytest.mark.parametrize(
    ("twiml", "status", "how"),
    [
        ('<Response><Reject reason="busy"/></Response>', "busy", "rejected"),
        ("<Response><Reject/></Response>", "no-answer", "rejected"),
        ("<Response><Hangup/></Response>", "completed", "hangup"),
        ("<Response/>", "completed", "twiml_end"),
    ],
)
def test_endings_without_a_stream(twiml: str, status: str, how: str) -> None:
    """Reject is never answered; Hangup and an empty document end the call."""
    call = Call(twiml=twiml).run(1000)

    assert call.ended == ("twiml", how)
    assert call.phone.status == status
    assert bool(call.of("phone.answered")) is (how == "hangup")


def test_unknown_verbs_and_attributes_warn_and_are_skipped() -> None:
    """Whatever this Twilio does not know is 12200, and the rest of the document still runs."""
    call = Call(twiml=f'<Response><Fax/><say>no</say><Say colour="red">a</Say>{SAY}</Response>')
    call.run(5_000)

    assert call.problems == [12200, 12200, 12200]
    assert len(call.of("phone.twiml", verb="Say")) == 2


@pytest.mark.parametrize(
    "verb",
    [
        '<Pause length="soon"/>',
        '<Say loop="1001">a</Say>',
        '<Reject reason="tired"/>',
        '<Redirect method="PUT">/x</Redirect>',
        '<Gather numDigits="0"/>',
        '<Gather input="eyes"/>',
        '<Dial timeout="-1">+15550100003</Dial>',
        "<Dial/>",
        "<Play/>",
        "<Connect><Room>a</Room></Connect>",
        "<Stop><Stream name='a'/></Stop>",
    ],
)
def test_unusable_values_warn(verb: str) -> None:
    """A wrong value is 12200 in a plain sentence, and the default takes its place."""
    call = Call(twiml=f"<Response>{verb}</Response>")
    call.bridge.web = lambda path, _form: (
        (200, {"content-type": "text/xml"}, call.bridge.body() if path[1:2] == "i" else b"<x/>")
    )
    call.run(50)

    assert set(call.problems[:1]) == {12200}
    assert call.of("phone.twiml_error")[0].data["text"].startswith("Schema validation warning: ")


def test_redirect_fetches_another_document() -> None:
    """Redirect posts to its URL, relative to the document's, and never comes back."""
    call = Call(twiml=f"<Response><Redirect>next</Redirect>{SAY}</Response>")
    pages = {"/incoming-call": call.bridge.body(), "/next": b"<Response><Hangup/></Response>"}
    call.bridge.web = lambda path, _form: (200, {"content-type": "text/xml"}, pages[path])
    call.run(1000)

    assert [it[1] for it in call.bridge.requests] == ["/incoming-call", "/next"]
    assert call.of("phone.twiml", verb="Say") == []
    assert call.ended == ("twiml", "hangup")


def test_an_endless_redirect_ends() -> None:
    """A document that redirects to itself is given up after a hundred fetches."""
    call = Call(twiml="<Response><Redirect>/incoming-call</Redirect></Response>").run(60_000)

    assert len(call.bridge.requests) == 100
    assert call.ended == ("twiml", "application_error")


def test_a_long_document_is_no_deep_stack() -> None:
    """Thousands of verbs which take no time run one after the other."""
    call = Call(twiml="<Response>" + '<Pause length="0"/>' * 3000 + "</Response>").run(1000)

    assert call.ended == ("twiml", "twiml_end")
    assert len(call.of("phone.twiml")) == 3000


def test_after_the_stream_the_next_verb_runs() -> None:
    """The bridge closes the stream, and TwiML goes on: a trailing Say keeps the line."""
    call = Call(twiml=STREAM.format(SAY))
    call.at(500, call.bridge.close)
    call.run(1500)

    assert call.ended is None
    assert call.of("twilio.closed")[0].data == {"by": "bridge", "code": 1000}
    assert call.warnings == [31921]
    assert call.run(3000).ended == ("twiml", "twiml_end")


@pytest.mark.parametrize("tail", ["", "<Hangup/>"])
def test_closing_the_stream_releases_the_line_when_nothing_follows(tail: str) -> None:
    """With nothing, or only Hangup, behind the stream the bridge has ended the call."""
    call = Call(twiml=STREAM.format(tail))
    call.at(500, call.bridge.close)

    assert call.run(1000).ended == ("bridge", "stream_closed")


def test_the_connect_action_is_fetched_when_the_stream_is_over() -> None:
    """Connect's action gets the next document; verbs behind Connect are not reached."""
    twiml = STREAM.format(SAY).replace("<Connect>", '<Connect action="/after">')
    call = Call(twiml=twiml)
    pages = {"/incoming-call": call.bridge.body(), "/after": b"<Response><Hangup/></Response>"}
    call.bridge.web = lambda path, _form: (200, {"content-type": "text/xml"}, pages[path])
    call.at(500, call.bridge.close)
    call.run(1000)

    assert [it[1] for it in call.bridge.requests] == ["/incoming-call", "/after"]
    assert b"CallStatus=in-progress" in call.bridge.requests[1][3]
    assert call.of("phone.twiml", verb="Say") == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (f"https://{HOST}/media-stream", 31922),
        (f"ws://{HOST}/media-stream", 31922),
        ("wss:///media-stream", 31923),
        ("", 31923),
    ],
)
def test_stream_urls_twilio_does_not_take(url: str, code: int) -> None:
    """A stream's URL is wss and complete; otherwise no connection is made and TwiML goes on."""
    twiml = STREAM.format("").replace(f"wss://{HOST}/media-stream", url)
    call = Call(twiml=twiml).run(1000)

    assert call.warnings == [code]
    assert call.bridge.upgrades == []
    assert call.ended == ("twiml", "twiml_end")


def test_a_bridge_without_tls_is_told_what_to_do() -> None:
    """It has made `ws` of the request it got; only its setting can tell it of the proxy."""
    twiml = STREAM.format("").replace(f"wss://{HOST}", "ws://127.0.0.1:5602")
    call = Call(twiml=twiml).run(1000)

    assert "ours by PUBLIC_URL=https://127.0.0.1:5602" in call.of("twilio.warning")[0].data["text"]


def test_a_relative_stream_url_is_the_documents_host() -> None:
    """`/media-stream` means wss on the host that served the document."""
    twiml = STREAM.format("").replace(f"wss://{HOST}/media-stream", "/media-stream")
    call = Call(twiml=twiml).run(1000)

    assert call.of("phone.twiml")[0].data["url"] == f"wss://{HOST}/media-stream"
    assert call.bridge.upgrades[0][0] == "/media-stream"


def test_a_query_never_reaches_the_stream() -> None:
    """Query strings are not supported: the query is cut off, and the debugger says 31920."""
    twiml = STREAM.format("").replace("/media-stream", "/media-stream?token=1")
    call = Call(twiml=twiml).run(1000)

    assert call.warnings == [31920]
    assert call.bridge.upgrades[0][0] == "/media-stream"


def test_another_track_is_an_error() -> None:
    """A bidirectional stream delivers the inbound track only: 31941."""
    call = Call(twiml=STREAM.format("").replace("<Stream", '<Stream track="both_tracks"'))

    assert call.run(1000).warnings == [31941]


def test_an_overlong_parameter_is_left_out() -> None:
    """Name and value of a Parameter have less than 500 characters together."""
    long = STREAM.format("").replace("abcdefghijkl", "x" * 495)
    fits = STREAM.format("").replace("abcdefghijkl", "x" * 494)
    refused, taken = Call(twiml=long).run(1000), Call(twiml=fits).run(1000)

    assert refused.problems == [12200]
    assert list(refused.bridge.events("start")[0]["start"]["customParameters"]) == ["lang"]
    assert taken.problems == []


def test_a_foreign_host_is_not_reached() -> None:
    """A stream to a host that cannot be found fails at once, and TwiML goes on."""
    call = Call(twiml=STREAM.format("").replace(HOST, "elsewhere.example.com")).run(20_000)

    assert call.warnings == [31901]
    assert call.bridge.upgrades == []
    assert call.ended == ("bridge", "stream_refused")
    assert call.of("phone.ended")[0].at_ms < 1000


@pytest.mark.parametrize("body", [b"", b"<", b"text", b"<Response>", b"<Other/>"])
def test_documents_that_are_none(body: bytes) -> None:
    """Anything that is no Response is a parse failure."""
    with pytest.raises(TwimlError) as caught:
        parse(body)

    assert caught.value.code == 12100


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        ("<Stop><Fax/></Stop>", [12200]),
        ('<Connect><Stream url="wss://[bad"/></Connect>', []),
        ("<Reject/><Say>one</Say>", []),
        ("<Say>one</Say><Reject/>", []),
        (f"<Say>{'word ' * 900}</Say>", [12200]),
    ],
)
def test_documents_with_a_twist(document: str, codes: list[int]) -> None:
    """Odd nouns, URLs and lengths warn, and the call comes to its end all the same."""
    call = Call(twiml=f"<Response>{document}</Response>").run(2_000_000)

    assert call.problems == codes
    assert call.ended is not None


def test_only_one_stream_is_connected() -> None:
    """A second Stream in one Connect is 12200; the first is used."""
    second = f'<Stream url="wss://{HOST}/second"/></Connect>'
    call = Call(twiml=STREAM.format("").replace("</Connect>", second)).run(1000)

    assert call.problems == [12200]
    assert [path for path, _ in call.bridge.upgrades] == ["/media-stream"]


def test_digits_are_played_half_a_second_each() -> None:
    """Play with digits needs no URL, and may be repeated."""
    call = Call(twiml='<Response><Play digits="1w2" loop="2"/></Response>').run(10_000)

    assert call.of("phone.twiml")[0].data == {"verb": "Play", "digits": "1w2"}
    assert call.of("phone.ended")[0].at_ms == 3000.0


def words_of(method: Callable[..., Any], *content: str) -> set[str]:
    """The attributes which the official package writes, in its spelling."""
    names = [name for name in inspect.signature(method).parameters if name not in content]
    parts = [name.split("_") for name in names if name not in ("self", "kwargs")]
    return {first + "".join(each.title() for each in more) for first, *more in parts}


@pytest.mark.parametrize("tag", sorted(VERBS))
def test_every_attribute_of_the_official_package_is_known(tag: str) -> None:
    """TwiML which it writes for these verbs brings no warning."""
    written = words_of(getattr(VoiceResponse, tag.lower()), "message", "url", "number")

    assert written <= VERBS[tag].attributes.keys() | {"digits"}


@pytest.mark.parametrize(
    ("method", "content"),
    [
        (official.Dial.number, "phone_number"),
        (official.Dial.client, "identity"),
        (official.Dial.sip, "sip_url"),
        (official.Dial.conference, "name"),
        (official.Dial.queue, "name"),
    ],
)
def test_every_attribute_of_a_noun_is_known(method: Callable[..., Any], content: str) -> None:
    """Of those whom `<Dial>` rings, and of streams."""
    assert words_of(method, content) <= NOUN.keys()
    assert words_of(official.Connect.stream) <= STREAM_WORDS.keys()
