"""The app behind the real server: one whole call, a send that is stuck, a stranger."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from trio.testing import MockClock, memory_stream_pair
from trio_websocket import wrap_client_stream

from bridge.app import make_app
from bridge.service import BridgeApp
from bridge.settings import Settings
from tests.app_client import FORM, Loopback, signed
from tests.far_ends import (
    CALL,
    STREAM,
    FarRealtime,
    Lines,
    outside,
    production,
    settings,
    start_of,
)

URL = "https://voice.example.com/incoming-call"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def start_message(token: str) -> dict[str, Any]:
    """Twilio's `start`."""
    numbered = {"event": "start", "sequenceNumber": "1", "streamSid": STREAM}
    return {**numbered, "start": start_of(token)}


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

    async def ask(self, request: bytes) -> bytes:
        """What is answered to these bytes until the server closes."""
        stream = self.connect()
        await stream.send_all(request)
        answer = b""
        while data := await stream.receive_some():
            answer += data
        return answer

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """One POST; the whole answer as bytes."""
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return await self.ask(
            f"POST {path} HTTP/1.1\r\nHost: voice.example.com\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n{head}\r\n".encode()
            + body
        )


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
        request = f"GET /media-stream HTTP/1.1\r\nHost: h\r\n{UPGRADE}\r\n"
        answer = await Server(app, nursery).ask(request.encode())
        nursery.cancel_scope.cancel()

    assert answer.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("public_url", [None, "https://voice.example.com"])
@pytest.mark.parametrize("given", [settings, production])
@pytest.mark.parametrize(
    ("target", "host"),
    [
        *(("", host) for host in ("...", "a" * 64, "x:99999", "x:0", "[1]", "[", "\u00ad")),
        *((target, "h") for target in ("?x", "http://[", "http://[/media-stream")),
    ],
)
async def test_a_malformed_request_at_the_real_server(
    autojump_clock: MockClock,
    capfd: pytest.CaptureFixture[str],
    target: str,
    host: str,
    given: Callable[..., Settings],
    public_url: str | None,
) -> None:
    """GET, POST and handshake are answered with 400: one line each, and nothing past the log."""
    lines = Lines()
    webhook, stream = target or "/incoming-call", target or "/media-stream"
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"
    async with trio.open_nursery() as nursery:
        app = make_app(given(public_url=public_url), outside=outside(FarRealtime(nursery), lines))
        server = Server(app, nursery)
        answers = [
            await server.ask(f"{line} HTTP/1.1\r\nHost: {host}\r\n{rest}".encode("latin-1"))
            for line, rest in (
                (f"GET {webhook}", "Connection: close\r\n\r\n"),
                (f"POST {webhook}", f"Connection: close\r\n{form}"),
                (f"GET {stream}", f"{UPGRADE}\r\n"),
            )
        ]
        nursery.cancel_scope.cancel()

    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 400"] * 3
    assert [line["event"] for line in lines] == ["request_refused"] * 3
    assert capfd.readouterr() == ("", "")


async def test_a_refused_request_with_a_long_body(autojump_clock: MockClock) -> None:
    """What nobody reads does not hold up the connection: it is answered and closed."""
    async with trio.open_nursery() as nursery:
        app = make_app(settings(), outside=outside(FarRealtime(nursery), Lines()))
        head = b"POST /incoming-call HTTP/1.1\r\nHost: ...\r\nContent-Length: 9999999\r\n\r\n"
        answer = await Server(app, nursery).ask(head + b"x" * 2_000_000)
        closed_at = trio.current_time()
        nursery.cancel_scope.cancel()

    assert answer.startswith(b"HTTP/1.1 400")
    assert closed_at < 10
