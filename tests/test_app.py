"""The HTTP face: the webhook, who is let in, the pages; and one call through the real server."""

import json
import socket
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from quart.testing.connections import WebsocketResponseError
from quart.wrappers import Response
from trio.testing import MockClock, memory_stream_pair
from trio_websocket import wrap_client_stream
from twilio.request_validator import RequestValidator

from bridge.app import make_app
from bridge.outside import Outside
from bridge.service import BODY_BYTES_MAX, BridgeApp
from bridge.session import CALL_SID
from bridge.settings import Settings
from tests.far_ends import (
    ACCOUNT,
    AUTH_TOKEN,
    CALL,
    KEY,
    NOW,
    STREAM,
    FarRealtime,
    FarRest,
    Lines,
    outside,
    production,
    settings,
)

FORM = {
    "CallSid": CALL,
    "AccountSid": ACCOUNT,
    "From": "+15550100123",
    "To": "+15550100199",
    "FromCity": "",
    "CallStatus": "ringing",
}


def signed(url: str, form: dict[str, str] | None = None) -> dict[str, str]:
    """The header Twilio would send."""
    signature = RequestValidator(AUTH_TOKEN).compute_signature(url, form or {})
    return {"X-Twilio-Signature": signature}


def app_with(given: Settings, lines: Lines | None = None) -> BridgeApp:
    """The app with these settings, logging into a list."""
    lines = Lines() if lines is None else lines
    return make_app(
        given, outside=Outside(http_transport=FarRest(), wall_clock=lambda: NOW, log=lines.append)
    )


async def webhook(app: BridgeApp, path: str = "/incoming-call", **given: Any) -> Response:
    """POST a call to the webhook."""
    given = {"form": FORM, **given}
    return await app.test_client().post(path, **given)


async def stream_of(response: Response) -> tuple[str, dict[str, str]]:
    """URL and parameters of the answer's <Stream>."""
    text = await response.get_data(as_text=True)
    (stream,) = ET.fromstring(text).iter("Stream")
    return stream.attrib["url"], {p.attrib["name"]: p.attrib["value"] for p in stream}


async def handshake_status(app: BridgeApp, headers: dict[str, str] | None = None) -> int:
    """The HTTP status with which a stream is refused before it is accepted."""
    with pytest.raises(ExceptionGroup) as refused:
        async with app.test_client().websocket("/media-stream", headers=headers) as websocket:
            await websocket.receive()
    (error,) = refused.value.exceptions
    assert isinstance(error, WebsocketResponseError)
    return error.response.status_code


# ------------------------------------------------------------------------------ the webhook
async def test_the_answer_is_twiml() -> None:
    """A POST is answered with a stream to us and a token of this call."""
    app = app_with(settings())
    response = await webhook(app, headers={"Host": "voice.example.com"})
    url, parameters = await stream_of(response)

    assert response.status_code == 200
    assert response.content_type == "text/xml; charset=utf-8"
    assert url == "wss://voice.example.com/media-stream"
    assert list(parameters) == ["token"]
    assert app.services.tokens.is_valid(parameters["token"], CALL)


async def test_a_get_webhook_works_too() -> None:
    """Twilio can be set to GET: its fields are in the query then, and are not handed on."""
    response = await app_with(settings()).test_client().get("/incoming-call", query_string=FORM)
    _, parameters = await stream_of(response)

    assert list(parameters) == ["token"]


async def test_greeting_and_pause() -> None:
    """TWIML_GREETING and TWIML_PAUSE_SECONDS come before the stream."""
    given = settings(twiml_greeting="One moment please.", twiml_pause_seconds=1)
    text = await (await webhook(app_with(given))).get_data(as_text=True)

    assert [verb.tag for verb in ET.fromstring(text)] == ["Say", "Pause", "Connect"]


