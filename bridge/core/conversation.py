"""The conversation: everything between the two legs once both stand.

Owns what each event of the conversation sets off: whose books (`turns`, `caller`, `keypad`, `idle`,
`limit`, `functions`, `filler`, `hangup`) it concerns and in which order, and when both sides are at
rest. Knows nothing of legs, and of how a call begins and ends; when the call cannot go on, the
reason is returned.
"""

from functools import partial
from math import inf
from typing import Final, assert_never

from bridge.core import realtime, tools
from bridge.core.caller import Caller
from bridge.core.commands import EndReason, ToolAnswered
from bridge.core.filler import Filler
from bridge.core.functions import Functions
from bridge.core.hangup import Goodbye, Hangup, Step
from bridge.core.idle import Idle
from bridge.core.keypad import Keypad
from bridge.core.limit import Limit
from bridge.core.record import count
from bridge.core.responses import Finished
from bridge.core.rule import Parts, Rule
from bridge.core.turns import Turns
from bridge.core.unbroken import Unbroken

PROBE_SPACING_S: Final = 0.4
"""How often the round trip is measured until it is well known; then once per turn of the caller."""


class Conversation(Rule):
    """The conversation of one call. The caller's audio may come before it begins."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.probe_at = inf
        self._parts = parts
        plan, outbox, deadlines, record = self._plan, self._outbox, self._deadlines, self._record
        outbox.abilities = plan.abilities
        self._stream = Unbroken(plan, self._playback, deadlines, record)
        self.caller = Caller(outbox, deadlines, record, never_silent=plan.abilities.streams)
        self._keypad = Keypad(plan, outbox, deadlines, record)
        self._turns = Turns(parts)
        self._idle = Idle(parts, self._turns)
        ends_at = record.began + plan.call_max_s
        self._limit = Limit(parts, self._turns, ends_at)
        self._functions = Functions(parts, self._turns)
        self._filler = Filler(parts, self._turns)
        self._hangup: Hangup | None = None
        self._up_for = EndReason.LIMIT
        self._begun = False
        self._pending: Finished | None = None
        self._goes_on = False
        self._memory = outbox.memory

    @property
    def closing(self) -> bool:
        """The model has said it wants to hang up, or we have, and nobody took that back."""
        return self._hangup is not None

    @property
    def heard_out(self) -> Goodbye | None:
        """The goodbye, when it has been heard: the line may be released, or handed on."""
        over = self._hangup is not None and self._hangup.step is Step.OVER
        return self._hangup.goodbye if self._hangup is not None and over else None

    def begin(self, now: float) -> None:
        """The session is ready."""
        self._begun = True
        self._listens(now)
        if self._plan.greeting:
            self._turns.ask(tools.greeting(self._plan.greeting), now)
        self._tell_keys(now)
        self.probe(now)

    def leave(self, now: float, *, deaf: bool = False) -> None:
        """The session is gone, or will not be used any more. What it owed is owed by the next."""
        self.caller.unheard(deaf=deaf)
        self._stream.ends()
        self._pending = self._turns.lost(now) or self._pending
        self._functions.advance(False, now)  # what a lost response has called is news from here on

    def resume(self, now: float) -> None:
        """Another session is in use, and knows nothing: tell it what was said, and go on."""
        again = self.caller.unanswered
        if again:
            self._memory.forget_unanswered()
        self._outbox.restore(self._memory.restore(partial(self._heard_of, now)))
        self._listens(now)
        self._turns.resumed(now, again=again)
        pending, self._pending = self._pending, None
        if pending is not None and not again:
            if pending.spoken:
                self._goes_on = True
            else:
                self._turns.ask(pending.options, now)
        self._turns.ask_if_possible(now)
        self._tell_keys(now)
        self.advance(now)

    def _listens(self, now: float) -> None:
        """A session listens, and must be heard of."""
        self.caller.deliver(now)
        self._stream.begins(now)

    def _heard_of(self, now: float, item_id: str) -> tuple[int, bool] | None:
        return self._playback.heard_of(item_id, now)

    def _settle(self, now: float) -> None:
        """What still sounded when another session took over may be known in full by now."""
        self._outbox.restore(self._memory.settle(partial(self._heard_of, now)))
        if self._goes_on and self._memory.settled:
            self._goes_on = False
            self._outbox.remark(tools.BROKE_OFF)
            self._turns.ask(tools.ANSWER, now)

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
        if self._outbox.realtime_open:
            if self._goes_on or not self._memory.settled:
                self._settle(now)
            if self._limit.advance(self._at_rest, now) and self._hangup is None:
                self._time_is_up(now)
        if self._hangup is not None:
            self._hangup.advance(now)
        callers = self._turns.caller_has_the_floor(now) or self._keypad.typing
        self._functions.advance(self._is_there and not callers, now)
        self._filler.advance(self._functions.running and self._quiet and not callers, now)
        self._idle.advance(self._at_rest, now)

    def time_is_up(self, reason: EndReason, now: float) -> None:
        """The call must end, its limit is reached or we stop: goodbye at the next quiet moment."""
        self._up_for = reason
        self._limit.reach(now)

    @property
    def _at_rest(self) -> bool:
        """Nobody speaks, types or owes the other an answer. What was said may still sound."""
        return self._quiet and not self._functions.busy

    @property
    def _quiet(self) -> bool:
        """The same, but a tool may run."""
        busy = self._turns.caller_speaking or self._turns.responses.owed or self._keypad.typing
        return self._is_there and not (busy or self._functions.wait_for_keys)

    @property
    def _is_there(self) -> bool:
        """The model can be spoken to, and the call goes on."""
        return self._hangup is None and self._outbox.realtime_open and not self._goes_on

    def quiet(self, now: float) -> bool:
        """Nothing is being said, owed, done or heard: nobody would notice another session."""
        idle = self._at_rest and self._turns.responses.idle and self._memory.settled
        return idle and self._playback.complete and not self._playback.audible(now)

    # -------------------------------------------------------------------- events
    def take(self, event: realtime.TurnEvent, now: float) -> EndReason | None:
        """An event of the conversation has come."""
        match event:
            case realtime.OutputAudioDelta():
                if self._turns.delta(event, now):
                    self._agent_sounds(event, now)
            case realtime.SpeechStarted(audio_start_ms=start_ms):
                self._caller_speaks(start_ms, now)
            case realtime.SpeechStopped(audio_end_ms=end_ms):
                self._turns.speech_stopped(now)
                self._filler.caller_stopped(now)
                self.caller.stops(end_ms)
                self.probe(now)
            case realtime.InputAudioBufferCommitted(item_id=item_id):
                self._memory.turn(item_id, self.caller.turn())
                self._turns.committed(now)
            case realtime.ResponseCreated(response=response):
                self._response_created(response.id, now)
            case realtime.OutputAudioDone(response_id=response_id, item_id=item_id):
                self._item_sounded(response_id, item_id, now)
            case realtime.OutputItemDone(response_id=response_id, item=item):
                self._item_done(response_id, item, now)
            case realtime.ResponseDone(response=finished):
                return self._response_done(finished, now)
            case _:
                assert_never(event)
        return None

    def words(self, event: realtime.WordEvent, now: float) -> None:
        """What is written down: words that were said, or will be heard, and billed seconds."""
        match event:
            case realtime.SessionLasted(seconds=seconds):
                self._stream.lasted(seconds, now)
                return
            case realtime.InputTranscribed(item_id=item_id, transcript=words):
                self._memory.transcribed(item_id, words or "")
                return
            case realtime.OutputTranscriptDelta(item_id=item_id, delta=words):
                self._memory.words(item_id, words)
            case realtime.OutputTranscriptDone(item_id=item_id, transcript=words):
                self._memory.all_words(item_id, words)
            case _:
                assert_never(event)
        self._turns.progressed(now)

    def progressed(self, now: float) -> None:
        """An event came that has no meaning, but shows that a response is alive."""
        self._turns.progressed(now)

    def refused(self, error: realtime.ErrorDetail, now: float) -> EndReason | None:
        """The server refused an event of ours."""
        reason = self._turns.refused(error, now)
        return self.give_up(reason, now) if reason is not None else None

    def session_is_there(self, now: float) -> None:
        """The session in use has confirmed something."""
        self._turns.session_is_there(now)

    def key(self, key: str, now: float) -> None:
        """The caller pressed a key. It may do what a voice may, and is told to the model."""
        if self._hangup is not None and not self._hangup.can_be_taken_back:
            count(self._record.out_of_turn, "twilio:Dtmf")
            return
        self._idle.somebody_is_there()
        if self._functions.wait_for_keys:
            self._interrupt(now)
            self._functions.key(key, now)
            return
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
                self._nothing_comes(now)
            case "keys" | "digits" | "filler":
                self._pause_is_long_enough(deadline, now)
            case "idle":
                self._idle_for_long(now)
            case "warning" | "quiet" | "patience":
                self._limit.due(deadline)
            case "retry":
                self._turns.ask_if_possible(now)
            case "response":
                if self._turns.stalled(now):
                    return self.give_up(EndReason.REALTIME_STALLED, now)
            case "stream":
                return self._stream_is_late(now)
            case _:
                assert self._hangup is not None
                self._hangup.due(deadline, now)
        return None

    def _nothing_comes(self, now: float) -> None:
        if not self.caller.fill_gap(self._playback.head.inbound_at, now):
            self.probe(now)  # its answer will show that the line lives

    def _stream_is_late(self, now: float) -> EndReason | None:
        stalled = self._stream.stands_still(now)
        return self.give_up(EndReason.REALTIME_STALLED, now) if stalled else None

    def _pause_is_long_enough(self, deadline: str, now: float) -> None:
        if deadline == "keys":
            self._keypad.pause()
            self._tell_keys(now)
        elif deadline == "digits":
            self._functions.no_more_keys("timeout")
        else:
            self._filler.due(now)

    def tool_answered(self, message: ToolAnswered) -> None:
        """A tool of ours has come to its end."""
        self._functions.answered(message)

    def not_handed_on(self, now: float) -> EndReason | None:
        """The line could not be handed on: the model is told, and the conversation goes on."""
        assert self._hangup is not None
        destination = self._hangup.goodbye.destination
        self._hangup.take_back()
        self._hangup = None
        if not self._outbox.realtime_open:
            return EndReason.REALTIME_LOST
        self._outbox.remark(tools.transfer_failed(destination))
        self._turns.add_news(now)
        return None

    def give_up(self, reason: EndReason, now: float) -> EndReason | None:
        """The model is of no more use. A goodbye is heard out; anything else is over."""
        if self._hangup is None:
            return reason
        self._hangup.give_up(now)
        return None

    # -------------------------------------------------------------------- what they set off
    def _caller_speaks(self, start_ms: float | None, now: float) -> None:
        if self._hangup is not None and self._hangup.can_be_taken_back:
            self._take_back()
        self._idle.somebody_is_there()
        self._limit.interrupted()
        self._goes_on = False
        self._functions.no_more_keys("speech")
        self._turns.speech_started(now)
        self.caller.speaks(start_ms, now)

    def _take_back(self) -> None:
        assert self._hangup is not None
        self._hangup.take_back()
        self._hangup = None
        self._record.hangups_cancelled += 1
        self._outbox.note("hangup_cancelled")

    def _interrupt(self, now: float) -> None:
        self._limit.interrupted()
        self._goes_on, self._pending = False, None
        self._turns.interrupt(now)

    def _tell_keys(self, now: float) -> None:
        if self._begun and self._hangup is None and self._keypad.deliver():
            self._turns.ask(tools.ANSWER, now)

    def _item_sounded(self, response_id: str, item_id: str, now: float) -> None:
        """All sound of an item has come; not if the server has stopped it for the caller's sake."""
        if not self._turns.responses.interrupted(response_id):
            self._memory.complete(item_id)
        self._turns.item_audio_done(item_id, now)

    def _agent_sounds(self, event: realtime.OutputAudioDelta, now: float) -> None:
        self._memory.sounded(event.item_id, len(event.delta))
        self._limit.sounded()
        self._answered()
        if self._hangup is not None:
            self._hangup.spoke(now)

    def _answered(self) -> None:
        if self.caller.unanswered:
            self.caller.answered()
            self._memory.answered()

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
        if item.type == "function_call" and item.status in {"completed", None}:
            self._answered()
        goodbye = self._functions.called(response_id, item, closing=self.closing, now=now)
        if goodbye is not None and self._hangup is None:
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
        self._functions.no_more_keys("hangup")
        self._hangup = Hangup(goodbye, self._parts, self._turns)
        self._hangup.begin(response_id, now)
