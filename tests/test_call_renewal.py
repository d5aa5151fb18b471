"""bridge.core.model_side and sessions: a session gets old, and another takes over in a lull."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, FromSession
from bridge.core.commands import CloseRealtime, OpenRealtime, ToBeside, UseRealtime
from bridge.core.realtime import (
    AssistantMessage,
    OutputText,
)
from tests.calls import (
    GONE,
    STOPPED,
    Bench,
    appended_audio,
    created,
    delta,
    done,
    error,
    frame,
    media,
    of_type,
    tool_call,
)
from tests.lost_sessions import COMMITTED, NEVER, STARTED, opened, restored, says


def renewing(plan: CallPlan | None = None) -> Bench:
    """A call whose session is old, with another one that has come up beside it."""
    bench = Bench(plan or CallPlan(renew_s=20.0)).ready()
    says(bench, "r1", "Hello there.")
    bench.wait(bench.call.plan.renew_s - bench.now)
    bench.hear(FromSession(2, realtime.SessionCreated()))
    return bench


def test_another_session_comes_up_beside_the_old_one() -> None:
    """Configured, and told nothing; the old one is still spoken to."""
    bench = renewing()
    assert opened(bench)[-1] == OpenRealtime(2, beside=True)
    (beside,) = of_type(bench.commands, ToBeside)
    assert isinstance(beside.event, realtime.SessionUpdate)
    bench.hear(FromSession(2, realtime.SessionUpdated()))

    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)
    assert not of_type(bench.commands, UseRealtime)


def test_it_takes_over_in_a_lull() -> None:
    """Half a second of quiet; then it is told everything, and the old one is not listened to."""
    bench = renewing()
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.hear(twilio.Mark("x"))
    commands = bench.wait(0.6)

    kinds = [type(one) for one in commands if not isinstance(one, twilio.SendMark)]
    assert kinds.index(UseRealtime) < kinds.index(realtime.ConversationItemCreate)
    assert restored(list(commands)) == [AssistantMessage((OutputText("Hello there."),))]
    assert bench.call.record.renewals == 1
    assert bench.hear(FromSession(1, STARTED), FromSession(1, GONE)) == []
    assert bench.reason() is None


def test_a_lull_is_no_lull_if_somebody_speaks() -> None:
    """Nor while the answer is made or heard; then it waits for the next one."""
    bench = renewing(CallPlan(renew_s=100.0))
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.wait(0.3)
    bench.hear(media(), FromSession(1, STARTED))
    bench.wait(0.6)
    bench.hear(FromSession(1, STOPPED), FromSession(1, COMMITTED))
    bench.wait(0.6)
    assert not of_type(bench.commands, UseRealtime)
    says(bench, "r2", "Certainly.")
    bench.wait(0.6)

    assert len(of_type(bench.commands, UseRealtime)) == 1


def test_a_lull_is_not_waited_for_without_end() -> None:
    """A twentieth of the time later the session in use is replaced in the middle of a word."""
    bench = renewing()
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.hear(media(frame(1)), FromSession(1, STARTED), media(frame(2)))
    bench.wait(2.0)
    (put,) = of_type(bench.commands, realtime.ConversationItemCreate)

    assert isinstance(put.item, AssistantMessage)
    assert appended_audio(bench.commands).count(frame(2)) == 2


def test_a_session_that_comes_up_late_takes_over_at_once() -> None:
    """When there is no time left to wait for a lull."""
    bench = renewing()
    bench.hear(media(), FromSession(1, STARTED))
    bench.wait(2.0)
    bench.hear(FromSession(2, realtime.SessionUpdated()))

    assert len(of_type(bench.commands, UseRealtime)) == 1


@pytest.mark.parametrize("how", [error("invalid_model"), realtime.Closed(503)])
def test_a_renewal_that_is_refused_is_tried_again(how: realtime.Inbound) -> None:
    """The session in use goes on meanwhile."""
    bench = renewing()
    bench.hear(FromSession(2, how))
    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)
    bench.wait(0.6)

    assert opened(bench)[-1] == OpenRealtime(3, beside=True)
    assert CloseRealtime(2) in bench.commands


@pytest.mark.parametrize("ready", [False, True])
def test_the_old_session_is_lost_while_another_comes_up(*, ready: bool) -> None:
    """That one is taken."""
    bench = renewing()
    if ready:
        bench.hear(FromSession(2, realtime.SessionUpdated()))
    commands = bench.hear(FromSession(1, GONE))
    assert commands.index(CloseRealtime(1)) < commands.index(UseRealtime(2))
    if not ready:
        commands = bench.hear(FromSession(2, realtime.SessionUpdated()))
        assert not of_type(commands, UseRealtime)

    assert len(opened(bench)) == 2
    assert (bench.call.record.renewals, bench.call.record.reconnects) == (0, 1)
    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)


def test_no_renewal_during_a_goodbye() -> None:
    """It would be cut off."""
    bench = renewing()
    bench.hear(FromSession(1, created("r2")), FromSession(1, delta("r2", "i2", 5000)))
    bench.hear(FromSession(1, tool_call("r2")), FromSession(1, done("r2")))
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.wait(4.0)
    assert not of_type(bench.commands, UseRealtime)

    bench.hear(FromSession(1, GONE))
    assert CloseRealtime(2) in bench.commands


def test_what_the_session_beside_says_too_early_is_counted() -> None:
    """It has not been given anything to answer."""
    bench = renewing()
    bench.hear(FromSession(2, realtime.SessionUpdated()), FromSession(2, created("r9")))

    assert bench.call.record.out_of_turn == {"realtime:ResponseCreated": 1}


def test_a_setting_of_zero_renews_never() -> None:
    """The vendor's end of the session is then like any other loss."""
    bench = Bench(NEVER).ready()
    bench.wait(100.0)

    assert len(opened(bench)) == 1
