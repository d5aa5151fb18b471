"""bridge.core: the model hands the line on."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, EndReason, LineReleased, Phase, ReleaseLine
from bridge.core.commands import LineTransferred, ToolAnswered, TransferLine
from bridge.core.realtime import FunctionCallOutput, ServerVad, SystemMessage, Tool
from bridge.core.tools import TRANSFER_CALL
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    TURN,
    Bench,
    appended_audio,
    asks,
    created,
    delta,
    done,
    heard_out,
    media,
    of_type,
    sent_audio,
    tool_call,
)

NUMBER = "+15550100099"
PLAN = CallPlan(
    builtin_tools=("end_call", TRANSFER_CALL),
    transfers={"sales": NUMBER, "the kitchen": "+15550100098"},
    transfer_announcement="One moment.",
    transfer_language="en-GB",
    turn_detection=ServerVad(threshold=0.7),
    can_release=True,
)
LINE = TransferLine(NUMBER, "One moment.", "en-GB")


def transfer(response_id: str, destination: str = "sales") -> realtime.OutputItemDone:
    """The model wants to hand the line on."""
    arguments = f'{{"destination":"{destination}","reason":"wants to buy"}}'
    return tool_call(response_id, TRANSFER_CALL, arguments=arguments)


def announced(plan: CallPlan = PLAN) -> Bench:
    """A call whose agent has announced the transfer in one second of speech."""
    bench = Bench(plan).ready()
    bench.hear(created("r1"), delta("r1", "i1", 1000), transfer("r1"), done("r1"))
    return bench


def handed_on(plan: CallPlan = PLAN) -> Bench:
    """The announcement has been heard: Twilio is asked."""
    return heard_out(announced(plan))


def phase(bench: Bench) -> Phase:
    """How far the call has come."""
    return bench.call.phase


def outputs(bench: Bench) -> list[str]:
    """All outputs the model was given."""
    items = [one.item for one in of_type(bench.commands, realtime.ConversationItemCreate)]
    return [item.output for item in of_type(items, FunctionCallOutput)]


# ------------------------------------------------------------------------------ it works
def test_the_announcement_is_heard_out_and_nothing_waits_behind_it() -> None:
    """The line is handed on at the last mark: no pause, somebody else answers next."""
    bench = announced()
    assert phase(bench) is Phase.CLOSING
    bench.wait(1.1)
    assert not of_type(bench.commands, TransferLine)
    bench.played(bench.commands)

    assert of_type(bench.commands, TransferLine) == [LINE]
    assert phase(bench) is Phase.TRANSFERRING
    assert not of_type(bench.commands, ReleaseLine)
    assert asks(bench) == []


def test_without_words_an_announcement_is_asked_for() -> None:
    """It names whom the caller is connected to; the number is nobody's business."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), transfer("r1"), done("r1"))
    (request,) = asks(bench)

    assert request.tool_choice == "none"
    assert "sales" in str(request.instructions)
    bench.played(bench.hear(created("r2"), delta("r2", "i2", 400), done("r2")))
    assert of_type(bench.commands, TransferLine) == [LINE]


def test_the_model_gets_its_output_once_and_the_callers_voice_has_no_effect() -> None:
    """As with a goodbye."""
    bench = announced()
    (update,) = of_type(bench.commands, realtime.TurnDetectionUpdate)
    bench.hear(*TURN)

    assert outputs(bench) == ['{"status":"connecting the caller"}']
    assert not update.turn_detection.create_response
    assert not of_type(bench.commands, twilio.Clear)


def test_the_number_gets_nowhere_but_into_the_command() -> None:
    """Neither the model nor the log is told."""
    bench = handed_on()
    bench.hear(LineTransferred("failed"))
    told = [command for command in bench.commands if not isinstance(command, TransferLine)]

    assert NUMBER.lstrip("+") not in repr(told)
    assert bench.notes("transferring")[0].fields == {"destination": "sales"}


@pytest.mark.parametrize(
    "last",
    [LineTransferred("transferred"), twilio.Stop(), twilio.Closed(1000)],
    ids=["answer", "stop", "close"],
)
def test_the_call_ends_as_transferred(last: LineTransferred | twilio.Stop | twilio.Closed) -> None:
    """Twilio tears the stream down, perhaps before REST has answered."""
    bench = handed_on()
    bench.hear(last)

    assert bench.reason() is EndReason.TRANSFERRED


