"""Function calls, items a client creates, and which reply of the script answers what."""

import base64
from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, Reply, ToolCall
from tests.model_client import END_CALL, HELLO, LONG, Client, Desk, clip, ready, reply

LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
CALL = ToolCall("look_up", {"city": "Graz", "days": 2})
CALL_OPENS = ["response.output_item.added", "conversation.item.added"]
CALL_BODY = [
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]
CALLED = "response.function_call_arguments.done"


def asked(client: Client, **response: Any) -> list[dict[str, Any]]:
    """Ask for a response and let it finish; its events."""
    client.waits(100)
    client.forget()
    client.says("response.create", **({"response": response} if response else {}))
    client.waits(30_000)
    return client.events


def said(client: Client) -> str:
    """The words of the only item."""
    return str(client.one("response.output_audio_transcript.done")["transcript"])


def answer_tool(client: Client) -> None:
    """Give the output of the latest call."""
    call_id = client.all("response.function_call_arguments.done")[-1]["call_id"]
    output = {"type": "function_call_output", "call_id": call_id, "output": "{}"}
    client.says("conversation.item.create", item=output)


def create_text(client: Client, text: str, **more: Any) -> dict[str, Any]:
    """Add a user's text; the last event that came."""
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    client.says("conversation.item.create", item={**item, **more.pop("item", {})}, **more)
    return client.events[-1]


def test_a_tool_turn_has_the_recorded_order() -> None:
    """Item, arguments in pieces, arguments whole, the ends; the call's ids agree everywhere."""
    client = ready(ModelSetup(replies=(Reply("greeting", calls=(CALL,)),)), tools=[LOOK_UP])
    asked(client)

    expected = ["response.created", *CALL_OPENS, *CALL_BODY, "response.done", "rate_limits.updated"]
    done = client.one("response.function_call_arguments.done")
    pieces = client.all("response.function_call_arguments.delta")
    item = client.one("response.done")["response"]["output"][0]
    assert client.order() == expected
    assert done["arguments"] == '{"city":"Graz","days":2}'
    assert "".join(piece["delta"] for piece in pieces) == done["arguments"]
    assert (done["name"], done["call_id"]) == (item["name"], item["call_id"])
    assert len(item["call_id"]) == len("call_") + 16


@pytest.mark.parametrize("calls_first", [False, True])
def test_one_response_may_speak_and_call(calls_first: bool) -> None:
    """Calls come after the items, or before them with `calls_first`."""
    replies = (reply("greeting", HELLO, calls=(CALL, CALL), calls_first=calls_first),)
    client = ready(ModelSetup(replies=replies), tools=[LOOK_UP])
    asked(client)

    kinds = [item["type"] for item in client.one("response.done")["response"]["output"]]
    expected = ["message", "function_call", "function_call"]
    assert kinds == (expected[1:] + expected[:1] if calls_first else expected)


def test_a_tool_that_is_not_offered_cannot_be_called() -> None:
    """The script's call is left out, and the trace says so."""
    client = ready(ModelSetup(replies=(reply("greeting", HELLO, calls=(CALL,)),)), tools=[END_CALL])
    asked(client)

    assert client.all("response.function_call_arguments.done") == []
    assert client.desk.traced("tool_not_offered")[0].data["tool"] == "look_up"


def test_a_stored_prompt_brings_tools_of_its_own() -> None:
    """With a prompt the model may call what this client never heard of, unless it names tools."""
    setup = ModelSetup(replies=(reply("any", HELLO, calls=(CALL,), repeat=True),))
    client = ready(setup, tools=[END_CALL])
    client.says("session.update", session={"type": "realtime", "prompt": {"id": "pmpt_desk"}})
    calls = [
        [event for event in asked(client, **own) if event["type"] == CALLED]
        for own in ({}, {"tools": [END_CALL]})
    ]

    assert [len(found) for found in calls] == [1, 0]
    assert len(client.desk.traced("tool_not_offered")) == 1


def test_tool_choice_none_forbids_calls() -> None:
    """Neither the session's nor the response's `none` lets a call through."""
    replies = (reply("any", HELLO, calls=(CALL,)),)
    client = ready(ModelSetup(replies=replies), tools=[LOOK_UP])
    asked(client, tool_choice="none")

    assert [item["type"] for item in client.one("response.done")["response"]["output"]] == [
        "message"
    ]
    assert client.desk.traced("tool_not_offered")[0].data["tool"] == "look_up"


def test_an_interrupted_call_is_incomplete() -> None:
    """Its item ends incomplete, and its arguments are never declared done."""
    long_call = ToolCall("look_up", {"text": "x" * 2000})
    setup = ModelSetup(replies=(Reply("greeting", calls=(long_call,)),), stragglers=0)
    client = ready(setup, tools=[LOOK_UP])
    client.says("response.create")
    client.waits(1000)
    client.says("response.cancel")
    client.waits(100)

    assert client.one("response.output_item.done")["item"]["status"] == "incomplete"
    assert client.all("response.function_call_arguments.done") == []


