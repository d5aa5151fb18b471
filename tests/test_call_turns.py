"""bridge.core.call: who speaks. Relay, requests, answers, failures, tools."""

import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, EndReason
from bridge.core.realtime import FunctionCallOutput, ServerVad
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    TURN,
    Bench,
    asks,
    created,
    cuts,
    delta,
    done,
    error,
    media,
    of_type,
    sent_audio,
    tool_call,
)


# ------------------------------------------------------------------------------ relay
def test_agent_audio_is_relayed_at_once_with_marks() -> None:
    """A delta becomes media and marks, alternating, all bytes in order."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), delta("r1", "i1", 510))

    assert sent_audio(commands) == b"\x11" * 4000
    kinds = [type(command).__name__ for command in commands]
    assert kinds == ["SendMedia", "SendMark", "SendMedia", "SendMark"]

    rest = bench.hear(realtime.OutputAudioDone("r1", "i1"))
    assert sent_audio(rest) == b"\x11" * 80


def test_a_response_that_ends_without_ending_its_item_is_played_to_the_end() -> None:
    """`response.done` releases the last part of a frame, too."""
    bench = Bench().ready()
    bench.hear(created("r1"), delta("r1", "i1", 5))

    assert sent_audio(bench.hear(done("r1"))) == b"\x11" * 40


def test_an_empty_delta_is_nothing() -> None:
    """No message to Twilio, and the response has not spoken."""
    bench = Bench().ready()

    assert bench.hear(created("r1"), delta("r1", "i1", 0)) == []


def test_the_round_trip_is_measured_when_the_caller_has_spoken() -> None:
    """A mark into the silence after each turn of the caller keeps the measurement fresh."""
    bench = Bench().ready()
    assert not of_type(bench.hear(*TURN), twilio.SendMark)  # one is on its way
    bench.played(bench.commands)
    commands = bench.hear(*TURN)

    assert [mark.name.split(":")[1] for mark in of_type(commands, twilio.SendMark)] == ["probe"]


def test_the_round_trip_is_measured_until_it_is_well_known() -> None:
    """Nine times, 400 ms apart, while nothing sounds and the caller's audio comes in."""
    bench = Bench().started()
    probes = 0
    for _ in range(500):
        echo = of_type(bench.hear(media()), twilio.SendMark)
        probes += len(echo)
        bench.played(echo)
        bench.wait(0.02)

    assert probes == 9


def test_a_probe_that_is_lost_is_followed_by_another() -> None:
    """After two seconds; meanwhile no other disturbs it."""
    bench = Bench().started()
    sent_at = []
    for _ in range(150):
        if of_type(bench.hear(media()), twilio.SendMark):
            sent_at.append(round(bench.now, 2))
        bench.wait(0.02)

    assert sent_at == [2.0]


# ------------------------------------------------------------------------------ requests
def test_the_server_answers_the_callers_turn_itself() -> None:
    """With `create_response` we ask for nothing."""
    bench = Bench().ready()
    bench.hear(*TURN, created("r1"), delta("r1", "i1", 100), done("r1"))

    assert len(asks(bench)) == 0


def test_without_create_response_we_ask() -> None:
    """Somebody must answer the caller."""
    bench = Bench(CallPlan(turn_detection=ServerVad(create_response=False))).ready()
    bench.hear(*TURN)

    assert len(asks(bench)) == 1


def test_a_request_waits_for_the_active_response() -> None:
    """`response.create` only when no response is active."""
    bench = Bench().ready()
    bench.hear(created("r1"), tool_call("r1", "look_up"))
    assert len(asks(bench)) == 0
    bench.hear(done("r1"))

    assert len(asks(bench)) == 1


def test_a_request_waits_while_the_caller_speaks() -> None:
    """Talking over the caller is no answer; his turn will be answered, and the keys with it."""
    bench = Bench().ready()
    bench.hear(STARTED, twilio.Dtmf("1"), twilio.Dtmf("#"))
    assert len(asks(bench)) == 0
    bench.hear(STOPPED, COMMITTED, created("r1"), done("r1"))

    assert len(asks(bench)) == 0


def test_a_request_that_meets_an_active_response_is_repeated() -> None:
    """Server VAD may create a response between our look and our request."""
    bench = Bench(CallPlan(greeting="Hi")).ready()
    bench.hear(COMMITTED, created("r1"))
    bench.hear(error("conversation_already_has_active_response"))
    assert len(asks(bench)) == 1
    bench.hear(done("r1"))

    first, second = of_type(bench.commands, realtime.ResponseCreate)
    assert first.response == second.response
    assert first.event_id != second.event_id


def test_a_request_refused_for_good_is_not_repeated() -> None:
    """The error is counted and the call goes on."""
    bench = Bench(CallPlan(greeting="Hi")).ready()
    (request,) = of_type(bench.commands, realtime.ResponseCreate)
    bench.hear(error("invalid_value", event_id=request.event_id))
    bench.wait(60.0)

    assert len(asks(bench)) == 1
    assert bench.reason() is None
    assert bench.call.record.realtime_errors == {"invalid_value": 1}


