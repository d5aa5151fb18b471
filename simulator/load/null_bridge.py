"""The smallest bridge there can be: it passes audio on and does nothing else.

Owns a single-threaded relay, to see what the load generator can do when no bridge holds it up, and
(with a delay, or a leak) that a slow or careless bridge is seen. It answers `/` with TwiML, takes
streams at `/stream`, asks nothing and drops nothing. No bridge to put on a phone number: it checks
no signature. `python -m simulator.load.null_bridge PORT REALTIME_URL [--delay-ms N] [--leak]`.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import os
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from simulator.load import handshake
from simulator.load.framing import Broken, ClientFrames, FrameReader, server_frame
from simulator.load.reactor import Door, Link, Reactor
from simulator.websocket import CLOSE, PING, PONG, TEXT, close_data

IDLE_S: Final = 0.2
HEADERS: Final = {"authorization": "Bearer none"}
SESSION: Final = msgspec.json.encode(
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "turn_detection": {"type": "server_vad", "silence_duration_ms": 500},
                },
                "output": {"format": {"type": "audio/pcmu"}},
            },
        },
    }
)
_MEDIA: Final = b'{"event":"media"'
_PAYLOAD: Final = b'"payload":"'
_DELTA: Final = b'{"type":"response.output_audio.delta"'
_SOUND: Final = b'"delta":"'

Later = Callable[[Callable[[], None]], None]


def _between(data: bytes, key: bytes) -> bytes:
    start = data.index(key) + len(key)
    return data[start : data.index(b'"', start)]


class Relay:
    """One call: the stream's connection, and the session's once the stream has started."""

    def __init__(
        self,
        link: Link,
        reactor: Reactor,
        realtime: tuple[str, int, str],
        later: Later,
        *,
        leaks: bool,
    ) -> None:
        self._stream = link
        self._leaks = leaks
        self._reactor = reactor
        self._realtime = realtime
        self._later = later
        self._head: handshake.Head | None = handshake.Head()
        self._reader = FrameReader(self._take, masked=True)
        self._stream_sid = b""
        self._session: SessionSide | None = None

    def connected(self) -> None:
        """It was, from the beginning."""

    def receive(self, data: bytes) -> None:
        """Bytes of the phone."""
        try:
            if self._head is not None:
                whole = self._head.feed(data)
                if whole is None:
                    return
                data = self._answer(*whole)
            if data:
                self._reader.feed(data)
        except (Broken, ValueError):
            self.hang_up()

    def closed(self, why: str) -> None:  # noqa: ARG002 - Owner's shape
        """The phone is gone."""
        self.hang_up()

    def hang_up(self) -> None:
        """Close both sides."""
        self._stream.send(server_frame(CLOSE, close_data(1000)))
        self._stream.abort()
        if self._session is not None and not self._leaks:
            self._session.close()

    def play(self, sound: bytes) -> None:
        """Audio of the model, in base64."""
        self._later(lambda: self._play(sound))

    def _play(self, sound: bytes) -> None:
        message = b'{"event":"media","streamSid":"%b","media":{"payload":"%b"}}'
        self._stream.send(server_frame(TEXT, message % (self._stream_sid, sound)))

    def _answer(self, first: str, headers: dict[str, str], rest: bytes) -> bytes:
        upgrade = handshake.accept(first, headers)
        if upgrade is not None:
            self._head = None
            self._stream.send(upgrade)
            return rest
        body = (
            f'<Response><Connect><Stream url="ws://{headers.get("host")}/stream"/></Connect>'
            "</Response>"
        ).encode()
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\nconnection: close\r\n"
        self._stream.send(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self._head = handshake.Head()
        return b""

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == CLOSE:
            self.hang_up()
        elif opcode == TEXT and data.startswith(_MEDIA):
            if self._session is not None:
                payload = _between(data, _PAYLOAD)
                self._later(lambda: self._append(payload))
        elif opcode == TEXT and data.startswith(b'{"event":"start"'):
            self._stream_sid = _between(data, b'"streamSid":"')
            self._session = SessionSide(self, self._reactor, self._realtime)

    def _append(self, payload: bytes) -> None:
        if self._session is not None:
            self._session.append(payload)


class SessionSide:
    """The connection to the model."""

    def __init__(self, relay: Relay, reactor: Reactor, realtime: tuple[str, int, str]) -> None:
        host, port, self._path = realtime
        self._host = f"{host}:{port}"
        self._relay = relay
        self._upgrade = handshake.Upgrade()
        self._head: handshake.Head | None = handshake.Head()
        self._writer = ClientFrames(os.urandom(4))
        self._reader = FrameReader(self._take, masked=False)
        self._kept: list[bytes] | None = []
        self._link = Link.dial(reactor, (host, port))
        self._link.owner = self

    def append(self, payload: bytes) -> None:
        """Audio of the caller, in base64."""
        message = b'{"type":"input_audio_buffer.append","audio":"%b"}' % payload
        if self._kept is not None:
            self._kept.append(message)
        else:
            self._link.send(self._writer.write(TEXT, message))

    def close(self) -> None:
        """The call is over."""
        if self._head is None:
            self._link.send(self._writer.write(CLOSE, close_data(1000)))
        self._link.abort()

    def connected(self) -> None:
        """TCP is up."""
        self._link.send(self._upgrade.request(self._host, self._path, HEADERS))

    def receive(self, data: bytes) -> None:
        """Bytes of the model."""
        if self._head is not None:
            whole = self._head.feed(data)
            if whole is None:
                return
            self._head, data = None, whole[2]
            self._link.send(self._writer.write(TEXT, SESSION))
        self._reader.feed(data)

    def closed(self, why: str) -> None:  # noqa: ARG002 - Owner's shape
        """The model is gone."""
        self._relay.hang_up()

    def _take(self, opcode: int, data: bytes) -> None:
        if opcode == PING:
            self._link.send(self._writer.write(PONG, data))
        elif opcode == TEXT and data.startswith(_DELTA):
            self._relay.play(_between(data, _SOUND))
        elif opcode == TEXT and data.startswith(b'{"type":"session.updated"'):
            kept, self._kept = self._kept or [], None
            for message in kept:
                self._link.send(self._writer.write(TEXT, message))


class Delays:
    """Does things a fixed time later, in order; at once if that time is zero."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def later(self, do: Callable[[], None]) -> None:
        """Do it when it is time."""
        if self._delay_s:
            due_s = time.perf_counter() + self._delay_s
            heapq.heappush(self._heap, (due_s, next(self._numbers), do))
        else:
            do()

    def fire(self) -> float:
        """Do what is due; seconds until the next."""
        while self._heap:
            wait_s = self._heap[0][0] - time.perf_counter()
            if wait_s > 0:
                return wait_s
            heapq.heappop(self._heap)[2]()
        return IDLE_S


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("port", type=int)
    parser.add_argument("realtime_url")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--leak", action="store_true", help="leave sessions open")
    options = parser.parse_args()
    url = urlsplit(options.realtime_url)
    realtime = (url.hostname or "127.0.0.1", url.port or 80, f"{url.path}?model=gpt-realtime")
    reactor = Reactor()
    delays = Delays(options.delay_ms / 1000)

    def accept(link: Link) -> Relay:
        return Relay(link, reactor, realtime, delays.later, leaks=options.leak)

    Door(reactor, accept, host="127.0.0.1", port=options.port)
    while True:
        reactor.turn(delays.fire())


if __name__ == "__main__":
    main()