async def test_call_parameters_come_from_the_webhooks_query() -> None:
    """Lower-case names are handed on; Twilio's, the token's and oversized ones are not."""
    lines = Lines()
    app = app_with(settings(), lines)
    response = await webhook(
        app, f"/incoming-call?agent=billing&lang=d%26e&From=x&token=forged&long={'x' * 600}"
    )
    _, parameters = await stream_of(response)

    assert {**parameters, "token": ""} == {"token": "", "agent": "billing", "lang": "d&e"}
    assert parameters["token"] != "forged"
    assert lines.all("parameters_dropped")[0]["count"] == 1


@pytest.mark.parametrize(
    ("public_url", "headers", "url"),
    [
        (None, {"Host": "h.example"}, "wss://h.example"),
        (None, {"Host": "h.example:8443"}, "wss://h.example:8443"),
        (None, {"Host": "h.example", "X-Forwarded-Proto": "http"}, "wss://h.example"),
        (None, {"Host": "localhost:5050"}, "ws://localhost:5050"),
        (None, {"Host": "[::1]:5050"}, "ws://[::1]:5050"),
        (None, {"Host": "localhost:5050", "X-Forwarded-Proto": "https"}, "wss://localhost:5050"),
        (
            None,
            {"Host": "10.0.0.7", "X-Forwarded-Host": "a.example, b", "X-Forwarded-Proto": "https"},
            "wss://a.example",
        ),
        ("https://p.example/base", {"Host": "evil.example"}, "wss://p.example/base"),
        ("http://trial.example:5050", {"Host": "x"}, "ws://trial.example:5050"),
    ],
)
async def test_where_the_stream_goes(
    public_url: str | None, headers: dict[str, str], url: str
) -> None:
    """PUBLIC_URL decides, else the forwarded host, else Host; always wss but for trials at home."""
    app = app_with(settings(public_url=public_url))

    assert (await stream_of(await webhook(app, headers=headers)))[0] == f"{url}/media-stream"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"form": {}}, 400),
        ({"form": {"CallSid": "../../Messages"}}, 400),
        ({"headers": {"Host": 'x"><evil'}}, 400),
        ({"form": {"x": "y" * BODY_BYTES_MAX}}, 413),
    ],
)
async def test_what_is_no_webhook(given: dict[str, Any], status: int) -> None:
    """A request that cannot be Twilio's gets a status and, where it helps, a sentence."""
    response = await webhook(app_with(settings()), **given)

    assert response.status_code == status


def test_a_call_sid_has_its_form() -> None:
    """It goes into the path of a REST request, so it is nothing but hexadecimal."""
    assert CALL_SID.fullmatch(CALL)
    assert not CALL_SID.fullmatch(CALL + "/x")


async def test_a_stopping_process_takes_no_calls() -> None:
    """Twilio hears 503 and asks its fallback."""
    app = app_with(settings())
    app.calls.stopping = True

    assert (await webhook(app)).status_code == 503
    assert await handshake_status(app) == 503


# ------------------------------------------------------------------------------ signatures
URL = "https://voice.example.com/incoming-call"


@pytest.mark.parametrize(
    ("url", "form", "status"),
    [
        (URL, FORM, 200),
        ("https://voice.example.com:443/incoming-call", FORM, 200),
        (f"{URL}/", FORM, 200),
        ("https://other.example/incoming-call", FORM, 403),
        (URL, {**FORM, "From": "+15550100124"}, 403),
        (URL, {}, 403),
    ],
)
async def test_the_webhook_is_verified(url: str, form: dict[str, str], status: int) -> None:
    """With an auth token only Twilio is answered; the signature covers URL and form."""
    lines = Lines()
    response = await webhook(app_with(production(), lines), headers=signed(url, form))

    assert response.status_code == status
    assert len(lines.all("request_refused")) == (status == 403)
    assert "15550100" not in json.dumps(lines)


async def test_a_get_webhook_is_verified_with_its_query() -> None:
    """The query is part of the signed URL, exactly as it was sent."""
    client = app_with(production()).test_client()
    path = f"/incoming-call?CallSid={CALL}&From=%2B15550100123&FromCity="
    good = await client.get(path, headers=signed("https://voice.example.com" + path))
    bad = await client.get(path + "x", headers=signed("https://voice.example.com" + path))

    assert (good.status_code, bad.status_code) == (200, 403)


