"""All tools of a process, and one call of one of them.

Owns the time a call of a tool may take, the size of its output, and that whatever happens comes out
as a value. Must not know what the tools do. Arguments and outputs stay out of the log.
"""

from collections.abc import Iterable
from typing import Final, Literal

import outcome
import trio

from bridge.core.commands import CallTool, ToolAnswered
from bridge.log import Log
from bridge.thread_door import Blocking
from bridge.tooling.arguments import ArgumentsReader, WrongArguments
from bridge.tooling.definition import Call, ToolFailed, answer_text
from bridge.tooling.function_tool import FunctionTool, answer_of, raised_at
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import CallFacts

WORDS_CHARS_MAX: Final = 4_000
"""Of what the model is told of a failure."""
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
        limit_s = tool.definition.timeout_s
        with trio.move_on_after(limit_s):
            came = await outcome.acapture(self._answer, tool, asked, call)
            if isinstance(came, outcome.Value):
                return ToolAnswered(asked.call_id, came.value), ""
            return _broken(asked, came.error)
        return _failed(asked, f"no answer within {limit_s:g} seconds", "timeout"), ""

    async def _answer(self, tool: OurTool, asked: CallTool, facts: CallFacts) -> str:
        try:
            arguments = self._readers[tool.definition.name].read(asked.arguments)
        except WrongArguments as wrong:
            raise ToolFailed(f"wrong arguments: {wrong}", "wrong arguments") from None
        call = Call(asked.call_id, arguments, facts)
        if isinstance(tool, HttpTool):
            return answer_text(await self._caller.answer(tool, call))
        return await answer_of(tool, call, self._door)


def _broken(asked: CallTool, error: BaseException) -> tuple[ToolAnswered, str]:
    """What came of a tool that failed, or of a mistake of ours: it costs no call."""
    if isinstance(error, ToolFailed):
        return _failed(asked, str(error)), error.why
    if isinstance(error, Exception):
        return _failed(asked, "the tool failed"), f"{type(error).__name__}{raised_at(error)}"
    raise error


def _failed(asked: CallTool, words: str, how: Outcome = "failed") -> ToolAnswered:
    told = answer_text({"error": words[:WORDS_CHARS_MAX]})
    return ToolAnswered(asked.call_id, told, how)
