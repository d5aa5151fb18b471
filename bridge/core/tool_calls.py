"""The model's function calls: which are open, which tool runs, and when the model is asked on.

Owns that each call gets exactly one output, that no more tools run than there may, and that the
calls of one response are followed by one request and not by one each. Knows neither what a tool
does (`CallTool` goes to the shell), nor what the built-in ones mean: those are handed to
`conversation`, which gives their output back.

An output goes out when it is there. A response is asked for when all calls of the response that
made them are answered and it is over, and when nothing else is owed: an answer to the caller's
turn, or to keys, tells the outputs as well. An interruption ends no tool; the end of the call does,
and that is the shell's business.
"""

from typing import Final

import msgspec

from bridge.core import tools
from bridge.core.commands import CallTool, ToolAnswered
from bridge.core.outbox import Outbox
from bridge.core.plan import CallPlan
from bridge.core.realtime import OutputItem
from bridge.core.record import CallRecord, count
from bridge.core.turns import Turns

RUNNING_MAX: Final = 8
"""Tools that run at once; the model gets an error for a further one."""
CALLS_MAX: Final = 200
"""Function calls of one call. Then the model must do with words: it calls in circles."""


class Call(msgspec.Struct, frozen=True):
    """A function call of the model's that is to be carried out."""

    call_id: str
    response_id: str
    name: str
    arguments: str


class ToolCalls:
    """The function calls of one call."""

    def __init__(self, plan: CallPlan, outbox: Outbox, record: CallRecord, turns: Turns) -> None:
        self._built_in = plan.offered
        self._ours = frozenset(tool.name for tool in plan.tools)
        self._outbox = outbox
        self._record = record
        self._turns = turns
        self._known: set[str] = set()
        self._running: dict[str, Call] = {}
        self._unanswered: dict[str, int] = {}

    @property
    def running(self) -> bool:
        """A tool of ours runs."""
        return bool(self._running)

    @property
    def busy(self) -> bool:
        """An output is missing, or no response has told it yet."""
        return bool(self._unanswered) or self._turns.responses.untold

    # -------------------------------------------------------------------- calls
    def called(self, response_id: str, item: OutputItem) -> Call | None:
        """An item is complete. Returns the call of a built-in tool, if it is one."""
        if item.type != "function_call" or item.status not in {"completed", None}:
            return None
        if item.call_id is None or item.call_id in self._known:
            which = "without call_id" if item.call_id is None else "twice"
            count(self._record.out_of_turn, f"function_call {which}")
            return None
        self._record.tool_calls += 1
        interrupted = self._turns.responses.interrupted(response_id)
        self._outbox.note("tool_called", name=item.name, interrupted=interrupted)
        call = Call(item.call_id, response_id, item.name or "", item.arguments or "{}")
        self._outbox.memory.called(call.call_id, call.name, call.arguments)
        if not interrupted:
            return self._begin(call)
        self.reply(call, tools.failed("the caller interrupted; ask again if it is still needed"))
        return None

    def _begin(self, call: Call) -> Call | None:
        if len(self._known) >= CALLS_MAX:
            self.answer(call, tools.failed("too many tools were called; go on without them"))
            return None
        self._known.add(call.call_id)
        if call.name in self._built_in:
            return call
        if call.name not in self._ours:
            self.answer(call, tools.failed("there is no such tool"))
        elif len(self._running) >= RUNNING_MAX:
            self.answer(call, tools.failed("too many tools are running; wait for their outputs"))
        else:
            self.hold(call)
            self._running[call.call_id] = call
            self._outbox.put(CallTool(call.call_id, call.name, call.arguments))
        return None

    def answered(self, message: ToolAnswered) -> None:
        """A tool of ours has come to its end."""
        call = self._running.pop(message.call_id, None)
        if call is None:
            count(self._record.out_of_turn, "ToolAnswered")
            return
        self._record.tools_failed += message.outcome == "failed"
        self._record.tools_timed_out += message.outcome == "timeout"
        self._outbox.note("tool_answered", name=call.name, outcome=message.outcome)
        self.release(call, tools.bounded(message.output))

    # -------------------------------------------------------------------- outputs
    def reply(self, call: Call, output: str) -> None:
        """Give the output of a call about which nobody is asked on."""
        self._outbox.tool_output(call.call_id, output)

    def answer(self, call: Call, output: str) -> None:
        """Give the output of a call at once."""
        self.hold(call)
        self.release(call, output)

    def hold(self, call: Call) -> None:
        """The output of this call comes later, with `release`."""
        self._turns.responses.called(call.response_id)
        self._unanswered[call.response_id] = self._unanswered.get(call.response_id, 0) + 1

    def release(self, call: Call, output: str) -> None:
        """Give the output of a call that was held."""
        self._unanswered[call.response_id] -= 1
        self.reply(call, output)

    def advance(self, may_ask: bool, now: float) -> None:
        """Something has happened: outputs may have become news, and the model may be asked on."""
        responses = self._turns.responses
        for response_id, missing in list(self._unanswered.items()):
            if not (missing or responses.is_active(response_id)):
                del self._unanswered[response_id]
                self._turns.add_news(now)
        if may_ask and responses.untold and responses.idle:
            exhausted = len(self._known) >= CALLS_MAX
            self._turns.ask(tools.ANSWER_IN_WORDS if exhausted else tools.ANSWER, now)
