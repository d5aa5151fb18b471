"""bridge.core.call: the line is released, and nothing else happens any more."""

import pytest

from bridge.core import twilio
from bridge.core.call import (
    CallPlan,
    EndReason,
    LineReleased,
    Phase,
    ReleaseLine,
    TransferLine,
)
from tests.calls import (
    TURN,
    Bench,
    closing,
    created,
    delta,
    heard_out,
    media,
    of_type,
)


def releasing() -> Bench:
    """A call that has asked for its line to be released."""
    bench = heard_out(closing(CallPlan(can_release=True)))
    assert not of_type(bench.commands, ReleaseLine)
    bench.wait(3.1)
    assert of_type(bench.commands, ReleaseLine) == [ReleaseLine()]
    assert bench.call.phase is Phase.RELEASING
    return bench


@pytest.mark.parametrize("outcome", ["completed", "already_over", "failed"])
def test_the_line_is_released_once(outcome: str) -> None:
    """Whatever the API answers, the call ends then; closing the stream is the other way."""
    bench = releasing()
    released = LineReleased(outcome)  # type: ignore[arg-type]
    bench.hear(released, released)

    assert bench.reason() is EndReason.AGENT_HUNG_UP
    assert bench.call.record.line_released == outcome


@pytest.mark.parametrize("gone", [twilio.Stop(), twilio.Closed()])
def test_the_stream_may_end_before_the_api_answers(gone: twilio.Inbound) -> None:
    """That is our hangup taking effect, not the caller's."""
    bench = releasing()
    bench.hear(gone)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_release_that_is_not_answered_ends_after_ten_seconds() -> None:
    """Nothing keeps a call for ever."""
    bench = releasing()
    bench.wait(9.8)
    assert bench.reason() is None
    bench.wait(0.3)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_nothing_is_relayed_while_the_line_is_released() -> None:
    """Neither way."""
    bench = releasing()

    assert bench.hear(media(), created("r2"), delta("r2", "i2", 100), twilio.Dtmf("1")) == []


def test_a_key_while_the_line_is_given_away_changes_nothing() -> None:
    """The model has stalled and Twilio's voice has the line: it is not handed on once more."""
    bench = Bench(CallPlan(can_release=True)).ready()
    bench.hear(*TURN)
    bench.wait(20.1)
    assert len(of_type(bench.commands, TransferLine)) == 1
    bench.hear(twilio.Dtmf("1"))
    bench.wait(1.0)
    bench.hear(twilio.Dtmf("2"))

    assert len(of_type(bench.commands, TransferLine)) == 1
    assert bench.call.record.out_of_turn == {"twilio:Dtmf": 2}
