"""bridge.core.call: the agent hangs up. Goodbye, silence, and only then the line."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, EndReason, Phase
from bridge.core.realtime import FunctionCallOutput, SemanticVad, ServerVad
from tests.calls import (
    STARTED,
    STOPPED,
    Bench,
    appended_audio,
    asks,
    closing,
    created,
    cuts,
    delta,
    done,
    error,
    heard_out,
    media,
    of_type,
    sent_audio,
    tool_call,
)


def test_a_goodbye_in_the_same_response_is_heard_out() -> None:
    """No second goodbye; the line is kept until the last mark and the grace."""
    bench = closing()
    assert bench.call.phase is Phase.CLOSING
    bench.wait(1.1)
    assert bench.reason() is None
    bench.played(bench.commands)
    bench.wait(2.9)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.AGENT_HUNG_UP
    assert not asks(bench)


def test_the_goodbye_may_come_after_the_call_of_the_tool() -> None:
    """Items come in any order: the response's end decides whether it had a goodbye."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"), delta("r1", "i1", 1000), done("r1"))
    heard_out(bench).wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP
    assert not asks(bench)


def test_without_words_a_goodbye_is_asked_for() -> None:
    """With tools off, or the model would hang up again instead of speaking."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"))
    assert not asks(bench)
    bench.hear(done("r1"))

    (request,) = asks(bench)
    assert request.tool_choice == "none"
    bench.hear(created("r2"), delta("r2", "i2", 1000), done("r2"))
    heard_out(bench).wait(3.1)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_tool_call_is_answered_and_the_callers_voice_made_harmless() -> None:
    """Output first, then turn detection that neither answers nor interrupts."""
    bench = closing(CallPlan(turn_detection=ServerVad(threshold=0.7, idle_timeout_ms=6000)))
    (item,) = of_type(bench.commands, realtime.ConversationItemCreate)
    (update,) = of_type(bench.commands, realtime.TurnDetectionUpdate)

    assert item.item == FunctionCallOutput("call_1", '{"status":"hanging up"}')
    assert update.turn_detection == ServerVad(
        threshold=0.7, idle_timeout_ms=None, create_response=False, interrupt_response=False
    )

    bench = closing(CallPlan(turn_detection=SemanticVad(eagerness="low")))
    (update,) = of_type(bench.commands, realtime.TurnDetectionUpdate)
    assert update.turn_detection == SemanticVad("low", False, False)


def test_the_caller_cannot_cut_the_goodbye() -> None:
    """Speech has no effect, though it is still relayed; a turn of it is not answered."""
    bench = closing()
    bench.wait(0.3)
    commands = bench.hear(media(), STARTED, STOPPED, realtime.InputAudioBufferCommitted())

    assert not of_type(commands, twilio.Clear)
    assert not cuts(commands)
    assert appended_audio(commands) == media().payload
    heard_out(bench).wait(3.1)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_setting_lets_the_caller_take_the_hangup_back() -> None:
    """Then speech is an ordinary interruption and the call goes on."""
    bench = closing(CallPlan(end_call_interruptible=True))
    assert not of_type(bench.commands, realtime.TurnDetectionUpdate)
    bench.wait(0.4)
    commands = bench.hear(STARTED)

    assert cuts(commands) == [("i1", 400)]
    assert bench.call.phase is Phase.TALKING
    bench.hear(STOPPED, realtime.InputAudioBufferCommitted(), created("r2"), done("r2"))
    bench.wait(60.0)
    assert bench.reason() is None
    assert bench.call.record.hangups_cancelled == 1


def test_a_hangup_taken_back_in_the_grace() -> None:
    """The caller remembers something before the line is gone; later the agent hangs up again."""
    bench = heard_out(closing(CallPlan(end_call_interruptible=True)))
    bench.wait(2.0)
    bench.hear(STARTED, STOPPED, realtime.InputAudioBufferCommitted())
    bench.wait(5.0)
    assert bench.reason() is None
    again = tool_call("r2", call_id="call_2")
    bench.hear(created("r2"), delta("r2", "i2", 1000), again, done("r2"))
    heard_out(bench).wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_goodbye_asked_for_and_not_wanted_any_more() -> None:
    """The caller took the hangup back before the goodbye began: it is cancelled when it comes."""
    bench = Bench(CallPlan(end_call_interruptible=True)).ready()
    bench.hear(created("r1"), tool_call("r1"), done("r1"), STARTED)
    commands = bench.hear(created("r2"), delta("r2", "i2", 500))

    assert [cancel.response_id for cancel in of_type(commands, realtime.ResponseCancel)] == ["r2"]
    assert sent_audio(commands) == b""


def test_without_any_goodbye_the_watchdog_hangs_up() -> None:
    """4 s after the last request; nothing was said, so there is no grace."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"), done("r1"))
    bench.wait(3.9)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_watchdog_lets_the_last_sentence_be_heard_out() -> None:
    """An earlier reply is still sounding: it is not cut off."""
    bench = Bench().ready()
    reply = bench.hear(created("r1"), delta("r1", "i1", 8000), done("r1"))
    bench.hear(created("r2"), tool_call("r2"), done("r2"))
    bench.wait(7.9)
    assert bench.reason() is None
    bench.wait(0.2)
    bench.played(reply)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_goodbye_that_breaks_off_within_a_frame_does_not_hold_the_line() -> None:
    """The rest of a frame never fills up: it is no reason to wait, and no click in the silence."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), tool_call("r1"), delta("r1", "i1", 1010))
    assert len(sent_audio(commands)) == 1000 * 8
    bench.wait(1.1)
    bench.played(commands)
    bench.wait(4.0)
    assert sent_audio(bench.commands) == sent_audio(commands)
    assert bench.reason() is None
    bench.wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_sound_that_goes_on_is_played_to_its_last_sample() -> None:
    """What was held back follows at once when its response is given up while it sounds."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), delta("r1", "i1", 8010))
    bench.hear(created("r2"), tool_call("r2"), done("r2"))
    bench.wait(4.1)

    assert len(sent_audio(commands)) == 8000 * 8
    assert len(sent_audio(bench.commands)) == 8010 * 8


