"""SECURITY.md, row by row: what an attacker tries, on bytes or over the app, and what comes of it.

The table there names these tests, and those of other files; the last test here holds it to that.
"""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from trio.testing import MockClock, memory_stream_pair
from trio_websocket import ConnectionClosed, wrap_client_stream

from bridge.app import make_app
from bridge.guarded import BODY_BYTES_MAX, BODY_S_MAX
from bridge.legs import TWILIO_MESSAGE_MAX
from bridge.log import make_log, standard_output
from bridge.outside import Outside
from bridge.service import BridgeApp
from bridge.serving import ServerConfig
from bridge.settings import Settings
from tests.app_client import FORM, Loopback, handshake_status, signed
from tests.far_ends import AUTH_TOKEN, CALL, KEY, NOW, FarRest, Lines, production, settings

ROOT = Path(__file__).resolve().parents[1]


def app_of(given: Settings, lines: Lines | None = None) -> BridgeApp:
    """The app with these settings."""
    sink = (Lines() if lines is None else lines).append
    return make_app(
        given, outside=Outside(http_transport=FarRest(), wall_clock=lambda: NOW, log=sink)
    )


def connect(nursery: trio.Nursery, app: BridgeApp) -> trio.abc.Stream:
    """A connection to the server that production runs, on memory streams."""
    near, far = memory_stream_pair()
    far.socket = Loopback()  # type: ignore[attr-defined]
    wrapper: Any = ASGIWrapper(app)
    config = ServerConfig(app.settings)
    server = TCPServer(wrapper, config, WorkerContext(None), {}, far)  # type: ignore[arg-type]
    nursery.start_soon(server.run)
    return near


async def all_of(stream: trio.abc.Stream) -> bytes:
    """What comes until the server closes."""
    answer = b""
    while data := await stream.receive_some():
        answer += data
    return answer


async def answer_to(app: BridgeApp, request: bytes) -> tuple[bytes, float]:
    """The answer to some bytes, and when the server closed; nothing more is sent."""
    async with trio.open_nursery() as nursery:
        stream = connect(nursery, app)
        await stream.send_all(request)
        answer = await all_of(stream)
        closed_at = trio.current_time()
        nursery.cancel_scope.cancel()
    return answer, closed_at


# ------------------------------------------------------------------------------ who is let in
async def test_a_forged_webhook_is_refused() -> None:
    """Without Twilio's signature there is no TwiML, no token and no place for the call."""
    app = app_of(production(max_calls=1))
    answer = await app.test_client().post("/incoming-call", form=FORM)
    forged = await app.test_client().post("/incoming-call", form=FORM, headers=signed("https://x"))

    assert (answer.status_code, forged.status_code) == (403, 403)
    assert not app.services.places.full(trio.current_time())


async def test_a_forged_stream_is_refused() -> None:
    """Before the WebSocket is accepted."""
    assert await handshake_status(app_of(production())) == 403


async def test_a_flood_of_calls_finds_a_bound() -> None:
    """Each call costs money: beyond MAX_CALLS they are sent away, and nothing is left half open."""
    app = app_of(settings(max_calls=3))
    client = app.test_client()
    answers = []
    for number in range(20):
        form = {"CallSid": f"CA{number:032}", "From": "+15550100123"}
        response = await client.post("/incoming-call", form=form)
        answers.append("<Connect>" in await response.get_data(as_text=True))

    assert answers == [True] * 3 + [False] * 17
    assert app.services.places.reserved(trio.current_time()) == 3


# ------------------------------------------------------------------------------ limits
def methods_of_routes(app: BridgeApp) -> list[tuple[str, str]]:
    """Path and method of every HTTP route."""
    return [
        (re.sub(r"<[^>]+>", CALL, rule.rule), method)
        for rule in app.url_map.iter_rules()
        if not rule.websocket
        for method in sorted(rule.methods or ())
    ]


async def test_no_route_takes_a_body_too_large() -> None:
    """Whoever reads it stops at the bound: refused, or not read at all. Never a crash."""
    lines = Lines()
    app = app_of(settings(), lines)
    body = b"a=" + b"x" * BODY_BYTES_MAX
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    client: Any = app.test_client()
    found = {
        (path, method): (
            await client.open(path, method=method, data=body, headers=headers)
        ).status_code
        for path, method in methods_of_routes(app)
    }

    assert found["/incoming-call", "POST"] == 413
    assert {status for (_, method), status in found.items() if method == "POST"} <= {
        *(400, 401, 403, 404, 413, 415, 422, 503)
    }
    assert lines.all("crashed") == []


async def test_a_body_that_never_ends_is_not_waited_for(autojump_clock: MockClock) -> None:
    """The request is over after BODY_S_MAX."""
    head = (
        b"POST /incoming-call HTTP/1.1\r\nHost: h.example\r\nContent-Length: 100\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nCallSid="
    )
    answer, closed_at = await answer_to(app_of(settings()), head)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert closed_at <= BODY_S_MAX + 10


@pytest.mark.parametrize("path", ["/incoming-call", "/media-stream", "/health", "/metrics"])
async def test_headers_too_large_are_refused(autojump_clock: MockClock, path: str) -> None:
    """By the server, before any route is asked."""
    head = f"GET {path} HTTP/1.1\r\nHost: h.example\r\nX: {'x' * 70_000}\r\n\r\n".encode()
    answer, _ = await answer_to(app_of(settings()), head)

    assert re.match(rb"HTTP/1\.1 4(00|31) ", answer)


