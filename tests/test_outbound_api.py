"""POST /outbound against the simulator's account: what rings, what does not, and what is said."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trio
from quart.wrappers import Response
from trio.testing import MockClock

from bridge.outbound.key_store import SqlKeys
from bridge.outbound.keys import CallKeys, Kept, KeyedRequest, KeysUnavailable
from bridge.outbound.twilio_calls import CREATE_S_MAX
from bridge.records.errands import errands_at
from bridge.records.store import SqlStore
from bridge.service import BODY_BYTES_MAX
from bridge.settings import missing_for_production
from tests.far_ends import NOW
from tests.outbound_parts import BEARER, FROM, ORIGIN, TO, outbound_settings, service

KEY = {"Idempotency-Key": "order-17"}


async def body_of(response: Response) -> Any:
    """The JSON of an answer, which says that it is JSON."""
    assert response.content_type == "application/json"
    return json.loads(await response.get_data(as_text=True))


# ------------------------------------------------------------------------------ a call
async def test_a_call_is_placed() -> None:
    """Twilio is asked once, with our webhook; the answer has the call's sid."""
    async with service() as it:
        response = await it.order(parameters={"guest": "Zoë"})
        body = await body_of(response)
        (call,) = it.rang

    assert response.status_code == 200
    assert body == {
        "success": True,
        "call_sid": call.sid,
        "status": "queued",
        "to": TO,
        "from": FROM,
        "webhook_url": f"{ORIGIN}/outbound-twiml?guest=Zo%C3%AB",
    }
    assert (call.order.to, call.order.from_) == (TO, FROM)
    assert (call.order.url, call.order.method) == (body["webhook_url"], "POST")
    assert call.order.machine_detection == ""


async def test_machines_are_looked_for_when_asked() -> None:
    """The detection is part of the call that Twilio makes."""
    async with service(machine_detected="message", machine_message="We called.") as it:
        await it.order(machine_detection=True)

        assert it.rang[0].order.machine_detection == "DetectMessageEnd"


async def test_the_log_has_the_sid_and_no_number() -> None:
    """Whoever reads logs learns that there was a call, not with whom."""
    async with service() as it:
        await it.order(parameters={"guest": "Zoe"})
        (line,) = it.lines.all("call_placed")

        assert line["call_sid"] == it.rang[0].sid
        assert not {TO, FROM, "Zoe"} & set(str(it.lines).split("'"))


# ------------------------------------------------------------------------------ who may ask
@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer cb_wrong"}, {"Authorization": "Basic Y2I6Yw=="}],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/outbound"),
        ("GET", "/call-status/CA1"),
        ("GET", "/calls"),
        ("GET", f"/calls/CA{'1' * 32}"),
    ],
)
async def test_without_a_token_nothing_happens(
    headers: dict[str, str], method: str, path: str
) -> None:
    """401 on every route, with the scheme; Twilio is not asked."""
    async with service() as it:
        client = it.app.test_client()
        ask = client.post if method == "POST" else client.get
        response = await ask(path, headers=headers)
        body = await body_of(response)

        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"
        assert list(body) == ["detail"]
        assert not it.door.requests


async def test_without_any_token_set_nobody_may() -> None:
    """API_TOKENS is empty by default, and that closes the door."""
    async with service(api_tokens="") as it:
        assert (await it.order()).status_code == 401


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({"public_url": None}, "PUBLIC_URL"),
        ({"twilio_auth_token": None}, "TWILIO_AUTH_TOKEN"),
        ({"twilio_account_sid": None}, "TWILIO_ACCOUNT_SID"),
    ],
)
async def test_what_is_not_set_up_is_said(given: dict[str, Any], lacks: str) -> None:
    """503 and the variable's name."""
    async with service(**given) as it:
        response = await it.order()
        body = await body_of(response)

        assert response.status_code == 503
        assert lacks in body["detail"]
        assert not it.rang


async def test_a_wrong_number_is_a_422() -> None:
    """With the field, before Twilio is asked."""
    async with service() as it:
        response = await it.order(to_number="12345")
        body = await body_of(response)

        assert response.status_code == 422
        assert body["field"] == "to_number"
        assert body["detail"].startswith("to_number: ")
        assert not it.door.requests


