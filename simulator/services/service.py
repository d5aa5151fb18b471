"""One host that HTTP tools ask: reads requests, checks their papers, gives the scripted answers.

Owns the bytes of HTTP (through h11), the order of the answers, and whether a request is signed as
docs/tools.md promises. What was asked is told without query and body: they hold what callers said.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

import h11

from simulator.scenario.served import ServiceAnswer, ServiceSetup
from simulator.timeline import Timeline, Timer
from simulator.trace import Trace
from simulator.wire import Wire

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 64 * 1024
CHUNK_BYTES = 4 * 1024
CLOCK_S_MAX = 300.0
"""How far a request's time may lie beside ours."""
UNAUTHORIZED = ServiceAnswer(status=401, content_type="text/plain", body=b"not signed")


class FakeService:
    """One host. `secret`: what requests are signed with; None = they are not."""

    def __init__(
        self, host: str, setup: ServiceSetup, timeline: Timeline, trace: Trace, secret: str | None
    ) -> None:
        self.host = host
        self.timeline = timeline
        self.trace = trace
        self._answers = list(setup.answers)
        self._secret = secret

    def accept(self, wire: Wire) -> ServiceConnection:
        """Serve a new connection."""
        return ServiceConnection(wire, self)

    def answer_to(self, request: h11.Request, body: bytes) -> ServiceAnswer:
        """The next answer; a request whose papers are wrong gets 401, and uses none up."""
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        target = request.target.decode("ascii", "replace")
        method = request.method.decode("ascii")
        signed = self._signed(method, target, headers, body)
        self.trace.record(
            "service",
            "request",
            host=self.host,
            method=method,
            path=urlsplit(target).path,
            signed=signed,
            idempotent=bool(headers.get("idempotency-key")),
            body_bytes=len(body),
        )
        if signed == "wrong":
            return UNAUTHORIZED
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def _signed(self, method: str, target: str, headers: dict[str, str], body: bytes) -> str:
        """`yes`, `no` (and nobody asked for it), or `wrong`."""
        given = headers.get("callbridge-signature", "")
        timestamp = headers.get("callbridge-timestamp", "")
        if self._secret is None:
            return "wrong" if given or timestamp else "no"
        try:
            late_s = abs(float(timestamp) - self.timeline.date.timestamp())
        except ValueError:
            return "wrong"
        head = f"{method}\n{target}\n{timestamp}\n".encode()
        wanted = hmac.new(self._secret.encode(), head + body, hashlib.sha256).hexdigest()
        right = hmac.compare_digest(given.encode(), f"v1={wanted}".encode())
        return "yes" if right and late_s <= CLOCK_S_MAX else "wrong"


class ServiceConnection:
    """One connection; one request after the other."""

    def __init__(self, wire: Wire, service: FakeService) -> None:
        self._wire = wire
        self._service = service
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._timer: Timer | None = None
        self._over = False

    # -- Peer ------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes of requests."""
        if not self._over:
            self._http.receive_data(data)
            self._read()

    def closed(self, why: str) -> None:
        """The tool is gone; what it waited for is forgotten."""
        if not self._over and self._request is not None:
            self._service.trace.record("service", "given_up", host=self._service.host, by=why)
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    # -- inside ----------------------------------------------------------------

    def _read(self) -> None:
        try:
            event = self._http.next_event()
            while event is not h11.NEED_DATA and event is not h11.PAUSED:
                self._take(event)
                event = self._http.next_event()
        except h11.RemoteProtocolError as problem:
            self._service.trace.record(
                "service", "violation", host=self._service.host, text=str(problem)
            )
            self._end(self._wire.abort)

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._request = event
            self._body.clear()
        elif isinstance(event, h11.Data):
            self._body += event.data
        elif isinstance(event, h11.EndOfMessage) and self._request is not None:
            answer = self._service.answer_to(self._request, bytes(self._body[:BODY_BYTES_MAX]))
            if answer.kind != "never":
                self._timer = self._service.timeline.after(
                    answer.after_ms, lambda: self._give(answer)
                )

    def _give(self, answer: ServiceAnswer) -> None:
        service = self._service
        if answer.kind == "drop":
            service.trace.record("service", "dropped", host=service.host)
            self._end(self._wire.abort)
            return
        service.trace.record("service", "answered", host=service.host, status=answer.status)
        headers = [("connection", "close")]
        if answer.location:
            headers.append(("location", answer.location))
        if answer.content_type:
            headers.append(("content-type", answer.content_type))
        if not answer.size_bytes:
            headers.append(("content-length", str(len(answer.body))))
        self._send(h11.Response(status_code=answer.status, headers=headers))
        for piece in _pieces(answer):
            self._send(h11.Data(data=piece))
        self._send(h11.EndOfMessage())
        self._end(self._wire.close)

    def _send(self, event: h11.Event) -> None:
        self._wire.send(self._http.send(event) or b"")

    def _end(self, how: Callable[[], None]) -> None:
        self._over = True
        how()


def _pieces(answer: ServiceAnswer) -> list[bytes]:
    if not answer.size_bytes:
        return [answer.body] if answer.body else []
    whole, rest = divmod(answer.size_bytes, CHUNK_BYTES)
    return [b"x" * CHUNK_BYTES] * whole + ([b"x" * rest] if rest else [])
