"""One connection of the fake GPT-Live: who is admitted, and the session behind it.

Owns what becomes of the handshake. What is said is `session`'s; frames, stalls and breaks are
`client_link`'s.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from simulator.gpt_live.admission import refused_at_the_door
from simulator.gpt_live.rooms import Rooms
from simulator.gpt_live.session import Session
from simulator.model import errors
from simulator.model.client_link import ClientLink, Endpoint
from simulator.websocket import HandshakeRequest
from simulator.wire import Wire


class Connection(ClientLink):
    """A `Peer`: one client and its session."""

    def __init__(self, endpoint: Endpoint, wire: Wire, number: int) -> None:
        super().__init__(endpoint, wire, number)
        self._session: Session | None = None

    def _hear(self, event: bytes) -> None:
        if self._session is not None:
            self._session.hear(event)

    def _refuse_binary(self) -> None:
        if self._session is not None:
            self._session.refuse(errors.binary_frame(), None)

    def _upgrade(self, request: HandshakeRequest) -> None:
        refused = refused_at_the_door(request, self._setup)
        if refused is not None:
            self._turn_away(refused)
            return
        self._accept(request)
        self._ping_later()
        limit_ms = self._setup.session_limit_ms
        # fidelity: documented gpt-live.md 3 [knob: model.session_limit] - a session expires, and
        #   says so
        self._alarms.after(limit_ms, self._expire)
        self._session = Session(self._rooms(), self._alarms.date_s + limit_ms / 1000)
        self._take_early()

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
            close=self.close,
            drop=self.drop,
            stall=self.stall,
        )

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

    def _expire(self) -> None:
        assert self._session is not None
        self._session.end("expired")

    def _fail(self, code: str) -> None:
        if self._session is not None:
            self._session.refuse(errors.failure(code), None)
