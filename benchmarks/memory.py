"""Peak memory of an hour-long call beside a five-minute one, each in a process of its own."""

import multiprocessing
import resource
from collections.abc import Iterator

from benchmarks import calls
from simulator.runner import Job, play
from simulator.scenario import Scenario

KIB_PER_MIB = 1024


def _peak_mib(scenario: Scenario) -> float:
    play(Job(scenario, 0))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB


def measure(runs: int) -> Iterator[str]:
    """One run each: memory does not depend on the machine's load."""
    del runs
    hour = calls.hour(dtx=False)
    context = multiprocessing.get_context("spawn")
    peaks = []
    for scenario in (calls.written(calls.FIVE_MINUTES), hour):
        with context.Pool(1) as pool:
            peaks.append(pool.apply(_peak_mib, (scenario,)))
        yield f"{scenario.name}: {peaks[-1]:.1f} MiB"
    yield f"ratio: {peaks[1] / peaks[0]:.3f}"
