"""One whole call in a simulated world: the real bridge between a fake Twilio and a fake Realtime.

Owns the connections in memory between the scene and our bridge, and the wait for the end. Knows
neither what the fakes do nor how the trace is judged.
"""

from typing import Any

import trio

from bridge.outside import Outside
from simulator.bridge_target import OurBridge
from simulator.network import Connection
from simulator.phone.order import order_of
from simulator.pretended import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_HOST
from simulator.rest_transport import RestTransport
from simulator.scenario.format import Scenario
from simulator.scene import SETTLE_MS, Leg, Scene, bridge_settings, note_log_line
from simulator.timeline import Timeline
from simulator.wire import NoWire, Origin, Peer, Wire

EPOCH_S = 1_767_225_600.0
"""The world begins on 2026-01-01T00:00:00Z, whatever the day is: tokens and log lines repeat."""
WEBHOOK_PATH = "/incoming-call"
"""What the number's voice URL points to."""
SETTLE_STEP_S = 0.25


class World:
    """Owns clock, seed, links and peers of one call. `trace` may be subscribed to before `play`."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.timeline = Timeline()
        self.scene = Scene(
            scenario,
            seed,
            timeline=self.timeline,
            connect=self._connect_to_bridge,
            order=order_of(scenario.call, f"https://{PUBLIC_HOST}{WEBHOOK_PATH}"),
            account_sid=ACCOUNT_SID,
            auth_token=scenario.agent.settings.get("TWILIO_AUTH_TOKEN", AUTH_TOKEN) or None,
        )
        self.trace = self.scene.trace
        self._serving = 0
        self._bridge = OurBridge(bridge_settings(scenario), self._outside())

    async def play(self) -> None:
        """Ring, let everything happen, and wait until nothing is left of the call."""
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.timeline.run)
            self.scene.begin()
            await self.scene.over.wait()
            await self._settle()
            self._nursery.cancel_scope.cancel()

    # -- the bridge's surroundings ---------------------------------------------

    def _outside(self) -> Outside:
        rest = self.scene.rest
        return Outside(
            open_stream=self._connect_to_model,
            http_transport=RestTransport(rest.from_bridge, rest.to_bridge, self.scene.account.ask),
            wall_clock=lambda: EPOCH_S + trio.current_time(),
            log=self._log,
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
        deadline_ms = self.timeline.now_ms + SETTLE_MS
        while self.timeline.now_ms < deadline_ms:
            await trio.sleep(SETTLE_STEP_S)
            if not self._serving and not self.scene.sessions:
                return
        self.scene.left_behind(self._serving)