async def test_without_public_url_the_forwarded_host_is_verified() -> None:
    """A proxy that does not tell the scheme does not break the signature."""
    app = app_with(production(public_url=None))
    for scheme in ("https", "http"):
        headers = signed(f"{scheme}://f.example/incoming-call", FORM)
        response = await webhook(app, headers={**headers, "X-Forwarded-Host": "f.example"})
        assert response.status_code == 200
    assert (await webhook(app, headers={**headers, "Host": "g.example"})).status_code == 403


@pytest.mark.parametrize("url", ["https://voice.example.com/media-stream", ""])
async def test_a_stream_without_signature_is_refused_before_it_is_accepted(url: str) -> None:
    """The handshake is signed with the wss URL; anything else gets 403 and no WebSocket."""
    lines = Lines()
    app = app_with(production(), lines)
    status = await handshake_status(app, signed(url))

    assert status == 403
    assert lines.all("request_refused")[0]["what"] == "stream"
    assert not lines.all("call_ended")


# ------------------------------------------------------------------------------ pages
async def test_health() -> None:
    """Machines see whether it lives and how many calls there are, and no configuration."""
    app = app_with(settings())
    answer = await (await app.test_client().get("/health")).get_json()
    app.calls.stopping = True
    stopping = await (await app.test_client().get("/health")).get_json()

    assert answer.keys() == {"status", "version", "calls"}
    assert (answer["status"], answer["calls"]) == ("ok", 0)
    assert stopping["status"] == "stopping"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (settings(company_name="R<b>ust"), ["of R&lt;b&gt;ust", "callbridge check"]),
        (production(), ["It is configured."]),
    ],
)
async def test_the_home_page(given: Settings, words: list[str]) -> None:
    """A person who opens the address reads what this is, but not what is insecure about it."""
    response = await app_with(given).test_client().get("/")
    text = await response.get_data(as_text=True)

    assert response.content_type == "text/html; charset=utf-8"
    assert all(word in text for word in words)
    assert "signature" not in text.lower()
    assert KEY not in text


# ------------------------------------------------------------------------------ the real server
def start_message(token: str) -> dict[str, Any]:
    """Twilio's `start`."""
    start = {
        "accountSid": ACCOUNT,
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token},
    }
    return {"event": "start", "sequenceNumber": "1", "streamSid": STREAM, "start": start}


class Loopback:
    """What hypercorn asks of a stream's socket."""

    family = socket.AF_INET

    def getpeername(self) -> tuple[str, int]:
        """Twilio's end."""
        return ("127.0.0.1", 50000)

    def getsockname(self) -> tuple[str, int]:
        """Our end."""
        return ("127.0.0.1", 5050)


class Server:
    """The app behind hypercorn on memory streams."""

    def __init__(self, app: BridgeApp, nursery: trio.Nursery) -> None:
        self._app, self._nursery = app, nursery

    def connect(self) -> trio.abc.Stream:
        """A connection to the server."""
        near, far = memory_stream_pair()
        far.socket = Loopback()  # type: ignore[attr-defined]
        server = TCPServer(ASGIWrapper(self._app), Config(), WorkerContext(None), {}, far)  # type: ignore[arg-type]
        self._nursery.start_soon(server.run)
        return near

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """One POST; the whole answer as bytes."""
        stream = self.connect()
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await stream.send_all(
            f"POST {path} HTTP/1.1\r\nHost: voice.example.com\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n{head}\r\n".encode()
            + body
        )
        answer = b""
        while data := await stream.receive_some():
            answer += data
        return answer


