"""Who speaks: the caller's voice against the model's.

Owns the rules of turns: what an interruption does, which audio is played, when a response is asked
for, and what follows a failed one. Knows nothing of how a call begins or ends; when a call cannot
go on, it returns the reason.

Interruption. When the caller begins to speak, everything the model has started is over: sound is
stopped with one `clear`, each item not fully heard is truncated to what was heard, and audio of
interrupted responses is dropped whenever it comes. It is the *sound* that counts, not the
generation: a reply is usually generated long before it has been heard. With ``interrupt_response``
the server cancels its active response by itself, otherwise we do. A key interrupts like a voice,
but the server does not hear it.
"""

from math import inf
from typing import Final

from bridge.core.answer_times import AnswerTimes
from bridge.core.commands import EndReason
from bridge.core.first_sound import FirstSound
from bridge.core.mulaw import whole_ms
from bridge.core.playback import Cut, Interruption
from bridge.core.realtime import ErrorDetail, FinishedResponse, OutputAudioDelta, ResponseOptions
from bridge.core.refusals import is_final, may_pass
from bridge.core.responses import Finished, Responses
from bridge.core.rule import Parts, Rule
from bridge.core.stalls import Stalls
from bridge.core.tools import ANSWER

RETRY: Final = "retry"
"""Deadline: ask again for a response that failed, or that had to wait for the caller's turn."""

RETRY_AFTER_S: Final = 1.0
FAILED_MAX: Final = 3
"""So many failed or refused responses in a row end the call: the caller has heard nothing."""

TAKEN_WITHIN_S: Final = 0.5
"""A turn is taken, and told to be, at once when the caller has stopped; not so late."""

NEWS_TRAVEL_S: Final = 0.4
"""A turn told of sooner after some news may have been taken before the server had the news."""


