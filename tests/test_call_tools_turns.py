"""bridge.core: tools run while the caller speaks, types, hangs up; one answer tells it all."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Phase
from bridge.core.commands import EndReason, ToolAnswered
from bridge.core.realtime import ResponseOptions, ServerVad
from tests.calls import (
    COMMITTED,
    LOOK_UP,
    STARTED,
    STOPPED,
    TURN,
    Bench,
    asks,
    created,
    delta,
    done,
    error,
    of_type,
    tool_call,
)
from tests.running_tools import PLAN, look_up, outputs, running


# ------------------------------------------------------------------------------ and the caller
def test_the_caller_speaks_while_a_tool_runs() -> None:
    """The turn is answered by the server; the tool goes on, and its answer is asked about."""
    bench = running()
    bench.hear(*TURN, created("r2"), delta("r2", "i2", 400), done("r2"))
    assert asks(bench) == []
    bench.hear(ToolAnswered("call_1", "{}"))

    assert outputs(bench) == [("call_1", "{}")]
    assert len(asks(bench)) == 1


def test_an_answer_during_the_callers_words_is_told_with_the_turn() -> None:
    """The output is there when the turn is taken: its answer is the answer to both."""
    bench = running()
    bench.hear(STARTED, ToolAnswered("call_1", "{}"))
    bench.wait(0.5)
    bench.hear(STOPPED, COMMITTED, created("r2"), delta("r2", "i2", 400), done("r2"))
    bench.wait(5.0)

    assert len(outputs(bench)) == 1
    assert asks(bench) == []


@pytest.mark.parametrize("late", [False, True])
def test_an_answer_as_the_turn_ends_is_asked_about_behind_its_answer(*, late: bool) -> None:
    """The server began that answer before the output was there, or may have."""
    bench = running()
    answered = ToolAnswered("call_1", "{}")
    bench.hear(*((*TURN, answered) if late else (STARTED, answered, STOPPED, COMMITTED)))
    bench.hear(created("r2"), delta("r2", "i2", 400))
    assert asks(bench) == []
    bench.hear(done("r2"))

    assert asks(bench) == [ResponseOptions()]
    bench.hear(created("r3"), delta("r3", "i3", 400), done("r3"))
    bench.wait(5.0)
    assert len(asks(bench)) == 1


def test_a_question_that_the_caller_interrupts_is_answered_with_the_turn() -> None:
    """The outputs are in the conversation: nobody asks about them again."""
    bench = running()
    bench.hear(ToolAnswered("call_1", "{}"), *TURN)
    bench.hear(created("r2"))  # of the request, which nobody wants any more, or of the turn
    bench.hear(done("r2", "cancelled"), created("r3"), done("r3"))
    bench.wait(5.0)

    assert len(asks(bench)) == 1


def test_keys_and_an_output_are_told_by_one_response() -> None:
    """While the caller types nothing is asked; then for both."""
    bench = running()
    bench.hear(twilio.Dtmf("1"), ToolAnswered("call_1", "{}"))
    assert asks(bench) == []
    bench.hear(twilio.Dtmf("#"))
    bench.hear(created("r2"), done("r2"))
    bench.wait(5.0)

    assert asks(bench) == [ResponseOptions()]


def test_a_question_refused_for_good_is_not_repeated() -> None:
    """It would be refused again and again."""
    bench = running()
    bench.hear(ToolAnswered("call_1", "{}"))
    (request,) = of_type(bench.commands, realtime.ResponseCreate)
    bench.hear(error("invalid_value", event_id=request.event_id))
    bench.wait(5.0)

    assert len(asks(bench)) == 1


def test_a_question_that_meets_an_active_response_is_repeated() -> None:
    """The output came when the server had begun to answer a turn we had not heard of."""
    bench = running()
    bench.hear(ToolAnswered("call_1", "{}"), COMMITTED, created("r2"))
    bench.hear(error("conversation_already_has_active_response"), done("r2"))

    assert len(asks(bench)) == 2


def test_without_answers_by_the_server_one_request_is_enough_for_both() -> None:
    """Whoever asks for the answer to the turn asks for the output, too."""
    plan = CallPlan(tools=(LOOK_UP,), turn_detection=ServerVad(create_response=False))
    bench = Bench(plan).ready()
    bench.hear(*TURN, created("r1"), look_up("call_1"), done("r1"))
    bench.hear(STARTED, ToolAnswered("call_1", "{}"), STOPPED, COMMITTED)
    bench.hear(created("r2"), done("r2"))
    bench.wait(5.0)

    assert len(asks(bench)) == 2


# ------------------------------------------------------------------------------ and the rest
def test_a_tool_at_work_is_no_silence_of_the_callers() -> None:
    """The nudge waits for the answer to what the tool found, and then some."""
    plan = CallPlan(tools=(LOOK_UP,), tool_filler_s=0.0, idle_nudge_s=5.0)
    bench = running(plan)
    bench.wait(30.0)
    assert bench.call.record.nudges == 0
    bench.hear(ToolAnswered("call_1", "{}"), created("r2"), done("r2"))
    bench.wait(5.1)

    assert bench.call.record.nudges == 1


def test_the_warning_before_the_limit_waits_for_the_tool() -> None:
    """Its answer may be about to come."""
    plan = CallPlan(tools=(LOOK_UP,), tool_filler_s=0.0, call_max_s=60.0, call_warning_s=40.0)
    bench = running(plan)
    bench.wait(35.0)
    assert not bench.notes("time_warning")
    bench.hear(ToolAnswered("call_1", "{}"), created("r2"), done("r2"))
    bench.wait(1.0)

    assert bench.notes("time_warning")


def test_a_tool_called_beside_end_call_runs_and_nobody_asks_about_it() -> None:
    """It may be what the goodbye is about; its output is given while there is somebody to give."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), look_up("call_2"))
    bench.hear(done("r1"), ToolAnswered("call_2", "{}"))
    bench.wait(1.1)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert [call for call, _ in outputs(bench)] == ["call_1", "call_2"]
    assert asks(bench) == []
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_hangup_taken_back_leaves_the_output_to_be_told() -> None:
    """By the answer to what the caller said instead."""
    bench = Bench(CallPlan(tools=(LOOK_UP,), end_call_interruptible=True)).ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), look_up("call_2"))
    bench.hear(done("r1"), *TURN, created("r2"), done("r2"), ToolAnswered("call_2", "{}"))

    assert bench.call.phase is Phase.TALKING
    assert len(asks(bench)) == 1
