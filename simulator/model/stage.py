"""What a response brings forth: its items, and the events that show them growing.

Owns the open item and the order of an item's events. Knows no time and no reason: `generation`
says when, `responses` says whether it ends well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.model.configuration import Configuration
from simulator.model.conversation import Conversation, Item
from simulator.model.mcp import McpServers
from simulator.model.outlet import Ids, Outlet
from simulator.model.timing import Alarms
from simulator.model.usage import Meter, Tokens, audio_tokens, text_tokens
from simulator.scenario.format import ToolCall
from simulator.sound import Clip


@dataclass(slots=True)
class Studio:
    """What a response works with: one session's rooms."""

    outlet: Outlet
    ids: Ids
    alarms: Alarms
    configuration: Configuration
    conversation: Conversation
    meter: Meter
    mcp: McpServers
    clips: Callable[[Path], Clip]
    straggler_ms: float


class Stage:
    """The items of one response."""

    def __init__(
        self,
        studio: Studio,
        response_id: str,
        *,
        is_text: bool,
        in_conversation: bool,
        bytes_per_ms: int,
    ) -> None:
        self._outlet = studio.outlet
        self._ids = studio.ids
        self._mcp = studio.mcp
        self._conversation = studio.conversation if in_conversation else None
        self._response_id = response_id
        self._is_text = is_text
        self._bytes_per_ms = bytes_per_ms
        self._open: Item | None = None
        self._said: list[str] = []
        self.output: list[Item] = []

    @property
    def is_open(self) -> bool:
        """Whether an item is being generated."""
        return self._open is not None

    @property
    def audio_ms(self) -> float:
        """Speech generated so far, over all items."""
        return sum(item.generated_bytes for item in self.output) / self._bytes_per_ms

    def tokens(self) -> Tokens:
        """What has been generated so far."""
        words = sum(text_tokens(item.generated_text) for item in self.output)
        return Tokens(words, audio_tokens(self.audio_ms))

    # -- events ---------------------------------------------------------------

    def _place(self) -> dict[str, Any]:
        return {"response_id": self._response_id, "output_index": len(self.output) - 1}

    def _part_place(self) -> dict[str, Any]:
        assert self._open is not None
        return {**self._place(), "item_id": self._open.id, "content_index": 0}

    def _add(self, item: Item) -> None:
        # fidelity: observed realtime.md 2.3 - output_item.added, then item.added, content still
        #   empty
        item.status = "in_progress"
        item.response_id = self._response_id
        item.bytes_per_ms = self._bytes_per_ms
        self._open = item
        self._said = []
        self.output.append(item)
        self._outlet.send("response.output_item.added", **self._place(), item=item.view())
        if self._conversation is not None:
            # fidelity: documented realtime.md 5 - a response with conversation "none" adds no item
            previous = self._conversation.append(item)
            self._outlet.send(
                "conversation.item.added", previous_item_id=previous, item=item.view()
            )

    def open_message(self) -> None:
        """An item of speech or text begins."""
        item = Item(self._ids.new("item"), "message", "assistant")
        self._add(item)
        # fidelity: observed realtime.md 2.2 - part.type is audio or text, content is output_*
        kind, words = ("text", "text") if self._is_text else ("audio", "transcript")
        part = {"type": kind, words: ""}
        item.content.append({**part, "type": f"output_{kind}"})
        self._outlet.send("response.content_part.added", **self._part_place(), part=part)

    def speak(self, words: Sequence[str], audio: bytes) -> None:
        """Some words of the open item, then a piece of its audio; either may be empty."""
        item = self._open
        assert item is not None
        kind = "output_text" if self._is_text else "output_audio_transcript"
        for word in words:
            self._said.append(word)
            self._outlet.send(f"response.{kind}.delta", **self._part_place(), delta=word)
        item.generated_text = "".join(self._said)
        if item.truncated_ms is None:
            item.content[0]["text" if self._is_text else "transcript"] = item.generated_text
        if audio:
            item.generated_bytes += len(audio)
            self._outlet.send_audio(audio, **self._part_place())

    def open_call(self, name: str) -> None:
        """A function call begins."""
        call_id = self._ids.new("call")
        self._add(Item(self._ids.new("item"), "function_call", name=name, call_id=call_id))

    def open_mcp_call(self, call: ToolCall, request_id: str) -> None:
        """A call on an MCP server begins; `request_id` = it was approved so."""
        item = Item(self._ids.new("mcp"), "mcp_call", name=call.name, server=call.server)
        item.request_id = request_id
        self._add(item)

    def argue(self, arguments: str) -> None:
        """A piece of the open call's arguments."""
        item = self._open
        assert item is not None
        item.arguments += arguments
        item.generated_text = item.name + item.arguments
        if item.type == "mcp_call":
            self._outlet.send(
                "response.mcp_call_arguments.delta",
                **self._place(),
                item_id=item.id,
                delta=arguments,
            )
            return
        self._outlet.send(
            "response.function_call_arguments.delta",
            **self._place(),
            item_id=item.id,
            call_id=item.call_id,
            delta=arguments,
        )

    def run_mcp_call(self) -> None:
        """The arguments are complete, and the MCP server works."""
        # fidelity: documented realtime.md 2.2 - the events of an MCP call
        # fidelity: inferred realtime.md 2.2 - their order; the answer is part of the response
        item = self._open
        assert item is not None
        self._outlet.send(
            "response.mcp_call_arguments.done",
            **self._place(),
            item_id=item.id,
            arguments=item.arguments,
        )
        self._tell_mcp("in_progress")

    def end_mcp_call(self, call: ToolCall) -> None:
        """The MCP server has answered."""
        assert self._open is not None
        self._open.output, self._open.error = call.output, call.error
        self._tell_mcp("failed" if call.error else "completed")
        self.close("completed")

    def _tell_mcp(self, what: str) -> None:
        assert self._open is not None
        index = len(self.output) - 1
        self._outlet.send(f"response.mcp_call.{what}", output_index=index, item_id=self._open.id)

    def ask_approval(self, call: ToolCall, arguments: str) -> None:
        """The client is asked whether a call may be made: an item of its own, complete at once."""
        # fidelity: inferred realtime.md 2.2 - a request for approval is an item of the response
        kind = "mcp_approval_request"
        item = Item(self._ids.new("mcpr"), kind, name=call.name, server=call.server)
        item.arguments = arguments
        item.generated_text = call.name + arguments
        self._add(item)
        self._mcp.ask(item.id, call)
        self.close("completed")

    def close(self, status: str) -> None:
        """The open item is complete, or stays incomplete."""
        item = self._open
        assert item is not None
        item.status = status
        # fidelity: observed realtime.md 2.3 - the order in which an item ends
        if item.type == "message":
            self._close_part(item)
        elif status == "completed" and item.type == "function_call":
            self._outlet.send(
                "response.function_call_arguments.done",
                **self._place(),
                item_id=item.id,
                call_id=item.call_id,
                name=item.name,
                arguments=item.arguments,
            )
        note = {"generated_ms": item.generated_ms} if item.is_speech else {}
        if self._conversation is not None:
            # fidelity: observed realtime.md 2.3 - previous_item_id of .done can be null
            self._outlet.send(
                "conversation.item.done", note=note, previous_item_id=None, item=item.view()
            )
        self._outlet.send("response.output_item.done", note=note, **self._place(), item=item.view())
        self._open = None

    def _close_part(self, item: Item) -> None:
        place = self._part_place()
        words = item.generated_text
        if self._is_text:
            part = {"type": "text", "text": words}
            self._outlet.send("response.output_text.done", **place, text=words)
        else:
            part = {"type": "audio", "transcript": words}
            self._outlet.send("response.output_audio.done", **place)
            self._outlet.send("response.output_audio_transcript.done", **place, transcript=words)
        self._outlet.send("response.content_part.done", **place, part=part)
