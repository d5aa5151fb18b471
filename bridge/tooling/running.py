"""What a session knows of tools: a door through which a call of one goes and its answer comes.

Owns these words only. The session starts `run` in the call's nursery, so that a call's end cancels
what still runs.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from bridge.core.commands import CallTool, ToolAnswered

Direction = Literal["inbound", "outbound"]


@dataclass(frozen=True)
class CallFacts:
    """Whose call it is. A phone number is not among the facts."""

    call_sid: str
    agent: str
    direction: Direction = "inbound"


class ToolRunner(Protocol):
    """Runs tools of ours."""

    async def run(self, asked: CallTool, call: CallFacts) -> ToolAnswered:
        """Run one tool; nothing is raised but `trio.Cancelled`.

        It ends by itself, at the latest after the tool's own timeout. `output` is JSON text of
        bounded size.
        """
        ...


class NoTools:
    """A process without tools of its own."""

    async def run(self, asked: CallTool, call: CallFacts) -> ToolAnswered:  # noqa: ARG002
        """Answer that there is no such tool."""
        return ToolAnswered(asked.call_id, '{"error":"there is no such tool"}', "failed")
