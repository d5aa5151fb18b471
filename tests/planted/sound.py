"""Field bugs of sound and memory: interruption, truncation, marks, items.

Each function plants the bug it is named for in the bridge, for as long as `patch` lasts; its
docstring says how a bridge comes by it. The healthy bridge's own methods do the rest.
"""

from collections import Counter

import trio
from pytest import MonkeyPatch  # noqa: PT013 - a type, on every second line

from bridge.core.mulaw import BYTES_PER_MS, BYTES_PER_S, whole_ms
from bridge.core.outbox import Outbox
from bridge.core.playback import MARK_SPACING_MS, Cut, Interruption, Piece, Playback
from bridge.core.playhead import Playhead
from bridge.core.responses import Responses
from bridge.core.turns import Turns
from bridge.core.twilio import Outbound, SendMedia
from bridge.legs import TwilioLeg

NOTHING_FOUND = Interruption((), frozenset())


def no_clear(patch: MonkeyPatch) -> None:
    """The model is told to stop, Twilio is not: what is buffered is played to its end."""
    patch.setattr(Outbox, "clear", lambda self: None)


def no_truncate(patch: MonkeyPatch) -> None:
    """The sound is stopped, and the model goes on believing that it said everything."""
    patch.setattr(Outbox, "truncate", lambda self, cut: None)


def truncate_at_sent(patch: MonkeyPatch) -> None:
    """What was sent counts as heard, though seconds of it wait in Twilio's buffer."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        cuts = tuple(
            Cut(cut.item_id, whole_ms(self._items[cut.item_id].sent)) for cut in found.cuts
        )
        return Interruption(cuts, found.response_ids)

    patch.setattr(Playback, "interrupt", planted)


def truncate_by_the_clock(patch: MonkeyPatch) -> None:
    """Heard is the time since an item's first delta, as in the sample everybody begins with.

    As there, something sounds while a mark is missing, and nothing clamps the position.
    """
    began: dict[str, float] = {}
    play, interrupt = Playback.play, Playback.interrupt

    def noting(
        self: Playback, response_id: str, item_id: str, audio: bytes, now: float
    ) -> list[Piece]:
        began.setdefault(item_id, now)
        return play(self, response_id, item_id, audio, now)

    def planted(self: Playback, now: float) -> Interruption:
        item = self._stretches[-1].item
        found = interrupt(self, now)
        cut = Cut(item.item_id, round((now - began[item.item_id]) * 1000))
        return Interruption((cut,), found.response_ids | {item.response_id})

    patch.setattr(Playback, "audible", lambda self, now: self.head.marks_out)
    patch.setattr(Playback, "play", noting)
    patch.setattr(Playback, "interrupt", planted)


def truncate_at_zero(patch: MonkeyPatch) -> None:
    """An interrupted item is forgotten as a whole: the model repeats what was heard."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        return Interruption(tuple(Cut(cut.item_id, 0) for cut in found.cuts), found.response_ids)

    patch.setattr(Playback, "interrupt", planted)


def position_counts_from_the_answer(patch: MonkeyPatch) -> None:
    """One position for all items of an answer: the second one is cut beyond its end."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        heard_ms = whole_ms(self.head.heard(now))
        found = interrupt(self, now)
        cuts = tuple(Cut(cut.item_id, heard_ms) for cut in found.cuts)
        return Interruption(cuts, found.response_ids)

    patch.setattr(Playback, "interrupt", planted)


def forgotten_second_item(patch: MonkeyPatch) -> None:
    """Only the item being heard is truncated; the ones queued behind it stay remembered."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        return Interruption(found.cuts[:1], found.response_ids)

    patch.setattr(Playback, "interrupt", planted)


def marks_counted_after_clear(patch: MonkeyPatch) -> None:
    """Every mark that returns is a piece played, also those which a clear has thrown back."""
    reached = Playhead.reached
    credit: Counter[Playhead] = Counter()

    def planted(self: Playhead, name: str, now: float) -> bool:
        self.acked -= credit[self]
        known = reached(self, name, now)
        if not known:
            credit[self] += MARK_SPACING_MS * BYTES_PER_MS
        self.acked += credit[self]
        return known

    patch.setattr(Playhead, "reached", planted)


