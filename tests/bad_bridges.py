"""Scripted bridges which do things wrong, and calls with them in virtual and in real time.

A script is what the bridge answers to the webhook and does on the media stream; `serve` plays it on
any trio stream, so the same script runs in memory and behind a real socket.
"""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import trio

from simulator.clock import run_virtually
from simulator.judging.judge import Judge
from simulator.judging.terms import SCHEDULING_MS, Terms
from simulator.live.doors import open_doors
from simulator.live.lateness import Lateness
from simulator.live.process import RunningBridge
from simulator.live.target import live_target
from simulator.live.world import LiveWorld, Place
from simulator.network import Connection
from simulator.phone.order import order_of
from simulator.pretended import ACCOUNT_SID, API_KEY, AUTH_TOKEN, PUBLIC_HOST
from simulator.report.result import ScenarioResult
from simulator.scenario.format import Scenario
from simulator.scene import SETTLE_MS, Scene
from simulator.timeline import Timeline
from simulator.websocket import CLOSE, ClientConnection, accept_key, close_data, frame
from simulator.wire import NoWire, Origin, Peer, Wire
from tests.small_calls import small_call

TEXT = 0x1
STREAM_URL = f"wss://{PUBLIC_HOST}/media"
CALL = """
name: a call to a bridge that is not up to it
caller:
  - when: at 1500ms
    hang_up: true
stop_after: 30s
expect:
  ended: {by: caller}
"""


def http(body: str, status: str = "200 OK", kind: str = "text/xml", more: str = "") -> bytes:
    """A whole HTTP answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body.encode())}\r\n"
    return f"{head}{more}connection: close\r\n\r\n{body}".encode()


def connect_stream(url: str = STREAM_URL) -> str:
    """TwiML that connects the call to a stream."""
    return f'<Response><Connect><Stream url="{url}"/></Connect></Response>'


class Talk:
    """The bridge's end of an open media stream."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.stream_sid = ""

    async def started(self) -> None:
        """Wait for `start`. Its text is found in the masked bytes without a parser."""
        heard = b""
        while b'"start"' not in _unmasked(heard):
            more = await self._stream.receive_some()
            assert more, "the stream ended before its start"
            heard += more
        text = _unmasked(heard)
        at = text.rindex(b"MZ")
        self.stream_sid = text[at : at + 34].decode()

    async def text(self, text: str) -> None:
        """A text message; `SID` stands for the stream's sid."""
        await self.raw(frame(TEXT, text.replace("SID", self.stream_sid).encode()))

    async def raw(self, data: bytes) -> None:
        """Any bytes."""
        await self._stream.send_all(data)

    async def close(self, code: int = 1000) -> None:
        """A close frame."""
        await self.raw(frame(CLOSE, close_data(code)))

    async def listen(self) -> None:
        """Read until Twilio closes."""
        while await self._stream.receive_some():
            pass


def _unmasked(data: bytes) -> bytes:
    """The payloads of a client's masked frames, in a row."""
    texts, at = [], 0
    while at + 2 <= len(data):
        size, at = data[at + 1] & 0x7F, at + 2
        if size > 125:
            width = 2 if size == 126 else 8
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        mask, at = data[at : at + 4], at + 4
        if at + size > len(data):
            break
        texts.append(bytes(byte ^ mask[n % 4] for n, byte in enumerate(data[at : at + size])))
        at += size
    return b"\n".join(texts)


async def _listens(talk: Talk) -> None:
    await talk.listen()


@dataclass(frozen=True)
class Script:
    """A bridge. `webhook` may hold `PUBLIC`, its own host; `upgrade` None = 101.

    `stream` plays on the open media stream. `refused`: the stream's connection is refused.
    `to_model`: what it sends to the Realtime endpoint, as soon as the stream has started; a number
    is a pause in seconds.
    """

    webhook: bytes = http(connect_stream())
    upgrade: bytes | None = None
    stream: Callable[[Talk], Awaitable[None]] = _listens
    silent: bool = False
    refused: bool = False
    hangs_on: bool = False
    to_model: tuple[str | bytes | float, ...] = ()
    model_path: str = "/v1/realtime?model=gpt-realtime"
    model_headers: dict[str, str] = field(
        default_factory=lambda: {"authorization": f"Bearer {API_KEY}"}
    )


OpenModel = Callable[[], Awaitable[trio.abc.Stream]]


