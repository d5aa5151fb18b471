"""bridge.core: the model waits for keys."""

import msgspec
import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, EndReason
from bridge.core.realtime import FunctionCallOutput, ResponseOptions, UserMessage
from bridge.core.tools import COLLECT_DIGITS, TIME_IS_UP
from tests.calls import (
    COMMITTED,
    STARTED,
    STOPPED,
    TURN,
    Bench,
    asks,
    created,
    delta,
    done,
    of_type,
    tool_call,
)

PLAN = CallPlan(builtin_tools=("end_call", "collect_digits"))


def collecting(arguments: str = "{}", plan: CallPlan = PLAN, spoken_ms: int = 400) -> Bench:
    """A call whose agent has asked for keys, and waits for them."""
    bench = Bench(plan).ready()
    bench.hear(*TURN, created("r1"), delta("r1", "i1", spoken_ms))
    bench.hear(tool_call("r1", COLLECT_DIGITS.name, arguments=arguments), done("r1"))
    return bench


def press(bench: Bench, keys: str) -> None:
    """The caller types, half a second between the keys."""
    for key in keys:
        bench.hear(twilio.Dtmf(key))
        bench.wait(0.5)


def outputs(bench: Bench) -> list[dict[str, str]]:
    """All outputs the model was given, read."""
    items = [one.item for one in of_type(bench.commands, realtime.ConversationItemCreate)]
    return [msgspec.json.decode(item.output) for item in of_type(items, FunctionCallOutput)]


# ------------------------------------------------------------------------------ what ends it
def test_the_terminator_ends_it_and_is_not_told() -> None:
    """The keys are the output; nothing is told as the caller's text; the model is asked on."""
    bench = collecting()
    press(bench, "4711")
    assert outputs(bench) == []
    press(bench, "#")
    bench.wait(10.0)
    items = [one.item for one in of_type(bench.commands, realtime.ConversationItemCreate)]

    assert outputs(bench) == [{"digits": "4711", "ended_by": "terminator"}]
    assert not of_type(items, UserMessage)
    assert asks(bench) == [ResponseOptions()]
    assert bench.call.record.keys_pressed == 5


def test_enough_digits_end_it() -> None:
    """What is typed behind them is told as ever."""
    bench = collecting('{"digits_max":4}')
    press(bench, "4711")

    assert outputs(bench) == [{"digits": "4711", "ended_by": "digits_max"}]


def test_another_terminator_or_none() -> None:
    """Then the pound key is one like others."""
    bench = collecting('{"terminator":"*"}')
    press(bench, "1#2*")
    assert outputs(bench) == [{"digits": "1#2", "ended_by": "terminator"}]

    bench = collecting('{"terminator":"","digits_max":3}')
    press(bench, "1#*")
    assert outputs(bench) == [{"digits": "1#*", "ended_by": "digits_max"}]


def test_a_pause_behind_the_last_key_ends_it() -> None:
    """It counts from each key anew."""
    bench = collecting('{"timeout_seconds":2}')
    press(bench, "123")
    bench.wait(1.4)
    assert outputs(bench) == []
    bench.wait(0.2)

    assert outputs(bench) == [{"digits": "123", "ended_by": "timeout"}]


def test_nothing_at_all_ends_it_too() -> None:
    """The time begins when the caller has heard what to type, and not when that was made."""
    bench = collecting('{"timeout_seconds":2}', spoken_ms=3000)
    bench.wait(4.9)
    assert outputs(bench) == []
    bench.wait(0.2)

    assert outputs(bench) == [{"digits": "", "ended_by": "timeout"}]
    assert len(asks(bench)) == 1


def test_the_callers_voice_ends_it() -> None:
    """The output says so, and the answer to what was said is the only one."""
    bench = collecting()
    press(bench, "12")
    bench.hear(STARTED)
    assert outputs(bench) == [{"digits": "12", "ended_by": "speech"}]
    bench.wait(1.0)
    bench.hear(STOPPED, COMMITTED, created("r2"), delta("r2", "i2", 200), done("r2"))
    bench.wait(5.0)

    assert asks(bench) == []


def test_a_goodbye_ends_it() -> None:
    """At the limit, say; the conversation is left in order, and nobody asks on."""
    plan = CallPlan(
        builtin_tools=("collect_digits",), call_max_s=5.0, call_warning_s=0.0, limit_farewell_s=10.0
    )
    bench = collecting('{"timeout_seconds":60}', plan)
    press(bench, "12")
    bench.wait(10.0)

    assert outputs(bench) == [{"digits": "12", "ended_by": "hangup"}]
    assert [request.instructions for request in asks(bench)] == [TIME_IS_UP.instructions]


