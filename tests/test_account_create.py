"""Creating calls: what is accepted, what is refused with which code, and when it is dialled."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import trio.testing

from tests.account_calls import ACCOUNT, FROM, ORDER, SAY, TO, URL, office

Clock = trio.testing.MockClock


async def test_a_created_call_is_queued_then_rings_and_is_answered(autojump_clock: Clock) -> None:
    """201, queued, without times; later ringing, then completed with a duration."""
    async with office() as it:
        status, call = it.create()
        path = f"/{call['sid']}"
        await it.until(1)
        ringing = it.ask("GET", path)[1]
        await it.until(4)
        it.placed[0].end("completed")
        over = it.ask("GET", path)[1]

    assert (status, call["status"], call["queue_time"]) == (201, "queued", "0")
    assert (call["start_time"], call["end_time"], call["duration"]) == (None, None, None)
    assert (ringing["status"], ringing["duration"]) == ("ringing", None)
    assert ringing["start_time"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    assert (over["status"], over["duration"]) == ("completed", "2")
    assert over["end_time"] == "Thu, 01 Jan 2026 00:00:04 +0000"


async def test_the_resource_has_twilios_fields(autojump_clock: Clock) -> None:
    """Every documented field is there, and nothing else."""
    async with office() as it:
        call = it.create()[1]

    base = f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{call['sid']}"
    assert set(call) == {
        *("sid", "date_created", "date_updated", "parent_call_sid", "account_sid", "to", "from"),
        *("to_formatted", "from_formatted", "phone_number_sid", "status", "start_time"),
        *("end_time", "duration", "price", "price_unit", "direction", "answered_by"),
        *("api_version", "forwarded_from", "group_sid", "caller_name", "queue_time"),
        *("stir_verstat", "trunk_sid", "uri", "subresource_uris"),
    }
    assert (call["uri"], call["direction"]) == (f"{base}.json", "outbound-api")
    assert call["subresource_uris"]["streams"] == f"{base}/Streams.json"
    assert (
        call["subresource_uris"]["user_defined_message_subscriptions"]
        == f"{base}/UserDefinedMessageSubscriptions.json"
    )


async def test_the_order_holds_what_was_asked_for(autojump_clock: Clock) -> None:
    """Every parameter that makes a difference reaches the call."""
    async with office() as it:
        it.create(
            Method="GET",
            FallbackUrl=f"{URL}/fallback",
            StatusCallback=f"{URL}/status",
            StatusCallbackEvent=["initiated", "answered"],
            Timeout="20",
            TimeLimit="600",
            MachineDetection="DetectMessageEnd",
            MachineDetectionTimeout="10",
            AsyncAmd="true",
            AsyncAmdStatusCallback=f"{URL}/amd",
            Record="true",
        )
        order = asdict(it.placed[0].order)

    assert (order["to"], order["from_"], order["url"], order["method"]) == (TO, FROM, URL, "GET")
    assert (order["fallback_url"], order["fallback_method"]) == (f"{URL}/fallback", "POST")
    assert order["status_callback_events"] == ("initiated", "answered")
    assert (order["timeout_s"], order["time_limit_s"]) == (20, 600)
    assert (order["machine_detection"], order["async_amd"]) == ("DetectMessageEnd", True)
    assert order["machine_detection_timeout_s"] == 10
    assert order["async_amd_status_callback"] == f"{URL}/amd"


async def test_what_is_not_said_has_twilios_defaults(autojump_clock: Clock) -> None:
    """A minute of ringing, only the completed event, no detection; Url beats Twiml."""
    async with office() as it:
        it.create(Twiml="<Resp")
        order = it.placed[0].order

    assert (order.timeout_s, order.status_callback_events) == (60, ("completed",))
    assert (order.machine_detection, order.send_digits) == ("", "")
    assert (order.url, order.twiml) == (URL, "")


async def test_send_digits_switch_detection_off(autojump_clock: Clock) -> None:
    """SendDigits overrides MachineDetection; Twiml alone is enough to go by."""
    async with office() as it:
        it.create(Url=None, Twiml=SAY, SendDigits="wW12#", MachineDetection="Enable")
        order = it.placed[0].order

    assert (order.send_digits, order.machine_detection, order.twiml) == ("wW12#", "", SAY)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"To": None}, 21201),
        ({"From": ""}, 21213),
        ({"To": "5550100002"}, 21211),
        ({"To": "+1555010000x"}, 21211),
        ({"From": "nobody"}, 21212),
        ({"From": "+15005550001"}, 21212),
        ({"To": "+15005550001"}, 21217),
        ({"To": "+15005550002"}, 21214),
        ({"To": "+15005550003"}, 21215),
        ({"To": "+15005550004"}, 21216),
        ({"CallerId": "me"}, 21212),
        ({"Url": None}, 21205),
        ({"Url": "ftp://bridge.example.com/a"}, 21205),
        ({"Url": "/incoming-call"}, 21205),
        ({"Url": "https://bridge.example.com:99999/"}, 21205),
        ({"Url": None, "ApplicationSid": "AP" + "0" * 32}, 20001),
        ({"Url": None, "Twiml": "<Response>"}, 20001),
        ({"Url": None, "Twiml": "<Response>" + " " * 4000 + "</Response>"}, 20001),
        ({"Timeout": "601"}, 21208),
        ({"Timeout": "0"}, 21208),
        ({"Timeout": "soon"}, 21208),
        ({"TimeLimit": "0"}, 20001),
        ({"Method": "PUT"}, 20001),
        ({"FallbackUrl": "nowhere"}, 20001),
        ({"StatusCallback": "nowhere"}, 20001),
        ({"StatusCallbackEvent": ["answered", "hungup"]}, 20001),
        ({"StatusCallbackEvent": "initiated ringing"}, 20001),
        ({"SendDigits": "w" * 33}, 20001),
        ({"SendDigits": "1-2"}, 20001),
        ({"MachineDetection": "yes"}, 20001),
        ({"MachineDetectionTimeout": "2"}, 20001),
        ({"MachineDetectionSpeechThreshold": "999"}, 20001),
        ({"MachineDetectionSpeechEndThreshold": "5001"}, 20001),
        ({"MachineDetectionSilenceTimeout": "1999"}, 20001),
        ({"AsyncAmd": "1"}, 20001),
        ({"AsyncAmdStatusCallback": "nowhere"}, 20001),
        ({"Record": "maybe"}, 20001),
        ({"RecordingTrack": "all"}, 20001),
        ({"RecordingChannels": "three"}, 20001),
        ({"Trim": "yes"}, 20001),
        ({"Byoc": "BY1"}, 20001),
    ],
)
async def test_orders_twilio_refuses(
    autojump_clock: Clock, changed: dict[str, Any], code: int
) -> None:
    """400 with Twilio's code; no call is made."""
    async with office() as it:
        status, body = it.create(**changed)

    assert (status, body["code"], body["status"]) == (400, code, 400)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert it.placed == []