class Turns(Rule):
    """The turns of one call."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.responses = Responses(any_time=not parts.plan.abilities.takes_turns)
        self.first_sound = FirstSound()
        self._waits = AnswerTimes(parts.record)
        self.listening = True
        """The caller's voice counts: it interrupts and is answered. Not so during a goodbye."""
        self.closing = False
        """A hangup is under way: it decides itself what to ask for again."""
        self._stalls = Stalls(parts, self.responses)
        self._stopped_at = self._news_at = -inf
        self._failed_in_a_row = 0

    @property
    def caller_speaking(self) -> bool:
        """The server believes the caller is speaking."""
        return self._stalls.speaking_since is not None

    def caller_has_the_floor(self, now: float) -> bool:
        """The caller speaks, or has just stopped, or the server is about to answer that."""
        just_now = now < self._stopped_at + TAKEN_WITHIN_S
        return self.caller_speaking or just_now or self.responses.turn_owed

    # -------------------------------------------------------------------- the caller
    def speech_started(self, now: float) -> None:
        """The caller begins to speak."""
        self._stalls.spoken(now)
        self._waits.caller_speaks()
        if self.listening:
            self._deadlines.clear(RETRY)
            if self._plan.abilities.takes_turns:
                self._interrupt(now)
        self._watch(now)

    def speech_stopped(self, now: float) -> None:
        """The caller has stopped speaking."""
        self._stalls.spoken(None)
        self._stopped_at = now
        self._waits.caller_stopped(now)
        self._watch(now)

    def committed(self, now: float) -> None:
        """The caller's turn is complete, and is to be answered."""
        self._stalls.spoken(None)
        self._stopped_at = -inf
        if not (self.listening and self._plan.abilities.takes_turns):
            return
        if self._plan.turn_detection.create_response:
            self.responses.owe_turn(sees_news=now >= self._news_at + NEWS_TRAVEL_S)
            self.first_sound.asked(now)
            self._watch(now)
        else:
            self.ask(ANSWER, now)

    def interrupt(self, now: float) -> None:
        """Something interrupts that the server does not hear: what it is saying is cancelled."""
        self._deadlines.clear(RETRY)
        for response_id in self._break_off(now):
            self._outbox.cancel(response_id)
        self._watch(now)

    def _interrupt(self, now: float) -> None:
        active = self._break_off(now)
        if not self._plan.turn_detection.interrupt_response:
            for response_id in active:
                self._outbox.cancel(response_id)

    def _break_off(self, now: float) -> list[str]:
        """Stop the sound and want nothing any more. Returns the active responses."""
        active = self.responses.interrupt(self._stop_sound(now).response_ids)
        self.responses.unwant()
        return active

    def _stop_sound(self, now: float) -> Interruption:
        explanation = self._playback.head.explain(now)
        if not self._playback.audible(now):
            self._playback.drop_held()
            self._explain("nothing is audible", (), explanation)
            return Interruption((), frozenset())
        found = self._playback.interrupt(now)
        self._outbox.clear()
        for cut in found.cuts:
            self._truncate(cut)
        self._record.barge_ins += 1
        self._outbox.note(
            "interrupted", items=[[cut.item_id, cut.audio_end_ms] for cut in found.cuts]
        )
        self._explain("interrupted", found.cuts, explanation)
        return found

    def _truncate(self, cut: Cut) -> None:
        if self._outbox.truncate(cut):
            self._record.truncations += 1

    def _explain(self, decision: str, cuts: tuple[Cut, ...], explanation: str) -> None:
        if self._plan.show_timing_math:
            heard = "".join(f", heard {cut.audio_end_ms} ms of {cut.item_id}" for cut in cuts)
            self._outbox.note("playhead", explain=f"{decision}{heard}: timeline {explanation}")

    # -------------------------------------------------------------------- the model
    def created(self, response_id: str, now: float) -> None:
        """A response began."""
        self._record.responses += 1
        self.first_sound.created(response_id)
        if self.responses.created(response_id):
            self._outbox.cancel(response_id)
        self._watch(now, progress=True)

    def delta(self, event: OutputAudioDelta, now: float) -> bool:
        """Audio came. Returns whether it is played."""
        self._watch(now, progress=True)
        if self.responses.interrupted(event.response_id):
            self._record.late_deltas_dropped += 1
            cut = self._playback.late(event.item_id)
            if cut is not None:
                self._truncate(cut)
                explanation = self._playback.head.explain(now)
                self._explain("came after the interruption", (cut,), explanation)
            return False
        if not event.delta:
            return False
        self.responses.spoke(event.response_id)
        self.first_sound.sounded(event.response_id, now)
        self._waits.sounded(now)
        self._record.agent_audio_ms += whole_ms(len(event.delta))
        self._outbox.play(self._playback.play(event.response_id, event.item_id, event.delta, now))
        return True

    def item_audio_done(self, item_id: str, now: float) -> None:
        """All audio of an item has come."""
        self._outbox.play(self._playback.item_done(item_id, now))

    def done(self, response: FinishedResponse, now: float) -> EndReason | None:
        """A response is over. Returns a reason if the call cannot go on."""
        if response.usage is not None:
            self._record.tokens.add(response.usage)
        finished = self.responses.done(response.id)
        self._outbox.play(self._playback.response_done(response.id, now))
        if _yielded(response) and not self._plan.abilities.takes_turns:
            self._stop_sound(now)
        if response.status == "failed":
            reason = self._failed(response)
            if reason is not None:
                return reason
            interrupted = self.caller_speaking or self.responses.interrupted(response.id)
            if not (self.closing or finished.spoken or interrupted):
                self.responses.want(finished.options)
                self._deadlines.set(RETRY, now + RETRY_AFTER_S)
        elif response.status == "completed":
            self._failed_in_a_row = 0
        if RETRY not in self._deadlines:
            self.ask_if_possible(now)
        self._watch(now, progress=True)
        return None

    def _failed(self, response: FinishedResponse) -> EndReason | None:
        details = response.status_details
        error = (
            details.error if details is not None and details.error is not None else ErrorDetail()
        )
        self._record.responses_failed += 1
        self._outbox.note("response_failed", code=error.code, type=error.type)
        return self._is_enough(error)

    def _is_enough(self, error: ErrorDetail) -> EndReason | None:
        """Once more nothing came of a response."""
        self._failed_in_a_row += 1
        if not is_final(error) and self._failed_in_a_row < FAILED_MAX:
            return None
        self._record.realtime_refusal = error.code or error.type
        return EndReason.REALTIME_REFUSED

    def progressed(self, now: float) -> None:
        """Anything came that belongs to a response."""
        self._watch(now, progress=True)

    # -------------------------------------------------------------------- our requests
    def add_news(self, now: float) -> None:
        """Something was put into the conversation that a response must tell."""
        self._news_at = now
        self.responses.add_news()

    def ask(self, options: ResponseOptions, now: float) -> None:
        """Ask for a response, now or as soon as the server would accept it."""
        self.responses.want(options)
        self.ask_if_possible(now)

    def ask_if_possible(self, now: float) -> None:
        """Send the request that waits, if there is one and nobody else speaks first."""
        waiting = self.listening and (self.caller_speaking or self.responses.turn_owed)
        possible = self._outbox.realtime_open and self.responses.ready_to_ask()
        if possible and not waiting:
            options = self.responses.next_request()
            self.responses.asked(options, self._outbox.ask(options))
            self.first_sound.asked(now)
        self._watch(now)

    def refused(self, error: ErrorDetail, now: float) -> EndReason | None:
        """The server refused an event of ours; perhaps it was a request for a response."""
        again = error.code == "conversation_already_has_active_response"
        options = self.responses.failed_to_ask(error.event_id, again=again)
        reason = None
        if options is not None:
            reason = self._is_enough(error)
            if may_pass(error) and not self.closing:
                self.responses.want(options)
                self._deadlines.set(RETRY, now + RETRY_AFTER_S)
        self._watch(now)
        return reason

    def stop(self, now: float) -> None:
        """What the model has started or was asked for is not wanted any more; sound goes on."""
        for response_id in self.responses.interrupt(frozenset()):
            self._outbox.cancel(response_id)
        self.responses.unwant()
        self.responses.turn_owed = False
        if self._playback.audible(now):
            self._outbox.play(self._playback.flush(now))
        else:
            self._playback.drop_held()  # a click in the silence after a sound that broke off
        self._watch(now)

    def lost(self, now: float) -> Finished | None:
        """The session is gone: nobody speaks any more. Returns what somebody still waits for."""
        pending = self.responses.lost()
        self._stalls.spoken(None)
        self._outbox.play(self._playback.flush(now))
        self._deadlines.clear(RETRY)
        self._watch(now)
        return pending

    def resumed(self, now: float, *, again: bool) -> None:
        """Another session is in use, and was told all news before it hears anything.

        ``again``: it hears the caller's unanswered turn, and will tell of that in a moment.
        """
        self._news_at = -inf
        if again:
            self._stopped_at = now
            self._deadlines.set(RETRY, now + TAKEN_WITHIN_S)

    # -------------------------------------------------------------------- the watch
    def close(self) -> None:
        """A goodbye is said from now on."""
        self.closing = self._stalls.closing = True

    def fall_silent(self, now: float) -> None:
        """The goodbye is complete: nothing more is wanted of the model."""
        self._stalls.over = True
        self._watch(now)

    def reopen(self) -> None:
        """There will be no goodbye: the conversation goes on."""
        self.closing = self._stalls.closing = self._stalls.over = False

    def stalled(self, now: float) -> bool:
        """`RESPONSE` is due. Returns whether the model has stalled."""
        return self._stalls.due(now)

    def session_is_there(self, now: float) -> None:
        """The session has confirmed something."""
        self._stalls.is_there(now)

    def _watch(self, now: float, *, progress: bool = False) -> None:
        self._stalls.look(now, progress=progress)


def _yielded(response: FinishedResponse) -> bool:
    """The model broke off by itself, because the caller spoke into it."""
    details = response.status_details
    return details is not None and details.reason == "turn_detected"
