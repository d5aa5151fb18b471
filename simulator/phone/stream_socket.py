"""Twilio's end of the WebSocket under a Media Stream: the upgrade, pings, and how it closes.

Owns RFC 6455 manners as Twilio has them. Knows no message of the stream.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from typing import Literal, Protocol
from urllib.parse import quote, urlsplit

from simulator.phone.http import TARGET_CHARACTERS, authority, proxy_headers
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
from simulator.wire import Connect, NoWire, Origin, Wire

HANDSHAKE_TIMEOUT_MS = 10_000.0
CLOSE_TIMEOUT_MS = 2_000.0
ABNORMAL = 1006  # RFC 6455 7.1.5: no close frame was seen

EndedBy = Literal["bridge", "network", "refused", "phone"]
Who = Literal["twilio", "tap"]
"""Under which name a stream is in the trace: the one both ways, or one which only listens."""

# fidelity: documented twilio.md 1.4 - 31901 no answer, 31902 refused, 31910 TLS
# fidelity: inferred twilio.md 1.4 - 31901 for a host that is not found
_NEVER_UP = {
    "refused": (31902, "Connection Refused: nothing listens at {0}. Check that the bridge runs"),
    "unresolved": (31901, "Connection Timeout: the host of {0} cannot be found. Check the URL"),
    "timeout": (31901, "Connection Timeout: {0} cannot be reached. Check the URL"),
    "tls": (31910, "SSL Protocol Error at {0}. Serve wss, with a certificate which all trust"),
}


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
        who: Who = "twilio",
    ) -> None:
        self._listener = listener
        self._timeline = timeline
        self._trace = trace
        self._connect = connect
        self._who = who
        self._frames = ClientConnection(rng)
        self._state: Literal["opening", "open", "closing", "over"] = "opening"
        self._wire: Wire = NoWire()
        self._timer = timeline.after(HANDSHAKE_TIMEOUT_MS, self._no_answer)
        self._address = ""
        self._sent_bytes = 0
        self._unread_frames: deque[int] = deque()  # where each ends, in bytes sent

    def request(self, url: str, signature: Mapping[str, str]) -> None:
        """Connect, and send the upgrade request for `url`."""
        # fidelity: observed twilio.md 1.1 - headers; no subprotocol, extension, origin or cookie
        host = authority(url)
        path = urlsplit(url).path or "/"
        self._address = f"wss://{host}{path}"
        headers = {"user-agent": "Twilio.TmeWs/1.0", **signature, **proxy_headers(url)}
        try:
            origin = Origin.of(url)
        except ValueError as error:
            what = f"Malformed URL: {url[:200]!r}: {error}"
            self._timeline.after(0.0, lambda: self._fail(31923, what))
            return
        self._wire = self._connect(origin, self)
        self._trace.record(self._who, "connecting", path=path)
        target = quote(path, safe=TARGET_CHARACTERS)
        self._write(self._frames.request(host, target, tuple(headers.items())))

    @property
    def unread_frames(self) -> int:
        """Frames of sound the bridge has not taken yet; no other message counts."""
        taken_bytes = self._sent_bytes - self._wire.unread
        frames = self._unread_frames
        while frames and frames[0] <= taken_bytes:
            frames.popleft()
        return len(frames)

    def send(self, data: bytes) -> None:
        """Send a text message."""
        self._write(self._frames.text(data))

    def send_sound(self, data: bytes) -> None:
        """Send a message that is a frame of sound."""
        self.send(data)
        self._unread_frames.append(self._sent_bytes)

    def close(self, code: int) -> None:
        """Close from our side. 1006 resets the connection without a close frame."""
        if self._state == "open" and code != ABNORMAL:
            self._write(self._frames.control(CLOSE, close_data(code)))
            self._become("closing")
            self._timer = self._timeline.after(CLOSE_TIMEOUT_MS, self._close_unanswered)
        elif self._state == "open":
            self._become("over")
            self._wire.abort()
        elif self._state == "opening":
            code = ABNORMAL
            self._become("over")
            self._wire.close()
        else:
            return
        self._trace.record(self._who, "closed", by="phone", code=code)

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
            self._never_opened(why)
        elif self._state == "open":
            # fidelity: documented twilio.md 1.4, 1.5 - 31903; no reconnection
            self._problem(
                31903,
                "Connection Broken Pipe: the connection ended without a close frame. Close a "
                "stream with a WebSocket close, and keep it open as long as the call needs it",
            )
            self._lost("bridge" if why == "eof" else "network", ABNORMAL)

    # -- inside ----------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self._sent_bytes += len(data)
        self._wire.send(data)

    def _take(self, message: Message) -> None:
        if isinstance(message, Text):
            self._listener.text(message.data)
        elif isinstance(message, Ping):
            # fidelity: inferred twilio.md 1.5 - pings are answered at once, as RFC 6455 asks
            self._write(self._frames.control(PONG, message.data))
        elif isinstance(message, Binary):
            self._listener.binary()
        elif isinstance(message, HandshakeDone):
            self._handshake(message)
        elif isinstance(message, Close):
            # fidelity: documented twilio.md 1.4, 1.5 - 31921, logged even for a deliberate close
            self._problem(
                31921,
                f"Close Error: the bridge closed the stream with code {message.code}. The call "
                "goes on with what follows <Connect>",
            )
            code = 1000 if message.code == 1005 else message.code
            self._write(self._frames.control(CLOSE, close_data(code)))
            self._wire.close()
            self._lost("bridge", message.code)
        elif isinstance(message, Violation):
            self._violated(message)

    def _handshake(self, done: HandshakeDone) -> None:
        self._timer.cancel()
        unasked = {"sec-websocket-protocol", "sec-websocket-extensions"} & done.headers.keys()
        if done.status == 101 and not unasked:
            self._state = "open"
            self._trace.record(self._who, "connected")
            self._listener.opened()
            return
        # fidelity: documented twilio.md 1.1, 1.4 - 31920 for any status but 101
        came = f"status {done.status}"
        if done.status == 101:
            came = f"the header {' and '.join(sorted(unasked))}, which nobody asked for,"
        self._fail(
            31920,
            f"Handshake Error: {came} came from {self._address}, and a plain 101 was expected. "
            "Accept the WebSocket at this path, without subprotocol or extension",
            done.status,
        )

    def _violated(self, violation: Violation) -> None:
        if self._state == "opening":
            self._fail(31920, f"Handshake Error: {violation.why}. A WebSocket 101 was expected")
            return
        # fidelity: documented twilio.md 1.4 - 31924 ends the stream
        self._problem(
            31924,
            f"Protocol Error: {violation.why}. Send whole text frames, and control frames of at "
            "most 125 bytes in one piece",
        )
        self._break(violation.code)

    def abandon(self, code: int, text: str) -> None:
        """What the bridge did is an error that ends the stream."""
        if self._state == "open":
            self._problem(code, text)
            self._break(1002)

    def _break(self, code: int) -> None:
        self._write(self._frames.control(CLOSE, close_data(code)))
        self._wire.close()
        self._lost("bridge", code)

    def _no_answer(self) -> None:
        # fidelity: inferred twilio.md 1.1 - 31901 after ten seconds without an answer
        self._fail(
            31901,
            f"Connection Timeout: {self._address} gave no answer to the upgrade within "
            f"{HANDSHAKE_TIMEOUT_MS / 1000:g} s. Answer it with 101 at once",
        )

    def _never_opened(self, why: str) -> None:
        # fidelity: inferred twilio.md 1.4 - 31920 for a connection closed instead of answered
        unanswered = (
            "Handshake Error: {0} closed the connection instead of answering the upgrade. "
            "Answer it with 101"
        )
        known = "tls" if why.startswith("tls") else why
        code, text = _NEVER_UP.get(known, (31920, unanswered))
        self._fail(code, text.format(self._address))

    def _fail(self, code: int, text: str, status: int = 0) -> None:
        """The stream does not come up."""
        if self._state != "opening":
            return
        self._problem(code, text)
        self._wire.close()
        self._become("over")
        self._trace.record(self._who, "refused", status=status)
        self._listener.over("refused")

    def _problem(self, code: int, text: str) -> None:
        self._listener.problem(code, f"Stream - WebSocket - {text}")

    def _lost(self, by: EndedBy, code: int) -> None:
        self._become("over")
        self._trace.record(self._who, "closed", by=by, code=code)
        self._listener.over(by)

    def _close_unanswered(self) -> None:
        # fidelity: inferred twilio.md 1.2 - a close is waited for two seconds, and has no code
        self._trace.record(self._who, "close_unanswered", after_ms=CLOSE_TIMEOUT_MS)
        self._finish()

    def _finish(self) -> None:
        self._become("over")
        self._wire.close()

    def _become(self, state: Literal["closing", "over"]) -> None:
        self._timer.cancel()
        self._state = state
