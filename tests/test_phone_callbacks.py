"""Status callbacks of a call and of its stream: who is told what, and how faithfully."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.scenario.format import CallSetup, HangUp, PhoneSetup, Step
from tests.phone_bridge import HOST, STREAM, Call

ALL = ("initiated", "ringing", "answered", "completed")
TOLD = STREAM.format("").replace(
    "<Stream ", f'<Stream name="mine" statusCallback="https://{HOST}/stream" '
)


def called(callbacks: Any = "in_order", **setup: Any) -> Call:
    """An outbound call of all four events, which the caller ends after two minutes."""
    setup = {"direction": "outbound", "status_callback_events": ALL, **setup}
    call = CallSetup(status_callback="/status", **setup)
    steps = (Step(HangUp(), wait_ms=119_000),)
    return Call(*steps, call=call, phone=PhoneSetup(callbacks=callbacks)).run(130_000)


def test_the_end_is_told_after_the_call() -> None:
    """`completed` comes when the line is down: begun minutes, seconds, and the final status."""
    call = called()
    form = call.forms("/status")[-1]

    assert form["CallStatus"] == "completed"
    assert (form["Duration"], form["CallDuration"]) == ("2", "119")
    assert call.of("phone.callback_answered")[-1].at_ms >= call.of("phone.ended")[0].at_ms


def test_an_inbound_call_tells_only_its_end() -> None:
    """The number's status callback hears `completed` and nothing else, numbered 0."""
    call = called(direction="inbound")

    assert [(it["CallStatus"], it["SequenceNumber"]) for it in call.forms("/status")] == [
        ("completed", "0")
    ]


@pytest.mark.parametrize(
    ("callbacks", "numbers"),
    [
        ("in_order", ["0", "1", "2", "3"]),
        ("reordered", ["1", "0", "3", "2"]),
        ("duplicated", ["0", "0", "1", "1", "2", "2", "3", "3"]),
    ],
)
def test_callbacks_may_be_reordered_or_duplicated(callbacks: str, numbers: list[str]) -> None:
    """Delivery is a best effort: SequenceNumber tells the order in which things happened."""
    call = called(callbacks)

    assert [form["SequenceNumber"] for form in call.forms("/status")] == numbers


def test_a_bridge_that_refuses_callbacks_has_its_call() -> None:
    """A callback that fails is written down with its code, and the call goes on."""
    call = Call(call=CallSetup(status_callback="/status"), twiml=STREAM.format(""))
    document = (200, {"content-type": "text/xml"}, call.bridge.body())
    call.bridge.web = lambda path, _form: document if path == "/incoming-call" else (404, {}, b"")
    call.at(1000, call.phone.hang_up)
    call.run(5000)
    failed = call.of("phone.callback_failed")

    assert call.ended == ("caller", "hangup")
    assert [(it.data["code"], it.data["event"]) for it in failed] == [(11200, "completed")]
    assert call.problems == []


def test_a_stream_tells_when_it_starts_and_stops() -> None:
    """stream-started and stream-stopped, with sid, name and a date with nanoseconds; signed."""
    call = Call(Step(HangUp(), wait_ms=500), twiml=TOLD).run(5000)
    started, stopped = call.forms("/stream")

    assert [started["StreamEvent"], stopped["StreamEvent"]] == ["stream-started", "stream-stopped"]
    assert started["StreamName"] == "mine"
    assert started["StreamSid"] == call.bridge.stream_sid
    assert stopped["Timestamp"] == "2026-01-01T00:00:00.590000000Z"
    assert "StreamError" not in started
    requests = [it for it in call.bridge.requests if it[1] == "/stream"]
    assert all("x-twilio-signature" in headers for _, _, headers, _ in requests)


def test_a_stream_tells_its_errors() -> None:
    """A refused upgrade is stream-error with the code; a stream that never was is not stopped."""
    call = Call(twiml=TOLD)
    call.bridge.refuse = 403
    call.run(5000)
    (error,) = call.forms("/stream")

    assert error["StreamEvent"] == "stream-error"
    assert error["StreamError"].startswith("31920: ")


def test_a_warning_is_no_stream_error() -> None:
    """What the debugger only warns about is not told to the callback."""
    call = Call(twiml=TOLD).run(1000)
    call.bridge.send(b"hello")
    call.run(2000)

    assert call.warnings == [31951]
    assert [form["StreamEvent"] for form in call.forms("/stream")] == ["stream-started"]


def test_a_relative_stream_callback_is_not_used() -> None:
    """The status callback of a stream is an absolute URL: anything else warns."""
    call = Call(twiml=TOLD.replace(f"https://{HOST}/stream", "/stream")).run(1000)

    assert call.problems == [12200]
    assert call.forms("/stream") == []


def test_callbacks_under_way_are_bounded() -> None:
    """A bridge that never answers callbacks is sent a hundred of them, and no more."""
    callback = 'statusCallback="/leg" statusCallbackEvent="initiated ringing"'
    numbers = "".join(f"<Number {callback}>+1555010{n:04}</Number>" for n in range(60))
    call = Call(twiml=f"<Response><Dial>{numbers}</Dial></Response>")
    call.run(0)
    call.run(10)
    call.bridge.mute = True
    dropped = call.of("phone.callback_failed")

    assert len(call.of("phone.callback_sent")) + len(dropped) == 120
    assert len(dropped) == 20
