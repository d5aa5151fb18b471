"""What Twilio has buffered for one stream and what the caller has heard of it.

Owns the playout clock: audio plays in the order it came, one byte of mu-law every 1/8 ms, from the
moment the buffer stops being empty; a mark is reached when all the audio before it has been heard;
`clear` drops what is unheard and gives every pending mark back. It is pure: time comes in as
`now_ms` (float ms, never going backwards), nothing is awaited, drawn or logged. It must not know a
wire, a bridge or a call.
"""

from __future__ import annotations

from collections import deque
from math import inf

import msgspec

BYTES_PER_MS = 8  # mu-law at 8000 samples a second
BUFFER_MAX_BYTES = 10 * 60 * 1000 * BYTES_PER_MS
# fidelity: documented twilio.md 1.3 - ten minutes are kept, the rest is discarded

_EPSILON_BYTES = 1e-4
"""Timers are floats: a byte that is due within 1/80000 ms counts as heard."""


class Played(msgspec.Struct, frozen=True):
    """Bytes `start_byte:end_byte` of one media message, heard without a gap."""

    tag: object
    start_byte: int
    end_byte: int
    from_ms: float
    to_ms: float
    audio: bytes


class MarkReached(msgspec.Struct, frozen=True):
    """All the audio before this mark has been heard, at `at_ms`."""

    name: str
    at_ms: float


class Cleared(msgspec.Struct, frozen=True):
    """What a `clear` threw away: unheard bytes, and the pending marks in the order they came."""

    dropped_bytes: int
    marks: list[str]


class _Media(msgspec.Struct):
    tag: object
    audio: bytes


class _Mark(msgspec.Struct):
    name: str


class Playout:
    """The buffer between the bridge and the caller's ear.

    Positions are absolute: byte 0 is the first byte ever heard on this stream, and a `clear` takes
    unheard positions back, so the next media continues at `position`.
    """

    def __init__(
        self, *, start_delay_ms: float = 0.0, buffer_max_bytes: int = BUFFER_MAX_BYTES
    ) -> None:
        """`start_delay_ms`: how long an empty buffer waits before it plays (a jitter buffer)."""
        self.buffered_bytes = 0
        self.discarded_bytes = 0
        self._start_delay_ms = start_delay_ms
        self._buffer_max_bytes = buffer_max_bytes
        self._queue: deque[_Media | _Mark] = deque()
        self._head_played = 0  # bytes of the queue's first message already heard
        self._run_start_ms = 0.0  # a run is audio without a gap; it began here ...
        self._run_first = 0  # ... with this absolute position ...
        self._run_played = 0  # ... and this many of its bytes have been heard
        self._happened: list[Played | MarkReached] = []

    @property
    def position(self) -> int:
        """Bytes heard since the stream began, as of the last call."""
        return self._run_first + self._run_played

    @property
    def end(self) -> int:
        """The position after the last buffered byte: where the next media will go."""
        return self.position + self.buffered_bytes

    @property
    def playing(self) -> bool:
        """Audio is buffered, so something is being heard (or about to be)."""
        return self.buffered_bytes > 0

    @property
    def next_ms(self) -> float:
        """When the next message ends or mark comes: inf if idle, -inf if `advance` has news."""
        if self._happened:
            return -inf
        head = self._queue[0] if self._queue else None
        if not isinstance(head, _Media):
            return inf
        return self._when(self._run_played + len(head.audio) - self._head_played)

    def when_ms(self, position: int) -> float:
        """When the caller hears the byte at `position`, which lies in the present run."""
        return self._when(position - self._run_first)

    def media(self, audio: bytes, now_ms: float, tag: object = None) -> int:
        """Append audio; it plays at once if nothing else does. Returns bytes over the cap."""
        self._play(now_ms)
        room = self._buffer_max_bytes - self.buffered_bytes
        kept = audio if len(audio) <= room else audio[:room]
        discarded = len(audio) - len(kept)
        self.discarded_bytes += discarded
        if not kept:
            return discarded
        if not self.buffered_bytes:
            self._run_first = self.position
            self._run_played = self._head_played = 0
            self._run_start_ms = now_ms + self._start_delay_ms
        self._queue.append(_Media(tag, kept))
        self.buffered_bytes += len(kept)
        return discarded

    def mark(self, name: str, now_ms: float) -> None:
        """Queue a mark behind the audio; with nothing buffered it is reached now."""
        self._play(now_ms)
        if self._queue:
            self._queue.append(_Mark(name))
        else:
            self._happened.append(MarkReached(name, now_ms))

    def clear(self, now_ms: float) -> Cleared:
        """Drop what has not been heard; `advance` reports the heard part of a cut message."""
        self._play(now_ms)
        self._report_head()
        cleared = Cleared(
            self.buffered_bytes, [entry.name for entry in self._queue if isinstance(entry, _Mark)]
        )
        self._queue.clear()
        self.buffered_bytes = 0
        return cleared

    def advance(self, now_ms: float) -> list[Played | MarkReached]:
        """Everything that happened until `now_ms` and was not told yet, in order."""
        self._play(now_ms)
        happened, self._happened = self._happened, []
        return happened

    def _when(self, run_byte: int) -> float:
        return self._run_start_ms + run_byte / BYTES_PER_MS

    def _play(self, now_ms: float) -> None:
        if not self._queue:
            return
        heard = int((now_ms - self._run_start_ms) * BYTES_PER_MS + _EPSILON_BYTES)
        while self._queue:
            head = self._queue[0]
            if isinstance(head, _Mark):
                self._queue.popleft()
                self._happened.append(MarkReached(head.name, self._when(self._run_played)))
                continue
            due = heard - self._run_played
            if due <= 0:
                return
            step = min(due, len(head.audio) - self._head_played)
            self._head_played += step
            self._run_played += step
            self.buffered_bytes -= step
            if self._head_played < len(head.audio):
                return
            self._report_head()
            self._queue.popleft()
            self._head_played = 0

    def _report_head(self) -> None:
        """Tell what has been heard of the first message in the queue."""
        head = self._queue[0] if self._queue else None
        if not isinstance(head, _Media) or not self._head_played:
            return
        played = self._head_played
        self._happened.append(
            Played(
                head.tag,
                0,
                played,
                self._when(self._run_played - played),
                self._when(self._run_played),
                head.audio[:played],
            )
        )
