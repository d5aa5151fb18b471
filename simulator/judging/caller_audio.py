"""The caller's audio on its way to the model: what arrived, in which order, and what was lost.

Owns the books of the other direction: frames which Twilio sent, bytes which the model got. Bytes
are compared with bytes, in order, whatever framing the bridge uses. Knows nothing of the bridge.

What arrives is, in this order of preference: the next bytes of the caller; digital silence of the
bridge's own (padding for a caller whose line sends nothing while silent); a later frame, what lies
between being lost; else bytes the caller did not send. Where lost silence was taken for padding,
the next recognisable frame puts the sums right.

A session that takes over may be given again what the one before it has heard last, in its first
audio: the end of all that was delivered, and on from there without a gap. It must be, if the caller
was in the middle of a turn: words that only the other session has heard are lost.
"""

from collections import deque
from typing import Literal

import msgspec

from simulator.judging import readings
from simulator.judging.observer import Observer
from simulator.judging.readings import BYTES_PER_MS
from simulator.trace import Event

PENDING_MAX = 3000
"""Frames under way that are kept: a minute. Older ones are lost, whatever comes."""

RECENT_MAX = 50
"""Delivered frames kept, to recognise audio that is delivered again."""

FRAME_BYTES = 160

AGAIN_BYTES_MAX = 32_000 * BYTES_PER_MS
"""So much of what was delivered may be given to another session again."""

Kind = Literal["caller", "padding", "again", "repeated", "foreign"]


class Arrival(msgspec.Struct, frozen=True):
    """One stretch of what the model got. `sent_ms` = when Twilio sent it (caller only)."""

    kind: Kind
    length: int
    sent_ms: float = 0.0


