"""What streams that only listen hear: the caller's frames, and what the caller is played.

Owns the 20 ms beat while no stream both ways has one. Knows no message, and no verb by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from simulator.phone.mouth import Mouth
from simulator.sound import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, SILENT_FRAME
from simulator.timeline import Timeline, Timer


class Tap(Protocol):
    """Someone who listens."""

    def hear(self, inbound: bytes, outbound: bytes) -> None:
        """20 ms of both tracks."""
        ...


@dataclass(slots=True)
class Sound:
    """`audio`, again and again, between two moments."""

    audio: bytes
    from_ms: float
    until_ms: float

    def frame(self, end_ms: float) -> bytes:
        """The 20 ms up to `end_ms`, as far as it sounds then."""
        begin_ms = max(end_ms - FRAME_MS, self.from_ms)
        size = round((min(end_ms, self.until_ms) - begin_ms) * BYTES_PER_MS)
        if size <= 0 or not self.audio:
            return b""
        at = round((begin_ms - self.from_ms) * BYTES_PER_MS) % len(self.audio)
        frame = self.audio[at : at + size]
        while len(frame) < size:
            frame += self.audio[: size - len(frame)]
        return SILENT_FRAME[: round((begin_ms - end_ms + FRAME_MS) * BYTES_PER_MS)] + frame


class Tracks:
    """`taps` is empty nearly always: a stream both ways looks, and does nothing more."""

    # fidelity: inferred twilio.md 1.2 - what `<Say>` and `<Play>` play is on the outbound track, as
    #   tones, or as the clip of `/fixtures/` which a URL names
    def __init__(self, timeline: Timeline, mouth: Mouth) -> None:
        self.taps: list[Tap] = []
        self._timeline = timeline
        self._mouth = mouth
        self._timer: Timer | None = None
        self._driven = False  # a stream both ways has the beat
        self._played = bytearray()
        self._played_from = 0
        self._sound = Sound(b"", 0.0, 0.0)

    def sound(self, audio: bytes, lasts_ms: float) -> Callable[[], None]:
        """A verb plays `audio` to the caller, over and over, from now on; returns what ends it."""
        now_ms = self._timeline.now_ms
        sound = self._sound = Sound(audio, now_ms, now_ms + lasts_ms)

        def stop() -> None:
            sound.until_ms = min(sound.until_ms, self._timeline.now_ms)

        return stop

    def join(self, tap: Tap) -> None:
        """Let `tap` hear from now on."""
        self.taps.append(tap)
        if len(self.taps) == 1:
            self._mouth.attend(self._timeline.now_ms)
            self._plan()

    def leave(self, tap: Tap) -> None:
        """`tap` is over."""
        if tap in self.taps:
            self.taps.remove(tap)
        if not self.taps and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- told by the stream both ways, while there are taps ------------------------------

    def stream_began(self) -> None:
        """A new buffer, whose positions begin at nothing; from now on it passes frames on."""
        self._driven = True
        self._played.clear()
        self._played_from = 0

    def stream_over(self) -> None:
        """The stream has ended."""
        self._driven = False

    def queued(self, audio: bytes, position: int) -> None:
        """`audio` will be played at `position`; what was buffered behind it is dropped."""
        if position > self._played_from + len(self._played):
            self._played += SILENT_FRAME[:1] * (position - self._played_from - len(self._played))
        del self._played[max(position - self._played_from, 0) :]
        self._played += audio

    def pass_on(self, inbound: bytes, position: int) -> None:
        """One frame of the caller, who has heard everything before `position`."""
        due = max(position - self._played_from, 0)
        outbound = bytes(self._played[:due])
        del self._played[:due]
        self._played_from = max(position, self._played_from)
        self._give(inbound, outbound)

    # -- inside ----------------------------------------------------------------------------

    def _give(self, inbound: bytes, outbound: bytes) -> None:
        heard = outbound[-FRAME_BYTES:] + SILENT_FRAME[: max(FRAME_BYTES - len(outbound), 0)]
        for tap in tuple(self.taps):
            tap.hear(inbound, heard)

    def _plan(self) -> None:
        self._timer = self._timeline.at(self._timeline.now_ms + FRAME_MS, self._tick)

    def _tick(self) -> None:
        if not self._driven:
            now_ms = self._timeline.now_ms
            self._give(self._mouth.frame(now_ms) or SILENT_FRAME, self._sound.frame(now_ms))
        self._plan()
