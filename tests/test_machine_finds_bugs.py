"""A machine that cannot fail proves nothing: each classic bug, planted in the core, is found by it.

The bugs are those of the field (most are named in the vendors' issue trackers): each is a few lines
that replace a rule of the core.
"""

from collections import deque
from collections.abc import Callable

import pytest

from bridge.core.call import Call, EndReason
from bridge.core.caller import Caller
from bridge.core.commands import End
from bridge.core.hangup import Hangup
from bridge.core.memory import Memory
from bridge.core.outbox import Outbox
from bridge.core.phases import Leg
from bridge.core.playback import Cut, Interruption, Playback
from bridge.core.playhead import Playhead
from bridge.core.realtime import InputAudioBufferAppend
from bridge.core.responses import Responses
from bridge.core.sessions import Sessions
from bridge.core.tape import Tape
from bridge.core.turns import Turns
from tests.call_machines import Plant, found
from tests.test_call_machine import CallMachine


def _changed_cuts(plant: pytest.MonkeyPatch, change: Callable[[Playback, Cut], int]) -> None:
    """Truncate at another position than the one found."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        cuts = tuple(Cut(cut.item_id, change(self, cut)) for cut in found.cuts)
        return Interruption(cuts, found.response_ids)

    plant.setattr(Playback, "interrupt", planted)


def truncate_at_sent(plant: pytest.MonkeyPatch) -> None:
    """twilio-agent-connect: the whole reply counts as heard when it has been sent."""
    _changed_cuts(plant, lambda self, cut: self._items[cut.item_id].sent // 8)


def truncate_past_the_end(plant: pytest.MonkeyPatch) -> None:
    """The sample: wall-clock time without a clamp, 'already shorter than'."""
    _changed_cuts(plant, lambda self, cut: self._items[cut.item_id].sent // 8 + 1)


def truncate_at_the_last_mark(plant: pytest.MonkeyPatch) -> None:
    """Only what was acknowledged counts: the round trip and the time since are forgotten."""

    def heard(self: Playhead, now: float) -> int:
        return self.acked

    plant.setattr(Playhead, "heard", heard)


def forget_the_round_trip(plant: pytest.MonkeyPatch) -> None:
    """Acknowledged plus the time since: short by the latency of both ways."""

    def planted(self: Playhead, samples: deque[float], round_trip_s: float) -> None:
        samples.append(round_trip_s)
        self.round_trip_s = 0.0

    plant.setattr(Playhead, "_measured", planted)


def forget_the_queue(plant: pytest.MonkeyPatch) -> None:
    """Wall clock since the item was sent, as if nothing stood before it in the queue."""
    piece = Playback._piece

    def planted_piece(self: Playback, item: object, audio: bytes, now: float) -> object:
        sent_at = vars(self).setdefault("sent_at", {})
        sent_at.setdefault(item.item_id, now)  # type: ignore[attr-defined]
        return piece(self, item, audio, now)  # type: ignore[arg-type]

    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        cuts = []
        for cut in found.cuts:
            elapsed_ms = int((now - vars(self)["sent_at"][cut.item_id]) * 1000)
            sent_ms = self._items[cut.item_id].sent // 8
            cuts.append(Cut(cut.item_id, min(elapsed_ms, sent_ms)))
        return Interruption(tuple(cuts), found.response_ids)

    plant.setattr(Playback, "_piece", planted_piece)
    plant.setattr(Playback, "interrupt", planted)


def count_echoed_marks(plant: pytest.MonkeyPatch) -> None:
    """The sample: marks have no names, so the echoes of a clear acknowledge the next reply."""
    reached = Playhead.reached

    def planted(self: Playhead, name: str, now: float) -> bool:
        if name not in self._marks and self._marks and "probe" not in name:
            name = next(iter(self._marks))
        return reached(self, name, now)

    plant.setattr(Playhead, "reached", planted)


def gate_on_generation(plant: pytest.MonkeyPatch) -> None:
    """agents-js #1173: no barge-in when the reply is generated but still sounding."""
    interrupt = Turns._interrupt

    def planted(self: Turns, now: float) -> None:
        if self.responses.live:
            interrupt(self, now)

    plant.setattr(Turns, "_interrupt", planted)


def forget_the_second_item(plant: pytest.MonkeyPatch) -> None:
    """Only the item being heard is truncated; those queued behind it are remembered in full."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        return Interruption(found.cuts[:1], found.response_ids)

    plant.setattr(Playback, "interrupt", planted)


def forward_late_deltas(plant: pytest.MonkeyPatch) -> None:
    """Audio of the cancelled response is played after the clear."""
    plant.setattr(Responses, "interrupted", lambda self, response_id: False)


def remember_late_deltas(plant: pytest.MonkeyPatch) -> None:
    """They are dropped, but the model goes on remembering them."""
    plant.setattr(Playback, "late", lambda self, item_id: None)


def no_clear(plant: pytest.MonkeyPatch) -> None:
    """The model stops, the sound does not."""
    plant.setattr(Outbox, "clear", lambda self: None)


def clear_in_silence(plant: pytest.MonkeyPatch) -> None:
    """Each word of the caller clears and truncates, audible or not."""
    plant.setattr(Playback, "audible", lambda self, now: True)


def cut_the_goodbye(plant: pytest.MonkeyPatch) -> None:
    """The caller's voice still interrupts while the agent hangs up."""
    begin = Hangup.begin

    def planted(self: Hangup, response_id: str, now: float) -> None:
        begin(self, response_id, now)
        self._turns.listening = True

    plant.setattr(Hangup, "begin", planted)


