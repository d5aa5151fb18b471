"""The model's side of a call: its sessions, and the conversation that outlives each of them.

Owns what a message of a session means for the session, when the conversation goes on in another
one, and when the model is given up; the reason is returned then, and what becomes of the caller is
the call's business. Knows nothing of Twilio's leg.

    until the first session      `ready_timeout_s`, less when an attempt has failed
    a session is lost            `reconnect_s`, and until the sound is over that was sent before
    a session gets old           another one comes up beside it, and takes over in a lull

While none is in use the caller's audio is kept, what we tell the model is remembered, and what is
asked of it waits.
"""

from typing import Final

from bridge.core import realtime
from bridge.core.commands import EndReason
from bridge.core.conversation import Conversation
from bridge.core.phases import REALTIME_LEG, Leg
from bridge.core.record import count
from bridge.core.refusals import may_pass
from bridge.core.rule import Parts, Rule
from bridge.core.sessions import LATE, NAMES, Sessions

REACH: Final = "reach"
"""Deadline: there must be a session."""
DEADLINES: Final = NAMES | {REACH}

MALFORMED_MAX: Final = 20
"""More messages of one leg that cannot be read end the call."""
SOUND_MIN_S: Final = 0.02


class ModelSide(Rule):
    """The model's side of one call. ``conversation`` is the call's, too."""

    def __init__(self, parts: Parts, conversation: Conversation) -> None:
        super().__init__(parts)
        self.begun = False
        """There has been a session in use: somebody talks with the caller, or did."""
        self._sessions = Sessions(parts.plan, parts.outbox, parts.deadlines, parts.record)
        self._cause = EndReason.NOT_READY
        self._reach_at = 0.0
        self._conversation = conversation

    @property
    def listens(self) -> bool:
        """The caller's audio can be heard now; otherwise it must be kept, or is of no use."""
        return bool(self._sessions.in_use)

    def start(self, now: float) -> None:
        """There is a caller: get the first session."""
        self._reach_at = now + self._plan.ready_timeout_s
        self._deadlines.set(REACH, self._reach_at)
        self._sessions.open(now)

    # -------------------------------------------------------------------- messages
    def take(self, message: realtime.Inbound, session: int | None, now: float) -> EndReason | None:
        """A message has come; ``session`` None: from the one in use, or that is coming."""
        number = self._sessions.usual if session is None else session
        before = self._sessions.leg(number)
        if before is None:
            return None
        if isinstance(message, realtime.Malformed | realtime.Unknown):
            return self._unusable(message, now)
        leg = REALTIME_LEG.get(before, {}).get(type(message))
        if leg is None:
            count(self._record.out_of_turn, f"realtime:{type(message).__name__}")
            return None
        self._sessions.moved(number, leg)
        match message:
            case realtime.SessionCreated():
                self._outbox.configure(self._plan, beside=self.listens)
            case realtime.SessionUpdated():
                if self.listens:
                    self._conversation.session_is_there(now)
                else:
                    self._take_over(now)
            case realtime.Error(error=error):
                return self._error(error, before, now)
            case realtime.Closed():
                return self._closed(message, before, now)
            case (
                realtime.InputTranscribed()
                | realtime.OutputTranscriptDelta()
                | realtime.OutputTranscriptDone()
                | realtime.SessionLasted()
            ):
                self._conversation.words(message, now)
            case _:
                return self._conversation.take(message, now)
        return None

    def _unusable(
        self, message: realtime.Malformed | realtime.Unknown, now: float
    ) -> EndReason | None:
        if isinstance(message, realtime.Unknown):
            if message.type not in realtime.PASSING:
                count(self._record.unknown_events, message.type)
            if message.type.startswith("response."):
                self._conversation.progressed(now)
            return None
        self._record.malformed_realtime += 1
        self._outbox.note("malformed", leg="realtime", why=message.why)
        if self._record.malformed_realtime > MALFORMED_MAX:
            return EndReason.REALTIME_PROTOCOL
        return None

    def _error(self, error: realtime.ErrorDetail, leg: Leg, now: float) -> EndReason | None:
        code = error.code or error.type or "unknown"
        count(self._record.realtime_errors, code)
        self._outbox.note("realtime_error", code=code, param=error.param)
        if leg is not Leg.READY:
            self._record.realtime_refusal = code
            return self._failed(now, passing=may_pass(error))
        if code == "session_expired":
            return self._lost(EndReason.REALTIME_EXPIRED, now)
        return self._conversation.refused(error, now)

    def _closed(self, closed: realtime.Closed, leg: Leg, now: float) -> EndReason | None:
        self._record.realtime_close_code = closed.code
        self._outbox.note("realtime_closed", code=closed.code)
        if leg is Leg.READY:
            return self._lost(EndReason.REALTIME_LOST, now, deaf=closed.deaf)
        self._record.realtime_refusal = closed.reason or None
        return self._failed(now, passing=may_pass(closed))

    # -------------------------------------------------------------------- sessions come and go
    def _take_over(self, now: float) -> None:
        number = self._sessions.coming
        if self.listens:
            self._conversation.leave(now)
        self._sessions.take_over(now)
        self._deadlines.clear(REACH)
        self._outbox.realtime_open = True
        if self.begun:
            self._outbox.note("session_taken_over", session=number)
            self._conversation.resume(now)
        else:
            self.begun = True
            self._reach_at = now + self._plan.reconnect_s
            self._record.ready_at = now
            self._outbox.note("ready")
            self._conversation.begin(now)

    def _lost(self, cause: EndReason, now: float, *, deaf: bool = False) -> EndReason | None:
        steady = self._sessions.lost(now)
        self._outbox.realtime_open = False
        self._conversation.leave(now, deaf=deaf)
        if self._conversation.closing:
            self._sessions.stop()
            return self._conversation.give_up(cause, now)
        # One that did not last is not worth the whole patience again.
        patience_s = self._plan.reconnect_s * (1.0 if steady else 0.5)
        self._reach_at = max(self._reach_at, now + patience_s)
        self._cause = cause
        self._deadlines.set(REACH, self._reach_at)
        if self._sessions.unstable:
            return self._unreachable(now)
        if self._sessions.waiting:
            self._take_over(now)
        else:
            self._sessions.reconnect(now)
        return None

    def _failed(self, now: float, *, passing: bool) -> EndReason | None:
        """A session cannot be had."""
        self._sessions.failed(now)
        if self.listens:
            return None
        if self._cause is EndReason.NOT_READY:
            self._cause = EndReason.REALTIME_REFUSED
            self._reach_at = min(self._reach_at, now + self._plan.reconnect_s)
            self._deadlines.set(REACH, self._reach_at)
        if passing:
            return None
        self._sessions.stop()
        return self._unreachable(now)

    def _unreachable(self, now: float) -> EndReason | None:
        """Give the model up, as soon as what it said has been heard."""
        sounds_s = self._playback.head.remaining_s(now)
        if sounds_s < SOUND_MIN_S:
            return self._cause
        self._deadlines.set(REACH, now + sounds_s)
        return None

    # -------------------------------------------------------------------- time
    def due(self, deadline: str, now: float) -> EndReason | None:
        """One of our deadlines has come."""
        if deadline == REACH:
            return self._unreachable(now)
        if deadline == LATE:
            self._sessions.failed(now)
        else:
            self._sessions.due(deadline, now)
        return None

    def advance(self, now: float) -> None:
        """Something has happened: perhaps this is the moment to go on in another session."""
        if self._sessions.waiting and not self._conversation.closing:
            quiet = self._conversation.quiet(now)
            if self._sessions.take_over_now(now, quiet=quiet):
                self._take_over(now)
