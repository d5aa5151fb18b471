"""One WebSocket connection of the fake GPT-Live: handshake, frames, closes, stalls and breaks.

Owns the connection's life. What is said over it is `session`'s. A connection is one session.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from simulator.gpt_live.admission import refused_at_the_door
from simulator.gpt_live.rooms import Rooms
from simulator.gpt_live.session import Session
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

# fidelity: inferred gpt-live.md 1 - pings as the Realtime API sends them
PING_MS: Final = 20_260.0
PING_BYTES: Final = 4
CLOSE_PATIENCE_MS: Final = 10_000.0
"""How long a client may take to answer a close frame."""

Values = dict[str, Any]


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


class Connection:
    """A `Peer`: one client and its session."""

    def __init__(self, endpoint: Endpoint, wire: Wire, number: int) -> None:
        self._endpoint = endpoint
        self._setup = endpoint.setup.at_attempt(number)
        self._wire = wire
        self._number = number
        self._frames = ServerConnection()
        self._alarms = Alarms(endpoint.timing)
        self._ids = Ids(endpoint.rng)
        self._session: Session | None = None
        self._early: list[Message] = []
        self._held: list[Callable[[], None]] = []
        self._stalled = False
        self._closing = False
        self.over = False

    # -- from the network -----------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self.over:
            return
        for message in self._frames.feed(data):
            if self._session is None and not isinstance(message, HandshakeRequest | Violation):
                self._early.append(message)
            else:
                self._take(message)

    def closed(self, why: str) -> None:
        """The client is gone without a close frame: `eof` or `reset`."""
        self._end("bridge" if why == "eof" else "network", 1006)

    def _take(self, message: Message) -> None:
        match message:
            case Text(data):
                self._hear(data)
            case HandshakeRequest():
                self._alarms.after(self._setup.connect_delay_ms, partial(self._upgrade, message))
            case Binary():
                self._refuse_binary()
            case Ping(data):
                self._send(partial(self._frames.control, PONG, data))
            case Close(code, reason):
                self._client_closes(code, reason)
            case Violation(code, why):
                self._note("violation", {"code": "websocket", "message": why})
                self._close(code, why)
            case Pong() | HandshakeDone():
                pass

    def _hear(self, event: bytes) -> None:
        if self._session is not None and not self._closing:
            self._session.hear(event)

    def _refuse_binary(self) -> None:
        if self._session is not None and not self._closing:
            self._session.refuse(errors.binary_frame(), None)

    def _client_closes(self, code: int, reason: str) -> None:
        if not self._closing and not self._stalled:
            echo = close_data(code, reason) if code != 1005 else b""
            self._wire.send(self._frames.control(CLOSE, echo))
        if not self._stalled:
            self._wire.close()
        self._end("bridge", code)

    # -- the upgrade --------------------------------------------------------------------

    def _upgrade(self, request: HandshakeRequest) -> None:
        refused = refused_at_the_door(request, self._setup)
        if refused is not None:
            self._turn_away(refused)
            return
        self._wire.send(self._frames.accept(()))
        self._note("upgraded", {"path": request.path})
        self._alarms.after(PING_MS, self._ping)
        limit_ms = self._setup.session_limit_ms
        # fidelity: documented gpt-live.md 3 [knob: model.session_limit] - a session expires, and
        #   says so
        self._alarms.after(limit_ms, self._expire)
        self._session = Session(self._rooms(), self._alarms.date_s + limit_ms / 1000)
        early, self._early = self._early, []
        for message in early:
            self._take(message)

    def _rooms(self) -> Rooms:
        endpoint = self._endpoint
        return Rooms(
            setup=self._setup,
            script=endpoint.script,
            alarms=self._alarms,
            ids=self._ids,
            clips=endpoint.clips,
            words_heard=endpoint.words_heard,
            note=self._note,
            send=self._tell,
            close=partial(self._close, reason=""),
            drop=self.drop,
            stall=partial(self.stall, float("inf")),
        )

    def _turn_away(self, verdict: TurnedAway) -> None:
        phrase = HTTPStatus(verdict.status).phrase
        body = msgspec.json.encode({"error": {"message": phrase, "type": errors.INVALID_REQUEST}})
        headers = (("content-type", "application/json"),)
        self._wire.send(self._frames.refuse(verdict.status, phrase, body, headers))
        self._wire.close()
        self._note("refused", {"status": verdict.status})
        self._end("server", verdict.status)

    # -- to the client ------------------------------------------------------------------

    def _tell(self, kind: str, /, *, note: Mapping[str, Any] | None = None, **fields: Any) -> None:
        """Send an event; `note` is what the trace has of it, else its plain fields."""
        plain = {name: value for name, value in fields.items() if isinstance(value, str | int)}
        traced = {"type": kind, **plain} if note is None else dict(note)
        event = {"type": kind, **fields}
        # fidelity: documented gpt-live.md 3 - all events but audio have an event_id
        if kind != "session.output_audio.delta":
            event["event_id"] = self._ids.new("event")
        text = msgspec.json.encode(event)
        self._send(partial(self._frames.text, text), traced)

    def _send(self, frame: Callable[[], bytes], traced: Values | None = None) -> None:
        """Send a frame, or keep it while nothing may be sent."""
        if self._closing or self.over:
            return
        if self._stalled:
            self._held.append(partial(self._send, frame, traced))
            return
        self._wire.send(frame())
        if traced is not None:
            self._note("sent", traced)

    def _ping(self) -> None:
        data = self._endpoint.rng.randbytes(PING_BYTES)
        self._send(partial(self._frames.control, PING, data))
        self._alarms.after(PING_MS, self._ping)

    # -- ends -----------------------------------------------------------------------------

    def _expire(self) -> None:
        assert self._session is not None
        self._session.end("expired")

    def _close(self, code: int, reason: str) -> None:
        """Close orderly: the close frame now, the connection when it is answered."""
        if self._closing or self.over:
            return
        if self._stalled:
            self._held.append(partial(self._close, code, reason))
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

    # -- faults on cue ----------------------------------------------------------------------

    def stall(self, duration_ms: float) -> None:
        """Send nothing for so long; what the client says is still heard."""
        if self.over or self._stalled:
            return
        self._stalled = True
        self._note("stalled", {"duration_ms": duration_ms})
        if duration_ms != float("inf"):
            self._alarms.after(duration_ms, self._resume)

    def _resume(self) -> None:
        self._stalled = False
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
                self.stall(fault.duration_ms)
            case "close":
                self._close(fault.close_code, "")
            case "error":
                if self._session is not None:
                    self._session.refuse(errors.failure(fault.code), None)

    def _note(self, name: str, data: Values) -> None:
        self._endpoint.trace.record("realtime", name, connection=self._number, **data)