async def test_an_invalid_number_is_quoted(autojump_clock: Clock) -> None:
    """The words of 21211 are Twilio's."""
    async with office() as it:
        body = it.create(To="12")[1]

    assert body["message"] == "The 'To' number 12 is not a valid phone number."


async def test_calls_are_dialled_one_a_second(autojump_clock: Clock) -> None:
    """Three at once are all accepted, say how long they wait, and ring a second apart."""
    async with office() as it:
        calls = [it.create()[1] for _ in range(3)]
        await it.until(0.5)
        at_half = [it.ask("GET", f"/{call['sid']}")[1]["status"] for call in calls]
        await it.until(2.5)
        later = [it.ask("GET", f"/{call['sid']}")[1]["start_time"] for call in calls]

    assert [call["queue_time"] for call in calls] == ["0", "1000", "2000"]
    assert at_half == ["ringing", "queued", "queued"]
    assert [when[-8:-6] for when in later] == ["00", "01", "02"]


async def test_more_than_a_day_of_queue_is_refused(autojump_clock: Clock) -> None:
    """22005 when the queue holds more than 24 hours of calls."""
    async with office(calls_per_second=1 / 50_000) as it:
        accepted = [it.create()[0] for _ in range(2)]
        status, body = it.create()

    assert accepted == [201, 201]
    assert (status, body["code"]) == (400, 22005)


async def test_a_queued_call_can_be_cancelled(autojump_clock: Clock) -> None:
    """It never rings, whether it is canceled or completed; its times stay empty."""
    async with office() as it:
        it.create()
        sids = [it.create()[1]["sid"] for _ in range(2)]
        answers = [
            it.update(sid, Status=how)
            for sid, how in zip(sids, ("canceled", "completed"), strict=True)
        ]
        await it.until(5)
        late = it.ask("GET", f"/{sids[0]}")[1]

    assert [(status, call["status"]) for status, call in answers] == [(200, "canceled")] * 2
    assert (late["status"], late["start_time"], late["duration"]) == ("canceled", None, None)


async def test_more_calls_than_allowed_at_once_are_refused(autojump_clock: Clock) -> None:
    """With a limit, one call too many is 20429; when one is over, the next is taken."""
    async with office(calls_max=1) as it:
        sid = it.create()[1]["sid"]
        status, body = it.create()
        it.update(sid, Status="completed")
        again, _ = it.create()

    assert (status, body["code"], again) == (429, 20429, 201)


async def test_test_credentials_make_no_call(autojump_clock: Clock) -> None:
    """Only +15005550006 may call; the answer looks like a call, which does not exist."""
    async with office(place=None) as it:
        refused = it.create()
        status, call = it.create(From="+15005550006")
        found = it.ask("GET", f"/{call['sid']}")

    assert (refused[0], refused[1]["code"]) == (400, 21210)
    assert (status, call["status"], call["from"]) == (201, "queued", "+15005550006")
    assert (found[0], found[1]["code"]) == (404, 20404)


async def test_the_trace_tells_of_unknown_parameters_and_of_no_number(
    autojump_clock: Clock,
) -> None:
    """A misspelt parameter is ignored but told; numbers, URLs and documents are not."""
    async with office() as it:
        it.create(StatusCalback="https://bridge.example.com/status")
        record = it.events[-1].data

    assert record["form"] == {"StatusCalback": "unknown", "Url": "given"}
    assert (record["method"], record["status"], record["code"]) == ("POST", 201, 0)
    assert not any(value in str(record) for value in ORDER.values())
