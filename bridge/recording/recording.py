"""The recording of one call: both voices side by side, handed on as soon as they are certain.

Owns the two channels in memory. Never waits and never raises; knows no file. Left is the caller,
where Twilio's timestamps put each frame; right is what the caller heard. What is certain is handed
over each second. Held back are at most 30 s (a mark that is not back, see `heard`) and what the
agent says meanwhile.

It begins with the stream: with the first message that passes. There lies the zero of both channels,
and the caller's first frame lies where it arrived; only the later ones go by their timestamps. No
peer can make a channel longer than the call has lasted, and a minute.

Nothing is recorded before the call has a name, which it gets after the call token was checked.
Full: when the sink has no room, that piece is silence in the recording, and is counted.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from bridge.core import twilio
from bridge.core.mulaw import BYTES_PER_MS, FRAME_BYTES, SILENCE
from bridge.core.record import CallRecord
from bridge.recording.heard import HeardTrack
from bridge.recording.transcript import Transcript

PIECE_MS: Final = 1000
LATE_MS_MAX: Final = 10_000.0
"""A frame of the caller that is later than this is not recorded: its time has been written."""
WAVER_BYTES: Final = 3 * FRAME_BYTES // 2
AHEAD_MS_MAX: Final = 60_000.0
"""Further ahead of the time there has been no timestamp is believed, nor any sound kept."""
TIMESTAMP_MS_MAX: Final = 10**12
"""30 years: a larger number is no time."""


@dataclass(frozen=True, eq=False)
class RecordingName:
    """Whose recording it is. `began_at`: when the stream began, seconds since the epoch."""

    call_sid: str
    began_at: float


@dataclass(frozen=True)
class SoundPiece:
    """Interleaved sound. `silence`: bytes of silence before it. `transcript`: the call is over."""

    call: RecordingName
    sound: bytes
    silence: int = 0
    transcript: list[dict[str, Any]] | None = None

    @property
    def weight(self) -> int:
        """Bytes in memory, about."""
        return len(self.sound)

    @property
    def is_last(self) -> bool:
        """Nothing more comes of this call."""
        return self.transcript is not None


class RecordingSink(Protocol):
    """Where pieces go."""

    def take(self, piece: SoundPiece) -> bool:
        """Take a piece; False = no room, and it is lost. Never waits, never raises."""


@dataclass(frozen=True)
class Recordings:
    """What recordings share. Without a sink there are none."""

    sink: RecordingSink | None = None
    wall_clock: Callable[[], float] = field(default=lambda: 0.0)

    def begin(self) -> "Recording | None":
        """A recording for one more call; None = this process records none."""
        return None if self.sink is None else Recording(self.sink, self.wall_clock)


class Recording:
    """One call's. `now` is the shell's monotonic seconds."""

    def __init__(self, sink: RecordingSink, wall_clock: Callable[[], float]) -> None:
        self._sink = sink
        self._wall_clock = wall_clock
        self._name: RecordingName | None = None
        self._heard = HeardTrack(self._place)
        self._words = Transcript()
        self._left = bytearray()
        self._right = bytearray()
        self._base = 0  # bytes of each channel that were handed over
        self._began_ms: float | None = None
        self._now_ms = 0.0  # since then
        self._offset_ms: float | None = None  # what Twilio's clock showed then
        self._lost = 0

    def name(self, call_sid: str) -> None:
        """The call is known to be ours."""
        if self._name is None:
            self._name = RecordingName(call_sid, self._wall_clock())

    def twilio(self, way: str, message: Any, now: float) -> None:
        """A message of the media stream, received or about to be sent."""
        if self._name is None:
            return
        now_ms = self._see(now)
        match way, message:
            case "in", twilio.Media(timestamp_ms=timestamp_ms, payload=audio):
                self._hear_caller(timestamp_ms, audio)
            case "in", twilio.Mark(name=name):
                self._heard.returned(name, now_ms)
                self._words.returned(message)
            case "out", twilio.SendMedia(payload=audio):
                self._heard.sent(audio, now_ms)
            case "out", twilio.SendMark(name=name):
                self._heard.marked(name, now_ms)
            case "out", twilio.Clear():
                self._heard.cleared(now_ms)
        self._hand_over(min(self._heard.settled_ms(now_ms), self._caller_ms()), PIECE_MS)

    def realtime(self, way: str, event: Any, now: float) -> None:
        """A Realtime event: the text received, or an event of ours."""
        if self._name is not None:
            self._words.realtime(way, event, self._see(now))

    def close(self, _reason: str, _record: CallRecord, now: float) -> None:
        """The call is over."""
        if self._name is None:
            return
        self._heard.finish(self._see(now))
        self._hand_over(self._base / BYTES_PER_MS + self._waiting_ms(), 0)
        words = self._words.entries()
        if self._base or words:
            self._sink.take(SoundPiece(self._name, b"", 0, words))
        self._name = None

    def _see(self, now: float) -> float:
        """Milliseconds since the recording began, which it does now if it has not yet."""
        if self._began_ms is None:
            self._began_ms = now * 1000
        self._now_ms = now * 1000 - self._began_ms
        return self._now_ms

    # -- channels ---------------------------------------------------------------
    def _waiting_ms(self) -> float:
        return max(len(self._left), len(self._right)) / BYTES_PER_MS

    def _caller_ms(self) -> float:
        """Up to where the caller's channel is complete; a silent line sends nothing."""
        written = (self._base + len(self._left)) / BYTES_PER_MS
        return max(written, self._now_ms - LATE_MS_MAX)

    def _hear_caller(self, timestamp_ms: int, audio: bytes) -> None:
        if not 0 <= timestamp_ms <= TIMESTAMP_MS_MAX:
            return
        if self._offset_ms is None:
            self._offset_ms = timestamp_ms - self._now_ms
        at_ms = timestamp_ms - self._offset_ms
        if at_ms > self._now_ms + AHEAD_MS_MAX:
            return
        self._heard.frame(at_ms, self._now_ms)
        end, at = self._base + len(self._left), round(at_ms * BYTES_PER_MS)
        # Timestamps waver around the 20 ms grid, and frames follow each other; one whose time has
        # been written already is not written again.
        if abs(at - end) < WAVER_BYTES:
            at = end
        if at >= end:
            self._lay(self._left, at - self._base, audio)

    def _place(self, at_ms: float, audio: bytes) -> None:
        at = round(at_ms * BYTES_PER_MS) - self._base
        if at < 0:
            audio, at = audio[-at:], 0
        self._lay(self._right, at, audio)

    def _lay(self, channel: bytearray, at: int, audio: bytes) -> None:
        """Put audio at a place behind what is there already; silence lies between."""
        at = max(at, len(channel))
        room = round((self._now_ms + AHEAD_MS_MAX) * BYTES_PER_MS) - self._base - at
        if room > 0:
            channel += SILENCE * (at - len(channel)) + audio[:room]

    def _hand_over(self, until_ms: float, least_ms: float) -> None:
        size = round(until_ms * BYTES_PER_MS) - self._base
        if size <= 0 or size < least_ms * BYTES_PER_MS or self._name is None:
            return
        sound = bytearray(2 * size)
        for side, channel in enumerate((self._left, self._right)):
            sound[side::2] = bytes(channel[:size]).ljust(size, SILENCE)
            del channel[:size]
        self._base += size
        if self._sink.take(SoundPiece(self._name, bytes(sound), self._lost)):
            self._lost = 0
        else:
            self._lost += len(sound)
