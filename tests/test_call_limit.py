"""bridge.core.limit, and the end of a call's time: a warning, a goodbye, and the last bound."""

import pytest

from bridge.core import realtime, tools, twilio
from bridge.core.call import CallPlan, EndReason, LineReleased, Phase
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
    sent_audio,
    tool_call,
)

PLAN = CallPlan(call_max_s=60.0, call_warning_s=20.0)
SHARP = CallPlan(call_max_s=60.0, call_warning_s=0.0)
MINUTE = "less than a minute"


def asked(bench: Bench) -> list[str | None]:
    """The instructions of the responses asked for."""
    return [options.instructions for options in asks(bench)]


def warned(bench: Bench) -> int:
    """How often the warning was asked for."""
    return len(bench.notes("time_warning"))


def at(now_s: float, plan: CallPlan) -> Bench:
    """A call that is so old."""
    bench = Bench(plan).ready()
    bench.wait(now_s - bench.now)
    return bench


# ------------------------------------------------------------------------------ the warning
def test_the_warning_comes_in_time_and_once() -> None:
    """With tools off; half a second of quiet before it."""
    bench = at(40.4, PLAN)
    assert warned(bench) == 0
    bench.wait(0.2)
    assert asked(bench) == [tools.time_warning(19.5).instructions]
    says(bench, "r1")
    bench.wait(15.0)

    assert warned(bench) == 1


@pytest.mark.parametrize("warning_s", [0.0, 60.0, 70.0])
def test_no_warning(warning_s: float) -> None:
    """Off, or longer than the call."""
    assert asked(at(59.9, CallPlan(call_max_s=60.0, call_warning_s=warning_s))) == []


@pytest.mark.parametrize(
    ("left_s", "words"),
    [(600, "about 10 minutes"), (90, "about 2 minutes"), (60, "about a minute"), (20, MINUTE)],
)
def test_the_warning_says_how_long(left_s: float, words: str) -> None:
    """In the words of people."""
    instructions = tools.time_warning(left_s).instructions

    assert instructions is not None
    assert words in instructions


def test_the_warning_waits_until_all_was_heard() -> None:
    """Not for the end of the generation: the caller still listens."""
    bench = at(35.0, PLAN)
    said = bench.hear(created("r1"), delta("r1", "i1", 10_000), done("r1"))
    bench.wait(10.1)
    assert warned(bench) == 0
    bench.played(said)
    bench.wait(0.6)

    assert warned(bench) == 1


def test_the_warning_follows_a_long_speech() -> None:
    """When half of its time is over it waits for the sound no longer."""
    bench = at(35.0, PLAN)
    bench.hear(created("r1"), delta("r1", "i1", 40_000), done("r1"))
    bench.wait(15.4)
    assert warned(bench) == 0
    bench.wait(0.2)

    assert warned(bench) == 1
    assert not of_type(bench.commands, twilio.Clear)


def test_the_warning_is_not_said_over_the_caller() -> None:
    """Nor between the end of the words and their answer; not even when it is late."""
    bench = at(39.0, PLAN)
    bench.hear(STARTED)
    bench.wait(15.0)
    bench.hear(STOPPED)
    bench.wait(0.3)
    bench.hear(COMMITTED)
    bench.wait(1.0)
    assert warned(bench) == 0
    bench.hear(created("r1"), done("r1"))
    bench.wait(0.6)

    assert warned(bench) == 1


def test_the_warning_waits_for_an_interrupted_response_to_end() -> None:
    """The server would refuse it, or something else would be asked for in its place."""
    bench = at(39.0, PLAN)
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    bench.hear(STARTED, STOPPED)
    bench.wait(3.0)
    assert warned(bench) == 0
    bench.hear(done("r1", "cancelled"))

    assert warned(bench) == 1


