"""Load runs over real sockets: our own bridge's process, a slow bridge, a starved generator.

They take real seconds, because a caller does. What depends on this machine's speed is not asserted.
"""

import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from simulator.live.target import Target, load_target
from simulator.load import generator
from simulator.load.command import CONVERSATION, LoadPlan, run_load
from simulator.load.report import LoadResult
from simulator.load.verdict import read_threshold
from simulator.scenario import load_scenarios
from tests.stopped_harness import ROOT, NotedBridge, stopped

RUNS_NULL_BRIDGE = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT)!r})
runpy.run_module("simulator.load.null_bridge", run_name="__main__")
"""
NULL_BRIDGE = ("{python}", "-m", "simulator.load.null_bridge", "{port}", "{realtime_url}")


def a_plan(target: Target, *thresholds: str) -> LoadPlan:
    """Three callers, three seconds."""
    (scenario,), _ = load_scenarios([CONVERSATION])
    wanted = tuple(read_threshold(each) for each in thresholds)
    return LoadPlan(target, scenario, 3, 0.3, 3.0, wanted)


def null_bridge(*options: str) -> Target:
    """The smallest bridge."""
    return Target("null", webhook="/", command=(*NULL_BRIDGE, *options))


def passed(result: LoadResult, threshold: str) -> bool:
    """How one of its thresholds came out."""
    (found,) = (each for each in result.judgement.thresholds if each.text == threshold)
    return found.passed


async def test_three_callers_talk_to_our_own_bridge() -> None:
    """Its real process: nothing lost, nobody mixed up, no session left, CPU and memory known."""
    result = await run_load(a_plan(load_target("ours")))
    books, metrics = result.books, result.metrics

    assert books.errors == {}
    assert books.totals["calls"] == 3
    assert books.relay_up_ms.count > 100
    assert books.response_latency_ms.count > 0
    assert books.lost_percent("up") == books.lost_percent("down") == 0
    assert result.measured.leaked == 0
    for name in ("bridge_cpu_percent_per_call", "bridge_memory_mib"):
        assert getattr(metrics[name], "largest", 0) > 0


async def test_a_slow_bridge_is_seen() -> None:
    """150 ms too late in both directions: both relay thresholds fail, nothing is lost."""
    up, down = "relay_up_ms: min<150", "relay_down_ms: min<150"
    result = await run_load(a_plan(null_bridge("--delay-ms", "150"), up, down))

    assert result.books.errors == {}
    assert not passed(result, up)
    assert not passed(result, down)
    assert result.books.lost_percent("up") == 0
    assert result.judgement.verdict != "passed"


async def test_a_starved_generator_does_not_judge() -> None:
    """Something takes the processor for 60 ms again and again: the verdict is inconclusive."""

    async def hog() -> None:
        while True:
            until_s = time.perf_counter() + 0.06
            while time.perf_counter() < until_s:
                pass
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hog)
        result = await run_load(a_plan(null_bridge(), "relay_up_ms: max<1000"))
        nursery.cancel_scope.cancel()

    assert result.judgement.verdict == "inconclusive"
    assert "late" in result.judgement.why_not[0]


async def test_sessions_left_open_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge that forgets its sessions when the caller hangs up has leaked each of them."""
    monkeypatch.setattr(generator, "LEAK_S", 0.3)
    result = await run_load(replace(a_plan(null_bridge("--leak")), for_s=1.0))

    assert result.measured.leaked == 3
    assert not passed(result, "leaked_sessions: count==0")


async def test_a_bridge_that_dies_is_told_with_its_last_words() -> None:
    """The run ends at once, failed, and says what the process printed."""
    script = (
        "import socket, time; s = socket.create_server(('127.0.0.1', {port})); s.accept(); "
        "s.accept(); print('out of cheese'); raise SystemExit(7)"
    )
    target = Target("dying", webhook="/", command=("{python}", "-c", script))
    began_s = time.perf_counter()
    result = await run_load(a_plan(target))

    assert time.perf_counter() - began_s < 30
    assert "out of cheese" in result.measured.bridge_died
    assert result.books.errors["bridge_died"].count == 1
    assert result.judgement.verdict != "passed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    """In the middle of a load: exit 3, and the bridge is gone."""
    bridge = NotedBridge(tmp_path, RUNS_NULL_BRIDGE)
    target = tmp_path / "null.target.yaml"
    target.write_text(
        f'command: ["{{python}}", {bridge.program}, "{{port}}", "{{realtime_url}}"]\nwebhook: /\n',
        "utf-8",
    )
    work = ("load", str(target), "--calls", "1", "--for", "60s")
    code, said = stopped(bridge, number, *work)

    assert code == 3, said
    assert "stopped; the bridge's process is ended" in said
    assert not bridge.alive
