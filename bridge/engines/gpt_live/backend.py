"""The model behind the voice: what it is told to be, and the functions it calls.

Owns which calls of the backend wait for an output, and when it may go on. GPT-Live itself calls no
function: it hands work over ("delegation") to a text model at the vendor's, which does.

A backend's calls are told when its response is complete, so all calls of a response are known
before one of them is answered; it goes on with ``response.create`` once all are.
"""

from collections.abc import Sequence
from typing import Final

from bridge.core import realtime
from bridge.engines.gpt_live import wire
from bridge.engines.gpt_live.mouth import backend_usage

CALLS_MAX: Final = 64
"""Calls of one response that are heeded."""

PREFACE: Final = (
    "You work behind a voice agent on the telephone, which hands work over to you. Call the "
    "functions that are needed; do not call one twice for the same wish. Then answer in one or two "
    "short sentences that can be spoken. The agent's own instructions follow.\n\n"
)


def described(model: str, instructions: str, tools: Sequence[realtime.Tool]) -> wire.Message:
    """What the backend is told to be: its model, its instructions, its functions."""
    return {"model": model, "instructions": PREFACE + instructions, "tools": list(tools)}


def hint(tools: Sequence[realtime.Tool]) -> str:
    """What the voice is told of the functions: it must know what it can hand over."""
    if not tools:
        return ""
    lines = "".join(f"\n- {tool.name}: {tool.description}" for tool in tools)
    return (
        "\n\nYou call no functions yourself: hand the work over (delegate) as soon as one of these "
        "is needed. Before the telephone is hung up you will be asked for a goodbye, so do not say "
        f"it earlier.{lines}"
    )


class Backend:
    """The backend of one session."""

    def __init__(self) -> None:
        self._heard: dict[str | None, dict[str, wire.OutputItem]] = {}
        self._open: set[str] = set()
        self._answered = False
        self._wanted = False

    @property
    def waits(self) -> bool:
        """Functions were called, and the backend has not been let go on since."""
        return self._answered or bool(self._open)

    def hear(
        self, event: wire.ResponseEvent, response_id: str
    ) -> tuple[list[realtime.ServerEvent], realtime.Usage | None]:
        """The backend goes on: its calls, once they are all known, and what it cost."""
        nested, work = event.event, event.delegation_id
        if nested.type == "response.created":
            self._heard[work] = {}
        elif nested.type == "response.output_item.done":
            self._collect(work, nested.item)
        elif nested.type == "response.completed":
            calls = self._heard.pop(work, {})
            self._open |= calls.keys()
            return [_told(response_id, item) for item in calls.values()], _usage(nested)
        elif nested.type in ("response.failed", "response.incomplete"):
            self._heard.pop(work, None)  # an output for a call of it would be refused
            return [], _usage(nested)
        return [], None

    def _collect(self, work: str | None, item: wire.OutputItem | None) -> None:
        calls = self._heard.setdefault(work, {})
        whole = item is not None and item.type == "function_call" and item.status == "completed"
        if whole and item is not None and item.call_id and len(calls) < CALLS_MAX:
            calls[item.call_id] = item

    def answers(self, call_id: str) -> bool:
        """Whether a call with this id waits for an output; it is given now."""
        if call_id not in self._open:
            return False
        self._open.discard(call_id)
        self._answered = True
        return True

    def want(self) -> None:
        """The backend shall go on as soon as it may."""
        self._wanted = True

    def may_go_on(self) -> bool:
        """Whether it shall and may go on now; it is let."""
        if not self._wanted or self._open:
            return False
        self._wanted = self._answered = False
        return True


def _told(response_id: str, item: wire.OutputItem) -> realtime.ServerEvent:
    return realtime.OutputItemDone(
        response_id,
        realtime.OutputItem(
            "function_call",
            id=item.id,
            status="completed",
            name=item.name,
            call_id=item.call_id,
            arguments=item.arguments,
        ),
    )


def _usage(nested: wire.Nested) -> realtime.Usage | None:
    usage = nested.response.usage if nested.response is not None else None
    if usage is None:
        return None
    cached = usage.input_tokens_details.cached_tokens if usage.input_tokens_details else 0
    return backend_usage(usage.input_tokens, cached, usage.output_tokens)