def hang_up_on_response_done(plant: pytest.MonkeyPatch) -> None:
    """Generated is taken for heard: the goodbye is cut off."""
    plant.setattr(Playback, "complete", property(lambda self: True))


def hang_up_while_speaking(plant: pytest.MonkeyPatch) -> None:
    """The goodbye is taken for finished while it is being generated."""
    plant.setattr(Responses, "idle", property(lambda self: True))


def end_twice(plant: pytest.MonkeyPatch) -> None:
    """Both legs report the end, and both are believed."""
    end = Call._end

    def planted(self: Call, reason: EndReason, now: float) -> None:
        end(self, reason, now)
        self._outbox.put(End(reason))

    plant.setattr(Call, "_end", planted)


def lose_the_first_words(plant: pytest.MonkeyPatch) -> None:
    """Caller audio from before the session is thrown away."""

    def planted(self: Caller, now: float) -> None:
        self._kept.clear()
        deliver(self, now)

    deliver = Caller.deliver
    plant.setattr(Caller, "deliver", planted)


def repeat_the_first_words(plant: pytest.MonkeyPatch) -> None:
    """What was kept is delivered, and kept."""
    deliver = Caller.deliver

    def planted(self: Caller, now: float) -> None:
        deliver(self, now)
        commands = self._outbox._commands
        commands += [one for one in commands if isinstance(one, InputAudioBufferAppend)]

    plant.setattr(Caller, "deliver", planted)


def let_the_last_moments_go(plant: pytest.MonkeyPatch) -> None:
    """What was on its way to the session that was lost is not given to the next one."""
    plant.setattr(Tape, "between", lambda self, start, end: b"")


def restore_all_that_was_said(plant: pytest.MonkeyPatch) -> None:
    """Livekit and others: another session is told the words that were generated, not heard."""
    plant.setattr(Memory, "_share", lambda self, entry, heard: 1.0)


def restore_what_still_sounds(plant: pytest.MonkeyPatch) -> None:
    """An answer that is still playing is taken for heard."""
    plant.setattr(Playback, "heard_of", lambda self, item_id, now: None)


def truncate_in_another_session(plant: pytest.MonkeyPatch) -> None:
    """Items are truncated that the session in use has never had."""
    cut = Memory.cut

    def planted(self: Memory, item_id: str, heard_ms: int) -> bool:
        cut(self, item_id, heard_ms)
        return True

    plant.setattr(Memory, "cut", planted)


def listen_to_both(plant: pytest.MonkeyPatch) -> None:
    """What comes from a session that is not in use any more is played."""

    def planted(self: Sessions, number: int) -> Leg | None:
        return Leg.READY if number < self.in_use else leg(self, number)

    leg = Sessions.leg
    plant.setattr(Sessions, "leg", planted)


def ask_while_active(plant: pytest.MonkeyPatch) -> None:
    """`response.create` without waiting for `response.done`."""
    plant.setattr(Responses, "ready_to_ask", lambda self: self._wanted is not None)


def leave_a_call_unanswered(plant: pytest.MonkeyPatch) -> None:
    """A function call of the model gets no output."""
    plant.setattr(Outbox, "tool_output", lambda self, call_id, output: None)


def no_deadline(plant: pytest.MonkeyPatch) -> None:
    """A call that cannot end by itself."""
    plant.setattr(Call, "deadline", property(lambda self: float("inf")))


BUGS: list[Plant] = [
    truncate_at_sent,
    truncate_past_the_end,
    truncate_at_the_last_mark,
    forget_the_round_trip,
    forget_the_queue,
    count_echoed_marks,
    gate_on_generation,
    forget_the_second_item,
    forward_late_deltas,
    remember_late_deltas,
    no_clear,
    clear_in_silence,
    cut_the_goodbye,
    hang_up_on_response_done,
    hang_up_while_speaking,
    end_twice,
    lose_the_first_words,
    repeat_the_first_words,
    let_the_last_moments_go,
    restore_all_that_was_said,
    restore_what_still_sounds,
    truncate_in_another_session,
    listen_to_both,
    ask_while_active,
    leave_a_call_unanswered,
    no_deadline,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_the_machine_finds(bug: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A law breaks, and not by an accident elsewhere."""
    assert found(bug, CallMachine, monkeypatch, examples=2000, steps=8)
