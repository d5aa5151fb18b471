"""The fake's REST API, driven by hand and by Twilio's own SDK."""

from __future__ import annotations

from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from simulator.scenario.format import PhoneSetup
from tests.phone_bridge import ACCOUNT, TOKEN, Call

SAY = "<Response><Say>one two</Say></Response>"


class DirectHttp(HttpClient):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's HTTP side, answered by the fake without a network."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def request(self, method: str, url: str, **given: Any) -> Response:
        """One request."""
        form = {name: [value] for name, value in (given.get("data") or {}).items()}
        status, headers, body = self._call.account.answer(method, url, form, given["auth"])
        return Response(status, body.decode(), headers)


def sdk(call: Call, token: str = TOKEN) -> Client:
    """The official client, on this call."""
    return Client(ACCOUNT, token, http_client=DirectHttp(call))


def test_the_sdk_ends_a_call() -> None:
    """Status=completed: stop, close, line released by the bridge; the answer is the ended call."""
    call = Call().run(5000)
    ended = sdk(call).calls(call.phone.identity.call_sid).update(status="completed")
    call.run(6000)

    assert (ended.status, ended.direction, ended.duration) == ("completed", "inbound", "5")
    assert call.ended == ("bridge", "rest")
    assert len(call.bridge.events("stop")) == 1
    assert call.bridge.closes == [1000]


def test_the_sdk_fetches_a_call() -> None:
    """A running call is in-progress, with its numbers and dates and no duration."""
    call = Call().run(5000)
    fetched = sdk(call).calls(call.phone.identity.call_sid).fetch()

    assert (fetched.status, fetched.to, fetched.duration) == ("in-progress", "+15550100002", None)
    assert str(fetched.date_created) == "2026-01-01 00:00:00+00:00"


def test_the_sdk_sees_twilios_errors() -> None:
    """A wrong token is 401/20003, an unknown call 404/20404."""
    call = Call().run(1000)
    with pytest.raises(TwilioRestException) as denied:
        sdk(call, "wrong").calls(call.phone.identity.call_sid).fetch()
    with pytest.raises(TwilioRestException) as unknown:
        sdk(call).calls("CA" + "0" * 32).update(status="completed")

    assert (denied.value.status, denied.value.code) == (401, 20003)
    assert (unknown.value.status, unknown.value.code) == (404, 20404)
    assert call.ended is None


def test_a_call_that_is_over_cannot_be_ended() -> None:
    """After the caller hung up, completing the call is 400/21220; the line is released once."""
    call = Call().run(1000)
    call.phone.hang_up()
    status, body = call.hang_up()

    assert (status, body["code"]) == (400, 21220)
    assert body["message"] == "Call is not in-progress. Cannot redirect."
    assert body["more_info"] == "https://www.twilio.com/docs/errors/21220"
    assert call.ended == ("caller", "hangup")


def test_scripted_answers_come_in_order_and_then_ok() -> None:
    """429, 503 and 500 leave the call alone; after the script the completion works."""
    call = Call(phone=PhoneSetup(hangup_rest=(429, 503, 500, "timeout", "ok"))).run(1000)
    answers = [call.hang_up() for _ in range(4)]

    assert [status for status, _ in answers] == [429, 503, 500, 0]
    assert [body["code"] for _, body in answers[:3]] == [20429, 20503, 20500]
    assert call.ended is None
    assert call.hang_up()[0] == 200
    assert call.ended == ("bridge", "rest")


@pytest.mark.parametrize(("answer", "status", "code"), [(404, 404, 20404), (21220, 400, 21220)])
def test_already_over_means_that_it_is(answer: int, status: int, code: int) -> None:
    """A completion that is told the call is over was overtaken by the caller's own hanging up."""
    call = Call(phone=PhoneSetup(hangup_rest=(answer,))).run(1000)
    told, body = call.hang_up()

    assert (told, body["code"]) == (status, code)
    assert call.ended == ("caller", "hangup")


def test_twiml_replaces_the_stream() -> None:
    """Twiml=: the stream is stopped and closed, the new document runs, and ends the call."""
    call = Call().run(1000)
    status, _ = call.rest("POST", {"Twiml": [SAY]})
    call.run(1500)

    assert status == 200
    assert call.bridge.events("stop")
    assert call.ended is None
    assert call.run(3000).ended == ("twiml", "twiml_end")


def test_url_replaces_the_stream() -> None:
    """Url=: the document is fetched with the call's form, in-progress, and runs."""
    call = Call().run(1000)
    call.bridge.twiml = SAY
    call.rest("POST", {"Url": ["https://bridge.example.com/transfer"], "Method": ["GET"]})
    call.run(1000)
    method, target, _, _ = call.bridge.requests[-1]

    assert method == "GET"
    assert target.startswith("/transfer?")
    assert "CallStatus=in-progress" in target
    assert call.run(3000).ended == ("twiml", "twiml_end")


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"Status": ["busy"]}, 20001),
        ({"Url": ["https://bridge.example.com/a"], "Twiml": [SAY]}, 20001),
        ({"Twiml": ["<Response>"]}, 20001),
        ({"Twiml": ["<Response>" + " " * 4000 + "</Response>"]}, 20001),
        ({"Url": ["ftp://bridge.example.com/a"]}, 21205),
        ({"Status": ["canceled"]}, 21220),
    ],
)
def test_updates_twilio_refuses(form: dict[str, list[str]], code: int) -> None:
    """Wrong parameters are refused with 400 and leave the call as it is."""
    call = Call().run(1000)
    status, body = call.rest("POST", form)

    assert (status, body["code"], body["status"]) == (400, code, 400)
    assert call.run(2000).ended is None


def test_methods_and_secrets() -> None:
    """PUT is unknown; the trace shows what was asked, and no TwiML or token."""
    call = Call().run(1000)
    status, _ = call.rest("PUT", {})
    call.rest("POST", {"Twiml": [SAY]})
    record = call.of("phone.rest")[-1].data

    assert status == 405
    assert (record["status"], record["code"], record["form"]) == (200, 0, {"Twiml": "given"})
    assert TOKEN not in str(record)


def test_without_credentials_nobody_is_let_in() -> None:
    """An account whose token the bridge was not given refuses every request."""
    call = Call(auth_token=None).run(1000)

    assert call.hang_up()[0] == 401
    assert call.hang_up(token="")[0] == 401


def test_those_who_wait_for_the_end_are_told_once() -> None:
    """`on_end` runs once, when `ended` is true."""
    call = Call().run(1000)
    told: list[bool] = []
    call.phone.on_end.append(lambda: told.append(call.phone.ended))
    call.hang_up()
    call.phone.hang_up()

    assert told == [True]
