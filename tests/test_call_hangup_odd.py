"""bridge.core.call: a goodbye, and a server or a caller who does not keep to the order."""

import pytest

from bridge.core import realtime
from bridge.core.call import Call, CallPlan, EndReason, Phase
from tests.calls import (
    COMMITTED,
    STARTED,
    Bench,
    asks,
    closing,
    created,
    delta,
    done,
    heard_out,
    media,
    of_type,
    sent_audio,
    tool_call,
)

SHOUTING_S = 105.0
"""So long the server has heard the caller without a pause; music on hold does that."""


def shouted_at(bench: Bench, duration_s: float) -> None:
    """Time passes on a line that is never silent."""
    for _ in range(round(duration_s)):
        bench.wait(1.0)
        bench.hear(media())


@pytest.mark.parametrize("stops", [True, False])
def test_a_voice_that_never_ends_does_not_stand_in_the_way_of_the_end(*, stops: bool) -> None:
    """At the limit, or when the process stops, the goodbye is spoken over it and heard out."""
    bench = Bench(CallPlan(call_max_s=110.0, call_warning_s=0.0)).ready()
    shouted_at(bench, 4.0)
    bench.hear(STARTED)
    shouted_at(bench, SHOUTING_S)
    if stops:
        bench.commands += bench.call.wind_up(EndReason.SHUTDOWN, bench.now)
    shouted_at(bench, 9.0)
    said = bench.hear(created("r1"), delta("r1", "i1", 5000), done("r1"))
    assert sent_audio(said)
    bench.wait(5.1)
    bench.played(said)
    shouted_at(bench, 4.0)

    assert bench.reason() is (EndReason.SHUTDOWN if stops else EndReason.LIMIT)


def test_a_turn_that_is_not_answered_during_a_long_goodbye() -> None:
    """The goodbye may be taken back, so the turn counts; but the model owes nothing any more."""
    bench = Bench(CallPlan(end_call_interruptible=True, response_timeout_s=5.0)).ready()
    said = bench.hear(created("r1"), delta("r1", "i1", 30_000), tool_call("r1"), done("r1"))
    bench.hear(COMMITTED)
    bench.wait(30.1)
    bench.played(said)
    bench.wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_turn_that_is_not_answered_during_a_long_grace() -> None:
    """Nothing is waited for but the grace."""
    bench = heard_out(closing(CallPlan(end_call_grace_s=30.0, end_call_interruptible=True)))
    bench.hear(COMMITTED)
    bench.wait(29.0)
    assert bench.reason() is None
    bench.wait(1.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_response_that_is_done_twice_is_done_once() -> None:
    """The goodbye asked for meanwhile is not asked for again: the server would refuse that."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"), done("r1"))
    bench.hear(done("r1"))

    assert len(asks(bench)) == 1
    bench.hear(created("r2"), delta("r2", "i2", 500), done("r2"))
    heard_out(bench).wait(3.1)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


@pytest.mark.parametrize("grace", [True, False])
def test_sound_behind_the_end_of_the_goodbye_is_heard_out_too(*, grace: bool) -> None:
    """A server that sends out of order: whatever is played is part of the goodbye."""
    bench = closing()
    if grace:
        heard_out(bench)
        bench.wait(1.0)
    late = bench.hear(delta("r1", "i1", 10_000))
    assert sent_audio(late)
    bench.wait(9.0)
    assert bench.call.phase is Phase.CLOSING
    bench.wait(3.0)
    bench.played(bench.commands)
    bench.wait(2.9)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_goodbye_that_stalls_in_the_middle_is_played_out() -> None:
    """The watchdog gives it up; what the server still owes then is of no interest."""
    bench = Bench(CallPlan(response_timeout_s=5.0)).ready()
    said = bench.hear(created("r1"), delta("r1", "i1", 8000), tool_call("r1"))
    bench.wait(8.1)
    bench.played(said)
    bench.wait(4.0 + 3.1)

    assert [one.response_id for one in of_type(bench.commands, realtime.ResponseCancel)] == ["r1"]
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_time_is_up_once() -> None:
    """The process is told to stop twice, or while the line is being released: one goodbye."""
    bench = Bench().ready()
    for _ in range(2):
        bench.commands += bench.call.wind_up(EndReason.SHUTDOWN, bench.now)
        bench.wait(1.0)

    assert len(bench.notes("hanging_up")) == 1

    released = heard_out(closing(CallPlan(can_release=True)))
    released.wait(3.1)
    assert released.call.phase is Phase.RELEASING
    assert released.call.wind_up(EndReason.SHUTDOWN, released.now) == []


def test_a_deadline_of_ours_that_never_rests_ends_its_own_call_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistake of ours is an assertion of this call, and no loop that all calls stand still in."""
    bench = Bench().ready()
    deadlines = bench.call._deadlines
    monkeypatch.setattr(Call, "_due", lambda self, name, now: deadlines.set(name, now))

    with pytest.raises(AssertionError, match="limit is due again and again"):
        bench.call.expire(bench.call.plan.call_max_s)
