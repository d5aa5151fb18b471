"""bridge.core.model_side and sessions: a session is lost, and the call goes on in another."""

import pytest

from bridge.core import realtime, tools, twilio
from bridge.core.call import CallPlan, FromSession, Phase
from bridge.core.commands import OpenRealtime
from bridge.core.realtime import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    OutputText,
    SystemMessage,
    UserMessage,
)
from tests.calls import (
    GONE,
    STOPPED,
    UP,
    Bench,
    appended_audio,
    created,
    delta,
    done,
    frame,
    media,
    of_type,
    tool_call,
)
from tests.lost_sessions import COMMITTED, NEVER, STARTED, WORDS, breaks, hears, restored, says


def test_a_lost_session_is_replaced_at_once() -> None:
    """The call goes on in it; nothing is said to the one that is gone."""
    bench = Bench(NEVER).ready()
    bench.wait(20.0)
    commands = bench.hear(GONE)
    assert of_type(commands, OpenRealtime) == [OpenRealtime(2)]
    assert bench.call.phase is Phase.TALKING
    bench.hear(*UP)

    assert bench.call.record.reconnects == 1
    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)


def test_what_a_lost_session_still_says_has_no_effect() -> None:
    """Its number is not in use any more."""
    bench = Bench(NEVER).ready()
    bench.hear(GONE)

    assert bench.hear(FromSession(1, created("r1")), FromSession(1, GONE)) == []
    assert bench.call.record.out_of_turn == {}


def test_the_conversation_is_restored() -> None:
    """Words where they are known, the caller's sound where not, calls with their outputs."""
    bench = Bench(NEVER).ready()
    bench.hear(STARTED, media(frame(1)), STOPPED, COMMITTED)
    says(bench, "r1")
    bench.hear(media(frame(2)), realtime.SpeechStarted(20.0), STOPPED)
    bench.hear(realtime.InputAudioBufferCommitted("turn_2"))
    bench.hear(realtime.InputTranscribed("turn_2", " Tuesday. "))
    bench.hear(created("r2"), tool_call("r2", "look_up"), done("r2"))
    says(bench, "r3", "Very well.")
    bench.hear(twilio.Dtmf("7"), twilio.Dtmf("#"))
    says(bench, "r4", "Thank you.")

    assert restored(breaks(bench)) == [
        UserMessage((InputAudio(frame(1)),)),
        AssistantMessage((OutputText(WORDS),)),
        UserMessage((InputText("Tuesday."),)),
        FunctionCall("call_1", "look_up", "{}"),
        FunctionCallOutput("call_1", tools.failed("there is no such tool")),
        AssistantMessage((OutputText("Very well."),)),
        UserMessage((InputText("The caller pressed the key 7 on the keypad."),)),
        AssistantMessage((OutputText("Thank you."),)),
    ]


def test_of_an_interrupted_answer_the_heard_words_are_restored() -> None:
    """In proportion to the sound; what was cut to nothing was never said."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), realtime.OutputTranscriptDone("r1", "i1", WORDS))
    said = bench.hear(delta("r1", "i1", 10_000), realtime.OutputAudioDone("r1", "i1"))
    bench.hear(realtime.OutputTranscriptDone("r1", "i2", "eleven"), delta("r1", "i2", 1000))
    hears(bench, said, 4000)
    bench.hear(media(), realtime.SpeechStarted(0))
    bench.hear(STOPPED, COMMITTED, done("r1"))
    says(bench, "r2", "Yes.")

    assert restored(breaks(bench))[0] == AssistantMessage((OutputText("one two three four"),))
    assert len(restored(bench.commands)) == 3


def test_words_run_ahead_of_an_answer_that_breaks_off() -> None:
    """So many of them were heard as are spoken in the time: 15 letters in a second."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), realtime.OutputTranscriptDelta("r1", "i1", WORDS))
    said = bench.hear(delta("r1", "i1", 1000))
    bench.wait(1.1)
    bench.played(said)

    assert restored(breaks(bench))[0] == AssistantMessage((OutputText("one two three"),))


@pytest.mark.parametrize(("stopped", "words"), [(False, 5), (True, 3)])
def test_an_item_that_the_server_stopped_for_the_caller_is_not_complete(
    *, stopped: bool, words: int
) -> None:
    """It says "done" of it as of others; but its words reach further than its sound."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), realtime.OutputTranscriptDone("r1", "i1", WORDS))
    said = bench.hear(delta("r1", "i1", 2200))
    hears(bench, said, 1100)
    sounded = realtime.OutputAudioDone("r1", "i1")
    bench.hear(media(), *((STARTED, sounded) if stopped else (sounded, STARTED)))
    bench.hear(STOPPED, COMMITTED, done("r1", "cancelled"))
    says(bench, "r2", "Yes.", 1000)

    heard = " ".join(WORDS.split()[:words])
    assert restored(breaks(bench))[0] == AssistantMessage((OutputText(heard),))


def test_an_answer_that_broke_off_goes_on() -> None:
    """With a remark that says so; and not before what was sent of it has been heard."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), realtime.OutputTranscriptDelta("r1", "i1", WORDS))
    said = bench.hear(delta("r1", "i1", 3000))
    commands = breaks(bench)
    assert restored(commands) == []
    assert not of_type(bench.commands, realtime.ResponseCreate)
    bench.wait(3.1)
    later = bench.played(said)

    words = "one two three four five six seven eight nine"
    remark = SystemMessage((InputText(tools.BROKE_OFF),))
    assert restored(list(later)) == [AssistantMessage((OutputText(words),)), remark]
    (put, _) = of_type(later, realtime.ConversationItemCreate)
    assert (put.item_id, put.after) == ("cb_item_1", "root")
    assert len(of_type(later, realtime.ResponseCreate)) == 1


