"""What the model says: responses made of the stretches of speech in its unbroken stream.

Owns where a response begins and ends, and what we asked the model to say. Everything is counted on
the stream's own clock, milliseconds of audio received: nothing here knows the time.

A response begins with the first piece that sounds and ends when the stream has been quiet for
`QUIET_MS`; silence between responses goes nowhere. What we ask for is answered by the first speech
that begins after the server says that the request has reached the model. A model that is speaking
then may go straight on: its response ends with a shorter pause, `ASKED_QUIET_MS`, or without any
after `TURNS_TO_MS`, and as nobody knows where in the next one the answer begins, that one ends only
when it has been quiet for `PATIENT_QUIET_MS`. A request that brings forth no speech for `ASKED_MS`
is answered by a response without sound: it owes us nothing.
"""

from dataclasses import dataclass
from typing import Final

from bridge.core import realtime
from bridge.core.mulaw import BYTES_PER_MS
from bridge.engines.gpt_live.loudness import sound_end

QUIET_MS: Final = 800.0
"""A pause between two sentences is shorter."""
ASKED_QUIET_MS: Final = 240.0
"""A pause between two words is shorter."""
TURNS_TO_MS: Final = 800.0
"""A model that is asked to say something else has turned to it by then."""
PATIENT_QUIET_MS: Final = 2000.0
YIELDED_QUIET_MS: Final = 400.0
"""The caller speaks, and the model has been quiet for so long: it has stopped for them."""
OVERLAP_MS: Final = 300.0
"""Words begun so long before the model fell silent were spoken into its speech."""
ASKED_MS: Final = 10_000.0
SESSION_CHARS_MAX: Final = 40


@dataclass(slots=True)
class _Utterance:
    """A response that sounds. ``loud_ms``: until when, on the stream's clock."""

    response_id: str
    item_id: str
    began_ms: float
    loud_ms: float
    patient: bool = False
    words: str = ""


@dataclass(slots=True)
class _Request:
    event_id: str
    asked_ms: float
    arrived_ms: float | None = None


