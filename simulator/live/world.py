"""One whole call in real time: a bridge of anybody's between the fakes, over sockets.

Owns putting the parts together for one call and waiting for its end. The same scene, trace and
judge as in virtual time; only bytes and clock are real. One call at a time meets a bridge's
process: a Realtime connection does not say which call it belongs to.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

import trio

from simulator.account.http_server import HttpServer
from simulator.live.doors import Doors
from simulator.live.lateness import Lateness, LiveTimeline
from simulator.live.process import RunningBridge
from simulator.live.starvation import StarvationWatch
from simulator.live.wires import DelayedWire, Knocking
from simulator.phone.order import CallOrder, order_of
from simulator.pretended import ACCOUNT_SID, AUTH_TOKEN
from simulator.scenario.format import Scenario
from simulator.scene import SETTLE_MS, Leg, Scene, note_log_line
from simulator.sockets import Sockets, open_sockets
from simulator.trace import Event
from simulator.wire import Origin, Peer, Wire

LOOK_EVERY_S = 0.02
LAST_LINE_MS = 1_000.0
"""How long the log's last line of a call may be on its way to us after everything is closed."""


@dataclass(slots=True)
class Place:
    """A bridge that is ready, and the doors at which it finds its peers."""

    bridge: RunningBridge
    doors: Doors