def test_the_script_knows_what_is_answered() -> None:
    """greeting, turn, tool, farewell, digits and request each get their own reply."""
    end_call = ToolCall("end_call")
    replies = (
        Reply("request", items=reply("", HELLO).items),
        reply("greeting", LONG),
        Reply("turn", calls=(CALL,)),
        Reply("tool", calls=(end_call,)),
        reply("digits", HELLO, LONG),
        reply("farewell", LONG, HELLO),
    )
    client = ready(ModelSetup(replies=replies), tools=[LOOK_UP, END_CALL])

    def kind() -> str:
        return str(client.desk.traced("reply")[-1].data["kind"])

    asked(client)
    assert kind() == "greeting"
    client.hears_turn()
    client.waits(2000)
    assert kind() == "turn"
    answer_tool(client)
    asked(client)
    assert kind() == "tool"
    answer_tool(client)
    asked(client, tool_choice="none", instructions="Say goodbye.")
    assert kind() == "farewell"
    create_text(client, "The caller pressed 5.")
    asked(client)
    assert kind() == "digits"
    asked(client)
    assert kind() == "request"
    assert client.desk.fake.unused_replies() == ()


def test_a_greeting_may_be_asked_for_in_words() -> None:
    """A user item before the first response.create does not make it another kind."""
    client = ready(ModelSetup(replies=(reply("greeting", HELLO),)))
    create_text(client, "Greet the caller warmly.")

    asked(client)

    assert said(client) == "Hello."


def test_a_numbered_turn_goes_before_the_others() -> None:
    """`turn 2` answers the second turn, wherever it is written."""
    replies = (reply("turn", HELLO, repeat=True), reply("turn 2", LONG))
    client = ready(ModelSetup(replies=replies))
    for _ in range(3):
        client.hears_turn()
        client.waits(8000)

    words = [event["transcript"] for event in client.all("response.output_audio_transcript.done")]
    assert words == ["Hello.", clip(LONG).words, "Hello."]


def test_unused_replies_are_known() -> None:
    """Optional ones do not count."""
    replies = (reply("turn", HELLO), reply("turn 7", HELLO), reply("tool", HELLO, optional=True))
    client = ready(ModelSetup(replies=replies))
    client.hears_turn()

    assert [unused.on for unused in client.desk.fake.unused_replies()] == ["turn 7"]


def test_a_second_session_goes_on_where_the_first_stopped() -> None:
    """A client that reconnects and restores history is not greeted again."""
    replies = (reply("greeting", HELLO), reply("turn", LONG), reply("request", HELLO))
    desk = Desk(ModelSetup(replies=replies))
    first = desk.connect()
    first.configure()
    asked(first)
    first.peer.closed("reset")

    second = desk.connect()
    second.configure()
    create_text(second, "When are you open?")
    words = [{"type": "output_text", "text": "Hello."}]
    said_before = {"type": "message", "role": "assistant", "content": words}
    second.says("conversation.item.create", item=said_before)
    call = {"type": "function_call", "name": "look_up", "call_id": "call_1", "arguments": "{}"}
    second.says("conversation.item.create", item=call)
    output = {"type": "function_call_output", "call_id": "call_1", "output": "{}"}
    second.says("conversation.item.create", item=output)
    asked(second)

    assert second.all("error") == []
    assert desk.traced("reply")[-1].data["kind"] == "request"


def test_created_items_are_added_and_done_in_their_place() -> None:
    """At the end, at the beginning (root), or behind another item."""
    client = ready()
    create_text(client, "one", item={"id": "item_1"})
    create_text(client, "two", item={"id": "item_2"})

    middle = create_text(client, "mid", item={"id": "item_m"}, previous_item_id="item_1")
    root = create_text(client, "first", previous_item_id="root")

    assert client.kinds() == ["conversation.item.added", "conversation.item.done"] * 4
    assert client.events[2]["previous_item_id"] == "item_1"
    assert middle["previous_item_id"] == "item_1"
    assert root["previous_item_id"] is None


@pytest.mark.parametrize(
    ("item", "more", "code"),
    [
        (
            {"type": "function_call_output", "call_id": "call_x", "output": ""},
            {},
            "invalid_tool_call_id",
        ),
        (
            {"type": "message", "role": "user", "content": []},
            {"previous_item_id": "item_x"},
            "item_create_invalid_previous_item_id",
        ),
        ({"type": "message", "role": "user", "content": [], "id": "item_1"}, {}, None),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": "beta"}],
            },
            {},
            "invalid_value",
        ),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_audio", "audio": ""}],
            },
            {},
            "invalid_value",
        ),
    ],
)
def test_an_item_that_cannot_be_added_is_refused(
    item: dict[str, Any], more: dict[str, Any], code: str | None
) -> None:
    """Unknown calls and predecessors, beta content, the model's own audio, a taken id."""
    client = ready()
    client.says("conversation.item.create", item=item, **more)
    if code is None:
        assert client.all("error") == []
        code = "item_create_duplicate_item_id"
        client.says("conversation.item.create", item=item, **more)

    assert client.one("error")["error"]["code"] == code


def test_audio_can_be_created_as_an_item() -> None:
    """A user item may bring its own audio; it costs input tokens."""
    client = ready(ModelSetup(replies=(reply("greeting", HELLO),)))
    audio = base64.b64encode(clip(HELLO).audio[: 8 * 700]).decode()
    item = {"type": "message", "role": "user", "content": [{"type": "input_audio", "audio": audio}]}
    client.says("conversation.item.create", item=item)
    asked(client)

    usage = client.one("response.done")["response"]["usage"]
    assert usage["input_token_details"]["audio_tokens"] == 7
