"""What agents' files say of tools, and tools' own files: read, checked, offered."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bridge.agents.agent import described
from bridge.core.realtime import Tool
from bridge.tooling import function_tool
from bridge.tooling.function_tool import FunctionTool
from bridge.tooling.http_tool import HttpTool
from tests.agent_files import complaints, read, written
from tests.tool_functions import FUNCTION, order_state

REST = {"twilio_account_sid": "AC" + "a" * 32, "twilio_auth_token": "token"}
ORDER = """
description: Look up an order.
url: https://api.example.com/orders/{number}
method: GET
headers: {Authorization: {env: TOOL_SECRET_ORDERS, prefix: "Bearer "}, Accept-Language: en}
timeout_seconds: 3
retries: 1
parameters:
  type: object
  properties:
    number: {type: string, pattern: "^[0-9]{7}$"}
    count: {type: integer, minimum: 1, maximum: 12.5, enum: [1, 2]}
    all: {type: boolean, default: true}
  required: [number]
"""


# -- offered


def test_a_tools_file_makes_a_tool(tmp_path: Path) -> None:
    """Its schema has numbers as numbers, its headers have the secret, the agent offers it."""
    agents = read(
        written(tmp_path, order=ORDER),
        {"a": "tools: [end_call, order]"},
        tool_secrets={"TOOL_SECRET_ORDERS": "s3cret"},
    )
    (tool,) = agents.tools
    plan = agents.named("a").plan("inbound", {})

    assert isinstance(tool, HttpTool)
    assert (tool.place.host, tool.method, tool.retries) == ("api.example.com", "GET", 1)
    assert tool.headers == {"Authorization": "Bearer s3cret", "Accept-Language": "en"}
    assert tool.definition.timeout_s == 3
    assert plan.builtin_tools == ("end_call",)
    assert plan.tools == (
        Tool(
            "order",
            "Look up an order.",
            {
                "type": "object",
                "properties": {
                    "number": {"type": "string", "pattern": "^[0-9]{7}$"},
                    "count": {"type": "integer", "minimum": 1, "maximum": 12.5, "enum": [1, 2]},
                    "all": {"type": "boolean", "default": True},
                },
                "required": ["number"],
            },
        ),
    )


def test_only_who_names_a_tool_offers_it(tmp_path: Path) -> None:
    """The others, and the agent of the settings, do not."""
    agents = read(written(tmp_path, f=FUNCTION), {"a": "tools: [end_call, f]", "b": "voice: cedar"})

    assert [tool.name for tool in agents.named("a").base.tools] == ["f"]
    assert agents.named("b").base.tools == agents.settings_plan.tools == ()


def test_a_function_is_described_by_itself(tmp_path: Path) -> None:
    """Docstring and types; the file may say both instead."""
    schema = "parameters: {type: object, properties: {number: {type: string}}, required: [number]}"
    agents = read(
        written(tmp_path, f=FUNCTION, g=f"{FUNCTION}description: Other words.\n{schema}"),
        {"a": "tools: [end_call, f, g]"},
    )
    first, second = agents.named("a").base.tools

    assert first.description == "Look up an order."
    assert set(first.parameters["properties"]) == {"number", "day"}
    assert second.description == "Other words."
    assert set(second.parameters["properties"]) == {"number"}


def test_a_package_offers_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entry point is known by its name, without any file."""
    offered = EntryPoint("order_state", "tests.tool_functions:order_state", "callbridge.tools")
    monkeypatch.setattr(function_tool, "entry_points", lambda group: [offered])
    agents = read(tmp_path, {"a": "tools: [end_call, order_state]"})

    (tool,) = agents.tools
    assert isinstance(tool, FunctionTool)
    assert tool.function is order_state
    assert [tool.name for tool in agents.named("a").base.tools] == ["order_state"]


