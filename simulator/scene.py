"""What a call has in virtual and in real time alike: the fakes, the links' faults, and its end.

Owns the streams of randomness, which fake gets what, when the call is over, and for how long it may
go on. How bytes get from a fake to the bridge is the world's business (`world`, `live.world`).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urljoin

import trio

from simulator.account.account import Account
from simulator.account.faults import RestFaults
from simulator.api_client import ApiClient
from simulator.cues import Cues
from simulator.gpt_live.server import FakeGptLive
from simulator.model.server import FakeRealtime
from simulator.network import Direction, Pace
from simulator.phone.call import FakePhone
from simulator.phone.order import CallOrder
from simulator.pretended import API_TOKEN
from simulator.scenario.environment import bridge_environment
from simulator.scenario.format import (
    GUARD_MS,
    LegSetup,
    LinkFault,
    LinkSetup,
    Scenario,
    Silence,
    Trigger,
)
from simulator.sound import load_clip, speech_library
from simulator.timeline import Timeline
from simulator.trace import Event, Trace
from simulator.wire import Connect

ORDER_PATH = "/outbound"
"""Where the bridge takes orders for calls."""
SETTLE_MS = 10_000.0
"""How long after the line's release the bridge may still be busy before it is called a leak."""


class Line(Protocol):
    """A connection over a link, as far as a fault of the network and the end concern it."""

    @property
    def over(self) -> bool:
        """The bridge has let go of it, or it is broken."""
        ...

    def drop(self) -> None:
        """Reset both ends, now."""
        ...


@dataclass(slots=True)
class Leg:
    """Both directions of a link and what runs over it now."""

    to_bridge: Direction
    from_bridge: Direction
    open: list[Line] = field(default_factory=list)

    def add(self, line: Line) -> None:
        """One more connection; those that are over are forgotten."""
        self.open = [old for old in self.open if not old.over]
        self.open.append(line)

    @property
    def open_count(self) -> int:
        """How many connections the bridge still has."""
        return sum(not line.over for line in self.open)


