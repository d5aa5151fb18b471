"""The harness's own lateness: what counts, and when nothing may be concluded."""

import math
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from simulator.live.lateness import Lateness, LiveTimeline
from simulator.live.starvation import StarvationWatch

KERNEL_TELLS = Path("/proc/self/schedstat").exists()


def of(*late_ms: float) -> Lateness:
    """Samples, one a frame."""
    lateness = Lateness()
    for number, ms in enumerate(late_ms):
        lateness.add(20.0 * number, ms)
    return lateness


def test_a_machine_that_keeps_up_may_judge() -> None:
    """A millisecond of lateness is what a timer has anyway."""
    lateness = of(*[1.0] * 99, 30.0)

    assert lateness.verdict() == ""
    assert lateness.summary()["count"] == 100
    assert lateness.summary()["p50"] == 1.0
    assert lateness.summary()["max"] == 30.0


def test_one_long_pause_proves_nothing() -> None:
    """Above 40 ms a single lateness could have made or hidden what was measured."""
    said = of(*[0.0] * 999, 41.0).verdict()

    assert "at 19.980 s it was 41.0 ms late (allowed: 40 ms)" in said


def test_many_short_ones_prove_nothing() -> None:
    """One in a hundred later than half a frame."""
    said = of(*[0.0] * 97, 11.0, 11.0, 11.0).verdict()

    assert "one in a hundred of its actions was 11.0 ms late or more (allowed: 10 ms)" in said


def test_what_was_late_before_the_stream_or_after_the_call_does_not_count() -> None:
    """Only from `begin` to `end`."""
    lateness = of(500.0)
    lateness.begin()
    lateness.add(0.0, 1.0)
    lateness.end()
    lateness.add(20.0, 500.0)

    assert lateness.verdict() == ""
    assert lateness.summary() == {
        "count": 1,
        "p50": 1.0,
        "p95": 1.0,
        "p99": 1.0,
        "max": 1.0,
        "bridge_waited": 0.0,
    }


def test_a_bridge_that_had_no_processor_proves_nothing() -> None:
    """It shares the machine; its waiting is not its slowness."""
    lateness = of(1.0)
    lateness.bridge_waited(1_200.0, 39.0)
    enough = lateness.verdict()
    lateness.bridge_waited(2_300.0, 61.0)

    assert enough == ""
    assert "the bridge waited for a processor for 61 ms" in lateness.verdict()
    assert lateness.summary()["bridge_waited"] == 61.0


async def test_the_kernel_tells_how_long_a_process_waited(autojump_clock: MockClock) -> None:
    """Ten times a second; a process that is gone is not asked again."""
    lateness = Lateness()
    timeline = LiveTimeline(lateness)
    StarvationWatch(os.getpid(), timeline, lateness)
    asked = timeline.next_s - trio.current_time()
    nobody = LiveTimeline(Lateness())
    StarvationWatch(2**22 + 1, nobody, Lateness())

    assert asked == pytest.approx(0.1 if KERNEL_TELLS else math.inf)
    assert nobody.next_s == math.inf
    assert lateness.summary()["bridge_waited"] == 0.0


def test_a_call_without_a_callback_was_not_late() -> None:
    """Nothing due, nothing late."""
    assert Lateness().summary()["count"] == 0
    assert Lateness().verdict() == ""


@pytest.mark.parametrize(("asked_ms", "late_ms"), [(20.0, 30.0), (45.0, 5.0)])
async def test_a_timeline_measures_its_callbacks(
    mock_clock: MockClock, asked_ms: float, late_ms: float
) -> None:
    """Due against fired; here the whole program was busy until 50 ms."""
    lateness = Lateness()
    timeline = LiveTimeline(lateness)
    timeline.at(asked_ms, lambda: None)
    mock_clock.jump(0.050)
    timeline.fire()

    assert lateness.summary()["max"] == pytest.approx(late_ms)


async def test_a_live_timeline_has_todays_date() -> None:
    """What callbacks and REST tell in real time are real dates, not those of a simulated world."""
    date = LiveTimeline(Lateness()).date

    assert abs((date - datetime.now(UTC)).total_seconds()) < 60


async def test_what_is_wanted_at_once_is_not_measured(mock_clock: MockClock) -> None:
    """But a grid that has fallen behind is, by how much."""
    lateness = Lateness()
    timeline = LiveTimeline(lateness)
    mock_clock.jump(0.1)
    timeline.after(0.0, lambda: None)
    at_once = lateness.summary()["count"]
    timeline.at(70.0, lambda: None)

    assert at_once == 0
    assert lateness.summary()["max"] == pytest.approx(30.0)
    assert trio.current_time() == pytest.approx(0.1)
