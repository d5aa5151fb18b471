"""What a call looked like over time: the drawing's data, bounded, without audio.

Owns which events are drawn and on which lane. Knows nothing of SVG.
"""

from dataclasses import dataclass, field
from math import inf

from simulator.judging import readings
from simulator.judging.observer import Observer
from simulator.trace import Event

PER_LANE_MAX = 1500
"""Bars or ticks kept per lane; a long call's drawing stays readable and small."""

LANES = ("caller", "agent", "model", "interruptions", "marks", "tools", "line")


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch on a lane. `style`: caller, agent, response, cancelled, failed, outage."""

    lane: str
    from_ms: float
    to_ms: float
    style: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on a lane. `style`: see `drawing.py`."""

    lane: str
    at_ms: float
    style: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class CallChart:
    """Bars and ticks of one call, from 0 to `to_ms`. `stopped`: it did not end by itself."""

    bars: tuple[Bar, ...] = ()
    ticks: tuple[Tick, ...] = ()
    to_ms: float = 0.0
    stopped: bool = False


@dataclass(slots=True)
class _Lane:
    bars: list[Bar] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)


class ChartRecorder(Observer):
    """Collects the drawing's data event by event."""

    def __init__(self) -> None:
        super().__init__()
        self._lanes = {lane: _Lane() for lane in LANES}
        self._speaking: tuple[float, str] | None = None
        self._responses: dict[str, float] = {}
        self._outages: dict[str, tuple[float, str]] = {}
        self._was_stopped = False
        self.on("world.stopped", self._stopped)
        self.on("caller.speech_started", self._caller_speaks)
        self.on("caller.speech_ended", self._caller_stops)
        self.on("agent.audible", self._agent_audible)
        self.on("realtime.sent", self._response_began, "response.created")
        self.on("realtime.sent", self._response_done, "response.done")
        for name in ("stall", "hold", "drop"):
            self.on(f"link.{name}", self._outage)
        self.on("link.release", self._outage_over)
        self._on_ticks()

    def chart(self, to_ms: float) -> CallChart:
        """The drawing's data; what is still open ends at `to_ms`."""
        if self._speaking is not None:
            began, clip = self._speaking
            self._bar("caller", began, to_ms, "caller", clip)
        for name, began in self._responses.items():
            self._bar("model", began, to_ms, "response", f"{name} (unfinished)")
        for leg, (began, kind) in self._outages.items():
            self._bar("line", began, to_ms, "outage", f"{kind} {leg}")
        self._speaking = None
        self._responses.clear()
        self._outages.clear()
        bars = [bar for lane in self._lanes.values() for bar in lane.bars]
        ticks = [tick for lane in self._lanes.values() for tick in lane.ticks]
        return CallChart(tuple(bars), tuple(ticks), to_ms, self._was_stopped)

    def _on_ticks(self) -> None:
        """One line per kind of moment: source, kind, lane, style, label."""
        sent, got = "realtime.sent", "realtime.received"
        for source, kind, lane, style, label in (
            (
                sent,
                "input_audio_buffer.speech_started",
                "interruptions",
                "speech",
                "speech_started",
            ),
            (sent, "conversation.item.truncated", "interruptions", "truncated", "truncated"),
            (got, "conversation.item.truncate", "interruptions", "truncate", "truncate"),
            ("twilio.received", "clear", "interruptions", "clear", "clear"),
            ("twilio.sent", "mark", "marks", "mark", "mark returned"),
            ("twilio.sent", "dtmf", "caller", "key", "key"),
            (got, "response.create", "model", "request", "response.create"),
            (sent, "response.function_call_arguments.done", "tools", "call", "tool called"),
            (sent, "error", "model", "error", "error"),
            ("twilio.sent", "start", "line", "start", "stream started"),
            ("twilio.sent", "stop", "line", "stop", "stream stopped"),
            ("twilio.warning", "", "line", "error", "Twilio warning"),
            ("phone.rest", "", "line", "rest", "REST"),
            ("world.stopped", "", "line", "stopped", "stopped, for nobody ended it"),
            ("phone.ended", "", "line", "hangup", "line released"),
            ("realtime.upgraded", "", "line", "start", "session connected"),
            ("realtime.closed", "", "line", "stop", "session closed"),
        ):
            self._tick_on(source, kind, lane, style, label)

    def _tick_on(self, source: str, kind: str, lane: str, style: str, label: str) -> None:
        def tick(event: Event) -> None:
            ticks = self._lanes[lane].ticks
            if len(ticks) < PER_LANE_MAX:
                ticks.append(Tick(lane, event.at_ms, _style(style, event), _label(label, event)))

        self.on(source, tick, *([kind] if kind else []))

    def _bar(self, lane: str, from_ms: float, to_ms: float, style: str, label: str = "") -> None:
        bars = self._lanes[lane].bars
        if len(bars) < PER_LANE_MAX:
            bars.append(Bar(lane, from_ms, to_ms, style, label))

    def _caller_speaks(self, event: Event) -> None:
        self._speaking = (event.at_ms, str(event.data.get("clip", "")))

    def _caller_stops(self, event: Event) -> None:
        if self._speaking is not None:
            began, clip = self._speaking
            self._bar("caller", began, event.at_ms, "caller", clip)
            self._speaking = None

    def _agent_audible(self, event: Event) -> None:
        self._bar("agent", event.data["from_ms"], event.data["to_ms"], "agent")

    def _response_began(self, event: Event) -> None:
        self._responses[readings.response_id(event.data)] = event.at_ms

    def _response_done(self, event: Event) -> None:
        name = readings.response_id(event.data)
        began = self._responses.pop(name, event.at_ms)
        status = readings.response_status(event.data)
        style = status if status in ("cancelled", "failed") else "response"
        self._bar("model", began, event.at_ms, style, f"{name} {status}".strip())

    def _stopped(self, _event: Event) -> None:
        self._was_stopped = True

    def _outage(self, event: Event) -> None:
        leg = f"{event.data.get('leg', '')} {event.data.get('direction', '')}".strip()
        duration_ms = event.data.get("duration_ms")
        if duration_ms is not None and float(duration_ms) < inf:
            ended = event.at_ms + float(duration_ms)
            self._bar("line", event.at_ms, ended, "outage", f"{event.name} {leg}")
        else:
            self._outages[leg] = (event.at_ms, event.name)

    def _outage_over(self, event: Event) -> None:
        leg = f"{event.data.get('leg', '')} {event.data.get('direction', '')}".strip()
        if leg in self._outages:
            began, kind = self._outages.pop(leg)
            self._bar("line", began, event.at_ms, "outage", f"{kind} {leg}")


def _style(style: str, event: Event) -> str:
    if style == "mark" and event.data.get("played") is False:
        return "echo"
    return style


def _label(label: str, event: Event) -> str:
    data = event.data
    facts = [
        f"{name} {data[name]}"
        for name in ("audio_end_ms", "code", "by", "status", "digit", "name", "dropped_ms")
        if data.get(name) not in (None, "")
    ]
    return ", ".join((label, *facts))
