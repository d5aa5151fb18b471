"""Outbound calls: who answers, what machine detection finds, how long it may take."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.scenario.format import CallSetup, PhoneSetup
from tests.phone_bridge import STREAM, Call

OUT = CallSetup(direction="outbound", status_callback="/status")
ALL = ("initiated", "ringing", "answered", "completed")


def outbound(order: dict[str, Any] | None = None, **setup: Any) -> Call:
    """An outbound call that says two words."""
    twiml = "<Response><Say>one two</Say></Response>"
    return Call(call=OUT, twiml=twiml, order=order, phone=PhoneSetup(**setup)).run(100_000)


@pytest.mark.parametrize(
    ("outcome", "status", "sip", "ended"),
    [
        ("busy", "busy", "486", ("caller", "busy")),
        ("no_answer", "no-answer", "487", ("caller", "no_answer")),
        ("failed", "failed", "404", ("network", "failed")),
    ],
)
def test_calls_that_are_not_answered(
    outcome: Any, status: str, sip: str, ended: tuple[str, str]
) -> None:
    """No document is asked for; the status callback has the SIP code and no duration."""
    call = outbound(outcome=outcome, answer_after_ms=1000.0)
    form = call.forms("/status")[0]

    assert call.ended == ended
    assert call.phone.status == form["CallStatus"] == status
    assert (form["SipResponseCode"], form["Duration"], form["CallDuration"]) == (sip, "0", "0")
    assert call.forms("/incoming-call") == []
    assert call.of("phone.answered") == []


def test_nobody_answers_within_the_timeout() -> None:
    """A call rings as long as the order says, whoever would have answered later."""
    call = outbound({"timeout_s": 20}, answer_after_ms=30_000.0)

    assert call.of("phone.ended")[0].at_ms == 20_000.0
    assert call.phone.status == "no-answer"


def test_the_four_status_callbacks_of_an_answered_call() -> None:
    """initiated, ringing, answered, completed: numbered from 0, dated, signed, with durations."""
    call = outbound({"status_callback_events": ALL}, answer_after_ms=3000.0)
    told = call.forms("/status")

    assert [form["CallStatus"] for form in told] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert [form["SequenceNumber"] for form in told] == ["0", "1", "2", "3"]
    assert {form["CallbackSource"] for form in told} == {"call-progress-events"}
    assert told[2]["Timestamp"] == "Thu, 01 Jan 2026 00:00:03 +0000"
    assert (told[3]["Duration"], told[3]["CallDuration"]) == ("1", "1")
    requests = [it for it in call.bridge.requests if it[1] == "/status"]
    assert all("x-twilio-signature" in headers for _, _, headers, _ in requests)


def test_detection_comes_before_the_document() -> None:
    """Synchronous: TwiML is fetched when the verdict is there, and told it."""
    call = outbound(
        {"machine_detection": "Enable"}, answered_by="machine_start", detection_ms=4200.0
    )
    form = call.forms("/incoming-call")[0]

    assert call.of("phone.webhook_sent")[0].at_ms == 4200.0
    assert (form["AnsweredBy"], form["MachineDetectionDuration"]) == ("machine_start", "4200")
    assert call.phone.answered_by == "machine_start"
    assert call.forms("/status")[0]["AnsweredBy"] == "machine_start"


def test_detection_during_the_call() -> None:
    """Asynchronous: the document comes at once, the verdict to its own callback."""
    call = outbound(
        {
            "machine_detection": "DetectMessageEnd",
            "async_amd": True,
            "async_amd_status_callback": "https://bridge.example.com/amd",
        },
        answered_by="machine_end_beep",
        detection_ms=600.0,
    )
    form = call.forms("/amd")[0]

    assert call.of("phone.webhook_sent")[0].at_ms == 0.0
    assert "AnsweredBy" not in call.forms("/incoming-call")[0]
    assert form == {
        "CallSid": call.phone.sid,
        "AccountSid": call.phone.identity.account_sid,
        "AnsweredBy": "machine_end_beep",
        "MachineDetectionDuration": "600",
    }


def test_an_asynchronous_verdict_needs_somebody_to_tell() -> None:
    """Without AsyncAmdStatusCallback the debugger says 21262."""
    call = outbound({"machine_detection": "Enable", "async_amd": True}, detection_ms=500.0)

    assert call.problems == [21262]


@pytest.mark.parametrize(
    ("order", "found", "verdict"),
    [
        ({"machine_detection": "Enable"}, "machine_end_beep", "machine_start"),
        ({"machine_detection": "DetectMessageEnd"}, "machine_start", "machine_end_other"),
        ({"machine_detection": "Enable", "machine_detection_timeout_s": 3}, "human", "unknown"),
        ({"machine_detection": "Enable", "send_digits": "1"}, "human", None),
        ({}, "human", None),
    ],
)
def test_the_words_of_the_verdict(order: dict[str, Any], found: Any, verdict: str | None) -> None:
    """Each mode has its own words; a timeout means unknown; SendDigits turns detection off."""
    call = outbound(order, answered_by=found)

    assert call.phone.answered_by == verdict


def test_a_call_has_a_time_limit() -> None:
    """The order's time limit ends the call, whatever it is doing."""
    call = Call(twiml=STREAM.format(""), order={"time_limit_s": 30}).run(60_000)

    assert call.of("phone.ended")[0].at_ms == 30_000.0
    assert call.ended == ("twiml", "time_limit")
    assert len(call.bridge.events("stop")) == 1


def test_a_document_may_come_with_the_order() -> None:
    """With `twiml` and no URL nothing is fetched; a relative action in it is 15004."""
    say = outbound({"url": "", "twiml": "<Response><Say>one two</Say></Response>"})
    lost = outbound({"url": "", "twiml": "<Response><Redirect>/next</Redirect></Response>"})
    broken = outbound({"url": "", "twiml": "<Response>"})

    assert say.ended == ("twiml", "twiml_end")
    assert say.forms("/incoming-call") == []
    assert lost.problems == [15004]
    assert broken.problems == [12100]


def test_an_amended_order_counts_from_then_on() -> None:
    """A new time limit and a new status callback replace the old ones in a running call."""
    call = Call(call=OUT, order={"time_limit_s": 100}).run(5000)
    order = call.phone.order
    call.phone.amend(
        order.__class__(
            to=order.to,
            from_=order.from_,
            direction=order.direction,
            status_callback="https://bridge.example.com/other",
            time_limit_s=10,
        )
    )
    call.run(60_000)

    assert call.of("phone.ended")[0].at_ms == 10_000.0
    assert call.forms("/status") == []
    assert call.forms("/other")[0]["CallStatus"] == "completed"


def test_a_call_may_end_before_it_is_dialled() -> None:
    """A queued call that is canceled rang never, and has a beginning and an end."""
    call = Call(call=OUT, dial=False)
    call.phone.end_by_rest("canceled")
    call.run(1000)

    assert call.phone.times_ms == (0.0, None, 0.0)
    assert call.forms("/status")[0]["CallStatus"] == "canceled"