@pytest.mark.parametrize("interruption", [STARTED, twilio.Dtmf("1")])
def test_a_warning_nobody_heard_is_said_again(
    interruption: realtime.SpeechStarted | twilio.Dtmf,
) -> None:
    """The caller spoke, or pressed a key, before its first sound."""
    bench = at(40.6, PLAN)
    bench.hear(interruption, created("r1"), done("r1", "cancelled"))
    bench.hear(STOPPED, COMMITTED)
    bench.wait(2.0)
    says(bench, "r2")
    says(bench, "r3")
    bench.wait(0.6)

    assert warned(bench) == 2


def test_a_warning_that_was_begun_is_not_repeated() -> None:
    """The caller has heard of it, and interrupts."""
    bench = at(40.6, PLAN)
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    bench.wait(0.5)
    bench.hear(STARTED, done("r1", "cancelled"), STOPPED, COMMITTED)
    says(bench, "r2")
    bench.wait(5.0)

    assert warned(bench) == 1


def test_no_warning_while_the_agent_says_goodbye() -> None:
    """Nor before the session is ready."""
    bench = at(39.5, PLAN)
    bench.hear(created("r1"), delta("r1", "i1", 3000), tool_call("r1"), done("r1"))
    bench.wait(3.2)
    bench.played(bench.commands)
    bench.wait(3.1)
    assert warned(bench) == 0

    bench = Bench(CallPlan(call_max_s=10.0, call_warning_s=9.0)).started()
    bench.wait(2.0)
    bench.hear(realtime.SessionCreated(), realtime.SessionUpdated())
    bench.hear(twilio.Unknown("x"))
    bench.wait(0.6)
    assert warned(bench) == 1


# ------------------------------------------------------------------------------ the limit
def test_a_call_is_limited() -> None:
    """However lively the line is; the goodbye is heard out, and there is a pause."""
    bench = Bench(SHARP).ready()
    while bench.now < 60.6:
        bench.hear(media())
        bench.wait(0.5)
    assert asked(bench) == [tools.TIME_IS_UP.instructions]
    says(bench, "bye")
    bench.wait(2.8)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.LIMIT


def test_a_sharp_limit() -> None:
    """By a setting, even in the middle of a sentence; and before there is anybody to say it."""
    plan = CallPlan(call_max_s=60.0, limit_farewell_s=0.0, call_warning_s=0.0)
    bench = at(59.0, plan)
    bench.hear(created("r1"), delta("r1", "i1", 5000))
    bench.wait(1.1)
    assert bench.reason() is EndReason.LIMIT

    bench = Bench(CallPlan(call_max_s=10.0)).started()
    bench.wait(10.1)
    assert bench.reason() is EndReason.LIMIT


def test_the_caller_may_finish_the_sentence() -> None:
    """And is answered; then comes the goodbye, which the caller's voice does not prevent."""
    bench = at(58.0, CallPlan(call_max_s=60.0, call_warning_s=0.0, end_call_interruptible=True))
    bench.hear(STARTED)
    bench.wait(4.0)
    bench.hear(STOPPED, COMMITTED)
    says(bench, "answer")
    assert asked(bench) == []
    bench.wait(0.6)
    assert asked(bench) == [tools.TIME_IS_UP.instructions]
    bench.hear(created("bye"), delta("bye", "i9", 1000))
    bench.wait(0.2)

    assert not of_type(bench.hear(STARTED, twilio.Dtmf("1")), twilio.Clear)
    assert bench.call.phase is Phase.CLOSING


def test_a_caller_who_goes_on_is_spoken_over() -> None:
    """After two fifths of the time for the goodbye; the server must not interrupt it."""
    bench = at(59.0, SHARP)
    bench.hear(STARTED)
    bench.wait(8.9)
    assert asked(bench) == []
    bench.wait(0.2)

    assert asked(bench) == [tools.TIME_IS_UP.instructions]
    (update,) = of_type(bench.commands, realtime.TurnDetectionUpdate)
    assert not update.turn_detection.interrupt_response