@pytest.mark.parametrize("sent", [b"", b"GET /heal", b"GET /health HTTP/1.1\r\nHost: h\r\nX-"])
async def test_headers_that_never_end_are_not_waited_for(
    autojump_clock: MockClock, sent: bytes
) -> None:
    """A connection on which no request comes is closed within seconds."""
    _, closed_at = await answer_to(app_of(settings()), sent or b"G")

    assert closed_at <= 10


async def test_a_frame_too_large_ends_the_stream(autojump_clock: MockClock) -> None:
    """The server closes with 1009; nothing of it is kept."""
    lines = Lines()
    app = app_of(settings(), lines)
    async with trio.open_nursery() as nursery:
        stream: Any = connect(nursery, app)
        websocket = await wrap_client_stream(nursery, stream, "h.example", "/media-stream")
        await websocket.send_message("x" * (TWILIO_MESSAGE_MAX + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await websocket.get_message()
        nursery.cancel_scope.cancel()

    assert closed.value.reason is not None
    assert closed.value.reason.code == 1009


# ------------------------------------------------------------------------------ injection
HOSTILE = [
    '"/></Stream></Connect><Hangup/>',
    "</Parameter><Dial>+15550100199</Dial>",
    "]]><!-- &entity; <?xml version='1.0'?>",
    "\x00\x1b[31m\r\nX-Header: 1",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
async def test_parameters_cannot_break_twiml(text: str) -> None:
    """Whatever name or value a call parameter has, the document is the stream and nothing else."""
    app = app_of(settings())
    encoded = text.encode("utf-8", "surrogatepass")
    quoted = "".join(f"%{byte:02X}" for byte in encoded)
    response = await app.test_client().post(
        f"/incoming-call?lang={quoted}&a{quoted}=x",
        form={**FORM, "From": encoded.decode("utf-8", "replace")},
    )
    document = ET.fromstring(await response.get_data(as_text=True))

    assert [element.tag for element in document.iter() if element.tag != "Parameter"] == [
        *("Response", "Connect", "Stream")
    ]


@pytest.mark.parametrize("text", HOSTILE)
async def test_parameters_cannot_break_the_log(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    """One event is one line in either form, and no terminal is told to do anything."""
    for form in ("json", "pretty"):
        log = make_log(standard_output(form), lambda: NOW)
        log.info("call_incoming", parameters=[text], lang=text)
    out = capsys.readouterr().out

    assert out.count("\n") == 2
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out
    assert json.loads(out.splitlines()[0])["event"] == "call_incoming"


async def test_a_call_sid_cannot_become_a_path() -> None:
    """It is part of REST paths: nothing but a sid of Twilio's form is taken."""
    client = app_of(settings()).test_client()
    answers = [
        (await client.post("/incoming-call", form={**FORM, "CallSid": sid})).status_code
        for sid in ("../../Messages", f"{CALL}/Recordings", f"{CALL}\n", "CA" + "g" * 32)
    ]

    assert answers == [400] * 4


# ------------------------------------------------------------------------------ what leaks
async def test_numbers_and_secrets_stay_out_of_the_log() -> None:
    """Also where a peer puts them into a field, or a bug of ours into a traceback."""
    lines = Lines()
    app = app_of(production(), lines)
    app.log.info("x", note=f"call +15550100123 with {KEY}", token=AUTH_TOKEN, to="+15550100199")
    try:
        int(AUTH_TOKEN)
    except ValueError:
        app.log.exception("y")
    text = json.dumps(lines)

    assert "15550100" not in text
    assert KEY not in text
    assert AUTH_TOKEN not in text


async def test_numbers_may_be_shown_if_wanted() -> None:
    """MASK_NUMBERS=false: numbers pass, secrets and the keys that callers press do not."""
    lines = Lines()
    app = app_of(production(mask_numbers=False), lines)
    app.log.info("x", to="+15550100199", digits="4111111111111111", note=f"{KEY} 15550100123")
    (line,) = lines

    assert line["to"] == "+15550100199"
    assert line["note"] == "*** 15550100123"
    assert line["digits"] == "***"


@pytest.mark.parametrize("path", ["/", "/health", "/ready"])
async def test_pages_for_everybody_tell_no_secrets(path: str) -> None:
    """Neither keys nor numbers nor the account, nor what the configuration lacks."""
    app = app_of(production(company_name="Sand & Stone"))
    text = await (await app.test_client().get(path)).get_data(as_text=True)

    assert not re.search(rf"{KEY}|{AUTH_TOKEN}|AC[0-9a-f]{{32}}|TWILIO_", text)


async def test_metrics_are_not_for_everybody() -> None:
    """In production nobody reads them without a token, or past a port of their own."""
    answer = await app_of(production()).test_client().get("/metrics")

    assert answer.status_code == 403


# ------------------------------------------------------------------------------ the page itself
def names_in(path: Path) -> set[str]:
    """The names of the tests in a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.name for node in found if isinstance(node, kinds) and node.name[:5] == "test_"}


def test_every_threat_has_a_test() -> None:
    """Each row of SECURITY.md names one that exists; each test here stands in a row."""
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    rows = [row for row in page.splitlines() if row.startswith("| ") and "---" not in row][1:]
    named = re.findall(r"`(test_\w+)\.(test_\w+)`", page)
    exists: Callable[[str, str], bool] = lambda file, name: (  # noqa: E731 - reads as a sentence
        name in names_in(ROOT / "tests" / f"{file}.py")
    )
    ours = names_in(Path(__file__)) - {"test_every_threat_has_a_test"}

    assert [row for row in rows if "`test_" not in row] == []
    assert [each for each in named if not exists(*each)] == []
    assert ours - {name for _, name in named} == set()
