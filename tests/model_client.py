"""A scripted client for the fake Realtime endpoint: real WebSocket bytes, a heap for a clock.

Every event it receives must parse as the official package's `RealtimeServerEvent`, that of the beta
protocol if the fake speaks it.
"""

import base64
import heapq
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from openai.types.beta.realtime import RealtimeServerEvent as BetaServerEvent
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from simulator.model.server import FakeRealtime
from simulator.scenario.format import Item, ModelSetup, Reply
from simulator.sound import FRAME_BYTES, SILENT_FRAME, Clip, load_clip
from simulator.timeline import EPOCH, Timer
from simulator.trace import Event, Trace
from simulator.websocket import CLOSE, ClientConnection, Close, HandshakeDone, Ping, Pong, Text

CLIPS = Path(__file__).parent.parent / "fixtures" / "clips" / "en"
HELLO = CLIPS / "hello.wav"
LONG = CLIPS / "opening-hours-long.wav"
PATH = "/v1/realtime?model=gpt-realtime-2.1"
KEY = (("authorization", "Bearer sk-test"),)
END_CALL = {"type": "function", "name": "end_call", "parameters": {"type": "object"}}

OFFICIAL: dict[str, TypeAdapter[Any]] = {
    "ga": TypeAdapter(RealtimeServerEvent),
    "beta": TypeAdapter(BetaServerEvent),
}

Values = dict[str, Any]


class Heap:
    """A timeline without trio: time passes when the test says so."""

    began = EPOCH

    def __init__(self) -> None:
        self.now_ms = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._asked = 0

    def after(self, delay_ms: float, do: Callable[[], None]) -> Timer:
        """Call back in so many milliseconds."""
        timer = Timer(do)
        self._asked += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self._asked, timer))
        return timer

    def run(self, until_ms: float) -> None:
        """Let time pass."""
        while self._heap and self._heap[0][0] <= until_ms:
            at_ms, _, timer = heapq.heappop(self._heap)
            self.now_ms = max(self.now_ms, at_ms)
            if not timer.cancelled:
                timer.do()
        self.now_ms = until_ms


class Desk:
    """One fake, its clock and its trace."""

    def __init__(self, setup: ModelSetup | None = None, **more: Any) -> None:
        self.heap = Heap()
        self.trace = Trace(lambda: self.heap.now_ms)
        self.record: list[Event] = []
        self.trace.subscribe(self.record.append)
        self.setup = setup or ModelSetup()
        self.fake = FakeRealtime(
            self.setup,
            timeline=self.heap,
            trace=self.trace,
            rng=random.Random(1),
            clips=load_clip,
            **more,
        )

    def connect(self, path: str = PATH, headers: Any = KEY) -> "Client":
        """A client that has asked for the upgrade."""
        return Client(self, path, headers)

    def traced(self, name: str) -> list[Event]:
        """The trace's `realtime.name` events."""
        return [event for event in self.record if event.name == name]


