"""Twilio's own SDK, over real sockets, against the account: the independent client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from requests.exceptions import SSLError
from twilio.base.exceptions import TwilioRestException
from twilio.http import AsyncHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from simulator.account.faults import RestFaults
from simulator.account.http_server import HttpServer
from simulator.sockets import Sockets, certificate
from simulator.sockets.certificate import Certificate
from simulator.timeline import Timeline
from tests.account_calls import ACCOUNT, FROM, SAY, TO, TOKEN, URL, Office
from tests.live_server import serving

KEY, SECRET = "SK" + "1" * 32, "a-secret-of-nobody"


@dataclass
class Server:
    """A listening account."""

    office: Office
    url: str

    @contextmanager
    def client(self, user: str = ACCOUNT, password: str = TOKEN, **http: Any) -> Iterator[Client]:
        """The official client; only its base URL is changed."""
        transport = TwilioHttpClient(timeout=10, **http)
        client = Client(user, password, ACCOUNT, http_client=transport)
        client.api.base_url = self.url
        with transport.session:
            yield client


@contextmanager
def server(tls: Certificate | None = None, **account: Any) -> Iterator[Server]:
    """An account on a loopback port chosen by the system, ten calls a second."""
    scheme, context = ("http", None) if tls is None else ("https", tls.context)

    async def start(net: Sockets, timeline: Timeline) -> Server:
        office = Office(timeline, **{"calls_per_second": 10.0, **account})
        http = HttpServer(office.account.ask, timeline)
        host, port = await net.listen(http.accept, tls=context)
        return Server(office, f"{scheme}://{host}:{port}")

    with serving(start) as running:
        yield running


class HttpxClient(AsyncHttpClient):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's asynchronous side over httpx, so under trio too."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.is_async = True
        self._client = client

    async def request(self, method: str, uri: str, **given: Any) -> Response:
        """One request."""
        given.pop("allow_redirects")
        answer = await self._client.request(method, uri, **given)
        return Response(answer.status_code, answer.text, dict(answer.headers))


def test_the_sdk_creates_fetches_updates_and_deletes_a_call() -> None:
    """Every field parses; the call goes from queued to canceled and out of the books."""
    with server() as it, it.client() as client:
        made = client.calls.create(
            to=TO,
            from_=FROM,
            url=URL,
            status_callback=URL,
            status_callback_event=["initiated", "answered"],
            machine_detection="Enable",
            async_amd="true",
            record=True,
            timeout=30,
        )
        fetched = client.calls(made.sid).fetch()
        ended = client.calls(made.sid).update(status="completed")
        gone = client.calls(made.sid).delete()
        order = it.office.placed[0].order

    assert (made.status, made.direction, made.queue_time) == ("queued", "outbound-api", "0")
    assert (made.to, made._from, made.start_time, made.duration) == (TO, FROM, None, None)
    assert made.date_created.replace(second=0) == datetime(2026, 1, 1, tzinfo=UTC)
    assert (fetched.sid, fetched.uri) == (made.sid, made.uri)
    assert order.status_callback_events == ("initiated", "answered")
    assert (order.machine_detection, order.async_amd, order.timeout_s) == ("Enable", True, 30)
    assert ended.status in ("completed", "canceled")
    assert gone is True


def test_the_sdk_redirects_a_call() -> None:
    """Twiml and Url reach a call in progress."""
    with server() as it, it.client() as client:
        sid = client.calls.create(to=TO, from_=FROM, twiml=SAY).sid
        call = it.office.placed[0]
        while client.calls(sid).fetch().status == "queued":
            pass
        call.status = "in-progress"
        client.calls(sid).update(twiml=SAY)
        client.calls(sid).update(url=URL, method="GET")

    assert call.asked == [("redirect", ["Say"]), ("fetch", URL, "GET", ())]


def test_the_sdk_reads_page_after_page() -> None:
    """`list` and `stream` follow the page URIs; filters by date and status are understood."""
    with server() as it, it.client() as client:
        made = [client.calls.create(to=TO, from_=FROM, url=URL).sid for _ in range(5)]
        client.calls(made[4]).update(status="canceled")
        everything = [call.sid for call in client.calls.list(page_size=2)]
        canceled = [call.sid for call in client.calls.list(status="canceled")]
        later = client.calls.list(start_time_after=date(2026, 1, 2))
        page = client.calls.page(page_size=3)
        second = page.next_page()
        back = second.previous_page()

    assert everything == made[::-1]
    assert (canceled, later) == ([made[4]], [])
    assert [call.sid for call in second] == made[1::-1]
    assert [call.sid for call in back] == made[:1:-1]


def test_the_sdk_lets_a_stream_listen_and_stops_it() -> None:
    """`streams.create` and `update`; its own exception for a stream that is not there."""
    with server() as it, it.client() as client:
        sid = client.calls.create(to=TO, from_=FROM, twiml=SAY).sid
        while client.calls(sid).fetch().status == "queued":
            pass
        it.office.placed[0].status = "in-progress"
        streams = client.calls(sid).streams
        made = streams.create(
            url="wss://bridge.example.com/tap",
            name="tap",
            track="both_tracks",
            parameter1_name="who",
            parameter1_value="a clerk",
        )
        stopped = client.calls(sid).streams("tap").update(status="stopped")
        with pytest.raises(TwilioRestException) as unknown:
            client.calls(sid).streams("other").update(status="stopped")
        with pytest.raises(TwilioRestException) as refused:
            streams.create(url="ws://bridge.example.com/tap")
        opened = it.office.placed[0].streams.opened

    assert (made.status, stopped.status) == ("in-progress", "stopped")
    assert (made.sid, made.name, made.call_sid) == (stopped.sid, "tap", sid)
    assert made.date_updated.replace(second=0) == datetime(2026, 1, 1, tzinfo=UTC)
    assert [(each.parameters, each.tracks) for each in opened] == [
        ({"who": "a clerk"}, ("inbound", "outbound"))
    ]
    assert (unknown.value.status, unknown.value.code) == (404, 20404)
    assert (refused.value.status, refused.value.code) == (400, 31922)


@pytest.mark.parametrize(
    ("order", "status", "code"),
    [
        ({"to": "12", "from_": FROM, "url": URL}, 400, 21211),
        ({"to": TO, "from_": "+15005550001", "url": URL}, 400, 21212),
        ({"to": TO, "from_": FROM}, 400, 21205),
        ({"to": TO, "from_": FROM, "url": URL, "timeout": 601}, 400, 21208),
    ],
)
def test_the_sdk_raises_its_own_exception(order: dict[str, Any], status: int, code: int) -> None:
    """`TwilioRestException` with Twilio's code and the HTTP status."""
    with server() as it, it.client() as client, pytest.raises(TwilioRestException) as refused:
        client.calls.create(**order)

    assert (refused.value.status, refused.value.code) == (status, code)
    assert refused.value.uri == f"/Accounts/{ACCOUNT}/Calls.json"
    assert refused.value.msg.startswith("Unable to create record: ")