def test_a_call_that_was_over_already_was_not_transferred() -> None:
    """The caller has hung up in that moment."""
    bench = handed_on()
    bench.hear(LineTransferred("already_over"))

    assert bench.reason() is EndReason.CALLER_HUNG_UP
    assert bench.call.record.line_transferred == "already_over"


def test_the_caller_hangs_up_during_the_announcement() -> None:
    """Nothing is handed on."""
    bench = announced()
    bench.hear(twilio.Stop())

    assert bench.reason() is EndReason.CALLER_HUNG_UP
    assert not of_type(bench.commands, TransferLine)


def test_a_session_lost_meanwhile_does_not_prevent_it() -> None:
    """What the caller was told is kept."""
    bench = announced()
    bench.hear(realtime.Closed(1006))
    bench.wait(1.1)
    bench.played(bench.commands)

    assert of_type(bench.commands, TransferLine) == [LINE]


def test_an_interruptible_transfer_is_taken_back_by_the_callers_voice() -> None:
    """Like a hangup, by the same setting; but not when Twilio has been asked."""
    plan = CallPlan(
        builtin_tools=(TRANSFER_CALL,),
        transfers={"sales": NUMBER},
        can_release=True,
        end_call_interruptible=True,
    )
    bench = announced(plan)
    bench.wait(0.4)
    bench.hear(STARTED)
    assert phase(bench) is Phase.TALKING
    bench.hear(STOPPED, COMMITTED, created("r2"), done("r2"))
    bench.wait(10.0)
    assert not of_type(bench.commands, TransferLine)

    bench = handed_on(plan)
    bench.hear(STARTED, twilio.Dtmf("1"))
    assert phase(bench) is Phase.TRANSFERRING


# ------------------------------------------------------------------------------ it does not
@pytest.mark.parametrize("destination", ["the moon", ""])
def test_an_unknown_destination_is_no_transfer(destination: str) -> None:
    """The model learns the names there are, and is asked on."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), transfer("r1", destination), done("r1"))

    assert outputs(bench) == ['{"error":"there is no such destination, only: sales, the kitchen"}']
    assert phase(bench) is Phase.TALKING
    assert len(asks(bench)) == 1


@pytest.mark.parametrize("arguments", ["", "sales", "[]", '{"destination":3}', "{}", "\ud800"])
def test_arguments_that_are_none_are_no_transfer(arguments: str) -> None:
    """A model may write anything."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), tool_call("r1", TRANSFER_CALL, arguments=arguments), done("r1"))

    assert "no such destination" in outputs(bench)[0]


def test_a_transfer_that_fails_goes_on_with_the_caller() -> None:
    """The model is told in a remark, because the output has been given; the caller is heard."""
    bench = handed_on()
    commands = bench.hear(LineTransferred("failed"))
    (update,) = of_type(commands, realtime.TurnDetectionUpdate)
    (item,) = of_type(commands, realtime.ConversationItemCreate)

    assert phase(bench) is Phase.TALKING
    assert update.turn_detection == PLAN.turn_detection
    assert isinstance(item.item, SystemMessage)
    assert "sales" in item.item.content[0].text
    assert len(asks(bench)) == 1
    assert bench.call.record.line_transferred == "failed"


def test_behind_a_failure_the_caller_interrupts_and_hangs_up_as_ever() -> None:
    """Nothing of the transfer is left."""
    bench = handed_on()
    bench.hear(LineTransferred("failed"), created("r2"), delta("r2", "i2", 2000), done("r2"))
    bench.wait(0.5)
    commands = bench.hear(STARTED)
    assert of_type(commands, twilio.Clear)
    bench.hear(twilio.Stop())

    assert bench.reason() is EndReason.CALLER_HUNG_UP


def test_a_second_transfer_may_work() -> None:
    """To somebody else, say."""
    bench = handed_on()
    bench.hear(LineTransferred("failed"), created("r2"), delta("r2", "i2", 400))
    again = tool_call(
        "r2", TRANSFER_CALL, call_id="call_2", arguments='{"destination":"the kitchen"}'
    )
    bench.hear(again, done("r2"))
    bench.wait(0.5)
    bench.played(bench.commands)
    bench.hear(LineTransferred("transferred"))

    assert [line.number for line in of_type(bench.commands, TransferLine)] == [
        NUMBER,
        "+15550100098",
    ]
    assert bench.reason() is EndReason.TRANSFERRED


