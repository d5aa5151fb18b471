"""What response.create may ask for: its own context, tools and voice; no conversation at all."""

from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, Reply, ToolCall
from tests.model_client import END_CALL, HELLO, LONG, Client, clip, ready, reply

LOOK_UP = {"type": "function", "name": "look_up", "parameters": {"type": "object"}}
CALL = ToolCall("look_up", {"city": "Graz"})
ANY = ModelSetup(replies=(reply("any", HELLO, repeat=True),))
BESIDE = {"conversation": "none"}


def ask(client: Client, **response: Any) -> dict[str, Any]:
    """Ask for a response and let it finish; the finished response."""
    client.says("response.create", response=response)
    client.waits(20_000)
    finished: dict[str, Any] = client.all("response.done")[-1]["response"]
    return finished


def refused(client: Client, **response: Any) -> dict[str, Any]:
    """Ask for a response that cannot be had; the error."""
    client.says("response.create", response=response)
    error: dict[str, Any] = client.events[-1]["error"]
    return error


def tell(client: Client, text: str, item_id: str) -> None:
    """Add a user's text to the conversation."""
    content = [{"type": "input_text", "text": text}]
    item = {"id": item_id, "type": "message", "role": "user", "content": content}
    client.says("conversation.item.create", item=item)


def called(response: dict[str, Any]) -> list[str]:
    """The names of the functions it called."""
    return [item["name"] for item in response["output"] if item["type"] == "function_call"]


# -- beside the conversation ----------------------------------------------------------------------


def test_responses_beside_the_conversation_run_at_the_same_time() -> None:
    """Two of them and the conversation's own are told apart by their metadata."""
    client = ready(ANY)
    client.says("response.create")
    for topic in ("one", "two"):
        client.says("response.create", response={**BESIDE, "metadata": {"topic": topic}})
    client.waits(5000)

    done = [event["response"] for event in client.all("response.done")]
    assert client.all("error") == []
    assert sorted((r["metadata"] or {}).get("topic", "") for r in done) == ["", "one", "two"]
    assert len(client.all("conversation.item.added")) == 1
    assert len(client.all("response.output_item.added")) == 3


def test_a_response_beside_the_conversation_is_cancelled_by_its_id() -> None:
    """Its id cancels it; without an id the conversation's response is meant."""
    client = ready(ModelSetup(replies=(reply("any", LONG, repeat=True),)))
    client.says("response.create")
    client.says("response.create", response=BESIDE)
    own, beside = (event["response"]["id"] for event in client.all("response.created"))
    client.waits(600)

    client.says("response.cancel", response_id=beside)
    client.says("response.cancel")
    client.waits(100)
    client.says("response.cancel", response_id=beside)

    ended = [(e["response"]["id"], e["response"]["status"]) for e in client.all("response.done")]
    assert ended == [(beside, "cancelled"), (own, "cancelled")]
    assert client.one("error")["error"]["code"] == "response_cancel_not_active"


def test_the_caller_does_not_interrupt_what_runs_beside_the_conversation() -> None:
    """turn_detected cancels only output to the default conversation."""
    client = ready(ModelSetup(replies=(reply("request", LONG), reply("turn", HELLO))))
    client.says("response.create", response=BESIDE)

    client.hears_turn()
    client.waits(9000)

    assert [event["response"]["status"] for event in client.all("response.done")] == [
        "completed"
    ] * 2


def test_what_runs_beside_the_conversation_answers_nothing_said_in_it() -> None:
    """A tool's output still awaits its answer afterwards."""
    setup = ModelSetup(
        replies=(Reply("greeting", calls=(CALL,)), reply("request", HELLO), reply("tool", LONG))
    )
    client = ready(setup, tools=[LOOK_UP])
    ask(client)
    output = {"type": "function_call_output", "output": "{}"}
    call_id = client.one("response.function_call_arguments.done")["call_id"]
    client.says("conversation.item.create", item={**output, "call_id": call_id})
    ask(client, **BESIDE)
    ask(client)

    kinds = [event.data["kind"] for event in client.desk.traced("reply")]
    assert kinds == ["greeting", "request", "tool"]