async def serve(
    script: Script, stream: trio.abc.Stream, public: str, open_model: OpenModel
) -> None:
    """Serve one connection by the script."""
    head = b""
    while b"\r\n\r\n" not in head:
        more = await stream.receive_some()
        if not more:
            return
        head += more
    if b"upgrade: websocket" not in head.lower():
        await stream.send_all(script.webhook.replace(b"PUBLIC", public.encode()))
        await stream.aclose()
        return
    if script.silent:
        await trio.sleep_forever()
    if script.upgrade is not None:
        await stream.send_all(script.upgrade)
        await stream.aclose()
        return
    key = next(line.partition(b":")[2].strip() for line in head.split(b"\r\n")
               if line.lower().startswith(b"sec-websocket-key"))  # fmt: skip
    await stream.send_all(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: " + accept_key(key.decode()).encode() + b"\r\n\r\n"
    )
    talk = Talk(stream)
    await talk.started()
    if script.to_model:
        await _speak_to_model(script, await open_model())
    await script.stream(talk)
    if script.hangs_on:
        await trio.sleep_forever()
    await stream.aclose()


async def _speak_to_model(script: Script, stream: trio.abc.Stream) -> None:
    client = ClientConnection(random.Random(7))
    await stream.send_all(
        client.request("api.openai.com", script.model_path, list(script.model_headers.items()))
    )
    await stream.receive_some()
    for message in script.to_model:
        if isinstance(message, float):
            await trio.sleep(message)
            continue
        raw = message if isinstance(message, bytes) else client.text(message.encode())
        await stream.send_all(raw)
    await stream.receive_some()
    await trio.sleep(0.2)
    await trio.aclose_forcefully(stream)


# -- in virtual time ------------------------------------------------------------------------------


class _World:
    """A scene with a scripted bridge in memory."""

    def __init__(self, script: Script, scenario: Scenario) -> None:
        self.timeline = Timeline()
        self._script = script
        self._connections = self._serving = 0
        self.scene = Scene(
            scenario,
            0,
            timeline=self.timeline,
            connect=self._connect,
            order=order_of(scenario.call, f"https://{PUBLIC_HOST}/voice"),
            account_sid=ACCOUNT_SID,
            auth_token=AUTH_TOKEN,
        )

    async def play(self) -> None:
        """From the ring until the bridge has let go, or for SETTLE_MS more."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.timeline.run)
            self.scene.begin()
            await self.scene.over.wait()
            await trio.sleep(SETTLE_MS / 1000)
            if self._serving:
                self.scene.left_behind(self._serving)
            self._nursery.cancel_scope.cancel()

    def _connect(self, origin: Origin, peer: Peer) -> Wire:
        why = "" if origin.host == PUBLIC_HOST else "unresolved"
        self._connections += 1
        if self._script.refused and self._connections > 1:
            why = "refused"
        if why:
            self.timeline.after(0.0, lambda: peer.closed(why))
            return NoWire()
        leg = self.scene.twilio
        connection = Connection(self.timeline, leg.to_bridge, leg.from_bridge)
        leg.add(connection)
        connection.attach(peer)
        self._nursery.start_soon(self._serve, connection)
        return connection

    async def _serve(self, connection: Connection) -> None:
        self._serving += 1
        try:
            await serve(self._script, connection.stream, PUBLIC_HOST, self._open_model)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.aclose_forcefully(connection.stream)
        finally:
            self._serving -= 1

    async def _open_model(self) -> trio.abc.Stream:
        leg = self.scene.realtime
        connection = Connection(self.timeline, leg.to_bridge, leg.from_bridge)
        leg.add(connection)
        connection.attach(self.scene.model.accept(connection))
        return connection.stream


def judged(script: Script, folder: Path, call: str = CALL) -> ScenarioResult:
    """A call with the scripted bridge in virtual time, judged."""
    scenario = small_call(folder, call)

    async def one_call() -> ScenarioResult:
        world = _World(script, scenario)
        judge = Judge(scenario, world.scene.trace, Terms(log_is_read=False))
        await world.play()
        return judge.result(seed=0, simulated_ms=world.timeline.now_ms, wall_s=0.0)

    return run_virtually(one_call, seed=0)


# -- over sockets ---------------------------------------------------------------------------------


async def judged_live(script: Script, folder: Path, call: str = CALL) -> ScenarioResult:
    """The same over real sockets, the bridge listening on loopback."""
    scenario = small_call(folder, call)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]

        async def handle(stream: trio.SocketStream) -> None:
            try:
                await serve(script, stream, f"127.0.0.1:{port}", _no_model)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await trio.aclose_forcefully(stream)

        nursery.start_soon(trio.serve_listeners, handle, listeners)
        async with open_doors() as doors:
            bridge = RunningBridge(live_target(f"http://127.0.0.1:{port}/voice"), port)
            world = LiveWorld(scenario, 0, Place(bridge, doors), Lateness())
            judge = Judge(scenario, world.trace, Terms(SCHEDULING_MS, log_is_read=False))
            await world.play()
        nursery.cancel_scope.cancel()
    return judge.result(seed=0, simulated_ms=world.timeline.now_ms, wall_s=0.0)


async def _no_model() -> trio.abc.Stream:
    raise AssertionError("this script has no model")
