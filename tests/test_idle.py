"""bridge.core.idle, and the goodbye to a caller who does not answer."""

import pytest

from bridge.core import realtime, tools, twilio
from bridge.core.call import CallPlan, EndReason, LineReleased, Phase, ReleaseLine
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    Bench,
    asks,
    created,
    cuts,
    delta,
    done,
    media,
    of_type,
    says,
    tool_call,
)

PLAN = CallPlan(idle_nudge_s=5.0)
NUDGE = tools.nudge("")
GOODBYE = tools.goodbye_to_silence("")


def given_up(plan: CallPlan = PLAN) -> Bench:
    """A call whose caller has not answered any nudge: the goodbye is asked for."""
    bench = Bench(plan).ready()
    for number in range(plan.idle_nudges_max):
        bench.wait(5.0)
        says(bench, f"n{number}")
    bench.wait(5.0)
    assert bench.call.phase is Phase.CLOSING
    return bench


def test_off_by_default() -> None:
    """A caller may be silent for as long as they like."""
    bench = Bench().ready()
    bench.wait(100.0)

    assert asks(bench) == []


def test_nudges_then_goodbye_then_the_end() -> None:
    """Each after five seconds in which nothing was heard; the goodbye is heard out."""
    bench = given_up()
    assert asks(bench) == [NUDGE, NUDGE, GOODBYE]
    assert bench.call.record.nudges == 2
    says(bench, "bye")
    bench.wait(2.8)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.IDLE_CALLER
    assert [note.fields for note in bench.notes("caller_idle")] == [{"nudge": 1}, {"nudge": 2}]


def test_the_operators_words() -> None:
    """They replace ours."""
    bench = given_up(
        CallPlan(
            idle_nudge_s=5.0, idle_nudges_max=1, idle_nudge_text="Cough.", idle_goodbye_text="Go."
        )
    )

    assert [options.instructions for options in asks(bench)] == ["Cough.", "Go."]
    assert {options.tool_choice for options in asks(bench)} == {"none"}


def test_silence_counts_from_what_was_heard() -> None:
    """A long answer is made in an instant; the caller listens."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"))
    said = bench.hear(delta("r1", "i1", 30_000), done("r1"))
    bench.wait(30.3)
    bench.played(said)
    bench.wait(4.9)
    assert asks(bench) == []
    bench.wait(0.2)

    assert asks(bench) == [NUDGE]


def test_a_mark_that_is_late_begins_the_silence_later() -> None:
    """The sound stalled on its way: the computed end does not count."""
    bench = Bench(PLAN).ready()
    said = bench.hear(created("r1"), delta("r1", "i1", 1000), done("r1"))
    bench.wait(4.0)
    bench.played(said)
    bench.wait(4.9)
    assert asks(bench) == []
    bench.wait(0.2)

    assert asks(bench) == [NUDGE]


def test_a_mark_that_never_comes_is_not_waited_for() -> None:
    """The computed end plus five seconds counts then."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), done("r1"))
    for _ in range(10):
        bench.wait(1.0)
        bench.hear(twilio.Unknown("hologram"))
    bench.wait(0.9)
    assert asks(bench) == []
    bench.wait(0.2)

    assert asks(bench) == [NUDGE]


def test_more_sound_begins_the_silence_anew() -> None:
    """Audio that belongs to no response known to be active, for example."""
    bench = Bench(PLAN).ready()
    said = bench.hear(created("r1"), delta("r1", "i1", 1000), done("r1"))
    bench.wait(1.1)
    bench.played(said)
    bench.wait(4.0)
    more = bench.hear(delta("r1", "i2", 1000))
    bench.wait(1.1)
    bench.played(more)
    bench.wait(4.9)

    assert asks(bench) == []


def test_the_callers_voice_begins_the_count_anew() -> None:
    """An answer after the last nudge: as many nudges follow again."""
    bench = Bench(PLAN).ready()
    for number in range(2):
        bench.wait(5.0)
        says(bench, f"n{number}")
    bench.hear(STARTED)
    bench.wait(10.0)
    bench.hear(STOPPED, COMMITTED)
    says(bench, "answer")
    assert asks(bench) == [NUDGE] * 2
    bench.wait(5.0)

    assert asks(bench) == [NUDGE] * 3
    assert bench.call.phase is Phase.TALKING


