"""What the model's function calls do.

Owns what each built-in tool sets off. How outputs get back, and that the model is asked on, is the
business of `tool_calls`; what ends the wait for keys is that of `digits`. To hang up or to hand the
line on is only wished for here: the goodbye is returned.
"""

from bridge.core import tools
from bridge.core.commands import EndReason, ToolAnswered, TransferLine
from bridge.core.digits import Digits, EndedBy, wanted
from bridge.core.hangup import Goodbye
from bridge.core.realtime import OutputItem
from bridge.core.rule import Parts, Rule
from bridge.core.tool_calls import Call, ToolCalls
from bridge.core.turns import Turns


class Functions(Rule):
    """The functions of one call."""

    def __init__(self, parts: Parts, turns: Turns) -> None:
        super().__init__(parts)
        self._turns = turns
        self._calls = ToolCalls(parts.plan, parts.outbox, parts.record, turns)
        self._digits = Digits(parts.playback, parts.deadlines)
        self._digits_for: Call | None = None

    @property
    def running(self) -> bool:
        """A tool of ours runs."""
        return self._calls.running

    @property
    def busy(self) -> bool:
        """An output is missing, or no response has told it yet."""
        return self._calls.busy

    @property
    def wait_for_keys(self) -> bool:
        """The keys that the caller presses are an output."""
        return self._digits.waiting

    def called(
        self, response_id: str, item: OutputItem, *, closing: bool, now: float
    ) -> Goodbye | None:
        """An item is complete. Returns the goodbye, if the model wants one.

        ``closing``: one has been begun. Then nothing may be begun that takes its time.
        """
        call = self._calls.called(response_id, item)
        if call is None:
            return None
        if call.name == tools.END_CALL.name:
            self._calls.reply(call, tools.succeeded("hanging up"))
            interruptible = self._plan.end_call_interruptible
            return Goodbye(EndReason.AGENT_HUNG_UP, tools.FAREWELL, interruptible)
        if closing:
            self._calls.reply(call, tools.failed("the call is about to end"))
        elif call.name == tools.COLLECT_DIGITS.name:
            self._collect_digits(call, now)
        else:
            return self._transfer(call)
        return None

    def answered(self, message: ToolAnswered) -> None:
        """A tool of ours has come to its end."""
        self._calls.answered(message)

    def key(self, key: str, now: float) -> None:
        """The caller pressed a key, and keys are waited for."""
        self._record.keys_pressed += 1
        self._collected(self._digits.press(key, now))

    def no_more_keys(self, ended_by: EndedBy) -> None:
        """If keys are waited for, that is over."""
        if self._digits.waiting:
            self._collected(self._digits.end(ended_by))

    def advance(self, may_ask: bool, now: float) -> None:
        """Something has happened; ``may_ask``: the model may be asked on, if it is to be."""
        self._calls.advance(may_ask, now)
        self._digits.advance(self._turns.responses.owed, now)

    # -------------------------------------------------------------------- the built-in ones
    def _transfer(self, call: Call) -> Goodbye | None:
        plan = self._plan
        destination = tools.destination(call.arguments)
        number = plan.transfers.get(destination)
        if number is None:
            names = ", ".join(plan.transfers)
            self._calls.answer(call, tools.failed(f"there is no such destination, only: {names}"))
            return None
        self._calls.reply(call, tools.succeeded("connecting the caller"))
        self._outbox.note("transferring", destination=destination)
        return Goodbye(
            EndReason.TRANSFERRED,
            tools.announcement(destination),
            plan.end_call_interruptible,
            TransferLine(number, plan.transfer_announcement, plan.transfer_language),
            destination,
        )

    def _collect_digits(self, call: Call, now: float) -> None:
        asked = wanted(call.arguments)
        if self._digits.waiting:
            asked = "keys are being collected already"
        if isinstance(asked, str):
            self._calls.answer(call, tools.failed(asked))
            return
        self._calls.hold(call)
        self._digits_for = call
        self._digits.begin(asked)
        if asked.prompt:
            self._turns.ask(tools.prompt_for_digits(asked.prompt), now)

    def _collected(self, output: str | None) -> None:
        """Give the pressed keys to the model, if these are all of them."""
        if output is not None:
            assert self._digits_for is not None
            self._calls.release(self._digits_for, output)
            self._digits_for = None
