"""The load generator's own capacity, and what our bridge costs a call; real time, real sockets.

200 calls against a bridge that does nothing but pass on (`simulator.load.null_bridge`), generator
and bridge each on a processor of its own; then 30 calls against our own bridge. Each takes its
seconds, so there are at most three runs of the first and one of the second.
"""

import argparse
import os
from collections.abc import Iterator

import trio

from benchmarks.figures import figure
from simulator.live.target import Target, load_target
from simulator.load.command import CONVERSATION, LoadPlan, run_load
from simulator.load.histogram import Histogram
from simulator.load.report import LoadResult
from simulator.scenario import load_scenarios

RUNS_MAX = 3
CAPACITY_CALLS = 200
BRIDGE_CALLS = 30
RAMP_S = 5.0
HOLD_S = 10.0
NULL_BRIDGE = Target(
    "null bridge",
    webhook="/",
    command=("{python}", "-m", "simulator.load.null_bridge", "{port}", "{realtime_url}"),
)


def measure(runs: int) -> Iterator[str]:
    """The generator's share of a processor and its lateness; the bridge's CPU and memory."""
    results = [_load(NULL_BRIDGE, CAPACITY_CALLS) for _ in range(min(runs, RUNS_MAX))]
    yield f"{CAPACITY_CALLS} calls, null bridge, {_processors()}:"
    yield from _generator(results)
    ours = _load(load_target("ours"), BRIDGE_CALLS)
    yield f"{BRIDGE_CALLS} calls, our bridge: {ours.judgement.verdict}"
    yield from _generator([ours])
    yield from _bridge(ours)


def _processors() -> str:
    processors = sorted(os.sched_getaffinity(0))
    return "one processor each" if len(processors) > 1 else "both on the only processor"


def _load(target: Target, calls: int) -> LoadResult:
    (scenario,), problems = load_scenarios([CONVERSATION])
    assert not problems
    processors = sorted(os.sched_getaffinity(0))
    plan = LoadPlan(
        target, scenario, calls, RAMP_S, HOLD_S, model_cpu=processors[0], bridge_cpu=processors[-1]
    )
    try:
        return trio.run(run_load, plan)
    finally:
        os.sched_setaffinity(0, processors)


def _generator(results: list[LoadResult]) -> Iterator[str]:
    shares = [100 * each.measured.own_cpu_share for each in results]
    late = [each.books.send_late_ms for each in results]
    rates = [
        each.count / result.measured.held_s for each, result in zip(late, results, strict=True)
    ]
    yield f"  generator: {figure(shares, '% of a processor', 0)}"
    yield f"  frames sent: {figure(rates, 'a second', 0)}"
    yield f"  of these late, p95: {figure([each.percentile(95) for each in late], 'ms')}"
    yield f"               worst: {figure([each.largest for each in late], 'ms')}"
    unable = [reason for each in results for reason in each.judgement.why_not]
    yield from (f"  inconclusive: {reason}" for reason in unable)


def _bridge(result: LoadResult) -> Iterator[str]:
    def median(name: str) -> float:
        values = result.metrics[name]
        assert isinstance(values, Histogram)
        return values.aggregate("med")

    yield f"  bridge: {median('bridge_cpu_percent_per_call'):.2f} % of a processor a call"
    yield f"  bridge: {median('bridge_memory_kib_per_call'):.0f} KiB a call"
    for name in ("relay_up_ms", "relay_down_ms"):
        values = result.metrics[name]
        assert isinstance(values, Histogram)
        yield f"  {name}: p50 {values.percentile(50):.1f}, p95 {values.percentile(95):.1f}"
    yield f"  errors: {result.books.error_count}, sessions leaked: {result.measured.leaked}"


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--runs", type=int, default=1)
    for line in measure(parser.parse_args().runs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