class LiveWorld:
    """One call of `scenario` with the bridge at `place`. `trace` may be subscribed to before."""

    def __init__(
        self, scenario: Scenario, seed: int, place: Place, lateness: Lateness | None = None
    ) -> None:
        self.lateness = lateness or Lateness()
        self.timeline = LiveTimeline(self.lateness)
        self._place = place
        self._bridge = place.bridge
        settings = scenario.agent.settings
        self._scene = Scene(
            in_dialect(scenario, place.bridge.target.dialect),
            seed,
            timeline=self.timeline,
            connect=self._connect,
            order=order_for(scenario, place.bridge),
            account_sid=ACCOUNT_SID,
            auth_token=settings.get("TWILIO_AUTH_TOKEN", AUTH_TOKEN) or None,
        )
        self.trace = self._scene.trace
        self._rest = HttpServer(self._scene.account.ask, self.timeline)
        self._net: Sockets | None = None
        self._line_due = False
        self.left_behind = False

    async def play(self) -> None:
        """Ring, let everything happen, and wait until nothing is left of the call."""
        self.trace.subscribe(self._watch)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.timeline.run)
            async with open_sockets(self.timeline) as self._net:
                self._place.doors.host = self
                self._bridge.on_line.append(self._take_line)
                try:
                    await self._from_ring_to_end()
                finally:
                    self._leave()
            nursery.cancel_scope.cancel()

    async def _from_ring_to_end(self) -> None:
        if self._bridge.pid is not None:
            StarvationWatch(self._bridge.pid, self.timeline, self.lateness)
        self._scene.begin()
        async with trio.open_nursery() as race:
            race.start_soon(self._until_death, race.cancel_scope)
            await self._scene.over.wait()
            race.cancel_scope.cancel()
        if self._bridge.exited.is_set():
            self._scene.hang_up()
        await self._settle()
        self.lateness.end()

    async def _until_death(self, scope: trio.CancelScope) -> None:
        await self._bridge.exited.wait()
        scope.cancel()

    def _leave(self) -> None:
        """Reset what the bridge still holds: it must not reach into the next call."""
        self._place.doors.host = None
        self._bridge.on_line.remove(self._take_line)
        for leg in (self._scene.realtime, self._scene.rest):
            for line in leg.open:
                if not line.over:
                    line.drop()

    # -- connections ----------------------------------------------------------------------

    def _connect(self, origin: Origin, peer: Peer) -> Wire:
        """From Twilio to `origin`. At the bridge's public host TLS is taken off, as by a proxy."""
        line = self._line(self._scene.twilio)
        assert self._net is not None
        at = None
        if self._is_bridge(origin):
            origin, at = Origin("http", origin.host, origin.port), self._bridge.address
        line.join(self._net.connect(origin, line, at=at), peer)
        return line

    def _is_bridge(self, origin: Origin) -> bool:
        """Whether TLS ends here: at a bridge we started, or one that is reached without TLS."""
        public = urlsplit(self._bridge.public_address)
        target = self._bridge.target
        reached = urlsplit(target.webhook or target.media or "")
        plain = reached.scheme in ("http", "ws")
        return (bool(target.command) or plain) and origin.host == (public.hostname or "").lower()

    def accept_realtime(self, wire: Wire) -> Peer:
        """The bridge knocks at the Realtime endpoint: TCP and TLS take two round trips."""
        leg = self._scene.realtime
        self.trace.record("realtime", "connecting", **_door(self._place.doors.realtime))
        line = DelayedWire(leg.to_bridge, leg.from_bridge, reset_is_end=True)
        leg.add(line)
        line.join(wire, self._scene.model.accept(line))
        return Knocking(line, leg.to_bridge, leg.from_bridge)

    def accept_rest(self, wire: Wire) -> Peer:
        """The bridge uses the REST API."""
        line = self._line(self._scene.rest)
        line.join(wire, self._rest.accept(line))
        return line

    def _line(self, leg: Leg) -> DelayedWire:
        line = DelayedWire(leg.to_bridge, leg.from_bridge)
        leg.add(line)
        return line

    # -- the bridge's log -------------------------------------------------------------------

    def _take_line(self, text: str) -> None:
        """A line of output; of our own bridge, perhaps one of its log."""
        if self._bridge.target.log is None or not text.startswith("{"):
            return
        try:
            line = json.loads(text)
        except ValueError:
            return
        if isinstance(line, dict) and isinstance(line.get("event"), str):
            note_log_line(self.trace, line)
            if line["event"] == "call_ended":
                self._line_due = False

    # -- the end ------------------------------------------------------------------------------

    def _watch(self, event: Event) -> None:
        if event.who == "twilio" and event.name == "connected":
            self.lateness.begin()
            self._line_due = self._bridge.target.log is not None

    async def _settle(self) -> None:
        """Wait until the bridge has let go of everything; say so if it does not."""
        began_ms = self.timeline.now_ms
        twilio = self._scene.twilio
        while not self._bridge.exited.is_set():
            passed_ms = self.timeline.now_ms - began_ms
            closed = not self._scene.sessions and not twilio.open_count
            if closed and (not self._line_due or passed_ms > LAST_LINE_MS):
                return
            if passed_ms > SETTLE_MS:
                break
            await trio.sleep(LOOK_EVERY_S)
        self.left_behind = True
        self._scene.left_behind(twilio.open_count)


def in_dialect(scenario: Scenario, dialect: Literal["ga", "beta"]) -> Scenario:
    """The call with a model which speaks what the bridge does, unless the scenario says more."""
    if dialect == "ga":
        return scenario
    return replace(scenario, model=replace(scenario.model, dialect=dialect))


def order_for(scenario: Scenario, bridge: RunningBridge) -> CallOrder:
    """What the call is made with: the bridge's webhook, or TwiML that opens its stream directly."""
    call, webhook = scenario.call, bridge.webhook_url
    if webhook is not None:
        return order_of(call, webhook)
    twiml = _stream_twiml(bridge.media_url or "", call.parameters)
    return replace(order_of(call, ""), twiml=twiml)


def _stream_twiml(url: str, parameters: Mapping[str, str]) -> str:
    """A document that connects a stream; Twilio takes wss only, and TLS ends before the bridge."""
    secure = "wss://" + url.partition("://")[2]
    named = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>"
        for name, value in parameters.items()
    )
    stream = f"<Stream url={quoteattr(secure)}>{named}</Stream>"
    return f"<Response><Connect>{stream}</Connect></Response>"


def _door(address: tuple[str, int]) -> dict[str, str | int | bool]:
    return {"host": address[0], "port": address[1], "tls": False}