def wait_for_the_cleared_marks(patch: MonkeyPatch) -> None:
    """After a clear nothing is played until all its marks are back; they may never be."""
    clear, reached, play = Playhead.clear, Playhead.reached, Playback.play
    missing: set[str] = set()

    def clearing(self: Playhead, now: float) -> None:
        missing.update(self._marks)
        clear(self, now)

    def returned(self: Playhead, name: str, now: float) -> bool:
        missing.discard(name)
        return reached(self, name, now)

    def planted(
        self: Playback, response_id: str, item_id: str, audio: bytes, now: float
    ) -> list[Piece]:
        return [] if missing else play(self, response_id, item_id, audio, now)

    patch.setattr(Playhead, "clear", clearing)
    patch.setattr(Playhead, "reached", returned)
    patch.setattr(Playback, "play", planted)


def barge_in_gated_on_generation(patch: MonkeyPatch) -> None:
    """Only an active response can be interrupted; an answer is mostly generated when it sounds."""
    stop_sound = Turns._stop_sound

    def planted(self: Turns, now: float) -> Interruption:
        return stop_sound(self, now) if self.responses.live else NOTHING_FOUND

    patch.setattr(Turns, "_stop_sound", planted)


def barge_in_gated_on_marks(patch: MonkeyPatch) -> None:
    """Only sound whose mark came back counts as playing: the first words cannot be interrupted."""
    stop_sound = Turns._stop_sound

    def planted(self: Turns, now: float) -> Interruption:
        head = self._playback.head
        return stop_sound(self, now) if head.acked > head._run_base else NOTHING_FOUND

    patch.setattr(Turns, "_stop_sound", planted)


def clear_and_truncate_in_silence(patch: MonkeyPatch) -> None:
    """Whenever the caller speaks, the last item is cut, though it was heard long ago."""
    interrupt = Playback.interrupt

    def planted(self: Playback, now: float) -> Interruption:
        found = interrupt(self, now)
        last = next(reversed(self._items.values()), None)
        if found.cuts or last is None:
            return found
        return Interruption((Cut(last.item_id, whole_ms(last.sent)),), frozenset())

    patch.setattr(Playback, "audible", lambda self, now: True)
    patch.setattr(Playback, "interrupt", planted)


def late_deltas_forwarded(patch: MonkeyPatch) -> None:
    """Audio of a cancelled response that was under way is played on top of the silence."""
    patch.setattr(Responses, "interrupted", lambda self, response_id: False)


def always_cancels(patch: MonkeyPatch) -> None:
    """response.cancel goes out at every interruption, whether or not a response is active."""
    stop_sound = Turns._stop_sound

    def planted(self: Turns, now: float) -> Interruption:
        found = stop_sound(self, now)
        for response_id in found.response_ids:
            self._outbox.cancel(response_id)
        return found

    patch.setattr(Turns, "_stop_sound", planted)


def agent_audio_sent_twice(patch: MonkeyPatch) -> None:
    """A piece is sent again, as a retry after a timeout would."""
    play = Outbox.play
    sent = [0]

    def planted(self: Outbox, pieces: list[Piece]) -> None:
        play(self, pieces)
        sent[0] += len(pieces)
        if sent[0] > 10:
            sent[0] = 0
            play(self, pieces[-1:])

    patch.setattr(Outbox, "play", planted)


def agent_audio_paced(patch: MonkeyPatch) -> None:
    """Audio is sent at the pace of speech, a piece each 200 ms, as if Twilio had no buffer."""
    send = TwilioLeg.send

    async def planted(self: TwilioLeg, message: Outbound) -> None:
        await send(self, message)
        if isinstance(message, SendMedia):
            await trio.sleep(len(message.payload) / BYTES_PER_S)

    patch.setattr(TwilioLeg, "send", planted)