# -- what it reads --------------------------------------------------------------------------------


def test_a_response_may_read_something_else_than_the_conversation() -> None:
    """`input` []: nothing; a reference: that item; an item: itself."""
    client = ready(ANY)
    tell(client, "word " * 200, "item_long")
    tell(client, "short", "item_short")
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "x" * 40}],
    }
    asked: list[list[dict[str, Any]]] = [
        [],
        [{"type": "item_reference", "id": "item_short"}],
        [item],
        [{"type": "item_reference", "id": "item_long"}, item],
    ]

    reads = [
        ask(client, **BESIDE, instructions="", input=given)["usage"]["input_tokens"]
        for given in asked
    ]

    assert reads == [0, 4 + 2, 4 + 10, 4 + 250 + 4 + 10]
    assert ask(client)["usage"]["input_tokens"] > 250


def test_a_reference_to_nothing_is_refused() -> None:
    """The error names the place, and no response is made."""
    client = ready(ANY)

    error = refused(client, input=[{"type": "item_reference", "id": "item_x"}])

    assert (error["code"], error["param"]) == ("invalid_value", "response.input")
    assert client.all("response.created") == []


def test_a_response_has_its_own_instructions() -> None:
    """They replace the session's, for this response only."""
    client = ready(ANY)
    client.says("session.update", session={"type": "realtime", "instructions": "x" * 400})

    own = ask(client, **BESIDE, instructions="x" * 40)["usage"]["input_tokens"]
    usual = ask(client, **BESIDE)["usage"]["input_tokens"]

    assert (own, usual) == (10, 100)


# -- its tools ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "calls"),
    [
        ("auto", ["look_up", "end_call"]),
        ("none", []),
        ("required", ["look_up", "end_call"]),
        ({"type": "function", "name": "end_call"}, ["end_call"]),
    ],
)
def test_tool_choice_narrows_what_the_script_calls(choice: Any, calls: list[str]) -> None:
    """none: no call; a function: this one and no other."""
    setup = ModelSetup(replies=(Reply("any", calls=(CALL, ToolCall("end_call"))),))
    client = ready(setup, tools=[LOOK_UP, END_CALL])

    assert called(ask(client, tool_choice=choice)) == calls


@pytest.mark.parametrize(
    ("choice", "name"),
    [("required", "look_up"), ({"type": "function", "name": "end_call"}, "end_call")],
)
def test_a_model_that_must_call_calls(choice: Any, name: str) -> None:
    """The script only speaks: instead a tool is called, and the trace says that it was forced."""
    client = ready(ANY, tools=[LOOK_UP, END_CALL])

    response = ask(client, tool_choice=choice)

    assert [item["type"] for item in response["output"]] == ["function_call"]
    assert called(response) == [name]
    assert len(client.desk.traced("tool_forced")) == 1


@pytest.mark.parametrize("where", ["session", "response"])
def test_parallel_calls_can_be_switched_off(where: str) -> None:
    """parallel_tool_calls false: one call in a response, in the session or for one response."""
    setup = ModelSetup(replies=(Reply("any", calls=(CALL, CALL, CALL)),))
    client = ready(setup, tools=[LOOK_UP])
    if where == "session":
        client.says("session.update", session={"type": "realtime", "parallel_tool_calls": False})

        assert client.events[-1]["session"]["parallel_tool_calls"] is False

    own = {"parallel_tool_calls": False} if where == "response" else {}

    assert called(ask(client, **own)) == ["look_up"]


def test_several_calls_of_a_response_are_items_of_their_own() -> None:
    """Each has its call id and its place in the output."""
    setup = ModelSetup(replies=(Reply("any", calls=(CALL, CALL, CALL)),))
    client = ready(setup, tools=[LOOK_UP])
    ask(client)

    done = client.all("response.function_call_arguments.done")
    assert [event["output_index"] for event in done] == [0, 1, 2]
    assert len({event["call_id"] for event in done}) == 3


