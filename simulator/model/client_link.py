"""A client of a fake endpoint: WebSocket frames, pings, closes, stalls and breaks.

Owns the connection's life, as far as it is the same whatever is said over it. The handshake's
verdict and the session are the derived connection's. A connection is one session.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import msgspec

from simulator.model import errors
from simulator.model.admission import TurnedAway
from simulator.model.outlet import Ids
from simulator.model.script import Script
from simulator.model.timing import Alarms, Timing
from simulator.scenario.format import ModelFault, ModelSetup
from simulator.sound import Clip
from simulator.trace import Trace
from simulator.websocket import (
    CLOSE,
    PING,
    PONG,
    Binary,
    Close,
    HandshakeDone,
    HandshakeRequest,
    Message,
    Ping,
    Pong,
    ServerConnection,
    Text,
    Violation,
    close_data,
)
from simulator.wire import Wire

# fidelity: observed realtime.md 1 - a ping of four bytes every 20.26 s
# fidelity: inferred gpt-live.md 1 - pings as the Realtime API sends them
PING_MS: Final = 20_260.0
PING_BYTES: Final = 4
CLOSE_PATIENCE_MS: Final = 10_000.0
"""How long a client may take to answer a close frame."""
GARBLED: Final = b'{"type":"response.output_audio.delta","delta":'
"""An event that breaks off."""


@dataclass(slots=True)
class Endpoint:
    """What all connections of one fake share."""

    setup: ModelSetup
    timing: Timing
    trace: Trace
    rng: Random
    clips: Callable[[Path], Clip]
    script: Script
    words_heard: Callable[[], str]


class ClientLink(ABC):
    """A `Peer`: one client, without what it talks about."""

    def __init__(self, endpoint: Endpoint, wire: Wire, number: int) -> None:
        self.over = False
        self._endpoint = endpoint
        self._setup = endpoint.setup.at_attempt(number)
        self._wire = wire
        self._number = number
        self._frames = ServerConnection()
        self._alarms = Alarms(endpoint.timing)
        self._ids = Ids(endpoint.rng)
        self._upgraded = False
        self._early: list[Message] = []
        self._stalled: Literal["model", "server"] | None = None
        self._held: list[Callable[[], None]] = []
        self._closing = False

    # -- what is said over it -----------------------------------------------------------------

    @abstractmethod
    def _upgrade(self, request: HandshakeRequest) -> None:
        """Answer the handshake."""

    @abstractmethod
    def _hear(self, event: bytes) -> None:
        """Take a text message, while neither side has closed."""

    @abstractmethod
    def _refuse_binary(self) -> None:
        """Answer a binary message, while neither side has closed."""

    @abstractmethod
    def _fail(self, code: str) -> None:
        """Send an error of the server's own."""

    # -- from the network ---------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self.over:
            return
        for message in self._frames.feed(data):
            if self._upgraded or isinstance(message, HandshakeRequest | Violation):
                self._take(message)
            else:
                self._early.append(message)

    def closed(self, why: str) -> None:
        """The client is gone without a close frame: `eof` or `reset`."""
        # A client whose task was cancelled drops the connection: that is its own doing as well.
        self._end("bridge" if why == "eof" else "network", 1006)

    def _take(self, message: Message) -> None:
        match message:
            case Text(data):
                if not (self._closing or self.over):
                    self._hear(data)
            case HandshakeRequest():
                self._after(self._setup.connect_delay_ms, partial(self._upgrade, message))
            case Binary():
                if not (self._closing or self.over):
                    self._refuse_binary()
            case Ping(data):
                self._send_control(PONG, data)
            case Close(code, reason):
                self._client_closes(code, reason)
            case Violation(code, why):
                self._note("violation", {"code": "websocket", "message": why})
                self.close(code, why)
            case Pong() | HandshakeDone():
                pass

    def _take_early(self) -> None:
        """Take what came before it could be taken."""
        early, self._early = self._early, []
        for message in early:
            self._take(message)

    def _client_closes(self, code: int, reason: str) -> None:
        if not self._closing and not self._stalled:
            echo = close_data(code, reason) if code != 1005 else b""
            self._wire.send(self._frames.control(CLOSE, echo))
        if not self._stalled:
            self._wire.close()
        self._end("bridge", code)

    # -- the upgrade --------------------------------------------------------------------------

    def _accept(self, request: HandshakeRequest, headers: Sequence[tuple[str, str]] = ()) -> None:
        self._wire.send(self._frames.accept(headers))
        self._upgraded = True
        self._note("upgraded", {"path": request.path})

    def _turn_away(self, verdict: TurnedAway) -> None:
        phrase = HTTPStatus(verdict.status).phrase
        body = msgspec.json.encode({"error": {"message": phrase, "type": errors.INVALID_REQUEST}})
        headers = (("content-type", "application/json"),)
        self._wire.send(self._frames.refuse(verdict.status, phrase, body, headers))
        self._wire.close()
        self._note("refused", {"status": verdict.status})
        self._end("server", verdict.status)

    def _after(self, delay_ms: float, do: Callable[[], None]) -> None:
        if delay_ms > 0:
            self._alarms.after(delay_ms, do)
        else:
            do()

    # -- to the client ------------------------------------------------------------------------

    def _send(self, frame: Callable[[], bytes], traced: dict[str, Any] | None = None) -> None:
        """Send a frame, or keep it while nothing may be sent."""
        if self._closing or self.over:
            return
        if self._stalled:
            self._held.append(partial(self._send, frame, traced))
            return
        self._wire.send(frame())
        if traced is not None:
            self._note("sent", traced)

    def _send_control(self, opcode: int, data: bytes) -> None:
        frame = partial(self._frames.control, opcode, data)
        # fidelity: inferred realtime.md 1 - a model that hangs leaves its server answering pings
        if self._stalled == "model" and not (self._closing or self.over):
            self._wire.send(frame())
        else:
            self._send(frame)

    def _ping_later(self) -> None:
        self._alarms.after(PING_MS, self._ping)

    def _ping(self) -> None:
        data = self._endpoint.rng.randbytes(PING_BYTES)
        self._send_control(PING, data)
        self._ping_later()

    # -- ends ---------------------------------------------------------------------------------

    def close(self, code: int, reason: str = "") -> None:
        """Close orderly: the close frame now, the connection when it is answered."""
        if self._closing or self.over:
            return
        if self._stalled:
            self._held.append(partial(self.close, code, reason))
            return
        self._wire.send(self._frames.control(CLOSE, close_data(code, reason)))
        self._closing = True
        self._note("closed", {"by": "server", "code": code})
        self._alarms.after(CLOSE_PATIENCE_MS, self._hang_up)

    def _hang_up(self) -> None:
        self._wire.close()
        self._end("server", 1006)

    def drop(self) -> None:
        """Reset the connection without a word."""
        if not self.over:
            self._wire.abort()
            self._end("network", 1006)

    def _end(self, by: str, code: int) -> None:
        if self.over:
            return
        self.over = True
        self._alarms.stopped = True
        if not self._closing:
            self._note("closed", {"by": by, "code": code})

    # -- faults on cue ------------------------------------------------------------------------

    def stall(self) -> None:
        """The model hangs: nothing more is said, on a connection that lives."""
        self._stall("model", float("inf"))

    def _stall(self, who: Literal["model", "server"], duration_ms: float) -> None:
        """Send nothing for so long; what the client says is still heard."""
        if self.over or self._stalled:
            return
        self._stalled = who
        self._note("stalled", {"duration_ms": duration_ms})
        if duration_ms != float("inf"):
            self._alarms.after(duration_ms, self._resume)

    def _resume(self) -> None:
        self._stalled = None
        held, self._held = self._held, []
        for send in held:
            send()

    def inject(self, fault: ModelFault) -> None:
        """Bring on one of the scenario's faults now, if it is meant for this connection."""
        if fault.session not in {0, self._number}:
            return
        match fault.kind:
            case "drop":
                self.drop()
            case "stall":
                self._stall("server", fault.duration_ms)
            case "close":
                self.close(fault.close_code)
            case "error":
                self._fail(fault.code)
            case "garbled":
                self._note("garbled", {"count": fault.count})
                for _ in range(fault.count):
                    self._send(partial(self._frames.text, GARBLED))

    def _note(self, name: str, data: dict[str, Any]) -> None:
        self._endpoint.trace.record("realtime", name, connection=self._number, **data)
