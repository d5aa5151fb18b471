"""Laws of the Realtime session: configured first and alike, μ-law, no errors provoked, no storms.

Owns the session's state as the wires show it, per connection. Audio itself is judged elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.conditions import ROUNDING_MS, Conditions, Outages
from simulator.judging.observer import Observer
from simulator.trace import Event

RACE = "conversation_already_has_active_response"
"""response.create met a response the bridge could not know of yet: excused once in a row."""

LATE_CANCEL = "response_cancel_not_active"
"""The response ended, and the bridge could not know of it yet: excused."""

NOT_THE_BRIDGES_FAULT = frozenset(
    {
        "session_expired",
        "insufficient_quota",
        "rate_limit_exceeded",
        "server_error",
        "account_deactivated",
        "billing_hard_limit_reached",
    }
)

MULAW_FORMATS = frozenset({"audio/pcmu", "g711_ulaw"})
"""GA and beta names of 8 kHz μ-law (protocols/realtime.md 3)."""

SAME_IN_ALL = {
    "instructions_hash": "instructions",
    "tools_hash": "tools",
    "voice": "voice",
    "model": "model",
}
"""What every session of a call is told alike: as the trace has it, and in words."""

MODEL_PARAMETERS = ("model", "deployment")
"""Of the address: OpenAI's, and Azure's of the preview."""


@dataclass(slots=True)
class _Session:
    active: set[str] = field(default_factory=set)
    configured: bool = False
    created: bool = False
    ready: bool = False
    refused: bool = False
    newest: str = ""
    told: dict[str, str] = field(default_factory=dict)
    used: bool = False
    formats: dict[str, str] = field(default_factory=dict)
    premature: bool = False
    unconfigured: bool = False
    repeats_ids: bool = False
    wrong_format: set[str] = field(default_factory=set)


class SessionLaws(Observer):
    """Judges what the bridge asks of the model's server. Each fault is charged once a session."""

    def __init__(self, docket: Docket, conditions: Conditions, outages: Outages) -> None:
        super().__init__()
        self._docket = docket
        self._conditions = conditions
        self._outages = outages
        self._sessions: dict[int, _Session] = {}
        self._rejected_in_a_row = 0
        self._last_done_ms: float | None = None
        self._cancelled = ""  # the response which the newest response.cancel names, if it does
        self._told: dict[str, set[str]] | None = None  # to the first session that was used
        received, sent = "realtime.received", "realtime.sent"
        self.on("realtime.upgraded", self._opened)
        self.on(received, self._received)
        self.on(received, self._update, "session.update")
        self.on(received, self._use, "input_audio_buffer.append", "response.create")
        self.on(received, self._append, "input_audio_buffer.append")
        self.on(received, self._create, "response.create")
        self.on(received, self._cancel, "response.cancel")
        self.on(sent, self._session_created, "session.created")
        self.on(sent, self._session_updated, "session.updated")
        self.on(sent, self._created, "response.created")
        self.on(sent, self._done, "response.done")
        self.on(sent, self._delta, *readings.AUDIO_DELTAS)
        self.on("realtime.violation", self._violation)

    def _session(self, event: Event) -> _Session:
        return self._sessions.setdefault(readings.connection(event.data), _Session())

    def _opened(self, event: Event) -> None:
        session = self._sessions[readings.connection(event.data)] = _Session()
        session.told["model"] = _model(str(event.data.get("path", "")))
        self._rejected_in_a_row = 0

    def _session_created(self, event: Event) -> None:
        self._session(event).created = True

    def _received(self, event: Event) -> None:
        session = self._session(event)
        session.newest = str(event.data.get("type", ""))
        if event.data.get("repeats_event_id") and not session.repeats_ids:
            session.repeats_ids = True
            text = f"a {session.newest} has the event_id of an earlier event"
            self._docket.charge(event.at_ms, "event_id_repeated", text)

    # -- configured before used, and like the session before ----------------------

    def _update(self, event: Event) -> None:
        session = self._session(event)
        session.configured, session.refused = True, False
        told = {name: str(event.data[name]) for name in SAME_IN_ALL if name in event.data}
        session.told |= told
        if session.used and self._told is not None:  # told anew in mid-call, the next one is, too
            for name, value in told.items():
                self._told.setdefault(name, set()).add(value)

    def _use(self, event: Event) -> None:
        """What a session was told is judged when it is first made use of."""
        session = self._session(event)
        if session.used or not session.configured:
            return
        session.used = True
        if self._told is None:
            self._told = {name: {session.told.get(name, "")} for name in SAME_IN_ALL}
            return
        for name, word in SAME_IN_ALL.items():
            if session.told.get(name, "") not in self._told.get(name, {""}):
                text = f"another session of the call was told another {word} than the first one"
                self._docket.charge(event.at_ms, "session_configured_otherwise", text, detail=word)

    def _session_updated(self, event: Event) -> None:
        session = self._session(event)
        session.ready = True
        session.formats |= formats(event.data)

    def _append(self, event: Event) -> None:
        session = self._session(event)
        if not session.configured and not session.unconfigured:
            session.unconfigured = True
            text = "audio was sent before any session.update"
            self._docket.charge(event.at_ms, "session_update_first", text)
        elif session.refused and not session.premature:
            # Behind an update on its way audio is safe: the connection keeps their order.
            session.premature = True
            text = "audio was sent to a session whose configuration had been refused"
            self._docket.charge(event.at_ms, "append_before_ready", text)
        self._judge_format(session, "input", event.at_ms)

    def _delta(self, event: Event) -> None:
        self._judge_format(self._session(event), "output", event.at_ms)

    def _judge_format(self, session: _Session, way: str, at_ms: float) -> None:
        name = session.formats.get(way)
        if name is None or name in MULAW_FORMATS or way in session.wrong_format:
            return
        session.wrong_format.add(way)
        text = f"the session's {way} format is {name}; a telephone call needs audio/pcmu"
        self._docket.charge(at_ms, "audio_format", text, detail=way)

    # -- no errors, no storms -------------------------------------------------------

    def _created(self, event: Event) -> None:
        if event.data.get("conversation") != "none":
            self._session(event).active.add(readings.response_id(event.data))

    def _done(self, event: Event) -> None:
        self._session(event).active.discard(readings.response_id(event.data))
        self._rejected_in_a_row = 0
        self._last_done_ms = event.at_ms

    def _create(self, event: Event) -> None:
        active = self._session(event).active
        if not active or event.data.get("conversation") == "none":
            return
        self._rejected_in_a_row += 1
        if self._rejected_in_a_row > 1:
            self._docket.charge(
                event.at_ms,
                "response_create_storm",
                f"response.create came {self._rejected_in_a_row} times while "
                f"{', '.join(sorted(active))} was active",
            )

    def _cancel(self, event: Event) -> None:
        self._cancelled = readings.response_id(event.data)

    def _violation(self, event: Event) -> None:
        session = self._session(event)
        session.refused = session.newest == "session.update" and not session.ready
        code = str(event.data.get("code"))
        if code in NOT_THE_BRIDGES_FAULT or code in self._conditions.scripted_errors:
            return
        if self._conditions.admission_refused and not session.created:
            return
        if code == RACE:
            return  # judged as a storm when it is repeated
        if code == LATE_CANCEL and self._cannot_know_of_the_end(event):
            return
        message = str(event.data.get("message", ""))
        self._docket.charge(
            event.at_ms,
            "provoked_error",
            f"the model's server answered {code}",
            message,
            detail=code,
        )

    def _cannot_know_of_the_end(self, event: Event) -> bool:
        """Whether the bridge was never told the end of what it cancels, or is told just now."""
        at_ms, active = event.at_ms, self._session(event).active
        if self._cancelled in active or (active and not self._cancelled):
            return True
        done_ms, race_ms = self._last_done_ms, self._conditions.realtime_round_trip_ms + ROUNDING_MS
        if done_ms is None:
            return False
        return at_ms <= done_ms + race_ms or self._outages.overlap(done_ms, at_ms, "realtime")


def _model(path: str) -> str:
    """The model an address asks for."""
    asked = parse_qs(urlsplit(path).query)
    return next((asked[name][0] for name in MODEL_PARAMETERS if name in asked), "")


def formats(data: Mapping[str, Any]) -> dict[str, str]:
    """The audio formats a session event names, by `input` and `output`; both dialects."""
    session = readings.inner(data, "session")
    audio = readings.inner(session, "audio")
    found = {}
    for way in ("input", "output"):
        named = readings.inner(readings.inner(audio, way), "format").get("type")
        named = named or session.get(f"{way}_audio_format") or data.get(f"{way}_format")
        if named:
            found[way] = str(named)
    return found
