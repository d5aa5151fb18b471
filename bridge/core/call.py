"""One phone call as a value: messages and times go in, messages come out.

Owns the phase of a call, the state of its two legs and the reason it ends for. It never awaits,
reads a clock, draws a random number, logs or reads the environment, so (message, now) is all there
is: the same inputs replay the same call. What is said over the legs is the business of
`conversation` below: who speaks (`turns`), what was heard (`playback`), the goodbye (`hangup`),
what the caller sends (`caller`).

Theory of operation. Twilio's `Start` opens the Realtime leg; when the session is configured,
caller audio that came meanwhile is delivered and the agent greets. From then on audio is relayed
at once, both ways, as it is. `receive` first expires what is due at ``now``: the order of a
message and a timer of one instant is decided here. Nothing a peer sends raises: what a leg's table
has no word for is counted and has no effect. While the call is not over there is a finite
deadline, so every call ends by itself.

The legs: what a message makes of a leg; any other message is out of turn there.

    Twilio    OPENING      Start → STREAMING · Connected
              STREAMING    Media · Mark · Dtmf
              both         Stop, Closed → GONE
    Realtime  UNOPENED     nothing
              OPENING      SessionCreated → CONFIGURING · Error · Closed → GONE
              CONFIGURING  SessionUpdated → READY · Error · Closed → GONE
              READY        everything else · Closed → GONE

The phase follows from both:

    SETUP      until the Realtime leg is READY                → TALKING
    TALKING    until the model calls end_call, the caller
               has been silent for too long, or the time is up → CLOSING
    CLOSING    until the goodbye was heard                    → RELEASING, or ENDED
               or the caller took it back                     → TALKING
    RELEASING  until Twilio has released the line             → ENDED
    ENDED      nothing comes out any more; End was the last command

    Twilio GONE ends the call: the caller has hung up, or in RELEASING, we have.
    Realtime GONE ends it too (refused before READY, lost after), but for CLOSING: the goodbye is
    heard out.
"""

from typing import Final, assert_never

from bridge.core import realtime, twilio
from bridge.core.commands import End, EndReason, LineReleased, Note, OpenRealtime, ReleaseLine
from bridge.core.conversation import Conversation
from bridge.core.deadlines import Deadlines
from bridge.core.mulaw import whole_ms
from bridge.core.outbox import Command, Outbox
from bridge.core.phases import REALTIME_LEG, TWILIO_LEG, Leg, Phase
from bridge.core.plan import CallPlan
from bridge.core.playback import Playback
from bridge.core.record import CallRecord, count

__all__ = [
    "Call",
    "CallPlan",
    "CallRecord",
    "Command",
    "End",
    "EndReason",
    "Inbound",
    "LineReleased",
    "Note",
    "OpenRealtime",
    "Phase",
    "ReleaseLine",
]

Inbound = twilio.Inbound | realtime.Inbound | LineReleased

MALFORMED_MAX: Final = 20
"""More messages of one leg that cannot be read end the call."""
RELEASE_TIMEOUT_S: Final = 10.0
"""How long the release of the line may take."""

START: Final = "start"
READY: Final = "ready"
LINE: Final = "line"
LIMIT: Final = "limit"
CUT: Final = "cut"
RELEASE: Final = "release"