def test_a_goodbye_that_comes_after_the_watchdog_is_cancelled() -> None:
    """It was given up; what is asked for and not begun is unwelcome, what is active is stopped."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 8000), done("r1"))
    bench.hear(created("r2"), tool_call("r2"), done("r2"))
    bench.wait(4.1)
    commands = bench.hear(created("r3"), delta("r3", "i3", 100))
    assert [cancel.response_id for cancel in of_type(commands, realtime.ResponseCancel)] == ["r3"]
    assert sent_audio(commands) == b""

    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 8000), done("r1"))
    bench.hear(created("r2"), tool_call("r2"))
    bench.wait(4.1)
    cancels = of_type(bench.commands, realtime.ResponseCancel)
    assert [cancel.response_id for cancel in cancels] == ["r2"]


@pytest.mark.parametrize("status", ["failed", "cancelled", "completed"])
def test_a_goodbye_that_fails_is_asked_for_once_more(status: str) -> None:
    """Then the watchdog has the last word."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"), done("r1"))
    bench.hear(created("r2"), done("r2", status))
    assert len(asks(bench)) == 2
    bench.hear(created("r3"), done("r3", status))
    bench.wait(3.9)
    assert bench.reason() is None
    bench.wait(0.2)

    assert len(asks(bench)) == 2
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_cancelled_goodbye_that_was_begun_is_enough() -> None:
    """The caller spoke before the server knew better; what was said is heard out."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 500), tool_call("r1"), done("r1", "cancelled"))
    heard_out(bench).wait(3.1)

    assert not asks(bench)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_nothing_is_said_after_the_goodbye() -> None:
    """A response that begins while the goodbye is heard out is cancelled."""
    bench = closing()
    commands = bench.hear(created("r2"), delta("r2", "i2", 500))

    assert [cancel.response_id for cancel in of_type(commands, realtime.ResponseCancel)] == ["r2"]
    assert sent_audio(commands) == b""


def test_audio_of_a_response_nobody_announced_is_heard_out_too() -> None:
    """It cannot be cancelled by name; the line waits for its last mark."""
    bench = closing()
    bench.wait(0.5)
    bench.hear(delta("r9", "i9", 2000))
    bench.wait(2.5 + 0.1)
    assert bench.call.phase is Phase.CLOSING
    bench.played(bench.commands)
    bench.wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_response_the_server_began_before_it_knew_is_heard_as_the_goodbye() -> None:
    """The caller's last words were answered while we asked: one goodbye is enough."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1"), created("r2"), done("r1"))
    bench.hear(delta("r2", "i2", 500), done("r2"))
    heard_out(bench).wait(3.1)

    assert not asks(bench)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_mark_that_never_comes_back_does_not_keep_the_line() -> None:
    """The computed end plus 5 s, then the grace."""
    bench = closing()
    bench.wait(1.0 + 5.0 + 3.0 - 0.1)
    assert bench.reason() is None
    bench.wait(0.2)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_second_end_call_is_answered_and_ignored() -> None:
    """Another tool is answered, too, and no response asked for."""
    bench = closing()
    bench.hear(tool_call("r1", call_id="call_2"), tool_call("r1", "look_up", call_id="call_3"))

    assert len(of_type(bench.commands, realtime.ConversationItemCreate)) == 3
    assert not asks(bench)
    heard_out(bench).wait(3.1)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_keys_during_the_goodbye_have_no_effect() -> None:
    """They are counted as out of turn."""
    bench = closing()

    assert bench.hear(twilio.Dtmf("1"), twilio.Dtmf("#")) == []
    assert bench.call.record.out_of_turn == {"twilio:Dtmf": 2}


