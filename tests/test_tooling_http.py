"""HTTP tools: what goes out, what comes back, what is tried again, what is refused."""

import hashlib
import hmac
import json
from typing import Any

import pytest
import trio

from bridge.tooling.definition import Call, Definition, ToolFailed
from bridge.tooling.http_exchange import ANSWER_BYTES_MAX
from bridge.tooling.http_recipe import Method, WrongUrl, place_of
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts
from tests.tool_service import Service, answer

SECRET = b"a secret of sixteen"
CALL_SID = "CA" + "0" * 32
NOW = 1_767_225_600.9
ORDERS = "https://api.example.com/orders"


def _tool(method: Method = "POST", url: str = ORDERS, **headers: str) -> HttpTool:
    return HttpTool(Definition("orders", "Orders."), place_of(url), method, headers)


def _call(call_id: str = "call_1", **arguments: Any) -> Call:
    return Call(call_id, arguments, CallFacts(CALL_SID, "default"))


async def _ask(service: Service, tool: HttpTool, call: Call, *, signed: bool = True) -> Any:
    caller = HttpCaller(service.door(), SECRET if signed else None, lambda: NOW)
    return await caller.answer(tool, call)


async def test_arguments_go_out_as_json() -> None:
    """A POST carries them in its body; the answer comes back as a JSON value."""
    service = Service(answers=[answer(b'{"state": "on its way"}')])

    told = await _ask(service, _tool(), _call(number="1234567", tags=["a"]))

    (request,) = service.requests
    assert (request.method, request.target) == ("POST", "/orders")
    assert json.loads(request.body) == {"number": "1234567", "tags": ["a"]}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["host"] == "api.example.com"
    assert request.headers["user-agent"] == "callbridge"
    assert told == {"state": "on its way"}
    assert service.connections[0].closed


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_arguments_go_out_as_a_query(method: Method) -> None:
    """GET and DELETE have no body; lists repeat their name, anything else but text is JSON."""
    tool = _tool(method, f"{ORDERS}/{{number}}?lang=en&day={{day}}")
    service = Service()

    await _ask(service, tool, _call(number=7, day="a&b", tags=["x", "y z"], open=True, at=1.5))

    (request,) = service.requests
    assert request.target == "/orders/7?lang=en&day=a%26b&tags=x&tags=y%20z&open=true&at=1.5"
    assert request.body == b""


async def test_an_argument_cannot_leave_its_place_in_the_path() -> None:
    """Slashes, question marks, line feeds and letters are percent-encoded."""
    tool = _tool("GET", f"{ORDERS}/{{number}}/state")
    service = Service()

    await _ask(service, tool, _call(number="a/b?c=d#e\r\nX-Evil: 1 é{}"))

    assert service.requests[0].target == (
        "/orders/a%2Fb%3Fc%3Dd%23e%0D%0AX-Evil%3A%201%20%C3%A9%7B%7D/state"
    )
    assert "x-evil" not in service.requests[0].headers


@pytest.mark.parametrize("value", ["", ".", "..", "../admin", "a/../../b", "..\\admin"])
async def test_an_argument_cannot_climb_out_of_the_path(value: str) -> None:
    """Servers decode before they resolve `..`, so it never goes out."""
    service = Service()

    with pytest.raises(ToolFailed, match="`number`: cannot be"):
        await _ask(service, _tool("GET", f"{ORDERS}/{{number}}"), _call(number=value))

    assert service.requests == []


async def test_arguments_too_long_for_a_url() -> None:
    """The model is told, and nothing goes out."""
    service = Service()

    with pytest.raises(ToolFailed, match="too long for a URL"):
        await _ask(service, _tool("GET"), _call(text="x" * 5000))

    assert service.requests == []