@pytest.mark.parametrize("told", [True, False])
def test_a_key_begins_the_count_anew(told: bool) -> None:
    """Whether it is told to the model or not; and who types is not silent."""
    plan = CallPlan(idle_nudge_s=1.5, idle_nudges_max=0, dtmf_to_model=told)
    bench = Bench(plan).ready()
    for _ in range(5):
        bench.wait(1.4)
        bench.hear(twilio.Dtmf("1"))
    bench.wait(1.4)
    assert asks(bench) == []
    bench.wait(0.7)

    assert asks(bench) == [tools.ANSWER if told else GOODBYE]


def test_a_model_that_owes_an_answer_is_not_a_silent_caller() -> None:
    """It has stalled: the call ends for that reason, without a nudge."""
    bench = Bench(PLAN).ready()
    bench.hear(STARTED, STOPPED, COMMITTED)
    bench.wait(20.1)

    assert asks(bench) == []
    assert bench.reason() is EndReason.REALTIME_STALLED


def test_a_nudge_that_never_comes_is_a_stall() -> None:
    """It is not asked for again and again."""
    bench = Bench(PLAN).ready()
    bench.wait(25.1)

    assert asks(bench) == [NUDGE]
    assert bench.reason() is EndReason.REALTIME_STALLED


def test_a_nudge_into_the_first_words_is_cancelled() -> None:
    """Asked for, but the caller spoke first."""
    bench = Bench(PLAN).ready()
    bench.wait(5.0)
    bench.hear(STARTED)
    commands = bench.hear(created("r1"))

    assert [cancel.response_id for cancel in of_type(commands, realtime.ResponseCancel)] == ["r1"]


def test_a_tool_call_is_no_silence() -> None:
    """Its output is sent and the answer asked for."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), tool_call("r1", "look_up"))
    bench.wait(10.0)

    assert asks(bench) == []


# ------------------------------------------------------------------------------ the goodbye
def test_a_voice_takes_the_goodbye_back() -> None:
    """Whatever END_CALL_INTERRUPTIBLE says: somebody is there after all."""
    bench = given_up()
    assert not of_type(bench.commands, realtime.TurnDetectionUpdate)
    bench.hear(created("bye"), delta("bye", "i9", 1000))
    bench.wait(0.4)
    commands = bench.hear(STARTED)

    assert cuts(commands) == [("i9", 400)]
    assert bench.call.phase is Phase.TALKING
    bench.hear(done("bye", "cancelled"), STOPPED, COMMITTED)
    says(bench, "answer")
    bench.wait(4.8)
    assert bench.reason() is None
    bench.wait(0.2)
    assert asks(bench)[-1] == NUDGE


def test_a_key_takes_the_goodbye_back() -> None:
    """It is answered like any other."""
    bench = given_up()
    bench.hear(twilio.Dtmf("1"), twilio.Dtmf("#"))
    commands = bench.hear(created("bye"))
    assert len(of_type(commands, realtime.ResponseCancel)) == 1
    bench.hear(done("bye", "cancelled"))

    assert asks(bench)[-1] == tools.ANSWER
    assert bench.call.phase is Phase.TALKING


@pytest.mark.parametrize("last", [LineReleased("completed"), twilio.Stop(), None])
def test_the_reason_outlives_the_release(last: LineReleased | twilio.Stop | None) -> None:
    """REST has answered, the stream ended first, or neither came."""
    bench = given_up(CallPlan(idle_nudge_s=5.0, idle_nudges_max=0, can_release=True))
    says(bench, "bye")
    bench.wait(3.1)
    assert len(of_type(bench.commands, ReleaseLine)) == 1
    bench.hear(media(), *([] if last is None else [last]))
    bench.wait(10.1)

    assert bench.reason() is EndReason.IDLE_CALLER


def test_the_watchdog_ends_a_goodbye_that_never_comes() -> None:
    """The reason is still that nobody was there."""
    bench = given_up()
    bench.wait(4.1)

    assert bench.reason() is EndReason.IDLE_CALLER
