"""One connection of the fake Realtime: who is admitted, and the session behind it.

Owns what becomes of the handshake, and the session's parts. What is said is `session`'s; frames,
stalls and breaks are `client_link`'s.
"""

from functools import partial
from typing import Any, Final

from simulator.model import errors
from simulator.model.admission import Admitted, Rejected, TurnedAway, admit, agreed
from simulator.model.beta import Beta, Border
from simulator.model.client_link import ClientLink, Endpoint
from simulator.model.configuration import Configuration
from simulator.model.conversation import Conversation
from simulator.model.mcp import McpServers
from simulator.model.outlet import Outlet
from simulator.model.responder import Cut
from simulator.model.session import Session
from simulator.model.stage import Studio
from simulator.model.usage import Meter
from simulator.model.xai import Xai
from simulator.websocket import HandshakeRequest, Text
from simulator.wire import Wire

# fidelity: observed realtime.md 1 - the headers of the 101
UPGRADE_HEADERS: Final = (("server", "cloudflare"), ("x-openai-proxy-wasm", "v0.1"))


class Connection(ClientLink):
    """A `Peer`: one client and its session."""

    def __init__(self, endpoint: Endpoint, wire: Wire, number: int) -> None:
        super().__init__(endpoint, wire, number)
        self._beta = border(self._setup.dialect)
        translate = None if self._beta is None else self._beta.outward
        self._outlet = Outlet(self._ids, self._deliver, translate)
        self._session: Session | None = None

    def _hear(self, event: bytes) -> None:
        if self._session is None:
            self._early.append(Text(event))
        else:
            self._session.hear(event)

    def _refuse_binary(self) -> None:
        # fidelity: observed realtime.md 1 - a binary message is answered with invalid_event
        if self._session is not None:
            self._session.refuse(errors.binary_frame())

    def _upgrade(self, request: HandshakeRequest) -> None:
        verdict = admit(request, self._setup)
        if isinstance(verdict, TurnedAway):
            self._turn_away(verdict)
            return
        self._accept(request, (*UPGRADE_HEADERS, *agreed(request)))
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
            straggler_ms=setup.straggler_ms,
        )
        self._session = Session(
            studio,
            setup,
            endpoint.script,
            Cut(drop=self.drop, stall=self.stall),
            endpoint.words_heard,
            self._note,
            self.close,
            self._beta,
        )
        self._session.open()
        self._take_early()

    def _deliver(self, event: bytes, traced: dict[str, Any]) -> None:
        self._send(partial(self._frames.text, event), traced)

    def _ping(self) -> None:
        if self._setup.dialect == "xai":
            # fidelity: documented realtime.md 8 - xAI: pings are JSON, too
            self._outlet.send("ping", timestamp=round(self._alarms.now_ms))
        super()._ping()

    def _expire(self) -> None:
        # fidelity: observed realtime.md 1 [knob: model.session_limit] - expiry: an error, then
        #   close 1001 with the same text
        self._outlet.send_error(errors.EXPIRED)
        self.close(1001, errors.EXPIRED.message)

    def _fail(self, code: str) -> None:
        self._outlet.send_error(errors.failure(code))


def border(dialect: str) -> Border | None:
    """What stands between a session and a client of this dialect; None = nothing."""
    if dialect == "beta":
        return Beta()
    return Xai() if dialect == "xai" else None
