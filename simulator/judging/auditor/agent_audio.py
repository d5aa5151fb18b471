"""Laws of the agent's audio: from the model through the bridge to Twilio's buffer and the ear.

Owns which responses were interrupted and how much sound went in and out. Whose audio a byte is
comes from `Provenance`; nothing is known of the bridge.
"""

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.conditions import Conditions, Outages
from simulator.judging.observer import Observer
from simulator.judging.provenance import ItemAudio, Provenance, Span
from simulator.judging.readings import AUDIO_DELTAS, BYTES_PER_MS, in_words_ms
from simulator.trace import Event

BELIEF_MS = 20.0
"""How far a bridge may be wrong about when the last audible byte ended: one frame."""

FRAME_BYTES = 160
"""Fewer bytes than a 20 ms frame may wait for the delta that completes it."""

INTERRUPTED_MAX = 64


class AgentAudioLaws(Observer):
    """Judges each media and clear message which Twilio receives."""

    def __init__(
        self, docket: Docket, books: Provenance, conditions: Conditions, outages: Outages
    ) -> None:
        super().__init__()
        self._docket = docket
        self._books = books
        self._conditions = conditions
        self._outages = outages
        self._sound_in = 0
        self._sound_out = 0
        self._created: dict[str, float] = {}
        self._heard_of: dict[str, None] = {}  # responses of which Twilio got audio since a clear
        self._interrupted: dict[str, float] = {}
        self._speech_ms = float("-inf")
        self._late_item = ""
        self._late_end = 0
        self._late_bytes = 0
        self.on("realtime.sent", self._delta, *AUDIO_DELTAS)
        self.on("realtime.sent", self._response, "response.created")
        self.on("realtime.sent", self._speech, "input_audio_buffer.speech_started")
        self.on("twilio.received", self._media, "media")
        self.on("twilio.received", self._clear, "clear")

    def finish(self, at_ms: float) -> None:
        """Heard <= sent <= generated, once more, over the whole call."""
        for item in self._books.items.values():
            if item.heard > item.sent:
                text = f"{item.heard_ms:.0f} ms of {item.item_id} were heard, fewer were sent"
                self._docket.charge(at_ms, "heard_beyond_sent", text, _books_of(item))

    def _delta(self, event: Event) -> None:
        self._sound_in += readings.sounding_bytes(event.data["audio"])

    def _response(self, event: Event) -> None:
        self._created[readings.response_id(event.data)] = event.at_ms
        _forget_oldest(self._created)

    def _speech(self, event: Event) -> None:
        self._speech_ms = event.at_ms

    def _media(self, event: Event) -> None:
        audio = event.data["audio"]
        self._sound_out += readings.sounding_bytes(audio)
        if self._sound_out > self._sound_in:
            text = f"{(self._sound_out - self._sound_in) / BYTES_PER_MS:.1f} ms more sound reached"
            text += " Twilio than the model has made"
            self._docket.charge(event.at_ms, "sound_from_nowhere", text)
            self._sound_out = self._sound_in
        for span in self._books.spans:
            self._judge(span, event)

    def _judge(self, span: Span, event: Event) -> None:
        item = span.item
        if span.kind == "unknown":
            text = f"{span.length} bytes in media {event.data['number']} come from no delta"
            self._docket.charge(event.at_ms, "audio_unknown", text)
        if item is None:
            return
        where = f"{span.start / BYTES_PER_MS:.0f} ms into {item.item_id}"
        if span.kind == "repeated":
            text = f"{span.length} bytes were sent again, {where}"
            self._docket.charge(event.at_ms, "audio_repeated", text, _books_of(item))
        if item.response_id in self._interrupted:
            cleared = in_words_ms(self._interrupted[item.response_id])
            text = f"{span.length} bytes of the interrupted {item.response_id} came, {where}"
            self._docket.charge(
                event.at_ms, "stale_audio_after_clear", text, f"clear at {cleared}", _books_of(item)
            )
        else:
            self._heard_of[item.response_id] = None
        self._judge_delay(span, item, event)

    def _judge_delay(self, span: Span, item: ItemAudio, event: Event) -> None:
        took_ms = event.at_ms - span.delta_ms
        longest_ms = self._conditions.agent_relay_ms
        if span.kind != "generated":
            return
        late = took_ms > longest_ms and not self._outages.overlap(
            span.delta_ms, event.at_ms, "twilio", "realtime"
        )
        if self._in_a_row(span, item, late=late) < FRAME_BYTES:
            return
        self._late_bytes = 0
        self._docket.charge(
            event.at_ms,
            "agent_relay_delayed",
            f"audio of {item.item_id} took {took_ms:.1f} ms from the model to Twilio",
            f"the links account for at most {longest_ms:.1f} ms",
        )

    def _in_a_row(self, span: Span, item: ItemAudio, *, late: bool) -> int:
        """How many bytes of the item came late, one after the other, up to this span's end.

        A delta's tail may wait for the next one, which completes a frame in time; bytes that are
        late one after the other are late in whatever pieces they are sent.
        """
        if (item.item_id, span.start) != (self._late_item, self._late_end) or not late:
            self._late_bytes = 0
        self._late_item, self._late_end = item.item_id, span.start + span.length
        self._late_bytes += span.length if late else 0
        return self._late_bytes

    def _clear(self, event: Event) -> None:
        self._judge_need(event)
        interrupted = [name for name, at_ms in self._created.items() if at_ms <= self._speech_ms]
        for name in (*interrupted, *self._heard_of):
            self._interrupted.setdefault(name, event.at_ms)
            self._created.pop(name, None)
        self._heard_of.clear()
        _forget_oldest(self._interrupted)

    def _judge_need(self, event: Event) -> None:
        data = event.data
        if data.get("dropped_ms") or data.get("pending_marks"):
            return
        ended_ms = self._books.last_heard_ms
        grace_ms = self._conditions.twilio_round_trip_ms + BELIEF_MS
        if ended_ms is not None and event.at_ms <= ended_ms + grace_ms:
            return
        if ended_ms is not None and self._outages.overlap(ended_ms, event.at_ms, "twilio"):
            return
        last = (
            "nothing was ever heard" if ended_ms is None else f"heard until {in_words_ms(ended_ms)}"
        )
        self._docket.charge(
            event.at_ms, "clear_needless", "a clear came with nothing audible or buffered", last
        )


def _books_of(item: ItemAudio) -> str:
    return (
        f"{item.item_id}: generated {item.generated_ms:.1f} ms, "
        f"sent {item.sent / BYTES_PER_MS:.1f} ms, heard {item.heard_ms:.1f} ms"
    )


def _forget_oldest(names: dict[str, float]) -> None:
    while len(names) > INTERRUPTED_MAX:
        del names[next(iter(names))]
