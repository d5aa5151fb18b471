"""The conversation: its items, their order, and what the model remembers of its own speech.

Owns items. Knows no response under way and no wire; a caller's audio is counted, not kept, so a
long call takes no more memory than a short one (a retrieved user item therefore carries no audio).
"""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.model import errors
from simulator.model.errors import Refused
from simulator.model.fields import unsupported

ROOT: Final = "root"

View = dict[str, Any]


@dataclass(slots=True)
class Item:
    """One item. Audio is counted in milliseconds on the item's own clock, from its beginning."""

    id: str
    type: str
    role: str = ""
    status: str = "completed"
    content: list[View] = field(default_factory=list)
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: str = ""
    server: str = ""
    """Of an MCP item: the label of the server."""
    request_id: str = ""
    """Of an MCP call or an answer: the request for approval."""
    error: str = ""
    approve: bool = False
    response_id: str = ""
    heard_ms: float = 0.0
    """The caller's audio in a user item."""
    generated_bytes: int = 0
    generated_text: str = ""
    """All words the model made for it, heard or not."""
    bytes_per_ms: int = 8
    truncated_ms: int | None = None

    @property
    def generated_ms(self) -> int:
        """What the model has generated of the item's speech, rounded down."""
        return self.generated_bytes // self.bytes_per_ms

    @property
    def remembered_ms(self) -> int:
        """What of its speech the model remembers to have said."""
        return self.generated_ms if self.truncated_ms is None else self.truncated_ms

    @property
    def is_speech(self) -> bool:
        """Whether it is speech of the model, and so can be truncated."""
        return bool(self.content) and self.content[0].get("type") == "output_audio"

    def text(self) -> str:
        """All words in it, of whatever kind."""
        words = (part.get("text") or part.get("transcript") or "" for part in self.content)
        return " ".join((*words, self.name, self.arguments, self.output)).strip()

    def view(self) -> View:
        """The item as the wire shows it (no `object` field: observed realtime.md 2.2)."""
        head: View = {"id": self.id, "type": self.type, "status": self.status}
        if self.type == "function_call":
            call = {"name": self.name, "call_id": self.call_id, "arguments": self.arguments}
            return {**head, **call}
        if self.type == "function_call_output":
            return {**head, "call_id": self.call_id, "output": self.output}
        if self.type.startswith("mcp_"):
            return {"id": self.id, "type": self.type, **self._mcp_view()}
        return {**head, "role": self.role, "content": [dict(part) for part in self.content]}

    def _mcp_view(self) -> View:
        # fidelity: documented - openai-python 3.52: the fields of the four kinds of MCP items
        if self.type == "mcp_list_tools":
            return {"server_label": self.server, "tools": self.content}
        if self.type == "mcp_approval_response":
            return {"approval_request_id": self.request_id, "approve": self.approve, "reason": None}
        call = {"server_label": self.server, "name": self.name, "arguments": self.arguments}
        if self.type == "mcp_approval_request":
            return call
        failed = {"type": "tool_execution_error", "message": self.error} if self.error else None
        done = self.status == "completed" and not failed
        return {
            **call,
            "approval_request_id": self.request_id or None,
            "output": self.output if done else None,
            "error": failed if self.status == "completed" else None,
        }


def of_client(value: View, item_id: str, bytes_per_ms: int) -> Item:
    """A checked `item` of conversation.item.create; its audio is in the session's input format.

    Raises:
        Refused: its audio is not base64.
    """
    content = []
    heard_ms = 0.0
    for part in value.get("content", []):
        if part["type"] == "input_audio":
            # fidelity: inferred realtime.md 2.3 - audio is echoed neither here nor in the caller's
            #   own items
            content.append({"type": "input_audio", "transcript": part.get("transcript")})
            heard_ms += _byte_count(part["audio"]) / bytes_per_ms
        else:
            content.append(dict(part))
    return Item(
        id=item_id,
        type=value["type"],
        role=value.get("role", ""),
        content=content,
        call_id=value.get("call_id", ""),
        name=value.get("name", ""),
        arguments=value.get("arguments", ""),
        output=value.get("output", ""),
        request_id=value.get("approval_request_id", ""),
        approve=value.get("approve", False),
        heard_ms=heard_ms,
    )


def _byte_count(audio: str) -> int:
    try:
        return len(base64.b64decode(audio, validate=True))
    except ValueError as wrong:
        raise Refused(errors.invalid_audio("item.content[0].audio")) from wrong


class Overlong(Refused):
    """A truncation behind the end of what there is: `audio_ms`."""

    def __init__(self, audio_ms: int, audio_end_ms: int) -> None:
        super().__init__(errors.overlong_truncate(audio_ms, audio_end_ms))
        self.audio_ms = audio_ms


class Conversation:
    """Items in order."""

    def __init__(self, conversation_id: str) -> None:
        self.id = conversation_id
        self.items: list[Item] = []
        self._by_id: dict[str, Item] = {}

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._by_id

    @property
    def last_id(self) -> str | None:
        """The id of the newest item."""
        return self.items[-1].id if self.items else None

    def append(self, item: Item) -> str | None:
        """Add `item` at the end; the id of the one before it."""
        previous = self.last_id
        self.items.append(item)
        self._by_id[item.id] = item
        return previous

    def insert(self, item: Item, previous_item_id: str | None) -> str | None:
        """Add a client's `item`: at the end, first (`root`) or behind another.

        Raises:
            Refused: the id is taken, the predecessor or the tool call is unknown.
        """
        if item.id in self._by_id:
            raise Refused(errors.item_exists(item.id))
        if item.type == "function_call_output" and self.call(item.call_id) is None:
            raise Refused(errors.no_such_call(item.call_id))
        # fidelity: documented realtime.md 2.1 - previous_item_id: "root" is first, absent is the
        #   end
        if previous_item_id is None:
            return self.append(item)
        if previous_item_id == ROOT:
            at, previous = 0, None
        elif previous_item_id in self._by_id:
            at = self.items.index(self._by_id[previous_item_id]) + 1
            previous = previous_item_id
        else:
            raise Refused(errors.no_previous_item(previous_item_id))
        self.items.insert(at, item)
        self._by_id[item.id] = item
        return previous

    def call(self, call_id: str) -> Item | None:
        """The function call with this call id."""
        for item in reversed(self.items):
            if item.type == "function_call" and item.call_id == call_id:
                return item
        return None

    def find(self, item_id: str, doing: str) -> Item:
        """The item; `doing` says for what, in the error's words.

        Raises:
            Refused: there is none.
        """
        if item_id not in self._by_id:
            raise Refused(errors.no_such_item(doing, item_id))
        return self._by_id[item_id]

    def delete(self, item_id: str) -> None:
        """Forget an item whole."""
        self.items.remove(self.find(item_id, "deleting"))
        del self._by_id[item_id]

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """Forget the end of the model's speech in an item, and the words of all of it.

        Raises:
            Refused: no such item, or not the model's speech.
            Overlong: more than there is.
        """
        item = self.find(item_id, "truncating")
        if not item.is_speech:
            raise Refused(errors.not_truncatable())
        if content_index != 0:
            raise unsupported("content_index", content_index, ("0",))
        # fidelity: documented realtime.md 4.1 - the bound of a truncation is what was generated
        # fidelity: inferred realtime.md 4.1 - and what an earlier truncation left of it
        if audio_end_ms > item.remembered_ms:
            raise Overlong(item.remembered_ms, audio_end_ms)
        item.truncated_ms = audio_end_ms
        # fidelity: documented realtime.md 4.1 - a truncation deletes the item's transcript
        item.content[0]["transcript"] = ""
