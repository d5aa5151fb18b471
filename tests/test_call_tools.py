"""bridge.core: the model's function calls, their outputs, and when the model is asked on."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Phase
from bridge.core.commands import CallTool, ToolAnswered
from bridge.core.realtime import ResponseOptions
from bridge.core.tool_calls import CALLS_MAX, RUNNING_MAX
from bridge.core.tools import COLLECT_DIGITS, END_CALL, OUTPUT_CHARS_MAX, TRANSFER_CALL
from tests.calls import (
    LOOK_UP,
    TURN,
    Bench,
    asks,
    created,
    delta,
    done,
    of_type,
    tool_call,
)
from tests.running_tools import PLAN, calls, look_up, outputs, running


# ------------------------------------------------------------------------------ what is offered
def offered(plan: CallPlan) -> list[str]:
    """The names of the tools in a session's configuration."""
    bench = Bench(plan).ready()
    (update,) = of_type(bench.commands, realtime.SessionUpdate)
    return [tool.name for tool in update.tools]


def test_what_the_plan_says_is_offered() -> None:
    """Built-in tools first, then ours."""
    every = ("end_call", "collect_digits", "transfer_call")
    plan = CallPlan(
        builtin_tools=every, transfers={"sales": "+15550100099"}, can_release=True, tools=(LOOK_UP,)
    )

    assert offered(CallPlan()) == ["end_call"]
    assert offered(CallPlan(builtin_tools=())) == []
    assert offered(plan) == ["end_call", TRANSFER_CALL, COLLECT_DIGITS.name, "look_up"]


@pytest.mark.parametrize(
    "plan",
    [
        CallPlan(builtin_tools=(TRANSFER_CALL,), can_release=True),
        CallPlan(builtin_tools=(TRANSFER_CALL,), transfers={"sales": "+15550100099"}),
    ],
    ids=["nobody to transfer to", "no REST interface to do it with"],
)
def test_what_cannot_be_done_is_not_offered(plan: CallPlan) -> None:
    """And a model that tries is told that there is no such tool."""
    assert offered(plan) == []

    bench = Bench(plan).ready()
    bench.hear(created("r1"), tool_call("r1", TRANSFER_CALL), done("r1"))
    assert outputs(bench) == [("call_1", '{"error":"there is no such tool"}')]


def test_a_model_that_may_not_hang_up_does_not() -> None:
    """A stored prompt can bring the tool although it is not offered."""
    bench = Bench(CallPlan(builtin_tools=())).ready()
    bench.hear(created("r1"), tool_call("r1", END_CALL.name), done("r1"))

    assert bench.call.phase is Phase.TALKING
    assert "no such tool" in outputs(bench)[0][1]


# ------------------------------------------------------------------------------ running
def test_a_tool_of_ours_is_run_by_the_shell() -> None:
    """At once, with what the model wrote, be it JSON or not; no output yet, and nothing asked."""
    bench = Bench(PLAN).ready()
    commands = bench.hear(*TURN, created("r1"), look_up("call_1", arguments="{broken"))

    assert of_type(commands, CallTool) == [CallTool("call_1", "look_up", "{broken")]
    bench.hear(done("r1"))
    assert outputs(bench) == []
    assert asks(bench) == []


def test_its_answer_goes_to_the_model_which_is_asked_on() -> None:
    """The output first, then one request for an ordinary response."""
    bench = running()
    commands = bench.hear(ToolAnswered("call_1", '{"open":"nine to five"}'))

    kinds = [type(command).__name__ for command in commands]
    assert kinds == ["Note", "ConversationItemCreate", "ResponseCreate"]
    assert outputs(bench) == [("call_1", '{"open":"nine to five"}')]
    assert asks(bench) == [ResponseOptions()]


def test_an_answer_before_the_end_of_the_response_waits_with_the_question() -> None:
    """The output goes out at once, the request when the response is over."""
    bench = Bench(PLAN).ready()
    bench.hear(*TURN, created("r1"), look_up("call_1"))
    bench.hear(ToolAnswered("call_1", "{}"))
    assert outputs(bench) == [("call_1", "{}")]
    assert asks(bench) == []
    bench.hear(delta("r1", "i1", 200), done("r1"))

    assert len(asks(bench)) == 1


def test_several_tools_run_at_once_and_are_followed_by_one_request() -> None:
    """One per output would be refused, or spoken three times."""
    bench = running(tools=3)
    assert [call.call_id for call in calls(bench)] == ["call_1", "call_2", "call_3"]
    bench.hear(ToolAnswered("call_3", "3"), ToolAnswered("call_1", "1"))
    assert asks(bench) == []
    bench.hear(ToolAnswered("call_2", "2"))

    assert outputs(bench) == [("call_3", "3"), ("call_1", "1"), ("call_2", "2")]
    assert len(asks(bench)) == 1


def test_calls_of_two_responses_are_followed_one_by_one() -> None:
    """What the first one's tools say need not wait for the second one's."""
    bench = running()
    bench.hear(*TURN, created("r2"), look_up("call_2", "r2"), done("r2"))
    bench.hear(ToolAnswered("call_2", "{}"))
    assert len(asks(bench)) == 1
    bench.hear(created("r3"), done("r3"), ToolAnswered("call_1", "{}"))

    assert len(asks(bench)) == 2


