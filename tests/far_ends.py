"""Small far ends for the tests of the bridge's shell: a Realtime server, REST, a caller's stream.

They know as much of the vendors' protocols as these tests need; the real fakes are the simulator's.
"""

import base64
import json
from typing import Any

import httpx
import trio
from quart.typing import TestWebsocketConnectionProtocol
from quart_trio.testing import connections
from trio.testing import memory_stream_pair
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from bridge.outside import Outside
from bridge.settings import Settings

KEY = "sk-planted-0123456789abcdefghij"
ACCOUNT = "AC" + "a" * 32
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"
CALL = "CA" + "1" * 32
STREAM = "MZ" + "2" * 32
NOW = 1_790_000_000.0

# What the test client raises when the app closes the WebSocket: since Quart 0.23, and before.
_CLOSED = ("ClientDisconnectedError", "WebsocketDisconnectError")
CLOSED: type[Exception] = next(
    vars(connections)[name] for name in _CLOSED if name in vars(connections)
)


def settings(**given: Any) -> Settings:
    """Settings of a test: no greeting, so that nothing happens by itself."""
    return Settings(**{"openai_api_key": KEY, "greeting": "", **given})


def production(**given: Any) -> Settings:
    """Settings with signatures and REST."""
    return settings(
        **{
            "twilio_account_sid": ACCOUNT,
            "twilio_auth_token": AUTH_TOKEN,
            "public_url": "https://voice.example.com",
            **given,
        }
    )


class FarRealtime:
    """A Realtime server that admits everyone and does nothing by itself.

    Args:
        nursery: where its connections live.
        admits: whether it says session.created; otherwise it says nothing at all.
        reads: whether it reads what it is sent.
        reachable: whether a connection can be opened at all.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        *,
        admits: bool = True,
        reads: bool = True,
        reachable: bool = True,
    ) -> None:
        self._nursery = nursery
        self._admits = admits
        self._reads = reads
        self._reachable = reachable
        self._connection: WebSocketConnection | None = None
        self._count = 0
        self.paths: list[str] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.heard: list[dict[str, Any]] = []
        self.opened = 0
        self.closed_at: list[float] = []
        self.close_codes: list[int] = []
        self.near: trio.StapledStream[Any, Any] | None = None

    async def open_stream(self, _host: str, _port: int, _tls: bool) -> trio.abc.Stream:
        """Open the near end of a connection to this server."""
        if not self._reachable:
            raise ConnectionRefusedError(111, "Connection refused")
        self.opened += 1
        self.near, far = memory_stream_pair()
        self._nursery.start_soon(self._serve, far)
        return self.near

    async def _serve(self, stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            request = await wrap_server_stream(nursery, stream)
            self.paths.append(request.path)
            self.headers.append(dict(request.headers))
            self._connection = await request.accept()
            if self._admits:
                await self.say("session.created", session={})
            try:
                while self._reads:
                    await self._hear(json.loads(await self._connection.get_message()))
                await trio.sleep_forever()
            except ConnectionClosed as closed:
                self.closed_at.append(trio.current_time())
                self.close_codes.append(closed.reason.code if closed.reason else 0)

    async def _hear(self, event: dict[str, Any]) -> None:
        self.heard.append(event)
        if event["type"] == "session.update":
            await self.say("session.updated", session={})

    def all(self, kind: str) -> list[dict[str, Any]]:
        """All events of one kind, in order."""
        return [event for event in self.heard if event["type"] == kind]

    async def say(self, kind: str, **fields: Any) -> None:
        """Send one message."""
        self._count += 1
        assert self._connection is not None
        event = {"type": kind, "event_id": f"event_{self._count}", **fields}
        await self._connection.send_message(json.dumps(event))

    async def drop(self) -> None:
        """Close without a close frame."""
        assert self._connection is not None
        await self._connection._stream.aclose()

    async def speak(self, audio: bytes, response: str = "resp_1", item: str = "item_1") -> None:
        """A response with one item of audio, in deltas of 250 ms."""
        await self.say("response.created", response={"id": response, "status": "in_progress"})
        await self.say(
            "response.output_item.added",
            response_id=response,
            item={"id": item, "type": "message", "status": "in_progress"},
        )
        where = {"response_id": response, "item_id": item, "content_index": 0, "output_index": 0}
        for start in range(0, len(audio), 2000):
            delta = base64.b64encode(audio[start : start + 2000]).decode()
            await self.say("response.output_audio.delta", **where, delta=delta)
        await self.say("response.output_audio.done", **where)

    async def call_tool(self, name: str, response: str = "resp_1") -> None:
        """A complete function call."""
        await self.say(
            "response.output_item.done",
            response_id=response,
            item={
                "id": "item_tool",
                "type": "function_call",
                "status": "completed",
                "name": name,
                "call_id": "call_1",
                "arguments": '{"reason": "done"}',
            },
        )

    async def finish(self, response: str = "resp_1") -> None:
        """The response is done."""
        await self.say("response.done", response={"id": response, "status": "completed"})


class FarRest(httpx.AsyncBaseTransport):
    """Twilio's REST API: counts, waits if told to, and completes."""

    def __init__(self, status: int = 200, code: int = 0, wait_s: float = 0) -> None:
        self.status, self.code, self.wait_s = status, code, wait_s
        self.asked: list[str] = []
        self.was_asked = trio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.asked.append(f"{request.url.path} {(await request.aread()).decode()}")
        self.was_asked.set()
        await trio.sleep(self.wait_s)
        return httpx.Response(self.status, json={"sid": CALL, "code": self.code, "message": "x"})


