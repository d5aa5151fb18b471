"""How a load run reaches a bridge: the webhook, its TwiML, the stream's address; /proc."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import pytest
import trio
from twilio.request_validator import RequestValidator

from simulator.load.phone import StreamPlace
from simulator.load.usage import pin, usage_of
from simulator.load.webhook import CannotRing, Line, ring, stream_of

TOKEN = "a-token"
SID = "CA" + "1" * 32
TWIML = (
    '<Response><Say>hello</Say><Connect><Stream url="{}"><Parameter name="a" value="b"/></Stream>'
    "</Connect></Response>"
)


@asynccontextmanager
async def a_bridge(answer: bytes, asked: list[bytes] | None = None) -> AsyncIterator[int]:
    """A webhook that always answers this, on a port."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            request = await stream.receive_some()
            if asked is not None:
                asked.append(request)
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        serving: Callable[..., Awaitable[list[trio.SocketListener]]] = trio.serve_tcp  # type: ignore[assignment]
        listeners = await nursery.start(serving, serve, 0)
        yield listeners[0].socket.getsockname()[1]
        nursery.cancel_scope.cancel()


def ok(twiml: str) -> bytes:
    """A 200 with TwiML."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {len(twiml)}\r\n\r\n"
    return (head + twiml).encode()


async def rung(answer: bytes, asked: list[bytes] | None = None) -> StreamPlace:
    """What a bridge at https://bridge.example.com leads to; its proxy is not there."""
    async with a_bridge(answer, asked) as port:
        line = Line(
            ("127.0.0.1", port), "https://bridge.example.com/in?x=1", None, "AC" + "5" * 32, TOKEN
        )
        return await ring(line, SID)


async def test_the_webhook_is_signed_and_the_stream_is_where_twiml_says() -> None:
    """Twilio's own validator accepts both signatures; a relative URL is one of the same host."""
    asked: list[bytes] = []
    places = [
        await rung(ok(TWIML.format(url)), asked)
        for url in ("wss://bridge.example.com/media", "/media")
    ]
    head, _, body = asked[0].partition(b"\r\n\r\n")
    lines = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    headers = {name: value for name, _, value in lines}
    validator = RequestValidator(TOKEN)

    assert validator.validate(
        "https://bridge.example.com/in?x=1",
        dict(parse_qsl(body.decode(), keep_blank_values=True)),
        headers["x-twilio-signature"],
    )
    assert headers["host"] == headers["x-forwarded-host"] == "bridge.example.com"
    for place in places:
        signature = place.headers["x-twilio-signature"]

        assert (place.host, place.path) == ("bridge.example.com", "/media")
        assert place.parameters == {"a": "b"}
        assert validator.validate("wss://bridge.example.com/media", {}, signature)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy", "webhook_status_503"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "webhook_no_http"),
        (b"", "webhook_no_http"),
        (ok("<html>"), "twiml_invalid"),
        (ok("<Response><Say>no</Say></Response>"), "twiml_no_stream"),
        (ok(TWIML.format("https://bridge.example.com/media")), "stream_url"),
        (ok(TWIML.format("wss://bridge.example.com:99999/media")), "stream_url"),
        (ok(TWIML.format("wss://elsewhere.example.com/media")), "stream_tls"),
        (ok("x" * 70_000), "twiml_invalid"),
    ],
    ids=["503", "ssh", "eof", "html", "no stream", "https", "port", "elsewhere", "huge"],
)
async def test_each_bad_answer_is_an_error_of_its_own_kind(answer: bytes, kind: str) -> None:
    """What is counted says what the bridge did."""
    with pytest.raises(ExceptionGroup) as caught:
        await rung(answer)
    (problem,) = caught.value.exceptions

    assert isinstance(problem, CannotRing)
    assert problem.kind == kind


async def test_nobody_there_is_an_error_too() -> None:
    """A refused connection is counted, not raised further."""
    async with a_bridge(b"") as port:
        line = Line(("127.0.0.1", port), "http://127.0.0.1/", None, "AC", TOKEN)

    with pytest.raises(CannotRing) as caught:
        await ring(line, SID)
    assert caught.value.kind == "webhook_unreachable"


def test_entities_are_refused() -> None:
    """A document type could hold a billion laughs."""
    with pytest.raises(CannotRing):
        stream_of(b'<!DOCTYPE x [<!ENTITY a "b">]><Response/>')


def test_a_process_and_its_children_are_measured() -> None:
    """This very process uses time and memory; one that is gone is None."""
    usage = usage_of(os.getpid())

    assert usage is not None
    assert usage.cpu_s > 0
    assert usage.memory_kib > 1000
    assert usage.processes >= 1
    assert usage_of(2**22 + 1) is None


def test_a_process_is_kept_on_one_processor() -> None:
    """Its threads too; this process is put back where it was."""
    before = os.sched_getaffinity(0)
    try:
        pin(os.getpid(), min(before))

        assert os.sched_getaffinity(0) == {min(before)}
    finally:
        os.sched_setaffinity(0, before)