def test_an_unknown_tool_beside_a_running_one_waits_for_it() -> None:
    """Its error is an output at once; the one request is for both."""
    bench = Bench(PLAN).ready()
    bench.hear(*TURN, created("r1"), look_up("call_1"))
    bench.hear(tool_call("r1", "make_coffee", call_id="call_2"), done("r1"))
    assert outputs(bench) == [("call_2", '{"error":"there is no such tool"}')]
    assert asks(bench) == []
    bench.hear(ToolAnswered("call_1", "{}"))

    assert len(asks(bench)) == 1


def test_more_than_so_many_do_not_run_at_once() -> None:
    """The model is told so at once."""
    bench = running(tools=RUNNING_MAX + 1)

    assert len(calls(bench)) == RUNNING_MAX
    ((call_id, output),) = outputs(bench)
    assert call_id == f"call_{RUNNING_MAX + 1}"
    assert "too many tools are running" in output


def test_a_model_that_calls_in_circles_must_do_with_words() -> None:
    """After so many calls it gets errors, and is asked on without tools."""
    bench = Bench(PLAN).ready()
    for n in range(CALLS_MAX + 1):
        bench.hear(created(f"r{n}"), look_up(f"call_{n}", f"r{n}"), done(f"r{n}"))
        bench.hear(ToolAnswered(f"call_{n}", "{}"))

    assert len(calls(bench)) == CALLS_MAX
    assert "too many tools" in outputs(bench)[-1][1]
    assert asks(bench)[0] == ResponseOptions()
    assert asks(bench)[-1] == ResponseOptions(tool_choice="none")


def test_the_record_tells_how_tools_ended() -> None:
    """Failures and time-outs apart; whatever came out goes to the model."""
    bench = running(tools=3)
    bench.hear(
        ToolAnswered("call_1", '{"error":"x"}', "failed"),
        ToolAnswered("call_2", '{"error":"y"}', "timeout"),
        ToolAnswered("call_3", "{}"),
    )

    record = bench.call.record
    assert (record.tool_calls, record.tools_failed, record.tools_timed_out) == (3, 1, 1)
    assert [call for call, _ in outputs(bench)] == ["call_1", "call_2", "call_3"]


def test_arguments_and_outputs_are_not_logged() -> None:
    """They may be what the caller said; names and outcomes are enough."""
    bench = running()
    bench.hear(look_up("call_9", arguments='{"pin":"4711"}'), ToolAnswered("call_1", "secret"))
    notes = [note for name in ("tool_called", "tool_answered") for note in bench.notes(name)]

    assert [sorted(note.fields) for note in notes] == [
        ["interrupted", "name"],
        ["interrupted", "name"],
        ["name", "outcome"],
    ]


# ------------------------------------------------------------------------------ odd answers
def test_an_answer_too_long_is_shortened() -> None:
    """It would stay in the session, and be paid for, until the end."""
    bench = running()
    bench.hear(ToolAnswered("call_1", "x" * 1_000_000))
    ((_, output),) = outputs(bench)

    assert len(output) < OUTPUT_CHARS_MAX + 100
    assert output.startswith('{"error":"the output was too long"')


def test_an_answer_that_is_no_text_can_be_sent_all_the_same() -> None:
    """A lone surrogate has no UTF-8."""
    bench = running()
    bench.hear(ToolAnswered("call_1", "\ud800"))

    assert outputs(bench) == [("call_1", "?")]


def test_an_answer_to_nothing_and_a_second_one_have_no_effect() -> None:
    """They are counted."""
    bench = running()
    bench.hear(
        ToolAnswered("call_1", "1"), ToolAnswered("call_1", "1"), ToolAnswered("of_nobody", "")
    )

    assert outputs(bench) == [("call_1", "1")]
    assert bench.call.record.out_of_turn == {"ToolAnswered": 2}


def test_a_call_that_comes_twice_is_carried_out_once() -> None:
    """A repeated event is no second wish."""
    bench = running()
    bench.hear(look_up("call_1"), ToolAnswered("call_1", "1"), look_up("call_1"))

    assert len(calls(bench)) == 1
    assert len(outputs(bench)) == 1
    assert bench.call.record.out_of_turn == {"function_call twice": 2}


def test_after_the_end_an_answer_has_no_effect() -> None:
    """The tools of a call that is over are cancelled; one may have been quicker."""
    bench = running()
    bench.hear(twilio.Stop())

    assert bench.hear(ToolAnswered("call_1", "{}")) == []


def test_an_answer_while_the_line_is_released_has_no_effect_on_the_end() -> None:
    """Nothing is asked any more."""
    bench = Bench(CallPlan(tools=(LOOK_UP,), can_release=True, end_call_grace_s=0.0)).ready()
    bench.hear(created("r1"), look_up("call_1"), tool_call("r1", call_id="call_2"))
    bench.played(bench.hear(delta("r1", "i1", 200), done("r1")))
    bench.wait(0.1)
    assert bench.call.phase is Phase.RELEASING
    bench.hear(ToolAnswered("call_1", "{}"))

    assert asks(bench) == []
