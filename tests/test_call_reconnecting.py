"""bridge.core.model_side and sessions: attempts at another session, and what if none comes."""

from itertools import pairwise

import pytest

from bridge.core import fallback, realtime, tools, twilio
from bridge.core.call import CallPlan, EndReason, LineTransferred, Phase
from bridge.core.commands import CloseRealtime, OpenRealtime, TransferLine
from tests.calls import (
    GONE,
    UP,
    Bench,
    created,
    delta,
    error,
    of_type,
    tool_call,
)
from tests.lost_sessions import NEVER, REST, opened


def test_attempts_are_repeated_with_pauses_that_double() -> None:
    """At once, then after half a second, one, two ... less a quarter at most."""
    bench = Bench(NEVER).ready()
    bench.hear(GONE)
    times = [bench.now]
    for _ in range(3):
        before = len(opened(bench))
        bench.hear(realtime.Closed(None, "refused"))
        while len(opened(bench)) == before:
            bench.wait(0.01)
        times.append(bench.now)

    pauses = [after - before for before, after in pairwise(times)]
    for pause_s, longest_s in zip(pauses, [0.5, 1.0, 2.0], strict=True):
        assert 0.74 * longest_s <= pause_s <= 1.02 * longest_s
    assert bench.call.record.attempts_failed == 3


def test_an_attempt_that_takes_too_long_is_given_up() -> None:
    """It is closed, and the next one made."""
    bench = Bench(NEVER).ready()
    bench.hear(GONE)
    bench.wait(4.6)

    assert CloseRealtime(2) in bench.commands
    assert opened(bench)[-1] == OpenRealtime(3)


@pytest.mark.parametrize("sounds", [False, True])
def test_the_model_is_given_up_after_so_much_silence(*, sounds: bool) -> None:
    """What was sent before is heard out."""
    bench = Bench(REST).ready()
    if sounds:
        bench.hear(created("r1"), delta("r1", "i1", 9900))
    bench.hear(GONE)
    until_s = 9.9 if sounds else 8.0
    bench.wait(until_s - 0.1)
    assert bench.call.phase is Phase.TALKING
    bench.wait(0.11)

    (way_out,) = of_type(bench.commands, TransferLine)
    assert way_out == TransferLine("", fallback.NOBODY_ANSWERS, "en-US")
    bench.hear(LineTransferred("transferred"))
    assert bench.reason() is EndReason.FELL_BACK
    assert bench.call.record.fell_back_from is EndReason.REALTIME_LOST


def test_who_is_called_then_and_what_is_said_before() -> None:
    """By settings; the words are ours if there are none, in our language."""
    plan = CallPlan(fallback_number="+15550100021", fallback_language="de-DE")
    theirs = CallPlan(fallback_text="Einen Moment.", fallback_language="de-DE")

    assert fallback.way_out(plan) == TransferLine("+15550100021", fallback.SOMEBODY_ELSE, "en-US")
    assert fallback.way_out(theirs) == TransferLine("", "Einen Moment.", "de-DE")


def test_a_way_out_that_does_not_work() -> None:
    """The reason is why it was tried; and the stream's end is no caller who hangs up."""
    bench = Bench(REST).ready()
    bench.hear(GONE)
    bench.wait(8.1)
    bench.hear(LineTransferred("failed"))
    assert bench.reason() is EndReason.REALTIME_LOST

    bench = Bench(REST).ready()
    bench.hear(GONE)
    bench.wait(8.1)
    bench.hear(twilio.Stop())
    assert bench.reason() is EndReason.FELL_BACK


@pytest.mark.parametrize(
    ("refusal", "again"),
    [
        (error("server_error"), True),
        (realtime.Error(realtime.ErrorDetail(type="server_error")), True),
        (error("invalid_api_key"), False),
        (realtime.Closed(1013), True),
        (realtime.Closed(429), True),
        (realtime.Closed(503), True),
        (realtime.Closed(None), True),
        (realtime.Closed(403), False),
        (realtime.Closed(4004), False),
        (realtime.Closed(1008), False),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_which_refusals_may_pass(refusal: realtime.Inbound, *, again: bool, begun: bool) -> None:
    """A wrong key stays wrong: the caller hears why at once."""
    bench = Bench(REST).started()
    if begun:
        bench.hear(*UP, GONE)
    bench.hear(refusal)
    assert bool(of_type(bench.commands, TransferLine)) is not again
    bench.wait(1.0)

    assert len(opened(bench)) == 1 + again + begun


def test_sessions_that_do_not_last_are_not_opened_for_ever() -> None:
    """Each is lost as soon as it is there."""
    bench = Bench(REST).ready()
    for number in range(1, 6):
        assert len(opened(bench)) == number
        assert not of_type(bench.commands, TransferLine)
        bench.hear(GONE)
        while len(opened(bench)) == number < 5:
            bench.wait(0.1)
        bench.hear(*UP)

    assert len(of_type(bench.commands, TransferLine)) == 1


def test_a_goodbye_is_not_repeated_in_another_session() -> None:
    """It is heard out."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), delta("r1", "i1", 2000), tool_call("r1"), GONE)
    bench.wait(5.2)

    assert len(opened(bench)) == 1
    bench.wait(5.0)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_limit_while_there_is_no_session() -> None:
    """The goodbye waits for one; without one the call ends all the same."""
    plan = CallPlan(renew_s=0.0, call_max_s=20.0, call_warning_s=0.0, reconnect_s=60.0)
    bench = Bench(plan).ready()
    bench.wait(18.0)
    bench.hear(GONE)
    bench.wait(3.0)
    if opened(bench)[-1].session == 2:
        bench.hear(*UP)
    bench.wait(1.0)
    (asked,) = of_type(bench.commands, realtime.ResponseCreate)
    assert asked.response == tools.TIME_IS_UP

    bench = Bench(plan).ready()
    bench.wait(18.0)
    bench.hear(GONE)
    bench.wait(22.1)
    assert bench.reason() is EndReason.LIMIT