async def test_a_body_that_is_too_large() -> None:
    """The framework's refusals are JSON, too."""
    async with service() as it:
        response = await it.order(parameters={"a": "x" * BODY_BYTES_MAX})

        assert response.status_code == 413
        assert list(await body_of(response)) == ["detail"]
        assert not it.rang


async def test_a_full_service_makes_no_calls() -> None:
    """Whoever answered would be sent away."""
    async with service(max_calls=1) as it:
        it.app.services.places.reserve("CA" + "2" * 32, "", trio.current_time())
        response = await it.order()

        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert not it.rang


async def test_a_call_that_nobody_could_take(tmp_path: Path) -> None:
    """An agent that lacks a parameter would have nothing to say to whoever answers."""
    (tmp_path / "sales.agent.yaml").write_text(
        'instructions: "Call {guest}."\nparameters: [guest]\n', "utf-8"
    )
    async with service(agents_dir=tmp_path) as it:
        lacking = await it.order(agent="sales")
        unknown = await it.order(agent="nobody")
        fine = await it.order(agent="sales", parameters={"guest": "Zoe"})

        assert (lacking.status_code, unknown.status_code, fine.status_code) == (422, 422, 200)
        assert (await body_of(lacking))["field"] == "parameters"
        assert (await body_of(unknown))["field"] == "agent"


async def test_two_processes_ring_once(tmp_path: Path) -> None:
    """Keys in the database are known to all machines: a retry may reach another one."""
    url = f"sqlite:///{tmp_path}/calls.db"
    async with (
        errands_at(SqlStore(url)) as here,
        errands_at(SqlStore(url)) as there,
        service(call_keys=SqlKeys(here, lambda: NOW)) as one,
        service(call_keys=SqlKeys(there, lambda: NOW)) as other,
    ):
        first = await body_of(await one.order(KEY))
        second = await body_of(await other.order(KEY))

        assert first == second
        assert (len(one.rang), len(other.rang)) == (1, 0)


async def test_a_stopping_service_makes_no_calls() -> None:
    """Nobody would answer Twilio when the call is answered."""
    async with service() as it:
        it.app.calls.stopping = True
        response = await it.order()

        assert response.status_code == 503
        assert not it.rang


# ------------------------------------------------------------------------------ how many
async def test_so_many_in_a_minute(autojump_clock: MockClock) -> None:
    """Then 429 and when to come again, and then it works; wrong requests do not count."""
    async with service(outbound_per_minute=2) as it:
        await it.order(to_number="x")
        await it.order()
        await trio.sleep(20)
        await it.order()
        refused = await it.order()
        await trio.sleep(int(refused.headers["Retry-After"]))
        later = await it.order()
        again = await it.order()

        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "40")
        assert "OUTBOUND_PER_MINUTE" in (await body_of(refused))["detail"]
        assert later.status_code == 200
        assert (again.status_code, again.headers["Retry-After"]) == (429, "20")
        assert len(it.rang) == 3


async def test_so_many_requests_in_a_minute(autojump_clock: MockClock) -> None:
    """Of each token, whatever it asks for; an order that is too much rings nobody."""
    async with service(api_per_minute=2) as it:
        client = it.app.test_client()
        first = await client.get("/calls", headers=BEARER)
        await client.get("/calls", headers=BEARER)
        refused = await it.order()
        strangers = await client.get("/calls", headers={"Authorization": "Bearer x"})
        await trio.sleep(60)
        later = await client.get("/calls", headers=BEARER)

        assert (first.status_code, refused.status_code, later.status_code) == (200, 429, 200)
        assert refused.headers["Retry-After"] == "60"
        assert strangers.status_code == 401
        assert not it.rang


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


# ------------------------------------------------------------------------------ the same twice
async def test_the_same_key_rings_once() -> None:
    """The second answer is the first one."""
    async with service(outbound_per_minute=1) as it:
        first, second = [await body_of(await it.order(KEY)) for _ in range(2)]

        assert first == second
        assert len(it.door.requests) == 1