async def test_one_call_through_the_real_server(autojump_clock: MockClock) -> None:
    """Webhook, TwiML, signed handshake, audio both ways, hangup: on bytes."""
    lines = Lines()
    async with trio.open_nursery() as nursery:
        realtime = FarRealtime(nursery)
        app = make_app(production(), outside=outside(realtime, lines))
        server = Server(app, nursery)
        body = httpx.QueryParams(FORM)
        answer = await server.post(
            "/incoming-call",
            str(body).encode(),
            {"Content-Type": "application/x-www-form-urlencoded", **signed(URL, FORM)},
        )
        (element,) = ET.fromstring(answer.partition(b"\r\n\r\n")[2]).iter("Parameter")

        stream = server.connect()
        handshake = signed("wss://voice.example.com/media-stream")
        websocket = await wrap_client_stream(
            nursery,
            stream,  # type: ignore[arg-type]
            "voice.example.com",
            "/media-stream",
            extra_headers=[(name.encode(), value.encode()) for name, value in handshake.items()],
        )
        frame = {"track": "inbound", "chunk": "1", "timestamp": "155", "payload": "AQEB"}
        for message in (
            {"event": "connected", "protocol": "Call", "version": "1.0.0"},
            start_message(element.attrib["value"]),
            {"event": "media", "sequenceNumber": "2", "streamSid": STREAM, "media": frame},
        ):
            await websocket.send_message(json.dumps(message))
        await trio.sleep(1)
        await realtime.speak(b"\x7f" * 1600)
        heard = [json.loads(await websocket.get_message()) for _ in range(3)]
        await websocket.send_message(
            json.dumps({"event": "stop", "sequenceNumber": "3", "streamSid": STREAM, "stop": {}})
        )
        await trio.testing.wait_all_tasks_blocked()
        closed = websocket.closed
        nursery.cancel_scope.cancel()

    assert closed is not None
    assert closed.code == 1000
    assert [event["audio"] for event in realtime.all("input_audio_buffer.append")] == ["AQEB"]
    assert {message["event"] for message in heard} == {"mark", "media"}
    assert realtime.closed_at == [1.0]
    assert lines.ended["reason"] == "caller_hung_up"


async def test_a_stuck_send_does_not_keep_the_paid_session(autojump_clock: MockClock) -> None:
    """The server shields its sends; the call is over and its session closed all the same."""
    lines = Lines()
    async with trio.open_nursery() as nursery:
        realtime = FarRealtime(nursery)
        app = make_app(settings(), outside=outside(realtime, lines))
        near, far = memory_stream_pair()
        far.socket = Loopback()  # type: ignore[attr-defined]
        server = TCPServer(ASGIWrapper(app), Config(), WorkerContext(None), {}, far)  # type: ignore[arg-type]
        nursery.start_soon(server.run)
        websocket = await wrap_client_stream(nursery, near, "h", "/media-stream")  # type: ignore[arg-type]
        await websocket.send_message(json.dumps(start_message(app.services.tokens.issue(CALL))))
        await trio.sleep(1)
        window_opens = trio.Event()
        far.send_stream.send_all_hook = window_opens.wait
        await realtime.speak(b"\x7f" * 1600)
        await trio.sleep(1)
        await websocket.send_message(
            json.dumps({"event": "stop", "sequenceNumber": "3", "streamSid": STREAM, "stop": {}})
        )
        await lines.over.wait()
        await trio.testing.wait_all_tasks_blocked()
        ended_at = trio.current_time()
        window_opens.set()
        nursery.cancel_scope.cancel()

    assert ended_at == 2.0
    assert realtime.closed_at == [2.0]
    assert lines.ended["reason"] == "caller_hung_up"


async def test_a_stranger_at_the_real_server(autojump_clock: MockClock) -> None:
    """Without a signature the handshake is answered with 403 and nothing is upgraded."""
    async with trio.open_nursery() as nursery:
        app = make_app(production(), outside=outside(FarRealtime(nursery), Lines()))
        stream = Server(app, nursery).connect()
        await stream.send_all(
            b"GET /media-stream HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        answer = bytes(await stream.receive_some())
        nursery.cancel_scope.cancel()

    assert answer.startswith(b"HTTP/1.1 403")
