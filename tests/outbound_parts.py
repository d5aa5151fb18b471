"""A service that makes calls, and the simulator's Twilio account behind its REST."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import trio
from quart.wrappers import Response
from twilio.request_validator import RequestValidator

from bridge.api_tokens import hash_of
from bridge.app import make_app
from bridge.outside import Outside
from bridge.service import BridgeApp
from bridge.settings import Settings
from simulator.account.faults import RestFaults
from simulator.account.request import basic_auth, form_of
from tests.account_calls import ACCOUNT, TOKEN, Office, ScriptedCall, office
from tests.far_ends import NOW, Lines, settings

API_TOKEN = "cb_of-nobody"
BEARER = {"Authorization": f"Bearer {API_TOKEN}"}
FROM, TO = "+15550100001", "+15550100002"
ORIGIN = "https://voice.example.com"
KEY = {"Idempotency-Key": "order-17"}


class RestDoor(httpx.AsyncBaseTransport):
    """httpx's far side: an account, asked at once. What is in `broken` is raised instead."""

    def __init__(self, at: Office) -> None:
        self._office = at
        self.requests: list[httpx.Request] = []
        self.broken: list[Exception] = []
        self.gate: trio.Event | None = None
        self.raw: httpx.Response | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or be silent until the client has had enough."""
        form = form_of(await request.aread())
        self.requests.append(request)
        if self.broken:
            raise self.broken.pop(0)
        if self.raw is not None:
            return self.raw
        auth = basic_auth(request.headers.get("authorization", ""))
        status, headers, body = self._office.account.answer(
            request.method, str(request.url), form, auth
        )
        if self.gate is not None:
            await self.gate.wait()
        if not status:
            await trio.sleep_forever()
        return httpx.Response(status, headers=headers, content=body)


class Service:
    """The app, its log, its Twilio."""

    def __init__(self, app: BridgeApp, at: Office, door: RestDoor, lines: Lines) -> None:
        self.app = app
        self.office = at
        self.door = door
        self.lines = lines

    @property
    def rang(self) -> list[ScriptedCall]:
        """The calls that were made."""
        return self.office.placed

    async def order(self, headers: dict[str, str] | None = None, **given: Any) -> Response:
        """POST /outbound with a token; `to_number` is there unless given says otherwise."""
        body = {"to_number": TO, **given}
        return await self.app.test_client().post(
            "/outbound", json=body, headers={**BEARER, **(headers or {})}
        )

    async def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        """GET with a token."""
        return await self.app.test_client().get(
            path, headers=BEARER if headers is None else headers
        )

    async def answered(self, url: str, **form: str) -> Response:
        """Twilio asks for the TwiML of an answered call."""
        fields = {"CallSid": "CA" + "1" * 32, "Direction": "outbound-api", **form}
        signature = RequestValidator(TOKEN).compute_signature(url, fields)
        return await self.app.test_client().post(
            url.removeprefix(ORIGIN), form=fields, headers={"X-Twilio-Signature": signature}
        )


def outbound_settings(**given: Any) -> Settings:
    """Settings of a service that makes calls."""
    return settings(
        **{
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": TOKEN,
            "public_url": ORIGIN,
            "twilio_phone_number": FROM,
            "api_tokens": hash_of(API_TOKEN),
            **given,
        }
    )


@asynccontextmanager
async def service(
    *answers: int | str, call_keys: Any = None, **given: Any
) -> AsyncIterator[Service]:
    """A service; `answers` are those of Twilio's REST API, then it is well."""
    async with office(faults=RestFaults(answers=list(answers)), calls_per_second=100.0) as at:
        door, lines = RestDoor(at), Lines()
        outside = Outside(http_transport=door, wall_clock=lambda: NOW, log=lines.append)
        app = make_app(outbound_settings(**given), outside=outside, call_keys=call_keys)
        yield Service(app, at, door, lines)


async def body_of(response: Response) -> Any:
    """The JSON of an answer, which says that it is JSON."""
    assert response.content_type == "application/json"
    return json.loads(await response.get_data(as_text=True))
