"""bridge.core.model_side and sessions: a session is lost or gets old, and the call goes on."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from bridge.core import fallback, realtime, tools, twilio
from bridge.core.call import CallPlan, Command, EndReason, FromSession, LineTransferred, Phase
from bridge.core.commands import CloseRealtime, OpenRealtime, ToBeside, TransferLine, UseRealtime
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
    Bench,
    appended_audio,
    created,
    delta,
    done,
    error,
    media,
    of_type,
    tool_call,
)

UP = (realtime.SessionCreated(), realtime.SessionUpdated())
GONE = realtime.Closed(1006)
STARTED = realtime.SpeechStarted(0)
STOPPED = realtime.SpeechStopped()
COMMITTED = realtime.InputAudioBufferCommitted("turn_1")
NEVER = CallPlan(renew_s=0.0)
REST = CallPlan(renew_s=0.0, can_release=True)
WORDS = "one two three four five six seven eight nine ten"


def frame(number: int) -> bytes:
    """A caller frame that can be told from others."""
    return number.to_bytes(2, "big") * 80


def opened(bench: Bench) -> list[OpenRealtime]:
    """The sessions asked for so far."""
    return of_type(bench.commands, OpenRealtime)


def restored(commands: Sequence[object]) -> list[realtime.Item]:
    """The items that were created."""
    return [one.item for one in commands if isinstance(one, realtime.ConversationItemCreate)]


def says(bench: Bench, name: str, words: str = WORDS, sound_ms: int = 4000) -> None:
    """The agent says something, and it is heard out."""
    item = f"i{name}"
    said = bench.hear(
        created(name),
        realtime.OutputTranscriptDelta(name, item, words[:7]),
        delta(name, item, sound_ms),
        realtime.OutputTranscriptDone(name, item, words),
        realtime.OutputAudioDone(name, item),
        done(name),
    )
    bench.wait(sound_ms / 1000 + 0.1)
    bench.played(said)


def hears(bench: Bench, said: Sequence[Command], sound_ms: int) -> None:
    """The caller has heard so much of it."""
    bench.wait(sound_ms / 1000)
    marks = [mark.name for mark in of_type(said, twilio.SendMark)]
    heard = [name for name in marks if int(name.rpartition(":")[2]) < sound_ms * 8]
    bench.hear(*[twilio.Mark(name) for name in heard])


def breaks(bench: Bench) -> list[object]:
    """The session is lost, and another one is there at once. What is said to that."""
    bench.hear(GONE)
    return list(bench.hear(*UP))


# ------------------------------------------------------------------------------ lost
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


# ------------------------------------------------------------------------------ attempts
def test_attempts_are_repeated_with_pauses_that_double() -> None:
    """At once, then after half a second, one, two ... less a quarter at most."""
    bench = Bench(NEVER).ready()
    bench.hear(GONE)
    times = [bench.now]
    for _ in range(3):
        before = len(opened(bench))
        bench.hear(realtime.Closed(None, "refused"))
        while len(opened(bench)) == before:
            bench.wait(0.01)
        times.append(bench.now)

    pauses = [after - before for before, after in pairwise(times)]
    for pause_s, longest_s in zip(pauses, [0.5, 1.0, 2.0], strict=True):
        assert 0.74 * longest_s <= pause_s <= 1.02 * longest_s
    assert bench.call.record.attempts_failed == 3


def test_an_attempt_that_takes_too_long_is_given_up() -> None:
    """It is closed, and the next one made."""
    bench = Bench(NEVER).ready()
    bench.hear(GONE)
    bench.wait(4.6)

    assert CloseRealtime(2) in bench.commands
    assert opened(bench)[-1] == OpenRealtime(3)


@pytest.mark.parametrize("sounds", [False, True])
def test_the_model_is_given_up_after_so_much_silence(*, sounds: bool) -> None:
    """What was sent before is heard out."""
    bench = Bench(REST).ready()
    if sounds:
        bench.hear(created("r1"), delta("r1", "i1", 9900))
    bench.hear(GONE)
    until_s = 9.9 if sounds else 8.0
    bench.wait(until_s - 0.1)
    assert bench.call.phase is Phase.TALKING
    bench.wait(0.11)

    (way_out,) = of_type(bench.commands, TransferLine)
    assert way_out == TransferLine("", fallback.NOBODY_ANSWERS, "en-US")
    bench.hear(LineTransferred("transferred"))
    assert bench.reason() is EndReason.FELL_BACK
    assert bench.call.record.fell_back_from is EndReason.REALTIME_LOST


def test_who_is_called_then_and_what_is_said_before() -> None:
    """By settings; the words are ours if there are none, in our language."""
    plan = CallPlan(fallback_number="+15550100021", fallback_language="de-DE")
    theirs = CallPlan(fallback_text="Einen Moment.", fallback_language="de-DE")

    assert fallback.way_out(plan) == TransferLine("+15550100021", fallback.SOMEBODY_ELSE, "en-US")
    assert fallback.way_out(theirs) == TransferLine("", "Einen Moment.", "de-DE")


def test_a_way_out_that_does_not_work() -> None:
    """The reason is why it was tried; and the stream's end is no caller who hangs up."""
    bench = Bench(REST).ready()
    bench.hear(GONE)
    bench.wait(8.1)
    bench.hear(LineTransferred("failed"))
    assert bench.reason() is EndReason.REALTIME_LOST

    bench = Bench(REST).ready()
    bench.hear(GONE)
    bench.wait(8.1)
    bench.hear(twilio.Stop())
    assert bench.reason() is EndReason.FELL_BACK


