"""A scripted client for the fake GPT-Live.

Every event it gets must parse as the official package's Live `ServerEvent`.
"""

import base64
import random
from dataclasses import replace
from typing import Any

from openai.types.live.server_event import ServerEvent
from pydantic import TypeAdapter

from simulator.gpt_live.server import FakeGptLive
from simulator.scenario.format import ModelSetup, Trigger
from simulator.sound import load_clip
from simulator.trace import Event, Trace
from tests.model_client import KEY, OFFICIAL, Client, Desk, Heap

PATH = "/v1/live/sessions"
CHECK = "look_up"
AUDIO = {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "marin"}}
BACKEND = {"model": "gpt-6-luna", "tools": [{"type": "function", "name": CHECK}]}
SESSION: dict[str, Any] = {
    "model": "gpt-live-1",
    "audio": AUDIO,
    "delegation": {"type": "responses", "responses": BACKEND},
}
OFFICIAL["live"] = TypeAdapter(ServerEvent)
AT_ONCE = Trigger("at")


class LiveDesk(Desk):
    """One fake GPT-Live, its clock and its trace."""

    def __init__(self, setup: ModelSetup | None = None) -> None:
        self.heap = Heap()
        self.trace = Trace(lambda: self.heap.now_ms)
        self.record: list[Event] = []
        self.trace.subscribe(self.record.append)
        self.setup = replace(setup or ModelSetup(), dialect="live")  # type: ignore[arg-type]
        self.fake = FakeGptLive(  # type: ignore[assignment]
            self.setup,
            timeline=self.heap,
            trace=self.trace,
            rng=random.Random(1),
            clips=load_clip,
        )

    def connect(self, path: str = PATH, headers: Any = KEY) -> "LiveClient":
        """A client that has asked for the upgrade, and was answered."""
        client = LiveClient(self, path, headers)
        self.heap.run(self.heap.now_ms + 1)
        return client


class LiveClient(Client):
    """The far end of one connection."""

    def starts(self, **fields: Any) -> "LiveClient":
        """Start a session for a telephone call."""
        self.says("session.start", session={**SESSION, **fields})
        self.waits(1)
        return self

    def appends(self, audio: bytes) -> None:
        """Append audio at once."""
        self.says("session.input_audio.append", audio=base64.b64encode(audio).decode())

    def asks(self, content: str = "Say something.", event_id: str = "e1") -> None:
        """Ask for something to be said."""
        fields = {"content": content, "delegation_id": None}
        self.says("session.commentary.append", event_id=event_id, **fields)

    def stream(self) -> bytes:
        """All that was sent, silence included."""
        deltas = self.all("session.output_audio.delta")
        return b"".join(base64.b64decode(event["delta"]) for event in deltas)

    def error(self) -> str:
        """The code of the only error."""
        return str(self.one("error")["error"]["code"])

    def nested(self, kind: str) -> list[dict[str, Any]]:
        """The backend's events of a type."""
        events = [event["event"] for event in self.all("response.event")]
        return [event for event in events if event["type"] == kind]


def started(setup: ModelSetup | None = None) -> LiveClient:
    """A session that has started."""
    return LiveDesk(setup).connect().starts()


def speech(audio: bytes) -> bytes:
    """Without the silence around it, and the click at the beginning."""
    return audio[800:].strip(b"\xff\x7f")
