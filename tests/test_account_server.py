"""`callsim twilio`: created over REST, played in real time, ended without a trace."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest, serve_websocket
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from simulator.account.http_server import HttpServer
from simulator.account.parameters import Fields
from simulator.account.request import Auth, Reply
from simulator.live.twilio_calls import (
    Outward,
    Service,
    TwilioServer,
    default_caller,
    trace_line,
)
from simulator.sockets import Sockets, open_sockets
from simulator.timeline import Timeline
from simulator.trace import Event
from simulator.wire import NoWire, Origin, Peer
from tests.phone_bridge import LOUD, Call

ACCOUNT, TOKEN = "AC" + "0" * 32, "a-token-of-nobody"
PUBLIC = "bridge.example.com"
TWIML = f'<Response><Connect><Stream url="wss://{PUBLIC}/media"/></Connect></Response>'
PATIENCE_S = 20


class LiveBridge:
    """A webhook and a media stream on two ports, and what came there."""

    def __init__(self) -> None:
        self.forms: list[Fields] = []
        self.messages: list[dict[str, Any]] = []
        self.started = trio.Event()
        self.stopped = trio.Event()
        self._more = trio.Event()

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait for something that came."""
        while not seen():
            await self._more.wait()

    def _wake(self) -> None:
        self._more.set()
        self._more = trio.Event()

    def ask(self, method: str, url: str, form: Fields, _auth: Auth, reply: Reply) -> None:
        """The webhook, and the status callback."""
        self.forms.append(form)
        self._wake()
        reply((200, {"content-type": "text/xml"}, TWIML.encode()))

    async def media(self, request: WebSocketRequest) -> None:
        """The media stream."""
        connection: WebSocketConnection = await request.accept()
        try:
            while True:
                self.take(json.loads(await connection.get_message()))
        except ConnectionClosed:
            self.stopped.set()

    def take(self, message: dict[str, Any]) -> None:
        """One message of Twilio."""
        self.messages.append(message)
        self._wake()
        if message["event"] == "start":
            self.started.set()

    def kinds(self) -> set[str]:
        """What messages came."""
        return {message["event"] for message in self.messages}


class Stage:
    """A fake Twilio on a port, a bridge on two, and the SDK."""

    def __init__(self, server: TwilioServer, bridge: LiveBridge, url: str, webhook: str) -> None:
        self.server = server
        self.bridge = bridge
        self.webhook = webhook
        self._transport = TwilioHttpClient(timeout=PATIENCE_S)
        self.client = Client(ACCOUNT, TOKEN, http_client=self._transport)
        self.client.api.base_url = url

    async def sdk(self, do: Any, *given: Any, **named: Any) -> Any:
        """Call the synchronous SDK in a thread."""
        return await trio.to_thread.run_sync(partial(do, *given, **named))

    def close(self) -> None:
        """Close the SDK's connections."""
        self._transport.session.close()


@asynccontextmanager
async def stage(
    said: list[str], events: list[tuple[int, Event]], **service: Any
) -> AsyncIterator[Stage]:
    """Everything on loopback, on ports chosen by the system."""
    timeline, bridge = Timeline(datetime.now(UTC)), LiveBridge()
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(timeline.run)
            serve = partial(serve_websocket, bridge.media, "127.0.0.1", 0, ssl_context=None)
            media = await nursery.start(serve)
            async with open_sockets(timeline) as net:
                server = TwilioServer(
                    default_caller(),
                    Service(
                        account_sid=ACCOUNT,
                        auth_token=TOKEN,
                        reached_at={PUBLIC: ("127.0.0.1", media.port)},
                        **service,
                    ),
                    timeline=timeline,
                    net=net,
                    say=said.append,
                    write=lambda number, event: events.append((number, event)),
                )
                web = await net.listen(HttpServer(bridge.ask, timeline).accept)
                rest = await net.listen(server.accept)
                webhook = "http://{}:{}/incoming-call".format(*web)
                made = Stage(server, bridge, "http://{}:{}".format(*rest), webhook)
                yield made
                made.close()
                server.hang_up()
                await server.drained()
            nursery.cancel_scope.cancel()


async def test_a_call_made_over_rest_rings_streams_and_ends() -> None:
    """The SDK creates it, the webhook is asked, the stream opens; the SDK ends it, all closes."""
    said: list[str] = []
    async with stage(said, []) as it:
        calls = it.client.calls
        made = await it.sdk(
            calls.create,
            to="+15550100002",
            from_="+15550100001",
            url=it.webhook,
            status_callback=it.webhook,
        )
        await it.bridge.started.wait()
        running = await it.sdk(calls(made.sid).fetch)
        ended = await it.sdk(calls(made.sid).update, status="completed")
        await it.bridge.stopped.wait()
        await it.server.drained()
        form, callback = it.bridge.forms
        start = next(each for each in it.bridge.messages if each["event"] == "start")

    assert (made.status, running.status, ended.status) == ("queued", "in-progress", "completed")
    assert (form["CallSid"], form["Direction"]) == ([made.sid], ["outbound-api"])
    assert (callback["CallStatus"], callback["CallSid"]) == (["completed"], [made.sid])
    assert start["start"]["callSid"] == made.sid
    assert {"connected", "start", "stop"} <= it.bridge.kinds()
    assert f"call 1: {made.sid} rings (outbound)" in said
    assert "call 1: over: completed, by the bridge (rest)" in said
    assert not any("+1555" in line or TOKEN in line for line in said)


