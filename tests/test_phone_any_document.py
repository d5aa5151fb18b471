"""Whatever a bridge answers, the fake phone carries it out or says what is wrong with it."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.phone.verbs import VERBS
from simulator.scenario.format import HangUp, PhoneSetup, Press, Silence, Step
from tests.phone_bridge import HOST, Call

NOUNS = ("Stream", "Number", "Client", "Sip", "Conference", "Queue", "Parameter", "Fax", "break")
NAMES = tuple(sorted({name for verb in VERBS.values() for name in verb.attributes}))
NAMES += ("url", "track", "statusCallback", "statusCallbackEvent", "name", "value", "xml")
VALUES = (
    *(
        "",
        "0",
        "1",
        "-1",
        "99999999",
        "1.5",
        "auto",
        "true",
        "FALSE",
        "get",
        "POST",
        "PUT",
        "#",
        "12",
    ),
    *("both_tracks", "outbound_track", "dtmf speech", "busy", "initiated completed", "caf\u00e9"),
    *(
        "/next",
        "next?a=1#rt=1",
        "//",
        "http://[bad",
        "https://a b/",
        "wss://x:0/",
        "http://x:99999/",
    ),
    *(f"wss://{HOST}/media-stream", f"https://{HOST}/x#rc=9&rp=all", "mailto:a", "wss://:443/"),
)
texts = st.sampled_from(VALUES)
attributes = st.dictionaries(st.sampled_from(NAMES), texts, max_size=4)


def element(name: str, given: dict[str, str], inside: str) -> str:
    """One element as text."""
    written = "".join(f" {key}={quoteattr(value)}" for key, value in given.items())
    return f"<{name}{written}>{inside}</{name}>"


plain = texts.map(lambda text: text.replace("<", ""))
nouns = st.builds(element, st.sampled_from(NOUNS + tuple(VERBS)), attributes, plain)
insides = st.one_of(plain, st.lists(nouns, max_size=3).map("".join))
verbs = st.builds(element, st.sampled_from(tuple(VERBS)), attributes, insides)
documents = st.lists(verbs, max_size=4).map(lambda all_: f"<Response>{''.join(all_)}</Response>")
bodies = st.one_of(documents.map(str.encode), st.binary(max_size=40))
kinds = st.sampled_from(["text/xml", "text/html", "text/plain", "audio/wav", "", "x"])
statuses = st.sampled_from([200, 200, 200, 204, 302, 401, 500])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(statuses, kinds, bodies), min_size=1, max_size=4), st.booleans())
def test_any_answer_ends_in_a_call_that_is_over(
    answers: list[tuple[int, str, bytes]], outbound: bool
) -> None:
    """Any sequence of answers: nothing raises, complaints are sentences, the line is released."""
    steps = (Step(Press("1*#"), wait_ms=100), Step(Silence(2000)), Step(HangUp()))
    direction = "outbound-api" if outbound else "inbound"
    call = Call(
        *steps,
        phone=PhoneSetup(dial_lasts_ms=1000.0, gather=("1", "a word")),
        order={"direction": direction, "time_limit_s": 40, "fallback_url": f"https://{HOST}/f"},
        dial=False,
    )
    call.bridge.refuse = 404  # a stream would cost thousands of frames

    def web(_path: str, _form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, kind, body = answers[len(call.bridge.requests) % len(answers)]
        return status, {"content-type": kind, "location": "/elsewhere"}, body

    call.bridge.web = web
    call.phone.dial()
    call.run(20_000_000)
    complaints = call.of("phone.twiml_error") + call.of("twilio.warning")

    assert len(call.of("phone.ended")) == 1
    assert all(it.data["code"] >= 11200 and len(it.data["text"]) > 20 for it in complaints)
