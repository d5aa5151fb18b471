"""bridge.core.keypad, and what a key does to a call: groups, interruptions, the goodbye."""

from collections.abc import Sequence

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Command, EndReason
from bridge.core.realtime import InputText, ServerVad, UserMessage
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    Bench,
    asks,
    created,
    cuts,
    delta,
    done,
    of_type,
    sent_audio,
    tool_call,
)


def pressed(bench: Bench) -> list[str]:
    """What the model was told about keys."""
    items = of_type(bench.commands, realtime.ConversationItemCreate)
    told = [item.item.content[0] for item in items if isinstance(item.item, UserMessage)]
    return [part.text for part in told if isinstance(part, InputText)]


def keys(bench: Bench, digits: str) -> None:
    """Press keys at this instant."""
    bench.hear(*[twilio.Dtmf(digit) for digit in digits])


def speaking(plan: CallPlan | None = None) -> Bench:
    """A call whose agent has spoken 400 ms of a second, and is not done."""
    bench = Bench(plan).ready()
    heard_400_ms(bench, bench.hear(created("r1"), delta("r1", "i1", 1000)))
    return bench


def heard_400_ms(bench: Bench, commands: Sequence[Command]) -> None:
    """Let 400 ms of new sound be heard; by then the mark behind the first 300 ms is back."""
    bench.wait(0.4)
    bench.hear(twilio.Mark(of_type(commands, twilio.SendMark)[0].name))


# ------------------------------------------------------------------------------ groups
def test_keys_are_told_after_a_pause() -> None:
    """Keys within 2 s of each other are one group, and one request."""
    bench = Bench().ready()
    for digit in "123":
        keys(bench, digit)
        bench.wait(1.9)
    assert pressed(bench) == []
    bench.wait(0.2)

    assert pressed(bench) == ["The caller pressed the keys 1 2 3 on the keypad."]
    assert len(asks(bench)) == 1


def test_the_terminator_completes_a_group() -> None:
    """It is told only when it stands alone; the star is named."""
    bench = Bench().ready()
    keys(bench, "4*##")

    assert pressed(bench) == [
        "The caller pressed the keys 4 star on the keypad.",
        "The caller pressed the key pound on the keypad.",
    ]
    bench.wait(5.0)
    assert len(pressed(bench)) == 2


@pytest.mark.parametrize(
    ("terminator", "groups"),
    [("*", ["keys 1 pound 2", "keys 3 pound"]), (None, ["keys 1 pound 2 star 3 pound"])],
)
def test_another_terminator_or_none(terminator: str | None, groups: list[str]) -> None:
    """Pound is an ordinary key then; the pause completes in any case."""
    bench = Bench(CallPlan(dtmf_terminator=terminator, dtmf_pause_s=0.5)).ready()
    keys(bench, "1#2*3#")
    bench.wait(0.4)
    assert len(pressed(bench)) == len(groups) - 1
    bench.wait(0.2)

    assert pressed(bench) == [f"The caller pressed the {group} on the keypad." for group in groups]


def test_keys_from_before_the_session_are_told_when_it_is_ready() -> None:
    """Also if their pause is long over; each group by itself, the answer to all is one."""
    bench = Bench().started()
    keys(bench, "42#7")
    bench.wait(2.5)
    keys(bench, "9")
    assert pressed(bench) == []
    bench.hear(realtime.SessionCreated(), realtime.SessionUpdated())

    assert pressed(bench) == [
        "The caller pressed the keys 4 2 on the keypad.",
        "The caller pressed the key 7 on the keypad.",
    ]
    bench.wait(2.1)
    assert pressed(bench)[2:] == ["The caller pressed the key 9 on the keypad."]
    assert len(asks(bench)) == 1


def test_groups_from_before_the_session_are_bounded() -> None:
    """The oldest go first."""
    bench = Bench().started()
    keys(bench, "".join(f"{digit}#" for digit in "0123456789"))
    bench.hear(realtime.SessionCreated(), realtime.SessionUpdated())

    assert [text.split()[5] for text in pressed(bench)] == list("23456789")


@pytest.mark.parametrize("end", ["pause", "#"])
def test_keys_without_end(end: str) -> None:
    """A full group is told at once; what follows without a pause has no effect and no answer."""
    bench = Bench().ready()
    keys(bench, "5" * 64)
    assert pressed(bench)[0].count("5") == 64
    bench.hear(created("r1"), delta("r1", "i1", 1000))
    bench.wait(0.3)
    keys(bench, "5" * 100)
    assert not of_type(bench.commands, twilio.Clear)
    bench.hear(done("r1"))
    if end == "pause":
        bench.wait(2.1)
    else:
        keys(bench, end)
    keys(bench, "6#")

    assert pressed(bench)[1:] == ["The caller pressed the key 6 on the keypad."]
    assert bench.call.record.keys_pressed == 64 + 100 + 2 + (end == "#")


def test_keys_are_not_in_the_log() -> None:
    """They may be a PIN: only their number is noted."""
    bench = Bench().ready()
    keys(bench, "8642#")

    (note,) = bench.notes("keys_told")
    assert note.fields == {"count": 4}
    assert bench.call.record.keys_pressed == 5


