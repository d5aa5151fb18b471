"""bridge.shown_event: an event as the log shows it, without what callers say and type."""

import json
from typing import Any

import pytest

from bridge.core import realtime
from bridge.shown_event import shown_event

CARD = '{"card": "4111 1111", "pin": "4711", "name": "Doe"}'
ZEROS = '{"card": "0000 0000", "pin": "0000", "name": "Doe"}'
CALL = {"id": "item_7", "type": "function_call", "name": "pay", "arguments": CARD}


def shown(kind: str, **fields: Any) -> Any:
    """The body that the log gets."""
    text = json.dumps({"type": kind, **fields})
    told = shown_event(text, realtime.Unknown(kind), frozenset({kind}))
    assert told is not None
    assert told["type"] == kind
    return told["body"]


def test_only_what_was_asked_for_is_shown() -> None:
    """And only what is an event."""
    event = realtime.Unknown("x")

    assert shown_event('{"type": "x"}', event, frozenset({"y"})) is None
    assert shown_event(None, event, frozenset({"x"})) is None


def test_arguments_have_no_digits() -> None:
    """Wherever they stand: a PIN is too short to be taken for a number. Names and ids stay."""
    item = shown("response.output_item.done", item=CALL)["item"]
    done = shown("response.done", response={"id": "resp_7", "output": [CALL, "odd", CALL]})
    whole = shown("response.function_call_arguments.done", arguments=CARD, item_id="item_7")

    assert (item["id"], item["arguments"]) == ("item_7", ZEROS)
    assert [
        each if each == "odd" else each["arguments"] for each in done["response"]["output"]
    ] == [*(ZEROS, "odd", ZEROS)]
    assert (whole["arguments"], whole["item_id"]) == (ZEROS, "item_7")


def test_pieces_have_no_digits() -> None:
    """A number may be spread over them."""
    assert shown("response.function_call_arguments.delta", delta='":"41')["delta"] == '":"00'
    assert shown("response.output_audio_transcript.delta", delta="call 555")["delta"] == "call 000"
    assert shown("response.output_audio.delta", delta="//79")["audio"] == "//79"  # the log hides it


@pytest.mark.parametrize("odd", [7, None, ["4711"], {"pin": 4711}])
def test_odd_shapes_show_nothing(odd: object) -> None:
    """What is not as the API says is not looked into."""
    body = shown("x", arguments=odd, delta=odd, item=odd, response={"output": odd})
    item = shown("x", item={"arguments": odd, "output": odd, "role": "user", "content": odd})[
        "item"
    ]

    assert (body["arguments"], body["delta"]) == ("***", "***")
    assert (item["arguments"], item["output"], item["content"]) == ("***", "***", "***")
    assert shown("x", response=odd)["response"] == odd


def test_outputs_of_tools_are_not_shown() -> None:
    """In a response's list as in an item."""
    told = {"type": "mcp_call", "arguments": "{}", "output": "Jane Doe, 4711"}

    assert shown("x", response={"output": [told]})["response"]["output"][0]["output"] == "***"
    assert shown("x", item=told)["item"]["output"] == "***"


def test_an_event_that_is_too_deep_is_named_only() -> None:
    """Its type was read without reading all of it."""
    deep = '{"type": "x", "a": ' + "[" * 100_000 + "]" * 100_000 + "}"

    assert shown_event(deep, realtime.Unknown("x"), frozenset({"x"})) == {
        "type": "x", "body": "***",
    }  # fmt: skip
