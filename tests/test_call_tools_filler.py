"""bridge.core: a word of patience while a tool runs."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Inbound
from bridge.core.commands import ToolAnswered
from bridge.core.filler import MARGIN_S
from bridge.core.first_sound import DEFAULT_S
from bridge.core.realtime import ResponseOptions, SemanticVad
from bridge.core.tools import filler
from tests.calls import (
    COMMITTED,
    LOOK_UP,
    STARTED,
    STOPPED,
    Bench,
    asks,
    created,
    delta,
    done,
    media,
    of_type,
    tool_call,
)

PLAN = CallPlan(tools=(LOOK_UP,), tool_filler_s=4.0, tool_filler_text="Say: one moment.")
WORD = filler("Say: one moment.")
EARLY_S = DEFAULT_S + MARGIN_S
"""The time until a first sound, before it is measured, and the margin."""
VAD_S = 0.5 + 0.1
"""The silence that ends a turn, and one round trip: so long ago the caller fell silent."""


def heard(bench: Bench) -> None:
    """All marks come back."""
    bench.played(bench.commands)


def running(plan: CallPlan = PLAN) -> Bench:
    """The caller has just asked, and a tool runs; nothing was said."""
    bench = Bench(plan).ready()
    bench.hear(STARTED, STOPPED, COMMITTED, created("r1"))
    bench.hear(tool_call("r1", "look_up"), done("r1"))
    return bench


def test_the_word_is_asked_for_before_the_silence_is_too_long() -> None:
    """Early by the time it takes; the silence began before we heard of it."""
    bench = running()
    bench.wait(4.0 - EARLY_S - VAD_S - 0.01)
    assert asks(bench) == []
    bench.wait(0.02)

    assert asks(bench) == [WORD]
    assert bench.call.record.fillers == 1


def test_what_was_said_before_counts_from_its_last_sound() -> None:
    """The caller hears it later than it was made."""
    bench = Bench(PLAN).ready()
    bench.hear(STARTED, STOPPED, COMMITTED, created("r1"), delta("r1", "i1", 3000))
    bench.hear(tool_call("r1", "look_up"), done("r1"))
    bench.wait(3.0 + 4.0 - MARGIN_S - 0.01)  # that sound came at once
    assert asks(bench) == []
    bench.wait(0.02)

    assert asks(bench) == [WORD]


def test_the_time_until_a_first_sound_is_measured() -> None:
    """The slowest of the last answers counts."""
    bench = Bench(PLAN).ready()
    for n, slow_s in enumerate((0.4, 0.8, 0.6)):
        bench.hear(STARTED, STOPPED, COMMITTED)
        bench.wait(slow_s / 2)
        bench.hear(created(f"a{n}"))
        bench.wait(slow_s / 2)
        bench.hear(delta(f"a{n}", f"i{n}", 100), done(f"a{n}"))
        bench.wait(0.2)
        heard(bench)
    bench.hear(STARTED, STOPPED, COMMITTED, created("r1"), tool_call("r1", "look_up"), done("r1"))
    bench.wait(4.0 - 0.8 - MARGIN_S - VAD_S - 0.01)
    assert asks(bench) == []
    bench.wait(0.02)

    assert asks(bench) == [WORD]


def test_it_is_repeated_while_the_tool_goes_on() -> None:
    """Each time after as much silence."""
    bench = running()
    bench.wait(2.0)
    for n in range(2, 5):
        bench.hear(created(f"r{n}"), delta(f"r{n}", f"i{n}", 1000), done(f"r{n}"))
        heard(bench)
        bench.wait(6.0)

    assert asks(bench) == [WORD] * 4
    assert bench.call.record.fillers == 4


def test_a_tool_that_is_quick_needs_none() -> None:
    """And behind its answer there is none, either."""
    bench = running()
    bench.wait(1.0)
    bench.hear(ToolAnswered("call_1", "{}"), created("r2"))
    bench.wait(5.0)

    assert asks(bench) == [ResponseOptions()]


@pytest.mark.parametrize("moment", ["asked for", "being made", "sounding"])
def test_the_answer_follows_the_word(moment: str) -> None:
    """Whatever has become of the word when the tool answers: each is said once, in this order."""
    bench = running()
    bench.wait(2.0)
    begun: list[Inbound] = [created("r2"), delta("r2", "i2", 1000)]
    begin = {"asked for": 0, "being made": 1, "sounding": 2}[moment]
    bench.hear(*begun[:begin], ToolAnswered("call_1", "{}"), *begun[begin:])
    assert asks(bench) == [WORD]
    bench.hear(done("r2"), created("r3"), delta("r3", "i3", 1000), done("r3"))
    bench.wait(10.0)

    assert asks(bench) == [WORD, ResponseOptions()]
    assert not of_type(bench.commands, realtime.ResponseCancel)


def test_nobody_is_spoken_over() -> None:
    """While the caller speaks, or an answer to that is due, there is no word."""
    bench = running()
    bench.wait(1.0)
    bench.hear(STARTED)
    bench.wait(10.0)
    bench.hear(STOPPED, COMMITTED)
    bench.wait(10.0)
    assert asks(bench) == []
    bench.hear(created("r2"), delta("r2", "i2", 1000), done("r2"))
    bench.wait(0.99)
    assert asks(bench) == []

    bench = running()
    bench.hear(twilio.Dtmf("1"))
    bench.wait(1.9)
    assert asks(bench) == []


def test_a_word_that_would_have_to_be_asked_for_in_the_middle_of_sound_waits() -> None:
    """If the model is slower than the silence allowed, then right at the end of the sound."""
    bench = Bench(PLAN).ready()
    bench.hear(STARTED, STOPPED, COMMITTED)
    bench.wait(6.0)
    bench.hear(created("r1"), delta("r1", "i1", 2000), tool_call("r1", "look_up"), done("r1"))
    bench.wait(1.99)
    assert asks(bench) == []
    bench.wait(0.02)

    assert asks(bench) == [WORD]


def test_sound_held_up_on_its_way_puts_the_word_off() -> None:
    """The playhead sees that the marks do not come back."""
    bench = Bench(PLAN).ready()
    bench.hear(STARTED, STOPPED, COMMITTED, created("r1"), delta("r1", "i1", 1000))
    bench.hear(tool_call("r1", "look_up"), done("r1"))
    until = 1.0 + 4.0 - MARGIN_S
    bench.wait(until - 0.01)
    bench.hear(media())  # the line lives, and no mark of ours has come back
    bench.wait(0.05)
    assert asks(bench) == []
    bench.wait(5.0)

    assert len(asks(bench)) >= 1


def test_a_model_that_has_no_word_is_not_asked_again_and_again() -> None:
    """Not sooner than if it had said one."""
    bench = running()
    bench.wait(4.0)
    for n in range(2, 6):
        bench.hear(created(f"r{n}"), done(f"r{n}"))
        bench.wait(1.0)

    assert len(asks(bench)) == 2


def test_without_a_threshold_there_is_no_word() -> None:
    """Somebody may prefer silence, or a tool that talks."""
    bench = running(CallPlan(tools=(LOOK_UP,), tool_filler_s=0.0))
    bench.wait(15.0)

    assert asks(bench) == []


def test_a_turn_detection_by_meaning_tells_no_silence() -> None:
    """So the silence counts from what it tells, less the way."""
    bench = running(CallPlan(tools=(LOOK_UP,), turn_detection=SemanticVad()))
    bench.wait(4.0 - EARLY_S - 0.1 - 0.01)
    assert asks(bench) == []
    bench.wait(0.02)

    assert len(asks(bench)) == 1


def test_our_own_words_are_asked_for_if_there_are_no_others() -> None:
    """With tools off, or the model might call one again."""
    bench = running(CallPlan(tools=(LOOK_UP,)))
    bench.wait(4.0)
    (request,) = asks(bench)

    assert "still working" in str(request.instructions)
    assert request.tool_choice == "none"
