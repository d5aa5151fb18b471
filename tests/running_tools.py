"""A call in which tools run, and what the model and the shell are told of them."""

from bridge.core import realtime
from bridge.core.call import CallPlan
from bridge.core.commands import CallTool
from bridge.core.realtime import FunctionCallOutput
from tests.calls import (
    LOOK_UP,
    TURN,
    Bench,
    created,
    done,
    of_type,
    tool_call,
)

PLAN = CallPlan(tools=(LOOK_UP,), tool_filler_s=0.0)


def outputs(bench: Bench) -> list[tuple[str, str]]:
    """All outputs the model was given: call and text."""
    items = [created.item for created in of_type(bench.commands, realtime.ConversationItemCreate)]
    return [(item.call_id, item.output) for item in of_type(items, FunctionCallOutput)]


def calls(bench: Bench) -> list[CallTool]:
    """The tools that the shell was told to run."""
    return of_type(bench.commands, CallTool)


def look_up(call_id: str, response_id: str = "r1", arguments: str = "{}") -> realtime.Inbound:
    """A call of a tool of ours."""
    return tool_call(response_id, "look_up", call_id=call_id, arguments=arguments)


def running(plan: CallPlan = PLAN, tools: int = 1) -> Bench:
    """A call whose caller has asked something for which tools run; that response is done."""
    bench = Bench(plan).ready()
    bench.hear(*TURN, created("r1"))
    bench.hear(*[look_up(f"call_{n}") for n in range(1, tools + 1)], done("r1"))
    return bench
