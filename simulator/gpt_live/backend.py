"""The text model behind the voice: work handed over, functions called, answers waited for.

Owns the delegations of one session and what the client must answer. Knows no sound.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from simulator.model.errors import Problem, Refused
from simulator.model.outlet import Ids
from simulator.model.timing import Alarms
from simulator.scenario.format import ToolCall

# fidelity: inferred gpt-live.md 5 - how long the backend thinks before it calls functions, and
#   before it answers with their outputs
THINKS_MS: Final = 500.0
TOKENS_READ: Final = 400
TOKENS_WRITTEN: Final = 30

Values = dict[str, Any]
Send = Callable[..., None]


@dataclass(slots=True)
class _Work:
    delegation_id: str
    names: dict[str, str] = field(default_factory=dict)
    complete: bool = False


class Backend:
    """The backend of one session.

    Args:
        send: sends an event; `note` goes into the trace instead of the event's own fields.
        answered: called when the backend has answered: now the voice speaks of it.
    """

    def __init__(self, alarms: Alarms, ids: Ids, send: Send, answered: Callable[[], None]) -> None:
        self._alarms = alarms
        self._ids = ids
        self._send = send
        self._answered = answered
        self._open: dict[str, str] = {}
        self._work: _Work | None = None
        self._has_outputs = False
        self.called: set[str] = set()
        """Names of all functions called so far."""

    def delegate(self, calls: Sequence[ToolCall], clock_ms: float) -> None:
        """The voice hands over work for which these functions are needed."""
        # fidelity: documented gpt-live.md 5 - a delegation tells an id and a target, no task
        work = self._work = _Work(self._ids.new("delegation"))
        response_id = self._ids.new("resp")
        delegation = {
            "id": work.delegation_id,
            "type": "delegation",
            "target": "responses",
            "response_id": response_id,
        }
        self._send("session.delegation.created", offset_ms=round(clock_ms), delegation=delegation)
        self._nested(work, "response.created", response={"id": response_id})
        self._alarms.after(THINKS_MS, lambda: self._call(work, calls, response_id))

    def _call(self, work: _Work, calls: Sequence[ToolCall], response_id: str) -> None:
        for call in calls:
            call_id = self._ids.new("call")
            self._open[call_id] = call.name
            self.called.add(call.name)
            item = {
                "id": self._ids.new("fc"),
                "type": "function_call",
                "status": "completed",
                "name": call.name,
                "call_id": call_id,
                "arguments": msgspec.json.encode(dict(call.arguments)).decode(),
            }
            place = {"item_id": item["id"], "name": call.name}
            arguments = item["arguments"]
            kind = "response.function_call_arguments.done"
            self._nested(work, kind, **place, arguments=arguments)
            self._nested(work, "response.output_item.done", item=item)
        self._complete(work, response_id)

    def _complete(self, work: _Work, response_id: str) -> None:
        usage = {
            "input_tokens": TOKENS_READ,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": TOKENS_WRITTEN,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": TOKENS_READ + TOKENS_WRITTEN,
        }
        # fidelity: documented gpt-live.md 5 - lifecycle events of the backend hold no output
        response = {"id": response_id, "status": "completed", "output": [], "usage": usage}
        self._nested(work, "response.completed", response=response)
        work.complete = True

    def _nested(self, work: _Work, kind: str, **fields: Any) -> None:
        item = fields.get("item", {})
        traced = {
            ours: item[theirs]
            for theirs, ours in (
                ("id", "item_id"),
                ("type", "item_type"),
                ("status", "item_status"),
                ("name", "name"),
                ("call_id", "call_id"),
            )
            if theirs in item
        }
        # The trace has the nested event's own name: what it means is what the Realtime API's means.
        note = {"type": kind, "delegation_id": work.delegation_id, **traced}
        event = {"type": kind, **fields}
        self._send("response.event", note=note, delegation_id=work.delegation_id, event=event)

    # -- what the client says ---------------------------------------------------------

    def output(self, item: Values) -> None:
        """Take an item for the backend.

        Raises:
            Refused: it is the output of no call that waits for one.
        """
        if item.get("type") != "function_call_output":
            return
        call_id = str(item.get("call_id"))
        # fidelity: observed gpt-live.md 5 - an output that nobody waits for is refused
        if call_id not in self._open:
            message = f"No tool call found for function call output with call_id {call_id}."
            raise Refused(Problem("invalid_request", message, "item.call_id"))
        del self._open[call_id]
        self._has_outputs = True

    def go_on(self) -> None:
        """The client lets the backend go on.

        Raises:
            Refused: functions wait for their outputs.
        """
        # fidelity: observed gpt-live.md 5 - the backend goes on when all its calls are answered,
        #   and not earlier
        if self._open:
            call_id = next(iter(self._open))
            message = f"No tool output found for function call {call_id}."
            raise Refused(Problem("invalid_request", message))
        if not self._has_outputs:
            return
        self._has_outputs = False
        work = self._work or _Work(self._ids.new("delegation"))
        response_id = self._ids.new("resp")
        self._nested(work, "response.created", response={"id": response_id})
        self._alarms.after(THINKS_MS, lambda: self._answer(work, response_id))

    def _answer(self, work: _Work, response_id: str) -> None:
        self._complete(work, response_id)
        self._answered()
