"""Moments of the call at which a fault may strike."""

import pytest
import trio
import trio.testing

from simulator.cues import Cues
from simulator.scenario.format import Trigger
from simulator.timeline import Timeline
from simulator.trace import Trace


def _say(trace: Trace, what: str) -> None:
    """Record one moment by a short name."""
    match what.split():
        case ["start"]:
            trace.record("twilio", "sent", event="start")
        case ["speaks", turn]:
            trace.record("agent", "started", turn=int(turn))
        case ["stops", turn]:
            trace.record("agent", "stopped", turn=int(turn))
        case ["mark", played]:
            trace.record("twilio", "sent", event="mark", name="m", played=played == "played")
        case ["tool", name]:
            trace.record(
                "realtime", "sent", type="response.function_call_arguments.done", name=name
            )
        case ["closed"]:
            trace.record("twilio", "closed", by="phone", code=1000)


@pytest.mark.parametrize(
    ("trigger", "moments", "due_ms"),
    [
        (Trigger("stream_started"), {100: "start"}, 100),
        (Trigger("at", value_ms=500), {100: "start"}, 600),
        (Trigger("agent_speaking"), {200: "speaks 1"}, 200),
        (Trigger("agent_silent"), {200: "speaks 1", 900: "stops 1"}, 900),
        (Trigger("turn", number=2), {200: "speaks 1", 900: "stops 1", 1500: "speaks 2"}, 1500),
        (Trigger("agent_heard", value_ms=300), {200: "speaks 1"}, 500),
        (
            Trigger("agent_heard", value_ms=300),
            {200: "speaks 1", 400: "stops 1", 1000: "speaks 2"},
            1300,
        ),
        (Trigger("marked"), {100: "mark cleared", 200: "mark played"}, 200),
        (Trigger("marked", number=2), {100: "mark played", 200: "mark played"}, 200),
        (Trigger("tool_called"), {100: "tool weather"}, 100),
        (Trigger("tool_called", name="end_call"), {100: "tool weather", 200: "tool end_call"}, 200),
        (Trigger("stream_ended"), {700: "closed"}, 700),
    ],
)
async def test_a_cue_comes_once_at_its_moment(
    autojump_clock: trio.testing.MockClock, trigger: Trigger, moments: dict[int, str], due_ms: int
) -> None:
    """Each trigger calls back at the moment it names plus the wait, and never again."""
    timeline = Timeline()
    trace = Trace(lambda: timeline.now_ms)
    cues, called = Cues(timeline, trace), []  # type: tuple[Cues, list[float]]
    cues.when(trigger, 50.0, lambda: called.append(round(timeline.now_ms, 3)))
    for at_ms, what in moments.items():
        timeline.at(at_ms, lambda what=what: _say(trace, what))  # type: ignore[misc]
        timeline.at(at_ms + 5000, lambda what=what: _say(trace, what))  # type: ignore[misc]
    with trio.move_on_after(20):
        await timeline.run()

    assert called == [due_ms + 50.0]
