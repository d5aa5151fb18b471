"""OpenAI's agents package holds realtime sessions with the fake: its own policy, our wire.

Its session decides by itself when to cancel, what to truncate and when to ask for a response; the
fake's trace tells whether that broke a rule of the server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimePlaybackTracker, RealtimeRunner, RealtimeSession

from simulator.live.realtime_calls import RealtimeServer
from simulator.scenario.format import Item, ModelSetup, Reply, ToolCall
from simulator.sockets import Sockets
from simulator.sound import SILENT_FRAME, load_clip
from simulator.timeline import Timeline
from simulator.trace import Event
from tests.live_server import serving

DEADLINE_S = 20
CLIPS = Path(__file__).parent.parent / "fixtures" / "clips" / "en"
HELLO, WAIT, THANKS, LONG = (
    CLIPS / f"{name}.wav"
    for name in ("hello", "one-moment-please", "thank-you", "opening-hours-long")
)
TURN = load_clip(HELLO).audio + SILENT_FRAME * 25
PLAYED_MS = 120


def quickly(on: str, clip: Path, burst: float = 100.0, **more: Any) -> Reply:
    """A reply that comes at once."""
    return Reply(on, 10.0, (Item(clip),), burst, **more)


@contextmanager
def endpoint(*replies: Reply) -> Iterator[tuple[str, list[Event]]]:
    """A fake that listens: its URL, and its trace while it grows."""
    trace: list[Event] = []

    async def start(net: Sockets, timeline: Timeline) -> str:
        setup = ModelSetup(replies=replies)
        server = RealtimeServer(
            setup, timeline=timeline, write=lambda _number, event: trace.append(event)
        )
        host, port = await net.listen(server.accept)
        return f"ws://{host}:{port}/v1/realtime?model=gpt-realtime-2.1"

    with serving(start) as url:
        yield url, trace


@dataclass(slots=True)
class Talk:
    """A session of the package, and all events it gave."""

    session: RealtimeSession
    playback: RealtimePlaybackTracker
    events: list[Any] = field(default_factory=list)

    async def until(self, kind: str) -> Any:
        """The session's next event of a type. Its errors fail the test."""
        async for event in self.session:
            self.events.append(event)
            assert event.type != "error", event
            if event.type == kind:
                return event
        raise AssertionError(f"the session ended before {kind}")

    async def until_wire(self, kind: str, number: int = 1) -> Any:
        """Event `number` of a type as the server sent it; it may have come already."""
        while len(self.wire(kind)) < number:
            await self.until("raw_model_event")
        return self.wire(kind)[number - 1]

    def wire(self, kind: str) -> list[Any]:
        """All events of a type as the server sent them."""
        raw = [event.data for event in self.events if event.type == "raw_model_event"]
        sent = [event.data for event in raw if event.type == "raw_server_event"]
        return [data for data in sent if data["type"] == kind]

    def audio(self) -> bytes:
        """All speech the session gave out."""
        return b"".join(each.audio.data for each in self.events if each.type == "audio")


@function_tool
def book(day: str, hour: int) -> str:
    """Book a slot."""
    return f"booked for {day} at {hour}"


def tell(
    story: Callable[[Talk], Awaitable[None]], url: str, *, server_interrupts: bool = True
) -> Talk:
    """Run `story` in a session of an agent who can book."""
    detection: Any = {
        "type": "server_vad",
        "silence_duration_ms": 300,
        "interrupt_response": server_interrupts,
    }

    async def converse() -> Talk:
        agent = RealtimeAgent(name="Desk", instructions="Be brief.", tools=[book])
        runner = RealtimeRunner(agent, config={"tracing_disabled": True})
        playback = RealtimePlaybackTracker()
        session = await runner.run(
            model_config={
                "url": url,
                "api_key": "sk-test",
                "playback_tracker": playback,
                "initial_model_settings": {
                    "model_name": "gpt-realtime-2.1",
                    "voice": "marin",
                    "input_audio_format": "g711_ulaw",
                    "output_audio_format": "g711_ulaw",
                    "turn_detection": detection,
                },
            }
        )
        async with session:
            talk = Talk(session, playback)
            await story(talk)
        return talk

    return asyncio.run(asyncio.wait_for(converse(), DEADLINE_S))