def test_the_caller_interrupts_what_an_earlier_session_said() -> None:
    """It is stopped; nothing is truncated, but the words that were heard are put in their place."""
    bench = Bench(NEVER).ready()
    bench.hear(STARTED, media(frame(1)), STOPPED, COMMITTED)
    bench.hear(created("r1"), realtime.OutputTranscriptDelta("r1", "i1", WORDS))
    said = bench.hear(delta("r1", "i1", 3000))
    breaks(bench)
    hears(bench, said, 1000)
    commands = bench.hear(media(), STARTED)

    assert len(of_type(commands, twilio.Clear)) == 1
    assert not of_type(commands, realtime.ConversationItemTruncate)
    (put,) = of_type(commands, realtime.ConversationItemCreate)
    assert put.item == AssistantMessage((OutputText("one two three"),))
    assert put.after == "cb_item_1"
    bench.hear(STOPPED, COMMITTED)
    bench.wait(5.0)
    assert not of_type(bench.commands, realtime.ResponseCreate)


def test_an_unanswered_turn_is_heard_again() -> None:
    """The caller need not repeat it; the new session answers it by itself."""
    bench = Bench(NEVER).ready()
    bench.hear(media(frame(1)), realtime.SpeechStarted(20.0), media(frame(2)), STOPPED, COMMITTED)
    bench.hear(created("r1"), GONE, media(frame(3)))
    commands = bench.hear(*UP)

    assert appended_audio(commands) == frame(2) + frame(3)
    assert restored(list(commands)) == []
    assert not of_type(commands, realtime.ResponseCreate)
    assert bench.call.record.caller_audio_again_ms == 20
    assert bench.call.record.caller_audio_kept_ms == 20


def test_without_a_turn_the_last_moments_are_heard_again() -> None:
    """The beginning of a word may have been on its way; but not a turn that was answered."""
    bench = Bench(NEVER).ready()
    bench.hear(media(frame(1)), STARTED, realtime.SpeechStopped(20.0), COMMITTED)
    says(bench, "r1", "Yes.")
    for number in range(2, 5):
        bench.hear(media(frame(number)))
    assert appended_audio(breaks(bench)) == frame(2) + frame(3) + frame(4)  # type: ignore[arg-type]

    bench.wait(11.0)
    for number in range(100):
        bench.hear(media(frame(number)))
    assert appended_audio(breaks(bench)) == b"".join(frame(n) for n in range(25, 100))  # type: ignore[arg-type]


def test_a_turn_without_its_place_is_heard_from_a_moment_before() -> None:
    """Some servers do not say where it begins or ends."""
    bench = Bench(NEVER).ready()
    for number in range(100):
        bench.hear(media(frame(number)))
    bench.hear(realtime.SpeechStarted(), GONE)

    assert appended_audio(bench.hear(*UP)) == b"".join(frame(n) for n in range(50, 100))


@pytest.mark.parametrize("what", ["greeting", "keys"])
def test_a_request_that_was_not_answered_is_made_again(what: str) -> None:
    """As it was."""
    bench = Bench(CallPlan(renew_s=0.0, greeting="Hi!" if what == "greeting" else "")).ready()
    if what == "keys":
        bench.hear(twilio.Dtmf("7"), twilio.Dtmf("#"))
    bench.hear(created("r1"))
    (first,) = of_type(bench.commands, realtime.ResponseCreate)
    (again,) = of_type(breaks(bench), realtime.ResponseCreate)

    assert again.response == first.response


def test_keys_while_there_is_no_session_are_told_to_the_next() -> None:
    """And they stop what still sounds."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), realtime.OutputTranscriptDelta("r1", "i1", WORDS))
    hears(bench, bench.hear(delta("r1", "i1", 3000)), 1000)
    bench.hear(GONE)
    assert len(of_type(bench.hear(twilio.Dtmf("7"), twilio.Dtmf("#")), twilio.Clear)) == 1
    commands = bench.hear(*UP)

    told = UserMessage((InputText("The caller pressed the key 7 on the keypad."),))
    assert restored(list(commands)) == [AssistantMessage((OutputText("one two three"),)), told]
    assert len(of_type(commands, realtime.ResponseCreate)) == 1