class Scene:
    """The parts of one call. `trace` may be subscribed to before `begin`."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        timeline: Timeline,
        connect: Connect,
        order: CallOrder,
        account_sid: str,
        auth_token: str | None,
    ) -> None:
        """Set the scene.

        Args:
            scenario: the call.
            seed: all randomness comes from it.
            timeline: the call's clock and timers.
            connect: opens a connection from Twilio to an origin.
            order: what the call is made with: the webhook, or TwiML.
            account_sid: Twilio's account.
            auth_token: its auth token; None = the bridge has none.
        """
        self._scenario = scenario
        self._seed = seed
        self.timeline = timeline
        self.trace = Trace(lambda: timeline.now_ms)
        self._cues = Cues(timeline, self.trace)
        network = scenario.network
        self.twilio = self._leg("twilio", network.twilio)
        self.realtime = self._leg("realtime", network.realtime)
        self.rest = self._leg("rest", network.rest)
        self.services = self._leg("services", network.services)
        self.model = self._fake_model()
        self._connect, self._owner = connect, (account_sid, auth_token)
        self._phones: list[FakePhone] = []
        self._order, self._client = order, self._api_client(order)
        self.account = Account(
            account_sid=account_sid,
            auth_token=auth_token,
            timeline=timeline,
            trace=self.trace,
            rng=self._random("account"),
            place=None if self._client is None else self._place,
            completions=scenario.phone.hangup_rest,
            faults=RestFaults(answers=list(scenario.phone.create_rest)),
        )
        self.over = trio.Event()
        """Every line is released, and every order answered."""
        self._step = -1
        self._step_ms = 0.0

    def begin(self) -> None:
        """Ring, or have somebody order it of the bridge."""
        self.trace.subscribe(self._watch)
        if self._client is None:
            phone = self._place(self._order, "")
            phone.dial()
            self.account.adopt(phone)
        else:
            self._client.order()
        self._guard()

    def when(self, trigger: Trigger | None, wait_ms: float, do: Callable[[], None]) -> None:
        """Do something `wait_ms` after a trigger; None = after `begin`."""
        if trigger is None:
            self.timeline.after(wait_ms, do)
        else:
            self._cues.when(trigger, wait_ms, do)

    def hang_up(self) -> None:
        """Whoever is on the telephone hangs up."""
        for phone in self._phones:
            phone.hang_up()
        if not self._phones:
            self.over.set()

    @property
    def sessions(self) -> int:
        """Realtime connections which the bridge still has."""
        return self.realtime.open_count

    def _fake_model(self) -> FakeRealtime | FakeGptLive:
        """What the bridge's settings make it talk to."""
        is_live = bridge_environment(self._scenario).get("ENGINE") == "live"
        return (FakeGptLive if is_live else FakeRealtime)(
            self._scenario.model,
            timeline=self.timeline,
            trace=self.trace,
            rng=self._random("model"),
            clips=load_clip,
            library=speech_library(),
            cue=self._cues.when,
            words_heard=self._words_heard,
        )

    # -- calls -------------------------------------------------------------------------

    def _api_client(self, order: CallOrder) -> ApiClient | None:
        setup = self._scenario.call
        if setup.via != "api":
            return None
        return ApiClient(
            setup,
            urljoin(order.url, ORDER_PATH),
            API_TOKEN,
            timeline=self.timeline,
            trace=self.trace,
            rng=self._random("client"),
            connect=self._connect,
            done=self._look_for_end,
        )

    def _place(self, order: CallOrder, sid: str) -> FakePhone:
        """One more telephone; a bridge that has nobody called twice gets one only."""
        scenario, number = self._scenario, len(self._phones)
        if self._client is not None:
            # The bridge itself tells the parameters, in its document.
            scenario = replace(scenario, call=replace(scenario.call, parameters={}))
        account_sid, auth_token = self._owner
        phone = FakePhone(
            scenario,
            timeline=self.timeline,
            trace=self.trace,
            rng=self._random("caller" if not number else f"caller {number + 1}"),
            connect=self._connect,
            order=order,
            auth_token=auth_token,
            account_sid=account_sid,
            sid=sid,
        )
        self._phones.append(phone)
        return phone

    def _look_for_end(self) -> None:
        waiting = self._client is not None and not self._client.idle
        if not waiting and all(phone.ended for phone in self._phones):
            self.over.set()

    def _words_heard(self) -> str:
        """What the caller has said since this was asked last."""
        return self._phones[0].take_words() if self._phones else ""

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
        leg = Leg(to_bridge, from_bridge)
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
            self._look_for_end()
        elif event.who == "caller" and event.name == "step":
            self._step, self._step_ms = event.data["index"], event.at_ms

    def _guard(self) -> None:
        """Stop a call that does not end by itself; a scenario says how long it may take."""
        limit_ms = self._scenario.stop_after_ms
        if limit_ms is None:
            replay = self._scenario.replay
            playing_ms = load_clip(replay.clip).duration_ms if replay is not None else 0.0
            limit_ms = max(self._busy_until_ms(), playing_ms) + GUARD_MS
        if self.over.is_set():
            return
        if self.timeline.now_ms < limit_ms:
            self.timeline.at(limit_ms, self._guard)
            return
        self.trace.record("world", "stopped", after_ms=limit_ms)
        self.hang_up()

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

    def left_behind(self, connections: int) -> None:
        """The bridge has not let go of everything long after the line's release."""
        self.trace.record("bridge", "left_behind", connections=connections, sessions=self.sessions)


def note_log_line(trace: Trace, line: dict[str, object]) -> None:
    """A line of our own bridge's log, without the fields that only repeat the event's time."""
    fields = {key: value for key, value in line.items() if key not in LOG_CLOCK_FIELDS}
    record = fields.get("record")
    if fields.get("event") == "call_ended" and isinstance(record, dict):
        trace.record("bridge", "ended", **{**record, "reason": fields["reason"]})
    else:
        trace.record("bridge", "log", **fields)


LOG_CLOCK_FIELDS = frozenset({"time", "level"})


def _strike(timeline: Timeline, leg: Leg, direction: Direction, fault: LinkFault) -> None:
    if fault.kind in ("stall", "hold"):
        direction.stall(fault.duration_ms)
    elif fault.kind == "drop":
        for line in leg.open:
            line.drop()
    else:
        usual_ms = direction.pace.latency_ms
        direction.pace.latency_ms = usual_ms + fault.value_ms

        def recover() -> None:
            direction.pace.latency_ms = usual_ms

        timeline.after(fault.duration_ms, recover)
