"""Laws of the caller's audio: unchanged, in order, once, at once.

Owns how much sound went in and out and when the session was ready. What arrived comes from
`CallerAudio`; lost audio is a metric, no violation.
"""

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.caller_audio import Arrival, CallerAudio
from simulator.judging.conditions import ROUNDING_MS, Conditions, Outages
from simulator.judging.observer import Observer
from simulator.judging.readings import BYTES_PER_MS
from simulator.trace import Event


class CallerAudioLaws(Observer):
    """Judges each input_audio_buffer.append."""

    def __init__(
        self, docket: Docket, books: CallerAudio, conditions: Conditions, outages: Outages
    ) -> None:
        super().__init__()
        self._docket = docket
        self._books = books
        self._relay_ms = conditions.caller_relay_ms
        self._there_and_back_ms = conditions.realtime_round_trip_ms + ROUNDING_MS
        self._outages = outages
        self._sound_in = 0
        self._sound_out = 0
        self._ready_ms: dict[int, float] = {}
        self.on("twilio.sent", self._frame, "media")
        self.on("realtime.sent", self._ready, "session.updated")
        self.on("realtime.received", self._append, "input_audio_buffer.append")

    def _frame(self, event: Event) -> None:
        if not event.data.get("lost"):
            self._sound_in += readings.sounding_bytes(event.data["audio"])

    def _ready(self, event: Event) -> None:
        number = readings.connection(event.data)
        self._ready_ms.setdefault(number, event.at_ms + self._there_and_back_ms)

    def _append(self, event: Event) -> None:
        again = sum(one.length for one in self._books.arrivals if one.kind == "again")
        self._sound_out += readings.sounding_bytes(event.data["audio"][again:])
        if self._sound_out > self._sound_in:
            text = f"{(self._sound_out - self._sound_in) / BYTES_PER_MS:.1f} ms more sound reached"
            text += " the model than the caller has made"
            self._docket.charge(event.at_ms, "sound_from_nowhere", text)
            self._sound_out = self._sound_in
        for arrival in self._books.arrivals:
            if arrival.kind == "caller":
                self._judge_delay(arrival, event)
            elif arrival.kind == "repeated":
                text = f"{arrival.length} bytes of the caller's audio reached the model again"
                self._docket.charge(event.at_ms, "caller_audio_repeated", text)
            elif arrival.kind == "foreign":
                text = f"{arrival.length} bytes reached the model which the caller did not send"
                self._docket.charge(event.at_ms, "caller_audio_altered", text)

    def _judge_delay(self, arrival: Arrival, event: Event) -> None:
        ready_ms = self._ready_ms.get(readings.connection(event.data), float("inf"))
        due_ms = max(arrival.sent_ms + self._relay_ms, ready_ms)
        if event.at_ms <= due_ms:
            return
        if self._outages.overlap(arrival.sent_ms, event.at_ms, "twilio", "realtime"):
            return
        self._docket.charge(
            event.at_ms,
            "caller_relay_delayed",
            f"a caller's frame took {event.at_ms - arrival.sent_ms:.1f} ms to the model, "
            f"{event.at_ms - due_ms:.1f} ms too long",
            f"the links account for at most {self._relay_ms:.1f} ms",
        )