class Lines(list[dict[str, Any]]):
    """The log as a list; `over` is set by the last line of a call."""

    def __init__(self) -> None:
        super().__init__()
        self.over = trio.Event()

    def keep(self, line: dict[str, Any]) -> None:
        """The sink."""
        self.append(line)
        if line["event"] == "call_ended":
            self.over.set()

    def all(self, event: str) -> list[dict[str, Any]]:
        """All events of one kind, in order."""
        return [line for line in self if line["event"] == event]

    @property
    def ended(self) -> dict[str, Any]:
        """The last line of the only call."""
        (line,) = self.all("call_ended")
        return line


def outside(
    realtime: FarRealtime, lines: Lines, rest: httpx.AsyncBaseTransport | None = None
) -> Outside:
    """The seams, with these far ends behind them."""
    return Outside(
        open_stream=realtime.open_stream,
        http_transport=rest or FarRest(),
        wall_clock=lambda: NOW,
        log=lines.keep,
    )


def start_of(token: str, call_sid: str = CALL, **parameters: str) -> dict[str, Any]:
    """What Twilio says of a stream that starts."""
    return {
        "accountSid": ACCOUNT,
        "streamSid": STREAM,
        "callSid": call_sid,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token, **parameters},
    }


class FarTwilio:
    """The stream of one call, over the test client of the framework."""

    def __init__(self, websocket: TestWebsocketConnectionProtocol) -> None:
        self.websocket = websocket
        self.sequence = 0
        self.heard: list[dict[str, Any]] = []

    async def say(self, event: str, **fields: Any) -> None:
        """Send one message."""
        self.sequence += 1
        number = {"sequenceNumber": str(self.sequence), "streamSid": STREAM}
        await self.websocket.send(json.dumps({"event": event, **number, **fields}))

    async def begin(self, token: str, call_sid: str = CALL, **parameters: str) -> None:
        """The first two messages of a stream."""
        await self.websocket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        await self.say("start", start=start_of(token, call_sid, **parameters))

    async def speak(self, audio: bytes, at_ms: int = 155) -> None:
        """One frame of the caller's audio."""
        payload = base64.b64encode(audio).decode()
        media = {"track": "inbound", "chunk": "1", "timestamp": str(at_ms), "payload": payload}
        await self.say("media", media=media)

    async def hang_up(self) -> None:
        """The last message of a stream."""
        await self.say("stop", stop={"accountSid": ACCOUNT, "callSid": CALL})

    async def listen(self) -> None:
        """Hear everything; every mark comes back at once."""
        while True:
            message = json.loads(await self.websocket.receive())
            self.heard.append(message)
            if message["event"] == "mark":
                await self.say("mark", mark=message["mark"])

    def audio(self) -> bytes:
        """All audio the caller was sent."""
        return b"".join(
            base64.b64decode(message["media"]["payload"])
            for message in self.heard
            if message["event"] == "media"
        )
