"""The conversation: everything between the two legs once both stand.

Owns what each event of the conversation sets off: whose books (`turns`, `caller`, `hangup`) it
concerns and in which order, and what a tool call does. Knows nothing of legs, and of how a call
begins and ends; when the call cannot go on, the reason is returned.
"""

from math import inf
from typing import Final, assert_never

from bridge.core import realtime, tools
from bridge.core.caller import Caller
from bridge.core.commands import EndReason
from bridge.core.deadlines import Deadlines
from bridge.core.hangup import Hangup, Step
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
        self._turns = Turns(plan, outbox, playback, deadlines, record)
        self._hangup: Hangup | None = None
        self._begun = False
        self._plan = plan
        self._outbox = outbox
        self._playback = playback
        self._deadlines = deadlines
        self._record = record

    @property
    def closing(self) -> bool:
        """The model has said it wants to hang up, and nobody took that back."""
        return self._hangup is not None

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
        """Something has happened: go on with the hangup, if one is under way."""
        if self._hangup is not None:
            self._hangup.advance(now)

    # -------------------------------------------------------------------- events
    def take(self, event: realtime.TurnEvent, now: float) -> EndReason | None:
        """An event of the conversation has come."""
        match event:
            case realtime.OutputAudioDelta():
                if self._turns.delta(event, now) and self._hangup is not None:
                    self._hangup.spoke(now)
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
        """The caller pressed a key. During a goodbye that has no effect."""
        if self._hangup is not None:
            count(self._record.out_of_turn, "twilio:Dtmf")
        elif self.caller.press(key, now):
            self._tell_keys(now)

    def due(self, deadline: str, now: float) -> EndReason | None:
        """A deadline of the conversation has come."""
        match deadline:
            case "gap":
                if not self.caller.fill_gap(self._playback.head.inbound_at, now):
                    self.probe(now)  # its answer will show that the line lives
            case "keys":
                self._tell_keys(now)
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
        if self._hangup is not None and self._plan.end_call_interruptible:
            self._hangup.take_back()
            self._hangup = None
            self._record.hangups_cancelled += 1
            self._outbox.note("hangup_cancelled")
        self._turns.speech_started(now)
        self.caller.speaks(now)

    def _tell_keys(self, now: float) -> None:
        if self._begun and self._hangup is None and self.caller.deliver_keys():
            self._turns.ask(tools.ANSWER, now)

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
            self._hangup = Hangup(
                self._plan, self._outbox, self._playback, self._deadlines, self._turns
            )
            self._hangup.begin(response_id, now)
