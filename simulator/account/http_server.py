"""An HTTP/1.1 server over `Wire`s, in front of the account: real clients talk to it.

Owns the bytes of HTTP (through h11), their limits and time-outs. Knows no route and no socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

import h11

from simulator.account.errors import RefusedError
from simulator.account.request import Answer, Ask, basic_auth, form_of
from simulator.timeline import Timeline
from simulator.wire import Wire

HEAD_BYTES_MAX = 16 * 1024
BODY_BYTES_MAX = 64 * 1024
"""Ten times the largest request to create a call."""
REQUEST_MS = 15_000.0
"""From a request's first byte to its last."""
IDLE_MS = 60_000.0
"""How long a connection is kept without a request."""
ANSWER_MS = 120_000.0
"""How long a client may wait for an answer that never comes."""
CONNECTIONS_MAX = 1000
FORM_TYPE = "application/x-www-form-urlencoded"


class HttpServer:
    """Takes connections and hands their requests to `ask`."""

    def __init__(self, ask: Ask, timeline: Timeline) -> None:
        self.ask = ask
        self.timeline = timeline
        self.open: set[HttpConnection] = set()

    def accept(self, wire: Wire) -> HttpConnection:
        """Serve a new connection; one too many is reset with its first byte."""
        connection = HttpConnection(wire, self)
        if len(self.open) >= CONNECTIONS_MAX:
            self.timeline.after(0.0, connection.abort)
        self.open.add(connection)
        return connection


class HttpConnection:
    """One connection: requests one after the other, each answered before the next is read."""

    def __init__(self, wire: Wire, server: HttpServer) -> None:
        self._wire = wire
        self._server = server
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._asked = 0
        self._over = False
        self._half_closed = False
        self._begun = False
        self._timer = server.timeline.after(IDLE_MS, self._close)

    # -- Peer ------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes of requests."""
        if self._over:
            return
        if not self._begun:
            self._begun = True
            self._wait(REQUEST_MS, self._too_slow)
        self._http.receive_data(data)
        self._read()
        if len(self._http.trailing_data[0]) > BODY_BYTES_MAX:
            self.abort()  # far more than was asked for, while an answer is due

    def closed(self, why: str) -> None:
        """The client is gone, or has said all it will; an answer that is due still goes out."""
        if self._over:
            return
        self._half_closed = True
        if why != "eof" or self._http.their_state is not h11.DONE:
            self._close()

    def abort(self) -> None:
        """Reset the connection."""
        if not self._over:
            self._end()
            self._wire.abort()

    # -- reading -----------------------------------------------------------------

    def _read(self) -> None:
        try:
            while not self._over:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take(event)
        except h11.RemoteProtocolError as problem:
            self._refuse(problem.error_status_hint, "Not a usable HTTP/1.1 request")

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._request = event
            self._body.clear()
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
        elif isinstance(event, h11.Data):
            self._body += event.data
            if len(self._body) > BODY_BYTES_MAX:
                self._refuse(413, "The request is too large")
        elif isinstance(event, h11.EndOfMessage):
            if self._request is not None and self._request.method == b"CONNECT":
                self._refuse(405, "This is no proxy")
            else:
                self._dispatch()
        elif isinstance(event, h11.ConnectionClosed):
            self._close()

    def _dispatch(self) -> None:
        request = self._request
        assert request is not None
        self._asked += 1
        asked = self._asked
        self._wait(ANSWER_MS, self.abort)
        headers = {name.decode(): value.decode("latin-1") for name, value in request.headers}
        target = request.target.decode("ascii", "replace")
        try:
            url = target if target.startswith("http") else f"http://-{target}"
            urlsplit(url)
            is_form = headers.get("content-type", "").lower().startswith(FORM_TYPE)
            form = form_of(bytes(self._body)) if is_form else {}
        except ValueError:
            self._refuse(400, "The URL or the form cannot be read")
            return
        auth = basic_auth(headers.get("authorization", ""))
        method = request.method.decode("ascii")
        self._server.ask(method, url, form, auth, lambda answer: self._reply(asked, answer))

    # -- answering -----------------------------------------------------------------

    def _reply(self, asked: int, answer: Answer) -> None:
        """Answer the request of that number once, unless its client is gone."""
        if self._over or asked != self._asked:
            return
        self._asked += 1
        self._respond(*answer)
        if self._http.our_state is h11.MUST_CLOSE or self._half_closed:
            self._close()
            return
        self._http.start_next_cycle()
        self._begun = bool(self._http.trailing_data[0])
        if self._begun:
            self._wait(REQUEST_MS, self._too_slow)
        else:
            self._wait(IDLE_MS, self._close)
        self._server.timeline.after(0.0, self._read)  # what was sent meanwhile, not in this stack

    def _respond(self, status: int, headers: dict[str, str], body: bytes) -> None:
        fields = list(headers.items())
        if status != 204:
            fields.append(("content-length", str(len(body))))
        self._send(h11.Response(status_code=status, headers=fields))
        if body and not (self._request and self._request.method == b"HEAD"):
            self._send(h11.Data(data=body))
        self._send(h11.EndOfMessage())

    def _refuse(self, status: int, text: str) -> None:
        """Answer what could not be read, and close."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            _, body = RefusedError(20001, text, status=status).answer("")
            headers = {"content-type": "application/json", "connection": "close"}
            self._respond(status, headers, json.dumps(body).encode())
        self._close()

    def _too_slow(self) -> None:
        self._refuse(408, "The request took too long")

    def _send(self, event: h11.Event) -> None:
        self._wire.send(self._http.send(event) or b"")

    # -- the end -------------------------------------------------------------------

    def _wait(self, limit_ms: float, then: Callable[[], None]) -> None:
        self._timer.cancel()
        self._timer = self._server.timeline.after(limit_ms, then)

    def _close(self) -> None:
        if not self._over:
            self._end()
            self._wire.close()

    def _end(self) -> None:
        self._over = True
        self._timer.cancel()
        self._server.open.discard(self)