def test_keys_can_be_switched_off() -> None:
    """They are counted, reach nobody and stop nothing."""
    bench = speaking(CallPlan(dtmf_to_model=False))
    keys(bench, "12#")
    bench.wait(5.0)

    assert pressed(bench) == []
    assert len(asks(bench)) == 0
    assert not of_type(bench.commands, twilio.Clear)
    assert bench.call.record.keys_pressed == 3


# ------------------------------------------------------------------------------ turns
def test_a_key_interrupts_the_agent() -> None:
    """As a voice does; and we cancel, because the server does not hear it."""
    bench = speaking()
    keys(bench, "1")
    assert len(of_type(bench.commands, twilio.Clear)) == 1
    assert cuts(bench.commands) == [("i1", 400)]
    (cancel,) = of_type(bench.commands, realtime.ResponseCancel)
    assert cancel.response_id == "r1"

    keys(bench, "2#")
    assert len(asks(bench)) == 0
    assert sent_audio(bench.hear(delta("r1", "i1", 200))) == b""
    bench.hear(done("r1", "cancelled"))
    assert len(asks(bench)) == 1
    assert len(of_type(bench.commands, twilio.Clear)) == 1


def test_a_key_interrupts_what_only_sounds() -> None:
    """Generated long ago: there is nothing to cancel."""
    bench = speaking()
    bench.hear(done("r1"))
    keys(bench, "1#")

    assert cuts(bench.commands) == [("i1", 400)]
    assert not of_type(bench.commands, realtime.ResponseCancel)
    assert len(asks(bench)) == 1


def test_a_key_stops_what_is_not_yet_heard() -> None:
    """A response that is being made, or only asked for, is unwelcome."""
    bench = Bench(CallPlan(greeting="Hi")).ready()
    keys(bench, "1#")
    commands = bench.hear(created("r1"), delta("r1", "i1", 500))

    assert [cancel.response_id for cancel in of_type(commands, realtime.ResponseCancel)] == ["r1"]
    assert sent_audio(commands) == b""
    bench.hear(done("r1", "cancelled"))
    assert len(asks(bench)) == 2


def test_keys_that_do_not_interrupt() -> None:
    """By a setting: what the agent says is heard out, and its answer waits for the end."""
    bench = speaking(CallPlan(dtmf_interrupts=False))
    keys(bench, "2#")
    assert not of_type(bench.commands, twilio.Clear)
    assert len(asks(bench)) == 0
    bench.hear(done("r1"))

    assert len(asks(bench)) == 1


def test_keys_while_the_caller_speaks() -> None:
    """Told at once; the turn's answer is theirs, too."""
    bench = Bench().ready()
    bench.hear(STARTED)
    keys(bench, "1#")
    assert len(pressed(bench)) == 1
    bench.hear(STOPPED, COMMITTED, created("r1"), done("r1"))

    assert len(asks(bench)) == 0


def test_a_retry_is_not_asked_for_behind_a_key() -> None:
    """A response failed and waits for its second: the keys ask for another one."""
    bench = Bench(CallPlan(turn_detection=ServerVad(create_response=False))).ready()
    bench.hear(STARTED, STOPPED, COMMITTED, created("r1"), done("r1", "failed"))
    keys(bench, "1")
    bench.wait(1.5)
    assert len(asks(bench)) == 1
    keys(bench, "#")

    assert len(asks(bench)) == 2


# ------------------------------------------------------------------------------ the goodbye
def closing(plan: CallPlan | None = None) -> Bench:
    """A call whose agent said a goodbye of one second and hung up in the same response."""
    bench = Bench(plan).ready()
    goodbye = bench.hear(created("r1"), delta("r1", "i1", 1000), tool_call("r1"), done("r1"))
    heard_400_ms(bench, goodbye)
    return bench


def test_a_key_during_the_goodbye_has_no_effect() -> None:
    """It is counted as out of turn."""
    bench = closing()

    assert bench.hear(twilio.Dtmf("1")) == []
    assert bench.call.record.out_of_turn == {"twilio:Dtmf": 1}


def test_a_key_takes_back_what_a_voice_may_take_back() -> None:
    """END_CALL_INTERRUPTIBLE: the goodbye stops, although keys do not interrupt otherwise."""
    bench = closing(CallPlan(end_call_interruptible=True, dtmf_interrupts=False))
    keys(bench, "1#")

    assert cuts(bench.commands) == [("i1", 400)]
    assert len(asks(bench)) == 1
    bench.wait(15.0)
    assert bench.reason() is None
    assert bench.call.record.hangups_cancelled == 1


def test_nothing_is_taken_back_when_the_model_is_gone() -> None:
    """There is nobody to go on with: the goodbye is heard out."""
    bench = closing(CallPlan(end_call_interruptible=True))
    bench.hear(realtime.Closed(1006))
    keys(bench, "1#")
    bench.wait(1.1)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert bench.reason() is EndReason.AGENT_HUNG_UP


def test_nothing_is_taken_back_while_the_line_is_released() -> None:
    """It is too late then."""
    bench = closing(CallPlan(end_call_interruptible=True, can_release=True))
    bench.wait(1.1)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert bench.hear(twilio.Dtmf("1")) == []
    bench.hear(twilio.Stop())
    assert bench.reason() is EndReason.AGENT_HUNG_UP