class CallerAudio(Observer):
    """Follows the caller's audio. After each append, `arrivals` tells what it was."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals: tuple[Arrival, ...] = ()
        self.padding_bytes = 0
        self.lost_bytes = 0
        self.session_ready = False
        self._pending: deque[tuple[float, bytes]] = deque()
        self._used = 0
        self._recent: deque[bytes] = deque(maxlen=RECENT_MAX)
        self._padding_since_sync = 0
        self._up_until_ms: float | None = None
        self._up: set[int] = set()
        self._listening = 0
        self._delivered = bytearray()
        self._speech_ms: float | None = None
        self._turn_bytes = 0
        self.on("caller.speech_started", self._speaks)
        self.on("realtime.sent", self._turn_over, "input_audio_buffer.committed")
        self.on("realtime.turn_taken", self._turn_over)
        self.on("twilio.sent", self._frame, "media")
        self.on("realtime.received", self._append, "input_audio_buffer.append")
        self.on("realtime.sent", self._ready, "session.updated")
        self.on("realtime.upgraded", self._session_up)
        self.on("realtime.closed", self._session_down)
        self.on("twilio.closed", self._down)
        self.on("phone.ended", self._down)

    @property
    def lost_ms(self) -> float:
        """Caller audio that never reached the model, as far as it is known now."""
        return self.lost_bytes / BYTES_PER_MS

    def settle(self, at_ms: float, under_way_ms: float) -> None:
        """Count what never arrived, except what was still under way when the call ended.

        Args:
            at_ms: the end of the run, if nothing ended the call before.
            under_way_ms: the longest a frame takes from Twilio to the model.
        """
        if not self.session_ready:
            return
        end_ms = at_ms if self._up_until_ms is None else min(self._up_until_ms, at_ms)
        for number, (sent_ms, frame) in enumerate(self._pending):
            if sent_ms + under_way_ms < end_ms:
                self.lost_bytes += len(frame) - (0 if number else self._used)
        self._pending.clear()

    def _ready(self, _: Event) -> None:
        self.session_ready = True

    def _session_up(self, event: Event) -> None:
        self._up.add(readings.connection(event.data))
        self._up_until_ms = None

    def _session_down(self, event: Event) -> None:
        self._up.discard(readings.connection(event.data))
        if not self._up:
            self._down(event)

    def _down(self, event: Event) -> None:
        if self._up_until_ms is None:
            self._up_until_ms = event.at_ms

    def _frame(self, event: Event) -> None:
        audio = event.data["audio"]
        if event.data.get("lost"):
            self.lost_bytes += len(audio)
            return
        self._pending.append((event.at_ms, audio))
        if len(self._pending) > PENDING_MAX:
            self._lose_first()

    def _append(self, event: Event) -> None:
        audio, number = event.data["audio"], readings.connection(event.data)
        again: tuple[Arrival, ...] = ()
        if number > self._listening:
            self._listening = number
            length = self._given_again(audio)
            again = (Arrival("again", length),) if length else ()
            audio = audio[length:]
            self.lost_bytes += max(0, self._turn_bytes - length)
        self._deliver(audio)
        if self._speech_ms is not None:
            began_ms = self._speech_ms
            self._turn_bytes += sum(one.length for one in self.arrivals if one.sent_ms >= began_ms)
        if again:
            self.arrivals = again + self.arrivals
        self._delivered += audio
        del self._delivered[:-AGAIN_BYTES_MAX]

    def _speaks(self, event: Event) -> None:
        if self._speech_ms is None:
            self._speech_ms = event.at_ms

    def _turn_over(self, _: Event) -> None:
        self._speech_ms, self._turn_bytes = None, 0

    def _given_again(self, audio: bytes) -> int:
        """How much of a session's first audio was heard by the one before; the least possible."""
        ends = [len(audio)]
        at = len(audio)
        for number, (_, frame) in enumerate(self._pending):
            at -= len(frame) - (0 if number else self._used)
            ends.append(at)
        waiting = b"".join(frame for _, frame in self._pending)[self._used :]
        for end in reversed([end for end in ends if end >= 0]):
            if waiting.startswith(audio[end:]) and self._delivered.endswith(audio[:end]):
                return end
        return 0

    def _deliver(self, audio: bytes) -> None:
        if self._pending and not self._used and self._pending[0][1] == audio:
            sent_ms, frame = self._pending.popleft()
            self._recent.append(frame)
            self._padding_since_sync = 0
            self.arrivals = (Arrival("caller", len(frame), sent_ms),)
            return
        arrivals = []
        at = 0
        while at < len(audio):
            arrival = self._next(audio, at)
            arrivals.append(arrival)
            at += arrival.length
        self.arrivals = tuple(arrivals)

    def _next(self, audio: bytes, at: int) -> Arrival:
        if self._agrees(0, self._used, audio, at):
            return self._take(len(audio) - at)
        chunk = audio[at : at + FRAME_BYTES]
        if readings.silent(chunk):
            self.padding_bytes += len(chunk)
            self._padding_since_sync += len(chunk)
            return Arrival("padding", len(chunk))
        for index in range(1, len(self._pending)):
            if self._agrees(index, 0, audio, at):
                self._lose_before(index)
                return self._take(len(audio) - at)
        kind: Kind = "repeated" if any(chunk in frame for frame in self._recent) else "foreign"
        return Arrival(kind, len(chunk))

    def _agrees(self, index: int, offset: int, audio: bytes, at: int) -> bool:
        if index >= len(self._pending):
            return False
        frame = self._pending[index][1]
        length = min(len(frame) - offset, len(audio) - at)
        return frame[offset : offset + length] == audio[at : at + length]

    def _take(self, available: int) -> Arrival:
        sent_ms, frame = self._pending[0]
        length = min(len(frame) - self._used, available)
        self._used += length
        self._padding_since_sync = 0
        if self._used == len(frame):
            self._recent.append(frame)
            self._pending.popleft()
            self._used = 0
        return Arrival("caller", length, sent_ms)

    def _lose_before(self, index: int) -> None:
        lost_bytes = self.lost_bytes
        for _ in range(index):
            self._lose_first()
        really_silence = min(self._padding_since_sync, self.lost_bytes - lost_bytes)
        self.padding_bytes -= really_silence
        self.lost_bytes -= really_silence
        self._padding_since_sync = 0

    def _lose_first(self) -> None:
        _, frame = self._pending.popleft()
        self.lost_bytes += len(frame) - self._used
        self._used = 0
