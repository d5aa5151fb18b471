"""When the caller heard what: places the agent's audio on the media stream's own clock.

Owns that estimate. Pure: time comes in. The clock is that of Twilio's timestamps, where the
caller's frames lie, so both voices can be laid side by side. Before the first frame both clocks are
taken to be one, so let the bridge's show 0 when the stream begins.

The soonest frame tells how far the bridge's clock is ahead: `lead` = arrival - timestamp, the way
to the bridge included. The soonest mark behind audio that had nothing to wait for tells the round
trip. So audio sent at `t` into an empty buffer is heard from `t + round trip - lead` on, and audio
sent while other audio plays follows that without a gap. A `clear` gives all pending marks back when
it gets there, so the return of the last one, less the lead, is where the sound stopped.
"""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bridge.core.mulaw import BYTES_PER_MS

HOLD_MS_MAX: Final = 30_000.0
"""A mark that is not back so long after its audio should have ended never comes."""

Place = Callable[[float, bytes], None]
"""Gets a time on the stream's clock and the audio heard from then on."""


@dataclass
class _Group:
    """Audio up to a mark, or behind the last one ("")."""

    sent_ms: float
    audio: bytearray = field(default_factory=bytearray)
    mark: str = ""


class HeardTrack:
    """One stream. All times in ms; `now_ms` on the bridge's clock, never going backwards."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lead_ms: float | None = None
        self._trip_ms = 0.0
        self._trip_known = False
        self._pending: deque[_Group] = deque()
        self._awaited: Counter[str] = Counter()  # the marks in there, by name
        self._open: _Group | None = None
        self._cut: list[_Group] = []
        self._cut_ms = 0.0
        self._end_ms = 0.0

    def frame(self, timestamp_ms: float, now_ms: float) -> None:
        """A frame of the caller came."""
        lead_ms = now_ms - timestamp_ms
        self._lead_ms = lead_ms if self._lead_ms is None else min(lead_ms, self._lead_ms)

    def sent(self, audio: bytes, now_ms: float) -> None:
        """Audio was sent."""
        self._open = self._open or _Group(now_ms)
        self._open.audio += audio

    def marked(self, name: str, now_ms: float) -> None:
        """A mark was sent behind it."""
        group = self._open or _Group(now_ms)
        group.mark, self._open = name, None
        self._pending.append(group)
        self._awaited[name] += 1

    def returned(self, name: str, now_ms: float) -> None:
        """A mark came back: all before it was heard, or dropped by a `clear`."""
        if self._cut and self._cut[-1].mark == name:
            self._cut_at(self._stream_ms(now_ms))
        elif self._awaited[name]:
            self._settle_cut()
            while self._pending:
                group = self._next()
                if group.mark == name:
                    self._learn(group, now_ms)
                self._put(group)
                if group.mark == name:
                    return

    def cleared(self, now_ms: float) -> None:
        """A `clear` was sent."""
        self._settle_cut()
        self._cut = self._take_pending()
        if self._open is not None:
            last = self._cut[-1].mark if self._cut else ""
            self._cut.append(_Group(self._open.sent_ms, self._open.audio, last))
        self._open = None
        self._cut_ms = self._stream_ms(now_ms) + self._trip_ms
        if self._cut and not self._cut[-1].mark:
            self._settle_cut()

    def settled_ms(self, now_ms: float) -> float:
        """Up to this time of the stream's clock it is known what was heard."""
        self._give_up_waiting(now_ms)
        reach_ms = self._stream_ms(now_ms)
        if self._cut:
            return min(reach_ms, self._start_of(self._cut[0]))
        waiting = self._pending[0] if self._pending else self._open
        if waiting is not None:
            return min(reach_ms, self._start_of(waiting))
        return reach_ms

    def finish(self, now_ms: float) -> None:
        """The stream is over: what can have been heard until now is placed."""
        self._settle_cut()
        self._cut = self._take_pending()
        if self._open is not None:
            self._cut.append(self._open)
        self._open = None
        self._cut_at(self._stream_ms(now_ms))

    # -- inside -----------------------------------------------------------------
    def _stream_ms(self, now_ms: float) -> float:
        """What the stream's clock shows when something arrives here now."""
        return now_ms - (self._lead_ms or 0.0)

    def _next(self) -> _Group:
        group = self._pending.popleft()
        self._awaited[group.mark] -= 1
        if not self._awaited[group.mark]:
            del self._awaited[group.mark]
        return group

    def _take_pending(self) -> list[_Group]:
        taken = list(self._pending)
        self._pending.clear()
        self._awaited.clear()
        return taken

    def _start_of(self, group: _Group) -> float:
        return max(self._end_ms, self._stream_ms(group.sent_ms) + self._trip_ms)

    def _learn(self, group: _Group, now_ms: float) -> None:
        """The round trip, from audio that had nothing to wait for."""
        if self._stream_ms(group.sent_ms) + self._trip_ms >= self._end_ms or not self._trip_known:
            trip_ms = now_ms - group.sent_ms - len(group.audio) / BYTES_PER_MS
            if trip_ms >= 0 and (not self._trip_known or trip_ms < self._trip_ms):
                self._trip_ms, self._trip_known = trip_ms, True

    def _put(self, group: _Group, until_ms: float | None = None) -> None:
        if not group.audio:
            return
        start_ms, audio = self._start_of(group), group.audio
        if until_ms is not None:
            audio = audio[: max(0, round((until_ms - start_ms) * BYTES_PER_MS))]
        if audio:
            self._place(start_ms, bytes(audio))
            self._end_ms = start_ms + len(audio) / BYTES_PER_MS

    def _cut_at(self, until_ms: float) -> None:
        cut, self._cut = self._cut, []
        for group in cut:
            self._put(group, until_ms)

    def _settle_cut(self) -> None:
        """The marks of the last `clear` did not come back: believe the estimate."""
        self._cut_at(self._cut_ms)

    def _give_up_waiting(self, now_ms: float) -> None:
        """Marks that are lost must not hold the recording up for ever."""
        reach_ms = self._stream_ms(now_ms) - HOLD_MS_MAX
        if self._cut and self._cut_ms < reach_ms:
            self._settle_cut()
        while self._pending and not self._cut:
            group = self._pending[0]
            end_ms = self._start_of(group) + len(group.audio) / BYTES_PER_MS
            if end_ms >= reach_ms:
                return
            self._put(self._next())
