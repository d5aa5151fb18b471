"""bridge.core.call: whatever the peers send, and whenever, the call ends once and lets go once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.call import (
    CallPlan,
    Inbound,
    LineTransferred,
    Phase,
    ReleaseLine,
    TransferLine,
)
from bridge.core.commands import CallTool
from bridge.core.realtime import ServerVad
from bridge.core.twilio import Mark, SendMark
from tests.calls import LOOK_UP, UP, Bench, of_type
from tests.strategies import messages

PLAYED = "played"
"""Instead of a message: all that was sent has been heard, and its marks are back."""

pauses_s = st.sampled_from([0.0, 0.0, 0.0, 0.02, 0.1, 0.5, 2.0, 6.0])
plans = st.builds(
    CallPlan,
    greeting=st.sampled_from(["", "Hello."]),
    can_release=st.booleans(),
    tools=st.just((LOOK_UP,)),
    builtin_tools=st.just(("end_call", "collect_digits", "transfer_call")),
    transfers=st.just({"the desk": "+15550100099"}),
    end_call_interruptible=st.booleans(),
    turn_detection=st.builds(
        ServerVad, create_response=st.booleans(), interrupt_response=st.booleans()
    ),
    idle_nudge_s=st.sampled_from([0.0, 3.0]),
    renew_s=st.sampled_from([0.0, 5.0]),
    call_max_s=st.sampled_from([40.0, 400.0]),
    call_warning_s=st.sampled_from([0.0, 10.0]),
    limit_farewell_s=st.sampled_from([0.0, 20.0]),
    response_timeout_s=st.sampled_from([3.0, 20.0]),
    show_timing_math=st.booleans(),
)


steps = st.tuples(messages | st.just(PLAYED), pauses_s)


@settings(max_examples=400, deadline=None)
@given(plan=plans, story=st.lists(steps, min_size=30, max_size=100))
def test_a_call_ends_once_and_lets_go_once(
    plan: CallPlan, story: list[tuple[Inbound | str, float]]
) -> None:
    """No message raises, no deadline comes for ever, and no line is released or handed on twice."""
    bench = Bench(plan).started()
    bench.hear(*UP)
    heard = failed = 0
    for step, pause_s in story:
        if isinstance(step, str):
            marks = of_type(bench.commands, SendMark)
            bench.hear(*[Mark(mark.name) for mark in marks[heard:]])
            heard = len(marks)
        else:
            failed += isinstance(step, LineTransferred)
            bench.hear(step)
        bench.wait(pause_s)
    bench.wait(plan.call_max_s + plan.limit_farewell_s + 10.0)
    released, handed_on = (of_type(bench.commands, kind) for kind in (ReleaseLine, TransferLine))
    tools = [call.call_id for call in of_type(bench.commands, CallTool)]

    assert bench.call.phase is Phase.ENDED
    assert bench.reason() is not None
    unanswered = bench.call.record.line_transferred == "failed"
    assert len(released) + len(handed_on) <= 1 + failed + unanswered
    assert len(tools) == len(set(tools))
