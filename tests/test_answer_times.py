"""bridge.core.answer_times: from the caller's last word to the first sound."""

from bridge.core.answer_times import ANSWERS_MAX, AnswerTimes
from bridge.core.record import CallRecord


def test_the_first_sound_after_the_caller_is_the_answer() -> None:
    """A turn nobody answered has none, nor has what the agent says by itself."""
    record = CallRecord(began=0.0)
    waits = AnswerTimes(record)
    waits.sounded(1.0)
    waits.caller_speaks()
    waits.caller_stopped(5.0)
    waits.sounded(5.75)
    waits.sounded(5.8)
    waits.caller_stopped(7.0)
    waits.caller_speaks()
    waits.sounded(7.5)
    waits.caller_stopped(9.0)
    waits.sounded(10.5)

    assert record.response_latencies_ms == [750, 1500]


def test_there_is_a_bound() -> None:
    """However many turns there are."""
    record = CallRecord(began=0.0)
    waits = AnswerTimes(record)
    for turn in range(ANSWERS_MAX + 5):
        waits.caller_stopped(turn)
        waits.sounded(turn + 0.5)

    assert len(record.response_latencies_ms) == ANSWERS_MAX