class Mouth:
    """The model's side of one session."""

    def __init__(self) -> None:
        self.clock_ms = 0.0
        """How much of the stream has come."""
        self._now: _Utterance | None = None
        self._last: _Utterance | None = None
        self._request: _Request | None = None
        self._early_words = ""
        self._usage: realtime.Usage | None = None
        self._session = ""
        self._count = 1

    def name(self, session_id: str) -> None:
        """Call responses and items after the session: another one of the call has others."""
        self._session = "".join(char for char in session_id if char.isalnum())[:SESSION_CHARS_MAX]

    @property
    def response_id(self) -> str:
        """The response under way, or the one to come."""
        return self._now.response_id if self._now is not None else self._id("response")

    def _id(self, what: str) -> str:
        return f"{what}_{self._session}_{self._count}"

    # ------------------------------------------------------------------ requests
    def ask(self, event_id: str) -> None:
        """We have asked for something to be said; the server will name ``event_id``."""
        self._request = _Request(event_id, self.clock_ms)

    def asked(self, event_id: str | None) -> None:
        """The request has reached the model."""
        if self._request is not None and self._request.event_id == event_id:
            self._request.arrived_ms = self.clock_ms

    def refused(self, event_id: str | None) -> None:
        """The server refuses the request: nothing will be said."""
        if self._request is not None and self._request.event_id == event_id:
            self._request = None

    def spend(self, usage: realtime.Usage) -> None:
        """The backend used these tokens; they are told with the next response."""
        self._usage = usage if self._usage is None else _sum(self._usage, usage)

    # ------------------------------------------------------------------ the stream
    def hear(self, audio: bytes, caller_since_ms: float | None) -> list[realtime.ServerEvent]:
        """The next piece of the stream. ``caller_since_ms``: when the caller's words began."""
        began_ms = self.clock_ms
        self.clock_ms += len(audio) / BYTES_PER_MS
        sound_ms = sound_end(audio) / BYTES_PER_MS
        told: list[realtime.ServerEvent] = []
        if self._now is not None and self._has_turned:
            told += [*self._end(yielded=False), *self._begin(began_ms, patient=True)]
        if self._now is None:
            if not sound_ms:
                return self._unanswered()
            told += self._begin(began_ms)
        assert self._now is not None
        if sound_ms:
            self._now.loud_ms = began_ms + sound_ms
        told.append(realtime.OutputAudioDelta(self._now.response_id, self._now.item_id, audio))
        if self.clock_ms - self._now.loud_ms >= self._patience_ms(caller_since_ms):
            told += self._end(yielded=self._overlaps(caller_since_ms))
        return told

    def words(self, delta: str, start_ms: float) -> list[realtime.ServerEvent]:
        """Words of the model; they may come before their sound, or behind it."""
        utterance = self._now
        if utterance is None and self._last is not None and start_ms < self._last.loud_ms:
            utterance = self._last
        if utterance is None:
            self._early_words += delta
            return []
        return [self._told_words(utterance, delta)]

    def silence(self) -> list[realtime.ServerEvent]:
        """The session is over, and with it whatever was being said."""
        return self._end(yielded=False) if self._now is not None else []

    # ------------------------------------------------------------------ responses
    @property
    def _has_turned(self) -> bool:
        """A request reached a speaking model so long ago that this must be the answer."""
        arrived_ms = self._request.arrived_ms if self._request is not None else None
        return arrived_ms is not None and self.clock_ms - arrived_ms > TURNS_TO_MS

    def _begin(self, began_ms: float, *, patient: bool = False) -> list[realtime.ServerEvent]:
        names = self._id("response"), self._id("speech")
        self._now = _Utterance(*names, began_ms, began_ms, patient)
        self._count += 1
        if self._request is not None and self._request.arrived_ms is not None:
            self._request = None
        told: list[realtime.ServerEvent] = [
            realtime.ResponseCreated(realtime.Response(self._now.response_id))
        ]
        if self._early_words:
            told.append(self._told_words(self._now, self._early_words))
            self._early_words = ""
        return told

    def _told_words(self, utterance: _Utterance, delta: str) -> realtime.ServerEvent:
        utterance.words += delta
        return realtime.OutputTranscriptDelta(utterance.response_id, utterance.item_id, delta)

    def _patience_ms(self, caller_since_ms: float | None) -> float:
        assert self._now is not None
        if self._request is not None and self._request.arrived_ms is not None:
            return ASKED_QUIET_MS
        if self._now.patient:
            return PATIENT_QUIET_MS
        return QUIET_MS if caller_since_ms is None else YIELDED_QUIET_MS

    def _overlaps(self, caller_since_ms: float | None) -> bool:
        assert self._now is not None
        begun_in_time = caller_since_ms is not None and caller_since_ms >= self._now.began_ms
        return begun_in_time and (caller_since_ms or 0.0) <= self._now.loud_ms - OVERLAP_MS

    def _end(self, *, yielded: bool) -> list[realtime.ServerEvent]:
        utterance, self._now = self._now, None
        assert utterance is not None
        self._last = utterance
        response_id, item_id = utterance.response_id, utterance.item_id
        item = realtime.OutputItem(
            "message", id=item_id, status="incomplete" if yielded else "completed"
        )
        return [
            realtime.OutputAudioDone(response_id, item_id),
            realtime.OutputTranscriptDone(response_id, item_id, utterance.words),
            realtime.OutputItemDone(response_id, item),
            self._done(response_id, yielded=yielded),
        ]

    def _done(self, response_id: str, *, yielded: bool = False) -> realtime.ResponseDone:
        usage, self._usage = self._usage, None
        if not yielded:
            return realtime.ResponseDone(realtime.FinishedResponse(response_id, usage=usage))
        why = realtime.StatusDetails(reason="turn_detected")
        return realtime.ResponseDone(
            realtime.FinishedResponse(response_id, "cancelled", why, usage)
        )

    def _unanswered(self) -> list[realtime.ServerEvent]:
        """What we asked for is not said: tell of a response without sound."""
        request = self._request
        if request is None or self.clock_ms - request.asked_ms < ASKED_MS:
            return []
        self._request = None
        response_id = self._id("response")
        self._count += 1
        return [
            realtime.ResponseCreated(realtime.Response(response_id)),
            self._done(response_id),
        ]


def _sum(one: realtime.Usage, two: realtime.Usage) -> realtime.Usage:
    first = one.input_token_details or realtime.InputTokenDetails()
    second = two.input_token_details or realtime.InputTokenDetails()
    return backend_usage(
        one.input_tokens + two.input_tokens,
        first.cached_tokens + second.cached_tokens,
        one.output_tokens + two.output_tokens,
    )


def backend_usage(read: int, cached: int, written: int) -> realtime.Usage:
    """The usage of a backend that reads and writes text."""
    return realtime.Usage(
        read,
        written,
        realtime.InputTokenDetails(text_tokens=read, cached_tokens=cached),
        realtime.OutputTokenDetails(text_tokens=written),
    )