async def test_a_broken_half_of_a_character_is_survived() -> None:
    """JSON can hold lone surrogates, UTF-8 cannot."""
    service = Service()

    await _ask(service, _tool("GET", f"{ORDERS}/{{a}}"), _call(a="x\ud800", b=["\ud800"]))
    await _ask(service, _tool(), _call(a="\ud800"))

    assert service.requests[0].target == "/orders/x%3F?b=%3F"
    assert json.loads(service.requests[1].body) == {"a": "\ud800"}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_is_signed(method: Method) -> None:
    """HMAC-SHA256 over method, path with query, time and body, as docs/tools.md says."""
    service = Service()

    await _ask(service, _tool(method), _call(number="1"))

    (request,) = service.requests
    signed = f"{request.method}\n{request.target}\n1767225600\n".encode() + request.body
    assert request.headers["callbridge-timestamp"] == "1767225600"
    assert request.headers["callbridge-signature"] == (
        "v1=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    )
    assert request.headers["callbridge-call-sid"] == CALL_SID
    assert request.headers["callbridge-agent"] == "default"


async def test_without_a_secret_nothing_is_signed() -> None:
    """No header pretends to be a signature."""
    service = Service()

    await _ask(service, _tool(), _call(), signed=False)

    assert "callbridge-signature" not in service.requests[0].headers


async def test_headers_of_the_operator_go_out() -> None:
    """A key for the service, for instance."""
    service = Service()

    await _ask(service, _tool(Authorization="Bearer key"), _call())

    assert service.requests[0].headers["authorization"] == "Bearer key"


async def test_each_call_has_an_idempotency_key() -> None:
    """The same for both attempts of a call, another for another call; always a usable header."""
    service = Service(answers=[answer(status=503), answer(), answer(), answer()])

    await _ask(service, _tool("GET"), _call("call_1"))
    await _ask(service, _tool("GET"), _call("call_2"))
    await _ask(service, _tool("GET"), _call("call\r\nX-Evil: 1"))

    keys = [request.headers["idempotency-key"] for request in service.requests]
    assert keys[0] == keys[1] == f"{CALL_SID}-call_1"
    assert keys[2] == f"{CALL_SID}-call_2"
    assert len(keys[3]) == 64


# -- what is tried again


@pytest.mark.parametrize(
    "trouble", [answer(status=502), answer(status=503), answer(status=504), b"", OSError("reset")]
)
async def test_a_safe_method_is_tried_again(trouble: bytes | OSError) -> None:
    """A GET that met a passing trouble."""
    service = Service(answers=[trouble, answer(b'{"ok": true}')])

    assert await _ask(service, _tool("GET"), _call()) == {"ok": True}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("trouble", [answer(status=503), b""])
async def test_a_method_that_changes_something_is_not(method: Method, trouble: bytes) -> None:
    """An order placed twice is worse than one that failed."""
    service = Service(answers=[trouble, answer()])

    with pytest.raises(ToolFailed):
        await _ask(service, _tool(method), _call())

    assert len(service.connected) == 1


async def test_it_is_tried_three_times_with_short_pauses(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Then the trouble is told."""
    service = Service(answers=[answer(status=503)])

    with pytest.raises(ToolFailed) as failed:
        await _ask(service, _tool("GET"), _call())

    assert (str(failed.value), failed.value.why) == ("HTTP 503", "HTTP 503")
    assert len(service.requests) == 3
    assert trio.current_time() == pytest.approx(0.8)


@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_other_answers_are_not_tried_again(status: int) -> None:
    """The next attempt would be answered alike."""
    service = Service(answers=[answer(status=status)])

    with pytest.raises(ToolFailed):
        await _ask(service, _tool("GET"), _call())

    assert len(service.requests) == 1


# -- what comes back


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (answer(b'{"a": [1, null]}'), {"a": [1, None]}),
        (answer(b"[1]", content_type="application/problem+json; charset=utf-8"), [1]),
        (answer(b'{"a": NaN}'), {"a": None}),
        (answer(b"open", content_type="text/plain; charset=utf-8"), {"text": "open"}),
        (answer(b"", 204), {"status": "ok"}),
        (answer(b" \n", 200), {"status": "ok"}),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nopen until six", {"text": "open until six"}),
        (b"HTTP/1.1 103 Hints\r\n\r\n" + answer(b"1"), 1),
    ],
)
async def test_what_the_model_is_told(sent: bytes, told: Any) -> None:
    """JSON as it is, text as text, nothing as success."""
    assert await _ask(Service(answers=[sent]), _tool(), _call()) == told


async def test_an_answer_in_pieces() -> None:
    """Chunked, and each byte for itself."""
    head = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    )
    whole = head + b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n'
    service = Service(answers=[[whole[i : i + 1] for i in range(len(whole))]])

    assert await _ask(service, _tool(), _call()) == {"a": 1}


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (answer(b'{"detail": "no such order"}', 404), 'HTTP 404: {"detail": "no such order"}'),
        (answer(b"try later", 429, content_type="text/plain"), "HTTP 429: try later"),
        (answer(b"<html>trace", 500, content_type="text/html"), "HTTP 500"),
        (answer(b'{"trace": "/srv/app.py"}', 500), "HTTP 500"),
        (answer(b"<html>", 404, content_type="text/html"), "HTTP 404"),
        (answer(b"{"), "the service's answer is not valid JSON"),
        (answer(b"[" * 9000), "the service's answer is not valid JSON"),
        (answer(b"\xff", content_type="text/plain"), "the service's answer is not UTF-8 text"),
        (
            answer(b"GIF89a", content_type="image/gif"),
            "the service's answer is neither JSON nor text",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "the service cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "the service cannot be reached"),
        (b"HTTP/1.1 103 Hints\r\n\r\n" * 20, "the service cannot be reached"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "the service cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000, "the service cannot be reached"),
    ],
)
async def test_what_is_no_success_is_told_in_words(sent: bytes, words: str) -> None:
    """A refusal's own words help the model; a server's inner trouble is its own business."""
    with pytest.raises(ToolFailed) as failed:
        await _ask(Service(answers=[sent]), _tool(), _call())

    assert str(failed.value) == words


async def test_a_long_refusal_is_cut() -> None:
    """Its first 2000 characters are enough."""
    sent = answer(b'"' + b"x" * 9000 + b'"', 422)

    with pytest.raises(ToolFailed) as failed:
        await _ask(Service(answers=[sent]), _tool(), _call())

    assert len(str(failed.value)) < 2100


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    """The checked place is the only one that is asked."""
    sent = answer(b"", status, location="http://169.254.169.254/latest/meta-data/")
    service = Service(answers=[sent, answer(b'{"stolen": true}')])

    with pytest.raises(ToolFailed, match="redirect"):
        await _ask(service, _tool("GET"), _call())

    assert len(service.connected) == 1


@pytest.mark.parametrize("announced", [True, False])
async def test_an_endless_answer_is_cut_off(announced: bool) -> None:
    """It is counted as it comes: what is beyond the bound is never read."""
    chunk = b"x" * 16_384
    length = b"Content-Length: 1000000000\r\n" if announced else b"Connection: close\r\n"
    pieces = [b"HTTP/1.1 200 OK\r\n" + length + b"\r\n", *[chunk] * 1000]
    service = Service(answers=[pieces])

    with pytest.raises(ToolFailed, match="larger than 32768 bytes"):
        await _ask(service, _tool("GET"), _call())

    (connection,) = service.connections
    assert connection.closed
    assert len(connection._pieces) > 1000 - ANSWER_BYTES_MAX // len(chunk) - 3


async def test_a_private_place_is_refused_and_not_tried_again() -> None:
    """The model hears no address."""
    service = Service(names={"api.example.com": ["169.254.169.254"]})

    with pytest.raises(ToolFailed) as failed:
        await _ask(service, _tool("GET"), _call())

    assert str(failed.value) == "the service cannot be reached"
    assert failed.value.why == "the host is not on the public internet"
    assert service.connected == []


def test_a_secret_is_not_shown() -> None:
    """A tool printed in a traceback keeps its headers to itself."""
    assert "s3cret" not in repr(_tool(Authorization="s3cret"))


# -- URLs


@pytest.mark.parametrize(
    ("url", "authority", "placeholders"),
    [
        ("https://api.example.com", "api.example.com", ()),
        ("https://API.example.com:8443/{a}/x?b={c}", "api.example.com:8443", ("a", "c")),
        ("http://[::1]:80/", "[::1]", ()),
        ("http://127.0.0.1:9000/x", "127.0.0.1:9000", ()),
    ],
)
def test_a_url_is_a_place(url: str, authority: str, placeholders: tuple[str, ...]) -> None:
    """Host, port, path, query, and the arguments that have a place in them."""
    place = place_of(url)

    assert (place.authority, place.placeholders) == (authority, placeholders)


@pytest.mark.parametrize(
    "url",
    [
        "", "api.example.com/x", "ftp://api.example.com/", "file:///etc/passwd", "https:///x",
        "https://user:secret@api.example.com/", "https://{host}/x", "https://api.example.com/#x",
        "https://api.example.com/a b", "https://api.example.com/é", "https://api.example.com:x/",
        "https://a..b/",
        f"https://{'a' * 64}.com/", "https://api.example.com/{a", "https://api.example.com/a}", "https://[::1/",
    ],
)  # fmt: skip
def test_what_is_no_url_for_a_tool(url: str) -> None:
    """Found when the file is read, not in a call."""
    with pytest.raises(WrongUrl):
        place_of(url)