def test_the_sdk_sees_who_may_not_and_what_is_not_there() -> None:
    """20003 for a wrong token, 20404 for an unknown call; an API key is let in."""
    with server(api_keys={KEY: SECRET}) as it:
        with it.client(ACCOUNT, "wrong") as client, pytest.raises(TwilioRestException) as denied:
            client.calls("CA" + "0" * 32).fetch()
        with it.client(KEY, SECRET) as client, pytest.raises(TwilioRestException) as unknown:
            client.calls("CA" + "0" * 32).fetch()

    assert (denied.value.status, denied.value.code) == (401, 20003)
    assert (unknown.value.status, unknown.value.code) == (404, 20404)


def test_the_sdk_asks_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `callsim twilio --tls` listens: the SDK trusts the authority it names, and no other."""
    tls = certificate.made()
    authority = tmp_path / "authority.pem"
    authority.write_bytes(tls.authority_pem or b"")
    with server(tls) as it, it.client() as client:
        with pytest.raises(SSLError):
            client.calls.list()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
        made = client.calls.create(to=TO, from_=FROM, url=URL)
        ended = client.calls(made.sid).update(status="canceled")

    assert it.url.startswith("https://")
    assert ended.status == "canceled"


def test_the_sdk_is_told_to_slow_down_and_of_outages() -> None:
    """429 with 20429 and 503 with 20503, unprocessed; the connection is kept."""
    with server(faults=RestFaults(answers=[429, 503])) as it, it.client() as client:
        codes = []
        for _ in range(2):
            with pytest.raises(TwilioRestException) as refused:
                client.calls.create(to=TO, from_=FROM, url=URL)
            codes.append((refused.value.status, refused.value.code))
        client.calls.create(to=TO, from_=FROM, url=URL)

    assert codes == [(429, 20429), (503, 20503)]
    assert len(it.office.placed) == 1


async def test_the_sdks_asynchronous_side_over_httpx() -> None:
    """create, update, fetch and list, without asyncio, and the same exception."""
    with server() as it:
        async with httpx.AsyncClient() as http:
            client = Client(ACCOUNT, TOKEN, http_client=HttpxClient(http))
            client.api.base_url = it.url
            made = await client.calls.create_async(
                to=TO, from_=FROM, url=URL, status_callback_event=["ringing", "completed"]
            )
            ended = await client.calls(made.sid).update_async(status="canceled")
            found = await client.calls(made.sid).fetch_async()
            listed = await client.calls.list_async(to=TO)
            with pytest.raises(TwilioRestException) as again:
                await client.calls(made.sid).update_async(status="completed")

    assert (made.status, ended.status, found.status) == ("queued", "canceled", "canceled")
    assert it.office.placed[0].order.status_callback_events == ("ringing", "completed")
    assert [call.sid for call in listed] == [made.sid]
    assert (again.value.status, again.value.code) == (400, 21220)
