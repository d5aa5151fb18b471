"""One HTTP/1.1 request and its answer over a `Wire`, with a time limit.

Owns the bytes of HTTP (through h11). Knows no Twilio: who asks, and what an answer means, is not
its business.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

import h11

from simulator.timeline import Timeline, Timer
from simulator.wire import Connect, Origin

BODY_BYTES_MAX = 64 * 1024
TARGET_CHARACTERS = "%/?:@!$&'()*+,;=-._~[]"
"""Left as they are in a request's target; anything else is percent-encoded."""
GZIP_WINDOW = 31  # zlib: the largest window, with a gzip header


def authority(url: str) -> str:
    """Host and port of a URL as they are written, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def proxy_headers(url: str) -> Mapping[str, str]:
    """What a proxy that takes TLS off adds: the fake stands in for it, as TLS ends before a bridge.

    Over a connection with TLS they say no more than what is so.
    """
    return {
        "x-forwarded-for": "192.0.2.1",
        "x-forwarded-proto": "http" if urlsplit(url).scheme in ("http", "ws") else "https",
        "x-forwarded-host": authority(url),
    }


def resolve(base: str, written: str) -> str:
    """`written` as an absolute URL, relative to `base`; as it is, if it cannot be understood."""
    try:
        return urljoin(base, written)
    except ValueError:
        return written


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: for the connection, for the next bytes of the answer, for everything."""

    connect_ms: float
    read_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `url` is absolute, `headers` come in order after `host`."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; header names in lower case, the body decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why no answer came.

    Of the connection: what `Peer.closed` says of one that never came up, with `connect_timeout` for
    a connection of which nothing is seen in time. Of the answer: `eof`, `reset` (before any of it),
    `read_timeout`, `timeout` (in all), `broken`, `too_long`.
    """

    why: str


class Exchange:
    """Sends one request at once and calls `done` exactly once, unless cancelled before."""

    def __init__(
        self,
        request: Request,
        *,
        timeline: Timeline,
        connect: Connect,
        patience: Patience,
        done: Callable[[Answer | NoAnswer], None],
    ) -> None:
        self._done: Callable[[Answer | NoAnswer], None] | None = done
        self._timeline = timeline
        self._patience = patience
        self._http = h11.Connection(our_role=h11.CLIENT)
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._sent_bytes = 0
        self._until_ms = timeline.now_ms + patience.total_ms
        self._timer: Timer
        self._wait()
        self._connecting = timeline.after(patience.connect_ms, self._look_for_connection)
        self._wire = connect(Origin.of(request.url), self)
        self._send(request)

    def cancel(self) -> None:
        """Hang up on the exchange; `done` will not be called."""
        self._done = None
        self._timer.cancel()
        self._connecting.cancel()
        self._wire.close()

    # -- Peer ------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes of the answer."""
        if self._done is None:
            return
        self._connecting.cancel()
        self._timer.cancel()
        self._wait()
        self._feed(data)

    def closed(self, why: str) -> None:
        """The far end is gone: perhaps that completes the answer."""
        if self._done is None:
            return
        if self._status and why == "eof":
            self._feed(b"")
        if self._done is not None:
            self._finish(NoAnswer("eof" if self._status else why))

    # -- inside ------------------------------------------------------------------

    def _send(self, request: Request) -> None:
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        target = quote(target, safe=TARGET_CHARACTERS)
        head = h11.Request(
            method=request.method,
            target=target,
            headers=[("host", authority(request.url)), *request.headers.items()],
        )
        data = self._http.send(head) or b""
        if request.body:
            data += self._http.send(h11.Data(data=request.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._sent_bytes = len(data)
        self._wire.send(data)

    def _wait(self) -> None:
        """Give the far end its time for the next bytes, within the time for everything."""
        now_ms = self._timeline.now_ms
        whole = self._until_ms <= now_ms + self._patience.read_ms
        at_ms = self._until_ms if whole else now_ms + self._patience.read_ms
        why = NoAnswer("timeout" if whole else "read_timeout")
        self._timer = self._timeline.at(at_ms, lambda: self._finish(why))

    def _look_for_connection(self) -> None:
        """A far end that has taken nothing at all is not connected."""
        if self._done is not None and self._wire.unread >= self._sent_bytes:
            self._finish(NoAnswer("connect_timeout"))

    def _feed(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            while self._done is not None:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            self._finish(NoAnswer("broken"))

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self._status = event.status_code
            self._headers = {
                name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers
            }
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > BODY_BYTES_MAX:
                self._finish(NoAnswer("too_long"))
        elif isinstance(event, h11.EndOfMessage):
            self._finish(self._complete())

    def _complete(self) -> Answer | NoAnswer:
        body = bytes(self._body)
        if body and self._headers.get("content-encoding", "").lower() == "gzip":
            inflate = zlib.decompressobj(GZIP_WINDOW)
            try:
                body = inflate.decompress(body, BODY_BYTES_MAX)
            except zlib.error:
                return NoAnswer("broken")
            if inflate.unconsumed_tail:
                return NoAnswer("too_long")
            if not inflate.eof:
                return NoAnswer("broken")
        return Answer(self._status, self._headers, body)

    def _finish(self, outcome: Answer | NoAnswer) -> None:
        done, self._done = self._done, None
        self._timer.cancel()
        self._connecting.cancel()
        self._wire.close()
        if done is not None:
            done(outcome)
