"""A bridge made of a few lines, and a clock turned by hand: the far end in the tests of `phone`."""

from __future__ import annotations

import base64
import heapq
import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from simulator.account.account import Account
from simulator.phone.call import FakePhone
from simulator.phone.order import CallOrder, order_of
from simulator.scenario.format import CallSetup, PhoneSetup, Scenario, Step
from simulator.timeline import Timeline, Timer
from simulator.trace import Event, Trace
from simulator.websocket import (
    CLOSE,
    Close,
    HandshakeRequest,
    Pong,
    ServerConnection,
    Text,
    close_data,
    frame,
)
from simulator.wire import NoWire, Origin, Peer, Wire

HOST = "bridge.example.com"
VOICE_URL = f"https://{HOST}/incoming-call"
ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token-of-nobody"
CLIPS = Path(__file__).parent.parent / "fixtures" / "clips" / "en"
LOUD = bytes([0x10]) * 160
SILENT = bytes([0xFF]) * 160
STREAM = (
    '<Response><Connect><Stream url="wss://bridge.example.com/media-stream">'
    '<Parameter name="token" value="abcdefghijkl"/><Parameter name="lang" value="en"/>'
    "</Stream></Connect>{}</Response>"
)

Web = Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]]


class HandTimeline(Timeline):
    """The same heap of callbacks, without trio."""

    def __init__(self) -> None:
        self._now_ms = 0.0
        self._todo: list[tuple[float, int, Timer]] = []
        self._asked_for = 0

    @property
    def now_ms(self) -> float:
        """Now."""
        return self._now_ms

    def at(self, at_ms: float, do: Callable[[], None]) -> Timer:
        """Remember a callback."""
        self._asked_for += 1
        timer = Timer(do)
        heapq.heappush(self._todo, (max(at_ms, self._now_ms), self._asked_for, timer))
        return timer

    def run(self, until_ms: float = 1e9, *, unless: Callable[[], bool] | None = None) -> None:  # type: ignore[override]
        """Let time pass."""
        while self._todo and self._todo[0][0] <= until_ms and not (unless and unless()):
            self._now_ms, _, timer = heapq.heappop(self._todo)
            if not timer.cancelled:
                timer.do()
        if not (unless and unless()) and until_ms < 1e9:
            self._now_ms = until_ms


class Far:
    """The bridge's end of one connection; also the phone's wire."""

    def __init__(self, bridge: Bridge, peer: Peer) -> None:
        self._bridge = bridge
        self._peer = peer
        self._data = b""
        self._websocket: ServerConnection | None = None
        self.reads = True
        self.unread = 0
        self.over: str | None = None

    def send(self, data: bytes) -> None:
        """Bytes of the phone."""
        if not self.reads:
            self.unread += len(data)
        elif self._websocket is not None:
            self._messages(data)
        else:
            self._data += data
            self._head()

    def close(self) -> None:
        """The phone closed."""
        self.over = self.over or "closed"

    def abort(self) -> None:
        """The phone reset the connection."""
        self.over = self.over or "aborted"

    def give(self, data: bytes) -> None:
        """Send bytes to the phone, soon."""
        self._bridge.timeline.after(0, lambda: self._peer.receive(data))

    def drop(self, why: str) -> None:
        """The connection ends from this side."""
        self._bridge.timeline.after(0, lambda: self._peer.closed(why))

    def _head(self) -> None:
        head, end, rest = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:])
        method, target, _ = lines[0].split(" ")
        if "upgrade" in headers:
            self._websocket = ServerConnection()
            self._bridge.upgrades.append((target, headers))
            self._messages(self._data)
        elif len(rest) >= int(headers.get("content-length", 0)):
            self._bridge.requests.append((method, target, headers, rest))
            self._answer(target, dict(parse_qsl(rest.decode(), keep_blank_values=True)))

    def _answer(self, target: str, form: dict[str, str]) -> None:
        if not self._bridge.mute:
            self._bridge.timeline.after(0, lambda: self._reply(target, form))

    def _reply(self, target: str, form: dict[str, str]) -> None:
        status, headers, body = self._bridge.web(target, form)
        lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {it}" for name, it in headers.items())]
        head = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""])
        self.give(head.encode() + body)

    def _messages(self, data: bytes) -> None:
        assert self._websocket is not None
        for message in self._websocket.feed(data):
            if isinstance(message, HandshakeRequest):
                if self._bridge.upgrade_answer:
                    self.give(self._bridge.upgrade_answer)
                elif self._bridge.refuse:
                    self.give(self._websocket.refuse(self._bridge.refuse, "No", b""))
                else:
                    self.give(self._websocket.accept())
                self._bridge.socket = self
                self._bridge.sockets[message.path] = self
            elif isinstance(message, Text):
                self._bridge.take(message.data)
            elif isinstance(message, Close):
                self._bridge.closes.append(message.code)
                self.give(self._websocket.control(CLOSE, close_data(1000)))
            elif isinstance(message, Pong):
                self._bridge.pongs.append(message.data)