def tracks(messages: list[dict[str, Any]]) -> set[str]:
    """Of whom there were frames."""
    return {each["media"]["track"] for each in messages if each["event"] == "media"}


async def test_a_stream_over_rest_listens_beside_the_call() -> None:
    """The SDK starts it in a running call and stops it; callbacks are of today."""
    async with stage([], []) as it:
        it.server.ring(it.webhook)
        await it.bridge.started.wait()
        (running,) = await it.sdk(it.client.calls.list, status="in-progress")
        streams = it.client.calls(running.sid).streams
        made = await it.sdk(
            streams.create,
            url=f"wss://{PUBLIC}/tap",
            name="tap",
            track="both_tracks",
            status_callback=it.webhook,
        )
        await it.bridge.until(lambda: "outbound" in tracks(it.bridge.messages))
        stopped = await it.sdk(it.client.calls(running.sid).streams("tap").update, status="stopped")
        await it.bridge.until(lambda: len(it.bridge.forms) == 3)
        told = it.bridge.forms[1]

    sids = {each["streamSid"] for each in it.bridge.messages if each["event"] == "start"}
    assert (made.status, stopped.status, stopped.sid) == ("in-progress", "stopped", made.sid)
    assert made.sid in sids
    assert (told["StreamEvent"], told["StreamSid"]) == (["stream-started"], [made.sid])
    assert told["Timestamp"][0][:10] in {
        (datetime.now(UTC) - timedelta(days=days)).date().isoformat() for days in (0, 1)
    }


async def test_a_call_rings_in_and_the_end_hangs_it_up() -> None:
    """An inbound call is in the account's list; at the server's end its caller hangs up."""
    said: list[str] = []
    events: list[tuple[int, Event]] = []
    async with stage(said, events) as it:
        sid = it.server.ring(it.webhook)
        await it.bridge.started.wait()
        listed = await it.sdk(it.client.calls.list)
        it.server.hang_up()
        await it.bridge.stopped.wait()

    assert [(call.sid, call.direction, call.status) for call in listed] == [
        (sid, "inbound", "in-progress")
    ]
    assert it.bridge.forms[0]["CallStatus"] == ["ringing"]
    assert "call 1: over: completed, by the caller (hangup)" in said
    assert it.server.account.calls_running == 0
    lines = [json.loads(trace_line(number, event)) for number, event in events]
    assert {line["call"] for line in lines} == {0, 1}
    assert all("+1555" not in str(line) and TOKEN not in str(line) for line in lines)


async def test_a_caller_who_is_still_there_at_the_limit_hangs_up() -> None:
    """The longest call is bounded, also with a bridge that never says anything."""
    said: list[str] = []
    async with stage(said, [], limit_s=0.3) as it:
        it.server.ring(it.webhook)
        await it.bridge.stopped.wait()

    assert "call 1: over: completed, by the caller (hangup)" in said


def test_tls_ends_where_the_bridge_has_none() -> None:
    """A named host is reached elsewhere; wss goes without TLS where http went before."""
    asked: list[tuple[str, object]] = []

    class Net:
        def connect(self, origin: Origin, _peer: Peer, *, at: object) -> NoWire:
            asked.append((str(origin), at))
            return NoWire()

    outward = Outward(cast("Sockets", Net()), {PUBLIC: ("127.0.0.1", 8080)})

    class Deaf:
        def receive(self, data: bytes) -> None: ...

        def closed(self, why: str) -> None: ...

    for url in (
        f"wss://{PUBLIC}/media",
        "wss://127.0.0.1:8081/a",
        "http://127.0.0.1:8081/b",
        "wss://127.0.0.1:8081/c",
    ):
        outward.connect(Origin.of(url), Deaf())

    assert asked == [
        (f"http://{PUBLIC}:443", ("127.0.0.1", 8080)),
        ("https://127.0.0.1:8081", None),
        ("http://127.0.0.1:8081", None),
        ("http://127.0.0.1:8081", None),
    ]


def test_the_default_caller_listens_asks_and_hangs_up() -> None:
    """It speaks only after the agent, and hangs up after the answer."""
    call = Call(*default_caller().caller)
    call.at(2_000, lambda: call.bridge.media(LOUD * 50))
    call.run(20_000)
    asked = call.of("caller.speech_started")
    still_there = call.ended is None
    call.bridge.media(LOUD * 50)
    call.run(30_000)

    assert len(asked) == 1
    assert asked[0].at_ms > 3_000
    assert still_there
    assert call.ended == ("caller", "hangup")
