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
    Realtime  OPENING      SessionCreated → CONFIGURING · Error · Closed
              CONFIGURING  SessionUpdated → STANDBY · Error · Closed
              STANDBY      takes over → READY · SessionUpdated · Error · Closed
              READY        everything else · Closed

A call has one Realtime session in use (READY), and perhaps one that is coming: `model_side` tells
when it is replaced. What still comes from any other is passed over.

The phase follows from both:

    SETUP      until there is a Realtime session              → TALKING
    TALKING    until the model calls end_call, the caller
               has been silent for too long, or the time is up → CLOSING
    CLOSING    until the goodbye was heard                    → RELEASING, or ENDED
               or the caller took it back                     → TALKING
    RELEASING  until Twilio has released the line             → ENDED
    ENDED      nothing comes out any more; End was the last command

    TRANSFERRING stands beside RELEASING if the model hands the line on: if that fails, the caller
    is still there, and the model is told so → TALKING.

    Twilio GONE ends the call: the caller has hung up, or in RELEASING, we have.
    A lost session does not end it: another one is looked for, meanwhile the phase stays TALKING. If
    none can be had, or the model is of no more use for another reason, Twilio's own voice tells the
    caller so and the line goes on without us: RELEASING. In CLOSING the goodbye is heard out.
"""

from typing import Final, assert_never

from bridge.core import fallback, realtime, twilio
from bridge.core.commands import (
    End,
    EndReason,
    FromSession,
    LineReleased,
    LineTransferred,
    Note,
    OpenRealtime,
    Ours,
    ReleaseLine,
    ToolAnswered,
    TransferLine,
)
from bridge.core.conversation import Conversation
from bridge.core.deadlines import Deadlines
from bridge.core.line import RELEASE, TRANSFER, Line
from bridge.core.model_side import DEADLINES, MALFORMED_MAX, ModelSide
from bridge.core.mulaw import whole_ms
from bridge.core.outbox import Command, Outbox
from bridge.core.phases import TWILIO_LEG, Leg, Phase
from bridge.core.plan import CallPlan
from bridge.core.playback import Playback
from bridge.core.record import CallRecord, count
from bridge.core.rule import Parts

__all__ = [
    "Call",
    "CallPlan",
    "CallRecord",
    "Command",
    "End",
    "EndReason",
    "FromSession",
    "Inbound",
    "LineReleased",
    "LineTransferred",
    "Note",
    "OpenRealtime",
    "Phase",
    "ReleaseLine",
    "TransferLine",
]

Inbound = twilio.Inbound | realtime.Inbound | FromSession | Ours
"""A Realtime message that does not name its session is of the one in use, or that is coming."""

START: Final = "start"
LINE: Final = "line"
LIMIT: Final = "limit"
CUT: Final = "cut"
LINE_ANSWER_S: Final = 5.0
"""A mark sent into silence comes back within a second."""
DUE_MAX: Final = 100
"""So many deadlines at one instant are a mistake of ours. It ends this call, and no other one."""


class Call:
    """The state machine of one call. Times are monotonic seconds of the shell's choice."""

    def __init__(self, plan: CallPlan, now: float) -> None:
        self.plan = plan
        self.phase = Phase.SETUP
        self.record = CallRecord(began=now)
        self._twilio = Leg.OPENING
        self._twilio_at = now
        self._up_for = EndReason.LIMIT
        self._outbox = Outbox()
        self._deadlines = Deadlines()
        self._playback = Playback()
        self._line = Line(self._outbox, self._deadlines, self.record)
        self.follow(plan)

    @property
    def deadline(self) -> float:
        """When `expire` must be called; finite until the call has ended, then infinite."""
        return self._deadlines.earliest

    def follow(self, plan: CallPlan) -> None:
        """Be the call that ``plan`` says, from its beginning. Only before its `Start` has come."""
        assert self._twilio is Leg.OPENING
        self.plan = plan
        began = self.record.began
        self._deadlines.clear_all()
        self._deadlines.set(START, began + plan.start_timeout_s)
        self._deadlines.set(LINE, self._twilio_at + plan.line_silence_s)
        self._deadlines.set(LIMIT, began + plan.call_max_s)
        parts = Parts(plan, self._outbox, self._playback, self._deadlines, self.record)
        self._conversation = Conversation(parts)
        self._model = ModelSide(parts, self._conversation)

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
        if isinstance(message, Ours):
            self._take_ours(message, now)
        elif isinstance(message, twilio.Inbound):
            self._twilio_speaks(now)
            self._take_twilio(message, now)
        elif self.phase is not Phase.RELEASING:
            session = None
            if isinstance(message, FromSession):
                session, message = message.session, message.message
            self._go_on_without_if(self._model.take(message, session, now), now)
            if self.phase is Phase.SETUP and self._model.begun:
                self.phase = Phase.TALKING

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
                self._key(digit, now)
            case twilio.Connected():
                pass
            case twilio.Start():
                self._started(message, now)
            case twilio.Stop() | twilio.Closed():
                self._end(self._line.reason, now)
            case _:
                assert_never(message)

    def _key(self, digit: str, now: float) -> None:
        if self.phase is Phase.RELEASING:
            count(self.record.out_of_turn, "twilio:Dtmf")
        else:
            self._conversation.key(digit, now)

    def _unusable_twilio(self, message: twilio.Malformed | twilio.Unknown, now: float) -> None:
        if isinstance(message, twilio.Unknown):
            count(self.record.unknown_events, f"twilio:{message.event}")
            return
        self.record.malformed_twilio += 1
        self._outbox.note("malformed", leg="twilio", why=message.why)
        if self.record.malformed_twilio > MALFORMED_MAX:
            self._end(EndReason.TWILIO_PROTOCOL, now)

    def _expire(self, now: float) -> None:
        for _ in range(DUE_MAX):
            name = self._deadlines.take_due(now)
            if name is None:
                return
            self._due(name, now)
            self._go_on(now)
        raise AssertionError(f"{name} is due again and again")

    def _due(self, name: str, now: float) -> None:
        if name == START:
            self._end(EndReason.NO_START, now)
        elif name == RELEASE:
            self._end(self._line.reason, now)
        elif name == TRANSFER:
            self._handed_on(None, now)
        elif name == LINE:
            self._line_quiet(now)
        elif name == LIMIT:
            self._time_is_up(EndReason.LIMIT, now)
        elif name == CUT:
            self._end(self._up_for, now)
        elif name in DEADLINES:
            self._go_on_without_if(self._model.due(name, now), now)
        else:
            self._go_on_without_if(self._conversation.due(name, now), now)

    def _go_on(self, now: float) -> None:
        """Follow the conversation: into a hangup, out of it again, or to its end."""
        if self.phase is not Phase.TALKING and self.phase is not Phase.CLOSING:
            return
        self._conversation.advance(now)
        self._model.advance(now)
        self.phase = Phase.CLOSING if self._conversation.closing else Phase.TALKING
        goodbye = self._conversation.heard_out
        if goodbye is None:
            return
        if goodbye.line is not None:
            self.phase = Phase.TRANSFERRING
            self._line.hand_on(goodbye.line, goodbye.reason, now)
        elif self.plan.can_release:
            self._release(ReleaseLine(), goodbye.reason, now)
        else:
            self._end(goodbye.reason, now)

    def _release(self, command: ReleaseLine | TransferLine, reason: EndReason, now: float) -> None:
        """Let go of the line through the REST API, and wait for the answer."""
        self.phase = Phase.RELEASING
        self._line.release(command, reason, now)

    def _go_on_without_if(self, reason: EndReason | None, now: float) -> None:
        """The model is given up, if there is a reason: Twilio's voice tells the caller, once."""
        if reason is None or self.phase is Phase.RELEASING:
            return
        if not self.plan.can_release:
            self._end(reason, now)
            return
        self.record.fell_back_from = reason
        self._outbox.note("falling_back", reason=reason.value)
        self._release(fallback.way_out(self.plan), EndReason.FELL_BACK, now)

    # -------------------------------------------------------------------- the legs
    def _started(self, start: twilio.Start, now: float) -> None:
        self.record.call_sid, self.record.stream_sid = start.call_sid, start.stream_sid
        if start.media_format != twilio.MediaFormat():
            self._outbox.note("media_format", encoding=start.media_format.encoding)
            self._end(EndReason.TWILIO_PROTOCOL, now)
            return
        self._outbox.stream_sid = start.stream_sid
        self._deadlines.clear(START)
        self._outbox.note("started")
        self._model.start(now)
        self._conversation.measure(now)

    def _line_quiet(self, now: float) -> None:
        """Some carriers send nothing in silence: a line is asked before it is taken for dead."""
        ask_at = self._twilio_at + self.plan.line_silence_s
        dead_at = ask_at + LINE_ANSWER_S
        if now < ask_at:
            self._deadlines.set(LINE, ask_at)
        elif now < dead_at and self._twilio is Leg.STREAMING:
            self._conversation.probe(now)
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

    def _take_ours(self, message: Ours, now: float) -> None:
        if isinstance(message, ToolAnswered):
            self._conversation.tool_answered(message)
        elif self.phase is Phase.RELEASING:
            self.record.line_released = message.outcome
            failed = self.record.fell_back_from if message.outcome == "failed" else None
            self._end(failed or self._line.reason, now)
        elif self.phase is Phase.TRANSFERRING and isinstance(message, LineTransferred):
            self._handed_on(message, now)
        else:
            count(self.record.out_of_turn, type(message).__name__)

    def _handed_on(self, answer: LineTransferred | None, now: float) -> None:
        """The line is no longer ours; or we still have it, and the conversation goes on."""
        reason = self._line.given(answer)
        if reason is not None:
            self._end(reason, now)
            return
        self.phase = Phase.TALKING
        self._go_on_without_if(self._conversation.not_handed_on(now), now)

    def _end(self, reason: EndReason, now: float) -> None:
        self.phase = Phase.ENDED
        self.record.ended = now
        self.record.reason = reason
        self.record.memory_dropped = self._outbox.memory.dropped
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
        if self._model.listens:
            if audio:
                self._conversation.caller.audio(audio, now)
        elif not self._conversation.closing:
            self._conversation.caller.keep(audio, now)