# ------------------------------------------------------------------------------ failures
def test_a_failed_response_is_asked_for_again() -> None:
    """After a moment, and as it was asked for: otherwise the caller hears nothing."""
    bench = Bench(CallPlan(greeting="Hi")).ready()
    bench.hear(created("r1"), done("r1", "failed", code="server_error"))
    bench.wait(0.9)
    assert len(asks(bench)) == 1
    bench.wait(0.2)

    first, second = of_type(bench.commands, realtime.ResponseCreate)
    assert first.response == second.response


def test_a_failed_response_that_had_spoken_is_not_repeated() -> None:
    """The caller has heard the beginning; saying it again would be odd."""
    bench = Bench().ready()
    bench.hear(*TURN, created("r1"), delta("r1", "i1", 400), done("r1", "failed"))
    bench.wait(5.0)

    assert len(asks(bench)) == 0


def test_a_failed_response_is_not_repeated_when_the_caller_speaks() -> None:
    """His turn will be answered instead."""
    bench = Bench().ready()
    bench.hear(created("r1"), done("r1", "failed"))
    bench.wait(0.5)
    bench.hear(STARTED)
    bench.wait(5.0)
    assert len(asks(bench)) == 0

    bench = Bench().ready()
    bench.hear(created("r1"), STARTED, done("r1", "failed"))
    bench.wait(5.0)
    assert len(asks(bench)) == 0


def test_three_failures_in_a_row_end_the_call() -> None:
    """A success in between starts the count again."""
    bench = Bench().ready()
    for response_id in ("r1", "r2"):
        bench.hear(created(response_id), done(response_id, "failed", code="server_error"))
    bench.hear(created("r3"), delta("r3", "i3", 20), done("r3"))
    for response_id in ("r4", "r5"):
        bench.hear(created(response_id), done(response_id, "failed", code="server_error"))
    assert bench.reason() is None
    bench.hear(created("r6"), done("r6", "failed", code="server_error"))

    assert bench.reason() is EndReason.REALTIME_REFUSED
    assert bench.call.record.responses_failed == 5
    assert bench.call.record.realtime_refusal == "server_error"


@pytest.mark.parametrize(
    ("code", "kind"), [("insufficient_quota", None), (None, "insufficient_quota")]
)
def test_some_failures_are_final(code: str | None, kind: str | None) -> None:
    """No retry brings money into the account; vendors put the word in either field."""
    bench = Bench().ready()
    bench.hear(created("r1"), done("r1", "failed", code=code, kind=kind))

    assert bench.reason() is EndReason.REALTIME_REFUSED
    assert bench.call.record.realtime_refusal == "insufficient_quota"


def test_tokens_are_counted_for_every_response() -> None:
    """Cancelled ones cost, too."""
    bench = Bench().ready()
    usage = realtime.Usage(input_tokens=3, output_tokens=4)
    for status in ("completed", "cancelled"):
        bench.hear(
            realtime.ResponseDone(realtime.FinishedResponse("r1", status, None, usage=usage))
        )

    assert bench.call.record.tokens.output_total == 8


# ------------------------------------------------------------------------------ tools
def test_a_function_call_is_always_answered() -> None:
    """At once, though the response is still active; and then a response is wanted."""
    bench = Bench().ready()
    commands = bench.hear(created("r1"), tool_call("r1", "look_up"))
    (item,) = of_type(commands, realtime.ConversationItemCreate)

    assert item.item == FunctionCallOutput("call_1", '{"error":"there is no such tool"}')
    assert bench.call.record.tool_calls == 1


@pytest.mark.parametrize("status", ["incomplete", "in_progress"])
def test_an_unfinished_function_call_is_not_executed(status: str) -> None:
    """A cancelled response leaves function calls behind that must not run."""
    bench = Bench().ready()

    assert not of_type(
        bench.hear(created("r1"), tool_call("r1", "look_up", status=status)),
        realtime.ConversationItemCreate,
    )


def test_an_item_without_status_is_complete() -> None:
    """Some servers leave the status out."""
    bench = Bench().ready()

    assert of_type(
        bench.hear(created("r1"), tool_call("r1", "look_up", status=None)),
        realtime.ConversationItemCreate,
    )


def test_a_function_call_without_an_id_cannot_be_answered() -> None:
    """It is counted."""
    bench = Bench().ready()
    item = realtime.OutputItem(type="function_call", status="completed", name="look_up")
    bench.hear(realtime.OutputItemDone("r1", item))

    assert bench.call.record.out_of_turn == {"function_call without call_id": 1}


def test_an_interrupted_function_call_is_answered_and_not_followed() -> None:
    """The model learns why; the caller's turn will bring the next response."""
    bench = Bench().ready()
    bench.hear(created("r1"), STARTED)
    (item,) = of_type(bench.hear(tool_call("r1")), realtime.ConversationItemCreate)
    bench.wait(10.0)

    assert isinstance(item.item, FunctionCallOutput)
    assert "interrupted" in item.item.output
    assert bench.reason() is None


# ------------------------------------------------------------------------------ in between
def test_an_unwanted_greeting_is_cancelled_when_it_comes() -> None:
    """Asked for, but the caller spoke first: his turn will be answered."""
    bench = Bench(CallPlan(greeting="Hi")).ready()
    bench.hear(STARTED)
    commands = bench.hear(created("r1"), delta("r1", "i1", 200))

    assert [cancel.response_id for cancel in of_type(commands, realtime.ResponseCancel)] == ["r1"]
    assert sent_audio(commands) == b""
    assert cuts(commands) == [("i1", 0)]
