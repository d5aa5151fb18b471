"""All tools of a process, and one call of one of them.

Owns the time a call of a tool may take, the size of its output, and that whatever happens comes out
as a value. Must not know what the tools do. Arguments and outputs stay out of the log.
"""

import json
from collections.abc import Iterable
from typing import Any, Final, Literal

import trio

from bridge.core.commands import CallTool, ToolAnswered
from bridge.log import Log
from bridge.thread_door import Blocking
from bridge.tooling.arguments import ArgumentsReader, WrongArguments
from bridge.tooling.definition import Call, ToolFailed
from bridge.tooling.function_tool import FunctionTool, answer_of
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts

OUTPUT_CHARS_MAX: Final = 16_000
"""Some 4,000 tokens, which stay in the session until its end."""
THREADS_MAX: Final = 16
"""Functions that block: so many at once, in all calls of the process. The next one waits, within
its own time; a thread nobody waits for any more counts until it is done."""

OurTool = HttpTool | FunctionTool
Outcome = Literal["done", "failed", "timeout"]


class Toolbox:
    """Runs tools, each by its name.

    Args:
        caller: carries out HTTP tools.
        door: runs functions that are not async.
        log: gets a line for each call of a tool.
    """

    def __init__(
        self, tools: Iterable[OurTool], caller: HttpCaller, door: Blocking, log: Log
    ) -> None:
        self._tools = {tool.definition.name: tool for tool in tools}
        self._readers = {
            name: ArgumentsReader(tool.definition.parameters) for name, tool in self._tools.items()
        }
        self._caller = caller
        self._door = door
        self._log = log

    async def run(self, asked: CallTool, call: CallFacts) -> ToolAnswered:
        """Run one tool; see `running.ToolRunner`."""
        tool = self._tools.get(asked.name)
        if tool is None:
            return _failed(asked, "there is no such tool")
        began = trio.current_time()
        answered, why = await self._outcome(tool, asked, call)
        self._log.info(
            "tool_run",
            call_sid=call.call_sid,
            tool=asked.name,
            outcome=answered.outcome,
            took_ms=round((trio.current_time() - began) * 1000),
            **({"why": why} if why else {}),
        )
        return answered

    async def _outcome(
        self, tool: OurTool, asked: CallTool, call: CallFacts
    ) -> tuple[ToolAnswered, str]:
        """What came of it, and why it failed, in words for the log."""
        name, limit_s = tool.definition.name, tool.definition.timeout_s
        try:
            arguments = self._readers[name].read(asked.arguments)
        except WrongArguments as wrong:
            return _failed(asked, f"wrong arguments: {wrong}"), "wrong arguments"
        try:
            with trio.move_on_after(limit_s):
                value = await self._answer(tool, Call(asked.call_id, arguments, call))
                output = _as_json(value)
                if len(output) > OUTPUT_CHARS_MAX:
                    return _failed(asked, "the answer is too large"), "answer too large"
                return ToolAnswered(asked.call_id, output), ""
        except ToolFailed as failed:
            return _failed(asked, str(failed)), failed.why
        words = f"no answer within {limit_s:g} seconds"
        return _failed(asked, words, "timeout"), ""

    async def _answer(self, tool: OurTool, call: Call) -> Any:
        if isinstance(tool, HttpTool):
            return await self._caller.answer(tool, call)
        return await answer_of(tool, call, self._door)


def _failed(asked: CallTool, words: str, outcome: Outcome = "failed") -> ToolAnswered:
    return ToolAnswered(asked.call_id, _as_json({"error": words}), outcome)


def _as_json(value: Any) -> str:
    """JSON in one line, and valid UTF-8 whatever is in its texts."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()
