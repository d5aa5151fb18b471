"""Whose audio is this? The bytes which Twilio got and the caller heard, traced back to the model.

Owns the books of the agent's audio, per conversation item: generated (deltas the model sent), sent
(bytes that reached Twilio), heard (bytes the caller's playout played) and remembered (what the
model's memory holds after truncations). It compares bytes with bytes, in order; it must know
nothing of the bridge, its marks or its log.

A bridge may split deltas, merge them, drop whole ones (an interruption) or add silence. So each
stretch of Twilio's audio is looked for, in this order: in the rest of the delta being sent; at the
front of the deltas not sent yet; further on in them (what is passed over was dropped). The same
clip said twice is told apart by the order. Where an interruption makes several readings possible,
the one counts which explains most of the message; of equal ones (silence, a few quiet bytes) the
beginning of a response that was not interrupted.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Literal

import msgspec

from simulator.judging import readings
from simulator.judging.observer import Observer
from simulator.judging.readings import AUDIO_DELTAS, BYTES_PER_MS
from simulator.trace import Event

PENDING_MAX_BYTES = 10 * 60 * 1000 * BYTES_PER_MS
"""Unsent deltas kept; more than Twilio itself would buffer."""

PASSED_MAX_BYTES = 160_000
"""Twenty seconds of sent or dropped deltas kept, to recognise audio that is sent again."""

DISTINCT_BYTES = 80
"""The shortest stretch that is looked for inside a delta: below, a match could be chance."""

ITEMS_MAX = 4000
"""Items kept in the books of one call; the oldest are closed beyond it."""

Kind = Literal["generated", "repeated", "silence", "unknown"]


@dataclass(slots=True)
class ItemAudio:
    """The books of one conversation item; audio in bytes of μ-law, times in ms."""

    item_id: str
    response_id: str
    began_ms: float
    connection: int = 0
    generated: int = 0
    sent: int = 0
    heard: int = 0
    first_sent_ms: float | None = None
    last_made_ms: float = 0.0
    last_heard_ms: float | None = None
    cut_ms: float | None = None
    truncated_ms: float | None = None
    deleted: bool = False

    @property
    def generated_ms(self) -> float:
        """How much the model made."""
        return self.generated / BYTES_PER_MS

    @property
    def heard_ms(self) -> float:
        """How much of it the caller heard."""
        return self.heard / BYTES_PER_MS

    @property
    def remembered_ms(self) -> float:
        """What the model believes it said."""
        if self.deleted:
            return 0.0
        if self.truncated_ms is None:
            return self.generated_ms
        return min(self.truncated_ms, self.generated_ms)


@dataclass(slots=True)
class ResponseAudio:
    """When one response was made and heard. `runs` are stretches heard without a gap.

    `interrupted_ms`: the caller spoke, it was cancelled or cleared; its rest may never be sent.
    `cleared`: Twilio was told to drop it.
    """

    response_id: str
    created_ms: float
    done_ms: float | None = None
    status: str = ""
    interrupted_ms: float = inf
    cleared: bool = False
    runs: list[list[float]] = field(default_factory=list)

    @property
    def interrupted(self) -> bool:
        """Whether its rest may be left out from now on."""
        return self.interrupted_ms < inf

    def interrupt(self, at_ms: float) -> None:
        """It is interrupted; the first time counts."""
        self.interrupted_ms = min(self.interrupted_ms, at_ms)


class Span(msgspec.Struct, frozen=True):
    """One stretch of one media message. `start` is the byte's position in the item's audio.

    `delta_ms` is when the model sent it; without an item (silence, unknown) it means nothing.
    """

    kind: Kind
    length: int
    item: ItemAudio | None = None
    start: int = 0
    delta_ms: float = 0.0


class Unsent(msgspec.Struct, frozen=True):
    """One stretch of an item which Twilio did not get; `made_ms` is when the model sent it."""

    item: ItemAudio
    response: ResponseAudio
    start: int
    length: int
    made_ms: float


class _Delta(msgspec.Struct):
    item: ItemAudio
    response: ResponseAudio
    start: int
    audio: bytes
    at_ms: float
    used: int = 0

    def rest(self, until: int) -> Unsent:
        """What is not used of the bytes before `until`."""
        start = self.start + self.used
        return Unsent(self.item, self.response, start, until - self.used, self.at_ms)

    def agrees(self, audio: bytes, at: int, offset: int) -> bool:
        length = min(len(self.audio) - offset, len(audio) - at)
        return length > 0 and self.audio[offset : offset + length] == audio[at : at + length]


class Provenance(Observer):
    """Follows both wires. After each event, `spans` and `media` tell about the newest message."""

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, ItemAudio] = {}
        self.responses: dict[str, ResponseAudio] = {}
        self.spans: tuple[Span, ...] = ()
        self.silence_added_bytes = 0
        self.last_heard_ms: float | None = None
        self._pending: deque[_Delta] = deque()
        self._pending_bytes = 0
        self._passed: deque[_Delta] = deque()
        self._passed_bytes = 0
        self._passed_over: deque[Unsent] = deque(maxlen=ITEMS_MAX)
        self._outstanding: deque[tuple[int, tuple[Span, ...]]] = deque()
        self.on("realtime.sent", self._delta, *AUDIO_DELTAS)
        self.on("realtime.sent", self._created, "response.created")
        self.on("realtime.sent", self._done, "response.done")
        self.on("realtime.sent", self._speech, "input_audio_buffer.speech_started")
        self.on("realtime.sent", self._truncated, "conversation.item.truncated")
        self.on("realtime.sent", self._deleted, "conversation.item.deleted")
        self.on("twilio.received", self._media, "media")
        self.on("twilio.received", self._clear, "clear")
        self.on("playout.played", self._played)

    def items_of(self, response_id: str) -> Iterator[ItemAudio]:
        """The spoken items of one response."""
        return (item for item in self.items.values() if item.response_id == response_id)

    def unsent(self) -> Iterator[Unsent]:
        """What Twilio has not got: passed over, and not sent yet."""
        yield from self._passed_over
        yield from (delta.rest(len(delta.audio)) for delta in self._pending)

    # -- what the model made ---------------------------------------------------

    def _created(self, event: Event) -> None:
        self._response(readings.response_id(event.data), event.at_ms)

    def _response(self, response_id: str, at_ms: float) -> ResponseAudio:
        response = self.responses.get(response_id)
        if response is None:
            response = self.responses[response_id] = ResponseAudio(response_id, at_ms)
            if len(self.responses) > ITEMS_MAX:
                del self.responses[next(iter(self.responses))]
        return response

    def _done(self, event: Event) -> None:
        response = self._response(readings.response_id(event.data), event.at_ms)
        response.done_ms = event.at_ms
        response.status = readings.response_status(event.data)
        if response.status == "cancelled":
            response.interrupt(event.at_ms)

    def _speech(self, event: Event) -> None:
        for response in self.responses.values():
            response.interrupt(event.at_ms)

    def _delta(self, event: Event) -> None:
        data = event.data
        item_id, audio = readings.item_id(data), data["audio"]
        response = self._response(readings.response_id(data), event.at_ms)
        item = self.items.get(item_id)
        if item is None:
            number = readings.connection(data)
            item = ItemAudio(item_id, response.response_id, event.at_ms, number)
            self.items[item_id] = item
            if len(self.items) > ITEMS_MAX:
                del self.items[next(iter(self.items))]
        if not audio:
            return
        self._pending.append(_Delta(item, response, item.generated, audio, event.at_ms))
        self._pending_bytes += len(audio)
        item.generated += len(audio)
        item.last_made_ms = event.at_ms
        while self._pending_bytes > PENDING_MAX_BYTES:
            self._pass(self._pending.popleft())

    def _truncated(self, event: Event) -> None:
        item = self.items.get(readings.item_id(event.data))
        if item is not None:
            item.truncated_ms = float(event.data["audio_end_ms"])

    def _deleted(self, event: Event) -> None:
        item = self.items.get(readings.item_id(event.data))
        if item is not None:
            item.deleted = True

    # -- what reached Twilio ----------------------------------------------------

    def _media(self, event: Event) -> None:
        audio = event.data["audio"]
        spans = []
        at = 0
        while at < len(audio):
            span = self._next_span(audio, at)
            spans.append(span)
            at += span.length
            if span.item is not None and span.kind == "generated":
                span.item.sent += span.length
                if span.item.first_sent_ms is None:
                    span.item.first_sent_ms = event.at_ms
        self.spans = tuple(spans)
        self._outstanding.append((event.data["number"], self.spans))

    def _next_span(self, audio: bytes, at: int) -> Span:
        delta = self._find(audio, at)
        if delta is None:
            return self._foreign(audio, at)
        while self._pending[0] is not delta:
            self._pass(self._pending.popleft())
        start = delta.start + delta.used
        length = min(len(delta.audio) - delta.used, len(audio) - at)
        delta.used += length
        if delta.used == len(delta.audio):
            self._pass(self._pending.popleft())
        return Span("generated", length, delta.item, start, delta.at_ms)

    def _find(self, audio: bytes, at: int) -> _Delta | None:
        """The unsent delta these bytes come from, its `used` where they begin; None: from none."""
        if not self._pending:
            return None
        head = self._pending[0]
        if not head.response.interrupted and head.agrees(audio, at, head.used):
            return head
        return self._likeliest(audio, at) or self._find_inside(audio, at)

    def _likeliest(self, audio: bytes, at: int) -> _Delta | None:
        """Of the deltas that agree: the longest reading, a new response's beginning, the first."""
        best, best_rank = None, (0, False)
        begun: set[str] = set()
        pending = list(self._pending)
        for index, delta in enumerate(pending):
            response = delta.response
            begins = response.response_id not in begun and not response.interrupted
            begun.add(response.response_id)
            length = _agreement(pending, index, audio, at)
            own_silence = response.cleared and readings.silent(audio[at : at + length])
            if length and not own_silence and (length, begins) > best_rank:
                best, best_rank = delta, (length, begins)
        return best

    def _find_inside(self, audio: bytes, at: int) -> _Delta | None:
        """A bridge that dropped part of a delta goes on somewhere inside one."""
        stretch = audio[at : at + 2 * DISTINCT_BYTES]
        if len(stretch) < DISTINCT_BYTES or readings.silent(stretch):
            return None
        for delta in self._pending:
            found = delta.audio.find(stretch, delta.used)
            if found >= 0:
                self._passed_over.append(delta.rest(found))
                delta.used = found
                return delta
        return None

    def _foreign(self, audio: bytes, at: int) -> Span:
        """Bytes of no unsent delta: silence of the bridge's own, audio sent again, or nobody's."""
        rest = audio[at:]
        if readings.silent(rest):
            self.silence_added_bytes += len(rest)
            return Span("silence", len(rest))
        stretch = rest[: 2 * DISTINCT_BYTES]
        behind = b""  # a stretch may reach into the delta behind the one it begins in
        for delta in reversed(self._passed) if len(stretch) >= DISTINCT_BYTES else ():
            found = (delta.audio + behind).find(stretch)
            if found >= 0:
                length = min(len(delta.audio) - found, len(rest))
                return Span("repeated", length, delta.item, delta.start + found, delta.at_ms)
            behind = delta.audio[: len(stretch) - 1]
        return Span("unknown", len(rest))

    def _pass(self, delta: _Delta) -> None:
        if delta.used < len(delta.audio):
            self._passed_over.append(delta.rest(len(delta.audio)))
        self._pending_bytes -= len(delta.audio)
        self._passed.append(delta)
        self._passed_bytes += len(delta.audio)
        while self._passed_bytes > PASSED_MAX_BYTES:
            self._passed_bytes -= len(self._passed.popleft().audio)

    # -- what the caller heard ----------------------------------------------------

    def _played(self, event: Event) -> None:
        data = event.data
        while self._outstanding and self._outstanding[0][0] < data["number"]:
            self._outstanding.popleft()  # cut by a clear: nothing more of it will be heard
        self.last_heard_ms = data["to_ms"]
        if not self._outstanding or self._outstanding[0][0] != data["number"]:
            return
        at = 0
        for span in self._outstanding[0][1]:
            first = max(at, data["start_byte"])
            last = min(at + span.length, data["end_byte"])
            if span.item is not None and first < last:
                from_ms = data["from_ms"] + (first - data["start_byte"]) / BYTES_PER_MS
                self._hear(span, last - first, from_ms)
            at += span.length
        if data["end_byte"] >= at:
            self._outstanding.popleft()

    def _hear(self, span: Span, length: int, from_ms: float) -> None:
        item = span.item
        assert item is not None
        to_ms = from_ms + length / BYTES_PER_MS
        item.last_heard_ms = to_ms
        if span.kind == "generated":
            item.heard += length
        runs = self._response(item.response_id, item.began_ms).runs
        if runs and from_ms - runs[-1][1] < 1.0:
            runs[-1][1] = to_ms
        else:
            runs.append([from_ms, to_ms])

    def _clear(self, event: Event) -> None:
        for item in self.items.values():
            response = self._response(item.response_id, item.began_ms)
            if item.sent or response.interrupted:
                response.interrupt(event.at_ms)
                response.cleared = True
        for _, spans in self._outstanding:
            for cut in (span.item for span in spans if span.item is not None):
                if cut.cut_ms is None and cut.heard < cut.sent:
                    cut.cut_ms = event.at_ms


def _agreement(pending: list[_Delta], index: int, audio: bytes, at: int) -> int:
    """How many bytes from `at` on are those of the delta at `index` and of the ones behind it."""
    first = at
    while index < len(pending) and pending[index].agrees(audio, at, pending[index].used):
        at += min(len(pending[index].audio) - pending[index].used, len(audio) - at)
        index += 1
    return at - first
