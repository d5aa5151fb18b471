"""What one response shall be like: the session's settings, overlaid with those of response.create.

Owns the overlay and what follows from it for tools. Knows no time and no event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.model.configuration import Configuration
from simulator.model.conversation import Item
from simulator.model.mcp import allowed_names, needs_approval
from simulator.scenario.format import Reply, ToolCall

Values = dict[str, Any]


@dataclass(slots=True)
class Options:
    """One response's settings. `context`: what it reads instead of the conversation.

    `mcp_tools`: the MCP servers that have told their tools.
    """

    modalities: list[str]
    voice: Any
    format: Values
    speed: float
    instructions: str
    tool_names: tuple[str, ...]
    has_own_tools: bool
    tool_choice: Any
    has_parallel_calls: bool
    tokens_max: int | str
    metadata: Values | None = None
    in_conversation: bool = True
    context: tuple[Item, ...] | None = None
    mcp_tools: tuple[Values, ...] = ()

    def offers_call(self, call: ToolCall) -> bool:
        """Whether the model may make `call`, of a function or on an MCP server."""
        if not call.server:
            return self._forced_server is None and self.offers(call.name)
        choice = self._forced_server or {}
        if self.tool_choice == "none" or self._forced is not None:
            return False
        if choice.get("server_label", call.server) != call.server:
            return False
        return choice.get("name") in (None, call.name) and self._mcp_tool(call) is not None

    def asks_first(self, call: ToolCall) -> bool:
        """Whether the client must approve a call on an MCP server."""
        tool = self._mcp_tool(call)
        return tool is not None and needs_approval(tool, call.name)

    def _mcp_tool(self, call: ToolCall) -> Values | None:
        for tool in self.mcp_tools:
            allowed = allowed_names(tool)
            if tool["server_label"] == call.server and (allowed is None or call.name in allowed):
                return tool
        return None

    @property
    def _forced_server(self) -> Values | None:
        """The `tool_choice` that leaves one MCP server."""
        choice = self.tool_choice
        return choice if isinstance(choice, dict) and choice["type"] == "mcp" else None

    def offers(self, tool: str) -> bool:
        """Whether the model may call `tool`; a stored prompt brings tools which nobody sees."""
        forced = self._forced
        if self.tool_choice == "none" or (forced is not None and tool != forced):
            return False
        return self.has_own_tools or tool in self.tool_names

    def calls(self, reply: Reply) -> Sequence[ToolCall]:
        """The calls of a reply that the model can make, or the one it must make."""
        # A model cannot call what it is not offered, whatever the script says.
        calls = [call for call in reply.calls if self.offers_call(call)]
        # fidelity: documented realtime.md 3.1 - parallel_tool_calls false: one call in a response
        calls = calls if self.has_parallel_calls else calls[:1]
        return calls or self._forced_calls()

    def is_forced(self, reply: Reply) -> bool:
        """Whether the model must call a tool of which the script says nothing."""
        return bool(self._forced_calls()) and not any(map(self.offers_call, reply.calls))

    @property
    def _forced(self) -> str | None:
        """The name of the one function that `tool_choice` leaves."""
        choice = self.tool_choice
        if isinstance(choice, dict) and choice["type"] == "function":
            return str(choice["name"])
        return None

    def _forced_calls(self) -> list[ToolCall]:
        # fidelity: documented realtime.md 3.1 - tool_choice required or a function: a call is made
        #   (without arguments, if the script has none)
        if self._forced is not None:
            return [ToolCall(self._forced)]
        if self.tool_choice == "required" and self.tool_names:
            return [ToolCall(self.tool_names[0])]
        return []


def overlay(
    configuration: Configuration, asked: Values, context: tuple[Item, ...] | None = None
) -> Options:
    """The options of a response for which the client `asked` so."""
    output = asked.get("audio", {}).get("output", {})
    tools = asked.get("tools", configuration.tools)
    prompt = asked.get("prompt", configuration.prompt)
    return Options(
        modalities=asked.get("output_modalities", configuration.modalities),
        voice=output.get("voice", configuration.voice),
        format=output.get("format", configuration.output_format),
        speed=configuration.speed,
        # fidelity: documented realtime.md 5 - instructions of a response replace the session's
        instructions=asked.get("instructions", configuration.instructions),
        tool_names=tuple(tool["name"] for tool in tools if tool["type"] == "function"),
        # fidelity: inferred realtime.md 3.1 - a stored prompt brings tools of its own, unless a
        #   response names some
        has_own_tools=prompt is not None and "tools" not in asked,
        tool_choice=asked.get("tool_choice", configuration.tool_choice),
        has_parallel_calls=asked.get("parallel_tool_calls", configuration.has_parallel_calls),
        tokens_max=asked.get("max_output_tokens", configuration.tokens_max),
        metadata=asked.get("metadata"),
        in_conversation=asked.get("conversation") != "none",
        context=context,
        mcp_tools=tuple(tool for tool in tools if tool["type"] == "mcp"),
    )
