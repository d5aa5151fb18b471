"""POST /outbound against the simulator's account: what rings, what does not, and what is said."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trio
from trio.testing import MockClock

from bridge.guarded import BODY_BYTES_MAX
from bridge.outbound.key_store import SqlKeys
from bridge.records.errands import errands_at
from bridge.records.store import SqlStore
from bridge.settings import missing_for_production
from tests.far_ends import NOW
from tests.outbound_parts import BEARER, FROM, KEY, ORIGIN, TO, body_of, outbound_settings, service


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
