"""Calls of the fake Realtime endpoint as a server: one fake for each connection, and its story.

Owns how many there may be, what a terminal is told of them, and how an event is written down.
What the model says and which rules it has are `simulator.model`'s and `simulator.gpt_live`'s. No
audio, no key and nobody's words are told or written.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from simulator.cues import Cues
from simulator.gpt_live.server import FakeGptLive
from simulator.model.client_link import ClientLink
from simulator.model.server import FakeRealtime
from simulator.scenario.format import AutoReply, Item, ModelSetup, Reply, ToolCall, Trigger
from simulator.sound import FIXTURES, load_clip, speech_library
from simulator.timeline import Timeline
from simulator.trace import Event, Trace
from simulator.wire import Peer, Wire

Engine = Literal["realtime", "live"]

CALLS_MAX: Final = 100
TURNS_UNTIL_END_CALL: Final = 4
ERRORS_TOLD_MAX: Final = 10
"""For each call; a bridge that breaks a rule fifty times a second would hide everything else."""
HEAD_BYTES_MAX: Final = 64 * 1024

# fidelity: inferred realtime.md 1 - a 429 at the upgrade has not been seen from OpenAI itself
_TOO_MANY: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n"
    b"content-length: 68\r\nconnection: close\r\n\r\n"
    b'{"error":{"message":"Too many sessions","type":"rate_limit_error"}}\n'
)
_STANDS_ALONE: Final = frozenset({"at", "stream_started", "tool_called"})


def default_script(engine: Engine = "realtime") -> ModelSetup:
    """Greets on request, answers each turn, says goodbye and calls `end_call` in the last one.

    GPT-Live's calls are its backend's: there the goodbye is said when it is asked for.
    """
    clips = FIXTURES / "clips" / "en"
    greeting = Reply("greeting", items=(Item(clips / "welcome-short.wav"),), optional=True)
    last = f"turn {TURNS_UNTIL_END_CALL}"
    end = (ToolCall("end_call", {"reason": "the conversation is over"}),)
    goodbye = (Item(clips / "farewell.wav"),)
    ending: tuple[Reply, ...] = (Reply(last, items=goodbye, calls=end),)
    if engine == "live":
        ending = (Reply(last, calls=end), Reply("farewell", items=goodbye))
    return ModelSetup(replies=(greeting, *ending), auto=AutoReply())


class RealtimeServer:
    """Accepts connections: a fake, a script and a stream of randomness for each.

    Args:
        setup: the `model:` section.
        engine: which protocol is spoken.
        timeline: running, on the real clock.
        seed: equal seeds give equal ids and automatic replies to the same connections.
        say: gets a line for people.
        write: gets each event of the trace with the number of its call.
        calls_max: more connections at once get a 429.
    """

    def __init__(
        self,
        setup: ModelSetup,
        *,
        engine: Engine = "realtime",
        timeline: Timeline,
        seed: int = 0,
        say: Callable[[str], None] = lambda _: None,
        write: Callable[[int, Event], None] = lambda _number, _event: None,
        calls_max: int = CALLS_MAX,
    ) -> None:
        self._setup = setup
        self._fake: type[FakeRealtime | FakeGptLive] = (
            FakeGptLive if engine == "live" else FakeRealtime
        )
        self._timeline = timeline
        self._seed = seed
        self._say = say
        self._write = write
        self._calls_max = calls_max
        self.calls = 0
        self._open: list[ClientLink] = []
        for clip in _clips_of(setup):  # a file read in the middle of a call would make it late
            load_clip(clip)

    def accept(self, wire: Wire) -> Peer:
        """Take a connection."""
        self._open = [known for known in self._open if not known.over]
        if len(self._open) >= self._calls_max:
            self._say(f"a connection too many: {len(self._open)} are open (--calls)")
            return _TurnedAway(wire)
        self.calls += 1
        number, trace = self.calls, Trace(lambda: self._timeline.now_ms)
        trace.subscribe(lambda event: self._write(number, event))
        trace.subscribe(_Narrator(number, self._timeline.now_ms, self._say).tell)
        fake = self._fake(
            self._setup,
            timeline=self._timeline,
            trace=trace,
            rng=random.Random(f"{self._seed}/{number}"),
            clips=load_clip,
            library=speech_library(),
            cue=_cue(self._timeline, trace),
        )
        connection = fake.accept(wire)
        self._open.append(connection)
        return connection


class _TurnedAway:
    """Answers one request with 429."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._head = b""

    def receive(self, data: bytes) -> None:
        """Wait for the end of the request's head; a client reads no answer before."""
        self._head += data
        if b"\r\n\r\n" in self._head or len(self._head) > HEAD_BYTES_MAX:
            self._wire.send(_TOO_MANY)
            self._wire.close()

    def closed(self, why: str) -> None:
        """It is gone."""


