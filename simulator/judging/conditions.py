"""What the network of a scenario can do to a message, as bounds the judge may rely on.

Owns latency bounds per leg and direction, and when a leg was stalled, held or dropped. A link keeps
order and delays each message by its latency plus or minus its jitter, never below zero; a `latency`
fault adds its value for a while. So `longest_ms` bounds every message unless an outage overlaps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from simulator.judging.observer import Observer
from simulator.judging.terms import IN_A_WORLD, Terms
from simulator.scenario.format import LinkSetup, ModelSetup, Scenario
from simulator.trace import Event

ROUNDING_MS = 1.0
"""No waiting may be added by the bridge; this much is forgiven to rounding."""


@dataclass(frozen=True, slots=True)
class Way:
    """One direction of one leg. `nominal_ms` is what a message takes without jitter and faults.

    `scheduling_ms`: what real sockets and schedulers may add; nothing in virtual time.
    """

    nominal_ms: float = 0.0
    jitter_ms: float = 0.0
    added_ms: float = 0.0
    scheduling_ms: float = 0.0

    @classmethod
    def of(cls, link: LinkSetup, scheduling_ms: float = 0.0) -> Way:
        """The bounds of a scenario's link."""
        added_ms = sum(fault.value_ms for fault in link.faults if fault.kind == "latency")
        return cls(link.latency_ms, link.jitter_ms, added_ms, scheduling_ms)

    @property
    def longest_ms(self) -> float:
        """No message takes longer, unless an outage overlaps."""
        return self.nominal_ms + self.jitter_ms + self.added_ms + self.scheduling_ms

    @property
    def shortest_ms(self) -> float:
        """No message takes less."""
        return max(0.0, self.nominal_ms - self.jitter_ms)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The bounds of all four ways, and what the scenario provokes on purpose.

    `allow`: law (or "law:detail") -> reason. `scripted_errors`: error codes the scenario makes the
    model's server send. `admission_refused`: the session is refused on purpose. `outages_ms`: (leg,
    direction, kind) -> how long the longest such fault lasts.
    """

    twilio_in: Way = Way()
    twilio_out: Way = Way()
    realtime_in: Way = Way()
    realtime_out: Way = Way()
    allow: dict[str, str] = field(default_factory=dict)
    outages_ms: dict[tuple[str, str, str], float] = field(default_factory=dict)
    scripted_errors: frozenset[str] = frozenset()
    admission_refused: bool = False
    scheduling_ms: float = 0.0

    @classmethod
    def of(cls, scenario: Scenario, terms: Terms = IN_A_WORLD) -> Conditions:
        """What `scenario` says about the network, the model's faults and its exceptions."""
        real_ms = terms.scheduling_ms
        network, model = scenario.network, scenario.model
        outages_ms: dict[tuple[str, str, str], float] = {}
        for leg, setup in (("twilio", network.twilio), ("realtime", network.realtime)):
            for way, link in (("to_bridge", setup.to_bridge), ("from_bridge", setup.from_bridge)):
                for fault in link.faults:
                    key = (leg, way, fault.kind)
                    outages_ms[key] = max(fault.duration_ms, outages_ms.get(key, 0.0))
        return cls(
            twilio_in=Way.of(network.twilio.to_bridge, real_ms),
            twilio_out=Way.of(network.twilio.from_bridge, real_ms),
            realtime_in=Way.of(network.realtime.to_bridge, real_ms),
            realtime_out=Way.of(network.realtime.from_bridge, real_ms),
            allow={**terms.excused(), **scenario.expect.allow},
            outages_ms=outages_ms,
            scripted_errors=frozenset(fault.code for fault in model.faults if fault.code),
            admission_refused=_refuses(model),
            scheduling_ms=real_ms,
        )

    @property
    def caller_relay_ms(self) -> float:
        """The longest a caller's frame takes from Twilio to the model through a prompt bridge."""
        return self.twilio_in.longest_ms + self.realtime_out.longest_ms + ROUNDING_MS

    @property
    def agent_relay_ms(self) -> float:
        """The longest a delta takes from the model to Twilio through a prompt bridge."""
        return self.realtime_in.longest_ms + self.twilio_out.longest_ms + ROUNDING_MS

    @property
    def twilio_round_trip_ms(self) -> float:
        """The longest to the bridge and back to Twilio."""
        return self.twilio_in.longest_ms + self.twilio_out.longest_ms

    @property
    def realtime_round_trip_ms(self) -> float:
        """The longest to the bridge and back to the model's server."""
        return self.realtime_in.longest_ms + self.realtime_out.longest_ms

    @property
    def heard_tolerance_ms(self) -> float:
        """How far a bridge's estimate of what was heard may lie above the truth.

        One 20 ms frame, and the jitter of Twilio's link twice: once in the round trip that was
        measured, once in the delay of the clear itself. Added latency (a fault) is not measured yet
        when it strikes, so it counts in full. What real scheduling may add is jitter too, once.
        """
        jitter_ms = self.twilio_in.jitter_ms + self.twilio_out.jitter_ms + self.scheduling_ms / 2
        return 20.0 + 2 * jitter_ms + self.twilio_in.added_ms + self.twilio_out.added_ms


def _refuses(model: ModelSetup) -> bool:
    """Whether a session is refused on purpose."""
    refused = any(outcome != "ok" for outcome in model.attempts)
    return refused or model.refuse is not None or model.require_key is not None


class Outages(Observer):
    """When links were stalled, held or dropped, from the trace's `link.*` events.

    How long an outage lasts comes from the event (`duration_ms`), a later `link.release`, or the
    scenario; else it lasts for ever. A drop is over at once: what comes later is a new connection.
    """

    def __init__(self, outages_ms: Mapping[tuple[str, str, str], float] | None = None) -> None:
        super().__init__()
        self._outages_ms = dict(outages_ms or {})
        self.spans: list[tuple[str, float, float]] = []
        for name in ("stall", "hold", "drop"):
            self.on(f"link.{name}", self._began)
        self.on("link.release", self._over)

    def overlap(self, from_ms: float, to_ms: float, *legs: str) -> bool:
        """Whether one of `legs` was out at some time between the two moments."""
        return any(
            leg in legs and began <= to_ms and ended >= from_ms for leg, began, ended in self.spans
        )

    def _began(self, event: Event) -> None:
        leg = str(event.data.get("leg", ""))
        key = (leg, str(event.data.get("direction", "")), event.name)
        known_ms = 0.0 if event.name == "drop" else self._outages_ms.get(key, inf)
        duration_ms = float(event.data.get("duration_ms", known_ms))
        self.spans.append((leg, event.at_ms, event.at_ms + duration_ms))

    def _over(self, event: Event) -> None:
        leg = event.data.get("leg")
        self.spans = [
            (was, began, min(ended, event.at_ms) if was == leg else ended)
            for was, began, ended in self.spans
        ]
