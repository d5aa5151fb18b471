"""POST /outbound when Twilio says no, is silent, or nobody knows whether it rang."""

from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from bridge.outbound.twilio_calls import CREATE_S_MAX
from tests.outbound_parts import KEY, TO, body_of, service
from tests.rest_answers import ODD_JSON


# ------------------------------------------------------------------------------ Twilio says no
@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({"to_number": "+15005550001"}, 21217, "not a valid phone number"),
        ({"to_number": "+15005550003"}, 21215, "may not call this country"),
        ({"from_number": "+15005550001"}, 21212, "not a number of this account"),
    ],
)
async def test_twilios_refusals_have_its_code(given: Any, code: int, says: str) -> None:
    """502, the code, what it means in our words, and no number in them."""
    async with service() as it:
        response = await it.order(**given)
        body = await body_of(response)

        assert response.status_code == 502
        assert body["code"] == code
        assert f"code {code}" in body["detail"]
        assert says in body["detail"]
        assert "+1500" not in body["detail"]
        assert not it.rang


async def test_an_invalid_number_that_only_twilio_knows() -> None:
    """21211 is named as well."""
    async with service() as it:
        error = {"code": 21211, "message": f"The 'To' number {TO} is not valid", "status": 400}
        it.door.raw = httpx.Response(400, json=error)
        body = await body_of(await it.order())

        assert "code 21211 (HTTP 400): to_number is not a valid phone number" in body["detail"]


async def test_a_code_nobody_has_words_for() -> None:
    """Twilio's own page explains it."""
    async with service() as it:
        it.door.raw = httpx.Response(400, json={"code": 29999, "message": "?", "status": 400})
        body = await body_of(await it.order())

        assert body["detail"].endswith("see https://www.twilio.com/docs/errors/29999")


async def test_wrong_credentials_are_not_the_clients_fault() -> None:
    """A 401 of Twilio's is a 502 of ours."""
    async with service(401) as it:
        response = await it.order()

        assert response.status_code == 502
        assert (await body_of(response))["code"] == 20003


async def test_twilio_is_busy() -> None:
    """20429 was never processed: the client may come again, and we did not try twice."""
    async with service(429) as it:
        response = await it.order(KEY)
        again = await it.order(KEY)

        assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
        assert (await body_of(response))["code"] == 20429
        assert again.status_code == 200
        assert len(it.door.requests) == 2
        assert len(it.rang) == 1


# ------------------------------------------------------------------------------ nobody knows
@pytest.mark.parametrize("answer", [500, 503, "timeout", "lost"])
async def test_a_call_that_may_have_rung_is_not_made_again(
    autojump_clock: MockClock, answer: int | str
) -> None:
    """A 5xx, silence, a lost answer: one request, 502 in a clear sentence, also the next time."""
    async with service(answer) as it:
        first = await it.order(KEY)
        second = await it.order(KEY)

        assert (first.status_code, second.status_code) == (502, 502)
        assert "may have rung" in (await body_of(first))["detail"]
        assert await body_of(second) == await body_of(first)
        assert len(it.door.requests) == 1
        assert len(it.rang) == (answer == "lost")
        assert it.lines.all("call_not_placed")[0]["may_have_rung"]
        assert trio.current_time() <= CREATE_S_MAX


@pytest.mark.parametrize(
    "failure",
    [httpx.ReadError("reset"), httpx.WriteError("reset"), httpx.RemoteProtocolError("closed")],
)
async def test_a_connection_that_breaks_meanwhile(failure: Exception) -> None:
    """The request may have arrived."""
    async with service() as it:
        it.door.broken.append(failure)
        response = await it.order()

        assert response.status_code == 502
        assert "may have rung" in (await body_of(response))["detail"]
        assert len(it.door.requests) == 1


@pytest.mark.parametrize(
    "raw", [httpx.Response(201, text="<html>"), httpx.Response(201, json={"status": "queued"})]
)
async def test_an_answer_that_makes_no_sense(raw: httpx.Response) -> None:
    """A proxy's page, or a call without a sid: it may have rung."""
    async with service() as it:
        it.door.raw = raw
        response = await it.order()

        assert response.status_code == 502
        assert "may have rung" in (await body_of(response))["detail"]


@pytest.mark.parametrize("body", [*ODD_JSON, b'{"sid": 5}', b'{"sid": ["CA"]}'])
async def test_an_answer_that_is_no_call(body: bytes) -> None:
    """JSON, but not the object to be expected: it may have rung, and is not tried again."""
    async with service() as it:
        it.door.raw = httpx.Response(201, content=body)
        response = await it.order(KEY)
        again = await it.order(KEY)

        assert (response.status_code, again.status_code) == (502, 502)
        assert "may have rung" in (await body_of(response))["detail"]
        assert len(it.door.requests) == 1
        assert it.lines.all("call_not_placed")[0]["may_have_rung"]


@pytest.mark.parametrize("code", [[1], {"a": 1}, "x", None])
async def test_a_refusal_with_a_code_that_is_none(code: object) -> None:
    """What is no number is no code, and a refusal all the same."""
    async with service() as it:
        it.door.raw = httpx.Response(400, json={"code": code, "message": 5})
        response = await it.order()

        assert response.status_code == 502
        assert "may have rung" not in (await body_of(response))["detail"]


@pytest.mark.parametrize("failure", [httpx.ConnectError("no"), httpx.ConnectTimeout("no")])
async def test_twilio_that_cannot_be_reached(failure: Exception) -> None:
    """Nothing was sent, so nothing rang, and the same key may come again."""
    async with service() as it:
        it.door.broken.append(failure)
        first = await it.order(KEY)
        again = await it.order(KEY)

        assert first.status_code == 502
        assert "nothing rang" in (await body_of(first))["detail"]
        assert again.status_code == 200
        assert len(it.rang) == 1