def test_a_package_whose_tool_cannot_be_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name is known, and what is wrong with it is said where it is named."""
    offered = [
        EntryPoint(name, f"tests.tool_functions:{name}", "callbridge.tools")
        for name in ("silent", "positional")
    ]
    monkeypatch.setattr(function_tool, "entry_points", lambda group: offered)

    assert complaints(tmp_path, "tools: [end_call, silent, positional, silnt]") == [
        "a.agent.yaml:1:19: tools: `silent`: has no docstring, and so no description",
        "a.agent.yaml:1:27: tools: `positional`: `*numbers: str` cannot be given by name",
        "a.agent.yaml:1:39: tools: there is no tool `silnt` (did you mean `silent`?)",
    ]


# -- built-in tools and transfers


def test_whom_a_call_is_handed_to(tmp_path: Path) -> None:
    """Names and lines, an announcement in its language, and the filler."""
    text = """
        tools: [end_call, transfer_call, collect_digits]
        transfer:
          to: {front desk: "+15550100021", manager: "sip:manager@example.com"}
          announcement: One moment.
          language: en-US
        filler: {seconds: 2.5, text: Say that it takes a moment.}
    """
    agents = read(tmp_path, {"a": text}, **REST)
    agent = agents.named("a")

    assert agent.base.builtin_tools == ("end_call", "transfer_call", "collect_digits")
    assert agent.base.transfers == {
        "front desk": "+15550100021", "manager": "sip:manager@example.com",
    }  # fmt: skip
    assert (agent.base.transfer_announcement, agent.base.transfer_language) == (
        "One moment.", "en-US",
    )  # fmt: skip
    assert (agent.base.tool_filler_s, agent.base.tool_filler_text) == (
        2.5, "Say that it takes a moment.",
    )  # fmt: skip
    assert described(agent).endswith(
        "tools end_call transfer_call collect_digits, transfer to front desk / manager"
    )


def test_without_rest_nobody_is_put_through(tmp_path: Path) -> None:
    """The file is right, the tool is not offered, and `callbridge check` says why."""
    text = 'tools: [end_call, transfer_call]\ntransfer: {to: {front desk: "+15550100021"}}'
    agent = read(tmp_path, {"a": text}).named("a")

    assert agent.base.offered == {"end_call"}
    assert described(agent).endswith("but no transfer_call without Twilio's REST credentials")


def test_the_settings_can_name_a_line(tmp_path: Path) -> None:
    """TRANSFER_NUMBER is for whoever names nobody; with it the tool is offered."""
    agents = read(
        tmp_path,
        {"a": "voice: cedar", "b": "tools: [end_call]", "c": "tools: [end_call, transfer_call]"},
        transfer_number="+15550100021",
        transfer_announcement="One moment.",
        **REST,
    )
    plans = [agents.settings_plan, *(agents.named(name).base for name in "abc")]

    assert [plan.offered for plan in plans] == [
        {"end_call", "transfer_call"}, {"end_call", "transfer_call"}, {"end_call"},
        {"end_call", "transfer_call"},
    ]  # fmt: skip
    assert all(plan.transfers == {"a person": "+15550100021"} for plan in plans)
    assert plans[1].transfer_announcement == "One moment."


def test_a_private_host_may_be_named(tmp_path: Path) -> None:
    """With TOOL_PRIVATE_HOSTS, also without TLS."""
    text = "description: It.\nurl: http://10.0.0.7:8080/{}"
    agents = read(written(tmp_path, a=text.format("x")), {}, tool_private_hosts=("10.0.0.7",))

    (tool,) = agents.tools
    assert isinstance(tool, HttpTool)
    assert (tool.place.authority, tool.place.tls) == ("10.0.0.7:8080", False)


def test_words_of_a_schema_stay_words(tmp_path: Path) -> None:
    """In quotes nothing is a number; dates, versions and long numbers never are."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"enum": ["1", "true", 2, 0.5, False, "1.2.3", "007", "2026-01-01"]}},
    }
    text = (
        "description: It.\nurl: https://api.example.com/\nparameters:\n  type: object\n"
        "  properties:\n"
        '    a: {enum: ["1", "true", 2, 0.5, false, 1.2.3, 007, 2026-01-01]}\n'
    )
    (tool,) = read(written(tmp_path, order=text), {}).tools

    assert tool.definition.parameters == schema