class Bridge:
    """Answers webhooks with `twiml` and keeps what the stream sends."""

    def __init__(self, timeline: HandTimeline, twiml: str) -> None:
        self.timeline = timeline
        self.twiml = twiml
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.upgrades: list[tuple[str, dict[str, str]]] = []
        self.raw: list[bytes] = []
        self.times: list[float] = []
        self.closes: list[int] = []
        self.pongs: list[bytes] = []
        self.connections: list[Far] = []
        self.origins: list[str] = []
        self.unreachable = ""
        """Why no connection comes up."""
        self.absent = False
        """Nothing is taken, and nothing said."""
        self.upgrade_answer = b""
        self.refuse = 0
        self.mute = False
        self.socket: Far | None = None
        self.sockets: dict[str, Far] = {}
        self.web: Web = lambda _path, _form: (200, {"content-type": "text/xml"}, self.body())

    def body(self) -> bytes:
        """The document."""
        return self.twiml.encode()

    def connect(self, origin: Origin, peer: Peer) -> Wire:
        """A new connection of the phone."""
        self.origins.append(str(origin))
        if self.absent:
            return NoWire()
        why = self.unreachable if origin.host == HOST else "unresolved"
        if why:
            self.timeline.after(0, lambda: peer.closed(why))
            return NoWire()
        far = Far(self, peer)
        self.connections.append(far)
        return far

    def take(self, data: bytes) -> None:
        """A message of the stream."""
        self.raw.append(data)
        self.times.append(self.timeline.now_ms)

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The stream's messages of one kind."""
        return [it for it in map(json.loads, self.raw) if it["event"] == kind]

    @property
    def stream_sid(self) -> str:
        """The stream's name."""
        return str(self.events("start")[-1]["streamSid"])

    def send(self, message: dict[str, Any] | bytes) -> None:
        """A text message to the phone."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.send_frame(frame(0x1, data))

    def send_frame(self, data: bytes) -> None:
        """Any bytes on the open stream."""
        assert self.socket is not None
        self.socket.give(data)

    def send_to(self, path: str, message: dict[str, Any]) -> None:
        """A text message on the stream of this path."""
        self.sockets[path].give(frame(0x1, json.dumps(message).encode()))

    def media(self, audio: bytes) -> None:
        """Say something."""
        payload = base64.b64encode(audio).decode()
        sid = self.stream_sid
        self.send({"event": "media", "streamSid": sid, "media": {"payload": payload}})

    def mark(self, name: str) -> None:
        """Ask for a mark."""
        self.send({"event": "mark", "streamSid": self.stream_sid, "mark": {"name": name}})

    def clear(self) -> None:
        """Drop the buffer."""
        self.send({"event": "clear", "streamSid": self.stream_sid})

    def close(self, code: int = 1000) -> None:
        """Close the stream in order."""
        self.send_frame(frame(CLOSE, close_data(code)))


class Call:
    """One call: phone, bridge, clock and trace."""

    def __init__(
        self,
        *steps: Step,
        twiml: str = STREAM.format(""),
        phone: PhoneSetup | None = None,
        seed: int = 1,
        auth_token: str | None = TOKEN,
        call: CallSetup | None = None,
        order: dict[str, Any] | None = None,
        mute: bool = False,
        dial: bool = True,
        **scenario: Any,
    ) -> None:
        self.timeline = HandTimeline()
        self.trace = Trace(lambda: self.timeline.now_ms)
        self.events: list[Event] = []
        self.trace.subscribe(self.events.append)
        self.bridge = Bridge(self.timeline, twiml)
        self.bridge.mute = mute
        self.scenario = Scenario(
            name="a call",
            path=Path("a.call.yaml"),
            caller=steps,
            phone=phone or PhoneSetup(),
            call=call or CallSetup(),
            **scenario,
        )
        self.phone = FakePhone(
            self.scenario,
            timeline=self.timeline,
            trace=self.trace,
            rng=random.Random(seed),
            connect=self.bridge.connect,
            order=replace(self.order(), **(order or {})),
            auth_token=auth_token,
            account_sid=ACCOUNT,
        )
        self.account = Account(
            account_sid=ACCOUNT,
            auth_token=auth_token,
            timeline=self.timeline,
            trace=self.trace,
            rng=random.Random(seed),
            completions=self.scenario.phone.hangup_rest,
        )
        self.account.adopt(self.phone)
        if dial:
            self.phone.dial()

    def order(self) -> CallOrder:
        """What the call is made with."""
        return order_of(self.scenario.call, VOICE_URL)

    def run(self, until_ms: float) -> Call:
        """Let the call go on."""
        self.timeline.run(until_ms)
        return self

    def at(self, at_ms: float, do: Callable[[], object]) -> None:
        """The bridge does something."""

        def once() -> None:
            do()

        self.timeline.at(at_ms, once)

    def of(self, name: str, **where: Any) -> list[Event]:
        """The trace's events of one name."""
        return [
            event
            for event in self.events
            if f"{event.who}.{event.name}" == name
            and all(event.data.get(key) == value for key, value in where.items())
        ]

    @property
    def ended(self) -> tuple[str, str] | None:
        """By whom and how the line was released."""
        ends = self.of("phone.ended")
        assert len(ends) <= 1
        return (ends[0].data["by"], ends[0].data["how"]) if ends else None

    @property
    def warnings(self) -> list[int]:
        """Codes in Twilio's debugger about the stream."""
        return [event.data["code"] for event in self.of("twilio.warning")]

    @property
    def problems(self) -> list[int]:
        """Codes in Twilio's debugger about the TwiML."""
        return [event.data["code"] for event in self.of("phone.twiml_error")]

    def forms(self, path: str) -> list[dict[str, str]]:
        """The forms posted to a path of the bridge's, in order."""
        return [
            dict(parse_qsl(body.decode(), keep_blank_values=True))
            for _, target, _, body in self.bridge.requests
            if target == path
        ]

    def hang_up(self, status: str = "completed", token: str = TOKEN) -> tuple[int, Any]:
        """The bridge asks to end the call."""
        return self.rest("POST", {"Status": [status]}, token)

    def rest(self, method: str, form: dict[str, list[str]], token: str = TOKEN) -> tuple[int, Any]:
        """Any request about this call."""
        sid = self.phone.identity.call_sid
        url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json"
        status, _, body = self.account.answer(method, url, form, (ACCOUNT, token))
        return status, json.loads(body) if body else None
