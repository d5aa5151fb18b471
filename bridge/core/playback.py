"""What was generated, sent and heard, per conversation item.

Owns the cutting of audio into pieces with a mark behind each, and the answer to an interruption:
which items were not fully heard, and how much of each was. Knows no wire and no rule of the call.

Every item has its own byte count (the model's truncate counts from the item's start); all items
lie behind each other on one timeline, whose playhead is `playhead.Playhead`.
"""

from collections import deque
from typing import Final

import msgspec

from bridge.core.mulaw import BYTES_PER_MS, FRAME_BYTES, whole_ms
from bridge.core.playhead import Playhead

MARK_SPACING_MS: Final = 300
"""At least one mark per so much audio: bounds what the clock must guess, and costs one message.

The model's deltas are 250 to 268 ms long (protocols/realtime.md 6): each is one message and one
mark. At 200 they were two of each, and the playhead was no better for it (`benchmarks drift`).
"""

ITEMS_MAX: Final = 256
"""Items remembered; a response has a handful."""


class Piece(msgspec.Struct, frozen=True):
    """Audio to send, and the mark to send right behind it."""

    audio: bytes
    mark: str


class Cut(msgspec.Struct, frozen=True):
    """An item not fully heard: ``audio_end_ms`` from its own start, rounded down."""

    item_id: str
    audio_end_ms: int


class Interruption(msgspec.Struct, frozen=True):
    """What an interruption found: the items cut, and the responses they belong to."""

    cuts: tuple[Cut, ...]
    response_ids: frozenset[str]


class _Item(msgspec.Struct):
    item_id: str
    response_id: str
    sent: int = 0
    cut: bool = False


class _Stretch(msgspec.Struct):
    """A part of the timeline that belongs to one item without a gap."""

    item: _Item
    start: int
    end: int
    item_start: int


class Playback:
    """The ledger of one stream."""

    def __init__(self) -> None:
        self.head = Playhead()
        self._generation = 0
        self._items: dict[str, _Item] = {}
        self._stretches: deque[_Stretch] = deque()
        self._held = b""
        self._speaking: _Item | None = None

    def probe(self, now: float) -> str | None:
        """Return the name of a mark to send into silence; None while it would tell nothing."""
        if self.audible(now) or self.head.marks_out or self.head.probing(now):
            return None
        self._generation += 1
        name = f"g{self._generation}:probe"
        self.head.probe(name, now)
        return name

    def play(self, response_id: str, item_id: str, audio: bytes, now: float) -> list[Piece]:
        """Return what to send of ``audio``: whole frames; the rest is held back."""
        item = self._item(response_id, item_id)
        pieces = self.flush(now) if item is not self._speaking else []
        audio = self._held + audio
        whole = len(audio) - len(audio) % FRAME_BYTES
        step = MARK_SPACING_MS * BYTES_PER_MS
        for start in range(0, whole, step):
            pieces.append(self._piece(item, audio[start : min(start + step, whole)], now))
        self._held, self._speaking = audio[whole:], item
        return pieces

    def flush(self, now: float) -> list[Piece]:
        """Return what was held back, whoever spoke."""
        audio, self._held = self._held, b""
        if not audio:
            return []
        assert self._speaking is not None
        return [self._piece(self._speaking, audio, now)]

    def item_done(self, item_id: str, now: float) -> list[Piece]:
        """Return what was held back of the item: its audio is complete."""
        speaking = self._speaking is not None and self._speaking.item_id == item_id
        return self.flush(now) if speaking else []

    def response_done(self, response_id: str, now: float) -> list[Piece]:
        """Return what was held back of the response: its audio is complete."""
        speaking = self._speaking is not None and self._speaking.response_id == response_id
        return self.flush(now) if speaking else []

    def drop_held(self) -> None:
        """What was held back will not be played."""
        self._held = b""

    def late(self, item_id: str) -> Cut | None:
        """Audio of an interrupted response came and will not be played: the model must know it.

        Returns the cut, once per item: what was heard of it before, which may be nothing.
        """
        item = self._item("", item_id)
        if item.cut:
            return None
        item.cut = True
        return Cut(item_id, whole_ms(item.sent))

    def reached(self, mark: str, now: float) -> bool:
        """A mark came back. False: it counts for nothing."""
        known = self.head.reached(mark, now)
        while self._stretches and self._stretches[0].end <= self.head.acked:
            self._stretches.popleft()
        return known

    def audible(self, now: float) -> bool:
        """The caller still hears something, or will."""
        return self.head.heard(now) < self.head.sent

    def heard_of(self, item_id: str, now: float) -> tuple[int, bool] | None:
        """How many bytes of an item were heard, and whether it still sounds; None: not known."""
        item = self._items.get(item_id)
        if item is None:
            return None
        heard = self.head.heard(now)
        for stretch in self._stretches:
            if stretch.item is item and stretch.end > heard:
                return stretch.item_start + max(0, heard - stretch.start), True
        return item.sent, False

    @property
    def complete(self) -> bool:
        """Everything given to `play` was sent, and its last mark is back."""
        return not self._held and not self.head.marks_out

    def interrupt(self, now: float) -> Interruption:
        """Forget everything unheard: a `clear` goes out now. Echoed marks count for nothing."""
        heard = self.head.heard(now)
        cuts: list[Cut] = []
        response_ids: set[str] = set()
        for stretch in self._stretches:
            item = stretch.item
            if stretch.end > heard and not item.cut:
                item.cut = True
                heard_of_item = stretch.item_start + max(0, heard - stretch.start)
                cuts.append(Cut(item.item_id, whole_ms(heard_of_item)))
                response_ids.add(item.response_id)
        self.head.clear(now)
        self._stretches.clear()
        self.drop_held()
        self._generation += 1
        return Interruption(tuple(cuts), frozenset(response_ids))

    def _item(self, response_id: str, item_id: str) -> _Item:
        item = self._items.get(item_id)
        if item is None:
            if len(self._items) >= ITEMS_MAX:
                del self._items[next(iter(self._items))]
            item = self._items[item_id] = _Item(item_id, response_id)
        return item

    def _piece(self, item: _Item, audio: bytes, now: float) -> Piece:
        start = self.head.sent
        self.head.send(len(audio), now)
        last = self._stretches[-1] if self._stretches else None
        if last is not None and last.item is item:
            last.end = self.head.sent
        else:
            self._stretches.append(_Stretch(item, start, self.head.sent, item.sent))
        item.sent += len(audio)
        mark = f"g{self._generation}:{item.item_id}:{item.sent}"
        self.head.mark(mark)
        return Piece(audio, mark)