# ------------------------------------------------------------------------------ meanwhile
def test_a_key_stops_the_prompt() -> None:
    """Whoever types has heard enough, also where keys do not interrupt otherwise."""
    plan = CallPlan(builtin_tools=("collect_digits",), dtmf_interrupts=False, dtmf_to_model=False)
    bench = collecting(plan=plan, spoken_ms=3000)
    bench.wait(1.0)
    commands = bench.hear(twilio.Dtmf("1"))
    press(bench, "#")

    assert of_type(commands, twilio.Clear)
    assert outputs(bench) == [{"digits": "1", "ended_by": "terminator"}]


def test_a_prompt_is_asked_for() -> None:
    """Word by word, when the response that calls is done; the time counts from its end."""
    bench = collecting('{"prompt":"Your PIN, please.","timeout_seconds":2}', spoken_ms=0)
    (request,) = asks(bench)
    assert "Your PIN, please." in str(request.instructions)
    assert request.tool_choice == "none"
    bench.wait(3.0)
    bench.hear(created("r2"), delta("r2", "i2", 1000), done("r2"))
    bench.wait(2.9)
    assert outputs(bench) == []
    bench.wait(0.2)

    assert outputs(bench) == [{"digits": "", "ended_by": "timeout"}]


def test_who_is_waited_for_is_not_idle() -> None:
    """The wait has a time of its own."""
    plan = CallPlan(builtin_tools=("collect_digits",), idle_nudge_s=3.0)
    bench = collecting('{"timeout_seconds":30}', plan)
    bench.wait(20.0)

    assert bench.call.record.nudges == 0


def test_behind_it_keys_are_told_as_ever() -> None:
    """As text."""
    bench = collecting()
    press(bench, "1#")
    bench.hear(created("r2"), done("r2"))
    press(bench, "2#")
    items = [one.item for one in of_type(bench.commands, realtime.ConversationItemCreate)]

    assert len(of_type(items, UserMessage)) == 1


def test_the_keys_are_not_logged() -> None:
    """They may be a PIN."""
    bench = collecting()
    press(bench, "4711#")
    notes = [note for note in bench.commands if type(note).__name__ == "Note"]

    assert "4711" not in repr(notes)


# ------------------------------------------------------------------------------ what is asked
@pytest.mark.parametrize(
    "arguments",
    [
        '{"digits_max":0}',
        '{"digits_max":"four"}',
        '{"terminator":"##"}',
        '{"timeout_seconds":0.1}',
        "[]",
        "{",
        "\ud800",
    ],
)
def test_arguments_that_do_not_fit_are_an_error(arguments: str) -> None:
    """The model is told what is wrong, and asked on; keys are told as ever."""
    bench = collecting(arguments)

    assert "do not fit" in outputs(bench)[0]["error"]
    assert len(asks(bench)) == 1


def test_null_means_not_given() -> None:
    """Models write all names of a schema."""
    bench = collecting('{"digits_max":null,"terminator":null,"timeout_seconds":null,"prompt":null}')
    press(bench, "12#")

    assert outputs(bench) == [{"digits": "12", "ended_by": "terminator"}]


def test_there_is_one_wait_at_a_time() -> None:
    """A second one is an error; the first goes on."""
    bench = collecting()
    again = tool_call("r2", COLLECT_DIGITS.name, call_id="call_2")
    bench.hear(created("r2"), again, done("r2"))
    assert "already" in outputs(bench)[0]["error"]
    bench.hear(created("r3"), done("r3"))
    press(bench, "1#")

    assert outputs(bench)[1] == {"digits": "1", "ended_by": "terminator"}


def test_nobody_is_waited_for_during_a_goodbye() -> None:
    """The model is told so."""
    bench = Bench(PLAN).ready()
    bench.hear(created("r1"), delta("r1", "i1", 200), tool_call("r1"))
    bench.hear(tool_call("r1", COLLECT_DIGITS.name, call_id="call_2"), done("r1"))
    bench.wait(0.3)
    bench.played(bench.commands)
    bench.wait(3.1)

    assert outputs(bench)[1] == {"error": "the call is about to end"}
    assert bench.reason() is EndReason.AGENT_HUNG_UP
