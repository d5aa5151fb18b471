"""The two sockets of a call: messages in, messages out.

Owns frames, their limits, connecting and closing. Must not know what the messages mean. What a peer
or the network does wrong comes out as a value (`Malformed`, `Closed`), never as an exception.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from math import inf
from typing import Any, Final, Literal, TypeVar
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import h11
import trio
from quart.wrappers import Websocket
from trio_websocket import (
    ConnectionClosed,
    ConnectionRejected,
    WebSocketConnection,
    wrap_client_stream,
)
from wsproto.utilities import ProtocolError

from bridge.core import realtime, twilio
from bridge.engines.engine import Engine, MakeEngine, Told
from bridge.engines.realtime_api import RealtimeApi
from bridge.errors import ConnectError, ConnectRefused, ConnectTimeout
from bridge.media_socket import receiver_of
from bridge.outside import OpenStream

# Media Streams messages are some 400 characters; a start with many parameters stays below this.
TWILIO_MESSAGE_MAX: Final = 64 * 1024
# `session.updated` echoes all instructions and tools, and a delta has no documented limit.
REALTIME_MESSAGE_MAX: Final = 16 * 1024 * 1024
# While the library's queue is full it answers no pings, so it holds more than the usual one.
REALTIME_QUEUE_MAX: Final = 64
RECEIVE_BYTES: Final = 64 * 1024
CONNECT_S_MAX: Final = 10.0
CLOSE_S_MAX: Final = 0.5
# The buffers of TCP hold some seconds of audio. A server that has not made room in a full one for
# so long does not read any more, or is gone; the kernel would wait for 30 s.
SEND_S_MAX: Final = 5.0
# A server that is gone without a word is noticed within the sum of the two: that is less than the
# 30 s of the caller's audio which the next session can be given again.
PING_EVERY_S: Final = 15.0
# TCP sends again 6 s after an outage began, and a network that comes back must not cost a session.
PONG_S_MAX: Final = 10.0


class TwilioLeg:
    """Twilio's media stream over a Quart WebSocket, which is read past Quart."""

    def __init__(self, websocket: Websocket) -> None:
        self._websocket = websocket
        self._receive = receiver_of(websocket)

    async def accept(self) -> None:
        """Answer the handshake: from now on Twilio sends."""
        await self._websocket.accept()

    async def receive(self) -> twilio.Inbound:
        """The next message; a disconnect is the last one."""
        event: Any = await self._receive()
        while event["type"] == "websocket.connect":
            event = await self._receive()
        if event["type"] == "websocket.disconnect":
            return twilio.Closed()
        text = event.get("text")
        if text is None:
            return twilio.Malformed("a binary frame")
        if len(text) > TWILIO_MESSAGE_MAX:
            return twilio.Malformed(f"a message of {len(text)} characters")
        return twilio.decode(text)

    async def send(self, message: twilio.Outbound) -> None:
        """Send one message. Can take as long as TCP does: the server shields its sends."""
        await self._websocket.send(twilio.encode(message))


KeyHeader = Literal["bearer", "api-key"]
Token = Callable[[], Awaitable[str]]
"""Gives a token that is valid now, or raises ConnectError."""


@dataclass(frozen=True)
class RealtimeEndpoint:
    """Where the speech model's API is and how to knock there.

    `make_engine`: None = the Realtime API in this dialect, which is told the model in its URL; any
    other engine tells it itself. `token`: shown instead of the key, as a bearer.
    """

    url: SplitResult
    model: str
    api_key: str
    dialect: realtime.Dialect
    auth: KeyHeader = "bearer"
    make_engine: MakeEngine | None = None
    token: Token | None = None

    @classmethod
    def at(
        cls,
        url: str,
        model: str,
        api_key: str,
        dialect: realtime.Dialect,
        auth: KeyHeader = "bearer",
        make_engine: MakeEngine | None = None,
        token: Token | None = None,
    ) -> "RealtimeEndpoint":
        """The endpoint at a ws:// or wss:// URL; a query of the URL is kept."""
        return cls(urlsplit(url), model, api_key, dialect, auth, make_engine, token)

    def engine(self) -> Engine:
        """A translator for one session."""
        if self.make_engine is not None:
            return self.make_engine(self.model)
        return RealtimeApi(self.dialect)

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.url.scheme == "wss"

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.url.port or (443 if self.tls else 80)

    @property
    def resource(self) -> str:
        """Path and query, with the model added where that is its place and it is not there yet."""
        query = parse_qsl(self.url.query, keep_blank_values=True)
        if self.make_engine is None and "model" not in dict(query):
            query.append(("model", self.model))
        return (self.url.path or "/") + (f"?{urlencode(query)}" if query else "")

    async def headers(self) -> list[tuple[bytes, bytes]]:
        """The key; for OpenAI's own beta protocol also its header, which GA servers refuse.

        Azure takes the key in a header of its own and no beta header (protocols/realtime.md 8), or
        a token of Entra's as a bearer.

        Raises:
            ConnectError: there is no token.
        """
        if self.auth == "api-key":
            return [(b"api-key", self.api_key.encode())]
        key = self.api_key if self.token is None else await self.token()
        headers = [(b"Authorization", b"Bearer " + key.encode())]
        if self.dialect == "beta" and self.token is None:
            headers.append((b"OpenAI-Beta", b"realtime=v1"))
        return headers


