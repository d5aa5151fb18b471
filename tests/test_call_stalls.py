"""bridge.core.call: a server that goes silent is noticed, a caller who speaks is waited for."""

from bridge.core import realtime
from bridge.core.call import EndReason
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    TURN,
    Bench,
    created,
    delta,
    done,
    media,
    tool_call,
)


def test_an_answer_that_never_begins_is_a_stall() -> None:
    """The caller's turn is committed and nothing follows for 20 s."""
    bench = Bench().ready()
    bench.hear(*TURN)
    bench.wait(19.9)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_an_answer_that_stops_half_way_is_a_stall() -> None:
    """Each event of the response counts as progress, known or not; then nothing comes."""
    bench = Bench().ready()
    bench.hear(created("r1"))
    for event in (
        delta("r1", "i1", 20),
        realtime.Unknown("response.output_audio_transcript.delta"),
        tool_call("r1", "look_up", status="incomplete"),
    ):
        bench.wait(15.0)
        bench.hear(event)
    bench.wait(19.9)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_no_answer_owed_no_stall() -> None:
    """A silent line is not a stalled model, and neither is one whose answers were interrupted."""
    bench = Bench().ready()
    bench.hear(*TURN, created("r1"), done("r1"))
    bench.wait(60.0)
    bench.hear(media(), created("r2"), STARTED, STOPPED)
    bench.wait(60.0)

    assert bench.reason() is None


def test_a_speaking_caller_defers_the_stall() -> None:
    """The model cannot answer while he speaks; when he stops it is due."""
    bench = Bench().ready()
    bench.hear(COMMITTED)
    bench.wait(15.0)
    bench.hear(STARTED)
    bench.wait(15.0)
    assert bench.reason() is None
    bench.hear(STOPPED)
    bench.wait(0.1)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_calling_hello_again_and_again_does_not_defer_the_stall_for_ever() -> None:
    """A dead model behind a living turn detection is found."""
    bench = Bench().ready()
    for _ in range(4):
        bench.hear(*TURN)
        bench.wait(7.0)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_speech_that_never_ends_is_a_dead_server() -> None:
    """Nobody speaks for two minutes without a pause."""
    bench = Bench().ready()
    bench.hear(STARTED)
    for _ in range(119):
        bench.wait(1.0)
        bench.hear(media())
    assert bench.reason() is None
    bench.wait(1.1)

    assert bench.reason() is EndReason.REALTIME_STALLED
