"""The person on the phone: steps at their moments, sound to the sample, the truth of the ear."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from simulator.phone.mouth import Mouth
from simulator.phone.utterance import measured_turns, of_say
from simulator.scenario.format import (
    HangUp,
    Nothing,
    PhoneSetup,
    Press,
    Replay,
    ReplayTurn,
    Say,
    Silence,
    Step,
    Trigger,
)
from simulator.sound import load_clip, loud
from tests.phone_bridge import CLIPS, LOUD, SILENT, Call

HELLO = CLIPS / "hello.wav"  # 780 ms, speech from 80 to 650
COUGH = CLIPS.parent.parent / "sounds" / "cough.wav"
ROOM_TONE = CLIPS.parent.parent / "sounds" / "room-tone.wav"
RECORDING = CLIPS.parent.parent / "recordings" / "en-books-tuesday.wav"
START_MS = 90.0  # the stream's start


def when(kind: Any, value_ms: float = 0.0, *, number: int = 0, wait_ms: float = 0.0) -> Step:
    """A step that presses a key at its moment."""
    trigger = Trigger(kind, value_ms=value_ms, number=number)
    return Step(Press("1"), when=trigger, wait_ms=wait_ms)


def pressed(call: Call) -> list[float]:
    """The moments of the keys."""
    return [event.at_ms for event in call.of("caller.pressed")]


def caller_audio(call: Call) -> bytes:
    """All the caller's frames, one after the other."""
    return b"".join(base64.b64decode(it["media"]["payload"]) for it in call.bridge.events("media"))


def test_what_is_said_reaches_the_stream_to_the_sample() -> None:
    """A clip begun between two frames is on the wire unbroken, at its exact place."""
    call = Call(Step(Say(HELLO), wait_ms=107)).run(2000)
    audio = caller_audio(call)
    clip = load_clip(HELLO).audio
    lead = (20 + 107) * 8  # the first frame ends at the stream's start

    assert audio[lead : lead + len(clip)] == clip
    assert not audio[:lead].strip(b"\xff")
    assert not audio[lead + len(clip) :].strip(b"\xff")


def test_speech_is_told_when_it_leaves_the_mouth() -> None:
    """speech_started and speech_ended are the clip's own bounds, after the step began."""
    call = Call(Step(Say(HELLO), wait_ms=100)).run(2000)

    assert call.of("caller.step")[0].at_ms == START_MS + 100
    assert call.of("caller.speech_started")[0].at_ms == START_MS + 180
    assert call.of("caller.speech_started")[0].data == {"clip": "hello", "interrupting": False}
    assert call.of("caller.speech_ended")[0].at_ms == START_MS + 750


def test_clips_in_a_row_are_one_utterance() -> None:
    """Several clips of a step follow without a gap and are one stretch of speech."""
    said = of_say(Say(HELLO, then=(HELLO,)))

    assert said.audio == load_clip(HELLO).audio * 2
    assert said.speech == ((80.0, 1430.0),)


def test_gain_changes_the_level_and_not_the_length() -> None:
    """-40 dB makes a clip inaudible, +0 dB leaves it as it is."""
    plain = load_clip(HELLO).audio
    quiet = of_say(Say(HELLO, gain_db=-40)).audio

    assert of_say(Say(HELLO)).audio == plain
    assert len(quiet) == len(plain)
    assert loud(plain)
    assert not loud(quiet)


def test_steps_follow_each_other() -> None:
    """A step without a trigger begins when the one before ended."""
    steps = Step(Say(HELLO)), Step(Silence(500)), Step(Nothing()), Step(Press("12")), Step(HangUp())
    call = Call(*steps).run(10_000)

    assert [it.at_ms - START_MS for it in call.of("caller.step")] == [0, 780, 1280, 1280, 1680]
    assert call.ended == ("caller", "hangup")


def test_agent_speaking_and_silent() -> None:
    """Speaking is the first audible sample; a wait for silence counts from the last one."""
    call = Call(when("agent_speaking"), when("agent_silent", wait_ms=700)).run(1000)
    call.bridge.media(SILENT * 10 + LOUD * 20 + SILENT * 5)

    assert pressed(call.run(5000)) == [1200.0, 2300.0]


def test_agent_silent_without_a_wait_takes_200_ms_and_an_empty_buffer() -> None:
    """A pause below 200 ms is no silence, and neither is one with audio still buffered."""
    call = Call(when("agent_silent")).run(1000)
    call.bridge.media(LOUD * 10 + SILENT * 30 + LOUD * 10 + SILENT * 20)
    first = pressed(call.run(5000))
    short = Call(when("agent_silent")).run(1000)
    short.bridge.media(LOUD * 10)
    short.at(1350, lambda: short.bridge.media(LOUD * 10))

    assert first == [2400.0]
    assert pressed(short.run(5000)) == [1750.0]


def test_agent_silent_needs_the_agent_to_have_spoken_since() -> None:
    """What was over before the step began to wait does not count."""
    call = Call(Step(Silence(2000)), when("agent_silent")).run(1000)
    call.bridge.media(LOUD * 10)
    call.run(4000)

    assert pressed(call) == []
    call.bridge.media(LOUD * 10)
    assert pressed(call.run(6000)) == [4400.0]