@pytest.mark.parametrize("generated", [False, True])
def test_a_long_answer_is_stopped(generated: bool) -> None:
    """Also when it is only still playing: the goodbye would come after its time."""
    bench = at(59.0, SHARP)
    bench.hear(created("r1"), delta("r1", "i1", 30_000))
    if generated:
        bench.hear(done("r1"))
    bench.wait(9.1)

    assert len(of_type(bench.commands, twilio.Clear)) == 1
    assert cuts(bench.commands) == [("i1", 9000)]
    cancels = of_type(bench.commands, realtime.ResponseCancel)
    assert len(cancels) == (0 if generated else 1)
    bench.hear(*([] if generated else [done("r1", "cancelled")]))
    assert asked(bench) == [tools.TIME_IS_UP.instructions]


def test_a_tool_call_at_the_limit() -> None:
    """Its answer is still given and heard."""
    bench = at(59.9, SHARP)
    bench.hear(created("r1"), tool_call("r1", "look_up"))
    bench.wait(0.5)
    bench.hear(done("r1"))
    assert asked(bench) == [None]
    says(bench, "r2")
    bench.wait(0.6)

    assert asked(bench) == [None, tools.TIME_IS_UP.instructions]


def test_the_limit_during_the_agents_goodbye() -> None:
    """One goodbye is enough, and the reason is the agent's."""
    bench = at(59.5, SHARP)
    bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), done("r1"))
    bench.wait(1.1)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert asked(bench) == []
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_goodbye_longer_than_its_time_is_cut_off() -> None:
    """Whoever says it, the agent's own included."""
    bench = at(59.5, SHARP)
    bench.hear(created("r1"), delta("r1", "i1", 60_000), tool_call("r1"), done("r1"))
    bench.wait(20.4)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.LIMIT


def test_a_hangup_taken_back_after_the_limit() -> None:
    """The caller gets an answer, if there is time, and then the goodbye of the limit."""
    bench = at(59.5, CallPlan(call_max_s=60.0, call_warning_s=0.0, end_call_interruptible=True))
    bench.hear(created("r1"), delta("r1", "i1", 3000), tool_call("r1"), done("r1"))
    bench.wait(1.0)
    bench.hear(STARTED)
    assert bench.call.phase is Phase.TALKING
    bench.wait(1.0)
    bench.hear(STOPPED, COMMITTED)
    says(bench, "r2")
    bench.wait(0.6)

    assert asked(bench) == [tools.TIME_IS_UP.instructions]


def test_the_agent_may_hang_up_after_the_limit() -> None:
    """While a quiet moment is waited for."""
    bench = at(59.5, SHARP)
    bench.hear(created("r1"), delta("r1", "i1", 2000))
    bench.wait(1.0)
    bench.hear(tool_call("r1"), done("r1"))
    bench.wait(1.2)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_reason_outlives_the_release() -> None:
    """And nothing of the last bound is left when the line is being released."""
    bench = at(60.6, CallPlan(call_max_s=60.0, call_warning_s=0.0, can_release=True))
    says(bench, "bye")
    bench.wait(3.1)
    assert bench.call.phase is Phase.RELEASING
    bench.hear(LineReleased("completed"))

    assert bench.reason() is EndReason.LIMIT


def test_a_model_that_says_nothing_at_the_limit() -> None:
    """The watchdog hangs up."""
    bench = at(60.6, SHARP)
    bench.wait(4.1)

    assert bench.reason() is EndReason.LIMIT
    assert sent_audio(bench.commands) == b""


def test_another_plan_takes_its_own_warning_along() -> None:
    """An agent that warns nobody follows settings that would."""
    bench = Bench(CallPlan(call_max_s=100.0, call_warning_s=60.0))
    bench.call.follow(CallPlan(call_max_s=100.0, call_warning_s=0.0))
    bench.ready()
    bench.wait(60.0)

    assert warned(bench) == 0
