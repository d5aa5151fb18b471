"""Peak memory of an hour-long call beside a five-minute one, each in a process of its own."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path

from benchmarks import calls
from simulator.runner import Job, play
from simulator.scenario import Scenario

KIB_PER_MIB = 1024


def _peak_mib(scenario: Scenario) -> float:
    """Of this process alone: what `getrusage` tells, a child inherits from its parent (Linux)."""
    play(Job(scenario, 0))
    status = Path("/proc/self/status").read_text("ascii")
    (peak_kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak_kib) / KIB_PER_MIB


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
