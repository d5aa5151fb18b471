"""What agents' files say of tools, and tools' own files: read, checked, offered."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field

from bridge.agents.agent import described
from bridge.core.realtime import Tool
from bridge.tooling import function_tool
from bridge.tooling.function_tool import FunctionTool
from bridge.tooling.http_tool import HttpTool
from tests.agent_files import complaints, read

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
FUNCTION = """
function: tests.test_agents_tools:order_state
"""


async def order_state(number: str, day: str = "today") -> str:
    """Look up an order."""
    return f"{number} {day}"


def silent(number: str) -> str:  # noqa: D103 - that is the point
    return number


def rust_only(number: Annotated[str, Field(pattern=r"^\p{L}+$")]) -> str:
    """Take what Python's expressions do not know."""
    return number


def positional(*numbers: str) -> str:
    """Take anything."""
    return "".join(numbers)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes tools' files, by their names, into the folder of agents."""

    def written(**tools: str) -> Path:
        for name, text in tools.items():
            (tmp_path / f"{name}.tool.yaml").write_text(text, "utf-8")
        return tmp_path

    return written


# -- offered


def test_a_tools_file_makes_a_tool(write: Callable[..., Path]) -> None:
    """Its schema has numbers as numbers, its headers have the secret, the agent offers it."""
    agents = read(
        write(order=ORDER),
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


def test_only_who_names_a_tool_offers_it(write: Callable[..., Path]) -> None:
    """The others, and the agent of the settings, do not."""
    agents = read(write(f=FUNCTION), {"a": "tools: [end_call, f]", "b": "voice: cedar"})

    assert [tool.name for tool in agents.named("a").base.tools] == ["f"]
    assert agents.named("b").base.tools == agents.settings_plan.tools == ()


def test_a_function_is_described_by_itself(write: Callable[..., Path]) -> None:
    """Docstring and types; the file may say both instead."""
    schema = "parameters: {type: object, properties: {number: {type: string}}, required: [number]}"
    agents = read(
        write(f=FUNCTION, g=f"{FUNCTION}description: Other words.\n{schema}"),
        {"a": "tools: [end_call, f, g]"},
    )
    first, second = agents.named("a").base.tools

    assert first.description == "Look up an order."
    assert set(first.parameters["properties"]) == {"number", "day"}
    assert second.description == "Other words."
    assert set(second.parameters["properties"]) == {"number"}


def test_a_package_offers_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entry point is known by its name, without any file."""
    offered = EntryPoint("order_state", f"{__name__}:order_state", "callbridge.tools")
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
        EntryPoint(name, f"{__name__}:{name}", "callbridge.tools")
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


# -- mistakes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "tools: [end_call, transfer_call]",
            (
                "a.agent.yaml:1:8: tools: `transfer_call` can reach nobody (name somebody below "
                "`transfer.to:`, or set TRANSFER_NUMBER)"
            ),
        ),
        (
            'transfer: {to: {front desk: "+15550100021"}}',
            (
                "a.agent.yaml:1:16: transfer.to: nobody is put through (add `transfer_call` to "
                "`tools:`)"
            ),
        ),
        (
            "tools: [end_call, transfer_call]\ntransfer: {to: {front desk: 5550100021}}",
            (
                "a.agent.yaml:2:29: transfer.to.front desk: got `5550100021`, may be: names of 2 "
                'to 64 characters, each with a line: "+15550100021"'
            ),
        ),
        (
            'tools: [end_call, transfer_call]\ntransfer: {to: {x: "+15550100021"}}',
            (
                "a.agent.yaml:2:17: transfer.to.x: got `x`, may be: names of 2 to "
                '64 characters, each with a line: "+15550100021"'
            ),
        ),
        (
            "transfer: {number: 1}",
            "a.agent.yaml:1:12: unknown key `number` (known here: to, announcement, language)",
        ),
        (
            "tools: [end_call, ordr]",
            "a.agent.yaml:1:19: tools: there is no tool `ordr` (did you mean `order`?)",
        ),
        (
            "tools: [end_call, xyzzy]",
            (
                "a.agent.yaml:1:19: tools: there is no tool `xyzzy` (known here: end_call, "
                "collect_digits, transfer_call, order)"
            ),
        ),
        (
            "tools: [end_call, two words]",
            (
                "a.agent.yaml:1:19: tools: got `two words`, may be: end_call, collect_digits, "
                "transfer_call, and names of *.tool.yaml files"
            ),
        ),
    ],
)
def test_a_mistake_of_an_agent(write: Callable[..., Path], text: str, said: str) -> None:
    """Named with its place, and what was perhaps meant."""
    folder = write(order="description: It.\nurl: https://api.example.com/")

    assert complaints(folder, text) == [said]


HTTP = "description: It.\nurl: https://api.example.com/{a}\n"
ARGUMENT = "parameters: {type: object, properties: {a: {type: string}}, required: [a]}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ("1:1: a tool has `url` or `function`; here is neither (`url:` for an HTTP tool, "
             "`function:` for one in Python)")),
        ("url: https://a.example.com\nfunction: os:getcwd",
         ("1:1: a tool has `url` or `function`; here is both of them (`url:` for an HTTP tool, "
         "`function:` for one in Python)")),
        ("- a", "1:1: a tool is a block of keys (such as `description: ...`)"),
        ("url: a\n---\nurl: b", "2:1: a second document (one file is one tool)"),
        ("url: &a b", "1:6: an anchor (a tool's file has none)"),
        ("descripton: It.", "1:1: unknown key `descripton` (did you mean `description`?)"),
        ("timeout_seconds: 90", ("1:18: timeout_seconds: got `90`, may be: a number of seconds "
                                "from 0.5 to 60")),
        ("method: FETCH", "1:9: method: got `FETCH`, may be: one of GET, POST, PUT, PATCH, DELETE"),
        ("url: https://a.example.com", ("1:1: description: is missing (the model calls a tool for "
                                       "its words)")),
        ("description: It.\nurl: ftp://a.example.com",
         "2:6: url: a URL begins with https:// and a host"),
        ("description: It.\nurl: http://a.example.com",
         ("2:6: url: anybody on the way can read http://; use https:// (or add a.example.com to "
         "TOOL_PRIVATE_HOSTS)")),
        ("description: It.\nurl: https://10.0.0.1/x",
         "2:6: url: a private address (or add 10.0.0.1 to TOOL_PRIVATE_HOSTS)"),
        ("description: It.\nurl: https://169.254.169.254/latest",
         "2:6: url: a private address (or add 169.254.169.254 to TOOL_PRIVATE_HOSTS)"),
        (HTTP, "2:30: url: no argument is called `a` (add it to `parameters:`)"),
        (f"{HTTP}parameters: {{type: object, properties: {{aa: {{type: string}}}}}}",
         "2:30: url: no argument is called `a` (did you mean `aa`?)"),
        (f"{HTTP}parameters: {{type: object, properties: {{a: {{type: string}}}}}}",
         "2:30: url: `a` is not among `required`"),
        (f"{HTTP}parameters: {{type: object, properties: {{a: {{}}}}, required: [a]}}",
         ("2:30: url: `a` is no text and no number (its `type` is one of string, integer, number, "
         "boolean)")),
        (f"{HTTP}{ARGUMENT}retries: 1", "4:10: retries: only of GET; POST may change something"),
        (f"{HTTP}parameters: {{type: object, properties: {{a: {{type: strin}}}}}}",
         ("3:51: parameters: 'strin' is not valid under any of the given schemas (a text that "
         "looks like a number is quoted)")),
        (f"{HTTP}parameters: {{type: object, properties: {{a: {{pattern: 7}}}}}}",
         ("3:54: parameters: 7 is not of type 'string' "
         "(a text that looks like a number is quoted)")),
        (f"{HTTP}parameters: {{properties: {{}}}}",
         ("3:13: parameters: a schema of arguments has `type: object` (a text that looks like a "
         "number is quoted)")),
        ("parameters: a", ("1:13: parameters: got `a`, may be: a JSON Schema: `type: object`, "
                          "`properties:`, `required:`")),
        (f"{HTTP}{ARGUMENT}headers: {{Authorization: Bearer abc}}",
         ("4:26: headers: a secret for `Authorization` does not stand in a file (write {env: "
         "TOOL_SECRET_NAME})")),
        (f"{HTTP}{ARGUMENT}headers: {{X-Api-Key: abc}}",
         ("4:22: headers: a secret for `X-Api-Key` does not stand in a file (write {env: "
         "TOOL_SECRET_NAME})")),
        (f"{HTTP}{ARGUMENT}headers: {{X-Shop: {{env: OPENAI_API_KEY}}}}",
         "4:19: headers.X-Shop.env: names a variable TOOL_SECRET_NAME (others are not for tools)"),
        (f"{HTTP}{ARGUMENT}headers: {{X-Shop: {{env: TOOL_SECRET_SHPO}}}}",
         "4:25: the variable `TOOL_SECRET_SHPO` is not set (did you mean `TOOL_SECRET_SHOP`?)"),
        (f"{HTTP}{ARGUMENT}headers: {{X-Shop: {{env: TOOL_SECRET_BAD}}}}",
         "4:19: `TOOL_SECRET_BAD` holds characters that no header can hold"),
        (f"{HTTP}{ARGUMENT}headers: {{X-Shop: {{env: TOOL_SECRET_SHOP, prefx: a}}}}",
         "4:43: unknown key `prefx` (did you mean `prefix`?)"),
        (f"{HTTP}{ARGUMENT}headers: {{Host: a}}", "4:11: headers: `Host` is written by callbridge"),
        (f"{HTTP}{ARGUMENT}headers: {{Callbridge-X: a}}",
         "4:11: headers: `Callbridge-X` is written by callbridge"),
        (f"{HTTP}{ARGUMENT}headers: {{X-A: a, x-a: b}}", "4:19: headers: `x-a` is there twice"),
        (f'{HTTP}{ARGUMENT}headers: {{"X A": a}}',
         "4:11: headers: `X A` is no name of a header"),
        (f'{HTTP}{ARGUMENT}headers: {{X-A: "a\\r\\nX-Evil: b"}}',
         "4:16: headers: `X-A` has no text that a header can hold"),
        (f"{HTTP}{ARGUMENT}headers: {{X-A: [a]}}",
         "4:16: headers: `X-A` has no text that a header can hold"),
        ("function: no_such_module:x", ("1:11: function: cannot be loaded: ModuleNotFoundError: No "
                                       "module named 'no_such_module'")),
        ("function: no_such_entry", ("1:11: function: there is no entry point `no_such_entry` in "
                                    "callbridge.tools")),
        ("function: tests.test_agents_tools:silent",
         ("1:1: description: is missing (or write a docstring: the model calls a tool for its "
         "words)")),
        ("function: tests.test_agents_tools:positional",
         "1:11: function: `*numbers: str` cannot be given by name"),
        ("function: tests.test_agents_tools:rust_only",
         "1:11: function: '^\\\\p{L}+$' is not a 'regex'"),
        (f"{FUNCTION}method: GET", "3:1: method: only of an HTTP tool"),
        (f"{FUNCTION}parameters: {{type: object, properties: {{numbr: {{}}}}}}",
         ("3:41: function: `tests.test_agents_tools:order_state` takes no `numbr` (did you mean "
         "`number`?)")),
    ],
)  # fmt: skip
def test_a_mistake_of_a_tool(write: Callable[..., Path], text: str, said: str) -> None:
    """File, line, column, what is wrong, what was perhaps meant; no secret's value."""
    secrets = {"TOOL_SECRET_SHOP": "s3cret", "TOOL_SECRET_BAD": "a\nb"}

    assert complaints(write(order=text), {}, tool_secrets=secrets) == [f"order.tool.yaml:{said}"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("two words.tool.yaml", ("`two words` is no name of a tool (letters, digits, _ and -, the "
                                "first one no digit and no -)")),
        ("end_call.tool.yaml", "`end_call` is built in (give the file another name)"),
        ("order.tool.yml", ("looks like a tool's file and is none (its name must end with "
                           ".tool.yaml)")),
    ],
)  # fmt: skip
def test_a_file_with_a_wrong_name(tmp_path: Path, name: str, said: str) -> None:
    """A tool's name is its file's."""
    (tmp_path / name).write_text(HTTP + ARGUMENT, "utf-8")

    assert complaints(tmp_path, {}) == [f"{name}: {said}"]


def test_a_broken_tool_is_told_of_once(write: Callable[..., Path]) -> None:
    """The agents that name it are not at fault."""
    agent = {"a": "tools: [end_call, order]"}

    assert complaints(write(order="url: https://a.example.com"), agent) == [
        "order.tool.yaml:1:1: description: is missing (the model calls a tool for its words)"
    ]


def test_a_private_host_may_be_named(write: Callable[..., Path]) -> None:
    """With TOOL_PRIVATE_HOSTS, also without TLS."""
    text = "description: It.\nurl: http://10.0.0.7:8080/{}"
    agents = read(write(a=text.format("x")), {}, tool_private_hosts=("10.0.0.7",))

    (tool,) = agents.tools
    assert isinstance(tool, HttpTool)
    assert (tool.place.authority, tool.place.tls) == ("10.0.0.7:8080", False)


def test_words_of_a_schema_stay_words(write: Callable[..., Path]) -> None:
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
    (tool,) = read(write(order=text), {}).tools

    assert tool.definition.parameters == schema
