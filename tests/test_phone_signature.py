"""The fake's signatures: a published vector, and the validator of Twilio's own SDK."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from twilio.request_validator import RequestValidator

from simulator.phone.signature import sign
from simulator.scenario.format import CallSetup, PhoneSetup
from tests.phone_bridge import HOST, TOKEN, Call

WEBHOOK = f"https://{HOST}/incoming-call"
STREAM_URL = f"wss://{HOST}/media-stream"


def test_the_published_vector() -> None:
    """The example of Twilio's documentation gives the documented signature."""
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    signature = sign("https://mycompany.com/myapp.php?foo=1&bar=2", form.items(), "12345")

    assert signature == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_twilios_validator_accepts_webhook_and_stream() -> None:
    """The official SDK's validator accepts the form POST and the upgrade of the same call."""
    call = Call(call=CallSetup(parameters={"CallerName": "ANN  ", "Empty": ""})).run(100)
    method, path, headers, body = call.bridge.requests[0]
    form = {
        name: values if len(values) > 1 else values[0]
        for name, values in parse_qs(body.decode(), keep_blank_values=True).items()
    }
    validator = RequestValidator(TOKEN)

    assert (method, path) == ("POST", "/incoming-call")
    assert validator.validate(WEBHOOK, form, headers["x-twilio-signature"])
    stream = call.bridge.upgrades[0][1]
    assert validator.validate(STREAM_URL, {}, stream["x-twilio-signature"])


def test_a_get_webhook_signs_its_query() -> None:
    """With GET the form is in the query, and the URL alone is signed."""
    call = Call(order={"method": "GET"}).run(100)
    method, target, headers, body = call.bridge.requests[0]

    assert (method, body) == ("GET", b"")
    assert "CallSid=CA" in target
    assert RequestValidator(TOKEN).validate(
        f"https://{HOST}{target}", {}, headers["x-twilio-signature"]
    )


@pytest.mark.parametrize(
    ("setup", "signed"),
    [
        (PhoneSetup(sign_with_port=True), f"wss://{HOST}:443/media-stream"),
        (PhoneSetup(sign_trailing_slash=True), f"wss://{HOST}/media-stream/"),
    ],
)
def test_the_quirks_of_the_signed_url(setup: PhoneSetup, signed: str) -> None:
    """A knob makes Twilio sign the URL with its port, or with a trailing slash."""
    headers = Call(phone=setup).run(100).bridge.upgrades[0][1]

    assert headers["x-twilio-signature"] == sign(signed, (), TOKEN)


def test_signatures_can_be_missing_or_forged() -> None:
    """A stranger's request carries no signature, or one of another key."""
    missing = Call(phone=PhoneSetup(signature="missing")).bridge.requests[0][2]
    forged = Call(phone=PhoneSetup(signature="forged")).bridge.requests[0][2]
    valid = Call().bridge.requests[0][2]

    assert "x-twilio-signature" not in missing
    assert forged["x-twilio-signature"] != valid["x-twilio-signature"]