class Call:
    """The state machine of one call. Times are monotonic seconds of the shell's choice."""

    def __init__(self, plan: CallPlan, now: float) -> None:
        self.plan = plan
        self.phase = Phase.SETUP
        self.record = CallRecord(began=now)
        self._twilio = Leg.OPENING
        self._realtime = Leg.UNOPENED
        self._twilio_at = now
        self._up_for = EndReason.LIMIT
        self._outbox = Outbox()
        self._deadlines = Deadlines()
        self._playback = Playback()
        self._deadlines.set(START, now + plan.start_timeout_s)
        self._deadlines.set(LINE, now + plan.line_silence_s)
        self.follow(plan)

    @property
    def deadline(self) -> float:
        """When `expire` must be called; finite until the call has ended, then infinite."""
        return self._deadlines.earliest

    def follow(self, plan: CallPlan) -> None:
        """Be the call that ``plan`` says, from its beginning. Only before its `Start` has come.

        Whose call a stream is stands in its `Start`; how long to wait for that is every plan's.
        """
        assert self._twilio is Leg.OPENING
        self.plan = plan
        self._conversation = Conversation(
            plan, self._outbox, self._playback, self._deadlines, self.record
        )
        self._deadlines.set(LIMIT, self.record.began + plan.call_max_s)

    def receive(self, message: Inbound, now: float) -> list[Command]:
        """Return what follows from ``message``. Never raises for anything a peer can send."""
        self._expire(now)
        if self.phase is Phase.TALKING and isinstance(message, twilio.Media):
            # Fifty times a second: what the tables below would do, without them.
            self._twilio_speaks(now)
            self._caller_audio(message.payload, now)
        elif self.phase is not Phase.ENDED:
            self._take(message, now)
            self._go_on(now)
        return self._outbox.take()

    def expire(self, now: float) -> list[Command]:
        """Return what follows from the time being ``now``."""
        self._expire(now)
        return self._outbox.take()

    def end(self, reason: EndReason, now: float) -> list[Command]:
        """End the call for a reason only the shell can know. Ending twice has no effect."""
        if self.phase is not Phase.ENDED:
            self._end(reason, now)
        return self._outbox.take()

    def wind_up(self, reason: EndReason, now: float) -> list[Command]:
        """End the call as at its limit, with a goodbye, for a reason only the shell can know."""
        self._expire(now)
        if self.phase is not Phase.RELEASING and self.phase is not Phase.ENDED:
            self._time_is_up(reason, now)
            self._go_on(now)
        return self._outbox.take()

    # -------------------------------------------------------------------- dispatch
    def _take(self, message: Inbound, now: float) -> None:
        if isinstance(message, LineReleased):
            self._line_released(message, now)
        elif isinstance(message, twilio.Inbound):
            self._twilio_speaks(now)
            self._take_twilio(message, now)
        elif self.phase is not Phase.RELEASING:
            self._take_realtime(message, now)

    def _twilio_speaks(self, now: float) -> None:
        self._twilio_at = now
        self._playback.head.inbound(now)

    def _take_twilio(self, message: twilio.Inbound, now: float) -> None:
        if isinstance(message, twilio.Malformed | twilio.Unknown):
            self._unusable_twilio(message, now)
            return
        leg = TWILIO_LEG[self._twilio].get(type(message))
        if leg is None:
            count(self.record.out_of_turn, f"twilio:{type(message).__name__}")
            return
        self._twilio = leg
        match message:
            case twilio.Media(payload=audio):
                self._caller_audio(audio, now)
            case twilio.Mark(name=name):
                if not self._playback.reached(name, now):
                    self.record.marks_ignored += 1
            case twilio.Dtmf(digit=digit):
                self._conversation.key(digit, now)
            case twilio.Connected():
                pass
            case twilio.Start():
                self._started(message, now)
            case twilio.Stop() | twilio.Closed():
                self._caller_gone(now)
            case _:
                assert_never(message)

    def _unusable_twilio(self, message: twilio.Malformed | twilio.Unknown, now: float) -> None:
        if isinstance(message, twilio.Unknown):
            count(self.record.unknown_events, f"twilio:{message.event}")
            return
        self.record.malformed_twilio += 1
        self._outbox.note("malformed", leg="twilio", why=message.why)
        if self.record.malformed_twilio > MALFORMED_MAX:
            self._end(EndReason.TWILIO_PROTOCOL, now)

    def _take_realtime(self, message: realtime.Inbound, now: float) -> None:
        if isinstance(message, realtime.Malformed | realtime.Unknown):
            self._unusable_realtime(message, now)
            return
        before = self._realtime
        leg = REALTIME_LEG[before].get(type(message))
        if leg is None:
            count(self.record.out_of_turn, f"realtime:{type(message).__name__}")
            return
        self._realtime = leg
        match message:
            case realtime.SessionCreated():
                self._outbox.realtime_open = True
                self._outbox.configure(self.plan)
            case realtime.SessionUpdated():
                if before is not Leg.READY:
                    self._ready(now)
            case realtime.Error(error=error):
                self._realtime_error(error, now)
            case realtime.Closed():
                self._realtime_gone(message, before, now)
            case _:
                self._end_if(self._conversation.take(message, now), now)

    def _unusable_realtime(
        self, message: realtime.Malformed | realtime.Unknown, now: float
    ) -> None:
        if isinstance(message, realtime.Unknown):
            if message.type not in realtime.PASSING:
                count(self.record.unknown_events, message.type)
            if message.type.startswith("response."):
                self._conversation.progressed(now)
            return
        self.record.malformed_realtime += 1
        self._outbox.note("malformed", leg="realtime", why=message.why)
        if self.record.malformed_realtime > MALFORMED_MAX:
            self._end(EndReason.REALTIME_PROTOCOL, now)

    def _expire(self, now: float) -> None:
        while (name := self._deadlines.take_due(now)) is not None:
            self._due(name, now)
            self._go_on(now)

    def _due(self, name: str, now: float) -> None:
        if name in _ENDS:
            self._end(_ENDS[name], now)
        elif name == RELEASE:
            self._end(self._conversation.reason, now)
        elif name == LINE:
            self._line_quiet(now)
        elif name == LIMIT:
            self._time_is_up(EndReason.LIMIT, now)
        elif name == CUT:
            self._end(self._up_for, now)
        else:
            self._end_if(self._conversation.due(name, now), now)

    def _go_on(self, now: float) -> None:
        """Follow the conversation: into a hangup, out of it again, or to its end."""
        if self.phase is not Phase.TALKING and self.phase is not Phase.CLOSING:
            return
        self._conversation.advance(now)
        self.phase = Phase.CLOSING if self._conversation.closing else Phase.TALKING
        if not self._conversation.over:
            return
        if not self.plan.can_release:
            self._end(self._conversation.reason, now)
            return
        self.phase = Phase.RELEASING
        self._deadlines.clear_all()
        self._deadlines.set(RELEASE, now + RELEASE_TIMEOUT_S)
        self._outbox.put(ReleaseLine())

    # -------------------------------------------------------------------- the legs
    def _started(self, start: twilio.Start, now: float) -> None:
        self.record.call_sid, self.record.stream_sid = start.call_sid, start.stream_sid
        if start.media_format != twilio.MediaFormat():
            self._outbox.note("media_format", encoding=start.media_format.encoding)
            self._end(EndReason.TWILIO_PROTOCOL, now)
            return
        self._outbox.stream_sid = start.stream_sid
        self._realtime = Leg.OPENING
        self._deadlines.clear(START)
        self._deadlines.set(READY, now + self.plan.ready_timeout_s)
        self._outbox.note("started")
        self._outbox.put(OpenRealtime())
        self._conversation.measure(now)

    def _ready(self, now: float) -> None:
        self.phase = Phase.TALKING
        self.record.ready_at = now
        self._deadlines.clear(READY)
        self._outbox.note("ready")
        self._conversation.begin(now)

    def _line_quiet(self, now: float) -> None:
        dead_at = self._twilio_at + self.plan.line_silence_s
        if dead_at > now:
            self._deadlines.set(LINE, dead_at)
        else:
            self._end(EndReason.LINE_DEAD, now)

    def _time_is_up(self, reason: EndReason, now: float) -> None:
        """Say goodbye within what is left of the time, if there is somebody to say it."""
        if self.phase is Phase.SETUP or not self.plan.limit_farewell_s:
            self._end(reason, now)
        elif CUT not in self._deadlines:
            self._up_for = reason
            self._deadlines.clear(LIMIT)
            self._deadlines.set(CUT, now + self.plan.limit_farewell_s)
            self._conversation.time_is_up(reason, now)

    def _line_released(self, message: LineReleased, now: float) -> None:
        if self.phase is Phase.RELEASING:
            self.record.line_released = message.outcome
            self._end(self._conversation.reason, now)
        else:
            count(self.record.out_of_turn, "LineReleased")

    def _realtime_error(self, error: realtime.ErrorDetail, now: float) -> None:
        code = error.code or error.type or "unknown"
        count(self.record.realtime_errors, code)
        self._outbox.note("realtime_error", code=code, param=error.param)
        if code == "session_expired":
            self._end_if(self._conversation.give_up(EndReason.REALTIME_EXPIRED, now), now)
        elif self._realtime is not Leg.READY:
            self.record.realtime_refusal = code
            self._end(EndReason.REALTIME_REFUSED, now)
        else:
            self._conversation.refused(error, now)

    def _realtime_gone(self, closed: realtime.Closed, before: Leg, now: float) -> None:
        self.record.realtime_close_code = closed.code
        self._outbox.note("realtime_closed", code=closed.code)
        self._outbox.realtime_open = False
        admitted = before is Leg.READY
        if not admitted:
            self.record.realtime_refusal = closed.reason or None
        reason = EndReason.REALTIME_LOST if admitted else EndReason.REALTIME_REFUSED
        self._end_if(self._conversation.lost(reason, now), now)

    def _end_if(self, reason: EndReason | None, now: float) -> None:
        if reason is not None:
            self._end(reason, now)

    def _end(self, reason: EndReason, now: float) -> None:
        self.phase = Phase.ENDED
        self.record.ended = now
        self.record.reason = reason
        if self._playback.head.measured:
            self.record.round_trip_ms = round(self._playback.head.round_trip_s * 1000, 1)
        self._deadlines.clear_all()
        self._outbox.put(End(reason))

    def _caller_audio(self, audio: bytes, now: float) -> None:
        self.record.media_in += 1
        self.record.caller_audio_ms += whole_ms(len(audio))
        if self.phase is Phase.RELEASING:
            return
        if now >= self._conversation.probe_at:
            self._conversation.measure(now)
        if self._realtime is Leg.READY:
            if audio:
                self._conversation.caller.audio(audio, now)
        elif self._realtime is not Leg.GONE:
            self._conversation.caller.keep(audio, now)

    def _caller_gone(self, now: float) -> None:
        released = self.phase is Phase.RELEASING
        self._end(self._conversation.reason if released else EndReason.CALLER_HUNG_UP, now)


_ENDS: Final = {
    START: EndReason.NO_START,
    READY: EndReason.NOT_READY,
}
"""Deadlines that end the call, and why."""