def _cue(timeline: Timeline, trace: Trace) -> Callable[[Trigger, float, Callable[[], None]], None]:
    """Waits for a fault's moment; times count from the connection, there being no stream."""
    cues = Cues(timeline, trace)

    def when(trigger: Trigger, wait_ms: float, do: Callable[[], None]) -> None:
        if trigger.kind in ("at", "stream_started"):
            timeline.after(trigger.value_ms + wait_ms, do)
        else:
            cues.when(trigger, wait_ms, do)

    return when


def stands_alone(trigger: Trigger) -> bool:
    """Whether a fault that waits for this can happen when there is a model but no phone."""
    return trigger.kind in _STANDS_ALONE


def _clips_of(setup: ModelSetup) -> Iterator[Path]:
    for reply in setup.replies:
        for item in reply.items:
            yield from item.clips
    if setup.auto is not None:
        yield from setup.auto.clips or speech_library()


# -- what people are told -------------------------------------------------------------------------


class _Narrator:
    """Tells of one call in a few lines."""

    def __init__(self, number: int, began_ms: float, say: Callable[[str], None]) -> None:
        self._number = number
        self._began_ms = began_ms
        self._print = say
        self._turns = self._responses = self._errors = 0

    def tell(self, event: Event) -> None:
        """Take one event of the trace."""
        data = event.data
        match event.name:
            case "upgraded":
                self._say(f"connected, {shown_path(data['path'])}")
            case "refused":
                self._say(f"turned away with HTTP {data['status']}")
            case "sent":
                self._count(data)
            case "turn_taken":  # GPT-Live has no event for it, nor for the end of what it says
                self._turns += 1
            case "utterance_said" | "utterance_broken_off":
                self._responses += 1
            case "violation" if data["code"] == "websocket":
                self._say(f"broke the WebSocket protocol: {data['message']}")
            case "unscripted":
                self._say(f"no reply is left in the script for: {data['kind']}")
            case "closed":
                lasted_s = (event.at_ms - self._began_ms) / 1000
                talk = f"{many(self._turns, 'turn')}, {many(self._responses, 'response')}"
                by = "the bridge" if data["by"] == "bridge" else f"the {data['by']}"
                self._say(f"closed by {by} ({data['code']}) after {lasted_s:.1f} s: {talk}")

    def _count(self, data: dict[str, Any]) -> None:
        match data["type"]:
            case "input_audio_buffer.committed":
                self._turns += 1
            case "response.done":
                self._responses += 1
            case "error":
                self._errors += 1
                if self._errors <= ERRORS_TOLD_MAX:
                    self._say(f"error {data['code']}: {data['message']}")

    def _say(self, text: str) -> None:
        self._print(f"call {self._number}: {text}")


def many(count: int, noun: str) -> str:
    """`1 call`, `2 calls`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shown_path(path: str) -> str:
    """A request target with nothing in its query but the model: clients put keys there."""
    url = urlsplit(path)
    query = parse_qs(url.query)
    models = [f"{name}={query[name][0]}" for name in ("model", "deployment") if name in query]
    return f"{url.path}?{'&'.join(models)}" if models else url.path


def trace_line(number: int, event: Event) -> bytes:
    """One event as a line of JSON: sound as its length, a path without its query."""
    data: dict[str, Any] = {}
    for name, value in event.data.items():
        if isinstance(value, bytes):
            data[f"{name}_bytes"] = len(value)
        elif name == "path":
            data[name] = shown_path(value)
        elif name not in ("delta", "transcript", "text", "arguments"):
            data[name] = value
    head = {"call": number, "at_ms": event.at_ms, "event": f"{event.who}.{event.name}"}
    return msgspec.json.encode({**head, **data}) + b"\n"
