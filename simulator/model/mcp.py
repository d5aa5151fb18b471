"""MCP servers as a session sees them: their tools are listed, and their use may need a yes.

Owns which server was listed, which tools it has, and who was asked for approval. There are no such
servers here: what they offer and answer is the script's. Knows no response.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from simulator.model import errors
from simulator.model.conversation import Conversation, Item
from simulator.model.errors import Refused
from simulator.model.outlet import Ids, Outlet
from simulator.model.timing import Alarms
from simulator.scenario.format import ModelSetup, ToolCall

LIST_MS: Final = 200.0
"""How long a server takes to list its tools."""

Values = dict[str, Any]


class McpServers:
    """Those of one session."""

    def __init__(
        self,
        setup: ModelSetup,
        *,
        outlet: Outlet,
        ids: Ids,
        alarms: Alarms,
        conversation: Conversation,
    ) -> None:
        self._setup = setup
        self._outlet = outlet
        self._ids = ids
        self._alarms = alarms
        self._conversation = conversation
        self._listed: dict[str, bool] = {}
        self._asked: dict[str, ToolCall] = {}
        self._approved: list[tuple[ToolCall, str]] = []

    # -- listing ----------------------------------------------------------------

    def look_at(self, tools: Sequence[Values]) -> None:
        """List the tools of servers that were not named before."""
        for tool in tools:
            if tool["type"] == "mcp" and tool["server_label"] not in self._listed:
                self._list(tool)

    def listed(self, tools: Sequence[Values]) -> tuple[Values, ...]:
        """Those of `tools` that are MCP servers and have told what they offer."""
        return tuple(
            tool
            for tool in tools
            if tool["type"] == "mcp" and self._listed.get(tool["server_label"], False)
        )

    def _list(self, tool: Values) -> None:
        # fidelity: documented realtime.md 2.2 - mcp_list_tools.in_progress, completed and failed
        # fidelity: inferred realtime.md 2.2 - the item is added first and done last; 200 ms
        label = tool["server_label"]
        self._listed[label] = False
        item = Item(self._ids.new("mcpl"), "mcp_list_tools", "", "in_progress", server=label)
        previous = self._conversation.append(item)
        self._outlet.send("conversation.item.added", previous_item_id=previous, item=item.view())
        self._outlet.send("mcp_list_tools.in_progress", item_id=item.id)
        self._alarms.after(LIST_MS, partial(self._list_done, item, tool, previous))

    def _list_done(self, item: Item, tool: Values, previous: str | None) -> None:
        # fidelity: inferred realtime.md 2.2 [knob: model.mcp_unreachable] - a server that is not
        #   reached has an empty list
        label = tool["server_label"]
        reached = label not in self._setup.mcp_unreachable
        self._listed[label] = reached
        if reached:
            item.content = [_described(name) for name in self._names(tool)]
        item.status = "completed" if reached else "incomplete"
        kind = "completed" if reached else "failed"
        self._outlet.send(f"mcp_list_tools.{kind}", item_id=item.id)
        self._outlet.send("conversation.item.done", previous_item_id=previous, item=item.view())

    def _names(self, tool: Values) -> list[str]:
        calls = [call for reply in self._setup.replies for call in reply.calls]
        known = [call.name for call in calls if call.server == tool["server_label"]]
        allowed = allowed_names(tool)
        return list(dict.fromkeys(known if allowed is None else allowed))

    # -- approval ---------------------------------------------------------------

    def ask(self, request_id: str, call: ToolCall) -> None:
        """The client is asked whether `call` may be made."""
        self._asked[request_id] = call

    def answer(self, request_id: str, *, approve: bool) -> None:
        """The client says yes or no.

        Raises:
            Refused: nobody asked, or it was answered before.
        """
        if request_id not in self._asked:
            raise Refused(errors.no_such_approval(request_id))
        call = self._asked.pop(request_id)
        if approve:
            self._approved.append((call, request_id))

    def take_approved(self) -> tuple[tuple[ToolCall, str], ...]:
        """Calls that may be made now, each with its request's id."""
        approved, self._approved = self._approved, []
        return tuple(approved)


def allowed_names(tool: Values) -> list[str] | None:
    """The names in `allowed_tools`; None = all of the server's."""
    allowed = tool.get("allowed_tools")
    if isinstance(allowed, dict):
        allowed = allowed.get("tool_names")
    return allowed if isinstance(allowed, list) else None


def needs_approval(tool: Values, name: str) -> bool:
    """Whether the client must say yes before the tool of this name is used."""
    # fidelity: inferred realtime.md 3.1 - approval is asked for unless require_approval says never,
    #   for all tools or for this one
    wanted = tool.get("require_approval")
    if not isinstance(wanted, dict):
        return bool(wanted != "never")
    always, never = (wanted.get(word) for word in ("always", "never"))
    if never is not None and name in (never.get("tool_names") or ()):
        return False
    return always is None or name in (always.get("tool_names") or ())


def _described(name: str) -> Values:
    return {"name": name, "input_schema": {"type": "object"}, "description": None}
