"""Field bugs of the conversation: requests, tools, the caller's voice and keys, the goodbye.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it.
"""

from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

from bridge.core import realtime, tools
from bridge.core.caller import Caller
from bridge.core.conversation import Conversation
from bridge.core.first_sound import FirstSound
from bridge.core.functions import Functions
from bridge.core.hangup import DRAIN, WATCHDOG, Hangup, Step
from bridge.core.outbox import Outbox
from bridge.core.realtime import ResponseOptions
from bridge.core.responses import Responses
from bridge.core.turns import Turns
from bridge.core.unbroken import Unbroken


# -- requests and tools ---------------------------------------------------------------------------
def asks_without_waiting(patch: MonkeyPatch) -> None:
    """response.create goes out as soon as somebody wants it, though a response is active."""
    patch.setattr(Responses, "ready_to_ask", lambda self: self._wanted is not None)
    patch.setattr(Responses, "idle", property(lambda self: self._wanted is None))
    patch.setattr(Responses, "is_active", lambda self, response_id: False)


def refused_request_forgotten(patch: MonkeyPatch) -> None:
    """response.create lost its race against the server's own response, and nobody asks again."""
    failed_to_ask = Responses.failed_to_ask

    def planted(self: Responses, event_id: str | None, *, again: bool) -> ResponseOptions | None:
        lost = failed_to_ask(self, event_id, again=again)
        self.unwant()
        return lost

    patch.setattr(Responses, "failed_to_ask", planted)


def asks_after_every_turn(patch: MonkeyPatch) -> None:
    """Each turn of the caller is answered by request, although the server does it by itself."""
    committed = Turns.committed

    def planted(self: Turns, now: float) -> None:
        committed(self, now)
        self._outbox.ask(tools.ANSWER)

    patch.setattr(Turns, "committed", planted)


def tool_output_never_sent(patch: MonkeyPatch) -> None:
    """A tool is carried out, and the model waits for ever to hear of it."""
    patch.setattr(Outbox, "tool_output", lambda self, call_id, output: None)


def tool_output_sent_twice(patch: MonkeyPatch) -> None:
    """The output goes out when the arguments are done, and again when the item is."""
    tool_output = Outbox.tool_output

    def planted(self: Outbox, call_id: str, output: str) -> None:
        tool_output(self, call_id, output)
        tool_output(self, call_id, output)

    patch.setattr(Outbox, "tool_output", planted)


def silence_after_a_tool(patch: MonkeyPatch) -> None:
    """The output is sent, but no response is asked for: both sides wait."""
    ask = Turns.ask

    def planted(self: Turns, options: realtime.ResponseOptions, now: float) -> None:
        if options is not tools.ANSWER:
            ask(self, options, now)

    patch.setattr(Turns, "ask", planted)


def failed_response_ignored(patch: MonkeyPatch) -> None:
    """A response that failed is taken for one that had nothing to say."""
    patch.setattr(Turns, "_failed", lambda self, response: None)
    done = Turns.done

    def planted(self: Turns, response: realtime.FinishedResponse, now: float) -> object:
        over = realtime.FinishedResponse(response.id, "incomplete", None, response.usage)
        return done(self, over, now)

    patch.setattr(Turns, "done", planted)


# -- the caller's voice and keys ------------------------------------------------------------------
def early_audio_dropped(patch: MonkeyPatch) -> None:
    """What the caller says before the session is ready is thrown away."""
    patch.setattr(Caller, "keep", lambda self, audio, now: None)


def early_audio_not_kept(patch: MonkeyPatch) -> None:
    """What the caller says before the session is ready is sent as soon as there is a socket."""

    def planted(self: Caller, audio: bytes, now: float) -> None:
        self._outbox._commands.append(realtime.InputAudioBufferAppend("cb_0", audio))

    patch.setattr(Caller, "keep", planted)


def caller_audio_repeated(patch: MonkeyPatch) -> None:
    """A frame is sent again, as a retry after a timeout would."""
    audio = Caller.audio
    frames = [0]

    def planted(self: Caller, frame: bytes, now: float) -> None:
        audio(self, frame, now)
        frames[0] += 1
        if frames[0] % 50 == 0:
            audio(self, frame, now)

    patch.setattr(Caller, "audio", planted)


def caller_audio_reordered(patch: MonkeyPatch) -> None:
    """Frames overtake each other, as they do when each is sent by a task of its own."""
    audio = Caller.audio
    held: list[bytes] = []
    frames = [0]

    def planted(self: Caller, frame: bytes, now: float) -> None:
        frames[0] += 1
        if frames[0] % 50 == 0:
            held.append(frame)
            return
        audio(self, frame, now)
        if held:
            audio(self, held.pop(), now)

    patch.setattr(Caller, "audio", planted)


def caller_audio_batched(patch: MonkeyPatch) -> None:
    """Frames are collected and sent in blocks of 400 ms to save messages; the last never is."""
    audio = Caller.audio
    batch: list[bytes] = []

    def planted(self: Caller, frame: bytes, now: float) -> None:
        batch.append(frame)
        if len(batch) == 20:
            audio(self, b"".join(batch), now)
            batch.clear()

    patch.setattr(Caller, "audio", planted)


def gaps_not_filled(patch: MonkeyPatch) -> None:
    """A carrier that sends nothing in silence never lets the server see a turn's end."""
    patch.setattr(Caller, "fill_gap", lambda self, now: None)


def gaps_filled_for_three_seconds(patch: MonkeyPatch) -> None:
    """By then every turn detection has seen the end, or so it was thought."""
    fill_gap = Caller.fill_gap

    def planted(self: Caller, inbound_at: float, now: float) -> bool:
        return now - self._audio_at > 3.0 or fill_gap(self, inbound_at, now)

    patch.setattr(Caller, "fill_gap", planted)


