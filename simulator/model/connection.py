"""One WebSocket connection of the fake: handshake, frames, pings, closes, stalls and breaks.

Owns the connection's life. What is said over it is `session`'s. A connection is one session.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from simulator.model import errors
from simulator.model.admission import Admitted, Rejected, TurnedAway, admit, agreed
from simulator.model.beta import Beta, Border
from simulator.model.configuration import Configuration
from simulator.model.conversation import Conversation
from simulator.model.mcp import McpServers
from simulator.model.outlet import Ids, Outlet
from simulator.model.responder import Cut
from simulator.model.script import Script
from simulator.model.session import Session
from simulator.model.stage import Studio
from simulator.model.timing import Alarms, Timing
from simulator.model.usage import Meter
from simulator.model.xai import Xai
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
PING_MS: Final = 20_260.0
PING_BYTES: Final = 4
CLOSE_PATIENCE_MS: Final = 10_000.0
"""How long a client may take to answer a close frame."""

# fidelity: observed realtime.md 1 - the headers of the 101
UPGRADE_HEADERS: Final = (("server", "cloudflare"), ("x-openai-proxy-wasm", "v0.1"))


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
        self._beta = border(self._setup.dialect)
        translate = None if self._beta is None else self._beta.outward
        self._outlet = Outlet(self._ids, self._deliver, translate)
        self._session: Session | None = None
        self._upgraded = False
        self._early: list[Message] = []
        self._stalled = False
        self._held: list[Callable[[], None]] = []
        self._closing = False
        self.over = False

    # -- from the network -----------------------------------------------------

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
                self._hear(data)
            case HandshakeRequest():
                self._after(self._setup.connect_delay_ms, partial(self._upgrade, message))
            case Binary():
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

    def _hear(self, event: bytes) -> None:
        if self._closing or self.over:
            return
        if self._session is None:
            self._early.append(Text(event))
        else:
            self._session.hear(event)

    def _refuse_binary(self) -> None:
        # fidelity: observed realtime.md 1 - a binary message is answered with invalid_event
        if self._session is not None and not self._closing:
            self._session.refuse(errors.binary_frame())

    def _client_closes(self, code: int, reason: str) -> None:
        if not self._closing and not self._stalled:
            echo = close_data(code, reason) if code != 1005 else b""
            self._wire.send(self._frames.control(CLOSE, echo))
        if not self._stalled:
            self._wire.close()
        self._end("bridge", code)

    # -- the upgrade ----------------------------------------------------------

    def _upgrade(self, request: HandshakeRequest) -> None:
        verdict = admit(request, self._setup)
        if isinstance(verdict, TurnedAway):
            self._turn_away(verdict)
            return
        self._wire.send(self._frames.accept((*UPGRADE_HEADERS, *agreed(request))))
        self._upgraded = True
        self._note("upgraded", {"path": request.path})
        if isinstance(verdict, Rejected):
            # fidelity: observed realtime.md 1 - a refusal's error and close come in the same
            #   millisecond
            self._outlet.send_error(verdict.problem)
            self.close(verdict.close_code, verdict.reason)
            return
        self._ping_later()
        self._alarms.after(self._setup.session_limit_ms, self._expire)
        # fidelity: observed realtime.md 1 [knob: model.ready_delay] - session.created right after
        #   the 101 (3-6 ms in a capture)
        self._after(self._setup.ready_delay_ms, partial(self._open, verdict))

    def _after(self, delay_ms: float, do: Callable[[], None]) -> None:
        if delay_ms > 0:
            self._alarms.after(delay_ms, do)
        else:
            do()

    def _turn_away(self, verdict: TurnedAway) -> None:
        phrase = HTTPStatus(verdict.status).phrase
        body = msgspec.json.encode({"error": {"message": phrase, "type": errors.INVALID_REQUEST}})
        headers = (("content-type", "application/json"),)
        self._wire.send(self._frames.refuse(verdict.status, phrase, body, headers))
        self._wire.close()
        self._note("refused", {"status": verdict.status})
        self._end("server", verdict.status)

    def _open(self, admitted: Admitted) -> None:
        endpoint, setup = self._endpoint, self._setup
        expires_at_s = round(self._alarms.date_s + setup.session_limit_ms / 1000)
        configuration = Configuration(
            admitted.model,
            self._ids.new("sess"),
            expires_at_s,
            only_transcribes=admitted.only_transcribes,
        )
        conversation = Conversation(self._ids.new("conv"))
        studio = Studio(
            outlet=self._outlet,
            ids=self._ids,
            alarms=self._alarms,
            configuration=configuration,
            conversation=conversation,
            meter=Meter(admitted.model),
            mcp=McpServers(
                setup,
                outlet=self._outlet,
                ids=self._ids,
                alarms=self._alarms,
                conversation=conversation,
            ),
            clips=endpoint.clips,
        )
        self._session = Session(
            studio,
            setup,
            endpoint.script,
            Cut(drop=self.drop, stall=partial(self.stall, float("inf"))),
            endpoint.words_heard,
            self._note,
            self.close,
            self._beta,
        )
        self._session.open()
        early, self._early = self._early, []
        for message in early:
            self._take(message)

    # -- to the client --------------------------------------------------------

    def _deliver(self, event: bytes, traced: dict[str, Any]) -> None:
        """Send an encoded event, or keep it while nothing may be sent."""
        if self._closing or self.over:
            return
        if self._stalled:
            self._held.append(partial(self._deliver, event, traced))
            return
        self._wire.send(self._frames.text(event))
        self._note("sent", traced)

    def _send_control(self, opcode: int, data: bytes) -> None:
        if self._stalled:
            self._held.append(partial(self._send_control, opcode, data))
        elif not self._closing and not self.over:
            self._wire.send(self._frames.control(opcode, data))

    def _ping_later(self) -> None:
        self._alarms.after(PING_MS, self._ping)

    def _ping(self) -> None:
        if self._setup.dialect == "xai":
            # fidelity: documented realtime.md 8 - xAI: pings are JSON, too
            self._outlet.send("ping", timestamp=round(self._alarms.now_ms))
        self._send_control(PING, self._endpoint.rng.randbytes(PING_BYTES))
        self._ping_later()

    # -- ends -----------------------------------------------------------------

    def _expire(self) -> None:
        # fidelity: observed realtime.md 1 [knob: model.session_limit] - expiry: an error, then
        #   close 1001 with the same text
        self._outlet.send_error(errors.EXPIRED)
        self.close(1001, errors.EXPIRED.message)

    def close(self, code: int, reason: str) -> None:
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

    # -- faults on cue --------------------------------------------------------

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
                self.close(fault.close_code, "")
            case "error":
                self._outlet.send_error(errors.failure(fault.code))

    def _note(self, name: str, data: dict[str, Any]) -> None:
        self._endpoint.trace.record("realtime", name, connection=self._number, **data)


def border(dialect: str) -> Border | None:
    """What stands between a session and a client of this dialect; None = nothing."""
    if dialect == "beta":
        return Beta()
    return Xai() if dialect == "xai" else None