def test_keys_from_before_the_goodbye_are_not_told() -> None:
    """Their pause ends while the agent hangs up: nobody will answer them."""
    bench = Bench().ready()
    bench.hear(twilio.Dtmf("1"))
    bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), done("r1"))
    bench.wait(2.0)

    assert not asks(bench)


def test_what_was_wanted_before_is_not_wanted_any_more() -> None:
    """A request that waited for the response is dropped with the hangup."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1", "look_up"), delta("r1", "i1", 500))
    bench.hear(tool_call("r1", call_id="call_2"), done("r1"))

    assert not asks(bench)


def test_a_retry_that_waited_is_dropped_with_the_hangup() -> None:
    """A response failed, another one hangs up: only the goodbye counts."""
    bench = Bench().ready()
    bench.hear(created("r1"), created("r2"), done("r1", "failed"))
    bench.hear(delta("r2", "i2", 500), tool_call("r2"), done("r2"))
    bench.wait(2.0)

    assert not asks(bench)


def test_the_caller_hangs_up_during_the_goodbye() -> None:
    """Then the caller has hung up."""
    bench = closing()
    bench.hear(twilio.Stop())

    assert bench.reason() is EndReason.CALLER_HUNG_UP


@pytest.mark.parametrize(
    "ending", [realtime.Closed(1006), error("session_expired"), done("r9", "failed", code="x")]
)
def test_the_model_may_go_when_the_goodbye_is_on_its_way(ending: realtime.Inbound) -> None:
    """What was sent is heard out all the same, and nothing more is sent to the model."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1005), tool_call("r1"), ending)
    bench.hear(media(), realtime.Closed(1001))
    heard_out(bench).wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP
    assert len(sent_audio(bench.commands)) in {1000 * 8, 1005 * 8}


def test_nothing_is_sent_to_a_model_that_is_gone() -> None:
    """Caller audio ends with the connection; the last part of a frame is still played."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1005), tool_call("r1"))
    commands = bench.hear(realtime.Closed(1006), media(), STARTED, created("r2"))

    assert len(sent_audio(commands)) == 5 * 8
    assert not of_type(commands, realtime.InputAudioBufferAppend)
    assert not of_type(commands, realtime.ResponseCancel)
    assert bench.call.record.out_of_turn == {
        "realtime:SpeechStarted": 1,
        "realtime:ResponseCreated": 1,
    }


def test_a_goodbye_that_stalls_is_given_up() -> None:
    """The model stops in the middle of it: what there is is heard out."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"))
    bench.wait(20.1)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_a_final_failure_after_the_goodbye_changes_nothing() -> None:
    """It is being heard out already."""
    bench = closing()
    bench.hear(done("r2", "failed", code="insufficient_quota"))
    heard_out(bench).wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP
