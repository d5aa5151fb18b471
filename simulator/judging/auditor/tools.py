"""Laws of function calls: each completed one gets its output, once.

Owns the calls of the conversation. Knows no tool's meaning.
"""

from collections import Counter
from dataclasses import dataclass, field

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.conditions import Conditions, Outages
from simulator.judging.observer import Observer
from simulator.judging.sockets import Sockets
from simulator.trace import Event

ANSWER_MS = 2000.0
"""A call still unanswered when the session closes is excused if it is younger than this."""

CALLS_MAX = 1000


@dataclass(slots=True)
class _Call:
    name: str
    completed_ms: float
    outputs: Counter[int] = field(default_factory=Counter)
    """How many each connection got: a conversation that is restored has them again."""


class ToolLaws(Observer):
    """Judges function_call_output items."""

    def __init__(
        self, docket: Docket, conditions: Conditions, outages: Outages, sockets: Sockets
    ) -> None:
        super().__init__()
        self._sockets = sockets
        self._docket = docket
        self._conditions = conditions
        self._outages = outages
        self._calls: dict[str, _Call] = {}
        self.on("realtime.sent", self._item_done, "response.output_item.done")
        self.on("realtime.received", self._output, "conversation.item.create")

    def finish(self, at_ms: float) -> None:
        """Find the calls that never got an output."""
        for call_id, call in self._calls.items():
            over_ms = self._sockets.all_over_ms or at_ms
            due_ms = call.completed_ms + ANSWER_MS + self._conditions.realtime_round_trip_ms
            if call.outputs or due_ms > over_ms:
                continue
            if not self._outages.overlap(call.completed_ms, due_ms, "realtime"):
                text = f"{call.name} ({call_id}) never got its function_call_output"
                self._docket.charge(call.completed_ms, "function_output_missing", text)

    def _item_done(self, event: Event) -> None:
        data = event.data
        if readings.item_type(data) != "function_call":
            return
        if readings.item_status(data) != "completed":
            return
        self._calls[readings.call_id(data)] = _Call(readings.function_name(data), event.at_ms)
        if len(self._calls) > CALLS_MAX:
            del self._calls[next(iter(self._calls))]

    def _output(self, event: Event) -> None:
        if readings.item_type(event.data) != "function_call_output":
            return
        call_id = readings.call_id(event.data)
        call = self._calls.get(call_id)
        if call is None:
            text = f"an output came for {call_id or 'no call'}, which was not completed"
            self._docket.charge(event.at_ms, "function_output_unasked", text)
            return
        number = readings.connection(event.data)
        call.outputs[number] += 1
        if call.outputs[number] > 1:
            text = f"{call.name} ({call_id}) got {call.outputs[number]} outputs"
            self._docket.charge(event.at_ms, "function_output_repeated", text)
