"""bridge.core.call with a model that takes no turns: it listens while it speaks, and never pauses.

What it cannot do is not asked of it, and the caller is none the worse for it.
"""

from bridge.core import realtime, twilio
from bridge.core.abilities import Abilities
from bridge.core.call import CallPlan, EndReason
from tests.calls import (
    GONE,
    STARTED,
    STOPPED,
    UP,
    Bench,
    answering,
    appended_audio,
    asks,
    created,
    cuts,
    delta,
    done,
    error,
    media,
    of_type,
    sent_audio,
    tool_call,
)

DUPLEX = Abilities(truncates=False, cancels=False, takes_turns=False, streams=True)
TURN = (STARTED, STOPPED, realtime.InputAudioBufferCommitted("t1"))
SECOND = realtime.SessionLasted(1.0)


def duplex(**plan: object) -> Bench:
    """A call with such a model, both legs up."""
    given = {"abilities": DUPLEX, "idle_nudge_s": 0.0, **plan}
    return Bench(CallPlan(**given)).ready()  # type: ignore[arg-type]


def live(bench: Bench, seconds: int) -> None:
    """Let time pass in which the stream and the caller's line go on."""
    for _ in range(seconds):
        bench.hear(media(), SECOND)
        bench.wait(1.0)


# ------------------------------------------------------------------------------ the caller speaks
def test_its_speech_goes_on_while_the_caller_speaks() -> None:
    """No clear, no truncation, no cancellation: what it says is meant."""
    bench = duplex()
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    commands = bench.hear(STARTED, delta("r1", "i1", 100), STOPPED)

    assert of_type(commands, twilio.Clear) == []
    assert len(sent_audio(commands)) == 800
    assert cuts(commands) == []
    assert of_type(commands, realtime.ResponseCancel) == []


def test_it_owes_no_answer_to_a_turn() -> None:
    """It may find that there is nothing to say; the call does not end for that."""
    bench = duplex()
    bench.hear(*TURN)
    live(bench, 60)

    assert asks(bench) == []
    assert bench.reason() is None


def test_what_it_broke_off_for_the_caller_is_not_heard_out() -> None:
    """A stalled line may hold seconds of it."""
    bench = duplex()
    bench.hear(created("r1"), delta("r1", "i1", 3000), STARTED)
    details = realtime.StatusDetails(reason="turn_detected")
    finished = realtime.FinishedResponse("r1", "cancelled", details)
    commands = bench.hear(realtime.ResponseDone(finished))

    assert len(of_type(commands, twilio.Clear)) == 1
    assert cuts(commands) == []
    assert bench.call.record.barge_ins == 1
    assert bench.call.record.truncations == 0


def test_a_model_that_takes_turns_is_cleared_when_they_begin_only() -> None:
    """There, the end of a cancelled response comes late and says nothing new."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 3000), STARTED)
    bench.hear(STOPPED, created("r2"), delta("r2", "i2", 1000))
    details = realtime.StatusDetails(reason="turn_detected")
    finished = realtime.FinishedResponse("r1", "cancelled", details)

    assert of_type(bench.hear(realtime.ResponseDone(finished)), twilio.Clear) == []


# ------------------------------------------------------------------------------ what we ask
def test_a_key_stops_the_sound_and_keeps_the_rest_from_the_caller() -> None:
    """It cannot be cancelled, and it can be asked at once: the answer is heard, the rest is not."""
    bench = duplex()
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    commands = bench.hear(twilio.Dtmf("1"), twilio.Dtmf("#"))
    rest = bench.hear(delta("r1", "i1", 100))
    answer = bench.hear(done("r1"), created("r2"), delta("r2", "i2", 100))

    assert len(of_type(commands, twilio.Clear)) == 1
    assert of_type(commands, realtime.ResponseCancel) == []
    assert len(asks(bench)) == 1
    assert sent_audio(rest) == b""
    assert len(sent_audio(answer)) == 800


def test_a_request_is_not_forgotten_when_the_rest_has_come() -> None:
    """The response that ends is not the one that was asked for, so nothing is asked twice."""
    bench = duplex(call_max_s=30.0, call_warning_s=0.0)
    live(bench, 29)
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    for _ in range(12):
        bench.wait(1.0)
        bench.hear(media(), SECOND, delta("r1", "i1", 1000))
    bench.hear(done("r1"))

    assert len(asks(bench)) == 1


def test_its_goodbye_is_heard_to_its_end() -> None:
    """The function's output, the request, the words, the pause, and then the line."""
    bench = duplex(can_release=False)
    bench.hear(tool_call("r1"))
    assert len(asks(bench)) == 1
    commands = bench.hear(created("r2"), delta("r2", "i2", 500))
    bench.hear(done("r2"))
    assert bench.reason() is None
    bench.played(commands)
    bench.wait(3.0)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_refused_request_is_given_up() -> None:
    """As with any other model."""
    bench = duplex(greeting="Hello")
    bench.hear(
        error("nonsense", event_id=of_type(bench.commands, realtime.ResponseCreate)[0].event_id)
    )
    live(bench, 30)

    assert bench.reason() is None


# ------------------------------------------------------------------------------ its clock
def test_every_gap_of_the_carrier_is_filled() -> None:
    """Its clock is what it hears, also while nobody speaks."""
    bench = duplex()
    bench.hear(media())

    assert 9_000 < len(answering(bench, 10.0)) / 8 < 10_300


def test_a_line_on_which_nothing_ever_came_is_filled_too() -> None:
    """A session that is ready speaks only when it hears something."""
    bench = duplex()
    bench.wait(0.5)
    bench.hear(twilio.Mark("nothing"))

    assert appended_audio(bench.wait(1.0))


def test_nothing_is_sent_to_a_session_that_is_gone() -> None:
    """The caller's silence is kept, like the caller's words."""
    bench = duplex()
    bench.hear(media(), realtime.Closed(1006))

    assert appended_audio(bench.wait(2.0)) == b""


def test_a_stream_that_stands_still_is_a_dead_model() -> None:
    """Although it owes nothing."""
    bench = duplex()
    for _ in range(25):
        bench.hear(media())
        bench.wait(1.0)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_a_stream_that_goes_on_is_none() -> None:
    """However long nobody says anything."""
    bench = duplex()
    live(bench, 60)

    assert bench.reason() is None
    assert bench.call.record.billed_s == 60.0


def test_a_line_that_stands_still_is_no_dead_model() -> None:
    """What hears nothing says nothing."""
    bench = duplex()
    bench.wait(60.0)

    assert bench.reason() is None


def test_a_line_without_sound_is_no_excuse_for_a_dead_model() -> None:
    """It answers, so it lives, and the model is given silence all the time."""
    bench = duplex()
    bench.hear(media())
    answering(bench, 30.0)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_another_session_hears_the_silence_as_well() -> None:
    """What a lost session was given of a gap, the next one has not heard."""
    bench = duplex()
    bench.hear(media())
    answering(bench, 8.0)
    bench.hear(GONE)
    bench.hear(*UP)

    assert len(answering(bench, 5.0)) >= 4_000 * 8


def test_other_models_need_not_stream() -> None:
    """Silence of theirs is silence."""
    bench = Bench().ready()
    for _ in range(60):
        bench.hear(media())
        bench.wait(1.0)

    assert bench.reason() is None


def test_a_caller_who_never_pauses_is_no_stall_of_a_model_that_streams() -> None:
    """It confirms nothing; that its stream goes on is the sign of life."""
    bench = duplex()
    bench.hear(STARTED)
    live(bench, 250)

    assert of_type(bench.commands, realtime.TurnDetectionUpdate) == []
    assert bench.reason() is None
