"""The legs: connecting, frames and their limits; seen from the far end of a stream."""

import json

import pytest
import trio
from quart import websocket
from quart_trio import QuartTrio
from trio.testing import MockClock
from trio_websocket import WebSocketRequest, wrap_server_stream

from bridge.core import realtime, twilio
from bridge.legs import (
    CONNECT_S_MAX,
    REALTIME_MESSAGE_MAX,
    TWILIO_MESSAGE_MAX,
    RealtimeEndpoint,
    RealtimeLeg,
    TwilioLeg,
)
from bridge.media_socket import UnreadConnection
from tests.leg_far_ends import ENDPOINT, URL, FarEnd, receive_all, run, server, world


# ------------------------------------------------------------------------------ endpoint
@pytest.mark.parametrize(
    ("url", "port", "tls", "resource"),
    [
        (URL, 443, True, "/v1/realtime?model=gpt-realtime-2.1"),
        ("ws://localhost:8000", 8000, False, "/?model=gpt-realtime-2.1"),
        (
            "ws://h/v1?deployment=a%20b&x=",
            80,
            False,
            "/v1?deployment=a+b&x=&model=gpt-realtime-2.1",
        ),
        ("wss://h/v1?model=theirs", 443, True, "/v1?model=theirs"),
    ],
)
def test_the_url_says_where(url: str, port: int, tls: bool, resource: str) -> None:
    """Port and TLS follow the scheme; a query is kept; the model is added unless it is there."""
    endpoint = RealtimeEndpoint.at(url, "gpt-realtime-2.1", "sk-key", "ga")

    assert (endpoint.port, endpoint.tls, endpoint.resource) == (port, tls, resource)


@pytest.mark.parametrize("dialect", ["ga", "beta"])
async def test_azure_gets_its_key_in_its_own_header(dialect: realtime.Dialect) -> None:
    """And nothing else: no bearer, which would be Entra's, and no beta header."""
    endpoint = RealtimeEndpoint.at(URL, "deployment", "azure-key", dialect, "api-key")

    assert await endpoint.headers() == [(b"api-key", b"azure-key")]


async def test_only_beta_servers_get_the_beta_header() -> None:
    """A GA server refuses a session that carries it."""
    beta = RealtimeEndpoint.at(URL, "m", "sk-key", "beta")

    key = (b"Authorization", b"Bearer sk-key")
    assert await ENDPOINT.headers() == [key]
    assert await beta.headers() == [key, (b"OpenAI-Beta", b"realtime=v1")]


# ------------------------------------------------------------------------------ Realtime leg
async def test_connecting_and_talking() -> None:
    """The handshake carries the key and the model, and events go both ways as text."""
    seen: list[WebSocketRequest] = []
    heard: list[str] = []
    texts: list[str | None] = []

    async def talk(connection: object) -> None:
        heard.append(await connection.get_message())  # type: ignore[attr-defined]
        await connection.send_message('{"type": "session.created"}')  # type: ignore[attr-defined]
        await connection.send_message(b"\x00")  # type: ignore[attr-defined]
        await connection.aclose(1001, "bye")  # type: ignore[attr-defined]

    async def send(leg: RealtimeLeg) -> None:
        await leg.send(realtime.InputAudioBufferAppend("cb_1", b"\xff"))

    async with world(server(talk, seen)) as far:
        leg = RealtimeLeg(ENDPOINT, far.open_stream)
        closed = await leg.run(send, lambda leg: receive_all(leg, texts))

    assert far.opened == [("rt.example", 443, True)]
    assert seen[0].path == "/v1/realtime?model=gpt-realtime-2.1"
    assert dict(seen[0].headers)[b"authorization"] == b"Bearer sk-key"
    assert json.loads(heard[0])["audio"] == "/w=="
    assert [event for text in texts for _, event in leg.decode(text)] == [
        realtime.SessionCreated(),
        realtime.Malformed("a binary frame"),
    ]
    assert closed == realtime.Closed(1001, "bye")


async def test_a_large_event_passes_and_a_monstrous_one_ends_the_connection() -> None:
    """`session.updated` may be megabytes; there is a limit all the same."""
    texts: list[str | None] = []

    async def talk(connection: object) -> None:
        await connection.send_message("x" * 2_000_000)  # type: ignore[attr-defined]
        too_long = "x" * (REALTIME_MESSAGE_MAX + 1)
        await connection.send_message(too_long)  # type: ignore[attr-defined]
        await connection.get_message()  # type: ignore[attr-defined]

    async with world(server(talk, [])) as far:
        closed = await RealtimeLeg(ENDPOINT, far.open_stream).run(
            lambda leg: receive_all(leg, texts)
        )

    assert [len(text or "") for text in texts] == [2_000_000]
    assert closed.code == 1009


