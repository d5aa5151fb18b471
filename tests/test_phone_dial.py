"""`<Dial>`: others are rung, talked to, and told about."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.scenario.format import HangUp, PhoneSetup, Press, Step
from tests.phone_bridge import Call

XML = {"content-type": "text/xml"}
HANGUP = b"<Response><Hangup/></Response>"
NUMBER = "<Number>+15550100003</Number>"


def dialled(document: str, *steps: Step, **setup: Any) -> Call:
    """A call whose first document dials; every other document hangs up."""
    twiml = f"<Response>{document}<Say>after</Say></Response>"
    call = Call(*steps, twiml=twiml, phone=PhoneSetup(**setup))
    call.bridge.web = lambda path, _form: (
        (200, XML, call.bridge.body() if path == "/incoming-call" else HANGUP)
    )
    return call.run(100_000)


@pytest.mark.parametrize(
    ("outcome", "status", "bridged"),
    [
        ("answer", "completed", "true"),
        ("busy", "busy", "false"),
        ("no_answer", "no-answer", "false"),
        ("failed", "failed", "false"),
    ],
)
def test_the_action_is_told_how_it_went(outcome: Any, status: str, bridged: str) -> None:
    """DialCallStatus, DialCallSid, DialCallDuration and DialBridged; later verbs are not run."""
    dial = f'<Dial action="/after" timeout="10">{NUMBER}</Dial>'
    call = dialled(dial, dial=(outcome,), dial_lasts_ms=7000.0)
    form = call.forms("/after")[0]

    assert form["DialCallStatus"] == status
    assert form["DialBridged"] == bridged
    assert form["DialCallSid"].startswith("CA")
    assert form["DialCallSid"] != call.phone.sid
    assert form["DialCallDuration"] == ("7" if outcome == "answer" else "0")
    assert call.of("phone.twiml", verb="Say") == []


def test_without_an_action_the_next_verb_runs() -> None:
    """A plain number in Dial is rung, and afterwards the document goes on."""
    call = dialled("<Dial>+15550100003</Dial>", dial=("busy",))

    assert call.of("phone.twiml", verb="Say")[0].at_ms == 2000.0
    assert call.ended == ("twiml", "twiml_end")


def test_nobody_answers_until_the_timeout() -> None:
    """A Dial rings thirty seconds unless it says otherwise."""
    usual = dialled(f"<Dial>{NUMBER}</Dial>", dial=("no_answer",))
    short = dialled(f'<Dial timeout="5">{NUMBER}</Dial>', dial_rings_ms=6000.0)

    assert usual.of("phone.twiml", verb="Say")[0].at_ms == 30_000.0
    assert short.of("phone.twiml", verb="Say")[0].at_ms == 5000.0


def test_the_first_who_answers_is_connected() -> None:
    """Several numbers ring at once; when one answers, the others are canceled."""
    events = 'statusCallback="/leg" statusCallbackEvent="initiated ringing answered completed"'
    three = "".join(f"<Number {events}>+1555010000{digit}</Number>" for digit in (3, 4, 5))
    call = dialled(
        f"<Dial>{three}</Dial>", dial=("busy", "answer", "no_answer"), dial_lasts_ms=61_000.0
    )
    told = [(form["To"][-1], form["CallStatus"]) for form in call.forms("/leg")]

    assert told == [
        ("3", "initiated"),
        ("3", "ringing"),
        ("4", "initiated"),
        ("4", "ringing"),
        ("5", "initiated"),
        ("5", "ringing"),
        ("3", "busy"),
        ("5", "canceled"),
        ("4", "in-progress"),
        ("4", "completed"),
    ]
    last = call.forms("/leg")[-1]
    assert last["ParentCallSid"] == call.phone.sid
    assert last["Direction"] == "outbound-dial"
    assert (last["CallDuration"], last["Duration"], last["SequenceNumber"]) == ("61", "2", "3")


def test_answer_on_bridge_lets_the_caller_hear_it_ring() -> None:
    """With answerOnBridge the call is answered when the other side answers, not before."""
    call = dialled(f'<Dial answerOnBridge="true">{NUMBER}</Dial>', dial_lasts_ms=1000.0)
    plain = dialled(f"<Dial>{NUMBER}</Dial>", dial_lasts_ms=1000.0)

    assert call.of("phone.answered")[0].at_ms == 2000.0
    assert plain.of("phone.answered")[0].at_ms == 0.0


def test_a_talk_has_a_time_limit() -> None:
    """The attribute timeLimit ends a talk that would go on."""
    call = dialled(f'<Dial timeLimit="20">{NUMBER}</Dial>')

    assert call.of("phone.twiml", verb="Say")[0].at_ms == 22_000.0


def test_the_star_key_ends_the_talk() -> None:
    """With hangupOnStar the caller's star ends the talk and the document goes on."""
    star = Step(Press("*"), wait_ms=5000)
    call = dialled(f'<Dial hangupOnStar="true">{NUMBER}</Dial>', star)
    deaf = dialled(f"<Dial>{NUMBER}</Dial>", star)

    assert call.of("phone.twiml", verb="Say")[0].at_ms == 5000.0
    assert deaf.of("phone.twiml", verb="Say") == []


def test_the_caller_hangs_up_while_it_rings() -> None:
    """The legs are canceled, and no action is asked."""
    dial = '<Dial action="/after"><Number statusCallback="/leg">+15550100003</Number></Dial>'
    call = dialled(dial, Step(HangUp(), wait_ms=1000))

    assert call.ended == ("caller", "hangup")
    assert call.forms("/after") == []
    assert [form["CallStatus"] for form in call.forms("/leg")] == ["canceled"]


def test_a_conference_rings_nobody() -> None:
    """The caller is in at once; the action hears `answered` and no sid of a leg."""
    dial = '<Dial action="/after"><Conference>room</Conference></Dial>'
    form = dialled(dial, dial_lasts_ms=3000.0).forms("/after")[0]

    assert (form["DialCallStatus"], form["DialCallSid"]) == ("answered", "")


def test_a_dial_without_anybody_warns() -> None:
    """An empty Dial, and a noun that is none, are 12200, and the document goes on."""
    call = dialled("<Dial><Fax>1</Fax></Dial>")

    assert call.problems == [12200, 12200]
    assert call.of("phone.twiml", verb="Say")


def test_the_trace_tells_who_is_rung() -> None:
    """The nouns, and whom they name, in their order."""
    nouns = "<Number>+15550100003</Number><Client>agent</Client>"
    call = dialled(f"<Dial>{nouns}</Dial>", dial=("busy", "busy"))
    told = call.of("phone.twiml", verb="Dial")[0].data

    assert (told["to"], told["target"]) == ("Number,Client", "+15550100003,agent")
