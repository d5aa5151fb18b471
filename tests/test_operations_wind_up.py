"""Call.wind_up: the shell's wish to end a call politely, at every point of its life."""

import pytest

from bridge.core import realtime, tools
from bridge.core.call import CallPlan, EndReason, Phase
from tests.calls import Bench, created, delta, done, of_type, tool_call

FAREWELL_S = 20.0
CAN_RELEASE = CallPlan(can_release=True)


def wind_up(bench: Bench) -> None:
    """The process is about to stop."""
    bench.commands += bench.call.wind_up(EndReason.SHUTDOWN, bench.now)


def asked(bench: Bench) -> list[str | None]:
    """The instructions of the responses asked for."""
    asks = of_type(bench.commands, realtime.ResponseCreate)
    return [ask.response.instructions for ask in asks]


def test_a_quiet_call_is_told_goodbye() -> None:
    """With words that do not speak of a time limit, and its own reason at the end."""
    bench = Bench().ready()
    wind_up(bench)
    bench.wait(1.0)
    said = bench.hear(created("r1"), delta("r1", "i1", 1000), done("r1"))
    bench.wait(1.0)
    bench.played(said)
    bench.wait(4.0)

    assert asked(bench) == [tools.LINE_CLOSES.instructions]
    assert bench.reason() is EndReason.SHUTDOWN


def test_a_model_that_says_nothing_does_not_keep_the_call() -> None:
    """Also when the wish is repeated: it does not grant more time."""
    bench = Bench(CallPlan(limit_farewell_s=FAREWELL_S)).ready()
    wind_up(bench)
    bench.hear(created("r1"))
    bench.wait(FAREWELL_S / 2)
    wind_up(bench)
    bench.wait(FAREWELL_S / 2)

    assert bench.reason() is EndReason.SHUTDOWN


def test_a_goodbye_under_way_is_heard_out() -> None:
    """The model hangs up already: its own goodbye, and its own reason."""
    bench = Bench().ready()
    said = bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), done("r1"))
    wind_up(bench)
    bench.wait(1.0)
    bench.played(said)
    bench.wait(4.0)

    assert asked(bench) == []
    assert bench.reason() is EndReason.AGENT_HUNG_UP


@pytest.mark.parametrize("plan", [CallPlan(), CallPlan(limit_farewell_s=0.0)])
def test_where_nobody_can_say_it_the_call_ends(plan: CallPlan) -> None:
    """Before the session is ready, or without a time for goodbyes: at once."""
    bench = Bench(plan).started() if plan.limit_farewell_s else Bench(plan).ready()
    wind_up(bench)

    assert bench.reason() is EndReason.SHUTDOWN


def test_a_line_that_is_being_released_is_left_alone() -> None:
    """And so is a call that has ended."""
    bench = Bench(CAN_RELEASE).ready()
    said = bench.hear(created("r1"), delta("r1", "i1", 100), tool_call("r1"), done("r1"))
    bench.wait(0.2)
    bench.played(said)
    bench.wait(4.0)
    releasing = bench.call.phase
    wind_up(bench)
    still = bench.call.phase
    bench.wait(11.0)
    wind_up(bench)

    assert (releasing, still) == (Phase.RELEASING, Phase.RELEASING)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_limit_does_not_come_a_second_time() -> None:
    """Winding up replaces the call's limit, and a limit that was reached is not put off."""
    first = Bench(CallPlan(call_max_s=10.0, call_warning_s=0.0)).ready()
    wind_up(first)
    first.hear(created("r1"))
    first.wait(60.0)
    second = Bench(CallPlan(call_max_s=10.0, call_warning_s=0.0)).ready()
    second.wait(10.0)
    wind_up(second)
    second.hear(created("r1"))
    second.wait(60.0)

    assert first.reason() is EndReason.SHUTDOWN
    assert second.reason() is EndReason.LIMIT
