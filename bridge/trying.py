"""`callbridge tool NAME ARGUMENTS`: does what a tool does, as a call would have it done.

Owns what is said about it. Exit codes are the command line's: 0 done, 1 failed or too late, 2 there
is no such tool.
"""

import argparse
import sys
from functools import partial
from typing import Any, Final

import trio

from bridge.agents.choosing import DEFAULT, Agents
from bridge.agents.problem import did_you_mean, quoted
from bridge.core.commands import CallTool, ToolAnswered
from bridge.outside import Outside
from bridge.settings import Settings
from bridge.tooling.running import CallFacts, ToolRunner
from bridge.wiring import log_for, toolbox_for

DONE: Final = 0
NOT_DONE: Final = 1
NO_SUCH_TOOL: Final = 2
NO_CALL: Final = CallFacts("CA" + "0" * 32, DEFAULT)
"""Whose call it is, as the tool sees it: nobody's."""


def add_options(tool: argparse.ArgumentParser) -> None:
    """The options of `callbridge tool`."""
    tool.add_argument("name", metavar="NAME", help="the tool's name")
    tool.add_argument(
        "arguments", metavar="ARGUMENTS", nargs="?", default="{}", help="a JSON object"
    )


def try_tool(settings: Settings, agents: Agents, options: argparse.Namespace) -> int:
    """Run one tool; print what the model would be told, and, apart, how it went."""
    names = [tool.definition.name for tool in agents.tools]
    if options.name not in names:
        hint = did_you_mean(options.name, names) or f"there are: {', '.join(names) or 'none'}"
        _say(f"no tool of yours is called {quoted(options.name)}; {hint}")
        return NO_SUCH_TOOL
    lines: list[dict[str, Any]] = []
    outside = Outside(log=lines.append)
    toolbox = toolbox_for(settings, agents, outside, log_for(settings, outside))
    answered = trio.run(partial(_run, toolbox, options.name, options.arguments))
    print(answered.output)  # noqa: T201
    for line in lines:
        why = f": {line['why']}" if "why" in line else ""
        _say(f"{line['outcome']} in {line['took_ms']} ms{why}")
    return DONE if answered.outcome == "done" else NOT_DONE


async def _run(toolbox: ToolRunner, name: str, arguments: str) -> ToolAnswered:
    return await toolbox.run(CallTool("call_tried", name, arguments), NO_CALL)


def _say(words: str) -> None:
    print(words, file=sys.stderr)  # noqa: T201