def named(trace: list[Event], name: str, kind: str = "") -> list[Event]:
    """The trace's events of a name, and of a type if one is given."""
    return [
        event
        for event in trace
        if event.name == name and (not kind or event.data.get("type") == kind)
    ]


def test_a_spoken_turn() -> None:
    """Speech is answered with speech; the package's history holds both, with the words."""

    async def story(talk: Talk) -> None:
        await talk.session.send_audio(TURN)
        await talk.until("audio_end")
        await talk.until_wire("response.done")

    with endpoint(quickly("turn", WAIT)) as (url, trace):
        talk = tell(story, url)
    history = [each.history for each in talk.events if each.type == "history_updated"][-1]
    said = [content.transcript for item in history for content in item.content]

    assert talk.audio() == load_clip(WAIT).audio
    assert said[-1] == load_clip(WAIT).words
    assert named(trace, "violation") == []


def test_a_tool_call() -> None:
    """The tool is run by the package, its output sent, and the next response spoken."""

    async def story(talk: Talk) -> None:
        await talk.session.send_audio(TURN)
        ended = await talk.until("tool_end")
        assert ended.output == "booked for Tuesday at 14"
        while len(talk.audio()) < len(load_clip(WAIT).audio + load_clip(THANKS).audio):
            await talk.until("audio")

    call = ToolCall("book", {"day": "Tuesday", "hour": 14})
    with endpoint(quickly("turn", WAIT, calls=(call,)), quickly("tool", THANKS)) as (url, trace):
        talk = tell(story, url)
    replies = [event.data["kind"] for event in named(trace, "reply")]

    assert talk.audio() == load_clip(WAIT).audio + load_clip(THANKS).audio
    assert replies == ["turn", "tool"]
    assert named(trace, "violation") == []


def test_an_interruption() -> None:
    """Speech over an answer stops it; the package truncates it to what its player had played."""

    async def story(talk: Talk) -> None:
        await talk.session.send_audio(TURN)
        audio = await talk.until("audio")
        talk.playback.on_play_ms(audio.item_id, audio.content_index, PLAYED_MS)
        await talk.session.send_audio(TURN)
        interrupted = await talk.until("audio_interrupted")
        truncated = await talk.until_wire("conversation.item.truncated")
        await talk.until_wire("response.done", 2)

        assert interrupted.item_id == audio.item_id
        assert (truncated["item_id"], truncated["audio_end_ms"]) == (audio.item_id, PLAYED_MS)

    with endpoint(quickly("turn", LONG, 2.0), quickly("turn", WAIT)) as (url, trace):
        tell(story, url)
    (truncate,) = named(trace, "received", "conversation.item.truncate")
    first, *_ = named(trace, "sent", "response.done")

    assert truncate.data["audio_end_ms"] == PLAYED_MS
    assert (first.data["status"], first.data["reason"]) == ("cancelled", "turn_detected")
    assert named(trace, "violation") == []


def test_a_message_and_an_interruption_by_hand() -> None:
    """Where the server does not interrupt, the package's `interrupt` cancels the response."""

    async def story(talk: Talk) -> None:
        await talk.session.send_message("When are you open?")
        audio = await talk.until("audio")
        talk.playback.on_play_ms(audio.item_id, audio.content_index, PLAYED_MS)
        await talk.session.interrupt()
        await talk.until_wire("response.done")

    with endpoint(quickly("greeting", LONG, 2.0)) as (url, trace):
        tell(story, url, server_interrupts=False)
    (done,) = named(trace, "sent", "response.done")

    assert (done.data["status"], done.data["reason"]) == ("cancelled", "client_cancelled")
    assert named(trace, "violation") == []
