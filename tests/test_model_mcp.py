"""MCP servers: their tools are listed, called within a response, and approved by the client."""

from typing import Any

import pytest

from simulator.model.mcp import needs_approval
from simulator.scenario.format import ModelSetup, ToolCall
from tests.model_client import HELLO, Client, Desk, reply

LOOK_UP = ToolCall("look_up", {"word": "hours"}, server="docs", output="nine to five")
SERVER = {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example.com"}
FREE = {**SERVER, "require_approval": "never"}


def with_server(*calls: ToolCall, tool: Any = FREE, **setup: Any) -> Client:
    """A session with an MCP server among its tools, which has been listed."""
    replies = (reply("request", calls=calls), reply("tool", HELLO, optional=True))
    client = Desk(ModelSetup(replies=replies, **setup)).connect()
    client.configure(tools=[tool])
    client.waits(500)
    return client


def asked(client: Client, **response: Any) -> Client:
    """The same client after a response it asked for."""
    client.forget()
    client.says("response.create", response=response)
    client.waits(3000)
    return client


def item_of(client: Client) -> dict[str, Any]:
    """The item of the only response."""
    (item,) = client.one("response.done")["response"]["output"]
    found: dict[str, Any] = item
    return found


def test_a_servers_tools_are_listed_once() -> None:
    """An item that is added, in progress, completed and done; not again for the same server."""
    client = with_server(LOOK_UP)
    client.configure(tools=[FREE])
    client.waits(500)
    tools = client.one("conversation.item.done")["item"]["tools"]

    assert client.order("session.created", "session.updated") == [
        "conversation.item.added",
        "mcp_list_tools.in_progress",
        "mcp_list_tools.completed",
        "conversation.item.done",
    ]
    assert client.one("conversation.item.added")["item"]["tools"] == []
    assert [tool["name"] for tool in tools] == ["look_up"]
    assert client.at_ms("mcp_list_tools.completed") == 200


@pytest.mark.parametrize("allowed", [["other"], {"tool_names": ["other"]}])
def test_allowed_tools_are_listed_and_no_others_are_called(allowed: Any) -> None:
    """A call that is not allowed is not made, whatever the script says."""
    client = with_server(LOOK_UP, tool={**FREE, "allowed_tools": allowed})
    tools = client.one("conversation.item.done")["item"]["tools"]

    assert [tool["name"] for tool in tools] == ["other"]
    assert asked(client).one("response.done")["response"]["output"] == []


def test_a_server_that_is_not_reached() -> None:
    """Failed, an empty list, and no call."""
    client = with_server(LOOK_UP, mcp_unreachable=("docs",))

    assert client.kinds()[-2:] == ["mcp_list_tools.failed", "conversation.item.done"]
    assert client.one("conversation.item.done")["item"]["tools"] == []
    assert asked(client).one("response.done")["response"]["output"] == []


def test_a_call_is_made_and_answered_within_the_response() -> None:
    """Arguments, in_progress, completed, the item with its output; the client does nothing."""
    client = asked(with_server(LOOK_UP))
    item = item_of(client)

    assert client.order() == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "conversation.item.done",
        "response.output_item.done",
        "response.done",
        "rate_limits.updated",
    ]
    assert client.one("response.mcp_call_arguments.done")["arguments"] == '{"word":"hours"}'
    assert all("obfuscation" in each for each in client.all("response.mcp_call_arguments.delta"))
    assert (item["type"], item["name"], item["output"]) == ("mcp_call", "look_up", "nine to five")
    assert (item["error"], item["approval_request_id"]) == (None, None)
    took_ms = client.at_ms("response.mcp_call.completed") - client.at_ms(
        "response.mcp_call.in_progress"
    )
    assert took_ms == LOOK_UP.takes_ms


def test_a_call_fails() -> None:
    """`failed`, and the error in the item."""
    client = asked(with_server(ToolCall("look_up", server="docs", error="no such word")))

    assert client.one("response.mcp_call.failed")["item_id"] == item_of(client)["id"]
    assert item_of(client)["error"] == {"type": "tool_execution_error", "message": "no such word"}
    assert item_of(client)["output"] is None


def test_a_call_that_is_cut_short_has_no_answer() -> None:
    """A response cancelled while the server works."""
    client = with_server(LOOK_UP)
    client.forget()
    client.says("response.create")
    client.waits(500)
    client.says("response.cancel")
    client.waits(500)

    assert client.all("response.mcp_call.completed") == []
    assert (item_of(client)["output"], item_of(client)["error"]) == (None, None)


@pytest.mark.parametrize("approve", [True, False])
def test_a_call_needs_a_yes(approve: bool) -> None:
    """It is asked for; once approved, the next response makes it first, and then answers."""
    client = asked(with_server(LOOK_UP, tool=SERVER))
    request = item_of(client)
    answer = {"approval_request_id": request["id"], "approve": approve}
    client.says("conversation.item.create", item={"type": "mcp_approval_response", **answer})
    asked(client)
    output = client.one("response.done")["response"]["output"]

    assert (request["type"], request["arguments"]) == ("mcp_approval_request", '{"word":"hours"}')
    assert [item["type"] for item in output] == ["mcp_call"] * approve + ["message"]
    assert not approve or output[0]["approval_request_id"] == request["id"]


def test_an_answer_to_no_question() -> None:
    """An unknown request for approval, or one answered before."""
    client = asked(with_server(LOOK_UP, tool=SERVER))
    answer = {"approval_request_id": item_of(client)["id"], "approve": False}
    for _ in range(2):
        client.says("conversation.item.create", item={"type": "mcp_approval_response", **answer})

    assert client.one("error")["error"]["message"].startswith("Approval request 'mcpr_")


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        ("auto", True),
        ("none", False),
        ({"type": "mcp", "server_label": "docs"}, True),
        ({"type": "mcp", "server_label": "docs", "name": "look_up"}, True),
        ({"type": "mcp", "server_label": "docs", "name": "other"}, False),
        ({"type": "mcp", "server_label": "other"}, False),
    ],
)
def test_tool_choice_may_name_a_server(choice: Any, made: bool) -> None:
    """What it leaves is called, and nothing else."""
    client = asked(with_server(LOOK_UP), tool_choice=choice)

    assert bool(client.one("response.done")["response"]["output"]) is made


def test_a_choice_of_a_server_leaves_no_function() -> None:
    """Nor the other way round."""
    function = {"type": "function", "name": "look_up"}
    client = with_server(ToolCall("look_up"))
    client.configure(tools=[FREE, function])
    asked(client, tool_choice={"type": "mcp", "server_label": "docs"})

    assert client.one("response.done")["response"]["output"] == []


@pytest.mark.parametrize(
    ("wanted", "asks"),
    [
        (None, True),
        ("always", True),
        ("never", False),
        ({"never": {"tool_names": ["look_up"]}}, False),
        ({"never": {"tool_names": ["other"]}}, True),
        ({"always": {"tool_names": ["look_up"]}}, True),
        ({"always": {"tool_names": ["other"]}}, False),
    ],
)
def test_who_must_be_asked(wanted: Any, asks: bool) -> None:
    """For all tools of a server, or for some."""
    assert needs_approval({**SERVER, "require_approval": wanted}, "look_up") is asks
