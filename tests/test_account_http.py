"""The account's HTTP server, fed bytes by hand: limits, keep-alive, odd clients."""

from __future__ import annotations

import base64

import h11
import pytest
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.account.http_server import (
    ANSWER_MS,
    BODY_BYTES_MAX,
    CONNECTIONS_MAX,
    HEAD_BYTES_MAX,
    IDLE_MS,
    REQUEST_MS,
    HttpConnection,
    HttpServer,
)
from simulator.account.request import Auth, Reply
from simulator.timeline import Timeline
from tests.phone_bridge import HandTimeline

Clock = trio.testing.MockClock
FORM = b"content-type: application/x-www-form-urlencoded\r\n"


class Client:
    """One connection to a server that repeats what it was asked."""

    def __init__(self, server: HttpServer) -> None:
        self.unread = 0
        self.got = b""
        self.over = ""
        self.peer: HttpConnection = server.accept(self)

    def send(self, data: bytes) -> None:
        """Bytes of the server."""
        self.got += data

    def close(self) -> None:
        """The server closes."""
        self.over = "closed"

    def abort(self) -> None:
        """The server resets."""
        self.over = "aborted"

    def answers(self, method: bytes = b"GET") -> list[tuple[int, bytes]]:
        """Status and body of every answer so far."""
        found: list[tuple[int, bytes]] = []
        http = h11.Connection(h11.CLIENT)
        rest = self.got
        while rest:
            http.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
            http.send(h11.EndOfMessage())
            http.receive_data(rest)
            status, body = 0, b""
            while not isinstance(event := http.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Response):
                    status = event.status_code
                elif isinstance(event, h11.Data):
                    body += event.data
            found.append((status, body))
            rest = http.trailing_data[0]
            http = h11.Connection(h11.CLIENT)
        return found


class Desk:
    """What stands behind the server: answers at once, later, or never."""

    def __init__(self, timeline: Timeline | None = None) -> None:
        self.timeline = timeline or Timeline()
        self.asked: list[tuple[str, str, dict[str, list[str]], Auth]] = []
        self.waiting: list[Reply] = []
        self.at_once = True
        self.server = HttpServer(self.ask, self.timeline)

    def ask(self, method: str, url: str, form: object, auth: Auth, reply: Reply) -> None:
        """One request."""
        assert isinstance(form, dict)
        self.asked.append((method, url, form, auth))
        if self.at_once:
            reply((200, {"content-type": "text/plain"}, b"well"))
        else:
            self.waiting.append(reply)


@pytest.fixture
async def desk(autojump_clock: Clock, nursery: trio.Nursery) -> Desk:
    """A running server."""
    made = Desk()
    nursery.start_soon(made.timeline.run)
    return made


def _post(body: bytes, *headers: bytes, length: bool = True) -> bytes:
    head = b"POST /Calls.json?a=1 HTTP/1.1\r\nhost: fake\r\n" + b"".join(headers)
    return head + (b"content-length: %d\r\n" % len(body) if length else b"") + b"\r\n" + body


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_request_arrives_whole(autojump_clock: Clock, desk: Desk, size: int) -> None:
    """Method, path, query, form and credentials, however the bytes are cut."""
    client = Client(desk.server)
    auth = b"authorization: Basic " + base64.b64encode(b"AC1:to:ken") + b"\r\n"
    data = _post(b"To=%2B1&E=a&E=b&Blank=", FORM, auth)
    for start in range(0, len(data), size):
        client.peer.receive(data[start : start + size])

    assert client.answers() == [(200, b"well")]
    method, url, form, credentials = desk.asked[0]
    assert (method, url.partition("-")[2]) == ("POST", "/Calls.json?a=1")
    assert form == {"To": ["+1"], "E": ["a", "b"], "Blank": [""]}
    assert credentials == ("AC1", "to:ken")


async def test_a_chunked_body_is_put_together(autojump_clock: Clock, desk: Desk) -> None:
    """Transfer-Encoding: chunked, announced with Expect: 100-continue."""
    client = Client(desk.server)
    chunked = b"transfer-encoding: chunked\r\nexpect: 100-continue\r\n"
    client.peer.receive(_post(b"", FORM, chunked, length=False))
    told = client.got
    client.got = b""
    client.peer.receive(b"4\r\nA=12\r\n1\r\n3\r\n0\r\n\r\n")

    assert told.startswith(b"HTTP/1.1 100")
    assert desk.asked[0][2] == {"A": ["123"]}
    assert client.answers() == [(200, b"well")]


async def test_a_connection_is_kept_and_requests_may_queue(
    autojump_clock: Clock, desk: Desk
) -> None:
    """Three requests sent at once are answered one after the other, on one connection."""
    client = Client(desk.server)
    client.peer.receive(_post(b"", FORM) * 3)
    await trio.sleep(0.1)

    assert client.answers() == [(200, b"well")] * 3
    assert client.over == ""


async def test_the_next_request_waits_for_a_late_answer(autojump_clock: Clock, desk: Desk) -> None:
    """A pipelined request is not read before the first is answered."""
    desk.at_once = False
    client = Client(desk.server)
    client.peer.receive(_post(b"", FORM) * 2)
    before = len(desk.asked)
    desk.waiting[0]((201, {}, b"1"))
    await trio.sleep(0.1)

    assert (before, len(desk.asked)) == (1, 2)


