"""One whole call in a simulated world: the real bridge between a fake Twilio and a fake Realtime.

Owns putting the parts together, the streams of randomness, and when the call is over. Knows
neither what the fakes do nor how the trace is judged.
"""

import random
from dataclasses import dataclass
from typing import Any

import trio

from bridge.outside import Outside
from simulator.bridge_target import ACCOUNT_SID, AUTH_TOKEN, PUBLIC_HOST, OurBridge
from simulator.cues import Cues
from simulator.model.server import FakeRealtime
from simulator.network import Connection, Direction, Pace
from simulator.phone.call import FakePhone
from simulator.rest_transport import RestTransport
from simulator.scenario.format import GUARD_MS, LegSetup, LinkFault, LinkSetup, Scenario, Silence
from simulator.sound import load_clip, speech_library
from simulator.timeline import Timeline
from simulator.trace import Event, Trace
from simulator.wire import Peer, Wire

EPOCH_S = 1_767_225_600.0
"""The world begins on 2026-01-01T00:00:00Z, whatever the day is: tokens and log lines repeat."""
SETTLE_MS = 10_000.0
"""How long after the line's release the bridge may still be busy before it is called a leak."""
SETTLE_STEP_S = 0.25


@dataclass(slots=True)
class Leg:
    """Both directions of a link and what runs over it now."""

    to_bridge: Direction
    from_bridge: Direction
    open: list[Connection]