def test_an_answer_that_never_comes_is_a_failure() -> None:
    """The shell says within eight seconds what came of it; after ten we go on without it."""
    bench = handed_on()
    bench.wait(9.9)
    assert phase(bench) is Phase.TRANSFERRING
    bench.wait(0.2)

    assert phase(bench) is Phase.TALKING
    assert len(asks(bench)) == 1
    bench.hear(LineTransferred("transferred"))
    assert bench.call.record.out_of_turn == {"LineTransferred": 1}


def test_a_failure_without_a_session_to_go_on_with() -> None:
    """The model is given up."""
    bench = announced()
    bench.hear(realtime.Closed(1006))
    bench.wait(1.1)
    bench.played(bench.commands)
    bench.hear(LineTransferred("failed"))

    assert phase(bench) is Phase.RELEASING
    assert bench.call.record.fell_back_from is EndReason.REALTIME_LOST


def test_while_twilio_is_asked_nobody_speaks() -> None:
    """The model's words are rejected, the caller's are relayed and kept for what may follow."""
    bench = handed_on()
    commands = bench.hear(media(), created("r2"), delta("r2", "i2", 400), done("r2"))

    assert [one.response_id for one in of_type(commands, realtime.ResponseCancel)] == ["r2"]
    assert sent_audio(commands) == b""
    assert appended_audio(commands) == media().payload


def test_an_answer_of_another_kind_changes_nothing() -> None:
    """It is counted."""
    bench = handed_on()
    bench.hear(LineReleased("completed"))

    assert phase(bench) is Phase.TRANSFERRING
    assert bench.call.record.out_of_turn == {"LineReleased": 1}


def test_the_limit_is_a_limit_all_the_same() -> None:
    """The call ends at its last second, transferred or not."""
    plan = CallPlan(
        builtin_tools=(TRANSFER_CALL,),
        transfers={"sales": NUMBER},
        can_release=True,
        call_max_s=3.0,
        limit_farewell_s=1.0,
    )
    bench = handed_on(plan)
    bench.wait(5.0)

    assert bench.reason() is EndReason.LIMIT


def test_a_hangup_and_a_transfer_in_one_response() -> None:
    """The first one counts; the other gets an error and nobody asks about it."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), delta("r1", "i1", 400), tool_call("r1", call_id="call_0"))
    bench.hear(transfer("r1"), done("r1"))

    assert outputs(bench) == ['{"status":"hanging up"}', '{"error":"the call is about to end"}']
    bench.wait(0.5)
    bench.played(bench.commands)
    bench.wait(3.1)
    assert of_type(bench.commands, ReleaseLine)
    assert not of_type(bench.commands, TransferLine)


def test_a_tool_that_answers_meanwhile_is_told_when_the_transfer_has_failed() -> None:
    """With the same response that says so."""
    tool = Tool("look_up", "", {"type": "object"})
    plan = CallPlan(
        builtin_tools=(TRANSFER_CALL,), transfers={"sales": NUMBER}, can_release=True, tools=(tool,)
    )
    bench = Bench(plan).ready()
    bench.hear(created("r1"), tool_call("r1", "look_up", call_id="call_2"), transfer("r1"))
    bench.played(bench.hear(delta("r1", "i1", 200), done("r1")))
    bench.hear(ToolAnswered("call_2", "{}"), LineTransferred("failed"))
    bench.hear(created("r2"), done("r2"))
    bench.wait(3.0)

    assert outputs(bench) == ['{"status":"connecting the caller"}', "{}"]
    assert len(asks(bench)) == 1


def test_sound_behind_the_announcement_does_not_hold_the_line() -> None:
    """It has been handed on already: there is nothing left to wait for."""
    bench = handed_on()
    assert phase(bench) is Phase.TRANSFERRING
    bench.hear(delta("r1", "i1", 500))
    bench.hear(LineTransferred("transferred"))

    assert bench.reason() is EndReason.TRANSFERRED
    assert len(of_type(bench.commands, TransferLine)) == 1
