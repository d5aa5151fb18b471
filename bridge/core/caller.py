"""What the caller says.

Owns the audio kept before the session is ready, and the gaps of carriers that send nothing in
silence. Knows no leg's state and no rule of turns. Times are monotonic seconds.
"""

from collections import deque
from typing import Final

from bridge.core.deadlines import Deadlines
from bridge.core.mulaw import BYTES_PER_MS, silence, whole_ms
from bridge.core.outbox import Outbox
from bridge.core.record import CallRecord

GAP: Final = "gap"
"""Deadline: look whether the carrier has stopped sending."""

KEPT_MAX_MS: Final = 15_000
"""Caller audio kept before the session is ready; the oldest goes first."""
GAP_MS: Final = 300
"""No audio for so long while the caller speaks: the carrier has stopped sending."""
ALIVE_MS: Final = 100
"""Something else from Twilio so long after the last audio: the line lives, it only has no sound."""
GAP_STEP_MS: Final = 200
"""A gap is filled in steps of this length."""
GAP_MAX_MS: Final = 3_000
"""A gap is filled for so long at most: by then every turn detection has seen the end."""


class Caller:
    """The caller's voice in one call."""

    def __init__(self, outbox: Outbox, deadlines: Deadlines, record: CallRecord) -> None:
        self._outbox = outbox
        self._deadlines = deadlines
        self._record = record
        self._kept: deque[bytes] = deque()
        self._kept_size = 0
        self._speaking = False
        self._audio_at = 0.0
        self._filled_ms = 0

    def keep(self, audio: bytes, now: float) -> None:
        """Keep audio that nobody can hear yet."""
        self._audio_at = now
        self._kept.append(audio)
        self._kept_size += len(audio)
        while self._kept_size > KEPT_MAX_MS * BYTES_PER_MS:
            oldest = self._kept.popleft()
            self._kept_size -= len(oldest)
            self._record.caller_audio_dropped_ms += whole_ms(len(oldest))

    def deliver_kept(self) -> None:
        """Send what was kept, in order and in one piece: the server reads it at once."""
        audio = b"".join(self._kept)
        self._kept.clear()
        self._kept_size = 0
        if audio:
            self._record.caller_audio_kept_ms = whole_ms(len(audio))
            self._outbox.append(audio)

    def audio(self, audio: bytes, now: float) -> None:
        """Send audio on, at once and as it is."""
        self._audio_at = now
        self._filled_ms = 0
        self._outbox.append(audio)
        if self._speaking and GAP not in self._deadlines:
            self._deadlines.set(GAP, now + GAP_MS / 1000)

    def speaks(self, now: float) -> None:
        """The server believes the caller is speaking: it must hear how that ends."""
        self._speaking = True
        self._deadlines.set(GAP, max(now, self._audio_at + GAP_MS / 1000))

    def is_silent(self) -> None:
        """The server knows the caller has stopped, or there is no server any more."""
        self._speaking = False
        self._deadlines.clear(GAP)

    def fill_gap(self, inbound_at: float, now: float) -> bool:
        """`GAP` is due: stand in for audio the carrier did not send.

        ``inbound_at`` is when Twilio was last heard of. A carrier that sends nothing in silence and
        a line that has stalled look alike until something else comes: what is stalled comes late,
        and silence in its place would end the caller's turn. False: nothing has come yet.
        """
        silent_ms = round((now - self._audio_at) * 1000)
        if silent_ms < GAP_MS:
            self._deadlines.set(GAP, self._audio_at + GAP_MS / 1000)
            return True
        if inbound_at < self._audio_at + ALIVE_MS / 1000:
            self._deadlines.set(GAP, now + GAP_STEP_MS / 1000)
            return False
        missing_ms = min(silent_ms, GAP_MAX_MS) - self._filled_ms
        if missing_ms > 0:
            self._filled_ms += missing_ms
            self._record.silence_added_ms += missing_ms
            self._outbox.append(silence(missing_ms))
            self._deadlines.set(GAP, now + GAP_STEP_MS / 1000)
        return True
