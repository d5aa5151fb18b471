"""Mistakes in what agents' files say of tools, and in tools' own files: told with their place."""

from pathlib import Path

import pytest

from tests.agent_files import complaints, written
from tests.tool_functions import FUNCTION


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
            (
                "a.agent.yaml:1:12: unknown key `number` (known here: to, announcement, language, "
                "failed_text)"
            ),
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
def test_a_mistake_of_an_agent(tmp_path: Path, text: str, said: str) -> None:
    """Named with its place, and what was perhaps meant."""
    folder = written(tmp_path, order="description: It.\nurl: https://api.example.com/")

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
        ("function: tests.tool_functions:silent",
         ("1:1: description: is missing (or write a docstring: the model calls a tool for its "
         "words)")),
        ("function: tests.tool_functions:positional",
         "1:11: function: `*numbers: str` cannot be given by name"),
        ("function: tests.tool_functions:rust_only",
         "1:11: function: '^\\\\p{L}+$' is not a 'regex'"),
        (f"{FUNCTION}method: GET", "3:1: method: only of an HTTP tool"),
        (f"{FUNCTION}parameters: {{type: object, properties: {{numbr: {{}}}}}}",
         ("3:41: function: `tests.tool_functions:order_state` takes no `numbr` (did you mean "
         "`number`?)")),
    ],
)  # fmt: skip
def test_a_mistake_of_a_tool(tmp_path: Path, text: str, said: str) -> None:
    """File, line, column, what is wrong, what was perhaps meant; no secret's value."""
    secrets = {"TOOL_SECRET_SHOP": "s3cret", "TOOL_SECRET_BAD": "a\nb"}

    assert complaints(written(tmp_path, order=text), {}, tool_secrets=secrets) == [
        f"order.tool.yaml:{said}"
    ]


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


def test_a_broken_tool_is_told_of_once(tmp_path: Path) -> None:
    """The agents that name it are not at fault."""
    agent = {"a": "tools: [end_call, order]"}

    assert complaints(written(tmp_path, order="url: https://a.example.com"), agent) == [
        "order.tool.yaml:1:1: description: is missing (the model calls a tool for its words)"
    ]
