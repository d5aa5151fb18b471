"""bridge.core.call: a gap in the caller's audio is filled with silence, a stalled line is not."""

from bridge.core import realtime, twilio
from tests.calls import (
    STARTED,
    STOPPED,
    Bench,
    answering,
    appended_audio,
    media,
    of_type,
)

LINE_LIVES = twilio.Mark("of nobody")


def measured_bench() -> Bench:
    """A call in which no probe is out."""
    bench = Bench().ready()
    for probe in of_type(bench.commands, twilio.SendMark):
        bench.hear(twilio.Mark(probe.name))
    return bench


def test_a_gap_in_the_callers_speech_is_filled_with_silence() -> None:
    """Carriers send nothing in silence; without it the server never sees the turn's end."""
    bench = Bench().ready()
    bench.hear(media(), STARTED)
    bench.wait(0.15)
    bench.hear(LINE_LIVES)
    assert appended_audio(bench.wait(0.14)) == b""

    assert appended_audio(bench.wait(0.02)) == b"\xff" * 300 * 8
    assert appended_audio(bench.wait(0.2)) == b"\xff" * 200 * 8


def test_a_line_that_stalls_is_not_taken_for_silence() -> None:
    """Until something else comes from Twilio, the missing audio may only be late."""
    bench = measured_bench()
    bench.hear(media(), STARTED)
    commands = bench.wait(1.6)
    assert appended_audio(commands) == b""
    assert of_type(commands, twilio.SendMark)  # asks whether the line lives

    bench.hear(media())
    assert bench.call.record.silence_added_ms == 0


def test_the_answer_to_a_probe_shows_that_the_line_lives() -> None:
    """On a line without sound the gap is filled one round trip later, for all of its time."""
    bench = measured_bench()
    bench.hear(media(), STARTED)
    (probe,) = of_type(bench.wait(0.31), twilio.SendMark)
    bench.hear(twilio.Mark(probe.name))

    assert len(appended_audio(bench.wait(0.2))) == 500 * 8


def test_a_sign_of_life_is_good_for_three_seconds() -> None:
    """Then the line may have stalled in the meantime, and is asked; the next audio is a new gap."""
    bench = measured_bench()
    bench.hear(media(), STARTED)
    bench.wait(0.2)
    bench.hear(LINE_LIVES)
    commands = bench.wait(30.0)
    assert 3000 * 8 <= len(appended_audio(commands)) <= 3300 * 8
    assert of_type(commands, twilio.SendMark)

    bench.hear(media())
    bench.wait(0.2)
    bench.hear(LINE_LIVES)
    assert len(appended_audio(bench.wait(0.15))) == 300 * 8


def test_a_turn_that_is_long_in_ending_is_heard_to_its_end() -> None:
    """Some turn detection waits for eight seconds of silence; a line that answers lets it."""
    bench = measured_bench()
    bench.hear(media(), STARTED)
    silence = answering(bench, 10.0)

    assert len(silence) >= 9_000 * 8


def test_no_gap_no_silence() -> None:
    """Audio every 20 ms, or nobody speaking: nothing is added."""
    bench = Bench().ready()
    bench.hear(STARTED)
    for _ in range(100):
        bench.hear(media())
        bench.wait(0.02)
    bench.hear(STOPPED)
    bench.wait(30.0)

    assert bench.call.record.silence_added_ms == 0


def test_audio_from_before_the_session_is_no_gap() -> None:
    """The caller speaks while the session comes up: the gap counts from the last frame."""
    bench = Bench().started()
    bench.wait(5.0)
    bench.hear(media(), realtime.SessionCreated(), realtime.SessionUpdated(), STARTED)
    bench.wait(0.2)
    bench.hear(LINE_LIVES)

    assert len(appended_audio(bench.wait(0.1))) == 300 * 8
