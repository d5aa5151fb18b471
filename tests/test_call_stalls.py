"""bridge.core.call: a server that goes silent is noticed, a caller who speaks is waited for."""

from bridge.core import realtime
from bridge.core.call import CallPlan, EndReason
from bridge.core.realtime import ServerVad
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    TURN,
    Bench,
    asks,
    created,
    delta,
    done,
    error,
    media,
    of_type,
    says,
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


def spoken_for(bench: Bench, duration_s: int) -> None:
    """The caller's line has sound for so long."""
    for _ in range(duration_s):
        bench.wait(1.0)
        bench.hear(media())


def checks(bench: Bench) -> int:
    """How often the session was asked for a sign of life."""
    return len(of_type(bench.commands, realtime.TurnDetectionUpdate))


def test_speech_that_never_ends_is_a_dead_server() -> None:
    """Two minutes without a pause: the server is asked whether it is there, and does not answer."""
    bench = Bench().ready()
    bench.hear(STARTED)
    spoken_for(bench, 119)
    assert checks(bench) == 0
    spoken_for(bench, 20)
    assert checks(bench) == 1
    assert bench.reason() is None
    spoken_for(bench, 2)

    assert bench.reason() is EndReason.REALTIME_STALLED


def test_a_caller_may_speak_for_as_long_as_the_server_listens() -> None:
    """Music on hold, or a long story: the server is there, and so the call goes on."""
    bench = Bench().ready()
    bench.hear(STARTED)
    for number in range(1, 4):
        spoken_for(bench, 121)
        assert checks(bench) == number
        bench.hear(realtime.SessionUpdated())
    bench.hear(STOPPED, COMMITTED, created("r1"), delta("r1", "i1", 500), done("r1"))
    bench.wait(30.0)

    assert bench.reason() is None


def test_a_sign_of_life_is_no_answer() -> None:
    """A turn that was taken is owed an answer, whatever else the server confirms."""
    bench = Bench().ready()
    bench.hear(*TURN)
    for _ in range(3):
        bench.wait(6.0)
        bench.hear(realtime.SessionUpdated())
    bench.wait(2.1)

    assert bench.reason() is EndReason.REALTIME_STALLED


# ------------------------------------------------------------------------------ refused requests
def refuses(bench: Bench, code: str) -> None:
    """The server refuses the last request for a response."""
    request = of_type(bench.commands, realtime.ResponseCreate)[-1]
    bench.hear(error(code, event_id=request.event_id))


def test_a_refused_request_is_made_again_if_the_reason_may_pass() -> None:
    """As a failed response is: after a second."""
    bench = Bench(CallPlan(greeting="Hello.")).ready()
    refuses(bench, "server_error")
    assert len(asks(bench)) == 1
    bench.wait(1.1)
    assert len(asks(bench)) == 2
    assert asks(bench)[1] == asks(bench)[0]
    says(bench, "r1")
    bench.wait(30.0)

    assert len(asks(bench)) == 2
    assert bench.reason() is None


def test_requests_that_are_refused_again_and_again_end_the_call() -> None:
    """The caller has been hearing nothing."""
    bench = Bench(CallPlan(turn_detection=ServerVad(create_response=False))).ready()
    bench.hear(*TURN)
    for _ in range(2):
        refuses(bench, "rate_limit_exceeded")
        assert bench.reason() is None
        bench.wait(1.1)
    refuses(bench, "rate_limit_exceeded")

    assert bench.reason() is EndReason.REALTIME_REFUSED
    assert bench.call.record.realtime_refusal == "rate_limit_exceeded"


def test_a_request_that_is_wrong_is_not_made_again() -> None:
    """It would be refused once more. If every request is wrong, the call cannot go on."""
    bench = Bench(CallPlan(turn_detection=ServerVad(create_response=False))).ready()
    for number in range(1, 4):
        assert bench.reason() is None
        bench.hear(*TURN)
        refuses(bench, "invalid_value")
        bench.wait(1.1)
        assert len(asks(bench)) == number

    assert bench.reason() is EndReason.REALTIME_REFUSED


def test_a_goodbye_that_is_refused_is_left_to_the_watchdog() -> None:
    """It asks once more by itself."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"), done("r1"))
    refuses(bench, "server_error")
    assert len(asks(bench)) == 2
    bench.wait(4.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP
