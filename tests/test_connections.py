"""bridge.connections: strangers on a socket, and the server that outlives them."""

from typing import Any, cast

import pytest
import trio
from hypercorn.config import Config, Sockets
from hypercorn.typing import ASGIFramework
from trio.testing import MockClock, memory_stream_pair

from bridge.app import make_app
from bridge.connections import Connections
from bridge.routes.operations import private_face
from bridge.serving import bound_socket
from tests.app_client import Loopback
from tests.far_ends import FarRealtime, Lines, outside, settings

HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
STREAM_1 = b"\x01\x05\x00\x00\x00\x01"
UPGRADE = (
    b"GET /media-stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
H2C = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"


def _http2(method: bytes, path: bytes) -> bytes:
    """A request of HTTP/2, its headers without compression (RFC 7541 6.2.2)."""
    fields = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"x")]
    block = b"".join(
        b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields
    )
    return HTTP2 + len(block).to_bytes(3, "big") + STREAM_1 + block


@pytest.mark.parametrize(
    "request_",
    [
        UPGRADE + b"Sec-WebSocket-Protocol: \xff\r\n\r\n",
        UPGRADE + b"Sec-WebSocket-Extensions: \xff\r\n\r\n",
        H2C + b"HTTP2-Settings: a\r\n\r\n",
        _http2(b"GET", b"/\xff"),
        _http2(b"\xff", b"/"),
    ],
    ids=["subprotocol", "extension", "h2c settings", "HTTP/2 path", "HTTP/2 method"],
)
async def test_what_breaks_a_connection_ends_no_other(
    request_: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """The server's own mistakes cost the stranger the connection, and are one line of the log."""
    async with trio.open_nursery() as nursery:
        lines = Lines()
        app = make_app(settings(), outside=outside(FarRealtime(nursery), lines))
        config, stop = _Loopback(), trio.Event()
        (url,) = await nursery.start(Connections(app, config, app.log).accept, stop.wait)
        port = int(url.rpartition(":")[2])
        with trio.fail_after(10):
            await _ask(port, request_)
            answer = await _ask(
                port, b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
        stop.set()

    assert answer.startswith(b"HTTP/1.1 200")
    (broke,) = lines.all("connection_broke")
    assert broke["why"] in {"UnicodeDecodeError", "Error", "ProtocolError"}
    assert not capfd.readouterr().err


async def test_a_cancelled_connection_is_no_mistake() -> None:
    """The end of the service closes who is still there, and nothing is logged of that."""
    async with trio.open_nursery() as nursery:
        lines = Lines()
        app = make_app(settings(), outside=outside(FarRealtime(nursery), lines))
        config, stop = _Loopback(), trio.Event()
        config.graceful_timeout = 0.0
        (url,) = await nursery.start(Connections(app, config, app.log).accept, stop.wait)
        stranger = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
        await trio.sleep(0.05)
        stop.set()
        async with stranger:
            with trio.fail_after(5):
                assert await stranger.receive_some() == b""

    assert not lines.all("connection_broke")


@pytest.mark.parametrize("host", ["...", "[1]", "x:99999"])
async def test_the_private_port_is_guarded_as_well(host: str) -> None:
    """A Host that is none is 400 there, too, and no traceback."""
    async with trio.open_nursery() as nursery:
        lines = Lines()
        app = make_app(settings(), outside=outside(FarRealtime(nursery), lines))
        stop = trio.Event()
        private = Connections(private_face(app), _Loopback(), app.log)
        (url,) = await nursery.start(private.accept, stop.wait)
        with trio.fail_after(10):
            answer = await _ask(
                int(url.rpartition(":")[2]),
                f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(),
            )
        stop.set()

    assert answer.startswith(b"HTTP/1.1 400")
    assert lines.all("request_refused")[0]["what"] == "http"


@pytest.mark.parametrize("line", ["Connection: close\r\n", ""], ids=["close", "keep alive"])
async def test_a_connection_is_let_go_when_its_answer_was_given(line: str) -> None:
    """At once if the client wants that, else when it has been idle: sockets are not for ever."""
    async with trio.open_nursery() as nursery:
        app = make_app(settings(), outside=outside(FarRealtime(nursery), Lines()))
        config, stop = _Loopback(), trio.Event()
        config.keep_alive_timeout = 60.0 if line else 0.1
        (url,) = await nursery.start(Connections(app, config, app.log).accept, stop.wait)
        with trio.fail_after(10):
            answer = await _ask(
                int(url.rpartition(":")[2]),
                f"GET /health HTTP/1.1\r\nHost: x\r\n{line}\r\n".encode(),
            )
        stop.set()

    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_connection_ends_with_its_client(autojump_clock: MockClock) -> None:
    """One that was answered and has left is not kept until the time for idle ones is over."""
    near, far = memory_stream_pair()
    far.socket = Loopback()  # type: ignore[attr-defined]

    async def ask_and_leave() -> None:
        await near.send_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await near.receive_some()).startswith(b"HTTP/1.1 200")
        await near.aclose()

    async with trio.open_nursery() as nursery:
        app = make_app(settings(), outside=outside(FarRealtime(nursery), Lines()))
        nursery.start_soon(ask_and_leave)
        began = trio.current_time()
        await Connections(app, Config(), app.log).serve(far)
        nursery.cancel_scope.cancel()

    assert trio.current_time() == began


@pytest.mark.parametrize(
    "offer", ["permessage-deflate", "permessage-deflate; client_max_window_bits=x"]
)
async def test_a_stream_is_not_compressed(offer: str) -> None:
    """The offer is declined: small frames that inflate to large ones would pass the limit."""
    async with trio.open_nursery() as nursery:
        lines = Lines()
        app = make_app(settings(), outside=outside(FarRealtime(nursery), lines))
        stop = trio.Event()
        (url,) = await nursery.start(Connections(app, _Loopback(), app.log).accept, stop.wait)
        stranger = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
        async with stranger:
            await stranger.send_all(UPGRADE + f"Sec-WebSocket-Extensions: {offer}\r\n\r\n".encode())
            with trio.fail_after(5):
                answer = await stranger.receive_some()
        stop.set()

    assert answer.startswith(b"HTTP/1.1 101")
    assert b"sec-websocket-extensions" not in answer.lower()
    assert not lines.all("crashed")


async def test_a_peer_that_does_not_read_does_not_hold_up_the_end() -> None:
    """The server shields its sends; after the time for a graceful end the connection is closed."""
    async with trio.open_nursery() as nursery:
        app = make_app(settings(), outside=outside(FarRealtime(nursery), Lines()))
        config, stop = _Loopback(), trio.Event()
        config.graceful_timeout = 0.1
        stuck = trio.Event()

        async def endless(_scope: object, _receive: object, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            stuck.set()
            while True:
                body = bytes(1024 * 1024)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                await trio.lowlevel.checkpoint()

        served = Connections(cast(ASGIFramework, endless), config, app.log)
        with trio.fail_after(5):
            async with trio.open_nursery() as serving:
                (url,) = await serving.start(served.accept, stop.wait)
                stranger = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
                await stranger.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                await stuck.wait()
                await trio.sleep(0.2)
                stop.set()
        await stranger.aclose()


class _Loopback(Config):
    """Any free port of this machine."""

    def create_sockets(self) -> Sockets:
        return Sockets([], [bound_socket("127.0.0.1", 0)], [])


async def _ask(port: int, request: bytes) -> bytes:
    """What a stranger is told until the connection ends."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    answer = b""
    async with stream:
        await stream.send_all(request)
        async for data in stream:
            answer += data
    return answer
