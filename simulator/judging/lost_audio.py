"""What the model said and the bridge left out, though nobody had interrupted it.

Owns what counts as lost: a byte which a prompt bridge would have handed on before its response was
interrupted, the session closed or the stream was over, and did not. Whose audio a byte is comes
from `Provenance`; nothing is known of the bridge.
"""

from collections import deque
from dataclasses import dataclass

from simulator.judging.conditions import ROUNDING_MS, Conditions, Outages
from simulator.judging.observer import Observer
from simulator.judging.provenance import ItemAudio, Provenance, Unsent
from simulator.judging.readings import BYTES_PER_MS
from simulator.judging.sockets import Sockets
from simulator.trace import Event

FRAME_BYTES = 160
"""Fewer bytes than a 20 ms frame may wait for the delta that completes it."""

TURNS_TO_MS = 1000.0
"""GPT-Live has no responses: so long after it was asked for something else, what it says may still
be what was interrupted, and nobody can tell (protocols/gpt-live.md 5)."""
ASKED_WITHIN_MS = 2000.0
"""Asked later after a clear, it was asked for another reason."""
TURNS_MAX = 1000


@dataclass(slots=True)
class Loss:
    """What is missing of one item: from byte `start` on, `length` bytes all together."""

    item: ItemAudio
    start: int
    made_ms: float
    length: int = 0

    @property
    def lost_ms(self) -> float:
        """How long that would have sounded."""
        return self.length / BYTES_PER_MS


class LostAudio(Observer):
    """Follows the stream's end; after `finish`, `losses` has one entry per item that lost any."""

    def __init__(
        self, books: Provenance, conditions: Conditions, outages: Outages, sockets: Sockets
    ) -> None:
        super().__init__()
        self.losses: dict[str, Loss] = {}
        self._books = books
        self._conditions = conditions
        self._outages = outages
        self._sockets = sockets
        self._stream_over_ms = float("inf")
        self._cleared_ms: float | None = None
        self._turns: deque[tuple[float, float]] = deque(maxlen=TURNS_MAX)
        self.on("twilio.sent", self._stream_over, "stop")
        self.on("twilio.closed", self._stream_over)
        self.on("phone.ended", self._stream_over)
        self.on("twilio.received", self._cleared, "clear")
        self.on("realtime.sent", self._asked, "session.commentary.appended")

    @property
    def lost_ms(self) -> float:
        """All of it."""
        return sum((loss.lost_ms for loss in self.losses.values()), 0.0)

    def finish(self, at_ms: float) -> None:
        """Add up what was never sent."""
        over_ms = min(self._stream_over_ms, at_ms)
        ends: dict[str, _End] = {}
        for stretch in sorted(self._books.unsent(), key=_start, reverse=True):
            item = stretch.item
            end = ends.setdefault(item.item_id, _End(item.generated))
            follows = stretch.start + stretch.length == end.start
            if self._is_due(stretch, over_ms):
                end.waiting += stretch.length
                waits = follows and end.waiting < FRAME_BYTES
                if not waits or self._is_complete(stretch, over_ms):
                    self._lose(stretch)
                    continue
            if follows:
                end.start = stretch.start

    def _lose(self, stretch: Unsent) -> None:
        item = stretch.item
        loss = self.losses.setdefault(item.item_id, Loss(item, 0, 0.0))
        loss.start, loss.made_ms = stretch.start, stretch.made_ms  # they come from the end on
        loss.length += stretch.length

    def _stream_over(self, event: Event) -> None:
        self._stream_over_ms = min(self._stream_over_ms, event.at_ms)

    def _cleared(self, event: Event) -> None:
        self._cleared_ms = event.at_ms

    def _asked(self, event: Event) -> None:
        cleared_ms, self._cleared_ms = self._cleared_ms, None
        if cleared_ms is not None and event.at_ms - cleared_ms < ASKED_WITHIN_MS:
            self._turns.append((cleared_ms, event.at_ms + TURNS_TO_MS))

    def _is_due(self, stretch: Unsent, over_ms: float) -> bool:
        response, made_ms = stretch.response, stretch.made_ms
        due_ms = made_ms + self._conditions.agent_relay_ms
        if due_ms >= min(response.interrupted_ms, over_ms):
            return False
        closing_ms = made_ms + self._conditions.realtime_round_trip_ms + ROUNDING_MS
        if closing_ms >= self._sockets.over_ms(stretch.item.connection):
            return False  # the bridge may have closed the session before it came
        if any(began_ms <= made_ms <= ended_ms for began_ms, ended_ms in self._turns):
            return False
        return not self._outages.overlap(made_ms, due_ms, "twilio", "realtime")

    def _is_complete(self, stretch: Unsent, over_ms: float) -> bool:
        """Whether a delta's tail which may wait for more was told that there will be none."""
        item, response = stretch.item, stretch.response
        if stretch.start + stretch.length < item.generated or response.done_ms is None:
            return False
        told_ms = response.done_ms + self._conditions.agent_relay_ms
        return told_ms < min(response.interrupted_ms, over_ms)


@dataclass(slots=True)
class _End:
    """From `start` on an item had not to be sent; `waiting` bytes of that wait for more."""

    start: int
    waiting: int = 0


def _start(stretch: Unsent) -> int:
    return stretch.start