def test_agent_heard_counts_what_was_played_of_the_turn() -> None:
    """1200 ms of a turn are heard when they were played, pauses of the buffer not counted."""
    call = Call(when("agent_heard", 1200)).run(1000)
    call.bridge.media(SILENT * 10 + LOUD * 50)
    call.at(2500, lambda: call.bridge.media(LOUD * 50))

    assert pressed(call.run(5000)) == [2700.0]


def test_a_turn_cut_short_does_not_fire_agent_heard() -> None:
    """What was cleared was not heard; the next turn counts from its own beginning."""
    call = Call(when("agent_heard", 1200)).run(1000)
    call.bridge.media(LOUD * 100)
    call.at(2000, call.bridge.clear)
    call.at(5000, lambda: call.bridge.media(LOUD * 100))

    assert pressed(call.run(9000)) == [6200.0]


def test_agent_heard_of_a_turn_already_heard_fires_at_once() -> None:
    """Someone who begins to wait in the middle of a long turn has heard enough already."""
    call = Call(Step(Silence(3000)), when("agent_heard", 1200)).run(1000)
    call.bridge.media(LOUD * 200)

    assert pressed(call.run(9000)) == [3090.0]


def test_turns_are_divided_by_a_second_or_an_answer() -> None:
    """Less than a second of pause is the same turn, unless the caller finished speaking in it."""
    call = Call(when("turn", number=2), Step(Say(HELLO), when=Trigger("at", 7910.0))).run(1000)
    for at_ms in (1000, 1900, 4000, 7000, 8900):
        call.at(at_ms, lambda: call.bridge.media(LOUD * 45))
    call.run(15_000)

    assert [it.at_ms for it in call.of("agent.started")] == [1000.0, 4000.0, 7000.0, 8900.0]
    assert [it.data["last_audible_ms"] for it in call.of("agent.stopped")] == [
        2800.0,
        4900.0,
        7900.0,
        9800.0,
    ]
    assert pressed(call) == [4000.0]


def test_audible_intervals_join_gaps_below_60_ms() -> None:
    """agent.audible tells what the caller heard, to the frame, when it ended."""
    call = Call().run(1000)
    call.bridge.media(LOUD * 5 + SILENT * 2 + LOUD * 5 + SILENT * 4 + LOUD * 5)
    call.run(5000)

    assert [it.data for it in call.of("agent.audible")] == [
        {"from_ms": 1000.0, "to_ms": 1240.0},
        {"from_ms": 1320.0, "to_ms": 1420.0},
    ]


def test_an_interruption_is_one_while_the_agent_has_more_to_say() -> None:
    """Speech over the agent, or in a pause of its buffered words, interrupts; after it does not."""

    def interrupts(at_ms: float) -> bool:
        call = Call(Step(Say(HELLO), when=Trigger("at", at_ms - START_MS - 80))).run(1000)
        call.bridge.media(LOUD * 25 + SILENT * 25 + LOUD * 25)
        call.run(5000)
        event = call.of("caller.speech_started")[0]
        assert event.at_ms == at_ms
        return bool(event.data["interrupting"])

    assert [interrupts(it) for it in (1100, 1700, 2400, 2600)] == [True, True, True, False]


def test_other_moments() -> None:
    """At a time, at the stream's start, at marks that were played, at a tool call, at its end."""
    at = Call(when("at", 500)).run(3000)
    late = Call(Step(Silence(900)), when("at", 500), when("stream_started")).run(3000)
    marked = Call(when("marked", number=2)).run(1000)
    marked.bridge.mark("a")
    marked.bridge.media(LOUD * 25)
    marked.bridge.mark("b")

    assert pressed(at) == [590.0]
    assert pressed(late) == [990.0, 1190.0]
    assert pressed(marked.run(3000)) == [1500.0]


def test_a_mark_returned_by_clear_is_not_marked() -> None:
    """`marked` waits for a mark that was played."""
    call = Call(when("marked")).run(1000)
    call.bridge.media(LOUD * 25)
    call.bridge.mark("a")
    call.at(1100, call.bridge.clear)

    assert pressed(call.run(3000)) == []


def test_tool_calls_and_the_streams_end_are_moments_too() -> None:
    """`tool_called` reads the model's events; `stream_ended` is when the socket is gone."""
    tool = Trigger("tool_called", name="end_call")
    steps = Step(Press("1"), when=tool), Step(Nothing(), when=Trigger("stream_ended"))
    call = Call(*steps).run(1000)
    done = "response.function_call_arguments.done"
    call.trace.record("realtime", "sent", type=done, name="other")
    call.trace.record("realtime", "sent", type=done, name="end_call")
    call.run(1500)
    call.bridge.close()
    call.run(1500)

    assert pressed(call) == [1000.0]
    assert [it.at_ms for it in call.of("caller.step")] == [1000.0, 1500.0]