class _Deaf(Exception):  # noqa: N818 - what the far end is, not what went wrong here
    """The far end does not show any more that it hears; the text says how that was seen."""


class _Opening(trio.abc.Stream):
    """A stream that raises ConnectRefused while the handshake is not done, and can be watched.

    trio-websocket waits for a handshake for ever when the connection ends before it; and a broken
    TLS handshake shows only at its first bytes.

    ``arrivals``: how often something came. ``sending_since``: when a write began that is not done.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.open = False
        self.arrivals = 0
        self.sending_since = inf

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            self._must_be_open(broken)
            raise
        if not data:
            self._must_be_open(None)
        self.arrivals += 1
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sending_since = trio.current_time()
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as broken:
            self._must_be_open(broken)
            raise
        self.sending_since = inf

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _must_be_open(self, broken: Exception | None) -> None:
        if not self.open:
            why = (broken and broken.__cause__) or broken or "closed during the handshake"
            raise ConnectRefused(None, f"{type(why).__name__}: {why}" if broken else str(why))


E = TypeVar("E", bound=Exception)
Task = Callable[["RealtimeLeg"], Awaitable[None]]


class RealtimeLeg(trio.abc.AsyncResource):
    """The Realtime API over a WebSocket. `run` it once; `aclose` is safe at any time."""

    def __init__(self, endpoint: RealtimeEndpoint, open_stream: OpenStream) -> None:
        self._endpoint = endpoint
        self._engine = endpoint.engine()
        self._open_stream = open_stream
        self._stream: _Opening | None = None
        self._socket: WebSocketConnection | None = None
        self._closing = False
        self._goodbye = trio.CancelScope()

    async def run(self, *tasks: Task) -> realtime.Closed:
        """Connect, run the tasks until the connection ends, and say how it ended."""
        ended = realtime.Closed()
        try:
            async with trio.open_nursery() as watch:
                async with trio.open_nursery() as nursery:
                    socket, stream = await self._connect(nursery)
                    watch.start_soon(_see_that_it_takes, stream)
                    watch.start_soon(_see_that_it_lives, socket, stream, watch)
                    for task in tasks:
                        nursery.start_soon(task, self)
                watch.cancel_scope.cancel()
        except* ConnectError as group:
            ended = _why_not_connected(_first(group))
        except* ConnectionRejected as group:
            ended = realtime.Closed(_first(group).status_code, "refused by HTTP status")
        except* (ConnectionClosed, ProtocolError, h11.ProtocolError):
            # Protocol errors: the library answers a ping that crossed our close, or no HTTP at all.
            ended = self._how_closed()
        except* _Deaf as group:
            ended = realtime.Closed(None, str(_first(group)), deaf=True)
        finally:
            self._goodbye.cancel()
            await trio.aclose_forcefully(self)
        return ended

    async def _connect(self, nursery: trio.Nursery) -> tuple[WebSocketConnection, _Opening]:
        endpoint, host = self._endpoint, self._endpoint.url.hostname
        assert host is not None
        try:
            with trio.fail_after(CONNECT_S_MAX):
                headers = await endpoint.headers()
                stream = await self._open_stream(host, endpoint.port, endpoint.tls)
                self._stream = _Opening(stream)
                self._socket = await wrap_client_stream(
                    nursery,
                    self._stream,  # type: ignore[arg-type]
                    endpoint.url.netloc.rpartition("@")[2],
                    endpoint.resource,
                    extra_headers=headers,
                    message_queue_size=REALTIME_QUEUE_MAX,
                    max_message_size=REALTIME_MESSAGE_MAX,
                    receive_buffer_size=RECEIVE_BYTES,
                )
        except trio.TooSlowError:
            raise ConnectTimeout(f"no answer in {CONNECT_S_MAX:g} s") from None
        except OSError as error:
            raise ConnectRefused(None, f"{type(error).__name__}: {error.strerror}") from error
        self._stream.open = True
        return self._socket, self._stream

    async def receive(self) -> str | None:
        """The next message's text; None for a binary one, which the API never sends."""
        assert self._socket is not None
        message = await self._socket.get_message()
        return message if isinstance(message, str) else None

    async def send(self, event: realtime.Outbound) -> None:
        """Send one event, in as many messages as the engine needs for it."""
        assert self._socket is not None
        for text in self._engine.outward(event):
            await self._socket.send_message(text)

    def opened(self) -> Sequence[Told]:
        """What the open connection itself means."""
        return self._engine.opened()

    def decode(self, text: str | None) -> Sequence[Told]:
        """What a received text means: events, each with its text in the GA shape."""
        if text is None:
            return ((None, realtime.Malformed("a binary frame")),)
        return self._engine.inward(text)

    async def aclose(self) -> None:
        """Say goodbye, in CLOSE_S_MAX at most, and close; when cancelled, close now.

        Nobody waits for the far end's goodbye: once ours is sent, `run` ends and closes the stream.
        The library's own close does nothing when the far end has begun to close, and the session
        costs money while the stream is open: so it is the stream that is closed, always.
        """
        try:
            if self._socket is not None and not self._closing:
                self._closing = True
                self._goodbye.deadline = trio.current_time() + CLOSE_S_MAX
                with self._goodbye:
                    await self._say_goodbye(self._socket)
        finally:
            if self._stream is not None:
                await trio.aclose_forcefully(self._stream)

    async def _say_goodbye(self, socket: WebSocketConnection) -> None:
        try:
            for text in self._engine.closing():
                await socket.send_message(text)
        except ConnectionClosed:
            pass  # the far end was faster
        await socket.aclose()

    def _how_closed(self) -> realtime.Closed:
        if self._socket is None:
            return realtime.Closed(None, "the answer is no WebSocket handshake")
        reason = self._socket.closed
        if reason is None:
            return realtime.Closed()
        return realtime.Closed(reason.code, reason.reason or "")