async def test_without_a_key_every_request_rings() -> None:
    """Twilio has no idempotency of its own."""
    async with service() as it:
        await it.order()
        await it.order()

        assert len(it.rang) == 2


async def test_a_key_used_for_another_call() -> None:
    """A mistake of the client's, which must not look like a call to somebody else."""
    async with service() as it:
        await it.order(KEY)
        response = await it.order(KEY, to_number="+15550100003")

        assert response.status_code == 422
        assert (await body_of(response))["field"] == "Idempotency-Key"
        assert len(it.rang) == 1


async def test_a_retry_while_the_first_is_under_way() -> None:
    """409: it is not known yet, and it is not made again."""
    async with service() as it, trio.open_nursery() as nursery:
        it.door.gate = trio.Event()
        nursery.start_soon(it.order, KEY)
        while not it.rang:
            await trio.lowlevel.checkpoint()
        retried = await it.order(KEY)
        it.door.gate.set()

    assert retried.status_code == 409
    assert retried.headers["Retry-After"] == "1"
    assert len(it.rang) == 1


async def test_a_client_that_gives_up_and_comes_again() -> None:
    """What was begun is finished and kept: the retry is told the call that rang."""
    async with service() as it:
        it.door.gate = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(it.order, KEY)
            while not it.rang:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
            it.door.gate.set()
        retried = await body_of(await it.order(KEY))

        assert retried["call_sid"] == it.rang[0].sid
        assert len(it.rang) == 1


class Unusable(CallKeys):
    """A database of keys that fails at one of its errands."""

    def __init__(self, fails_at: str) -> None:
        self._fails_at = fails_at
        self._claimed: Kept | None = None

    async def claim(self, request: KeyedRequest) -> Kept | None:
        """Claim, or fail."""
        self._do("claim")
        found, self._claimed = self._claimed, Kept(request.digest)
        return found

    async def settle(self, key: str, kept: Kept) -> None:
        """Fail, or forget."""
        self._do("settle")

    async def release(self, key: str) -> None:
        """Fail, or forget."""
        self._do("release")

    def _do(self, errand: str) -> None:
        if errand == self._fails_at:
            raise KeysUnavailable("the database is away")


async def test_when_keys_cannot_be_kept_nothing_rings() -> None:
    """503; a request without a key needs no database."""
    async with service(call_keys=Unusable("claim")) as it:
        response = await it.order(KEY)
        rang_with_key = len(it.rang)
        without = await it.order()

        assert (response.status_code, rang_with_key) == (503, 0)
        assert "nothing rang" in (await body_of(response))["detail"]
        assert without.status_code == 200


async def test_when_the_outcome_cannot_be_kept() -> None:
    """The call is told, and the key stays claimed: 409 rather than a second call."""
    async with service(call_keys=Unusable("settle")) as it:
        first, second = [await it.order(KEY) for _ in range(2)]

        assert (first.status_code, second.status_code) == (200, 409)
        assert len(it.rang) == 1
        assert it.lines.all("idempotency_keys_unavailable")


async def test_when_a_key_cannot_be_released() -> None:
    """What Twilio said is told all the same."""
    async with service(429, call_keys=Unusable("release")) as it:
        assert (await it.order(KEY)).status_code == 429


def test_whoever_can_call_anywhere_is_told() -> None:
    """A stolen token is worth most where every country may be called."""
    gaps = missing_for_production(outbound_settings())
    fewer = missing_for_production(outbound_settings(outbound_allowed="+1, +44"))

    assert any(gap.startswith("OUTBOUND_ALLOWED") for gap in gaps)
    assert not any(gap.startswith("OUTBOUND_ALLOWED") for gap in fewer)


async def test_parameters_travel_whole() -> None:
    """Whatever is in them comes out of the URL as it went in."""
    odd = {"a": "x&y=z", "b": "\"<'>", "c": "ü 漢\n", "d": "", "agentName": "+1"}
    async with service() as it:
        body = await body_of(await it.order(parameters=odd))
        query = parse_qs(urlsplit(body["webhook_url"]).query, keep_blank_values=True)

    assert {name: values[0] for name, values in query.items()} == odd