def test_a_recording_is_replayed_with_its_turns_and_ends_the_call() -> None:
    """The file is the caller's leg to the byte, its turns are told, its end is the call's."""
    replay = Replay(RECORDING, turns=(ReplayTurn(5000, 5540), ReplayTurn(10540, 12610)))
    clip = load_clip(RECORDING)
    call = Call(replay=replay).run(clip.duration_ms + 1000)
    lead = 20 * 8

    assert caller_audio(call)[lead : lead + 80_000] == clip.audio[:80_000]
    assert [it.at_ms - START_MS for it in call.of("caller.speech_started")] == [5000, 10540]
    assert [it.at_ms - START_MS for it in call.of("caller.speech_ended")] == [5540, 12610]
    assert call.of("phone.ended")[0].at_ms == START_MS + clip.duration_ms
    assert call.ended == ("caller", "hangup")


def test_a_replaying_caller_lets_the_agent_finish() -> None:
    """At the recording's end the caller hangs up when the agent is silent, or stays if told to."""
    first = Call(replay=Replay(HELLO)).run(500)
    first.bridge.media(LOUD * 100)
    stay = Call(replay=Replay(HELLO, hang_up="stay"))

    assert first.run(9000).of("phone.ended")[0].at_ms == 2700.0
    assert stay.run(9000).ended is None


def test_a_replaying_caller_does_not_wait_for_what_was_just_said() -> None:
    """The agent's last sound came a moment before the recording's end: the caller hangs up."""
    call = Call(replay=Replay(HELLO)).run(640)
    call.bridge.media(LOUD * 10)  # until 840, the recording until 870

    assert call.run(9000).of("phone.ended")[0].at_ms == 1040.0


def test_steps_may_follow_a_recording() -> None:
    """With steps behind it, the recording does not hang up by itself."""
    call = Call(Step(Press("9")), Step(HangUp()), replay=Replay(HELLO)).run(9000)

    assert [it.data["action"] for it in call.of("caller.step")] == ["Replay", "Press", "HangUp"]
    assert pressed(call) == [870.0]


def test_turns_are_measured_where_none_are_annotated() -> None:
    """Audible stretches with pauses below 700 ms are one turn."""
    audio = SILENT * 10 + LOUD * 10 + SILENT * 30 + LOUD * 10 + SILENT * 40 + LOUD * 5

    assert measured_turns(audio) == ((200.0, 1200.0), (2000.0, 2100.0))
    assert measured_turns(SILENT) == ()


def test_hanging_up_in_the_middle_of_a_word_ends_the_speech() -> None:
    """When the line goes down while the caller speaks, the speech ends with it."""
    call = Call(Step(Say(HELLO)))
    call.at(500, call.hang_up)
    call.run(3000)

    assert [it.at_ms for it in call.of("caller.speech_ended")] == [500.0]
    assert call.ended == ("bridge", "rest")


def test_the_agent_is_cut_off_with_the_line() -> None:
    """What the agent was saying ends, for the record, when the line is released."""
    call = Call().run(1000)
    call.bridge.media(LOUD * 100)
    call.at(1500, call.hang_up)
    call.run(3000)

    assert call.of("agent.audible")[0].data == {"from_ms": 1000.0, "to_ms": 1500.0}
    assert call.of("agent.stopped")[0].at_ms == 1500.0
    assert call.of("playout.played")[0].data["to_ms"] == 1500.0


@pytest.mark.parametrize("at_ms", [100.0, 107.125, 119.875])
def test_the_mouth_keeps_its_place(at_ms: float) -> None:
    """Utterances at any moment follow each other exactly; the room's tone never stops."""
    tone = bytes(range(100, 200))
    mouth = Mouth(tone)
    mouth.say(LOUD + LOUD[:40], at_ms)
    frames = [mouth.frame(20.0 * number) for number in range(1, 11)]
    sound = b"".join(it for it in frames if it is not None)
    lead = int(at_ms * 8)

    assert [len(it or b"") for it in frames] == [160] * 10
    assert sound[lead : lead + 200] == LOUD + LOUD[:40]
    rest = sound[:lead] + sound[lead + 200 :]
    assert rest == (tone * 20)[: len(rest)]


def test_a_room_has_its_tone() -> None:
    """`room_tone`: what the microphone hears while nobody speaks, from the stream's start on."""
    tone = load_clip(ROOM_TONE).audio
    call = Call(Step(Say(HELLO), wait_ms=107), phone=PhoneSetup(room_tone=ROOM_TONE)).run(2000)
    audio = caller_audio(call)
    lead = (20 + 107) * 8
    hello = load_clip(HELLO).audio

    assert audio[:lead] == tone[:lead]
    assert audio[lead : lead + len(hello)] == hello
    assert audio[lead + len(hello) :] == tone[lead : len(audio) - len(hello)]


def test_a_cough_is_no_speech() -> None:
    """A clip without speech is heard, and nobody is said to have spoken."""
    call = Call(Step(Say(COUGH))).run(3000)

    assert call.of("caller.speech_started") == []
    assert loud(caller_audio(call))
