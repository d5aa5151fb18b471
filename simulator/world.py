"""One whole call in a simulated world: the real bridge between a fake Twilio and a fake Realtime.

Owns the connections in memory between the scene and our bridge, and the wait for the end. Knows
neither what the fakes do nor how the trace is judged.
"""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from bridge.outside import Outside
from bridge.thread_door import Blocking
from simulator.account.parameters import Fields
from simulator.account.request import Auth, Reply
from simulator.bridge_target import OurBridge
from simulator.entra import FakeEntra, is_entra
from simulator.network import Connection
from simulator.other_calls import OtherCalls
from simulator.phone.order import order_of
from simulator.pretended import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_HOST, TOOL_SIGNING_SECRET
from simulator.rest_transport import RestTransport
from simulator.scenario.environment import bridge_environment
from simulator.scenario.format import Scenario
from simulator.scene import SETTLE_MS, Leg, Scene, note_log_line
from simulator.services.network import ServiceNetwork
from simulator.timeline import Timeline
from simulator.wire import NoWire, Origin, Peer, Wire

T = TypeVar("T")
EPOCH_S = 1_767_225_600.0
"""The world begins on 2026-01-01T00:00:00Z, whatever the day is: tokens and log lines repeat."""
WEBHOOK_PATH = "/incoming-call"
"""What the number's voice URL points to."""
SETTLE_STEP_S = 0.25


class World:
    """Owns clock, seed, links and peers of one call. `trace` may be subscribed to before `play`."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self.timeline = Timeline()
        order = order_of(scenario.call, f"https://{PUBLIC_HOST}{WEBHOOK_PATH}")
        auth_token = scenario.agent.settings.get("TWILIO_AUTH_TOKEN", AUTH_TOKEN) or None
        self.scene = Scene(
            scenario,
            seed,
            timeline=self.timeline,
            connect=self._connect_to_bridge,
            order=order,
            account_sid=ACCOUNT_SID,
            auth_token=auth_token,
        )
        self.trace = self.scene.trace
        self._entra = FakeEntra(self.trace)
        self._drain = scenario.bridge.drain
        self._others = OtherCalls(
            scenario,
            order,
            timeline=self.timeline,
            trace=self.trace,
            rng=random.Random(f"{seed}/others"),
            connect=self._connect_to_bridge,
            account_sid=ACCOUNT_SID,
            auth_token=auth_token,
        )
        self._serving = 0
        self._bridge = OurBridge(bridge_environment(scenario), self._outside())

    async def play(self) -> None:
        """Ring, let everything happen, and wait until nothing is left of the call."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.timeline.run)
            self._others.ring(self._begin)
            await self.scene.over.wait()
            await self._settle()
            self._nursery.cancel_scope.cancel()

    def _begin(self) -> None:
        self.scene.begin()
        if self._drain is not None:
            self.scene.when(self._drain.when, self._drain.wait_ms, self._stop_bridge)

    def _stop_bridge(self) -> None:
        """What SIGTERM does to a process."""
        self.trace.record("world", "drain")
        self._nursery.start_soon(self._bridge.drain)

    # -- the bridge's surroundings ---------------------------------------------

    def _outside(self) -> Outside:
        rest, internet = self.scene.rest, self._internet()
        return Outside(
            open_stream=self._connect_to_model,
            resolve=internet.resolve,
            open_address=internet.open_address,
            door=_no_threads,
            http_transport=RestTransport(rest.from_bridge, rest.to_bridge, self._ask),
            wall_clock=lambda: EPOCH_S + trio.current_time(),
            log=self._log,
        )

    def _ask(self, method: str, url: str, form: Fields, auth: Auth, reply: Reply) -> None:
        """Whoever the bridge asks by httpx: Twilio's REST API, or who gives tokens."""
        who = self._entra if is_entra(url) else self.scene.account
        who.ask(method, url, form, auth, reply)

    def _internet(self) -> ServiceNetwork:
        leg, scenario = self.scene.services, self._scenario
        secret = scenario.agent.settings.get("TOOL_SIGNING_SECRET", TOOL_SIGNING_SECRET)
        return ServiceNetwork(
            scenario.services,
            leg.from_bridge,
            leg.to_bridge,
            lambda: self._open(leg),
            self.timeline,
            self.trace,
            secret or None,
        )

    def _log(self, line: dict[str, Any]) -> None:
        note_log_line(self.trace, line)

    async def _connect_to_model(self, host: str, port: int, tls: bool) -> trio.abc.Stream:
        """A new connection to the Realtime endpoint: one round trip for TCP, one for TLS 1.3."""
        leg = self.scene.realtime
        self.trace.record("realtime", "connecting", host=host, port=port, tls=tls)
        for _ in range(2 if tls else 1):
            for direction in (leg.from_bridge, leg.to_bridge):
                arrived = trio.Event()
                direction.carry(arrived.set)
                await arrived.wait()
        connection = self._open(leg)
        connection.attach(self.scene.model.accept(connection))
        return connection.stream

    def _connect_to_bridge(self, origin: Origin, peer: Peer) -> Wire:
        if (origin.host, origin.port) != (PUBLIC_HOST, 443):
            self.timeline.after(0.0, lambda: peer.closed("unresolved"))
            return NoWire()
        connection = self._open(self.scene.twilio)
        connection.attach(peer)
        self._nursery.start_soon(self._serve, connection)
        return connection

    async def _serve(self, connection: Connection) -> None:
        self._serving += 1
        try:
            await self._bridge.serve(connection.stream)
        finally:
            self._serving -= 1

    def _open(self, leg: Leg) -> Connection:
        connection = Connection(self.timeline, leg.to_bridge, leg.from_bridge)
        leg.add(connection)
        return connection

    # -- the end -------------------------------------------------------------------

    async def _settle(self) -> None:
        """Wait until the bridge has let go of everything; say so if it does not."""
        deadline_ms, tools = self.timeline.now_ms + SETTLE_MS, self.scene.services
        while self.timeline.now_ms < deadline_ms:
            await trio.sleep(SETTLE_STEP_S)
            if not self._serving and not self.scene.sessions and not tools.open_count:
                return
        self.scene.left_behind(self._serving + tools.open_count)


def _no_threads(_limiter: trio.CapacityLimiter) -> Blocking:
    """What would block is done at once: a thread would know no virtual time."""

    async def run(function: Callable[..., T], *given: Any) -> T:
        await trio.lowlevel.checkpoint()
        return function(*given)

    return run
