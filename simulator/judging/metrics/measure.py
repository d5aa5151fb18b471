"""Measures one call from its trace, at the caller's ear.

Owns what is collected while the call runs (moments and stretches, no audio); the metrics themselves
are computed once, at the end, from `Ear`'s and the books' facts (`computed.py`).
"""

from math import inf
from typing import Final
from urllib.parse import parse_qs, urlsplit

from simulator.judging import prices, readings
from simulator.judging.caller_audio import CallerAudio
from simulator.judging.conditions import Conditions
from simulator.judging.lost_audio import LostAudio
from simulator.judging.metrics.computed import compute
from simulator.judging.metrics.facts import Facts
from simulator.judging.metrics.samples import Samples
from simulator.judging.metrics.turns import Utterance
from simulator.judging.observer import Observer
from simulator.judging.provenance import Provenance
from simulator.scenario.names import METRICS
from simulator.trace import Event

MOMENTS_MAX = 20_000
"""Moments of one kind kept per call; an hour-long call has a few thousand."""


SUCCESS: Final = range(200, 300)
TRANSFER: Final = "transfer_call"
LAST_WORDS: Final = frozenset({"end_call", TRANSFER})
"""Functions behind which the model has no more to say: the line goes down, or on."""


class Metrics(Observer):
    """Collects facts event by event; `finish` turns them into `samples`, by metric name."""

    def __init__(
        self,
        provenance: Provenance,
        caller_audio: CallerAudio,
        conditions: Conditions | None = None,
        *,
        lost_audio: LostAudio,
    ) -> None:
        super().__init__()
        self.facts = Facts(provenance, caller_audio, lost_audio, conditions or Conditions())
        self.samples: dict[str, Samples] = {name: Samples() for name in METRICS}
        self._model = prices.DEFAULT_MODEL
        self._speech_ms: float | None = None
        self._listen_to_the_line()
        self._listen_to_the_model()

    def finish(self, at_ms: float) -> None:
        """Compute every metric; the run was over at `at_ms`."""
        self.facts.over_ms = at_ms
        compute(self.facts, self.samples)

    def summary(self) -> dict[str, dict[str, float]]:
        """All metrics as the JSON result has them."""
        return {name: samples.summary() for name, samples in self.samples.items()}

    # -- the line and the people on it ------------------------------------------------

    def _listen_to_the_line(self) -> None:
        self.on("twilio.sent", self._stream_started, "start")
        self.on("twilio.sent", self._stream_over, "stop")
        self.on("twilio.closed", self._stream_over)
        self.on("phone.ended", self._released)
        self.on("phone.rest", self._asked_of_twilio)
        self.on("caller.speech_started", self._caller_speaks)
        self.on("caller.speech_ended", self._caller_stops)
        self.on("agent.audible", self._agent_audible)
        self.on("agent.started", lambda _: self._count("agent_turns"))
        self.on("twilio.received", self._clear, "clear")
        self.on("twilio.sent", self._not_speaking, "dtmf")
        self.on("twilio.warning", lambda _: self._count("twilio_warnings"))

    def _count(self, name: str) -> None:
        self.facts.counts[name] += 1

    def _stream_started(self, event: Event) -> None:
        if self.facts.started_ms is None:
            self.facts.started_ms = event.at_ms

    def _stream_over(self, event: Event) -> None:
        self.facts.stream_over_ms = min(self.facts.stream_over_ms, event.at_ms)

    def _released(self, event: Event) -> None:
        self._stream_over(event)
        if self.facts.released_ms is None:
            self.facts.released_ms = event.at_ms
            self.facts.released_by = str(event.data.get("by", ""))

    def _asked_of_twilio(self, event: Event) -> None:
        if self.facts.transfers:  # status 0: no answer came
            self.facts.refused = int(event.data.get("status", 0)) not in SUCCESS

    def _caller_speaks(self, event: Event) -> None:
        interrupting = bool(event.data.get("interrupting"))
        self._count("caller_turns")
        if interrupting:
            self._count("barge_ins")
        if len(self.facts.utterances) < MOMENTS_MAX:
            self.facts.utterances.append(Utterance(event.at_ms, inf, interrupting))

    def _caller_stops(self, event: Event) -> None:
        if self.facts.utterances and self.facts.utterances[-1].ended_ms == inf:
            self.facts.utterances[-1].ended_ms = event.at_ms

    def _agent_audible(self, event: Event) -> None:
        if len(self.facts.agent) < MOMENTS_MAX:
            self.facts.agent.append((event.data["from_ms"], event.data["to_ms"]))

    def _clear(self, event: Event) -> None:
        self._count("clears")
        if self._speech_ms is not None and len(self.facts.clears) < MOMENTS_MAX:
            self.facts.clears.append((self._speech_ms, event.at_ms))
            self._speech_ms = None

    # -- the model's side ---------------------------------------------------------------

    def _listen_to_the_model(self) -> None:
        sent = "realtime.sent"
        self.on("realtime.upgraded", self._session_opened)
        self.on("realtime.closed", self._session_closed)
        self.on(sent, self._session_ready, "session.updated")
        self.on(sent, self._speech_started, "input_audio_buffer.speech_started")
        self.on(sent, self._not_speaking, "input_audio_buffer.speech_stopped")
        self.on(sent, self._committed, "input_audio_buffer.committed")
        self.on("realtime.turn_taken", self._committed)
        self.on(sent, lambda _: self._count("responses"), "response.created")
        self.on(sent, self._response_done, "response.done")
        self.on(sent, self._item_done, "response.output_item.done")
        self.on(sent, lambda _: self._count("truncations"), "conversation.item.truncated")
        self.on(sent, lambda _: self._count("model_errors"), "error")

    def _session_opened(self, event: Event) -> None:
        self.facts.sessions[readings.connection(event.data)] = (event.at_ms, inf)
        if readings.is_live(event.data):
            self.facts.live[readings.connection(event.data)] = inf
            return
        query = parse_qs(urlsplit(str(event.data.get("path", ""))).query)
        self._model = query.get("model", [self._model])[0]
        self.facts.priced &= prices.price_of(self._model) is not None

    def _session_ready(self, event: Event) -> None:
        connection = readings.connection(event.data)
        if self.facts.live.get(connection) == inf:
            self.facts.live[connection] = event.at_ms

    def _session_closed(self, event: Event) -> None:
        connection = readings.connection(event.data)
        opened_ms, closed_ms = self.facts.sessions.get(connection, (event.at_ms, inf))
        if closed_ms == inf:
            self.facts.sessions[connection] = (opened_ms, event.at_ms)

    def _speech_started(self, event: Event) -> None:
        self._speech_ms = event.at_ms

    def _not_speaking(self, _: Event) -> None:
        """A clear from now on has another cause than the speech that began."""
        self._speech_ms = None

    def _committed(self, event: Event) -> None:
        self._speech_ms = None
        if len(self.facts.commits_ms) < MOMENTS_MAX:
            self.facts.commits_ms.append(event.at_ms)

    def _response_done(self, event: Event) -> None:
        self.facts.cost_usd += prices.cost_usd(readings.usage(event.data), self._model)

    def _item_done(self, event: Event) -> None:
        data = event.data
        if readings.item_type(data) != "function_call":
            return
        if readings.item_status(data) != "completed":
            return
        self._count("tool_calls")
        if readings.function_name(data) in LAST_WORDS:
            self.facts.transfers = readings.function_name(data) == TRANSFER
            self.facts.refused = False
            self.facts.end_call_ms = event.at_ms
            self.facts.end_call_response = readings.response_id(data)
