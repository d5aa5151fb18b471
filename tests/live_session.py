"""One session of the GPT-Live translator on the bench: messages in, events and messages out."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from bridge.core import realtime
from bridge.core.mulaw import BYTES_PER_MS
from bridge.engines.engine import Told
from bridge.engines.gpt_live.session import GptLive

PIECE_MS = 100
QUIET = b"\xff" * (PIECE_MS * BYTES_PER_MS)
LOUD = b"\x10\x90" * (PIECE_MS * BYTES_PER_MS // 2)
CLICK = QUIET[:400] + b"\x10" * 4 + QUIET[:396]
TOOL = realtime.Tool("look_up", "Find something.", {"type": "object"})


def session(**fields: Any) -> realtime.SessionUpdate:
    """What the call configures first."""
    given = {"event_id": "cb_1", "voice": "marin", "instructions": "Be kind.", **fields}
    return realtime.SessionUpdate(turn_detection=realtime.ServerVad(), **given)


class Live:
    """A session under test: texts in, events and messages out."""

    def __init__(self) -> None:
        self.engine = GptLive("gpt-live-1", "backend-1")

    def hear(self, kind: str, **fields: Any) -> list[realtime.Inbound]:
        """Events which a message of the server's brings forth."""
        return events(self.engine.inward(json.dumps({"type": kind, **fields})))

    def stream(self, *pieces: bytes) -> list[realtime.Inbound]:
        """The same of pieces of the model's stream, without the seconds."""
        told: list[realtime.Inbound] = []
        for piece in pieces:
            delta = base64.b64encode(piece).decode()
            told += self.hear("session.output_audio.delta", delta=delta)
        return [event for event in told if not isinstance(event, realtime.SessionLasted)]

    def say(self, event: realtime.Outbound) -> list[dict[str, Any]]:
        """Messages that say an event of the call's."""
        return [json.loads(text) for text in self.engine.outward(event)]

    def ask(self, instructions: str | None, event_id: str = "cb_9") -> list[dict[str, Any]]:
        """Ask for something to be said."""
        return self.say(realtime.ResponseCreate(event_id, realtime.ResponseOptions(instructions)))

    def backend(self, kind: str, **fields: Any) -> list[realtime.Inbound]:
        """An event of the backend's."""
        event = {"type": f"response.{kind}", **fields}
        return self.hear("response.event", delegation_id="work_1", event=event)

    def called(self, *names: str) -> list[realtime.Inbound]:
        """The backend calls functions; a call's id is its name in capitals."""
        self.backend("created")
        for name in names:
            item = {"type": "function_call", "status": "completed", "name": name}
            self.backend("output_item.done", item={**item, "call_id": name.upper()})
        return self.backend("completed", response={})

    def answer(self, call_id: str) -> list[dict[str, Any]]:
        """Give a function's output."""
        item = realtime.FunctionCallOutput(call_id, "{}")
        return self.say(realtime.ConversationItemCreate("cb_7", item))


def events(told: Sequence[Told]) -> list[realtime.Inbound]:
    """The events alone; their texts are checked to say the same in the GA shape."""
    for text, event in told:
        known = not isinstance(event, realtime.Unknown | realtime.Malformed)
        assert text is not None
        assert not known or realtime.decode(text) == event
    return [event for _, event in told]


def kinds(told: Sequence[object]) -> list[str]:
    """The names of messages, or of events."""
    return [m["type"] if isinstance(m, dict) else type(m).__name__ for m in told]


def of(told: Sequence[realtime.Inbound], kind: type[Any]) -> Any:
    """The one event of a kind."""
    (found,) = [event for event in told if isinstance(event, kind)]
    return found
