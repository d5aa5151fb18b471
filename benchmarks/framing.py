"""The fakes' own WebSocket framing beside wsproto's: one caller frame written, one append read."""

import base64
import random
import time
from collections.abc import Callable, Iterator

from wsproto import ConnectionType, WSConnection
from wsproto import events as ws

from benchmarks.figures import figure
from simulator.websocket import ClientConnection, ServerConnection

MESSAGES = 3000
PAYLOAD = base64.b64encode(bytes(160)).decode()
FRAME = (
    '{"event":"media","sequenceNumber":"1000","media":{"track":"inbound","chunk":"999",'
    f'"timestamp":"19980","payload":"{PAYLOAD}"}},"streamSid":"MZ{"0" * 32}"}}'
)


def measure(runs: int) -> Iterator[str]:
    """Microseconds per message, writing and reading, both libraries in turn."""
    for name, work in (("simulator.websocket", _ours), ("wsproto", _wsproto)):
        times_us = []
        for _ in range(runs):
            began_s = time.perf_counter()
            work()
            times_us.append((time.perf_counter() - began_s) / MESSAGES * 1e6)
        yield f"{name}: {figure(times_us, 'us a message')}"


def _run(write: Callable[[], bytes], read: Callable[[bytes], None]) -> None:
    for _ in range(MESSAGES):
        read(write())


def _ours() -> None:
    client, server = ClientConnection(random.Random(1)), ServerConnection()
    server.feed(client.request("h", "/", []))
    client.feed(server.accept())
    data = FRAME.encode()

    def read(frame: bytes) -> None:
        server.feed(frame)

    _run(lambda: client.text(data), read)


def _wsproto() -> None:
    client, server = WSConnection(ConnectionType.CLIENT), WSConnection(ConnectionType.SERVER)
    server.receive_data(client.send(ws.Request(host="h", target="/")))
    list(server.events())
    client.receive_data(server.send(ws.AcceptConnection()))
    list(client.events())

    def read(frame: bytes) -> None:
        server.receive_data(frame)
        list(server.events())

    _run(lambda: client.send(ws.Message(data=FRAME)), read)
