"""The caller of a load run, and the ear: marks, waiting, speaking; what is left out."""

import pytest

from simulator.load.caller import Caller, left_out, spoken
from simulator.load.command import CONVERSATION
from simulator.load.ear import Ear
from simulator.scenario import load_scenarios
from simulator.scenario.format import HangUp, Nothing, Press, Say, Silence, Step, Trigger
from simulator.sound import FIXTURES, load_clip

QUESTION = FIXTURES / "sounds/voice-when-are-you-open.wav"


def test_marks_come_back_when_heard_or_cleared() -> None:
    """Audio takes its time, marks wait for it, and a clear gives them back at once."""
    ear = Ear()
    ear.mark("early", 1.0)
    ear.media(800, 1.0)
    ear.mark("one", 1.0)
    ear.media(8000, 1.0)
    ear.mark("two", 1.05)

    assert ear.reached(1.05) == ["early"]
    assert ear.next_mark_s == pytest.approx(1.1)
    assert ear.reached(1.2) == ["one"]
    assert ear.clear(1.3) == ["two"]
    assert ear.plays_until_s == 1.3
    assert ear.marks_played == 2


def test_a_caller_waits_for_the_agent_and_then_does_what_is_written() -> None:
    """Steps wait from the last sound on, last as long as they do, and come once."""
    ear = Ear()
    steps = (
        Step(Say(QUESTION), wait_ms=500),
        Step(Press("12"), Trigger("agent_silent"), wait_ms=1000),
        Step(Silence(300), Trigger("agent_heard", 400)),
        Step(Nothing(), Trigger("turn", number=2)),
        Step(HangUp(), Trigger("at", 20_000)),
    )
    caller = Caller(steps, ear, began_s=100.0)
    done: list[tuple[float, str]] = []
    now_s = 100.0
    while now_s < 121:
        now_s = round(now_s + 0.02, 2)
        if now_s in (103.0, 108.0):
            ear.media(8000, now_s)
        action = caller.due(now_s)
        if action is not None:
            done.append((round(now_s - 100, 2), type(action).__name__))

    assert [at_s for at_s, _ in done] == pytest.approx([0.5, 5.0, 8.4, 8.72, 20.0], abs=0.03)
    assert [name for _, name in done] == ["Say", "Press", "Silence", "Nothing", "HangUp"]
    assert caller.waits_since_s is None


def test_speech_ends_where_the_manifest_says() -> None:
    """The end of the last speech counts, for response latency."""
    clip = load_clip(QUESTION)
    said = spoken((QUESTION, QUESTION))

    assert said.speech_frames == -(-(clip.duration_ms + clip.speech_end_ms) // 20)
    assert len(said.frames) == -(-2 * len(clip.audio) // 160)


def test_what_is_left_out_is_said() -> None:
    """The shipped conversation is played whole; others are told what is missing."""
    (conversation,), problems = load_scenarios([CONVERSATION])
    root = CONVERSATION.parents[2] / "scenarios"
    (network,), _ = load_scenarios([root / "latency/jittery-link.call.yaml"])

    assert not problems
    assert left_out(conversation) == []
    assert "the network's latency and faults" in left_out(network)
