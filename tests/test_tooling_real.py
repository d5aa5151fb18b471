"""HTTP tools over real sockets and TLS, against the standard library's HTTP server."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trio
import trio.testing
import trustme

from bridge.outside import LOOKUPS_MAX, Outside, address_opener, system_resolver
from bridge.tooling.definition import Call, Definition, ToolFailed
from bridge.tooling.guarded_door import GuardedDoor
from bridge.tooling.http_recipe import place_of
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts

FACTS = CallFacts("CA" + "0" * 32, "default")


class Echo(BaseHTTPRequestHandler):
    """Answers what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One request."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"path": self.path, "body": json.loads(body)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *given: object) -> None:
        """Say nothing."""


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Whom this machine trusts."""
    ca = trustme.CA()
    context = ssl.create_default_context()
    ca.configure_trust(context)
    monkeypatch.setattr(ssl, "create_default_context", lambda: context)
    return ca


@pytest.fixture
def port(authority: trustme.CA) -> Iterator[int]:
    """A server with a certificate for `localhost`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


async def ask(url: str, *private_hosts: str) -> object:
    """What the tool at this URL answers."""
    outside = Outside()
    door = GuardedDoor(outside.resolve, outside.open_address, frozenset(private_hosts))
    tool = HttpTool(Definition("echo", "Echo."), place_of(url))
    return await HttpCaller(door, b"secret", outside.wall_clock).answer(
        tool, Call("call_1", {"größe": 1}, FACTS)
    )


async def test_a_tool_over_tls(port: int) -> None:
    """Certificate, request and answer are real."""
    told = await ask(f"https://localhost:{port}/x?y=1", "localhost")

    assert told == {"path": "/x?y=1", "body": {"größe": 1}}


async def test_localhost_is_refused_unless_it_is_named(port: int) -> None:
    """By any of its names."""
    for host in ("localhost", "127.0.0.1", "127.1", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]"):
        with pytest.raises(ToolFailed):
            await ask(f"https://{host}:{port}/", "elsewhere.internal")


async def test_a_certificate_for_another_name_is_refused(port: int) -> None:
    """The name in the URL counts, not the address."""
    with pytest.raises(ToolFailed) as failed:
        await ask(f"https://127.0.0.1:{port}/", "127.0.0.1")

    assert failed.value.why == "no connection to the host"


async def test_a_server_without_tls_is_not_taken_for_one() -> None:
    """Its connection is closed, too."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    ended = trio.Event()

    async def greet(stream: trio.SocketStream) -> None:
        await stream.send_all(b"220 mail.example.com\r\n")
        while await stream.receive_some():
            pass
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, greet, listeners)
        with pytest.raises((trio.BrokenResourceError, OSError)):
            await address_opener()("127.0.0.1", port, "localhost")
        with trio.fail_after(5):
            await ended.wait()
        nursery.cancel_scope.cancel()


async def test_names_are_looked_up_by_the_system() -> None:
    """Each address once; a name that cannot be is an OSError."""
    resolve = system_resolver()
    found = await resolve("localhost", 443)

    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found))
    with pytest.raises(socket.gaierror):
        await resolve("no-such-name.invalid", 443)


async def test_lookups_that_hang_hold_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have threads of their own; whoever waits leaves when its time is over."""
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given: released.wait(10) and [])
    resolve = system_resolver()
    try:
        async with trio.open_nursery() as nursery:
            for _ in range(LOOKUPS_MAX + 2):
                nursery.start_soon(resolve, "slow.example.com", 443)
            await trio.testing.wait_all_tasks_blocked(0.01)
            nursery.cancel_scope.cancel()
        borrowed = trio.to_thread.current_default_thread_limiter().borrowed_tokens
    finally:
        released.set()

    assert borrowed == 0