class Client:
    """The far end of one connection, and everything that came over it."""

    def __init__(self, desk: Desk, path: str, headers: Any) -> None:
        self.desk = desk
        self.unread = 0
        self.events: list[Values] = []
        self.times: list[float] = []
        self.status = 0
        self.headers: dict[str, str] = {}
        self.close_code = 0
        self.close_reason = ""
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.ended = ""
        self._frames = ClientConnection(random.Random(2))
        self.peer = desk.fake.accept(self)
        self.peer.receive(self._frames.request("api.openai.com", path, headers))

    # -- as a Wire ------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Read what the fake sends; an event the official package does not know fails."""
        for message in self._frames.feed(data):
            match message:
                case HandshakeDone(status, headers):
                    self.status, self.headers = status, headers
                case Text(text):
                    event = json.loads(text)
                    OFFICIAL[self.desk.setup.dialect].validate_json(text)
                    self.events.append(event)
                    self.times.append(self.desk.heap.now_ms)
                case Ping(payload):
                    self.pings.append(payload)
                case Pong(payload):
                    self.pongs.append(payload)
                case Close(code, reason):
                    self.close_code, self.close_reason = code, reason
                case _:
                    raise AssertionError(message)

    def close(self) -> None:
        """The fake closes the connection."""
        self.ended = "closed"

    def abort(self) -> None:
        """The fake resets it."""
        self.ended = "reset"

    # -- what a test does -----------------------------------------------------

    def says(self, kind: str, /, **fields: Any) -> None:
        """Send an event."""
        self.raw(json.dumps({"type": kind, **fields}).encode())

    def raw(self, data: bytes) -> None:
        """Send a text message."""
        self.peer.receive(self._frames.text(data))

    def control(self, opcode: int, data: bytes) -> None:
        """Send a frame of any kind."""
        self.peer.receive(self._frames.control(opcode, data))

    def hangs_up(self, code: int = 1000) -> None:
        """Send a close frame."""
        self.control(CLOSE, code.to_bytes(2, "big"))

    def configure(self, *, voice: str = "marin", tools: Any = (), **turn: Any) -> None:
        """Send a session.update for a telephone call."""
        pcmu = {"type": "audio/pcmu"}
        detection = {"type": "server_vad", "silence_duration_ms": 500, **turn}
        sound = {
            "input": {"format": pcmu, "turn_detection": detection},
            "output": {"format": pcmu, "voice": voice},
        }
        self.says("session.update", session={"type": "realtime", "audio": sound, "tools": [*tools]})

    def appends(self, audio: bytes) -> None:
        """Append audio at once."""
        self.says("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    def hears(self, audio: bytes) -> None:
        """Append audio in 20 ms frames, at the speed of sound."""
        for at in range(0, len(audio), FRAME_BYTES):
            self.desk.heap.run(self.desk.heap.now_ms + 20)
            self.appends(audio[at : at + FRAME_BYTES])

    def hears_silence(self, duration_ms: int) -> None:
        """Append digital silence."""
        self.hears(SILENT_FRAME * (duration_ms // 20))

    def hears_turn(self, path: Path = HELLO, silence_ms: int = 800) -> None:
        """Append a clip and silence after it."""
        self.hears(load_clip(path).audio)
        self.hears_silence(silence_ms)

    def waits(self, duration_ms: float) -> None:
        """Let time pass without a word."""
        self.desk.heap.run(self.desk.heap.now_ms + duration_ms)

    # -- what a test reads ----------------------------------------------------

    def kinds(self) -> list[str]:
        """The events' types, in order."""
        return [event["type"] for event in self.events]

    def order(self, *but: str) -> list[str]:
        """Kinds in order, runs of the same kind written once."""
        kinds = [kind for kind in self.kinds() if kind not in but]
        return [kind for at, kind in enumerate(kinds) if at == 0 or kinds[at - 1] != kind]

    def all(self, kind: str) -> list[Values]:
        """All events of a type."""
        return [event for event in self.events if event["type"] == kind]

    def one(self, kind: str) -> Values:
        """The only event of a type."""
        (event,) = self.all(kind)
        return event

    def at_ms(self, kind: str) -> float:
        """When the first event of a type came."""
        return self.times[self.kinds().index(kind)]

    def audio(self, item_id: str | None = None) -> bytes:
        """All audio received, or that of one item."""
        deltas = self.all("response.output_audio.delta")
        return b"".join(
            base64.b64decode(event["delta"])
            for event in deltas
            if item_id in (None, event["item_id"])
        )

    def forget(self) -> None:
        """Read only what comes from now on."""
        self.events.clear()
        self.times.clear()


def ready(setup: ModelSetup | None = None, *, tools: Any = (), **turn: Any) -> Client:
    """A session that is configured for μ-law."""
    client = Desk(setup).connect()
    client.configure(tools=tools, **turn)
    client.forget()
    return client


def reply(on: str = "turn", *paths: Path, **more: Any) -> Reply:
    """A reply that says these clips, one item each."""
    return Reply(on, items=tuple(Item(path) for path in paths), **more)


def clip(path: Path) -> Clip:
    """A clip of the sound library."""
    return load_clip(path)


def update(client: Client, **session: Any) -> dict[str, Any]:
    """Send a session.update; the answer."""
    client.says("session.update", event_id="mine", session={"type": "realtime", **session})
    return client.events[-1]
