"""POST /outbound-twiml: what a call that was answered is told to do."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from quart.wrappers import Response

from tests.outbound_parts import ORIGIN, Service, service

URL = f"{ORIGIN}/outbound-twiml"
CALL = "CA" + "1" * 32


async def document(response: Response) -> ET.Element:
    """The TwiML of an answer."""
    assert response.status_code == 200
    assert response.content_type == "text/xml; charset=utf-8"
    return ET.fromstring(await response.get_data(as_text=True))


def parameters(response: ET.Element) -> dict[str, str]:
    """Those of the stream."""
    (stream,) = response.iter("Stream")
    return {one.attrib["name"]: one.attrib["value"] for one in stream}


async def test_a_person_is_connected() -> None:
    """The stream is ours, with this call's token, the agent and the parameters of the request."""
    async with service() as it:
        answer = await document(await it.answered(f"{URL}?agent=default&guest=Zo%C3%AB"))
        (stream,) = answer.iter("Stream")
        given = parameters(answer)

        assert stream.attrib["url"] == "wss://voice.example.com/media-stream"
        assert (given.pop("agent"), given.pop("guest")) == ("default", "Zoë")
        assert it.app.services.tokens.is_valid(given.pop("token"), CALL)
        assert not given


async def test_the_url_of_a_request_is_the_one_that_works() -> None:
    """What POST /outbound gives to Twilio is answered, signature and all."""
    async with service() as it:
        await it.order(agent="default", parameters={"q": "a b&c=d/é", "n": ""})
        answer = await document(await it.answered(it.rang[0].order.url))
        given = parameters(answer)

        assert (given["q"], given["n"], given["agent"]) == ("a b&c=d/é", "", "default")


async def test_greeting_and_pause() -> None:
    """As for a call that comes in."""
    async with service(twiml_greeting="One moment please.", twiml_pause_seconds=1) as it:
        answer = await document(await it.answered(URL))

        assert [verb.tag for verb in answer] == ["Say", "Pause", "Connect"]


MESSAGE: dict[str, Any] = {"machine_detected": "message", "machine_message": "We <called> you."}


@pytest.mark.parametrize(
    ("given", "answered_by", "verbs"),
    [
        ({}, "human", ["Connect"]),
        ({}, "unknown", ["Connect"]),
        ({}, "machine_start", ["Hangup"]),
        ({}, "fax", ["Hangup"]),
        ({"machine_detected": "talk"}, "machine_start", ["Connect"]),
        (MESSAGE, "machine_end_beep", ["Say", "Hangup"]),
        (MESSAGE, "fax", ["Hangup"]),
        (MESSAGE, "human", ["Connect"]),
    ],
)
async def test_who_answered(given: dict[str, Any], answered_by: str, verbs: list[str]) -> None:
    """A machine is treated as MACHINE_DETECTED says."""
    async with service(**given) as it:
        answer = await document(await it.answered(URL, AnsweredBy=answered_by))

        assert [verb.tag for verb in answer] == verbs
        if "Say" in verbs:
            assert answer[0].text == "We <called> you."
        assert it.lines.all("call_answered")[0]["answered_by"] == answered_by


async def refused(it: Service, url: str = URL, **form: str) -> int:
    """The status of an answer that is no TwiML."""
    response = await it.answered(url, **form)
    assert "xml" not in response.content_type
    return response.status_code


async def test_only_twilio_may_ask() -> None:
    """The signature covers the query: nobody changes a parameter or makes a token."""
    async with service() as it:
        client = it.app.test_client()
        unsigned = await client.post("/outbound-twiml", form={"CallSid": CALL})
        good = await it.answered(f"{URL}?guest=Zoe")
        headers = {"X-Twilio-Signature": "forged"}
        forged = await client.post("/outbound-twiml", form={"CallSid": CALL}, headers=headers)

        assert (unsigned.status_code, forged.status_code, good.status_code) == (403, 403, 200)


async def test_without_credentials_nobody_may_ask() -> None:
    """No signature could be checked, and no call can have been made."""
    async with service(twilio_auth_token=None) as it:
        assert await refused(it) == 503
    async with service(public_url=None) as it:
        assert await refused(it) == 503


async def test_what_makes_no_sense() -> None:
    """A call without a sid; a service that is stopping."""
    async with service() as it:
        assert await refused(it, CallSid="CA1") == 400
        it.app.calls.stopping = True
        assert await refused(it) == 503


async def test_who_answers_when_all_places_are_taken() -> None:
    """Hears that nobody is free; a call that has its place keeps it."""
    async with service(max_calls=1) as it:
        await document(await it.answered(URL))
        again = await document(await it.answered(URL))
        other = await document(await it.answered(URL, CallSid="CA" + "2" * 32))

        assert [verb.tag for verb in again] == ["Connect"]
        assert [verb.tag for verb in other] == ["Say", "Hangup"]


async def test_the_agent_that_was_asked_for(tmp_path: Path) -> None:
    """Its name travels to the stream; one that is not there any more is a 404."""
    (tmp_path / "sales.agent.yaml").write_text("greeting: Hello.\n", "utf-8")
    async with service(agents_dir=tmp_path) as it:
        given = parameters(await document(await it.answered(f"{URL}?agent=sales&x=1")))

        assert (given["Agent"], given["Direction"], given["x"]) == ("sales", "outbound", "1")
        assert await refused(it, f"{URL}?agent=gone") == 404


async def test_odd_parameters_are_left_out() -> None:
    """The document stays well-formed, whatever the query holds; a token is never handed on."""
    query = f"token=forged&From=x&long={'x' * 600}&nul=%00&fine=1"
    async with service() as it:
        given = parameters(await document(await it.answered(f"{URL}?{query}")))

        assert given.pop("token") != "forged"
        assert given == {"fine": "1"}