def test_a_named_function_needs_its_name() -> None:
    """tool_choice {type: function} alone says nothing."""
    error = refused(ready(ANY), tool_choice={"type": "function"})

    assert (error["code"], error["param"]) == (
        "missing_required_parameter",
        "response.tool_choice.name",
    )


def test_an_output_given_before_response_done_is_told_after_it() -> None:
    """The item is there at once; its added and done come behind response.done."""
    setup = ModelSetup(replies=(reply("any", LONG, calls=(CALL,), calls_first=True),))
    client = ready(setup, tools=[LOOK_UP])
    client.says("response.create")
    while not client.all("response.function_call_arguments.done"):
        client.waits(20)
    call_id = client.one("response.function_call_arguments.done")["call_id"]
    client.says(
        "conversation.item.create",
        item={"id": "item_o", "type": "function_call_output", "call_id": call_id, "output": "{}"},
    )
    client.says("conversation.item.retrieve", item_id="item_o")
    client.waits(8000)

    told = [
        event["type"]
        for event in client.events
        if event["type"] == "response.done" or event.get("item", {}).get("id") == "item_o"
    ]
    assert told == [
        "conversation.item.retrieved",
        "response.done",
        "conversation.item.added",
        "conversation.item.done",
    ]


# -- its voice and its shape ----------------------------------------------------------------------


def test_the_voice_may_differ_until_the_model_has_spoken() -> None:
    """Then it is locked for responses as for the session."""
    client = ready(ANY)

    first = ask(client, audio={"output": {"voice": "cedar"}})
    error = refused(client, audio={"output": {"voice": "cedar"}})
    ask(client, audio={"output": {"voice": "marin"}})

    assert first["audio"]["output"]["voice"] == "cedar"
    assert error["code"] == "cannot_update_voice"
    assert len(client.all("response.done")) == 2


@pytest.mark.parametrize("modalities", [["audio", "text"], []])
def test_a_response_is_audio_or_text(modalities: list[str]) -> None:
    """Not both, not nothing."""
    error = refused(ready(ANY), output_modalities=modalities)

    assert (error["code"], error["param"]) == ("invalid_value", "response.output_modalities")


def test_a_session_of_text_alone_is_billed_as_text() -> None:
    """output_modalities text: a turn of the caller is answered in writing."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO, after_ms=50),)))
    client.says("session.update", session={"type": "realtime", "output_modalities": ["text"]})
    client.hears_turn()
    client.waits(2000)

    response = client.one("response.done")["response"]
    assert client.audio() == b""
    assert response["output"][0]["content"] == [{"type": "output_text", "text": "Hello."}]
    assert response["usage"]["output_token_details"] == {"text_tokens": 2, "audio_tokens": 0}
    assert client.order().index("response.output_text.delta") < client.order().index(
        "response.output_text.done"
    )


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_response_leaves_its_last_item_incomplete(reason: str) -> None:
    """All sound came, but the item never completes; the reason stands in the response."""
    client = ready(ModelSetup(replies=(reply("any", HELLO, LONG, incomplete=reason),)))

    response = ask(client)

    assert response["status_details"] == {"type": "incomplete", "reason": reason}
    assert [item["status"] for item in response["output"]] == ["completed", "incomplete"]
    assert client.audio() == clip(HELLO).audio + clip(LONG).audio


def test_an_incomplete_response_may_be_empty() -> None:
    """Nothing was said before it was cut short."""
    client = ready(ModelSetup(replies=(Reply("any", incomplete="content_filter"),)))

    assert ask(client)["status_details"]["reason"] == "content_filter"


def test_the_token_limit_may_be_reached_at_once() -> None:
    """A limit of one token: incomplete with the first words, in the same instant."""
    client = ready(ModelSetup(replies=(reply("any", LONG, after_ms=0),)))

    client.says("response.create", response={"max_output_tokens": 1})

    assert client.one("response.done")["response"]["status"] == "incomplete"