async def test_a_refusal_by_http_status() -> None:
    """Refused before the upgrade: the status is kept; the body, which may quote keys, is not."""

    async def refuse(stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            await request.reject(401, body=b"Incorrect API key sk-key")

    assert await run(refuse) == realtime.Closed(401, "refused by HTTP status")


async def hang_up_at_once(stream: trio.abc.Stream) -> None:
    """Not even a request is awaited."""
    await stream.aclose()


async def hang_up_after_the_request(stream: trio.abc.Stream) -> None:
    """The request is read and not answered."""
    await stream.receive_some()
    await stream.aclose()


async def speak_no_http(stream: trio.abc.Stream) -> None:
    """Some other service listens there."""
    await stream.send_all(b"220 mail.example ESMTP\r\n\r\n")
    await trio.sleep_forever()


@pytest.mark.parametrize("far_end", [hang_up_at_once, hang_up_after_the_request, speak_no_http])
async def test_a_handshake_that_breaks_off(autojump_clock: MockClock, far_end: FarEnd) -> None:
    """A far end that goes away during the handshake is noticed at once, not at the time limit."""
    closed = await run(far_end)

    assert closed.code is None
    assert closed.reason
    assert trio.current_time() == 0


async def test_a_far_end_that_never_answers(autojump_clock: MockClock) -> None:
    """Connecting is bounded, and the stream does not stay open."""

    async def silent(stream: trio.abc.Stream) -> None:
        while await stream.receive_some():
            pass
        gone.append(trio.current_time())

    gone: list[float] = []
    async with world(silent) as far:
        closed = await RealtimeLeg(ENDPOINT, far.open_stream).run()
        await trio.testing.wait_all_tasks_blocked()

    assert closed == realtime.Closed(None, "no answer in 10 s")
    assert trio.current_time() == CONNECT_S_MAX
    assert gone == [CONNECT_S_MAX]


async def test_an_address_that_cannot_be_reached() -> None:
    """No route, no such name: a value like any other end."""

    async def unreachable(_host: str, _port: int, _tls: bool) -> trio.abc.Stream:
        raise OSError(111, "Connection refused")

    leg = RealtimeLeg(ENDPOINT, unreachable)
    closed = await leg.run()
    await leg.aclose()

    assert closed == realtime.Closed(None, "ConnectionRefusedError: Connection refused")


async def test_tls_that_does_not_match() -> None:
    """A failed TLS handshake shows at the first bytes, and its cause is told."""

    class BrokenTls(trio.abc.Stream):
        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            raise trio.BrokenResourceError from OSError("certificate verify failed")

        async def wait_send_all_might_not_block(self) -> None: ...

        async def receive_some(self, max_bytes: int | None = None) -> bytes:
            raise trio.ClosedResourceError

        async def aclose(self) -> None:
            await trio.lowlevel.checkpoint()

    async def open_broken(_host: str, _port: int, _tls: bool) -> trio.abc.Stream:
        return BrokenTls()

    closed = await RealtimeLeg(ENDPOINT, open_broken).run()

    assert closed == realtime.Closed(None, "OSError: certificate verify failed")


async def test_a_connection_that_drops() -> None:
    """Without a close frame the code is 1006, whichever task notices it."""

    async def talk(connection: object) -> None:
        await connection._stream.aclose()  # type: ignore[attr-defined]

    assert await run(server(talk, [])) == realtime.Closed(1006, "")


# ------------------------------------------------------------------------------ Twilio leg
async def test_the_twilio_leg() -> None:
    """Text is decoded, binary and oversized frames are malformed, a disconnect comes in order."""
    app = QuartTrio("test")
    app.asgi_websocket_class = UnreadConnection
    got: list[twilio.Inbound] = []

    @app.websocket("/stream")
    async def stream() -> None:
        leg = TwilioLeg(websocket)
        await leg.accept()
        got.extend([await leg.receive() for _ in range(5)])
        await leg.send(twilio.Clear("MZ1"))
        got.append(await leg.receive())

    async with app.test_client().websocket("/stream") as far:
        await far.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await far.send(b"\x00\x01")
        await far.send("x" * (TWILIO_MESSAGE_MAX + 1))
        await far.send("{}")
        await far.send('{"event":"new"}')
        answer = await far.receive()

    assert got[:3] == [
        twilio.Connected(),
        twilio.Malformed("a binary frame"),
        twilio.Malformed(f"a message of {TWILIO_MESSAGE_MAX + 1} characters"),
    ]
    assert isinstance(got[3], twilio.Malformed)
    assert got[4:] == [twilio.Unknown("new"), twilio.Closed()]
    assert json.loads(answer) == {"event": "clear", "streamSid": "MZ1"}
