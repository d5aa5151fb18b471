"""What streams that only listen hear: the caller's frames, and what the caller is played.

Owns the 20 ms beat while no stream both ways has one. Knows no message.
"""

from __future__ import annotations

from typing import Protocol

from simulator.phone.mouth import Mouth
from simulator.sound import FRAME_BYTES, FRAME_MS, SILENT_FRAME
from simulator.timeline import Timeline, Timer


class Tap(Protocol):
    """Someone who listens."""

    def hear(self, inbound: bytes, outbound: bytes) -> None:
        """20 ms of both tracks."""
        ...


class Tracks:
    """`taps` is empty nearly always: a stream both ways looks, and does nothing more."""

    # fidelity: inferred twilio.md 1.2 - what `<Say>` and `<Play>` play is silence on a track
    def __init__(self, timeline: Timeline, mouth: Mouth) -> None:
        self.taps: list[Tap] = []
        self._timeline = timeline
        self._mouth = mouth
        self._timer: Timer | None = None
        self._driven = False  # a stream both ways has the beat
        self._played = bytearray()
        self._played_from = 0

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
            self._give(self._mouth.frame(self._timeline.now_ms) or SILENT_FRAME, b"")
        self._plan()