class World:
    """Owns clock, seed, links and peers of one call. `trace` may be subscribed to before `play`."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed
        self.timeline = Timeline()
        self.trace = Trace(lambda: self.timeline.now_ms)
        self._cues = Cues(self.timeline, self.trace)
        network = scenario.network
        self._twilio = self._leg("twilio", network.twilio)
        self._realtime = self._leg("realtime", network.realtime)
        self._rest = self._leg("rest", network.rest)
        self._serving = 0
        self._model = FakeRealtime(
            scenario.model,
            timeline=self.timeline,
            trace=self.trace,
            rng=self._random("model"),
            clips=load_clip,
            library=speech_library(),
            cue=self._cues.when,
        )
        self._phone = FakePhone(
            scenario,
            timeline=self.timeline,
            trace=self.trace,
            rng=self._random("caller"),
            connect=self._connect_to_bridge,
            host=PUBLIC_HOST,
            auth_token=scenario.agent.settings.get("TWILIO_AUTH_TOKEN", AUTH_TOKEN) or None,
            account_sid=ACCOUNT_SID,
        )
        self._bridge = OurBridge(bridge_settings(scenario), self._outside())
        self._over = trio.Event()
        self._step = -1
        self._step_ms = 0.0

    async def play(self) -> None:
        """Ring, let everything happen, and wait until nothing is left of the call."""
        self.trace.subscribe(self._watch)
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self.timeline.run)
            self._phone.dial()
            self._guard()
            await self._over.wait()
            await self._settle()
            self._nursery.cancel_scope.cancel()

    # -- the bridge's surroundings ---------------------------------------------

    def _outside(self) -> Outside:
        return Outside(
            open_stream=self._connect_to_model,
            http_transport=RestTransport(
                self._rest.from_bridge, self._rest.to_bridge, self._phone.rest
            ),
            wall_clock=lambda: EPOCH_S + trio.current_time(),
            log=self._log,
        )

    def _log(self, line: dict[str, Any]) -> None:
        fields = {key: value for key, value in line.items() if key not in LOG_CLOCK_FIELDS}
        if fields.get("event") == "call_ended":
            self.trace.record("bridge", "ended", **{**fields["record"], "reason": fields["reason"]})
        else:
            self.trace.record("bridge", "log", **fields)

    async def _connect_to_model(self, host: str, port: int, tls: bool) -> trio.abc.Stream:
        """A new connection to the Realtime endpoint: one round trip for TCP, one for TLS 1.3."""
        leg = self._realtime
        self.trace.record("realtime", "connecting", host=host, port=port, tls=tls)
        for _ in range(2 if tls else 1):
            for direction in (leg.from_bridge, leg.to_bridge):
                arrived = trio.Event()
                direction.carry(arrived.set)
                await arrived.wait()
        connection = self._open(leg)
        connection.attach(self._model.accept(connection))
        return connection.stream

    def _connect_to_bridge(self, peer: Peer) -> Wire:
        connection = self._open(self._twilio)
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
        leg.open = [old for old in leg.open if not old.over] + [connection]
        return connection

    # -- links and randomness ----------------------------------------------------

    def _random(self, stream: str) -> random.Random:
        """A stream of randomness of its own for each part, all from the one printed seed."""
        return random.Random(f"{self._seed}/{stream}")

    def _leg(self, name: str, setup: LegSetup) -> Leg:
        to_bridge, from_bridge = (
            Direction(
                self.timeline,
                Pace(link.latency_ms, link.jitter_ms),
                self._random(f"{name}/{way}"),
            )
            for way, link in (("to_bridge", setup.to_bridge), ("from_bridge", setup.from_bridge))
        )
        leg = Leg(to_bridge, from_bridge, [])
        self._arm(name, "to_bridge", leg, to_bridge, setup.to_bridge)
        self._arm(name, "from_bridge", leg, from_bridge, setup.from_bridge)
        return leg

    def _arm(self, name: str, way: str, leg: Leg, direction: Direction, link: LinkSetup) -> None:
        for fault in link.faults:

            def strike(fault: LinkFault = fault) -> None:
                self.trace.record("link", fault.kind, leg=name, direction=way)
                _strike(self.timeline, leg, direction, fault)

            self._cues.when(fault.when, fault.wait_ms, strike)

    # -- the end -------------------------------------------------------------------

    def _watch(self, event: Event) -> None:
        if event.who == "phone" and event.name == "ended":
            self._over.set()
        elif event.who == "caller" and event.name == "step":
            self._step, self._step_ms = event.data["index"], event.at_ms

    def _guard(self) -> None:
        """Stop a call that does not end by itself; a scenario says how long it may take."""
        limit_ms = self._scenario.stop_after_ms
        if limit_ms is None:
            replay = self._scenario.replay
            playing_ms = load_clip(replay.clip).duration_ms if replay is not None else 0.0
            limit_ms = max(self._busy_until_ms(), playing_ms) + GUARD_MS
        if self._over.is_set():
            return
        if self.timeline.now_ms < limit_ms:
            self.timeline.at(limit_ms, self._guard)
            return
        self.trace.record("world", "stopped", after_ms=limit_ms)
        self._phone.hang_up()

    def _busy_until_ms(self) -> float:
        """How long the caller's step lasts and the wait for the next one, as far as is written."""
        until_ms, steps = self._step_ms, self._scenario.caller
        if 0 <= self._step < len(steps):
            action = steps[self._step].action
            until_ms += action.ms if isinstance(action, Silence) else 0.0
        for coming in steps[self._step + 1 : self._step + 2]:
            if coming.when is not None and coming.when.kind == "at":
                until_ms = max(until_ms, coming.when.value_ms)
            until_ms += coming.wait_ms
        return until_ms

    async def _settle(self) -> None:
        """Wait until the bridge has let go of everything; say so if it does not."""
        deadline_ms = self.timeline.now_ms + SETTLE_MS
        while self.timeline.now_ms < deadline_ms:
            await trio.sleep(SETTLE_STEP_S)
            if not self._serving and all(connection.over for connection in self._realtime.open):
                return
        sessions = sum(not connection.over for connection in self._realtime.open)
        self.trace.record("bridge", "left_behind", connections=self._serving, sessions=sessions)


LOG_CLOCK_FIELDS = frozenset({"time", "level"})
"""Fields of a log line that only repeat the event's own time."""


def _strike(timeline: Timeline, leg: Leg, direction: Direction, fault: LinkFault) -> None:
    if fault.kind in ("stall", "hold"):
        direction.stall(fault.duration_ms)
    elif fault.kind == "drop":
        for connection in leg.open:
            connection.drop()
    else:
        usual_ms = direction.pace.latency_ms
        direction.pace.latency_ms = usual_ms + fault.value_ms

        def recover() -> None:
            direction.pace.latency_ms = usual_ms

        timeline.after(fault.duration_ms, recover)


def bridge_settings(scenario: Scenario) -> dict[str, str]:
    """The bridge's environment: the scenario's settings, and its greeting."""
    settings = dict(scenario.agent.settings)
    greeting = scenario.agent.greeting
    if greeting is False:
        settings.setdefault("GREETING", "")
    elif isinstance(greeting, str):
        settings["GREETING"] = greeting
    return settings
