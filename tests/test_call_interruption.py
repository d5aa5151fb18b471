"""bridge.core.call: the caller speaks over the agent.

The bench's round trip is 100 ms: what was acknowledged counts, plus the time since, plus 100 ms.
"""

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad
from tests.calls import (
    STARTED,
    STOPPED,
    Bench,
    created,
    cuts,
    delta,
    done,
    media,
    of_type,
    sent_audio,
)


def clears(bench: Bench) -> int:
    """How often the sound was stopped."""
    return len(of_type(bench.commands, twilio.Clear))


def test_the_sound_stops_and_the_model_remembers_what_was_heard() -> None:
    """Clear first, then the truncation: 300 acknowledged + 50 since + 100 round trip."""
    bench = Bench().ready()
    first, *_ = of_type(
        bench.hear(created("r1"), delta("r1", "i1", 2000), done("r1")), twilio.SendMark
    )
    bench.wait(0.4)
    bench.hear(twilio.Mark(first.name))
    bench.wait(0.05)
    commands = bench.hear(STARTED)

    assert [type(command) for command in commands[:2]] == [
        twilio.Clear,
        realtime.ConversationItemTruncate,
    ]
    assert cuts(commands) == [("i1", 450)]
    assert bench.call.record.barge_ins == bench.call.record.truncations == 1


def test_interruption_before_the_first_mark_is_back() -> None:
    """The time since the first send is what will have been heard when the clear arrives."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 2000))
    bench.wait(0.123)

    assert cuts(bench.hear(STARTED)) == [("i1", 123)]


def test_a_fully_heard_item_is_left_alone() -> None:
    """Of three items in the queue one was heard, one in part, one not at all."""
    bench = Bench().ready()
    bench.hear(created("r1"), *[delta("r1", item, 200) for item in ("i1", "i2", "i3")], done("r1"))
    bench.wait(0.3)

    assert cuts(bench.hear(STARTED)) == [("i2", 100), ("i3", 0)]


def test_nothing_happens_when_nothing_is_audible() -> None:
    """The reply was heard out: no clear, no truncation."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), delta("r1", "i1", 200), done("r1"))
    bench.wait(0.3)
    bench.played(commands)
    bench.hear(STARTED)

    assert clears(bench) == 0
    assert cuts(bench.commands) == []
    assert bench.call.record.barge_ins == 0


def test_a_reply_that_was_not_yet_audible_is_interrupted_too() -> None:
    """The server cancels it; what still comes is dropped, and the model told so."""
    bench = Bench().ready()
    bench.hear(created("r1"), STARTED)
    commands = bench.hear(delta("r1", "i1", 200), delta("r1", "i1", 200), delta("r1", "i2", 200))

    assert clears(bench) == 0
    assert sent_audio(commands) == b""
    assert cuts(commands) == [("i1", 0), ("i2", 0)]
    assert bench.call.record.late_deltas_dropped == 3


def test_late_deltas_of_an_interrupted_reply_are_dropped() -> None:
    """Also after the next response has begun, and the old one's end confuses nothing."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    bench.wait(0.1)
    bench.hear(STARTED, STOPPED, realtime.InputAudioBufferCommitted(), created("r2"))
    commands = bench.hear(
        delta("r1", "i1", 200), delta("r2", "i2", 200), done("r1", "cancelled"), done("r2")
    )

    assert len(sent_audio(commands)) == 200 * 8
    assert cuts(commands) == []


def test_audio_held_back_is_dropped_with_its_reply() -> None:
    """Half a frame of the interrupted reply must not sound before the next one."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), delta("r1", "i1", 105))
    bench.wait(0.2)
    bench.played(commands)
    bench.hear(STARTED, done("r1", "cancelled"))

    assert len(sent_audio(bench.commands)) == 100 * 8


def test_echoed_marks_are_not_playback() -> None:
    """Twilio returns the pending marks of the clear: the next reply is not heard by that."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), delta("r1", "i1", 1000))
    bench.wait(0.1)
    bench.hear(STARTED, STOPPED, created("r2"), delta("r2", "i2", 1000))
    bench.wait(0.1)
    bench.played(commands)

    assert cuts(bench.hear(STARTED)) == [("i2", 100)]
    assert bench.call.record.marks_ignored == 4


def test_a_second_interruption_of_silence_does_nothing() -> None:
    """Everything was cleared; there is nothing left to truncate."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), STARTED, STOPPED)
    clears_before = clears(bench)
    bench.hear(STARTED)

    assert clears(bench) == clears_before == 1
    assert len(cuts(bench.commands)) == 1


def test_the_server_cancels_by_itself() -> None:
    """With `interrupt_response` a cancel of ours would be an error."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), STARTED)

    assert not of_type(bench.commands, realtime.ResponseCancel)


def test_without_interrupt_response_we_cancel() -> None:
    """But only what is active."""
    for detection in (ServerVad(interrupt_response=False), SemanticVad(interrupt_response=False)):
        bench = Bench(CallPlan(turn_detection=detection)).ready()
        bench.hear(created("r1"), delta("r1", "i1", 1000), STARTED, done("r1", "cancelled"))
        (cancel,) = of_type(bench.commands, realtime.ResponseCancel)
        assert cancel.response_id == "r1"

        bench.hear(STOPPED, created("r2"), delta("r2", "i2", 1000), done("r2"), STARTED)
        assert len(of_type(bench.commands, realtime.ResponseCancel)) == 1


def test_a_stalled_line_is_not_counted_as_playing() -> None:
    """Twilio talks to us and the first mark is long due: the sound has not got through."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 3000))
    bench.wait(1.0)
    bench.hear(media())

    assert cuts(bench.hear(STARTED)) == [("i1", 400)]


def test_the_math_is_explained_when_asked_for() -> None:
    """In words: what was decided, and from which numbers."""
    bench = Bench(CallPlan(show_timing_math=True)).ready()
    bench.hear(STARTED, STOPPED, created("r1"), delta("r1", "i1", 1000))
    bench.wait(0.2)
    bench.hear(STARTED)
    silent, interrupted = bench.notes("playhead")

    assert silent.fields["explain"].startswith("nothing is audible: timeline 0 = ")
    assert interrupted.fields["explain"] == (
        "interrupted, heard 200 ms of i1: timeline 200 = run from 0 + 200 since, no mark back yet,"
        " clamped to sent 1000"
    )


def test_the_math_is_silent_otherwise() -> None:
    """One line says that there was an interruption, and of what."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), STARTED)

    assert not bench.notes("playhead")
    assert bench.notes("interrupted")[0].fields == {"items": [["i1", 0]]}


def test_sound_that_comes_too_late_is_explained_too() -> None:
    """What the caller never heard of an interrupted reply is taken back from the model's memory."""
    bench = Bench(CallPlan(show_timing_math=True)).ready()
    bench.hear(created("r1"), STARTED)
    bench.hear(delta("r1", "i1", 200), delta("r1", "i1", 200))
    explained = [note.fields["explain"] for note in bench.notes("playhead")]

    assert len(explained) == 2
    assert explained[1].startswith("came after the interruption, heard 0 ms of i1: timeline 0 = ")
