"""Twilio's end of the WebSocket under a Media Stream: the upgrade, pings, and how it closes.

Owns RFC 6455 manners as Twilio has them. Knows no message of the stream.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal, Protocol
from urllib.parse import urlsplit

from simulator.phone.http import PROXY_HEADERS, Connect
from simulator.timeline import Timeline
from simulator.trace import Trace
from simulator.websocket import (
    CLOSE,
    PONG,
    Binary,
    ClientConnection,
    Close,
    HandshakeDone,
    Message,
    Ping,
    Text,
    Violation,
    close_data,
)

HANDSHAKE_TIMEOUT_MS = 10_000.0
CLOSE_TIMEOUT_MS = 2_000.0
ABNORMAL = 1006  # RFC 6455 7.1.5: no close frame was seen

EndedBy = Literal["bridge", "network", "refused", "phone"]


class Listener(Protocol):
    """What a socket tells its stream."""

    def opened(self) -> None:
        """The bridge answered 101."""
        ...

    def text(self, data: bytes) -> None:
        """A text message."""
        ...

    def binary(self) -> None:
        """A binary message, which Twilio does not take."""
        ...

    def problem(self, code: int, text: str) -> None:
        """Something for the debugger."""
        ...

    def over(self, by: EndedBy) -> None:
        """The socket is of no more use, and not by our `close`. Called at most once."""
        ...


class StreamSocket:
    """One connection: opening, open, closing, over."""

    def __init__(
        self,
        listener: Listener,
        *,
        timeline: Timeline,
        trace: Trace,
        rng: random.Random,
        connect: Connect,
    ) -> None:
        self._listener = listener
        self._timeline = timeline
        self._trace = trace
        self._frames = ClientConnection(rng)
        self._state: Literal["opening", "open", "closing", "over"] = "opening"
        self._timer = timeline.after(HANDSHAKE_TIMEOUT_MS, self._no_answer)
        self._wire = connect(self)

    def request(self, url: str, signature: Mapping[str, str]) -> None:
        """Send the upgrade request for `url`."""
        # fidelity: observed twilio.md 1.1 - headers; no subprotocol, extension, origin or cookie
        parts = urlsplit(url)
        path = parts.path or "/"
        headers = {"user-agent": "Twilio.TmeWs/1.0", **signature, **PROXY_HEADERS}
        headers["x-forwarded-host"] = parts.netloc
        self._trace.record("twilio", "connecting", path=path)
        self._wire.send(self._frames.request(parts.netloc, path, tuple(headers.items())))

    @property
    def unread(self) -> int:
        """Bytes the bridge has not taken yet."""
        return self._wire.unread

    def send(self, data: bytes) -> None:
        """Send a text message."""
        self._wire.send(self._frames.text(data))

    def close(self, code: int) -> None:
        """Close from our side. 1006 resets the connection without a close frame."""
        if self._state == "open" and code != ABNORMAL:
            self._wire.send(self._frames.control(CLOSE, close_data(code)))
            self._become("closing")
            self._timer = self._timeline.after(CLOSE_TIMEOUT_MS, self._finish)
        elif self._state == "open":
            self._become("over")
            self._wire.abort()
        elif self._state == "opening":
            code = ABNORMAL
            self._become("over")
            self._wire.close()
        else:
            return
        self._trace.record("twilio", "closed", by="phone", code=code)

    # -- Peer ------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the bridge."""
        for message in self._frames.feed(data):
            if self._state == "over":
                return
            if self._state == "closing":
                if isinstance(message, (Close, Violation)):
                    self._finish()
            else:
                self._take(message)

    def closed(self, why: str) -> None:
        """The connection is gone."""
        if self._state == "closing":
            self._finish()
        elif self._state == "opening":
            # fidelity: documented twilio.md 1.4 - 31902 refused
            self._listener.problem(31902, "Stream - WebSocket - Connection Refused")
            self._refused(0)
        elif self._state == "open":
            # fidelity: documented twilio.md 1.4, 1.5 - 31903; no reconnection
            self._listener.problem(31903, "Stream - WebSocket - Connection Broken Pipe")
            self._lost("bridge" if why == "eof" else "network", ABNORMAL)

    # -- inside ----------------------------------------------------------------

    def _take(self, message: Message) -> None:
        if isinstance(message, Text):
            self._listener.text(message.data)
        elif isinstance(message, Ping):
            # fidelity: inferred twilio.md 1.5 - pings are answered at once, as RFC 6455 asks
            self._wire.send(self._frames.control(PONG, message.data))
        elif isinstance(message, Binary):
            self._listener.binary()
        elif isinstance(message, HandshakeDone):
            self._handshake(message)
        elif isinstance(message, Close):
            # fidelity: documented twilio.md 1.4, 1.5 - 31921, logged even for a deliberate close
            self._listener.problem(31921, "Stream - WebSocket - Close Error: closed by the server")
            code = 1000 if message.code == 1005 else message.code
            self._wire.send(self._frames.control(CLOSE, close_data(code)))
            self._wire.close()
            self._lost("bridge", message.code)
        elif isinstance(message, Violation):
            self._violated(message)

    def _handshake(self, done: HandshakeDone) -> None:
        self._timer.cancel()
        unasked = {"sec-websocket-protocol", "sec-websocket-extensions"} & done.headers.keys()
        if done.status == 101 and not unasked:
            self._state = "open"
            self._trace.record("twilio", "connected")
            self._listener.opened()
            return
        # fidelity: documented twilio.md 1.1, 1.4 - 31920 for any status but 101
        text = (
            f"status {done.status}"
            if done.status != 101
            else f"unasked {', '.join(sorted(unasked))}"
        )
        self._listener.problem(31920, f"Stream - WebSocket - Handshake Error: {text}")
        self._wire.close()
        self._refused(done.status)

    def _violated(self, violation: Violation) -> None:
        if self._state == "opening":
            self._listener.problem(31920, f"Stream - WebSocket - Handshake Error: {violation.why}")
            self._wire.close()
            self._refused(0)
            return
        # fidelity: documented twilio.md 1.4 - 31924 ends the stream
        self._listener.problem(31924, f"Stream - WebSocket - Protocol Error: {violation.why}")
        self._wire.send(self._frames.control(CLOSE, close_data(violation.code)))
        self._wire.close()
        self._lost("bridge", violation.code)

    def _no_answer(self) -> None:
        # fidelity: inferred twilio.md 1.1 - 31901 after ten seconds without an answer
        self._listener.problem(31901, "Stream - WebSocket - Connection Timeout")
        self._wire.close()
        self._refused(0)

    def _refused(self, status: int) -> None:
        self._become("over")
        self._trace.record("twilio", "refused", status=status)
        self._listener.over("refused")

    def _lost(self, by: EndedBy, code: int) -> None:
        self._become("over")
        self._trace.record("twilio", "closed", by=by, code=code)
        self._listener.over(by)

    def _finish(self) -> None:
        self._become("over")
        self._wire.close()

    def _become(self, state: Literal["closing", "over"]) -> None:
        self._timer.cancel()
        self._state = state
