"""The machine of the tools can fail: each classic bug with function calls breaks a law."""

import pytest

from bridge.core.commands import CallTool, ToolAnswered
from bridge.core.filler import FILLER, Filler
from bridge.core.hangup import Hangup, Step
from bridge.core.outbox import OurCommand, Outbox
from bridge.core.responses import Responses
from bridge.core.tool_calls import Call, ToolCalls
from tests.call_machines import Plant, found
from tests.test_call_tools_machine import ToolMachine


def run_a_tool_twice(plant: pytest.MonkeyPatch) -> None:
    """Two events of the server's say it, and both are believed: a table is booked twice."""
    put = Outbox.put

    def planted(self: Outbox, command: OurCommand) -> None:
        put(self, command)
        if isinstance(command, CallTool):
            put(self, command)

    plant.setattr(Outbox, "put", planted)


def give_an_output_twice(plant: pytest.MonkeyPatch) -> None:
    """Once when it is there, and once with the request."""
    reply = ToolCalls.reply

    def planted(self: ToolCalls, call: Call, output: str) -> None:
        reply(self, call, output)
        reply(self, call, output)

    plant.setattr(ToolCalls, "reply", planted)


def lose_an_output(plant: pytest.MonkeyPatch) -> None:
    """A tool that answers while the caller speaks is taken for interrupted."""
    answered = ToolCalls.answered

    def planted(self: ToolCalls, message: ToolAnswered) -> None:
        if not self._turns.caller_speaking:
            answered(self, message)

    plant.setattr(ToolCalls, "answered", planted)


def mix_outputs_up(plant: pytest.MonkeyPatch) -> None:
    """Outputs are given in the order of the calls, not to their own ones."""
    answered = ToolCalls.answered

    def planted(self: ToolCalls, message: ToolAnswered) -> None:
        first = next(iter(self._running))
        answered(self, ToolAnswered(first, message.output))

    plant.setattr(ToolCalls, "answered", planted)


def never_ask_on(plant: pytest.MonkeyPatch) -> None:
    """The server is thought to go on by itself: it never does."""
    advance = ToolCalls.advance
    plant.setattr(ToolCalls, "advance", lambda self, may_ask, now: advance(self, False, now))


def ask_for_each_output(plant: pytest.MonkeyPatch) -> None:
    """One request per output: three tools, three answers."""
    release = ToolCalls.release

    def planted(self: ToolCalls, call: Call, output: str) -> None:
        release(self, call, output)
        self._turns.responses.add_news()

    plant.setattr(ToolCalls, "release", planted)


def ask_again_behind_the_turn(plant: pytest.MonkeyPatch) -> None:
    """The answer to the caller's turn has told the output, too, and it is asked about again."""

    def planted(self: Responses, *, sees_news: bool = True) -> None:
        self.turn_owed = True

    plant.setattr(Responses, "owe_turn", planted)


def fill_over_the_sound(plant: pytest.MonkeyPatch) -> None:
    """A timer that begins with the tool, whatever is heard meanwhile."""

    def planted(self: Filler, needed: bool, now: float) -> None:
        if needed and FILLER not in self._deadlines:
            self._deadlines.set(FILLER, now + 0.5)

    def due(self: Filler, now: float) -> None:
        self._outbox.note("filler")

    plant.setattr(Filler, "advance", planted)
    plant.setattr(Filler, "due", due)


def hand_the_line_on_at_once(plant: pytest.MonkeyPatch) -> None:
    """Twilio is asked when the announcement has been made, not when it was heard."""
    drain = Hangup._drain

    def planted(self: Hangup, now: float) -> None:
        drain(self, now)
        if self.goodbye.line is not None:
            self.step = Step.OVER

    plant.setattr(Hangup, "_drain", planted)


BUGS: list[Plant] = [
    run_a_tool_twice,
    give_an_output_twice,
    lose_an_output,
    mix_outputs_up,
    never_ask_on,
    ask_for_each_output,
    ask_again_behind_the_turn,
    fill_over_the_sound,
    hand_the_line_on_at_once,
]


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_the_machine_finds(bug: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A law breaks, and not by an accident elsewhere."""
    assert found(bug, ToolMachine, monkeypatch, examples=600, steps=5)
