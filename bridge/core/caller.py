"""What the caller says.

Owns the audio kept while no session listens, what of it another session must hear again, and the
gaps of carriers that send nothing in silence. Knows no leg's state and no rule of turns. Times are
monotonic seconds.

Heard again is the caller's unanswered turn from its beginning; else the last moments, because a
session may go before it has told that it heard the caller begin, or before it heard it at all. One
that took nothing any more has heard nothing for longer than that: then it is all the audio since
the last turn. But never a turn that is over and answered: it would be answered twice.
"""

from collections import deque
from typing import Final

from bridge.core.deadlines import Deadlines
from bridge.core.mulaw import BYTES_PER_MS, silence, whole_ms
from bridge.core.outbox import Outbox
from bridge.core.record import CallRecord
from bridge.core.tape import Tape

GAP: Final = "gap"
"""Deadline: look whether the carrier has stopped sending."""

KEPT_MAX_MS: Final = 60_000
"""Caller audio kept while no session listens; the oldest goes first."""
AGAIN_MS: Final = 1_500
"""So much of the last audio a new session hears again if the caller has been silent."""
ONSET_MS: Final = 1_000
"""A server that does not say where a turn begins has noticed it by then."""
GAP_MS: Final = 300
"""No audio for so long while the caller speaks: the carrier has stopped sending."""
ALIVE_MS: Final = 100
"""Something else from Twilio so long after the last audio: the line lives, it only has no sound."""
GAP_STEP_MS: Final = 200
"""A gap is filled in steps of this length."""
LIFE_S: Final = 3.0
"""A sign of life is good for so long; then the line may have stalled, and is asked again."""


class Caller:
    """The caller's voice in one call."""

    def __init__(
        self,
        outbox: Outbox,
        deadlines: Deadlines,
        record: CallRecord,
        *,
        never_silent: bool = False,
    ) -> None:
        """Begin; ``never_silent``: the model's clock is what it hears, so every gap is filled."""
        self._never_silent = never_silent
        self._outbox = outbox
        self._deadlines = deadlines
        self._record = record
        self._kept: deque[bytes] = deque()
        self._kept_size = 0
        self._speaking = False
        self._audio_at = 0.0
        self._filled_ms = 0
        self._tape = Tape()
        self._turn_at: int | None = None
        self._unanswered_at: int | None = None
        self._heard_to = 0
        self._deaf = False

    @property
    def unanswered(self) -> bool:
        """The caller has said something, or is saying it, and was not answered yet."""
        return self._unanswered_at is not None

    def keep(self, audio: bytes, now: float) -> None:
        """Keep audio that nobody can hear yet."""
        self._audio_at = now
        if not audio:
            return
        self._kept.append(audio)
        self._kept_size += len(audio)
        while self._kept_size > KEPT_MAX_MS * BYTES_PER_MS:
            oldest = self._kept.popleft()
            self._kept_size -= len(oldest)
            self._record.caller_audio_dropped_ms += whole_ms(len(oldest))

    def deliver(self, now: float) -> None:
        """A session begins to listen: give it what it must hear again, and what was kept.

        In order and in one piece: the server reads it at once.
        """
        start = self._unanswered_at
        if start is None:
            again_from = 0 if self._deaf else self._tape.end - AGAIN_MS * BYTES_PER_MS
            start = max(self._heard_to, again_from)
        again = self._tape.between(start, self._tape.end)
        kept = b"".join(self._kept)
        self._kept.clear()
        self._kept_size = 0
        self._record.caller_audio_kept_ms += whole_ms(len(kept))
        self._record.caller_audio_again_ms += whole_ms(len(again))
        self._tape.restart()
        self._turn_at, self._heard_to = None, 0
        self._unanswered_at = None if self._unanswered_at is None else 0
        if again or kept:
            self._append(again + kept)
        if self._never_silent:
            self._audio_at, self._filled_ms = now, 0
            self._deadlines.set(GAP, now + GAP_MS / 1000)

    def audio(self, audio: bytes, now: float) -> None:
        """Send audio on, at once and as it is."""
        self._audio_at = now
        self._filled_ms = 0
        self._append(audio)

    def _append(self, audio: bytes) -> None:
        self._tape.add(audio)
        self._outbox.append(audio)

    def speaks(self, start_ms: float | None, now: float) -> None:
        """The server believes the caller is speaking: it must hear how that ends.

        ``start_ms``: since when, in the audio which the session was given.
        """
        self._speaking = True
        self._deadlines.set(GAP, max(now, self._audio_at + GAP_MS / 1000))
        onset = max(0, self._tape.end - ONSET_MS * BYTES_PER_MS)
        self._turn_at = onset if start_ms is None else self._place(start_ms)
        if self._unanswered_at is None:
            self._unanswered_at = self._turn_at

    def stops(self, end_ms: float | None) -> None:
        """The server has heard the caller stop; ``end_ms``: where, in the audio it was given."""
        self.is_silent()
        self._heard_to = self._tape.end if end_ms is None else self._place(end_ms)

    def _place(self, at_ms: float) -> int:
        """Where that is on the tape; a server may name any number."""
        return round(min(max(0.0, at_ms), self._tape.end / BYTES_PER_MS) * BYTES_PER_MS)

    def turn(self) -> bytes:
        """Return the sound of the turn that is over now; empty if nobody spoke."""
        if self._turn_at is None:
            return b""
        sound = self._tape.between(self._turn_at, max(self._turn_at, self._heard_to))
        self._turn_at = None
        return sound

    def answered(self) -> None:
        """The model answers what the caller has said."""
        self._unanswered_at = self._turn_at if self._speaking else None

    def is_silent(self) -> None:
        """The server knows the caller has stopped."""
        self._speaking = False
        if not self._never_silent:
            self._deadlines.clear(GAP)

    def unheard(self, *, deaf: bool) -> None:
        """There is no server any more; ``deaf``: it has not heard the last of the audio."""
        self._speaking, self._deaf = False, deaf
        self._deadlines.clear(GAP)

    def fill_gap(self, inbound_at: float, now: float) -> bool:
        """`GAP` is due: stand in for audio the carrier did not send.

        ``inbound_at`` is when Twilio was last heard of. A carrier that sends nothing in silence and
        a line that has stalled look alike until something else comes: what is stalled comes late,
        and silence in its place would end the caller's turn. False: nothing has come yet.

        It is filled for as long as the server listens for the turn's end: some turn detection waits
        for eight seconds of silence.
        """
        silent_ms = round((now - self._audio_at) * 1000)
        if silent_ms < GAP_MS:
            self._deadlines.set(GAP, self._audio_at + GAP_MS / 1000)
            return True
        self._deadlines.set(GAP, now + GAP_STEP_MS / 1000)
        if inbound_at < max(self._audio_at + ALIVE_MS / 1000, now - LIFE_S):
            return False
        missing_ms = silent_ms - self._filled_ms
        self._filled_ms = silent_ms
        self._record.silence_added_ms += missing_ms
        self._append(silence(missing_ms))
        return True
