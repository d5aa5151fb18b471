"""bridge.core: a session is lost or renewed while a tool of ours runs, and its output arrives."""

import pytest

from bridge.core import realtime
from bridge.core.call import CallPlan, FromSession
from bridge.core.commands import CallTool, ToolAnswered, UseRealtime
from bridge.core.realtime import FunctionCall, FunctionCallOutput, ResponseOptions, Tool
from tests.calls import Bench, appended_audio, created, delta, done, media, of_type, tool_call

UP = (realtime.SessionCreated(), realtime.SessionUpdated())
GONE = realtime.Closed(1006)
TURN = (
    realtime.SpeechStarted(),
    realtime.SpeechStopped(),
    realtime.InputAudioBufferCommitted("turn_1"),
)
LOOK_UP = Tool("look_up", "Looks something up.", {"type": "object", "properties": {}})
PLAN = CallPlan(tools=(LOOK_UP,), tool_filler_s=0.0, renew_s=0.0)
RENEWED = CallPlan(tools=(LOOK_UP,), tool_filler_s=0.0, renew_s=20.0)
ANSWER = '{"open":"nine to five"}'

CALL = FunctionCall("call_1", "look_up", "{}")
OUTPUT = FunctionCallOutput("call_1", ANSWER)
ASKED = ResponseOptions()


def running(plan: CallPlan = PLAN) -> Bench:
    """A call in whose first session a tool was called, and runs; the response is over."""
    bench = Bench(plan).ready()
    bench.hear(*TURN, created("r1"), tool_call("r1", "look_up"), done("r1"))
    return bench


def told(commands: list[object]) -> list[object]:
    """What a session was told of the function, and the requests, in order."""
    found: list[object] = []
    for command in commands:
        if isinstance(command, realtime.ResponseCreate):
            found.append(command.response)
        elif isinstance(command, realtime.ConversationItemCreate) and isinstance(
            command.item, FunctionCall | FunctionCallOutput
        ):
            found.append(command.item)
    return found


def since(bench: Bench, first: int) -> list[object]:
    """The same, of everything since so many commands, when all is over and nothing more comes."""
    bench.hear(created("r9"), delta("r9", "i9", 400), done("r9"))
    bench.wait(5.0)
    return told(list(bench.commands[first:]))


# ------------------------------------------------------------------------------ lost
def test_an_answer_while_there_is_no_session_is_told_to_the_next() -> None:
    """Behind the call it belongs to, once, and one request follows both."""
    bench = running()
    lost = len(bench.commands)
    bench.hear(GONE)
    assert told(list(bench.hear(ToolAnswered("call_1", ANSWER)))) == []
    bench.wait(1.0)
    bench.hear(*UP)

    assert since(bench, lost) == [CALL, OUTPUT, ASKED]


def test_an_answer_in_the_next_session_belongs_to_the_call_restored_there() -> None:
    """That was told without an output, and nothing was asked; the tool is not run again."""
    bench = running()
    lost = len(bench.commands)
    bench.hear(GONE)
    assert told(list(bench.hear(*UP))) == [CALL]
    bench.wait(1.0)
    bench.hear(ToolAnswered("call_1", ANSWER))

    assert since(bench, lost) == [CALL, OUTPUT, ASKED]
    assert len(of_type(bench.commands, CallTool)) == 1


@pytest.mark.parametrize("answered", ["meanwhile", "later"])
def test_a_response_that_has_called_a_tool_is_not_asked_for_again(answered: str) -> None:
    """The session is lost before that response is over: what it wanted is being done."""
    bench = Bench(PLAN).ready()
    bench.hear(*TURN, created("r1"), tool_call("r1", "look_up"))
    lost = len(bench.commands)
    bench.hear(GONE)
    if answered == "meanwhile":
        bench.hear(ToolAnswered("call_1", ANSWER))
    bench.hear(*UP)
    bench.hear(*[ToolAnswered("call_1", ANSWER)] * (answered == "later"))

    assert since(bench, lost) == [CALL, OUTPUT, ASKED]


@pytest.mark.parametrize("begun", [False, True])
def test_the_answer_was_told_and_the_session_lost_before_anything_was_said(*, begun: bool) -> None:
    """The next session is told both, and asked again."""
    bench = running()
    bench.hear(ToolAnswered("call_1", ANSWER), *[created("r2")] * begun)
    lost = len(bench.commands)
    bench.hear(GONE, *UP)

    assert since(bench, lost) == [CALL, OUTPUT, ASKED]