async def _see_that_it_takes(stream: _Opening) -> None:
    """Wait until a write has been on its way for SEND_S_MAX, and raise _Deaf.

    One look every few seconds, because a deadline for each event is a cost for each frame.
    """
    while trio.current_time() < stream.sending_since + SEND_S_MAX:
        oldest = min(stream.sending_since, trio.current_time())
        await trio.sleep_until(oldest + SEND_S_MAX)
    raise _Deaf(f"took nothing for {SEND_S_MAX:g} s")


async def _see_that_it_lives(
    socket: WebSocketConnection, stream: _Opening, nursery: trio.Nursery
) -> None:
    """Wait until nothing has come for PONG_S_MAX behind a ping, and raise _Deaf.

    A server that owes nothing says nothing, and looks like one that died without closing; pings it
    must answer (RFC 6455). Anything else that comes will do: a pong stands behind the answer which
    a slow line still carries. Who sends and does not read is `_see_that_it_takes`'s.
    """
    await trio.sleep(PING_EVERY_S)
    for number in count(1):
        arrivals = stream.arrivals
        nursery.start_soon(_ping, socket, number)
        await trio.sleep(PONG_S_MAX)
        if stream.arrivals == arrivals:
            raise _Deaf(f"answered no ping for {PONG_S_MAX:g} s")
        await trio.sleep(PING_EVERY_S - PONG_S_MAX)


async def _ping(socket: WebSocketConnection, number: int) -> None:
    """Ask for a sign of life. Not to be given up: that could leave half a frame in the stream.

    How the connection ended tells who receives, when all has been taken that came before.
    """
    with suppress(ConnectionClosed, ProtocolError):
        await socket.ping(number.to_bytes(4, "big"))


def _why_not_connected(error: ConnectError) -> realtime.Closed:
    return realtime.Closed(getattr(error, "status", None), str(error))


def _first(group: ExceptionGroup[E]) -> E:
    """One exception of a group, however deep nurseries have nested it."""
    error: ExceptionGroup[E] | E = group
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
