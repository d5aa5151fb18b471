"""The conversation: everything between the two legs once both stand.

Owns what each event of the conversation sets off: whose books (`turns`, `caller`, `keypad`, `idle`,
`limit`, `hangup`) it concerns and in which order, what a tool call does, and when both sides are at
rest. Knows nothing of legs, and of how a call begins and ends; when the call cannot go on, the
reason is returned.
"""

from math import inf
from typing import Final, assert_never

from bridge.core import realtime, tools
from bridge.core.caller import Caller
from bridge.core.commands import EndReason
from bridge.core.deadlines import Deadlines
from bridge.core.hangup import Goodbye, Hangup, Step
from bridge.core.idle import Idle
from bridge.core.keypad import Keypad
from bridge.core.limit import Limit
from bridge.core.outbox import Outbox
from bridge.core.plan import CallPlan
from bridge.core.playback import Playback
from bridge.core.record import CallRecord, count
from bridge.core.turns import Turns

PROBE_SPACING_S: Final = 0.4
"""How often the round trip is measured until it is well known; then once per turn of the caller."""


class Conversation:
    """The conversation of one call. The caller's audio may come before it begins."""

    def __init__(
        self,
        plan: CallPlan,
        outbox: Outbox,
        playback: Playback,
        deadlines: Deadlines,
        record: CallRecord,
    ) -> None:
        self.probe_at = inf
        self.caller = Caller(outbox, deadlines, record)
        self._keypad = Keypad(plan, outbox, deadlines, record)
        self._turns = Turns(plan, outbox, playback, deadlines, record)
        self._idle = Idle(plan, outbox, playback, deadlines, record, self._turns)
        ends_at = record.began + plan.call_max_s
        self._limit = Limit(plan, outbox, playback, deadlines, self._turns, ends_at)
        self._hangup: Hangup | None = None
        self._up_for = EndReason.LIMIT
        self._begun = False
        self._plan = plan
        self._outbox = outbox
        self._playback = playback
        self._deadlines = deadlines
        self._record = record

    @property
    def closing(self) -> bool:
        """The model has said it wants to hang up, or we have, and nobody took that back."""
        return self._hangup is not None

    @property
    def reason(self) -> EndReason:
        """Why the line is released when `over`."""
        assert self._hangup is not None
        return self._hangup.goodbye.reason

    @property
    def over(self) -> bool:
        """The goodbye has been heard: the line may be released."""
        return self._hangup is not None and self._hangup.step is Step.OVER

    def begin(self, now: float) -> None:
        """The session is ready."""
        self._begun = True
        self.caller.deliver_kept()
        if self._plan.greeting:
            self._turns.ask(tools.greeting(self._plan.greeting), now)
        self._tell_keys(now)
        self.probe(now)

    def measure(self, now: float) -> None:
        """Probe, if that is still worth it, and say when to do so next (``probe_at``)."""
        if self._playback.head.well_measured:
            self.probe_at = inf
        else:
            self.probe_at = now + PROBE_SPACING_S
            self.probe(now)

    def probe(self, now: float) -> None:
        """Measure the round trip to Twilio, if nothing sounds."""
        name = self._playback.probe(now)
        if name is not None:
            self._outbox.mark(name)

    def advance(self, now: float) -> None:
        """Something has happened: go on with a hangup, or see what the quiet is good for."""
        if self._limit.advance(self._at_rest, now) and self._hangup is None:
            self._time_is_up(now)
        if self._hangup is not None:
            self._hangup.advance(now)
        self._idle.advance(self._at_rest, now)

    def time_is_up(self, reason: EndReason, now: float) -> None:
        """The call must end, its limit is reached or we stop: goodbye at the next quiet moment."""
        self._up_for = reason
        self._limit.reach(now)

    @property
    def _at_rest(self) -> bool:
        """Nobody speaks, types or owes the other an answer. What was said may still sound."""
        busy = self._turns.caller_speaking or self._turns.responses.owed or self._keypad.typing
        return self._hangup is None and not busy

    # -------------------------------------------------------------------- events
    def take(self, event: realtime.TurnEvent, now: float) -> EndReason | None:
        """An event of the conversation has come."""
        match event:
            case realtime.OutputAudioDelta():
                if self._turns.delta(event, now):
                    self._agent_sounds(now)
            case realtime.SpeechStarted():
                self._caller_speaks(now)
            case realtime.SpeechStopped():
                self._turns.speech_stopped(now)
                self.caller.is_silent()
                self.probe(now)
            case realtime.InputAudioBufferCommitted():
                self._turns.committed(now)
            case realtime.ResponseCreated(response=response):
                self._response_created(response.id, now)
            case realtime.OutputAudioDone(item_id=item_id):
                self._turns.item_audio_done(item_id, now)
            case realtime.OutputItemDone(response_id=response_id, item=item):
                self._item_done(response_id, item, now)
            case realtime.ResponseDone(response=finished):
                return self._response_done(finished, now)
            case _:
                assert_never(event)
        return None

    def progressed(self, now: float) -> None:
        """An event came that has no meaning, but shows that a response is alive."""
        self._turns.progressed(now)

    def refused(self, error: realtime.ErrorDetail, now: float) -> None:
        """The server refused an event of ours."""
        self._turns.refused(error, now)

    def key(self, key: str, now: float) -> None:
        """The caller pressed a key. It may do what a voice may, and is told to the model."""
        if self._hangup is not None and not self._hangup.can_be_taken_back:
            count(self._record.out_of_turn, "twilio:Dtmf")
            return
        self._idle.somebody_is_there()
        counts = self._keypad.press(key, now)
        if self._hangup is not None:
            self._take_back()
            self._interrupt(now)
        elif counts and self._plan.dtmf_interrupts:
            self._interrupt(now)
        self._tell_keys(now)

    def due(self, deadline: str, now: float) -> EndReason | None:
        """A deadline of the conversation has come."""
        match deadline:
            case "gap":
                if not self.caller.fill_gap(self._playback.head.inbound_at, now):
                    self.probe(now)  # its answer will show that the line lives
            case "keys":
                self._keypad.pause()
                self._tell_keys(now)
            case "idle":
                self._idle_for_long(now)
            case "warning" | "quiet" | "patience":
                self._limit.due(deadline)
            case "retry":
                self._turns.ask_if_possible(now)
            case "response":
                if self._turns.stalled(now):
                    return self.give_up(EndReason.REALTIME_STALLED, now)
            case _:
                assert self._hangup is not None
                self._hangup.due(deadline, now)
        return None

    def lost(self, reason: EndReason, now: float) -> EndReason | None:
        """The model is gone."""
        self.caller.is_silent()
        self._turns.lost(now)
        return self.give_up(reason, now)

    def give_up(self, reason: EndReason, now: float) -> EndReason | None:
        """The model is of no more use. A goodbye is heard out; anything else is over."""
        if self._hangup is None:
            return reason
        self._hangup.give_up(now)
        return None

    # -------------------------------------------------------------------- what they set off
    def _caller_speaks(self, now: float) -> None:
        if self._hangup is not None and self._hangup.can_be_taken_back:
            self._take_back()
        self._idle.somebody_is_there()
        self._limit.interrupted()
        self._turns.speech_started(now)
        self.caller.speaks(now)

    def _take_back(self) -> None:
        assert self._hangup is not None
        self._hangup.take_back()
        self._hangup = None
        self._record.hangups_cancelled += 1
        self._outbox.note("hangup_cancelled")

    def _interrupt(self, now: float) -> None:
        self._limit.interrupted()
        self._turns.interrupt(now)

    def _tell_keys(self, now: float) -> None:
        if self._begun and self._hangup is None and self._keypad.deliver():
            self._turns.ask(tools.ANSWER, now)

    def _agent_sounds(self, now: float) -> None:
        self._limit.sounded()
        if self._hangup is not None:
            self._hangup.spoke(now)

    def _response_created(self, response_id: str, now: float) -> None:
        self._turns.created(response_id, now)
        if self._hangup is not None:
            self._hangup.created(response_id)

    def _response_done(self, response: realtime.FinishedResponse, now: float) -> EndReason | None:
        self._outbox.note("response_done", status=response.status)
        reason = self._turns.done(response, now)
        return self.give_up(reason, now) if reason is not None else None

    def _item_done(self, response_id: str, item: realtime.OutputItem, now: float) -> None:
        self._turns.progressed(now)
        if item.type != "function_call" or item.status not in {"completed", None}:
            return
        if item.call_id is None:
            count(self._record.out_of_turn, "function_call without call_id")
            return
        self._record.tool_calls += 1
        interrupted = self._turns.responses.interrupted(response_id)
        self._outbox.note("tool_called", name=item.name, interrupted=interrupted)
        if interrupted:
            problem = "the caller interrupted; ask again if it is still needed"
            self._outbox.tool_output(item.call_id, tools.failed(problem))
        elif item.name == tools.END_CALL.name:
            self._outbox.tool_output(item.call_id, tools.succeeded("hanging up"))
            self._hang_up(response_id, now)
        else:
            self._outbox.tool_output(item.call_id, tools.failed("there is no such tool"))
            if self._hangup is None:
                self._turns.ask(tools.ANSWER, now)

    def _hang_up(self, response_id: str, now: float) -> None:
        if self._hangup is None:
            interruptible = self._plan.end_call_interruptible
            goodbye = Goodbye(EndReason.AGENT_HUNG_UP, tools.FAREWELL, interruptible)
            self._say_goodbye(goodbye, now, response_id)

    def _time_is_up(self, now: float) -> None:
        """Whoever speaks has had time to finish. The caller's voice does not prevent this."""
        self._turns.interrupt(now)
        words = tools.TIME_IS_UP if self._up_for is EndReason.LIMIT else tools.LINE_CLOSES
        self._say_goodbye(Goodbye(self._up_for, words, interruptible=False), now)

    def _idle_for_long(self, now: float) -> None:
        """Whoever speaks up is there after all, so this goodbye can always be taken back."""
        if not self._idle.due(now):
            words = tools.goodbye_to_silence(self._plan.idle_goodbye_text)
            self._say_goodbye(Goodbye(EndReason.IDLE_CALLER, words, interruptible=True), now)

    def _say_goodbye(self, goodbye: Goodbye, now: float, response_id: str | None = None) -> None:
        """Begin to hang up; ``response_id``: of the response with which the model does."""
        self._outbox.note("hanging_up", reason=goodbye.reason.value)
        self._hangup = Hangup(
            goodbye, self._plan, self._outbox, self._playback, self._deadlines, self._turns
        )
        self._hangup.begin(response_id, now)