def still_stream_excused_by_the_line(patch: MonkeyPatch) -> None:
    """A line without sound is taken for one that stands still, and the model is waited for."""

    def planted(self: Unbroken, now: float) -> bool:
        self.begins(now)
        return False

    patch.setattr(Unbroken, "stands_still", planted)


def keys_ignored(patch: MonkeyPatch) -> None:
    """Pressed keys reach nobody."""
    patch.setattr(Conversation, "key", lambda self, key, now: None)


def stall_never_noticed(patch: MonkeyPatch) -> None:
    """A model that owes an answer is waited for as long as the caller can bear the silence."""
    patch.setattr(Turns, "stalled", lambda self, now: False)


# -- the goodbye ----------------------------------------------------------------------------------
def hangs_up_on_response_done(patch: MonkeyPatch) -> None:
    """The goodbye is generated, so it is over: its sound is still in Twilio's buffer."""

    def planted(self: Hangup, now: float) -> None:
        self._deadlines.clear(WATCHDOG)
        self.step = Step.OVER

    patch.setattr(Hangup, "_drain", planted)


def hangs_up_on_the_tool_call(patch: MonkeyPatch) -> None:
    """end_call hangs up, whatever is still being said."""
    begin = Hangup.begin

    def planted(self: Hangup, response_id: str, now: float) -> None:
        begin(self, response_id, now)
        self.step = Step.OVER

    patch.setattr(Hangup, "begin", planted)


def grace_counts_from_response_done(patch: MonkeyPatch) -> None:
    """The polite pause runs while the goodbye is still heard; a long one is cut."""
    patch.setattr(Hangup, "_drain", lambda self, now: self._pause(now))


def farewell_mark_awaited_for_ever(patch: MonkeyPatch) -> None:
    """The last mark is waited for without a deadline; if it is lost, the line stays up."""
    drain = Hangup._drain

    def planted(self: Hangup, now: float) -> None:
        drain(self, now)
        self._deadlines.clear(DRAIN)

    patch.setattr(Hangup, "_drain", planted)


def farewell_awaited_for_ever(patch: MonkeyPatch) -> None:
    """A goodbye was asked for and never comes; nobody watches."""
    advance, begin = Hangup.advance, Hangup.begin

    def advancing(self: Hangup, now: float) -> None:
        advance(self, now)
        self._deadlines.clear(WATCHDOG)

    def beginning(self: Hangup, response_id: str, now: float) -> None:
        begin(self, response_id, now)
        self._deadlines.clear(WATCHDOG)

    patch.setattr(Hangup, "advance", advancing)
    patch.setattr(Hangup, "begin", beginning)


def farewell_not_asked_for(patch: MonkeyPatch) -> None:
    """end_call without words drops the caller in silence."""
    begin = Hangup.begin

    def planted(self: Hangup, response_id: str, now: float) -> None:
        self._asks = 2
        begin(self, response_id, now)

    patch.setattr(Hangup, "begin", planted)


def farewell_asked_for_twice(patch: MonkeyPatch) -> None:
    """A goodbye is asked for although the model has just said it."""
    patch.setattr(Responses, "has_spoken", lambda self, response_id: False)


def farewell_cut_by_the_caller(patch: MonkeyPatch) -> None:
    """Thanks, bye! spoken into the goodbye interrupts it, and is answered."""
    begin = Hangup.begin

    def planted(self: Hangup, response_id: str, now: float) -> None:
        begin(self, response_id, now)
        self._turns.listening = True

    patch.setattr(Hangup, "begin", planted)


def server_still_interrupts_the_farewell(patch: MonkeyPatch) -> None:
    """The bridge ignores the caller during the goodbye, but has not told the server to."""
    patch.setattr(Outbox, "turn_detection", lambda self, detection: None)


def second_end_call_starts_again(patch: MonkeyPatch) -> None:
    """Two end_calls in one response: each asks for a goodbye of its own."""
    item_done = Conversation._item_done

    def planted(
        self: Conversation, response_id: str, item: realtime.OutputItem, now: float
    ) -> None:
        if self._hangup is not None and item.name == tools.END_CALL.name:
            self._outbox.ask(tools.FAREWELL)
        item_done(self, response_id, item, now)

    patch.setattr(Conversation, "_item_done", planted)


def line_handed_on_too_early(patch: MonkeyPatch) -> None:
    """Twilio is asked to dial when the announcement was made: what it has not played is lost."""
    drain = Hangup._drain

    def planted(self: Hangup, now: float) -> None:
        drain(self, now)
        if self.goodbye.line is not None:
            self.step = Step.OVER

    patch.setattr(Hangup, "_drain", planted)


def word_of_patience_asked_for_late(patch: MonkeyPatch) -> None:
    """When the silence is too long, and not so early that it does not get too long."""
    patch.setattr(FirstSound, "expected_s", 0.0)
    patch.setattr("bridge.core.filler.MARGIN_S", 0.0)


def caller_not_heard_after_a_failed_transfer(patch: MonkeyPatch) -> None:
    """Turn detection stays as it was for the announcement."""
    take_back = Hangup.take_back

    def planted(self: Hangup) -> None:
        self._turns.listening = True
        take_back(self)

    patch.setattr(Hangup, "take_back", planted)


def collected_keys_told_as_text_too(patch: MonkeyPatch) -> None:
    """The keys are the model's output, and what the caller says besides."""
    key = Functions.key

    def planted(self: Functions, pressed: str, now: float) -> None:
        self._outbox.say_for_caller(f"The caller pressed {pressed}.")
        key(self, pressed, now)

    patch.setattr(Functions, "key", planted)
