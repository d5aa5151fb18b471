"""What a bridge decided in a call, and how that differs between a record and a trace of today.

Owns what counts as a decision: clear, truncate, cancel, a request for a response, a tool's answer,
the end; and what the model remembers of each item in the end. Times count from the stream's start;
items are numbered by their first sound, since ids differ in every call. Knows no scenario.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from simulator.imports.flight_record import FlightRecord
from simulator.imports.story import Story, spoken
from simulator.scenario.format import NetworkSetup
from simulator.sound import BYTES_PER_MS
from simulator.trace import Event


@dataclass(frozen=True, slots=True)
class Decision:
    """`what` was decided `at_ms`; None = it has no time. `value` in ms, or `text`, says more."""

    what: str
    at_ms: float | None
    value: float | None = None
    text: str = ""

    def __str__(self) -> str:
        """As a table shows it."""
        when = [] if self.at_ms is None else [f"at {self.at_ms / 1000:.2f} s"]
        value = [] if self.value is None else [f"{self.value:.0f} ms"]
        return " ".join([*value, *([self.text] if self.text else []), *when])


@dataclass(frozen=True, slots=True)
class Difference:
    """The same decision then and now; None = it was not taken. `number` counts from 1."""

    what: str
    number: int
    then: Decision | None
    now: Decision | None
    changed: bool


@dataclass(slots=True)
class _Memory:
    """What is generated of each item, and what a truncation leaves of it."""

    generated: dict[str, int] = field(default_factory=dict)
    kept: dict[str, float] = field(default_factory=dict)

    def decisions(self) -> list[Decision]:
        found = []
        for number, (item_id, size) in enumerate(self.generated.items(), 1):
            made_ms = size / BYTES_PER_MS
            left_ms = min(self.kept.get(item_id, made_ms), made_ms)
            found.append(Decision("memory", None, left_ms, f"of item {number}"))
        return found


def decisions_of_record(record: FlightRecord, story: Story) -> list[Decision]:
    """What was decided then."""
    memory = _Memory()
    for item in spoken(story.responses):
        memory.generated[item.item_id] = len(item.audio)
    found: list[Decision] = []
    for moment in record.moments:
        at_ms, message = moment.at_ms - story.started_ms, moment.message
        if moment.way != "out":
            continue
        if moment.kind == "clear":
            found.append(Decision("clear", at_ms))
        found += _of_event(memory, moment.kind, message, at_ms)
    if story.reason:
        found.append(Decision("end", story.ended_ms - story.started_ms, None, story.reason))
    return found + memory.decisions()


def _of_event(
    memory: _Memory, kind: str, message: dict[str, object], at_ms: float
) -> list[Decision]:
    """What one of the bridge's events for the model decides."""
    match kind:
        case "conversation.item.truncate":
            item_id, end_ms = str(message.get("item_id")), message.get("audio_end_ms")
            kept_ms = float(end_ms) if isinstance(end_ms, int | float) else 0.0
            memory.kept[item_id] = min(kept_ms, memory.kept.get(item_id, kept_ms))
            return [Decision("truncate", at_ms, kept_ms)]
        case "response.cancel":
            return [Decision("cancel", at_ms)]
        case "response.create":
            return [Decision("request", at_ms)]
        case "conversation.item.create":
            item = message.get("item")
            kind = str(item.get("type") if isinstance(item, dict) else message.get("item_type"))
            what = "tool answer" if kind == "function_call_output" else "message"
            return [Decision(what, at_ms)]
    return []


class TraceReader:
    """An observer of today's call.

    A record has the bridge's times, a trace the fakes': what the bridge sends is seen one way
    later, and the stream's start was sent one way earlier.
    """

    def __init__(self, network: NetworkSetup) -> None:
        self._start_ms = start_ms = network.twilio.to_bridge.latency_ms
        self._twilio_ms = start_ms + network.twilio.from_bridge.latency_ms
        self._realtime_ms = start_ms + network.realtime.from_bridge.latency_ms
        self._memory = _Memory()
        self._found: list[Decision] = []
        self._started_ms = 0.0

    def __call__(self, event: Event) -> None:
        """Take one more event."""
        data, at_ms = event.data, event.at_ms - self._started_ms
        match event.who, event.name:
            case "twilio", "sent" if data.get("event") == "start":
                self._started_ms = event.at_ms
            case "twilio", "received" if data.get("event") == "clear":
                self._found.append(Decision("clear", at_ms - self._twilio_ms))
            case "realtime", "received":
                kind, at_ms = str(data.get("type")), at_ms - self._realtime_ms
                self._found += _of_event(self._memory, kind, data, at_ms)
            case "realtime", "sent" if data.get("type") == "response.output_audio.delta":
                generated = self._memory.generated
                item_id = str(data["item_id"])
                generated[item_id] = generated.get(item_id, 0) + len(data["audio"])
            case "bridge", "ended":
                reason = str(data.get("reason"))
                self._found.append(Decision("end", at_ms - self._start_ms, None, reason))

    def decisions(self) -> list[Decision]:
        """What was decided today."""
        return self._found + self._memory.decisions()


def counts(decisions: Iterable[Decision]) -> Counter[str]:
    """How often each thing was decided."""
    return Counter(decision.what for decision in decisions)


def differences(
    then: Sequence[Decision], now: Sequence[Decision], tolerance_ms: float
) -> list[Difference]:
    """Each decision beside its like, the first clear with the first clear and so on.

    Changed is what was decided only once of twice, otherwise, or more than `tolerance_ms` apart, in
    time or in value.
    """
    found = []
    for what in dict.fromkeys(decision.what for decision in (*then, *now)):
        mine = [decision for decision in then if decision.what == what]
        theirs = [decision for decision in now if decision.what == what]
        for number, (one, two) in enumerate(zip_longest(mine, theirs), 1):
            changed = one is None or two is None or _differ(one, two, tolerance_ms)
            found.append(Difference(what, number, one, two, changed))
    return found


def _differ(one: Decision, two: Decision, tolerance_ms: float) -> bool:
    pairs = ((one.at_ms, two.at_ms), (one.value, two.value))
    apart = any(
        then is not None and now is not None and abs(then - now) > tolerance_ms
        for then, now in pairs
    )
    return apart or one.text != two.text
