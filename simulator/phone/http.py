"""One HTTP/1.1 request and its answer over a `Wire`, with a time limit.

Owns the bytes of HTTP (through h11). Knows no Twilio: who asks, and what an answer means, is not
its business.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from simulator.timeline import Timeline
from simulator.wire import Peer, Wire

Connect = Callable[[Peer], Wire]
"""Opens a new byte connection to the bridge's public host."""

BODY_BYTES_MAX = 64 * 1024
GZIP_WINDOW = 31  # zlib: the largest window, with a gzip header

PROXY_HEADERS: Mapping[str, str] = {
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-proto": "https",
}
"""TLS is not simulated, so the fake also stands in for the proxy that takes it off."""


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
    """Why no answer came: `reset` (before any of it), `eof`, `timeout`, `broken`, `too_long`."""

    why: str


class Exchange:
    """Sends one request at once and calls `done` exactly once, unless cancelled before."""

    def __init__(
        self,
        request: Request,
        *,
        timeline: Timeline,
        connect: Connect,
        timeout_ms: float,
        done: Callable[[Answer | NoAnswer], None],
    ) -> None:
        self._done: Callable[[Answer | NoAnswer], None] | None = done
        self._http = h11.Connection(our_role=h11.CLIENT)
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._timer = timeline.after(timeout_ms, lambda: self._finish(NoAnswer("timeout")))
        self._wire = connect(self)
        self._send(request)

    def cancel(self) -> None:
        """Hang up on the exchange; `done` will not be called."""
        self._done = None
        self._timer.cancel()
        self._wire.close()

    # -- Peer ------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes of the answer."""
        if self._done is not None:
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
        head = h11.Request(
            method=request.method,
            target=target,
            headers=[("host", parts.netloc), *request.headers.items()],
        )
        data = self._http.send(head) or b""
        if request.body:
            data += self._http.send(h11.Data(data=request.body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._wire.send(data)

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
        if self._headers.get("content-encoding", "").lower() == "gzip":
            inflate = zlib.decompressobj(GZIP_WINDOW)
            try:
                body = inflate.decompress(body, BODY_BYTES_MAX)
            except zlib.error:
                return NoAnswer("broken")
            if inflate.unconsumed_tail:
                return NoAnswer("too_long")
        return Answer(self._status, self._headers, body)

    def _finish(self, outcome: Answer | NoAnswer) -> None:
        done, self._done = self._done, None
        self._timer.cancel()
        self._wire.close()
        if done is not None:
            done(outcome)