async def test_connection_close_is_obeyed(autojump_clock: Clock, desk: Desk) -> None:
    """The answer says so, and the server closes."""
    client = Client(desk.server)
    client.peer.receive(_post(b"", b"connection: close\r\n"))

    assert client.over == "closed"
    assert desk.server.open == set()


async def test_an_answer_without_a_body(autojump_clock: Clock, desk: Desk) -> None:
    """204 has no length; the answer to HEAD has no body."""
    desk.at_once = False
    client = Client(desk.server)
    client.peer.receive(b"HEAD /x HTTP/1.1\r\nhost: fake\r\n\r\n")
    desk.waiting[0]((405, {}, b"{}"))
    head, client.got = client.answers(b"HEAD"), b""
    client.peer.receive(b"DELETE /x HTTP/1.1\r\nhost: fake\r\n\r\n")
    await trio.sleep(0.1)
    desk.waiting[1]((204, {}, b""))

    assert head == [(405, b"")]
    assert b"content-length" not in client.got.lower()
    assert client.answers() == [(204, b"")]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\n", 431),
        (_post(b"a" * (BODY_BYTES_MAX + 1), FORM), 413),
        (_post(b"A=\xff\xfe", FORM), 400),
        (_post(b"&".join([b"A=1"] * 501), FORM), 400),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n", 405),
        (b"GET http://[ HTTP/1.1\r\nhost: fake\r\n\r\n", 400),
    ],
)
async def test_what_cannot_be_read_is_refused(
    autojump_clock: Clock, desk: Desk, data: bytes, status: int
) -> None:
    """An error object with the fitting status, and the connection is closed."""
    client = Client(desk.server)
    client.peer.receive(data)
    answers = client.answers()

    assert [told for told, _ in answers] == [status]
    assert b'"code": 20001' in answers[0][1]
    assert (client.over, desk.asked, desk.server.open) == ("closed", [], set())


async def test_another_content_type_is_no_form(autojump_clock: Clock, desk: Desk) -> None:
    """JSON in a body is not read as parameters."""
    client = Client(desk.server)
    client.peer.receive(_post(b'{"To":"+1"}', b"content-type: application/json\r\n"))

    assert desk.asked[0][2] == {}


async def test_an_idle_connection_is_closed(autojump_clock: Clock, desk: Desk) -> None:
    """After a minute without a request."""
    client = Client(desk.server)
    client.peer.receive(_post(b""))
    await trio.sleep(IDLE_MS / 1000 + 1)

    assert client.over == "closed"


async def test_a_slow_request_is_refused(autojump_clock: Clock, desk: Desk) -> None:
    """408 when a request has begun and does not end."""
    client = Client(desk.server)
    client.peer.receive(b"POST /x HTTP/1.1\r\n")
    await trio.sleep(REQUEST_MS / 1000 + 1)

    assert [status for status, _ in client.answers()] == [408]
    assert client.over == "closed"


async def test_an_answer_that_never_comes_ends_the_connection(
    autojump_clock: Clock, desk: Desk
) -> None:
    """The client is left waiting, then reset."""
    desk.at_once = False
    client = Client(desk.server)
    client.peer.receive(_post(b""))
    await trio.sleep(ANSWER_MS / 1000 + 1)

    assert (client.got, client.over) == (b"", "aborted")


async def test_a_client_that_is_gone_gets_no_answer(autojump_clock: Clock, desk: Desk) -> None:
    """After a reset nothing is sent; after a half-close the answer still is, then the end."""
    desk.at_once = False
    gone, half = Client(desk.server), Client(desk.server)
    for client, why in ((gone, "reset"), (half, "eof")):
        client.peer.receive(_post(b""))
        client.peer.closed(why)
    for reply in desk.waiting:
        reply((200, {}, b""))

    assert gone.got == b""
    assert half.answers() == [(200, b"")]
    assert desk.server.open == set()


async def test_flooding_while_an_answer_is_due_is_cut_off(
    autojump_clock: Clock, desk: Desk
) -> None:
    """What is sent ahead of an answer is bounded."""
    desk.at_once = False
    client = Client(desk.server)
    client.peer.receive(_post(b""))
    client.peer.receive(b"a" * (BODY_BYTES_MAX + 1))

    assert client.over == "aborted"


PIECES = (
    _post(b"A=1", FORM),
    b"GET /x HTTP/1.1\r\nhost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
    b"HEAD / HTTP/1.0\r\n",
    b"1\r\nA\r\n",
    b"0\r\n\r\n",
    b"\r\n",
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=40), max_size=8), st.booleans())
def test_whatever_comes_nothing_breaks(pieces: list[bytes], at_once: bool) -> None:
    """Any bytes, in any order, answered at once or later: no exception, nothing left open."""
    timeline = HandTimeline()
    desk = Desk(timeline)
    desk.at_once = at_once
    client = Client(desk.server)
    for piece in pieces:
        client.peer.receive(piece)
        timeline.run(timeline.now_ms + 1)
        for reply in desk.waiting:
            reply((404, {}, b"no"))
    client.peer.closed("reset")

    assert desk.server.open == set()


async def test_one_connection_too_many_is_reset(
    autojump_clock: Clock, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of connections is bounded."""
    monkeypatch.setattr("simulator.account.http_server.CONNECTIONS_MAX", 2)
    clients = [Client(desk.server) for _ in range(3)]
    await trio.sleep(0.1)

    assert CONNECTIONS_MAX > 2
    assert [client.over for client in clients] == ["", "", "aborted"]