@pytest.mark.parametrize(
    ("refusal", "again"),
    [
        (error("server_error"), True),
        (realtime.Error(realtime.ErrorDetail(type="server_error")), True),
        (error("invalid_api_key"), False),
        (realtime.Closed(1013), True),
        (realtime.Closed(429), True),
        (realtime.Closed(503), True),
        (realtime.Closed(None), True),
        (realtime.Closed(403), False),
        (realtime.Closed(4004), False),
        (realtime.Closed(1008), False),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
def test_which_refusals_may_pass(refusal: realtime.Inbound, *, again: bool, begun: bool) -> None:
    """A wrong key stays wrong: the caller hears why at once."""
    bench = Bench(REST).started()
    if begun:
        bench.hear(*UP, GONE)
    bench.hear(refusal)
    assert bool(of_type(bench.commands, TransferLine)) is not again
    bench.wait(1.0)

    assert len(opened(bench)) == 1 + again + begun


def test_sessions_that_do_not_last_are_not_opened_for_ever() -> None:
    """Each is lost as soon as it is there."""
    bench = Bench(REST).ready()
    for number in range(1, 6):
        assert len(opened(bench)) == number
        assert not of_type(bench.commands, TransferLine)
        bench.hear(GONE)
        while len(opened(bench)) == number < 5:
            bench.wait(0.1)
        bench.hear(*UP)

    assert len(of_type(bench.commands, TransferLine)) == 1


def test_a_goodbye_is_not_repeated_in_another_session() -> None:
    """It is heard out."""
    bench = Bench(NEVER).ready()
    bench.hear(created("r1"), delta("r1", "i1", 2000), tool_call("r1"), GONE)
    bench.wait(5.2)

    assert len(opened(bench)) == 1
    bench.wait(5.0)
    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_the_limit_while_there_is_no_session() -> None:
    """The goodbye waits for one; without one the call ends all the same."""
    plan = CallPlan(renew_s=0.0, call_max_s=20.0, call_warning_s=0.0, reconnect_s=60.0)
    bench = Bench(plan).ready()
    bench.wait(18.0)
    bench.hear(GONE)
    bench.wait(3.0)
    if opened(bench)[-1].session == 2:
        bench.hear(*UP)
    bench.wait(1.0)
    (asked,) = of_type(bench.commands, realtime.ResponseCreate)
    assert asked.response == tools.TIME_IS_UP

    bench = Bench(plan).ready()
    bench.wait(18.0)
    bench.hear(GONE)
    bench.wait(22.1)
    assert bench.reason() is EndReason.LIMIT


# ------------------------------------------------------------------------------ renewed
def renewing(plan: CallPlan | None = None) -> Bench:
    """A call whose session is old, with another one that has come up beside it."""
    bench = Bench(plan or CallPlan(renew_s=20.0)).ready()
    says(bench, "r1", "Hello there.")
    bench.wait(bench.call.plan.renew_s - bench.now)
    bench.hear(FromSession(2, realtime.SessionCreated()))
    return bench


def test_another_session_comes_up_beside_the_old_one() -> None:
    """Configured, and told nothing; the old one is still spoken to."""
    bench = renewing()
    assert opened(bench)[-1] == OpenRealtime(2, beside=True)
    (beside,) = of_type(bench.commands, ToBeside)
    assert isinstance(beside.event, realtime.SessionUpdate)
    bench.hear(FromSession(2, realtime.SessionUpdated()))

    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)
    assert not of_type(bench.commands, UseRealtime)


def test_it_takes_over_in_a_lull() -> None:
    """Half a second of quiet; then it is told everything, and the old one is not listened to."""
    bench = renewing()
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.hear(twilio.Mark("x"))
    commands = bench.wait(0.6)

    kinds = [type(one) for one in commands if not isinstance(one, twilio.SendMark)]
    assert kinds.index(UseRealtime) < kinds.index(realtime.ConversationItemCreate)
    assert restored(list(commands)) == [AssistantMessage((OutputText("Hello there."),))]
    assert bench.call.record.renewals == 1
    assert bench.hear(FromSession(1, STARTED), FromSession(1, GONE)) == []
    assert bench.reason() is None


def test_a_lull_is_no_lull_if_somebody_speaks() -> None:
    """Nor while the answer is made or heard; then it waits for the next one."""
    bench = renewing(CallPlan(renew_s=100.0))
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.wait(0.3)
    bench.hear(media(), FromSession(1, STARTED))
    bench.wait(0.6)
    bench.hear(FromSession(1, STOPPED), FromSession(1, COMMITTED))
    bench.wait(0.6)
    assert not of_type(bench.commands, UseRealtime)
    says(bench, "r2", "Certainly.")
    bench.wait(0.6)

    assert len(of_type(bench.commands, UseRealtime)) == 1


def test_a_lull_is_not_waited_for_without_end() -> None:
    """A twentieth of the time later the session in use is replaced in the middle of a word."""
    bench = renewing()
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.hear(media(frame(1)), FromSession(1, STARTED), media(frame(2)))
    bench.wait(2.0)
    (put,) = of_type(bench.commands, realtime.ConversationItemCreate)

    assert isinstance(put.item, AssistantMessage)
    assert appended_audio(bench.commands).count(frame(2)) == 2


def test_a_session_that_comes_up_late_takes_over_at_once() -> None:
    """When there is no time left to wait for a lull."""
    bench = renewing()
    bench.hear(media(), FromSession(1, STARTED))
    bench.wait(2.0)
    bench.hear(FromSession(2, realtime.SessionUpdated()))

    assert len(of_type(bench.commands, UseRealtime)) == 1


@pytest.mark.parametrize("how", [error("invalid_model"), realtime.Closed(503)])
def test_a_renewal_that_is_refused_is_tried_again(how: realtime.Inbound) -> None:
    """The session in use goes on meanwhile."""
    bench = renewing()
    bench.hear(FromSession(2, how))
    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)
    bench.wait(0.6)

    assert opened(bench)[-1] == OpenRealtime(3, beside=True)
    assert CloseRealtime(2) in bench.commands


