"""Flight records and logs: what a function gave out, and what the caller typed for one."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Command, Inbound
from bridge.core.commands import Note, ToolAnswered
from bridge.core.realtime import FunctionCallOutput
from bridge.core.tools import COLLECT_DIGITS
from bridge.flight.line import LineWriter
from bridge.log import REMOVED, make_log
from tests.calls import LOOK_UP, Bench, created, delta, done, of_type, tool_call

PLAN = CallPlan(builtin_tools=("collect_digits",), tools=(LOOK_UP,), renew_s=0.0)
TURN = (
    realtime.SpeechStarted(),
    realtime.SpeechStopped(),
    realtime.InputAudioBufferCommitted("turn_1"),
)
TYPED = '{"digits":"4711","ended_by":"terminator"}'


def in_record(what: Any, *, secrets: tuple[str, ...] = ()) -> dict[str, Any]:
    """The message of the line for one event of the model's leg."""
    line = json.loads(LineWriter(audio=False, secrets=secrets).line((1.0, "realtime", "out", what)))
    message: dict[str, Any] = line["m"]
    return message


def sent(output: str) -> realtime.ConversationItemCreate:
    """The event that gives an output to the model."""
    return realtime.ConversationItemCreate("cb_7", FunctionCallOutput("call_12345678", output))


def flown(messages: list[Inbound | Command]) -> list[str]:
    """The record's lines of a call, as the shell hands its messages over."""
    lines = LineWriter(audio=False)
    written = []
    for message in messages:
        what: Any = message
        if isinstance(message, Note):
            what = {"event": message.event, **message.fields}
        elif not isinstance(message, realtime.Outbound | twilio.Inbound | twilio.Outbound):
            continue
        written.append(lines.line((1.0, "call", "note", what)).decode())
    return written


def logged(bench: Bench) -> str:
    """The call's lines in the log, and its record at the end."""
    lines: list[dict[str, Any]] = []
    log = make_log(lines.append, lambda: 0.0)
    for note in of_type(bench.commands, Note):
        log.info(note.event, **note.fields)
    log.info("call_ended", record=msgspec.to_builtins(bench.call.record))
    return json.dumps(lines)


def typed(bench: Bench) -> list[Inbound | Command]:
    """The caller types a PIN for the model; another session is told so. All messages."""
    bench.hear(*TURN, created("r1"), delta("r1", "i1", 400))
    bench.hear(tool_call("r1", COLLECT_DIGITS.name), done("r1"))
    bench.wait(1.0)
    keys = [twilio.Dtmf(key) for key in "4711#"]
    bench.hear(*keys, created("r2"), done("r2"), realtime.Closed(1006))
    bench.hear(realtime.SessionCreated(), realtime.SessionUpdated())
    return [*keys, *bench.commands]


# ------------------------------------------------------------------------------ collected digits
def test_what_the_caller_typed_is_not_in_the_record() -> None:
    """Four digits are too few to be taken for a number; still nobody reads which they were."""
    lines = flown(typed(Bench(PLAN).ready()))
    outputs = [json.loads(line)["m"]["item"] for line in lines if '"function_call_output"' in line]

    assert not any("4711" in line for line in lines)
    assert [(item["call_id"], item["output"]) for item in outputs] == [("call_1", REMOVED)] * 2
    assert {json.loads(line)["m"]["digit"] for line in lines if '"dtmf"' in line} == {"0", "#"}


def test_what_the_caller_typed_is_not_in_the_log() -> None:
    """Neither when it was pressed, nor told, nor at the end."""
    bench = Bench(PLAN).ready()
    typed(bench)

    assert '"keys_pressed": 5' in logged(bench)
    assert "4711" not in logged(bench)


@pytest.mark.parametrize("ended_by", ["digits_max", "terminator", "timeout", "speech", "hangup"])
@pytest.mark.parametrize("digits", ["", "4", "4711", "4*#1"])
def test_however_the_wait_ended(digits: str, ended_by: str) -> None:
    """Not even how many there were."""
    output = json.dumps({"digits": digits, "ended_by": ended_by}, separators=(",", ":"))

    assert in_record(sent(output))["item"] == {
        "type": "function_call_output",
        "call_id": "call_12345678",
        "output": REMOVED,
    }


@pytest.mark.parametrize("kind", ["created", "added", "done", "retrieved"])
def test_the_servers_echo_of_the_output_is_masked_too(kind: str) -> None:
    """It repeats each item of ours."""
    item = {"id": "item_1", "type": "function_call_output", "call_id": "call_1", "output": TYPED}
    event = {"type": f"conversation.item.{kind}", "item": item}
    shown = in_record(json.dumps(event))

    assert shown == {**event, "item": {**item, "output": REMOVED}}


def test_keys_told_as_text_are_zeros() -> None:
    """As many as were pressed, so that a replay is told the same."""
    bench = Bench(PLAN).ready()
    bench.hear(*(twilio.Dtmf(key) for key in "471*#"))
    told = [line for line in flown([*bench.commands]) if "The caller pressed" in line]

    assert len(told) == 1
    assert "The caller pressed the keys 0 0 0 star on the keypad." in told[0]


def test_arguments_keep_their_shape() -> None:
    """The model hands on what was typed; wherever it stands, it is zeros."""
    item = {"type": "function_call", "call_id": "call_1", "arguments": '{"pin":"4711","new":true}'}
    done = {"type": "response.done", "response": {"id": "resp_1", "output": [item]}}
    shown = in_record(json.dumps(done))["response"]["output"][0]

    assert shown["arguments"] == '{"pin":"0000","new":true}'


# ------------------------------------------------------------------------------ outputs
@pytest.mark.parametrize("way", [sent, lambda output: json.dumps({"item": {"output": output}})])
def test_of_an_output_numbers_and_secrets_are_removed(way: Callable[[str], Any]) -> None:
    """The rest stays: it explains what the model said then."""
    output = '{"account":"4111 1111 1111","call":"+15550100099","table":12,"key":"hunter22"}'

    shown = in_record(way(output), secrets=("hunter22",))["item"]["output"]
    assert shown == '{"account":"***","call":"***","table":12,"key":"***"}'


@pytest.mark.parametrize("output", [None, 7, ["x"], {"found": "x"}])
def test_an_item_with_an_odd_output_is_written_all_the_same(output: Any) -> None:
    """A server may send anything."""
    event = {"type": "conversation.item.done", "item": {"output": output}}

    assert in_record(json.dumps(event)) == event


def test_neither_arguments_nor_outputs_are_in_the_log() -> None:
    """They may be what the caller said; the name and how it ended are enough."""
    bench = Bench(PLAN).ready()
    bench.hear(*TURN, created("r1"), tool_call("r1", "look_up", arguments='{"pin":"4711"}'))
    bench.hear(done("r1"), ToolAnswered("call_1", '{"guest":"Ada"}'))

    assert '"look_up"' in logged(bench)
    assert "4711" not in logged(bench)
    assert "Ada" not in logged(bench)