def test_two_losses_while_the_tool_runs() -> None:
    """Each session is told the call; the output goes to the one in use alone."""
    bench = running()
    lost = len(bench.commands)
    bench.hear(GONE, *UP)
    bench.wait(11.0)
    bench.hear(GONE, *UP, ToolAnswered("call_1", ANSWER))

    assert since(bench, lost) == [CALL, CALL, OUTPUT, ASKED]


# ------------------------------------------------------------------------------ renewed
def renewing() -> Bench:
    """A call whose old session has a tool running when another one has come up beside it."""
    bench = Bench(RENEWED).ready()
    bench.wait(19.0)
    bench.hear(*TURN, created("r1"), tool_call("r1", "look_up"), done("r1"))
    bench.wait(20.5 - bench.now)
    bench.hear(FromSession(2, UP[0]), FromSession(2, UP[1]))
    return bench


def test_a_renewal_waits_for_the_tool() -> None:
    """The answer is asked for in the old session; in the lull behind it the new one takes over."""
    bench = renewing()
    bench.wait(0.7)
    assert not of_type(bench.commands, UseRealtime)
    before = len(bench.commands)
    bench.hear(ToolAnswered("call_1", ANSWER))
    bench.hear(created("r2"), done("r2"))
    assert told(list(bench.commands[before:])) == [OUTPUT, ASKED]
    bench.wait(0.6)

    assert len(of_type(bench.commands, UseRealtime)) == 1
    assert since(bench, before) == [OUTPUT, ASKED, CALL, OUTPUT]


def test_a_tool_that_takes_its_time_is_answered_in_the_renewed_session() -> None:
    """Then the renewal waits no longer; what is told there is the same as after a loss."""
    bench = renewing()
    before = len(bench.commands)
    bench.wait(3.0)
    assert len(of_type(bench.commands, UseRealtime)) == 1
    assert told(list(bench.commands[before:])) == [CALL]
    bench.hear(ToolAnswered("call_1", ANSWER))

    assert since(bench, before) == [CALL, OUTPUT, ASKED]
    assert len(of_type(bench.commands, CallTool)) == 1


# ------------------------------------------------------------------------------ the caller speaks
@pytest.fixture(params=["while the caller spoke", "just before", "meanwhile"])
def said_again(request: pytest.FixtureRequest) -> tuple[Bench, int]:
    """A next session that hears the caller's unanswered turn again, and was told an output.

    The output came at one of three moments before; with the bench, how many commands preceded it.
    """
    bench = running()
    bench.hear(media(), TURN[0], *[media()] * 50)
    lost = len(bench.commands)
    answer = ToolAnswered("call_1", ANSWER)
    bench.hear(*[answer] * (request.param == "while the caller spoke"))
    bench.wait(1.0)
    bench.hear(*[answer] * (request.param == "just before"), GONE)
    bench.hear(*[answer] * (request.param == "meanwhile"))
    fresh = bench.hear(*UP)
    assert len(appended_audio(fresh)) > 0
    assert told(list(fresh))[:2] == [CALL, OUTPUT]
    return bench, lost


def test_the_answer_to_the_turn_tells_the_output_as_well(said_again: tuple[Bench, int]) -> None:
    """The server answers what it hears again; a request beside that would be one too many."""
    bench, lost = said_again
    bench.wait(0.1)
    bench.hear(media(), *TURN)

    assert since(bench, lost).count(ASKED) == 0


def test_nobody_is_heard_in_what_is_said_again(said_again: tuple[Bench, int]) -> None:
    """Then the server owes no answer: after a moment, even if no frame comes, we ask."""
    bench, lost = said_again
    assert told(list(bench.wait(0.6))) == [ASKED]

    assert since(bench, lost).count(ASKED) == 1


def test_an_output_that_was_no_news_yet_when_its_response_was_lost() -> None:
    """A session that waited takes over in that instant, and has it before the turn."""
    bench = Bench(RENEWED).ready()
    bench.wait(19.0)
    bench.hear(*TURN, created("r1"), tool_call("r1", "look_up"), ToolAnswered("call_1", ANSWER))
    bench.wait(1.5)
    bench.hear(FromSession(2, UP[0]), FromSession(2, UP[1]), *[media()] * 20, TURN[0])
    lost = len(bench.commands)
    bench.hear(GONE)
    bench.wait(0.1)
    bench.hear(*[FromSession(2, event) for event in TURN])
    bench.hear(FromSession(2, created("r2")), FromSession(2, done("r2")))
    bench.wait(1.0)

    assert told(list(bench.commands[lost:])) == [CALL, OUTPUT]
