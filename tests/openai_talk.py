"""A conversation through OpenAI's own Python client with the fake on a loopback port.

The client runs on asyncio and parses each event with its own types; the fake listens in a thread.
"""

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from simulator.live.realtime_calls import RealtimeServer
from simulator.scenario.format import Item, ModelSetup, Reply, ToolCall
from simulator.sockets import Sockets
from simulator.timeline import Timeline
from tests.live_server import serving

DEADLINE_S = 20
MODEL = "gpt-realtime-2.1"
CLIPS = Path(__file__).parent.parent / "fixtures" / "clips" / "en"
YES, WAIT, THANKS, HELLO = (
    CLIPS / f"{name}.wav" for name in ("yes", "one-moment-please", "thank-you", "hello")
)
SLOT = {"day": "Tuesday", "hour": 14}
OFFICIAL: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
PCMU = {"type": "audio/pcmu"}
PHONE: Any = {
    "type": "realtime",
    "audio": {
        "input": {
            "format": PCMU,
            "turn_detection": {"type": "server_vad", "silence_duration_ms": 300},
        },
        "output": {"format": PCMU, "voice": "marin"},
    },
}
BOOK: Any = {
    "type": "function",
    "name": "book",
    "description": "Book a slot.",
    "parameters": {"type": "object", "properties": {}},
}
PHONE_AND_TOOL: Any = {**PHONE, "tools": [BOOK]}


def quickly(on: str, *clips: Path, **more: Any) -> Reply:
    """A reply that comes at once and is delivered a hundred times faster than it plays."""
    return Reply(on, 10.0, tuple(Item(clip) for clip in clips), 100.0, **more)


SCRIPT = ModelSetup(
    replies=(
        quickly("greeting", YES),
        quickly("turn", WAIT, calls=(ToolCall("book", SLOT),)),
        quickly("tool", THANKS),
    )
)


@contextmanager
def endpoint(setup: ModelSetup = SCRIPT, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A fake that listens; gives the authority (host and port) of its URLs."""

    async def start(net: Sockets, timeline: Timeline) -> str:
        server = RealtimeServer(setup, timeline=timeline)
        host, port = await net.listen(server.accept, tls=tls)
        return f"{host}:{port}"

    with serving(start) as authority:
        yield authority


@dataclass(slots=True)
class Talk:
    """A conversation through the official client, with every event that came."""

    client: AsyncRealtimeConnection
    events: list[Any] = field(default_factory=list)

    async def next(self) -> Any:
        """The next event; strictly valid, and parsed as the client itself does."""
        data = await self.client.recv_bytes()
        OFFICIAL.validate_json(data)
        event = self.client.parse_event(data)
        self.events.append(event)
        return event

    async def until(self, kind: str) -> Any:
        """The next event of a type; those before are kept."""
        while True:
            event = await self.next()
            if event.type == kind:
                return event

    async def hears(self, audio: bytes) -> None:
        """Append audio, faster than it was spoken."""
        for at in range(0, len(audio), 8000):
            data = base64.b64encode(audio[at : at + 8000]).decode()
            await self.client.input_audio_buffer.append(audio=data)

    def text(self, kind: str) -> str:
        """The deltas of a type, joined."""
        return "".join(event.delta for event in self.events if event.type == kind)

    def audio(self) -> bytes:
        """The audio received."""
        deltas = (each for each in self.events if each.type == "response.output_audio.delta")
        return b"".join(base64.b64decode(event.delta) for event in deltas)

    def kinds(self) -> list[str]:
        """Types in order, runs written once."""
        kinds = [event.type for event in self.events]
        return [kind for at, kind in enumerate(kinds) if at == 0 or kinds[at - 1] != kind]


Story = Callable[[Talk], Awaitable[None]]


def tell(story: Story, setup: ModelSetup = SCRIPT, key: str = "sk-test", **connect: Any) -> Talk:
    """Run `story` with the asynchronous client against a fake of its own."""

    async def converse(authority: str) -> Talk:
        client = AsyncOpenAI(api_key=key, websocket_base_url=f"ws://{authority}/v1")
        async with client.realtime.connect(**(connect or {"model": MODEL})) as connection:
            talk = Talk(connection)
            await story(talk)
        return talk

    with endpoint(setup) as authority:
        return asyncio.run(asyncio.wait_for(converse(authority), DEADLINE_S))
