"""Laws of truncation: what the model is told about how much of its speech was heard.

Owns the truncations asked for. What was generated and heard comes from `Provenance`. Whether an
end lies above what was heard is judged when the call is over, because a truncation may reach the
model before the clear reaches Twilio.
"""

from collections import deque
from dataclasses import dataclass

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.conditions import Conditions, Outages
from simulator.judging.observer import Observer
from simulator.judging.provenance import ItemAudio, Provenance
from simulator.judging.readings import BYTES_PER_MS, in_words_ms
from simulator.judging.sockets import Sockets
from simulator.trace import Event

ASKED_MAX = 4000
BELIEF_MS = 20.0


@dataclass(frozen=True, slots=True)
class _Truncation:
    at_ms: float
    item: ItemAudio
    audio_end_ms: float


class MemoryLaws(Observer):
    """Judges each conversation.item.truncate, and at the end each item that was cut."""

    def __init__(
        self,
        docket: Docket,
        books: Provenance,
        conditions: Conditions,
        outages: Outages,
        sockets: Sockets,
    ) -> None:
        super().__init__()
        self._sockets = sockets
        self._docket = docket
        self._books = books
        self._conditions = conditions
        self._outages = outages
        self._asked: deque[_Truncation] = deque(maxlen=ASKED_MAX)
        self._named: set[str] = set()
        self._stream_over_ms = float("inf")
        self._can_forget = True
        self.on("realtime.received", self._truncate, "conversation.item.truncate")
        self.on("realtime.received", self._delete, "conversation.item.delete")
        self.on("realtime.upgraded", self._session_opened)
        self.on("twilio.sent", self._stream_closed, "stop")
        self.on("twilio.closed", self._stream_closed)
        self.on("phone.ended", self._stream_closed)

    def finish(self, at_ms: float) -> None:
        """Judge what needs the whole call."""
        for truncation in self._asked:
            self._judge_heard(truncation)
        for item in self._books.items.values():
            self._judge_forgotten(item, at_ms)

    def _session_opened(self, event: Event) -> None:
        # GPT-Live takes no truncation, so there the law on forgetting does not apply. That nothing
        # is sent again, or from nowhere, and nothing late, is asked there too.
        self._can_forget = not readings.is_live(event.data)

    def _stream_closed(self, event: Event) -> None:
        self._stream_over_ms = min(self._stream_over_ms, event.at_ms)

    def _delete(self, event: Event) -> None:
        self._named.add(readings.item_id(event.data))

    def _truncate(self, event: Event) -> None:
        item = self._books.items.get(readings.item_id(event.data))
        if item is None:
            return  # the model's server answers with an error, which is judged elsewhere
        self._named.add(item.item_id)
        audio_end_ms = float(event.data["audio_end_ms"])
        self._asked.append(_Truncation(event.at_ms, item, audio_end_ms))
        if audio_end_ms > item.generated // BYTES_PER_MS:
            self._docket.charge(
                event.at_ms,
                "truncate_beyond_generated",
                f"{item.item_id} was truncated at {audio_end_ms:.0f} ms; "
                f"{item.generated_ms:.1f} ms of it existed",
            )
        self._judge_need(event, item)

    def _judge_need(self, event: Event, item: ItemAudio) -> None:
        heard_ms = item.last_heard_ms
        if item.heard < item.generated or heard_ms is None:
            return
        conditions = self._conditions
        news_ms = conditions.twilio_in.longest_ms + conditions.realtime_out.longest_ms
        if event.at_ms <= heard_ms + news_ms + BELIEF_MS:
            return
        if self._outages.overlap(heard_ms, event.at_ms, "twilio", "realtime"):
            return
        self._docket.charge(
            event.at_ms,
            "truncate_needless",
            f"{item.item_id} was truncated although the caller had heard all of it",
            f"its {item.generated_ms:.1f} ms were heard by {in_words_ms(heard_ms)}",
        )

    def _judge_heard(self, asked: _Truncation) -> None:
        item = asked.item
        conditions = self._conditions
        if asked.audio_end_ms <= item.heard_ms + conditions.heard_tolerance_ms:
            return
        if self._stream_over_ms <= asked.at_ms + conditions.twilio_out.longest_ms:
            return  # the caller left before the clear could arrive
        if self._outages.overlap(item.began_ms, asked.at_ms, "twilio"):
            return  # no bridge can know what a stalled line played
        self._docket.charge(
            asked.at_ms,
            "truncate_beyond_heard",
            f"{item.item_id} was truncated at {asked.audio_end_ms:.0f} ms; "
            f"the caller heard {item.heard_ms:.1f} ms of it",
            f"tolerance {conditions.heard_tolerance_ms:.0f} ms: a frame, and the jitter twice",
        )

    def _judge_forgotten(self, item: ItemAudio, at_ms: float) -> None:
        cut_ms = self._left_out_ms(item) if item.cut_ms is None else item.cut_ms
        if cut_ms is None or item.item_id in self._named or not self._can_forget:
            return
        if item.generated_ms - item.heard_ms <= self._conditions.heard_tolerance_ms:
            return
        told_ms = cut_ms + self._conditions.realtime_out.longest_ms + BELIEF_MS
        if told_ms >= min(self._sockets.over_ms(item.connection), at_ms):
            return  # the session was over before it could be told
        if self._outages.overlap(cut_ms, told_ms, "realtime"):
            return
        self._docket.charge(
            cut_ms,
            "item_forgotten",
            f"{item.item_id} was cut after {item.heard_ms:.1f} of {item.generated_ms:.1f} ms "
            "and never truncated",
        )

    def _left_out_ms(self, item: ItemAudio) -> float | None:
        """When the bridge knew at the latest that it would send no more of an interrupted item."""
        response = self._books.responses.get(item.response_id)
        if response is None or not response.interrupted or item.sent >= item.generated:
            return None
        known_ms = max(response.interrupted_ms, item.last_made_ms)
        known_ms += self._conditions.realtime_in.longest_ms
        if self._outages.overlap(item.began_ms, known_ms, "twilio", "realtime"):
            return None  # it may be under way on a line that stands still
        return None if known_ms >= self._stream_over_ms else known_ms