@pytest.mark.parametrize("ready", [False, True])
def test_the_old_session_is_lost_while_another_comes_up(*, ready: bool) -> None:
    """That one is taken."""
    bench = renewing()
    if ready:
        bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.hear(FromSession(1, GONE))
    if not ready:
        bench.hear(FromSession(2, realtime.SessionUpdated()))

    assert len(opened(bench)) == 2
    assert appended_audio(bench.hear(media(frame(1)))) == frame(1)


def test_no_renewal_during_a_goodbye() -> None:
    """It would be cut off."""
    bench = renewing()
    bench.hear(FromSession(1, created("r2")), FromSession(1, delta("r2", "i2", 5000)))
    bench.hear(FromSession(1, tool_call("r2")), FromSession(1, done("r2")))
    bench.hear(FromSession(2, realtime.SessionUpdated()))
    bench.wait(4.0)
    assert not of_type(bench.commands, UseRealtime)

    bench.hear(FromSession(1, GONE))
    assert CloseRealtime(2) in bench.commands


def test_what_the_session_beside_says_too_early_is_counted() -> None:
    """It has not been given anything to answer."""
    bench = renewing()
    bench.hear(FromSession(2, realtime.SessionUpdated()), FromSession(2, created("r9")))

    assert bench.call.record.out_of_turn == {"realtime:ResponseCreated": 1}


def test_a_setting_of_zero_renews_never() -> None:
    """The vendor's end of the session is then like any other loss."""
    bench = Bench(NEVER).ready()
    bench.wait(100.0)

    assert len(opened(bench)) == 1
