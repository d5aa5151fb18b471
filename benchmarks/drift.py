"""How exactly the model's memory matches what was heard (the playhead), 60 ms +/- 30 ms to Twilio.

Every barge-in scenario of the repository whose Twilio leg has that latency and jitter, twenty seeds
each; one sample per item of which the caller heard only a part.
"""

import statistics
from collections.abc import Iterator

from benchmarks import calls
from simulator.clock import run_virtually
from simulator.judging.judge import Judge
from simulator.judging.metrics.samples import percentile
from simulator.scenario import Scenario
from simulator.scenario.format import LinkSetup
from simulator.world import World

SEEDS = 20
LINK = LinkSetup(latency_ms=60.0, jitter_ms=30.0)


def measure(runs: int) -> Iterator[str]:
    """Median and extremes over all samples. `runs` is ignored: seeds repeat exactly."""
    del runs
    scenarios = [each for each in calls.shipped("barge-in") if _is_usual(each)]
    samples = []
    for scenario in scenarios:
        for seed in range(SEEDS):
            samples += _drifts(scenario, seed)
    errors = sorted(abs(value) for value in samples)
    yield f"{len(scenarios)} calls x {SEEDS} seeds, {len(samples)} items heard in part"
    median, p95 = percentile(errors, 50), percentile(errors, 95)
    yield f"|memory_drift_ms|: median {median:.1f}, p95 {p95:.1f}, max {errors[-1]:.1f}"
    yield f"                   mean, signed: {statistics.fmean(samples):+.1f}"


def _is_usual(scenario: Scenario) -> bool:
    leg = scenario.network.twilio
    return leg.to_bridge == LINK and leg.from_bridge == LINK


def _drifts(scenario: Scenario, seed: int) -> list[float]:
    async def one_call() -> list[float]:
        world = World(scenario, seed)
        judge = Judge(scenario, world.trace)
        await world.play()
        judge.result(seed=seed, simulated_ms=world.timeline.now_ms, wall_s=0.0)
        return judge.metrics.samples["memory_drift_ms"].values

    return run_virtually(one_call, seed=seed)
